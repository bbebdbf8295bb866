//! Bulk bodies with every kind of bad line: each fails alone, with its own code.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{ORDER, SCOPES, Server, expect, lines_of, merchant, onhand, stocked};
use serde_json::{Value, json};

/// Sends lines and compares status and code of each answer; a good line has no code.
#[track_caller]
fn check(
    server: &Server,
    path: &str,
    key: &str,
    headers: &[(&str, &str)],
    cases: &[(String, u16, &str)],
) -> Vec<Value> {
    let body: String = cases.iter().map(|(line, ..)| format!("{line}\n")).collect();
    let (status, head, answer) = server.ask("POST", path, key, headers, &body);
    assert_eq!(status, 200, "{answer}");
    assert!(head.contains("application/x-ndjson"));
    let lines = lines_of(&answer);
    assert_eq!(lines.len(), cases.len(), "{answer}");
    for (place, (line, (sent, status, code))) in lines.iter().zip(cases).enumerate() {
        let got = (
            line["line"].as_u64(),
            line["status"].as_u64(),
            line["body"]["code"].as_str().unwrap_or_default(),
        );
        assert_eq!(got, (Some(place as u64 + 1), Some((*status).into()), *code), "{sent}: {line}");
    }
    lines
}

fn order(id: &str, rest: &str) -> String {
    format!(
        r#"{{"external_id":"{id}","channel":"web","lines":[{{"id":"1","sku":"MUG","quantity":1}}]{rest}}}"#
    )
}

#[test]
fn orders_in_bulk() {
    let data = tempfile::tempdir().unwrap();
    let key = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    stocked(&server, &key);
    let cases = [
        (ORDER.to_owned(), 201, ""),
        ("nonsense".into(), 400, "malformed_json"),
        (order("2", "") + "{}", 400, "malformed_json"),
        ("[]".into(), 422, "invalid_value"),
        (r#"["9","web",null,null,null,null,null,[],null]"#.into(), 422, "invalid_value"),
        ("{}".into(), 422, "missing_field"),
        (order("2", r#","colour":1"#), 422, "unknown_field"),
        (order("3", r#","policy":"split""#), 422, "unsupported_policy"),
        (order("4", r#","placed_at":"today""#), 422, "invalid_time"),
        (order("5", r#","currency":"XXQ""#), 422, "invalid_currency"),
        (order("6", "").replace("MUG", "CUP"), 422, "unknown_sku"),
        (order("7", "").replace("web", "shop"), 422, "unknown_channel"),
        (order("8", "").replace("\"quantity\":1", "\"quantity\":11"), 409, "insufficient_stock"),
        (order("9", r#","idempotency_key":"""#), 422, "idempotency_key_invalid"),
        (order("9", r#","idempotency_key":"a\nb""#), 422, "idempotency_key_invalid"),
        (order("9", &format!(r#","idempotency_key":"{}""#, "k".repeat(256))), 422, "idempotency_key_invalid"),
        (order("10", r#","idempotency_key":"own""#), 201, ""),
        (order("11", r#","idempotency_key":"own""#), 422, "idempotency_key_reused"),
        (order("10", r#","ship_to":{"country":"DE"}"#), 409, "external_id_conflict"),
        (order("12", ""), 201, ""),
    ];
    let first = check(&server, "/v1/orders/bulk", &key, &[], &cases);
    let again = check(&server, "/v1/orders/bulk", &key, &[], &cases[16..]);
    assert_eq!(first[16]["body"], again[0]["body"], "a repeat is the first answer");
    let (_, _, metrics) = server.ask("GET", "/metrics", "", &[], "");
    let metrics = metrics.as_str().unwrap();
    for series in [
        r#"onhand_orders_total{outcome="accepted"} 3"#,
        r#"onhand_orders_total{outcome="refused"} 1"#,
        r#"onhand_orders_total{outcome="repeated"} 2"#,
        r#"onhand_bulk_lines_total{class="2xx"} 5"#,
    ] {
        assert!(metrics.contains(series), "{series}\n{metrics}");
    }
    let unasked = server.ask("POST", "/v1/orders/bulk", "", &[], "");
    expect(&unasked, 401, "key_missing", "");
    drop(server);
    assert!(onhand(&["verify", data.path().to_str().unwrap()]).status.success());
}

/// Repeats under new keys are bound together, many at a time; each answer still stands at its line.
#[test]
fn repeats_in_bulk_stay_in_their_order() {
    let data = tempfile::tempdir().unwrap();
    let key = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    stocked(&server, &key);
    let patient = |id: usize| order(&id.to_string(), r#","policy":"backorder""#);
    let path = "/v1/orders/bulk";
    let cases: Vec<_> = (0..300).map(|id| (patient(id), 201, "")).collect();
    let first = check(&server, path, &key, &[], &cases);
    let mixed = |id: usize| match id % 50 {
        7 => (order(&id.to_string(), ""), 409, "external_id_conflict"),
        8 => (patient(id + 1_000), 201, ""),
        9 => ("{".into(), 400, "malformed_json"),
        _ => (patient(id), 201, ""),
    };
    let cases: Vec<_> = (0..300).map(mixed).collect();
    let again = check(&server, path, &key, &[("idempotency-key", "again")], &cases);
    for (id, (first, again)) in first.iter().zip(&again).enumerate() {
        assert!(first == again || (7..10).contains(&(id % 50)), "{first} {again}");
    }
    assert_eq!(check(&server, path, &key, &[("idempotency-key", "again")], &cases), again);
    drop(server);
    assert!(onhand(&["verify", data.path().to_str().unwrap()]).status.success());
}

#[test]
fn movements_in_bulk() {
    let data = tempfile::tempdir().unwrap();
    let key = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    stocked(&server, &key);
    let receive = |sku: &str, rest: &str| {
        format!(r#"{{"type":"receive","sku":"{sku}","location":"main","quantity":1{rest}}}"#)
    };
    let path = "/v1/stock/movements/bulk";
    let cases = [
        (receive("MUG", ""), 400, "idempotency_key_required"),
        (receive("MUG", r#","idempotency_key":"k:2""#), 201, ""),
        (receive("CUP", r#","idempotency_key":"m""#), 422, "unknown_sku"),
        (receive("MUG", r#","idempotency_key":"k:2","reference":"other""#), 422, "idempotency_key_reused"),
        (r#"["receive","MUG","main",1]"#.into(), 422, "invalid_value"),
        ("{".into(), 400, "malformed_json"),
    ];
    check(&server, path, &key, &[], &cases);
    // The key of a line is made of the request's and its number, and is nobody's own: not "k:2" either.
    let cases = [
        (receive("MUG", ""), 201, ""),
        (receive("TEA", "").replace(":1}", ":\"0.5\"}"), 201, ""),
        (receive("MUG", "").replace(":1}", ":0}"), 422, "quantity_out_of_range"),
        (receive("MUG", "").replace(":1}", ":99999999999999999999}"), 422, "quantity_out_of_range"),
        (receive("MUG", r#","delta":1"#), 422, "unknown_field"),
        (receive("MUG", "").replace("receive", "take"), 422, "invalid_value"),
        (
            r#"{"type":"adjust","sku":"MUG","location":"main","delta":-99,"reason":"theft"}"#.into(),
            409,
            "not_enough_stock",
        ),
    ];
    let first = check(&server, path, &key, &[("idempotency-key", "k")], &cases);
    // Blanks and the order of members are no part of what is asked.
    let mut again = cases.to_vec();
    again[0].0 =
        r#"{ "quantity":1, "location":"main", "sku":"MUG", "reason":"received", "type":"receive" }"#.into();
    let second = check(&server, path, &key, &[("idempotency-key", "k")], &again);
    assert_eq!(first, second);
    let (_, _, stock) = server.ask("GET", "/v1/stock/MUG", &key, &[], "");
    assert_eq!(stock["locations"][0]["on_hand"], json!(12), "nothing was done twice");
    let (_, _, stock) = server.ask("GET", "/v1/stock/TEA", &key, &[], "");
    assert_eq!(stock["locations"][0]["on_hand"], json!("2.000"));
}

#[test]
fn skus_in_bulk() {
    let data = tempfile::tempdir().unwrap();
    let key = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    stocked(&server, &key);
    let cases = [
        (r#"{"sku":"NEW","title":"New"}"#.into(), 201, ""),
        (r#"{"sku":"NEW","title":"Newer"}"#.into(), 200, ""),
        (r#"{"title":"Nameless"}"#.into(), 422, "missing_field"),
        (r#"{"sku":""}"#.into(), 422, "invalid_code"),
        (format!(r#"{{"sku":"{}"}}"#, "x".repeat(65)), 422, "invalid_code"),
        (r#"{"sku":"A","gtin":"123"}"#.into(), 422, "invalid_gtin"),
        (r#"{"sku":"A","decimals":4}"#.into(), 422, "invalid_value"),
        (r#"{"sku":"A","decimals":"two"}"#.into(), 422, "invalid_value"),
        (r#"["A"]"#.into(), 422, "invalid_value"),
        (r#"{"sku":"TEA","decimals":0}"#.into(), 409, "decimals_fixed"),
        (format!(r#"{{"sku":"A","title":"{}"}}"#, "x".repeat(257)), 422, "too_long"),
        (format!(r#"{{"sku":"A","tags":[{}]}}"#, vec![r#""t""#; 33].join(",")), 422, "too_many"),
        (format!(r#"{{"sku":"A","idempotency_key":"{}"}}"#, "k".repeat(256)), 422, "idempotency_key_invalid"),
        ("x".into(), 400, "malformed_json"),
        (r#"{"sku":"LAST"}"#.into(), 201, ""),
    ];
    check(&server, "/v1/skus/bulk", &key, &[], &cases);
    let (status, _, sku) = server.ask("GET", "/v1/skus/NEW", &key, &[], "");
    assert_eq!((status, &sku["title"]), (200, &json!("Newer")));
    expect(&server.ask("GET", "/v1/skus/A", &key, &[], ""), 404, "sku_not_found", "");
}

/// A line that is too long is answered and passed over, whether it comes in one piece or in many.
#[test]
fn a_line_that_is_too_long_fails_alone() {
    let data = tempfile::tempdir().unwrap();
    let key = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    stocked(&server, &key);
    let long = |bytes: usize| order(&"9".repeat(bytes), "");
    let cases = [
        (order("1", ""), 201, ""),
        (long(3 << 20), 413, "body_too_large"),
        (order("2", ""), 201, ""),
        (long((512 << 10) + 1), 413, "body_too_large"),
        (order("3", ""), 201, ""),
        (long(1 << 20), 413, "body_too_large"),
    ];
    check(&server, "/v1/orders/bulk", &key, &[], &cases);
}
