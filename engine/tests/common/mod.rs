//! An engine on a simulated disk, driven one submission at a time.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "each test uses a part of it"
)]

pub mod repairs;

use onhand_engine::ask::{
    Answer, Ask, CancelAsk, ChannelAsk, LocationAsk, Movement, OrderAsk, OrderRead, ReadAnswer, ReadAsk,
    ShipAsk, SkuAsk, StockAsk, StockRead, Submission,
};
use onhand_engine::clock::ManualClock;
use onhand_engine::config::{DiskMarks, QueueLimits};
use onhand_engine::directory::Directory;
use onhand_engine::domain::command::{RANK, ShipLine};
use onhand_engine::domain::event::NewClaims;
use onhand_engine::domain::order::{Agreed, Policy};
use onhand_engine::domain::promise::StockPolicy;
use onhand_engine::domain::sku::{StockState, Terms};
use onhand_engine::domain::table::spread;
use onhand_engine::domain::{ChannelNumber, LocationNumber, MerchantNumber, OrderId, SkuNumber};
use onhand_engine::keys::{KeyKind, Known, hash_of};
use onhand_engine::record::encode_into;
use onhand_engine::record::order::{LineAskedV1, OrderAskedV1};
use onhand_engine::secrets::Fingerprints;
use onhand_engine::snapshots::storage::SimStorage;
use onhand_engine::snapshots::{Disk, Lsn};
use onhand_engine::translate::policy_record;
use onhand_engine::{Class, Engine, EngineConfig, Handle, Inbox, Item, OnFailure, StartError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The numbers of shards that every scenario and every recovery is tried with.
pub const SHARDS: [usize; 3] = [1, 2, 5];

pub fn config(shards: usize) -> EngineConfig {
    EngineConfig {
        shards,
        segment_bytes: 2 << 20,
        snapshot_segments: 4,
        queues: QueueLimits { merchant_max: 100, total_max: 200 },
        disk: DiskMarks::NONE,
    }
}

/// Starts an engine; the flag is set when it has lost its log.
pub fn start_on(disk: Disk, config: &EngineConfig, failed: &Arc<AtomicBool>) -> Result<Engine, StartError> {
    let clock = Arc::new(ManualClock::at(1_700_000_000_000));
    let failed = Arc::clone(failed);
    let on_failure: OnFailure = Arc::new(move |_| failed.store(true, Ordering::SeqCst));
    Engine::start(disk, Fingerprints::with_key([3; 32]), clock, config, on_failure)
}

pub fn try_start(storage: &SimStorage, shards: usize) -> Result<Engine, StartError> {
    start_on(Disk::simulated(storage), &config(shards), &Arc::default())
}

pub fn start(storage: &SimStorage, shards: usize) -> Engine {
    try_start(storage, shards).expect("the engine starts")
}

/// Creates merchants until there is one on each of five shards, and with that on each of two; those are returned, by
/// the numbers of the shards.
pub fn one_on_each_shard(handle: &Handle) -> Vec<String> {
    let mut found: [Option<String>; 5] = Default::default();
    for number in 1_u64.. {
        let name = format!("merchant-{number}");
        assert_eq!(u64::from(handle.create_merchant(&name).unwrap().0), number);
        found[usize::try_from(spread(number) % 5).unwrap()].get_or_insert(name);
        if found.iter().all(Option::is_some) {
            break;
        }
    }
    found.into_iter().flatten().collect()
}

/// Plays a story with each number of shards: each must end in the same digest, which is returned.
pub fn with_each(story: impl Fn(usize) -> Option<u64>) -> u64 {
    let digests = SHARDS.map(|shards| story(shards).expect("every merchant is served"));
    assert_eq!(digests, [digests[0]; 3], "the digests of {SHARDS:?} shards");
    digests[0]
}

/// Starts what a disk holds with each number of shards, each time on a copy of it, and hands the engine to `then`: each
/// must end in the same digest, which is returned.
pub fn recovered(storage: &SimStorage, then: impl Fn(&Engine)) -> Option<u64> {
    Some(with_each(|shards| {
        let engine = start(&storage.fork(), shards);
        then(&engine);
        engine.stop()
    }))
}

/// One merchant's client.
pub struct Client {
    pub handle: Handle,
    pub merchant: MerchantNumber,
    pub directory: Arc<Directory>,
    inbox: Arc<Inbox>,
    runtime: tokio::runtime::Runtime,
}

impl Client {
    pub fn of(engine: &Engine, merchant: &str) -> Self {
        Self::on(engine.handle(), merchant)
    }

    pub fn on(handle: Handle, merchant: &str) -> Self {
        let number = match handle.registry().merchant(merchant) {
            Some(number) => number,
            None => handle.create_merchant(merchant).unwrap(),
        };
        let directory = handle.directory(number).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self { handle, merchant: number, directory, inbox: Arc::default(), runtime }
    }

    /// Submits one and waits for its answer.
    pub fn ask_with(&self, ask: Ask, idempotency: Option<&str>) -> Answer {
        self.submit(ask, idempotency, Known::default())
    }

    pub fn submit(&self, ask: Ask, idempotency: Option<&str>, known: Known) -> Answer {
        self.send(ask, idempotency, known);
        self.runtime.block_on(self.inbox.arrived());
        let (ticket, answer) = self.inbox.take().next().unwrap();
        assert_eq!(ticket, 7);
        answer
    }

    pub fn send(&self, ask: Ask, idempotency: Option<&str>, known: Known) {
        self.handle.admit(&self.directory, ask.class()).unwrap();
        let idempotency =
            idempotency.map(|key| self.handle.fingerprints().idempotency(self.merchant, key.as_bytes()));
        let known = (known != Known::default()).then(|| Box::new(known));
        let submission = Submission {
            names: self.directory.names(),
            actor: 0,
            stage: 0,
            request: [1; 16],
            idempotency,
            fingerprint: idempotency.map(|_| fingerprint_of(&ask)),
            known,
            ask,
        };
        self.handle.submit(&self.inbox, &self.directory, vec![Item::new(7, submission)]);
    }

    /// Submits lines of one bulk body and waits for their answers.
    pub fn submit_lines(&self, stage: u32, lines: Vec<(Ask, &str, Known)>) -> Vec<Answer> {
        let count = lines.len();
        let item = |(ask, key, known): (Ask, &str, Known)| {
            self.handle.admit(&self.directory, Class::Bulk).unwrap();
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

    /// Submits one when the log may fail; `None` once the engine has said that it did.
    pub fn try_submit(
        &self,
        ask: Ask,
        idempotency: Option<&str>,
        known: Known,
        failed: &AtomicBool,
    ) -> Option<Answer> {
        self.send(ask, idempotency, known);
        let mut answer = None;
        while answer.is_none() && !failed.load(Ordering::SeqCst) {
            answer = self.inbox.take().next();
            std::thread::yield_now();
        }
        answer.or_else(|| self.inbox.take().next()).map(|(_, answer)| answer)
    }

    /// What was answered to one that was sent, if something was.
    pub fn answer(&self) -> Option<Answer> {
        self.inbox.take().next().map(|(_, answer)| answer)
    }

    pub fn ask(&self, ask: Ask) -> Answer {
        self.ask_with(ask, None)
    }

    pub fn location(&self, code: &str) -> LocationNumber {
        recorded(&self.ask(location_ask(code)));
        self.directory.location(code).unwrap()
    }

    pub fn channel(&self, code: &str, locations: &[LocationNumber]) -> ChannelNumber {
        recorded(&self.ask(channel_ask(code, locations, Policy::Reject)));
        self.directory.channel(code).unwrap()
    }

    pub fn sku(&self, code: &str) -> SkuNumber {
        recorded(&self.ask(sku_ask(code, 0)));
        self.directory.sku(code).unwrap().number
    }

    /// A location, a channel that it serves, and a SKU with so many units there.
    pub fn stocked(&self, units: u32) -> (LocationNumber, ChannelNumber, SkuNumber) {
        let main = self.location("main");
        let web = self.channel("web", &[main]);
        let mug = self.sku("MUG");
        self.receive(mug, main, units);
        (main, web, mug)
    }

    pub fn receive(&self, sku: SkuNumber, location: LocationNumber, quantity: u32) -> Lsn {
        self.move_stock(sku, location, Movement::Receive { state: StockState::Sellable, quantity })
    }

    pub fn move_stock(&self, sku: SkuNumber, location: LocationNumber, movement: Movement) -> Lsn {
        recorded(&self.ask(stock_ask(sku, location, movement)))
    }

    pub fn order_ask(
        &self,
        channel: ChannelNumber,
        external_id: &str,
        policy: Option<Policy>,
        lines: &[(SkuNumber, u32)],
    ) -> Ask {
        let ids: Vec<String> = (1..=lines.len()).map(|line| line.to_string()).collect();
        let decimals = |sku| {
            let view = self.directory.view();
            view.sku(view.sku_code(sku)).map_or(0, |name| name.decimals)
        };
        let line = |(id, (sku, quantity))| {
            let (sku, quantity): (&SkuNumber, &u32) = (sku, quantity);
            LineAskedV1 { id, sku: sku.0, decimals: decimals(*sku), quantity: *quantity, unit_price: None }
        };
        let asked = OrderAskedV1 {
            external_id,
            channel: channel.0,
            policy: policy.map(policy_record),
            placed_at: None,
            currency: None,
            ship_to: None,
            customer: None,
            lines: ids
                .iter()
                .map(String::as_str)
                .zip(lines.iter().map(|(sku, units)| (sku, units)))
                .map(line)
                .collect(),
        };
        let mut bytes = Vec::new();
        encode_into(&asked, &mut bytes).unwrap();
        let external = self.handle.fingerprints().external(self.merchant, channel.0, external_id);
        Ask::PlaceOrder(OrderAsk {
            channel,
            external,
            policy,
            agreed: Agreed::NONE,
            lines: lines.into(),
            asked: bytes,
            hold: None,
            said: None,
        })
    }

    pub fn order(
        &self,
        channel: ChannelNumber,
        external_id: &str,
        policy: Policy,
        lines: &[(SkuNumber, u32)],
    ) -> Answer {
        self.ask(self.order_ask(channel, external_id, Some(policy), lines))
    }

    pub fn cancel(&self, order: Lsn, lines: Option<Vec<(u16, u32)>>) -> Answer {
        self.ask(cancel_ask(OrderId(order.0), lines))
    }

    pub fn ship(&self, order: Lsn, location: LocationNumber, lines: Vec<(u16, u32)>) -> Answer {
        self.ask(ship_ask(OrderId(order.0), location, lines))
    }

    /// Orders as they stand, and the last record of the log, which is durable by now.
    pub fn orders(&self, orders: &[OrderId]) -> (Vec<OrderRead>, Lsn) {
        match self.ask(Ask::Read(ReadAsk::Orders(orders.to_vec()))) {
            Answer::Read { read: ReadAnswer::Orders(read), lsn } => (read, lsn),
            other => panic!("{other:?}"),
        }
    }

    /// Units of a SKU that a channel may sell.
    pub fn promise(&self, sku: SkuNumber, channel: ChannelNumber) -> u64 {
        let (skus, channels) = (vec![sku], vec![channel]);
        match self.ask(Ask::Read(ReadAsk::Availability { skus, channels })) {
            Answer::Read { read: ReadAnswer::Availability(rows), .. } => rows[0][0],
            other => panic!("{other:?}"),
        }
    }

    pub fn stock(&self, sku: SkuNumber) -> StockRead {
        self.find_stock(sku).unwrap()
    }

    pub fn find_stock(&self, sku: SkuNumber) -> Option<StockRead> {
        match self.ask(Ask::Read(ReadAsk::Stock { from: sku, limit: 1 })) {
            Answer::Read { read: ReadAnswer::Stock { mut rows, .. }, .. } => rows.pop(),
            other => panic!("{other:?}"),
        }
    }
}

/// As a gateway does of a request's bytes: what is asked is told from what else is.
fn fingerprint_of(ask: &Ask) -> [u8; 16] {
    let hash = blake3::hash(format!("{ask:?}").as_bytes());
    *hash.as_bytes().first_chunk().unwrap()
}

pub fn location_ask(code: &str) -> Ask {
    let (code, kind, country) = (code.into(), "warehouse".into(), "DE".into());
    Ask::PutLocation(Box::new(LocationAsk {
        code,
        kind,
        country,
        region: None,
        postal_code: None,
        priority: 1,
        safety_stock: 0,
    }))
}

pub fn channel_ask(code: &str, locations: &[LocationNumber], policy: Policy) -> Ask {
    let (code, kind, locations) = (code.into(), "api".into(), locations.to_vec());
    Ask::PutChannel(Box::new(ChannelAsk {
        code,
        kind,
        locations,
        policy,
        stock_policy: StockPolicy::SHARED,
        rank: RANK,
        profile: None,
    }))
}

pub fn sku_ask(code: &str, decimals: u8) -> Ask {
    let (code, title, unit, gtin, tags) = (code.into(), None, None, None, Vec::new());
    let (terms, components) = (Terms::NONE, Vec::new());
    Ask::PutSku(Box::new(SkuAsk { code, title, unit, decimals, gtin, tags, terms, components }))
}

pub fn stock_ask(sku: SkuNumber, location: LocationNumber, movement: Movement) -> Ask {
    Ask::MoveStock(StockAsk { sku, location, movement, reason: "received".into(), reference: None })
}

pub fn cancel_ask(order: OrderId, lines: Option<Vec<(u16, u32)>>) -> Ask {
    Ask::CancelOrder(CancelAsk { order, lines, reason: None })
}

pub fn ship_ask(order: OrderId, location: LocationNumber, lines: Vec<(u16, u32)>) -> Ask {
    let lines = lines.into_iter().map(|(line, quantity)| ShipLine::whole(line, quantity)).collect();
    Ask::ShipOrder(ShipAsk { order, location, lines, tracking_number: None })
}

/// The same again. Asks are not cloned on the path of an order, so they have no `Clone`.
pub fn copy_of(ask: &Ask) -> Ask {
    match ask {
        Ask::PutLocation(ask) => Ask::PutLocation(ask.clone()),
        Ask::PutChannel(ask) => Ask::PutChannel(ask.clone()),
        Ask::PutSku(ask) => Ask::PutSku(ask.clone()),
        Ask::MoveStock(ask) => Ask::MoveStock(ask.clone()),
        Ask::PutProfile(ask) => Ask::PutProfile(ask.clone()),
        Ask::PlaceOrder(ask) => Ask::PlaceOrder(ask.clone()),
        Ask::CancelOrder(ask) => Ask::CancelOrder(ask.clone()),
        Ask::ShipOrder(ask) => Ask::ShipOrder(ask.clone()),
        Ask::PlaceHold(ask) => Ask::PlaceHold(ask.clone()),
        Ask::ExtendHold(ask) => Ask::ExtendHold(*ask),
        Ask::ReleaseHold(hold) => Ask::ReleaseHold(*hold),
        Ask::PutExposure(ask) => Ask::PutExposure(*ask),
        Ask::SetGrant(ask) => Ask::SetGrant(*ask),
        Ask::AcknowledgeGrant(ask) => Ask::AcknowledgeGrant(*ask),
        Ask::PassFeed(ask) => Ask::PassFeed(*ask),
        Ask::AnswerRepeat(ask) => Ask::AnswerRepeat(*ask),
        Ask::Read(ask) => Ask::Read(ask.clone()),
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
