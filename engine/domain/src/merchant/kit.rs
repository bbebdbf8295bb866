//! Kits of a merchant: when a SKU may become one, and how many of one a channel may sell.

use super::MerchantState;
use crate::command::PutSku;
use crate::grant::Grant;
use crate::id::{ChannelNumber, SkuNumber};
use crate::kit::{Component, KitFault};
use crate::rejection::Rejection;
use crate::sku::{Backlog, Level, SkuActor};

impl MerchantState {
    /// How many of a SKU a channel may sell now: units, or kits that can be made complete. Kits that share a component
    /// are each told what they could have alone.
    ///
    /// # Panics
    /// If there is no such SKU or channel.
    #[must_use]
    pub fn sellable(&self, sku: SkuNumber, channel: ChannelNumber) -> u64 {
        let Some(kit) = self.kits.get(sku) else { return self.promise(sku, channel).total() };
        let kits = |(part, per_kit): &Component| {
            self.promise_beside_grant(*part, channel).total() / u64::from(*per_kit)
        };
        kit.parts().iter().map(kits).min().unwrap_or(0)
    }

    /// Whether some line of an order is a kit.
    pub(super) fn has_kits(&self, lines: &[(SkuNumber, u32)]) -> bool {
        !self.kits.is_empty() && lines.iter().any(|(sku, _)| self.is_kit(*sku))
    }

    pub(super) fn check_holdable(&self, lines: &[(SkuNumber, u32)]) -> Result<(), KitFault> {
        let kit = lines.iter().position(|(sku, _)| self.is_kit(*sku));
        kit.map_or(Ok(()), |index| Err(KitFault::NotHoldable { index }))
    }

    pub(super) fn check_has_stock(&self, sku: SkuNumber) -> Result<(), KitFault> {
        if self.is_kit(sku) { Err(KitFault::NoStock) } else { Ok(()) }
    }

    fn is_kit(&self, sku: SkuNumber) -> bool {
        self.sku(sku).is_some_and(SkuActor::is_kit)
    }

    /// Whether a SKU may be made of what it is to be made of.
    pub(super) fn check_kit(
        &self,
        sku: SkuNumber,
        actor: Option<&SkuActor>,
        put: &PutSku<'_>,
    ) -> Result<(), Rejection> {
        let before = self.kits.get(sku).map_or(&[][..], |kit| kit.components());
        if !put.components.is_empty() {
            check_whole(put)?;
            check_empty(actor)?;
        }
        if before != put.components {
            self.kits.check(sku, put.components)?;
        }
        Ok(())
    }

    pub(super) fn evolve_kit(&mut self, sku: SkuNumber, components: &[Component]) {
        let before = self.kits.get(sku).map_or(&[][..], |kit| kit.components());
        if before != components {
            self.kits.put(sku, components);
        }
    }
}

/// Nothing is stated of a kit that only stock has.
fn check_whole(put: &PutSku<'_>) -> Result<(), KitFault> {
    if put.decimals > 0 {
        return Err(KitFault::HasDecimals { decimals: put.decimals });
    }
    if put.terms.is_empty() { Ok(()) } else { Err(KitFault::HasTerms) }
}

/// A SKU that becomes a kit has nothing that would be lost with its stock.
fn check_empty(actor: Option<&SkuActor>) -> Result<(), KitFault> {
    let Some(actor) = actor else { return Ok(()) };
    let on_hand = actor.levels().iter().map(Level::on_hand).sum();
    let waiting = actor.backlog().map_or(0, Backlog::total);
    let granted: u64 = actor.grants().iter().map(Grant::taken).sum();
    let held = granted + actor.held().iter().map(|(_, units)| units).sum::<u64>();
    if (on_hand, waiting, held) == (0, 0, 0) {
        return Ok(());
    }
    Err(KitFault::HasStock { on_hand, waiting, held })
}
