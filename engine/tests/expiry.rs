//! Holds end at their deadlines, and who waits gets their units, and what waits until a date waits no more, also where nobody
//! asks for anything: live, after a start, and not by a clock that is not believed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Client, SHARDS, accepted, config, stock_ask};
use onhand_engine::Engine;
use onhand_engine::OnFailure;
use onhand_engine::ask::{
    Answer, Ask, HoldAsk, Movement, OrderAsk, OrderRead, ReadAnswer, ReadAsk, StockAsk,
};
use onhand_engine::clock::{Clock, ManualClock};
use onhand_engine::domain::order::{Agreed, Policy};
use onhand_engine::domain::sku::StockState;
use onhand_engine::domain::{ChannelNumber, LocationNumber, OrderId, SkuNumber};
use onhand_engine::keys::Known;
use onhand_engine::record::{Header, Kind};
use onhand_engine::secrets::Fingerprints;
use onhand_engine::snapshots::storage::{SimStorage, Storage as _};
use onhand_engine::snapshots::{Disk, Lsn};
use onhand_engine::stepped::SteppedEngine;
use onhand_verify::{Ignore, audit_storage};
use std::sync::Arc;

const START_MS: u64 = 1_700_000_000_000;
const TTL_MS: u64 = 60_000;
const WEB: ChannelNumber = ChannelNumber(0);
const MUG: SkuNumber = SkuNumber(0);

fn start(disk: &SimStorage, shards: usize, clock: &Arc<ManualClock>) -> SteppedEngine {
    let (disk, clock) = (Disk::simulated(disk), Arc::clone(clock) as Arc<dyn Clock>);
    SteppedEngine::start(disk, Fingerprints::with_key([3; 32]), clock, &config(shards)).unwrap()
}

/// Lets everything go on until nothing is left to do, and the log has it.
fn rest(engine: &SteppedEngine) {
    while (0..engine.shards()).any(|shard| engine.shard_step(shard)) || engine.log_step() {}
}

fn ask(engine: &SteppedEngine, client: &Client, ask: Ask) -> Answer {
    client.send(ask, None, Known::default());
    rest(engine);
    client.answer().unwrap()
}

/// A shop whose five mugs are held; an order of three waits.
fn shop(disk: &SimStorage, shards: usize, clock: &Arc<ManualClock>) -> SteppedEngine {
    let on_failure: OnFailure = Arc::new(|failure| panic!("{failure}"));
    let (on, key) = (Disk::simulated(disk), Fingerprints::with_key([3; 32]));
    let threads = Engine::start(on, key, Arc::clone(clock) as _, &config(shards), on_failure).unwrap();
    let (_, web, mug) = Client::of(&threads, "acme").stocked(5);
    assert_eq!((web, mug), (WEB, MUG));
    assert!(threads.stop().is_some());
    let engine = start(disk, shards, clock);
    let client = Client::on(engine.handle(), "acme");
    let (lines, ids) = ([(MUG, 5)].into_iter().collect(), vec![("1".to_owned(), 0)]);
    let hold = HoldAsk { channel: WEB, ttl_ms: TTL_MS, customer: None, lines, ids };
    let held = ask(&engine, &client, Ask::PlaceHold(Box::new(hold)));
    assert!(matches!(held, Answer::Recorded { .. }), "{held:?}");
    let waits = client.order_ask(WEB, "1001", Some(Policy::Backorder), &[(MUG, 3)]);
    let (_, claims) = accepted(ask(&engine, &client, waits));
    assert!(claims.is_empty(), "{claims:?}");
    engine
}

/// Kinds of the records behind a place.
fn kinds_behind(engine: &SteppedEngine, behind: Lsn) -> Vec<Kind> {
    let handle = engine.handle();
    let kind = |lsn| Header::decode(&handle.read(Lsn(lsn)).unwrap()).unwrap().0.kind;
    (behind.0 + 1..=handle.durable().0).map(kind).collect()
}

#[test]
fn who_waits_gets_the_units_of_an_expired_hold_though_nobody_asks() {
    for shards in SHARDS {
        let (disk, clock) = (SimStorage::default(), Arc::new(ManualClock::at(START_MS)));
        let engine = shop(&disk, shards, &clock);
        let before = engine.handle().durable();
        clock.set(START_MS + TTL_MS - 1);
        rest(&engine);
        assert_eq!(kinds_behind(&engine, before), [], "it is not due");
        clock.set(START_MS + TTL_MS);
        rest(&engine);
        assert_eq!(kinds_behind(&engine, before), [Kind::HoldsEnded, Kind::BacklogFilled]);
        assert!(engine.stop().is_some());
    }
}

#[test]
fn a_hold_that_expired_while_the_server_was_down_ends_with_its_start() {
    for shards in SHARDS {
        let (disk, clock) = (SimStorage::default(), Arc::new(ManualClock::at(START_MS)));
        let engine = shop(&disk, shards, &clock);
        assert!(engine.stop().is_some());
        clock.set(START_MS + 2 * TTL_MS);
        let engine = start(&disk, shards, &clock);
        let before = engine.handle().durable();
        rest(&engine);
        assert_eq!(kinds_behind(&engine, before), [Kind::HoldsEnded, Kind::BacklogFilled]);
    }
}

#[test]
fn a_clock_that_is_not_believed_ends_nothing_by_itself() {
    const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
    let (disk, clock) = (SimStorage::default(), Arc::new(ManualClock::at(START_MS)));
    let engine = shop(&disk, 1, &clock);
    let before = engine.handle().durable();
    clock.set(START_MS + DAY_MS);
    rest(&engine);
    assert_eq!(kinds_behind(&engine, before), []);
    assert!(engine.handle().confirm_clock());
    rest(&engine);
    assert_eq!(kinds_behind(&engine, before), [Kind::HoldsEnded, Kind::BacklogFilled]);
}

/// A shop without mugs, in which an order waits for three until a date.
fn waits_until(
    disk: &SimStorage,
    shards: usize,
    clock: &Arc<ManualClock>,
    date: u64,
) -> (SteppedEngine, Lsn) {
    let engine = shop(disk, shards, clock);
    let client = Client::on(engine.handle(), "acme");
    let waits = client.order_ask(WEB, "1002", Some(Policy::Backorder), &[(MUG, 3)]);
    let Ask::PlaceOrder(order) = waits else { panic!("it is one") };
    let agreed = Agreed { cancel_after: Some(date), ..Agreed::NONE };
    let (order, _) = accepted(ask(&engine, &client, Ask::PlaceOrder(OrderAsk { agreed, ..order })));
    (engine, order)
}

#[test]
fn what_waits_until_a_date_is_cancelled_then_though_nobody_asks() {
    for shards in SHARDS {
        for is_stopped in [false, true] {
            let (disk, clock) = (SimStorage::default(), Arc::new(ManualClock::at(START_MS)));
            let date = START_MS + TTL_MS / 2;
            let (mut engine, order) = waits_until(&disk, shards, &clock, date);
            if is_stopped {
                assert!(engine.stop().is_some());
                engine = start(&disk, shards, &clock);
            }
            rest(&engine);
            let before = engine.handle().durable();
            clock.set(date - 1);
            rest(&engine);
            assert_eq!(kinds_behind(&engine, before), [], "it is not due");
            clock.set(date);
            rest(&engine);
            assert_eq!(kinds_behind(&engine, before), [Kind::OrderCancelled]);
            // All of it has waited, so it is closed, and found by the record that closed it.
            let client = Client::on(engine.handle(), "acme");
            client.send(Ask::Read(ReadAsk::Orders(vec![OrderId(order.0)])), None, Known::default());
            rest(&engine);
            let Some(Answer::Read { read: ReadAnswer::Orders(orders), .. }) = client.answer() else {
                panic!("a read is answered")
            };
            let closed = Lsn(before.0 + 1);
            assert!(matches!(orders[..], [OrderRead::Closed(lsn)] if lsn == closed), "{orders:?}");
            assert!(engine.stop().is_some());
        }
    }
}

/// Fills a segment of the log with movements that serve nobody.
fn fill_segment(engine: &SteppedEngine) {
    let client = Client::on(engine.handle(), "acme");
    for _ in 0..25 {
        let movement = Movement::Receive { state: StockState::Damaged, quantity: 1 };
        let Ask::MoveStock(receive) = stock_ask(MUG, LocationNumber(0), movement) else {
            panic!("it is one")
        };
        let reference = Some("r".repeat(100_000));
        let received = ask(engine, &client, Ask::MoveStock(StockAsk { reference, ..receive }));
        assert!(matches!(received, Answer::Recorded { .. }), "{received:?}");
    }
}

/// The audit reads the order in an archive, and a start knows it by a snapshot alone: what was archived cannot be read any
/// more.
#[test]
fn what_is_agreed_is_in_the_archive_and_in_the_snapshot() {
    for shards in SHARDS {
        let (disk, clock) = (SimStorage::default(), Arc::new(ManualClock::at(START_MS)));
        let date = START_MS + TTL_MS / 2;
        let (engine, _) = waits_until(&disk, shards, &clock, date);
        fill_segment(&engine);
        engine.handle().snapshot().unwrap();
        engine.handle().tidy().unwrap();
        let digest = engine.stop();
        let report = audit_storage(&disk, "a stop before the date", &mut Ignore).unwrap();
        assert!(report.holds() && digest == Some(report.digest), "{report}");
        let archives = disk.list("log").unwrap().into_iter().filter(|name| name.ends_with(".zst"));
        let archives: Vec<String> = archives.map(|name| format!("log/{name}")).collect();
        assert!(!archives.is_empty());
        for path in &archives {
            disk.damage(path, |bytes| {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
            });
        }
        let engine = start(&disk, shards, &clock);
        let before = engine.handle().durable();
        clock.set(date);
        rest(&engine);
        assert_eq!(kinds_behind(&engine, before), [Kind::OrderCancelled]);
        assert!(engine.stop().is_some());
    }
}
