//! The path of an order through a running engine, and its way back from the log, with 1, 2 and 5 shards.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Client, SHARDS, accepted, recorded, recovered, start, with_each};
use onhand_engine::Class;
use onhand_engine::ask::{Answer, Ask, Movement, OrderRead, RepeatAsk};
use onhand_engine::domain::OrderId;
use onhand_engine::domain::order::Policy;
use onhand_engine::keys::{Findings, Known};
use onhand_engine::record::order::RepeatAnsweredV1;
use onhand_engine::record::{Header, Kind, decode};
use onhand_engine::snapshots::Lsn;
use onhand_engine::snapshots::storage::{Crash, SimStorage};

/// A day of three merchants; leaves open, waiting, short and closed orders behind.
fn day(engine: &onhand_engine::Engine) {
    for name in ["acme", "bolt", "core"] {
        let client = Client::of(engine, name);
        let (main, east) = (client.location("main"), client.location("east"));
        let web = client.channel("web", &[main, east]);
        let (mug, cup) = (client.sku("MUG"), client.sku("CUP"));
        client.receive(mug, main, 10);
        client.receive(mug, east, 5);
        let (first, claims) = accepted(client.order(web, "1", Policy::Reject, &[(mug, 6)]));
        assert_eq!(claims[..], [(0, main, 6)]);
        let (second, _) = accepted(client.order(web, "2", Policy::Backorder, &[(mug, 12), (cup, 3)]));
        assert!(matches!(client.order(web, "3", Policy::Reject, &[(mug, 1)]), Answer::Refused { .. }));
        client.receive(cup, main, 2);
        client.receive(mug, main, 1);
        recorded(&client.ship(first, main, vec![(0, 6)]));
        recorded(&client.cancel(second, Some(vec![(0, 1)])));
        client.move_stock(mug, east, Movement::Set { expected: 5, new: 1 });
        let stock = client.stock(mug);
        // 16 in, 6 shipped, 4 lost; 11 still wanted, of which 6 are there.
        assert_eq!(stock.levels.iter().map(|level| level.committed()).sum::<u32>(), 6);
        assert_eq!((stock.backordered, stock.short), (1, 4));
        let (third, _) = accepted(client.order(web, "4", Policy::Backorder, &[(cup, 1)]));
        recorded(&client.cancel(third, None));
    }
}

#[test]
fn a_day_ends_in_the_same_state_whatever_the_shards() {
    let digest = with_each(|shards| {
        let storage = SimStorage::default();
        let engine = start(&storage, shards);
        day(&engine);
        let digest = engine.stop();
        assert_eq!(recovered(&storage, |_| {}), digest, "what {shards} shards wrote");
        digest
    });
    assert_ne!(digest, 0);
}

#[test]
fn a_crash_loses_no_answer() {
    with_each(|shards| {
        let storage = SimStorage::default();
        let engine = start(&storage, shards);
        day(&engine);
        let before = engine.handle().durable();
        // The process is gone: what it had in memory is lost, and so is what it had not synced.
        std::mem::forget(engine);
        storage.crash(Crash::LoseAll);
        recovered(&storage, |engine| {
            assert!(engine.report().last >= before);
            let client = Client::of(engine, "bolt");
            let web = client.directory.channel("web").unwrap();
            let mug = client.directory.sku("MUG").unwrap().number;
            let repeated = client.order(web, "1", Policy::Reject, &[(mug, 6)]);
            assert!(matches!(repeated, Answer::Repeats { by_key: false, .. }), "{repeated:?}");
            assert_eq!(client.stock(mug).short, 4);
        })
    });
}

#[test]
fn the_same_key_is_decided_once() {
    with_each(|shards| {
        let storage = SimStorage::default();
        let engine = start(&storage, shards);
        let client = Client::of(&engine, "acme");
        let (main, web, mug) = client.stocked(3);
        let ask =
            |client: &Client, external| client.order_ask(web, external, Some(Policy::Reject), &[(mug, 2)]);
        let (order, _) = accepted(client.ask_with(ask(&client, "1"), Some("k1")));
        for _ in 0..2 {
            match client.ask_with(ask(&client, "1"), Some("k1")) {
                Answer::Repeats { lsn, by_key: true, .. } => assert_eq!(lsn, order),
                other => panic!("{other:?}"),
            }
        }
        // A refusal binds its key, also after stock came, and also after a restart.
        let refused = client.ask_with(ask(&client, "2"), Some("k2"));
        let Answer::Refused { lsn: refusal, .. } = refused else { panic!("{refused:?}") };
        client.receive(mug, main, 10);
        drop(client);
        engine.stop();
        recovered(&storage, |engine| {
            let client = Client::of(engine, "acme");
            match client.ask_with(ask(&client, "2"), Some("k2")) {
                Answer::Repeats { lsn, by_key: true, .. } => assert_eq!(lsn, refusal),
                other => panic!("{other:?}"),
            }
            // But the refused order can be placed again under another key; and a collision of hashes is not a repeat.
            accepted(client.ask_with(ask(&client, "2"), Some("k3")));
            let key = Findings { not_repeats: vec![order], searched: 0 };
            let known = Known { key, ..Known::default() };
            // Nor is it one of its own order if the key is too old, but the external id is remembered for ever.
            match client.submit(ask(&client, "1"), Some("k1"), known.clone()) {
                Answer::Repeats { lsn, by_key: false, .. } => assert_eq!(lsn, order),
                other => panic!("{other:?}"),
            }
            accepted(client.submit(ask(&client, "9"), Some("k1"), known));
        })
    });
}

/// The record by whose key a request was known.
fn seen(answer: Answer) -> Lsn {
    match answer {
        Answer::Repeats { lsn, by_key: true, .. } => lsn,
        other => panic!("{other:?}"),
    }
}

/// What a line before it in the same batch has done, a line knows.
#[test]
fn the_same_twice_in_one_batch_is_decided_once() {
    with_each(|shards| {
        let engine = start(&SimStorage::default(), shards);
        let client = Client::of(&engine, "acme");
        let (_, web, mug) = client.stocked(9);
        let line = |external: &str, key| {
            (client.order_ask(web, external, Some(Policy::Reject), &[(mug, 2)]), key, Known::default())
        };
        let lines = vec![line("1", "k1"), line("1", "k1"), line("1", "k2"), line("2", "k3"), line("3", "k3")];
        let answers = client.submit_lines(1, lines);
        let [first, same, under_another, second, other] = &answers[..] else { panic!("{answers:?}") };
        let (Answer::Accepted { lsn: first, .. }, Answer::Accepted { lsn: second, .. }) = (first, second)
        else {
            panic!("{answers:?}")
        };
        let known = |answer: &Answer, order: &Lsn, is_key| matches!(answer, Answer::Repeats { lsn, by_key, .. } if lsn == order && *by_key == is_key);
        assert!(known(same, first, true) && known(under_another, first, false), "{answers:?}");
        assert!(known(other, second, true), "{answers:?}");
        assert_eq!(client.stock(mug).levels[0].committed(), 4);
        drop(client);
        engine.stop()
    });
}

#[test]
fn a_repeat_under_another_key_binds_that_key_and_nothing_else() {
    with_each(|shards| {
        let storage = SimStorage::default();
        let engine = start(&storage, shards);
        let client = Client::of(&engine, "acme");
        let (_, web, mug) = client.stocked(9);
        let ask =
            |client: &Client, external| client.order_ask(web, external, Some(Policy::Reject), &[(mug, 2)]);
        let (order, _) = accepted(client.ask_with(ask(&client, "1"), Some("k1")));
        let bind = |key, conflicts| {
            let repeat = RepeatAsk { order: OrderId(order.0), conflicts };
            client.ask_with(Ask::AnswerRepeat(repeat), key)
        };
        let bound = [("k2", false), ("k3", true)].map(|(key, conflicts)| {
            let Answer::Recorded { lsn, record } = bind(Some(key), conflicts) else { panic!("{key}") };
            let (header, body) = Header::decode(&record).unwrap();
            assert_eq!(header.kind, Kind::RepeatAnswered);
            let answered = decode::<RepeatAnsweredV1>(body).unwrap();
            assert_eq!(answered, RepeatAnsweredV1 { order: order.0, conflicts });
            (key, lsn)
        });
        // A key that was bound meanwhile is not bound again, whatever it was bound to.
        assert_eq!(seen(bind(Some("k1"), false)), order);
        assert_eq!(seen(bind(Some("k2"), true)), bound[0].1);
        assert!(matches!(bind(None, false), Answer::Failed), "there is no key to bind");
        assert_eq!(engine.handle().durable(), bound[1].1, "nothing else was written");
        let are_bound = |client: &Client| {
            let next = bound.map(|(key, _)| seen(client.ask_with(ask(client, "2"), Some(key))));
            assert_eq!(next, bound.map(|(_, lsn)| lsn));
        };
        are_bound(&client);
        drop(client);
        let digest = engine.stop();
        let after = recovered(&storage, |engine| are_bound(&Client::of(engine, "acme")));
        assert_eq!(after, digest, "no order was placed and none changed");
        recovered(&storage, |engine| {
            let client = Client::of(engine, "acme");
            accepted(client.ask_with(ask(&client, "2"), Some("k4")));
        })
    });
}

#[test]
fn a_closed_order_leaves_memory_and_is_found() {
    with_each(|shards| {
        let storage = SimStorage::default();
        let engine = start(&storage, shards);
        let client = Client::of(&engine, "acme");
        let (main, web, mug) = client.stocked(3);
        let (order, _) = accepted(client.order(web, "1", Policy::Reject, &[(mug, 2)]));
        let shipped = recorded(&client.ship(order, main, vec![(0, 2)]));
        drop(client);
        engine.stop();
        recovered(&storage, |engine| {
            let client = Client::of(engine, "acme");
            let (orders, _) = client.orders(&[OrderId(order.0), OrderId(1)]);
            assert!(matches!(orders[0], OrderRead::Closed(lsn) if lsn == shipped));
            assert!(matches!(orders[1], OrderRead::Absent));
            assert!(matches!(client.cancel(order, None), Answer::Rejected { .. }));
        })
    });
}

#[test]
fn a_merchant_over_its_limit_is_refused_before_any_work() {
    for shards in SHARDS {
        let engine = start(&SimStorage::default(), shards);
        let (client, other) = (Client::of(&engine, "acme"), Client::of(&engine, "bolt"));
        for _ in 0..100 {
            client.handle.admit(&client.directory, Class::Change).unwrap();
        }
        assert!(client.handle.admit(&client.directory, Class::Change).is_err());
        other.handle.admit(&other.directory, Class::Change).unwrap();
        client.handle.dismiss(&client.directory);
        client.handle.admit(&client.directory, Class::Change).unwrap();
    }
}
