//! The planner: which locations serve an order.
//!
//! It is handed what is needed and what is free, and returns quantities; it claims nothing. A channel without
//! a routing profile asks [`plan`], one rule per file: `whole`: one location that can serve everything, the
//! channel's preferred one; else `fewest`: the fewest locations. A channel with a [`profile`] asks
//! [`profile::plan_with`].

mod fewest;
pub mod profile;
mod table;
mod whole;

use crate::id::{LocationNumber, SkuNumber};
use alloc::vec::Vec;

/// Units of one SKU that a whole order needs, summed over its lines before anything is planned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Need {
    /// Which SKU; each stands once.
    pub sku: SkuNumber,
    /// How many units.
    pub quantity: u64,
}

/// Units to be claimed for one need at one location.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Take {
    /// Which need, by its place in the list.
    pub need: usize,
    /// Where.
    pub location: LocationNumber,
    /// How many; never 0 and never more than is free there.
    pub quantity: u64,
}

/// What the planner reads of stock.
pub trait FreeStock {
    /// Units of a SKU at a location that the order may claim.
    fn free(&self, sku: SkuNumber, location: LocationNumber) -> u32;

    /// The same for many locations at once: writes what is free at each into `row`, at the place that stands
    /// beside it. `ascending` is sorted by location, so that whoever keeps stock so can walk both together.
    fn free_at(&self, sku: SkuNumber, ascending: &[(LocationNumber, usize)], row: &mut [u32]) {
        for (location, place) in ascending {
            row[*place] = self.free(sku, *location);
        }
    }

    /// Units of a SKU that the order may claim in all, wherever; may be less than all that is free.
    fn total(&self, _sku: SkuNumber) -> u64 {
        u64::MAX
    }
}

/// Plans as much of the needs as stock can serve, over `locations`, the preferred one first.
///
/// The takes of one need stand together, in the order of `needs`; what is missing in them is not there.
#[must_use]
pub fn plan(needs: &[Need], locations: &[LocationNumber], stock: &impl FreeStock) -> Vec<Take> {
    whole::plan(needs, locations, stock).unwrap_or_else(|| fewest::plan(needs, locations, stock))
}
