//! Orders that a channel has sold already, and scarcity ranks, over HTTP: what stock cannot cover is short, shown,
//! counted, filled by rank when stock comes, and survives a start from the log and from a snapshot.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{SCOPES, Server, lines_of, merchant, onhand, stocked};
use serde_json::{Value, json};

/// An order for mugs that a channel imposes.
fn sold(name: &str, channel: &str, quantity: u32) -> Value {
    let lines = json!([{ "id": "1", "sku": "MUG", "quantity": quantity }]);
    json!({ "external_id": name, "channel": channel, "policy": "imposed", "lines": lines })
}

fn post(server: &Server, key: &str, path: &str, body: &Value) -> (u16, Value) {
    let name = format!("{path} {body}").replace(|c: char| !c.is_ascii_alphanumeric(), "");
    let headers = [("idempotency-key", &name[name.len().saturating_sub(60)..])];
    let (status, _, answer) = server.ask("POST", path, key, &headers, &body.to_string());
    (status, answer)
}

fn channel(server: &Server, key: &str, name: &str, body: &Value) {
    let (status, _, answer) = server.ask("PUT", &format!("/v1/channels/{name}"), key, &[], &body.to_string());
    assert!(status == 200 || status == 201, "{answer}");
}

fn receive(server: &Server, key: &str, quantity: u32) {
    let body = json!({ "type": "receive", "sku": "MUG", "location": "main", "quantity": quantity });
    assert_eq!(post(server, key, "/v1/stock/movements", &body).0, 201);
}

/// Units of the only line of an order that are kept, and that are short, with the order's status.
fn stands(order: &Value) -> (u64, u64, String) {
    let line = &order["lines"][0];
    assert_eq!(line["backordered"], json!(0), "{order}");
    let kept = line["allocated"].as_array().unwrap().iter().map(|row| row["quantity"].as_u64().unwrap());
    (kept.sum(), line["short"].as_u64().unwrap(), order["status"].as_str().unwrap_or_default().to_owned())
}

fn shown(server: &Server, key: &str, order: &Value) -> (u64, u64, String) {
    let path = format!("/v1/orders/{}", order["id"].as_str().unwrap());
    let (status, _, shown) = server.ask("GET", &path, key, &[], "");
    assert_eq!((status, &shown["policy"]), (200, &json!("imposed")), "{shown}");
    stands(&shown)
}

/// What a server has counted of a metric.
fn counted(server: &Server, series: &str) -> u64 {
    let (_, _, text) = server.ask("GET", "/metrics", "", &[], "");
    let value = text.as_str().unwrap().lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("{series} is not exported")).parse().unwrap()
}

fn short_of_mugs(server: &Server, key: &str) -> Value {
    server.ask("GET", "/v1/stock/MUG", key, &[], "").2["short"].clone()
}

#[test]
fn what_is_sold_is_accepted_and_what_is_short_is_filled_by_rank() {
    let data = tempfile::tempdir().unwrap();
    let key = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    stocked(&server, &key);
    let market = json!({ "kind": "amazon", "locations": ["main"], "scarcity_rank": 200, "stock_policy": { "ceiling": 1 } });
    channel(&server, &key, "market", &market);
    // Ten mugs: all of them are given, whatever ceiling the channel has.
    let (status, preview) = {
        let body = sold("1", "market", 12).to_string();
        let (status, _, preview) = server.ask("POST", "/v1/orders/preview", &key, &[], &body);
        (status, preview)
    };
    assert_eq!(
        (status, &preview["outcome"], &preview["policy"]),
        (200, &json!("accepted"), &json!("imposed"))
    );
    assert_eq!(stands(&preview), (10, 2, "partially_allocated".to_owned()), "{preview}");
    let (status, first) = post(&server, &key, "/v1/orders", &sold("1", "market", 12));
    assert_eq!((status, stands(&first)), (201, (10, 2, "partially_allocated".to_owned())), "{first}");
    let lines = ["2", "3"].map(|name| sold(name, "web", 1).to_string()).join("\n");
    let headers = [("idempotency-key", "bulk"), ("content-type", "application/x-ndjson")];
    let (_, _, answers) = server.ask("POST", "/v1/orders/bulk", &key, &headers, &lines);
    let bulk: Vec<Value> = lines_of(&answers).into_iter().map(|line| line["body"].clone()).collect();
    assert_eq!(bulk.len(), 2, "{answers}");
    bulk.iter().for_each(|order| assert_eq!(stands(order), (0, 1, "backordered".to_owned()), "{order}"));
    // The same again is the first answer, whatever has come since.
    receive(&server, &key, 1);
    assert_eq!(post(&server, &key, "/v1/orders", &sold("1", "market", 12)).1, first);
    assert_eq!(shown(&server, &key, &bulk[0]), (1, 0, "allocated".to_owned()));
    assert_eq!(short_of_mugs(&server, &key), json!(3));
    let shorted =
        ["imposed", "lost"].map(|cause| format!(r#"onhand_shorted_units_total{{cause="{cause}"}}"#));
    let counts = |server: &Server| shorted.clone().map(|series| counted(server, &series));
    assert_eq!((counts(&server), counted(&server, "onhand_short_units")), ([4, 0], 3));
    // From the log, and from a snapshot that a stop leaves.
    server.kill();
    let server = Server::start(data.path());
    assert_eq!((counts(&server), counted(&server, "onhand_short_units")), ([0, 0], 3));
    server.stop();
    let server = Server::start(data.path());
    assert_eq!((shown(&server, &key, &first).1, shown(&server, &key, &bulk[1]).1), (2, 1));
    // Another rank counts from here on.
    channel(&server, &key, "market", &json!({ "kind": "amazon", "locations": ["main"], "scarcity_rank": 1 }));
    receive(&server, &key, 2);
    assert_eq!((shown(&server, &key, &first).1, shown(&server, &key, &bulk[1]).1), (0, 1));
    // A count finds less: the last rank loses first.
    let count = json!({ "type": "set", "sku": "MUG", "location": "main", "expected": 13, "new": 12, "reason": "cycle_count" });
    let (status, counted_now) = post(&server, &key, "/v1/stock/movements", &count);
    assert_eq!((status, &counted_now["shorted"]), (201, &json!(1)), "{counted_now}");
    assert_eq!((shown(&server, &key, &first).1, shown(&server, &key, &bulk[0]).1), (0, 1));
    assert_eq!((counts(&server), counted(&server, "onhand_short_units")), ([0, 1], 2));
    server.stop();
    let audit = onhand(&["verify", data.path().to_str().unwrap()]);
    let told = String::from_utf8_lossy(&audit.stdout).into_owned();
    assert!(audit.status.success() && told.contains("orders that were imposed 3"), "{told}");
    let log = onhand(&["log", data.path().to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&log.stdout).contains(r#""policy":"Imposed""#), "the log says so");
}

#[test]
fn a_channel_may_impose_all_that_it_sells() {
    let data = tempfile::tempdir().unwrap();
    let key = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    stocked(&server, &key);
    let market = json!({ "kind": "amazon", "locations": ["main"], "policy": "imposed" });
    channel(&server, &key, "market", &market);
    let (_, _, told) = server.ask("GET", "/v1/channels/market", &key, &[], "");
    assert_eq!(told["policy"], json!("imposed"), "{told}");
    let mut plain = sold("1", "market", 11);
    plain.as_object_mut().unwrap().remove("policy");
    let (status, order) = post(&server, &key, "/v1/orders", &plain);
    assert_eq!((status, stands(&order).1), (201, 1), "{order}");
    // What it says of itself comes first.
    plain["external_id"] = json!("2");
    plain["policy"] = json!("reject");
    assert_eq!(post(&server, &key, "/v1/orders", &plain).0, 409);
    // Nothing else makes it acceptable that is not.
    let mut other = sold("1", "market", 12);
    assert_eq!(post(&server, &key, "/v1/orders", &other).1["code"], json!("external_id_conflict"));
    other["external_id"] = json!("3");
    other["lines"][0]["sku"] = json!("CUP");
    assert_eq!(post(&server, &key, "/v1/orders", &other).0, 422);
    server.stop();
    assert!(onhand(&["verify", data.path().to_str().unwrap()]).status.success());
}

#[test]
fn an_imposed_kit_has_what_there_is_of_it_and_its_parts_are_counted() {
    let data = tempfile::tempdir().unwrap();
    let key = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    stocked(&server, &key);
    let components = json!([{ "sku": "MUG", "quantity": 2 }, { "sku": "TEA", "quantity": "0.250" }]);
    let kit = json!({ "kit": { "kind": "virtual", "components": components } });
    assert_eq!(server.ask("PUT", "/v1/skus/SET", &key, &[], &kit.to_string()).0, 201);
    let mut order = sold("1", "web", 12);
    order["lines"][0]["sku"] = json!("SET");
    let (status, answer) = post(&server, &key, "/v1/orders", &order);
    assert_eq!((status, &answer["status"]), (201, &json!("partially_allocated")), "{answer}");
    // Of 24 mugs 10 are there, of 3 of tea in thousandths 1.5.
    let short = 14 + 1_500;
    let cause = r#"onhand_shorted_units_total{cause="imposed"}"#;
    assert_eq!([cause, "onhand_short_units"].map(|series| counted(&server, series)), [short; 2]);
    receive(&server, &key, 15);
    assert_eq!(counted(&server, "onhand_short_units"), 1_500);
    assert_eq!(short_of_mugs(&server, &key), json!(0));
    let (_, _, stock) = server.ask("GET", "/v1/stock/MUG", &key, &[], "");
    assert_eq!(stock["locations"][0]["available"], json!(1), "{stock}");
    server.stop();
    assert!(onhand(&["verify", data.path().to_str().unwrap()]).status.success());
}
