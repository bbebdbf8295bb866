//! Units that are one channel's own, as the audit's own books have them.

use crate::ledger::Ledger;
use onhand_record::rules::{PoolV1, SkuTermsV1};

/// What happens to units of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claimed {
    /// They are claimed.
    Now,
    /// They are given back.
    NoMore,
    /// They are gone: shipped, or lost.
    Gone,
}

impl Ledger {
    /// The pools that a SKU has once these terms are put: of what is dedicated in all, what was not used before is left.
    /// One that is new has no record yet. `None` if more was used of one.
    pub(crate) fn pools_after(&self, sku: u32, terms: &SkuTermsV1) -> Option<Vec<PoolV1>> {
        let before = self.skus.get(sku as usize).and_then(|sku| sku.terms.as_deref());
        let made = terms.channels.iter().filter(|now| now.dedicated > 0).map(|now| {
            let channel = now.channel;
            let stated = before.and_then(|before| before.channels.iter().find(|row| row.channel == channel));
            let stated = stated.map_or(0, |row| u64::from(row.dedicated));
            let new = PoolV1 { channel, since: 0, left: 0, charged: 0, claimed: 0 };
            let pool = self.pools.get(&(sku, channel)).copied().unwrap_or(new);
            let left = (pool.left + u64::from(now.dedicated)).checked_sub(stated)?;
            Some(PoolV1 { left, ..pool })
        });
        made.collect()
    }

    /// Enters pools that the record `lsn` puts.
    pub(crate) fn put_pools(&mut self, lsn: u64, sku: u32, pools: &[PoolV1]) {
        self.pools.retain(|(of, _), _| *of != sku);
        for pool in pools {
            let since = if pool.since == 0 { lsn } else { pool.since };
            self.pools.insert((sku, pool.channel), PoolV1 { since, ..*pool });
        }
    }

    /// Enters what happened to units that an order of a channel had claimed.
    pub(crate) fn pool(&mut self, sku: u32, channel: u16, order: u64, quantity: i64, what: Claimed) {
        let Some(pool) = self.pools.get_mut(&(sku, channel)).filter(|pool| order >= pool.since) else {
            return;
        };
        let quantity = u64::try_from(quantity).unwrap_or(0);
        match what {
            Claimed::Now => {
                let own = quantity.min(pool.left);
                pool.left -= own;
                pool.charged += own;
                pool.claimed += quantity;
            }
            Claimed::NoMore => {
                // Units of the pool go back last.
                pool.claimed = pool.claimed.saturating_sub(quantity);
                let back = pool.charged.saturating_sub(pool.claimed);
                pool.charged -= back;
                pool.left += back;
            }
            Claimed::Gone => {
                // Units of the pool are gone first.
                pool.claimed = pool.claimed.saturating_sub(quantity);
                pool.charged = pool.charged.saturating_sub(quantity).min(pool.claimed);
            }
        }
    }
}
