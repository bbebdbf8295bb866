//! Who waits for a SKU, in the order in which they will be served.
//!
//! Shorts first (a channel has already sold them), then backorders; within a class by acceptance. When
//! stock comes, a *pass* walks the list from the start, a bounded number of demands a turn; the cursor is
//! where it will go on. A demand that no location of its channel can serve is stepped over, and must not
//! keep the units from others for ever: that is why the pass ends.

use crate::id::OrderId;
use alloc::collections::BTreeMap;

/// Why a demand waits; the first class is served first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Class {
    /// It had a claim, and the goods were lost.
    Short,
    /// It was accepted without stock.
    Backorder,
}

/// One demand of one order that waits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Waiting {
    /// Why.
    pub class: Class,
    /// Which order: an older one has a smaller number.
    pub order: OrderId,
    /// Which of its demands.
    pub demand: u16,
}

/// Where a pass goes on: the first entry at or after it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Cursor(pub Waiting);

impl Cursor {
    /// Before everybody.
    pub const START: Self = Self(Waiting { class: Class::Short, order: OrderId(0), demand: 0 });
}

/// The waiting demands of one SKU.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    waiting: BTreeMap<Waiting, u32>,
    /// Units of each class.
    totals: [u64; 2],
    pass: Option<Cursor>,
}

impl Backlog {
    /// Units that all together wait for.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.totals.iter().sum()
    }

    /// Units that the demands of one class wait for.
    #[must_use]
    pub fn total_of(&self, class: Class) -> u64 {
        self.totals[class as usize]
    }

    /// Where the pass under way will go on.
    #[must_use]
    pub fn pass(&self) -> Option<Cursor> {
        self.pass
    }

    /// Those who wait, from a cursor on, with the units they wait for.
    pub fn from(&self, cursor: Cursor) -> impl Iterator<Item = (Waiting, u32)> {
        self.waiting.range(cursor.0..).map(|(waiting, quantity)| (*waiting, *quantity))
    }

    /// Units that one demand waits for.
    #[must_use]
    pub fn units(&self, waiting: Waiting) -> u32 {
        self.waiting.get(&waiting).copied().unwrap_or(0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn add(&mut self, waiting: Waiting, quantity: u32) {
        *self.waiting.entry(waiting).or_insert(0) += quantity;
        self.totals[waiting.class as usize] += u64::from(quantity);
    }

    pub(super) fn take(&mut self, waiting: Waiting, quantity: u32) {
        let Some(open) = self.waiting.get_mut(&waiting) else { panic!("I5: this demand does not wait") };
        *open -= quantity;
        if *open == 0 {
            self.waiting.remove(&waiting);
        }
        if self.waiting.is_empty() {
            self.pass = None;
        }
        self.totals[waiting.class as usize] -= u64::from(quantity);
    }

    pub(super) fn set_pass(&mut self, pass: Option<Cursor>) {
        self.pass = pass;
    }
}
