//! Stock for those who wait.

use super::Page;
use crate::backlog::Turn;
use crate::order::Order;
use crate::pools::Claimed;
use crate::report::Invariant;
use onhand_record::order::{BacklogFilledV1, FilledV1, WaitingV1};

impl Page<'_> {
    pub(crate) fn filled(&mut self, filled: &BacklogFilledV1) {
        let is_known = (filled.sku as usize) < self.ledger.skus.len();
        self.findings.check(Invariant::J4, is_known, || "its sku was never created".into());
        let mut before = None;
        let lacking = self.ledger.lacking(filled.sku);
        for fill in &filled.fills {
            let turn = turn_of(&fill.waiting);
            let sku = self.filled_sku(filled.sku, fill);
            // Of the other parts of a kit nobody else is served now, whoever waits for them.
            if sku == filled.sku {
                self.check_turn(sku, fill, turn, before);
            }
            self.check_promised(sku, fill);
            self.fill(sku, fill, turn);
            self.pooled(sku, fill.waiting.order, i64::from(fill.quantity), Claimed::Now);
            if sku == filled.sku {
                before = Some(turn);
            }
        }
        self.check_backed_as(filled.sku, lacking);
        self.check_whole_kits(&filled.fills);
        let next = filled.next.as_ref().map(turn_of);
        let is_behind =
            |next: Turn| Some(self.ledger.precedence(next)) > before.map(|turn| self.ledger.precedence(turn));
        let goes_on = next.is_none_or(is_behind);
        self.findings.check(Invariant::I10, goes_on, || {
            format!("the pass goes on at {next:?}, which is before {before:?}")
        });
    }

    /// The SKU of which somebody gets units: the one that is looked at, or another part of a kit that has that one.
    fn filled_sku(&self, sku: u32, fill: &FilledV1) -> u32 {
        let order = self.ledger.orders.get(&fill.waiting.order);
        let part = order.and_then(|order| {
            let kit = order.kit_of(fill.waiting.demand).filter(|_| !fill.waiting.is_short)?;
            let has_it = order.demands_of(kit).iter().any(|demand| demand.sku == sku);
            order.demands.get(usize::from(fill.waiting.demand)).filter(|_| has_it)
        });
        part.map_or(sku, |part| part.sku)
    }

    /// Who waited for kits has got whole ones.
    fn check_whole_kits(&mut self, fills: &[FilledV1]) {
        let orders =
            fills.iter().filter_map(|fill| Some((fill, self.ledger.orders.get(&fill.waiting.order)?)));
        let kits = orders.filter(|(fill, order)| order.kit_of(fill.waiting.demand).is_some());
        let odd = kits.map(|(_, order)| order).find_map(Order::odd_line);
        self.findings.check(Invariant::I4, odd.is_none(), || format!("parts of kits are given: {odd:?}"));
    }

    /// Nobody is overtaken: neither within the record, nor the one who waits first, if the units were for them.
    fn check_turn(&mut self, sku: u32, fill: &FilledV1, turn: Turn, before: Option<Turn>) {
        let precedence = self.ledger.precedence(turn);
        let is_in_turn = before.is_none_or(|before| self.ledger.precedence(before) <= precedence);
        self.findings.check(Invariant::I10, is_in_turn, || format!("{turn:?} is served after {before:?}"));
        // A kit may wait for something else.
        let counts = |turn: Turn| turn.is_short || !self.waits_for_kits(turn);
        let rank = |channel| self.ledger.rank(channel);
        let serves = |channel: u16| {
            let channel = self.ledger.channels.get(usize::from(channel));
            channel.is_some_and(|channel| channel.locations.contains(&fill.location))
        };
        let backlog = self.ledger.backlogs.get(&sku);
        let firsts = backlog.map(|backlog| backlog.firsts_before(precedence, rank, serves, counts));
        // The first of each channel and class: those behind it have no better claim.
        let mut firsts = firsts.into_iter().flatten();
        let overtaken = firsts.find(|first| self.may_have(sku, *first, fill.location));
        self.findings.check(Invariant::I10, overtaken.is_none(), || {
            format!("{turn:?} is served before {overtaken:?}")
        });
    }

    fn waits_for_kits(&self, turn: Turn) -> bool {
        let order = self.ledger.orders.get(&turn.order);
        order.is_some_and(|order| order.kit_of(turn.demand).is_some())
    }

    /// Whether who waits may have a unit at a location: not if its order has no room for the claim, or if others are promised
    /// it, unless it was promised goods itself and has lost them.
    fn may_have(&self, sku: u32, turn: Turn, location: u16) -> bool {
        let Some(order) = self.ledger.orders.get(&turn.order) else { return false };
        if !order.may_have_of(location, turn.is_short) || !order.has_room(turn.demand, location) {
            return false;
        }
        if order.has_lost(turn.is_short) || self.ledger.is_plain(sku) {
            return true;
        }
        let view = self.ledger.view_of(sku, order.channel, turn.order);
        let one = |at: u16| i64::from(at == location);
        let shelf = |location: u16| self.ledger.shelf(sku, location);
        let more = self.ledger.unkept_in_all(sku, &view, turn.is_short);
        let has_some = view.total(&shelf).is_some_and(|total| total + more > 0);
        has_some && self.ledger.allows(sku, &view, turn.is_short, &one).unwrap_or(false)
    }

    /// Who waits gets nothing that others are promised, unless it had been promised goods itself.
    fn check_promised(&mut self, sku: u32, fill: &FilledV1) {
        let FilledV1 { waiting, location, quantity } = *fill;
        let Some(order) = self.ledger.orders.get(&waiting.order) else { return };
        if order.has_lost(waiting.is_short) || self.ledger.is_plain(sku) {
            return;
        }
        let view = self.ledger.view_of(sku, order.channel, waiting.order);
        let taken = |at: u16| if at == location { i64::from(quantity) } else { 0 };
        if let Some(allowed) = self.ledger.allows(sku, &view, waiting.is_short, &taken) {
            self.findings.check(Invariant::I9, allowed, || {
                format!("order {} gets units of sku {sku} that others are promised", waiting.order)
            });
        }
    }

    fn fill(&mut self, sku: u32, fill: &FilledV1, turn: Turn) {
        let FilledV1 { waiting: WaitingV1 { is_short, order, demand }, location, quantity } = *fill;
        self.totals.units_claimed += u64::from(quantity);
        let quantity = i64::from(quantity);
        let of_channel =
            self.ledger.channel_of(order).is_some_and(|channel| channel.locations.contains(&location));
        let of_order = self.ledger.orders.get(&order);
        let serves = of_channel && of_order.is_none_or(|order| order.may_have_of(location, is_short));
        self.findings.check(Invariant::I5, serves, || {
            format!("location {location} does not serve the channel, or may not serve the order")
        });
        let found = self.ledger.demand(order, demand).filter(|found| found.sku == sku);
        let was_waiting = found.is_some_and(|found| {
            found.claim(location, quantity);
            *found.waiting(is_short) -= quantity;
            *found.waiting(is_short) >= 0
        });
        self.findings.check(Invariant::I5, was_waiting && quantity > 0, || {
            format!("order {order} did not wait for this")
        });
        self.ledger.wait(sku, turn, -quantity);
        self.claim(sku, location, quantity);
    }
}

fn turn_of(waiting: &WaitingV1) -> Turn {
    Turn::new(waiting.is_short, waiting.order, waiting.demand)
}
