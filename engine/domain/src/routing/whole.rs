//! One location for the whole order: the first of the channel's locations that has all of it.

use super::{FreeStock, Need, Take};
use crate::id::LocationNumber;
use alloc::vec::Vec;

pub(super) fn plan(
    needs: &[Need],
    locations: &[LocationNumber],
    stock: &impl FreeStock,
) -> Option<Vec<Take>> {
    if needs.iter().any(|need| stock.total(need.sku) < need.quantity) {
        return None;
    }
    let serves_all = |location: &&LocationNumber| {
        needs.iter().all(|need| u64::from(stock.free(need.sku, **location)) >= need.quantity)
    };
    let location = *locations.iter().find(serves_all)?;
    let takes = needs.iter().enumerate();
    Some(takes.map(|(need, row)| Take { need, location, quantity: row.quantity }).collect())
}
