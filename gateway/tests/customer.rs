//! Personal data: sealed in the log, shown by its own order alone, gone with its key.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Server, merchant, onhand};
use serde_json::json;

const ORDER: &str = r#"{"external_id":"1","channel":"web","customer":{"name":"Ada Lovelace","email":"ada@example.com"},"lines":[{"id":"1","sku":"MUG","quantity":1}]}"#;

fn shop(server: &Server, key: &str) {
    for (path, body) in [
        ("/v1/locations/main", r#"{"kind":"warehouse","country":"GB"}"#),
        ("/v1/channels/web", r#"{"kind":"shopify","locations":["main"]}"#),
        ("/v1/skus/MUG", "{}"),
    ] {
        assert_eq!(server.ask("PUT", path, key, &[], body).0, 201);
    }
    let receive = r#"{"type":"receive","sku":"MUG","location":"main","quantity":10}"#;
    assert_eq!(server.ask("POST", "/v1/stock/movements", key, &[("idempotency-key", "r")], receive).0, 201);
}

#[test]
fn personal_data_is_sealed_shown_and_erased_while_answers_stay_the_same() {
    let data = tempfile::tempdir().unwrap();
    let key = merchant(data.path(), "acme", "orders:write,stock:write,read");
    let server = Server::start(data.path());
    shop(&server, &key);
    let place = |server: &Server, body: &str| {
        server.ask("POST", "/v1/orders", &key, &[("idempotency-key", "k")], body)
    };
    let (status, _, first) = place(&server, ORDER);
    assert_eq!((status, first.get("customer")), (201, None), "{first}");
    let path = format!("/v1/orders/{}", first["id"].as_str().unwrap());
    let customer = json!({ "name": "Ada Lovelace", "email": "ada@example.com" });
    assert_eq!(server.ask("GET", &path, &key, &[], "").2["customer"], customer);
    server.kill();

    let text = String::from_utf8(onhand(&["log", data.path().to_str().unwrap()]).stdout).unwrap();
    assert!(text.contains("MUG") && !text.contains("Lovelace"), "the log shows no personal data");
    for entry in std::fs::read_dir(data.path().join("log")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(8).any(|part| part == b"Lovelace"));
    }

    let server = Server::start(data.path());
    assert_eq!(server.ask("GET", &path, &key, &[], "").2["customer"], customer);
    // The same order again is the same; another customer is another order.
    assert_eq!((place(&server, ORDER).0, place(&server, ORDER).2), (201, first.clone()));
    assert_eq!(place(&server, &ORDER.replace("Ada", "Eva")).2["code"], json!("idempotency_key_reused"));
    let bulk = format!("{}\n{}\n", ORDER.replace("\"1\",\"channel", "\"2\",\"channel"), ORDER);
    let (_, _, lines) = server.ask("POST", "/v1/orders/bulk", &key, &[], &bulk);
    assert_eq!(lines.as_str().unwrap().matches("\"status\":201").count(), 2, "{lines}");

    for _ in 0..2 {
        assert_eq!(
            server.ask("DELETE", &format!("{path}/customer"), &key, &[("idempotency-key", "e")], "").0,
            204
        );
    }
    assert_eq!(server.ask("GET", &path, &key, &[], "").2.get("customer"), None);
    assert_eq!(place(&server, ORDER).2, first, "the first answer stays, erased or not");
    server.kill();
    let server = Server::start(data.path());
    assert_eq!(server.ask("GET", &path, &key, &[], "").2.get("customer"), None);
    assert_eq!(
        server.ask("DELETE", "/v1/orders/ord_0/customer", &key, &[("idempotency-key", "e")], "").0,
        404
    );
    let long = ORDER.replace("Ada", &"a".repeat(300));
    assert_eq!(place(&server, &long).2["errors"][0]["pointer"], json!("/customer/name"));
    let unknown = ORDER.replace("\"email\"", "\"password\"");
    assert_eq!(place(&server, &unknown).0, 422);
    drop(server);
    assert!(onhand(&["verify", data.path().to_str().unwrap()]).status.success());
}
