//! Movements of stock: the only way, besides a shipment, in which goods come, go or change state (I6).

use super::MerchantState;
use crate::command::{Adjust, Move, Receive, Set};
use crate::event::{Event, Shorted, StockMoved};
use crate::id::{LocationNumber, SkuNumber};
use crate::order::{CLAIMS_MAX, FewRows, Order};
use crate::planted::{Bug, is_planted};
use crate::quantity::{LEVEL_MAX, QUANTITY_MAX};
use crate::rejection::Rejection;
use crate::sku::{Class, Level, StockState, Waiting};
use alloc::vec::Vec;
use core::cmp::Reverse;

impl MerchantState {
    pub(super) fn decide_receive(&self, receive: &Receive) -> Result<Event, Rejection> {
        self.check_has_stock(receive.sku)?;
        check_quantity(u64::from(receive.quantity))?;
        self.arrival(receive.sku, receive.location, receive.state, receive.quantity)
    }

    pub(super) fn decide_adjust(&self, adjust: &Adjust) -> Result<Event, Rejection> {
        self.check_has_stock(adjust.sku)?;
        let quantity = adjust.delta.unsigned_abs();
        check_quantity(quantity)?;
        // Bounded by QUANTITY_MAX just above.
        let quantity = u32::try_from(quantity).unwrap_or(QUANTITY_MAX);
        if adjust.delta > 0 {
            self.arrival(adjust.sku, adjust.location, adjust.state, quantity)
        } else {
            self.loss(adjust.sku, adjust.location, adjust.state, quantity)
        }
    }

    pub(super) fn decide_set(&self, set: &Set) -> Result<Event, Rejection> {
        self.check_has_stock(set.sku)?;
        let actual = self.level(set.sku, set.location).sellable();
        if actual != set.expected {
            return Err(Rejection::SetMismatch { expected: set.expected, actual });
        }
        if set.new >= actual {
            self.arrival(set.sku, set.location, StockState::Sellable, set.new - actual)
        } else {
            self.loss(set.sku, set.location, StockState::Sellable, actual - set.new)
        }
    }

    pub(super) fn decide_move(&self, movement: &Move) -> Result<Event, Rejection> {
        self.check_has_stock(movement.sku)?;
        check_quantity(u64::from(movement.quantity))?;
        if movement.from == movement.to {
            return Err(Rejection::SameState { state: movement.from });
        }
        let before = self.level(movement.sku, movement.location);
        let available = match movement.from {
            StockState::Sellable => self.movable(movement.sku, movement.location),
            StockState::Damaged | StockState::QualityControl => before.units(movement.from),
        };
        if movement.quantity > available {
            let requested = u64::from(movement.quantity);
            return Err(Rejection::NotEnough { state: movement.from, requested, available });
        }
        check_room(before.units(movement.to), movement.quantity)?;
        let mut after = before;
        after.shift(Some(movement.from), Some(movement.to), movement.quantity);
        Ok(Event::StockMoved(StockMoved {
            sku: movement.sku,
            location: movement.location,
            from: Some(movement.from),
            to: Some(movement.to),
            quantity: movement.quantity,
            shorts: Vec::new(),
            after,
        }))
    }

    fn arrival(
        &self,
        sku: SkuNumber,
        location: LocationNumber,
        state: StockState,
        quantity: u32,
    ) -> Result<Event, Rejection> {
        let mut after = self.level(sku, location);
        check_room(after.units(state), quantity)?;
        after.shift(None, Some(state), quantity);
        let (from, to, shorts) = (None, Some(state), Vec::new());
        Ok(Event::StockMoved(StockMoved { sku, location, from, to, quantity, shorts, after }))
    }

    /// Goods are gone. Where claims then exceed what is sellable, orders of channels with the last rank lose theirs, of the
    /// same the newest accepted ones.
    fn loss(
        &self,
        sku: SkuNumber,
        location: LocationNumber,
        state: StockState,
        quantity: u32,
    ) -> Result<Event, Rejection> {
        let mut after = self.level(sku, location);
        let available = after.units(state);
        if quantity > available {
            return Err(Rejection::NotEnough { state, requested: u64::from(quantity), available });
        }
        let excess = match state {
            StockState::Sellable => quantity.saturating_sub(after.unclaimed()),
            StockState::Damaged | StockState::QualityControl => 0,
        };
        let shorts = self.last_claims(sku, location, excess);
        if shorts.len() > CLAIMS_MAX {
            return Err(Rejection::TooManyClaims { claims: shorts.len(), max: CLAIMS_MAX });
        }
        after.uncommit(excess);
        after.shift(Some(state), None, quantity);
        let (from, to) = (Some(state), None);
        Ok(Event::StockMoved(StockMoved { sku, location, from, to, quantity, shorts, after }))
    }

    /// Claims at a location worth `excess` units: those first that would be served last, of one order later demands first.
    fn last_claims(&self, sku: SkuNumber, location: LocationNumber, excess: u32) -> Vec<Shorted> {
        if excess == 0 {
            return Vec::new();
        }
        let concerned = self.orders.iter().filter(|(_, order)| order.needs(sku));
        let claims = concerned.flat_map(|(_, order)| {
            let rank = self.rank(order.channel());
            claims_at(&order.open(), sku, location).into_iter().map(move |claim| (rank, claim))
        });
        let mut claims: Vec<(u16, Shorted)> = claims.collect();
        claims.sort_unstable_by_key(|(rank, claim)| Reverse((*rank, claim.order, claim.demand)));
        if is_planted(Bug::OldestLose) {
            claims.reverse();
        }
        let mut claims: Vec<Shorted> = claims.into_iter().map(|(_, claim)| claim).collect();
        let mut left = excess;
        claims.retain_mut(|claim| {
            claim.quantity = claim.quantity.min(left);
            left -= claim.quantity;
            claim.quantity > 0
        });
        claims
    }

    pub(super) fn evolve_stock(&mut self, moved: &StockMoved) {
        for shorts in moved.shorts.chunk_by(|one, next| one.order == next.order) {
            self.change(shorts[0].order, |state, order| {
                let actor = state.sku_mut(moved.sku);
                for short in shorts {
                    actor.lose_claim(order.owner(), moved.location, short.quantity);
                    let waiting = Waiting { class: Class::Short, order: short.order, demand: short.demand };
                    actor.wait(order.channel, waiting, short.quantity);
                    order.shorten(short.demand, moved.location, short.quantity);
                }
                assert!(!order.is_closed(), "I4: what is short is open");
            });
        }
        let actor = self.sku_mut(moved.sku);
        if let Some(state) = moved.from {
            actor.take(moved.location, state, moved.quantity);
        }
        if let Some(state) = moved.to {
            actor.add(moved.location, state, moved.quantity);
        }
        assert!(
            actor.level(moved.location) == moved.after,
            "I6: a movement ends where it was decided to end"
        );
        if !moved.shorts.is_empty() {
            // Another location may have what this one lost.
            actor.begin_pass();
        }
        self.note_backlog(moved.sku);
    }

    fn level(&self, sku: SkuNumber, location: LocationNumber) -> Level {
        self.sku(sku).map_or(Level::empty(location), |actor| actor.level(location))
    }
}

fn claims_at(order: &Order, sku: SkuNumber, location: LocationNumber) -> FewRows<Shorted> {
    let is_it = |demand: u16| order.demands[usize::from(demand)].sku == sku;
    let claims = order.claims.iter().filter(|claim| claim.location == location && is_it(claim.demand));
    claims.map(|claim| Shorted { order: order.id, demand: claim.demand, quantity: claim.quantity }).collect()
}

fn check_quantity(quantity: u64) -> Result<(), Rejection> {
    if quantity == 0 || quantity > u64::from(QUANTITY_MAX) {
        return Err(Rejection::QuantityOutOfRange { index: 0, quantity, max: QUANTITY_MAX });
    }
    Ok(())
}

fn check_room(current: u32, added: u32) -> Result<(), Rejection> {
    match current.checked_add(added) {
        Some(_) => Ok(()),
        None => Err(Rejection::LevelOverflow { current, added: u64::from(added), max: LEVEL_MAX }),
    }
}
