//! Placing an order with lines that are kits: taken apart first, and then planned like any other, by what its lines need.
//!
//! Units of one SKU are summed over kits and plain lines before anything is planned. A kit that cannot be made complete
//! is given nothing: its components would lie there for it while nobody could have them. But one that is imposed is sold
//! already: what there is of it is kept for it, as passes give it what comes.

use super::place::{PlacedAs, Sourced};
use super::promise::Asking;
use super::{Channel, MerchantState};
use crate::command::PlaceOrder;
use crate::event::{Event, KitLine, NewClaims, Routed};
use crate::id::{HoldId, LocationNumber, SkuNumber};
use crate::kit::KitFault;
use crate::order::{DEMANDS_MAX, Policy};
use crate::planted::{Bug, is_planted};
use crate::quantity::QUANTITY_MAX;
use crate::rejection::{Rejection, Shortfall};
use crate::routing::profile::{Reason, Verdict};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

/// The lines of an order, taken apart.
struct Apart {
    /// What is needed of which SKU, in the order of the demands.
    demands: Vec<(SkuNumber, u32)>,
    /// What one unit of a line needs for each of them.
    per_unit: Vec<u32>,
    /// Which demands each line has.
    of_line: Vec<Range<usize>>,
    kits: Vec<KitLine>,
}

impl MerchantState {
    /// The same as for an order without kits, of which no line is one.
    pub(super) fn decide_place_kits(
        &self,
        order: &PlaceOrder<'_>,
        channel: &Channel,
        asks: Asking<'_>,
        confirmed: Option<HoldId>,
    ) -> Result<Event, Rejection> {
        let apart = self.take_apart(order.lines)?;
        let parts = apart.parts();
        let asks = Asking { parts: &parts, ..asks };
        let first = self.plan_demands(order, &apart.demands, channel, asks);
        if asks.policy == Policy::Imposed {
            return first.placed(PlacedAs { order, policy: asks.policy, kits: apart.kits, hold: confirmed });
        }
        let wanted = apart.whole(&first.claims);
        if asks.policy == Policy::Reject && wanted != apart.units() {
            let shortfalls = apart.shortfalls(order.lines, &wanted);
            return Err(Rejection::InsufficientStock { shortfalls, routed: first.routed });
        }
        let sourced = self.give_whole(order, &apart, &wanted, channel, asks, first);
        self.check_waiting(asks.policy, &apart.demands, &sourced)?;
        sourced.placed(PlacedAs { order, policy: asks.policy, kits: apart.kits, hold: confirmed })
    }

    fn take_apart(&self, lines: &[(SkuNumber, u32)]) -> Result<Apart, KitFault> {
        let parts_of = |sku: SkuNumber| self.kits().get(sku).map_or(1, |kit| kit.parts().len());
        let demands = lines.iter().map(|(sku, _)| parts_of(*sku)).sum();
        if demands > DEMANDS_MAX {
            return Err(KitFault::TooManyDemands { demands, max: DEMANDS_MAX });
        }
        let mut apart =
            Apart { demands: Vec::new(), per_unit: Vec::new(), of_line: Vec::new(), kits: Vec::new() };
        for (line, (sku, quantity)) in (0_u16..).zip(lines) {
            match self.kits().get(*sku) {
                Some(kit) => apart.add_kit(line, *quantity, Arc::clone(kit.parts()))?,
                None => apart.add_line(*sku, *quantity),
            }
        }
        Ok(apart)
    }

    /// Claims what makes lines whole: `wanted` units of each demand. Where nothing but stock decides, the order is planned
    /// once more for just that, since what the first plan would have given to kits that lack something else is there for
    /// others, and it may come in fewer shipments. Rules are not asked again: for less they may say something else than
    /// what is explained, and what waits is to be served as they said.
    fn give_whole(
        &self,
        order: &PlaceOrder<'_>,
        apart: &Apart,
        wanted: &[u32],
        channel: &Channel,
        asks: Asking<'_>,
        first: Sourced,
    ) -> Sourced {
        if claimed(&first.claims, wanted.len()) == wanted || is_planted(Bug::HalfKits) {
            return first;
        }
        let Sourced { claims, routed } = first;
        if let Some(routed) = routed {
            let claims = apart.hand_out(&claims, wanted);
            let routed = Some(Box::new(serving_only(*routed, &claims)));
            return Sourced { claims, routed };
        }
        let demands: Vec<(u16, (SkuNumber, u32))> = (0_u16..)
            .zip(apart.demands.iter().zip(wanted))
            .map(|(number, ((sku, _), units))| (number, (*sku, *units)))
            .filter(|(_, (_, units))| *units > 0)
            .collect();
        if demands.is_empty() {
            return Sourced { claims: NewClaims::new(), routed: None };
        }
        let lines: Vec<(SkuNumber, u32)> = demands.iter().map(|(_, demand)| *demand).collect();
        let number = |(place, location, units): (u16, LocationNumber, u32)| {
            (demands[usize::from(place)].0, location, units)
        };
        let second = self.plan_demands(order, &lines, channel, asks).claims;
        let claims: NewClaims = second.into_iter().map(number).collect();
        let whole = apart.whole(&claims);
        let claims =
            if whole == claimed(&claims, whole.len()) { claims } else { apart.hand_out(&claims, &whole) };
        Sourced { claims, routed: None }
    }
}

/// An explanation without the locations that would have served, had there been enough to make kits whole.
fn serving_only(routed: Routed, claims: &[(u16, LocationNumber, u32)]) -> Routed {
    let Routed { profile, mut explanation, within } = routed;
    let named = explanation.places.len();
    let serves = |verdict: &Verdict| claims.iter().any(|(_, location, _)| *location == verdict.location);
    explanation.places.retain(|verdict| verdict.reason != Reason::Chosen || serves(verdict));
    let dropped = u32::try_from(named - explanation.places.len()).unwrap_or(u32::MAX);
    explanation.left_out = explanation.left_out.saturating_add(dropped);
    Routed { profile, explanation, within }
}

/// Units that are claimed for each of so many demands.
fn claimed(claims: &[(u16, LocationNumber, u32)], demands: usize) -> Vec<u32> {
    let mut units = alloc::vec![0; demands];
    claims.iter().for_each(|(demand, _, quantity)| units[usize::from(*demand)] += quantity);
    units
}

impl Apart {
    fn add_line(&mut self, sku: SkuNumber, quantity: u32) {
        self.of_line.push(self.demands.len()..self.demands.len() + 1);
        self.demands.push((sku, quantity));
        self.per_unit.push(1);
    }

    fn add_kit(&mut self, line: u16, quantity: u32, parts: Arc<[(SkuNumber, u32)]>) -> Result<(), KitFault> {
        self.of_line.push(self.demands.len()..self.demands.len() + parts.len());
        for (component, per_kit) in parts.iter() {
            let units = u64::from(quantity) * u64::from(*per_kit);
            let (index, component, max) = (usize::from(line), *component, QUANTITY_MAX);
            let fits = u32::try_from(units).ok().filter(|units| *units <= max);
            let fits = fits.ok_or(KitFault::LineTooLarge { index, component, units, max })?;
            self.demands.push((component, fits));
            self.per_unit.push(*per_kit);
        }
        self.kits.push(KitLine { line, parts });
        Ok(())
    }

    /// What the kits need.
    fn parts(&self) -> Vec<(SkuNumber, u32)> {
        let lines = self.kits.iter().filter_map(|kit| self.of_line.get(usize::from(kit.line)));
        lines.flat_map(|demands| &self.demands[demands.clone()]).copied().collect()
    }

    /// Units that each demand needs.
    fn units(&self) -> Vec<u32> {
        self.demands.iter().map(|(_, units)| *units).collect()
    }

    /// What each demand gets if lines are given whole units of what was ordered, the first line first, of what is
    /// claimed.
    fn whole(&self, claims: &[(u16, LocationNumber, u32)]) -> Vec<u32> {
        let mut there: BTreeMap<SkuNumber, u64> = BTreeMap::new();
        for (demand, _, units) in claims {
            *there.entry(self.demands[usize::from(*demand)].0).or_insert(0) += u64::from(*units);
        }
        let mut given = alloc::vec![0; self.demands.len()];
        for of_line in &self.of_line {
            let whole = |place: usize| {
                let (sku, units) = self.demands[place];
                let per_unit = u64::from(self.per_unit[place]);
                there.get(&sku).copied().unwrap_or(0).min(units.into()) / per_unit
            };
            let whole = of_line.clone().map(whole).min().unwrap_or(0);
            for place in of_line.clone() {
                // At most what the demand needs.
                let units = whole * u64::from(self.per_unit[place]);
                given[place] = u32::try_from(units).unwrap_or(u32::MAX);
                if let Some(there) = there.get_mut(&self.demands[place].0) {
                    *there -= units;
                }
            }
        }
        given
    }

    /// Hands what is claimed of each SKU to demands, the first one first, so many units to each.
    fn hand_out(&self, claims: &[(u16, LocationNumber, u32)], given: &[u32]) -> NewClaims {
        let mut there: BTreeMap<SkuNumber, VecDeque<(LocationNumber, u32)>> = BTreeMap::new();
        for (demand, location, units) in claims {
            there.entry(self.demands[usize::from(*demand)].0).or_default().push_back((*location, *units));
        }
        let mut handed = NewClaims::new();
        for (demand, ((sku, _), units)) in (0_u16..).zip(self.demands.iter().zip(given)) {
            let mut open = *units;
            let Some(there) = there.get_mut(sku) else { continue };
            while open > 0
                && let Some((location, left)) = there.front_mut()
            {
                let units = open.min(*left);
                match handed.last_mut() {
                    // Of what was planned for several demands, one gets one claim at a location.
                    Some((of, at, sum)) if (*of, *at) == (demand, *location) => *sum += units,
                    _ => handed.push((demand, *location, units)),
                }
                (open, *left) = (open - units, *left - units);
                if *left == 0 {
                    there.pop_front();
                }
            }
        }
        handed
    }

    /// Lines that do not get all that they asked, in units of the line.
    fn shortfalls(&self, lines: &[(SkuNumber, u32)], given: &[u32]) -> Vec<Shortfall> {
        let rows = (0_u16..).zip(lines.iter().zip(&self.of_line));
        let rows = rows.map(|(line, ((_, requested), of_line))| {
            let available = given[of_line.start] / self.per_unit[of_line.start];
            Shortfall { line, requested: *requested, available }
        });
        rows.filter(|row| row.available < row.requested).collect()
    }
}
