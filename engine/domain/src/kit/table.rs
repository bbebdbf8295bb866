//! All kits of a merchant, and which kits contain which SKU.

use super::{COMPONENTS_MAX, Component, KITS_ABOVE_MAX, Kit, KitFault, take_apart};
use crate::id::SkuNumber;
use crate::quantity::QUANTITY_MAX;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Kits {
    kits: BTreeMap<SkuNumber, Kit>,
    /// A SKU, and a kit of which it is a component.
    above: BTreeSet<(SkuNumber, SkuNumber)>,
}

impl Kits {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kits.is_empty()
    }

    /// The kit of a SKU, if it is one.
    #[must_use]
    pub fn get(&self, sku: SkuNumber) -> Option<&Kit> {
        self.kits.get(&sku)
    }

    /// All kits, by number.
    pub fn iter(&self) -> impl Iterator<Item = (SkuNumber, &Kit)> {
        self.kits.iter().map(|(sku, kit)| (*sku, kit))
    }

    /// Whether a SKU is a component of some kit.
    #[must_use]
    pub fn is_component(&self, sku: SkuNumber) -> bool {
        self.directly_above(sku).next().is_some()
    }

    /// Whether a SKU may be made of these components, none of which makes it no kit.
    ///
    /// # Errors
    /// The first limit that it, or a kit that contains it, would pass; or that one would contain itself.
    pub fn check(&self, sku: SkuNumber, components: &[Component]) -> Result<(), KitFault> {
        check_list(components)?;
        let components_of = |of: SkuNumber| {
            let stands = if of == sku { Some(components) } else { self.components_of(of) };
            stands.filter(|components| !components.is_empty())
        };
        take_apart(sku, components_of)?;
        let above =
            self.all_above(sku, KITS_ABOVE_MAX).ok_or(KitFault::TooManyAbove { max: KITS_ABOVE_MAX })?;
        above.into_iter().try_for_each(|kit| take_apart(kit, components_of).map(drop))
    }

    /// Says what a SKU is made of; nothing, if it is no kit. The caller has checked that.
    ///
    /// # Panics
    /// If that breaks a limit: a defect, never an input.
    pub(crate) fn put(&mut self, sku: SkuNumber, components: &[Component]) {
        self.enter(sku, components);
        let above = self.all_above(sku, usize::MAX).unwrap_or_default();
        self.take_apart_again([sku].into_iter().chain(above));
    }

    /// All kits as a picture has them.
    ///
    /// # Panics
    /// If one breaks a limit: then the picture is damaged.
    pub(crate) fn restored<'a>(rows: impl Iterator<Item = (SkuNumber, &'a [Component])>) -> Self {
        let mut kits = Self::default();
        rows.for_each(|(sku, components)| kits.enter(sku, components));
        let all: Vec<SkuNumber> = kits.kits.keys().copied().collect();
        kits.take_apart_again(all.into_iter());
        kits
    }

    fn enter(&mut self, sku: SkuNumber, components: &[Component]) {
        if let Some(before) = self.kits.remove(&sku) {
            for (component, _) in before.components.iter() {
                self.above.remove(&(*component, sku));
            }
        }
        if !components.is_empty() {
            self.above.extend(components.iter().map(|(component, _)| (*component, sku)));
            let (components, parts) = (components.into(), Arc::default());
            self.kits.insert(sku, Kit { components, parts });
        }
    }

    fn take_apart_again(&mut self, kits: impl Iterator<Item = SkuNumber>) {
        for sku in kits {
            if self.kits.contains_key(&sku) {
                let parts = take_apart(sku, |of| self.components_of(of));
                let Ok(parts) = parts else { panic!("a kit cannot be taken apart: {parts:?}") };
                if let Some(kit) = self.kits.get_mut(&sku) {
                    kit.parts = parts.into();
                }
            }
        }
    }

    fn components_of(&self, sku: SkuNumber) -> Option<&[Component]> {
        self.get(sku).map(|kit| &*kit.components)
    }

    fn directly_above(&self, sku: SkuNumber) -> impl Iterator<Item = SkuNumber> {
        let all = (sku, SkuNumber(0))..=(sku, SkuNumber(u32::MAX));
        self.above.range(all).map(|(_, kit)| *kit)
    }

    /// The kits that contain a SKU, directly or not; `None` if there are more than `max`.
    fn all_above(&self, sku: SkuNumber, max: usize) -> Option<BTreeSet<SkuNumber>> {
        let (mut found, mut next) = (BTreeSet::new(), alloc::vec![sku]);
        while let Some(below) = next.pop() {
            for kit in self.directly_above(below) {
                if found.insert(kit) {
                    next.push(kit);
                }
                if found.len() > max {
                    return None;
                }
            }
        }
        Some(found)
    }
}

/// Each component stands once, with units that a line may name.
fn check_list(components: &[Component]) -> Result<(), KitFault> {
    if components.len() > COMPONENTS_MAX {
        return Err(KitFault::TooManyComponents { components: components.len(), max: COMPONENTS_MAX });
    }
    for (index, (sku, quantity)) in components.iter().enumerate() {
        if components[..index].iter().any(|(earlier, _)| earlier == sku) {
            return Err(KitFault::DuplicateComponent { index });
        }
        if *quantity == 0 || *quantity > QUANTITY_MAX {
            return Err(KitFault::ComponentOutOfRange { index, quantity: *quantity, max: QUANTITY_MAX });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{DEPTH_MAX, PARTS_MAX};
    use super::*;

    fn list(components: &[(u32, u32)]) -> Vec<Component> {
        components.iter().map(|(sku, quantity)| (SkuNumber(*sku), *quantity)).collect()
    }

    /// Puts a kit as a merchant does: checked first.
    fn put(kits: &mut Kits, sku: u32, components: &[(u32, u32)]) -> Result<(), KitFault> {
        kits.check(SkuNumber(sku), &list(components))?;
        kits.put(SkuNumber(sku), &list(components));
        Ok(())
    }

    fn parts(kits: &Kits, sku: u32) -> Vec<(u32, u32)> {
        let kit = kits.get(SkuNumber(sku)).unwrap();
        kit.parts().iter().map(|(sku, units)| (sku.0, *units)).collect()
    }

    fn numbers(path: &[u32]) -> Vec<SkuNumber> {
        path.iter().copied().map(SkuNumber).collect()
    }

    #[test]
    fn a_kit_is_taken_apart_wholly_and_each_part_is_summed() {
        let mut kits = Kits::default();
        put(&mut kits, 10, &[(1, 2), (2, 3)]).unwrap();
        put(&mut kits, 11, &[(10, 4), (1, 1), (3, 5)]).unwrap();
        assert_eq!(parts(&kits, 11), [(1, 9), (2, 12), (3, 5)]);
        put(&mut kits, 10, &[(2, 1)]).unwrap();
        assert_eq!(parts(&kits, 11), [(1, 1), (2, 4), (3, 5)]);
        put(&mut kits, 10, &[]).unwrap();
        assert_eq!(parts(&kits, 11), [(1, 1), (3, 5), (10, 4)]);
        assert!(kits.get(SkuNumber(10)).is_none());
        assert!(kits.is_component(SkuNumber(10)) && !kits.is_component(SkuNumber(2)));
    }

    #[test]
    fn no_kit_contains_itself() {
        let mut kits = Kits::default();
        assert_eq!(put(&mut kits, 1, &[(1, 1)]), Err(KitFault::Cycle { path: numbers(&[1, 1]) }));
        put(&mut kits, 1, &[(2, 1)]).unwrap();
        put(&mut kits, 2, &[(3, 1), (4, 1)]).unwrap();
        let cycle = KitFault::Cycle { path: numbers(&[4, 1, 2, 4]) };
        assert_eq!(put(&mut kits, 4, &[(1, 1)]), Err(cycle));
        assert_eq!(parts(&kits, 1), [(3, 1), (4, 1)]);
    }

    #[test]
    fn depth_is_checked_upward_too() {
        let mut kits = Kits::default();
        let depth = u32::try_from(DEPTH_MAX).unwrap();
        for kit in 1..=depth {
            put(&mut kits, kit, &[(kit - 1, 1)]).unwrap();
        }
        let path: Vec<u32> = (0..=depth).rev().collect();
        let too_deep = KitFault::TooDeep { path: numbers(&path), max: DEPTH_MAX };
        assert_eq!(put(&mut kits, 0, &[(99, 1)]), Err(too_deep));
        let over: Vec<u32> = (1..=depth + 1).rev().collect();
        let too_deep = KitFault::TooDeep { path: numbers(&over), max: DEPTH_MAX };
        assert_eq!(put(&mut kits, depth + 1, &[(depth, 1)]), Err(too_deep));
    }

    #[test]
    fn a_kit_has_no_more_parts_and_units_than_it_may() {
        let mut kits = Kits::default();
        let wide: Vec<(u32, u32)> = (0..64).map(|sku| (sku, 1)).collect();
        for kit in 100..104 {
            put(&mut kits, kit, &wide).unwrap();
        }
        put(&mut kits, 200, &[(100, 1), (101, 1), (102, 1), (103, 1)]).unwrap();
        assert_eq!(parts(&kits, 200).len(), 64);
        let max = PARTS_MAX;
        let too_many = |kit| Err(KitFault::TooManyParts { kit: SkuNumber(kit), max });
        assert_eq!(put(&mut kits, 201, &[(200, 1), (70, 1)]), too_many(201));
        let wider: Vec<(u32, u32)> = (0..65).map(|sku| (sku, 1)).collect();
        let many = KitFault::TooManyComponents { components: 65, max: COMPONENTS_MAX };
        assert_eq!(put(&mut kits, 202, &wider), Err(many));
        // A SKU that stands once in the outermost kit may not become two.
        put(&mut kits, 203, &[(100, 1), (101, 1), (102, 1), (103, 1)]).unwrap();
        assert_eq!(put(&mut kits, 7, &[(98, 1), (99, 1)]), too_many(200));
        put(&mut kits, 300, &[(1, 100_000)]).unwrap();
        let units =
            KitFault::TooManyUnits { component: SkuNumber(1), units: 2_000_000_000, max: QUANTITY_MAX };
        assert_eq!(put(&mut kits, 301, &[(300, 20_000)]), Err(units));
    }

    #[test]
    fn a_list_is_one() {
        let mut kits = Kits::default();
        let out = |index, quantity| KitFault::ComponentOutOfRange { index, quantity, max: QUANTITY_MAX };
        assert_eq!(put(&mut kits, 1, &[(2, 1), (3, 0)]), Err(out(1, 0)));
        assert_eq!(put(&mut kits, 1, &[(2, QUANTITY_MAX + 1)]), Err(out(0, QUANTITY_MAX + 1)));
        assert_eq!(put(&mut kits, 1, &[(2, 1), (2, 1)]), Err(KitFault::DuplicateComponent { index: 1 }));
        assert!(kits.is_empty());
    }

    #[test]
    fn a_sku_in_too_many_kits_stays_what_it_is() {
        let mut kits = Kits::default();
        let count = u32::try_from(KITS_ABOVE_MAX).unwrap();
        for kit in 1..=count {
            put(&mut kits, kit, &[(0, 1)]).unwrap();
        }
        put(&mut kits, 0, &[(9_000, 1)]).unwrap();
        put(&mut kits, count + 1, &[(0, 1)]).unwrap();
        assert_eq!(put(&mut kits, 0, &[(9_001, 1)]), Err(KitFault::TooManyAbove { max: KITS_ABOVE_MAX }));
    }

    #[test]
    fn a_picture_makes_the_same_kits() {
        let mut kits = Kits::default();
        put(&mut kits, 10, &[(1, 2), (2, 3)]).unwrap();
        put(&mut kits, 5, &[(10, 4), (1, 1)]).unwrap();
        let rows: Vec<(SkuNumber, Vec<Component>)> =
            kits.iter().map(|(sku, kit)| (sku, kit.components().to_vec())).collect();
        let again = Kits::restored(rows.iter().map(|(sku, components)| (*sku, &components[..])));
        assert_eq!(again.kits, kits.kits);
        assert_eq!(again.above, kits.above);
    }
}
