//! Changes of an order: cancellations and shipments, by line and quantity.

use super::orders::{Accepted, order_in_path};
use super::{Desk, read_body, respond};
use crate::body::{Amount, Check, parse};
use crate::http::problem::{Problem, shown};
use crate::member::{Name, Object};
use crate::render::Rendered;
use actix_web::web::{self, Path};
use actix_web::{HttpRequest, HttpResponse};
use onhand_engine::Class;
use onhand_engine::ask::{Ask, CancelAsk, ShipAsk};
use onhand_engine::directory::Directory;
use onhand_engine::domain::OrderId;
use onhand_engine::domain::command::ShipLine;
use onhand_engine::record::order::OrderAskedV1;
use onhand_engine::registry::Scopes;
use serde::Deserialize;
use serde_json::Value;

/// The longest reason or tracking number, in bytes.
pub(super) const NOTE_BYTES_MAX: usize = 256;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineQuantity<'a> {
    #[serde(borrow)]
    id: Name<'a>,
    #[serde(borrow)]
    quantity: Amount<'a>,
}

/// Units of a line that leave: of a kit, one of its components alone may be named.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LeavingLine<'a> {
    #[serde(borrow)]
    id: Name<'a>,
    #[serde(borrow)]
    component: Option<Name<'a>>,
    #[serde(borrow)]
    quantity: Amount<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CancelBody<'a> {
    #[serde(borrow)]
    lines: Option<Vec<Object<LineQuantity<'a>>>>,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FulfillBody<'a> {
    #[serde(borrow)]
    location: Name<'a>,
    #[serde(borrow)]
    lines: Vec<Object<LeavingLine<'a>>>,
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
        let lines = leaving(&mut check, directory, asked, &body.lines);
        let location = directory.location(&body.location);
        if location.is_none() {
            check.wrong(
                "/location",
                "unknown_location",
                format!("there is no location {}", shown(&body.location)),
            );
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
    desk.may_submit(Class::Change).await?;
    let order = order_in_path(id)?;
    let accepted = Accepted::read(desk.intake.handle(), desk.caller.directory.merchant, order)?;
    let asked = accepted.decode()?.asked;
    let ask = ask(&desk.caller.directory, order, &asked, &body)?;
    let tracking_number = match &ask {
        Ask::ShipOrder(ship) => ship.tracking_number.clone(),
        _ => None,
    };
    let mut rendered = desk.one(ask).await?;
    match (rendered.status, tracking_number) {
        (409, _) => name_line(&asked, &mut rendered.body),
        (201, Some(number)) => add_tracking(&number, &mut rendered.body),
        _ => {}
    }
    Ok(rendered)
}

/// The answer to a fulfillment has the number that was sent: a repeat has the same fingerprint, and so the same.
fn add_tracking(number: &str, body: &mut Vec<u8>) {
    if body.pop_if(|last| *last == b'}').is_some() {
        body.extend_from_slice(format!(r#","tracking_number":{}}}"#, Value::from(number)).as_bytes());
    }
}

/// A refusal knows a line by its number; whoever asked knows it by its id.
fn name_line(asked: &OrderAskedV1<'_>, body: &mut Vec<u8>) {
    let Ok(Value::Object(mut members)) = serde_json::from_slice(body) else { return };
    let line = members.get("line").and_then(Value::as_u64).and_then(|line| usize::try_from(line).ok());
    let Some(line) = line.and_then(|line| asked.lines.get(line)) else { return };
    let detail = members.get("detail").and_then(Value::as_str).unwrap_or_default();
    let detail = format!("line {}: {detail}", line.id);
    members.insert("detail".into(), detail.into());
    members.insert("line_id".into(), line.id.into());
    *body = Value::Object(members).to_string().into_bytes();
}

/// Lines by their numbers instead of the channel's ids.
fn numbered(
    check: &mut Check,
    asked: &OrderAskedV1<'_>,
    lines: &[Object<LineQuantity<'_>>],
) -> Vec<(u16, u32)> {
    if lines.is_empty() {
        check.wrong("/lines", "no_lines", "names no line");
    }
    let mut numbers = Vec::with_capacity(lines.len());
    for (place, line) in lines.iter().enumerate() {
        let Some(number) = number_of(check, asked, &line.id, place) else { continue };
        let decimals = asked.lines[usize::from(number)].decimals;
        let pointer = || format!("/lines/{place}/quantity");
        if let Some(quantity) = check.quantity(pointer, &line.quantity, decimals, 1) {
            numbers.push((number, quantity));
        }
    }
    numbers
}

/// The number of a line that stands at a place of a list.
fn number_of(check: &mut Check, asked: &OrderAskedV1<'_>, id: &str, place: usize) -> Option<u16> {
    let number = asked.lines.iter().position(|asked| asked.id == id);
    let number = number.and_then(|number| u16::try_from(number).ok());
    if number.is_none() {
        let detail = format!("the order has no line {}", shown(id));
        check.wrong(format!("/lines/{place}/id"), "unknown_line", detail);
    }
    number
}

/// The same for what leaves; a component is counted as its SKU is.
fn leaving(
    check: &mut Check,
    directory: &Directory,
    asked: &OrderAskedV1<'_>,
    lines: &[Object<LeavingLine<'_>>],
) -> Vec<ShipLine> {
    if lines.is_empty() {
        check.wrong("/lines", "no_lines", "names no line");
    }
    let mut leaving = Vec::with_capacity(lines.len());
    for (place, row) in lines.iter().enumerate() {
        let Some(line) = number_of(check, asked, &row.id, place) else { continue };
        let component = row.component.as_ref().map(|code| (code, directory.sku(code)));
        if let Some((code, None)) = component {
            let detail = format!("there is no sku {}", shown(code));
            check.wrong(format!("/lines/{place}/component"), "unknown_sku", detail);
            continue;
        }
        let component = component.and_then(|(_, name)| name);
        let decimals = component.map_or(asked.lines[usize::from(line)].decimals, |name| name.decimals);
        let pointer = || format!("/lines/{place}/quantity");
        if let Some(quantity) = check.quantity(pointer, &row.quantity, decimals, 1) {
            leaving.push(ShipLine { line, component: component.map(|name| name.number), quantity });
        }
    }
    leaving
}
