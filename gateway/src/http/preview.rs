//! What would become of an order that came now: the same reading, the same planner, and nothing is kept.
//!
//! Whoever may read may ask: it tells of stock and rules less than their reads do. It costs a shard as much as an order,
//! so it is refused when orders are.

use super::bulk::Asked;
use super::explanation::explain;
use super::key::no_member;
use super::order_body::read_preview;
use super::stock::read;
use super::{Desk, off_worker, read_body, respond};
use crate::http::problem::Problem;
use crate::render::explanation::{ExplanationView, unrouted};
use crate::render::{Rendered, preview_accepted, preview_refused};
use actix_web::{HttpRequest, HttpResponse, web};
use onhand_engine::ask::{Ask, ReadAnswer, ReadAsk};
use onhand_engine::directory::Directory;
use onhand_engine::domain::event::Routed;
use onhand_engine::domain::{Event, Rejection};
use onhand_engine::registry::Scopes;
use onhand_engine::snapshots::Lsn;
use onhand_engine::{Class, Handle};
use std::sync::Arc;

pub(super) async fn ask(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    respond(&request, ask_one(&request, payload).await)
}

async fn ask_one(request: &HttpRequest, payload: web::Payload) -> Result<Rendered, Problem> {
    let desk = Desk::open(request, Scopes::READ)?;
    let body = read_body(payload).await?;
    desk.may_submit(Class::Order).await?;
    let (handle, directory) = (desk.intake.handle().clone(), Arc::clone(&desk.caller.directory));
    let Asked { ask, key, .. } = read_preview(&directory, handle.fingerprints(), &body)?;
    no_member(key.as_ref())?;
    let Ask::PlaceOrder(order) = ask else { return Err(Problem::internal()) };
    let asked = order.asked.clone();
    let (lsn, planned) = read(&desk, ReadAsk::Plan(Box::new(order))).await?;
    let ReadAnswer::Plan(planned) = planned else { return Err(Problem::internal()) };
    // A read is not looked at for this by the shard, as an order is.
    if directory.names() != desk.caller.names.get() {
        return Err(Problem::renamed());
    }
    off_worker(move || rendered(&handle, &directory, lsn, &asked, &planned)).await
}

fn rendered(
    handle: &Handle,
    directory: &Directory,
    lsn: Lsn,
    asked: &[u8],
    planned: &Result<Event, Rejection>,
) -> Result<Rendered, Problem> {
    match planned {
        Ok(Event::OrderAccepted(accepted)) => {
            let why = explanation(handle, directory, accepted.routed.as_deref())?;
            preview_accepted(directory, lsn, asked, accepted, &why)
        }
        Err(Rejection::InsufficientStock { shortfalls, routed }) => {
            let why = explanation(handle, directory, routed.as_deref())?;
            preview_refused(directory, lsn, asked, shortfalls, &why)
        }
        Err(rejection) => Err(Problem::refused(rejection, directory).naming(directory).with("lsn", lsn.0)),
        Ok(_) => Err(Problem::internal()),
    }
}

fn explanation(
    handle: &Handle,
    directory: &Directory,
    routed: Option<&Routed>,
) -> Result<ExplanationView, Problem> {
    let Some(Routed { profile, explanation, .. }) = routed else { return Ok(unrouted()) };
    explain(handle, directory, *profile, explanation)
}
