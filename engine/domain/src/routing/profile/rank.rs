//! Which of the plans that are possible under a strategy is taken.
//!
//! Every objective gives a location a whole number, at least 0; less is better. A plan has the sum over the
//! locations that serve in it, one shipment each. So an objective of which more is better counts what a
//! location lacks to the best one. Plans that are equal under all ranks are told apart by fewer shipments, then
//! by the locations' own numbers and the channel's order: there are no ties.

use crate::id::LocationNumber;
use alloc::vec::Vec;

/// Ranks, or objectives with weights, of one strategy.
pub const RANKS_MAX: usize = 8;

/// The largest number that an objective gives a location: some million million metres, units or minor units;
/// what is larger counts as this. So the sum over all locations of a plan, weighted, stays inside 64 bits.
pub const SCORE_MAX: i64 = (1 << 40) - 1;

/// What a rank gives a location of which its objective is unknown: it is behind all others.
pub const UNKNOWN: i64 = SCORE_MAX + 1;

/// In a weighted cost, the number of the location that is worst under an objective, or of which it is unknown;
/// the others have their part of it, rounded down.
pub const NORMAL: i64 = 1_000;

/// What is made small.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Objective {
    /// The place of a location in this list, from 0; locations that are not in it come behind the last.
    Priority(PriorityList),
    /// How many locations serve: each counts 1.
    FewestShipments,
    /// Metres to the destination.
    Nearest,
    /// What a shipment costs by the rate card with this number, for what it weighs, in minor units.
    LandedCost(u16),
    /// Free units of the SKUs of the order, fewer than at the location that has the most.
    MostStock,
    /// Days for which the SKU of the order lasts that runs out first, fewer than at the best location.
    DaysOfCover,
    /// Orders that can still be taken today, fewer than at the location that can take the most.
    CapacityLeft,
}

/// One tie-breaker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rank {
    /// What is compared.
    pub objective: Objective,
    /// Numbers of locations count as equal inside a band of this width, from 0 on: 50,000 metres, say.
    pub band: Option<u32>,
}

/// One part of a weighted cost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Weight {
    /// What is counted, normalised: see [`NORMAL`].
    pub objective: Objective,
    /// How often.
    pub weight: u32,
}

/// How plans are compared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ranking {
    /// By the first rank; where plans are equal, by the next.
    InOrder(Vec<Rank>),
    /// By one sum of weights times normalised objectives.
    Weighted(Vec<Weight>),
}

/// Locations in the order in which they are preferred.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PriorityList(Vec<(LocationNumber, u16)>);

impl PriorityList {
    /// A list, the most preferred location first.
    #[must_use]
    pub fn new(preferred: &[LocationNumber]) -> Self {
        let mut places: Vec<_> = preferred.iter().copied().zip(0..).collect();
        places.sort_unstable();
        Self(places)
    }

    /// All locations in it, ascending, one that was named twice twice.
    pub fn locations(&self) -> impl Iterator<Item = LocationNumber> {
        self.0.iter().map(|(location, _)| *location)
    }

    /// The place of a location, from 0; the length of the list if it is not in it.
    #[must_use]
    pub fn place(&self, location: LocationNumber) -> usize {
        let found = self.0.binary_search_by_key(&location, |(location, _)| *location);
        found.map_or(self.0.len(), |row| usize::from(self.0[row].1))
    }
}

impl Objective {
    /// Whether more is better, so that what lacks to the best is counted.
    pub(super) fn is_gain(&self) -> bool {
        matches!(self, Self::MostStock | Self::DaysOfCover | Self::CapacityLeft)
    }

    /// The rate card it asks, if it asks one.
    pub(super) fn rate_card(&self) -> Option<u16> {
        match self {
            Self::LandedCost(card) => Some(*card),
            _ => None,
        }
    }
}

impl Ranking {
    /// All objectives in it.
    pub(super) fn objectives(&self) -> impl Iterator<Item = &Objective> {
        let (ranks, weights) = match self {
            Self::InOrder(ranks) => (&ranks[..], &[][..]),
            Self::Weighted(weights) => (&[][..], &weights[..]),
        };
        ranks.iter().map(|rank| &rank.objective).chain(weights.iter().map(|weight| &weight.objective))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_has_the_place_it_was_given() {
        let list = PriorityList::new(&[LocationNumber(7), LocationNumber(2), LocationNumber(5)]);
        let places = [7, 2, 5, 0, 9].map(|number| list.place(LocationNumber(number)));
        assert_eq!(places, [0, 1, 2, 3, 3]);
    }
}
