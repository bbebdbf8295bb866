//! Exposure grants.

use super::{Rendered, Units, broken, instant_text};
use crate::http::problem::Problem;
use onhand_engine::ask::GrantRead;
use onhand_engine::directory::Directory;
use onhand_engine::domain::grant::{Exposure, Lowering, Mode};
use onhand_engine::domain::{ChannelNumber, SkuNumber};
use onhand_engine::record::grant::{ExposurePutV1, FeedPassedV1, GrantAcknowledgedV1, GrantSetV1, ModeV1};
use onhand_engine::record::{Kind, decode};
use onhand_engine::snapshots::Lsn;
use serde::Serialize;

/// How a channel is exposed.
#[derive(Debug, Serialize)]
struct ExposureView {
    channel: String,
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    overlap_percent: Option<u16>,
    max_lag_ms: u64,
    /// Of a read, if the feed was ever heard of.
    #[serde(skip_serializing_if = "Option::is_none")]
    watermark: Option<String>,
    lsn: u64,
}

/// How far the feed of a channel has come.
#[derive(Debug, Serialize)]
struct WatermarkView {
    channel: String,
    watermark: String,
    lsn: u64,
}

/// What a channel is granted of a SKU.
#[derive(Debug, Serialize)]
struct GrantView {
    sku: String,
    channel: String,
    granted: Units,
    sold: Units,
    left: Units,
    taken: Units,
    /// What follows is of a read.
    #[serde(skip_serializing_if = "Option::is_none")]
    exposed: Option<Units>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lowerings: Option<Vec<LoweringView>>,
    revision: u64,
    lsn: u64,
}

/// What a channel was told to go without, and may sell for now.
#[derive(Debug, Serialize)]
struct LoweringView {
    revision: u64,
    units: Units,
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledged_at: Option<String>,
}

/// What a channel has acknowledged.
#[derive(Debug, Serialize)]
struct AcknowledgedView {
    sku: String,
    channel: String,
    revision: u64,
    acknowledged_at: String,
    units: Units,
    lsn: u64,
}

fn words(mode: Mode) -> (&'static str, Option<u16>) {
    match mode {
        Mode::Escrow => ("escrow", None),
        Mode::Overlap(hundredths) => ("overlap", Some(hundredths)),
        Mode::Mirror => ("mirror", None),
    }
}

fn code(directory: &Directory, channel: u16) -> String {
    directory.with_channel_code(ChannelNumber(channel), str::to_owned)
}

/// The answer to what is told a channel, or what it says.
pub(super) fn granted(directory: &Directory, lsn: Lsn, kind: Kind, body: &[u8]) -> Result<Rendered, Problem> {
    match kind {
        Kind::ExposurePut => {
            let ExposurePutV1 { channel, mode, max_lag_ms } = decode(body).map_err(broken)?;
            let mode = match mode {
                ModeV1::Escrow => Mode::Escrow,
                ModeV1::Overlap(hundredths) => Mode::Overlap(hundredths),
                ModeV1::Mirror => Mode::Mirror,
            };
            let exposure = Exposure { mode, max_lag_ms, watermark: 0 };
            exposure_view(directory, lsn, ChannelNumber(channel), exposure)
        }
        Kind::FeedPassed => {
            let FeedPassedV1 { channel, at } = decode(body).map_err(broken)?;
            let (channel, watermark) = (code(directory, channel), instant_text(at)?);
            Rendered::of(200, &WatermarkView { channel, watermark, lsn: lsn.0 })
        }
        Kind::GrantAcknowledged => {
            let acknowledged: GrantAcknowledgedV1 = decode(body).map_err(broken)?;
            Rendered::of(200, &acknowledged_view(directory, lsn, acknowledged)?)
        }
        _ => {
            let set: GrantSetV1 = decode(body).map_err(broken)?;
            Rendered::of(200, &set_view(directory, lsn, set))
        }
    }
}

fn set_view(directory: &Directory, lsn: Lsn, set: GrantSetV1) -> GrantView {
    let GrantSetV1 { sku, decimals, channel, granted, sold, taken } = set;
    let units = |units: u64| Units { units, decimals };
    GrantView {
        sku: directory.with_sku_code(SkuNumber(sku), str::to_owned),
        channel: code(directory, channel),
        granted: units(granted),
        sold: units(sold),
        left: units(granted.saturating_sub(sold)),
        taken: units(taken),
        exposed: None,
        lowerings: None,
        revision: lsn.0,
        lsn: lsn.0,
    }
}

fn acknowledged_view(
    directory: &Directory,
    lsn: Lsn,
    acknowledged: GrantAcknowledgedV1,
) -> Result<AcknowledgedView, Problem> {
    let GrantAcknowledgedV1 { sku, decimals, channel, revision, at, units } = acknowledged;
    Ok(AcknowledgedView {
        sku: directory.with_sku_code(SkuNumber(sku), str::to_owned),
        channel: code(directory, channel),
        revision,
        acknowledged_at: instant_text(at)?,
        units: Units { units, decimals },
        lsn: lsn.0,
    })
}

/// How a channel is exposed.
///
/// # Errors
/// 500 if its times are none.
pub(crate) fn exposure_view(
    directory: &Directory,
    lsn: Lsn,
    channel: ChannelNumber,
    exposure: Exposure,
) -> Result<Rendered, Problem> {
    let Exposure { mode, max_lag_ms, watermark } = exposure;
    let (mode, overlap_percent) = words(mode);
    let watermark = (watermark > 0).then(|| instant_text(watermark)).transpose()?;
    let channel = code(directory, channel.0);
    Rendered::of(200, &ExposureView { channel, mode, overlap_percent, max_lag_ms, watermark, lsn: lsn.0 })
}

/// A grant as it stands, for a read.
///
/// # Errors
/// 500 if its times are none.
pub(crate) fn grant_view(
    directory: &Directory,
    lsn: Lsn,
    sku: SkuNumber,
    read: &GrantRead,
) -> Result<Rendered, Problem> {
    let (code_of_sku, decimals) = directory.sku_code(sku).unwrap_or_default();
    let units = |units: u64| Units { units, decimals };
    let lowering = |lowering: &Lowering| {
        let Lowering { revision, units: lowered, acknowledged } = *lowering;
        let acknowledged_at = acknowledged.map(instant_text).transpose()?;
        Ok(LoweringView { revision, units: units(lowered), acknowledged_at })
    };
    let lowerings = read.grant.lowerings.iter().map(lowering).collect::<Result<Vec<_>, Problem>>()?;
    let view = GrantView {
        sku: code_of_sku.into(),
        channel: code(directory, read.grant.channel.0),
        granted: units(read.grant.granted),
        sold: units(read.grant.sold),
        left: units(read.grant.left()),
        taken: units(read.grant.taken()),
        exposed: Some(units(read.exposed)),
        lowerings: Some(lowerings),
        revision: read.grant.revision,
        lsn: lsn.0,
    };
    Rendered::of(200, &view)
}
