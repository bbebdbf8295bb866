//! Placing an order: demand summed per SKU over the whole order, one plan, one event.

use super::promise::{Asking, Shelf};
use super::{Channel, MerchantState};
use crate::command::{Confirm, PlaceOrder};
use crate::event::{Event, KitLine, NewClaims, OrderAccepted, OrderedLines, Routed};
use crate::id::{ChannelNumber, HoldId, LocationNumber, OrderId, SkuNumber};
use crate::order::{CLAIMS_MAX, LINES_MAX, Policy, StoredOrder, claims_max};
use crate::planted::{Bug, is_planted};
use crate::quantity::QUANTITY_MAX;
use crate::rejection::{Rejection, Shortfall};
use crate::routing::{Need, Take, plan};
use crate::sku::Owner;
use alloc::boxed::Box;
use alloc::vec::Vec;
use smallvec::SmallVec;

/// Where an order's units come from.
pub(super) struct Sourced {
    /// What would be claimed.
    pub(super) claims: NewClaims,
    /// Why so.
    pub(super) routed: Option<Box<Routed>>,
}

/// An order that gets what was sourced for it.
pub(super) struct PlacedAs<'a> {
    pub(super) order: &'a PlaceOrder<'a>,
    /// What becomes of what stock cannot serve.
    pub(super) policy: Policy,
    pub(super) kits: Vec<KitLine>,
    /// The hold that ends with it.
    pub(super) hold: Option<HoldId>,
}

impl Sourced {
    /// The order is accepted, if one record can hold its claims.
    #[inline]
    pub(super) fn placed(
        self,
        PlacedAs { order, policy, kits, hold }: PlacedAs<'_>,
    ) -> Result<Event, Rejection> {
        let Self { claims, routed } = self;
        let max = claims_max(!kits.is_empty());
        if claims.len() > max {
            return Err(Rejection::TooManyClaims { claims: claims.len(), max });
        }
        let (channel, lines) = (order.channel, OrderedLines::from_slice(order.lines));
        let agreed = order.agreed.under(policy).kept();
        Ok(Event::OrderAccepted(OrderAccepted { channel, policy, agreed, lines, kits, claims, hold, routed }))
    }
}

impl MerchantState {
    pub(super) fn decide_place(&self, order: &PlaceOrder<'_>) -> Result<Event, Rejection> {
        check_lines(order.lines)?;
        let Some(channel) = self.channel(order.channel) else { panic!("the channel does not exist") };
        let rules = channel.profile.and_then(|number| self.rules(number));
        let policy = policy_of(order, channel, rules.and_then(|(_, rules)| rules.otherwise));
        let confirmed = self.confirmed(order, policy)?;
        let hold = confirmed.and_then(|hold| self.hold(hold));
        let asks = Asking { policy, hold, sells: Some(order.lines), parts: &[] };
        if self.has_kits(order.lines) {
            return self.decide_place_kits(order, channel, asks, confirmed);
        }
        let sourced = self.plan_demands(order, order.lines, channel, asks);
        let claimed: u64 = sourced.claims.iter().map(|(_, _, quantity)| u64::from(*quantity)).sum();
        let ordered: u64 = order.lines.iter().map(|(_, quantity)| u64::from(*quantity)).sum();
        if claimed < ordered && policy == Policy::Reject && sourced.claims.len() <= CLAIMS_MAX {
            let shortfalls = shortfalls(order.lines, &sourced.claims);
            return Err(Rejection::InsufficientStock { shortfalls, routed: sourced.routed });
        }
        if claimed < ordered {
            self.check_waiting(policy, order.lines, &sourced)?;
        }
        sourced.placed(PlacedAs { order, policy, kits: Vec::new(), hold: confirmed })
    }

    /// The plan of what an order needs, SKU by SKU: its lines, unless some are kits.
    #[inline]
    pub(super) fn plan_demands(
        &self,
        order: &PlaceOrder<'_>,
        demands: &[(SkuNumber, u32)],
        channel: &Channel,
        asks: Asking<'_>,
    ) -> Sourced {
        match channel.profile.and_then(|number| self.rules(number)) {
            Some(rules) => self.plan_by(rules, order, demands, channel, asks),
            None => Sourced { claims: self.plan_plainly(order, demands, channel, asks), routed: None },
        }
    }

    /// The plan of an order whose channel has no routing profile.
    fn plan_plainly(
        &self,
        order: &PlaceOrder<'_>,
        demands: &[(SkuNumber, u32)],
        channel: &Channel,
        asks: Asking<'_>,
    ) -> NewClaims {
        match demands {
            [(sku, quantity)] => self.plan_single(*sku, *quantity, order.channel, channel, asks),
            lines => self.plan_many(lines, order.channel, channel, asks),
        }
    }

    /// The hold that an order confirms, if it is live; one that has ended is none for an order that asks for stock like
    /// any other then, and for one that is imposed, which nothing refuses.
    fn confirmed(&self, order: &PlaceOrder<'_>, policy: Policy) -> Result<Option<HoldId>, Rejection> {
        let Some(Confirm { hold, or_reserve }) = order.hold else { return Ok(None) };
        match self.hold(hold) {
            Some(live) if live.channel == order.channel => Ok(Some(hold)),
            None if or_reserve => Ok(None),
            _ if policy == Policy::Imposed => Ok(None),
            _ => Err(Rejection::HoldEnded { hold }),
        }
    }

    /// The plan of most orders of the world: one line that one location can serve.
    fn plan_single(
        &self,
        sku: SkuNumber,
        quantity: u32,
        number: ChannelNumber,
        channel: &Channel,
        asks: Asking<'_>,
    ) -> NewClaims {
        let actor = self.sku(sku).filter(|actor| self.is_plain(actor));
        let serves =
            |location: &&LocationNumber| actor.is_some_and(|actor| actor.free(**location) >= quantity);
        match channel.locations.iter().find(serves) {
            Some(location) => NewClaims::from_slice(&[(0, *location, quantity)]),
            None => self.plan_many(&[(sku, quantity)], number, channel, asks),
        }
    }

    fn plan_many(
        &self,
        lines: &[(SkuNumber, u32)],
        number: ChannelNumber,
        channel: &Channel,
        asks: Asking<'_>,
    ) -> NewClaims {
        let (needs, need_of) = sum_needs(lines);
        let shelf = Shelf::of(self, number, needs.iter().map(|need| need.sku), asks);
        let takes = plan(&needs, &channel.locations, &shelf);
        hand_out(lines, &need_of, &takes)
    }

    pub(super) fn evolve_accepted(&mut self, id: OrderId, accepted: &OrderAccepted) {
        let freed = self.sell_accepted(accepted);
        if let Some(hold) = accepted.hold {
            self.end_hold(hold);
        }
        let owner = Owner { channel: accepted.channel, order: id };
        let stored = StoredOrder::accepted(id, accepted);
        if accepted.kits.is_empty() {
            // A demand is a line.
            for (demand, location, quantity) in &accepted.claims {
                let (sku, _) = accepted.lines[usize::from(*demand)];
                self.sku_mut(sku).claim(owner, *location, *quantity);
            }
        } else {
            let order = stored.open();
            for claim in &order.claims {
                let sku = order.demands[usize::from(claim.demand)].sku;
                self.sku_mut(sku).claim(owner, claim.location, claim.quantity);
            }
        }
        if stored.may_wait() {
            let order = stored.open();
            for (number, demand) in (0_u16..).zip(&order.demands) {
                self.wait(owner, number, demand);
                self.come_first(owner, number, demand);
            }
        }
        freed.into_iter().for_each(|sku| self.serve_beside_grant(sku));
        let agreed = accepted.agreed.as_deref().map(|agreed| (*agreed, stored.open()));
        self.insert_order(stored);
        if let Some((agreed, order)) = agreed {
            self.agreed.insert(id, agreed);
            self.note_lapse(id, Some(&order));
        }
        if let Some(within) = accepted.routed.as_ref().and_then(|routed| routed.within.as_ref()) {
            self.within.insert(id, within.as_slice().into());
        }
    }
}

/// What becomes of what stock cannot serve: what the order says, then what the rules of its channel say, then what the
/// channel says; but rules cannot refuse, or let wait like others, what a channel imposes or ships complete.
fn policy_of(order: &PlaceOrder<'_>, channel: &Channel, otherwise: Option<Policy>) -> Policy {
    let stands = matches!(channel.policy, Policy::Imposed | Policy::ShipComplete);
    order.policy.or(stands.then_some(channel.policy)).or(otherwise).unwrap_or(channel.policy)
}

pub(super) fn check_lines(lines: &[(SkuNumber, u32)]) -> Result<(), Rejection> {
    if lines.is_empty() {
        return Err(Rejection::NoLines);
    }
    if lines.len() > LINES_MAX {
        return Err(Rejection::TooManyLines { lines: lines.len(), max: LINES_MAX });
    }
    for (index, (_, quantity)) in lines.iter().enumerate() {
        if *quantity == 0 || *quantity > QUANTITY_MAX {
            let quantity = u64::from(*quantity);
            return Err(Rejection::QuantityOutOfRange { index, quantity, max: QUANTITY_MAX });
        }
    }
    Ok(())
}

/// What is worked out for each line of an order; up to 8 lines need no memory of their own.
pub(super) type PerLine<T> = SmallVec<[T; 8]>;

/// Sums the lines per SKU, in the order in which the SKUs first stand in the order; and for each line the
/// place of its need.
pub(super) fn sum_needs(lines: &[(SkuNumber, u32)]) -> (PerLine<Need>, PerLine<usize>) {
    let mut by_sku: PerLine<usize> = (0..lines.len()).collect();
    by_sku.sort_unstable_by_key(|line| (lines[*line].0, *line));
    // The first line of each SKU stands for it.
    let mut first_of: PerLine<usize> = SmallVec::from_elem(0, lines.len());
    let mut first = 0;
    for line in &by_sku {
        if lines[first].0 != lines[*line].0 || *line == by_sku[0] || is_planted(Bug::LinesApart) {
            first = *line;
        }
        first_of[*line] = first;
    }
    let mut needs: PerLine<Need> = SmallVec::with_capacity(lines.len());
    let mut need_of: PerLine<usize> = SmallVec::with_capacity(lines.len());
    for (line, (sku, quantity)) in lines.iter().enumerate() {
        let need = if first_of[line] == line {
            needs.push(Need { sku: *sku, quantity: 0 });
            needs.len() - 1
        } else {
            need_of[first_of[line]]
        };
        needs[need].quantity += u64::from(*quantity);
        need_of.push(need);
    }
    (needs, need_of)
}

/// Hands what was planned per SKU to the lines, the first line first.
pub(super) fn hand_out(lines: &[(SkuNumber, u32)], need_of: &[usize], takes: &[Take]) -> NewClaims {
    let mut left: PerLine<u64> = takes.iter().map(|take| take.quantity).collect();
    let mut claims = NewClaims::with_capacity(lines.len());
    for (line, ((_, quantity), need)) in (0_u16..).zip(lines.iter().zip(need_of)) {
        let mut open = *quantity;
        // The takes of one need stand together, in the order of the needs.
        let from = takes.partition_point(|take| take.need < *need);
        for (place, take) in takes.iter().enumerate().skip(from) {
            if take.need != *need || open == 0 {
                break;
            }
            let units = u32::try_from(left[place]).unwrap_or(u32::MAX).min(open);
            if units > 0 {
                claims.push((line, take.location, units));
                left[place] -= u64::from(units);
                open -= units;
            }
        }
    }
    claims
}

pub(super) fn shortfalls(
    lines: &[(SkuNumber, u32)],
    claims: &[(u16, LocationNumber, u32)],
) -> Vec<Shortfall> {
    let mut available: Vec<u32> = alloc::vec![0; lines.len()];
    for (line, _, quantity) in claims {
        available[usize::from(*line)] += quantity;
    }
    let rows = (0_u16..).zip(lines.iter().zip(available));
    rows.filter(|(_, ((_, requested), available))| available < requested)
        .map(|(line, ((_, requested), available))| Shortfall { line, requested: *requested, available })
        .collect()
}
