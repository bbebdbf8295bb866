//! What each channel may sell of a SKU: where its stock, the terms of merchant and channels, and what others are promised
//! come together. Whoever claims or shows units asks here.

use super::{Channel, MerchantState};
use crate::grant::{Grant, Mode};
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

/// Units at a location that no claim has.
#[derive(Clone, Copy)]
pub(super) struct There {
    /// Those that may be promised.
    free: u32,
    /// Those that safety stock keeps.
    kept: u32,
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
    /// What is kept for the very order that asks.
    due: Option<Due>,
    /// Whether it is for an order that is imposed.
    is_imposed: bool,
}

/// What is kept for the very order that asks, or for who asks what its channel could sell.
#[derive(Clone, Copy)]
pub(super) struct Due {
    /// Its channel.
    channel: ChannelNumber,
    /// Units of the hold that it confirms.
    held: u64,
    /// Units that it sells and were not sold when they were held; `u64::MAX` is as many as there are.
    sells: u64,
    /// How many of them are kept for it: of a grant in escrow.
    sold: u64,
    /// Units that come first of all: of the hold that it confirms, and of what it sells of a grant in escrow.
    first: u64,
    /// Units that were kept of that, and count as its pool's.
    granted: u64,
}

/// How an order asks for units.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    /// What becomes of what stock cannot serve.
    pub(super) policy: Policy,
    /// The live hold that it confirms.
    pub(super) hold: Option<&'a Hold>,
    /// What it sells of its channel's grants; `None` is all that they are.
    pub(super) sells: Option<&'a [(SkuNumber, u32)]>,
    /// What its kits need, which sell nothing of grants: what it confirms of these is for them first.
    pub(super) parts: &'a [(SkuNumber, u32)],
}

impl<'a> Asking<'a> {
    /// As a read or a hold does, which sells so much of its channel's grants.
    pub(super) fn selling(sells: Option<&'a [(SkuNumber, u32)]>) -> Self {
        Self { policy: Policy::Reject, hold: None, sells, parts: &[] }
    }
}

impl MerchantState {
    /// What a channel may sell of a SKU now.
    ///
    /// # Panics
    /// If there is no such SKU or channel.
    #[must_use]
    pub fn promise(&self, sku: SkuNumber, channel: ChannelNumber) -> Promise {
        self.promise_to_order(sku, channel, Asking::selling(None))
    }

    /// The same for an order. One that confirms a hold has its units first, and where holds lack units no others. From one
    /// that is imposed the channel's policy hides no unit, nor does safety stock where nobody else is promised or holds any:
    /// they keep units from being sold, and these were sold. Where others are, a unit less would be a unit less for them.
    pub(super) fn promise_to_order(
        &self,
        sku: SkuNumber,
        channel: ChannelNumber,
        asking: Asking<'_>,
    ) -> Promise {
        let (Some(actor), Some(reader)) = (self.sku(sku), self.channel(channel)) else {
            panic!("the sku or the channel does not exist")
        };
        if self.is_plain(actor) {
            return Promise::of_anybodys(&reader.locations, &reader.stock_policy, |location| {
                actor.free(location)
            });
        }
        let is_imposed = asking.policy == Policy::Imposed;
        let stated = self.policy_of(actor, channel, reader);
        let policy = if is_imposed { &unhidden(stated) } else { stated };
        let there = |location| self.there(actor, location, actor.free(location));
        let due = self.due_to(actor, sku, channel, asking);
        let near = || entangled(self.held(actor, None), &reader.locations);
        if let Some(units) = due.map(|due| due.first).filter(|first| *first > 0)
            && !are_there(&near(), |location| there(location).free)
        {
            let (others, unclaimed) = (&self.held(actor, due)[..], |location| actor.unclaimed(location));
            let free = |location| self.there(actor, location, unclaimed(location)).free;
            return Promise::of_held(&reader.locations, units, others, free, unclaimed);
        }
        let locations = &reader.locations;
        let asks = Asks { channel, locations, policy, pools: actor.pools(), younger: 0, due, is_imposed };
        self.promise_of(actor, asks, there)
    }

    /// How units that no claim has stand at a location.
    pub(super) fn there(&self, actor: &SkuActor, location: LocationNumber, unclaimed: u32) -> There {
        let kept = self.safety_stock(actor, location).min(unclaimed);
        There { free: unclaimed - kept, kept }
    }

    /// What a channel may sell beside what it was granted: that it sells from its own copy.
    pub(super) fn promise_beside_grant(&self, sku: SkuNumber, channel: ChannelNumber) -> Promise {
        self.promise_to_order(sku, channel, Asking::selling(Some(&[])))
    }

    /// What a channel could sell of a SKU if it had no grant of it: what it may be granted.
    pub(super) fn promise_if_ungranted(&self, actor: &SkuActor, channel: ChannelNumber) -> Promise {
        let Some(reader) = self.channel(channel) else { panic!("the channel does not exist") };
        let policy = self.policy_of(actor, channel, reader);
        let sold = self.in_escrow(actor, channel);
        let due = Some(Due { channel, held: 0, sells: u64::MAX, sold, first: 0, granted: 0 });
        let (locations, pools) = (&reader.locations[..], actor.pools());
        let asks = Asks { channel, locations, policy, pools, younger: 0, due, is_imposed: false };
        self.promise_of(actor, asks, |location| self.there(actor, location, actor.free(location)))
    }

    /// What is kept of a SKU for an order: of the hold that it confirms, and of its channel's grant. What it confirms it
    /// has sold before.
    fn due_to(
        &self,
        actor: &SkuActor,
        sku: SkuNumber,
        channel: ChannelNumber,
        Asking { hold, sells, parts, .. }: Asking<'_>,
    ) -> Option<Due> {
        let held = hold.map(|hold| u64::from(hold.units_of(sku)));
        let Some(grant) = actor.grant(channel) else {
            return held.map(|held| Due { channel, held, sells: 0, sold: 0, first: held, granted: 0 });
        };
        let held = held.unwrap_or(0);
        let units = |lines: &[(SkuNumber, u32)]| -> u64 {
            lines.iter().filter(|(of, _)| *of == sku).map(|(_, quantity)| u64::from(*quantity)).sum()
        };
        let of_lines = held.saturating_sub(units(parts));
        let sells = sells.map_or(u64::MAX, |lines| units(lines).saturating_sub(of_lines));
        let granted = self.in_escrow(actor, grant.channel);
        let sold = sells.min(granted);
        Some(Due { channel, held, sells, sold, first: held + sold, granted })
    }

    /// What somebody who waits may get of a SKU, of the units that `there` finds at a location and with so much left in
    /// its pools: the channel's buffer and ceiling do not count any more, what others are promised does, and so does a
    /// pool of the channel that is younger than the order. What waits of an order that `is_imposed` is short.
    pub(super) fn promise_to_waiting(
        &self,
        actor: &SkuActor,
        Owner { channel, order }: Owner,
        pools: &[Pool],
        is_imposed: bool,
        there: impl Fn(LocationNumber) -> There,
    ) -> Promise {
        let is_younger = |pool: &&Pool| pool.channel == channel && pool.since > order;
        let younger = pools.iter().find(is_younger).map_or(0, |pool| pool.left);
        let all = self.channel(channel).map_or(&[][..], |channel| &channel.locations);
        let within: SmallVec<[LocationNumber; 8]> =
            all.iter().copied().filter(|location| self.may_serve(order, *location)).collect();
        let (locations, policy) = (&within[..], &StockPolicy::SHARED);
        let asks = Asks { channel, locations, policy, pools, younger, due: None, is_imposed };
        self.promise_of(actor, asks, there)
    }

    /// What somebody may get whose goods were lost: all but what is held for buyers, and granted to channels.
    pub(super) fn promise_to_short(
        &self,
        actor: &SkuActor,
        channel: ChannelNumber,
        free: impl Fn(LocationNumber) -> u32,
    ) -> Promise {
        let Some(reader) = self.channel(channel) else { panic!("the channel does not exist") };
        let (locations, policy) = (&reader.locations[..], &StockPolicy::SHARED);
        let holds: SmallVec<[Row<'_>; 4]> = self.kept_rows(actor).into_iter().map(|(_, row)| row).collect();
        let (holds, held, pool) = (&holds[..], 0, 0);
        Promise::of(&Reader { locations, policy, holds, held, pool, before: &[], after: &[] }, free)
    }

    /// Units at a location that may leave it without a claim: what is held for buyers or granted to channels is kept
    /// elsewhere as far as that goes.
    pub(super) fn movable(&self, sku: SkuNumber, location: LocationNumber) -> u32 {
        let Some(actor) = self.sku(sku) else { return 0 };
        let holds: SmallVec<[Row<'_>; 4]> = self.kept_rows(actor).into_iter().map(|(_, row)| row).collect();
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

    /// What nobody else gets: what is held for buyers of each channel, and then what is kept of its grant in escrow;
    /// without what is kept for the very order that asks.
    pub(super) fn held<'a>(&'a self, actor: &SkuActor, due: Option<Due>) -> SmallVec<[Row<'a>; 4]> {
        let own = |channel: ChannelNumber| due.filter(|due| due.channel == channel);
        let holds = actor
            .held()
            .iter()
            .map(|(channel, held)| self.row(*channel, held - own(*channel).map_or(0, |due| due.held)));
        let turn = self.grants_in_turn(actor);
        let grants = turn.iter().map(|grant| {
            let kept = self.in_escrow(actor, grant.channel);
            self.row(grant.channel, kept - own(grant.channel).map_or(0, |due| due.sold))
        });
        holds.chain(grants).filter(|row| row.quantity > 0).collect()
    }

    /// What is kept in part of grants, beyond the pools of their channels: a share of what nobody is promised. Without what
    /// the very order that asks sells.
    fn shares<'a>(&'a self, actor: &SkuActor, pools: &[Pool], due: Option<Due>) -> SmallVec<[Row<'a>; 4]> {
        let is_in_part = |grant: &&&Grant| matches!(self.exposure(grant.channel).mode, Mode::Overlap(_));
        let turn = self.grants_in_turn(actor);
        let share = |grant: &&Grant| {
            let (channel, pool) = (grant.channel, left_of(pools, grant.channel));
            let sells = due.filter(|due| due.channel == channel).map_or(0, |due| due.sells);
            let share = self.kept_of_grant(actor, channel).saturating_sub(pool);
            self.row(channel, share.saturating_sub(sells.saturating_sub(pool)))
        };
        turn.iter().filter(is_in_part).map(share).collect()
    }

    /// All that is kept for buyers and channels, whole and then in part, with the channels for which it is.
    pub(super) fn kept_rows<'a>(&'a self, actor: &SkuActor) -> SmallVec<[(ChannelNumber, Row<'a>); 4]> {
        self.rows_of(actor, |channel| self.kept_of_grant(actor, channel))
    }

    /// The same of what is kept whole: what was promised.
    pub(super) fn firm_rows<'a>(&'a self, actor: &SkuActor) -> SmallVec<[(ChannelNumber, Row<'a>); 4]> {
        self.rows_of(actor, |channel| self.in_escrow(actor, channel))
    }

    fn rows_of<'a>(
        &'a self,
        actor: &SkuActor,
        kept: impl Fn(ChannelNumber) -> u64,
    ) -> SmallVec<[(ChannelNumber, Row<'a>); 4]> {
        let holds = actor.held().iter().map(|(channel, held)| (*channel, *held));
        let turn = self.grants_in_turn(actor);
        let grants = turn.iter().map(|grant| (grant.channel, kept(grant.channel)));
        holds.chain(grants).map(|(channel, units)| (channel, self.row(channel, units))).collect()
    }

    fn row(&self, channel: ChannelNumber, quantity: u64) -> Row<'_> {
        let locations = self.channel(channel).map_or(&[][..], |channel| &channel.locations);
        Row { locations, quantity }
    }

    fn promise_of(
        &self,
        actor: &SkuActor,
        Asks { channel, locations, policy, pools, younger, due, is_imposed }: Asks<'_>,
        there: impl Fn(LocationNumber) -> There,
    ) -> Promise {
        let Some(reader) = self.channel(channel) else { panic!("the channel does not exist") };
        let kept = if self.is_plain(actor) || is_planted(Bug::IgnorePromises) {
            Kept::new()
        } else {
            self.kept(Some(actor), actor.terms(), pools, Some(channel))
        };
        // What was granted counts as its pool's.
        let granted = due.map_or_else(|| self.in_escrow(actor, channel), |due| due.granted);
        let pool = left_of(pools, channel).saturating_sub(granted);
        let younger = younger.min(pool);
        let own = (reader.rank, channel);
        let from = kept.partition_point(|(precedence, _)| *precedence < own);
        let mut rows: SmallVec<[Row<'_>; 8]> = kept.iter().map(|(_, row)| *row).collect();
        rows.insert(from, Row { locations: &reader.locations, quantity: younger });
        rows.extend(self.shares(actor, pools, due));
        let (before, after) = rows.split_at(from + 1);
        let pool = pool - younger;
        let holds = self.held(actor, due);
        let holds = if is_imposed && is_planted(Bug::ImposeOnHolds) { &[] } else { &holds[..] };
        let held = due.map_or(0, |due| due.first);
        let free = |location| there(location).free;
        let promise = Promise::of(&Reader { locations, policy, holds, held, pool, before, after }, free);
        if !is_imposed {
            return promise;
        }
        let is_promised = |location: LocationNumber| {
            let mut others = holds.iter().chain(before).chain(after).filter(|row| row.quantity > 0);
            others.any(|row| row.locations.contains(&location))
        };
        promise.beside(|location| if is_promised(location) { 0 } else { there(location).kept })
    }

    /// Whether a SKU's units are anybody's who comes first: no safety stock, no policy, no hold, no grant.
    pub(super) fn is_plain(&self, actor: &SkuActor) -> bool {
        let keeps_nothing = actor.terms().is_none_or(|terms| !terms.keep_units());
        !self.keeps_units && keeps_nothing && actor.held().is_empty() && actor.grants().is_empty()
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

    /// The pools and floors of all channels but one. What a channel is granted in escrow is kept already, and counts as its
    /// pool's.
    fn kept<'a>(
        &'a self,
        actor: Option<&SkuActor>,
        terms: Option<&'a Terms>,
        pools: &[Pool],
        but: Option<ChannelNumber>,
    ) -> Kept<'a> {
        let mut kept = Kept::new();
        for (number, channel) in (0_u16..).map(ChannelNumber).zip(&self.channels) {
            let stated = terms.and_then(|terms| terms.channel(number));
            let policy = stated.map_or(&channel.stock_policy, |terms| &terms.policy);
            let pool = match left_of(pools, number) {
                0 => 0,
                left => {
                    let granted = actor.map_or(0, |actor| self.in_escrow(actor, number));
                    left.saturating_sub(granted)
                }
            };
            let quantity = pool + u64::from(policy.floor);
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
        let kept = self.kept(actor, Some(terms), pools, None);
        // What is held for buyers and granted to channels comes before all pools and floors.
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

/// Of these rows those that somebody may take units from who takes some at these locations: they share one with them, or
/// with a row that does.
fn entangled<'a>(mut rows: SmallVec<[Row<'a>; 4]>, locations: &[LocationNumber]) -> SmallVec<[Row<'a>; 4]> {
    let mut within = locations.to_vec();
    let mut near = SmallVec::new();
    while let Some(place) =
        rows.iter().position(|row| row.locations.iter().any(|location| within.contains(location)))
    {
        let row = rows.remove(place);
        within.extend(row.locations);
        near.push(row);
    }
    near
}

/// Whether all of these rows can have their units together.
fn are_there(rows: &[Row<'_>], free: impl Fn(LocationNumber) -> u32) -> bool {
    let mut locations: Vec<LocationNumber> = rows.iter().flat_map(|row| row.locations).copied().collect();
    locations.sort_unstable();
    locations.dedup();
    let place = |location| Place { location, units: u64::from(free(location)) };
    let places: Vec<Place> = locations.into_iter().map(place).collect();
    let spread = Spread::of(rows, &places);
    rows.iter().enumerate().all(|(row, wanted)| spread.served(row) == wanted.quantity)
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
    /// For whom, and how.
    asks: (ChannelNumber, Asking<'a>),
}

impl<'a> Shelf<'a> {
    /// Works out what a channel may claim of some SKUs.
    pub(super) fn of(
        state: &'a MerchantState,
        channel: ChannelNumber,
        skus: impl Iterator<Item = SkuNumber>,
        asks: Asking<'a>,
    ) -> Self {
        let has_rules = |sku: &SkuNumber| state.sku(*sku).is_some_and(|actor| !state.is_plain(actor));
        let mut promises: SmallVec<[(SkuNumber, Promise); 4]> =
            skus.filter(has_rules).map(|sku| (sku, state.promise_to_order(sku, channel, asks))).collect();
        promises.sort_unstable_by_key(|(sku, _)| *sku);
        Self { state, promises, asks: (channel, asks) }
    }

    /// Whether the order confirms a hold.
    pub(super) fn confirms(&self) -> bool {
        self.asks.1.hold.is_some()
    }

    /// Units of a SKU that come first of all: the order confirms a hold of them, or its channel is granted them.
    pub(super) fn first(&self, sku: SkuNumber) -> u64 {
        let (channel, asks) = self.asks;
        let actor = self.state.sku(sku).filter(|actor| !self.state.is_plain(actor));
        let due = actor.and_then(|actor| self.state.due_to(actor, sku, channel, asks));
        due.map_or(0, |due| due.first)
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
