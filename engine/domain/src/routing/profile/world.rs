//! What the planner reads of locations and SKUs, beside what is free.

use super::facts::Symbol;
use crate::id::{LocationNumber, SkuNumber};
use crate::routing::FreeStock;

/// What is known of a location for one order. `None` is unknown: a filter that asks for it is not passed, and a
/// rank puts the location behind all of which it is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PlaceFacts<'a> {
    /// Warehouse, shop, supplier: whatever the merchant calls it.
    pub kind: Option<Symbol>,
    /// What it can handle, ascending.
    pub capabilities: &'a [Symbol],
    /// Whole metres to the order's destination.
    pub distance: Option<u32>,
    /// Orders it can still take today.
    pub capacity_left: Option<u32>,
    /// Orders that wait there.
    pub backlog: Option<u32>,
    /// Whether what it is given now leaves only on another day. A location without a cut-off never passed it.
    pub is_cutoff_passed: Option<bool>,
}

/// What is read of locations and SKUs. Everything stays the same while one order is planned.
pub trait World: FreeStock {
    /// What is known of a location.
    fn place(&self, location: LocationNumber) -> PlaceFacts<'_>;

    /// For how many whole days a location's stock of a SKU lasts; `None` is unknown.
    fn days_of_cover(&self, sku: SkuNumber, location: LocationNumber) -> Option<u32>;

    /// What one smallest unit of a SKU weighs, in milligrams; `None` is unknown, and no rate counts it.
    fn unit_weight(&self, sku: SkuNumber) -> Option<u32>;
}
