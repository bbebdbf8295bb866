//! A day of three merchants in lockstep: every kind of record, several segments, and all that is done behind the path.
//!
//! Every submission has a key, so the same day can be lived again on what a crash left: what was answered is answered
//! again, and the rest happens as it would have.

use crate::common::{
    Client, cancel_ask, channel_ask, config, copy_of, location_ask, ship_ask, sku_ask, start_on, stock_ask,
};
use onhand_engine::ask::{Answer, Ask, Movement, ReadAsk, RepeatAsk};
use onhand_engine::domain::order::Policy;
use onhand_engine::domain::sku::StockState;
use onhand_engine::domain::{ChannelNumber, LocationNumber, OrderId, SkuNumber};
use onhand_engine::keys::Known;
use onhand_engine::record::{Header, Kind};
use onhand_engine::snapshots::log::SEGMENT_BYTES_MIN;
use onhand_engine::snapshots::{Disk, Lsn};
use onhand_engine::{AdminError, Engine, EngineConfig, StartError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Six merchants are there, three of them trade: they are on three shards of five, and on both of two.
const MERCHANTS: u32 = 6;
const TRADERS: [&str; 3] = ["merchant-1", "merchant-3", "merchant-6"];

/// Three of these fill a segment.
const FAT_BYTES: usize = 350 << 10;

const MAIN: LocationNumber = LocationNumber(0);
const EAST: LocationNumber = LocationNumber(1);
const WEB: ChannelNumber = ChannelNumber(0);
const MUG: SkuNumber = SkuNumber(0);
const CUP: SkuNumber = SkuNumber(1);
const POT: SkuNumber = SkuNumber(2);

/// Lines that wait: more than a shard serves in one turn, so that a crash can come between two turns.
const LINES: u32 = 300;

/// An engine, and whether it has lost its log.
pub(crate) struct Running {
    pub(crate) engine: Engine,
    failed: Arc<AtomicBool>,
}

impl Running {
    /// Segments are as small as they can be.
    pub(crate) fn start(disk: Disk, shards: usize) -> Result<Self, StartError> {
        let config = EngineConfig { segment_bytes: SEGMENT_BYTES_MIN, ..config(shards) };
        let failed = Arc::default();
        Ok(Self { engine: start_on(disk, &config, &failed)?, failed })
    }

    /// Everything that is in the log, but that it was closed.
    pub(crate) fn records(&self) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        let visit = &mut |_, record: &[u8]| {
            let is_closing = Header::decode(record).unwrap().0.kind == Kind::LogClosed;
            records.extend((!is_closing).then(|| record.to_vec()));
            true
        };
        self.engine.handle().log().scan_from(Lsn(1), visit).unwrap();
        records
    }
}

/// The day as far as it was lived.
pub(crate) struct Day<'a> {
    running: &'a Running,
    traders: Vec<Client>,
    /// What was asked, trader by trader, and the records that answer it.
    pub(crate) answers: Vec<(String, Lsn)>,
    /// The last one of them.
    answered: Arc<AtomicU64>,
    /// Whether the disk is bound to die under way.
    dies: bool,
}

impl<'a> Day<'a> {
    /// Lives the day; `None` if the engine lost its log under way.
    pub(crate) fn live(&mut self) -> Option<()> {
        for number in 1..=MERCHANTS {
            self.create_merchant(&format!("merchant-{number}"))?;
        }
        self.traders = TRADERS.map(|name| Client::of(&self.running.engine, name)).into();
        // The system's own work that a crash has cut off is done before anything else.
        self.settle()?;
        self.open_shops()?;
        self.sell()?;
        self.behind(|engine| engine.handle().snapshot().is_ok() && engine.handle().tidy().is_ok());
        self.lose_and_find()?;
        self.behind(|engine| engine.handle().tidy().is_ok());
        self.settle()
    }

    pub(crate) fn of(running: &'a Running, answered: Arc<AtomicU64>, dies: bool) -> Self {
        Self { running, traders: Vec::new(), answers: Vec::new(), answered, dies }
    }

    fn open_shops(&mut self) -> Option<()> {
        self.all("main", |_| location_ask("main"))?;
        self.all("east", |_| location_ask("east"))?;
        self.all("web", |_| channel_ask("web", &[MAIN, EAST], Policy::Reject))?;
        self.all("mug", |_| sku_ask("MUG", 0))?;
        self.all("cup", |_| sku_ask("CUP", 0))?;
        self.all("pot", |_| sku_ask("POT", 0))?;
        self.all("fat 1", |_| fat_ask())?;
        self.all("mugs", |_| receive(MUG, MAIN, 10))
    }

    fn sell(&mut self) -> Option<()> {
        self.all("all of it", |shop| shop.order_ask(WEB, "1", Some(Policy::Reject), &[(MUG, 6)]))?;
        let lines = [(MUG, 6), (CUP, 2)];
        self.all("some", |shop| shop.order_ask(WEB, "2", Some(Policy::Backorder), &lines))?;
        let lines = [(POT, 1); LINES as usize];
        self.all("long", |shop| shop.order_ask(WEB, "long", Some(Policy::Backorder), &lines))?;
        self.all("refused", |shop| shop.order_ask(WEB, "3", None, &[(MUG, 5)]))?;
        // Behind each of these the system serves who waits.
        self.all("cups", |_| receive(CUP, EAST, 1))?;
        self.all_with("shipped", "all of it", |order| ship_ask(order, MAIN, vec![(0, 6)]))?;
        self.all("fat 2", |_| fat_ask())
    }

    fn lose_and_find(&mut self) -> Option<()> {
        self.all("lost", |_| {
            stock_ask(MUG, MAIN, Movement::Adjust { state: StockState::Sellable, delta: -2 })
        })?;
        self.all_with("cancelled", "some", |order| cancel_ask(order, Some(vec![(0, 1)])))?;
        self.all_with("not allocated", "some", |order| ship_ask(order, MAIN, vec![(0, 6)]))?;
        let repeat = |order| Ask::AnswerRepeat(RepeatAsk { order, conflicts: true });
        self.all_with("repeated", "all of it", repeat)?;
        self.all("fat 3", |_| fat_ask())?;
        self.all("found", |_| receive(MUG, EAST, 4))?;
        self.all("pots", |_| receive(POT, MAIN, LINES))?;
        self.all("patient", |shop| shop.order_ask(WEB, "4", Some(Policy::Backorder), &[(CUP, 3)]))
    }

    fn create_merchant(&mut self, name: &str) -> Option<()> {
        let handle = self.running.engine.handle();
        match handle.create_merchant(name) {
            Ok(_) => self.answered.store(handle.durable().0, Ordering::SeqCst),
            Err(AdminError::MerchantExists(_)) => {}
            Err(error) => {
                assert!(self.dies, "{error}");
                return None;
            }
        }
        Some(())
    }

    /// Each trader asks the same, one after the other, and not before the system's own work for the one before is done.
    fn all(&mut self, key: &str, ask: impl Fn(&Client) -> Ask) -> Option<()> {
        for trader in 0..TRADERS.len() {
            self.ask(trader, key, &ask(&self.traders[trader]))?;
            self.settle()?;
        }
        Some(())
    }

    /// The same about the order that each was given under another key.
    fn all_with(&mut self, key: &str, order: &str, ask: impl Fn(OrderId) -> Ask) -> Option<()> {
        let given = self.answers.iter().filter(|(key, _)| key == order);
        let orders: Vec<OrderId> = given.map(|(_, lsn)| OrderId(lsn.0)).collect();
        assert_eq!(orders.len(), TRADERS.len());
        for (trader, order) in orders.into_iter().enumerate() {
            self.ask(trader, key, &ask(order))?;
        }
        Some(())
    }

    fn ask(&mut self, trader: usize, key: &str, ask: &Ask) -> Option<()> {
        let lsn = self.answer(&self.traders[trader], key, ask)?;
        self.answers.push((key.to_owned(), lsn));
        self.answered.store(lsn.0, Ordering::SeqCst);
        Some(())
    }

    /// Asks until there is an answer; what may be in the index is searched for, as a gateway does.
    fn answer(&self, client: &Client, key: &str, ask: &Ask) -> Option<Lsn> {
        let mut known = Known::default();
        loop {
            match client.try_submit(copy_of(ask), Some(key), known.clone(), &self.running.failed)? {
                Answer::Recorded { lsn, .. }
                | Answer::Accepted { lsn, .. }
                | Answer::Refused { lsn, .. }
                | Answer::Repeats { lsn, by_key: true, .. } => return Some(lsn),
                Answer::Perhaps { hash, by_key, .. } => {
                    let runs = client.handle.index().runs();
                    known.of(by_key).searched = runs.covered().0;
                    match runs.find(hash) {
                        Ok(found) if found.is_empty() => {}
                        Ok(found) => return found.first().copied(),
                        Err(error) => {
                            assert!(self.dies, "{error}");
                            return None;
                        }
                    }
                }
                // A log that has failed takes nothing.
                Answer::Busy if self.dies => return None,
                other => panic!("{key}: {other:?}"),
            }
        }
    }

    /// Waits until everything that was done is durable, the system's own work too: before a shard serves a read it does
    /// a part of that, and two parts are more than there ever is.
    fn settle(&self) -> Option<()> {
        let read = || Ask::Read(ReadAsk::Orders(Vec::new()));
        for client in self.traders.iter().chain(&self.traders) {
            client.try_submit(read(), None, Known::default(), &self.running.failed)?;
        }
        Some(())
    }

    /// Something behind the path of the orders. It may fail on a disk that dies: the log is enough.
    fn behind(&self, work: impl Fn(&Engine) -> bool) {
        assert!(work(&self.running.engine) || self.dies, "what is done behind the path failed");
    }
}

fn receive(sku: SkuNumber, location: LocationNumber, quantity: u32) -> Ask {
    stock_ask(sku, location, Movement::Receive { state: StockState::Sellable, quantity })
}

/// A title that nobody would read.
fn fat_ask() -> Ask {
    let Ask::PutSku(mut ask) = sku_ask("FAT", 0) else { unreachable!("it puts a SKU") };
    ask.title = Some("x".repeat(FAT_BYTES));
    Ask::PutSku(ask)
}
