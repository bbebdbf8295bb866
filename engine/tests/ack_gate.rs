//! J1: no answer before the record it rests on is durable.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Client, SHARDS, accepted, config, recovered, start_on, stock_ask};
use onhand_engine::ask::{Answer, Movement};
use onhand_engine::domain::order::Policy;
use onhand_engine::domain::sku::StockState;
use onhand_engine::keys::Known;
use onhand_engine::snapshots::Disk;
use onhand_engine::snapshots::storage::{Crash, SimStorage};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// Whoever has an answer finds its record durable at that very moment; checked a hundred times, because a
/// gate that leaks does so only now and then. With the gate left open (`fault-ack-early`) answers run ahead of the disk.
#[test]
fn an_answer_waits_for_its_record() {
    for shards in SHARDS {
        let storage = SimStorage::default();
        let failed = Arc::new(AtomicBool::new(false));
        let engine = start_on(Disk::simulated(&storage), &config(shards), &failed).unwrap();
        let client = Client::of(&engine, "acme");
        let (_, web, mug) = client.stocked(1_000);
        for number in 0..99 {
            let (lsn, _) = accepted(client.order(web, &number.to_string(), Policy::Reject, &[(mug, 1)]));
            assert!(client.handle.durable() >= lsn);
        }
        // From here on every sync fails: nothing more becomes durable, and nothing more may be answered.
        storage.die_at(0);
        let ask = client.order_ask(web, "last", Some(Policy::Reject), &[(mug, 1)]);
        let answer = client.try_submit(ask, None, Known::default(), &failed);
        assert!(answer.is_none(), "an order was answered that no disk has: {answer:?}");
        drop(client);
        std::mem::forget(engine);
        storage.crash(Crash::LoseAll);
        recovered(&storage, |engine| {
            let client = Client::of(engine, "acme");
            for number in 0..99 {
                let answer = client.order(web, &number.to_string(), Policy::Reject, &[(mug, 1)]);
                assert!(matches!(answer, Answer::Repeats { .. }), "{answer:?}");
            }
        });
    }
}

/// The system's own work cannot be written any more; it is left to the next start, and nobody waits for it.
#[test]
fn an_engine_without_its_log_stops_though_somebody_waits() {
    for shards in SHARDS {
        let storage = SimStorage::default();
        let failed = Arc::new(AtomicBool::new(false));
        let engine = start_on(Disk::simulated(&storage), &config(shards), &failed).unwrap();
        let client = Client::of(&engine, "acme");
        let main = client.location("main");
        let web = client.channel("web", &[main]);
        let mug = client.sku("MUG");
        // So many lines that a shard serves them in forty turns: the log fails long before the last.
        for number in 0..8 {
            let lines = [(mug, 1); 1_200];
            accepted(client.order(web, &number.to_string(), Policy::Backorder, &lines));
        }
        storage.die_at(0);
        let receive = Movement::Receive { state: StockState::Sellable, quantity: 9_600 };
        let answer = client.try_submit(stock_ask(mug, main, receive), None, Known::default(), &failed);
        assert!(answer.is_none(), "{answer:?}");
        drop(client);
        let (sender, stopped) = sync_channel(1);
        std::thread::spawn(move || sender.send(engine.stop().is_some()));
        let stopped = stopped.recv_timeout(Duration::from_secs(60));
        assert_eq!(stopped, Ok(true), "a shard waits for a log that takes nothing more");
    }
}
