//! Who waits for one SKU, in the order in which they are to be served.

use std::collections::BTreeMap;

/// One waiting demand. Their order is the order of service: lost claims before what was accepted without
/// stock, then by acceptance, which is the order's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Turn {
    /// `false` comes first.
    is_backorder: bool,
    pub(crate) order: u64,
    pub(crate) demand: u16,
}

impl Turn {
    pub(crate) fn new(is_short: bool, order: u64, demand: u16) -> Self {
        Self { is_backorder: !is_short, order, demand }
    }

    /// Whether a claim was lost.
    pub(crate) fn is_short(self) -> bool {
        !self.is_backorder
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    waiting: BTreeMap<Turn, i64>,
    total: i64,
}

impl Backlog {
    /// Units that all together wait for.
    pub(crate) fn total(&self) -> i64 {
        self.total
    }

    /// Whose turn it is before another one, of those that `counts`.
    pub(crate) fn first_before(&self, turn: Turn, counts: impl Fn(Turn) -> bool) -> Option<Turn> {
        self.waiting.range(..turn).map(|(turn, _)| *turn).find(|turn| counts(*turn))
    }

    /// Adds to what a demand waits for; takes from it if `quantity` is negative.
    pub(crate) fn wait(&mut self, turn: Turn, quantity: i64) {
        self.total += quantity;
        let waiting = self.waiting.entry(turn).or_default();
        *waiting += quantity;
        if *waiting == 0 {
            self.waiting.remove(&turn);
        }
    }
}
