//! The corpora's beginnings, made of the golden files and of requests as shops send them: what a mutation begins
//! with decides how far it comes.

use crate::http::{BODIES, FIRST_ORDER};
use onhand_engine::record::codec::encode_row_into;
use onhand_engine::record::order::WaitingV1;
use onhand_engine::record::rules::{
    AmountV1, ChannelTermsV1, LocationTermsV1, PolicyV1, PoolV1, SkuChannelTermsV1, SkuTermsV1, StockPolicyV1,
};
use onhand_engine::record::snapshot::{
    CHUNK_MERCHANTS, CHUNK_ORDERS, CHUNK_RULES, CHUNK_SKUS, CHUNK_STATES, CHUNK_TERMS, ChannelRowV1,
    KeyRowV1, MerchantRowV1, MerchantRulesV1, MerchantStateV1, NameV1, OrderRowV1, SkuRowV1, SkuTermsRowV1,
};
use std::io;
use std::path::{Path, PathBuf};

/// The bytes of a row.
macro_rules! encoded {
    ($row:expr) => {{
        let mut bytes = Vec::new();
        assert_eq!(encode_row_into($row, &mut bytes), Ok(()), "a short row can be written");
        bytes
    }};
}

/// Where this crate stands.
#[must_use]
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Writes every seed into its corpus; what is there stays. Returns how many.
///
/// # Errors
/// As the disk says.
pub fn write() -> io::Result<usize> {
    let mut count = 0;
    for (target, name, bytes) in all()? {
        let dir = root().join("corpus").join(target);
        std::fs::create_dir_all(&dir)?;
        std::fs::write(dir.join(format!("seed-{name}")), bytes)?;
        count += 1;
    }
    Ok(count)
}

type Seed = (&'static str, String, Vec<u8>);

fn all() -> io::Result<Vec<Seed>> {
    let mut seeds = files()?;
    seeds.extend(records()?);
    seeds.push(("rows", "shop".into(), generation()));
    seeds.extend(requests());
    seeds.extend(texts());
    seeds.extend(profiles()?);
    Ok(seeds)
}

/// The golden files of the log, the index and the snapshots; the first byte has the checksums made right.
fn files() -> io::Result<Vec<Seed>> {
    let golden = root().join("../../snapshots/tests/golden");
    let file = |name: &str| std::fs::read(golden.join(name)).map(|bytes| [&[1], &bytes[..]].concat());
    Ok(vec![
        ("segment", "golden".into(), file("segment.bin")?),
        ("archive", "golden".into(), file("segment.seg.zst")?),
        ("index_run", "golden".into(), file("run.chunks")?),
        ("chunk_set", "golden".into(), file("set.chunks")?),
    ])
}

/// The cases of a golden file in hexadecimal.
fn cases(path: &Path) -> io::Result<Vec<Vec<u8>>> {
    let text = std::fs::read_to_string(path)?;
    let case = |part: &str| {
        let digits: String = part.lines().skip(1).collect();
        let pairs = digits.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
        pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
    };
    Ok(text.split("= ").skip(1).map(case).collect())
}

/// Every golden record that is short enough, and all of a kind as a log's.
fn records() -> io::Result<Vec<Seed>> {
    let golden = root().join("../record/tests/golden");
    let mut seeds = Vec::new();
    for entry in std::fs::read_dir(golden)? {
        let path = entry?.path();
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name == "snapshot" || name == "header" {
            continue;
        }
        let mut history = Vec::new();
        for (number, record) in
            cases(&path)?.into_iter().enumerate().filter(|(_, record)| record.len() < 2_000)
        {
            history.extend_from_slice(&u16::try_from(record.len()).unwrap_or(0).to_le_bytes());
            history.extend_from_slice(&record);
            seeds.push(("record", format!("{name}-{number}"), record));
        }
        seeds.push(("history", name, history));
    }
    seeds.push(("history", "shop".into(), crate::http::shop_records()));
    Ok(seeds)
}

/// The chunks of a generation whose rows belong together.
fn generation() -> Vec<u8> {
    let name = |code, put| NameV1 { code, put };
    let secret_hash = [7; 32];
    let policy = PolicyV1::Reject;
    let mut out = Vec::new();
    let mut chunk = |kind: u8, merchant: u8, rows: Vec<u8>| {
        out.extend_from_slice(&[kind, merchant]);
        out.extend_from_slice(&u16::try_from(rows.len()).unwrap_or(0).to_le_bytes());
        out.extend_from_slice(&rows);
    };
    chunk(CHUNK_MERCHANTS, 0, encoded!(&MerchantRowV1 { merchant: 1, name: "acme" }));
    let key = KeyRowV1 { key: 1, merchant: 1, secret_hash, scopes: 7, is_revoked: false };
    chunk(CHUNK_MERCHANTS, 1, encoded!(&key));
    let channel = ChannelRowV1 { name: name("web", 6), locations: vec![0, 1], policy };
    let locations = vec![name("main", 4), name("east", 5)];
    chunk(CHUNK_STATES, 1, encoded!(&MerchantStateV1 { cut: 9, at: 5, locations, channels: vec![channel] }));
    let waiting = Some(WaitingV1 { is_short: false, order: 8, demand: 0 });
    let mug = SkuRowV1 {
        name: name("MUG", 7),
        decimals: 0,
        is_in_use: true,
        levels: vec![(0, 5, 0, 1)],
        pass: None,
    };
    let tea = SkuRowV1 { name: name("TEA", 7), decimals: 3, is_in_use: true, levels: vec![], pass: waiting };
    chunk(CHUNK_SKUS, 1, [encoded!(&mug), encoded!(&tea)].concat());
    let order = OrderRowV1 {
        order: 8,
        channel: 0,
        policy,
        lines: vec![(2, 0, 0, 0), (3, 1, 0, 0)],
        demands: vec![(0, 0, 0, 0), (1, 1, 2, 0)],
        claims: vec![(0, 0, 2)],
    };
    chunk(CHUNK_ORDERS, 1, encoded!(&order));
    let stock_policy =
        StockPolicyV1 { ceiling: Some(AmountV1::Percent(50)), buffer: AmountV1::Units(2), floor: 1 };
    let safety = |safety_stock| LocationTermsV1 { safety_stock };
    let channels = vec![ChannelTermsV1 { stock_policy, rank: 3 }];
    chunk(CHUNK_RULES, 1, encoded!(&MerchantRulesV1 { locations: vec![safety(1), safety(0)], channels }));
    let terms = SkuTermsV1 {
        safety_stock: Some(1),
        safety_stock_at: vec![(1, 2)],
        channels: vec![SkuChannelTermsV1 { channel: 0, policy: stock_policy, dedicated: 3 }],
        pools: vec![PoolV1 { channel: 0, since: 7, left: 1, charged: 2, claimed: 2 }],
    };
    chunk(CHUNK_TERMS, 1, encoded!(&SkuTermsRowV1 { sku: 0, terms }));
    out
}

fn requests() -> Vec<Seed> {
    let orders = [
        r#"{"external_id":"1","channel":"web","lines":[{"id":"1","sku":"MUG","quantity":2,"unit_price":"1.50"},{"id":"2","sku":"TEA","quantity":"0.250"}]}"#,
        r#"{"external_id":"2","channel":"web","placed_at":"2026-11-23T10:00:00+02:00","currency":"EUR","policy":"backorder","ship_to":{"country":"DE","region":"BE","postal_code":"10115"},"customer":{"name":"Zo\u00eb","email":"z@example.org","city":"Ber\ud83d\ude00lin"},"lines":[{"id":"a","sku":"TEA","quantity":1.0}]}"#,
        "{\"external_id\":\"3\",\"channel\":\"web\",\"idempotency_key\":\"k\",\"lines\":[{\"id\":\"1\",\"sku\":\"MUG\",\"quantity\":99}]}\r\n\n{\"external_id\":\"4\"}\n[1]",
        r#"{"external_id":"5","channel":"web","ship_complete_by":"2026-12-01T00:00:00Z","cancel_after":"2026-12-24T12:00:00.5+01:00","lines":[{"id":"1","sku":"MUG","quantity":99}]}"#,
    ];
    let bodies = [
        r#"{"title":"New","unit":"pc","decimals":2,"gtin":"4006381333931","tags":["a","b"]}"#,
        "{\"code\":\"A\",\"title\":\"a\"}\n{\"code\":\"B\",\"decimals\":3}",
        r#"{"kind":"shopify","locations":["main","east"],"policy":"backorder"}"#,
        r#"{"kind":"warehouse","country":"GB","region":"SCT","postal_code":"EH1","priority":5}"#,
        r#"{"type":"move","sku":"MUG","location":"main","from":"sellable","to":"damaged","quantity":1,"reason":"broken"}"#,
        "{\"type\":\"set\",\"sku\":\"MUG\",\"location\":\"main\",\"expected\":8,\"new\":7,\"idempotency_key\":\"m\"}\n{\"type\":\"adjust\",\"sku\":\"TEA\",\"location\":\"main\",\"delta\":\"-0.5\",\"reason\":\"count\"}",
        r#"{"reason":"changed","lines":[{"line_id":"1","quantity":1}]}"#,
        r#"{"location":"main","lines":[{"line_id":"1","quantity":2}],"tracking_number":"T1"}"#,
        r#"{"skus":["MUG","TEA"],"channels":["web"]}"#,
        r#"{}"#,
        r#"{"kit":{"kind":"virtual","components":[{"sku":"MUG","quantity":2},{"sku":"TEA","quantity":"0.25"}]}}"#,
        r#"{"mode":"overlap","overlap_percent":250,"max_lag_ms":60000}"#,
        r#"{"at":"2026-11-27T10:00:00Z"}"#,
        r#"{"granted":"0.750"}"#,
        r#"{"revision":12,"at":"2026-11-27T10:00:00+01:00"}"#,
    ];
    let queries = [
        "orders?limit=10&status=open&channel=web&external_id=first".to_owned(),
        "orders?cursor=0000000000006&created_from=2026-11-23T10:00:00Z".to_owned(),
        "stock?limit=2&cursor=0000000000006".to_owned(),
        "stock/M%55G".to_owned(),
        format!("orders/{FIRST_ORDER}"),
        "skus/bulk".to_owned(),
        "channels/web".to_owned(),
    ];
    let whole = [
        format!("POST /v1/orders\nIdempotency-Key: \"one\"\nidempotency-key: one\n\n{}", orders[0]),
        format!("DELETE /v1/orders/{FIRST_ORDER}/customer\nidempotency-key: erase\n\n"),
        format!("POST /v1/orders/{FIRST_ORDER}/cancel\nidempotency-key: c\n\n{{}}"),
        format!("GET /v1/orders/{FIRST_ORDER}\n\n"),
        "OPTIONS /v1/stock?x=1\naccept: */*\n\n".to_owned(),
    ];
    let numbered = |target: &'static str, texts: Vec<Vec<u8>>| -> Vec<Seed> {
        texts.into_iter().enumerate().map(|(number, text)| (target, number.to_string(), text)).collect()
    };
    let owned = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>();
    let routed = (0_u8..).zip(owned(&bodies)).map(|(route, body)| [&[route], &body[..]].concat()).collect();
    assert_eq!(bodies.len(), BODIES.len(), "each route has a body");
    [
        numbered("order", owned(&orders)),
        numbered("body", routed),
        numbered("query", queries.into_iter().map(String::into_bytes).collect()),
        numbered("request", whole.into_iter().map(String::into_bytes).collect()),
    ]
    .concat()
}

fn texts() -> Vec<Seed> {
    let settings = "data = \"here\"\nlisten = \"127.0.0.1:0\"\nshards = 3\nsegment_bytes = 67108864\n";
    let manifest = r#"{"format":1,"software":"onhand 0.1.0","taken_at":"2026-11-23T10:00:00Z","cluster":"00","epoch":1,"first_lsn":1,"last_lsn":7,"last_frame":"00","files":[{"path":"fingerprint.key","bytes":32,"blake3":"00"}]}"#;
    let sealed = format!(
        "{{\"blake3\":\"{}\",\"manifest\":{manifest}}}\n",
        blake3::hash(manifest.as_bytes()).to_hex()
    );
    vec![
        ("text", "settings".into(), [&[0], settings.as_bytes()].concat()),
        ("text", "manifest".into(), [&[1], sealed.as_bytes()].concat()),
        ("customer", "sealed".into(), crate::texts::sealed_seed()),
    ]
}

/// A profile with all that is supplied, in both formats.
fn profiles() -> io::Result<Vec<Seed>> {
    let tests = root().join("../src/routing/tests");
    let seed = |which: u8, file: &str| -> io::Result<Seed> {
        let text = std::fs::read(tests.join(file))?;
        Ok(("profile", file.replace('.', "-"), [&[which], &text[..]].concat()))
    };
    Ok(vec![seed(0, "good.toml")?, seed(1, "good.json")?])
}
