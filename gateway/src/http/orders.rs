//! Orders: the queue of all channels.

use super::bulk::Asked;
use super::catalogue::{check_country, policy_of};
use super::customer::{Customer, opened, seal};
use super::key::no_member;
use super::stock::{page_size, query, read};
use super::{Desk, Identity, read_body, respond};
use crate::body::{self, Amount, Check, Text, parse};
use crate::http::problem::{Problem, shown};
use crate::ids;
use crate::member::{Name, Object};
use crate::render::{OrderView, Rendered, broken, closed_lines};
use actix_web::web::{self, Path};
use actix_web::{HttpRequest, HttpResponse};
use onhand_engine::ask::{Ask, OrderAsk, OrderRead, ReadAnswer, ReadAsk};
use onhand_engine::directory::{Directory, View};
use onhand_engine::domain::command::Confirm;
use onhand_engine::domain::money::{Currency, parse_unit_price};
use onhand_engine::domain::order::{LINES_MAX, OrderPicture};
use onhand_engine::domain::{MerchantNumber, OrderId, SkuNumber};
use onhand_engine::record::order::{LineAskedV1, OrderAskedV1, ShipToV1, decode_accepted};
use onhand_engine::record::{Header, Kind, encode_into};
use onhand_engine::registry::Scopes;
use onhand_engine::secrets::Fingerprints;
use onhand_engine::snapshots::Lsn;
use onhand_engine::translate::{policy_of as policy_of_record, policy_record};
use onhand_engine::{Class, Handle};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

/// Bytes of the log that one page of a list may read; beyond them it is short and has a cursor.
const SCAN_BYTES_MAX: usize = 8 << 20;

/// Bytes of the log that are read in one go; between two, other requests are served.
const SCAN_PIECE_BYTES: usize = 1 << 20;

/// Orders whose state is read in one go where only some will be shown.
const BATCH: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderBody<'a> {
    #[serde(borrow)]
    external_id: Name<'a>,
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
    #[serde(borrow)]
    customer: Option<Object<Customer<'a>>>,
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
    region: Option<Text<'a>>,
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

pub(super) async fn place(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    respond(&request, place_one(&request, payload).await)
}

async fn place_one(request: &HttpRequest, payload: web::Payload) -> Result<Rendered, Problem> {
    let desk = Desk::open(request, Scopes::ORDERS_WRITE)?;
    let body = read_body(payload).await?;
    desk.may_submit(Class::Order).await?;
    let Asked { mut ask, key, customer } = order_ask(&desk, &body)?;
    no_member(key.as_ref())?;
    let identity = order_identity(&desk, desk.idempotency_key.as_deref(), &ask, customer.as_deref());
    seal(&desk, &mut ask, customer).await?;
    let pending = desk.submit(identity, ask).await?;
    desk.answer(pending).await
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
    let body: OrderBody<'_> = parse(body)?;
    let names = directory.view();
    let mut check = Check::default();
    let policy = body.policy.as_deref().and_then(|word| policy_of(&mut check, word));
    let external_id = check.code(|| "/external_id".into(), &body.external_id);
    let channel = names.channel(&body.channel);
    if channel.is_none() {
        check.wrong("/channel", "unknown_channel", format!("there is no channel {}", shown(&body.channel)));
    }
    let placed_at = body.placed_at.as_deref().and_then(|text| instant(&mut check, text));
    let currency = body.currency.as_deref().and_then(|text| currency(&mut check, text));
    let ship_to = body.ship_to.as_ref().map(|to| ship_to(&mut check, to));
    let customer = body.customer.as_ref().map(|customer| customer.checked(&mut check));
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
    let ask = OrderAsk { channel, external, policy, lines, asked: bytes, hold: None };
    Ok(Asked { ask: Ask::PlaceOrder(ask), key: body.idempotency_key, customer })
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
    for (pointer, text) in [("/ship_to/region", &to.region), ("/ship_to/postal_code", &to.postal_code)] {
        if let Some(text) = text {
            check.text(pointer, text, ids::CODE_BYTES_MAX);
        }
    }
    ShipToV1 { country: &to.country, region: to.region.as_deref(), postal_code: to.postal_code.as_deref() }
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

/// An order's own record: what was asked and the policy that held.
pub(super) struct Accepted(Vec<u8>);

impl Accepted {
    /// Reads the record of an order of this merchant.
    pub(super) fn read(handle: &Handle, merchant: MerchantNumber, order: OrderId) -> Result<Self, Problem> {
        let missing = || Problem::not_found("order");
        let record = handle.read(Lsn(order.0)).map_err(|error| Problem::unread(&error, "order"))?;
        let (header, _) = Header::decode(&record).map_err(broken)?;
        let is_it = header.kind == Kind::OrderAccepted && header.merchant == merchant.0;
        if is_it { Ok(Self(record)) } else { Err(missing()) }
    }

    pub(super) fn decode(
        &self,
    ) -> Result<(OrderAskedV1<'_>, onhand_engine::record::order::OrderAcceptedV1), Problem> {
        let (header, body) = Header::decode(&self.0).map_err(broken)?;
        decode_accepted(header.version, body).map_err(broken)
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
    let (handle, merchant) = (desk.intake.handle().clone(), desk.caller.directory.merchant);
    let picture = match found {
        OrderRead::Open(order) => OrderPicture::of(&order),
        closed => off_worker(move || standing(&handle, merchant, order, &closed)).await?,
    };
    let policy = policy_of_record(decided.policy);
    let view = OrderView::standing(&desk.caller.directory, order, lsn, &asked, policy, picture);
    Ok(Rendered::order(200, &view.with_customer(opened(&desk, &asked)?)))
}

/// Reads the disk on a thread that may wait for it: a run of the index that is opened takes some ten milliseconds, and
/// the worker has other connections.
async fn off_worker<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    web::block(read).await.map_err(|_| Problem::internal())?
}

/// The lines of an order as they stand: from memory, or from the record that closed it. Not for the worker's thread.
fn standing(
    handle: &Handle,
    merchant: MerchantNumber,
    order: OrderId,
    read: &OrderRead,
) -> Result<OrderPicture, Problem> {
    match read {
        OrderRead::Open(order) => Ok(OrderPicture::of(order)),
        OrderRead::Closed(lsn) => closed_by(handle, *lsn),
        OrderRead::Absent => {
            let closed = handle.closing_record(merchant, order)?;
            closed_by(handle, closed.ok_or_else(|| Problem::not_found("order"))?)
        }
    }
}

fn closed_by(handle: &Handle, lsn: Lsn) -> Result<OrderPicture, Problem> {
    closed_lines(&handle.read(lsn).map_err(|error| Problem::unread_record(&error))?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrdersQuery {
    channel: Option<String>,
    status: Option<String>,
    external_id: Option<String>,
    placed_from: Option<String>,
    placed_to: Option<String>,
    limit: Option<String>,
    cursor: Option<String>,
}

pub(super) const STATUSES: [&str; 6] =
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
        let Ok((asked, _)) = decode_accepted(header.version, body) else { return false };
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
    let limit = page_size(wanted.limit.as_deref())?;
    let status = wanted.status.as_deref().map(status_of).transpose()?;
    let filter = Arc::new(filter_of(directory, &wanted)?);
    let start = match &wanted.cursor {
        Some(cursor) => ids::parse_cursor(cursor).map(Lsn),
        None => Some(handle.durable().next()),
    };
    let mut before = start.ok_or_else(|| invalid("the cursor is not one of ours".into()))?;
    let (mut shown, mut as_of): (Vec<Shown>, _) = (Vec::new(), None);
    let mut bytes = 0;
    loop {
        let room = limit - shown.len();
        let scanned = {
            let (handle, filter) = (handle.clone(), Arc::clone(&filter));
            let wanted = if status.is_some() { BATCH } else { room };
            off_worker(move || scan(&handle, &filter, before, wanted)).await?
        };
        (before, bytes) = (scanned.before, bytes + SCAN_PIECE_BYTES);
        let asked = scanned.found.iter().map(|(order, _)| *order).collect();
        let (lsn, read) = read(&desk, ReadAsk::Orders(asked)).await?;
        let ReadAnswer::Orders(states) = read else { return Err(Problem::internal()) };
        // The page rests on the first of its reads: the later ones know of no less.
        as_of = as_of.or(Some(lsn));
        let chosen = {
            let (handle, merchant) = (handle.clone(), filter.merchant);
            let rows = scanned.found.into_iter().zip(states);
            off_worker(move || {
                choose(rows, status, room, |order, state| standing(&handle, merchant, order, state))
            })
            .await?
        };
        shown.extend(chosen);
        if let Some(last) = shown.last().filter(|_| shown.len() == limit) {
            before = Lsn(last.order.0);
        }
        if shown.len() == limit || before <= Lsn(1) || bytes >= SCAN_BYTES_MAX {
            break;
        }
    }
    let next_cursor = (before > Lsn(1)).then(|| ids::cursor_text(before.0));
    page(&desk, as_of.unwrap_or(Lsn::ZERO), shown, next_cursor)
}

/// The word of a status that an order can have.
fn status_of(word: &str) -> Result<&'static str, Problem> {
    let known = STATUSES.iter().find(|known| **known == word);
    known.copied().ok_or_else(|| invalid(format!("status must be one of {}", STATUSES.join(", "))))
}

fn invalid(detail: String) -> Problem {
    Problem::new(400, "invalid_query", detail)
}

fn filter_of(directory: &Directory, wanted: &OrdersQuery) -> Result<Filter, Problem> {
    let no_channel = |code: &str| invalid(format!("there is no channel {}", shown(code)));
    let channel = wanted
        .channel
        .as_deref()
        .map(|code| directory.channel(&ids::composed(code)).ok_or_else(|| no_channel(code)));
    let instant = |name: &str, text: &Option<String>| {
        let wrong = || invalid(format!("{name} must be a time like 2026-11-23T10:00:00Z (RFC 3339)"));
        text.as_deref().map(|text| body::instant(text).ok_or_else(wrong)).transpose()
    };
    // What no order can have is a mistake, and not a page without rows.
    let no_id = |error: ids::CodeError| invalid(format!("external_id {error}"));
    let external_id = wanted.external_id.as_deref().map(|id| ids::code(id).map_err(no_id)).transpose()?;
    Ok(Filter {
        merchant: directory.merchant,
        channel: channel.transpose()?.map(|channel| channel.0),
        external_id: external_id.map(Cow::into_owned),
        placed_from: instant("placed_from", &wanted.placed_from)?,
        placed_to: instant("placed_to", &wanted.placed_to)?,
    })
}

/// What one piece of the log holds for a page.
struct Scanned {
    found: Vec<(OrderId, Accepted)>,
    /// Where to go on.
    before: Lsn,
}

/// Reads one piece of the log backwards, for up to `wanted` orders.
fn scan(handle: &Handle, filter: &Filter, before: Lsn, wanted: usize) -> Result<Scanned, Problem> {
    let mut found = Vec::new();
    let scanned = handle.log().scan_back(before, SCAN_PIECE_BYTES, &mut |lsn, record| {
        if filter.wants(record) {
            found.push((OrderId(lsn.0), Accepted(record.to_vec())));
        }
        found.len() < wanted
    });
    let before = scanned.map_err(|error| Problem::unread(&error, "order"))?;
    Ok(Scanned { found, before })
}

/// An order of a page. Where its lines had to be looked for, that is done once.
struct Shown {
    order: OrderId,
    accepted: Accepted,
    picture: OrderPicture,
}

/// The first `room` orders that have the status, if one is asked for.
fn choose(
    rows: impl Iterator<Item = ((OrderId, Accepted), OrderRead)>,
    status: Option<&str>,
    room: usize,
    mut picture_of: impl FnMut(OrderId, &OrderRead) -> Result<OrderPicture, Problem>,
) -> Result<Vec<Shown>, Problem> {
    let mut shown = Vec::new();
    for ((order, accepted), state) in rows {
        if shown.len() == room {
            break;
        }
        let picture = picture_of(order, &state)?;
        if status.is_none_or(|status| picture.status().as_str() == status) {
            shown.push(Shown { order, accepted, picture });
        }
    }
    Ok(shown)
}

/// What stands behind the orders of a page.
#[derive(Serialize)]
struct PageEnd {
    next_cursor: Option<String>,
    lsn: u64,
}

fn page(desk: &Desk, lsn: Lsn, shown: Vec<Shown>, next_cursor: Option<String>) -> Result<Rendered, Problem> {
    let mut body = br#"{"data":["#.to_vec();
    for (place, Shown { order, accepted, picture }) in shown.into_iter().enumerate() {
        if place > 0 {
            body.push(b',');
        }
        let (asked, decided) = accepted.decode()?;
        let policy = policy_of_record(decided.policy);
        OrderView::standing(&desk.caller.directory, order, lsn, &asked, policy, picture).write(&mut body);
    }
    let rest =
        serde_json::to_string(&PageEnd { next_cursor, lsn: lsn.0 }).map_err(|_| Problem::internal())?;
    body.push(b']');
    // The members behind the list, without their opening brace.
    body.push(b',');
    body.extend_from_slice(&rest.as_bytes()[1..]);
    Ok(Rendered { status: 200, body, is_repeat: false })
}
