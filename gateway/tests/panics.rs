//! A panic in a rule, over HTTP: where a command is decided it is a 500 and nothing else; where an event happens its
//! merchant gets 503 until it is built again, and the record that was written counts once. Others go on either way.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::inside::Inside;
use common::{ORDER, ask, expect};
use onhand_engine::domain::planted::{Bug, plant};
use serde_json::Value;

fn order(number: u32) -> String {
    ORDER.replace(r#""external_id":"1""#, &format!(r#""external_id":"{number}""#))
}

/// One test, since one bug is planted at a time in the whole process.
#[test]
fn a_panic_in_a_rule_is_an_answer_with_a_code_and_harms_nobody_else() {
    let server = Inside::start();
    let other = server.other_merchant();
    let mug = |server: &Inside| server.ask("GET", "/v1/stock/MUG", "read", "").2["locations"][0].clone();

    let (before, last) = (mug(&server), server.handle.durable());
    plant(Bug::PanicInDecide);
    expect(&server.ask("POST", "/v1/orders", "a", &order(1)), 500, "internal_error", "");
    assert_eq!((mug(&server), server.handle.durable()), (before, last), "nothing was done");
    assert_eq!(server.ask("POST", "/v1/orders", "a", &order(1)).0, 201);

    let committed = |server: &Inside| mug(server)["committed"].clone();
    assert_eq!(committed(&server), 2);
    // The keeper builds the merchant again: it is kept from it until the refusals were seen.
    let keeper = server.handle.hold_keeper();
    plant(Bug::PanicInEvolve);
    for (key, number) in [("b", 2), ("b", 2), ("c", 3)] {
        let answer = server.ask("POST", "/v1/orders", key, &order(number));
        expect(&answer, 503, "not_ready", "");
        assert!(answer.1.to_ascii_lowercase().contains("\r\nretry-after: "), "{}", answer.1);
    }
    expect(&server.ask("GET", "/v1/stock/MUG", "read", ""), 503, "not_ready", "");
    let well = ask(&server.address, "POST", "/v1/orders", &other, &[("idempotency-key", "b")], &order(2));
    assert_eq!(well.0, 201, "{}", well.2);
    drop(keeper);
    server.handle.tidy().unwrap();
    let (status, head, placed) = server.ask("POST", "/v1/orders", "b", &order(2));
    assert!(status == 201 && is_repeat(&head), "it was recorded: {head} {placed}");
    assert_eq!(placed["external_id"], Value::from("2"));
    assert_eq!(committed(&server), 4, "and counts once");
    assert_eq!(server.ask("POST", "/v1/orders", "c", &order(3)).0, 201);
    assert_eq!(committed(&server), 6);
}

fn is_repeat(head: &str) -> bool {
    head.to_ascii_lowercase().contains("idempotent-replayed: true")
}
