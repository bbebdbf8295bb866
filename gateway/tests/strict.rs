//! What a request says is read once, strictly, and in one form.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{ORDER, SCOPES, Server, expect, merchant, stocked};
use serde_json::{Value, json};

fn shop() -> (tempfile::TempDir, String, Server) {
    let data = tempfile::tempdir().unwrap();
    let key = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    stocked(&server, &key);
    (data, key, server)
}

#[test]
fn codes_in_paths_are_decoded_once() {
    let (_data, key, server) = shop();
    let names = [
        ("a%20b", "a b"),
        ("a%2520b", "a%20b"),
        ("a%2Fb", "a/b"),
        ("a+b", "a+b"),
        ("e%CC%81", "é"),
        ("bulk", "bulk"),
        ("movements", "movements"),
    ];
    for (path, sku) in names {
        let path = format!("/v1/skus/{path}");
        let (status, _, answer) = server.ask("PUT", &path, &key, &[], &json!({ "title": sku }).to_string());
        assert_eq!((status, &answer["sku"]), (201, &json!(sku)), "{path}");
    }
    for (path, sku) in names.into_iter().chain([("%C3%A9", "é"), ("%4D%55%47", "MUG")]) {
        let (status, _, read) = server.ask("GET", &format!("/v1/skus/{path}"), &key, &[], "");
        assert_eq!((status, &read["sku"]), (200, &json!(sku)), "{path}");
        let (status, _, read) = server.ask("GET", &format!("/v1/stock/{path}"), &key, &[], "");
        assert_eq!((status, &read["sku"]), (200, &json!(sku)), "{path}");
    }
    for code in ["x%FF", "x%", "x%2", "x%zz", "%C3"] {
        for (method, resource) in [("PUT", "skus"), ("GET", "skus"), ("GET", "stock"), ("PUT", "channels")] {
            let answer = server.ask(method, &format!("/v1/{resource}/{code}"), &key, &[], "{}");
            expect(&answer, 400, "invalid_encoding", "");
        }
    }
    expect(&server.ask("PUT", "/v1/skus/a%00b", &key, &[], "{}"), 422, "invalid_code", "");
    expect(
        &server.ask("PUT", &format!("/v1/skus/{}", "x".repeat(65)), &key, &[], "{}"),
        422,
        "invalid_code",
        "",
    );
    expect(&server.ask("GET", "/v1/skus/a%00b", &key, &[], ""), 404, "sku_not_found", "");
    expect(&server.ask("GET", "/v1/orders?channel=w%FFb", &key, &[], ""), 400, "invalid_query", "");
}

#[test]
fn an_array_is_no_object() {
    let (_data, key, server) = shop();
    let order =
        |lines: &str, rest: &str| format!(r#"{{"external_id":"9","channel":"web","lines":[{lines}]{rest}}}"#);
    let line = r#"{"id":"1","sku":"MUG","quantity":1}"#;
    let cases = [
        (
            "POST",
            "/v1/orders",
            r#"["arr1","web",null,null,null,null,null,[["1","MUG",1,null]],null]"#.into(),
            "",
        ),
        ("POST", "/v1/orders", order(r#"["1","MUG",1,null]"#, ""), "/lines/0"),
        ("POST", "/v1/orders", order(line, r#","ship_to":["DE",null,null]"#), "/ship_to"),
        ("POST", "/v1/orders", order(line, r#","customer":["Ada"]"#), "/customer"),
        ("POST", "/v1/stock/movements", r#"["receive","MUG","main",1]"#.into(), ""),
        ("POST", "/v1/availability", r#"[["MUG"],null]"#.into(), ""),
        ("PUT", "/v1/locations/new", r#"["shop","DE",null,null,null]"#.into(), ""),
        ("PUT", "/v1/channels/new", r#"["api",["main"],null]"#.into(), ""),
        ("PUT", "/v1/skus/NEW", r#"["New",null,null,null,null]"#.into(), ""),
    ];
    for (number, (method, path, body, pointer)) in cases.iter().enumerate() {
        let key_header = format!("array-{number}");
        let answer = server.ask(method, path, &key, &[("idempotency-key", &key_header)], body);
        expect(&answer, 422, "invalid_value", pointer);
        assert_eq!(answer.2["errors"][0]["detail"], "must be an object", "{path}");
    }
    let (_, _, placed) = server.ask("POST", "/v1/orders", &key, &[], ORDER);
    let path = format!("/v1/orders/{}", placed["id"].as_str().unwrap());
    for (change, body, pointer) in [
        ("cancel", r#"[[["1",1]],null]"#, ""),
        ("cancel", r#"{"lines":[["1",1]]}"#, "/lines/0"),
        ("fulfillments", r#"["main",[],null]"#, ""),
        ("fulfillments", r#"{"location":"main","lines":[["1",1]]}"#, "/lines/0"),
    ] {
        let answer = server.ask("POST", &format!("{path}/{change}"), &key, &[("idempotency-key", "x")], body);
        expect(&answer, 422, "invalid_value", pointer);
    }
}

#[test]
fn names_that_look_the_same_are_the_same() {
    let (_data, key, server) = shop();
    let (apart, one) = ("Cafe\u{301}", "Café");
    for (path, body) in [
        ("/v1/locations/Caf%C3%A9", json!({ "kind": "shop", "country": "FR", "region": apart })),
        ("/v1/channels/Caf%C3%A9", json!({ "kind": "pos", "locations": [apart] })),
        ("/v1/skus/Cafe%CC%81", json!({ "tags": [apart] })),
    ] {
        assert_eq!(server.ask("PUT", path, &key, &[], &body.to_string()).0, 201, "{path}");
    }
    let receive = json!({ "type": "receive", "sku": apart, "location": apart, "quantity": 9 }).to_string();
    let (status, _, moved) =
        server.ask("POST", "/v1/stock/movements", &key, &[("idempotency-key", "r")], &receive);
    assert_eq!((status, &moved["sku"], &moved["location"]), (201, &json!(one), &json!(one)));
    let line = |id: &str| json!({ "id": id, "sku": apart, "quantity": 1 });
    let order = |lines: Value| {
        let to = json!({ "country": "FR", "region": apart });
        json!({ "external_id": apart, "channel": apart, "ship_to": to, "lines": lines }).to_string()
    };
    let answer = server.ask("POST", "/v1/orders", &key, &[], &order(json!([line(one), line(apart)])));
    expect(&answer, 422, "duplicate_line", "/lines/1/id");
    let (status, _, placed) = server.ask("POST", "/v1/orders", &key, &[], &order(json!([line(apart)])));
    assert_eq!((status, &placed["external_id"], &placed["lines"][0]["id"]), (201, &json!(one), &json!(one)));
    let path = format!("/v1/orders/{}", placed["id"].as_str().unwrap());
    let regions = ["/v1/locations/Caf%C3%A9", &*path].map(|path| server.ask("GET", path, &key, &[], "").2);
    assert_eq!([&regions[0]["region"], &regions[1]["ship_to"]["region"]], [&json!(one); 2], "{regions:?}");
    let path = format!("{path}/fulfillments");
    let parcel = json!({ "location": apart, "lines": [{ "id": apart, "quantity": 1 }] }).to_string();
    assert_eq!(server.ask("POST", &path, &key, &[("idempotency-key", "s")], &parcel).0, 201);
    for filter in ["channel=Cafe%CC%81", "external_id=Cafe%CC%81", "channel=Caf%C3%A9&external_id=Cafe%CC%81"]
    {
        let (_, _, page) = server.ask("GET", &format!("/v1/orders?{filter}"), &key, &[], "");
        assert_eq!(page["data"].as_array().map(Vec::len), Some(1), "{filter}: {page}");
    }
    let body = json!({ "skus": [apart], "channels": [apart] }).to_string();
    let (_, _, available) = server.ask("POST", "/v1/availability", &key, &[], &body);
    assert_eq!(available["availability"][0]["channels"][0], json!({ "channel": one, "available": 8 }));
    let (_, _, sku) = server.ask("GET", "/v1/skus/Caf%C3%A9", &key, &[], "");
    assert_eq!(sku["tags"], json!([one]));
}

#[test]
fn what_an_answer_repeats_is_short() {
    let (_data, key, server) = shop();
    let long = "x".repeat(20_000);
    let line = |line: Value| json!({ "external_id": "9", "channel": "web", "lines": [line] });
    let mug = json!({ "id": "1", "sku": "MUG", "quantity": 1 });
    let mut wrong_channel = line(mug.clone());
    wrong_channel["channel"] = json!(long);
    let mut wrong_policy = line(mug.clone());
    wrong_policy["policy"] = json!(long);
    let mut stranger = line(mug);
    stranger[&long] = json!(1);
    let movement = json!({ "type": "receive", "sku": long, "location": long, "quantity": 1 });
    let bodies = [
        ("POST", "/v1/orders", wrong_channel, "unknown_channel"),
        ("POST", "/v1/orders", wrong_policy, "unsupported_policy"),
        ("POST", "/v1/orders", stranger, "unknown_field"),
        ("POST", "/v1/orders", line(json!({ "id": "1", "sku": long, "quantity": 1 })), "unknown_sku"),
        (
            "POST",
            "/v1/orders",
            line(json!({ "id": "1", "sku": "MUG", "quantity": long })),
            "invalid_quantity",
        ),
        ("POST", "/v1/orders", line(json!(long)), "invalid_value"),
        ("POST", "/v1/stock/movements", movement, "unknown_sku"),
        ("POST", "/v1/availability", json!({ "skus": [long], "channels": [long] }), "unknown_sku"),
        ("PUT", "/v1/channels/new", json!({ "kind": "api", "locations": [long] }), "unknown_location"),
        (
            "PUT",
            "/v1/locations/new",
            json!({ "kind": "shop", "country": "DE", "priority": long }),
            "invalid_value",
        ),
    ];
    for (method, path, body, code) in bodies {
        expect(
            &server.ask(method, path, &key, &[("idempotency-key", "e")], &body.to_string()),
            422,
            code,
            "",
        );
    }
    let long = &long[..4_000];
    expect(&server.ask("GET", &format!("/v1/{long}"), &key, &[], ""), 404, "route_not_found", "");
    for query in
        [format!("{long}=1"), format!("limit={long}"), format!("channel={long}"), format!("cursor={long}")]
    {
        expect(&server.ask("GET", &format!("/v1/orders?{query}"), &key, &[], ""), 400, "invalid_query", "");
    }
}

#[test]
fn keys_are_checked_wherever_they_stand() {
    let (_data, key, server) = shop();
    let own = ORDER.replace("\"lines\"", "\"idempotency_key\":\"k\",\"lines\"");
    expect(&server.ask("POST", "/v1/orders", &key, &[], &own), 422, "unknown_field", "/idempotency_key");
    let receive = r#"{"type":"receive","sku":"MUG","location":"main","quantity":1}"#;
    let own = receive.replace('}', ",\"idempotency_key\":\"k\"}");
    let path = "/v1/stock/movements";
    let header = ("idempotency-key", "k");
    expect(&server.ask("POST", path, &key, &[header], &own), 422, "unknown_field", "/idempotency_key");
    expect(&server.ask("POST", path, &key, &[], receive), 400, "idempotency_key_required", "");
    let long = "k".repeat(256);
    for wrong in [
        vec![("idempotency-key", "\"\"")],
        vec![("idempotency-key", &*long)],
        vec![header, ("idempotency-key", "l")],
    ] {
        expect(&server.ask("POST", path, &key, &wrong, receive), 400, "idempotency_key_invalid", "");
    }
    // A proxy may have doubled it, and quotes are no part of it.
    let twice = [header, ("Idempotency-Key", "\"k\"")];
    let (status, _, first) = server.ask("POST", path, &key, &twice, receive);
    assert_eq!(status, 201, "{first}");
    assert_eq!(server.ask("POST", path, &key, &[header], receive).2, first);
    let erase = "/v1/orders/ord_0/customer";
    expect(&server.ask("DELETE", erase, &key, &[], ""), 400, "idempotency_key_required", "");
    let secret = format!("bearer {key}");
    assert_eq!(server.ask("GET", "/v1/stock", "", &[("authorization", &secret)], "").0, 200);
    let secret = format!("Basic {key}");
    expect(&server.ask("GET", "/v1/stock", "", &[("authorization", &secret)], ""), 401, "key_missing", "");
}

#[test]
fn a_repeat_may_be_written_otherwise() {
    let (_data, key, server) = shop();
    let (_, _, placed) = server.ask("POST", "/v1/orders", &key, &[], ORDER);
    let order = format!("/v1/orders/{}", placed["id"].as_str().unwrap());
    let encoded = order.replacen("ord_", "%6Frd_", 1);
    let cases = [
        (
            "POST",
            (
                "/v1/stock/movements".to_owned(),
                r#"{"type":"receive","sku":"TEA","location":"main","quantity":"1.5"}"#,
            ),
            (
                "/v1/stock/movements".to_owned(),
                r#"{ "quantity": 1500, "sku": "TE\u0041", "location": "main", "type": "receive", "state": "sellable" }"#,
            ),
            r#"{"type":"receive","sku":"TEA","location":"main","quantity":"1.6"}"#,
        ),
        (
            "PUT",
            ("/v1/skus/PEN".to_owned(), r#"{"title":"Pen","decimals":0}"#),
            ("/v1/skus/%50EN".to_owned(), r#"{ "title": "Pen" }"#),
            r#"{"title":"Pencil"}"#,
        ),
        (
            "PUT",
            ("/v1/locations/north".to_owned(), r#"{"kind":"shop","country":"GB","priority":100}"#),
            ("/v1/locations/north".to_owned(), r#"{"country":"GB","kind":"shop"}"#),
            r#"{"kind":"shop","country":"IE"}"#,
        ),
        (
            "POST",
            (
                format!("{order}/fulfillments"),
                r#"{"location":"main","lines":[{"id":"1","quantity":1}],"tracking_number":"T1"}"#,
            ),
            (
                format!("{encoded}/fulfillments"),
                r#"{"tracking_number":"T1", "lines":[{"quantity":1,"id":"1"}],"location":"main"}"#,
            ),
            r#"{"location":"main","lines":[{"id":"1","quantity":1}]}"#,
        ),
        (
            "POST",
            (format!("{order}/cancel"), r#"{"lines":[{"id":"2","quantity":"0.25"}]}"#),
            (format!("{encoded}/cancel"), r#"{ "lines": [ { "quantity": 250, "id": "2" } ] }"#),
            r#"{"lines":[{"id":"2","quantity":"0.1"}]}"#,
        ),
    ];
    for (number, (method, (path, body), (same_path, same), other)) in cases.into_iter().enumerate() {
        let idempotency = format!("form-{number}");
        let headers = [("idempotency-key", &*idempotency)];
        let (status, _, first) = server.ask(method, &path, &key, &headers, body);
        assert!(status < 300, "{path}: {first}");
        let (again, head, second) = server.ask(method, &same_path, &key, &headers, same);
        assert_eq!((again, &second), (status, &first), "{path}");
        assert!(head.contains("idempotent-replayed"), "{head}");
        expect(&server.ask(method, &path, &key, &headers, other), 422, "idempotency_key_reused", "");
    }
    let (_, _, stock) = server.ask("GET", "/v1/stock/TEA", &key, &[], "");
    assert_eq!(stock["locations"][0]["on_hand"], json!("3.000"));
}
