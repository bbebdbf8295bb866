//! How a business "no" is called outside: its status, its stable code, its sentence and its numbers.
//!
//! One exhaustive match, so that a new rejection cannot be forgotten. What is a conflict with the state
//! (409) is remembered under the request's key; what is wrong with the request (404, 422) is not.

mod grant;
mod kit;

use crate::directory::Directory;
use onhand_domain::Rejection;
use onhand_domain::rejection::Shortfall;
use onhand_domain::sku::StockState;

/// A refusal in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status: 404, 409 or 422.
    pub status: u16,
    /// Stable code; `docs/OPERATIONS.md` has a paragraph for each.
    pub code: &'static str,
    /// A sentence for people.
    pub detail: String,
    /// The numbers that explain it, by member name.
    pub numbers: Vec<(&'static str, i64)>,
    /// Where in the body, if one place is to blame: `/lines/3/quantity`.
    pub pointer: Option<String>,
}

impl Refusal {
    fn new(status: u16, code: &'static str, detail: String, numbers: Vec<(&'static str, i64)>) -> Self {
        Self { status, code, detail, numbers, pointer: None }
    }

    fn at(self, pointer: String) -> Self {
        Self { pointer: Some(pointer), ..self }
    }
}

/// The word of a state in JSON.
#[must_use]
pub fn state_word(state: StockState) -> &'static str {
    match state {
        StockState::Sellable => "sellable",
        StockState::Damaged => "damaged",
        StockState::QualityControl => "quality_control",
    }
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// What a rejection is called outside; `directory` has the names of the merchant's SKUs.
#[must_use]
pub fn refusal_of(rejection: &Rejection, directory: &Directory) -> Refusal {
    match rejection {
        Rejection::Kit(fault) => kit::refusal_of(fault, directory),
        Rejection::InsufficientStock { .. }
        | Rejection::LevelOverflow { .. }
        | Rejection::NotEnough { .. }
        | Rejection::SetMismatch { .. }
        | Rejection::DecimalsFixed { .. }
        | Rejection::TooMany { .. }
        | Rejection::OrderNotOpen { .. }
        | Rejection::NotOpen { .. }
        | Rejection::TooManyClaims { .. }
        | Rejection::PromiseExceedsStock { .. }
        | Rejection::DedicatedBelowUsed { .. }
        | Rejection::HoldsLackUnits { .. }
        | Rejection::HoldEnded { .. }
        | Rejection::TooManyExtensions { .. }
        | Rejection::TooManyHolds { .. }
        | Rejection::Incomplete { .. }
        | Rejection::BackorderLimit { .. }
        | Rejection::NotAllocated { .. } => conflict(rejection),
        Rejection::GrantBelowSold { .. }
        | Rejection::GrantExceedsStock { .. }
        | Rejection::GrantsLive { .. }
        | Rejection::NotGranted
        | Rejection::UnknownRevision { .. }
        | Rejection::WatermarkAhead { .. } => grant::refusal_of(rejection),
        Rejection::NoLines
        | Rejection::TooManyLines { .. }
        | Rejection::QuantityOutOfRange { .. }
        | Rejection::SameState { .. }
        | Rejection::TooManyDecimals { .. }
        | Rejection::TooManyLocations { .. }
        | Rejection::DuplicateLocation { .. }
        | Rejection::DuplicateChannel { .. }
        | Rejection::InvalidAmount { .. }
        | Rejection::UnknownLine { .. }
        | Rejection::DuplicateLine { .. }
        | Rejection::NothingWaits => unprocessable(rejection),
    }
}

fn conflict(rejection: &Rejection) -> Refusal {
    match rejection {
        Rejection::InsufficientStock { shortfalls, .. } => {
            let detail = format!("stock cannot serve {} line(s)", shortfalls.len());
            let first = shortfalls.first().map(|Shortfall { line, requested, available }| {
                vec![
                    ("line", i64::from(*line)),
                    ("requested", number((*requested).into())),
                    ("available", number((*available).into())),
                ]
            });
            Refusal::new(409, "insufficient_stock", detail, first.unwrap_or_default())
        }
        Rejection::LevelOverflow { current, added, max } => Refusal::new(
            409,
            "stock_overflow",
            format!("{current} units are there and {added} more would pass the limit of {max}"),
            vec![
                ("current", number((*current).into())),
                ("added", number(*added)),
                ("max", number((*max).into())),
            ],
        ),
        Rejection::NotEnough { state, requested, available } => Refusal::new(
            409,
            "not_enough_stock",
            format!("{requested} units were to leave {}, {available} can", state_word(*state)),
            vec![("requested", number(*requested)), ("available", number((*available).into()))],
        ),
        Rejection::SetMismatch { expected, actual } => Refusal::new(
            409,
            "stock_changed",
            format!("{expected} sellable units were expected, {actual} are there"),
            vec![("expected", number((*expected).into())), ("actual", number((*actual).into()))],
        ),
        Rejection::DecimalsFixed { decimals } => Refusal::new(
            409,
            "decimals_fixed",
            format!("stock has moved or was ordered, so the sku keeps its {decimals} decimals"),
            vec![("decimals", i64::from(*decimals))],
        ),
        Rejection::TooMany { what, max } => Refusal::new(
            409,
            "limit_reached",
            format!("a merchant can have {max} {what}"),
            vec![("max", number((*max).into()))],
        ),
        Rejection::TooManyClaims { claims, max } => Refusal::new(
            409,
            "too_many_claims",
            format!("{claims} claims would change in one step, at most {max} can: do it in parts"),
            vec![("claims", number(*claims as u64)), ("max", number(*max as u64))],
        ),
        Rejection::PromiseExceedsStock { index, promised, available } => Refusal::new(
            409,
            "promise_exceeds_stock",
            format!("pool and floor of the channel are {promised} units, {available} are there for them"),
            vec![
                ("channel_policy", number(*index as u64)),
                ("promised", number(*promised)),
                ("available", number(*available)),
            ],
        ),
        Rejection::DedicatedBelowUsed { index, dedicated, used } => Refusal::new(
            409,
            "dedicated_below_used",
            format!("{dedicated} units were to be dedicated in all, {used} of the channel's pool are used"),
            vec![
                ("channel_policy", number(*index as u64)),
                ("dedicated", number((*dedicated).into())),
                ("used", number(*used)),
            ],
        ),
        Rejection::HoldsLackUnits { sku, held, available } => Refusal::new(
            409,
            "holds_lack_units",
            format!("buyers hold {held} units of a sku, {available} would be at the channel's locations"),
            vec![("sku", number(sku.0.into())), ("held", number(*held)), ("available", number(*available))],
        ),
        Rejection::HoldEnded { .. } => Refusal::new(
            409,
            "hold_ended",
            "the hold has expired, was released or confirmed, or is another channel's".into(),
            Vec::new(),
        ),
        Rejection::TooManyExtensions { max } => Refusal::new(
            409,
            "too_many_extensions",
            format!("a hold is extended {max} times at the most"),
            vec![("max", i64::from(*max))],
        ),
        Rejection::TooManyHolds { what, live, max } => Refusal::new(
            409,
            "too_many_holds",
            format!("the {what} has {live} live holds, at most {max} are allowed"),
            vec![("live", i64::from(*live)), ("max", i64::from(*max))],
        ),
        Rejection::NotOpen { line, requested, open } => Refusal::new(
            409,
            "not_open",
            format!("{requested} units were to be cancelled, {open} are open"),
            vec![
                ("line", i64::from(*line)),
                ("requested", number((*requested).into())),
                ("open", number((*open).into())),
            ],
        ),
        Rejection::NotAllocated { line, requested, allocated } => Refusal::new(
            409,
            "not_allocated",
            format!("{requested} units were to be shipped, {allocated} are allocated at that location"),
            vec![
                ("line", i64::from(*line)),
                ("requested", number((*requested).into())),
                ("allocated", number((*allocated).into())),
            ],
        ),
        Rejection::BackorderLimit { sku, limit, waiting, asked } => Refusal::new(
            409,
            "backorder_limit",
            format!("{asked} units of a sku would wait beside {waiting} that do, at most {limit} may"),
            vec![
                ("sku", number(sku.0.into())),
                ("limit", number((*limit).into())),
                ("waiting", number(*waiting)),
                ("asked", number(*asked)),
            ],
        ),
        Rejection::Incomplete { allocated, waiting } => Refusal::new(
            409,
            "order_incomplete",
            format!("the order ships complete: {allocated} units of it are allocated, {waiting} wait"),
            vec![("allocated", number(*allocated)), ("waiting", number(*waiting))],
        ),
        _ => Refusal::new(409, "order_closed", "nothing of the order is open".into(), Vec::new()),
    }
}

fn unprocessable(rejection: &Rejection) -> Refusal {
    let invalid =
        |code, detail: String, pointer: String| Refusal::new(422, code, detail, Vec::new()).at(pointer);
    match rejection {
        Rejection::NoLines => invalid("no_lines", "there is no line".into(), "/lines".into()),
        Rejection::TooManyLines { lines, max } => {
            invalid("too_many_lines", format!("{lines} lines, at most {max} are allowed"), "/lines".into())
        }
        Rejection::QuantityOutOfRange { index, quantity, max } => invalid(
            "quantity_out_of_range",
            format!("quantity {quantity} is not between 1 and {max}"),
            format!("/lines/{index}/quantity"),
        ),
        Rejection::SameState { state } => {
            invalid("same_state", format!("units already are {}", state_word(*state)), "/to".into())
        }
        Rejection::TooManyDecimals { decimals, max } => {
            invalid("too_many_decimals", format!("{decimals} decimals, at most {max}"), "/decimals".into())
        }
        Rejection::TooManyLocations { locations, max } => {
            let detail = format!("{locations} locations, at most {max} can serve a channel");
            invalid("too_many_locations", detail, "/locations".into())
        }
        Rejection::DuplicateLocation { .. } => {
            invalid("duplicate_location", "a location is named twice".into(), "/locations".into())
        }
        Rejection::DuplicateChannel { index } => invalid(
            "duplicate_channel",
            "the channel is named twice".into(),
            format!("/channel_policies/{index}/channel"),
        ),
        Rejection::InvalidAmount { member, max } => {
            invalid("invalid_amount", format!("{member} is above {max}"), format!("/{member}"))
        }
        Rejection::UnknownLine { index } => {
            invalid("unknown_line", "the order has no such line".into(), format!("/lines/{index}/id"))
        }
        Rejection::DuplicateLine { index } => {
            invalid("duplicate_line", "the line is named twice".into(), format!("/lines/{index}/id"))
        }
        _ => invalid("nothing_waits", "nothing waits for this sku".into(), String::new()),
    }
}
