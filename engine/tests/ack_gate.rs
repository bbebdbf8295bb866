//! J1: no answer before the record it rests on is durable.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Client, accepted, start, try_start};
use onhand_engine::ask::Answer;
use onhand_engine::domain::order::Policy;
use onhand_engine::snapshots::storage::{Crash, SimStorage};
use std::sync::Arc;

/// Whoever has an answer finds its record durable at that very moment; checked a hundred times, because a
/// gate that leaks does so only now and then. With the gate left open (`fault-ack-early`) answers run ahead of the disk.
#[test]
fn an_answer_waits_for_its_record() {
    let storage = Arc::new(SimStorage::default());
    let engine = start(storage.clone(), 1);
    let client = Client::of(&engine, "acme");
    let main = client.location("main");
    let web = client.channel("web", &[main]);
    let mug = client.sku("MUG");
    client.receive(mug, main, 1_000);
    for number in 0..100 {
        // From here on every sync fails: nothing more becomes durable, and nothing more may be answered.
        if number == 99 {
            storage.die_at(0);
            let ask = client.order_ask(web, "last", Policy::Reject, &[(mug, 1)]);
            let answer = client.try_ask(ask);
            assert!(answer.is_none(), "an order was answered that no disk has: {answer:?}");
            break;
        }
        let (lsn, _) = accepted(client.order(web, &number.to_string(), Policy::Reject, &[(mug, 1)]));
        assert!(client.handle.durable() >= lsn);
    }
    drop(client);
    std::mem::forget(engine);
    storage.crash(Crash::LoseAll);
    let engine = try_start(storage, 1).unwrap();
    let client = Client::of(&engine, "acme");
    let web = client.directory.channel("web").unwrap();
    let mug = client.directory.sku("MUG").unwrap().number;
    for number in 0..99 {
        let answer = client.order(web, &number.to_string(), Policy::Reject, &[(mug, 1)]);
        assert!(matches!(answer, Answer::Repeats { .. }), "{answer:?}");
    }
}
