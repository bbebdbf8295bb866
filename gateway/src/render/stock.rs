//! Stock and its movements.

use super::{Rendered, Units, broken};
use crate::http::problem::Problem;
use onhand_engine::ask::StockRead;
use onhand_engine::directory::Directory;
use onhand_engine::domain::merchant::Standing;
use onhand_engine::domain::sku::{Level, Pool};
use onhand_engine::domain::{LocationNumber, SkuNumber};
use onhand_engine::record::decode;
use onhand_engine::record::stock::{MovementV1, StateV1, StockMovedV1};
use onhand_engine::snapshots::Lsn;
use serde::{Serialize, Serializer};

/// Stock of one SKU at one location.
#[derive(Debug, Serialize)]
struct LevelView {
    location: String,
    sellable: Units,
    damaged: Units,
    quality_control: Units,
    on_hand: Units,
    reserved: Units,
    committed: Units,
    safety_stock: Units,
    available: Units,
}

/// Units of one SKU that are one channel's own.
#[derive(Debug, Serialize)]
struct PoolView {
    channel: String,
    dedicated: Units,
    available: Units,
    committed: Units,
}

/// Stock of one SKU.
#[derive(Debug, Serialize)]
pub struct StockView {
    sku: String,
    lsn: u64,
    locations: Vec<LevelView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pools: Vec<PoolView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reserved: Option<Units>,
    backordered: Units,
    short: Units,
}

impl StockView {
    /// Stock as its owner read it.
    #[must_use]
    pub fn of(directory: &Directory, lsn: Lsn, read: &StockRead) -> Self {
        let (sku, decimals) = directory.sku_code(read.sku).unwrap_or_default();
        let units = |units: u64| Units { units, decimals };
        let level = |(level, (standing, safety_stock)): (&Level, (&Standing, &u32))| LevelView {
            location: directory.with_location_code(level.location(), str::to_owned),
            sellable: units(level.sellable().into()),
            damaged: units(level.damaged().into()),
            quality_control: units(level.quality_control().into()),
            on_hand: units(level.on_hand()),
            reserved: units(standing.reserved.into()),
            committed: units(level.committed().into()),
            safety_stock: units((*safety_stock).into()),
            available: units(standing.available.into()),
        };
        let pool = |(pool, dedicated): (&Pool, &u32)| PoolView {
            channel: directory.with_channel_code(pool.channel, str::to_owned),
            dedicated: units((*dedicated).into()),
            available: units(pool.left),
            committed: units(pool.charged),
        };
        let kept = read.standing.iter().zip(&read.safety_stock);
        Self {
            sku: sku.into(),
            lsn: lsn.0,
            locations: read.levels.iter().zip(kept).map(level).collect(),
            pools: read.pools.iter().zip(&read.dedicated).map(pool).collect(),
            reserved: (read.reserved > 0).then(|| units(read.reserved)),
            backordered: units(read.backordered),
            short: units(read.short),
        }
    }
}

/// A difference as shown: a number, or a decimal string, with a minus where units are lost.
struct Signed {
    units: Units,
    is_loss: bool,
}

impl Serialize for Signed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Units { units, decimals } = self.units;
        match (self.is_loss, decimals) {
            (false, _) => self.units.serialize(serializer),
            (true, 0) => serializer.serialize_i64(i64::try_from(units).unwrap_or(i64::MAX).wrapping_neg()),
            (true, _) => serializer
                .serialize_str(&format!("-{}", onhand_engine::domain::quantity::format(units, decimals))),
        }
    }
}

fn state_word(state: StateV1) -> &'static str {
    match state {
        StateV1::Sellable => "sellable",
        StateV1::Damaged => "damaged",
        StateV1::QualityControl => "quality_control",
    }
}

/// The word of a movement.
fn movement_word(movement: MovementV1) -> &'static str {
    match movement {
        MovementV1::Receive => "receive",
        MovementV1::Adjust => "adjust",
        MovementV1::Set { .. } => "set",
        MovementV1::Move => "move",
    }
}

/// The answer to a movement.
pub(super) fn moved(directory: &Directory, lsn: Lsn, body: &[u8]) -> Result<Rendered, Problem> {
    #[derive(Serialize)]
    struct MovedView<'a> {
        #[serde(rename = "type")]
        movement: &'static str,
        sku: String,
        location: String,
        quantity: Units,
        /// Of an adjustment.
        #[serde(skip_serializing_if = "Option::is_none")]
        delta: Option<Signed>,
        /// Of everything but a move.
        #[serde(skip_serializing_if = "Option::is_none")]
        state: Option<&'static str>,
        /// Of a move.
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        to: Option<&'static str>,
        reason: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        reference: Option<&'a str>,
        sellable: Units,
        damaged: Units,
        quality_control: Units,
        on_hand: Units,
        reserved: Units,
        committed: Units,
        available: Units,
        shorted: Units,
        lsn: u64,
    }
    let body: StockMovedV1<'_> = decode(body).map_err(broken)?;
    let units = |units: u64| Units { units, decimals: body.decimals };
    let [sellable, damaged, quality_control, committed] =
        [body.after.sellable, body.after.damaged, body.after.quality_control, body.after.committed]
            .map(u64::from);
    let is_move = body.movement == MovementV1::Move;
    let delta = (body.movement == MovementV1::Adjust)
        .then(|| Signed { units: units(body.quantity.into()), is_loss: body.from.is_some() });
    let state = body.to.or(body.from).map(state_word).filter(|_| !is_move);
    let [from, to] = [body.from, body.to].map(|state| state.map(state_word).filter(|_| is_move));
    Rendered::of(
        201,
        &MovedView {
            movement: movement_word(body.movement),
            sku: directory.with_sku_code(SkuNumber(body.sku), str::to_owned),
            location: directory.with_location_code(LocationNumber(body.location), str::to_owned),
            quantity: units(body.quantity.into()),
            delta,
            state,
            from,
            to,
            reason: body.reason,
            reference: body.reference,
            sellable: units(sellable),
            damaged: units(damaged),
            quality_control: units(quality_control),
            on_hand: units(sellable + damaged + quality_control),
            // The record tells of the goods alone; what is held is at no location.
            reserved: units(0),
            committed: units(committed),
            available: units(sellable.saturating_sub(committed)),
            shorted: units(body.shorts.iter().map(|short| u64::from(short.quantity)).sum()),
            lsn: lsn.0,
        },
    )
}
