//! Locations, channels and SKUs.

use super::kit::{KitBody, components};
use super::terms::{ChannelTermsBody, SafetyBody, StockPolicyBody, TermsBody, stock_policy, terms};
use super::{Desk, read_body, respond};
use crate::body::{Amount, Check, parse};
use crate::http::problem::{Problem, shown};
use crate::ids;
use crate::member::{Name, Object};
use crate::render::{Rendered, last_put};
use actix_web::web;
use actix_web::{HttpRequest, HttpResponse};
use onhand_engine::Class;
use onhand_engine::ask::{Ask, ChannelAsk, LocationAsk, SkuAsk};
use onhand_engine::directory::Directory;
use onhand_engine::domain::LocationNumber;
use onhand_engine::domain::command::RANK;
use onhand_engine::domain::order::Policy;
use onhand_engine::domain::quantity::{DECIMALS_MAX, QUANTITY_MAX};
use onhand_engine::registry::Scopes;
use onhand_engine::snapshots::Lsn;
use serde::Deserialize;
use std::borrow::Cow;

/// The longest title or tag, in bytes.
pub(super) const TEXT_BYTES_MAX: usize = 256;

/// Tags of one SKU.
pub(super) const TAGS_MAX: usize = 32;

/// What a location can be: what rules may ask of its kind.
pub(super) use onhand_engine::routing::LOCATION_KINDS;

pub(super) const CHANNEL_KINDS: [&str; 6] = ["shopify", "amazon", "woocommerce", "wholesale", "pos", "api"];

/// Which segment of a path holds a code: `/v1/skus/{sku}` and the others alike, the first one being empty.
pub(super) const CODE_SEGMENT: usize = 3;

/// The preference of a location that names none.
pub(super) const PRIORITY: u32 = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LocationBody {
    kind: String,
    country: String,
    region: Option<String>,
    postal_code: Option<String>,
    priority: Option<u32>,
    safety_stock: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChannelBody<'a> {
    kind: String,
    #[serde(borrow)]
    locations: Vec<Name<'a>>,
    policy: Option<String>,
    #[serde(borrow)]
    stock_policy: Option<Object<StockPolicyBody<'a>>>,
    scarcity_rank: Option<u16>,
    #[serde(borrow)]
    routing_profile: Option<Name<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SkuBody<'a> {
    title: Option<String>,
    unit: Option<String>,
    decimals: Option<u8>,
    gtin: Option<String>,
    tags: Option<Vec<String>>,
    #[serde(borrow)]
    safety_stock: Option<Amount<'a>>,
    #[serde(borrow)]
    safety_stock_at: Option<Vec<Object<SafetyBody<'a>>>>,
    #[serde(borrow)]
    channel_policies: Option<Vec<Object<ChannelTermsBody<'a>>>>,
    #[serde(borrow)]
    backorder_limit: Option<Amount<'a>>,
    #[serde(borrow)]
    kit: Option<Object<KitBody<'a>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SkuLine<'a> {
    sku: String,
    idempotency_key: Option<String>,
    title: Option<String>,
    unit: Option<String>,
    decimals: Option<u8>,
    gtin: Option<String>,
    tags: Option<Vec<String>>,
    #[serde(borrow)]
    safety_stock: Option<Amount<'a>>,
    #[serde(borrow)]
    safety_stock_at: Option<Vec<Object<SafetyBody<'a>>>>,
    #[serde(borrow)]
    channel_policies: Option<Vec<Object<ChannelTermsBody<'a>>>>,
    #[serde(borrow)]
    backorder_limit: Option<Amount<'a>>,
    #[serde(borrow)]
    kit: Option<Object<KitBody<'a>>>,
}

pub(super) async fn put_location(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    respond(&request, put(&request, payload, "location", |_, code, body| location_ask(code, body)).await)
}

pub(super) async fn put_channel(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    respond(&request, put(&request, payload, "channel", channel_ask).await)
}

pub(super) async fn put_sku(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let ask = |directory: &Directory, code, body: &[u8]| sku_ask(directory, code, parse(body)?);
    respond(&request, put(&request, payload, "sku", ask).await)
}

async fn put(
    request: &HttpRequest,
    payload: web::Payload,
    what: &str,
    ask: impl FnOnce(&Directory, String, &[u8]) -> Result<Ask, Problem>,
) -> Result<Rendered, Problem> {
    let desk = Desk::open(request, Scopes::STOCK_WRITE)?;
    let body = read_body(payload).await?;
    desk.may_submit(Class::Order).await?;
    let wrong = |error| Problem::new(422, "invalid_code", format!("the {what} code in the path {error}"));
    let segment = path_segment(request, CODE_SEGMENT)?;
    let code = ids::code(&segment).map_err(wrong)?.into_owned();
    let ask = ask(&desk.caller.directory, code, &body)?;
    desk.one(ask).await
}

/// The segment of a path that holds a code, decoded once from what was sent. The path as the router sees it is
/// decoded already, and lossily.
pub(super) fn path_segment(request: &HttpRequest, place: usize) -> Result<Cow<'_, str>, Problem> {
    let segment = request.uri().path().split('/').nth(place).unwrap_or_default();
    let detail = "the path is not percent-encoded UTF-8: each % begins two hexadecimal digits";
    ids::percent_decoded(segment).ok_or_else(|| Problem::new(400, "invalid_encoding", detail))
}

fn location_ask(code: String, body: &[u8]) -> Result<Ask, Problem> {
    let body: LocationBody = parse(body)?;
    let mut check = Check::default();
    if !LOCATION_KINDS.contains(&&*body.kind) {
        check.wrong("/kind", "invalid_value", format!("must be one of {}", LOCATION_KINDS.join(", ")));
    }
    check_country(&mut check, "/country", &body.country);
    for (pointer, text) in [("/region", &body.region), ("/postal_code", &body.postal_code)] {
        if let Some(text) = text {
            check.text(pointer, text, ids::CODE_BYTES_MAX);
        }
    }
    let safety_stock = body.safety_stock.unwrap_or(0);
    if safety_stock > QUANTITY_MAX {
        check.wrong(
            "/safety_stock",
            "quantity_out_of_range",
            format!("must be between 0 and {QUANTITY_MAX}"),
        );
    }
    check.finish()?;
    let LocationBody { kind, country, region, postal_code, priority, .. } = body;
    let region = region.map(|region| ids::composed(&region).into_owned());
    let priority = priority.unwrap_or(PRIORITY);
    let ask = LocationAsk { code, kind, country, region, postal_code, priority, safety_stock };
    Ok(Ask::PutLocation(Box::new(ask)))
}

/// Two capital letters, as ISO 3166-1 has them.
pub(super) fn check_country(check: &mut Check, pointer: &str, country: &str) {
    if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
        check.wrong(pointer, "invalid_value", "must be two capital letters (ISO 3166-1)");
    }
}

/// The word of a policy; others are not built yet.
pub(crate) fn policy_of(check: &mut Check, word: &str) -> Option<Policy> {
    match word {
        "reject" => Some(Policy::Reject),
        "backorder" => Some(Policy::Backorder),
        "imposed" => Some(Policy::Imposed),
        "ship_complete" => Some(Policy::ShipComplete),
        _ => {
            let known = "reject, backorder, imposed and ship_complete";
            let detail = format!("{} is not supported; {known} are", shown(word));
            check.wrong("/policy", "unsupported_policy", detail);
            None
        }
    }
}

fn channel_ask(directory: &Directory, code: String, body: &[u8]) -> Result<Ask, Problem> {
    let body: ChannelBody<'_> = parse(body)?;
    let mut check = Check::default();
    if !CHANNEL_KINDS.contains(&&*body.kind) {
        check.wrong("/kind", "invalid_value", format!("must be one of {}", CHANNEL_KINDS.join(", ")));
    }
    let mut locations: Vec<LocationNumber> = Vec::new();
    for (place, name) in body.locations.iter().enumerate() {
        let pointer = format!("/locations/{place}");
        match directory.location(name) {
            Some(number) if locations.contains(&number) => {
                check.wrong(pointer, "duplicate_location", format!("{} stands twice", shown(name)));
            }
            Some(number) => locations.push(number),
            None => check.wrong(pointer, "unknown_location", format!("there is no location {}", shown(name))),
        }
    }
    let policy = body.policy.as_deref().map_or(Some(Policy::Reject), |word| policy_of(&mut check, word));
    // A channel's policy is for all SKUs, whatever their decimals: its units are the smallest.
    let stated = body.stock_policy.as_ref();
    let stock_policy = stated.map(|stated| stock_policy(&mut check, "/stock_policy", stated, 0));
    let profile = body.routing_profile.as_ref().and_then(|name| {
        let found = directory.profile(name);
        if found.is_none() {
            let detail = format!("there is no routing profile {}", shown(name));
            check.wrong("/routing_profile", "unknown_routing_profile", detail);
        }
        found
    });
    let policy = check.done(policy)?;
    let (kind, stock_policy) = (body.kind, stock_policy.unwrap_or_default());
    let rank = body.scarcity_rank.unwrap_or(RANK);
    Ok(Ask::PutChannel(Box::new(ChannelAsk { code, kind, locations, policy, stock_policy, rank, profile })))
}

fn sku_ask(directory: &Directory, code: String, body: SkuBody<'_>) -> Result<Ask, Problem> {
    let mut check = Check::default();
    let SkuBody { title, unit, decimals, gtin, tags, .. } = body;
    let SkuBody { safety_stock, safety_stock_at, channel_policies, backorder_limit, kit, .. } = body;
    for (pointer, text) in [("/title", &title), ("/unit", &unit)] {
        if let Some(text) = text {
            check.text(pointer, text, TEXT_BYTES_MAX);
        }
    }
    let decimals = decimals.unwrap_or(0);
    if decimals > DECIMALS_MAX {
        check.wrong("/decimals", "invalid_value", format!("must be between 0 and {DECIMALS_MAX}"));
    }
    if gtin.as_deref().is_some_and(|gtin| !is_gtin(gtin)) {
        check.wrong("/gtin", "invalid_gtin", "must have 8, 12, 13 or 14 digits and a right check digit");
    }
    let tags = tags.unwrap_or_default();
    if tags.len() > TAGS_MAX {
        check.wrong("/tags", "too_many", format!("at most {TAGS_MAX} tags"));
    }
    let composed = tags
        .iter()
        .enumerate()
        .filter_map(|(place, tag)| check.code(|| format!("/tags/{place}"), tag).map(Cow::into_owned));
    let tags = composed.collect();
    let stated = TermsBody {
        safety_stock: safety_stock.as_ref(),
        safety_stock_at: safety_stock_at.as_deref().unwrap_or_default(),
        channel_policies: channel_policies.as_deref().unwrap_or_default(),
        backorder_limit: backorder_limit.as_ref(),
    };
    let terms = terms(&mut check, directory, &stated, decimals);
    let kit = kit.map(|kit| components(&mut check, directory, &kit));
    check.finish()?;
    let components = kit.unwrap_or_default();
    Ok(Ask::PutSku(Box::new(SkuAsk { code, title, unit, decimals, gtin, tags, terms, components })))
}

/// A line of the bulk request: a SKU and its attributes, and the line's own key.
pub(super) fn sku_line(directory: &Directory, line: &[u8]) -> Result<(Ask, Option<String>), Problem> {
    let SkuLine {
        sku,
        idempotency_key,
        title,
        unit,
        decimals,
        gtin,
        tags,
        safety_stock,
        safety_stock_at,
        channel_policies,
        backorder_limit,
        kit,
    } = parse(line)?;
    let mut check = Check::default();
    let code = check.code(|| "/sku".into(), &sku).map(std::borrow::Cow::into_owned);
    let code = check.done(code)?;
    let body = SkuBody {
        title,
        unit,
        decimals,
        gtin,
        tags,
        safety_stock,
        safety_stock_at,
        channel_policies,
        backorder_limit,
        kit,
    };
    Ok((sku_ask(directory, code, body)?, idempotency_key))
}

/// GS1's check digit: from the right, digits weigh 1 and 3 in turn and sum to a multiple of ten (GS1 General
/// Specifications, section 7.9).
fn is_gtin(text: &str) -> bool {
    let digits = text.bytes().rev().map(|byte| byte.wrapping_sub(b'0'));
    let weighed: u32 =
        digits.zip([1, 3].into_iter().cycle()).map(|(digit, weight)| u32::from(digit) * weight).sum();
    matches!(text.len(), 8 | 12 | 13 | 14)
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && weighed.is_multiple_of(10)
}

pub(super) async fn get_location(request: HttpRequest) -> HttpResponse {
    let find = |directory: &Directory, code: &str| {
        directory.location(code).and_then(|it| directory.location_put(it))
    };
    respond(&request, get(&request, "location", find).await)
}

pub(super) async fn get_channel(request: HttpRequest) -> HttpResponse {
    let find =
        |directory: &Directory, code: &str| directory.channel(code).and_then(|it| directory.channel_put(it));
    respond(&request, get(&request, "channel", find).await)
}

pub(super) async fn get_sku(request: HttpRequest) -> HttpResponse {
    let find =
        |directory: &Directory, code: &str| directory.sku(code).and_then(|it| directory.sku_put(it.number));
    respond(&request, get(&request, "sku", find).await)
}

async fn get(
    request: &HttpRequest,
    what: &str,
    find: impl FnOnce(&Directory, &str) -> Option<Lsn>,
) -> Result<Rendered, Problem> {
    let desk = Desk::open(request, Scopes::READ)?;
    let directory = &desk.caller.directory;
    let put = find(directory, &ids::composed(&path_segment(request, CODE_SEGMENT)?));
    let lsn = put.ok_or_else(|| Problem::not_found(what))?;
    // A name may be seen a moment before its record is durable; then it does not exist yet.
    let record = desk.intake.handle().read(lsn).map_err(|error| Problem::unread(&error, what))?;
    last_put(directory, lsn, &record)
}

#[cfg(test)]
mod tests {
    use super::is_gtin;

    #[test]
    fn gtins_have_a_check_digit() {
        for gtin in ["4006381333931", "73513537", "036000291452", "10614141000415"] {
            assert!(is_gtin(gtin), "{gtin}");
        }
        for gtin in ["4006381333932", "", "1", "40063813339AB", "123456789"] {
            assert!(!is_gtin(gtin), "{gtin}");
        }
    }
}
