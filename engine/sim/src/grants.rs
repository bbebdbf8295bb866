//! Channels that sell from their own copy, as those of the simulation do: what they are told, and what they say of it.

use crate::dice::Dice;
use crate::wish::{CHANNELS, SKUS, Wish};
use onhand_engine::domain::grant::Mode;
use onhand_engine::record::grant::GrantSetV1;
use onhand_engine::record::{Header, Kind, decode};
use onhand_engine::snapshots::Lsn;

/// What a channel was told, as its client knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    revision: Lsn,
    sku: u32,
    channel: u16,
    sold: u64,
    /// How many requests there had been.
    number: u64,
}

impl Told {
    /// What a record tells a channel, if it does.
    pub(crate) fn of(revision: Lsn, record: &[u8], number: u64) -> Option<Self> {
        let (_, body) = Header::decode(record).ok().filter(|(header, _)| header.kind == Kind::GrantSet)?;
        let GrantSetV1 { sku, channel, sold, .. } = decode(body).ok()?;
        Some(Self { revision, sku, channel, sold, number })
    }
}

/// Requests after which a channel has sold about one unit more of a SKU.
const REQUESTS_PER_UNIT: u64 = 8;

/// The clocks of channels are ahead of nothing and behind nothing: they count requests, from here on.
const EPOCH: u64 = 1_000;

/// Lags that a channel may have, in its own time.
const LAG_MAX: u64 = 40;

impl Wish {
    /// Another total, what a channel says of one, how far its feed has come, or another way to be exposed.
    pub(crate) fn grant(dice: &mut Dice, number: u64, told: &[Told]) -> Self {
        let channel = u16::try_from(dice.place(usize::from(CHANNELS))).unwrap_or(0);
        let at = EPOCH + number.saturating_sub(dice.below(LAG_MAX));
        match dice.below(20) {
            0 => {
                let modes = [Mode::Escrow, Mode::Escrow, Mode::Overlap(150), Mode::Mirror];
                let (mode, max_lag_ms) = (modes[dice.place(modes.len())], dice.below(LAG_MAX));
                Self::Expose { channel, mode, max_lag_ms }
            }
            1..5 if !told.is_empty() => {
                let Told { revision, sku, channel, .. } = told[dice.place(told.len())];
                Self::Acknowledge { sku, channel, revision, at }
            }
            5..9 => Self::Pass { channel, at },
            _ => {
                let sku = dice.small(SKUS);
                let is_it = |told: &&Told| (told.sku, told.channel) == (sku, channel);
                let last = told.iter().rev().find(is_it);
                let sold = last.map_or(0, |told| told.sold + (number - told.number) / REQUESTS_PER_UNIT);
                Self::Grant { sku, channel, granted: sold + dice.below(10) }
            }
        }
    }
}
