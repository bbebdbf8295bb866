//! Cancelling: exactly what is open of a line, what waits before what is kept.

use super::MerchantState;
use super::ship::check_line;
use crate::command::CancelOrder;
use crate::event::{Event, OrderCancelled};
use crate::order::{Line, Order, OrderPicture, Released, Source};
use crate::planted::{Bug, is_planted};
use crate::rejection::Rejection;
use crate::sku::{Class, Waiting};
use alloc::vec::Vec;

impl MerchantState {
    pub(super) fn decide_cancel(&self, cancel: &CancelOrder<'_>) -> Result<Event, Rejection> {
        let order = self.order(cancel.order).ok_or(Rejection::OrderNotOpen { order: cancel.order })?;
        let lines = match cancel.lines {
            Some(lines) => checked(&order, lines)?,
            None => (0_u16..)
                .zip(&order.lines)
                .map(|(number, _)| (number, order.cancellable(number)))
                .filter(|(_, units)| *units > 0)
                .collect(),
        };
        if lines.is_empty() {
            return Err(nothing_to_cancel(&order));
        }
        Ok(Event::OrderCancelled(cancelled(&order, lines, None)))
    }

    pub(super) fn evolve_cancelled(&mut self, cancelled: &OrderCancelled) {
        self.change(cancelled.order, |state, order| {
            for (line, quantity) in &cancelled.lines {
                order.cancel_line(*line, *quantity);
            }
            for part in &cancelled.released {
                order.release(*part);
                let sku = order.demands[usize::from(part.demand)].sku;
                let waiting = |class| Waiting { class, order: cancelled.order, demand: part.demand };
                let (actor, channel) = (state.sku_mut(sku), order.channel);
                match part.source {
                    Source::Backordered => actor.served(channel, waiting(Class::Backorder), part.quantity),
                    Source::Short => actor.served(channel, waiting(Class::Short), part.quantity),
                    Source::Claimed(location) => {
                        actor.release(order.owner(), location, part.quantity);
                        if is_planted(Bug::ReleaseTwice) && actor.level(location).committed() >= part.quantity
                        {
                            actor.release(order.owner(), location, part.quantity);
                        }
                    }
                }
                state.note_backlog(sku);
            }
        });
    }
}

/// Units of lines of an order that can be cancelled are, since somebody asked for it or a date has come.
pub(super) fn cancelled(order: &Order, lines: Vec<(u16, u32)>, lapsed: Option<u64>) -> OrderCancelled {
    let mut after = order.clone();
    let mut released = Vec::new();
    for (line, quantity) in &lines {
        after.cancel_line(*line, *quantity);
        for part in let_go(&after, *line, *quantity) {
            after.release(part);
            released.push(part);
        }
    }
    OrderCancelled { order: order.id, lines, released, lapsed, after: OrderPicture::of(&after) }
}

/// Line and quantity as asked, if each is a line of the order, stands once, and is open that far.
fn checked(order: &Order, lines: &[(u16, u32)]) -> Result<Vec<(u16, u32)>, Rejection> {
    for (index, (line, quantity)) in lines.iter().enumerate() {
        let is_twice = lines[..index].iter().any(|(earlier, _)| earlier == line);
        check_line(order, (*line, *quantity), index, is_twice)?;
        let open = order.cancellable(*line);
        if *quantity > open {
            return Err(Rejection::NotOpen { line: *line, requested: *quantity, open });
        }
    }
    if lines.is_empty() { Err(Rejection::NoLines) } else { Ok(lines.to_vec()) }
}

/// Why all of an order cannot be cancelled: what is open of it are kits of which something has left the building.
fn nothing_to_cancel(order: &Order) -> Rejection {
    let open = (0_u16..).zip(&order.lines).find(|(_, line)| line.open() > 0);
    let begun = |(line, row): (u16, &Line)| Rejection::NotOpen { line, requested: row.open(), open: 0 };
    open.map_or(Rejection::NoLines, begun)
}

/// What the demands of a line let go for `quantity` units: what waits first, so that the buyer keeps what is
/// there; then claims, the latest first.
fn let_go(order: &Order, line: u16, quantity: u32) -> Vec<Released> {
    let mut parts = Vec::new();
    for (demand, row) in order.demands_of(line) {
        let mut left = row.units_of(quantity);
        let mut part = |source: Source, available: u32| {
            let units = available.min(left);
            if units > 0 {
                parts.push(Released { demand, source, quantity: units });
                left -= units;
            }
        };
        part(Source::Backordered, row.backordered);
        part(Source::Short, row.short);
        // Of a large order this is a long look, and who waits may have no part in it.
        if row.units_of(quantity) <= row.backordered + row.short {
            continue;
        }
        for claim in order.claims.iter().rev().filter(|claim| claim.demand == demand) {
            part(Source::Claimed(claim.location), claim.quantity);
        }
    }
    parts
}
