//! Holds.

use super::{Rendered, Units, broken, instant_text};
use crate::http::problem::Problem;
use crate::ids;
use onhand_engine::directory::Directory;
use onhand_engine::domain::hold::Hold;
use onhand_engine::domain::{ChannelNumber, HoldId, SkuNumber};
use onhand_engine::record::hold::{EndCauseV1, HoldExtendedV1, HoldPlacedV1, HoldsEndedV1};
use onhand_engine::record::{Header, Kind, decode};
use onhand_engine::snapshots::Lsn;
use serde::Serialize;

/// A hold as shown.
#[derive(Debug, Serialize)]
struct HoldView<'a> {
    id: String,
    channel: String,
    /// `held`, or `ended` once it has expired, was released or confirmed.
    status: &'static str,
    /// Of a live hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    lines: Vec<HeldLine<'a>>,
    lsn: u64,
}

/// A line of a hold.
#[derive(Debug, Serialize)]
struct HeldLine<'a> {
    id: &'a str,
    sku: String,
    quantity: Units,
}

/// What became of a hold.
#[derive(Debug, Serialize)]
struct ChangeView {
    id: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    lsn: u64,
}

fn view<'a>(
    directory: &Directory,
    hold: HoldId,
    lsn: Lsn,
    placed: &HoldPlacedV1<'a>,
    (status, deadline): (&'static str, Option<u64>),
) -> Result<HoldView<'a>, Problem> {
    let line = |line: &onhand_engine::record::hold::HeldLineV1<'a>| HeldLine {
        id: line.id,
        sku: directory.with_sku_code(SkuNumber(line.sku), str::to_owned),
        quantity: Units { units: line.quantity.into(), decimals: line.decimals },
    };
    Ok(HoldView {
        id: ids::hold_text(hold),
        channel: directory.with_channel_code(ChannelNumber(placed.channel), str::to_owned),
        status,
        expires_at: deadline.map(instant_text).transpose()?,
        lines: placed.lines.iter().map(line).collect(),
        lsn: lsn.0,
    })
}

/// The answer to a hold, its extension or its end.
pub(super) fn held(directory: &Directory, lsn: Lsn, kind: Kind, body: &[u8]) -> Result<Rendered, Problem> {
    let id = |hold: u64| ids::hold_text(HoldId(hold));
    match kind {
        Kind::HoldPlaced => {
            let placed: HoldPlacedV1<'_> = decode(body).map_err(broken)?;
            Rendered::of(201, &view(directory, HoldId(lsn.0), lsn, &placed, ("held", Some(placed.deadline)))?)
        }
        Kind::HoldExtended => {
            let HoldExtendedV1 { hold, deadline } = decode(body).map_err(broken)?;
            let expires_at = Some(instant_text(deadline)?);
            Rendered::of(200, &ChangeView { id: id(hold), status: "held", expires_at, lsn: lsn.0 })
        }
        _ => {
            let HoldsEndedV1 { holds, cause } = decode(body).map_err(broken)?;
            let (EndCauseV1::Released, Some(hold)) = (cause, holds.first()) else {
                return Err(Problem::internal());
            };
            let view = ChangeView { id: id(*hold), status: "ended", expires_at: None, lsn: lsn.0 };
            Rendered::of(200, &view)
        }
    }
}

/// A hold as it stands, for a read: `live` if it does.
///
/// # Errors
/// 500 if the record of it cannot be read.
pub(crate) fn hold_view(
    directory: &Directory,
    hold: HoldId,
    lsn: Lsn,
    record: &[u8],
    live: Option<&Hold>,
) -> Result<Rendered, Problem> {
    let (_, body) = Header::decode(record).map_err(broken)?;
    let placed: HoldPlacedV1<'_> = decode(body).map_err(broken)?;
    let stands = live.map_or(("ended", None), |live| ("held", Some(live.deadline)));
    Rendered::of(200, &view(directory, hold, lsn, &placed, stands)?)
}
