//! Safety stock and stock policies over HTTP: what is stated is shown, decides, survives a start from a snapshot and from
//! the log, and is refused with its numbers where it cannot hold.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{SCOPES, Server, expect, lines_of, merchant, onhand, stocked};
use serde_json::{Value, json};

/// A PUT that must be taken.
fn put(server: &Server, key: &str, path: &str, body: &Value) -> Value {
    let (status, _, answer) = server.ask("PUT", path, key, &[], &body.to_string());
    assert!(status == 200 || status == 201, "{path}: {status} {answer}");
    answer
}

/// Units of a SKU that channels may sell.
fn promised(server: &Server, key: &str, sku: &str, channels: &[&str]) -> Vec<Value> {
    let body = json!({ "skus": [sku], "channels": channels }).to_string();
    let (status, _, answer) = server.ask("POST", "/v1/availability", key, &[], &body);
    assert_eq!(status, 200, "{answer}");
    let row = answer["availability"][0]["channels"].as_array().unwrap().clone();
    row.into_iter().map(|channel| channel["available"].clone()).collect()
}

fn order(server: &Server, key: &str, name: &str, channel: &str, quantity: u32) -> (u16, String, Value) {
    let lines = json!([{ "id": "1", "sku": "MUG", "quantity": quantity }]);
    let body = json!({ "external_id": name, "channel": channel, "lines": lines }).to_string();
    server.ask("POST", "/v1/orders", key, &[], &body)
}

/// A shop of ten mugs at `main` whose counter is sure of some, and whose marketplace is not told of all.
fn shop(server: &Server, key: &str) {
    stocked(server, key);
    put(
        server,
        key,
        "/v1/channels/pos",
        &json!({ "kind": "pos", "locations": ["main"], "scarcity_rank": 1 }),
    );
    let policy = json!({ "ceiling": "50%", "buffer": 1 });
    let market = json!({ "kind": "amazon", "locations": ["main"], "stock_policy": policy });
    put(server, key, "/v1/channels/market", &market);
    let (_, _, shown) = server.ask("GET", "/v1/channels/market", key, &[], "");
    assert_eq!((&shown["stock_policy"], &shown["scarcity_rank"]), (&policy, &Value::Null), "{shown}");
    let (_, _, shown) = server.ask("GET", "/v1/channels/pos", key, &[], "");
    assert_eq!((&shown["stock_policy"], &shown["scarcity_rank"]), (&Value::Null, &json!(1)), "{shown}");
    let terms = json!({
        "safety_stock": 1,
        "safety_stock_at": [{ "location": "main", "quantity": 2 }],
        "channel_policies": [{ "channel": "pos", "floor": 1, "dedicated": 3 }],
    });
    let shown = put(server, key, "/v1/skus/MUG", &terms);
    for member in ["safety_stock", "safety_stock_at", "channel_policies"] {
        assert_eq!(shown[member], terms[member], "{shown}");
    }
}

#[test]
fn what_is_stated_decides_and_survives() {
    let data = tempfile::tempdir().unwrap();
    let key = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    shop(&server, &key);
    // Ten mugs, two of them safety stock; three and one are the counter's.
    let channels = ["web", "pos", "market"];
    assert_eq!(promised(&server, &key, "MUG", &channels), [4, 8, 2]);
    let refused = order(&server, &key, "1", "web", 5);
    expect(&refused, 409, "insufficient_stock", "");
    assert_eq!(refused.2["lines"][0]["available"], json!(4), "{}", refused.2);
    assert_eq!(order(&server, &key, "2", "pos", 2).0, 201);
    assert_eq!(promised(&server, &key, "MUG", &channels), [4, 6, 2]);
    let (_, _, stock) = server.ask("GET", "/v1/stock/MUG", &key, &[], "");
    let level = &stock["locations"][0];
    assert_eq!((&level["safety_stock"], &level["available"]), (&json!(2), &json!(6)), "{stock}");
    assert_eq!(
        stock["pools"],
        json!([{ "channel": "pos", "dedicated": 3, "available": 1, "committed": 2 }]),
        "{stock}"
    );
    // From the log, then from a snapshot that a stop leaves, or the log again.
    server.kill();
    let server = Server::start(data.path());
    assert_eq!(promised(&server, &key, "MUG", &channels), [4, 6, 2]);
    server.stop();
    let server = Server::start(data.path());
    let (_, _, again) = server.ask("GET", "/v1/stock/MUG", &key, &[], "");
    assert_eq!((&again["locations"], &again["pools"]), (&stock["locations"], &stock["pools"]));
    // The last units of the others, and then only the counter has some.
    assert_eq!(order(&server, &key, "3", "web", 4).0, 201);
    assert_eq!(promised(&server, &key, "MUG", &channels), [0, 2, 0]);
    expect(&order(&server, &key, "4", "market", 1), 409, "insufficient_stock", "");
    assert_eq!(order(&server, &key, "5", "pos", 2).0, 201);
    assert_eq!(promised(&server, &key, "MUG", &channels), [0, 0, 0]);
    server.stop();
    let audit = onhand(&["verify", data.path().to_str().unwrap()]);
    let told = String::from_utf8_lossy(&audit.stdout).into_owned();
    assert!(audit.status.success() && told.contains("I9   holds"), "{told}");
    let log = onhand(&["log", data.path().to_str().unwrap()]);
    let told = String::from_utf8_lossy(&log.stdout).into_owned();
    assert!(told.contains(r#""dedicated":3"#) && told.contains(r#""rank":1"#), "{told}");
}

#[test]
fn what_cannot_hold_is_refused_with_its_numbers_and_changes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let key = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    shop(&server, &key);
    let (_, _, before) = server.ask("GET", "/v1/skus/MUG", &key, &[], "");
    let policies = |policies: Value| json!({ "channel_policies": policies });
    let too_much =
        policies(json!([{ "channel": "web" }, { "channel": "market", "dedicated": 7, "floor": 4 }]));
    let refused = server.ask("PUT", "/v1/skus/MUG", &key, &[], &too_much.to_string());
    expect(&refused, 409, "promise_exceeds_stock", "");
    let numbers = ["channel_policy", "promised", "available"].map(|member| refused.2[member].clone());
    assert_eq!(numbers, [json!(1), json!(11), json!(10)], "{}", refused.2);
    let sku = "/v1/skus/MUG";
    let channel = "/v1/channels/market";
    let of_channel =
        |policy: Value| json!({ "kind": "amazon", "locations": ["main"], "stock_policy": policy });
    for (path, body, code, pointer) in [
        (
            sku,
            policies(json!([{ "channel": "pos", "ceiling": "101%" }])),
            "invalid_percentage",
            "/channel_policies/0/ceiling",
        ),
        (
            sku,
            policies(json!([{ "channel": "pos", "buffer": "%" }])),
            "invalid_percentage",
            "/channel_policies/0/buffer",
        ),
        (
            sku,
            policies(json!([{ "channel": "pos", "floor": "10%" }])),
            "invalid_quantity",
            "/channel_policies/0/floor",
        ),
        (
            sku,
            policies(json!([{ "channel": "pos", "floor": -1 }])),
            "quantity_out_of_range",
            "/channel_policies/0/floor",
        ),
        (sku, policies(json!([{ "channel": "moon" }])), "unknown_channel", "/channel_policies/0/channel"),
        (
            sku,
            policies(json!([{ "channel": "pos" }, { "channel": "pos" }])),
            "duplicate_channel",
            "/channel_policies/1/channel",
        ),
        (
            sku,
            policies(json!([{ "channel": "pos", "share": 1 }])),
            "unknown_field",
            "/channel_policies/0/share",
        ),
        (sku, json!({ "safety_stock": "1.5" }), "invalid_quantity", "/safety_stock"),
        (
            sku,
            json!({ "safety_stock_at": [{ "location": "moon", "quantity": 1 }] }),
            "unknown_location",
            "/safety_stock_at/0/location",
        ),
        (channel, of_channel(json!({ "buffer": "200%" })), "invalid_percentage", "/stock_policy/buffer"),
        (channel, of_channel(json!({ "floor": "0.5" })), "invalid_quantity", "/stock_policy/floor"),
        (channel, of_channel(json!(["10%"])), "invalid_value", "/stock_policy"),
        (
            "/v1/locations/main",
            json!({ "kind": "shop", "country": "DE", "safety_stock": 1_000_000_001 }),
            "quantity_out_of_range",
            "/safety_stock",
        ),
    ] {
        expect(&server.ask("PUT", path, &key, &[], &body.to_string()), 422, code, pointer);
    }
    let twice = json!({ "safety_stock_at": [{ "location": "main", "quantity": 1 }, { "location": "main", "quantity": 2 }] });
    let refused = server.ask("PUT", sku, &key, &[], &twice.to_string());
    assert_eq!((refused.0, &refused.2["code"]), (422, &json!("duplicate_location")), "{}", refused.2);
    assert_eq!(server.ask("GET", sku, &key, &[], "").2, before);
    assert_eq!(promised(&server, &key, "MUG", &["web", "pos", "market"]), [4, 8, 2]);
}

#[test]
fn what_is_dedicated_counts_in_all_and_ends_where_it_is_not_stated() {
    let data = tempfile::tempdir().unwrap();
    let key = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    stocked(&server, &key);
    put(&server, &key, "/v1/channels/pos", &json!({ "kind": "pos", "locations": ["main"] }));
    let dedicated = |units: u32| json!({ "channel_policies": [{ "channel": "pos", "dedicated": units }] });
    let pools = || server.ask("GET", "/v1/stock/MUG", &key, &[], "").2["pools"].clone();
    let pool = |dedicated: u32, available: u32, committed: u32| json!([{ "channel": "pos", "dedicated": dedicated, "available": available, "committed": committed }]);
    let channels = ["web", "pos"];
    put(&server, &key, "/v1/skus/MUG", &dedicated(4));
    assert_eq!(promised(&server, &key, "MUG", &channels), [6, 10]);
    let (_, _, sold) = order(&server, &key, "1", "pos", 4);
    assert_eq!(pools(), pool(4, 0, 4), "{sold}");
    // All of it is sold: less cannot have been dedicated, and stating it makes no unit.
    let refused = server.ask("PUT", "/v1/skus/MUG", &key, &[], &dedicated(1).to_string());
    expect(&refused, 409, "dedicated_below_used", "");
    let numbers = ["channel_policy", "dedicated", "used"].map(|member| refused.2[member].clone());
    assert_eq!(numbers, [json!(0), json!(1), json!(4)], "{}", refused.2);
    put(&server, &key, "/v1/skus/MUG", &dedicated(4));
    assert_eq!(
        (pools(), promised(&server, &key, "MUG", &channels)),
        (pool(4, 0, 4), vec![json!(6), json!(6)])
    );
    put(&server, &key, "/v1/skus/MUG", &dedicated(6));
    assert_eq!(
        (pools(), promised(&server, &key, "MUG", &channels)),
        (pool(6, 2, 4), vec![json!(4), json!(6)])
    );
    let path = format!("/v1/orders/{}/fulfillments", sold["id"].as_str().unwrap());
    let ship = json!({ "location": "main", "lines": [{ "id": "1", "quantity": 4 }] }).to_string();
    let shipped = server.ask("POST", &path, &key, &[("idempotency-key", "s1")], &ship);
    assert_eq!((shipped.0, pools()), (201, pool(6, 2, 0)), "{}", shipped.2);
    // A title alone: the terms are gone, and with them the pool; what was left is anybody's.
    let shown = put(&server, &key, "/v1/skus/MUG", &json!({ "title": "Mug" }));
    assert_eq!((&shown["channel_policies"], pools()), (&Value::Null, Value::Null), "{shown}");
    assert_eq!(promised(&server, &key, "MUG", &channels), [6, 6]);
    // Stated again, it begins anew.
    put(&server, &key, "/v1/skus/MUG", &dedicated(4));
    assert_eq!(
        (pools(), promised(&server, &key, "MUG", &channels)),
        (pool(4, 4, 0), vec![json!(2), json!(6)])
    );
    // A line of bulk replaces as much.
    let line =
        json!({ "sku": "MUG", "title": "Mug", "channel_policies": [{ "channel": "web", "floor": 1 }] });
    let (status, _, answer) = server.ask("POST", "/v1/skus/bulk", &key, &[], &line.to_string());
    assert_eq!((status, &lines_of(&answer)[0]["status"]), (200, &json!(200)), "{answer}");
    assert_eq!((pools(), promised(&server, &key, "MUG", &channels)), (Value::Null, vec![json!(6), json!(5)]));
    server.stop();
    let audit = onhand(&["verify", data.path().to_str().unwrap()]);
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
}

#[test]
fn a_sku_with_decimals_states_and_shows_them() {
    let data = tempfile::tempdir().unwrap();
    let key = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    shop(&server, &key);
    let policy = json!([{ "channel": "pos", "buffer": "10%", "floor": "0.250" }]);
    let terms = json!({ "decimals": 3, "safety_stock": "0.500", "channel_policies": policy });
    let shown = put(&server, &key, "/v1/skus/TEA", &terms);
    assert_eq!((&shown["safety_stock"], &shown["channel_policies"]), (&json!("0.500"), &policy), "{shown}");
    let line = json!({ "sku": "TEA", "decimals": 3, "safety_stock": "0.250" });
    let (status, _, answer) = server.ask("POST", "/v1/skus/bulk", &key, &[], &line.to_string());
    assert_eq!(status, 200, "{answer}");
    let row = &lines_of(&answer)[0];
    assert_eq!((&row["status"], &row["body"]["safety_stock"]), (&json!(200), &json!("0.250")), "{row}");
}
