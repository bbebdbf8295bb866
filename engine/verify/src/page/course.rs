//! What becomes of an accepted order: cancelled, shipped.

use super::Page;
use crate::backlog::Turn;
use crate::pools::Claimed;
use crate::report::Invariant;
use onhand_record::kit::KitPictureV1;
use onhand_record::order::{LinePictureV1, OrderCancelledV1, OrderShippedV1, ReleasedV1, SourceV1};

impl Page<'_> {
    /// Units of an order are cancelled; `lapsed` is when that was and the date by which it was due, if nobody asked for it.
    pub(crate) fn cancelled(
        &mut self,
        cancelled: &OrderCancelledV1<'_>,
        kits: &[KitPictureV1],
        lapsed: Option<(u64, u64)>,
    ) {
        let order = cancelled.order;
        if let Some((at, date)) = lapsed {
            self.check_lapse(cancelled, at, date);
        }
        for part in &cancelled.released {
            self.released(order, *part);
        }
        for (number, quantity) in &cancelled.lines {
            self.totals.units_cancelled += u64::from(*quantity);
            if let Some(order) = self.ledger.orders.get_mut(&order) {
                order.cancel(*number, i64::from(*quantity));
            }
        }
        self.check_order(order, &cancelled.after, kits);
    }

    /// A demand lets go of units that it waited for or had.
    fn released(&mut self, order: u64, part: ReleasedV1) {
        let ReleasedV1 { demand, source, .. } = part;
        let quantity = i64::from(part.quantity);
        let found = self.ledger.demand(order, demand);
        let sku = found.as_ref().map(|found| found.sku);
        let was_there = found.is_some_and(|found| found.let_go(source, quantity));
        self.findings.check(Invariant::I5, was_there, || format!("order {order} has no {part:?}"));
        let Some(sku) = sku else { return };
        match source {
            SourceV1::Claimed(location) => {
                self.pooled(sku, order, quantity, Claimed::NoMore);
                self.claim(sku, location, -quantity);
            }
            SourceV1::Short => self.ledger.wait(sku, Turn::new(true, order, demand), -quantity),
            SourceV1::Backordered => self.ledger.wait(sku, Turn::new(false, order, demand), -quantity),
        }
    }

    pub(crate) fn shipped(&mut self, at: u64, shipped: &OrderShippedV1<'_>, kits: &[KitPictureV1]) {
        let OrderShippedV1 { order, location, .. } = *shipped;
        self.check_whole_order(order, at);
        for (demand, quantity) in &shipped.claims {
            let quantity = i64::from(*quantity);
            let found = self.ledger.demand(order, *demand);
            let sku = found.as_ref().map(|found| found.sku);
            let was_there = found.is_some_and(|found| {
                found.shipped += quantity;
                found.end_claim(location, quantity)
            });
            self.findings
                .check(Invariant::I5, was_there, || format!("order {order} has no such claim to ship"));
            if let Some(sku) = sku {
                self.pooled(sku, order, quantity, Claimed::Gone);
                self.ledger.place_mut(sku, location).sellable -= quantity;
                self.claim(sku, location, -quantity);
            }
        }
        for (number, quantity) in &shipped.lines {
            self.totals.units_shipped += u64::from(*quantity);
            let order = self.ledger.orders.get_mut(&order);
            if let Some(line) = order.and_then(|order| order.lines.get_mut(usize::from(*number))) {
                line.shipped += i64::from(*quantity);
            }
        }
        self.check_order(order, &shipped.after, kits);
    }

    /// After a change: the lines add up, and the stated picture is the one in the books.
    fn check_order(&mut self, id: u64, stated: &[LinePictureV1], kits: &[KitPictureV1]) {
        let Some(order) = self.ledger.orders.get(&id) else {
            return self.findings.check(Invariant::I5, false, || format!("order {id} is not open"));
        };
        for demand in &order.demands {
            let (open, covered, line) = (demand.open(), demand.covered(), demand.line);
            self.findings.check(Invariant::I4, open >= 0 && open == covered, || {
                format!("order {id} line {line}: {open} open, {covered} claimed or waiting")
            });
        }
        let odd = order.odd_line();
        self.findings.check(Invariant::I4, odd.is_none(), || {
            format!("order {id}: a line has not shipped what its demands have, or waits for parts of kits: {odd:?}")
        });
        self.findings.check(Invariant::I3, order.equals(stated, kits), || {
            format!("the picture of order {id} is not what the books have")
        });
        if order.is_closed() {
            self.ledger.orders.remove(&id);
        }
    }
}
