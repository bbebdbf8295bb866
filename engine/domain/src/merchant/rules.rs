//! Locations, channels and SKUs: created once, numbered densely, changed later, never removed.

use super::promise::Excess;
use super::{Channel, Location, MerchantState};
use crate::command::{PutChannel, PutLocation, PutProfile, PutSku};
use crate::event::{ChannelPut, Event, LocationPut, ProfilePut, SkuPut};
use crate::id::{ChannelNumber, LocationNumber, OrderId, ProfileNumber, SkuNumber};
use crate::planted::{Bug, is_planted};
use crate::promise::{Amount, StockPolicy};
use crate::quantity::{DECIMALS_MAX, QUANTITY_MAX};
use crate::rejection::Rejection;
use crate::sku::{ChannelTerms, Pool, SkuActor, TERMS_MAX, Terms};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Locations of one merchant. Far above any real network, and it keeps a claim's row small.
pub(super) const LOCATIONS_MAX: u16 = 10_000;

/// Channels of one merchant: one per shop front, marketplace account and till group is some hundreds at the most.
pub(super) const CHANNELS_MAX: u16 = 1_000;

/// Locations that serve one channel. The planner looks at each of them for an order that no single one can serve.
pub const CHANNEL_LOCATIONS_MAX: usize = 1_000;

/// Routing profiles of one merchant: one for each channel that needs its own, with room to try others. Their texts stay in
/// memory.
pub const PROFILES_MAX: u16 = 100;

/// Versions of one routing profile: one a day for a lifetime. Where each stands in the log stays in memory.
pub const PROFILE_VERSIONS_MAX: u32 = 10_000;

/// What stands for the record that is about to be written in a pool that it makes: no record has this number.
const THIS_RECORD: OrderId = OrderId(0);

impl MerchantState {
    pub(super) fn decide_put_location(&self, put: PutLocation) -> Result<Event, Rejection> {
        let next = u16::try_from(self.locations.len()).unwrap_or(LOCATIONS_MAX);
        let location = put.location.unwrap_or(LocationNumber(next));
        if location.0 >= LOCATIONS_MAX {
            return Err(Rejection::TooMany { what: "locations", max: u32::from(LOCATIONS_MAX) });
        }
        check_units("safety_stock", put.safety_stock)?;
        let PutLocation { safety_stock, .. } = put;
        Ok(Event::LocationPut(LocationPut { location, is_new: put.location.is_none(), safety_stock }))
    }

    pub(super) fn decide_put_channel(&self, put: &PutChannel<'_>) -> Result<Event, Rejection> {
        let next = u16::try_from(self.channels.len()).unwrap_or(CHANNELS_MAX);
        let channel = put.channel.unwrap_or(ChannelNumber(next));
        if channel.0 >= CHANNELS_MAX {
            return Err(Rejection::TooMany { what: "channels", max: u32::from(CHANNELS_MAX) });
        }
        if put.locations.len() > CHANNEL_LOCATIONS_MAX {
            return Err(Rejection::TooManyLocations {
                locations: put.locations.len(),
                max: CHANNEL_LOCATIONS_MAX,
            });
        }
        for (place, location) in put.locations.iter().enumerate() {
            if put.locations[..place].contains(location) {
                return Err(Rejection::DuplicateLocation { location: *location });
            }
        }
        check_policy(&put.stock_policy)?;
        self.check_backed(channel, put.locations)?;
        let PutChannel { policy, stock_policy, rank, profile, .. } = *put;
        let (is_new, locations) = (put.channel.is_none(), put.locations.to_vec());
        Ok(Event::ChannelPut(ChannelPut { channel, is_new, locations, policy, stock_policy, rank, profile }))
    }

    pub(super) fn decide_put_profile(&self, put: &PutProfile) -> Result<Event, Rejection> {
        let next = u16::try_from(self.profiles.len()).unwrap_or(PROFILES_MAX);
        let profile = put.profile.unwrap_or(ProfileNumber(next));
        if profile.0 >= PROFILES_MAX {
            return Err(Rejection::TooMany { what: "routing profiles", max: u32::from(PROFILES_MAX) });
        }
        if put.rules.version > PROFILE_VERSIONS_MAX {
            let what = "versions of a routing profile";
            return Err(Rejection::TooMany { what, max: PROFILE_VERSIONS_MAX });
        }
        let rules = Arc::clone(&put.rules);
        Ok(Event::ProfilePut(ProfilePut { profile, is_new: put.profile.is_none(), rules }))
    }

    pub(super) fn decide_put_sku(&self, put: &PutSku<'_>) -> Result<Event, Rejection> {
        let PutSku { decimals, .. } = *put;
        if decimals > DECIMALS_MAX {
            return Err(Rejection::TooManyDecimals { decimals, max: DECIMALS_MAX });
        }
        let terms = ordered(put.terms)?;
        let actor = put.sku.and_then(|sku| self.sku(sku));
        let is_fixed =
            |actor: &SkuActor| actor.is_in_use() || put.sku.is_some_and(|sku| self.kits.is_component(sku));
        if let Some(actor) = actor
            && is_fixed(actor)
            && actor.decimals() != decimals
        {
            return Err(Rejection::DecimalsFixed { decimals: actor.decimals() });
        }
        let next = || u32::try_from(self.skus.len()).map(SkuNumber);
        let number = put.sku.map_or_else(next, Ok);
        let sku = number.map_err(|_| Rejection::TooMany { what: "skus", max: u32::MAX })?;
        self.check_kit(sku, actor, put)?;
        let pools = pools(actor, &terms).map_err(|overdrawn| {
            let Overdrawn { channel, dedicated, used } = overdrawn;
            Rejection::DedicatedBelowUsed { index: place_of(put.terms, channel), dedicated, used }
        })?;
        self.check_kept(actor, &terms, &pools).map_err(|excess| {
            let Excess { channel, promised, available } = excess;
            Rejection::PromiseExceedsStock { index: place_of(put.terms, channel), promised, available }
        })?;
        let (is_new, components) = (put.sku.is_none(), put.components.to_vec());
        Ok(Event::SkuPut(SkuPut { sku, is_new, decimals, terms, components, pools }))
    }

    pub(super) fn evolve_location(&mut self, put: &LocationPut) {
        let location = Location { safety_stock: put.safety_stock };
        match self.locations.get_mut(put.location.row()) {
            Some(row) => *row = location,
            None => self.locations.push(location),
        }
        self.rules_changed();
    }

    pub(super) fn evolve_channel(&mut self, put: &ChannelPut) {
        let ChannelPut { policy, stock_policy, rank, profile, .. } = *put;
        let channel = Channel { locations: put.locations.clone(), policy, stock_policy, rank, profile };
        match self.channels.get_mut(put.channel.row()) {
            Some(row) => *row = channel,
            None => self.channels.push(channel),
        }
        self.rules_changed();
    }

    pub(super) fn evolve_profile(&mut self, put: &ProfilePut) {
        let rules = Arc::clone(&put.rules);
        match self.profiles.get_mut(put.profile.row()) {
            Some(row) => *row = rules,
            None => self.profiles.push(rules),
        }
    }

    /// Other locations may serve those who wait, and other units.
    fn rules_changed(&mut self) {
        self.note_rules();
        for sku in core::mem::take(&mut self.backlogged) {
            self.sku_mut(sku).begin_pass();
            self.note_backlog(sku);
        }
    }

    /// Notes whether anything is kept of SKUs without terms.
    pub(super) fn note_rules(&mut self) {
        self.keeps_units = self.locations.iter().any(|location| location.safety_stock > 0)
            || self.channels.iter().any(|channel| channel.stock_policy != StockPolicy::SHARED);
    }

    pub(super) fn evolve_sku(&mut self, record: OrderId, put: &SkuPut) {
        if self.skus.get(put.sku.0).is_none() {
            let row = self.skus.insert(SkuActor::new(put.decimals));
            assert!(row == put.sku.0, "sku numbers are dense");
        }
        let actor = self.sku_mut(put.sku);
        actor.set_decimals(put.decimals);
        actor.set_kit(!put.components.is_empty());
        let is_as_before = actor.terms().map_or(put.terms.is_empty(), |terms| *terms == put.terms);
        if !is_as_before || actor.pools() != put.pools {
            let since = |pool: &Pool| if pool.since == THIS_RECORD { record } else { pool.since };
            let pools = put.pools.iter().map(|pool| Pool { since: since(pool), ..*pool });
            actor.set_terms(put.terms.clone(), pools.collect());
            // Units that were kept may serve those who wait.
            actor.begin_pass();
            self.note_backlog(put.sku);
        }
        self.evolve_kit(put.sku, &put.components);
    }
}

/// Terms in the order of numbers, if each location and channel stands once and each number is one.
fn ordered(asked: &Terms) -> Result<Terms, Rejection> {
    let named = asked.safety_stock_at.len().max(asked.channels.len());
    if named > TERMS_MAX {
        let max = u32::try_from(TERMS_MAX).unwrap_or(u32::MAX);
        return Err(Rejection::TooMany { what: "locations or channels of one sku", max });
    }
    let mut terms = asked.clone();
    terms.safety_stock_at.sort_unstable();
    terms.channels.sort_unstable_by_key(|terms| terms.channel);
    if let Some(twice) = terms.safety_stock_at.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(Rejection::DuplicateLocation { location: twice[0].0 });
    }
    if let Some(twice) = terms.channels.windows(2).find(|pair| pair[0].channel == pair[1].channel) {
        let is_it = |terms: &ChannelTerms| terms.channel == twice[0].channel;
        let index = asked.channels.iter().rposition(is_it).unwrap_or(0);
        return Err(Rejection::DuplicateChannel { index });
    }
    terms.backorder_limit.iter().try_for_each(|units| check_units("backorder_limit", *units))?;
    let safety = terms.safety_stock.iter().chain(terms.safety_stock_at.iter().map(|(_, units)| units));
    safety.copied().try_for_each(|units| check_units("safety_stock", units))?;
    for channel in &terms.channels {
        check_units("dedicated", channel.dedicated)?;
        check_policy(&channel.policy)?;
    }
    Ok(terms)
}

/// The place of a channel in the terms that were asked for, from 0.
fn place_of(asked: &Terms, channel: ChannelNumber) -> usize {
    asked.channels.iter().position(|terms| terms.channel == channel).unwrap_or(0)
}

/// A pool that is to have had fewer units than were used of it.
struct Overdrawn {
    channel: ChannelNumber,
    dedicated: u32,
    used: u64,
}

/// The pools after terms were put. What is stated is how many units a pool has had in all, those that are used included:
/// so the same terms again change nothing, and what is left depends on what is stated and not on what was stated before.
fn pools(actor: Option<&SkuActor>, terms: &Terms) -> Result<Vec<Pool>, Overdrawn> {
    let pool = |now: &ChannelTerms| {
        let ChannelTerms { channel, dedicated, .. } = *now;
        let before = actor.and_then(|actor| actor.pool(channel)).copied();
        let stated =
            actor.and_then(|actor| actor.terms()?.channel(channel)).map_or(0, |terms| terms.dedicated);
        let pool = before.unwrap_or(Pool { channel, since: THIS_RECORD, left: 0, charged: 0, claimed: 0 });
        let used = u64::from(stated).saturating_sub(pool.left);
        match u64::from(dedicated).checked_sub(used) {
            Some(left) => Ok(Pool { left, ..pool }),
            None if is_planted(Bug::ForgetUsed) => Ok(Pool { left: 0, ..pool }),
            None => Err(Overdrawn { channel, dedicated, used }),
        }
    };
    terms.channels.iter().filter(|terms| terms.dedicated > 0).map(pool).collect()
}

fn check_units(member: &'static str, units: u32) -> Result<(), Rejection> {
    if units > QUANTITY_MAX { Err(Rejection::InvalidAmount { member, max: QUANTITY_MAX }) } else { Ok(()) }
}

fn check_policy(policy: &StockPolicy) -> Result<(), Rejection> {
    check_units("floor", policy.floor)?;
    for (member, amount) in [("buffer", Some(policy.buffer)), ("ceiling", policy.ceiling)] {
        if let Some(amount) = amount.filter(|amount| !amount.is_valid()) {
            let max = if matches!(amount, Amount::Percent(_)) { 100 } else { QUANTITY_MAX };
            return Err(Rejection::InvalidAmount { member, max });
        }
    }
    Ok(())
}
