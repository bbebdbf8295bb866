//! An engine on a simulated disk, driven one submission at a time.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "each test uses a part of it"
)]

use onhand_engine::ask::{
    Answer, Ask, CancelAsk, ChannelAsk, LocationAsk, Movement, OrderAsk, ReadAnswer, ReadAsk, ShipAsk,
    SkuAsk, StockAsk, StockRead, Submission,
};
use onhand_engine::clock::ManualClock;
use onhand_engine::config::QueueLimits;
use onhand_engine::directory::Directory;
use onhand_engine::domain::event::NewClaims;
use onhand_engine::domain::order::Policy;
use onhand_engine::domain::sku::StockState;
use onhand_engine::domain::{ChannelNumber, LocationNumber, MerchantNumber, OrderId, SkuNumber};
use onhand_engine::keys::{KeyKind, Known, hash_of};
use onhand_engine::record::encode_into;
use onhand_engine::record::order::{LineAskedV1, OrderAskedV1};
use onhand_engine::secrets::Fingerprints;
use onhand_engine::snapshots::storage::SimStorage;
use onhand_engine::snapshots::{Disk, Lsn};
use onhand_engine::{Engine, EngineConfig, Handle, Inbox, Item, OnFailure, StartError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether an engine of this test binary lost its log; only tests that provoke it read it.
static FAILED: AtomicBool = AtomicBool::new(false);

pub fn config(shards: usize) -> EngineConfig {
    EngineConfig {
        shards,
        segment_bytes: 2 << 20,
        snapshot_segments: 4,
        queues: QueueLimits { merchant_max: 100, total_max: 200 },
    }
}

pub fn try_start(storage: Arc<SimStorage>, shards: usize) -> Result<Engine, StartError> {
    let clock = Arc::new(ManualClock::at(1_700_000_000_000));
    let on_failure: OnFailure = Arc::new(|_| FAILED.store(true, Ordering::SeqCst));
    Engine::start(
        Disk::simulated(&storage),
        Fingerprints::with_key([3; 32]),
        clock,
        &config(shards),
        on_failure,
    )
}

pub fn start(storage: Arc<SimStorage>, shards: usize) -> Engine {
    try_start(storage, shards).expect("the engine starts")
}

/// One merchant's client.
pub struct Client {
    pub handle: Handle,
    pub merchant: MerchantNumber,
    pub directory: Arc<Directory>,
    inbox: Arc<Inbox>,
    /// Set when the log of this test's engine failed.
    failed: &'static AtomicBool,
    runtime: tokio::runtime::Runtime,
}

impl Client {
    pub fn of(engine: &Engine, merchant: &str) -> Self {
        let handle = engine.handle();
        let number = match handle.registry().merchant(merchant) {
            Some(number) => number,
            None => handle.create_merchant(merchant).unwrap(),
        };
        let directory = handle.directory(number).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self { handle, merchant: number, directory, inbox: Arc::default(), failed: &FAILED, runtime }
    }

    /// Submits one and waits for its answer.
    pub fn ask_with(&self, ask: Ask, idempotency: Option<&str>) -> Answer {
        self.submit(ask, idempotency, Known::default())
    }

    pub fn submit(&self, ask: Ask, idempotency: Option<&str>, known: Known) -> Answer {
        self.handle.admit(&self.directory).unwrap();
        let idempotency =
            idempotency.map(|key| self.handle.fingerprints().idempotency(self.merchant, key.as_bytes()));
        let known = (known != Known::default()).then(|| Box::new(known));
        let submission = Submission {
            names: self.directory.names(),
            actor: 0,
            stage: 0,
            request: [1; 16],
            idempotency,
            fingerprint: None,
            known,
            ask,
        };
        self.handle.submit(&self.inbox, &self.directory, vec![Item::new(7, submission)]);
        self.runtime.block_on(self.inbox.arrived());
        let (ticket, answer) = self.inbox.take().next().unwrap();
        assert_eq!(ticket, 7);
        answer
    }

    /// Submits lines of one bulk body and waits for their answers.
    pub fn submit_lines(&self, stage: u32, lines: Vec<(Ask, &str, Known)>) -> Vec<Answer> {
        let count = lines.len();
        let item = |(ask, key, known): (Ask, &str, Known)| {
            self.handle.admit(&self.directory).unwrap();
            let idempotency = Some(self.idempotency(key));
            let (names, actor, request, fingerprint) = (self.directory.names(), 0, [2; 16], None);
            let known = (known != Known::default()).then(|| Box::new(known));
            Item::new(7, Submission { names, actor, stage, request, idempotency, fingerprint, known, ask })
        };
        let items = lines.into_iter().map(item).collect();
        self.handle.submit(&self.inbox, &self.directory, items);
        let mut answers = Vec::new();
        while answers.len() < count {
            self.runtime.block_on(self.inbox.arrived());
            answers.extend(self.inbox.take().map(|(_, answer)| answer));
        }
        answers
    }

    pub fn idempotency(&self, key: &str) -> [u8; 16] {
        self.handle.fingerprints().idempotency(self.merchant, key.as_bytes())
    }

    /// A key that is new, and that a filter of the index lets pass all the same.
    pub fn false_hit(&self) -> String {
        let runs = self.handle.index().runs();
        let hash = |key: &String| hash_of(self.merchant, KeyKind::Idempotency, &self.idempotency(key));
        let is_false =
            |key: &String| runs.may_have(hash(key), Lsn::ZERO) && runs.find(hash(key)).unwrap().is_empty();
        (0_u32..10_000_000).map(|number| format!("new-{number}")).find(is_false).unwrap()
    }

    /// Submits one when the log is bound to fail; `None` once the engine has said that it did.
    pub fn try_ask(&self, ask: Ask) -> Option<Answer> {
        self.handle.admit(&self.directory).unwrap();
        let (names, actor, stage, request) = (self.directory.names(), 0, 0, [1; 16]);
        let (idempotency, fingerprint, known) = (None, None, None);
        let submission = Submission { names, actor, stage, request, idempotency, fingerprint, known, ask };
        self.handle.submit(&self.inbox, &self.directory, vec![Item::new(8, submission)]);
        let mut answer = None;
        while answer.is_none() && !self.failed.load(Ordering::SeqCst) {
            answer = self.inbox.take().next();
            std::thread::yield_now();
        }
        answer.or_else(|| self.inbox.take().next()).map(|(_, answer)| answer)
    }

    pub fn ask(&self, ask: Ask) -> Answer {
        self.ask_with(ask, None)
    }

    pub fn location(&self, code: &str) -> LocationNumber {
        let (kind, country) = ("warehouse".into(), "DE".into());
        let ask =
            LocationAsk { code: code.into(), kind, country, region: None, postal_code: None, priority: 1 };
        recorded(&self.ask(Ask::PutLocation(Box::new(ask))));
        self.directory.location(code).unwrap()
    }

    pub fn channel(&self, code: &str, locations: &[LocationNumber]) -> ChannelNumber {
        let (kind, policy) = ("api".into(), Policy::Reject);
        let ask = ChannelAsk { code: code.into(), kind, locations: locations.to_vec(), policy };
        recorded(&self.ask(Ask::PutChannel(Box::new(ask))));
        self.directory.channel(code).unwrap()
    }

    pub fn sku(&self, code: &str) -> SkuNumber {
        let ask =
            SkuAsk { code: code.into(), title: None, unit: None, decimals: 0, gtin: None, tags: Vec::new() };
        recorded(&self.ask(Ask::PutSku(Box::new(ask))));
        self.directory.sku(code).unwrap().number
    }

    pub fn receive(&self, sku: SkuNumber, location: LocationNumber, quantity: u32) -> Lsn {
        self.move_stock(sku, location, Movement::Receive { state: StockState::Sellable, quantity })
    }

    pub fn move_stock(&self, sku: SkuNumber, location: LocationNumber, movement: Movement) -> Lsn {
        let ask = StockAsk { sku, location, movement, reason: "received".into(), reference: None };
        recorded(&self.ask(Ask::MoveStock(ask)))
    }

    pub fn order_ask(
        &self,
        channel: ChannelNumber,
        external_id: &str,
        policy: Policy,
        lines: &[(SkuNumber, u32)],
    ) -> Ask {
        let ids: Vec<String> = (1..=lines.len()).map(|line| line.to_string()).collect();
        let line = |(id, (sku, quantity)): (&'_ String, &(SkuNumber, u32))| -> LineAskedV1<'_> {
            // The id outlives the encoding below.
            let id: &str = Box::leak(id.clone().into_boxed_str());
            LineAskedV1 { id, sku: sku.0, decimals: 0, quantity: *quantity, unit_price: None }
        };
        let asked = OrderAskedV1 {
            external_id,
            channel: channel.0,
            policy: None,
            placed_at: None,
            currency: None,
            ship_to: None,
            customer: None,
            lines: ids.iter().zip(lines).map(line).collect(),
        };
        let mut bytes = Vec::new();
        encode_into(&asked, &mut bytes).unwrap();
        let external = self.handle.fingerprints().external(self.merchant, channel.0, external_id);
        Ask::PlaceOrder(OrderAsk {
            channel,
            external,
            policy: Some(policy),
            lines: lines.into(),
            asked: bytes,
        })
    }

    pub fn order(
        &self,
        channel: ChannelNumber,
        external_id: &str,
        policy: Policy,
        lines: &[(SkuNumber, u32)],
    ) -> Answer {
        self.ask(self.order_ask(channel, external_id, policy, lines))
    }

    pub fn cancel(&self, order: Lsn, lines: Option<Vec<(u16, u32)>>) -> Answer {
        self.ask(Ask::CancelOrder(CancelAsk { order: OrderId(order.0), lines, reason: None }))
    }

    pub fn ship(&self, order: Lsn, location: LocationNumber, lines: Vec<(u16, u32)>) -> Answer {
        self.ask(Ask::ShipOrder(ShipAsk { order: OrderId(order.0), location, lines, tracking_number: None }))
    }

    pub fn stock(&self, sku: SkuNumber) -> StockRead {
        match self.ask(Ask::Read(ReadAsk::Stock { from: sku, limit: 1 })) {
            Answer::Read { read: ReadAnswer::Stock { mut rows, .. }, .. } => rows.remove(0),
            other => panic!("{other:?}"),
        }
    }
}

pub fn recorded(answer: &Answer) -> Lsn {
    match answer {
        Answer::Recorded { lsn, .. } => *lsn,
        other => panic!("{other:?}"),
    }
}

pub fn accepted(answer: Answer) -> (Lsn, NewClaims) {
    match answer {
        Answer::Accepted { lsn, claims, .. } => (lsn, claims),
        other => panic!("{other:?}"),
    }
}
