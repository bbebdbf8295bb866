//! Shipping: goods leave from the order's own claims, never from what merely lies there.

use super::MerchantState;
use crate::command::{ShipLine, ShipOrder};
use crate::event::{Event, OrderShipped};
use crate::id::{LocationNumber, SkuNumber};
use crate::kit::KitFault;
use crate::order::{Demand, FewRows, Order, OrderPicture, Policy};
use crate::planted::{Bug, is_planted};
use crate::quantity::QUANTITY_MAX;
use crate::rejection::Rejection;
use alloc::vec::Vec;

/// What leaves of an order.
struct Leaving {
    after: Order,
    location: LocationNumber,
    /// Demand and units.
    claims: Vec<(u16, u32)>,
}

impl MerchantState {
    pub(super) fn decide_ship(&self, ship: &ShipOrder<'_>) -> Result<Event, Rejection> {
        let order = self.order(ship.order).ok_or(Rejection::OrderNotOpen { order: ship.order })?;
        if ship.lines.is_empty() {
            return Err(Rejection::NoLines);
        }
        self.check_complete(&order, ship.at)?;
        let mut leaving = Leaving { after: order.clone(), location: ship.location, claims: Vec::new() };
        for (index, line) in ship.lines.iter().enumerate() {
            let is_same =
                |earlier: &ShipLine| (earlier.line, earlier.component) == (line.line, line.component);
            let is_twice = ship.lines[..index].iter().any(is_same);
            check_line(&order, (line.line, line.quantity), index, is_twice)?;
            match line.component {
                None => leaving.take_line(line.line, line.quantity)?,
                Some(component) => leaving.take_part(line, component, index)?,
            }
        }
        let lines = leaving.count_lines(ship.lines);
        let Leaving { after, location, claims } = leaving;
        let after = OrderPicture::of(&after);
        Ok(Event::OrderShipped(OrderShipped { order: ship.order, location, lines, claims, after }))
    }

    /// Of an order that ships complete nothing leaves while something of it waits, before it may be split.
    fn check_complete(&self, order: &Order, at: u64) -> Result<(), Rejection> {
        if order.policy != Policy::ShipComplete || self.agreed(order.id).may_split(at) {
            return Ok(());
        }
        match order.waiting() {
            0 => Ok(()),
            _ if is_planted(Bug::ShipInPart) => Ok(()),
            waiting => Err(Rejection::Incomplete { allocated: order.allocated(), waiting }),
        }
    }

    pub(super) fn evolve_shipped(&mut self, shipped: &OrderShipped) {
        self.change(shipped.order, |state, order| {
            for (line, quantity) in &shipped.lines {
                order.ship_line(*line, *quantity);
            }
            for (demand, quantity) in &shipped.claims {
                order.end_claim(*demand, shipped.location, *quantity);
                order.ship_part(*demand, *quantity);
                let sku = order.demands[usize::from(*demand)].sku;
                state.sku_mut(sku).ship(order.owner(), shipped.location, *quantity);
            }
        });
    }
}

impl Leaving {
    /// Units of a line as it was ordered: of a kit, all that so many kits need.
    fn take_line(&mut self, line: u16, requested: u32) -> Result<(), Rejection> {
        let demands: FewRows<(u16, u32)> =
            self.after.demands_of(line).map(|(number, demand)| (number, demand.per_unit())).collect();
        let kept = |(demand, per_unit): &(u16, u32)| self.after.claimed(*demand, self.location) / per_unit;
        let allocated = demands.iter().map(kept).min().unwrap_or(0);
        if requested > allocated {
            return Err(Rejection::NotAllocated { line, requested, allocated });
        }
        demands.into_iter().for_each(|(demand, per_unit)| self.take(demand, requested * per_unit));
        Ok(())
    }

    /// Units of one part of a kit.
    fn take_part(&mut self, line: &ShipLine, component: SkuNumber, index: usize) -> Result<(), Rejection> {
        let ShipLine { line, quantity: requested, .. } = *line;
        let is_it = |demand: &Demand| demand.part.is_some() && demand.sku == component;
        let part = self.after.demands_of(line).find(|(_, demand)| is_it(demand)).map(|(number, _)| number);
        let demand = part.ok_or(KitFault::UnknownComponent { index })?;
        let allocated = self.after.claimed(demand, self.location);
        if requested > allocated {
            return Err(Rejection::NotAllocated { line, requested, allocated });
        }
        self.take(demand, requested);
        Ok(())
    }

    fn take(&mut self, demand: u16, units: u32) {
        self.after.end_claim(demand, self.location, units);
        self.after.ship_part(demand, units);
        match self.claims.iter_mut().find(|(taken, _)| *taken == demand) {
            Some((_, sum)) => *sum += units,
            None => self.claims.push((demand, units)),
        }
    }

    /// What has left by lines, in their order: of a kit those of which nothing is missing now.
    fn count_lines(&mut self, asked: &[ShipLine]) -> Vec<(u16, u32)> {
        let mut lines: Vec<(u16, u32)> = Vec::with_capacity(asked.len());
        for ShipLine { line, quantity, .. } in asked {
            let shipped = self.after.lines[usize::from(*line)].shipped;
            let whole = self.after.whole_kits_shipped(*line);
            let units = whole.map_or(*quantity, |whole| whole - shipped);
            if units > 0 {
                self.after.ship_line(*line, units);
                lines.push((*line, units));
            }
        }
        lines
    }
}

/// Whether an order has this line, a list names it once, and at least one unit of it is asked, at most as many as may be
/// named.
pub(super) fn check_line(
    order: &Order,
    (line, quantity): (u16, u32),
    index: usize,
    is_twice: bool,
) -> Result<(), Rejection> {
    if usize::from(line) >= order.lines.len() {
        return Err(Rejection::UnknownLine { index });
    }
    if is_twice {
        return Err(Rejection::DuplicateLine { index });
    }
    if quantity == 0 || quantity > QUANTITY_MAX {
        let quantity = u64::from(quantity);
        return Err(Rejection::QuantityOutOfRange { index, quantity, max: QUANTITY_MAX });
    }
    Ok(())
}
