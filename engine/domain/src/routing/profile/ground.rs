//! What is read once for a plan, whichever strategies are tried.

use super::Profile;
use super::budget::READS_MAX;
use super::facts::OrderFacts;
use super::world::{PlaceFacts, World};
use crate::id::LocationNumber;
use crate::routing::Need;
use crate::routing::table::Table;
use alloc::vec::Vec;

pub(super) struct Ground<'a, W> {
    pub(super) profile: &'a Profile,
    pub(super) order: &'a OrderFacts<'a>,
    pub(super) world: &'a W,
    pub(super) needs: &'a [Need],
    /// The channel's, the preferred one first, as many as are looked at.
    pub(super) locations: &'a [LocationNumber],
    /// All of the channel's.
    pub(super) all: &'a [LocationNumber],
    /// The channel's locations beyond those.
    pub(super) beyond: usize,
    pub(super) places: Vec<PlaceFacts<'a>>,
    pub(super) table: Table,
    /// Milligrams of one unit of each need; empty if the profile has no rate card.
    pub(super) unit_weights: Vec<u64>,
    /// Milligrams of the whole order.
    pub(super) weight: u64,
}

impl<'a, W: World> Ground<'a, W> {
    pub(super) fn survey(
        profile: &'a Profile,
        order: &'a OrderFacts<'a>,
        world: &'a W,
        needs: &'a [Need],
        all: &'a [LocationNumber],
    ) -> Self {
        let (locations, beyond) = all.split_at(all.len().min(READS_MAX / needs.len().max(1)));
        let weigh = |need: &Need| world.unit_weight(need.sku).map_or(0, u64::from);
        let unit_weights: Vec<u64> =
            if profile.rate_cards.is_empty() { Vec::new() } else { needs.iter().map(weigh).collect() };
        let weights = needs.iter().zip(&unit_weights);
        let weight =
            weights.fold(0, |sum: u64, (need, unit)| sum.saturating_add(need.quantity.saturating_mul(*unit)));
        Self {
            profile,
            order,
            world,
            needs,
            locations,
            all,
            beyond: beyond.len(),
            places: locations.iter().map(|location| world.place(*location)).collect(),
            table: Table::read(needs, locations, world),
            unit_weights,
            weight,
        }
    }

    /// Whether all locations together have everything. If not, no strategy can serve the order in full.
    pub(super) fn has_enough(&self) -> bool {
        let mut needs = self.needs.iter().enumerate();
        needs.all(|(place, need)| self.table.there(place) >= need.quantity)
    }
}
