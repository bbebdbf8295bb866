//! Placing an order: demand summed per SKU over the whole order, one plan, one event.

use super::{Channel, MerchantState};
use crate::command::PlaceOrder;
use crate::event::{Event, NewClaims, OrderAccepted, OrderedLines};
use crate::id::{LocationNumber, OrderId, SkuNumber};
use crate::order::{CLAIMS_MAX, LINES_MAX, Policy, StoredOrder};
use crate::planted::{Bug, is_planted};
use crate::quantity::QUANTITY_MAX;
use crate::rejection::{Rejection, Shortfall};
use crate::routing::{FreeStock, Need, Take, plan};
use crate::sku::{Class, Waiting};
use alloc::vec::Vec;
use smallvec::SmallVec;

impl FreeStock for MerchantState {
    fn free(&self, sku: SkuNumber, location: LocationNumber) -> u32 {
        self.sku(sku).map_or(0, |actor| actor.free(location))
    }

    fn free_at(&self, sku: SkuNumber, ascending: &[(LocationNumber, usize)], row: &mut [u32]) {
        match self.sku(sku) {
            Some(actor) => actor.free_at(ascending, row),
            None => row.fill(0),
        }
    }
}

impl MerchantState {
    pub(super) fn decide_place(&self, order: &PlaceOrder<'_>) -> Result<Event, Rejection> {
        check_lines(order.lines)?;
        let Some(channel) = self.channel(order.channel) else { panic!("the channel does not exist") };
        let policy = order.policy.unwrap_or(channel.policy);
        let claims = match order.lines {
            [(sku, quantity)] => self.plan_single(*sku, *quantity, channel),
            lines => self.plan_many(lines, channel),
        };
        if claims.len() > CLAIMS_MAX {
            return Err(Rejection::TooManyClaims { claims: claims.len(), max: CLAIMS_MAX });
        }
        let claimed: u64 = claims.iter().map(|(_, _, quantity)| u64::from(*quantity)).sum();
        let ordered: u64 = order.lines.iter().map(|(_, quantity)| u64::from(*quantity)).sum();
        if claimed < ordered && policy == Policy::Reject {
            return Err(Rejection::InsufficientStock { shortfalls: shortfalls(order.lines, &claims) });
        }
        let lines = OrderedLines::from_slice(order.lines);
        Ok(Event::OrderAccepted(OrderAccepted { channel: order.channel, policy, lines, claims }))
    }

    /// The plan of most orders of the world: one line that one location can serve.
    fn plan_single(&self, sku: SkuNumber, quantity: u32, channel: &Channel) -> NewClaims {
        let serves = |location: &&LocationNumber| self.free(sku, **location) >= quantity;
        match channel.locations.iter().find(serves) {
            Some(location) => NewClaims::from_slice(&[(0, *location, quantity)]),
            None => self.plan_many(&[(sku, quantity)], channel),
        }
    }

    fn plan_many(&self, lines: &[(SkuNumber, u32)], channel: &Channel) -> NewClaims {
        let (needs, need_of) = sum_needs(lines);
        let takes = plan(&needs, &channel.locations, self);
        hand_out(lines, &need_of, &takes)
    }

    pub(super) fn evolve_accepted(&mut self, id: OrderId, accepted: &OrderAccepted) {
        for (demand, location, quantity) in &accepted.claims {
            let (sku, _) = accepted.lines[usize::from(*demand)];
            self.sku_mut(sku).claim(*location, *quantity);
        }
        let stored = StoredOrder::accepted(id, accepted);
        if stored.may_wait() {
            for (number, demand) in (0_u16..).zip(&stored.open().demands) {
                if demand.backordered > 0 {
                    let waiting = Waiting { class: Class::Backorder, order: id, demand: number };
                    self.sku_mut(demand.sku).wait(waiting, demand.backordered);
                    self.note_backlog(demand.sku);
                }
            }
        }
        self.insert_order(stored);
    }
}

fn check_lines(lines: &[(SkuNumber, u32)]) -> Result<(), Rejection> {
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
type PerLine<T> = SmallVec<[T; 8]>;

/// Sums the lines per SKU, in the order in which the SKUs first stand in the order; and for each line the
/// place of its need.
fn sum_needs(lines: &[(SkuNumber, u32)]) -> (PerLine<Need>, PerLine<usize>) {
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
fn hand_out(lines: &[(SkuNumber, u32)], need_of: &[usize], takes: &[Take]) -> NewClaims {
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

fn shortfalls(lines: &[(SkuNumber, u32)], claims: &[(u16, LocationNumber, u32)]) -> Vec<Shortfall> {
    let mut available: Vec<u32> = alloc::vec![0; lines.len()];
    for (line, _, quantity) in claims {
        available[usize::from(*line)] += quantity;
    }
    let rows = (0_u16..).zip(lines.iter().zip(available));
    rows.filter(|(_, ((_, requested), available))| available < requested)
        .map(|(line, ((_, requested), available))| Shortfall { line, requested: *requested, available })
        .collect()
}
