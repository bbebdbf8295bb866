//! What each channel may sell of a SKU: where its stock, the terms of merchant and channels, and what others are promised
//! come together. Whoever claims or shows units asks here.

use super::{Channel, MerchantState};
use crate::hold::Hold;
use crate::id::{ChannelNumber, LocationNumber, SkuNumber};
use crate::order::Policy;
use crate::planted::{Bug, is_planted};
use crate::promise::{Place, Promise, Reader, Row, Spread, StockPolicy};
use crate::routing::FreeStock;
use crate::sku::{Level, Owner, Pool, SkuActor, Terms};
use alloc::vec::Vec;
use smallvec::SmallVec;

/// Who is promised units first when they are scarce.
type Precedence = (u16, ChannelNumber);

/// What channels are promised of one SKU, those first who come first when units are scarce.
type Kept<'a> = SmallVec<[(Precedence, Row<'a>); 8]>;

/// A channel whose pool and floor are more than there is for them.
pub(super) struct Excess {
    pub(super) channel: ChannelNumber,
    /// Units of its pool and its floor.
    pub(super) promised: u64,
    /// Units for them, after the pools and floors of channels of a better rank.
    pub(super) available: u64,
}

/// What is asked of a SKU, for whom.
struct Asks<'a> {
    channel: ChannelNumber,
    /// The locations that may serve, of the channel's.
    locations: &'a [LocationNumber],
    policy: &'a StockPolicy,
    /// What is left in the SKU's pools.
    pools: &'a [Pool],
    /// What of it is the channel's own, but not this order's.
    younger: u64,
    /// What is held for the very order that asks, and for which channel.
    held: Option<(ChannelNumber, u64)>,
    /// Whether it is an order that is imposed.
    is_imposed: bool,
}

/// How an order asks for units.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    /// What becomes of what stock cannot serve.
    pub(super) policy: Policy,
    /// The live hold that it confirms.
    pub(super) hold: Option<&'a Hold>,
}

impl MerchantState {
    /// What a channel may sell of a SKU now.
    ///
    /// # Panics
    /// If there is no such SKU or channel.
    #[must_use]
    pub fn promise(&self, sku: SkuNumber, channel: ChannelNumber) -> Promise {
        self.promise_to_order(sku, channel, Asking { policy: Policy::Reject, hold: None })
    }

    /// The same for an order. One that confirms a hold has its units first; and from one that is imposed neither the
    /// channel's policy nor safety stock hides a unit: they keep units from being sold, and these were sold.
    pub(super) fn promise_to_order(
        &self,
        sku: SkuNumber,
        channel: ChannelNumber,
        Asking { policy, hold }: Asking<'_>,
    ) -> Promise {
        let (Some(actor), Some(reader)) = (self.sku(sku), self.channel(channel)) else {
            panic!("the sku or the channel does not exist")
        };
        if self.is_plain(actor) {
            return Promise::of_anybodys(&reader.locations, &reader.stock_policy, |location| {
                actor.free(location)
            });
        }
        let is_imposed = policy == Policy::Imposed;
        let stated = self.policy_of(actor, channel, reader);
        let policy = if is_imposed { &unhidden(stated) } else { stated };
        let kept = |location| if is_imposed { 0 } else { self.safety_stock(actor, location) };
        let free = |location| actor.free(location).saturating_sub(kept(location));
        let held = hold.map(|hold| (hold.channel, u64::from(hold.units_of(sku))));
        if let Some((_, units)) = held {
            let free = reader.locations.iter().map(|location| u64::from(free(*location)));
            if units > free.sum() {
                let (others, unclaimed) = (&self.held(actor, held)[..], |location| actor.unclaimed(location));
                let free = |location| unclaimed(location).saturating_sub(kept(location));
                return Promise::of_held(&reader.locations, units, others, free, unclaimed);
            }
        }
        let locations = &reader.locations;
        let asks = Asks { channel, locations, policy, pools: actor.pools(), younger: 0, held, is_imposed };
        self.promise_of(actor, asks, free)
    }

    /// What somebody who waits may get of a SKU, of the units that `free` finds at a location and with so much left in
    /// its pools: the channel's buffer and ceiling do not count any more, what others are promised does, and so does a
    /// pool of the channel that is younger than the order.
    pub(super) fn promise_to_waiting(
        &self,
        actor: &SkuActor,
        Owner { channel, order }: Owner,
        pools: &[Pool],
        free: impl Fn(LocationNumber) -> u32,
    ) -> Promise {
        let is_younger = |pool: &&Pool| pool.channel == channel && pool.since > order;
        let younger = pools.iter().find(is_younger).map_or(0, |pool| pool.left);
        let all = self.channel(channel).map_or(&[][..], |channel| &channel.locations);
        let within: SmallVec<[LocationNumber; 8]> =
            all.iter().copied().filter(|location| self.may_serve(order, *location)).collect();
        let (locations, policy) = (&within[..], &StockPolicy::SHARED);
        let asks = Asks { channel, locations, policy, pools, younger, held: None, is_imposed: false };
        self.promise_of(actor, asks, free)
    }

    /// What somebody may get whose goods were lost: all but what is held for buyers.
    pub(super) fn promise_to_short(
        &self,
        actor: &SkuActor,
        channel: ChannelNumber,
        free: impl Fn(LocationNumber) -> u32,
    ) -> Promise {
        let Some(reader) = self.channel(channel) else { panic!("the channel does not exist") };
        let (locations, policy) = (&reader.locations[..], &StockPolicy::SHARED);
        let (holds, held, pool) = (&self.held(actor, None)[..], 0, 0);
        Promise::of(&Reader { locations, policy, holds, held, pool, before: &[], after: &[] }, free)
    }

    /// Units at a location that may leave it without a claim: what is held for buyers is kept elsewhere as far as that
    /// goes.
    pub(super) fn movable(&self, sku: SkuNumber, location: LocationNumber) -> u32 {
        let Some(actor) = self.sku(sku) else { return 0 };
        let holds = self.held(actor, None);
        if holds.is_empty() {
            return actor.unclaimed(location);
        }
        let elsewhere = actor.levels().iter().map(Level::location).filter(|other| *other != location);
        let places: Vec<Place> = elsewhere
            .chain([location])
            .map(|location| Place { location, units: u64::from(actor.unclaimed(location)) })
            .collect();
        let left = Spread::of(&holds, &places).left(places.len() - 1);
        u32::try_from(left).unwrap_or(u32::MAX)
    }

    /// What is held for buyers of each channel; without what is held for the very order that asks.
    pub(super) fn held<'a>(
        &'a self,
        actor: &SkuActor,
        but: Option<(ChannelNumber, u64)>,
    ) -> SmallVec<[Row<'a>; 4]> {
        let row = |(channel, held): &(ChannelNumber, u64)| {
            let own = but.filter(|(own, _)| own == channel).map_or(0, |(_, units)| units);
            let locations = self.channel(*channel).map_or(&[][..], |channel| &channel.locations);
            Row { locations, quantity: held - own }
        };
        actor.held().iter().map(row).collect()
    }

    fn promise_of(
        &self,
        actor: &SkuActor,
        Asks { channel, locations, policy, pools, younger, held, is_imposed }: Asks<'_>,
        free: impl Fn(LocationNumber) -> u32,
    ) -> Promise {
        let Some(reader) = self.channel(channel) else { panic!("the channel does not exist") };
        let kept = if self.is_plain(actor) || is_planted(Bug::IgnorePromises) {
            Kept::new()
        } else {
            self.kept(actor.terms(), pools, Some(channel))
        };
        let own = (reader.rank, channel);
        let from = kept.partition_point(|(precedence, _)| *precedence < own);
        let mut rows: SmallVec<[Row<'_>; 8]> = kept.iter().map(|(_, row)| *row).collect();
        rows.insert(from, Row { locations: &reader.locations, quantity: younger });
        let (before, after) = rows.split_at(from + 1);
        let pool = left_of(pools, channel) - younger;
        let holds = self.held(actor, held);
        let holds = if is_imposed && is_planted(Bug::ImposeOnHolds) { &[] } else { &holds[..] };
        let held = held.map_or(0, |(_, units)| units);
        Promise::of(&Reader { locations, policy, holds, held, pool, before, after }, free)
    }

    /// Whether a SKU's units are anybody's who comes first: no safety stock, no policy, no hold.
    pub(super) fn is_plain(&self, actor: &SkuActor) -> bool {
        let keeps_nothing = actor.terms().is_none_or(|terms| !terms.keep_units());
        !self.keeps_units && keeps_nothing && actor.held().is_empty()
    }

    /// Units at a location that no claim has, safety stock does not keep, and nobody waits for.
    #[must_use]
    pub fn free_at(&self, actor: &SkuActor, location: LocationNumber) -> u32 {
        actor.free(location).saturating_sub(self.safety_stock(actor, location))
    }

    /// Units of a SKU that stay at a location.
    #[must_use]
    pub fn safety_stock(&self, actor: &SkuActor, location: LocationNumber) -> u32 {
        let default = self.location(location).map_or(0, |location| location.safety_stock);
        actor.terms().map_or(default, |terms| terms.safety_stock(location, default))
    }

    fn policy_of<'a>(
        &'a self,
        actor: &'a SkuActor,
        number: ChannelNumber,
        channel: &'a Channel,
    ) -> &'a StockPolicy {
        let stated = actor.terms().and_then(|terms| terms.channel(number));
        stated.map_or(&channel.stock_policy, |terms| &terms.policy)
    }

    /// The pools and floors of all channels but one.
    fn kept<'a>(&'a self, terms: Option<&'a Terms>, pools: &[Pool], but: Option<ChannelNumber>) -> Kept<'a> {
        let mut kept = Kept::new();
        for (number, channel) in (0_u16..).map(ChannelNumber).zip(&self.channels) {
            let stated = terms.and_then(|terms| terms.channel(number));
            let policy = stated.map_or(&channel.stock_policy, |terms| &terms.policy);
            let quantity = left_of(pools, number) + u64::from(policy.floor);
            if quantity > 0 && Some(number) != but {
                kept.push(((channel.rank, number), Row { locations: &channel.locations, quantity }));
            }
        }
        kept.sort_unstable_by_key(|(precedence, _)| *precedence);
        kept
    }

    /// Whether the pools and floors of a SKU's own terms are there, as far as they are more than before.
    pub(super) fn check_kept(
        &self,
        actor: Option<&SkuActor>,
        terms: &Terms,
        pools: &[Pool],
    ) -> Result<(), Excess> {
        let promised = |terms: Option<&Terms>, pools: &[Pool], channel: ChannelNumber| {
            let floor = terms.and_then(|terms| terms.channel(channel)).map_or(0, |terms| terms.policy.floor);
            u64::from(floor) + left_of(pools, channel)
        };
        let before = actor.map_or((None, &[][..]), |actor| (actor.terms(), actor.pools()));
        let grown = |channel: ChannelNumber| {
            promised(Some(terms), pools, channel) > promised(before.0, before.1, channel)
        };
        if !terms.channels.iter().any(|terms| grown(terms.channel)) {
            return Ok(());
        }
        let kept = self.kept(Some(terms), pools, None);
        // What is held for buyers comes before all pools and floors.
        let holds = actor.map(|actor| self.held(actor, None)).unwrap_or_default();
        let rows: Vec<Row<'_>> = holds.iter().chain(kept.iter().map(|(_, row)| row)).copied().collect();
        let places = self.places_of(&rows, actor, terms);
        let spread = Spread::of(&rows, &places);
        for (row, ((_, channel), kept)) in kept.iter().enumerate() {
            let available = spread.served(holds.len() + row);
            if available < kept.quantity && grown(*channel) {
                return Err(Excess { channel: *channel, promised: kept.quantity, available });
            }
        }
        Ok(())
    }

    /// What lies at the locations of rows, as far as terms let it be promised.
    fn places_of(&self, rows: &[Row<'_>], actor: Option<&SkuActor>, terms: &Terms) -> Vec<Place> {
        let mut locations: Vec<LocationNumber> = rows.iter().flat_map(|row| row.locations).copied().collect();
        locations.sort_unstable();
        locations.dedup();
        let units = |location: LocationNumber| {
            let default = self.location(location).map_or(0, |location| location.safety_stock);
            let unclaimed = actor.map_or(0, |actor| actor.free(location));
            u64::from(unclaimed.saturating_sub(terms.safety_stock(location, default)))
        };
        locations.into_iter().map(|location| Place { location, units: units(location) }).collect()
    }
}

/// What of a policy counts for demand that is sold already: what others may not have, and nothing that is hidden.
fn unhidden(policy: &StockPolicy) -> StockPolicy {
    StockPolicy { floor: policy.floor, ..StockPolicy::SHARED }
}

/// Units left in the pool of a channel.
fn left_of(pools: &[Pool], channel: ChannelNumber) -> u64 {
    let found = pools.binary_search_by_key(&channel, |pool| pool.channel);
    found.map_or(0, |place| pools[place].left)
}

/// Stock as one channel's order may claim it.
pub(super) struct Shelf<'a> {
    state: &'a MerchantState,
    /// What was worked out, in the order of SKU numbers; what is not here is anybody's who comes first.
    promises: SmallVec<[(SkuNumber, Promise); 4]>,
}

impl<'a> Shelf<'a> {
    /// Works out what a channel may claim of some SKUs.
    pub(super) fn of(
        state: &'a MerchantState,
        channel: ChannelNumber,
        skus: impl Iterator<Item = SkuNumber>,
        asks: Asking<'_>,
    ) -> Self {
        let has_rules = |sku: &SkuNumber| state.sku(*sku).is_some_and(|actor| !state.is_plain(actor));
        let mut promises: SmallVec<[(SkuNumber, Promise); 4]> =
            skus.filter(has_rules).map(|sku| (sku, state.promise_to_order(sku, channel, asks))).collect();
        promises.sort_unstable_by_key(|(sku, _)| *sku);
        Self { state, promises }
    }

    fn promise(&self, sku: SkuNumber) -> Option<&Promise> {
        let found = self.promises.binary_search_by_key(&sku, |(sku, _)| *sku);
        found.ok().map(|place| &self.promises[place].1)
    }
}

impl FreeStock for Shelf<'_> {
    fn free(&self, sku: SkuNumber, location: LocationNumber) -> u32 {
        match self.promise(sku) {
            Some(promise) => promise.at(location),
            None => self.state.sku(sku).map_or(0, |actor| actor.free(location)),
        }
    }

    fn free_at(&self, sku: SkuNumber, ascending: &[(LocationNumber, usize)], row: &mut [u32]) {
        match (self.promise(sku), self.state.sku(sku)) {
            (Some(promise), _) => {
                ascending.iter().for_each(|(location, place)| row[*place] = promise.at(*location));
            }
            (None, Some(actor)) => actor.free_at(ascending, row),
            (None, None) => row.fill(0),
        }
    }

    fn total(&self, sku: SkuNumber) -> u64 {
        self.promise(sku).map_or(u64::MAX, Promise::total)
    }
}
