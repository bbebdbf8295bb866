//! One open order as the audit's own books have it.

use onhand_record::order::{LinePictureV1, OrderAskedV1, SourceV1};
use std::collections::{BTreeMap, BTreeSet};

/// One open order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Order {
    pub(crate) channel: u16,
    pub(crate) lines: Vec<Line>,
    /// Whether its channel had sold it already.
    pub(crate) is_imposed: bool,
    /// The locations that may serve what waits without having lost a claim, and all that waits of one that was imposed;
    /// `None` is all of its channel's.
    pub(crate) within: Option<BTreeSet<u16>>,
}

impl Order {
    /// An order to which nothing is given yet: all of it waits.
    pub(crate) fn of(asked: &OrderAskedV1<'_>) -> Self {
        let line = |quantity: i64, sku: u32| Line {
            sku,
            ordered: quantity,
            backordered: quantity,
            ..Line::default()
        };
        let lines = asked.lines.iter().map(|asked| line(asked.quantity.into(), asked.sku)).collect();
        Self { channel: asked.channel, lines, is_imposed: false, within: None }
    }

    /// Whether a location may serve what waits of it.
    pub(crate) fn may_have_of(&self, location: u16, is_short: bool) -> bool {
        self.has_lost(is_short) || self.within.as_ref().is_none_or(|within| within.contains(&location))
    }

    /// Whether what waits of it had been promised its goods: nothing of one that was imposed had, so it is served around what
    /// others are promised.
    pub(crate) fn has_lost(&self, is_short: bool) -> bool {
        is_short && !self.is_imposed
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lines.iter().all(|line| line.open() == 0)
    }

    /// Whether a record's picture says the same.
    pub(crate) fn equals(&self, stated: &[LinePictureV1]) -> bool {
        self.lines.len() == stated.len() && self.lines.iter().zip(stated).all(|(line, it)| line.equals(it))
    }
}

/// One line of an open order. As long as there are no kits, demand `n` is line `n`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    pub(crate) sku: u32,
    pub(crate) ordered: i64,
    pub(crate) cancelled: i64,
    pub(crate) shipped: i64,
    pub(crate) backordered: i64,
    pub(crate) short: i64,
    /// Units claimed, by location; none is 0.
    pub(crate) claims: BTreeMap<u16, i64>,
}

impl Line {
    pub(crate) fn open(&self) -> i64 {
        self.ordered - self.cancelled - self.shipped
    }

    pub(crate) fn covered(&self) -> i64 {
        self.backordered + self.short + self.claims.values().sum::<i64>()
    }

    /// What waits of it: with a claim that was lost, or accepted without stock.
    pub(crate) fn waiting(&mut self, is_short: bool) -> &mut i64 {
        if is_short { &mut self.short } else { &mut self.backordered }
    }

    /// Adds to a claim.
    pub(crate) fn claim(&mut self, location: u16, quantity: i64) {
        *self.claims.entry(location).or_default() += quantity;
    }

    /// Takes from a claim; `false` if it is not there that far.
    pub(crate) fn end_claim(&mut self, location: u16, quantity: i64) -> bool {
        let Some(claim) = self.claims.get_mut(&location) else { return false };
        *claim -= quantity;
        let is_there = *claim >= 0;
        if *claim == 0 {
            self.claims.remove(&location);
        }
        is_there
    }

    /// Takes from what waits or is claimed; `false` if it is not there that far.
    pub(crate) fn let_go(&mut self, source: SourceV1, quantity: i64) -> bool {
        let waiting = match source {
            SourceV1::Claimed(location) => return self.end_claim(location, quantity),
            SourceV1::Backordered => &mut self.backordered,
            SourceV1::Short => &mut self.short,
        };
        *waiting -= quantity;
        *waiting >= 0
    }

    fn equals(&self, stated: &LinePictureV1) -> bool {
        let mut claims: BTreeMap<u16, i64> = BTreeMap::new();
        for (location, quantity) in &stated.allocated {
            *claims.entry(*location).or_default() += i64::from(*quantity);
        }
        // No record says yet that goods came back.
        let numbers = [self.ordered, self.cancelled, self.shipped, 0, self.backordered, self.short];
        let LinePictureV1 { ordered, cancelled, shipped, returned, backordered, short, .. } = *stated;
        numbers == [ordered, cancelled, shipped, returned, backordered, short].map(i64::from)
            && claims == self.claims
    }
}
