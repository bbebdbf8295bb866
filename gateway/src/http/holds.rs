//! Holds: units that are kept for a buyer until a deadline, and the order that confirms them.

use super::customer::seal;
use super::hold_lines::LineQuantities;
use super::key::no_member;
use super::order_body::{order_ask, order_identity};
use super::stock::read;
use super::{Desk, read_body, respond};
use crate::body::{Check, parse};
use crate::http::problem::{Problem, shown};
use crate::ids;
use crate::member::{Name, Object};
use crate::render::{Rendered, hold_view};
use actix_web::web::{self, Path};
use actix_web::{HttpRequest, HttpResponse};
use onhand_engine::Class;
use onhand_engine::ask::{Ask, ExtendAsk, HoldAsk, ReadAnswer, ReadAsk};
use onhand_engine::domain::HoldId;
use onhand_engine::domain::command::Confirm;
use onhand_engine::record::{Header, Kind};
use onhand_engine::registry::Scopes;
use onhand_engine::snapshots::Lsn;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The shortest and the longest time of a hold, in milliseconds: a second, and the thirty days of a quote.
pub(super) const TTL_MIN_MS: u64 = 1_000;
pub(super) const TTL_MAX_MS: u64 = 30 * 24 * 60 * 60 * 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HoldBody<'a> {
    #[serde(borrow)]
    channel: Name<'a>,
    ttl_ms: u64,
    #[serde(borrow)]
    customer_id: Option<Name<'a>>,
    #[serde(borrow)]
    lines: Vec<Object<HoldLine<'a>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HoldLine<'a> {
    #[serde(borrow)]
    id: Name<'a>,
    #[serde(borrow)]
    sku: Name<'a>,
    #[serde(borrow)]
    quantity: crate::body::Amount<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExtendBody {
    ttl_ms: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmBody<'a> {
    or_reserve: Option<bool>,
    #[serde(borrow)]
    order: &'a RawValue,
}

pub(super) async fn place(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    respond(&request, place_one(&request, payload).await)
}

async fn place_one(request: &HttpRequest, payload: web::Payload) -> Result<Rendered, Problem> {
    let desk = Desk::open(request, Scopes::ORDERS_WRITE)?;
    desk.require_key()?;
    let body = read_body(payload).await?;
    desk.may_submit(Class::Order).await?;
    let ask = hold_ask(&desk, &body)?;
    desk.one(ask).await
}

fn hold_ask(desk: &Desk, body: &[u8]) -> Result<Ask, Problem> {
    let body: HoldBody<'_> = parse(body)?;
    let mut check = Check::default();
    let names = desk.caller.directory.view();
    let channel = names.channel(&body.channel);
    if channel.is_none() {
        check.wrong("/channel", "unknown_channel", format!("there is no channel {}", shown(&body.channel)));
    }
    check_ttl(&mut check, body.ttl_ms);
    let customer = body.customer_id.as_ref().and_then(|id| check.code(|| "/customer_id".into(), id));
    let rows = body.lines.iter().map(|line| (&line.id, &line.sku, &line.quantity));
    let lines = LineQuantities::of(&mut check, &names, rows);
    let channel = check.done(channel)?;
    let (merchant, fingerprints) = (desk.caller.directory.merchant, desk.intake.handle().fingerprints());
    let customer = customer.map(|id| fingerprints.customer(merchant, channel.0, &id));
    let LineQuantities { lines, ids } = lines;
    Ok(Ask::PlaceHold(Box::new(HoldAsk { channel, ttl_ms: body.ttl_ms, customer, lines, ids })))
}

fn check_ttl(check: &mut Check, ttl_ms: u64) {
    if !(TTL_MIN_MS..=TTL_MAX_MS).contains(&ttl_ms) {
        let detail = format!("must be between {TTL_MIN_MS} and {TTL_MAX_MS} milliseconds");
        check.wrong("/ttl_ms", "ttl_out_of_range", detail);
    }
}

pub(super) async fn extend(request: HttpRequest, path: Path<String>, payload: web::Payload) -> HttpResponse {
    respond(&request, extend_one(&request, &path, payload).await)
}

async fn extend_one(request: &HttpRequest, id: &str, payload: web::Payload) -> Result<Rendered, Problem> {
    let desk = Desk::open(request, Scopes::ORDERS_WRITE)?;
    desk.require_key()?;
    let body = read_body(payload).await?;
    desk.may_submit(Class::Change).await?;
    let ExtendBody { ttl_ms } = parse(&body)?;
    let mut check = Check::default();
    check_ttl(&mut check, ttl_ms);
    check.finish()?;
    let (hold, _) = placed(&desk, id)?;
    desk.one(Ask::ExtendHold(ExtendAsk { hold, ttl_ms })).await
}

pub(super) async fn release(request: HttpRequest, path: Path<String>) -> HttpResponse {
    respond(&request, release_one(&request, &path).await)
}

async fn release_one(request: &HttpRequest, id: &str) -> Result<Rendered, Problem> {
    let desk = Desk::open(request, Scopes::ORDERS_WRITE)?;
    desk.require_key()?;
    desk.may_submit(Class::Change).await?;
    let (hold, _) = placed(&desk, id)?;
    desk.one(Ask::ReleaseHold(hold)).await
}

pub(super) async fn confirm(request: HttpRequest, path: Path<String>, payload: web::Payload) -> HttpResponse {
    respond(&request, confirm_one(&request, &path, payload).await)
}

/// An order like any other, that may have what is held for it.
async fn confirm_one(request: &HttpRequest, id: &str, payload: web::Payload) -> Result<Rendered, Problem> {
    let desk = Desk::open(request, Scopes::ORDERS_WRITE)?;
    let body = read_body(payload).await?;
    desk.may_submit(Class::Order).await?;
    let body: ConfirmBody<'_> = parse(&body)?;
    let (hold, _) = placed(&desk, id)?;
    let mut asked =
        order_ask(&desk, body.order.get().as_bytes()).map_err(|problem| problem.under("/order"))?;
    no_member(asked.key.as_ref())?;
    if let Ask::PlaceOrder(order) = &mut asked.ask {
        order.hold = Some(Confirm { hold, or_reserve: body.or_reserve.unwrap_or(false) });
    }
    let key = desk.idempotency_key.as_deref();
    let identity = order_identity(&desk, key, &asked.ask, asked.customer.as_deref());
    seal(&desk, &mut asked.ask, asked.customer).await?;
    let pending = desk.submit(identity, asked.ask).await?;
    desk.answer(pending).await
}

pub(super) async fn get(request: HttpRequest, path: Path<String>) -> HttpResponse {
    respond(&request, get_one(&request, &path).await)
}

async fn get_one(request: &HttpRequest, id: &str) -> Result<Rendered, Problem> {
    let desk = Desk::open(request, Scopes::READ)?;
    let (hold, record) = placed(&desk, id)?;
    let (lsn, read) = read(&desk, ReadAsk::Hold(hold)).await?;
    let ReadAnswer::Hold(live) = read else { return Err(Problem::internal()) };
    hold_view(&desk.caller.directory, hold, lsn, &record, live.as_deref())
}

/// The hold that a path names, and the record that placed it.
fn placed(desk: &Desk, text: &str) -> Result<(HoldId, Vec<u8>), Problem> {
    let missing = || Problem::not_found("hold");
    let hold = ids::parse_hold(text).ok_or_else(missing)?;
    let record = desk.intake.handle().read(Lsn(hold.0)).map_err(|error| Problem::unread(&error, "hold"))?;
    let (header, _) = Header::decode(&record).map_err(crate::render::broken)?;
    let is_it = header.kind == Kind::HoldPlaced && header.merchant == desk.caller.directory.merchant.0;
    if is_it { Ok((hold, record)) } else { Err(missing()) }
}
