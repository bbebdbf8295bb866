//! What channels are granted that sell from their own copy, as the audit's own books have it.

use crate::digest::fact;
use crate::ledger::Ledger;
use onhand_record::grant::ModeV1;
use std::collections::BTreeMap;

/// Lowerings of one grant that are counted by themselves; what is lowered beyond counts with the newest.
const LOWERINGS_MAX: usize = 8;

/// The lag of a feed that nobody stated, in milliseconds.
const LAG_MS: u64 = 60 * 60 * 1_000;

/// How one channel is exposed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exposed {
    pub(crate) mode: ModeV1,
    pub(crate) lag: u64,
    /// The time that its feed has passed; 0 = none.
    pub(crate) passed: u64,
}

impl Default for Exposed {
    fn default() -> Self {
        Self { mode: ModeV1::Escrow, lag: LAG_MS, passed: 0 }
    }
}

impl Exposed {
    /// Up to when all orders of the channel are known.
    pub(crate) fn known_until(&self) -> Option<u64> {
        if self.passed == 0 { None } else { self.passed.checked_sub(self.lag) }
    }

    /// Units of so many that nobody else gets.
    pub(crate) fn kept(&self, taken: i64) -> i64 {
        match self.mode {
            ModeV1::Escrow => taken,
            ModeV1::Mirror => 0,
            ModeV1::Overlap(hundredths) => {
                let hundredths = i64::from(hundredths.max(1));
                (taken * 100 + hundredths - 1) / hundredths
            }
        }
    }
}

/// Units that a channel was told to go without.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lowered {
    pub(crate) revision: u64,
    pub(crate) units: u64,
    pub(crate) acknowledged: Option<u64>,
}

/// What one channel is granted of one SKU.
#[derive(Debug, Clone, Default)]
pub(crate) struct Granted {
    /// The first record that granted some: holds before it have sold nothing.
    pub(crate) since: u64,
    pub(crate) total: u64,
    pub(crate) sold: u64,
    pub(crate) revision: u64,
    /// The oldest first.
    pub(crate) lowered: Vec<Lowered>,
}

impl Granted {
    /// Units that the channel may still sell by any total that it may go by.
    pub(crate) fn taken(&self) -> i64 {
        let most = self.lowered.iter().fold(self.total, |most, lowered| most + lowered.units);
        i64::try_from(most.saturating_sub(self.sold)).unwrap_or(i64::MAX / 400)
    }

    /// Another total is told.
    pub(crate) fn tell(&mut self, total: u64, revision: u64) {
        self.since = if self.since == 0 { revision } else { self.since };
        if total < self.total {
            let units = self.total - total;
            let before = if self.lowered.len() < LOWERINGS_MAX { None } else { self.lowered.pop() };
            let units = units + before.map_or(0, |before| before.units);
            self.lowered.push(Lowered { revision, units, acknowledged: None });
        } else {
            let mut more = total - self.total;
            while let Some(mut newest) = self.lowered.pop() {
                let units = more.min(newest.units);
                (newest.units, more) = (newest.units - units, more - units);
                if newest.units > 0 {
                    self.lowered.push(newest);
                    break;
                }
            }
        }
        (self.total, self.revision) = (total, revision);
    }

    /// It goes by a total, and by none before; the units of which that was not known.
    pub(crate) fn acknowledge(&mut self, revision: u64, at: u64) -> u64 {
        let mut units = 0;
        for lowered in &mut self.lowered {
            if lowered.revision <= revision {
                units += if lowered.acknowledged.is_none() { lowered.units } else { 0 };
                lowered.acknowledged = Some(at.min(lowered.acknowledged.unwrap_or(at)));
            }
        }
        units
    }

    /// Forgets what was acknowledged up to a time; how many units that were.
    pub(crate) fn settle(&mut self, until: u64) -> u64 {
        let is_settled = |lowered: &Lowered| lowered.acknowledged.is_some_and(|at| at <= until);
        let units =
            self.lowered.iter().filter(|lowered| is_settled(lowered)).map(|lowered| lowered.units).sum();
        self.lowered.retain(|lowered| !is_settled(lowered));
        units
    }
}

impl Ledger {
    /// How a channel is exposed.
    pub(crate) fn exposed(&self, channel: u16) -> Exposed {
        self.exposed.get(&channel).copied().unwrap_or_default()
    }

    /// Units of a SKU that nobody else gets than a channel that was granted them.
    pub(crate) fn kept_of_grant(&self, sku: u32, channel: u16) -> i64 {
        let taken = self.granted.get(&(sku, channel)).map_or(0, Granted::taken);
        if taken == 0 { 0 } else { self.exposed(channel).kept(taken) }
    }

    /// The same if it is a promise, and not kept in part.
    pub(crate) fn in_escrow(&self, sku: u32, channel: u16) -> i64 {
        if self.is_in_escrow(channel) { self.kept_of_grant(sku, channel) } else { 0 }
    }

    /// Whether what a channel is granted is a promise, and not kept in part.
    pub(crate) fn is_in_escrow(&self, channel: u16) -> bool {
        self.exposed(channel).mode == ModeV1::Escrow
    }

    /// A channel has sold units.
    pub(crate) fn sell(&mut self, channel: u16, sells: &BTreeMap<u32, i64>) {
        for (sku, units) in sells {
            if let Some(granted) = self.granted.get_mut(&(*sku, channel)) {
                granted.sold += u64::try_from(*units).unwrap_or(0);
            }
        }
    }

    /// A hold is no more: what it had sold, and nobody has confirmed, is not sold.
    pub(crate) fn take_back(&mut self, hold: u64, confirmed: &BTreeMap<u32, i64>) {
        let Some(held) = self.holds.get(&hold) else { return };
        for (sku, units) in &held.units {
            let left = units - confirmed.get(sku).copied().unwrap_or(0).min(*units);
            let granted = self.granted.get_mut(&(*sku, held.channel));
            if let Some(granted) = granted.filter(|granted| granted.since < hold) {
                granted.sold = granted.sold.saturating_sub(u64::try_from(left).unwrap_or(0));
            }
        }
    }

    /// What exposures and grants add to the digest.
    pub(crate) fn digest_of_grants(&self, merchant: u64) -> u64 {
        let mut sum = 0_u64;
        for (channel, exposed) in &self.exposed {
            let mode = match exposed.mode {
                ModeV1::Escrow => 0,
                ModeV1::Mirror => 1,
                ModeV1::Overlap(hundredths) => u64::from(hundredths),
            };
            let words = [11, merchant, u64::from(*channel), mode, exposed.lag, exposed.passed];
            sum = sum.wrapping_add(fact(&words));
        }
        for ((sku, channel), granted) in &self.granted {
            let (sku, channel) = (u64::from(*sku), u64::from(*channel));
            let Granted { since, total, sold, revision, lowered } = granted;
            sum = sum.wrapping_add(fact(&[9, merchant, sku, channel, *since, *total, *sold, *revision]));
            for lowered in lowered {
                let since = lowered.acknowledged.map_or(0, |at| at.wrapping_add(1));
                let words = [10, merchant, sku, channel, lowered.revision, lowered.units, since];
                sum = sum.wrapping_add(fact(&words));
            }
        }
        sum
    }
}
