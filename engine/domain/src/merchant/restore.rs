//! A state built again from a picture of it. Only what a snapshot holds is handed in; counters, tables and the
//! lists of who waits are derived, as they were the first time.

use super::{Channel, Location, MerchantState};
use crate::beside::Beside;
use crate::grant::{Exposure, Grant};
use crate::hold::Hold;
use crate::id::{ChannelNumber, HoldId, LocationNumber, OrderId, ProfileNumber, SkuNumber};
use crate::kit::{Component, Kits};
use crate::order::{Agreed, Order, Part, StoredOrder};
use crate::promise::StockPolicy;
use crate::routing::profile::Profile;
use crate::rows::Rows;
use crate::sku::{Cursor, Pool, SkuActor, Terms};
use crate::table::Table;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

impl MerchantState {
    /// A state without SKUs and orders.
    #[must_use]
    pub fn restored(locations: Vec<Location>, channels: Vec<Channel>) -> Self {
        let mut state = Self {
            locations,
            channels,
            profiles: Vec::new(),
            keeps_units: false,
            kits: Kits::default(),
            skus: Rows::default(),
            orders: Rows::default(),
            order_rows: Table::default(),
            within: Beside::default(),
            agreed: Beside::default(),
            lapses: BTreeSet::new(),
            holds: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            holders: BTreeMap::new(),
            exposures: BTreeMap::new(),
            granted: BTreeSet::new(),
            live_grants: BTreeMap::new(),
            acknowledged: BTreeSet::new(),
            settled: BTreeSet::new(),
            backlogged: BTreeSet::new(),
            short: BTreeMap::new(),
            short_units: 0,
            passes: BTreeSet::new(),
        };
        state.note_rules();
        state
    }

    /// Says what locations and channels keep, by number.
    pub fn restore_rules(
        &mut self,
        locations: impl Iterator<Item = Location>,
        channels: impl Iterator<Item = (StockPolicy, u16)>,
    ) {
        self.locations.iter_mut().zip(locations).for_each(|(row, location)| *row = location);
        for (row, (stock_policy, rank)) in self.channels.iter_mut().zip(channels) {
            (row.stock_policy, row.rank) = (stock_policy, rank);
        }
        self.note_rules();
    }

    /// Says which routing profiles there are, and which of them the channels have, both by number.
    pub fn restore_profiles(
        &mut self,
        profiles: Vec<Arc<Profile>>,
        channels: impl Iterator<Item = Option<ProfileNumber>>,
    ) {
        self.profiles = profiles;
        self.channels.iter_mut().zip(channels).for_each(|(channel, profile)| channel.profile = profile);
    }

    /// Says what was stated for a SKU, and what is left in its pools, in the order of channel numbers.
    ///
    /// # Panics
    /// If there is no such SKU: then the picture is damaged.
    pub fn restore_terms(&mut self, sku: SkuNumber, terms: Terms, pools: Vec<Pool>) {
        self.sku_mut(sku).set_terms(terms, pools);
    }

    /// Says how many units of a SKU may wait; its terms come before.
    ///
    /// # Panics
    /// If there is no such SKU: then the picture is damaged.
    pub fn restore_backorder_limit(&mut self, sku: SkuNumber, limit: Option<u32>) {
        let actor = self.sku_mut(sku);
        let (terms, pools) = (actor.terms().cloned().unwrap_or_default(), actor.pools().to_vec());
        actor.set_terms(Terms { backorder_limit: limit, ..terms }, pools);
    }

    /// Adds the next SKU; all of them come before the orders.
    pub fn restore_sku(&mut self, actor: SkuActor) {
        self.skus.insert(actor);
    }

    /// Says which SKUs are kits, and what they are made of; all SKUs come before.
    ///
    /// # Panics
    /// If there is no such SKU, or the kits break a limit: then the picture is damaged.
    pub fn restore_kits<'a>(&mut self, rows: impl Iterator<Item = (SkuNumber, &'a [Component])>) {
        self.kits = Kits::restored(rows);
        for sku in self.kits.iter().map(|(sku, _)| sku) {
            let Some(actor) = self.skus.get_mut(sku.0) else { panic!("the kit does not exist") };
            actor.set_kit(true);
        }
    }

    /// Adds an open order, its claims and what of it waits.
    ///
    /// # Panics
    /// If the order contradicts the SKUs: then the picture is damaged.
    pub fn restore_order(&mut self, order: Order) {
        for claim in &order.claims {
            let sku = order.demands[usize::from(claim.demand)].sku;
            self.sku_mut(sku).restore_claim(claim.location, claim.quantity);
        }
        for (number, demand) in (0_u16..).zip(&order.demands) {
            self.wait(order.owner(), number, demand);
        }
        self.insert_order(StoredOrder::of(&order));
    }

    /// Says what the demands of an open order are of kits, in their order.
    ///
    /// # Panics
    /// If there is no such order: then the picture is damaged.
    pub fn restore_parts(&mut self, order: OrderId, parts: impl Iterator<Item = Option<Part>>) {
        self.change(order, |_, order| {
            order.demands.iter_mut().zip(parts).for_each(|(demand, part)| demand.part = part);
        });
    }

    /// Says which locations may serve an order that waits, ascending.
    pub fn restore_within(&mut self, order: OrderId, locations: Arc<[LocationNumber]>) {
        self.within.insert(order, locations);
    }

    /// Says what was agreed of an open order beyond its policy; the order and its parts come before.
    pub fn restore_agreed(&mut self, order: OrderId, agreed: Agreed) {
        self.agreed.insert(order, agreed);
        let open = self.order(order);
        self.note_lapse(order, open.as_ref());
    }

    /// Adds a live hold; terms and pools of its SKUs may come before or after.
    ///
    /// # Panics
    /// If it contradicts the SKUs: then the picture is damaged.
    pub fn restore_hold(&mut self, id: HoldId, hold: Hold) {
        for (sku, quantity) in &hold.units {
            self.sku_mut(*sku).restore_hold(hold.channel, *quantity);
        }
        self.insert_hold(id, hold);
    }

    /// Says how a channel is exposed; its grants may come before or after.
    pub fn restore_exposure(&mut self, channel: ChannelNumber, exposure: Exposure) {
        self.exposures.insert(channel, exposure);
        self.note_settled(channel);
    }

    /// Says what a channel is granted of a SKU.
    ///
    /// # Panics
    /// If there is no such SKU: then the picture is damaged.
    pub fn restore_grant(&mut self, sku: SkuNumber, grant: Grant) {
        self.change_grant(sku, grant.channel, |row| *row = grant);
    }

    /// Goes on with a pass over those who wait; all orders come before.
    ///
    /// # Panics
    /// If there is no such SKU: then the picture is damaged.
    pub fn restore_pass(&mut self, sku: SkuNumber, cursor: Cursor) {
        self.sku_mut(sku).continue_pass(Some(cursor));
        self.note_backlog(sku);
    }
}
