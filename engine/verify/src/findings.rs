//! What was checked, and what did not hold.

use crate::report::{INVARIANTS, Invariant, Outcome, Tightest};
use onhand_snapshots::Lsn;
use std::collections::BTreeMap;

/// Everything found so far, and the record that is being read.
pub(crate) struct Findings {
    /// The record that is being read.
    pub(crate) lsn: Lsn,
    outcomes: BTreeMap<Invariant, Outcome>,
    tightest: Option<Tightest>,
}

impl Findings {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        let fresh =
            |(invariant, _)| (invariant, Outcome { invariant, checks: 0, failures: 0, first_failure: None });
        Self { lsn: Lsn::ZERO, outcomes: INVARIANTS.into_iter().map(fresh).collect(), tightest: None }
    }

    /// One check of the record that is being read; `how` says what does not hold, if it does not.
    pub(crate) fn check(&mut self, invariant: Invariant, holds: bool, how: impl FnOnce() -> String) {
        let Some(outcome) = self.outcomes.get_mut(&invariant) else { return };
        outcome.checks += 1;
        if !holds {
            outcome.failures += 1;
            outcome.first_failure.get_or_insert_with(|| (self.lsn, how()));
        }
    }

    /// Remembers where claims came closest to stock.
    pub(crate) fn compare(&mut self, level: Tightest) {
        let share = |of: &Tightest, over: &Tightest| u128::from(of.committed) * u128::from(over.sellable);
        let is_tighter = match &self.tightest {
            None => level.committed > 0,
            Some(so_far) => share(&level, so_far) > share(so_far, &level),
        };
        if is_tighter {
            self.tightest = Some(level);
        }
    }

    /// One outcome per invariant, and where claims came closest to stock.
    pub(crate) fn close(self) -> (Vec<Outcome>, Option<Tightest>) {
        (self.outcomes.into_values().collect(), self.tightest)
    }
}
