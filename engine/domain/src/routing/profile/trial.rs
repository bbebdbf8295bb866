//! A set of locations as a plan, and which of two is better.

use super::costs::Score;
use alloc::vec::Vec;
use core::cmp::Ordering;

/// What comes of some locations serving what they can, each in its turn.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Trial {
    /// Units that none of them has.
    pub(super) missing: u64,
    pub(super) score: Score,
    /// The candidates that serve at least one unit, ascending.
    pub(super) chosen: Vec<usize>,
}

impl Trial {
    /// Whether this is better: less is missing, then the ranks, then fewer shipments, then the earlier
    /// candidates. Two trials of different locations are never equal.
    pub(super) fn beats(&self, other: &Self) -> bool {
        self.compare(other) == Ordering::Less
    }

    fn compare(&self, other: &Self) -> Ordering {
        let key = |trial: &Self| (trial.missing, trial.score, trial.chosen.len());
        key(self).cmp(&key(other)).then_with(|| self.chosen.cmp(&other.chosen))
    }
}

/// What a search looks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Goal {
    /// Nothing may be missing.
    Everything,
    /// As little as possible is missing.
    AsMuchAsPossible,
}
