//! Locations, channels and SKUs: numbered densely, their codes given once.

use super::Page;
use crate::ledger::{Channel, Named, Sku};
use crate::report::Invariant;
use onhand_record::kit::SkuKitV1;
use onhand_record::routing::ChannelRoutingV1;
use onhand_record::rules::{
    AmountV1, ChannelPutV1, ChannelTermsV1, LocationPutV1, LocationTermsV1, SkuLimitsV1, SkuPutV1,
    SkuTermsV1, StockPolicyV1,
};
use std::collections::BTreeSet;
use std::rc::Rc;

/// The most decimals that a SKU may have.
const DECIMALS_MAX: u8 = 3;

impl Page<'_> {
    pub(crate) fn location(&mut self, put: &LocationPutV1<'_>, terms: LocationTermsV1) {
        let count = self.ledger.safety_stock.len();
        if self.named(Named::Location, put.is_new, u32::from(put.location), count, put.code) {
            self.ledger.safety_stock.push(terms.safety_stock);
        } else if let Some(row) = self.ledger.safety_stock.get_mut(usize::from(put.location)) {
            *row = terms.safety_stock;
        }
    }

    pub(crate) fn channel(
        &mut self,
        put: &ChannelPutV1<'_>,
        terms: ChannelTermsV1,
        ChannelRoutingV1 { profile }: ChannelRoutingV1,
    ) {
        let locations = self.ledger.safety_stock.len();
        let all_known = put.locations.iter().all(|location| usize::from(*location) < locations);
        self.findings
            .check(Invariant::J4, all_known, || "a location of the channel was never created".into());
        let is_there = profile.is_none_or(|profile| usize::from(profile) < self.ledger.profiles.len());
        self.findings
            .check(Invariant::J4, is_there, || format!("routing profile {profile:?} was never created"));
        let count = self.ledger.channels.len();
        let (code, locations) = (put.code.to_owned(), put.locations.clone());
        self.check_policy(&terms.stock_policy);
        self.check_backed(put);
        let channel = Rc::new(Channel { code, locations, policy: put.policy, terms, profile });
        if self.named(Named::Channel, put.is_new, u32::from(put.channel), count, put.code) {
            self.ledger.channels.push(channel);
        } else if let Some(row) = self.ledger.channels.get_mut(usize::from(put.channel)) {
            *row = channel;
        }
    }

    /// A channel that changes its locations leaves holds and grants as many units as they had: those that are promised, and
    /// all of them. What a loss had left without any before may stay without.
    fn check_backed(&mut self, put: &ChannelPutV1<'_>) {
        let kept = self.ledger.held.keys().chain(self.ledger.granted.keys());
        let skus: BTreeSet<u32> = kept.filter(|(_, of)| *of == put.channel).map(|(sku, _)| *sku).collect();
        let locations: BTreeSet<u16> = put.locations.iter().copied().collect();
        for sku in skus {
            for promised_alone in [true, false] {
                let now = self.ledger.backed(sku, promised_alone, None);
                let then = self.ledger.backed(sku, promised_alone, Some((put.channel, &locations)));
                let Some((now, then)) = now.zip(then) else { continue };
                self.findings.check(Invariant::I9, then >= now, || {
                    format!(
                        "{now} units of sku {sku} that are held or granted are there before, {then} after"
                    )
                });
            }
        }
    }

    pub(crate) fn sku(
        &mut self,
        put: &SkuPutV1<'_>,
        terms: SkuTermsV1,
        kit: SkuKitV1,
        SkuLimitsV1 { backorder_limit }: SkuLimitsV1,
    ) {
        let decimals = put.decimals;
        self.findings.check(Invariant::J4, decimals <= DECIMALS_MAX, || {
            format!("a sku has {decimals} decimals, at most {DECIMALS_MAX} are there")
        });
        let decimals_ever = 1_u8.checked_shl(decimals.into()).unwrap_or(0);
        let count = self.ledger.skus.len();
        if self.named(Named::Sku, put.is_new, put.sku, count, put.code) {
            let (has_moved, terms) = (false, None);
            self.ledger.skus.push(Sku { decimals, decimals_ever, has_moved, terms, backorder_limit });
        } else if let Some(row) = self.ledger.skus.get_mut(put.sku as usize) {
            let Sku { decimals: before, has_moved, .. } = *row;
            row.decimals = decimals;
            row.decimals_ever |= decimals_ever;
            row.backorder_limit = backorder_limit;
            self.findings.check(Invariant::J4, decimals == before || !has_moved, || {
                format!("its stock has moved with {before} decimals, now it has {decimals}")
            });
        }
        self.terms(put.sku, terms);
        self.kit(put.sku, kit);
    }

    /// Terms name what there is, each once and in order, and the pools are those that they make of the ones before.
    fn terms(&mut self, sku: u32, terms: SkuTermsV1) {
        let (locations, channels) = (self.ledger.safety_stock.len(), self.ledger.channels.len());
        let is_ordered = terms.safety_stock_at.is_sorted_by(|one, next| one.0 < next.0)
            && terms.channels.is_sorted_by(|one, next| one.channel < next.channel);
        let are_known = terms.safety_stock_at.iter().all(|(location, _)| usize::from(*location) < locations)
            && terms.channels.iter().all(|terms| usize::from(terms.channel) < channels);
        self.findings.check(Invariant::J4, is_ordered && are_known, || {
            format!("its terms name a location or channel twice, out of order, or one that is not there: {terms:?}")
        });
        terms.channels.iter().for_each(|terms| self.check_policy(&terms.policy));
        let due = self.ledger.pools_after(sku, &terms);
        self.findings.check(Invariant::I9, due.as_ref() == Some(&terms.pools), || {
            format!("its pools are {:?}, {due:?} were due", terms.pools)
        });
        self.ledger.put_pools(self.findings.lsn.0, sku, &terms.pools);
        let states_something = terms != SkuTermsV1::default();
        if let Some(row) = self.ledger.skus.get_mut(sku as usize) {
            row.terms = states_something.then(|| Box::new(terms));
        }
    }

    fn check_policy(&mut self, policy: &StockPolicyV1) {
        let is_part = |amount: AmountV1| matches!(amount, AmountV1::Units(_) | AmountV1::Percent(..=100));
        let is_one = is_part(policy.buffer) && policy.ceiling.is_none_or(is_part);
        self.findings.check(Invariant::J4, is_one, || format!("a part of more than the whole: {policy:?}"));
    }

    /// Checks number and code against what there is; `true` if the thing is new.
    pub(super) fn named(&mut self, what: Named, is_new: bool, number: u32, count: usize, code: &str) -> bool {
        let place = number as usize;
        let is_right = if is_new { place == count } else { place < count };
        self.findings.check(Invariant::J4, is_right, || {
            format!("{what:?} {number} of {count} is not new or known as it says")
        });
        let holder = self.ledger.codes.insert((what, code.to_owned()), number);
        let is_its_own = holder.is_none_or(|holder| holder == number && !is_new);
        self.findings.check(Invariant::J4, is_its_own, || format!("the code {code} was given before"));
        is_new
    }
}
