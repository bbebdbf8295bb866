//! Serving those who wait when stock comes, a bounded number of demands a turn.

use super::MerchantState;
use super::kit_backlog::Others;
use crate::event::{BacklogFilled, Event, Filled};
use crate::id::{ChannelNumber, LocationNumber, SkuNumber};
use crate::order::{Demand, Policy};
use crate::promise::{Place, Promise, Spread};
use crate::rejection::Rejection;
use crate::sku::{Class, Cursor, Level, Owner, Pool, SkuActor, Turn, Waiting};
use alloc::vec::Vec;
use smallvec::SmallVec;

/// Demands one turn looks at. Sixty-four cost some ten microseconds, so a long backlog never holds a shard.
pub const FILL_DEMANDS_MAX: usize = 64;

/// Claims after which a turn looks at no further demand: one demand may be served from a thousand locations, and a
/// record must hold what was given.
const FILL_CLAIMS_MAX: usize = 4_096;

/// What a pass has already promised in this turn of one SKU.
pub(super) struct Promised {
    units: Vec<(LocationNumber, u32)>,
    /// What that leaves of the pools.
    pools: Vec<Pool>,
}

impl Promised {
    /// Nothing yet.
    pub(super) fn nothing_of(actor: &SkuActor) -> Self {
        Self { units: Vec::new(), pools: actor.pools().to_vec() }
    }

    fn at(&self, location: LocationNumber) -> u32 {
        self.units.iter().find(|(place, _)| *place == location).map_or(0, |(_, units)| *units)
    }

    pub(super) fn add(&mut self, owner: Owner, location: LocationNumber, units: u32) {
        match self.units.iter_mut().find(|(place, _)| *place == location) {
            Some((_, sum)) => *sum += units,
            None => self.units.push((location, units)),
        }
        if let Some(pool) = self.pools.iter_mut().find(|pool| pool.channel == owner.channel) {
            pool.charge(owner.order, units);
        }
    }
}

/// What one who waits may get of a SKU: in all, and at each location that may serve it, the preferred first.
pub(super) struct Offer {
    pub(super) most: u64,
    pub(super) at: SmallVec<[(LocationNumber, u32); 8]>,
}

impl MerchantState {
    pub(super) fn decide_fill(&self, sku: SkuNumber) -> Result<Event, Rejection> {
        let actor = self.sku(sku).ok_or(Rejection::NothingWaits)?;
        let backlog = actor.backlog().ok_or(Rejection::NothingWaits)?;
        let cursor = backlog.pass().ok_or(Rejection::NothingWaits)?;
        let mut promised = Promised::nothing_of(actor);
        let mut others = Others::new();
        let mut fills = Vec::new();
        let mut in_turn = backlog.in_turn(cursor, |channel| self.rank(channel));
        let mut looked_at = 0;
        for turn in in_turn.by_ref() {
            looked_at += match self.kit_waiting(turn.waiting) {
                Some(kit) => self.fill_kit(sku, kit, (&mut promised, &mut others), &mut fills),
                None => {
                    self.fill_one(actor, turn, &mut promised, &mut fills);
                    1
                }
            };
            if looked_at >= FILL_DEMANDS_MAX || fills.len() >= FILL_CLAIMS_MAX {
                break;
            }
        }
        let next = in_turn.next().map(|turn| Cursor(turn.waiting));
        let next = next.filter(|next| self.has_left(actor, next.0.class, &promised));
        Ok(Event::BacklogFilled(BacklogFilled { sku, fills, next }))
    }

    /// Whether anything is left that somebody of this class, or behind it, could get: beside what is held, and for who
    /// never had goods beside safety stock, too.
    fn has_left(&self, actor: &SkuActor, class: Class, promised: &Promised) -> bool {
        let units = |level: &Level| {
            let location = level.location();
            let kept = match class {
                Class::Short => 0,
                Class::Backorder => self.safety_stock(actor, location),
            };
            let units = (level.unclaimed() - promised.at(location)).saturating_sub(kept);
            Place { location, units: u64::from(units) }
        };
        let places: Vec<Place> = actor.levels().iter().map(units).collect();
        let spread = Spread::of(&self.held(actor, None), &places);
        (0..places.len()).any(|place| spread.left(place) > 0)
    }

    /// Gives one demand what the locations of its channel have left for it, the preferred one first, as far as its order has
    /// room for claims.
    fn fill_one(&self, actor: &SkuActor, turn: Turn, promised: &mut Promised, fills: &mut Vec<Filled>) {
        let Turn { waiting, channel, quantity } = turn;
        let Waiting { class, order, demand } = waiting;
        let Offer { most, at } = self.offer(actor, waiting, channel, promised);
        let mut room = self.room(order, demand, at.len(), fills);
        let mut open = u32::try_from(most).unwrap_or(u32::MAX).min(quantity);
        for (location, there) in at {
            let quantity = there.min(open);
            if quantity > 0 && room.take(demand, location) {
                fills.push(Filled { order, demand, class, location, quantity });
                promised.add(Owner { channel, order }, location, quantity);
                open -= quantity;
            }
        }
    }

    /// What a SKU has for somebody who waits for it, beside what is promised in this turn already. What is held for buyers
    /// nobody gets. Who has lost a claim gets what safety stock keeps and what others are promised, too: it had been
    /// promised its goods itself. An order that was imposed had not, and gets what one that is imposed gets.
    pub(super) fn offer(
        &self,
        actor: &SkuActor,
        Waiting { class, order, .. }: Waiting,
        number: ChannelNumber,
        promised: &Promised,
    ) -> Offer {
        let locations = self.channel(number).map_or(&[][..], |channel| &channel.locations);
        let is_imposed = self.stored(order).is_some_and(|order| order.policy() == Policy::Imposed);
        let owner = Owner { channel: number, order };
        let unclaimed = |location| actor.unclaimed(location) - promised.at(location);
        let there = |location| self.there(actor, location, unclaimed(location));
        let promise = match class {
            _ if self.is_plain(actor) => None,
            Class::Short if !is_imposed && actor.held().is_empty() && actor.grants().is_empty() => None,
            Class::Short if !is_imposed => Some(self.promise_to_short(actor, number, unclaimed)),
            Class::Short | Class::Backorder => Some(self.promise_to_waiting(
                actor,
                owner,
                &promised.pools,
                is_imposed && class == Class::Short,
                there,
            )),
        };
        let has_lost = class == Class::Short && !is_imposed;
        let may_serve = |location: &&LocationNumber| has_lost || self.may_serve(order, **location);
        let there = |location: &LocationNumber| {
            let units =
                promise.as_ref().map_or_else(|| unclaimed(*location), |promise| promise.at(*location));
            (*location, units)
        };
        let at = locations.iter().filter(may_serve).map(there).collect();
        Offer { most: promise.as_ref().map_or(u64::MAX, Promise::total), at }
    }

    /// A demand that has just begun to wait and is short must not be passed by: a pass that has gone past its place begins
    /// anew. One that has it still before it goes on: orders that are imposed one after the other must not hold it up.
    pub(super) fn come_first(&mut self, owner: Owner, number: u16, demand: &Demand) {
        let backlog = self.sku(demand.sku).and_then(SkuActor::backlog).filter(|_| demand.short > 0);
        let Some((backlog, cursor)) = backlog.and_then(|backlog| Some((backlog, backlog.pass()?))) else {
            return;
        };
        let waiting = Waiting { class: Class::Short, order: owner.order, demand: number };
        if !backlog.comes_at(cursor, owner.channel, waiting, |channel| self.rank(channel)) {
            self.sku_mut(demand.sku).begin_pass();
        }
    }

    pub(super) fn evolve_filled(&mut self, filled: &BacklogFilled) {
        for fills in filled.fills.chunk_by(|one, next| one.order == next.order) {
            self.change(fills[0].order, |state, order| {
                for fill in fills {
                    let sku = order.demands[usize::from(fill.demand)].sku;
                    let actor = state.sku_mut(sku);
                    let waiting = Waiting { class: fill.class, order: fill.order, demand: fill.demand };
                    actor.served(order.channel, waiting, fill.quantity);
                    actor.claim(order.owner(), fill.location, fill.quantity);
                    if sku != filled.sku {
                        state.note_backlog(sku);
                    }
                    order.fill(fill.demand, fill.location, fill.quantity, fill.class == Class::Short);
                }
                assert!(!order.is_closed(), "I4: what is kept is open");
            });
        }
        self.sku_mut(filled.sku).continue_pass(filled.next);
        self.note_backlog(filled.sku);
    }
}
