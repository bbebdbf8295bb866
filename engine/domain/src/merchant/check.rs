//! The invariants, recomputed from the claims: what recovery, tests and the simulator call.

use super::MerchantState;
use crate::id::{LocationNumber, OrderId, SkuNumber};
use alloc::collections::BTreeMap;

/// An invariant that does not hold, with the numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Violation {
    /// I2: claims exceed what is sellable.
    Oversold {
        /// Of what.
        sku: SkuNumber,
        /// Where.
        location: LocationNumber,
        /// Claims.
        committed: u32,
        /// Goods.
        sellable: u32,
    },
    /// I3: the counter is not the sum of the claims.
    CounterDrift {
        /// Of what.
        sku: SkuNumber,
        /// Where.
        location: LocationNumber,
        /// The counter.
        committed: u32,
        /// The sum.
        claims: u64,
    },
    /// I3: what waits is not the sum of the demands that wait.
    BacklogDrift {
        /// Of what.
        sku: SkuNumber,
        /// The counter.
        total: u64,
        /// The sum.
        demands: u64,
    },
    /// I4: claims and waiting units of a demand are not what its line has open.
    LineDrift {
        /// Which order.
        order: OrderId,
        /// Which line.
        line: u16,
        /// What the line has open.
        open: u32,
        /// What its demand has.
        covered: u64,
    },
}

impl core::fmt::Display for Violation {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Oversold { sku, location, committed, sellable } => {
                write!(
                    f,
                    "I2: sku {sku} at location {location}: committed {committed} exceeds sellable {sellable}"
                )
            }
            Self::CounterDrift { sku, location, committed, claims } => {
                write!(f, "I3: sku {sku} at location {location}: committed {committed}, claims {claims}")
            }
            Self::BacklogDrift { sku, total, demands } => {
                write!(f, "I3: sku {sku}: backlog {total}, waiting demands {demands}")
            }
            Self::LineDrift { order, line, open, covered } => {
                write!(f, "I4: order {order} line {line}: open {open}, claimed and waiting {covered}")
            }
        }
    }
}

impl MerchantState {
    /// Recomputes every counter from the open orders.
    ///
    /// # Errors
    /// The first [`Violation`] found.
    pub fn check(&self) -> Result<(), Violation> {
        let mut claims: BTreeMap<(SkuNumber, LocationNumber), u64> = BTreeMap::new();
        let mut waiting: BTreeMap<SkuNumber, u64> = BTreeMap::new();
        for order in self.orders() {
            for (number, demand) in (0_u16..).zip(&order.demands) {
                let waits = u64::from(demand.backordered) + u64::from(demand.short);
                if waits > 0 {
                    *waiting.entry(demand.sku).or_insert(0) += waits;
                }
                let kept = order.claims.iter().filter(|claim| claim.demand == number);
                let covered = waits + kept.map(|claim| u64::from(claim.quantity)).sum::<u64>();
                let open = order.lines[usize::from(demand.line)].open();
                if covered != u64::from(open) {
                    return Err(Violation::LineDrift { order: order.id, line: demand.line, open, covered });
                }
            }
            for claim in &order.claims {
                let sku = order.demands[usize::from(claim.demand)].sku;
                *claims.entry((sku, claim.location)).or_insert(0) += u64::from(claim.quantity);
            }
        }
        self.skus().try_for_each(|(sku, actor)| {
            for level in actor.levels() {
                let (location, committed) = (level.location(), level.committed());
                if committed > level.sellable() {
                    return Err(Violation::Oversold { sku, location, committed, sellable: level.sellable() });
                }
                let claims = claims.get(&(sku, location)).copied().unwrap_or(0);
                if u64::from(committed) != claims {
                    return Err(Violation::CounterDrift { sku, location, committed, claims });
                }
            }
            let total = actor.backlog().map_or(0, crate::sku::Backlog::total);
            let demands = waiting.get(&sku).copied().unwrap_or(0);
            if total == demands { Ok(()) } else { Err(Violation::BacklogDrift { sku, total, demands }) }
        })
    }
}
