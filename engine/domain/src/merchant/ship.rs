//! Shipping: goods leave from the order's own claims, never from what merely lies there.

use super::MerchantState;
use crate::command::ShipOrder;
use crate::event::{Event, OrderShipped};
use crate::order::{Line, Order, OrderPicture};
use crate::quantity::QUANTITY_MAX;
use crate::rejection::Rejection;
use alloc::vec::Vec;

impl MerchantState {
    pub(super) fn decide_ship(&self, ship: &ShipOrder<'_>) -> Result<Event, Rejection> {
        let order = self.order(ship.order).ok_or(Rejection::OrderNotOpen { order: ship.order })?;
        if ship.lines.is_empty() {
            return Err(Rejection::NoLines);
        }
        let mut after = order.clone();
        let mut claims = Vec::new();
        for (index, (line, quantity)) in ship.lines.iter().enumerate() {
            line_at(&order, ship.lines, index)?;
            for (demand, _) in order.demands_of(*line) {
                let allocated = order.claimed(demand, ship.location);
                if *quantity > allocated {
                    return Err(Rejection::NotAllocated { line: *line, requested: *quantity, allocated });
                }
                after.end_claim(demand, ship.location, *quantity);
                claims.push((demand, *quantity));
            }
            after.ship_line(*line, *quantity);
        }
        Ok(Event::OrderShipped(OrderShipped {
            order: ship.order,
            location: ship.location,
            lines: ship.lines.to_vec(),
            claims,
            after: OrderPicture::of(&after),
        }))
    }

    pub(super) fn evolve_shipped(&mut self, shipped: &OrderShipped) {
        self.change(shipped.order, |state, order| {
            for (line, quantity) in &shipped.lines {
                order.ship_line(*line, *quantity);
            }
            for (demand, quantity) in &shipped.claims {
                order.end_claim(*demand, shipped.location, *quantity);
                let sku = order.demands[usize::from(*demand)].sku;
                state.sku_mut(sku).ship(order.owner(), shipped.location, *quantity);
            }
        });
    }
}

/// The line named at `index` of a list, if the order has it, the list names it once, and asks at least one
/// unit of it.
pub(super) fn line_at<'a>(
    order: &'a Order,
    lines: &[(u16, u32)],
    index: usize,
) -> Result<&'a Line, Rejection> {
    let (line, quantity) = lines[index];
    let row = order.lines.get(usize::from(line)).ok_or(Rejection::UnknownLine { index })?;
    if lines[..index].iter().any(|(earlier, _)| *earlier == line) {
        return Err(Rejection::DuplicateLine { index });
    }
    if quantity == 0 || quantity > QUANTITY_MAX {
        return Err(Rejection::QuantityOutOfRange {
            index,
            quantity: u64::from(quantity),
            max: QUANTITY_MAX,
        });
    }
    Ok(row)
}
