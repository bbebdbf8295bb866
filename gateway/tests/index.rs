//! What the index on disk does to requests: a filter that is wrong, a run that cannot be read, a disk that is slow.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::inside::Inside;
use common::{expect, lines_of};
use onhand_engine::snapshots::storage::Storage;

/// A filter lets the key of the first line pass by mistake. The second line needs what the first one does.
#[test]
fn lines_of_a_body_are_decided_in_their_order_also_behind_a_false_hit() {
    let server = Inside::start();
    server.fill_segment();
    server.handle.tidy().unwrap();
    let receive = |key: &str| {
        format!(
            r#"{{"type":"receive","sku":"MUG","location":"main","quantity":5,"state":"quality_control","idempotency_key":"{key}"}}"#
        )
    };
    let release = |key: &str| {
        format!(
            r#"{{"type":"move","sku":"MUG","location":"main","quantity":5,"from":"quality_control","to":"sellable","reason":"other","idempotency_key":"{key}"}}"#
        )
    };
    let key = server.false_hit();
    // More lines than one message takes: those behind are on their way when the first one comes back.
    let pairs = (0..100).flat_map(|pair| [receive(&format!("in-{pair}")), release(&format!("out-{pair}"))]);
    let lines: Vec<String> = [receive(&key), release("out")].into_iter().chain(pairs).collect();
    let body = lines.join("\n");
    let statuses = || {
        let (_, _, answer) = server.ask("POST", "/v1/stock/movements/bulk", "body", &body);
        let lines = lines_of(&answer);
        lines.iter().map(|line| (line["line"].as_u64(), line["status"].as_u64())).collect::<Vec<_>>()
    };
    let wanted: Vec<_> = (1..=202).map(|line| (Some(line), Some(201))).collect();
    assert_eq!(statuses(), wanted);
    assert_eq!(statuses(), wanted, "and stays so");
    let (_, _, stock) = server.ask("GET", "/v1/stock/MUG", "read", "");
    assert_eq!(stock["locations"][0]["on_hand"], 515, "nothing was done twice");
}

/// That the record which closed an order cannot be read does not mean that there is no such order.
#[test]
fn an_order_whose_closing_record_is_damaged_is_not_missing() {
    let server = Inside::start();
    let id = server.closed_order("1");
    let path = format!("/v1/orders/{id}");
    assert_eq!(server.ask("GET", &path, "read", "").2["status"], "cancelled");
    // The second segment has the closing record, in whatever form the segment is by now.
    let names = server.storage.list("log").unwrap();
    let mut names: Vec<_> = names.iter().filter(|name| name.starts_with("0")).collect();
    names.sort();
    server
        .storage
        .damage(&format!("log/{}", names[1]), |bytes| bytes.iter_mut().for_each(|byte| *byte ^= 0x55));
    expect(&server.ask("GET", &path, "read", ""), 500, "internal_error", "");
}
