//! What backs live holds and grants. Neither is at a location; where their units are kept for now is worked out when it is
//! asked.

use super::MerchantState;
use crate::id::{ChannelNumber, LocationNumber, SkuNumber};
use crate::planted::{Bug, is_planted};
use crate::promise::{Place, Row, Spread};
use crate::rejection::Rejection;
use crate::sku::{Level, SkuActor};
use alloc::vec::Vec;

/// How units of a SKU stand at one location.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Where.
    pub location: LocationNumber,
    /// Units that are kept here for holds and grants as long as nobody needs just these: one choice of several.
    pub reserved: u32,
    /// Units here that no claim, no hold and no grant has, safety stock does not keep, and nobody waits for.
    pub available: u32,
}

impl MerchantState {
    /// How a SKU's units stand, at each of its locations in their order.
    ///
    /// Holds and grants are kept at free units first, of smaller location numbers first, and at others only as far as they
    /// must. So as many units are available together as a channel that all these locations serve could sell if no pools,
    /// floors and policies were; and fewer are reserved than are kept for holds and grants only if a loss has left some
    /// without units.
    #[must_use]
    pub fn standing(&self, actor: &SkuActor) -> Vec<Standing> {
        let levels = actor.levels();
        let free: Vec<u32> = levels.iter().map(|level| self.free_at(actor, level.location())).collect();
        let holds: Vec<Row<'_>> = self.kept_rows(actor).into_iter().map(|(_, row)| row).collect();
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

    /// Units of a SKU that are kept for holds and grants, wherever they lie.
    #[must_use]
    pub fn reserved(&self, actor: &SkuActor) -> u64 {
        self.kept_rows(actor).iter().map(|(_, row)| row.quantity).sum()
    }

    /// Whether a channel may be served by these locations: not if its holds and grants would then have fewer units than
    /// they have now. What a loss has left without units is no obstacle. One walk over all live holds, and one over the
    /// channel's grants.
    pub(super) fn check_backed(
        &self,
        channel: ChannelNumber,
        locations: &[LocationNumber],
    ) -> Result<(), Rejection> {
        let served_now = self.channel(channel).map_or(&[][..], |channel| &channel.locations);
        let are_kept = served_now.iter().all(|location| locations.contains(location));
        if are_kept || is_planted(Bug::IgnoreHeldUnits) {
            return Ok(());
        }
        let holds = self.holds().filter(|(_, hold)| hold.channel == channel);
        let mut skus: Vec<SkuNumber> =
            holds.flat_map(|(_, hold)| hold.units.iter().map(|(sku, _)| *sku)).collect();
        skus.extend(self.granted(channel, SkuNumber(0)));
        skus.sort_unstable();
        skus.dedup();
        skus.into_iter().try_for_each(|sku| self.check_sku_backed(sku, channel, locations))
    }

    fn check_sku_backed(
        &self,
        sku: SkuNumber,
        channel: ChannelNumber,
        locations: &[LocationNumber],
    ) -> Result<(), Rejection> {
        let Some(actor) = self.sku(sku) else { return Ok(()) };
        // What is kept in part is no promise: it must not make up for one that others lose.
        for rows in [self.firm_rows(actor), self.kept_rows(actor)] {
            let now: Vec<Row<'_>> = rows.iter().map(|(_, row)| *row).collect();
            let then = backed(actor, &instead(&rows, channel, locations));
            if then < backed(actor, &now) {
                let own = rows.iter().filter(|(of, _)| *of == channel);
                let held = own.map(|(_, row)| row.quantity).sum();
                let available = then.saturating_sub(backed(actor, &instead(&rows, channel, &[])));
                return Err(Rejection::HoldsLackUnits { sku, held, available });
            }
        }
        Ok(())
    }
}

/// Rows of channels, if one of these is served by other locations.
fn instead<'a>(
    rows: &[(ChannelNumber, Row<'a>)],
    channel: ChannelNumber,
    locations: &'a [LocationNumber],
) -> Vec<Row<'a>> {
    let row = |(of, row): &(ChannelNumber, Row<'a>)| match *of == channel {
        true => Row { locations, quantity: row.quantity },
        false => *row,
    };
    rows.iter().map(row).collect()
}

/// Units that these rows can have together of all that no claim has.
fn backed(actor: &SkuActor, rows: &[Row<'_>]) -> u64 {
    let place = |level: &Level| Place { location: level.location(), units: level.unclaimed().into() };
    let places: Vec<Place> = actor.levels().iter().map(place).collect();
    let spread = Spread::of(rows, &places);
    (0..rows.len()).map(|row| spread.served(row)).sum()
}
