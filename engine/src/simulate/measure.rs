//! How an order's goods would travel: in how many shipments, how far, at what price.

use super::world::NewRules;
use crate::directory::Directory;
use onhand_domain::LocationNumber;
use onhand_domain::routing::profile::postal_key;
use onhand_record::order::OrderAskedV1;
use smallvec::SmallVec;
use std::sync::Arc;

/// What weighs a shipment of which nobody knows the weight: profiles with rates by weight are refused.
const NO_WEIGHT: u64 = 0;

/// What the units claimed for an order make.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Way {
    pub(super) shipments: u64,
    /// Of those shipments of which both ends are known, and how many they are.
    pub(super) metres: u64,
    pub(super) located: u64,
    /// Of those shipments that the rate card has a rate for, and how many they are.
    pub(super) cost: u64,
    pub(super) priced: u64,
}

/// Measures both worlds by the same table of places and the same rate card.
pub(super) struct Ruler {
    directory: Arc<Directory>,
    rules: Option<Arc<NewRules>>,
    /// Whether the locations were found on earth since one of them changed.
    is_surveyed: bool,
}

impl Ruler {
    pub(super) fn new(directory: &Arc<Directory>, rules: Option<Arc<NewRules>>) -> Self {
        Self { directory: Arc::clone(directory), rules, is_surveyed: false }
    }

    /// A location has changed.
    pub(super) fn location_changed(&mut self) {
        self.is_surveyed = false;
    }

    /// Finds the locations on earth, for an order that goes somewhere: before it is decided, since rules may ask how far that
    /// is. A directory does it by itself only once it has a profile.
    pub(super) fn survey(&mut self, asked: &OrderAskedV1<'_>) {
        if asked.ship_to.is_some() && !self.is_surveyed {
            self.directory.survey();
            self.is_surveyed = true;
        }
    }

    /// Measures what these claims of an order make: a shipment from each location.
    pub(super) fn way(&self, asked: &OrderAskedV1<'_>, claims: &[(u16, LocationNumber, u32)]) -> Way {
        let mut from: SmallVec<[LocationNumber; 4]> =
            claims.iter().map(|(_, location, _)| *location).collect();
        from.sort_unstable();
        from.dedup();
        let mut way = Way { shipments: from.len() as u64, ..Way::default() };
        if !from.is_empty() {
            self.measure_length(asked, &from, &mut way);
            self.price(asked, &from, &mut way);
        }
        way
    }

    fn measure_length(&self, asked: &OrderAskedV1<'_>, from: &[LocationNumber], way: &mut Way) {
        let Some(ship_to) = &asked.ship_to else { return };
        let metres = self.directory.with_rules(|known| known.atlas().metres_to(ship_to, from));
        for metres in metres.into_iter().flatten().flatten() {
            way.metres += u64::from(metres);
            way.located += 1;
        }
    }

    fn price(&self, asked: &OrderAskedV1<'_>, from: &[LocationNumber], way: &mut Way) {
        let Some(card) = self.rules.as_ref().and_then(|rules| rules.card()) else { return };
        let country = asked
            .ship_to
            .map(|ship_to| self.directory.with_rules(|known| known.symbols().find(ship_to.country)));
        let postal = asked.ship_to.and_then(|ship_to| postal_key(ship_to.postal_code?));
        for rate in from.iter().filter_map(|location| card.rate(*location, country, postal)) {
            way.cost = way.cost.saturating_add(rate.price(NO_WEIGHT).unsigned_abs());
            way.priced += 1;
        }
    }
}
