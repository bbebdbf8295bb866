//! Limits of what may wait, over HTTP: put and shown, refused with their numbers, over a kill and a stop.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{SCOPES, Server, expect, merchant, onhand, stocked};
use serde_json::{Value, json};

type Answer = (u16, String, Value);

fn order(name: &str, quantity: u32) -> Value {
    let lines = json!([{ "id": "1", "sku": "MUG", "quantity": quantity }]);
    json!({ "external_id": name, "channel": "web", "policy": "backorder", "lines": lines })
}

fn post(server: &Server, secret: &str, path: &str, idempotency: &str, body: &Value) -> Answer {
    server.ask("POST", path, secret, &[("idempotency-key", idempotency)], &body.to_string())
}

fn put(server: &Server, secret: &str, sku: &str, body: &Value) -> Answer {
    server.ask("PUT", &format!("/v1/skus/{sku}"), secret, &[], &body.to_string())
}

#[test]
fn no_more_waits_than_may() {
    let data = tempfile::tempdir().unwrap();
    let secret = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    stocked(&server, &secret);
    // Ten mugs are there.
    let (status, _, shown) = put(&server, &secret, "MUG", &json!({ "title": "Mug", "backorder_limit": 5 }));
    assert_eq!((status, &shown["backorder_limit"]), (200, &json!(5)), "{shown}");
    assert_eq!(post(&server, &secret, "/v1/orders", "o1", &order("1", 13)).0, 201);
    let refused = post(&server, &secret, "/v1/orders", "o2", &order("2", 3));
    expect(&refused, 409, "backorder_limit", "");
    let numbers = ["sku", "limit", "waiting", "asked"].map(|name| refused.2[name].clone());
    assert_eq!(numbers, [json!("MUG"), json!(5), json!(3), json!(3)], "{}", refused.2);
    let preview = server.ask("POST", "/v1/orders/preview", &secret, &[], &order("2", 3).to_string());
    expect(&preview, 409, "backorder_limit", "");
    assert_eq!((&preview.2["sku"], &preview.2["asked"]), (&json!("MUG"), &json!(3)), "{}", preview.2);
    server.kill();
    let server = Server::start(data.path());
    assert_eq!(post(&server, &secret, "/v1/orders", "o2", &order("2", 3)).2, refused.2, "the same key");
    assert_eq!(post(&server, &secret, "/v1/orders", "o3", &order("2", 2)).0, 201, "so many may");
    server.stop();
    // From a snapshot, too.
    let server = Server::start(data.path());
    expect(&post(&server, &secret, "/v1/orders", "o4", &order("3", 1)), 409, "backorder_limit", "");
    assert_eq!(server.ask("GET", "/v1/skus/MUG", &secret, &[], "").2["backorder_limit"], json!(5));
    let (_, _, shown) = put(&server, &secret, "MUG", &json!({ "title": "Mug" }));
    assert_eq!(shown.get("backorder_limit"), None, "{shown}");
    assert_eq!(post(&server, &secret, "/v1/orders", "o5", &order("3", 1)).0, 201, "any number may");
    for (body, code) in [
        (json!({ "backorder_limit": -1 }), "quantity_out_of_range"),
        (json!({ "backorder_limit": 2_000_000_000 }), "quantity_out_of_range"),
        (json!({ "backorder_limit": "10%" }), "invalid_quantity"),
    ] {
        expect(&put(&server, &secret, "CUP", &body), 422, code, "/backorder_limit");
    }
    let (status, _, shown) =
        put(&server, &secret, "TEA", &json!({ "decimals": 3, "backorder_limit": "0.5" }));
    assert_eq!((status, &shown["backorder_limit"]), (200, &json!("0.500")), "{shown}");
    server.stop();
    assert!(onhand(&["verify", data.path().to_str().unwrap()]).status.success());
}
