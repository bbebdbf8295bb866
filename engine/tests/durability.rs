//! Snapshots, the index and archives under a running engine: a start from them ends in the same state as a
//! start from the log alone, and nothing acknowledged is lost or applied twice.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Client, SHARDS, accepted, config, recorded, recovered, start, try_start, with_each};
use onhand_engine::ask::{Answer, Ask, Movement, OrderRead, RepeatAsk, StockAsk};
use onhand_engine::clock::ManualClock;
use onhand_engine::domain::order::Policy;
use onhand_engine::domain::sku::StockState;
use onhand_engine::domain::{ChannelNumber, LocationNumber, OrderId, SkuNumber};
use onhand_engine::keys::{Findings, Known};
use onhand_engine::secrets::Fingerprints;
use onhand_engine::snapshots::storage::{SimStorage, Storage};
use onhand_engine::snapshots::{Disk, Lsn};
use onhand_engine::{Engine, OnFailure, StartError};
use std::sync::Arc;

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
        let ask = || self.client.order_ask(self.web, external_id, Some(policy), &[(self.mug, quantity)]);
        again(self, ask, None).unwrap_err()
    }

    fn one_mug(&self, external_id: &str) -> Ask {
        self.client.order_ask(self.web, external_id, Some(Policy::Reject), &[(self.mug, 1)])
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
    with_each(|shards| {
        let storage = SimStorage::default();
        let engine = start(&storage, shards);
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
        let again = recovered(&storage, |engine| {
            let handle = engine.handle();
            assert!(handle.registry().merchant("late").is_some());
            assert!(handle.registry().key(blake3::hash(secret.1.as_bytes()).as_bytes()).is_some());
        });
        assert_eq!(again, digest);
        // Without the snapshots the log alone says the same.
        storage.remove_gently("snapshots").unwrap();
        assert_eq!(recovered(&storage, |_| {}), digest);
        digest
    });
}

#[test]
fn a_damaged_snapshot_is_left_out() {
    with_each(|shards| {
        let storage = SimStorage::default();
        let engine = start(&storage, shards);
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
            let damaged = storage.fork();
            damaged.flip_bit(&path, position * 8 + position % 8);
            assert_eq!(recovered(&damaged, |_| {}), digest, "byte {position}");
        }
        digest
    });
}

#[test]
fn a_log_that_ends_before_its_snapshot_is_refused() {
    for shards in SHARDS {
        let storage = SimStorage::default();
        let engine = start(&storage, shards);
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
        for shards in SHARDS {
            match try_start(&storage.fork(), shards).map(|_| ()) {
                Err(StartError::Behind { had, last, .. }) => assert!(had > last),
                other => panic!("{other:?}"),
            }
        }
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

/// What a merchant was answered until most of it left memory.
struct Past {
    /// The orders by number, with what closed them.
    orders: Vec<(Lsn, Option<Lsn>)>,
    /// Keys of requests that an earlier record answered.
    bound: Vec<(Lsn, String)>,
}

impl Past {
    fn of(shop: &Shop) -> Self {
        let (mut orders, mut bound) = (Vec::new(), Vec::new());
        shop.client.receive(shop.mug, shop.main, 5_000);
        for number in 0..1_300_u32 {
            let ask = shop.one_mug(&number.to_string());
            let (order, _) = accepted(shop.client.ask_with(ask, Some(&format!("key-{number}"))));
            let closed = number
                .is_multiple_of(10)
                .then(|| recorded(&shop.client.ship(order, shop.main, vec![(0, 1)])));
            if number.is_multiple_of(100) {
                // It comes again under another key.
                let repeat = Ask::AnswerRepeat(RepeatAsk { order: OrderId(order.0), conflicts: false });
                let key = format!("again-{number}");
                bound.push((recorded(&shop.client.ask_with(repeat, Some(&key))), key));
            }
            orders.push((order, closed));
        }
        Self { orders, bound }
    }

    /// All of it is found, in memory or in the index.
    fn is_known_to(&self, shop: &Shop) {
        for (number, (order, closed)) in (0_u32..).zip(&self.orders).step_by(13) {
            let ask = || shop.one_mug(&number.to_string());
            assert_eq!(again(shop, ask, Some(&format!("key-{number}"))).unwrap(), *order);
            assert_eq!(again(shop, ask, Some("another key")).unwrap(), *order, "by its external id");
            let closing = shop.client.handle.closing_record(shop.client.merchant, OrderId(order.0)).unwrap();
            match shop.client.orders(&[OrderId(order.0)]).0.remove(0) {
                OrderRead::Open(_) => assert_eq!(*closed, None),
                OrderRead::Closed(lsn) => assert_eq!(*closed, Some(lsn)),
                OrderRead::Absent => assert!(closed.is_some() && closing == *closed),
            }
        }
        for (lsn, key) in &self.bound {
            assert_eq!(
                again(shop, || shop.one_mug(key), Some(key)).unwrap(),
                *lsn,
                "another order under {key}"
            );
        }
    }
}

/// A filter lets a new key pass by mistake: what stands behind that line in its body waits for it, and nothing else.
#[test]
fn what_stands_behind_a_false_hit_in_its_body_is_not_decided_before_it() {
    let engine = start(&SimStorage::default(), 1);
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

/// What was found out of a key says nothing of the external id, and the other way round.
#[test]
fn a_search_for_one_key_is_none_for_the_other() {
    let storage = SimStorage::default();
    let engine = start(&storage, 1);
    let shop = Shop::of(&engine, "acme");
    let past = Past::of(&shop);
    shop.client.handle.tidy().unwrap();
    drop(shop);
    engine.stop();
    // From then on only the index knows it.
    let engine = start(&storage, 1);
    let shop = Shop::of(&engine, "acme");
    let (order, _) = past.orders[1];
    let searched =
        Findings { searched: shop.client.handle.index().runs().covered().0, not_repeats: vec![order] };
    let ask = |known| shop.client.submit(shop.one_mug("1"), Some("key-1"), known);
    // The record of the key is too old to be one; the order's own number is remembered for ever.
    let by_key = Known { key: searched.clone(), ..Known::default() };
    assert!(matches!(ask(by_key), Answer::Perhaps { by_key: false, .. }));
    let by_id = Known { external: searched.clone(), ..Known::default() };
    assert!(matches!(ask(by_id), Answer::Perhaps { by_key: true, .. }));
    accepted(ask(Known { key: searched.clone(), external: searched }));
}

#[test]
fn what_left_memory_is_found_in_the_index() {
    with_each(|shards| {
        let storage = SimStorage::default();
        let engine = start(&storage, shards);
        let shop = Shop::of(&engine, "acme");
        let past = Past::of(&shop);
        shop.client.handle.tidy().unwrap();
        let covered = shop.client.handle.index().covered();
        assert!(covered > past.orders[900].0 && covered < past.orders[1_299].0, "{covered}");
        drop(shop);
        engine.stop();
        recovered(&storage, |engine| {
            let shop = Shop::of(engine, "acme");
            past.is_known_to(&shop);
            // New ones are new, false hits of the filters included.
            for number in 0..300 {
                let external = format!("new-{number}");
                let answer = again(&shop, || shop.one_mug(&external), Some(&external));
                assert!(matches!(answer, Err(Answer::Accepted { .. })));
            }
        })
    });
}

#[test]
fn a_log_is_refused_with_the_key_of_another() {
    for shards in SHARDS {
        let storage = SimStorage::default();
        let engine = start(&storage, shards);
        trade(&Shop::of(&engine, "acme"), "a", 20);
        let digest = engine.stop();
        let before: Vec<String> = storage.files();
        for shards in SHARDS {
            let (clock, on_failure): (_, OnFailure) = (Arc::new(ManualClock::at(1)), Arc::new(|_| {}));
            let other = Fingerprints::with_key([4; 32]);
            let started = Engine::start(Disk::simulated(&storage), other, clock, &config(shards), on_failure);
            assert!(matches!(started.map(|_| ()), Err(StartError::OtherKey)));
            assert_eq!(storage.files(), before, "nothing was changed");
        }
        assert_eq!(recovered(&storage, |_| {}), digest);
    }
}
