//! `onhand simulate` on directories that servers have written: what it says to people and to programs, what it refuses, and
//! that it changes nothing.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::directory::image;
use common::{SCOPES, Server, merchant, onhand};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Output;

const NEAR: &str = r#"
[[strategies]]
name = "whoever is near"
rank = [{ by = "nearest" }]

[[rate_cards]]
name = "parcels"
currency = "EUR"
rates = [{ from = "munich", shipment = "3.90" }, { from = "hamburg", country = "DE", shipment = "5.00" }]
"#;

struct Shop {
    data: tempfile::TempDir,
    rules: tempfile::TempDir,
    server: Server,
    key: String,
}

impl Shop {
    /// Hamburg and Munich with ten mugs each, a channel that has no profile, and one without locations.
    fn start() -> Self {
        let (data, rules) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let key = merchant(data.path(), "acme", SCOPES);
        let shop = Self { server: Server::start(data.path()), data, rules, key };
        for (place, postal_code) in [("hamburg", "20095"), ("munich", "80331")] {
            let body = json!({ "kind": "warehouse", "country": "DE", "postal_code": postal_code });
            shop.put(&format!("locations/{place}"), &body);
        }
        shop.put("channels/web", &json!({ "kind": "api", "locations": ["hamburg", "munich"] }));
        shop.put("channels/till", &json!({ "kind": "pos", "locations": ["hamburg"] }));
        shop.put("skus/MUG", &json!({}));
        shop.put("skus/TEA", &json!({ "decimals": 3 }));
        for place in ["hamburg", "munich"] {
            for (sku, quantity) in [("MUG", json!(10)), ("TEA", json!("1.500"))] {
                let body = json!({ "type": "receive", "sku": sku, "location": place, "quantity": quantity });
                assert_eq!(shop.post("stock/movements", &format!("{sku} {place}"), &body).0, 201);
            }
        }
        shop
    }

    fn put(&self, path: &str, body: &Value) {
        let path = format!("/v1/{path}");
        let (status, _, answer) = self.server.ask("PUT", &path, &self.key, &[], &body.to_string());
        assert_eq!(status, 201, "{path}: {answer}");
    }

    fn post(&self, path: &str, key: &str, body: &Value) -> (u16, Value) {
        let path = format!("/v1/{path}");
        let headers = [("idempotency-key", key)];
        let (status, _, answer) = self.server.ask("POST", &path, &self.key, &headers, &body.to_string());
        (status, answer)
    }

    /// An order that goes to Munich.
    fn order(&self, channel: &str, name: &str, sku: &str, quantity: &Value) -> (u16, Value) {
        let lines = json!([{ "id": "1", "sku": sku, "quantity": quantity }]);
        let ship_to = json!({ "country": "DE", "postal_code": "80333" });
        let body = json!({ "external_id": name, "channel": channel, "ship_to": ship_to, "lines": lines });
        self.post("orders", name, &body)
    }

    fn rules(&self, name: &str, text: &str) -> PathBuf {
        let path = self.rules.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn simulate(&self, profile: &Path, more: &[&str]) -> Output {
        simulate(self.data.path(), profile, more)
    }
}

fn simulate(data: &Path, profile: &Path, more: &[&str]) -> Output {
    let (data, profile) = (data.to_str().unwrap(), profile.to_str().unwrap());
    onhand(&[&["simulate", data, "--profile", profile], more].concat())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn done(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[track_caller]
fn refused(output: &Output, code: i32, said: &str) {
    let error = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(code), String::new()), "{error}");
    assert!(error.contains(said), "{error}");
}

/// The cells of the first row of a name.
fn cells(page: &str, name: &str) -> Vec<String> {
    let row = page.lines().find(|line| line.starts_with(&format!("| {name} ")));
    let row = row.unwrap_or_else(|| panic!("no row {name:?} in\n{page}"));
    row.trim_matches('|').split('|').skip(1).map(|cell| cell.trim().to_owned()).collect()
}

#[test]
fn both_worlds_stand_side_by_side_and_the_directory_stays_as_it_is() {
    let shop = Shop::start();
    assert_eq!(shop.order("web", "1001", "MUG", &json!(4)).0, 201);
    assert_eq!(shop.order("web", "1002", "TEA", &json!("0.250")).0, 201);
    assert_eq!(shop.order("till", "7", "MUG", &json!(8)).0, 409);
    let near = shop.rules("near.toml", NEAR);
    // Beside the server, and when it is gone.
    let beside = done(&shop.simulate(&near, &["--channel", "web", "--json"]));
    let Shop { data, server, rules: _rules, .. } = shop;
    server.stop();
    let before = image(data.path());
    let page = done(&simulate(data.path(), &near, &["--channel", "web"]));
    let told = done(&simulate(data.path(), &near, &["--channel", "web", "--json"]));
    assert!(image(data.path()) == before, "the directory has changed");

    for (name, expected) in [
        ("orders", ["3", "3", "0"]),
        ("filled at once", ["2", "3", "+1"]),
        ("split over locations", ["0", "0", "0"]),
        ("refused", ["1", "0", "-1"]),
        ("units refused", ["8", "0", "-8"]),
        ("shipments", ["2", "3", "+1"]),
        ("units unsold at the end", ["2766", "2758", "-8"]),
        ("landed cost, EUR", ["10.00", "12.80", "+2.80"]),
    ] {
        assert_eq!(cells(&page, name), expected, "{page}");
    }
    assert!(page.contains("| channel till ") && page.contains("| channel web "), "{page}");
    let [recorded, simulated, _] = cells(&page, "distance, km").try_into().unwrap();
    let km = |text: String| text.split('.').next().unwrap().parse::<u32>().unwrap();
    assert!(km(recorded) > 1_000 && km(simulated) < 700, "{page}");
    for words in [
        "\norders that fare differently: 3\n",
        "(web 1001): 4 MUG\n",
        "recorded:  4 MUG from hamburg\n",
        "simulated: 4 MUG from munich\n",
        "'whoever is near', a strategy of the routing profile '",
        "near.toml' (version 1), serves the whole order from munich.",
        "hamburg: 609 km farther than munich",
        "simulated: 0.250 TEA from munich\n",
        "\nrecord 18 (till 7): 8 MUG\n",
        "recorded:  refused: ",
        "simulated: 8 MUG from hamburg\n",
    ] {
        assert!(page.contains(words), "{words:?} is not in\n{page}");
    }
    assert_eq!(page.lines().last().map(str::trim_end), page.lines().last());

    let told: Value = serde_json::from_str(&told).unwrap();
    let beside: Value = serde_json::from_str(&beside).unwrap();
    assert_eq!(beside["total"], told["total"]);
    assert_eq!(told["channels"][0]["channel"], "web");
    assert_eq!(told["total"]["simulated"]["landed_cost"], "12.80");
    assert_eq!(told["currency"], "EUR");
    assert_eq!(told["orders_differing"], 3);
    let second = &told["differences"][1];
    assert_eq!(second["lines"], json!([{ "sku": "TEA", "quantity": "0.250" }]));
    let allocated = json!([{ "line": 0, "location": "munich", "quantity": "0.250" }]);
    assert_eq!(second["simulated"]["allocated"], allocated);
    assert_eq!(second["simulated"]["explanation"]["decision"]["name"], "whoever is near");
    assert_eq!(told["differences"][2]["order_id"], Value::Null);
    assert_eq!(told["differences"][2]["recorded"]["explanation"], Value::Null);
    assert_eq!(told["differences"][2]["recorded"]["outcome"], "refused");
    assert_eq!(told["differences"][2]["recorded"]["shortfalls"][0]["available"], 6);
}

#[test]
fn a_profile_in_json_replaces_those_that_channels_have() {
    let shop = Shop::start();
    let text = r#"{ "strategies": [{ "include": ["hamburg"] }] }"#;
    let media = [("content-type", "application/json")];
    assert_eq!(shop.server.ask("PUT", "/v1/routing/profiles/eu", &shop.key, &media, text).0, 201);
    let web = json!({ "kind": "api", "locations": ["hamburg", "munich"], "routing_profile": "eu" });
    assert_eq!(shop.server.ask("PUT", "/v1/channels/web", &shop.key, &[], &web.to_string()).0, 200);
    assert_eq!(shop.order("web", "1001", "MUG", &json!(4)).0, 201);
    let same = shop.rules("same.json", text);
    let page = done(&shop.simulate(&same, &[]));
    assert!(page.ends_with("\nno order fares differently\n"), "{page}");
    for name in ["landed cost", "units short at the end"] {
        let expected = if name == "landed cost" { ["-", "-", "-"] } else { ["0", "0", "0"] };
        assert_eq!(cells(&page, name), expected, "{page}");
    }
    let other = shop.rules("other.json", r#"{ "strategies": [{ "include": ["munich"] }] }"#);
    let page = done(&shop.simulate(&other, &["--differences", "0"]));
    assert!(page.ends_with("\norders that fare differently: 1\n"), "{page}");
    let page = done(&shop.simulate(&other, &["--to", "4"]));
    assert_eq!(cells(&page, "orders"), ["0", "0", "0"], "{page}");
}

#[test]
fn what_cannot_be_tried_is_said_and_nothing_is_printed() {
    let shop = Shop::start();
    let near = shop.rules("near.toml", NEAR);
    let bad = shop.rules("bad.toml", "[[strategies]]\nname = \"x\"\nmax_splt = 1\n");
    let long = shop.rules("long.toml", &"#".repeat(100_000));
    let web = ["--channel", "web"];
    let with = |more: &[&'static str]| [&web[..], more].concat();
    for (profile, more, said) in [
        (&bad, web.to_vec(), "bad.toml: line 3, column 1, at /strategies/0"),
        (&long, web.to_vec(), "long.toml: line 1, column 1: "),
        (&shop.rules.path().join("none.toml"), web.to_vec(), "none.toml: No such file"),
        (&near, vec!["--channel", "shop"], "there is no channel \"shop\"; there are: web, till"),
        (&near, vec![], "no channel has a routing profile that could be replaced"),
        (&near, with(&["--from", "9", "--to", "8"]), "ends at record 8, before it begins at record 9"),
        (&near, with(&["--from", "999"]), "begins at record 999; the log ends at record "),
        (&near, with(&["--merchant", "bolt"]), "there is no merchant \"bolt\"; there are: acme"),
        (&near, with(&["--policy", "x.toml"]), "x.toml: No such file"),
    ] {
        refused(&shop.simulate(profile, &more), 2, said);
    }
    let near = near.to_str().unwrap();
    refused(&onhand(&["simulate", "/nonexistent", "--profile", near]), 2, "/nonexistent holds no log");
    let empty = tempfile::tempdir().unwrap();
    refused(&onhand(&["simulate", empty.path().to_str().unwrap(), "--profile", near]), 2, "holds no log");
}

#[test]
fn of_several_merchants_one_is_named_and_a_damaged_log_is_refused() {
    let shop = Shop::start();
    merchant(shop.data.path(), "bolt", SCOPES);
    assert_eq!(shop.order("web", "1001", "MUG", &json!(4)).0, 201);
    let near = shop.rules("near.toml", NEAR);
    refused(&shop.simulate(&near, &["--channel", "web"]), 2, "name one of them: acme, bolt");
    let page = done(&shop.simulate(&near, &["--channel", "web", "--merchant", "acme"]));
    assert!(page.starts_with("merchant acme: the orders of records 1 to "), "{page}");
    let Shop { data, server, rules: _rules, .. } = shop;
    server.kill();
    let segment = data.path().join("log/00000000000000000001.seg");
    let mut bytes = std::fs::read(&segment).unwrap();
    let place = bytes.windows(7).position(|part| part == b"hamburg").unwrap();
    bytes[place] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let output = simulate(data.path(), &near, &["--channel", "web", "--merchant", "acme"]);
    refused(&output, 3, ", offset ");
}
