//! What would become of an order that came now.

use super::explanation::ExplanationView;
use super::order::{OrderView, Short, policy_word, shortfalls};
use super::{Rendered, broken};
use crate::http::problem::Problem;
use onhand_engine::directory::Directory;
use onhand_engine::domain::event::OrderAccepted;
use onhand_engine::domain::rejection::Shortfall;
use onhand_engine::record::codec::decode_first;
use onhand_engine::record::order::{OrderAskedV1, ShortfallV1};
use onhand_engine::snapshots::Lsn;
use serde::Serialize;
use serde_json::value::RawValue;

/// A preview as shown.
#[derive(Debug, Serialize)]
struct PreviewView<'a> {
    outcome: &'static str,
    /// Of an order that would be accepted.
    status: Option<&'static str>,
    policy: Option<&'static str>,
    lines: Box<RawValue>,
    shortfalls: Vec<Short<'a>>,
    explanation: &'a ExplanationView,
    lsn: u64,
}

/// The preview of an order that would be accepted.
///
/// # Errors
/// 500 if what was asked cannot be read: a defect.
pub(crate) fn preview_accepted(
    directory: &Directory,
    lsn: Lsn,
    asked: &[u8],
    accepted: &OrderAccepted,
    explanation: &ExplanationView,
) -> Result<Rendered, Problem> {
    let (asked, _): (OrderAskedV1<'_>, _) = decode_first(asked).map_err(broken)?;
    let decided = (accepted.policy, &accepted.kits[..], &accepted.claims[..]);
    let order = OrderView::accepted(directory, lsn, &asked, decided);
    let mut lines = Vec::new();
    order.write_lines(&mut lines);
    Rendered::of(
        200,
        &PreviewView {
            outcome: "accepted",
            status: Some(order.status()),
            policy: Some(policy_word(accepted.policy)),
            lines: raw(lines)?,
            shortfalls: Vec::new(),
            explanation,
            lsn: lsn.0,
        },
    )
}

/// The preview of an order that stock could not serve.
///
/// # Errors
/// As [`preview_accepted`].
pub(crate) fn preview_refused(
    directory: &Directory,
    lsn: Lsn,
    asked: &[u8],
    missing: &[Shortfall],
    explanation: &ExplanationView,
) -> Result<Rendered, Problem> {
    let (asked, _): (OrderAskedV1<'_>, _) = decode_first(asked).map_err(broken)?;
    let row =
        |row: &Shortfall| ShortfallV1 { line: row.line, requested: row.requested, available: row.available };
    let rows: Vec<ShortfallV1> = missing.iter().map(row).collect();
    Rendered::of(
        200,
        &PreviewView {
            outcome: "refused",
            status: None,
            policy: None,
            lines: raw(b"[]".to_vec())?,
            shortfalls: shortfalls(directory, &asked, &rows),
            explanation,
            lsn: lsn.0,
        },
    )
}

fn raw(json: Vec<u8>) -> Result<Box<RawValue>, Problem> {
    let text = String::from_utf8(json).map_err(|_| Problem::internal())?;
    RawValue::from_string(text).map_err(|_| Problem::internal())
}
