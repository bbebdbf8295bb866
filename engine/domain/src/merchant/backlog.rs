//! Serving those who wait when stock comes, a bounded number of demands a turn.

use super::MerchantState;
use crate::event::{BacklogFilled, Event, Filled};
use crate::id::{LocationNumber, SkuNumber};
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

/// What a pass has already promised in this turn.
struct Promised {
    units: Vec<(LocationNumber, u32)>,
    /// What that leaves of the pools.
    pools: Vec<Pool>,
}

impl Promised {
    fn at(&self, location: LocationNumber) -> u32 {
        self.units.iter().find(|(place, _)| *place == location).map_or(0, |(_, units)| *units)
    }

    fn add(&mut self, owner: Owner, location: LocationNumber, units: u32) {
        match self.units.iter_mut().find(|(place, _)| *place == location) {
            Some((_, sum)) => *sum += units,
            None => self.units.push((location, units)),
        }
        if let Some(pool) = self.pools.iter_mut().find(|pool| pool.channel == owner.channel) {
            pool.charge(owner.order, units);
        }
    }
}

impl MerchantState {
    pub(super) fn decide_fill(&self, sku: SkuNumber) -> Result<Event, Rejection> {
        let actor = self.sku(sku).ok_or(Rejection::NothingWaits)?;
        let backlog = actor.backlog().ok_or(Rejection::NothingWaits)?;
        let cursor = backlog.pass().ok_or(Rejection::NothingWaits)?;
        let mut promised = Promised { units: Vec::new(), pools: actor.pools().to_vec() };
        let mut fills = Vec::new();
        let mut in_turn = backlog.in_turn(cursor, |channel| self.rank(channel));
        for turn in in_turn.by_ref().take(FILL_DEMANDS_MAX) {
            self.fill_one(actor, turn, &mut promised, &mut fills);
            if fills.len() >= FILL_CLAIMS_MAX {
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

    /// Gives one demand what the locations of its channel have left for it, the preferred one first. What is held for
    /// buyers nobody gets. Whose goods were sold already gets what safety stock keeps, too; and who has lost a claim what
    /// others are promised: it had been promised its goods itself, as an order that was imposed had not.
    fn fill_one(&self, actor: &SkuActor, turn: Turn, promised: &mut Promised, fills: &mut Vec<Filled>) {
        let Turn { waiting: Waiting { class, order, demand }, channel: number, quantity } = turn;
        let Some(channel) = self.channel(number) else { return };
        let is_imposed = self.stored(order).is_some_and(|order| order.policy() == Policy::Imposed);
        let owner = Owner { channel: number, order };
        let unclaimed = |location| actor.unclaimed(location) - promised.at(location);
        let promise = match class {
            _ if self.is_plain(actor) => None,
            Class::Short if is_imposed => {
                Some(self.promise_to_waiting(actor, owner, &promised.pools, unclaimed))
            }
            Class::Short if actor.held().is_empty() => None,
            Class::Short => Some(self.promise_to_short(actor, number, unclaimed)),
            Class::Backorder => {
                let free = |location| unclaimed(location).saturating_sub(self.safety_stock(actor, location));
                Some(self.promise_to_waiting(actor, owner, &promised.pools, free))
            }
        };
        let most = promise.as_ref().map_or(u64::MAX, Promise::total);
        let mut open = u32::try_from(most).unwrap_or(u32::MAX).min(quantity);
        let mut given: SmallVec<[(LocationNumber, u32); 4]> = SmallVec::new();
        let has_lost = class == Class::Short && !is_imposed;
        let may_serve = |location: &&LocationNumber| has_lost || self.may_serve(order, **location);
        for location in channel.locations.iter().filter(may_serve) {
            let there =
                promise.as_ref().map_or_else(|| unclaimed(*location), |promise| promise.at(*location));
            let units = there.min(open);
            if units > 0 {
                given.push((*location, units));
                open -= units;
            }
        }
        for (location, quantity) in given {
            fills.push(Filled { order, demand, class, location, quantity });
            promised.add(owner, location, quantity);
        }
    }

    /// A demand that has just begun to wait and is short must not be passed by: a pass that is under way for others begins
    /// anew.
    pub(super) fn come_first(&mut self, demand: &Demand) {
        let backlog = self.sku(demand.sku).and_then(SkuActor::backlog);
        if demand.short > 0 && backlog.is_some_and(|backlog| backlog.pass().is_some()) {
            self.sku_mut(demand.sku).begin_pass();
        }
    }

    pub(super) fn evolve_filled(&mut self, filled: &BacklogFilled) {
        for fills in filled.fills.chunk_by(|one, next| one.order == next.order) {
            self.change(fills[0].order, |state, order| {
                let actor = state.sku_mut(filled.sku);
                for fill in fills {
                    let waiting = Waiting { class: fill.class, order: fill.order, demand: fill.demand };
                    actor.served(order.channel, waiting, fill.quantity);
                    actor.claim(order.owner(), fill.location, fill.quantity);
                    order.fill(fill.demand, fill.location, fill.quantity, fill.class == Class::Short);
                }
                assert!(!order.is_closed(), "I4: what is kept is open");
            });
        }
        self.sku_mut(filled.sku).continue_pass(filled.next);
        self.note_backlog(filled.sku);
    }
}
