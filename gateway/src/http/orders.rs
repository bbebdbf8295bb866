//! Orders: the queue of all channels.

use super::bulk::Asked;
use super::catalogue::{check_country, policy_of};
use super::customer::{Customer, opened, seal};
use super::stock::{page_size, query, read};
use super::{Desk, Identity, read_body, respond};
use crate::body::{Amount, Check, Text, parse};
use crate::http::problem::Problem;
use crate::ids;
use crate::render::{OrderView, Rendered, broken, closed_lines};
use actix_web::web::{self, Path};
use actix_web::{HttpRequest, HttpResponse};
use onhand_engine::Handle;
use onhand_engine::ask::{Ask, CancelAsk, OrderAsk, OrderRead, ReadAnswer, ReadAsk, ShipAsk};
use onhand_engine::directory::Directory;
use onhand_engine::domain::money::{Currency, parse_unit_price};
use onhand_engine::domain::order::{LINES_MAX, OrderPicture};
use onhand_engine::domain::{MerchantNumber, OrderId, SkuNumber};
use onhand_engine::record::order::{LineAskedV1, OrderAskedV1, ShipToV1, decode_accepted};
use onhand_engine::record::{Header, Kind, encode_into};
use onhand_engine::registry::Scopes;
use onhand_engine::snapshots::Lsn;
use onhand_engine::translate::{policy_of as policy_of_record, policy_record};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashSet;

/// Bytes of the log that one page of a list may read; beyond them it is short and has a cursor.
const SCAN_BYTES_MAX: usize = 8 << 20;

/// The longest reason or tracking number, in bytes.
const NOTE_BYTES_MAX: usize = 256;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderBody<'a> {
    #[serde(borrow)]
    external_id: Cow<'a, str>,
    #[serde(borrow)]
    channel: Cow<'a, str>,
    #[serde(borrow)]
    placed_at: Option<Text<'a>>,
    #[serde(borrow)]
    currency: Option<Text<'a>>,
    #[serde(borrow)]
    ship_to: Option<ShipToBody<'a>>,
    #[serde(borrow)]
    policy: Option<Text<'a>>,
    #[serde(borrow)]
    customer: Option<Customer<'a>>,
    #[serde(borrow)]
    lines: Vec<LineBody<'a>>,
    idempotency_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShipToBody<'a> {
    #[serde(borrow)]
    country: Cow<'a, str>,
    #[serde(borrow)]
    region: Option<Text<'a>>,
    #[serde(borrow)]
    postal_code: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineBody<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    sku: Cow<'a, str>,
    #[serde(borrow)]
    quantity: Amount<'a>,
    #[serde(borrow)]
    unit_price: Option<Text<'a>>,
}

pub(super) async fn place(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    respond(&request, place_one(&request, payload).await)
}

async fn place_one(request: &HttpRequest, payload: web::Payload) -> Result<Rendered, Problem> {
    let desk = Desk::open(request, Scopes::ORDERS_WRITE)?;
    let body = read_body(payload).await?;
    let Asked { mut ask, key, customer } = order_ask(&desk, &body)?;
    let key = key.or_else(|| desk.idempotency_key.clone());
    let identity = order_identity(&desk, key.as_deref(), &ask, customer.as_deref());
    seal(&desk, &mut ask, customer).await?;
    let pending = desk.submit(identity, ask)?;
    desk.answer(pending).await
}

/// An order is the same order if it asks the same, however it was written down.
pub(super) fn order_identity(desk: &Desk, key: Option<&str>, ask: &Ask, customer: Option<&[u8]>) -> Identity {
    match (ask, customer) {
        (Ask::PlaceOrder(order), None) => desk.identity(key, "order", &order.asked),
        (Ask::PlaceOrder(order), Some(customer)) => {
            desk.identity(key, "order", &[&order.asked, customer].concat())
        }
        _ => desk.identity(key, "order", &[]),
    }
}

/// Reads an order, alone or as a line of a bulk request.
pub(super) fn order_ask(desk: &Desk, body: &[u8]) -> Result<Asked, Problem> {
    let directory = &desk.caller.directory;
    let body: OrderBody<'_> = parse(body)?;
    let policy = body.policy.as_deref().map(policy_of).transpose()?;
    let mut check = Check::default();
    let external_id = check.code(|| "/external_id".into(), &body.external_id);
    let channel = directory.channel(&body.channel);
    if channel.is_none() {
        check.wrong("/channel", "unknown_channel", format!("there is no channel {}", body.channel));
    }
    let placed_at = body.placed_at.as_deref().and_then(|text| instant(&mut check, text));
    let currency = body.currency.as_deref().and_then(|text| currency(&mut check, text));
    let ship_to = body.ship_to.as_ref().map(|to| ship_to(&mut check, to));
    let customer = body.customer.as_ref().map(|customer| customer.checked(&mut check));
    let lines = lines_of(&mut check, directory, &body.lines);
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
    let external = desk.intake.handle().fingerprints().external(directory.merchant, channel.0, &external_id);
    let lines = asked.lines.iter().map(|line| (SkuNumber(line.sku), line.quantity)).collect();
    let ask = OrderAsk { channel, external, policy, lines, asked: bytes };
    Ok(Asked { ask: Ask::PlaceOrder(ask), key: body.idempotency_key, customer })
}

fn lines_of<'a>(check: &mut Check, directory: &Directory, lines: &'a [LineBody<'_>]) -> Vec<LineAskedV1<'a>> {
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
            check.wrong(format!("/lines/{place}/id"), "duplicate_line", format!("{} stands twice", line.id));
        }
        let sku = directory.sku(&line.sku);
        if sku.is_none() {
            let detail = format!("there is no sku {}", line.sku);
            check.wrong(format!("/lines/{place}/sku"), "unknown_sku", detail);
        }
        let decimals = sku.map_or(0, |sku| sku.decimals);
        let pointer = || format!("/lines/{place}/quantity");
        let quantity = check.quantity(pointer, &line.quantity, decimals, 1);
        let unit_price = line.unit_price.as_deref().and_then(|text| {
            let price = parse_unit_price(text);
            if let Err(error) = price {
                check.wrong(format!("/lines/{place}/unit_price"), "invalid_price", error.to_string());
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
    for (pointer, text) in [("/ship_to/region", &to.region), ("/ship_to/postal_code", &to.postal_code)] {
        if let Some(text) = text {
            check.text(pointer, text, ids::CODE_BYTES_MAX);
        }
    }
    ShipToV1 { country: &to.country, region: to.region.as_deref(), postal_code: to.postal_code.as_deref() }
}

fn instant(check: &mut Check, text: &str) -> Option<i64> {
    let instant = text.parse::<jiff::Timestamp>();
    if instant.is_err() {
        check.wrong("/placed_at", "invalid_time", "must be a time like 2026-11-23T10:00:00Z (RFC 3339)");
    }
    instant.ok().map(jiff::Timestamp::as_millisecond)
}

fn currency(check: &mut Check, text: &str) -> Option<Currency> {
    let currency = Currency::parse(text);
    if currency.is_none() {
        check.wrong("/currency", "invalid_currency", "is not a currency of ISO 4217");
    }
    currency
}

/// An order's own record: what was asked and the policy that held.
pub(super) struct Accepted(Vec<u8>);

impl Accepted {
    /// Reads the record of an order of this merchant.
    pub(super) fn read(handle: &Handle, merchant: MerchantNumber, order: OrderId) -> Result<Self, Problem> {
        let missing = || Problem::not_found("order");
        let record = handle.read(Lsn(order.0)).map_err(|_| missing())?;
        let (header, _) = Header::decode(&record).map_err(broken)?;
        let is_it = header.kind == Kind::OrderAccepted && header.merchant == merchant.0;
        if is_it { Ok(Self(record)) } else { Err(missing()) }
    }

    pub(super) fn decode(
        &self,
    ) -> Result<(OrderAskedV1<'_>, onhand_engine::record::order::OrderAcceptedV1), Problem> {
        let (_, body) = Header::decode(&self.0).map_err(broken)?;
        decode_accepted(body).map_err(broken)
    }
}

/// The order a path names, and the desk it was asked at.
pub(super) fn order_in_path(text: &str) -> Result<OrderId, Problem> {
    ids::parse_order(text).ok_or_else(|| Problem::not_found("order"))
}

pub(super) async fn get(request: HttpRequest, path: Path<String>) -> HttpResponse {
    respond(&request, get_one(&request, &path).await)
}

async fn get_one(request: &HttpRequest, id: &str) -> Result<Rendered, Problem> {
    let desk = Desk::open(request, Scopes::READ)?;
    let order = order_in_path(id)?;
    let accepted = Accepted::read(desk.intake.handle(), desk.caller.directory.merchant, order)?;
    let (lsn, read) = read(&desk, ReadAsk::Orders(vec![order])).await?;
    let ReadAnswer::Orders(mut found) = read else { return Err(Problem::internal()) };
    let found = found.pop().ok_or_else(Problem::internal)?;
    let (asked, decided) = accepted.decode()?;
    let picture = standing(desk.intake.handle(), desk.caller.directory.merchant, order, &found)?;
    let policy = policy_of_record(decided.policy);
    let view = OrderView::standing(&desk.caller.directory, order, lsn, &asked, policy, picture);
    Ok(Rendered::order(200, &view.with_customer(opened(&desk, &asked)?)))
}

/// The lines of an order as they stand: from memory, or from the record that closed it.
fn standing(
    handle: &Handle,
    merchant: MerchantNumber,
    order: OrderId,
    read: &OrderRead,
) -> Result<OrderPicture, Problem> {
    match read {
        OrderRead::Open(order) => Ok(OrderPicture::of(order)),
        OrderRead::Closed(lsn) => closed_lines(&handle.read(*lsn).map_err(|_| Problem::internal())?),
        OrderRead::Absent => {
            let closed = handle.closing_record(merchant, order).map_err(|_| Problem::internal())?;
            let lsn = closed.ok_or_else(|| Problem::not_found("order"))?;
            closed_lines(&handle.read(lsn).map_err(|_| Problem::internal())?)
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineQuantity<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    quantity: Amount<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CancelBody<'a> {
    #[serde(borrow)]
    lines: Option<Vec<LineQuantity<'a>>>,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FulfillBody<'a> {
    #[serde(borrow)]
    location: Cow<'a, str>,
    #[serde(borrow)]
    lines: Vec<LineQuantity<'a>>,
    tracking_number: Option<String>,
}

pub(super) async fn cancel(request: HttpRequest, path: Path<String>, payload: web::Payload) -> HttpResponse {
    let ask = |_: &Directory, order: OrderId, asked: &OrderAskedV1<'_>, body: &[u8]| {
        let body: CancelBody<'_> = parse(body)?;
        let mut check = Check::default();
        let lines = body.lines.map(|lines| numbered(&mut check, asked, &lines));
        if let Some(reason) = &body.reason {
            check.text("/reason", reason, NOTE_BYTES_MAX);
        }
        check.finish()?;
        Ok(Ask::CancelOrder(CancelAsk { order, lines, reason: body.reason }))
    };
    respond(&request, change(&request, &path, payload, ask).await)
}

pub(super) async fn fulfill(request: HttpRequest, path: Path<String>, payload: web::Payload) -> HttpResponse {
    let ask = |directory: &Directory, order: OrderId, asked: &OrderAskedV1<'_>, body: &[u8]| {
        let body: FulfillBody<'_> = parse(body)?;
        let mut check = Check::default();
        let lines = numbered(&mut check, asked, &body.lines);
        let location = directory.location(&body.location);
        if location.is_none() {
            check.wrong("/location", "unknown_location", format!("there is no location {}", body.location));
        }
        if let Some(number) = &body.tracking_number {
            check.text("/tracking_number", number, NOTE_BYTES_MAX);
        }
        let location = check.done(location)?;
        Ok(Ask::ShipOrder(ShipAsk { order, location, lines, tracking_number: body.tracking_number }))
    };
    respond(&request, change(&request, &path, payload, ask).await)
}

async fn change(
    request: &HttpRequest,
    id: &str,
    payload: web::Payload,
    ask: impl FnOnce(&Directory, OrderId, &OrderAskedV1<'_>, &[u8]) -> Result<Ask, Problem>,
) -> Result<Rendered, Problem> {
    let desk = Desk::open(request, Scopes::ORDERS_WRITE)?;
    desk.require_key()?;
    let body = read_body(payload).await?;
    let order = order_in_path(id)?;
    let accepted = Accepted::read(desk.intake.handle(), desk.caller.directory.merchant, order)?;
    let ask = {
        let (asked, _) = accepted.decode()?;
        ask(&desk.caller.directory, order, &asked, &body)?
    };
    desk.one(request.path(), &body, ask).await
}

/// Lines by their numbers instead of the channel's ids.
fn numbered(check: &mut Check, asked: &OrderAskedV1<'_>, lines: &[LineQuantity<'_>]) -> Vec<(u16, u32)> {
    if lines.is_empty() {
        check.wrong("/lines", "no_lines", "names no line");
    }
    let mut numbers = Vec::with_capacity(lines.len());
    for (place, line) in lines.iter().enumerate() {
        let number = asked.lines.iter().position(|asked| asked.id == line.id);
        let Some(number) = number.and_then(|number| u16::try_from(number).ok()) else {
            let detail = format!("the order has no line {}", line.id);
            check.wrong(format!("/lines/{place}/id"), "unknown_line", detail);
            continue;
        };
        let decimals = asked.lines[usize::from(number)].decimals;
        let pointer = || format!("/lines/{place}/quantity");
        if let Some(quantity) = check.quantity(pointer, &line.quantity, decimals, 1) {
            numbers.push((number, quantity));
        }
    }
    numbers
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrdersQuery {
    channel: Option<String>,
    status: Option<String>,
    external_id: Option<String>,
    placed_from: Option<jiff::Timestamp>,
    placed_to: Option<jiff::Timestamp>,
    limit: Option<usize>,
    cursor: Option<String>,
}

const STATUSES: [&str; 6] =
    ["allocated", "partially_allocated", "backordered", "partially_shipped", "shipped", "cancelled"];

pub(super) async fn list(request: HttpRequest) -> HttpResponse {
    respond(&request, list_page(&request).await)
}

/// What a page looks for in the log.
struct Filter {
    merchant: MerchantNumber,
    channel: Option<u16>,
    external_id: Option<String>,
    placed_from: Option<i64>,
    placed_to: Option<i64>,
}

impl Filter {
    fn wants(&self, record: &[u8]) -> bool {
        let Ok((header, body)) = Header::decode(record) else { return false };
        if header.kind != Kind::OrderAccepted || header.merchant != self.merchant.0 {
            return false;
        }
        let Ok((asked, _)) = decode_accepted(body) else { return false };
        let within = |from: Option<i64>, to: Option<i64>| match asked.placed_at {
            Some(at) => from.is_none_or(|from| at >= from) && to.is_none_or(|to| at < to),
            None => from.is_none() && to.is_none(),
        };
        self.channel.is_none_or(|channel| asked.channel == channel)
            && self.external_id.as_deref().is_none_or(|id| asked.external_id == id)
            && within(self.placed_from, self.placed_to)
    }
}

async fn list_page(request: &HttpRequest) -> Result<Rendered, Problem> {
    let desk = Desk::open(request, Scopes::READ)?;
    let (handle, directory) = (desk.intake.handle(), &desk.caller.directory);
    let wanted: OrdersQuery = query(request)?;
    let invalid = |detail: String| Problem::new(400, "invalid_query", detail);
    let limit = page_size(wanted.limit)?;
    if wanted.status.as_deref().is_some_and(|status| !STATUSES.contains(&status)) {
        return Err(invalid(format!("status must be one of {}", STATUSES.join(", "))));
    }
    let no_channel = |code: &str| invalid(format!("there is no channel {code}"));
    let channel =
        wanted.channel.as_deref().map(|code| directory.channel(code).ok_or_else(|| no_channel(code)));
    let filter = Filter {
        merchant: directory.merchant,
        channel: channel.transpose()?.map(|channel| channel.0),
        external_id: wanted.external_id,
        placed_from: wanted.placed_from.map(jiff::Timestamp::as_millisecond),
        placed_to: wanted.placed_to.map(jiff::Timestamp::as_millisecond),
    };
    let before = match &wanted.cursor {
        Some(cursor) => {
            Lsn(ids::parse_cursor(cursor).ok_or_else(|| invalid("the cursor is not one of ours".into()))?)
        }
        None => handle.durable().next(),
    };
    let mut found: Vec<(OrderId, Accepted)> = Vec::new();
    let scanned = handle.log().scan_back(before, SCAN_BYTES_MAX, &mut |lsn, record| {
        if filter.wants(record) {
            found.push((OrderId(lsn.0), Accepted(record.to_vec())));
        }
        found.len() < limit
    });
    let stopped = scanned.map_err(|_| Problem::internal())?;
    let (lsn, read) = read(&desk, ReadAsk::Orders(found.iter().map(|(order, _)| *order).collect())).await?;
    let ReadAnswer::Orders(states) = read else { return Err(Problem::internal()) };
    let next_cursor = (stopped > Lsn(1)).then(|| ids::cursor_text(stopped.0));
    page(&desk, lsn, &found, &states, wanted.status.as_deref(), next_cursor)
}

/// What stands behind the orders of a page.
#[derive(Serialize)]
struct PageEnd {
    next_cursor: Option<String>,
    lsn: u64,
}

fn page(
    desk: &Desk,
    lsn: Lsn,
    found: &[(OrderId, Accepted)],
    states: &[OrderRead],
    status: Option<&str>,
    next_cursor: Option<String>,
) -> Result<Rendered, Problem> {
    let decoded = found.iter().map(|(_, accepted)| accepted.decode());
    let decoded = decoded.collect::<Result<Vec<_>, Problem>>()?;
    let mut body = br#"{"data":["#.to_vec();
    let mut is_first = true;
    for (((order, _), (asked, decided)), state) in found.iter().zip(&decoded).zip(states) {
        let picture = standing(desk.intake.handle(), desk.caller.directory.merchant, *order, state)?;
        let policy = policy_of_record(decided.policy);
        let view = OrderView::standing(&desk.caller.directory, *order, lsn, asked, policy, picture);
        if status.is_none_or(|status| view.status() == status) {
            if !is_first {
                body.push(b',');
            }
            is_first = false;
            view.write(&mut body);
        }
    }
    let rest =
        serde_json::to_string(&PageEnd { next_cursor, lsn: lsn.0 }).map_err(|_| Problem::internal())?;
    body.push(b']');
    // The members behind the list, without their opening brace.
    body.push(b',');
    body.extend_from_slice(&rest.as_bytes()[1..]);
    Ok(Rendered { status: 200, body, is_repeat: false })
}
