//! Exposure grants: units that a channel sells from its own copy of our number, as a marketplace does.
//!
//! What a channel is told is a *total*: units of a SKU that it was ever granted. Its copy is that less all it has sold.
//! A total is absolute, so one that is told twice or late does no harm, and a sale that is under way while it changes is
//! not lost. What a grant takes from others is the greatest total that the channel may still go by, less what it is known
//! to have sold: a *lowering* counts until the channel has acknowledged it and every sale before that has been heard of
//! ([`Exposure::heard_until`]).

use crate::id::ChannelNumber;
use crate::planted::{Bug, is_planted};
use alloc::vec::Vec;

/// Hundredths of the stock that grants in [`Mode::Overlap`] may come to: as much as there is, and a hundred times as much.
pub const OVERLAP_MIN: u16 = 100;
/// See [`OVERLAP_MIN`].
pub const OVERLAP_MAX: u16 = 10_000;

/// The longest lag of a feed that may be declared: a month. Beyond it a lowered grant keeps units as if it were for ever.
pub const LAG_MAX_MS: u64 = 30 * 24 * 60 * 60 * 1_000;

/// The lag of a feed that nobody declared: an hour, which is how long marketplaces are away in bad times.
pub const LAG_MS: u64 = 60 * 60 * 1_000;

/// How far the clock of a channel may be ahead of ours: a day. It is off by minutes, in the wrong zone by hours, in the wrong
/// unit by years; and a time that its feed has passed once is never taken back.
pub const AHEAD_MAX_MS: u64 = 24 * 60 * 60 * 1_000;

/// Lowerings of one grant that are on their way: a channel acknowledges the last of several. What is lowered beyond goes
/// together with the newest.
pub const LOWERINGS_MAX: usize = 8;

/// SKUs whose lowered units are freed in one record, some kilobytes of it.
pub const FREED_TOGETHER_MAX: usize = 256;

/// What of a grant is kept from everybody else.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// All of it: the channel cannot sell a unit that is not there, however old its copy is.
    #[default]
    Escrow,
    /// A part, such that all grants of such channels come to so many hundredths of what is kept: 250 is two and a half
    /// times the stock.
    Overlap(u16),
    /// Nothing: the number is a copy, and may be sold elsewhere before the channel knows.
    Mirror,
}

impl Mode {
    /// Units that are kept of a grant that takes `units`; a part is rounded up.
    #[must_use]
    pub fn kept(self, units: u64) -> u64 {
        match self {
            Self::Escrow => units,
            Self::Overlap(hundredths) => {
                units.saturating_mul(100).div_ceil(u64::from(hundredths.max(OVERLAP_MIN)))
            }
            Self::Mirror => 0,
        }
    }
}

/// How a channel is exposed: what was stated of it, and how far its feed of orders has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exposure {
    /// What of its grants is kept.
    pub mode: Mode,
    /// How much later than the feed says an order may still come, in milliseconds.
    pub max_lag_ms: u64,
    /// The time on the channel's own clock that its feed has passed, in milliseconds since 1970-01-01 UTC; 0 = never.
    pub watermark: u64,
}

impl Default for Exposure {
    fn default() -> Self {
        Self { mode: Mode::Escrow, max_lag_ms: LAG_MS, watermark: 0 }
    }
}

impl Exposure {
    /// The time on the channel's clock up to which all of its orders are known, that included; `None` as long as the feed
    /// has not come that far.
    #[must_use]
    pub fn heard_until(&self) -> Option<u64> {
        self.watermark.checked_sub(self.max_lag_ms).filter(|_| self.watermark > 0)
    }

    /// Whether an order that is sold at this time of the channel's clock should have been heard of before.
    #[must_use]
    pub fn is_late(&self, sold_at: u64) -> bool {
        self.heard_until().is_some_and(|until| sold_at <= until)
    }
}

/// Units by which a channel was told a smaller total, and that it may sell until it is known to go by that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lowering {
    /// The record that told it.
    pub revision: u64,
    /// How many; more than 0.
    pub units: u64,
    /// When the channel began to go by it, on its own clock, once it has said so.
    pub acknowledged: Option<u64>,
}

/// What one channel is granted of one SKU.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// Which.
    pub channel: ChannelNumber,
    /// The record that granted it any first: what buyers held before that has sold nothing of it.
    pub since: u64,
    /// The total that it is told: units that it was granted in all, those that it has sold included.
    pub granted: u64,
    /// Units that it has sold since, whether they were there or not.
    pub sold: u64,
    /// The record that told it the total.
    pub revision: u64,
    /// What it may sell beyond its total for now, the oldest first.
    pub lowerings: Vec<Lowering>,
}

impl Grant {
    /// Of no units yet.
    #[must_use]
    pub fn new(channel: ChannelNumber) -> Self {
        Self { channel, since: 0, granted: 0, sold: 0, revision: 0, lowerings: Vec::new() }
    }

    /// Units that the channel still has of its total: what its copy shows once it goes by it and all its sales are heard of.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.granted.saturating_sub(self.sold)
    }

    /// Units that the channel may sell before it can be known not to: what it has left, and what it was told to go without.
    #[must_use]
    pub fn taken(&self) -> u64 {
        let lowered: u64 = self.lowerings.iter().map(|lowering| lowering.units).sum();
        (self.granted + lowered).saturating_sub(self.sold)
    }

    /// Tells another total, by the record `revision`. More than before is first what it was told to go without, the last of
    /// it first: it may have that anyway.
    pub(crate) fn tell(&mut self, granted: u64, revision: u64) {
        if self.since == 0 {
            self.since = revision;
        }
        match granted.checked_sub(self.granted) {
            Some(more) => self.raise(more),
            None => self.lower(self.granted - granted, revision),
        }
        (self.granted, self.revision) = (granted, revision);
    }

    fn raise(&mut self, more: u64) {
        let mut left = more;
        while left > 0
            && let Some(newest) = self.lowerings.last_mut()
        {
            let units = newest.units.min(left);
            (newest.units, left) = (newest.units - units, left - units);
            if newest.units == 0 {
                self.lowerings.pop();
            }
        }
    }

    fn lower(&mut self, units: u64, revision: u64) {
        if is_planted(Bug::FreeLowered) {
            return;
        }
        let is_full = self.lowerings.len() >= LOWERINGS_MAX;
        match self.lowerings.last_mut().filter(|_| is_full) {
            Some(newest) => {
                *newest = Lowering { revision, units: newest.units + units, acknowledged: None };
            }
            None => self.lowerings.push(Lowering { revision, units, acknowledged: None }),
        }
    }

    /// The channel has gone by what this record told it, or a later one, from a time of its clock on. Returns how many
    /// units it was to go without that had not been acknowledged before.
    pub(crate) fn acknowledge(&mut self, revision: u64, at: u64) -> u64 {
        let mut units = 0;
        for lowering in self.lowerings.iter_mut().filter(|lowering| lowering.revision <= revision) {
            if lowering.acknowledged.is_none() {
                units += lowering.units;
            }
            // Whoever goes by a later total goes by none before.
            lowering.acknowledged = Some(lowering.acknowledged.map_or(at, |before| before.min(at)));
        }
        units
    }

    /// Units that are to be freed, since all sales up to a time of the channel's clock are heard of.
    #[must_use]
    pub fn settled(&self, until: u64) -> u64 {
        let settled = self.lowerings.iter().filter(|lowering| lowering.is_settled(until));
        settled.map(|lowering| lowering.units).sum()
    }

    /// Frees them.
    pub(crate) fn settle(&mut self, until: u64) {
        self.lowerings.retain(|lowering| !lowering.is_settled(until));
    }

    /// The channel has sold units.
    pub(crate) fn sell(&mut self, units: u64) {
        if !is_planted(Bug::KeepSold) {
            self.sold += units;
        }
    }

    /// Units that were sold to a buyer who held them are not, since no order came for them: the channel may sell them again,
    /// or tells that order late.
    pub(crate) fn take_back(&mut self, units: u64) {
        self.sold = self.sold.saturating_sub(units);
    }
}

impl Lowering {
    fn is_settled(&self, until: u64) -> bool {
        self.acknowledged.is_some_and(|at| at <= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(granted: u64) -> Grant {
        let mut grant = Grant::new(ChannelNumber(0));
        grant.tell(granted, 1);
        grant
    }

    #[test]
    fn what_is_lowered_is_taken_until_it_is_settled() {
        let mut grant = grant(10);
        grant.tell(5, 2);
        assert_eq!((grant.left(), grant.taken()), (5, 10));
        assert_eq!(grant.acknowledge(1, 50), 0, "of what came before nothing was lowered");
        assert_eq!(grant.settled(u64::MAX), 0);
        assert_eq!(grant.acknowledge(2, 60), 5);
        assert_eq!(grant.acknowledge(2, 70), 0, "once is enough");
        assert_eq!((grant.settled(59), grant.settled(60)), (0, 5));
        grant.settle(60);
        assert_eq!((grant.left(), grant.taken()), (5, 5));
    }

    #[test]
    fn a_sale_takes_from_what_was_lowered_whichever_came_first() {
        let mut grant = grant(10);
        grant.tell(5, 2);
        grant.sell(7);
        assert_eq!((grant.left(), grant.taken()), (0, 3));
        grant.acknowledge(2, 60);
        grant.settle(60);
        assert_eq!((grant.left(), grant.taken()), (0, 0), "all seven were sold before");
        grant.tell(9, 3);
        assert_eq!((grant.left(), grant.taken()), (2, 2));
    }

    #[test]
    fn what_is_raised_was_lowered_first() {
        let mut grant = grant(10);
        grant.tell(8, 2);
        grant.tell(5, 3);
        grant.tell(9, 4);
        assert_eq!((grant.left(), grant.taken()), (9, 10));
        grant.acknowledge(2, 60);
        assert_eq!(grant.settled(60), 1, "from the eight on it could come to nine again");
        grant.tell(12, 5);
        assert_eq!((grant.taken(), grant.lowerings.len()), (12, 0));
    }

    #[test]
    fn lowerings_without_end_go_together() {
        let mut grant = grant(100);
        for revision in 2..40 {
            grant.tell(100 - revision, revision);
        }
        assert_eq!((grant.lowerings.len(), grant.left(), grant.taken()), (LOWERINGS_MAX, 61, 100));
        assert_eq!(grant.acknowledge(20, 60), 8, "what went together waits for the last of it");
        assert_eq!(grant.acknowledge(39, 60), 31);
    }

    #[test]
    fn modes_keep_all_a_part_and_nothing() {
        for (mode, units, kept) in [
            (Mode::Escrow, 7, 7),
            (Mode::Overlap(100), 7, 7),
            (Mode::Overlap(200), 7, 4),
            (Mode::Overlap(250), 10, 4),
            (Mode::Overlap(10_000), 1, 1),
            (Mode::Overlap(0), 7, 7),
            (Mode::Mirror, 7, 0),
        ] {
            assert_eq!(mode.kept(units), kept, "{mode:?} of {units}");
        }
    }

    #[test]
    fn an_order_is_late_that_the_feed_had_passed() {
        let exposure = |watermark| Exposure { mode: Mode::Escrow, max_lag_ms: 10, watermark };
        assert_eq!([0, 5, 10, 30].map(|at| exposure(at).heard_until()), [None, None, Some(0), Some(20)]);
        assert!(exposure(30).is_late(20));
        assert!(!exposure(30).is_late(21));
        assert!(!Exposure::default().is_late(0));
    }
}
