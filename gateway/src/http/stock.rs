//! Stock: movements and reads.

use super::catalogue::{CODE_SEGMENT, path_segment};
use super::key::no_member;
use super::{Desk, read_body, respond};
use crate::body::{Amount, Check, parse};
use crate::http::problem::{Problem, shown};
use crate::ids;
use crate::member::Name;
use crate::render::{Rendered, StockView};
use actix_web::web::{self, Query};
use actix_web::{HttpRequest, HttpResponse};
use onhand_engine::Class;
use onhand_engine::ask::{Answer, Ask, Movement, ReadAnswer, ReadAsk, StockAsk};
use onhand_engine::directory::{Directory, SkuName};
use onhand_engine::domain::SkuNumber;
use onhand_engine::domain::sku::StockState;
use onhand_engine::registry::Scopes;
use onhand_engine::snapshots::Lsn;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::cell::Cell;

/// SKUs of one page, and without a wish.
pub(super) const PAGE_MAX: usize = 500;
pub(super) const PAGE: usize = 100;

/// Reads of one worker on their way to the shards. A read is not refused because writes are; a thousand of them
/// are some ten milliseconds of a shard's time.
const READS_MAX: usize = 1_024;

/// The longest reference to the caller's document, in bytes.
pub(super) const REFERENCE_BYTES_MAX: usize = 256;

/// Why stock may move (I6).
pub(super) const REASONS: [&str; 15] = [
    "received",
    "correction",
    "cycle_count",
    "damaged",
    "shrinkage",
    "theft",
    "found",
    "expired",
    "promotion",
    "production_in",
    "production_out",
    "return_restock",
    "channel_drift",
    "migration",
    "other",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MovementBody<'a> {
    #[serde(rename = "type", borrow)]
    movement: Cow<'a, str>,
    #[serde(borrow)]
    sku: Name<'a>,
    #[serde(borrow)]
    location: Name<'a>,
    #[serde(borrow)]
    quantity: Option<Amount<'a>>,
    #[serde(borrow)]
    delta: Option<Amount<'a>>,
    #[serde(borrow)]
    expected: Option<Amount<'a>>,
    #[serde(borrow)]
    new: Option<Amount<'a>>,
    #[serde(borrow)]
    state: Option<Cow<'a, str>>,
    #[serde(borrow)]
    from: Option<Cow<'a, str>>,
    #[serde(borrow)]
    to: Option<Cow<'a, str>>,
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
    #[serde(borrow)]
    reference: Option<Cow<'a, str>>,
    /// The key of this line, in a bulk request.
    pub(super) idempotency_key: Option<String>,
}

pub(super) async fn movement(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    respond(&request, move_one(&request, payload).await)
}

async fn move_one(request: &HttpRequest, payload: web::Payload) -> Result<Rendered, Problem> {
    let desk = Desk::open(request, Scopes::STOCK_WRITE)?;
    desk.require_key()?;
    let body = read_body(payload).await?;
    desk.may_submit(Class::Order).await?;
    let (ask, key) = movement_ask(&desk.caller.directory, &body)?;
    no_member(key.as_ref())?;
    desk.one(ask).await
}

/// Reads a movement, alone or as a line of a bulk request.
pub(super) fn movement_ask(directory: &Directory, body: &[u8]) -> Result<(Ask, Option<String>), Problem> {
    let body: MovementBody<'_> = parse(body)?;
    let mut check = Check::default();
    let sku = directory.sku(&body.sku);
    if sku.is_none() {
        check.wrong("/sku", "unknown_sku", format!("there is no sku {}", shown(&body.sku)));
    }
    let location = directory.location(&body.location);
    if location.is_none() {
        check.wrong(
            "/location",
            "unknown_location",
            format!("there is no location {}", shown(&body.location)),
        );
    }
    let movement = movement_of(&mut check, &body, sku.map_or(0, |sku| sku.decimals));
    let reason = match (&body.reason, &*body.movement) {
        (Some(reason), _) => reason.to_string(),
        (None, "receive") => "received".to_owned(),
        (None, _) => {
            check.wrong("/reason", "missing_field", "a movement needs a reason");
            String::new()
        }
    };
    if !reason.is_empty() && !REASONS.contains(&&*reason) {
        check.wrong("/reason", "invalid_value", format!("must be one of {}", REASONS.join(", ")));
    }
    if let Some(reference) = &body.reference {
        check.text("/reference", reference, REFERENCE_BYTES_MAX);
    }
    let reference = body.reference.as_ref().map(ToString::to_string);
    let found = sku.zip(location).zip(movement);
    let ((SkuName { number: sku, .. }, location), movement) = check.done(found)?;
    Ok((Ask::MoveStock(StockAsk { sku, location, movement, reason, reference }), body.idempotency_key))
}

fn movement_of(check: &mut Check, body: &MovementBody<'_>, decimals: u8) -> Option<Movement> {
    refuse_strangers(check, body);
    match &*body.movement {
        "receive" => {
            let state = state_of(check, "/state", body.state.as_deref(), Some(StockState::Sellable));
            let quantity = units(check, "/quantity", body.quantity.as_ref(), decimals, 1);
            Some(Movement::Receive { state: state?, quantity: quantity? })
        }
        "adjust" => {
            let state = state_of(check, "/state", body.state.as_deref(), Some(StockState::Sellable));
            let delta = delta_of(check, body.delta.as_ref(), decimals);
            Some(Movement::Adjust { state: state?, delta: delta? })
        }
        "set" => {
            let expected = units(check, "/expected", body.expected.as_ref(), decimals, 0);
            let new = units(check, "/new", body.new.as_ref(), decimals, 0);
            Some(Movement::Set { expected: expected?, new: new? })
        }
        "move" => {
            let from = state_of(check, "/from", body.from.as_deref(), None);
            let to = state_of(check, "/to", body.to.as_deref(), None);
            let quantity = units(check, "/quantity", body.quantity.as_ref(), decimals, 1);
            Some(Movement::Move { from: from?, to: to?, quantity: quantity? })
        }
        _ => {
            check.wrong("/type", "invalid_value", "must be one of receive, adjust, set, move");
            None
        }
    }
}

/// A member that belongs to another type of movement is a mistake worth telling.
fn refuse_strangers(check: &mut Check, body: &MovementBody<'_>) {
    let allowed: &[&str] = match &*body.movement {
        "receive" => &["quantity", "state"],
        "adjust" => &["delta", "state"],
        "set" => &["expected", "new"],
        "move" => &["quantity", "from", "to"],
        _ => return,
    };
    let present = [
        ("quantity", body.quantity.is_some()),
        ("delta", body.delta.is_some()),
        ("expected", body.expected.is_some()),
        ("new", body.new.is_some()),
        ("state", body.state.is_some()),
        ("from", body.from.is_some()),
        ("to", body.to.is_some()),
    ];
    for (name, is_present) in present {
        if is_present && !allowed.contains(&name) {
            check.wrong(format!("/{name}"), "unknown_field", format!("{} has no {name}", body.movement));
        }
    }
}

fn units(
    check: &mut Check,
    pointer: &str,
    amount: Option<&Amount<'_>>,
    decimals: u8,
    min: u32,
) -> Option<u32> {
    match amount {
        Some(amount) => check.quantity(|| pointer.to_owned(), amount, decimals, min),
        None => {
            check.wrong(pointer, "missing_field", "is missing");
            None
        }
    }
}

/// A difference: like a quantity, with an optional minus, and not 0.
fn delta_of(check: &mut Check, amount: Option<&Amount<'_>>, decimals: u8) -> Option<i64> {
    let (negative, absolute) = match amount {
        None => (false, None),
        Some(Amount::Units(units)) => {
            (*units < 0, Some(Amount::Units(i64::try_from(units.unsigned_abs()).unwrap_or(i64::MAX))))
        }
        Some(Amount::Text(text)) => match text.strip_prefix('-') {
            Some(rest) => (true, Some(Amount::Text(Cow::Borrowed(rest)))),
            None => (false, Some(Amount::Text(Cow::Borrowed(&**text)))),
        },
    };
    let units = i64::from(units(check, "/delta", absolute.as_ref(), decimals, 1)?);
    Some(if negative { -units } else { units })
}

fn state_of(
    check: &mut Check,
    pointer: &str,
    word: Option<&str>,
    default: Option<StockState>,
) -> Option<StockState> {
    match word {
        Some("sellable") => Some(StockState::Sellable),
        Some("damaged") => Some(StockState::Damaged),
        Some("quality_control") => Some(StockState::QualityControl),
        None if default.is_some() => default,
        None => {
            check.wrong(pointer, "missing_field", "is missing");
            None
        }
        Some(_) => {
            check.wrong(pointer, "invalid_value", "must be one of sellable, damaged, quality_control");
            None
        }
    }
}

thread_local! {
    /// Reads of this worker on their way.
    static READING: Cell<usize> = const { Cell::new(0) };
}

/// A read on its way, until it is dropped.
struct Reading;

impl Reading {
    fn begin() -> Option<Self> {
        READING.with(|reading| {
            let count = reading.get();
            (count < READS_MAX).then(|| {
                reading.set(count + 1);
                Self
            })
        })
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        READING.with(|reading| reading.set(reading.get() - 1));
    }
}

/// Asks a shard something and waits for what it read.
pub(super) async fn read(desk: &Desk, ask: ReadAsk) -> Result<(Lsn, ReadAnswer), Problem> {
    let _reading = Reading::begin().ok_or_else(Problem::overloaded)?;
    let pending = desk.submit(super::Identity::default(), Ask::Read(ask)).await?;
    match pending.await {
        Ok(Answer::Read { lsn, read }) => Ok((lsn, read)),
        Ok(Answer::Poisoned) | Err(_) => Err(Problem::not_ready()),
        Ok(Answer::Busy) => Err(Problem::overloaded()),
        Ok(_) => Err(Problem::internal()),
    }
}

pub(super) async fn get(request: HttpRequest) -> HttpResponse {
    respond(&request, get_one(&request).await)
}

async fn get_one(request: &HttpRequest) -> Result<Rendered, Problem> {
    let desk = Desk::open(request, Scopes::READ)?;
    let directory = &desk.caller.directory;
    let sku = directory.sku(&ids::composed(&path_segment(request, CODE_SEGMENT)?));
    let sku = sku.ok_or_else(|| Problem::not_found("sku"))?;
    let (lsn, read) = read(&desk, ReadAsk::Stock { from: sku.number, limit: 1 }).await?;
    let ReadAnswer::Stock { rows, .. } = read else { return Err(Problem::internal()) };
    let row = rows.first().ok_or_else(|| Problem::not_found("sku"))?;
    Rendered::of(200, &StockView::of(directory, lsn, row))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StockQuery {
    limit: Option<String>,
    cursor: Option<String>,
}

pub(super) async fn list(request: HttpRequest) -> HttpResponse {
    respond(&request, list_page(&request).await)
}

/// Reads the query of a list; an unknown parameter is an error.
pub(super) fn query<T: for<'de> Deserialize<'de>>(request: &HttpRequest) -> Result<T, Problem> {
    let invalid = |detail: &str| Problem::new(400, "invalid_query", shown(detail));
    let text = request.query_string();
    // The parser behind reads what is no UTF-8 as something else.
    ids::percent_decoded(text).ok_or_else(|| invalid("the query is not percent-encoded UTF-8"))?;
    Query::<T>::from_query(text).map(Query::into_inner).map_err(|error| {
        let message = error.to_string();
        match message.rsplit_once("`, expected ") {
            Some((_, known)) => Problem::new(400, "invalid_query", format!("the parameters are {known}")),
            None => invalid(&message),
        }
    })
}

/// A page size within its limits.
pub(super) fn page_size(limit: Option<&str>) -> Result<usize, Problem> {
    let Some(text) = limit else { return Ok(PAGE) };
    // The parser behind takes a sign too.
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let limit = text.parse().ok().filter(|limit| is_number && (1..=PAGE_MAX).contains(limit));
    limit.ok_or_else(|| {
        Problem::new(400, "invalid_query", format!("limit must be a number between 1 and {PAGE_MAX}"))
    })
}

async fn list_page(request: &HttpRequest) -> Result<Rendered, Problem> {
    #[derive(Serialize)]
    struct Page {
        data: Vec<StockView>,
        next_cursor: Option<String>,
        lsn: u64,
    }
    let desk = Desk::open(request, Scopes::READ)?;
    let StockQuery { limit, cursor } = query(request)?;
    let limit = page_size(limit.as_deref())?;
    let from =
        cursor.map_or(Some(0), |cursor| ids::parse_cursor(&cursor).and_then(|it| u32::try_from(it).ok()));
    let from = from.ok_or_else(|| Problem::new(400, "invalid_query", "the cursor is not one of ours"))?;
    let (lsn, read) = read(&desk, ReadAsk::Stock { from: SkuNumber(from), limit }).await?;
    let ReadAnswer::Stock { rows, next } = read else { return Err(Problem::internal()) };
    let data = rows.iter().map(|row| StockView::of(&desk.caller.directory, lsn, row)).collect();
    let next_cursor = next.map(|sku| ids::cursor_text(sku.0.into()));
    Rendered::of(200, &Page { data, next_cursor, lsn: lsn.0 })
}
