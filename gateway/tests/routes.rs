//! Methods, queries, pages, and what single answers say.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{ORDER, SCOPES, Server, expect, lines_of, merchant, stocked};
use serde_json::{Value, json};

fn shop() -> (tempfile::TempDir, String, Server) {
    let data = tempfile::tempdir().unwrap();
    let key = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    stocked(&server, &key);
    (data, key, server)
}

#[test]
fn each_path_names_its_methods_and_has_head_where_it_has_get() {
    let (_data, key, server) = shop();
    for (path, allow) in [
        ("/v1/orders", "GET, HEAD, POST"),
        ("/v1/orders/bulk", "POST"),
        ("/v1/orders/preview", "POST"),
        ("/v1/orders/ord_1", "GET, HEAD"),
        ("/v1/orders/ord_1/explanation", "GET, HEAD"),
        ("/v1/routing/profiles", "GET, HEAD"),
        ("/v1/routing/profiles/eu", "GET, HEAD, PUT"),
        ("/v1/routing/profiles/eu/versions", "GET, HEAD"),
        ("/v1/routing/profiles/eu/versions/1", "GET, HEAD"),
        ("/v1/orders/ord_1/cancel", "POST"),
        ("/v1/orders/ord_1/fulfillments", "POST"),
        ("/v1/orders/ord_1/customer", "DELETE"),
        ("/v1/availability", "POST"),
        ("/v1/locations/main", "GET, HEAD, PUT"),
        ("/v1/channels/web", "GET, HEAD, PUT"),
        ("/v1/skus/MUG", "GET, HEAD, PUT"),
        ("/v1/skus/bulk", "GET, HEAD, POST, PUT"),
        ("/v1/stock/movements", "GET, HEAD, POST"),
        ("/v1/stock/movements/bulk", "POST"),
        ("/v1/stock/MUG", "GET, HEAD"),
        ("/v1/stock", "GET, HEAD"),
        ("/v1/openapi.json", "GET, HEAD"),
        ("/metrics", "GET, HEAD"),
        ("/healthz", "GET, HEAD"),
        ("/readyz", "GET, HEAD"),
    ] {
        let answer = server.ask("PATCH", path, &key, &[], "");
        expect(&answer, 405, "method_not_allowed", "");
        assert!(answer.1.contains(&format!("allow: {}", allow.to_lowercase())), "{path}: {}", answer.1);
    }
    for path in
        ["/v1/stock", "/v1/stock/MUG", "/v1/skus/MUG", "/v1/orders", "/healthz", "/readyz", "/metrics"]
    {
        let (status, head, body) = server.ask("HEAD", path, &key, &[], "");
        assert_eq!((status, body), (200, json!("")), "{path}");
        assert!(head.contains("content-length: ") && !head.contains("content-length: 0\r"), "{path}: {head}");
    }
    let before = server.ask("GET", "/metrics", "", &[], "").2;
    assert_eq!(server.ask("GET", "/nowhere", "", &[], "").0, 404);
    let after = server.ask("GET", "/metrics", "", &[], "").2;
    let count = |text: &Value| {
        let line = |line: &&str| line.starts_with(r#"onhand_responses_total{class="4xx"}"#);
        let text = text.as_str().unwrap().to_owned();
        text.lines().find(line).unwrap().rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()
    };
    assert_eq!(count(&after), count(&before) + 1, "a route that is not there counts too");
}

#[test]
fn a_stray_parameter_is_told_on_every_route() {
    let (_data, key, server) = shop();
    for (method, path) in [
        ("POST", "/v1/orders?dry_run=1"),
        ("POST", "/v1/orders/bulk?dry_run=1"),
        ("POST", "/v1/orders/ord_1/cancel?x=1"),
        ("DELETE", "/v1/orders/ord_1/customer?x=1"),
        ("POST", "/v1/orders/preview?x=1"),
        ("GET", "/v1/orders/ord_1?x=1"),
        ("GET", "/v1/orders/ord_1/explanation?x=1"),
        ("GET", "/v1/routing/profiles?limit=1"),
        ("GET", "/v1/routing/profiles/versions?limit=1"),
        ("GET", "/v1/routing/profiles/eu/versions?colour=red"),
        ("GET", "/v1/routing/profiles/eu/versions?limit=0"),
        ("GET", "/v1/routing/profiles/eu/versions/1?x=1"),
        ("PUT", "/v1/routing/profiles/eu?x=1"),
        ("GET", "/v1/orders?colour=red"),
        ("GET", "/v1/orders?placed_from=2026-11-23"),
        ("GET", "/v1/orders?status=open"),
        ("GET", "/v1/orders?channel=nowhere"),
        ("GET", "/v1/orders?limit=501"),
        ("GET", "/v1/orders?limit=%2B5"),
        ("GET", "/v1/orders?limit="),
        ("GET", "/v1/orders?external_id="),
        ("GET", "/v1/orders?external_id=a%C2%9Bb"),
        ("GET", "/v1/stock?colour=red"),
        ("GET", "/v1/stock?cursor=x"),
        ("GET", "/v1/stock/MUG?x=1"),
        ("POST", "/v1/stock/movements?x=1"),
        ("POST", "/v1/availability?x=1"),
        ("PUT", "/v1/skus/MUG?x=1"),
        ("GET", "/v1/channels/web?x=1"),
    ] {
        let answer = server.ask(method, path, &key, &[("idempotency-key", "q")], "{}");
        expect(&answer, 400, "invalid_query", "");
    }
}

/// All rows of a list, page after page, and how many pages it took.
fn rows(server: &Server, key: &str, query: &str) -> (Vec<String>, usize) {
    let (mut rows, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let (status, _, page) = server.ask("GET", &format!("/v1/orders?{query}{cursor}"), key, &[], "");
        assert_eq!(status, 200, "{page}");
        let ids = page["data"].as_array().unwrap().iter();
        rows.extend(ids.map(|order| order["external_id"].as_str().unwrap().to_owned()));
        pages += 1;
        let Some(next) = page["next_cursor"].as_str() else { return (rows, pages) };
        cursor = format!("&cursor={next}");
    }
}

#[test]
fn a_page_is_filled_from_what_matches() {
    let (_data, key, server) = shop();
    let back = r#"{"kind":"wholesale","locations":["main"],"policy":"backorder"}"#;
    assert_eq!(server.ask("PUT", "/v1/channels/back", &key, &[], back).0, 201);
    // Two orders in a hundred wait, the oldest ones: everything newer is in their way.
    let order = |number: usize| {
        let quantity = if number < 6 { 1_000 } else { 1 };
        let sku = if number < 6 { "MUG" } else { "PIN" };
        let line = json!({ "id": "1", "sku": sku, "quantity": quantity });
        format!("{}\n", json!({ "external_id": number.to_string(), "channel": "back", "lines": [line] }))
    };
    assert_eq!(server.ask("PUT", "/v1/skus/PIN", &key, &[], "{}").0, 201);
    let pins = r#"{"type":"receive","sku":"PIN","location":"main","quantity":5000}"#;
    assert_eq!(server.ask("POST", "/v1/stock/movements", &key, &[("idempotency-key", "p")], pins).0, 201);
    let body: String = (0..1_200).map(order).collect();
    let (_, _, answer) = server.ask("POST", "/v1/orders/bulk", &key, &[], &body);
    assert!(lines_of(&answer).iter().all(|line| line["status"] == 201));

    let (_, _, page) = server.ask("GET", "/v1/orders?status=backordered&limit=2", &key, &[], "");
    let ids: Vec<&Value> =
        page["data"].as_array().unwrap().iter().map(|order| &order["external_id"]).collect();
    assert_eq!(ids, [&json!("5"), &json!("4")], "the first page has its rows");
    let (waiting, pages) = rows(&server, &key, "status=backordered&limit=2");
    assert_eq!((waiting.len(), waiting.last().map(String::as_str)), (5, Some("1")), "{waiting:?}");
    assert!(pages <= 4, "{pages}");
    assert_eq!(rows(&server, &key, "status=partially_allocated").0, ["0"]);
    let (all, _) = rows(&server, &key, "limit=500");
    assert_eq!(all, (0..1_200).rev().map(|number| number.to_string()).collect::<Vec<_>>());
    assert_eq!(rows(&server, &key, "channel=back&external_id=700").0, ["700"]);
    assert_eq!(rows(&server, &key, "external_id=none").0, [""; 0]);
}

#[test]
fn an_availability_read_is_bounded() {
    let (_data, key, server) = shop();
    for channel in 1..6 {
        let body = r#"{"kind":"api","locations":["main"]}"#;
        assert_eq!(server.ask("PUT", &format!("/v1/channels/c{channel}"), &key, &[], body).0, 201);
    }
    let ask = |skus: Vec<&str>, channels: Option<Vec<&str>>| {
        let body = json!({ "skus": skus, "channels": channels }).to_string();
        server.ask("POST", "/v1/availability", &key, &[], &body)
    };
    let (status, _, answer) = ask(vec!["MUG"; 10_000], Some(vec!["web", "c1"]));
    assert_eq!((status, answer["availability"].as_array().map(Vec::len)), (200, Some(10_000)));
    assert_eq!(answer["availability"][9_999]["channels"][1], json!({ "channel": "c1", "available": 10 }));
    expect(&ask(vec!["MUG"; 10_001], Some(vec!["web"])), 422, "too_many", "/skus");
    expect(&ask(vec!["MUG"; 10_000], None), 422, "too_many", "/skus");
    assert_eq!(
        ask(vec!["MUG", "TEA"], None).2["availability"][1]["channels"].as_array().map(Vec::len),
        Some(6)
    );
    // The most SKUs with the longest codes are no too long body.
    expect(&ask(vec![&"x".repeat(64); 10_000], None), 422, "unknown_sku", "/skus/0");
    expect(&ask(vec!["MUG"], Some(vec!["nowhere"])), 422, "unknown_channel", "/channels/0");
}

#[test]
fn answers_say_what_was_done_and_to_which_line() {
    let (_data, key, server) = shop();
    let number = std::cell::Cell::new(0);
    let ask = |path: &str, body: Value| {
        number.set(number.get() + 1);
        let idempotency = format!("a-{}", number.get());
        let first = server.ask("POST", path, &key, &[("idempotency-key", &*idempotency)], &body.to_string());
        let again = server.ask("POST", path, &key, &[("idempotency-key", &*idempotency)], &body.to_string());
        if first.0 < 400 || first.0 == 409 {
            assert_eq!(without_id(&first.2), without_id(&again.2), "{path}");
        }
        first
    };
    let adjust = |sku: &str, delta: Value, state: &str| {
        let body = json!({ "type": "adjust", "sku": sku, "location": "main", "delta": delta, "state": state,
                           "reason": "correction" });
        ask("/v1/stock/movements", body).2
    };
    let shown =
        |answer: &Value| (answer["delta"].clone(), answer["state"].clone(), answer["quantity"].clone());
    assert_eq!(shown(&adjust("MUG", json!(-2), "sellable")), (json!(-2), json!("sellable"), json!(2)));
    assert_eq!(shown(&adjust("MUG", json!(3), "damaged")), (json!(3), json!("damaged"), json!(3)));
    assert_eq!(
        shown(&adjust("TEA", json!("-0.250"), "sellable")),
        (json!("-0.250"), json!("sellable"), json!("0.250"))
    );
    let (status, _, moved) = ask(
        "/v1/stock/movements",
        json!({ "type": "move", "sku": "MUG", "location": "main", "from": "sellable", "to": "damaged", "quantity": 1,
                "reason": "damaged" }),
    );
    assert_eq!((status, &moved["from"], &moved["to"]), (201, &json!("sellable"), &json!("damaged")));
    assert!(moved.get("delta").is_none() && moved.get("state").is_none());

    let order = ORDER.replace("{\"id\":\"2\"", "{\"id\":\"tea-line\"");
    let (_, _, placed) = server.ask("POST", "/v1/orders", &key, &[], &order);
    let path = format!("/v1/orders/{}", placed["id"].as_str().unwrap());
    let parcel = |id: &str, quantity: Value, location: &str| json!({ "location": location, "lines": [{ "id": id, "quantity": quantity }], "tracking_number": "1Z" });
    let fulfillments = format!("{path}/fulfillments");
    let refused = ask(&fulfillments, parcel("tea-line", json!("0.250"), "east"));
    expect(&refused, 409, "not_allocated", "");
    assert_eq!(refused.2["line_id"], "tea-line");
    assert!(refused.2["detail"].as_str().unwrap().contains("tea-line"));
    let refused = ask(&format!("{path}/cancel"), json!({ "lines": [{ "id": "1", "quantity": 3 }] }));
    expect(&refused, 409, "not_open", "");
    assert_eq!(refused.2["line_id"], "1");
    let (status, _, shipped) = ask(&fulfillments, parcel("1", json!(2), "main"));
    assert_eq!((status, &shipped["tracking_number"]), (201, &json!("1Z")));
    expect(&ask(&fulfillments, parcel("3", json!(1), "main")), 422, "unknown_line", "/lines/0/id");
    expect(&ask(&fulfillments, parcel("1", json!(1), "moon")), 422, "unknown_location", "/location");
}

/// A refusal without the id of its request, which is another each time.
fn without_id(answer: &Value) -> Value {
    let mut answer = answer.clone();
    if let Some(members) = answer.as_object_mut() {
        members.remove("request_id");
    }
    answer
}

#[test]
fn everything_wrong_with_a_body_is_told_where_it_stands() {
    let (_data, key, server) = shop();
    let line = json!({ "id": "1", "sku": "MUG", "quantity": 1, "unit_price": "-1.00" });
    let order = json!({ "external_id": "", "channel": "nowhere", "policy": "split", "lines": [line] });
    let (status, _, problem) = server.ask("POST", "/v1/orders", &key, &[], &order.to_string());
    let mut pointers: Vec<&str> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    pointers.sort_unstable();
    assert_eq!((status, pointers), (422, vec!["/channel", "/external_id", "/lines/0/unit_price", "/policy"]));
    let price = |text: &str| {
        json!({ "external_id": "p", "channel": "web", "lines": [{ "id": "1", "sku": "MUG", "quantity": 1, "unit_price": text }] }).to_string()
    };
    for text in ["-0.01", "-0.00", "1.", "1e3", "1.0000001", "9999999999999999"] {
        expect(
            &server.ask("POST", "/v1/orders", &key, &[], &price(text)),
            422,
            "invalid_price",
            "/lines/0/unit_price",
        );
    }
    let cases = [
        (
            "/v1/channels/new",
            json!({ "kind": "api", "locations": ["main", "east", "main"] }),
            "duplicate_location",
            "/locations/2",
        ),
        (
            "/v1/channels/new",
            json!({ "kind": "api", "locations": ["moon"], "policy": "split" }),
            "unknown_location",
            "/locations/0",
        ),
        ("/v1/channels/new", json!({ "kind": "api" }), "missing_field", "/locations"),
        ("/v1/channels/new", json!({ "kind": "stall", "locations": [] }), "invalid_value", "/kind"),
        ("/v1/locations/new", json!({ "kind": "shop", "country": "Germany" }), "invalid_value", "/country"),
        ("/v1/locations/new", json!({ "kind": "cave", "country": "DE" }), "invalid_value", "/kind"),
        (
            "/v1/locations/new",
            json!({ "kind": "shop", "country": "DE", "priority": -1 }),
            "invalid_value",
            "/priority",
        ),
        (
            "/v1/locations/new",
            json!({ "kind": "shop", "country": "DE", "region": "x".repeat(65) }),
            "too_long",
            "/region",
        ),
        ("/v1/skus/NEW", json!({ "gtin": "4006381333932" }), "invalid_gtin", "/gtin"),
        ("/v1/skus/NEW", json!({ "title": "a\u{7}" }), "invalid_value", "/title"),
        ("/v1/skus/NEW", json!({ "tags": ["", "x"] }), "invalid_code", "/tags/0"),
    ];
    for (path, body, code, pointer) in cases {
        expect(&server.ask("PUT", path, &key, &[], &body.to_string()), 422, code, pointer);
    }
    for path in ["/v1/channels/new", "/v1/locations/new", "/v1/skus/NEW"] {
        assert_eq!(server.ask("GET", path, &key, &[], "").0, 404, "{path} was made by a bad body");
    }
}
