//! How many units may wait: a SKU may have a limit for what is accepted without stock.

use super::MerchantState;
use super::place::Sourced;
use crate::id::SkuNumber;
use crate::order::Policy;
use crate::planted::{Bug, is_planted};
use crate::rejection::Rejection;
use crate::sku::{Backlog, Class, SkuActor};
use alloc::collections::BTreeMap;

impl MerchantState {
    /// An order lets no more units of a SKU wait than may, together with those that wait already. What is short does not
    /// count: it was sold, and nobody is asked whether it may wait.
    pub(super) fn check_waiting(
        &self,
        policy: Policy,
        demands: &[(SkuNumber, u32)],
        sourced: &Sourced,
    ) -> Result<(), Rejection> {
        let lets_wait = matches!(policy, Policy::Backorder | Policy::ShipComplete);
        if !lets_wait || is_planted(Bug::WaitWithoutLimit) {
            return Ok(());
        }
        let mut waits: BTreeMap<SkuNumber, u64> = BTreeMap::new();
        for (sku, units) in demands {
            *waits.entry(*sku).or_insert(0) += u64::from(*units);
        }
        for (demand, _, units) in &sourced.claims {
            if let Some(waits) = waits.get_mut(&demands[usize::from(*demand)].0) {
                *waits -= u64::from(*units);
            }
        }
        waits.into_iter().filter(|(_, asked)| *asked > 0).try_for_each(|(sku, asked)| {
            let limit = self.sku(sku).and_then(SkuActor::terms).and_then(|terms| terms.backorder_limit);
            let waiting = self.backordered(sku);
            match limit {
                Some(limit) if waiting + asked > u64::from(limit) => {
                    Err(Rejection::BackorderLimit { sku, limit, waiting, asked })
                }
                _ => Ok(()),
            }
        })
    }

    /// Units of a SKU that were accepted without stock and wait.
    fn backordered(&self, sku: SkuNumber) -> u64 {
        let backlog = self.sku(sku).and_then(SkuActor::backlog);
        backlog.map_or(0, |backlog: &Backlog| backlog.total_of(Class::Backorder))
    }
}
