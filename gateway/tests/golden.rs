//! Data directories that releases left: each is opened by the binary of today, says what it said, and goes on.
//!
//! `cargo test -p onhand-gateway --test golden -- --ignored` makes those of the release of today, for a release. The
//! old ones are never written again: they are what users have.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::directory::{pack, unpack};
use common::golden::{Golden, SMALL, audited, home, send};
use common::{SCOPES, Server, administered, key, merchant, onhand, stocked};
use onhand_engine::record::header::KINDS;
use onhand_engine::snapshots::log::frame::{SECTOR_BYTES, parse_header};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Ended with a stop; killed, its last frame written in part; killed, without index, snapshots and archives.
const NAMES: [&str; 3] = ["ended", "killed", "log-only"];

const ORDER: &str = r#"{"external_id":"after","channel":"web","policy":"backorder","lines":[{"id":"1","sku":"MUG","quantity":1}]}"#;

/// The lines of an audit without how often something was checked: a later release may check more, but finds the same.
fn verdicts(audit: &str) -> BTreeSet<String> {
    let verdict = |line: &str| {
        line.rsplit_once(" (").filter(|(_, end)| end.ends_with("checks)")).map(|row| row.0.to_owned())
    };
    audit.lines().map(|line| verdict(line).unwrap_or_else(|| line.to_owned())).collect()
}

#[test]
fn what_a_release_left_is_opened_says_the_same_and_goes_on() {
    let all = Golden::all();
    for name in NAMES {
        assert!(all.iter().any(|golden| golden.name.ends_with(name)), "none is {name}");
    }
    for golden in all {
        let copy = golden.copy();
        let data = copy.path();
        let now = verdicts(&audited(data));
        let then = verdicts(golden.says["audit"].as_str().unwrap());
        let missing: Vec<&String> = then.difference(&now).collect();
        assert!(then.len() > 10 && missing.is_empty(), "{}: {missing:?}", golden.name);
        let server = Server::start_with(data, &SMALL);
        golden.answers(&server);
        // It goes on: with a new order, over a kill and over a stop.
        let order = json!({ "method": "POST", "path": "/v1/orders", "idempotency": "after", "body": ORDER });
        let placed = send(&server, golden.key(), &order);
        assert_eq!(placed.0, 201, "{}: {}", golden.name, placed.1);
        server.kill();
        let server = Server::start_with(data, &SMALL);
        assert_eq!(send(&server, golden.key(), &order), placed, "{}", golden.name);
        server.stop();
        assert!(audited(data).contains("every invariant holds"), "{}", golden.name);
    }
}

/// What is asked of a shop, one after the other: each kind of record comes of it.
fn story() -> Vec<Value> {
    let post = |path: &str, idempotency: &str, body: Value| json!({ "method": "POST", "path": path, "idempotency": idempotency, "body": body.to_string() });
    let order = |name: &str, policy: &str, sku: &str, quantity: Value| {
        let lines = json!([{ "id": "1", "sku": sku, "quantity": quantity, "unit_price": "12.50" }]);
        let customer = json!({ "name": "Ada Lovelace", "email": "ada@example.com", "city": "London" });
        let ship_to = json!({ "country": "GB", "postal_code": "N1 9GU" });
        post(
            "/v1/orders",
            &format!("order-{name}"),
            json!({
                "external_id": name, "channel": "web", "policy": policy, "currency": "GBP", "ship_to": ship_to,
                "placed_at": "2026-11-23T10:00:00Z", "customer": customer, "lines": lines,
            }),
        )
    };
    let moved = |name: &str, body: Value| post("/v1/stock/movements", &format!("move-{name}"), body);
    vec![
        order("open", "reject", "MUG", json!(2)),
        order("closed", "reject", "MUG", json!(3)),
        order("shipped", "reject", "MUG", json!(1)),
        order("erased", "reject", "MUG", json!(1)),
        order("refused", "reject", "MUG", json!(400)),
        order("waits", "backorder", "MUG", json!(20)),
        order("weighed", "reject", "TEA", json!("0.250")),
        moved("more", json!({ "type": "receive", "sku": "MUG", "location": "east", "quantity": 5 })),
        moved(
            "lost",
            json!({ "type": "adjust", "sku": "MUG", "location": "main", "delta": -4, "reason": "theft" }),
        ),
        moved(
            "broken",
            json!({
                "type": "move", "sku": "TEA", "location": "main", "from": "sellable", "to": "damaged",
                "quantity": "0.100", "reason": "damaged", "reference": "note 7",
            }),
        ),
        moved(
            "no",
            json!({
                "type": "set", "sku": "TEA", "location": "main", "expected": 7, "new": 8, "reason": "cycle_count",
            }),
        ),
    ]
}

/// What becomes of the orders, whose ids the answers gave.
fn later(id: impl Fn(&str) -> String) -> Vec<Value> {
    let change = |name: &str, what: &str, body: Value| {
        let path = format!("/v1/orders/{}/{what}", id(name));
        json!({ "method": "POST", "path": path, "idempotency": format!("{what}-{name}"), "body": body.to_string() })
    };
    let line = |quantity: u32| json!([{ "id": "1", "quantity": quantity }]);
    vec![
        change("closed", "cancel", json!({ "reason": "changed their mind" })),
        change("open", "cancel", json!({ "lines": line(1) })),
        change(
            "shipped",
            "fulfillments",
            json!({ "location": "main", "lines": line(1), "tracking_number": "T 1" }),
        ),
        change("shipped", "cancel", json!({})),
        json!({
            "method": "DELETE", "path": format!("/v1/orders/{}/customer", id("erased")),
            "idempotency": "erase", "body": "",
        }),
    ]
}

/// Reads of everything there is.
fn reads(orders: &[String]) -> Vec<Value> {
    let paths = [
        "/v1/stock?limit=500",
        "/v1/stock/MUG",
        "/v1/stock/TEA",
        "/v1/skus/MUG",
        "/v1/skus/TEA",
        "/v1/locations/main",
        "/v1/locations/east",
        "/v1/channels/web",
        "/v1/orders?limit=500",
        "/v1/orders?status=backordered",
        "/v1/orders?channel=web&external_id=closed",
    ];
    let orders = orders.iter().map(|id| format!("/v1/orders/{id}"));
    let paths = paths.into_iter().map(str::to_owned).chain(orders);
    paths.map(|path| json!({ "method": "GET", "path": path })).collect()
}

/// Sends requests and notes the answers in them.
fn noted(server: &Server, key: &str, asks: Vec<Value>) -> Vec<Value> {
    let note = |mut ask: Value| {
        let (status, answer) = send(server, key, &ask);
        ask["status"] = json!(status);
        ask["answer"] = answer;
        ask
    };
    asks.into_iter().map(note).collect()
}

/// Records enough for so many frames of one block each: some 257 fill a segment.
fn fill(server: &Server, key: &str, from: u32, frames: u32) {
    for number in from..from + frames {
        let body = r#"{"type":"receive","sku":"TEA","location":"main","quantity":"0.001"}"#;
        let ask = json!({
            "method": "POST", "path": "/v1/stock/movements", "idempotency": format!("fill-{number}"), "body": body,
        });
        assert_eq!(send(server, key, &ask).0, 201);
    }
}

fn has(data: &Path, directory: &str, suffix: &str) -> bool {
    let names = fs::read_dir(data.join(directory)).into_iter().flatten();
    names.filter_map(Result::ok).any(|entry| entry.file_name().to_string_lossy().ends_with(suffix))
}

/// Cuts the last frame of the log as a crash may: its last sectors were never written.
fn tear(data: &Path) {
    let names = fs::read_dir(data.join("log")).unwrap().map(|entry| entry.unwrap().path());
    let raw = names.filter(|path| path.extension().is_some_and(|end| end == "seg"));
    let path = raw.max().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let (mut offset, mut last) = (4_096, None);
    while let Ok(frame) = parse_header(&bytes[offset..]) {
        last = Some(offset..offset + frame.stored_bytes());
        offset += frame.stored_bytes();
    }
    let last = last.unwrap();
    bytes[last.end - 3 * SECTOR_BYTES..last.end].fill(0);
    fs::write(&path, bytes).unwrap();
}

/// A directory as the release of today leaves it: its key, and all writes with their answers.
fn lived(data: &Path, name: &str) -> (String, Vec<Value>) {
    let flags = if name == "log-only" {
        ["--segment-bytes", "1056860", "--snapshot-segments", "1000"]
    } else {
        SMALL
    };
    let server = Server::start_with(data, &flags);
    administered(data);
    let secret = merchant(data, "acme", SCOPES);
    merchant(data, "other", "read");
    let directory = data.to_str().unwrap();
    let gone = key(directory, "acme", "admin");
    let number = gone.split('_').nth(1).unwrap();
    assert!(onhand(&["key", "revoke", number, "--data", directory]).status.success(), "{gone}");
    stocked(&server, &secret);
    let mut told = noted(&server, &secret, story());
    let id_of = |told: &[Value], name: &str| {
        let ask = told.iter().find(|ask| ask["idempotency"] == format!("order-{name}")).unwrap();
        ask["answer"]["id"].as_str().unwrap().to_owned()
    };
    // Once more under another key: the answer is bound to that as well.
    let mut again = story().swap_remove(0);
    again["idempotency"] = json!("order-again");
    told.extend(noted(&server, &secret, vec![again]));
    let changes = noted(&server, &secret, later(|name| id_of(&told, name)));
    told.extend(changes);
    fill(&server, &secret, 0, 520);
    if name != "log-only" {
        let made =
            || has(data, "log", ".zst") && has(data, "snapshots", ".gen") && has(data, "index", ".run");
        while !made() {
            std::thread::yield_now();
        }
    }
    let tail = json!({
        "method": "POST", "path": "/v1/orders", "idempotency": "order-tail",
        "body": ORDER.replace("after", "tail"),
    });
    told.extend(noted(&server, &secret, vec![tail]));
    match name {
        "ended" => server.stop(),
        "killed" => {
            fill(&server, &secret, 520, 1);
            server.kill();
            tear(data);
        }
        _ => {
            server.kill();
            for directory in ["index", "snapshots"] {
                drop(fs::remove_dir_all(data.join(directory)));
            }
        }
    }
    (secret, told)
}

/// How many kinds of records a log has.
fn kinds(data: &Path) -> usize {
    let text = String::from_utf8(onhand(&["log", data.to_str().unwrap()]).stdout).unwrap();
    let kind = |line: &str| serde_json::from_str::<Value>(line).unwrap()["kind"].to_string();
    text.lines().map(kind).collect::<BTreeSet<_>>().len()
}

/// Where a directory of the release of today goes; it must not be there yet.
fn place(name: &str, suffix: &str) -> PathBuf {
    let path = home().join(format!("{}-{name}{suffix}", env!("CARGO_PKG_VERSION")));
    assert!(!path.exists(), "{} is there: what a release left is never written again", path.display());
    path
}

#[test]
#[ignore = "makes the directories of a release; once for each"]
fn make_the_directories_of_this_release() {
    fs::create_dir_all(home()).unwrap();
    for name in NAMES {
        let (packed_at, says_at) = (place(name, ".tar.zst"), place(name, ".json"));
        let top = tempfile::tempdir().unwrap();
        let (key, told) = lived(top.path(), name);
        let packed = pack(top.path());
        let copy = tempfile::tempdir().unwrap();
        unpack(&packed, copy.path());
        let audit = audited(copy.path());
        assert_eq!(
            kinds(copy.path()),
            KINDS.len() - usize::from(name != "ended"),
            "only a stop closes a log"
        );
        let server = Server::start_with(copy.path(), &SMALL);
        let orders: Vec<String> =
            told.iter().filter_map(|ask| Some(ask["answer"]["id"].as_str()?.to_owned())).collect();
        let mut asked = noted(&server, &key, reads(&orders));
        drop(server);
        // What was written comes last, again under its keys.
        asked.extend(told);
        let says =
            json!({ "release": env!("CARGO_PKG_VERSION"), "key": key, "audit": audit, "asked": asked });
        fs::write(packed_at, packed).unwrap();
        fs::write(says_at, serde_json::to_string_pretty(&says).unwrap() + "\n").unwrap();
    }
}
