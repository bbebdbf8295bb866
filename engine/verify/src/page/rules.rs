//! Locations, channels and SKUs: numbered densely, their codes given once.

use super::Page;
use crate::ledger::{Channel, Named, Sku};
use crate::report::Invariant;
use onhand_record::rules::{ChannelPutV1, LocationPutV1, SkuPutV1};
use std::rc::Rc;

/// The most decimals that a SKU may have.
const DECIMALS_MAX: u8 = 3;

impl Page<'_> {
    pub(crate) fn location(&mut self, put: &LocationPutV1<'_>) {
        let count = self.ledger.location_count;
        if self.named(Named::Location, put.is_new, u32::from(put.location), count, put.code) {
            self.ledger.location_count += 1;
        }
    }

    pub(crate) fn channel(&mut self, put: &ChannelPutV1<'_>) {
        let locations = self.ledger.location_count;
        let all_known = put.locations.iter().all(|location| usize::from(*location) < locations);
        self.findings
            .check(Invariant::J4, all_known, || "a location of the channel was never created".into());
        let count = self.ledger.channels.len();
        let (code, locations) = (put.code.to_owned(), put.locations.clone());
        let channel = Rc::new(Channel { code, locations, policy: put.policy });
        if self.named(Named::Channel, put.is_new, u32::from(put.channel), count, put.code) {
            self.ledger.channels.push(channel);
        } else if let Some(row) = self.ledger.channels.get_mut(usize::from(put.channel)) {
            *row = channel;
        }
    }

    pub(crate) fn sku(&mut self, put: &SkuPutV1<'_>) {
        let decimals = put.decimals;
        self.findings.check(Invariant::J4, decimals <= DECIMALS_MAX, || {
            format!("a sku has {decimals} decimals, at most {DECIMALS_MAX} are there")
        });
        let decimals_ever = 1_u8.checked_shl(decimals.into()).unwrap_or(0);
        let count = self.ledger.skus.len();
        if self.named(Named::Sku, put.is_new, put.sku, count, put.code) {
            self.ledger.skus.push(Sku { decimals, decimals_ever, has_moved: false });
        } else if let Some(row) = self.ledger.skus.get_mut(put.sku as usize) {
            let Sku { decimals: before, has_moved, .. } = *row;
            row.decimals = decimals;
            row.decimals_ever |= decimals_ever;
            self.findings.check(Invariant::J4, decimals == before || !has_moved, || {
                format!("its stock has moved with {before} decimals, now it has {decimals}")
            });
        }
    }

    /// Checks number and code against what there is; `true` if the thing is new.
    fn named(&mut self, what: Named, is_new: bool, number: u32, count: usize, code: &str) -> bool {
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
