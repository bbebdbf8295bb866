//! Kits: SKUs that are sold as a set of others, their components, and have no stock of their own.
//!
//! A component may be a kit itself. Taken apart wholly, a kit is its *parts*: SKUs that are no kits, each once, with the
//! units of it that one kit needs. An order is planned, claimed and shipped by parts, and keeps those of the moment at
//! which it was accepted; so what a kit is made of can change at any time, and only later orders are concerned.

mod fault;
mod table;

use crate::id::SkuNumber;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

pub use fault::KitFault;
pub use table::Kits;

/// Components of one kit: a set of real life has some ten, a large hamper some forty.
pub const COMPONENTS_MAX: usize = 64;

/// Kits within kits: the kit itself, those among its components, and so on. Real nesting ends at three, a multipack of
/// bundles of sets.
pub const DEPTH_MAX: usize = 8;

/// Components that are no kits, counted each time they stand somewhere, of a kit that is taken apart wholly. It bounds
/// what one line of an order can cost.
pub const PARTS_MAX: usize = 256;

/// Kits that contain one which changes, directly or not: each of them is taken apart again in the same step, some
/// milliseconds for all.
pub const KITS_ABOVE_MAX: usize = 1_000;

/// A SKU, and how many smallest units of it one kit has.
pub type Component = (SkuNumber, u32);

/// One kit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kit {
    components: Arc<[Component]>,
    parts: Arc<[Component]>,
}

impl Kit {
    /// What it is made of, as it was put.
    #[must_use]
    pub fn components(&self) -> &Arc<[Component]> {
        &self.components
    }

    /// What it is made of, taken apart wholly, in the order of SKU numbers.
    #[must_use]
    pub fn parts(&self) -> &Arc<[Component]> {
        &self.parts
    }
}

/// A walk down from one kit.
struct Walk<F> {
    components_of: F,
    /// The kits from the first one down to the one that is looked at.
    path: Vec<SkuNumber>,
    /// Components that are no kits, so far.
    count: usize,
    units: BTreeMap<SkuNumber, u64>,
}

/// Takes a kit apart. The limits bound the walk, whatever `components_of` says.
fn take_apart<'a>(
    kit: SkuNumber,
    components_of: impl Fn(SkuNumber) -> Option<&'a [Component]>,
) -> Result<Vec<Component>, KitFault> {
    let mut walk = Walk { components_of, path: Vec::new(), count: 0, units: BTreeMap::new() };
    walk.down(kit, 1)?;
    // No sum passes the limit, which 32 bits hold.
    Ok(walk.units.into_iter().map(|(sku, units)| (sku, u32::try_from(units).unwrap_or(u32::MAX))).collect())
}

impl<'a, F: Fn(SkuNumber) -> Option<&'a [Component]>> Walk<F> {
    /// Goes through the components of a kit of which the first one has `factor`.
    fn down(&mut self, kit: SkuNumber, factor: u64) -> Result<(), KitFault> {
        let is_cycle = self.path.contains(&kit);
        self.path.push(kit);
        if is_cycle {
            return Err(KitFault::Cycle { path: core::mem::take(&mut self.path) });
        }
        if self.path.len() > DEPTH_MAX {
            return Err(KitFault::TooDeep { path: core::mem::take(&mut self.path), max: DEPTH_MAX });
        }
        for (sku, quantity) in (self.components_of)(kit).unwrap_or(&[]) {
            let units = factor * u64::from(*quantity);
            fault::check_units(*sku, units)?;
            if (self.components_of)(*sku).is_some() {
                self.down(*sku, units)?;
            } else {
                self.part(*sku, units)?;
            }
        }
        self.path.pop();
        Ok(())
    }

    fn part(&mut self, sku: SkuNumber, units: u64) -> Result<(), KitFault> {
        self.count += 1;
        if self.count > PARTS_MAX {
            return Err(KitFault::TooManyParts { kit: self.path[0], max: PARTS_MAX });
        }
        let sum = self.units.entry(sku).or_insert(0);
        *sum += units;
        fault::check_units(sku, *sum)
    }
}
