//! Routing profiles over HTTP: put, read, named by a channel, previewed, explained; over a kill, a stop and a start; and
//! refused.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{SCOPES, Server, expect, merchant, onhand};
use serde_json::{Value, json};

/// The nearest location that has all of it; two of them at the most.
const NEAR: &str = r#"otherwise = "backorder"

[[strategies]]
name = "whoever is near"
rank = [{ by = "fewest_shipments" }, { by = "nearest" }]
max_split = 2
"#;

/// Berlin, and nobody else.
const BERLIN: &str = r#"{ "strategies": [{ "name": "berlin alone", "include": ["berlin"] }] }"#;

const PATH: &str = "/v1/routing/profiles/eu";

struct Shop {
    data: tempfile::TempDir,
    key: String,
    server: Server,
}

impl Shop {
    /// Three locations with ten mugs each, and a channel without a profile.
    fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let key = merchant(data.path(), "acme", SCOPES);
        let shop = Self { server: Server::start(data.path()), data, key };
        for (place, postal_code) in [("munich", "80331"), ("berlin", "10115"), ("hamburg", "20095")] {
            let body = json!({ "kind": "warehouse", "country": "DE", "postal_code": postal_code });
            assert_eq!(shop.put(&format!("/v1/locations/{place}"), &body).0, 201);
        }
        assert_eq!(shop.channel(None).0, 201);
        assert_eq!(shop.put("/v1/skus/MUG", &json!({ "tags": ["fragile"] })).0, 201);
        for place in ["munich", "berlin", "hamburg"] {
            shop.receive(place, 10);
        }
        shop
    }

    fn ask(&self, method: &str, path: &str, key: &str, body: &str) -> (u16, String, Value) {
        self.server.ask(method, path, &self.key, &[("idempotency-key", key)], body)
    }

    fn put(&self, path: &str, body: &Value) -> (u16, String, Value) {
        self.server.ask("PUT", path, &self.key, &[], &body.to_string())
    }

    fn get(&self, path: &str) -> Value {
        let (status, _, body) = self.server.ask("GET", path, &self.key, &[], "");
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    fn receive(&self, place: &str, quantity: u32) {
        let body = json!({ "type": "receive", "sku": "MUG", "location": place, "quantity": quantity });
        let key = format!("receive {place} {quantity}");
        assert_eq!(self.ask("POST", "/v1/stock/movements", &key, &body.to_string()).0, 201);
    }

    fn channel(&self, profile: Option<&str>) -> (u16, String, Value) {
        let locations = ["hamburg", "berlin", "munich"];
        let body = json!({ "kind": "api", "locations": locations, "routing_profile": profile });
        self.put("/v1/channels/web", &body)
    }

    fn profile(&self, media: &str, text: &str) -> (u16, String, Value) {
        self.server.ask("PUT", PATH, &self.key, &[("content-type", media)], text)
    }

    /// The profile [`NEAR`], which the channel has.
    fn routed(&self) {
        assert_eq!(self.profile("application/toml", NEAR).0, 201);
        assert_eq!(self.channel(Some("eu")).0, 200);
    }

    fn restarted(self, is_killed: bool) -> Self {
        let Self { data, key, server } = self;
        if is_killed {
            server.kill();
        } else {
            server.stop();
        }
        Self { server: Server::start(data.path()), data, key }
    }

    /// Stops it; the audit then has nothing to say.
    fn end(self) {
        self.server.stop();
        let audit = onhand(&["verify", self.data.path().to_str().unwrap()]);
        assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
    }
}

/// An order to Munich.
fn order(name: &str, quantity: u32) -> Value {
    let lines = json!([{ "id": "1", "sku": "MUG", "quantity": quantity }]);
    let ship_to = json!({ "country": "DE", "postal_code": "80333" });
    json!({ "external_id": name, "channel": "web", "ship_to": ship_to, "lines": lines })
}

/// Which location serves how many units of the first line.
fn serving(order: &Value) -> Vec<(String, u64)> {
    let rows = order["lines"][0]["allocated"].as_array().unwrap().iter();
    rows.map(|row| (row["location"].as_str().unwrap().to_owned(), row["quantity"].as_u64().unwrap()))
        .collect()
}

fn one(place: &str, quantity: u64) -> Vec<(String, u64)> {
    vec![(place.to_owned(), quantity)]
}

#[test]
fn a_profile_has_versions_and_its_channels_use_the_newest() {
    let shop = Shop::start();
    assert_eq!(shop.get("/v1/routing/profiles")["data"], json!([]));
    let (status, _, first) = shop.profile("application/toml; charset=utf-8", NEAR);
    assert_eq!(status, 201, "{first}");
    let lsn = first["lsn"].as_u64().unwrap();
    assert_eq!(first, json!({ "name": "eu", "version": 1, "format": "toml", "lsn": lsn }));
    let (status, _, channel) = shop.channel(Some("eu"));
    assert_eq!((status, &channel["routing_profile"]), (200, &json!("eu")), "{channel}");
    assert_eq!(shop.get("/v1/channels/web")["routing_profile"], "eu");
    // Under a key the same request is the same version, and another one is refused. Without a type it is JSON.
    let (status, head, second) = shop.ask("PUT", PATH, "second", BERLIN);
    assert_eq!((status, &second["version"], &second["format"]), (200, &json!(2), &json!("json")), "{head}");
    let (status, head, again) = shop.ask("PUT", PATH, "second", BERLIN);
    assert_eq!((status, &again), (200, &second));
    assert!(head.contains("idempotent-replayed: true"), "{head}");
    let other = shop.ask("PUT", PATH, "second", &format!("{BERLIN} "));
    expect(&other, 422, "idempotency_key_reused", "");

    versions_are(&shop, &first, &second);
    let shop = shop.restarted(true);
    versions_are(&shop, &first, &second);
    let shop = shop.restarted(false);
    versions_are(&shop, &first, &second);
    assert_eq!(shop.ask("PUT", PATH, "second", BERLIN).2, second, "also after a restart");
    let placed = shop.ask("POST", "/v1/orders", "o", &order("1", 4).to_string()).2;
    assert_eq!(serving(&placed), one("berlin", 4), "{placed}");
    shop.end();
}

/// Looks at all reads of the profile, once it has these two versions.
fn versions_are(shop: &Shop, first: &Value, second: &Value) {
    let list = shop.get("/v1/routing/profiles");
    assert_eq!(list["data"], json!([{ "name": "eu", "version": 2, "lsn": second["lsn"] }]));
    let newest = shop.get(PATH);
    assert_eq!((&newest["version"], &newest["text"]), (&json!(2), &json!(BERLIN)), "{newest}");
    assert_eq!((&newest["format"], &newest["channels"]), (&json!("json"), &json!(["web"])));
    assert_eq!(newest["lsn"], second["lsn"]);
    let before = shop.get(&format!("{PATH}/versions/1"));
    assert_eq!((&before["text"], &before["lsn"]), (&json!(NEAR), &first["lsn"]), "{before}");
    assert!(before.get("channels").is_none() && before["at"].as_str().unwrap().ends_with('Z'));
    let page = shop.get(&format!("{PATH}/versions?limit=1"));
    assert_eq!((&page["name"], &page["data"][0]["version"]), (&json!("eu"), &json!(2)), "{page}");
    let cursor = page["next_cursor"].as_str().unwrap();
    let page = shop.get(&format!("{PATH}/versions?cursor={cursor}"));
    assert_eq!(page["data"][0]["version"], 1, "{page}");
    assert_eq!((page["data"].as_array().unwrap().len(), &page["next_cursor"]), (1, &json!(null)));
}

#[test]
fn an_order_is_explained_whatever_comes_later() {
    let shop = Shop::start();
    let plain = shop.ask("POST", "/v1/orders", "o1", &order("1", 1).to_string()).2;
    assert_eq!(serving(&plain), one("hamburg", 1));
    let path = |order: &Value| format!("/v1/orders/{}/explanation", order["id"].as_str().unwrap());
    let told = shop.get(&path(&plain));
    assert_eq!((&told["order_id"], &told["profile"]), (&plain["id"], &json!(null)), "{told}");
    assert!(told.get("version").is_none() && told["words"].as_str().unwrap().contains("no routing profile"));

    shop.routed();
    let near = shop.ask("POST", "/v1/orders", "o2", &order("2", 2).to_string()).2;
    assert_eq!(serving(&near), one("munich", 2), "{near}");
    let told = shop.get(&path(&near));
    assert_eq!((&told["profile"], &told["version"]), (&json!("eu"), &json!(1)), "{told}");
    let decision = json!({ "by": "strategy", "name": "whoever is near", "outcome": "full" });
    assert_eq!((&told["decision"], &told["is_cut_short"]), (&decision, &json!(false)));
    let reasons: Vec<(&str, &str)> = told["locations"].as_array().unwrap().iter().map(reason).collect();
    assert_eq!(reasons, [("munich", "chosen"), ("hamburg", "outranked"), ("berlin", "outranked")]);
    let berlin = &told["locations"][2];
    assert_eq!((&berlin["rank"], &berlin["unit"]), (&json!("nearest"), &json!("metres")), "{berlin}");
    let words = berlin["words"].as_str().unwrap();
    assert!(words.starts_with("berlin: ") && words.contains(" km away"), "{words}");
    assert_eq!(
        told["words"],
        "'whoever is near', a strategy of the routing profile 'eu' (version 1), serves the whole order from munich."
    );
    // More than two locations have: as much as they have, and the rest waits.
    let large = shop.ask("POST", "/v1/orders", "o3", &order("3", 25).to_string()).2;
    assert_eq!(large["status"], "partially_allocated", "{large}");
    let partly = shop.get(&path(&large));
    assert_eq!(partly["decision"]["outcome"], "backordered", "{partly}");
    // The order is closed, the profile has another version, and the channel has none.
    let cancel = near["id"].as_str().map(|id| format!("/v1/orders/{id}/cancel")).unwrap();
    assert_eq!(shop.ask("POST", &cancel, "c", "{}").0, 200);
    assert_eq!(shop.profile("application/json", BERLIN).0, 200);
    assert_eq!(shop.channel(None).0, 200);
    assert_eq!(shop.get(PATH)["channels"], json!([]));
    let shop = shop.restarted(true).restarted(false);
    assert_eq!(shop.get(&path(&near)), told);
    assert_eq!(shop.get(&path(&large)), partly);
    let last = shop.ask("POST", "/v1/orders", "o4", &order("4", 1).to_string()).2;
    assert_eq!(shop.get(&path(&last))["profile"], json!(null));
    shop.end();
}

fn reason(location: &Value) -> (&str, &str) {
    (location["code"].as_str().unwrap(), location["reason"].as_str().unwrap())
}

#[test]
fn the_log_has_the_explanation_decoded() {
    let shop = Shop::start();
    shop.routed();
    let mut asked = order("1", 2);
    asked["tags"] = json!(["gift"]);
    assert_eq!(shop.ask("POST", "/v1/orders", "o1", &asked.to_string()).0, 201);
    let refused = json!({ "policy": "reject", "external_id": "2", "channel": "web",
                          "lines": [{ "id": "1", "sku": "MUG", "quantity": 99 }] });
    assert_eq!(shop.ask("POST", "/v1/orders", "o2", &refused.to_string()).0, 409);
    let Shop { data, server, .. } = shop;
    server.stop();
    let lines = onhand(&["log", data.path().to_str().unwrap()]).stdout;
    let lines = String::from_utf8(lines).unwrap();
    let body = |kind: &str| {
        let mut newest = lines.lines().rev().map(|line| serde_json::from_str::<Value>(line).unwrap());
        newest.find(|record| record["kind"] == kind).unwrap()["body"].clone()
    };
    let accepted = body("order_accepted");
    assert_eq!(accepted["said"]["tags"], json!(["gift"]), "{accepted}");
    let routed = &accepted["routed"];
    assert_eq!((&routed["profile"], &routed["version"]), (&json!(0), &json!(1)), "{routed}");
    assert_eq!(routed["decision"], json!({ "by": "strategy", "number": 0, "outcome": "full" }));
    assert_eq!(
        (&routed["locations"][0]["location"], &routed["locations"][0]["reason"]),
        (&json!(0), &json!("chosen"))
    );
    assert_eq!(body("order_refused")["routed"]["decision"]["outcome"], "refused");
    assert_eq!(body("routing_profile_put")["text"], NEAR);
}

/// Numbers that look random and are the same each time (xorshift, 64 bits).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// An order that dice have made: of one line or two, to somewhere, under some policy, with a tag or none.
fn thrown(dice: &mut Dice, number: usize) -> Value {
    let codes = ["80331", "10115", "20095", "50667", "01067"];
    let line = |id: &str, quantity: u64| json!({ "id": id, "sku": "MUG", "quantity": quantity });
    let mut order = order(&format!("thrown {number}"), 1);
    order["ship_to"]["postal_code"] = json!(codes[usize::try_from(dice.below(5)).unwrap()]);
    order["lines"] = match dice.below(3) {
        0 => json!([line("1", 1 + dice.below(14)), line("2", 1 + dice.below(4))]),
        _ => json!([line("1", 1 + dice.below(14))]),
    };
    match dice.below(3) {
        0 => order["policy"] = json!("reject"),
        1 => order["policy"] = json!("backorder"),
        _ => {}
    }
    if dice.below(2) == 0 {
        order["tags"] = json!(["gift"]);
    }
    order
}

#[test]
fn what_was_previewed_is_what_comes() {
    let shop = Shop::start();
    let gifts = r#"
        [[strategies]]
        name = "gifts in one parcel"
        when = { fact = "order_tags", has_any = ["gift"] }
        max_split = 1
        rank = [{ by = "most_stock" }]
        [[strategies]]
        name = "near"
        keep_free = 2
        rank = [{ by = "fewest_shipments" }, { by = "nearest" }]
        [[fallbacks]]
        name = "anywhere"
    "#;
    assert_eq!(shop.profile("application/toml", gifts).0, 201);
    let mut dice = Dice(0x5EED);
    let (mut accepted, mut refused) = (0, 0);
    for number in 0..100 {
        // Without rules, with them, and without them again.
        if number == 15 || number == 85 {
            assert_eq!(shop.channel((number == 15).then_some("eu")).0, 200);
        }
        if number % 5 == 0 {
            let place = ["munich", "berlin", "hamburg"][usize::try_from(dice.below(3)).unwrap()];
            let quantity = 1 + dice.below(12);
            let body = json!({ "type": "receive", "sku": "MUG", "location": place, "quantity": quantity });
            let key = format!("more {number}");
            assert_eq!(shop.ask("POST", "/v1/stock/movements", &key, &body.to_string()).0, 201);
        }
        let asked = thrown(&mut dice, number).to_string();
        let preview = shop.ask("POST", "/v1/orders/preview", "p", &asked);
        assert_eq!(preview.0, 200, "{}", preview.2);
        let (status, _, placed) = shop.ask("POST", "/v1/orders", &format!("place {number}"), &asked);
        let preview = preview.2;
        if preview["outcome"] == "accepted" {
            accepted += 1;
            assert_eq!((status, &placed["status"]), (201, &preview["status"]), "{asked}: {placed}");
            assert_eq!((&placed["lines"], &placed["policy"]), (&preview["lines"], &preview["policy"]));
            let path = format!("/v1/orders/{}/explanation", placed["id"].as_str().unwrap());
            let mut told = shop.get(&path);
            for member in ["order_id", "lsn"] {
                assert!(told.as_object_mut().unwrap().remove(member).is_some());
            }
            assert_eq!(told, preview["explanation"], "{asked}");
        } else {
            refused += 1;
            assert_eq!((status, &placed["code"]), (409, &json!("insufficient_stock")), "{asked}: {placed}");
            assert_eq!(placed["lines"], preview["shortfalls"], "{asked}");
            assert_eq!((&preview["status"], &preview["lines"]), (&json!(null), &json!([])));
        }
    }
    assert!(accepted > 15 && refused > 15, "{accepted} {refused}");
    shop.end();
}

#[test]
fn a_preview_keeps_nothing_and_needs_no_more_than_to_read() {
    let shop = Shop::start();
    let reader = common::key(shop.data.path().to_str().unwrap(), "acme", "read");
    let writer = common::key(shop.data.path().to_str().unwrap(), "acme", "orders:write");
    let ask =
        |key: &str, body: &Value| shop.server.ask("POST", "/v1/orders/preview", key, &[], &body.to_string());
    let mut body = order("1", 10);
    body.as_object_mut().unwrap().remove("external_id");
    let before = shop.get("/v1/stock/MUG");
    let (status, _, preview) = ask(&reader, &body);
    assert_eq!((status, &preview["outcome"]), (200, &json!("accepted")), "{preview}");
    assert_eq!((&preview["explanation"]["profile"], serving(&preview)), (&json!(null), one("hamburg", 10)));
    assert_eq!(shop.get("/v1/stock/MUG"), before);
    expect(&ask(&writer, &body), 403, "scope_missing", "");
    body["idempotency_key"] = json!("k");
    expect(&ask(&reader, &body), 422, "unknown_field", "/idempotency_key");
    expect(&ask(&reader, &json!({ "channel": "moon", "lines": [] })), 422, "unknown_channel", "/channel");
    expect(
        &ask(&reader, &json!({ "external_id": "", "channel": "web", "lines": [] })),
        422,
        "invalid_code",
        "/external_id",
    );
    // An order has an id.
    let no_id = json!({ "channel": "web", "lines": [{ "id": "1", "sku": "MUG", "quantity": 1 }] });
    expect(&shop.ask("POST", "/v1/orders", "o", &no_id.to_string()), 422, "missing_field", "/external_id");
}

#[test]
fn what_an_order_says_of_itself_is_kept_and_is_part_of_it() {
    let shop = Shop::start();
    let mut saying = order("1", 1);
    let said = json!({ "tags": ["gift", "e\u{301}t\u{e9}"], "priority": -3, "customer_tier": "gold",
                       "ship_method": "express", "is_b2b": false, "payment_risk": 100 });
    saying.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
    let (status, _, placed) = shop.ask("POST", "/v1/orders", "o1", &saying.to_string());
    assert_eq!(status, 201, "{placed}");
    assert_eq!(shop.ask("POST", "/v1/orders", "o1", &saying.to_string()).2, placed);
    let read = shop.get(&format!("/v1/orders/{}", placed["id"].as_str().unwrap()));
    assert_eq!(read["tags"], json!(["gift", "\u{e9}t\u{e9}"]), "{read}");
    for member in ["priority", "customer_tier", "ship_method", "is_b2b", "payment_risk"] {
        assert_eq!(read[member], said[member], "{read}");
    }
    assert_eq!(shop.get("/v1/orders")["data"][0]["tags"], read["tags"]);
    // Each of them makes another order of it, and so does that nothing is said.
    for (member, other) in [
        ("tags", json!(["gift"])),
        ("priority", json!(-2)),
        ("customer_tier", json!("silver")),
        ("ship_method", json!(null)),
        ("is_b2b", json!(true)),
        ("payment_risk", json!(99)),
    ] {
        let mut changed = saying.clone();
        changed[member] = other;
        expect(
            &shop.ask("POST", "/v1/orders", "o1", &changed.to_string()),
            422,
            "idempotency_key_reused",
            "",
        );
    }
    expect(
        &shop.ask("POST", "/v1/orders", "o2", &order("1", 1).to_string()),
        409,
        "external_id_conflict",
        "",
    );
    let mut nothing = order("2", 1);
    let first = shop.ask("POST", "/v1/orders", "o3", &nothing.to_string());
    nothing
        .as_object_mut()
        .unwrap()
        .extend(json!({ "tags": [], "priority": null }).as_object().unwrap().clone());
    assert_eq!(shop.ask("POST", "/v1/orders", "o3", &nothing.to_string()).2, first.2);
    let bulk = json!({ "external_id": "3", "channel": "web", "tags": ["bulk"], "idempotency_key": "b",
                       "lines": [{ "id": "1", "sku": "MUG", "quantity": 1 }] });
    let (_, _, answers) = shop.ask("POST", "/v1/orders/bulk", "bulk", &bulk.to_string());
    assert_eq!(common::lines_of(&answers)[0]["status"], 201, "{answers}");
    assert_eq!(shop.get("/v1/orders?external_id=3")["data"][0]["tags"], json!(["bulk"]));
    for (member, value, code, pointer) in [
        ("tags", json!(vec!["x"; 21]), "too_many", "/tags"),
        ("tags", json!(["ok", ""]), "invalid_code", "/tags/1"),
        ("tags", json!("gift"), "invalid_value", "/tags"),
        ("priority", json!(2_147_483_648_u32), "invalid_value", "/priority"),
        ("customer_tier", json!("x".repeat(65)), "invalid_code", "/customer_tier"),
        ("ship_method", json!("a\nb"), "invalid_code", "/ship_method"),
        ("is_b2b", json!(1), "invalid_value", "/is_b2b"),
        ("payment_risk", json!(101), "invalid_value", "/payment_risk"),
    ] {
        let mut bad = order("9", 1);
        bad[member] = value;
        expect(&shop.ask("POST", "/v1/orders", "bad", &bad.to_string()), 422, code, pointer);
    }
    shop.end();
}

/// A text, and what the refusal of it says: code, pointer, line and column.
type Refused<'a> = (&'a str, &'a str, &'a str, u64, u64);

#[test]
fn a_text_is_refused_with_its_place() {
    let shop = Shop::start();
    assert_eq!(shop.profile("application/toml", NEAR).0, 201);
    let toml: [Refused<'_>; 6] = [
        ("[[strategies]]\nname =", "malformed_profile", "", 2, 7),
        ("[[strategies]]\ncolour = 1\n", "unknown_member", "/strategies/0/colour", 2, 1),
        (
            "[[strategies]]\ninclude = [\"berlin\", \"moon\"]\n",
            "unknown_location",
            "/strategies/0/include/1",
            2,
            22,
        ),
        ("[[strategies]]\n[[strategies]]\nname = \"b\"\n", "unreachable_strategy", "/strategies/1", 2, 1),
        (
            "[[strategies]]\nwhen = { fact = \"weight\", ge = 1 }\n",
            "fact_not_supplied",
            "/strategies/0/when/fact",
            2,
            17,
        ),
        ("otherwise = \"backorder\"\n", "missing_member", "", 1, 1),
    ];
    let json: [Refused<'_>; 3] = [
        ("{", "malformed_profile", "", 1, 1),
        ("", "malformed_profile", "", 1, 1),
        ("{\"strategies\": [{\"max_split\": true}]}", "wrong_type", "/strategies/0/max_split", 1, 31),
    ];
    let cases = toml.map(|case| ("application/toml", case));
    for (media, (text, code, pointer, line, column)) in
        cases.into_iter().chain(json.map(|case| ("application/json", case)))
    {
        let answer = shop.profile(media, text);
        expect(&answer, 422, code, pointer);
        let problem = &answer.2;
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        assert_eq!(
            (&problem["text_line"], &problem["text_column"]),
            (&json!(line), &json!(column)),
            "{problem}"
        );
        assert!(problem["detail"].as_str().unwrap().starts_with(&format!("line {line}, column {column}: ")));
    }
    let long = format!("# {}\n{NEAR}", "x".repeat(64 << 10));
    expect(&shop.profile("application/toml", &long), 422, "profile_too_large", "");
    expect(&shop.profile("application/toml", &"x".repeat((512 << 10) + 1)), 413, "body_too_large", "");
    for media in ["text/plain", "application/x-www-form-urlencoded", "application/toml2", ""] {
        expect(&shop.profile(media, NEAR), 415, "unsupported_media_type", "");
    }
    // The version before stays.
    assert_eq!(shop.get(PATH)["version"], 1);
}

#[test]
fn a_profile_is_its_merchants_and_names_are_as_elsewhere() {
    let shop = Shop::start();
    shop.routed();
    let data = shop.data.path().to_str().unwrap().to_owned();
    common::administered(shop.data.path());
    let other = merchant(shop.data.path(), "other", SCOPES);
    let reader = common::key(&data, "acme", "read");
    let orders = shop.ask("POST", "/v1/orders", "o", &order("1", 1).to_string()).2;
    let explanation = format!("/v1/orders/{}/explanation", orders["id"].as_str().unwrap());
    for path in [PATH, &format!("{PATH}/versions"), &format!("{PATH}/versions/1")] {
        expect(&shop.server.ask("GET", path, &other, &[], ""), 404, "routing_profile_not_found", "");
    }
    expect(&shop.server.ask("GET", &explanation, &other, &[], ""), 404, "order_not_found", "");
    assert_eq!(shop.server.ask("GET", "/v1/routing/profiles", &other, &[], "").2["data"], json!([]));
    for version in ["0", "2", "01", "+1", "x", "99999999999999999999"] {
        let answer = shop.server.ask("GET", &format!("{PATH}/versions/{version}"), &reader, &[], "");
        expect(&answer, 404, "routing_profile_not_found", "");
    }
    let cursor = format!("{PATH}/versions?cursor=0000000000004");
    expect(&shop.server.ask("GET", &cursor, &reader, &[], ""), 400, "invalid_query", "");
    expect(&shop.server.ask("PUT", PATH, &reader, &[], BERLIN), 403, "scope_missing", "");
    expect(&shop.channel(Some("moon")), 422, "unknown_routing_profile", "/routing_profile");
    let named =
        |path: &str| shop.server.ask("PUT", &format!("/v1/routing/profiles/{path}"), &shop.key, &[], BERLIN);
    for (path, name) in [("a%2Fb", "a/b"), ("versions", "versions"), ("e%CC%81", "\u{e9}")] {
        assert_eq!(named(path).2["name"], name);
        assert_eq!(shop.get(&format!("/v1/routing/profiles/{path}/versions/1"))["name"], name);
    }
    expect(&named("a%00b"), 422, "invalid_code", "");
    expect(&named("x%FF"), 400, "invalid_encoding", "");
    // A hundred at the most.
    for number in 4..100 {
        assert_eq!(named(&format!("p{number}")).0, 201, "{number}");
    }
    expect(&named("p100"), 409, "limit_reached", "");
    assert_eq!(shop.get("/v1/routing/profiles")["data"].as_array().unwrap().len(), 100);
    // Whatever was asked, the labels are those of the catalogue.
    let (_, _, metrics) = shop.server.ask("GET", "/metrics", "", &[], "");
    let metrics = metrics.as_str().unwrap().lines();
    let routes = metrics.filter(|line| line.starts_with("onhand_http_request_seconds_count"));
    assert_eq!(routes.count(), 7);
    shop.end();
}
