//! Policies to try: what channels and SKUs are stated to keep, and for whom, instead of what the log says of them.
//!
//! They hold from the first record of the window on, and over whatever the log states of the same channels and SKUs
//! later. What they do not name stays as recorded. Units that are dedicated must be there: where they are not yet, the
//! terms of that SKU stay as recorded until its stock has grown enough.

use super::world::Simulated;
use crate::directory::Directory;
use onhand_domain::command::PutSku;
use onhand_domain::event::{ChannelPut, SkuPut};
use onhand_domain::order::Policy;
use onhand_domain::promise::StockPolicy;
use onhand_domain::sku::{ChannelTerms, Terms};
use onhand_domain::{ChannelNumber, Command, Event, LocationNumber, SkuNumber};
use onhand_snapshots::Lsn;
use std::collections::BTreeMap;

/// A text of policies to try, and who can read it: names and quantities depend on what the log's merchant has.
#[derive(Debug, Clone, Copy)]
pub struct NewPolicyText<'a> {
    /// What errors call it.
    pub name: &'a str,
    /// What it says.
    pub text: &'a str,
    /// Reads it; the error says where it is wrong, and how.
    pub read: fn(&Directory, &str) -> Result<NewPolicies, String>,
}

/// What is to be stated instead of what the log says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewPolicies {
    /// Of channels.
    pub channels: BTreeMap<ChannelNumber, NewChannel>,
    /// Of SKUs that are no kits.
    pub skus: BTreeMap<SkuNumber, NewTerms>,
}

/// Of one channel; `None` stays as recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NewChannel {
    /// What becomes of orders that stock cannot serve, and that say nothing of it.
    pub policy: Option<Policy>,
    /// How much it may sell of SKUs that state nothing for it.
    pub stock_policy: Option<StockPolicy>,
    /// Its scarcity rank.
    pub rank: Option<u16>,
}

/// Of one SKU; `None` stays as recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewTerms {
    /// Units that stay at each location.
    pub safety_stock: Option<u32>,
    /// The same at single locations, instead of all that are recorded.
    pub safety_stock_at: Option<Vec<(LocationNumber, u32)>>,
    /// Terms of channels, instead of all that are recorded.
    pub channels: Option<Vec<ChannelTerms>>,
    /// The most units that may wait, accepted without stock.
    pub backorder_limit: Option<u32>,
}

impl NewPolicies {
    /// What is stated of a channel in the simulated world.
    pub(super) fn channel(&self, put: ChannelPut) -> ChannelPut {
        let NewChannel { policy, stock_policy, rank } =
            self.channels.get(&put.channel).copied().unwrap_or_default();
        ChannelPut {
            policy: policy.unwrap_or(put.policy),
            stock_policy: stock_policy.unwrap_or(put.stock_policy),
            rank: rank.unwrap_or(put.rank),
            ..put
        }
    }

    /// The terms that a SKU has in the simulated world, of those that are recorded; `None` if they are the same.
    fn terms(&self, sku: SkuNumber, recorded: &Terms) -> Option<Terms> {
        let NewTerms { safety_stock, safety_stock_at, channels, backorder_limit } =
            self.skus.get(&sku)?.clone();
        let terms = Terms {
            safety_stock: safety_stock.or(recorded.safety_stock),
            safety_stock_at: safety_stock_at.unwrap_or_else(|| recorded.safety_stock_at.clone()),
            channels: channels.unwrap_or_else(|| recorded.channels.clone()),
            backorder_limit: backorder_limit.or(recorded.backorder_limit),
        };
        (terms != *recorded).then_some(terms)
    }
}

impl Simulated {
    /// States the policies to try of all SKUs that are there.
    pub(super) fn change_skus(&mut self, lsn: Lsn) {
        let Some(policies) = self.policies.clone() else { return };
        for sku in policies.skus.keys() {
            if self.merchant.state.sku(*sku).is_some() {
                self.terms_due.insert(*sku);
                self.state_terms(lsn, *sku);
            }
        }
    }

    /// A SKU is put as recorded, under the terms that are to be tried if they can be.
    ///
    /// What is left in pools depends on what was sold, so terms are stated anew; of a new SKU nothing was.
    pub(super) fn put_sku(&mut self, lsn: Lsn, put: &SkuPut) {
        if put.is_new {
            self.evolve(lsn, &Event::SkuPut(put.clone()));
        } else {
            // In one step: a pool that ended in between would begin anew, with what it has sold forgotten.
            let policies = self.policies.clone().filter(|_| put.components.is_empty());
            let tried = policies.and_then(|policies| policies.terms(put.sku, &put.terms));
            let (sku, decimals, components) = (Some(put.sku), put.decimals, &put.components[..]);
            let command = |terms| Command::PutSku(PutSku { sku, decimals, terms, components });
            if tried.as_ref().is_none_or(|terms| self.perform(lsn, &command(terms)).is_err()) {
                self.strayed.terms += u64::from(self.perform(lsn, &command(&put.terms)).is_err());
            }
        }
        if self.is_tried(put.sku) {
            self.terms_due.insert(put.sku);
            self.state_terms(lsn, put.sku);
        }
    }

    /// Whether something is to be tried of a SKU.
    fn is_tried(&self, sku: SkuNumber) -> bool {
        self.policies.as_ref().is_some_and(|policies| policies.skus.contains_key(&sku))
    }

    /// States the policies to try of a SKU of which that is still due, if its stock allows it.
    pub(super) fn state_terms(&mut self, lsn: Lsn, sku: SkuNumber) {
        if !self.terms_due.contains(&sku) {
            return;
        }
        let actor = self.merchant.state.sku(sku).filter(|actor| !actor.is_kit());
        let Some((policies, actor)) = self.policies.clone().zip(actor) else { return };
        let Some(terms) = policies.terms(sku, actor.terms().unwrap_or(&Terms::NONE)) else {
            self.terms_due.remove(&sku);
            return;
        };
        let put = PutSku { sku: Some(sku), decimals: actor.decimals(), terms: &terms, components: &[] };
        if self.perform(lsn, &Command::PutSku(put)).is_ok() {
            self.terms_due.remove(&sku);
        }
    }
}
