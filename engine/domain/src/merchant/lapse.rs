//! What waits beyond the date that was agreed for it: cancelled before anything else is decided, as holds end.

use super::MerchantState;
use super::cancel::cancelled;
use crate::event::Event;
use crate::id::OrderId;
use crate::order::{Order, Part};
use crate::planted::{Bug, is_planted};
use alloc::vec::Vec;

impl MerchantState {
    /// Whether something is due at this time, in milliseconds since 1970-01-01 UTC: a look at two numbers.
    #[must_use]
    pub fn is_due(&self, at: u64) -> bool {
        self.next_deadline().is_some_and(|deadline| deadline <= at)
    }

    /// What has to happen before anything else is decided at this time, in milliseconds since 1970-01-01 UTC: holds
    /// whose deadline has come end, a bounded number of them; then what waits of an order whose date has come is cancelled,
    /// one order in each event.
    ///
    /// # Panics
    /// If nothing waits of an order that stands among those of which something does: a defect, never an input.
    #[must_use]
    pub fn due(&self, at: u64) -> Option<Event> {
        self.due_holds(at).or_else(|| {
            let (date, order) = self.first_lapse().filter(|(date, _)| *date <= at)?;
            let lapse = self.lapse(order, date);
            // Passed over, it would keep back whatever is due behind it.
            assert!(lapse.is_some(), "I3: nothing of order {order} waits for its date");
            lapse
        })
    }

    /// When something is due next, in milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        let dates = [self.deadlines.first().map(|(at, _)| *at), self.first_lapse().map(|(at, _)| at)];
        dates.into_iter().flatten().min()
    }

    fn first_lapse(&self) -> Option<(u64, OrderId)> {
        self.lapses.first().copied().filter(|_| !is_planted(Bug::WaitForEver))
    }

    /// Orders of which something is cancelled unless it gets goods before its date, with that date, the earliest first.
    pub fn lapses(&self) -> impl Iterator<Item = (u64, OrderId)> {
        self.lapses.iter().copied()
    }

    /// Whether something of an order is cancelled unless it gets goods before its date.
    #[must_use]
    pub fn has_lapse(&self, order: OrderId) -> bool {
        let date = self.agreed(order).cancel_after;
        date.is_some_and(|date| self.lapses.contains(&(date, order)))
    }

    /// The cancellation of what waits of an open order, whose date this is; `None` if nothing can be cancelled.
    #[must_use]
    pub fn lapse(&self, order: OrderId, date: u64) -> Option<Event> {
        let order = self.order(order)?;
        let lines = waiting_lines(&order);
        (!lines.is_empty()).then(|| Event::OrderCancelled(cancelled(&order, lines, Some(date))))
    }

    /// Brings the list of orders with a date in line with one of them; `None` is one that is closed.
    pub(super) fn note_lapse(&mut self, id: OrderId, order: Option<&Order>) {
        let Some(date) = self.agreed(id).cancel_after else { return };
        if order.is_some_and(waits_for_date) {
            self.lapses.insert((date, id));
        } else {
            self.lapses.remove(&(date, id));
        }
    }
}

/// Whether a date would cancel something of an order.
pub(super) fn waits_for_date(order: &Order) -> bool {
    order.waiting() > 0 && !waiting_lines(order).is_empty()
}

/// Units of each line that wait and can be cancelled. Of kits, those of which some unit waits; none of which something has
/// left the building.
fn waiting_lines(order: &Order) -> Vec<(u16, u32)> {
    let lines = (0_u16..).take(order.lines.len());
    let waits = |line: u16| waiting_of(order, line).min(order.cancellable(line));
    lines.map(|line| (line, waits(line))).filter(|(_, units)| *units > 0).collect()
}

/// Units of a line that wait: of kits, those that wait whole and those that lack some unit.
fn waiting_of(order: &Order, line: u16) -> u32 {
    let demands = || order.demands_of(line).map(|(_, demand)| demand);
    let whole = demands().map(|demand| demand.backordered / demand.per_unit()).max().unwrap_or(0);
    let lacks = |part: Part, short: u32| short.div_ceil(part.per_kit);
    let short = demands().map(|demand| demand.part.map_or(demand.short, |part| lacks(part, demand.short)));
    whole + short.max().unwrap_or(0)
}
