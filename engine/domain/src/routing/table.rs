//! What is free of each SKU of an order at each location, read once before anything is planned.

use super::{FreeStock, Need};
use crate::id::LocationNumber;
use alloc::vec::Vec;

/// A row of free numbers for each need, in the order of the locations: a need is served without a look at
/// the others, so what one need reads stands together.
pub(super) struct Table {
    places: usize,
    free: Vec<u32>,
    /// What the order may claim of each need in all.
    totals: Vec<u64>,
}

impl Table {
    pub(super) fn read(needs: &[Need], locations: &[LocationNumber], stock: &impl FreeStock) -> Self {
        let places = locations.len();
        let mut free = alloc::vec![0; needs.len() * places];
        let mut ascending: Vec<(LocationNumber, usize)> =
            locations.iter().enumerate().map(|(place, location)| (*location, place)).collect();
        ascending.sort_unstable();
        if places > 0 {
            for (need, row) in needs.iter().zip(free.chunks_exact_mut(places)) {
                stock.free_at(need.sku, &ascending, row);
            }
        }
        let totals = needs.iter().map(|need| stock.total(need.sku)).collect();
        Self { places, free, totals }
    }

    /// How many locations it has.
    pub(super) fn places(&self) -> usize {
        self.places
    }

    /// Units of one need that are free at each location.
    pub(super) fn row(&self, need: usize) -> &[u32] {
        &self.free[need * self.places..][..self.places]
    }

    /// Units of one need that are free at one location.
    pub(super) fn free(&self, need: usize, place: usize) -> u64 {
        u64::from(self.row(need)[place])
    }

    /// Units of one need that may be claimed in all.
    pub(super) fn total(&self, need: usize) -> u64 {
        self.totals[need]
    }

    /// Units of one need that are free at all locations together, as far as they may be claimed.
    pub(super) fn there(&self, need: usize) -> u64 {
        self.row(need).iter().map(|free| u64::from(*free)).sum::<u64>().min(self.total(need))
    }
}
