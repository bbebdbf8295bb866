//! Holds: units that are kept for a buyer until a deadline.

use super::Page;
use crate::ledger::{Asks, Hold};
use crate::pools::Claimed;
use crate::report::Invariant;
use onhand_record::hold::{EndCauseV1, HoldExtendedV1, HoldPlacedV1, HoldsEndedV1};
use std::collections::BTreeMap;

/// The most often that a hold is extended.
const EXTENSIONS_MAX: u8 = 10;

impl Page<'_> {
    /// Units are kept that could be sold.
    pub(crate) fn hold_placed(&mut self, key: u32, placed: &HoldPlacedV1<'_>) {
        let mut units: BTreeMap<u32, i64> = BTreeMap::new();
        for line in &placed.lines {
            *units.entry(line.sku).or_default() += i64::from(line.quantity);
        }
        let known = self.ledger.skus.len();
        let are_known = units.keys().all(|sku| (*sku as usize) < known)
            && usize::from(placed.channel) < self.ledger.channels.len()
            && units.values().all(|units| *units > 0);
        self.findings.check(Invariant::J4, are_known && !units.is_empty(), || {
            format!("it holds nothing, or a sku or for a channel that was never created: {placed:?}")
        });
        if !are_known {
            return;
        }
        let id = self.findings.lsn.0;
        for (sku, quantity) in &units {
            self.check_held(*sku, placed.channel, *quantity, &units);
            *self.ledger.held.entry((*sku, placed.channel)).or_default() += quantity;
            self.ledger.pool(*sku, placed.channel, id, *quantity, Claimed::Now);
        }
        self.ledger.sell(placed.channel, &units);
        let HoldPlacedV1 { channel, deadline, customer, .. } = *placed;
        let hold = Hold { channel, deadline, extensions: 0, key, customer, units };
        self.ledger.holds.insert(id, hold);
    }

    /// No more is held than could be sold, and nothing that others are promised.
    fn check_held(&mut self, sku: u32, channel: u16, quantity: i64, sells: &BTreeMap<u32, i64>) {
        let Some(rules) = self.ledger.channels.get(usize::from(channel)).cloned() else { return };
        let asks = Asks { hold: None, is_imposed: false, sells };
        let (_, most) = self.ledger.free_for(sku, channel, &rules, asks);
        self.findings.check(Invariant::I9, quantity <= most, || {
            format!("{quantity} units of sku {sku} are held, {most} could be sold")
        });
    }

    pub(crate) fn hold_extended(&mut self, extended: HoldExtendedV1) {
        let hold = self.ledger.holds.get_mut(&extended.hold);
        let is_right = hold.is_some_and(|hold| {
            let is_later = extended.deadline >= hold.deadline;
            (hold.deadline, hold.extensions) = (extended.deadline, hold.extensions.saturating_add(1));
            is_later && hold.extensions <= EXTENSIONS_MAX
        });
        self.findings.check(Invariant::I5, is_right, || {
            format!("hold {} is not live, or was extended too often or backwards", extended.hold)
        });
    }

    /// Holds end once, and those that expire not before their time.
    pub(crate) fn holds_ended(&mut self, at: u64, ended: &HoldsEndedV1) {
        for hold in &ended.holds {
            let live = self.ledger.holds.get(hold);
            let is_due = live.is_some_and(|live| ended.cause == EndCauseV1::Released || live.deadline <= at);
            self.findings
                .check(Invariant::I5, is_due, || format!("hold {hold} is not live, or not due at {at}"));
            self.ledger.take_back(*hold, &BTreeMap::new());
            self.end_hold(*hold);
        }
    }

    /// A hold is no more.
    pub(crate) fn end_hold(&mut self, id: u64) {
        let Some(hold) = self.ledger.holds.remove(&id) else { return };
        for (sku, quantity) in &hold.units {
            if let Some(held) = self.ledger.held.get_mut(&(*sku, hold.channel)) {
                *held -= quantity;
                if *held == 0 {
                    self.ledger.held.remove(&(*sku, hold.channel));
                }
            }
            self.ledger.pool(*sku, hold.channel, id, *quantity, Claimed::NoMore);
        }
    }
}
