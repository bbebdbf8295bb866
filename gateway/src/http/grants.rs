//! Exposure grants: what a channel is told that sells from its own copy of the stock, and what it says of it.

use super::catalogue::{CODE_SEGMENT, path_segment};
use super::stock::read;
use super::{Desk, read_body, respond};
use crate::body::{Amount, Check, Text, instant, parse};
use crate::http::problem::Problem;
use crate::ids;
use crate::render::{Rendered, exposure_view, grant_view};
use actix_web::web;
use actix_web::{HttpRequest, HttpResponse};
use onhand_engine::Class;
use onhand_engine::ask::{Ask, ReadAnswer, ReadAsk};
use onhand_engine::directory::SkuName;
use onhand_engine::domain::ChannelNumber;
use onhand_engine::domain::command::{AcknowledgeGrant, PassFeed, PutExposure, SetGrant};
use onhand_engine::domain::grant::{LAG_MAX_MS, LAG_MS, Mode, OVERLAP_MAX, OVERLAP_MIN};
use onhand_engine::registry::Scopes;
use serde::Deserialize;

/// What of a grant is kept for its channel.
pub(super) const MODES: [&str; 3] = ["escrow", "overlap", "mirror"];

/// Which segment of a path holds the channel: `/v1/skus/{sku}/grants/{channel}`, the first one being empty.
const CHANNEL_SEGMENT: usize = 5;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExposureBody {
    mode: String,
    overlap_percent: Option<u16>,
    max_lag_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantBody<'a> {
    #[serde(borrow)]
    granted: Amount<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AcknowledgeBody<'a> {
    revision: u64,
    #[serde(borrow)]
    at: Text<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WatermarkBody<'a> {
    #[serde(borrow)]
    at: Text<'a>,
}

pub(super) async fn put_exposure(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    respond(&request, put_exposure_one(&request, payload).await)
}

async fn put_exposure_one(request: &HttpRequest, payload: web::Payload) -> Result<Rendered, Problem> {
    let desk = Desk::open(request, Scopes::STOCK_WRITE)?;
    let body = read_body(payload).await?;
    desk.may_submit(Class::Order).await?;
    let channel = channel(&desk, request, CODE_SEGMENT)?;
    let body: ExposureBody = parse(&body)?;
    let mut check = Check::default();
    let mode = mode_of(&mut check, &body);
    let max_lag_ms = body.max_lag_ms.unwrap_or(LAG_MS);
    if max_lag_ms > LAG_MAX_MS {
        let detail = format!("must be between 0 and {LAG_MAX_MS} milliseconds");
        check.wrong("/max_lag_ms", "out_of_range", detail);
    }
    let mode = check.done(mode)?;
    desk.one(Ask::PutExposure(PutExposure { channel, mode, max_lag_ms })).await
}

fn mode_of(check: &mut Check, body: &ExposureBody) -> Option<Mode> {
    let ExposureBody { mode, overlap_percent, .. } = body;
    let plain = match &**mode {
        "escrow" => Mode::Escrow,
        "mirror" => Mode::Mirror,
        "overlap" => return overlap(check, *overlap_percent),
        _ => {
            check.wrong("/mode", "invalid_value", format!("must be one of {}", MODES.join(", ")));
            return None;
        }
    };
    if overlap_percent.is_some() {
        check.wrong("/overlap_percent", "invalid_value", "is of the mode overlap alone");
    }
    Some(plain)
}

fn overlap(check: &mut Check, percent: Option<u16>) -> Option<Mode> {
    let percent = percent.filter(|percent| (OVERLAP_MIN..=OVERLAP_MAX).contains(percent));
    if percent.is_none() {
        let detail = format!("must be between {OVERLAP_MIN} and {OVERLAP_MAX}");
        check.wrong("/overlap_percent", "out_of_range", detail);
    }
    percent.map(Mode::Overlap)
}

pub(super) async fn get_exposure(request: HttpRequest) -> HttpResponse {
    respond(&request, get_exposure_one(&request).await)
}

async fn get_exposure_one(request: &HttpRequest) -> Result<Rendered, Problem> {
    let desk = Desk::open(request, Scopes::READ)?;
    let channel = channel(&desk, request, CODE_SEGMENT)?;
    let (lsn, read) = read(&desk, ReadAsk::Exposure(channel)).await?;
    let ReadAnswer::Exposure(exposure) = read else { return Err(Problem::internal()) };
    exposure_view(&desk.caller.directory, lsn, channel, exposure)
}

pub(super) async fn pass_feed(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    respond(&request, pass_feed_one(&request, payload).await)
}

async fn pass_feed_one(request: &HttpRequest, payload: web::Payload) -> Result<Rendered, Problem> {
    let desk = Desk::open(request, Scopes::STOCK_WRITE)?;
    desk.require_key()?;
    let body = read_body(payload).await?;
    desk.may_submit(Class::Change).await?;
    let channel = channel(&desk, request, CODE_SEGMENT)?;
    let body: WatermarkBody<'_> = parse(&body)?;
    let mut check = Check::default();
    let at = time(&mut check, &body.at);
    let at = check.done(at)?;
    desk.one(Ask::PassFeed(PassFeed { channel, at })).await
}

pub(super) async fn set(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    respond(&request, set_one(&request, payload).await)
}

async fn set_one(request: &HttpRequest, payload: web::Payload) -> Result<Rendered, Problem> {
    let desk = Desk::open(request, Scopes::STOCK_WRITE)?;
    let body = read_body(payload).await?;
    desk.may_submit(Class::Order).await?;
    let (sku, channel) = granted(&desk, request)?;
    let body: GrantBody<'_> = parse(&body)?;
    let mut check = Check::default();
    let units = check.quantity(|| "/granted".into(), &body.granted, sku.decimals, 0);
    let units = check.done(units)?;
    desk.one(Ask::SetGrant(SetGrant { sku: sku.number, channel, granted: units.into() })).await
}

pub(super) async fn acknowledge(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    respond(&request, acknowledge_one(&request, payload).await)
}

async fn acknowledge_one(request: &HttpRequest, payload: web::Payload) -> Result<Rendered, Problem> {
    let desk = Desk::open(request, Scopes::STOCK_WRITE)?;
    desk.require_key()?;
    let body = read_body(payload).await?;
    desk.may_submit(Class::Change).await?;
    let (sku, channel) = granted(&desk, request)?;
    let body: AcknowledgeBody<'_> = parse(&body)?;
    let mut check = Check::default();
    let at = time(&mut check, &body.at);
    let at = check.done(at)?;
    let (sku, revision) = (sku.number, body.revision);
    desk.one(Ask::AcknowledgeGrant(AcknowledgeGrant { sku, channel, revision, at })).await
}

pub(super) async fn get(request: HttpRequest) -> HttpResponse {
    respond(&request, get_one(&request).await)
}

async fn get_one(request: &HttpRequest) -> Result<Rendered, Problem> {
    let desk = Desk::open(request, Scopes::READ)?;
    let (sku, channel) = granted(&desk, request)?;
    let (lsn, read) = read(&desk, ReadAsk::Grant(sku.number, channel)).await?;
    let ReadAnswer::Grant(grant) = read else { return Err(Problem::internal()) };
    let grant = grant.ok_or_else(|| Problem::not_found("grant"))?;
    grant_view(&desk.caller.directory, lsn, sku.number, &grant)
}

/// The SKU and the channel that a path names.
fn granted(desk: &Desk, request: &HttpRequest) -> Result<(SkuName, ChannelNumber), Problem> {
    let sku = desk.caller.directory.sku(&ids::composed(&path_segment(request, CODE_SEGMENT)?));
    let sku = sku.ok_or_else(|| Problem::not_found("sku"))?;
    Ok((sku, channel(desk, request, CHANNEL_SEGMENT)?))
}

fn channel(desk: &Desk, request: &HttpRequest, segment: usize) -> Result<ChannelNumber, Problem> {
    let channel = desk.caller.directory.channel(&ids::composed(&path_segment(request, segment)?));
    channel.ok_or_else(|| Problem::not_found("channel"))
}

/// A time on a channel's own clock; before 1970 there was none.
fn time(check: &mut Check, text: &Text<'_>) -> Option<u64> {
    let at = instant(&text.0).and_then(|at| u64::try_from(at).ok());
    if at.is_none() {
        check.wrong("/at", "invalid_time", "must be a time like 2026-11-23T10:00:00Z (RFC 3339)");
    }
    at
}
