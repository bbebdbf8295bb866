//! What SKUs are made of, as the audit's own books have it.

use crate::ledger::Ledger;
use std::collections::{BTreeMap, BTreeSet};

/// Components of one kit.
const COMPONENTS_MAX: usize = 64;

/// Kits within kits.
const DEPTH_MAX: usize = 8;

/// Components that are no kits of one that is taken apart wholly.
const PARTS_MAX: usize = 256;

/// The most units of a line, and of a part of one kit.
const UNITS_MAX: u64 = 1_000_000_000;

impl Ledger {
    /// Whether a list of components is one: known SKUs, each once, with units.
    pub(crate) fn are_components(&self, components: &[(u32, u32)]) -> bool {
        let different: BTreeSet<u32> = components.iter().map(|(sku, _)| *sku).collect();
        components.len() <= COMPONENTS_MAX
            && different.len() == components.len()
            && components.iter().all(|(sku, units)| (*sku as usize) < self.skus.len() && *units > 0)
    }

    /// What a kit comes to, in the order of SKU numbers; `None` if it contains itself or passes a limit.
    pub(crate) fn taken_apart(&self, kit: u32) -> Option<BTreeMap<u32, u64>> {
        let mut found = BTreeMap::new();
        let mut count = 0;
        // What is still to be looked at: SKU, units, and how many kits are around it.
        let mut next = vec![(kit, 1_u64, 0)];
        while let Some((sku, units, depth)) = next.pop() {
            let components = self.components_of(sku);
            if depth > DEPTH_MAX || units > UNITS_MAX || (depth == DEPTH_MAX && components.is_some()) {
                return None;
            }
            let Some(components) = components else {
                count += 1;
                let sum = found.entry(sku).or_insert(0_u64);
                *sum += units;
                if count > PARTS_MAX || *sum > UNITS_MAX {
                    return None;
                }
                continue;
            };
            next.extend(components.iter().map(|(sku, per)| (*sku, units * u64::from(*per), depth + 1)));
        }
        Some(found)
    }

    /// All kits that contain a SKU, directly or not.
    pub(crate) fn kits_above(&self, sku: u32) -> BTreeSet<u32> {
        let (mut found, mut next) = (BTreeSet::new(), vec![sku]);
        while let Some(below) = next.pop() {
            for kit in self.above.range((below, 0)..=(below, u32::MAX)).map(|(_, kit)| *kit) {
                if found.insert(kit) {
                    next.push(kit);
                }
            }
        }
        found
    }

    /// Enters what a SKU is made of; nothing, if it is no kit.
    pub(crate) fn put_components(&mut self, sku: u32, components: Vec<(u32, u32)>) {
        for (component, _) in self.kits.remove(&sku).unwrap_or_default() {
            self.above.remove(&(component, sku));
        }
        if !components.is_empty() {
            self.above.extend(components.iter().map(|(component, _)| (*component, sku)));
            self.kits.insert(sku, components);
        }
    }

    /// The components of a SKU that is a kit.
    pub(crate) fn components_of(&self, sku: u32) -> Option<&[(u32, u32)]> {
        self.kits.get(&sku).map(Vec::as_slice)
    }

    /// Units of a SKU that lie somewhere, are waited for or held.
    pub(crate) fn has_any(&self, sku: u32) -> bool {
        let lies = (0..self.safety_stock.len()).filter_map(|location| u16::try_from(location).ok());
        lies.map(|location| self.place(sku, location)).any(|place| place.on_hand() != 0)
            || self.backlogs.get(&sku).is_some_and(|backlog| backlog.total() != 0)
            || self.held.range((sku, 0)..=(sku, u16::MAX)).next().is_some()
    }
}
