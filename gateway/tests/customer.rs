//! Personal data: sealed in the log, shown by its own order alone, gone with its key.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Server, merchant, onhand};
use serde_json::{Value, json};
use std::fs;

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
        let (status, head, _) =
            server.ask("DELETE", &format!("{path}/customer"), &key, &[("idempotency-key", "e")], "");
        assert_eq!(status, 204);
        assert!(!head.contains("content-type"), "what has no body has no type: {head}");
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

#[test]
fn lost_keys_come_back_from_a_backup_and_what_was_erased_stays_erased() {
    let top = tempfile::tempdir().unwrap();
    let [data, backup] = ["data", "backup"].map(|name| top.path().join(name));
    fs::create_dir(&data).unwrap();
    let key = merchant(&data, "acme", "orders:write,stock:write,read");
    let server = Server::start(&data);
    shop(&server, &key);
    let paths = ["1", "2"].map(|id| {
        let body = ORDER.replace("\"external_id\":\"1\"", &format!("\"external_id\":\"{id}\""));
        let (status, _, order) = server.ask("POST", "/v1/orders", &key, &[("idempotency-key", id)], &body);
        assert_eq!(status, 201, "{order}");
        format!("/v1/orders/{}", order["id"].as_str().unwrap())
    });
    let words = ["backup", data.to_str().unwrap(), backup.to_str().unwrap()];
    assert!(onhand(&words).status.success());
    let erased =
        server.ask("DELETE", &format!("{}/customer", paths[1]), &key, &[("idempotency-key", "e")], "");
    assert_eq!(erased.0, 204);
    server.kill();
    let keys = data.join("customer.keys");
    let repair = |word: &str| {
        let words = ["repair", word, "--yes", "--from", backup.to_str().unwrap(), data.to_str().unwrap()];
        let done = onhand(&words);
        assert_eq!(done.status.code(), Some(0), "{done:?}");
    };
    let customers = || {
        let server = Server::start(&data);
        let read = paths.each_ref().map(|path| server.ask("GET", path, &key, &[], "").2["customer"].clone());
        server.kill();
        read
    };
    let customer = json!({ "name": "Ada Lovelace", "email": "ada@example.com" });
    // The file says what was erased, and the key of the first order is damaged.
    let log = String::from_utf8(onhand(&["log", data.to_str().unwrap()]).stdout).unwrap();
    let mut records = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let first = records.find(|record| record["kind"] == "order_accepted").unwrap();
    let number =
        first["body"]["asked"]["customer"]["key"].as_u64().unwrap_or_else(|| panic!("no key in {first}"));
    let mut bytes = fs::read(&keys).unwrap();
    bytes[usize::try_from(number).unwrap() * 64] ^= 1;
    fs::write(&keys, bytes).unwrap();
    repair("fetch-customer-keys");
    assert_eq!(customers(), [customer.clone(), Value::Null]);
    // Without the file nothing says so, as the dry run warns.
    fs::remove_file(&keys).unwrap();
    let refused = onhand(&["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    repair("fetch-customer-keys");
    assert_eq!(customers(), [customer.clone(), customer.clone()]);
    // What is given up reads as erased, and the orders of later have other keys.
    fs::remove_file(&keys).unwrap();
    let given_up = onhand(&["repair", "new-customer-keys", "--yes", data.to_str().unwrap()]);
    let said = String::from_utf8(given_up.stdout).unwrap();
    assert_eq!(given_up.status.code(), Some(0), "{said}");
    assert!(said.contains("loses: the personal data of 2 records"), "{said}");
    assert_eq!(customers(), [Value::Null, Value::Null]);
    let server = Server::start(&data);
    let third = ORDER.replace("\"external_id\":\"1\"", "\"external_id\":\"3\"");
    let (status, _, order) = server.ask("POST", "/v1/orders", &key, &[("idempotency-key", "3")], &third);
    assert_eq!(status, 201, "{order}");
    for path in &paths {
        let erase = server.ask("DELETE", &format!("{path}/customer"), &key, &[("idempotency-key", "f")], "");
        assert_eq!(erase.0, 204);
    }
    let path = format!("/v1/orders/{}", order["id"].as_str().unwrap());
    assert_eq!(server.ask("GET", &path, &key, &[], "").2["customer"], customer, "it is not erased with them");
    drop(server);
    assert!(onhand(&["verify", data.to_str().unwrap()]).status.success());
}
