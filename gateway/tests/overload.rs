//! What cannot be admitted is refused before its body is looked at, on every route that writes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::inside::Inside;
use common::{ORDER, expect};
use onhand_engine::config::QueueLimits;

/// No JSON: whoever parses it says so.
const NOT_PARSED: &str = "{";

const ROUTES: [(&str, &str); 7] = [
    ("POST", "/v1/orders"),
    ("POST", "/v1/orders/ID/cancel"),
    ("POST", "/v1/orders/ID/fulfillments"),
    ("POST", "/v1/stock/movements"),
    ("PUT", "/v1/locations/main"),
    ("PUT", "/v1/channels/web"),
    ("PUT", "/v1/skus/MUG"),
];

#[test]
fn a_request_that_cannot_be_admitted_is_refused_before_its_body_is_parsed() {
    let server = Inside::start();
    let (status, _, placed) = server.ask("POST", "/v1/orders", "order", ORDER);
    assert_eq!(status, 201, "{placed}");
    let id = placed["id"].as_str().unwrap().to_owned();
    let ask = |server: &Inside, (method, path): (&str, &str)| {
        server.ask(method, &path.replace("ID", &id), "early", NOT_PARSED)
    };
    for route in ROUTES {
        expect(&ask(&server, route), 400, "malformed_json", "");
    }
    let none = QueueLimits { merchant_max: 0, total_max: 10_000 };
    let server = server.restarted_for(none);
    for route in ROUTES {
        let answer = ask(&server, route);
        expect(&answer, 429, "merchant_overloaded", "");
        assert!(answer.1.to_ascii_lowercase().contains("\r\nretry-after: "), "{route:?}: {}", answer.1);
    }
    let none = QueueLimits { merchant_max: 10_000, total_max: 0 };
    let server = server.restarted_for(none);
    for route in ROUTES {
        let answer = ask(&server, route);
        expect(&answer, 503, "overloaded", "");
        assert!(answer.1.to_ascii_lowercase().contains("\r\nretry-after: "), "{route:?}: {}", answer.1);
    }
}
