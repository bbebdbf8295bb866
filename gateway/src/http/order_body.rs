//! The body of an order, alone, as a line of a bulk body, or to be previewed: read into what a shard is asked.

use super::bulk::Asked;
use super::catalogue::check_country;
use super::customer::Customer;
use super::fingerprint::{order_agreeing, order_saying};
use super::order_agreed::AgreedBody;
use super::order_said::SaidBody;
use super::{Desk, Identity};
use crate::body::{self, Amount, Check, Text, parse};
use crate::http::problem::{Problem, shown};
use crate::ids;
use crate::member::{Name, Object};
use onhand_engine::ask::{Ask, OrderAsk, OrderSaid};
use onhand_engine::directory::{Directory, View};
use onhand_engine::domain::SkuNumber;
use onhand_engine::domain::command::Confirm;
use onhand_engine::domain::money::{Currency, parse_unit_price};
use onhand_engine::domain::order::{Agreed, LINES_MAX, Policy};
use onhand_engine::record::encode_into;
use onhand_engine::record::order::{LineAskedV1, OrderAskedV1, ShipToV1};
use onhand_engine::secrets::Fingerprints;
use onhand_engine::translate::policy_record;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::HashSet;

/// `Id` is the external id: an order must have one, the preview of an order may.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderBody<'a, Id> {
    external_id: Id,
    #[serde(borrow)]
    channel: Name<'a>,
    #[serde(borrow)]
    placed_at: Option<Text<'a>>,
    #[serde(borrow)]
    currency: Option<Text<'a>>,
    #[serde(borrow)]
    ship_to: Option<Object<ShipToBody<'a>>>,
    #[serde(borrow)]
    policy: Option<Text<'a>>,
    #[serde(borrow, default)]
    ship_complete_by: Option<Text<'a>>,
    #[serde(borrow, default)]
    cancel_after: Option<Text<'a>>,
    #[serde(borrow)]
    customer: Option<Object<Customer<'a>>>,
    #[serde(borrow, default)]
    tags: Option<Vec<Name<'a>>>,
    #[serde(default)]
    priority: Option<i32>,
    #[serde(borrow, default)]
    customer_tier: Option<Name<'a>>,
    #[serde(borrow, default)]
    ship_method: Option<Name<'a>>,
    #[serde(default)]
    is_b2b: Option<bool>,
    #[serde(default)]
    payment_risk: Option<u8>,
    #[serde(borrow)]
    lines: Vec<Object<LineBody<'a>>>,
    idempotency_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShipToBody<'a> {
    #[serde(borrow)]
    country: Cow<'a, str>,
    #[serde(borrow)]
    region: Option<Name<'a>>,
    #[serde(borrow)]
    postal_code: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineBody<'a> {
    #[serde(borrow)]
    id: Name<'a>,
    #[serde(borrow)]
    sku: Name<'a>,
    #[serde(borrow)]
    quantity: Amount<'a>,
    #[serde(borrow)]
    unit_price: Option<Text<'a>>,
}

/// An order is the same order if it asks the same, however it was written down.
pub(super) fn order_identity(desk: &Desk, key: Option<&str>, ask: &Ask, customer: Option<&[u8]>) -> Identity {
    let Ask::PlaceOrder(order) = ask else { return desk.identity(key, "order", &[]) };
    // What confirms a hold asks something else than the same order without one.
    let (word, hold) = match order.hold {
        Some(Confirm { hold, or_reserve }) => {
            ("confirm", [&hold.0.to_le_bytes()[..], &[u8::from(or_reserve)]].concat())
        }
        None => ("order", Vec::new()),
    };
    if order.agreed != Agreed::NONE {
        let said = order_saying(
            &hold,
            &order.asked,
            customer,
            order.said.as_deref().unwrap_or(&OrderSaid::default()),
        );
        return desk.identity(key, word, &order_agreeing(&said, order.agreed));
    }
    if let Some(said) = &order.said {
        return desk.identity(key, word, &order_saying(&hold, &order.asked, customer, said));
    }
    match customer {
        None if hold.is_empty() => desk.identity(key, word, &order.asked),
        _ => desk.identity(key, word, &[&hold, &order.asked, customer.unwrap_or_default()].concat()),
    }
}

/// Reads an order, alone or as a line of a bulk request.
pub(super) fn order_ask(desk: &Desk, body: &[u8]) -> Result<Asked, Problem> {
    read_order(&desk.caller.directory, desk.intake.handle().fingerprints(), body)
}

pub(super) fn read_order(
    directory: &Directory,
    fingerprints: &Fingerprints,
    body: &[u8],
) -> Result<Asked, Problem> {
    let body: OrderBody<'_, Name<'_>> = parse(body)?;
    ordered(directory, fingerprints, Some(&body.external_id), &body)
}

/// Reads the body of a preview: an order that need not have an id yet.
pub(super) fn read_preview(
    directory: &Directory,
    fingerprints: &Fingerprints,
    body: &[u8],
) -> Result<Asked, Problem> {
    let body: OrderBody<'_, Option<Name<'_>>> = parse(body)?;
    ordered(directory, fingerprints, body.external_id.as_deref(), &body)
}

fn ordered<Id>(
    directory: &Directory,
    fingerprints: &Fingerprints,
    external_id: Option<&str>,
    body: &OrderBody<'_, Id>,
) -> Result<Asked, Problem> {
    let names = directory.view();
    let mut check = Check::default();
    let (policy, agreed) = agreed_by(&mut check, body);
    let external_id = match external_id {
        Some(id) => check.code(|| "/external_id".into(), id),
        None => Some(Cow::Borrowed("")),
    };
    let channel = names.channel(&body.channel);
    if channel.is_none() {
        check.wrong("/channel", "unknown_channel", format!("there is no channel {}", shown(&body.channel)));
    }
    let placed_at = body.placed_at.as_deref().and_then(|text| instant(&mut check, text));
    let currency = body.currency.as_deref().and_then(|text| currency(&mut check, text));
    let ship_to = body.ship_to.as_ref().map(|to| ship_to(&mut check, to));
    let customer = body.customer.as_ref().map(|customer| customer.checked(&mut check));
    let said = said_by(&mut check, body);
    let lines = lines_of(&mut check, &names, &body.lines);
    let (external_id, channel) = check.done(external_id.zip(channel))?;
    let asked = OrderAskedV1 {
        external_id: &external_id,
        channel: channel.0,
        policy: policy.map(policy_record),
        placed_at,
        currency: currency.map(|currency| currency.0),
        ship_to,
        customer: None,
        lines,
    };
    let mut bytes = Vec::with_capacity(64 + 32 * asked.lines.len());
    encode_into(&asked, &mut bytes).map_err(|_| Problem::internal())?;
    let external = fingerprints.external(directory.merchant, channel.0, &external_id);
    let lines = asked.lines.iter().map(|line| (SkuNumber(line.sku), line.quantity)).collect();
    let ask = OrderAsk { channel, external, policy, agreed, lines, asked: bytes, hold: None, said };
    Ok(Asked { ask: Ask::PlaceOrder(ask), key: body.idempotency_key.clone(), customer })
}

/// What is agreed of the order.
fn agreed_by<Id>(check: &mut Check, body: &OrderBody<'_, Id>) -> (Option<Policy>, Agreed) {
    let [policy, ship_complete_by, cancel_after] =
        [&body.policy, &body.ship_complete_by, &body.cancel_after].map(|text| text.as_deref());
    AgreedBody { policy, ship_complete_by, cancel_after }.checked(check)
}

/// What the order says of itself for rules to ask.
fn said_by<Id>(check: &mut Check, body: &OrderBody<'_, Id>) -> Option<Box<OrderSaid>> {
    let OrderBody { tags, customer_tier, ship_method, .. } = body;
    let stated = SaidBody {
        tags: tags.as_deref().unwrap_or_default(),
        priority: body.priority,
        customer_tier: customer_tier.as_deref(),
        ship_method: ship_method.as_deref(),
        is_b2b: body.is_b2b,
        payment_risk: body.payment_risk,
    };
    stated.checked(check).map(Box::new)
}

fn lines_of<'a>(
    check: &mut Check,
    names: &View<'_>,
    lines: &'a [Object<LineBody<'_>>],
) -> Vec<LineAskedV1<'a>> {
    if lines.is_empty() || lines.len() > LINES_MAX {
        let code = if lines.is_empty() { "no_lines" } else { "too_many_lines" };
        check.wrong("/lines", code, format!("has {} lines, 1 to {LINES_MAX} are allowed", lines.len()));
        return Vec::new();
    }
    let mut seen = HashSet::with_capacity(if lines.len() > 1 { lines.len() } else { 0 });
    let mut asked = Vec::with_capacity(lines.len());
    for (place, line) in lines.iter().enumerate() {
        check.code(|| format!("/lines/{place}/id"), &line.id);
        if lines.len() > 1 && !seen.insert(&*line.id) {
            check.wrong(
                format!("/lines/{place}/id"),
                "duplicate_line",
                format!("{} stands twice", shown(&line.id)),
            );
        }
        let sku = names.sku(&line.sku);
        if sku.is_none() {
            let detail = format!("there is no sku {}", shown(&line.sku));
            check.wrong(format!("/lines/{place}/sku"), "unknown_sku", detail);
        }
        let decimals = sku.map_or(0, |sku| sku.decimals);
        let pointer = || format!("/lines/{place}/quantity");
        let quantity = check.quantity(pointer, &line.quantity, decimals, 1);
        let unit_price = line.unit_price.as_deref().and_then(|text| {
            // A discount is no line: it has no sku to ship.
            let price = parse_unit_price(text).map_err(|error| error.to_string());
            let price =
                price.and_then(|price| (!text.starts_with('-')).then_some(price).ok_or("is negative".into()));
            if let Err(detail) = &price {
                check.wrong(format!("/lines/{place}/unit_price"), "invalid_price", detail);
            }
            price.ok()
        });
        if let (Some(sku), Some(quantity)) = (sku, quantity) {
            asked.push(LineAskedV1 { id: &line.id, sku: sku.number.0, decimals, quantity, unit_price });
        }
    }
    asked
}

fn ship_to<'a>(check: &mut Check, to: &'a ShipToBody<'_>) -> ShipToV1<'a> {
    check_country(check, "/ship_to/country", &to.country);
    let (region, postal_code) = (to.region.as_deref(), to.postal_code.as_deref());
    for (pointer, text) in [("/ship_to/region", region), ("/ship_to/postal_code", postal_code)] {
        if let Some(text) = text {
            check.text(pointer, text, ids::CODE_BYTES_MAX);
        }
    }
    ShipToV1 { country: &to.country, region, postal_code }
}

fn instant(check: &mut Check, text: &str) -> Option<i64> {
    let instant = body::instant(text);
    if instant.is_none() {
        check.wrong("/placed_at", "invalid_time", "must be a time like 2026-11-23T10:00:00Z (RFC 3339)");
    }
    instant
}

fn currency(check: &mut Check, text: &str) -> Option<Currency> {
    let currency = Currency::parse(text);
    if currency.is_none() {
        check.wrong("/currency", "invalid_currency", "is not a currency of ISO 4217");
    }
    currency
}
