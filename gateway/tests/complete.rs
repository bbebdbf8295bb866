//! Orders that ship complete or wait until a date, over HTTP: what they have stays their own, nothing leaves before all of it is
//! there or the date has come, nothing waits beyond its own; over a kill and a stop; and what is refused.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{SCOPES, Server, expect, lines_of, merchant, onhand, stocked};
use serde_json::{Value, json};

type Answer = (u16, String, Value);

/// Long gone, and far away.
const PAST: &str = "2001-01-01T00:00:00Z";
const FUTURE: &str = "2999-01-01T00:00:00Z";

fn post(server: &Server, secret: &str, path: &str, idempotency: &str, body: &Value) -> Answer {
    server.ask("POST", path, secret, &[("idempotency-key", idempotency)], &body.to_string())
}

/// An order for mugs, with more members.
fn mugs(name: &str, quantity: u32, more: &Value) -> Value {
    let lines = json!([{ "id": "1", "sku": "MUG", "quantity": quantity }]);
    let mut order = json!({ "external_id": name, "channel": "web", "lines": lines });
    order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    order
}

fn place(server: &Server, secret: &str, order: &Value) -> Value {
    let (status, _, placed) = server.ask("POST", "/v1/orders", secret, &[], &order.to_string());
    assert_eq!(status, 201, "{placed}");
    placed
}

fn path_of(order: &Value) -> String {
    format!("/v1/orders/{}", order["id"].as_str().unwrap())
}

fn ship(server: &Server, secret: &str, order: &Value, idempotency: &str, quantity: u32) -> Answer {
    let body = json!({ "location": "main", "lines": [{ "id": "1", "quantity": quantity }] });
    post(server, secret, &format!("{}/fulfillments", path_of(order)), idempotency, &body)
}

fn receive(server: &Server, secret: &str, idempotency: &str, quantity: u32) {
    let body = json!({ "type": "receive", "sku": "MUG", "location": "main", "quantity": quantity });
    assert_eq!(post(server, secret, "/v1/stock/movements", idempotency, &body).0, 201);
}

#[test]
fn nothing_leaves_before_all_is_there_or_the_date_has_come() {
    let data = tempfile::tempdir().unwrap();
    let secret = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    stocked(&server, &secret);
    // Ten mugs are there.
    let whole = mugs("1", 12, &json!({ "policy": "ship_complete" }));
    let (_, _, preview) = server.ask("POST", "/v1/orders/preview", &secret, &[], &whole.to_string());
    let first = place(&server, &secret, &whole);
    let says = (&first["policy"], &first["status"], &first["lines"][0]["backordered"]);
    assert_eq!(says, (&json!("ship_complete"), &json!("partially_allocated"), &json!(2)), "{first}");
    assert_eq!((&preview["policy"], &preview["lines"]), (&first["policy"], &first["lines"]), "{preview}");
    let refused = ship(&server, &secret, &first, "s1", 10);
    expect(&refused, 409, "order_incomplete", "");
    assert_eq!((&refused.2["allocated"], &refused.2["waiting"]), (&json!(10), &json!(2)), "{}", refused.2);
    // What it has stays its own.
    let (status, _, answer) =
        server.ask("POST", "/v1/orders", &secret, &[], &mugs("2", 1, &json!({})).to_string());
    assert_eq!((status, &answer["code"]), (409, &json!("insufficient_stock")), "{answer}");
    // A date makes the policy, and is shown where the order is read.
    let dated = place(&server, &secret, &mugs("3", 2, &json!({ "ship_complete_by": FUTURE })));
    let late = place(
        &server,
        &secret,
        &mugs("4", 2, &json!({ "ship_complete_by": PAST, "policy": "ship_complete" })),
    );
    let shown = server.ask("GET", &path_of(&dated), &secret, &[], "").2;
    assert_eq!(
        (&shown["policy"], &shown["ship_complete_by"]),
        (&json!("ship_complete"), &json!(FUTURE)),
        "{shown}"
    );
    server.kill();
    let server = Server::start(data.path());
    assert_eq!(ship(&server, &secret, &first, "s1", 10).2, refused.2, "the same key, the same answer");
    // The first one, and one for each of the others.
    receive(&server, &secret, "r1", 3);
    assert_eq!(ship(&server, &secret, &first, "s2", 12).0, 201);
    expect(&ship(&server, &secret, &dated, "s3", 1), 409, "order_incomplete", "");
    server.stop();
    // From a snapshot, too.
    let server = Server::start(data.path());
    expect(&ship(&server, &secret, &dated, "s4", 1), 409, "order_incomplete", "");
    receive(&server, &secret, "r2", 2);
    assert_eq!(ship(&server, &secret, &dated, "s5", 2).0, 201, "it is complete");
    let part = ship(&server, &secret, &late, "s6", 1);
    assert_eq!((part.0, &part.2["lines"][0]["backordered"]), (201, &json!(1)), "{}", part.2);
    let page = server.ask("GET", "/v1/orders?external_id=4", &secret, &[], "").2;
    assert_eq!(page["data"][0]["ship_complete_by"], json!(PAST), "{page}");
    server.stop();
    assert!(onhand(&["verify", data.path().to_str().unwrap()]).status.success());
    let log = onhand(&["log", data.path().to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&log.stdout).contains(r#""agreed":[{"complete_by":"#), "the log says so");
}

#[test]
fn nothing_waits_beyond_its_date() {
    let data = tempfile::tempdir().unwrap();
    let secret = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    stocked(&server, &secret);
    let shown = |server: &Server, order: &Value| server.ask("GET", &path_of(order), &secret, &[], "").2;
    // The answer is of the moment in which it was accepted; a read finds it as it is now.
    let late = mugs("1", 12, &json!({ "policy": "backorder", "cancel_after": PAST }));
    let late = place(&server, &secret, &late);
    assert_eq!(
        (&late["status"], &late["lines"][0]["backordered"]),
        (&json!("partially_allocated"), &json!(2))
    );
    let now = shown(&server, &late);
    let line = &now["lines"][0];
    assert_eq!(
        (&now["status"], &line["cancelled"], &line["backordered"]),
        (&json!("allocated"), &json!(2), &json!(0))
    );
    assert_eq!(now["cancel_after"], json!(PAST), "{now}");
    let gone =
        place(&server, &secret, &mugs("2", 1, &json!({ "policy": "backorder", "cancel_after": PAST })));
    let patient =
        place(&server, &secret, &mugs("3", 1, &json!({ "policy": "backorder", "cancel_after": FUTURE })));
    assert_eq!(shown(&server, &gone)["status"], json!("cancelled"));
    server.kill();
    let server = Server::start(data.path());
    assert_eq!(shown(&server, &patient)["status"], json!("backordered"));
    server.stop();
    let server = Server::start(data.path());
    assert_eq!(shown(&server, &gone)["status"], json!("cancelled"));
    receive(&server, &secret, "r1", 1);
    assert_eq!(shown(&server, &patient)["status"], json!("allocated"));
    let wrong = mugs("4", 1, &json!({ "cancel_after": "soon" })).to_string();
    expect(&server.ask("POST", "/v1/orders", &secret, &[], &wrong), 422, "invalid_time", "/cancel_after");
    let other = mugs("3", 1, &json!({ "policy": "backorder" })).to_string();
    expect(&server.ask("POST", "/v1/orders", &secret, &[], &other), 409, "external_id_conflict", "");
    server.stop();
    assert!(onhand(&["verify", data.path().to_str().unwrap()]).status.success());
    let log = onhand(&["log", data.path().to_str().unwrap()]);
    assert!(
        String::from_utf8_lossy(&log.stdout).contains(r#""cancel_after":978307200000"#),
        "the log says so"
    );
}

#[test]
fn a_channel_may_ship_all_orders_complete() {
    let data = tempfile::tempdir().unwrap();
    let secret = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    stocked(&server, &secret);
    let web = json!({ "kind": "shopify", "locations": ["main", "east"], "policy": "ship_complete" });
    let (status, _, told) = server.ask("PUT", "/v1/channels/web", &secret, &[], &web.to_string());
    assert_eq!((status, &told["policy"]), (200, &json!("ship_complete")), "{told}");
    let whole = place(&server, &secret, &mugs("1", 11, &json!({})));
    expect(&ship(&server, &secret, &whole, "s1", 1), 409, "order_incomplete", "");
    let cancel = json!({ "lines": [{ "id": "1", "quantity": 1 }] });
    assert_eq!(post(&server, &secret, &format!("{}/cancel", path_of(&whole)), "c1", &cancel).0, 200);
    assert_eq!(ship(&server, &secret, &whole, "s2", 4).0, 201, "what waited is not wanted any more");
    let split = mugs("2", 1, &json!({ "policy": "backorder" }));
    assert_eq!(place(&server, &secret, &split)["policy"], json!("backorder"));
    server.stop();
    assert!(onhand(&["verify", data.path().to_str().unwrap()]).status.success());
}

#[test]
fn a_date_that_means_nothing_is_refused_and_another_date_is_another_order() {
    let data = tempfile::tempdir().unwrap();
    let secret = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    stocked(&server, &secret);
    let ask = |order: &Value| server.ask("POST", "/v1/orders", &secret, &[], &order.to_string());
    for (more, code) in [
        (json!({ "ship_complete_by": FUTURE, "policy": "backorder" }), "invalid_value"),
        (json!({ "ship_complete_by": "tomorrow" }), "invalid_time"),
        (json!({ "ship_complete_by": "1969-12-31T23:59:59Z" }), "invalid_time"),
        (json!({ "ship_complete_by": 1 }), "invalid_value"),
    ] {
        expect(&ask(&mugs("1", 1, &more)), 422, code, "/ship_complete_by");
    }
    let dated = mugs("1", 1, &json!({ "ship_complete_by": FUTURE }));
    assert_eq!((ask(&dated).0, ask(&dated).0), (201, 201));
    let named = mugs("1", 1, &json!({ "ship_complete_by": FUTURE, "policy": "ship_complete" }));
    assert_eq!(ask(&named).0, 201, "the same said otherwise");
    for other in [json!({ "policy": "ship_complete" }), json!({ "ship_complete_by": PAST })] {
        expect(&ask(&mugs("1", 1, &other)), 409, "external_id_conflict", "");
    }
    let lines = [
        mugs("2", 1, &json!({ "ship_complete_by": FUTURE })),
        mugs("3", 1, &json!({ "ship_complete_by": "" })),
    ];
    let body = lines.map(|line| line.to_string()).join("\n");
    let headers = [("idempotency-key", "bulk"), ("content-type", "application/x-ndjson")];
    let (_, _, answers) = server.ask("POST", "/v1/orders/bulk", &secret, &headers, &body);
    let statuses: Vec<Value> = lines_of(&answers).iter().map(|line| line["status"].clone()).collect();
    assert_eq!(statuses, [json!(201), json!(422)], "{answers}");
    server.stop();
    assert!(onhand(&["verify", data.path().to_str().unwrap()]).status.success());
}
