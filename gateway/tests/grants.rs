//! What a channel may sell from its own copy, over HTTP: kept from others, sold, lowered, acknowledged and freed, refused
//! with its numbers, and there again after a start from the log and from a snapshot.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{SCOPES, Server, merchant, onhand, stocked};
use serde_json::{Value, json};

const GRANT: &str = "/v1/skus/MUG/grants/market";

/// Ten mugs at `main`, of which `web` and `market` sell.
struct Shop {
    data: tempfile::TempDir,
    key: String,
    server: Server,
}

impl Shop {
    fn open() -> Self {
        let data = tempfile::tempdir().unwrap();
        let key = merchant(data.path(), "acme", SCOPES);
        let server = Server::start(data.path());
        stocked(&server, &key);
        let shop = Self { data, key, server };
        let market = json!({ "kind": "amazon", "locations": ["main"], "policy": "imposed" });
        assert_eq!(shop.put("/v1/channels/market", &market).0, 201);
        let exposure = json!({ "mode": "escrow", "max_lag_ms": 1_000 });
        assert_eq!(shop.put("/v1/channels/market/exposure", &exposure).0, 200);
        shop
    }

    fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        let (status, _, answer) = self.server.ask("PUT", path, &self.key, &[], &body.to_string());
        (status, answer)
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let name: String = format!("{path}{body}").chars().filter(char::is_ascii_alphanumeric).collect();
        let headers = [("idempotency-key", &name[name.len().saturating_sub(60)..])];
        let (status, _, answer) = self.server.ask("POST", path, &self.key, &headers, &body.to_string());
        (status, answer)
    }

    fn get(&self, path: &str) -> Value {
        let (status, _, answer) = self.server.ask("GET", path, &self.key, &[], "");
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// What the channel is granted, has sold, has left, and takes from others.
    fn grant(&self) -> [u64; 4] {
        let grant = self.get(GRANT);
        ["granted", "sold", "left", "taken"].map(|member| grant[member].as_u64().unwrap())
    }

    /// Mugs that each channel can sell.
    fn available(&self) -> [u64; 2] {
        let body = r#"{"skus":["MUG"]}"#;
        let (_, _, answer) = self.server.ask("POST", "/v1/availability", &self.key, &[], body);
        let channels = answer["availability"][0]["channels"].as_array().unwrap();
        ["web", "market"].map(|channel| {
            let row = channels.iter().find(|row| row["channel"] == channel).unwrap();
            row["available"].as_u64().unwrap()
        })
    }

    fn order(&self, name: &str, channel: &str, quantity: u64, placed_at: Option<&str>) -> Value {
        let lines = json!([{ "id": "1", "sku": "MUG", "quantity": quantity }]);
        let mut body = json!({ "external_id": name, "channel": channel, "lines": lines });
        if let Some(at) = placed_at {
            body["placed_at"] = json!(at);
            body["policy"] = json!("reject");
        }
        self.post("/v1/orders", &body).1
    }

    fn counted(&self, series: &str) -> u64 {
        let (_, _, text) = self.server.ask("GET", "/metrics", "", &[], "");
        let mut lines = text.as_str().unwrap().lines();
        let value = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("{series} is not exported")).parse().unwrap()
    }

    fn restarted(self, is_killed: bool) -> Self {
        let Self { data, key, server } = self;
        if is_killed {
            server.kill();
        } else {
            server.stop();
        }
        let server = Server::start(data.path());
        Self { data, key, server }
    }
}

fn refused((status, answer): (u16, Value), code: &str) -> Value {
    assert_eq!((status, &answer["code"]), (409, &json!(code)), "{answer}");
    answer
}

#[test]
fn what_is_granted_is_the_channels_until_it_cannot_sell_it() {
    let shop = Shop::open();
    let (status, first) = shop.put(GRANT, &json!({ "granted": 6 }));
    assert_eq!((status, &first["left"], &first["taken"]), (200, &json!(6), &json!(6)), "{first}");
    assert_eq!(shop.available(), [4, 10]);
    let over = refused(shop.put(GRANT, &json!({ "granted": 11 })), "grant_exceeds_stock");
    assert_eq!((&over["requested"], &over["available"]), (&json!(11), &json!(10)));
    // The marketplace sells two; the shop cannot have the others.
    let sold = shop.order("m1", "market", 2, None);
    assert_eq!(sold["status"], json!("allocated"), "{sold}");
    assert_eq!(shop.order("w1", "web", 5, None)["code"], json!("insufficient_stock"));
    assert_eq!((shop.grant(), shop.available()), ([6, 2, 4, 4], [4, 8]));
    let below = refused(shop.put(GRANT, &json!({ "granted": 1 })), "grant_below_sold");
    assert_eq!((&below["granted"], &below["sold"]), (&json!(1), &json!(2)));
    // Fewer: the units stay kept, over a start from the log, until it says so and its feed has come so far.
    let (_, lowered) = shop.put(GRANT, &json!({ "granted": 3 }));
    let shop = shop.restarted(true);
    assert_eq!((shop.grant(), shop.available()), ([3, 2, 1, 4], [4, 8]));
    let revision = lowered["revision"].as_u64().unwrap();
    let acknowledge = |revision: u64| {
        let body = json!({ "revision": revision, "at": "2026-11-27T10:00:00Z" });
        shop.post(&format!("{GRANT}/acknowledge"), &body)
    };
    refused(acknowledge(revision + 1_000), "unknown_revision");
    let (status, said) = acknowledge(revision);
    assert_eq!((status, &said["units"]), (200, &json!(3)), "{said}");
    let pass = |at: &str| shop.post("/v1/channels/market/watermark", &json!({ "at": at }));
    assert_eq!(pass("2026-11-27T10:00:00.999Z").0, 200);
    assert_eq!(shop.grant()[3], 4, "an order may come a second later");
    let (status, passed) = pass("2026-11-27T10:00:01Z");
    assert_eq!((status, &passed["watermark"]), (200, &json!("2026-11-27T10:00:01Z")), "{passed}");
    let shop = shop.restarted(false);
    assert_eq!((shop.grant(), shop.available()), ([3, 2, 1, 1], [7, 8]));
    let exposure = shop.get("/v1/channels/market/exposure");
    assert_eq!(exposure["watermark"], json!("2026-11-27T10:00:01Z"), "{exposure}");
    // The mode stays as long as it may sell something.
    let mirror = json!({ "mode": "mirror" });
    refused(shop.put("/v1/channels/market/exposure", &mirror), "grants_live");
    shop.order("m2", "market", 1, None);
    assert_eq!(shop.put("/v1/channels/market/exposure", &mirror).0, 200);
    shop.server.stop();
    let audit = onhand(&["verify", shop.data.path().to_str().unwrap()]);
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
    let log = onhand(&["log", shop.data.path().to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&log.stdout).contains("grants_freed"), "the log says so");
}

#[test]
fn alarms_tell_of_what_was_lost_and_of_what_comes_late() {
    let shop = Shop::open();
    shop.put(GRANT, &json!({ "granted": 6 }));
    let lose = |quantity: i64| {
        let body = json!({ "type": "adjust", "sku": "MUG", "location": "main", "delta": -quantity, "reason": "theft" });
        assert_eq!(shop.post("/v1/stock/movements", &body).0, 201);
    };
    lose(4);
    assert_eq!(
        (shop.counted("onhand_grant_exposed_units_total"), &shop.get(GRANT)["exposed"]),
        (0, &json!(0))
    );
    lose(5);
    assert_eq!(
        (shop.counted("onhand_grant_exposed_units_total"), &shop.get(GRANT)["exposed"]),
        (5, &json!(5))
    );
    // Everything up to ten o'clock is known, so this one is late: it is imposed, whatever it says.
    assert_eq!(shop.post("/v1/channels/market/watermark", &json!({ "at": "2026-11-27T10:00:01Z" })).0, 200);
    let in_time = shop.order("m1", "market", 1, Some("2026-11-27T10:00:00.001Z"));
    assert_eq!(in_time["status"], json!("allocated"), "{in_time}");
    assert_eq!(shop.counted("onhand_late_orders_total"), 0);
    let late = shop.order("m2", "market", 1, Some("2026-11-27T10:00:00Z"));
    assert_eq!((&late["policy"], &late["lines"][0]["short"]), (&json!("imposed"), &json!(1)), "{late}");
    assert_eq!(shop.counted("onhand_late_orders_total"), 1);
    shop.server.stop();
    assert!(onhand(&["verify", shop.data.path().to_str().unwrap()]).status.success());
}

#[test]
fn what_is_no_grant_is_told_what_is_wrong() {
    let shop = Shop::open();
    for (path, body, code) in [
        ("/v1/channels/market/exposure", json!({ "mode": "hope" }), "invalid_value"),
        ("/v1/channels/market/exposure", json!({ "mode": "overlap" }), "out_of_range"),
        ("/v1/channels/market/exposure", json!({ "mode": "overlap", "overlap_percent": 99 }), "out_of_range"),
        (
            "/v1/channels/market/exposure",
            json!({ "mode": "escrow", "overlap_percent": 200 }),
            "invalid_value",
        ),
        (
            "/v1/channels/market/exposure",
            json!({ "mode": "mirror", "max_lag_ms": 2_592_000_001_u64 }),
            "out_of_range",
        ),
        (GRANT, json!({ "granted": -1 }), "quantity_out_of_range"),
    ] {
        let (status, answer) = shop.put(path, &body);
        assert_eq!((status, &answer["code"]), (422, &json!(code)), "{body}: {answer}");
    }
    for path in [GRANT, "/v1/skus/MUG/grants/web", "/v1/skus/CUP/grants/market", "/v1/skus/MUG/grants/nobody"]
    {
        let (status, _, answer) = shop.server.ask("GET", path, &shop.key, &[], "");
        assert_eq!(status, 404, "{answer}");
    }
    let at = json!({ "at": "yesterday" });
    assert_eq!(shop.post("/v1/channels/market/watermark", &at).1["code"], json!("invalid_time"));
    let far = json!({ "at": "2126-11-27T10:00:00Z" });
    let (status, refusal) = shop.post("/v1/channels/market/watermark", &far);
    assert_eq!((status, &refusal["code"]), (422, &json!("watermark_ahead")), "{refusal}");
    assert!(refusal["max"].as_i64().is_some_and(|max| max > 0), "{refusal}");
    assert!(shop.get("/v1/channels/market/exposure")["watermark"].is_null(), "it was not believed");
    let told = json!({ "revision": 0, "at": "2026-11-27T10:00:00Z" });
    refused(shop.post(&format!("{GRANT}/acknowledge"), &told), "not_granted");
}
