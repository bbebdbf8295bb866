//! The description and the code say the same.

use super::*;
use crate::http::{
    availability, catalogue, customer, grants, holds, key, kit, order_change, order_said, orders, stock,
};
use crate::render::explanation::reasons::reason_code;
use crate::{body, ids};
use onhand_engine::domain::grant::{LAG_MAX_MS, OVERLAP_MAX};
use onhand_engine::domain::kit::COMPONENTS_MAX;
use onhand_engine::domain::merchant::{CHANNEL_LOCATIONS_MAX, PROFILES_MAX};
use onhand_engine::domain::order::LINES_MAX;
use onhand_engine::domain::quantity::{DECIMALS_MAX, QUANTITY_MAX};
use onhand_engine::domain::routing::profile::{
    Barrier, FALLBACKS_MAX, RATE_CARDS_MAX, Reason, STRATEGIES_MAX,
};
use onhand_engine::domain::sku::TERMS_MAX;
use onhand_engine::routing;
use std::collections::{BTreeMap, BTreeSet};

type Words = BTreeSet<String>;

/// Calls with every value of the document and its pointer.
fn walk(pointer: &str, value: &Value, visit: &mut dyn FnMut(&str, &Value)) {
    visit(pointer, value);
    let step = |name: &str| format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| walk(&step(name), value, visit)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(place, value)| walk(&step(&place.to_string()), value, visit));
        }
        _ => {}
    }
}

fn words(value: &Value) -> Words {
    let strings = |value: &Value| value.as_str().map(str::to_owned);
    value.as_array().unwrap().iter().filter_map(strings).collect()
}

fn set<'a>(words: impl IntoIterator<Item = &'a str>) -> Words {
    words.into_iter().map(str::to_owned).collect()
}

#[test]
fn the_parts_fit_together_and_every_reference_leads_somewhere() {
    let document = document().unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let mut references = 0;
    walk("", &document, &mut |pointer, value| {
        let Some(to) = value.get("$ref").and_then(Value::as_str) else { return };
        references += 1;
        let target = to.strip_prefix('#').and_then(|to| document.pointer(to));
        assert!(target.is_some(), "{pointer} leads to {to}, which is not there");
    });
    assert!(references > 200, "{references}");
    let used = document.to_string();
    let sections = document["components"].as_object().unwrap().iter();
    for (section, parts) in sections.filter(|(section, _)| *section != "securitySchemes") {
        for name in parts.as_object().unwrap().keys().filter(|name| *name != "NoMethod") {
            assert!(
                used.contains(&format!("#/components/{section}/{name}")),
                "nothing uses {section} {name}"
            );
        }
    }
    let mut two = Map::new();
    merge(&mut two, document.as_object().unwrap().clone()).unwrap();
    assert!(merge(&mut two, document.as_object().unwrap().clone()).unwrap_err().contains("two parts"));
}

/// The limits of what may be sent, by the place of the description that says them.
fn limits() -> BTreeMap<&'static str, usize> {
    let schema = [
        ("Name/maxLength", ids::CODE_BYTES_MAX),
        ("IdempotencyKey/maxLength", key::KEY_BYTES_MAX),
        ("IdempotencyKeyMember/maxLength", key::KEY_BYTES_MAX),
        ("Quantity/anyOf/0/maximum", QUANTITY_MAX as usize),
        ("Count/anyOf/0/maximum", QUANTITY_MAX as usize),
        ("AdjustPost/properties/delta/anyOf/0/maximum", QUANTITY_MAX as usize),
        ("LocationPut/properties/region/maxLength", ids::CODE_BYTES_MAX),
        ("LocationPut/properties/postal_code/maxLength", ids::CODE_BYTES_MAX),
        ("LocationPut/properties/priority/maximum", u32::MAX as usize),
        ("LocationPut/properties/safety_stock/maximum", QUANTITY_MAX as usize),
        ("ChannelPut/properties/locations/maxItems", CHANNEL_LOCATIONS_MAX),
        ("ChannelPut/properties/scarcity_rank/maximum", usize::from(u16::MAX)),
        ("SkuPut/properties/safety_stock_at/maxItems", TERMS_MAX),
        ("SkuPut/properties/channel_policies/maxItems", TERMS_MAX),
        ("SkuPut/properties/title/maxLength", catalogue::TEXT_BYTES_MAX),
        ("SkuPut/properties/unit/maxLength", catalogue::TEXT_BYTES_MAX),
        ("SkuPut/properties/decimals/maximum", usize::from(DECIMALS_MAX)),
        ("SkuPut/properties/tags/maxItems", catalogue::TAGS_MAX),
        ("Sku/properties/decimals/maximum", usize::from(DECIMALS_MAX)),
        ("KitPut/properties/components/maxItems", COMPONENTS_MAX),
        ("ReceivePost/properties/reference/maxLength", stock::REFERENCE_BYTES_MAX),
        ("AdjustPost/properties/reference/maxLength", stock::REFERENCE_BYTES_MAX),
        ("SetPost/properties/reference/maxLength", stock::REFERENCE_BYTES_MAX),
        ("MovePost/properties/reference/maxLength", stock::REFERENCE_BYTES_MAX),
        ("AvailabilityAsk/properties/skus/maxItems", availability::SKUS_MAX),
        ("StockPage/properties/data/maxItems", stock::PAGE_MAX),
        ("OrderPage/properties/data/maxItems", stock::PAGE_MAX),
        ("OrderPost/properties/lines/maxItems", LINES_MAX),
        ("OrderPost/properties/tags/maxItems", order_said::ORDER_TAGS_MAX),
        ("OrderPost/properties/priority/maximum", i32::MAX as usize),
        ("OrderPost/properties/payment_risk/maximum", usize::from(order_said::RISK_MAX)),
        ("RoutingProfile/properties/defaults/properties/max_split/maximum", usize::from(u16::MAX)),
        ("RoutingProfile/properties/strategies/maxItems", STRATEGIES_MAX),
        ("RoutingProfile/properties/fallbacks/maxItems", FALLBACKS_MAX),
        ("RoutingProfile/properties/rate_cards/maxItems", RATE_CARDS_MAX),
        ("RoutingProfileList/properties/data/maxItems", usize::from(PROFILES_MAX)),
        ("RoutingProfileVersions/properties/data/maxItems", stock::PAGE_MAX),
        ("HoldPost/properties/lines/maxItems", LINES_MAX),
        ("Ttl/maximum", usize::try_from(holds::TTL_MAX_MS).unwrap()),
        ("ExposurePut/properties/overlap_percent/maximum", usize::from(OVERLAP_MAX)),
        ("ExposurePut/properties/max_lag_ms/maximum", usize::try_from(LAG_MAX_MS).unwrap()),
        ("ShipTo/properties/region/maxLength", ids::CODE_BYTES_MAX),
        ("ShipTo/properties/postal_code/maxLength", ids::CODE_BYTES_MAX),
        ("CancelPost/properties/reason/maxLength", order_change::NOTE_BYTES_MAX),
        ("FulfillmentPost/properties/tracking_number/maxLength", order_change::NOTE_BYTES_MAX),
        ("Problem/properties/errors/maxItems", body::ERRORS_MAX),
        ("Problem/properties/status/maximum", 599),
        ("SkuAnswer/properties/status/maximum", 599),
        ("MovementAnswer/properties/status/maximum", 599),
        ("OrderAnswer/properties/status/maximum", 599),
    ];
    let mut limits: BTreeMap<&str, usize> = schema.into();
    for member in ["name", "company", "email", "phone", "address1", "address2", "city"] {
        limits.insert(
            String::leak(format!("Customer/properties/{member}/maxLength")),
            customer::MEMBER_BYTES_MAX,
        );
    }
    limits
}

#[test]
fn limits_are_those_of_the_code_and_no_others() {
    let document = document().unwrap();
    let mut told = BTreeMap::new();
    let is_limit = |name: &str| matches!(name, "maximum" | "maxLength" | "maxItems");
    walk("", &document["components"]["schemas"], &mut |pointer, value| {
        let (Some((_, name)), Some(limit)) = (pointer.rsplit_once('/'), value.as_u64()) else { return };
        if is_limit(name) {
            told.insert(pointer.trim_start_matches('/').to_owned(), usize::try_from(limit).unwrap());
        }
    });
    let known = limits().into_iter().map(|(place, limit)| (place.to_owned(), limit)).collect();
    assert_eq!(told, known);
    let at = |pointer: &str| document.pointer(pointer).and_then(Value::as_u64).unwrap();
    assert_eq!(at("/components/parameters/Limit/schema/maximum"), stock::PAGE_MAX as u64);
    assert_eq!(at("/components/parameters/Limit/schema/default"), stock::PAGE as u64);
    let content = &document["paths"]["/v1/routing/profiles/{name}"]["put"]["requestBody"]["content"];
    let longest = content["application/toml"]["schema"]["maxLength"].as_u64();
    assert_eq!(longest, Some(routing::PROFILE_BYTES_MAX as u64));
    assert_eq!(
        at("/components/schemas/LocationPut/properties/priority/default"),
        u64::from(catalogue::PRIORITY)
    );
    let lowest =
        &document["components"]["schemas"]["AdjustPost"]["properties"]["delta"]["anyOf"][1]["minimum"];
    assert_eq!(lowest.as_i64(), Some(-i64::from(QUANTITY_MAX)));
}

#[test]
fn words_are_those_of_the_code() {
    let document = document().unwrap();
    let schemas = &document["components"]["schemas"];
    for (place, known) in [
        ("/LocationPut/properties/kind/enum", &catalogue::LOCATION_KINDS[..]),
        ("/Location/properties/kind/enum", &catalogue::LOCATION_KINDS),
        ("/ChannelPut/properties/kind/enum", &catalogue::CHANNEL_KINDS),
        ("/Channel/properties/kind/enum", &catalogue::CHANNEL_KINDS),
        ("/Reason/enum", &stock::REASONS),
        ("/ReceivePost/properties/reason/enum", &stock::REASONS),
        ("/OrderStatus/enum", &orders::STATUSES),
        ("/KitPut/properties/kind/enum", &kit::KIT_KINDS),
        ("/Kit/properties/kind/enum", &kit::KIT_KINDS),
        ("/ExposurePut/properties/mode/enum", &grants::MODES),
        ("/Exposure/properties/mode/enum", &grants::MODES),
    ] {
        assert_eq!(words(schemas.pointer(place).unwrap()), set(known.iter().copied()), "{place}");
    }
}

#[test]
fn reasons_of_an_explanation_are_those_of_the_code() {
    let document = document().unwrap();
    let barriers = [
        Barrier::NotIncluded,
        Barrier::Excluded,
        Barrier::KeptFree,
        Barrier::TooFar,
        Barrier::Incapable,
        Barrier::WrongKind,
        Barrier::CutOffPassed,
        Barrier::NoCapacity,
    ];
    let reasons =
        [Reason::Chosen, Reason::Unneeded, Reason::Outranked(0), Reason::NotEnough, Reason::NoStock];
    let reasons = reasons.into_iter().chain(barriers.map(Reason::Barred)).map(reason_code);
    let told = &document["components"]["schemas"]["ExplainedLocation"]["properties"]["reason"]["enum"];
    assert_eq!(words(told), set(reasons));
}

/// Path and methods of each route, as `mod.rs` has them.
fn routes_of_the_code() -> BTreeMap<String, Words> {
    let source = include_str!("../mod.rs");
    let table = source.split_once("fn routes(").unwrap().1.split_once("\nasync fn").unwrap().0;
    let mut routes = BTreeMap::new();
    for route in table.split(".service(").skip(1) {
        let path = route.split('"').nth(1).unwrap().to_owned();
        let methods = match route.split_once("only(\"") {
            Some((_, methods)) => methods.split_once('"').unwrap().0,
            None => "GET, HEAD, PUT",
        };
        routes.insert(path, set(methods.split(", ")));
    }
    routes
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let document = document().unwrap();
    let mut told: BTreeMap<String, Words> = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let mut methods: Words =
            methods.as_object().unwrap().keys().map(|name| name.to_uppercase()).collect();
        if methods.contains("GET") {
            methods.insert("HEAD".to_owned());
        }
        told.insert(path.clone(), methods);
    }
    assert_eq!(told, routes_of_the_code());
}

/// The first word in quotes that can be a code, behind each place where the code makes one.
fn codes_in(source: &str, into: &mut Words) {
    let source = source.split("#[cfg(test)]").next().unwrap();
    let is_plain = |word: &&str| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let is_code = |word: &&str| is_plain(word) && word.contains('_') && !word.starts_with('_');
    for maker in ["::new(", "check.wrong(", "invalid(", "at_member(", "self.wrong("] {
        for call in source.split(maker).skip(1) {
            let call: String = call.chars().take(160).take_while(|character| *character != ';').collect();
            // Behind a status nothing else can stand.
            let has_status = call.trim_start().starts_with(|first: char| first.is_ascii_digit());
            let mut words = call.split('"').skip(1).step_by(2);
            let code = if has_status { words.next().filter(is_plain) } else { words.find(is_code) };
            into.extend(code.map(str::to_owned));
        }
    }
    for call in source.split("code: \"").chain(source.split("code = if lines.is_empty() { \"")).skip(1) {
        into.extend(call.split('"').next().filter(is_code).map(str::to_owned));
    }
    for call in ["not_found(\"", "get(&request, \""].iter().flat_map(|maker| source.split(maker).skip(1)) {
        into.extend(call.split('"').next().map(|what| format!("{what}_not_found")));
    }
}

/// What the engine's refusals are called in.
fn refusals(root: &std::path::Path) -> Vec<String> {
    let files =
        ["refusal.rs", "refusal/grant.rs", "refusal/kit.rs"].map(|file| format!("../engine/src/{file}"));
    files.iter().map(|file| std::fs::read_to_string(root.join(file)).unwrap()).collect()
}

fn sources(directory: &std::path::Path, into: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        // Tests, and what answers on the administrator's socket alone.
        if path.ends_with("http/description") || path.ends_with("http/admin.rs") || path.ends_with("cli") {
            continue;
        }
        if path.is_dir() {
            sources(&path, into);
        } else {
            into.push(std::fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn codes_are_those_of_the_code_both_ways() {
    let document = document().unwrap();
    let told = words(&document["components"]["schemas"]["Code"]["enum"]);
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = refusals(root);
    sources(&root.join("src"), &mut texts);
    let mut made = Words::new();
    texts.iter().for_each(|text| codes_in(text, &mut made));
    made.extend(routing::CODES.map(|(code, _)| code.to_owned()));
    assert_eq!(told, made);
    let mut by_status = Words::new();
    for response in document["components"]["responses"].as_object().unwrap().values() {
        let code =
            response.pointer("/content/application~1problem+json/schema/allOf/1/properties/code").unwrap();
        match code.get("const").and_then(Value::as_str) {
            Some(code) => drop(by_status.insert(code.to_owned())),
            None => by_status.extend(words(&code["enum"])),
        }
    }
    assert_eq!(told, by_status, "each code stands with the status it has");
}

/// Names of the numbers of a refusal, and of the further members of a problem, in a source.
fn members_in(source: &str, into: &mut Words) {
    let source = source.split("#[cfg(test)]").next().unwrap();
    let makers = [
        ("(\"", ", number("),
        ("(\"", ", i64::from("),
        (".with(\"", ", "),
        (" members.insert(\"", ".into(), "),
    ];
    for (opens, follows) in makers {
        for call in source.split(opens).skip(1) {
            let Some((name, rest)) = call.split_once('"') else { continue };
            if rest.starts_with(follows) {
                into.insert(name.to_owned());
            }
        }
    }
}

#[test]
fn every_member_of_a_problem_is_described_and_no_other() {
    let document = document().unwrap();
    let told = document["components"]["schemas"]["Problem"]["properties"].as_object().unwrap();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = refusals(root);
    sources(&root.join("src"), &mut texts);
    let mut made = set(["type", "title", "status", "code", "detail", "request_id", "errors"]);
    texts.iter().for_each(|text| members_in(text, &mut made));
    assert_eq!(told.keys().cloned().collect::<Words>(), made);
}

#[test]
fn what_takes_an_idempotency_key_tells_how_one_is_refused() {
    let document = document().unwrap();
    let mut with_key = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            // A bulk body has a key in each line, and answers in each; what is erased has no answer to remember.
            let is_answered_once = !path.ends_with("/bulk") && operation["operationId"] != "eraseCustomer";
            if !is_answered_once || !operation["parameters"].to_string().contains("IdempotencyKey") {
                continue;
            }
            with_key += 1;
            for status in ["400", "409", "422", "429"] {
                assert!(operation["responses"].get(status).is_some(), "{method} {path} {status}");
            }
        }
    }
    assert!(with_key > 8, "{with_key}");
}
