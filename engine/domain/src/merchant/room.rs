//! How many claims an order may come to have: as many as one record can tell of. What becomes of all of them at once, when it is
//! cancelled or its date comes, is one record; so units that come to an order that has as many go only where it has claims.

use super::MerchantState;
use crate::event::Filled;
use crate::id::{LocationNumber, OrderId};
use crate::order::{Order, claims_max};
use alloc::collections::BTreeSet;
use core::ops::RangeInclusive;

/// A claim that an order has or may have: demand and location.
type Place = (u16, LocationNumber);

/// Which claims an order may have after a turn of a pass.
pub(super) enum Room {
    /// All that the turn can give it.
    Plenty,
    /// Those that are there, of the demands that are looked at, and so many new ones.
    Left { there: BTreeSet<Place>, new: usize },
}

impl MerchantState {
    /// The room of an open order for what one of its demands is offered at so many locations, after what it was given in
    /// this turn. Only orders that may be near the limit are looked into.
    pub(super) fn room(&self, order: OrderId, demand: u16, offered: usize, fills: &[Filled]) -> Room {
        let is_near = self
            .stored(order)
            .filter(|stored| stored.claims_at_most() + fills.len() + offered > claims_max(stored.has_kits()));
        is_near.map_or(Room::Plenty, |stored| Room::of(&stored.open(), demand..=demand, offered, fills))
    }
}

impl Room {
    /// The room of an order for what some of its demands are offered at so many locations all together, likewise.
    pub(super) fn of(order: &Order, demands: RangeInclusive<u16>, offered: usize, fills: &[Filled]) -> Self {
        let max = claims_max(order.has_kits());
        if order.claims.len() + fills.len() + offered <= max {
            return Self::Plenty;
        }
        let given = fills.iter().filter(|fill| fill.order == order.id);
        let mut given: BTreeSet<Place> = given.map(|fill| (fill.demand, fill.location)).collect();
        let mut there = BTreeSet::new();
        for claim in &order.claims {
            let place = (claim.demand, claim.location);
            given.remove(&place);
            if demands.contains(&claim.demand) {
                there.insert(place);
            }
        }
        let new = max.saturating_sub(order.claims.len() + given.len());
        there.extend(given.into_iter().filter(|(demand, _)| demands.contains(demand)));
        Self::Left { there, new }
    }

    /// Whether a claim is there, or may be made with all others that the turn can give.
    pub(super) fn has(&self, demand: u16, location: LocationNumber) -> bool {
        match self {
            Self::Plenty => true,
            Self::Left { there, .. } => there.contains(&(demand, location)),
        }
    }

    /// Whether all of these claims may be there together.
    pub(super) fn holds(&self, claims: impl Iterator<Item = Place>) -> bool {
        match self {
            Self::Plenty => true,
            Self::Left { there, new } => {
                let made: BTreeSet<Place> = claims.filter(|claim| !there.contains(claim)).collect();
                made.len() <= *new
            }
        }
    }

    /// Whether units may go to a claim, which is there from then on.
    pub(super) fn take(&mut self, demand: u16, location: LocationNumber) -> bool {
        let Self::Left { there, new } = self else { return true };
        if there.contains(&(demand, location)) {
            return true;
        }
        let is_new = *new > 0;
        if is_new {
            *new -= 1;
            there.insert((demand, location));
        }
        is_new
    }
}
