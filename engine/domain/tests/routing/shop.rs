//! A world that is told what there is, and a profile that says little.
#![allow(dead_code, reason = "no file of tests uses all of it")]

use onhand_domain::order::Policy;
use onhand_domain::routing::profile::{
    Objective, PlaceFacts, Profile, Rank, Ranking, Split, Strategy, Symbol, World,
};
use onhand_domain::routing::{FreeStock, Need};
use onhand_domain::{LocationNumber, SkuNumber};

/// What is known of a location.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    /// Of each SKU.
    pub(crate) free: Vec<u32>,
    /// Of each SKU.
    pub(crate) cover: Vec<Option<u32>>,
    pub(crate) kind: Option<Symbol>,
    pub(crate) capabilities: Vec<Symbol>,
    pub(crate) distance: Option<u32>,
    pub(crate) capacity_left: Option<u32>,
    pub(crate) is_cutoff_passed: Option<bool>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Shop {
    pub(crate) places: Vec<Place>,
    /// Milligrams of each SKU's unit.
    pub(crate) weights: Vec<Option<u32>>,
}

impl Shop {
    /// `stock[location][sku]`; nothing else is known.
    pub(crate) fn with(stock: &[&[u32]]) -> Self {
        let place = |free: &&[u32]| Place { free: free.to_vec(), ..Place::default() };
        Self { places: stock.iter().map(place).collect(), weights: Vec::new() }
    }

    /// Every location, in the order of its number.
    pub(crate) fn locations(&self) -> Vec<LocationNumber> {
        (0..).take(self.places.len()).map(LocationNumber).collect()
    }
}

impl FreeStock for Shop {
    fn free(&self, sku: SkuNumber, location: LocationNumber) -> u32 {
        self.places[location.row()].free[sku.row()]
    }
}

impl World for Shop {
    fn place(&self, location: LocationNumber) -> PlaceFacts<'_> {
        let place = &self.places[location.row()];
        PlaceFacts {
            kind: place.kind,
            capabilities: &place.capabilities,
            distance: place.distance,
            capacity_left: place.capacity_left,
            backlog: None,
            is_cutoff_passed: place.is_cutoff_passed,
        }
    }

    fn days_of_cover(&self, sku: SkuNumber, location: LocationNumber) -> Option<u32> {
        self.places[location.row()].cover.get(sku.row()).copied().flatten()
    }

    fn unit_weight(&self, sku: SkuNumber) -> Option<u32> {
        self.weights.get(sku.row()).copied().flatten()
    }
}

/// So many units of SKU 0, 1 and so on.
pub(crate) fn needs(quantities: &[u64]) -> Vec<Need> {
    quantities
        .iter()
        .zip(0..)
        .map(|(quantity, sku)| Need { sku: SkuNumber(sku), quantity: *quantity })
        .collect()
}

/// Ranks without bands.
pub(crate) fn ranks(objectives: &[Objective]) -> Ranking {
    let rank = |objective: &Objective| Rank { objective: objective.clone(), band: None };
    Ranking::InOrder(objectives.iter().map(rank).collect())
}

/// A strategy that is always tried and lets every location serve.
pub(crate) fn strategy(ranking: Ranking) -> Strategy {
    Strategy { when: None, filters: Vec::new(), ranking, max_split: None, line_split: None }
}

/// A profile that splits without limit, and lets wait what it cannot serve.
pub(crate) fn profile(strategies: Vec<Strategy>) -> Profile {
    Profile {
        version: 3,
        defaults: Split { max_split: u16::MAX, line_split: true },
        strategies,
        fallbacks: Vec::new(),
        otherwise: Some(Policy::Backorder),
        rate_cards: Vec::new(),
    }
}
