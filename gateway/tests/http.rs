//! Each route with good and bad input, on the real binary.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{ORDER, SCOPES, Server, expect, key, lines_of, merchant, onhand, stocked};
use serde_json::{Value, json};

#[test]
fn an_order_is_placed_repeated_shipped_and_survives_a_kill() {
    let data = tempfile::tempdir().unwrap();
    let secret = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    stocked(&server, &secret);
    let (status, _, first) = server.ask("POST", "/v1/orders", &secret, &[], ORDER);
    assert_eq!((status, &first["status"]), (201, &json!("allocated")), "{first}");
    assert_eq!(first["lines"][1]["allocated"], json!([{ "location": "main", "quantity": "0.250" }]));
    server.kill();

    let server = Server::start(data.path());
    let (status, head, again) =
        server.ask("POST", "/v1/orders", &secret, &[("idempotency-key", "new")], ORDER);
    assert_eq!((status, &again), (201, &first));
    assert!(head.contains("idempotent-replayed: true"));
    let changed = ORDER.replace("\"quantity\":2", "\"quantity\":3");
    let (status, _, problem) = server.ask("POST", "/v1/orders", &secret, &[], &changed);
    assert_eq!(
        (status, &problem["code"], &problem["order_id"]),
        (409, &json!("external_id_conflict"), &first["id"])
    );

    let path = format!("/v1/orders/{}/fulfillments", first["id"].as_str().unwrap());
    let parcel = r#"{"location":"main","lines":[{"id":"1","quantity":2}]}"#;
    let (status, _, shipped) = server.ask("POST", &path, &secret, &[("idempotency-key", "s")], parcel);
    assert_eq!((status, &shipped["status"]), (201, &json!("partially_shipped")));
    let path = format!("/v1/orders/{}/cancel", first["id"].as_str().unwrap());
    let (status, _, closed) = server.ask("POST", &path, &secret, &[("idempotency-key", "c")], "{}");
    assert_eq!((status, &closed["status"]), (200, &json!("shipped")), "{closed}");
    let (status, _, read) = server.ask("GET", &path.replace("/cancel", ""), &secret, &[], "");
    assert_eq!((status, &read["lines"]), (200, &closed["lines"]));
    let (_, _, stock) = server.ask("GET", "/v1/stock/MUG", &secret, &[], "");
    assert_eq!(
        (&stock["locations"][0]["on_hand"], &stock["locations"][0]["available"]),
        (&json!(8), &json!(8))
    );
    let (_, _, listed) = server.ask("GET", "/v1/orders?status=shipped&channel=web", &secret, &[], "");
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1), "{listed}");
    let (_, _, available) = server.ask("POST", "/v1/availability", &secret, &[], r#"{"skus":["TEA"]}"#);
    assert_eq!(available["availability"][0]["channels"][0]["available"], json!("1.500"));
    server.kill();
    let audit = onhand(&["verify", data.path().to_str().unwrap()]);
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
}

/// The shop's order again, something else in its name, and another order under the keys of both.
fn come_again(server: &Server, secret: &str, first: &Value) {
    let ask =
        |key: &str, body: &str| server.ask("POST", "/v1/orders", secret, &[("idempotency-key", key)], body);
    let changed = ORDER.replace("\"quantity\":2", "\"quantity\":3");
    let other = ORDER.replace("\"external_id\":\"1\"", "\"external_id\":\"2\"");
    for _ in 0..2 {
        let (status, head, again) = ask("k2", ORDER);
        assert_eq!((status, &again), (201, first));
        assert!(head.contains("idempotent-replayed: true"), "{head}");
    }
    let conflict = ask("k3", &changed);
    expect(&conflict, 409, "external_id_conflict", "");
    assert_eq!((&conflict.2["order_id"], &conflict.2["lsn"]), (&first["id"], &first["lsn"]));
    let again = ask("k3", &changed);
    assert_eq!((again.0, &again.2), (409, &conflict.2));
    assert!(again.1.contains("idempotent-replayed: true"), "{}", again.1);
    for (key, body) in [("k2", &*other), ("k2", &changed), ("k3", &other), ("k3", ORDER)] {
        expect(&ask(key, body), 422, "idempotency_key_reused", "");
    }
    let keyed = |key: &str, body: &str| {
        body.replace("\"lines\"", &format!("\"idempotency_key\":\"{key}\",\"lines\""))
    };
    let bulk = |lines: &[String]| {
        let (status, _, answer) = server.ask("POST", "/v1/orders/bulk", secret, &[], &lines.join("\n"));
        assert_eq!(status, 200, "{answer}");
        let answers = lines_of(&answer);
        answers.iter().map(|line| (line["status"].clone(), line["body"].clone())).collect::<Vec<_>>()
    };
    let answers = [(json!(201), first.clone()), (json!(409), conflict.2)];
    assert_eq!(bulk(&[keyed("k4", ORDER), keyed("k5", &changed)]), answers);
    assert_eq!(bulk(&[keyed("k4", ORDER), keyed("k5", &changed)]), answers);
    for (status, problem) in bulk(&[keyed("k4", &other), keyed("k5", &other), keyed("k2", &other)]) {
        assert_eq!((status, &problem["code"]), (json!(422), &json!("idempotency_key_reused")));
    }
    // Without a key the answers are the same, and nothing is remembered.
    assert_eq!(server.ask("POST", "/v1/orders", secret, &[], ORDER).2, *first);
    let unkeyed = server.ask("POST", "/v1/orders", secret, &[], &changed);
    expect(&unkeyed, 409, "external_id_conflict", "");
    assert_eq!(unkeyed.2["lsn"], first["lsn"]);
}

#[test]
fn an_order_that_comes_again_binds_the_key_it_comes_with() {
    let data = tempfile::tempdir().unwrap();
    let secret = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    stocked(&server, &secret);
    let (status, _, first) = server.ask("POST", "/v1/orders", &secret, &[("idempotency-key", "k1")], ORDER);
    assert_eq!(status, 201, "{first}");
    come_again(&server, &secret, &first);
    server.kill();
    let server = Server::start(data.path());
    come_again(&server, &secret, &first);
    server.kill();

    let data = data.path().to_str().unwrap();
    let audit = onhand(&["verify", data]);
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
    let log = String::from_utf8(onhand(&["log", data]).stdout).unwrap();
    let records = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let bound: Vec<Value> =
        records.filter(|it| it["kind"] == "repeat_answered").map(|it| it["body"].clone()).collect();
    let answered = |conflicts: bool| json!({ "order": first["lsn"], "conflicts": conflicts });
    assert_eq!(bound, [answered(false), answered(true), answered(false), answered(true)]);
}

#[test]
fn bad_input_gets_its_code_and_leaves_no_trace() {
    let data = tempfile::tempdir().unwrap();
    let secret = merchant(data.path(), "acme", SCOPES);
    let reader = key(data.path().to_str().unwrap(), "acme", "read");
    let stranger = merchant(data.path(), "bolt", SCOPES);
    let server = Server::start(data.path());
    stocked(&server, &secret);
    let (_, _, placed) = server.ask("POST", "/v1/orders", &secret, &[("idempotency-key", "k")], ORDER);
    let order = placed["id"].as_str().unwrap();
    let (_, _, before) = server.ask("GET", "/v1/stock", &secret, &[], "");
    let line = |line: &str| format!(r#"{{"external_id":"9","channel":"web","lines":[{line}]}}"#);
    let many: Vec<String> =
        (0..1_201).map(|id| format!(r#"{{"id":"{id}","sku":"MUG","quantity":1}}"#)).collect();
    let mug = r#"{"id":"1","sku":"MUG","quantity":1}"#;
    let cases: Vec<(&str, String, u16, &str, &str)> = vec![
        ("/v1/orders", "{".into(), 400, "malformed_json", ""),
        ("/v1/orders", line(&format!("{mug}],\"colour\":[1")), 422, "unknown_field", "/colour"),
        ("/v1/orders", line(r#"{"id":"1","sku":"MUG","quantity":"one"}"#), 422, "invalid_quantity", "/lines/0/quantity"),
        ("/v1/orders", line(r#"{"id":"1","sku":"MUG","quantity":true}"#), 422, "invalid_value", "/lines/0/quantity"),
        ("/v1/orders", line(r#"{"id":"1","sku":"MUG","quantity":1.5}"#), 422, "invalid_value", "/lines/0/quantity"),
        ("/v1/orders", line(r#"{"id":"1","sku":"MUG","quantity":-1}"#), 422, "quantity_out_of_range", "/lines/0/quantity"),
        ("/v1/orders", line(r#"{"id":"1","sku":"MUG","quantity":0}"#), 422, "quantity_out_of_range", "/lines/0/quantity"),
        ("/v1/orders", line(r#"{"id":"1","sku":"MUG","quantity":99999999999}"#), 422, "quantity_out_of_range", "/lines/0/quantity"),
        ("/v1/orders", line(r#"{"id":"1","sku":"MUG","quantity":99999999999999999999999}"#), 422, "quantity_out_of_range", "/lines/0/quantity"),
        ("/v1/orders", line(r#"{"id":"1","sku":"MUG","quantity":"99999999999"}"#), 422, "quantity_out_of_range", "/lines/0/quantity"),
        ("/v1/orders", line(r#"{"id":"1","sku":"MUG"}"#), 422, "missing_field", "/lines/0/quantity"),
        ("/v1/orders", line(r#"{"id":"1","sku":"TEA","quantity":"0.0001"}"#), 422, "invalid_quantity", "/lines/0/quantity"),
        ("/v1/orders", line(r#"{"id":"1","sku":"CUP","quantity":1}"#), 422, "unknown_sku", "/lines/0/sku"),
        ("/v1/orders", line(mug).replace("web", "shop"), 422, "unknown_channel", "/channel"),
        ("/v1/orders", line(&format!("{mug},{mug}")), 422, "duplicate_line", "/lines/1/id"),
        ("/v1/orders", line(""), 422, "no_lines", "/lines"),
        ("/v1/orders", line(&many.join(",")), 422, "too_many_lines", "/lines"),
        ("/v1/orders", line(mug).replace("\"lines\"", "\"policy\":\"split\",\"lines\""), 422, "unsupported_policy", "/policy"),
        ("/v1/orders", line(mug).replace("\"lines\"", "\"currency\":\"XXQ\",\"lines\""), 422, "invalid_currency", "/currency"),
        ("/v1/orders", line(mug).replace("\"lines\"", "\"placed_at\":\"now\",\"lines\""), 422, "invalid_time", "/placed_at"),
        ("/v1/orders", " ".repeat(600_000), 413, "body_too_large", ""),
        ("/v1/stock/movements", r#"{"type":"receive","sku":"MUG","location":"moon","quantity":1}"#.into(), 422, "unknown_location", "/location"),
        ("/v1/stock/movements", r#"{"type":"move","sku":"MUG","location":"main","from":"sellable","to":"damaged","quantity":9,"reason":"damaged"}"#.into(), 409, "not_enough_stock", ""),
        ("/v1/stock/movements", r#"{"type":"set","sku":"MUG","location":"main","expected":3,"new":1,"reason":"cycle_count"}"#.into(), 409, "stock_changed", ""),
        ("/v1/stock/movements", r#"{"type":"adjust","sku":"MUG","location":"main","delta":-1,"reason":"whim"}"#.into(), 422, "invalid_value", "/reason"),
    ];
    for (number, (path, body, status, code, pointer)) in cases.iter().enumerate() {
        let idempotency = format!("case-{number}");
        let (got, head, problem) =
            server.ask("POST", path, &secret, &[("idempotency-key", &idempotency)], body);
        assert_eq!((got, problem["code"].as_str()), (*status, Some(*code)), "{problem}");
        assert!(head.contains("application/problem+json"));
        if !pointer.is_empty() {
            assert_eq!(problem["errors"][0]["pointer"], *pointer, "{problem}");
        }
    }
    let other = ORDER.replace("\"external_id\":\"1\"", "\"external_id\":\"77\"");
    let parcel = r#"{"location":"main","lines":[{"id":"1","quantity":3}]}"#;
    let ship = format!("/v1/orders/{order}/fulfillments");
    let mut asks = vec![
        ("POST", "/v1/orders", "", vec![], ORDER, 401, "key_missing"),
        ("POST", "/v1/orders", "onhand_1_wrong", vec![], ORDER, 401, "key_wrong"),
        ("POST", "/v1/orders", &reader, vec![], ORDER, 403, "scope_missing"),
        (
            "POST",
            "/v1/orders",
            &secret,
            vec![("idempotency-key", "k")],
            &other,
            422,
            "idempotency_key_reused",
        ),
        ("POST", &ship, &secret, vec![], parcel, 400, "idempotency_key_required"),
        ("POST", &ship, &secret, vec![("idempotency-key", "x")], parcel, 409, "not_allocated"),
        ("POST", &ship, &stranger, vec![("idempotency-key", "x")], parcel, 404, "order_not_found"),
        ("GET", "/v1/stock/MUG", &stranger, vec![], "", 404, "sku_not_found"),
        ("GET", "/v1/skus/MUG", &stranger, vec![], "", 404, "sku_not_found"),
        ("GET", "/v1/locations/main", &stranger, vec![], "", 404, "location_not_found"),
        ("GET", "/v1/orders?color=red", &secret, vec![], "", 400, "invalid_query"),
        ("GET", "/v1/orders?limit=0", &secret, vec![], "", 400, "invalid_query"),
        ("GET", "/v1/orders/ord_nonsense", &secret, vec![], "", 404, "order_not_found"),
        ("GET", "/v1/nothing", &secret, vec![], "", 404, "route_not_found"),
    ];
    // The refusal under a key is remembered.
    asks.push(("POST", &ship, &secret, vec![("idempotency-key", "x")], parcel, 409, "not_allocated"));
    for (method, path, key, headers, body, status, code) in asks {
        let (got, _, problem) = server.ask(method, path, key, &headers, body);
        assert_eq!((got, problem["code"].as_str()), (status, Some(code)), "{method} {path}: {problem}");
    }
    let (_, _, after) = server.ask("GET", "/v1/stock", &secret, &[], "");
    assert_eq!(after["data"].as_array().map(Vec::len), Some(2));
    for (before, after) in before["data"].as_array().unwrap().iter().zip(after["data"].as_array().unwrap()) {
        assert_eq!(before["locations"], after["locations"], "a refused request left a trace");
    }
    assert!(onhand(&["verify", data.path().to_str().unwrap()]).status.success());
}
