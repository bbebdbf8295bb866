//! What backs live holds. A hold is at no location; where its units are kept for now is worked out when it is asked.

use super::MerchantState;
use crate::id::LocationNumber;
use crate::promise::{Place, Spread};
use crate::sku::{Level, SkuActor};
use alloc::vec::Vec;

/// How units of a SKU stand at one location.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Where.
    pub location: LocationNumber,
    /// Units that are kept here for holds as long as nobody needs just these: one choice of several.
    pub reserved: u32,
    /// Units here that no claim and no hold has, safety stock does not keep, and nobody waits for.
    pub available: u32,
}

impl MerchantState {
    /// How a SKU's units stand, at each of its locations in their order.
    ///
    /// Holds are kept at free units first, of smaller location numbers first, and at others only as far as they must. So
    /// as many units are available together as a channel that all these locations serve could sell if no pools, floors
    /// and policies were; and fewer are reserved than are held only if a loss has left holds without units.
    #[must_use]
    pub fn standing(&self, actor: &SkuActor) -> Vec<Standing> {
        let levels = actor.levels();
        let free: Vec<u32> = levels.iter().map(|level| self.free_at(actor, level.location())).collect();
        let holds = self.held(actor, None);
        if holds.is_empty() {
            let stands = |(level, free): (&Level, &u32)| Standing {
                location: level.location(),
                reserved: 0,
                available: *free,
            };
            return levels.iter().zip(&free).map(stands).collect();
        }
        let place = |level: &Level, units: u32| Place { location: level.location(), units: units.into() };
        let first = levels.iter().zip(&free).map(|(level, free)| place(level, *free));
        let rest = levels.iter().zip(&free).map(|(level, free)| place(level, level.unclaimed() - free));
        let places: Vec<Place> = first.chain(rest).collect();
        let spread = Spread::of(&holds, &places);
        let kept = |place: usize| (0..holds.len()).map(|row| spread.kept(row, place)).sum::<u64>();
        // Units at one location, of which there are never more.
        let units = |units: u64| u32::try_from(units).unwrap_or(u32::MAX);
        let stands = |(here, level): (usize, &Level)| Standing {
            location: level.location(),
            reserved: units(kept(here) + kept(levels.len() + here)),
            available: units(spread.left(here)),
        };
        levels.iter().enumerate().map(stands).collect()
    }
}
