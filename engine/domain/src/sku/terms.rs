//! What a merchant wants of one SKU beside its stock: safety stock, policies of channels, and pools of units that are
//! a channel's own.

use crate::id::{ChannelNumber, LocationNumber, OrderId};
use crate::planted::{Bug, is_planted};
use crate::promise::StockPolicy;
use alloc::vec::Vec;

/// The most locations with a safety stock of their own, and the most channels with terms of their own, that one SKU
/// names: as many as may serve one channel, and as there may be.
pub const TERMS_MAX: usize = 1_000;

/// What was stated for one SKU; what it does not state holds as its locations and channels state it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Terms {
    /// Units that stay at each location and are promised to nobody.
    pub safety_stock: Option<u32>,
    /// The same at one location, in the order of location numbers.
    pub safety_stock_at: Vec<(LocationNumber, u32)>,
    /// Terms of channels, in the order of channel numbers.
    pub channels: Vec<ChannelTerms>,
    /// The most units that may wait for it, accepted without stock; `None` is any number.
    pub backorder_limit: Option<u32>,
}

/// What one channel may sell of one SKU.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChannelTerms {
    /// Which.
    pub channel: ChannelNumber,
    /// Its share of what no pool has.
    pub policy: StockPolicy,
    /// Units that its pool has had since it was made, those that are used included; 0 for no pool.
    pub dedicated: u32,
}

/// Units that are one channel's own. Claims of the channel take from it first, as far as it has units left; when one is
/// cancelled, units of the pool go back last. What shipped is gone, and of a channel's units those of the pool ship first.
/// So what was dedicated is what is left, what claims have of it, and what is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pool {
    /// Whose.
    pub channel: ChannelNumber,
    /// The record that made it: orders that were accepted before take nothing from it.
    pub since: OrderId,
    /// Units that no claim has.
    pub left: u64,
    /// Units of live claims that came from it.
    pub charged: u64,
    /// Units of live claims of orders that may take from it, at all locations together; never fewer than `charged`.
    pub claimed: u64,
}

/// For whom units are claimed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Owner {
    /// Which channel's.
    pub channel: ChannelNumber,
    /// Which order.
    pub order: OrderId,
}

impl Terms {
    /// Nothing is stated.
    pub const NONE: Self =
        Self { safety_stock: None, safety_stock_at: Vec::new(), channels: Vec::new(), backorder_limit: None };

    /// Whether nothing is stated.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.keep_units() && self.backorder_limit.is_none()
    }

    /// Whether they keep units from somebody, or may.
    #[must_use]
    pub fn keep_units(&self) -> bool {
        self.safety_stock.is_some() || !self.safety_stock_at.is_empty() || !self.channels.is_empty()
    }

    /// Units that stay at a location, where the location states `default` for SKUs that state nothing.
    #[must_use]
    pub fn safety_stock(&self, location: LocationNumber, default: u32) -> u32 {
        let here = self.safety_stock_at.binary_search_by_key(&location, |(location, _)| *location);
        here.map_or(self.safety_stock.unwrap_or(default), |place| self.safety_stock_at[place].1)
    }

    /// The terms of a channel, if it has some of its own.
    #[must_use]
    pub fn channel(&self, channel: ChannelNumber) -> Option<&ChannelTerms> {
        let found = self.channels.binary_search_by_key(&channel, |terms| terms.channel);
        found.ok().map(|place| &self.channels[place])
    }
}

impl Pool {
    /// Units were claimed.
    pub(crate) fn charge(&mut self, order: OrderId, quantity: u32) {
        if order >= self.since {
            let quantity = u64::from(quantity);
            let units = quantity.min(self.left);
            self.left -= units;
            self.charged += units;
            self.claimed += quantity;
        }
    }

    /// A claim ended, and its goods are still there.
    pub(super) fn refund(&mut self, order: OrderId, quantity: u32) {
        if order >= self.since {
            let quantity = u64::from(quantity);
            self.claimed -= quantity;
            let most = if is_planted(Bug::RefundPoolFirst) { self.charged.min(quantity) } else { 0 };
            let units = self.charged.saturating_sub(self.claimed).max(most);
            self.charged -= units;
            self.left += units;
        }
    }

    /// A claim ended, and its goods are gone.
    pub(super) fn use_up(&mut self, order: OrderId, quantity: u32) {
        if order >= self.since {
            let quantity = u64::from(quantity);
            self.claimed -= quantity;
            self.charged = self.charged.saturating_sub(quantity).min(self.claimed);
        }
    }
}
