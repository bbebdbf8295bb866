//! Virtual kits over HTTP: put and shown, ordered, cancelled and shipped whole and in part, over a kill and a stop; and
//! refused.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{SCOPES, Server, expect, lines_of, merchant, onhand, stocked};
use serde_json::{Value, json};

fn put(server: &Server, key: &str, sku: &str, body: &Value) -> (u16, String, Value) {
    server.ask("PUT", &format!("/v1/skus/{sku}"), key, &[], &body.to_string())
}

fn kit(components: &[(&str, Value)]) -> Value {
    let row = |(sku, quantity): &(&str, Value)| json!({ "sku": sku, "quantity": quantity });
    json!({ "kit": { "kind": "virtual", "components": components.iter().map(row).collect::<Vec<_>>() } })
}

fn post(server: &Server, secret: &str, path: &str, idempotency: &str, body: &Value) -> (u16, String, Value) {
    server.ask("POST", path, secret, &[("idempotency-key", idempotency)], &body.to_string())
}

fn order(name: &str, policy: &str, lines: &[(&str, u32)]) -> Value {
    let line = |(number, (sku, quantity)): (usize, &(&str, u32))| json!({ "id": number.to_string(), "sku": sku, "quantity": quantity });
    let lines: Vec<Value> = (1..).zip(lines).map(line).collect();
    json!({ "external_id": name, "channel": "web", "policy": policy, "lines": lines })
}

fn available(server: &Server, secret: &str, sku: &str) -> Value {
    let (_, _, answer) =
        server.ask("POST", "/v1/availability", secret, &[], &json!({ "skus": [sku] }).to_string());
    answer["availability"][0]["channels"][0]["available"].clone()
}

/// Ten mugs and 1.5 of tea at `main`; a box of two mugs and 0.25 of tea.
fn shop(server: &Server, key: &str) {
    stocked(server, key);
    let (status, _, shown) = put(server, key, "BOX", &kit(&[("MUG", json!(2)), ("TEA", json!("0.25"))]));
    assert_eq!(status, 201, "{shown}");
    let components = json!([{ "sku": "MUG", "quantity": 2 }, { "sku": "TEA", "quantity": "0.250" }]);
    assert_eq!(shown["kit"], json!({ "kind": "virtual", "components": components }), "{shown}");
    assert_eq!(server.ask("GET", "/v1/skus/BOX", key, &[], "").2, shown);
}

#[test]
fn a_kit_is_ordered_and_leaves_by_its_components() {
    let data = tempfile::tempdir().unwrap();
    let secret = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    shop(&server, &secret);
    assert_eq!(available(&server, &secret, "BOX"), json!(5));
    let asked = order("1", "reject", &[("BOX", 3), ("MUG", 1)]);
    let (status, _, preview) = server.ask("POST", "/v1/orders/preview", &secret, &[], &asked.to_string());
    let placed = post(&server, &secret, "/v1/orders", "o1", &asked);
    assert_eq!((status, placed.0), (200, 201), "{}", placed.2);
    let line = json!({
        "id": "1", "sku": "BOX", "ordered": 3, "allocated": [{ "location": "main", "quantity": 3 }],
        "backordered": 0, "short": 0, "cancelled": 0, "shipped": 0, "returned": 0, "allocated_apart": 0,
        "components": [
            { "sku": "MUG", "quantity": 2, "allocated": [{ "location": "main", "quantity": 6 }],
              "backordered": 0, "short": 0, "shipped": 0 },
            { "sku": "TEA", "quantity": "0.250", "allocated": [{ "location": "main", "quantity": "0.750" }],
              "backordered": "0.000", "short": "0.000", "shipped": "0.000" },
        ],
    });
    assert_eq!((&preview["lines"][0], &placed.2["lines"][0]), (&line, &line), "{}", placed.2);
    assert_eq!(placed.2["lines"][1].get("components"), None, "a plain line is as it was");
    // What it is made of later concerns later orders.
    assert_eq!(put(&server, &secret, "BOX", &kit(&[("MUG", json!(1))])).0, 200);
    assert_eq!(available(&server, &secret, "BOX"), json!(3));
    let path = format!("/v1/orders/{}", placed.2["id"].as_str().unwrap());
    let one = json!({ "lines": [{ "id": "1", "quantity": 1 }] });
    let cancelled = post(&server, &secret, &format!("{path}/cancel"), "c1", &one);
    assert_eq!((cancelled.0, &cancelled.2["lines"][0]["cancelled"]), (200, &json!(1)), "{}", cancelled.2);
    assert_eq!(cancelled.2["lines"][0]["components"][0]["allocated"][0]["quantity"], json!(4));
    let leave = |lines: Value| json!({ "location": "main", "lines": lines });
    let mugs = leave(json!([{ "id": "1", "component": "MUG", "quantity": 2 }]));
    let part = post(&server, &secret, &format!("{path}/fulfillments"), "f1", &mugs);
    assert_eq!((part.0, &part.2["lines"][0]["shipped"]), (201, &json!(0)), "{}", part.2);
    assert_eq!(
        (&part.2["status"], &part.2["lines"][0]["components"][0]["shipped"]),
        (&json!("partially_shipped"), &json!(2))
    );
    let two = leave(json!([{ "id": "1", "quantity": 2 }]));
    let refused = post(&server, &secret, &format!("{path}/fulfillments"), "f2", &two);
    expect(&refused, 409, "not_allocated", "");
    server.kill();
    let server = Server::start(data.path());
    for (key, route, body, first) in [
        ("o1", "/v1/orders".to_owned(), &asked, &placed),
        ("c1", format!("{path}/cancel"), &one, &cancelled),
        ("f1", format!("{path}/fulfillments"), &mugs, &part),
    ] {
        assert_eq!(post(&server, &secret, &route, key, body).2, first.2, "the same key, the same answer");
    }
    let rest = leave(json!([
        { "id": "1", "component": "TEA", "quantity": "0.25" },
        { "id": "1", "quantity": 1 },
        { "id": "2", "quantity": 1 },
    ]));
    let last = post(&server, &secret, &format!("{path}/fulfillments"), "f3", &rest);
    assert_eq!((last.0, &last.2["status"]), (201, &json!("shipped")), "{}", last.2);
    let closed = server.ask("GET", &path, &secret, &[], "").2;
    assert_eq!(closed["lines"], last.2["lines"], "{closed}");
    server.stop();
    let verified = onhand(&["verify", data.path().to_str().unwrap()]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[test]
fn a_kit_waits_whole_also_over_a_start() {
    let data = tempfile::tempdir().unwrap();
    let secret = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    shop(&server, &secret);
    let placed = post(&server, &secret, "/v1/orders", "o1", &order("1", "backorder", &[("BOX", 7)]));
    let line = &placed.2["lines"][0];
    assert_eq!((placed.0, &placed.2["status"]), (201, &json!("partially_allocated")), "{}", placed.2);
    assert_eq!((&line["backordered"], &line["components"][1]["backordered"]), (&json!(2), &json!("0.500")));
    // Of a tea for four boxes more, two wait for mugs.
    assert_eq!(line["components"][0]["backordered"], json!(4), "{line}");
    server.stop();
    let server = Server::start(data.path());
    let path = format!("/v1/orders/{}", placed.2["id"].as_str().unwrap());
    assert_eq!(server.ask("GET", &path, &secret, &[], "").2["lines"][0], *line);
    let mugs = json!({ "type": "receive", "sku": "MUG", "location": "east", "quantity": 5 });
    assert_eq!(post(&server, &secret, "/v1/stock/movements", "m1", &mugs).0, 201);
    let line = server.ask("GET", &path, &secret, &[], "").2["lines"][0].clone();
    // One box more: there is tea for one.
    assert_eq!((&line["backordered"], &line["allocated_apart"]), (&json!(1), &json!(1)), "{line}");
    assert_eq!(line["allocated"], json!([{ "location": "main", "quantity": 5 }]), "{line}");
    server.stop();
    let verified = onhand(&["verify", data.path().to_str().unwrap()]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[test]
fn what_is_no_kit_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let secret = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    shop(&server, &secret);
    let refused = |sku: &str, body: &Value, status: u16, code: &str, pointer: &str| {
        let answer = put(&server, &secret, sku, body);
        expect(&answer, status, code, pointer);
        answer.2
    };
    let at = |member: &str| format!("/kit/components/0/{member}");
    refused("SET", &kit(&[("NONE", json!(1))]), 422, "unknown_sku", &at("sku"));
    refused("SET", &kit(&[("MUG", json!(0))]), 422, "quantity_out_of_range", &at("quantity"));
    refused("SET", &kit(&[("MUG", json!("0.5"))]), 422, "invalid_quantity", &at("quantity"));
    refused("SET", &kit(&[]), 422, "no_components", "/kit/components");
    let other = json!({ "kit": { "kind": "built", "components": [{ "sku": "MUG", "quantity": 1 }] } });
    refused("SET", &other, 422, "unsupported_kit", "/kit/kind");
    let twice = kit(&[("MUG", json!(1)), ("MUG", json!(1))]);
    refused("SET", &twice, 422, "duplicate_component", "/kit/components/1/sku");
    let mut body = kit(&[("MUG", json!(1))]);
    body["decimals"] = json!(1);
    refused("SET", &body, 422, "kit_has_decimals", "/decimals");
    let mut body = kit(&[("MUG", json!(1))]);
    body["safety_stock"] = json!(1);
    refused("SET", &body, 422, "kit_has_terms", "/kit");
    let stock = refused("MUG", &kit(&[("TEA", json!(1))]), 409, "kit_has_stock", "");
    assert_eq!((&stock["on_hand"], &stock["waiting"], &stock["held"]), (&json!(10), &json!(0), &json!(0)));
    assert_eq!(put(&server, &secret, "SET", &kit(&[("BOX", json!(1))])).0, 201);
    let cycle = refused("BOX", &kit(&[("SET", json!(1))]), 409, "kit_cycle", "");
    assert!(cycle["detail"].as_str().unwrap().ends_with("BOX > SET > BOX"), "{cycle}");
    let movement = json!({ "type": "receive", "sku": "BOX", "location": "main", "quantity": 1 });
    expect(&post(&server, &secret, "/v1/stock/movements", "m1", &movement), 409, "kit_has_no_stock", "");
    let lines = json!([{ "id": "1", "sku": "BOX", "quantity": 1 }]);
    let hold = json!({ "channel": "web", "ttl_ms": 60_000, "lines": lines });
    expect(&post(&server, &secret, "/v1/holds", "h1", &hold), 422, "kit_not_holdable", "/lines/0/sku");
    let short = post(&server, &secret, "/v1/orders", "o1", &order("1", "reject", &[("BOX", 5), ("MUG", 1)]));
    expect(&short, 409, "insufficient_stock", "");
    let lacks = json!([{ "id": "2", "sku": "MUG", "requested": 1, "available": 0 }]);
    assert_eq!(short.2["lines"], lacks, "{}", short.2);
    let bulk = format!("{}\n", json!({ "sku": "TWO", "kit": kit(&[("MUG", json!(2))])["kit"] }));
    let headers = [("content-type", "application/x-ndjson"), ("idempotency-key", "b1")];
    let (_, _, answer) = server.ask("POST", "/v1/skus/bulk", &secret, &headers, &bulk);
    assert_eq!(lines_of(&answer)[0]["status"], json!(201), "{answer}");
    assert_eq!(available(&server, &secret, "TWO"), json!(5));
}
