//! How many units of a SKU may wait.

use super::Page;
use crate::order::Order;
use crate::report::Invariant;
use std::collections::BTreeMap;

impl Page<'_> {
    /// An order that is accepted lets no more units wait than may, beside those that do. Of one that is imposed the rest is
    /// short, which no limit holds back.
    pub(crate) fn check_waiting(&mut self, order: &Order) {
        if order.is_imposed {
            return;
        }
        let mut asked: BTreeMap<u32, i64> = BTreeMap::new();
        for demand in order.demands.iter().filter(|demand| demand.backordered > 0) {
            *asked.entry(demand.sku).or_default() += demand.backordered;
        }
        for (sku, asked) in asked {
            let limit = self.ledger.skus.get(sku as usize).and_then(|sku| sku.backorder_limit);
            let Some(limit) = limit else { continue };
            let waiting = self.ledger.backlogs.get(&sku).map_or(0, crate::backlog::Backlog::backordered);
            self.findings.check(Invariant::I12, waiting + asked <= i64::from(limit), || {
                format!("{asked} units of sku {sku} wait beside {waiting}, at most {limit} may")
            });
        }
    }
}
