//! One merchant's books: stock by location, open orders, and who was seen.

use crate::digest::fact;
use onhand_record::order::{LinePictureV1, SourceV1};
use onhand_record::stock::{LevelV1, StateV1};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What lies at one place.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place {
    pub(crate) sellable: i64,
    pub(crate) damaged: i64,
    pub(crate) quality_control: i64,
    pub(crate) claimed: i64,
}

impl Place {
    pub(crate) fn state(&mut self, state: StateV1) -> &mut i64 {
        match state {
            StateV1::Sellable => &mut self.sellable,
            StateV1::Damaged => &mut self.damaged,
            StateV1::QualityControl => &mut self.quality_control,
        }
    }

    pub(crate) fn on_hand(&self) -> i64 {
        self.sellable + self.damaged + self.quality_control
    }

    pub(crate) fn is_negative(&self) -> bool {
        [self.sellable, self.damaged, self.quality_control, self.claimed].iter().any(|units| *units < 0)
    }

    pub(crate) fn equals(&self, stated: &LevelV1) -> bool {
        let stated =
            [stated.sellable, stated.damaged, stated.quality_control, stated.committed].map(i64::from);
        [self.sellable, self.damaged, self.quality_control, self.claimed] == stated
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
    /// Units claimed, by location.
    pub(crate) claims: BTreeMap<u16, i64>,
}

impl Line {
    pub(crate) fn open(&self) -> i64 {
        self.ordered - self.cancelled - self.shipped
    }

    pub(crate) fn covered(&self) -> i64 {
        self.backordered + self.short + self.claims.values().sum::<i64>()
    }

    pub(crate) fn equals(&self, stated: &LinePictureV1) -> bool {
        let mut claims: BTreeMap<u16, i64> = BTreeMap::new();
        for (location, quantity) in &stated.allocated {
            *claims.entry(*location).or_default() += i64::from(*quantity);
        }
        let numbers = [self.ordered, self.cancelled, self.shipped, self.backordered, self.short];
        let stated_numbers =
            [stated.ordered, stated.cancelled, stated.shipped, stated.backordered, stated.short]
                .map(i64::from);
        numbers == stated_numbers && claims == self.claims
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
        match source {
            SourceV1::Backordered => {
                self.backordered -= quantity;
                self.backordered >= 0
            }
            SourceV1::Short => {
                self.short -= quantity;
                self.short >= 0
            }
            SourceV1::Claimed(location) => self.end_claim(location, quantity),
        }
    }
}

/// One open order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Order {
    pub(crate) channel: u16,
    pub(crate) lines: Vec<Line>,
}

/// A channel: its code and the locations that serve it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Channel {
    pub(crate) code: String,
    pub(crate) locations: Vec<u16>,
}

/// One merchant.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) at: u64,
    pub(crate) locations: Vec<String>,
    pub(crate) channels: Vec<Channel>,
    pub(crate) skus: Vec<String>,
    pub(crate) codes: HashSet<(u8, String)>,
    pub(crate) places: HashMap<(u32, u16), Place>,
    pub(crate) orders: HashMap<u64, Order>,
    pub(crate) keys: HashMap<[u8; 16], u64>,
    pub(crate) external_ids: HashSet<(u16, String)>,
}

impl Ledger {
    /// The digest of `docs/FORMATS.md`.
    pub(crate) fn digest(&self, merchant: u32) -> u64 {
        let merchant = u64::from(merchant);
        let word = |units: i64| u64::try_from(units).unwrap_or(u64::MAX);
        let mut sum = 0_u64;
        for ((sku, location), place) in &self.places {
            let numbers = [place.sellable, place.damaged, place.quality_control, place.claimed].map(word);
            if numbers != [0; 4] {
                let [a, b, c, d] = numbers;
                sum =
                    sum.wrapping_add(fact(&[1, merchant, u64::from(*sku), u64::from(*location), a, b, c, d]));
            }
        }
        for (id, order) in &self.orders {
            for (number, line) in (0_u64..).zip(&order.lines) {
                let numbers =
                    [line.ordered, line.cancelled, line.shipped, line.backordered, line.short].map(word);
                let [a, b, c, d, e] = numbers;
                sum = sum.wrapping_add(fact(&[2, merchant, *id, number, a, b, c, d, e]));
                for (location, quantity) in &line.claims {
                    let words = [3, merchant, *id, number, u64::from(*location), word(*quantity)];
                    sum = sum.wrapping_add(fact(&words));
                }
            }
        }
        sum
    }
}
