//! `onhand simulate --policy`: what orders would have come to if channels and SKUs had kept other units for others.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::directory::image;
use common::{SCOPES, Server, merchant, onhand};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Output;

/// Ten mugs at one place, of which the till sells six and the web shop two; a third order, of three, is refused, as is the
/// last one.
fn recorded(data: &Path) {
    let key = merchant(data, "acme", SCOPES);
    let server = Server::start(data);
    let put = |path: &str, body: &Value| {
        let path = format!("/v1/{path}");
        let (status, _, answer) = server.ask("PUT", &path, &key, &[], &body.to_string());
        assert!(status < 300, "{path}: {answer}");
    };
    let post = |path: &str, name: &str, body: &Value| {
        let headers = [("idempotency-key", name)];
        server.ask("POST", &format!("/v1/{path}"), &key, &headers, &body.to_string()).0
    };
    let order = |channel: &str, name: &str, quantity: u32| {
        let lines = json!([{ "id": "1", "sku": "MUG", "quantity": quantity }]);
        post("orders", name, &json!({ "external_id": name, "channel": channel, "lines": lines }))
    };
    put("locations/berlin", &json!({ "kind": "warehouse", "country": "DE" }));
    for (channel, kind) in [("till", "pos"), ("web", "api")] {
        put(&format!("channels/{channel}"), &json!({ "kind": kind, "locations": ["berlin"] }));
    }
    put("skus/MUG", &json!({}));
    let receive = json!({ "type": "receive", "sku": "MUG", "location": "berlin", "quantity": 10 });
    assert_eq!(post("stock/movements", "receipt", &receive), 201);
    assert_eq!([order("till", "t1", 6), order("web", "w1", 2), order("web", "w2", 3)], [201, 201, 409]);
    // Its title alone is changed: what is stated of its stock is stated again, as nothing.
    put("skus/MUG", &json!({ "title": "Mug" }));
    assert_eq!([order("web", "w3", 1), order("till", "t2", 4)], [201, 409]);
    server.stop();
}

/// Policies, further arguments, and who fares differently.
type Case<'a> = (&'a str, &'a [&'a str], Vec<(String, Option<i64>)>);

fn simulate(data: &Path, rules: &Path, (name, text): (&str, &str), more: &[&str]) -> Output {
    let path = rules.join(name);
    std::fs::write(&path, text).unwrap();
    let (data, path) = (data.to_str().unwrap(), path.to_str().unwrap());
    onhand(&[&["simulate", data, "--policy", path, "--json"], more].concat())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// External ids of the orders that fare differently, and what becomes of each: units allocated, or none if it is refused.
fn differing(output: &Output) -> Vec<(String, Option<i64>)> {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        told["orders_differing"].as_u64(),
        told["differences"].as_array().map(|rows| rows.len() as u64)
    );
    let rows = told["differences"].as_array().unwrap().iter();
    let row = |row: &Value| {
        let simulated = &row["simulated"];
        let units = |part: &Value| part["quantity"].as_i64().unwrap();
        let allocated = simulated["allocated"].as_array().map(|parts| parts.iter().map(units).sum());
        let is_refused = simulated["outcome"] == "refused";
        (row["external_id"].as_str().unwrap().to_owned(), allocated.filter(|_| !is_refused))
    };
    rows.map(row).collect()
}

#[test]
fn policies_change_what_they_are_about_and_nothing_else() {
    let (data, rules) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    recorded(data.path());
    let before = image(data.path());
    let id = |name: &str| name.to_owned();
    let cases: [Case<'_>; 6] = [
        // The till may sell half of what there is.
        (
            "[channels.till.stock_policy]\nceiling = \"50%\"\n",
            &[],
            vec![(id("t1"), None), (id("w2"), Some(3))],
        ),
        // The web shop lets wait what it cannot serve.
        ("[channels.web]\npolicy = \"backorder\"\n", &[], vec![(id("w2"), Some(2)), (id("w3"), Some(0))]),
        // Five mugs are its own, from when they are there on. When the SKU is put again they are sold, and stay so.
        (
            "[[skus.MUG.channel_policies]]\nchannel = \"web\"\ndedicated = 5\n",
            &[],
            vec![(id("t1"), None), (id("w2"), Some(3)), (id("t2"), Some(4))],
        ),
        ("[skus.MUG]\nsafety_stock = 2\n", &[], vec![(id("w3"), None)]),
        // From the last order that is served on there is one mug left over, and that stays.
        ("[skus.MUG]\nsafety_stock = 2\n", &["--from", "14"], vec![(id("w3"), None)]),
        // What is recorded anyway.
        ("[channels.web]\npolicy = \"reject\"\nscarcity_rank = 100\n", &[], vec![]),
    ];
    for (policy, more, expected) in cases {
        let output = simulate(data.path(), rules.path(), ("new.toml", policy), more);
        assert_eq!(differing(&output), expected, "{policy}\n{}", text(&output.stdout));
    }
    // The same in JSON, and beside a profile, which every order then is decided by.
    let in_json = r#"{ "skus": { "MUG": { "safety_stock": 2 } } }"#;
    assert_eq!(
        differing(&simulate(data.path(), rules.path(), ("new.json", in_json), &[])),
        [(id("w3"), None)]
    );
    let profile = rules.path().join("profile.toml");
    std::fs::write(&profile, "otherwise = \"backorder\"\n[[strategies]]\n").unwrap();
    let both = ["--profile", profile.to_str().unwrap(), "--channel", "web"];
    let beside = simulate(data.path(), rules.path(), ("new.toml", "[skus.MUG]\nsafety_stock = 2\n"), &both);
    assert_eq!(differing(&beside), [(id("w2"), Some(0)), (id("w3"), Some(0))]);
    assert!(image(data.path()) == before, "the directory has changed");
}

#[test]
fn policies_that_cannot_be_meant_are_refused_with_their_place() {
    let (data, rules) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    recorded(data.path());
    for (policy, said) in [
        ("", "new.toml: it names no channel and no sku, so there is nothing to try"),
        ("[channels.shop]\n", "new.toml: /channels/shop: there is no channel shop"),
        ("[skus.CUP]\n", "new.toml: /skus/CUP: there is no sku CUP"),
        ("[channels.web]\npolicy = \"hope\"\n", "/channels/web/policy: "),
        ("[channels.web.stock_policy]\nceiling = \"101%\"\n", "/channels/web/stock_policy/ceiling: "),
        ("[skus.MUG]\nsafety_stock = \"1.5\"\n", "/skus/MUG/safety_stock: "),
        ("[[skus.MUG.channel_policies]]\nchannel = \"shop\"\n", "/skus/MUG/channel_policies/0/channel: "),
        ("[channels.web]\nlocations = []\n", "locations"),
        ("[channels.web\n", "TOML parse error at line 1"),
    ] {
        let output = simulate(data.path(), rules.path(), ("new.toml", policy), &[]);
        let error = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), String::new()), "{policy}{error}");
        assert!(error.contains(said), "{said:?} is not in {error}");
    }
    let neither = onhand(&["simulate", data.path().to_str().unwrap()]);
    assert_eq!(neither.status.code(), Some(2), "{}", text(&neither.stderr));
}
