//! Snapshots, the index and archives under a running engine: a start from them ends in the same state as a
//! start from the log alone, and nothing acknowledged is lost or applied twice.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Client, accepted, config, recorded, start, try_start};
use onhand_engine::ask::{Answer, Ask, Movement, OrderRead, ReadAnswer, ReadAsk, RepeatAsk, StockAsk};
use onhand_engine::clock::ManualClock;
use onhand_engine::domain::order::Policy;
use onhand_engine::domain::sku::StockState;
use onhand_engine::domain::{ChannelNumber, LocationNumber, OrderId, SkuNumber};
use onhand_engine::keys::{Findings, Known};
use onhand_engine::secrets::Fingerprints;
use onhand_engine::snapshots::storage::{Crash, SimStorage, Storage};
use onhand_engine::snapshots::{Disk, Lsn};
use onhand_engine::{Engine, OnFailure, StartError};
use std::sync::Arc;

const SHARDS: [usize; 3] = [1, 2, 5];

struct Shop {
    client: Client,
    main: LocationNumber,
    web: ChannelNumber,
    mug: SkuNumber,
}

impl Shop {
    fn of(engine: &Engine, merchant: &str) -> Self {
        let client = Client::of(engine, merchant);
        let main = client.location("main");
        let east = client.location("east");
        let web = client.channel("web", &[main, east]);
        let mug = client.sku("MUG");
        Self { client, main, web, mug }
    }

    /// A new order. The index, which is made meanwhile, may take it for an old one at first sight.
    fn order(&self, external_id: &str, policy: Policy, quantity: u32) -> Answer {
        let ask = || self.client.order_ask(self.web, external_id, policy, &[(self.mug, quantity)]);
        again(self, ask, None).unwrap_err()
    }
}

/// Orders that are open, waiting, short, shipped and cancelled; enough of them to seal segments of 2 MiB.
fn trade(shop: &Shop, name: &str, orders: u32) {
    shop.client.receive(shop.mug, shop.main, orders);
    for number in 0..orders {
        let (order, _) = accepted(shop.order(&format!("{name}-{number}"), Policy::Backorder, 1 + number % 2));
        match number % 5 {
            // Some have nothing to ship: refused.
            0 => drop(shop.client.ship(order, shop.main, vec![(0, 1)])),
            1 => assert!(recorded(&shop.client.cancel(order, None)) > order),
            _ => {}
        }
    }
    let sellable = shop.client.stock(shop.mug).levels[0].sellable();
    shop.client.move_stock(shop.mug, shop.main, Movement::Set { expected: sellable, new: sellable - 3 });
}

#[test]
fn a_start_from_a_snapshot_ends_in_the_same_state() {
    for shards in SHARDS {
        let storage = Arc::new(SimStorage::default());
        let engine = start(storage.clone(), shards);
        for name in ["acme", "bolt", "core"] {
            trade(&Shop::of(&engine, name), "before", 60);
        }
        let secret = engine.handle().create_key("acme", onhand_engine::registry::Scopes::READ).unwrap();
        let cut = engine.handle().snapshot().unwrap();
        assert!(cut > Lsn(200));
        for name in ["acme", "core"] {
            trade(&Shop::of(&engine, name), "after", 20);
        }
        engine.handle().create_merchant("late").unwrap();
        let digest = engine.stop();
        for shards in SHARDS {
            let engine = start(storage.clone(), shards);
            let handle = engine.handle();
            assert!(handle.registry().merchant("late").is_some());
            assert!(handle.registry().key(blake3::hash(secret.1.as_bytes()).as_bytes()).is_some());
            assert_eq!(engine.stop(), digest);
        }
        // Without the snapshots the log alone says the same.
        storage.remove_dir_all("snapshots").unwrap();
        assert_eq!(start(storage, 2).stop(), digest);
    }
}

#[test]
fn a_damaged_snapshot_is_left_out() {
    let storage = Arc::new(SimStorage::default());
    let engine = start(storage.clone(), 2);
    let shop = Shop::of(&engine, "acme");
    trade(&shop, "a", 30);
    engine.handle().snapshot().unwrap();
    trade(&shop, "b", 30);
    let newest = engine.handle().snapshot().unwrap();
    drop(shop);
    let digest = engine.stop();
    let path = format!("snapshots/{:020}.gen/chunks", newest.0);
    let bytes = storage.open(&path).unwrap().len().unwrap();
    for position in (0..bytes).step_by(97) {
        let damaged = Arc::new(storage.fork());
        damaged.flip_bit(&path, position * 8 + position % 8);
        assert_eq!(start(damaged, 1).stop(), digest, "byte {position}");
    }
}

#[test]
fn a_log_that_ends_before_its_snapshot_is_refused() {
    let storage = Arc::new(SimStorage::default());
    let engine = start(storage.clone(), 1);
    let shop = Shop::of(&engine, "acme");
    trade(&shop, "a", 30);
    let older = storage.fork();
    trade(&shop, "b", 30);
    engine.handle().snapshot().unwrap();
    drop(shop);
    engine.stop();
    // The log is copied back from an older time, the snapshot stays.
    let path = "log/00000000000000000001.seg";
    let file = older.open(path).unwrap();
    let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
    file.read_at(0, &mut bytes).unwrap();
    storage.damage(path, |now| *now = bytes);
    match try_start(storage, 1).map(|_| ()) {
        Err(StartError::Behind { had, last, .. }) => assert!(had > last),
        other => panic!("{other:?}"),
    }
}

/// Asks again as a gateway does: searches the index and comes back with what it found out.
fn again(shop: &Shop, ask: impl Fn() -> Ask, key: Option<&str>) -> Result<Lsn, Answer> {
    let mut known = Known::default();
    loop {
        match shop.client.submit(ask(), key, known.clone()) {
            Answer::Repeats { lsn, .. } => return Ok(lsn),
            Answer::Perhaps { hash, by_key, .. } => {
                let runs = shop.client.handle.index().runs();
                known.of(by_key).searched = runs.covered().0;
                if let Some(lsn) = runs.find(hash).unwrap().first() {
                    return Ok(*lsn);
                }
            }
            other => return Err(other),
        }
    }
}

#[test]
fn what_left_memory_is_found_in_the_index() {
    let storage = Arc::new(SimStorage::default());
    let (mut orders, mut bound) = (Vec::new(), Vec::new());
    let engine = start(storage.clone(), 2);
    let shop = Shop::of(&engine, "acme");
    shop.client.receive(shop.mug, shop.main, 5_000);
    for number in 0..1_300_u32 {
        let ask = shop.client.order_ask(shop.web, &number.to_string(), Policy::Reject, &[(shop.mug, 1)]);
        let (order, _) = accepted(shop.client.ask_with(ask, Some(&format!("key-{number}"))));
        let closed =
            number.is_multiple_of(10).then(|| recorded(&shop.client.ship(order, shop.main, vec![(0, 1)])));
        if number.is_multiple_of(100) {
            // It comes again under another key.
            let repeat = Ask::AnswerRepeat(RepeatAsk { order: OrderId(order.0), conflicts: false });
            let key = format!("again-{number}");
            bound.push((recorded(&shop.client.ask_with(repeat, Some(&key))), key));
        }
        orders.push((order, closed));
    }
    shop.client.handle.tidy().unwrap();
    let covered = shop.client.handle.index().covered();
    assert!(covered > orders[900].0 && covered < orders[1_299].0, "{covered}");
    drop(shop);
    engine.stop();
    let engine = start(storage.clone(), 1);
    let shop = Shop::of(&engine, "acme");
    for (number, (order, closed)) in (0_u32..).zip(&orders).step_by(13) {
        let external = number.to_string();
        let ask = || shop.client.order_ask(shop.web, &external, Policy::Reject, &[(shop.mug, 1)]);
        assert_eq!(again(&shop, ask, Some(&format!("key-{number}"))).unwrap(), *order);
        assert_eq!(again(&shop, ask, Some("another key")).unwrap(), *order, "by its external id");
        let read = shop.client.ask(Ask::Read(ReadAsk::Orders(vec![OrderId(order.0)])));
        let Answer::Read { read: ReadAnswer::Orders(read), .. } = read else { panic!("{read:?}") };
        let closing = shop.client.handle.closing_record(shop.client.merchant, OrderId(order.0)).unwrap();
        match &read[0] {
            OrderRead::Open(_) => assert_eq!(*closed, None),
            OrderRead::Closed(lsn) => assert_eq!(*closed, Some(*lsn)),
            OrderRead::Absent => assert!(closed.is_some() && closing == *closed),
        }
    }
    for (lsn, key) in &bound {
        let ask = || shop.client.order_ask(shop.web, key, Policy::Reject, &[(shop.mug, 1)]);
        assert_eq!(again(&shop, ask, Some(key)).unwrap(), *lsn, "another order under {key}");
    }
    // New ones are new, false hits of the filters included.
    for number in 0..300 {
        let external = format!("new-{number}");
        let ask = || shop.client.order_ask(shop.web, &external, Policy::Reject, &[(shop.mug, 1)]);
        assert!(matches!(again(&shop, ask, Some(&external)), Err(Answer::Accepted { .. })));
    }
}

/// A filter lets a new key pass by mistake: what stands behind that line in its body waits for it, and nothing else.
#[test]
fn what_stands_behind_a_false_hit_in_its_body_is_not_decided_before_it() {
    let engine = start(Arc::new(SimStorage::default()), 1);
    let shop = Shop::of(&engine, "acme");
    trade(&shop, "a", 500);
    shop.client.handle.tidy().unwrap();
    let (first, none) = (shop.client.false_hit(), Known::default());
    let (checked, sellable) = (StockState::QualityControl, StockState::Sellable);
    let ask = |movement| {
        let (sku, location, reason, reference) = (shop.mug, shop.main, "received".into(), None);
        Ask::MoveStock(StockAsk { sku, location, movement, reason, reference })
    };
    let receive = || ask(Movement::Receive { state: checked, quantity: 5 });
    let release = || ask(Movement::Move { from: checked, to: sellable, quantity: 5 });
    let lines = vec![(receive(), &*first, none.clone()), (release(), "second", none.clone())];
    let answers = shop.client.submit_lines(1, lines);
    let [Answer::Perhaps { by_key: true, .. }, Answer::Behind { .. }] = &answers[..] else {
        panic!("{answers:?}")
    };
    // The next batch of that body was on its way already; another request was too, and is decided.
    let answers = shop.client.submit_lines(1, vec![(release(), "third", none.clone())]);
    assert!(matches!(answers[..], [Answer::Behind { .. }]), "{answers:?}");
    recorded(&shop.client.ask_with(receive(), Some("alone")));
    recorded(
        &shop.client.ask_with(ask(Movement::Move { from: checked, to: sellable, quantity: 5 }), Some("too")),
    );
    let searched = shop.client.handle.index().runs().covered().0;
    let known = Known { key: Findings { searched, ..Findings::default() }, ..Known::default() };
    let lines = vec![(receive(), &*first, known), (release(), "second", none.clone())];
    for answer in shop.client.submit_lines(2, lines) {
        recorded(&answer);
    }
    // The third is refused, since nothing is left; but it was decided in its turn.
    let answers = shop.client.submit_lines(2, vec![(release(), "third", none)]);
    assert!(matches!(answers[..], [Answer::Recorded { .. }]), "{answers:?}");
}

#[test]
fn a_crash_behind_the_path_of_the_orders_changes_nothing() {
    let story = |storage: &Arc<SimStorage>| {
        let engine = start(storage.clone(), 1);
        let shop = Shop::of(&engine, "acme");
        trade(&shop, "a", 700);
        (engine, shop)
    };
    let (before, after, digest) = {
        let storage = Arc::new(SimStorage::default());
        let (engine, shop) = story(&storage);
        let before = storage.ops();
        engine.handle().snapshot().unwrap();
        engine.handle().tidy().unwrap();
        let after = storage.ops();
        drop(shop);
        (before, after, engine.stop())
    };
    assert!(after > before + 40);
    let calls = after - before;
    let step = usize::try_from(calls / 12).unwrap();
    let mut failures = 0;
    for call in (0..calls).step_by(step) {
        let storage = Arc::new(SimStorage::default());
        let (engine, shop) = story(&storage);
        // Counted from here: how many calls the story took is not the same each time, threads being threads.
        storage.die_at(storage.ops() + call);
        // What fails here fails behind the path; what was acknowledged stays.
        let failed = engine.handle().snapshot().is_err() || engine.handle().tidy().is_err();
        failures += usize::from(failed);
        drop(shop);
        std::mem::forget(engine);
        storage.crash(if call.is_multiple_of(2) { Crash::LoseAll } else { Crash::Torn(call) });
        let engine = start(storage.clone(), 2);
        let ask = |shop: &Shop| shop.client.order_ask(shop.web, "a-1", Policy::Backorder, &[(shop.mug, 2)]);
        let shop = Shop::of(&engine, "acme");
        assert!(again(&shop, || ask(&shop), None).is_ok(), "call {call}: an order was forgotten");
        drop(shop);
        assert_eq!(engine.stop(), digest, "call {call}, failed: {failed}");
    }
    assert!(failures >= 10, "only {failures} of the calls that were to fail were made");
}

#[test]
fn a_log_is_refused_with_the_key_of_another() {
    let storage = Arc::new(SimStorage::default());
    let engine = start(storage.clone(), 1);
    trade(&Shop::of(&engine, "acme"), "a", 20);
    engine.stop();
    let before: Vec<String> = storage.files();
    let (clock, on_failure): (_, OnFailure) = (Arc::new(ManualClock::at(1)), Arc::new(|_| {}));
    let other = Fingerprints::with_key([4; 32]);
    let started = Engine::start(Disk::simulated(&storage), other, clock, &config(1), on_failure);
    assert!(matches!(started.map(|_| ()), Err(StartError::OtherKey)));
    assert_eq!(storage.files(), before, "nothing was changed");
    assert!(try_start(storage, 1).is_ok());
}
