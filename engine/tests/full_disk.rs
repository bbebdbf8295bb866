//! A disk that fills up and has room again, step by step: what is refused, what goes on, and that nothing has to be
//! started again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use common::{accepted, cancel_ask, channel_ask, location_ask, recorded, ship_ask, sku_ask, stock_ask};
use onhand_engine::ask::{Answer, Ask, Movement, OrderAsk, ReadAnswer, ReadAsk, StockAsk, Submission};
use onhand_engine::clock::ManualClock;
use onhand_engine::config::{DiskMarks, QueueLimits};
use onhand_engine::directory::Directory;
use onhand_engine::domain::order::{Agreed, Policy};
use onhand_engine::domain::sku::StockState;
use onhand_engine::domain::{ChannelNumber, LocationNumber, OrderId, SkuNumber};
use onhand_engine::record::encode_into;
use onhand_engine::record::order::{LineAskedV1, OrderAskedV1};
use onhand_engine::secrets::Fingerprints;
use onhand_engine::snapshots::log::SEGMENT_BYTES_MIN;
use onhand_engine::snapshots::storage::{SimStorage, Storage as _};
use onhand_engine::snapshots::{Disk, Lsn};
use onhand_engine::stepped::SteppedEngine;
use onhand_engine::{Busy, EngineConfig, Inbox, Item, SpaceLevel};
use onhand_verify::{Ignore, audit_storage};
use std::sync::Arc;

const MIB: u64 = 1 << 20;
const MARKS: DiskMarks = DiskMarks { soft_bytes: 8 * MIB, hard_bytes: 2 * MIB };
const MUG: SkuNumber = SkuNumber(0);
const MAIN: LocationNumber = LocationNumber(0);
const STOCK: u32 = 1_000;

/// A shop on a disk whose free space can be set.
struct Shop {
    disk: SimStorage,
    engine: SteppedEngine,
    directory: Arc<Directory>,
    inbox: Arc<Inbox>,
}

fn engine(disk: &SimStorage, marks: DiskMarks) -> SteppedEngine {
    let queues = QueueLimits { merchant_max: 64, total_max: 64 };
    let (segment_bytes, snapshot_segments) = (SEGMENT_BYTES_MIN, 1);
    let config = EngineConfig { shards: 1, segment_bytes, snapshot_segments, queues, disk: marks };
    let clock = Arc::new(ManualClock::at(1_780_000_000_000));
    SteppedEngine::start(Disk::simulated(disk), Fingerprints::with_key([1; 32]), clock, &config).unwrap()
}

impl Shop {
    fn open(disk: &SimStorage, marks: DiskMarks) -> Self {
        let engine = engine(disk, marks);
        let handle = engine.handle();
        let merchant = handle.registry().merchant("acme");
        let is_new = merchant.is_none();
        let merchant = merchant.unwrap_or_else(|| handle.create_merchant("acme").unwrap());
        let (disk, directory) = (disk.clone(), handle.directory(merchant).unwrap());
        let shop = Self { disk, engine, directory, inbox: Arc::default() };
        if is_new {
            shop.furnish();
        }
        shop
    }

    fn furnish(&self) {
        for ask in [location_ask("main"), channel_ask("web", &[MAIN], Policy::Reject), sku_ask("MUG", 0)] {
            recorded(&self.ask(ask).unwrap());
        }
        recorded(&self.ask(receipt(STOCK)).unwrap());
    }

    /// Leaves so much of the disk free, and has it looked at.
    fn leave(&self, free: u64) -> SpaceLevel {
        self.disk.set_capacity(Some(self.disk.used_bytes() + free));
        self.look()
    }

    fn look(&self) -> SpaceLevel {
        // A spare that finds no room is what some of this is about.
        self.engine.spare_step().ok();
        self.engine.handle().space()
    }

    /// As a gateway does.
    fn ask(&self, ask: Ask) -> Result<Answer, Busy> {
        let handle = self.engine.handle();
        match &ask {
            Ask::Read(_) => handle.admit_always(&self.directory),
            ask => handle.admit(&self.directory, ask.class())?,
        }
        Ok(self.decide(ask))
    }

    /// One that was admitted.
    fn decide(&self, ask: Ask) -> Answer {
        let (names, request, idempotency, fingerprint) = (self.directory.names(), [1; 16], None, None);
        let known = None;
        let submission =
            Submission { names, actor: 0, stage: 0, request, idempotency, fingerprint, known, ask };
        self.engine.handle().submit(&self.inbox, &self.directory, vec![Item::new(0, submission)]);
        assert!(self.engine.shard_step(0));
        self.engine.log_step();
        self.inbox.take().next().unwrap().1
    }

    fn order(&self, number: u32) -> Result<Answer, Busy> {
        let external_id = number.to_string();
        let line = LineAskedV1 { id: "1", sku: MUG.0, decimals: 0, quantity: 2, unit_price: None };
        let (placed_at, currency, ship_to, customer) = (None, None, None, None);
        let (channel, external_id, policy) = (0, external_id.as_str(), None);
        let lines = vec![line];
        let order =
            OrderAskedV1 { external_id, channel, policy, placed_at, currency, ship_to, customer, lines };
        let mut asked = Vec::new();
        encode_into(&order, &mut asked).unwrap();
        let external = self.engine.handle().fingerprints().external(self.directory.merchant, 0, external_id);
        let (channel, lines) = (ChannelNumber(0), [(MUG, 2)][..].into());
        self.ask(Ask::PlaceOrder(OrderAsk {
            channel,
            external,
            policy: None,
            agreed: Agreed::NONE,
            lines,
            asked,
            hold: None,
            said: None,
        }))
    }

    fn placed(&self, number: u32) -> OrderId {
        OrderId(accepted(self.order(number).unwrap()).0.0)
    }

    fn sellable(&self) -> u32 {
        match self.ask(Ask::Read(ReadAsk::Stock { from: MUG, limit: 1 })).unwrap() {
            Answer::Read { read: ReadAnswer::Stock { rows, .. }, .. } => rows[0].standing[0].available,
            other => panic!("{other:?}"),
        }
    }

    /// Receipts of one unit, as long as a record can be, until the log has no room for another. Returns how many were
    /// recorded.
    fn fill_the_log(&self) -> u32 {
        for count in 0.. {
            self.engine.handle().admit_always(&self.directory);
            let Ask::MoveStock(ask) = receipt(1) else { panic!("a receipt") };
            let ask = Ask::MoveStock(StockAsk { reference: Some("r".repeat(100_000)), ..ask });
            match self.decide(ask) {
                Answer::Recorded { .. } => {}
                Answer::NoRoom => return count,
                other => panic!("{other:?}"),
            }
            assert_eq!(self.look(), self.engine.handle().space());
        }
        unreachable!("the log has an end")
    }

    /// The audit of what is on the disk.
    fn audit(&self) {
        let report = audit_storage(&self.disk, "the disk", &mut Ignore).unwrap();
        assert!(report.holds(), "{report}");
    }
}

fn receipt(quantity: u32) -> Ask {
    stock_ask(MUG, MAIN, Movement::Receive { state: StockState::Sellable, quantity })
}

#[test]
fn below_the_soft_mark_intake_stops_below_the_hard_mark_all_writes_and_both_return_by_themselves() {
    let shop = Shop::open(&SimStorage::default(), MARKS);
    assert_eq!(shop.look(), SpaceLevel::Enough);
    let [first, second, third] = [1, 2, 3].map(|number| shop.placed(number));

    assert_eq!(shop.leave(5 * MIB), SpaceLevel::Soft);
    let refused = Busy::Space { free: 5 * MIB, needed: 9 * MIB };
    assert_eq!(shop.order(4).unwrap_err(), refused);
    assert_eq!(shop.ask(receipt(1)).unwrap_err(), refused);
    recorded(&shop.ask(cancel_ask(first, None)).unwrap());
    recorded(&shop.ask(ship_ask(second, MAIN, vec![(0, 2)])).unwrap());
    assert_eq!(shop.sellable(), STOCK - 4);

    assert_eq!(shop.leave(MIB), SpaceLevel::Hard);
    let needed = 2 * MIB + MIB / 4;
    assert_eq!(shop.ask(cancel_ask(third, None)).unwrap_err(), Busy::Space { free: MIB, needed });
    assert_eq!(shop.sellable(), STOCK - 4, "reads go on, and what was refused has changed nothing");

    assert_eq!(shop.leave(needed), SpaceLevel::Soft);
    recorded(&shop.ask(cancel_ask(third, None)).unwrap());
    assert_eq!(shop.leave(9 * MIB - 1), SpaceLevel::Soft, "not before there is somewhat more");
    assert_eq!(shop.leave(9 * MIB), SpaceLevel::Enough);
    shop.placed(4);
    assert_eq!(shop.sellable(), STOCK - 4);
    assert!(!shop.engine.has_failed());
    shop.audit();
}

#[test]
fn a_log_without_room_for_a_segment_takes_what_it_has_room_for_and_does_not_fail() {
    let disk = SimStorage::default();
    let shop = Shop::open(&disk, DiskMarks::NONE);
    assert_eq!(shop.look(), SpaceLevel::Enough, "a spare was made");
    shop.disk.set_capacity(Some(disk.used_bytes()));
    let first = shop.fill_the_log();
    assert!(first >= 10, "the spare is used: {first} records of 100 KB");
    assert_eq!(shop.look(), SpaceLevel::Hard);
    assert_eq!(shop.sellable(), STOCK + first, "what was refused has changed nothing");
    assert!(matches!(shop.order(1), Err(Busy::Space { free: 0, needed: SEGMENT_BYTES_MIN })));
    assert!(!shop.engine.has_failed());

    // The same on a start: nothing is needed to come up.
    drop(shop);
    disk.restart();
    let shop = Shop::open(&disk, DiskMarks::NONE);
    shop.look();
    assert_eq!(shop.look(), SpaceLevel::Hard);
    assert_eq!(shop.sellable(), STOCK + first);
    assert!(matches!(shop.order(1), Err(Busy::Space { .. })));

    assert_eq!(shop.leave(SEGMENT_BYTES_MIN), SpaceLevel::Enough);
    shop.placed(1);
    assert_eq!(shop.sellable(), STOCK + first - 2);
    let second = shop.fill_the_log();
    assert!(second >= 10, "and the log goes on: {second}");
    shop.disk.set_capacity(None);
    assert_eq!(shop.look(), SpaceLevel::Enough);
    shop.placed(2);
    assert!(!shop.engine.has_failed());
    shop.audit();
    assert!(shop.engine.stop().is_some());
}

#[test]
fn on_a_disk_that_is_nearly_full_nothing_is_made_behind_the_path() {
    let shop = Shop::open(&SimStorage::default(), MARKS);
    while shop.engine.sealed() < 3 {
        let Ask::MoveStock(ask) = receipt(1) else { panic!("a receipt") };
        let ask = Ask::MoveStock(StockAsk { reference: Some("r".repeat(100_000)), ..ask });
        recorded(&shop.ask(ask).unwrap());
        shop.look();
    }
    assert_eq!(shop.leave(5 * MIB), SpaceLevel::Soft);
    let files = shop.disk.files();
    assert!(!shop.engine.keeper_step().unwrap());
    assert_eq!(shop.disk.files(), files);
    assert_eq!(shop.engine.handle().index().covered(), Lsn::ZERO);
    assert_eq!(shop.leave(20 * MIB), SpaceLevel::Enough);
    while shop.engine.keeper_step().unwrap() {}
    assert!(shop.engine.handle().index().covered() > Lsn::ZERO);
    let archives = |name: &&String| name.ends_with(".zst");
    assert_eq!(shop.disk.list("log").unwrap().iter().filter(archives).count(), 3);
}
