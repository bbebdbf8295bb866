//! Holds over HTTP: placed, extended, confirmed in part, released, expired; over a kill, a stop and a start; and refused.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{SCOPES, Server, expect, merchant, onhand, stocked};
use serde_json::{Value, json};

const QUARTER_MS: u64 = 900_000;

fn hold_body(quantity: u32, ttl_ms: u64) -> Value {
    let lines = json!([{ "id": "1", "sku": "MUG", "quantity": quantity }]);
    json!({ "channel": "web", "ttl_ms": ttl_ms, "lines": lines })
}

fn post(server: &Server, secret: &str, path: &str, idempotency: &str, body: &Value) -> (u16, String, Value) {
    server.ask("POST", path, secret, &[("idempotency-key", idempotency)], &body.to_string())
}

fn held(server: &Server, secret: &str, idempotency: &str, body: &Value) -> Value {
    let (status, _, hold) = post(server, secret, "/v1/holds", idempotency, body);
    assert_eq!((status, &hold["status"]), (201, &json!("held")), "{hold}");
    hold
}

fn order(name: &str, quantity: u32) -> Value {
    let lines = json!([{ "id": "1", "sku": "MUG", "quantity": quantity }]);
    json!({ "external_id": name, "channel": "web", "lines": lines })
}

fn path(hold: &Value, rest: &str) -> String {
    format!("/v1/holds/{}{rest}", hold["id"].as_str().unwrap())
}

/// What may be sold of the mugs, and what of them is held.
fn stands(server: &Server, secret: &str) -> (Value, Value) {
    let (_, _, answer) = server.ask("POST", "/v1/availability", secret, &[], r#"{"skus":["MUG"]}"#);
    let (_, _, stock) = server.ask("GET", "/v1/stock/MUG", secret, &[], "");
    let reserved = stock.get("reserved").cloned().unwrap_or(json!(0));
    (answer["availability"][0]["channels"][0]["available"].clone(), reserved)
}

#[test]
fn a_hold_keeps_units_until_it_is_confirmed_released_or_expired() {
    let data = tempfile::tempdir().unwrap();
    let secret = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    stocked(&server, &secret);
    let first = held(&server, &secret, "h1", &hold_body(6, QUARTER_MS));
    assert_eq!(first["lines"], json!([{ "id": "1", "sku": "MUG", "quantity": 6 }]));
    assert_eq!(stands(&server, &secret), (json!(4), json!(6)));
    let refused = post(&server, &secret, "/v1/orders", "o1", &order("1", 5));
    expect(&refused, 409, "insufficient_stock", "");
    let second = held(&server, &secret, "h2", &hold_body(3, QUARTER_MS));
    // The same key, the same answer; and the same after a kill.
    assert_eq!(post(&server, &secret, "/v1/holds", "h1", &hold_body(6, QUARTER_MS)).2, first);
    server.kill();
    let server = Server::start(data.path());
    assert_eq!(post(&server, &secret, "/v1/holds", "h1", &hold_body(6, QUARTER_MS)).2, first);
    assert_eq!(stands(&server, &secret), (json!(1), json!(9)));
    // A part is confirmed, and the rest is free.
    let confirm = json!({ "order": order("2", 4) });
    let (status, _, placed) = post(&server, &secret, &path(&first, "/confirm"), "c1", &confirm);
    assert_eq!((status, &placed["status"]), (201, &json!("allocated")), "{placed}");
    assert_eq!(stands(&server, &secret), (json!(3), json!(3)));
    let again = post(&server, &secret, &path(&first, "/confirm"), "c1", &confirm);
    assert_eq!((again.0, &again.2), (201, &placed));
    let (_, _, read) = server.ask("GET", &path(&first, ""), &secret, &[], "");
    assert_eq!(read["status"], json!("ended"), "{read}");
    // Longer, over a start from what a stop leaves, and no more.
    let longer =
        post(&server, &secret, &path(&second, "/extend"), "e1", &json!({ "ttl_ms": 2 * QUARTER_MS }));
    assert_eq!(longer.0, 200, "{}", longer.2);
    assert!(longer.2["expires_at"].as_str() > second["expires_at"].as_str(), "{}", longer.2);
    server.stop();
    let server = Server::start(data.path());
    let (_, _, read) = server.ask("GET", &path(&second, ""), &secret, &[], "");
    assert_eq!((&read["status"], &read["expires_at"]), (&json!("held"), &longer.2["expires_at"]), "{read}");
    let released = server.ask("DELETE", &path(&second, ""), &secret, &[("idempotency-key", "r1")], "");
    assert_eq!((released.0, &released.2["status"]), (200, &json!("ended")), "{}", released.2);
    assert_eq!(stands(&server, &secret), (json!(6), json!(0)));
    server.stop();
    let audit = onhand(&["verify", data.path().to_str().unwrap()]);
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
}

/// `reserved` and `available` of the mugs at each location, and what all channels together could sell.
fn by_location(server: &Server, secret: &str) -> (Vec<(String, Value, Value)>, Value) {
    let (_, _, stock) = server.ask("GET", "/v1/stock/MUG", secret, &[], "");
    let row = |level: &Value| {
        let location = level["location"].as_str().unwrap().to_owned();
        (location, level["reserved"].clone(), level["available"].clone())
    };
    let levels = stock["locations"].as_array().unwrap().iter().map(row).collect();
    (levels, stands(server, secret).0)
}

#[test]
fn stock_shows_where_held_units_are_kept_for_now_and_what_that_leaves() {
    let data = tempfile::tempdir().unwrap();
    let secret = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    stocked(&server, &secret);
    let row = |location: &str, reserved: u32, available: u32| {
        (location.to_owned(), json!(reserved), json!(available))
    };
    let put = |path: &str, body: Value| {
        let (status, _, answer) = server.ask("PUT", path, &secret, &[], &body.to_string());
        assert!(status == 200 || status == 201, "{answer}");
    };
    let receive = json!({ "type": "receive", "sku": "MUG", "location": "east", "quantity": 4 });
    assert_eq!(post(&server, &secret, "/v1/stock/movements", "m1", &receive).0, 201);
    put("/v1/skus/MUG", json!({ "safety_stock": 1 }));
    held(&server, &secret, "h1", &hold_body(7, QUARTER_MS));
    let kept = vec![row("main", 7, 2), row("east", 0, 3)];
    assert_eq!(by_location(&server, &secret), (kept, json!(5)));
    // An order that needs just these gets them: what is held is kept elsewhere then.
    put("/v1/channels/till", json!({ "kind": "pos", "locations": ["main"] }));
    let lines = json!([{ "id": "1", "sku": "MUG", "quantity": 5 }]);
    let till = json!({ "external_id": "1", "channel": "till", "lines": lines });
    let (status, _, placed) = post(&server, &secret, "/v1/orders", "o1", &till);
    assert_eq!(status, 201, "{placed}");
    let kept = vec![row("main", 4, 0), row("east", 3, 0)];
    assert_eq!(by_location(&server, &secret), (kept, json!(0)));
    // A loss takes what safety stock kept, and then leaves holds without units.
    let lose = |key: &str, delta: i32| {
        let body =
            json!({ "type": "adjust", "sku": "MUG", "location": "east", "delta": delta, "reason": "theft" });
        let (status, _, answer) = post(&server, &secret, "/v1/stock/movements", key, &body);
        // A movement is of goods alone.
        assert_eq!((status, &answer["reserved"]), (201, &json!(0)), "{answer}");
    };
    lose("m2", -2);
    let kept = vec![row("main", 5, 0), row("east", 2, 0)];
    assert_eq!(by_location(&server, &secret), (kept, json!(0)));
    lose("m3", -1);
    let kept = vec![row("main", 5, 0), row("east", 1, 0)];
    assert_eq!(by_location(&server, &secret), (kept, json!(0)));
    assert_eq!(stands(&server, &secret).1, json!(7));
}

#[test]
fn a_channel_keeps_the_locations_that_its_holds_need() {
    let data = tempfile::tempdir().unwrap();
    let secret = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    stocked(&server, &secret);
    let receive = json!({ "type": "receive", "sku": "MUG", "location": "east", "quantity": 4 });
    assert_eq!(post(&server, &secret, "/v1/stock/movements", "m1", &receive).0, 201);
    held(&server, &secret, "h1", &hold_body(6, QUARTER_MS));
    let put = |key: &str, locations: Value| {
        let body = json!({ "kind": "shopify", "locations": locations }).to_string();
        server.ask("PUT", "/v1/channels/web", &secret, &[("idempotency-key", key)], &body)
    };
    let refused = put("p1", json!(["east"]));
    expect(&refused, 409, "holds_lack_units", "");
    let numbers = ["sku", "held", "available"].map(|member| refused.2[member].clone());
    assert_eq!(numbers, [json!("MUG"), json!(6), json!(4)], "{}", refused.2);
    // The same key, the same answer, from the record now.
    let again = put("p1", json!(["east"]));
    assert_eq!(
        (again.0, &again.2["sku"], &again.2["lsn"]),
        (409, &json!("MUG"), &refused.2["lsn"]),
        "{}",
        again.2
    );
    let body = json!({ "kind": "shopify", "locations": ["east"] }).to_string();
    let without_key = server.ask("PUT", "/v1/channels/web", &secret, &[], &body);
    assert_eq!((without_key.0, &without_key.2["sku"]), (409, &json!("MUG")), "{}", without_key.2);
    let (_, _, shown) = server.ask("GET", "/v1/channels/web", &secret, &[], "");
    assert_eq!(shown["locations"], json!(["main", "east"]), "{shown}");
    assert_eq!(put("p2", json!(["main"])).0, 200);
    assert_eq!(stands(&server, &secret), (json!(4), json!(6)));
    server.stop();
    let audit = onhand(&["verify", data.path().to_str().unwrap()]);
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
}

#[test]
fn an_expired_hold_is_nobodys_and_a_late_buyer_may_still_win() {
    let data = tempfile::tempdir().unwrap();
    let secret = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    stocked(&server, &secret);
    let hold = held(&server, &secret, "h1", &hold_body(10, 1_000));
    // No job frees it: whoever asks next finds it ended. Its second passes while we ask.
    while stands(&server, &secret).0 == json!(0) {}
    assert_eq!(stands(&server, &secret), (json!(10), json!(0)));
    let late =
        |or_reserve: bool, quantity: u32| json!({ "or_reserve": or_reserve, "order": order("1", quantity) });
    let confirm = path(&hold, "/confirm");
    expect(&post(&server, &secret, &confirm, "c1", &late(false, 7)), 409, "hold_ended", "");
    let won = post(&server, &secret, &confirm, "c2", &late(true, 7));
    assert_eq!(won.0, 201, "{}", won.2);
    let lost = json!({ "or_reserve": true, "order": order("2", 4) });
    expect(&post(&server, &secret, &confirm, "c3", &lost), 409, "insufficient_stock", "");
    expect(
        &post(&server, &secret, &path(&hold, "/extend"), "e1", &json!({ "ttl_ms": 1_000 })),
        409,
        "hold_ended",
        "",
    );
    server.stop();
    let audit = onhand(&["verify", data.path().to_str().unwrap()]);
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
}

/// What a server has counted of a metric.
fn counted(server: &Server, series: &str) -> u64 {
    let (_, _, text) = server.ask("GET", "/metrics", "", &[], "");
    let value = text.as_str().unwrap().lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("{series} is not exported")).parse().unwrap()
}

#[test]
fn holds_are_counted_and_expire_though_nobody_asks() {
    let data = tempfile::tempdir().unwrap();
    let secret = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    stocked(&server, &secret);
    let kept = held(&server, &secret, "h1", &hold_body(1, QUARTER_MS));
    let confirmed = held(&server, &secret, "h2", &hold_body(2, QUARTER_MS));
    let released = held(&server, &secret, "h3", &hold_body(1, QUARTER_MS));
    let longer = json!({ "ttl_ms": 2 * QUARTER_MS });
    assert_eq!(post(&server, &secret, &path(&kept, "/extend"), "e1", &longer).0, 200);
    let confirm = json!({ "order": order("1", 2) });
    assert_eq!(post(&server, &secret, &path(&confirmed, "/confirm"), "c1", &confirm).0, 201);
    let gone = server.ask("DELETE", &path(&released, ""), &secret, &[("idempotency-key", "r1")], "");
    assert_eq!(gone.0, 200, "{}", gone.2);
    held(&server, &secret, "h4", &hold_body(7, 1_000));
    let mut waits = order("2", 5);
    waits["policy"] = json!("backorder");
    let (status, _, placed) = post(&server, &secret, "/v1/orders", "o1", &waits);
    assert_eq!((status, &placed["status"]), (201, &json!("backordered")), "{placed}");
    // From here on nobody asks anything of the merchant.
    while counted(&server, r#"onhand_holds_ended_total{end="expired"}"#) == 0 {}
    let ended = ["confirmed", "released", "expired"]
        .map(|end| counted(&server, &format!(r#"onhand_holds_ended_total{{end="{end}"}}"#)));
    assert_eq!(ended, [1; 3]);
    let others = ["onhand_holds_placed_total", "onhand_holds_extended_total", "onhand_holds_live"];
    assert_eq!(others.map(|series| counted(&server, series)), [4, 1, 1]);
    server.stop();
    let log = onhand(&["log", data.path().to_str().unwrap()]);
    let log = String::from_utf8_lossy(&log.stdout).into_owned();
    assert!(log.contains("backlog_filled"), "{log}");
    // What is read from the log is live, and was counted before.
    let server = Server::start(data.path());
    assert_eq!(others.map(|series| counted(&server, series)), [0, 0, 1]);
}

#[test]
fn what_cannot_be_held_is_refused_and_changes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let secret = merchant(data.path(), "acme", SCOPES);
    let other = merchant(data.path(), "other", SCOPES);
    let server = Server::start(data.path());
    stocked(&server, &secret);
    stocked(&server, &other);
    let year_ms = 365 * 24 * 60 * 60 * 1_000_u64;
    for (body, code, pointer) in [
        (hold_body(1, 0), "ttl_out_of_range", "/ttl_ms"),
        (hold_body(1, year_ms), "ttl_out_of_range", "/ttl_ms"),
        (hold_body(0, QUARTER_MS), "quantity_out_of_range", "/lines/0/quantity"),
        (json!({ "channel": "web", "ttl_ms": 1_000, "lines": [] }), "no_lines", "/lines"),
        (
            json!({ "channel": "moon", "ttl_ms": 1_000, "lines": [{ "id": "1", "sku": "MUG", "quantity": 1 }] }),
            "unknown_channel",
            "/channel",
        ),
        (
            json!({ "channel": "web", "ttl_ms": 1_000, "lines": [{ "id": "1", "sku": "CUP", "quantity": 1 }] }),
            "unknown_sku",
            "/lines/0/sku",
        ),
        (
            json!({ "channel": "web", "lines": [{ "id": "1", "sku": "MUG", "quantity": 1 }] }),
            "missing_field",
            "/ttl_ms",
        ),
    ] {
        expect(&post(&server, &secret, "/v1/holds", "bad", &body), 422, code, pointer);
    }
    let no_key = server.ask("POST", "/v1/holds", &secret, &[], &hold_body(1, 1_000).to_string());
    expect(&no_key, 400, "idempotency_key_required", "");
    let refused = post(&server, &secret, "/v1/holds", "much", &hold_body(11, QUARTER_MS));
    expect(&refused, 409, "insufficient_stock", "");
    assert_eq!((&refused.2["line"], &refused.2["available"]), (&json!(0), &json!(10)), "{}", refused.2);
    // One customer has twenty at the most.
    let mut mine = hold_body(1, QUARTER_MS);
    mine["customer_id"] = json!("c-17");
    mine["lines"][0]["sku"] = json!("TEA");
    mine["lines"][0]["quantity"] = json!("0.001");
    for number in 0..20 {
        held(&server, &secret, &format!("mine {number}"), &mine);
    }
    expect(&post(&server, &secret, "/v1/holds", "mine 20", &mine), 409, "too_many_holds", "");
    mine["customer_id"] = json!("c-18");
    held(&server, &secret, "another's", &mine);
    // Ten extensions, of a hold that stands; an id that is none, and another merchant's.
    let hold = held(&server, &secret, "h1", &hold_body(1, QUARTER_MS));
    let extend =
        |key: &str| post(&server, &secret, &path(&hold, "/extend"), key, &json!({ "ttl_ms": 1_000 }));
    for number in 0..10 {
        let longer = extend(&format!("e{number}"));
        assert_eq!((longer.0, &longer.2["expires_at"]), (200, &hold["expires_at"]), "{}", longer.2);
    }
    expect(&extend("e10"), 409, "too_many_extensions", "");
    for id in ["hold_", "hold_00000000000003R", "ord_00000000000003R"] {
        expect(&server.ask("GET", &format!("/v1/holds/{id}"), &secret, &[], ""), 404, "hold_not_found", "");
    }
    expect(&server.ask("GET", &path(&hold, ""), &other, &[], ""), 404, "hold_not_found", "");
    let bad = json!({ "order": { "external_id": "9", "channel": "web", "lines": [{ "id": "1", "sku": "CUP", "quantity": 1 }] } });
    expect(
        &post(&server, &secret, &path(&hold, "/confirm"), "c", &bad),
        422,
        "unknown_sku",
        "/order/lines/0/sku",
    );
    assert_eq!(stands(&server, &secret), (json!(9), json!(1)));
}
