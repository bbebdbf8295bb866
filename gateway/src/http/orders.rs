//! Orders: the queue of all channels.

use super::bulk::Asked;
use super::customer::{opened, seal};
use super::key::no_member;
use super::order_body::{order_ask, order_identity};
use super::stock::{page_size, query, read};
use super::{Desk, off_worker, read_body, respond};
use crate::body;
use crate::http::problem::{Problem, shown};
use crate::ids;
use crate::render::{OrderView, Rendered, broken, closed_lines};
use actix_web::web::{self, Path};
use actix_web::{HttpRequest, HttpResponse};
use onhand_engine::ask::{OrderRead, ReadAnswer, ReadAsk};
use onhand_engine::directory::Directory;
use onhand_engine::domain::order::OrderPicture;
use onhand_engine::domain::{MerchantNumber, OrderId};
use onhand_engine::record::order::{AcceptedAll, decode_accepted, decode_accepted_all};
use onhand_engine::record::{Header, Kind};
use onhand_engine::registry::Scopes;
use onhand_engine::snapshots::Lsn;
use onhand_engine::translate::{agreed_of, policy_of};
use onhand_engine::{Class, Handle};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

/// Bytes of the log that one page of a list may read; beyond them it is short and has a cursor.
const SCAN_BYTES_MAX: usize = 8 << 20;

/// Bytes of the log that are read in one go; between two, other requests are served.
const SCAN_PIECE_BYTES: usize = 1 << 20;

/// Orders whose state is read in one go where only some will be shown.
const BATCH: usize = 500;

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

    /// What was asked, what was decided, and what more is told of it.
    pub(super) fn decode(&self) -> Result<AcceptedAll<'_>, Problem> {
        let (header, body) = Header::decode(&self.0).map_err(broken)?;
        decode_accepted_all(header.version, body).map_err(broken)
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
    let AcceptedAll { asked, accepted: decided, details, agreed, .. } = accepted.decode()?;
    let (handle, merchant) = (desk.intake.handle().clone(), desk.caller.directory.merchant);
    let picture = match found {
        OrderRead::Open(order) => OrderPicture::of(&order),
        closed => off_worker(move || standing(&handle, merchant, order, &closed)).await?,
    };
    let policy = policy_of(decided.policy);
    let view = OrderView::standing(&desk.caller.directory, order, lsn, &asked, policy, picture);
    let view = view.saying(&details.said, agreed_of(&agreed)).with_customer(opened(&desk, &asked)?);
    Ok(Rendered::order(200, &view))
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
        let AcceptedAll { asked, accepted: decided, details, agreed, .. } = accepted.decode()?;
        let policy = policy_of(decided.policy);
        let view = OrderView::standing(&desk.caller.directory, order, lsn, &asked, policy, picture);
        view.saying(&details.said, agreed_of(&agreed)).write(&mut body);
    }
    let rest =
        serde_json::to_string(&PageEnd { next_cursor, lsn: lsn.0 }).map_err(|_| Problem::internal())?;
    body.push(b']');
    // The members behind the list, without their opening brace.
    body.push(b',');
    body.extend_from_slice(&rest.as_bytes()[1..]);
    Ok(Rendered { status: 200, body, is_repeat: false })
}
