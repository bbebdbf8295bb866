//! What was agreed of orders beyond their policies, and whether they leave and end so.

use super::Page;
use crate::lapse::Freed;
use crate::report::Invariant;
use onhand_record::agreed::AgreedV1;
use onhand_record::order::{OrderCancelledV1, SourceV1};
use std::collections::BTreeMap;

impl Page<'_> {
    /// Each thing is agreed once and in its place, and the date until which an order ships complete only of one that does.
    pub(crate) fn check_agreed(&mut self, ships_complete: bool, agreed: &[AgreedV1]) {
        if agreed.is_empty() {
            return;
        }
        let is_right = match agreed {
            [AgreedV1::CancelAfter(_)] => true,
            [AgreedV1::CompleteBy(_)] | [AgreedV1::CompleteBy(_), AgreedV1::CancelAfter(_)] => ships_complete,
            _ => false,
        };
        self.findings.check(Invariant::I11, is_right, || {
            format!("{agreed:?} was agreed of an order that ships complete: {ships_complete}")
        });
    }

    /// Something of an order is to leave: if it ships complete, nothing of it waits, or its date has come.
    pub(crate) fn check_whole_order(&mut self, id: u64, at: u64) {
        let Some(order) = self.ledger.orders.get(&id).filter(|order| order.ships_complete) else { return };
        let (waiting, date) = (order.waiting(), order.complete_by());
        let may_leave = waiting == 0 || date.is_some_and(|date| date <= at);
        self.findings.check(Invariant::I11, may_leave, || {
            format!("order {id} ships complete until {date:?}; at {at} it leaves in part, and {waiting} units wait")
        });
    }

    /// What nobody asked for: the date of the order has come, and exactly what its lines are to lose goes, of each of their
    /// demands what waits before what it has.
    pub(crate) fn check_lapse(&mut self, cancelled: &OrderCancelledV1<'_>, at: u64, date: u64) {
        let id = cancelled.order;
        let Some(order) = self.ledger.orders.get(&id) else { return };
        let lapse = order.lapse();
        let is_due = order.cancel_after() == Some(date) && date <= at && !lapse.lines.is_empty();
        let is_all = cancelled.lines == lapse.lines && released(cancelled) == lapse.released;
        self.findings.check(Invariant::I11, is_due && is_all, || {
            format!("order {id} lapses at {at} by the date {date}: {cancelled:?}, {lapse:?} was due")
        });
    }
}

/// Units that demands let go, by what they were.
fn released(cancelled: &OrderCancelledV1<'_>) -> BTreeMap<(u16, Freed), i64> {
    let mut units = BTreeMap::new();
    for part in &cancelled.released {
        let freed = match part.source {
            SourceV1::Backordered => Freed::Backordered,
            SourceV1::Short => Freed::Short,
            SourceV1::Claimed(_) => Freed::Claimed,
        };
        *units.entry((part.demand, freed)).or_default() += i64::from(part.quantity);
    }
    units
}
