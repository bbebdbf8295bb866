//! Serving those who wait when stock comes, a bounded number of demands a turn.

use super::MerchantState;
use crate::event::{BacklogFilled, Event, Filled};
use crate::id::{LocationNumber, SkuNumber};
use crate::rejection::Rejection;
use crate::sku::{Class, Cursor, SkuActor, Waiting};
use alloc::vec::Vec;

/// Demands one turn looks at. Sixty-four cost some ten microseconds, so a long backlog never holds a shard.
pub const FILL_DEMANDS_MAX: usize = 64;

/// Claims after which a turn looks at no further demand: one demand may be served from a thousand locations, and a
/// record must hold what was given.
const FILL_CLAIMS_MAX: usize = 4_096;

/// What a pass has already promised in this turn, by location.
struct Promised(Vec<(LocationNumber, u32)>);

impl Promised {
    fn at(&self, location: LocationNumber) -> u32 {
        self.0.iter().find(|(place, _)| *place == location).map_or(0, |(_, units)| *units)
    }

    fn add(&mut self, location: LocationNumber, units: u32) {
        match self.0.iter_mut().find(|(place, _)| *place == location) {
            Some((_, sum)) => *sum += units,
            None => self.0.push((location, units)),
        }
    }
}

impl MerchantState {
    pub(super) fn decide_fill(&self, sku: SkuNumber) -> Result<Event, Rejection> {
        let actor = self.sku(sku).ok_or(Rejection::NothingWaits)?;
        let backlog = actor.backlog().ok_or(Rejection::NothingWaits)?;
        let cursor = backlog.pass().ok_or(Rejection::NothingWaits)?;
        let mut promised = Promised(Vec::new());
        let mut fills = Vec::new();
        let mut waiting = backlog.from(cursor);
        for (waiting, quantity) in waiting.by_ref().take(FILL_DEMANDS_MAX) {
            self.fill_one(actor, waiting, quantity, &mut promised, &mut fills);
            if fills.len() >= FILL_CLAIMS_MAX {
                break;
            }
        }
        let next = waiting.next().map(|(waiting, _)| Cursor(waiting));
        let is_empty = |level: &crate::sku::Level| level.unclaimed() == promised.at(level.location());
        let next = next.filter(|_| !actor.levels().iter().all(is_empty));
        Ok(Event::BacklogFilled(BacklogFilled { sku, fills, next }))
    }

    /// Gives one demand what the locations of its channel have left, the preferred one first.
    fn fill_one(
        &self,
        actor: &SkuActor,
        waiting: Waiting,
        quantity: u32,
        promised: &mut Promised,
        fills: &mut Vec<Filled>,
    ) {
        let order = self.stored(waiting.order);
        let channel = order.and_then(|order| self.channel(order.channel()));
        let mut open = quantity;
        for location in channel.map_or(&[][..], |channel| &channel.locations) {
            let units = (actor.unclaimed(*location) - promised.at(*location)).min(open);
            if units > 0 {
                let Waiting { class, order, demand } = waiting;
                fills.push(Filled { order, demand, class, location: *location, quantity: units });
                promised.add(*location, units);
                open -= units;
            }
        }
    }

    pub(super) fn evolve_filled(&mut self, filled: &BacklogFilled) {
        for fills in filled.fills.chunk_by(|one, next| one.order == next.order) {
            self.change(fills[0].order, |state, order| {
                let actor = state.sku_mut(filled.sku);
                for fill in fills {
                    let waiting = Waiting { class: fill.class, order: fill.order, demand: fill.demand };
                    actor.served(waiting, fill.quantity);
                    actor.claim(fill.location, fill.quantity);
                    order.fill(fill.demand, fill.location, fill.quantity, fill.class == Class::Short);
                }
                assert!(!order.is_closed(), "I4: what is kept is open");
            });
        }
        self.sku_mut(filled.sku).continue_pass(filled.next);
        self.note_backlog(filled.sku);
    }
}
