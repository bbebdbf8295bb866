//! Exposure grants: from event to record and back.

use onhand_domain::event::{Event, ExposurePut, FeedPassed, GrantAcknowledged, GrantSet, GrantsFreed};
use onhand_domain::grant::{Exposure, Grant, Lowering, Mode};
use onhand_domain::{ChannelNumber, SkuNumber};
use onhand_record::grant::{
    ExposurePutV1, FeedPassedV1, GrantAcknowledgedV1, GrantSetV1, GrantsFreedV1, ModeV1,
};
use onhand_record::snapshot::{ExposureRowV1, GrantRowV1};
use onhand_record::{DecodeError, EncodeError, decode, encode_into};

pub(super) fn encode_exposure(put: &ExposurePut, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let ExposurePut { channel, mode, max_lag_ms } = *put;
    encode_into(&ExposurePutV1 { channel: channel.0, mode: mode_record(mode), max_lag_ms }, out)
}

pub(super) fn encode_set(set: &GrantSet, decimals: u8, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let GrantSet { sku, channel, granted, sold, taken } = *set;
    encode_into(&GrantSetV1 { sku: sku.0, decimals, channel: channel.0, granted, sold, taken }, out)
}

pub(super) fn encode_acknowledged(
    acknowledged: &GrantAcknowledged,
    decimals: u8,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let GrantAcknowledged { sku, channel, revision, at, units } = *acknowledged;
    encode_into(&GrantAcknowledgedV1 { sku: sku.0, decimals, channel: channel.0, revision, at, units }, out)
}

pub(super) fn encode_passed(passed: &FeedPassed, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    encode_into(&FeedPassedV1 { channel: passed.channel.0, at: passed.at }, out)
}

pub(super) fn encode_freed(freed: &GrantsFreed, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let GrantsFreed { channel, until, ref freed } = *freed;
    let freed = freed.iter().map(|(sku, units)| (sku.0, *units)).collect();
    encode_into(&GrantsFreedV1 { channel: channel.0, until, freed }, out)
}

pub(super) fn exposure_put(body: &[u8]) -> Result<Event, DecodeError> {
    let ExposurePutV1 { channel, mode, max_lag_ms } = decode(body)?;
    let (channel, mode) = (ChannelNumber(channel), mode_of(mode));
    Ok(Event::ExposurePut(ExposurePut { channel, mode, max_lag_ms }))
}

pub(super) fn set(body: &[u8]) -> Result<Event, DecodeError> {
    let GrantSetV1 { sku, channel, granted, sold, taken, .. } = decode(body)?;
    let (sku, channel) = (SkuNumber(sku), ChannelNumber(channel));
    Ok(Event::GrantSet(GrantSet { sku, channel, granted, sold, taken }))
}

pub(super) fn acknowledged(body: &[u8]) -> Result<Event, DecodeError> {
    let GrantAcknowledgedV1 { sku, channel, revision, at, units, .. } = decode(body)?;
    let (sku, channel) = (SkuNumber(sku), ChannelNumber(channel));
    Ok(Event::GrantAcknowledged(GrantAcknowledged { sku, channel, revision, at, units }))
}

pub(super) fn passed(body: &[u8]) -> Result<Event, DecodeError> {
    let FeedPassedV1 { channel, at } = decode(body)?;
    Ok(Event::FeedPassed(FeedPassed { channel: ChannelNumber(channel), at }))
}

pub(super) fn freed(body: &[u8]) -> Result<Event, DecodeError> {
    let GrantsFreedV1 { channel, until, freed } = decode(body)?;
    let freed = freed.into_iter().map(|(sku, units)| (SkuNumber(sku), units)).collect();
    Ok(Event::GrantsFreed(GrantsFreed { channel: ChannelNumber(channel), until, freed }))
}

/// A channel's exposure as a snapshot keeps it.
pub(crate) fn exposure_row(channel: ChannelNumber, exposure: Exposure) -> ExposureRowV1 {
    let Exposure { mode, max_lag_ms, watermark } = exposure;
    ExposureRowV1 { channel: channel.0, mode: mode_record(mode), max_lag_ms, watermark }
}

/// A snapshot's exposure.
pub(crate) fn exposure_of(row: ExposureRowV1) -> (ChannelNumber, Exposure) {
    let ExposureRowV1 { channel, mode, max_lag_ms, watermark } = row;
    (ChannelNumber(channel), Exposure { mode: mode_of(mode), max_lag_ms, watermark })
}

/// A grant as a snapshot keeps it.
pub(crate) fn grant_row(sku: SkuNumber, grant: &Grant) -> GrantRowV1 {
    let Grant { channel, since, granted, sold, revision, ref lowerings } = *grant;
    let lowering = |lowering: &Lowering| (lowering.revision, lowering.units, lowering.acknowledged);
    let lowerings = lowerings.iter().map(lowering).collect();
    GrantRowV1 { sku: sku.0, channel: channel.0, since, granted, sold, revision, lowerings }
}

/// A snapshot's grant.
pub(crate) fn grant_of(row: GrantRowV1) -> (SkuNumber, Grant) {
    let GrantRowV1 { sku, channel, since, granted, sold, revision, lowerings } = row;
    let lowering =
        |(revision, units, acknowledged): (u64, u64, Option<u64>)| Lowering { revision, units, acknowledged };
    let lowerings = lowerings.into_iter().map(lowering).collect();
    let channel = ChannelNumber(channel);
    (SkuNumber(sku), Grant { channel, since, granted, sold, revision, lowerings })
}

fn mode_record(mode: Mode) -> ModeV1 {
    match mode {
        Mode::Escrow => ModeV1::Escrow,
        Mode::Overlap(hundredths) => ModeV1::Overlap(hundredths),
        Mode::Mirror => ModeV1::Mirror,
    }
}

fn mode_of(mode: ModeV1) -> Mode {
    match mode {
        ModeV1::Escrow => Mode::Escrow,
        ModeV1::Overlap(hundredths) => Mode::Overlap(hundredths),
        ModeV1::Mirror => Mode::Mirror,
    }
}
