//! What was agreed of orders beyond their policies, and whether they leave and end so.

use super::Page;
use crate::report::Invariant;
use onhand_record::agreed::AgreedV1;
use onhand_record::order::{OrderCancelledV1, SourceV1};

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

    /// What nobody asked for: the date of the order has come, and what it has is left to it. Kits let go of what they have.
    pub(crate) fn check_lapse(&mut self, cancelled: &OrderCancelledV1<'_>, at: u64, date: u64) {
        let id = cancelled.order;
        let Some(order) = self.ledger.orders.get(&id) else { return };
        let is_due = order.cancel_after() == Some(date) && date <= at && !cancelled.lines.is_empty();
        let keeps = |part: u16, source: SourceV1| {
            !matches!(source, SourceV1::Claimed(_)) || order.kit_of(part).is_some()
        };
        let is_kept = cancelled.released.iter().all(|part| keeps(part.demand, part.source));
        self.findings.check(Invariant::I11, is_due && is_kept, || {
            format!(
                "order {id} has lapsed at {at} by the date {date}, or lets go of what it has: {cancelled:?}"
            )
        });
    }

    /// Afterwards nothing waits of which nothing has left.
    pub(crate) fn check_lapsed(&mut self, id: u64) {
        let Some(order) = self.ledger.orders.get(&id) else { return };
        let waits = order.lines.iter().find(|line| {
            let waits = order.demands_of(line).iter().any(|demand| demand.backordered + demand.short > 0);
            waits && !(line.is_kit && order.has_begun(line))
        });
        self.findings
            .check(Invariant::I11, waits.is_none(), || format!("order {id} has lapsed, and {waits:?} waits"));
    }
}
