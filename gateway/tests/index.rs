//! What the index on disk does to requests: a filter that is wrong, a run that cannot be read, a disk that is slow.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::inside::Inside;
use common::{expect, lines_of};
use onhand_engine::snapshots::chunks::ChunkError;
use onhand_engine::snapshots::storage::Storage;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

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
    let server = server.restarted();
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

/// The worker serves others while an order is looked for on disk.
#[test]
fn a_worker_does_not_wait_for_the_index() {
    let server = Inside::start();
    let id = server.closed_order("1");
    let server = server.restarted();
    for path in [format!("/v1/orders/{id}"), "/v1/orders?status=cancelled".into()] {
        let (is_halted, go_on) = server.halt_index();
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| server.ask("GET", &path, "read", ""));
            is_halted.recv_timeout(Duration::from_secs(60)).unwrap();
            assert_eq!(server.ask("GET", "/healthz", "read", "").0, 200);
            go_on.send(()).unwrap();
            assert_eq!(asked.join().unwrap().0, 200);
        });
    }
}

/// What a page shows is looked for once, whether it is filtered by status or not.
#[test]
fn a_closed_order_of_a_page_is_looked_for_once() {
    let server = Inside::start();
    let id = server.closed_order("1");
    let server = server.restarted();
    let reads_of = |path: &str| {
        let reads = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&reads);
        server.on_index_read(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(())
        });
        assert_eq!(server.ask("GET", path, "read", "").0, 200);
        reads.load(Ordering::SeqCst)
    };
    let path = format!("/v1/orders/{id}");
    // The first one opens the runs.
    assert!(reads_of(&path) > 0);
    let of_one = reads_of(&path);
    assert!(of_one > 0);
    assert_eq!(reads_of("/v1/orders"), of_one);
    assert_eq!(reads_of("/v1/orders?status=cancelled"), of_one);
}

/// Only damage is a matter for the operator: anything else may be over when the request comes again.
#[test]
fn an_index_that_cannot_be_read_now_is_tried_again_and_then_not_called_damaged() {
    let server = Inside::start();
    server.fill_segment();
    server.handle.tidy().unwrap();
    let server = server.restarted();
    let body = r#"{"type":"receive","sku":"MUG","location":"main","quantity":10}"#;
    let ask = || server.ask("POST", "/v1/stock/movements", "set-up-5", body);
    let no_handle = || ChunkError::Io { path: "a run".into(), source: std::io::Error::from_raw_os_error(24) };
    let mut is_first = true;
    server.on_index_read(move || if std::mem::take(&mut is_first) { Err(no_handle()) } else { Ok(()) });
    let answer = ask();
    assert_eq!(answer.0, 201);
    assert!(answer.1.contains("idempotent-replayed: true"), "{}", answer.1);
    for error in [no_handle, || ChunkError::Busy { path: "a run".into() }] {
        server.on_index_read(move || Err(error()));
        let answer = ask();
        expect(&answer, 503, "storage_unavailable", "");
        assert!(answer.1.contains("retry-after: 1"), "{}", answer.1);
    }
    server.on_index_read(|| Err(ChunkError::Damaged { path: "a run".into(), what: "a bit".into() }));
    expect(&ask(), 500, "internal_error", "");
    server.on_index_read(|| Ok(()));
    assert_eq!(ask().0, 201);
}

/// As long as the bulk bodies of a worker have all under way that they may, no other is begun; those that were go on.
#[test]
fn a_bulk_body_is_refused_while_the_others_have_all_that_they_may() {
    let server = Inside::start();
    server.fill_segment();
    server.handle.tidy().unwrap();
    // One line under way is more than that.
    let server = server.restarted_with(1);
    let lines: Vec<_> =
        (0..3).map(|_| r#"{"type":"receive","sku":"MUG","location":"main","quantity":10}"#).collect();
    let body = lines.join("\n");
    let ask = |key: &str, body: &str| server.ask("POST", "/v1/stock/movements/bulk", key, body);
    let key = format!("{}\n{body}", lines[0].replace('}', r#","idempotency_key":"set-up-5"}"#));
    let (is_halted, go_on) = server.halt_index();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| ask("a", &key));
        is_halted.recv_timeout(Duration::from_secs(60)).unwrap();
        let refused = ask("b", &body);
        expect(&refused, 503, "bulk_overloaded", "");
        assert!(refused.1.contains("retry-after: 1"), "{}", refused.1);
        go_on.send(()).unwrap();
        let lines = lines_of(&first.join().unwrap().2);
        assert!(lines.len() == 4 && lines.iter().all(|line| line["status"] == 201), "{lines:?}");
    });
    assert_eq!(lines_of(&ask("b", &body).2).len(), 3);
    let (_, _, metrics) = server.ask("GET", "/metrics", "read", "");
    assert!(metrics.as_str().unwrap().contains(r#"onhand_overload_refusals_total{scope="bulk"} 1"#));
}
