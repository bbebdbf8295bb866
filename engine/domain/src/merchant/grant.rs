//! What channels are granted that sell from their own copy: told, sold, lowered, and freed.

use super::MerchantState;
use super::place::sum_needs;
use crate::command::{AcknowledgeGrant, PassFeed, PutExposure, SetGrant};
use crate::event::{Event, ExposurePut, FeedPassed, GrantAcknowledged, GrantSet, GrantsFreed, OrderAccepted};
use crate::grant::{Exposure, FREED_TOGETHER_MAX, Grant, LAG_MAX_MS, Mode, OVERLAP_MAX, OVERLAP_MIN};
use crate::hold::Hold;
use crate::id::{ChannelNumber, HoldId, SkuNumber};
use crate::planted::{Bug, is_planted};
use crate::promise::{Place, Row, Spread};
use crate::quantity::QUANTITY_MAX;
use crate::rejection::Rejection;
use crate::sku::{Level, SkuActor};
use alloc::vec::Vec;
use smallvec::SmallVec;

impl MerchantState {
    /// How a channel is exposed: as was stated, or as one of which nothing was.
    #[must_use]
    pub fn exposure(&self, channel: ChannelNumber) -> Exposure {
        self.exposures.get(&channel).copied().unwrap_or_default()
    }

    /// The channels of which something was stated, or whose feed was ever heard of, by number.
    pub fn exposures(&self) -> impl Iterator<Item = (ChannelNumber, Exposure)> {
        self.exposures.iter().map(|(channel, exposure)| (*channel, *exposure))
    }

    /// The SKUs of which a channel was ever granted units, by number, from one on.
    pub fn granted(&self, channel: ChannelNumber, from: SkuNumber) -> impl Iterator<Item = SkuNumber> {
        let all = (channel, from)..=(channel, SkuNumber(u32::MAX));
        self.granted.range(all).map(|(_, sku)| *sku)
    }

    /// Units that a channel may sell of its grant, and for which no unit is kept: of one in escrow those that a loss has
    /// taken.
    #[must_use]
    pub fn grant_exposed(&self, actor: &SkuActor, channel: ChannelNumber) -> u64 {
        let found = self.exposed(actor).into_iter().find(|(grant, _)| grant.channel == channel);
        found.map_or(0, |(_, units)| units)
    }

    /// The same of all grants in escrow of a SKU together: what losses have taken.
    #[must_use]
    pub fn exposed_in_escrow(&self, actor: &SkuActor) -> u64 {
        let exposed = self.exposed(actor).into_iter();
        let in_escrow = exposed.filter(|(grant, _)| self.exposure(grant.channel).mode == Mode::Escrow);
        in_escrow.map(|(_, units)| units).sum()
    }

    fn exposed<'a>(&self, actor: &'a SkuActor) -> SmallVec<[(&'a Grant, u64); 4]> {
        let rows: SmallVec<[Row<'_>; 4]> = self.kept_rows(actor).into_iter().map(|(_, row)| row).collect();
        let place = |level: &Level| Place { location: level.location(), units: level.unclaimed().into() };
        let places: Vec<Place> = actor.levels().iter().map(place).collect();
        let spread = Spread::of(&rows, &places);
        let grants = self.grants_in_turn(actor).into_iter().zip(actor.held().len()..);
        grants.map(|(grant, row)| (grant, grant.taken() - spread.served(row))).collect()
    }

    /// What channels are granted of a SKU, those first who come first when units are scarce: what is kept whole before
    /// what is kept in part.
    pub(super) fn grants_in_turn<'a>(&self, actor: &'a SkuActor) -> SmallVec<[&'a Grant; 4]> {
        let mut grants: SmallVec<[&Grant; 4]> = actor.grants().iter().collect();
        let turn = |grant: &&Grant| {
            let is_in_part = self.exposure(grant.channel).mode != Mode::Escrow;
            (is_in_part, self.rank(grant.channel), grant.channel)
        };
        grants.sort_unstable_by_key(turn);
        grants
    }

    /// Units that are kept of a channel's grant of a SKU, whole or in part.
    pub(super) fn kept_of_grant(&self, actor: &SkuActor, channel: ChannelNumber) -> u64 {
        let taken = actor.grant(channel).map_or(0, Grant::taken);
        if taken == 0 { 0 } else { self.exposure(channel).mode.kept(taken) }
    }

    /// The same if they are kept whole, and 0 if in part: a promise.
    pub(super) fn in_escrow(&self, actor: &SkuActor, channel: ChannelNumber) -> u64 {
        match self.exposure(channel).mode {
            Mode::Escrow => self.kept_of_grant(actor, channel),
            Mode::Overlap(_) | Mode::Mirror => 0,
        }
    }

    pub(super) fn decide_put_exposure(&self, put: PutExposure) -> Result<Event, Rejection> {
        let PutExposure { channel, mode, max_lag_ms } = put;
        if let Mode::Overlap(hundredths) = mode
            && !(OVERLAP_MIN..=OVERLAP_MAX).contains(&hundredths)
        {
            return Err(Rejection::InvalidAmount { member: "overlap", max: OVERLAP_MAX.into() });
        }
        if max_lag_ms > LAG_MAX_MS {
            let max = u32::try_from(LAG_MAX_MS).unwrap_or(u32::MAX);
            return Err(Rejection::InvalidAmount { member: "max_lag_ms", max });
        }
        if mode != self.exposure(channel).mode {
            let grants = self.live_grants.get(&channel).copied().unwrap_or(0);
            if grants > 0 {
                return Err(Rejection::GrantsLive { grants });
            }
        }
        Ok(Event::ExposurePut(ExposurePut { channel, mode, max_lag_ms }))
    }

    pub(super) fn decide_set_grant(&self, set: SetGrant) -> Result<Event, Rejection> {
        let SetGrant { sku, channel, granted } = set;
        self.check_has_stock(sku)?;
        let Some(actor) = self.sku(sku) else { panic!("the sku does not exist") };
        let before = actor.grant(channel).cloned().unwrap_or_else(|| Grant::new(channel));
        let sold = before.sold;
        let left = granted.checked_sub(sold).ok_or(Rejection::GrantBelowSold { granted, sold })?;
        if left > QUANTITY_MAX.into() {
            return Err(Rejection::InvalidAmount { member: "granted", max: QUANTITY_MAX });
        }
        let mut after = before.clone();
        after.tell(granted, u64::MAX);
        let mode = self.exposure(channel).mode;
        let requested = mode.kept(after.taken());
        if requested > mode.kept(before.taken()) {
            let available = self.promise_if_ungranted(actor, channel).total();
            if requested > available {
                return Err(Rejection::GrantExceedsStock { requested, available });
            }
        }
        Ok(Event::GrantSet(GrantSet { sku, channel, granted, sold, taken: after.taken() }))
    }

    pub(super) fn decide_acknowledge(&self, acknowledge: AcknowledgeGrant) -> Result<Event, Rejection> {
        let AcknowledgeGrant { sku, channel, revision, at } = acknowledge;
        let grant = self.sku(sku).and_then(|actor| actor.grant(channel)).ok_or(Rejection::NotGranted)?;
        let latest = grant.revision;
        if revision > latest {
            return Err(Rejection::UnknownRevision { revision, latest });
        }
        let units = grant.clone().acknowledge(revision, at);
        Ok(Event::GrantAcknowledged(GrantAcknowledged { sku, channel, revision, at, units }))
    }

    /// What a feed says counts for good: one that begins again earlier, or tells it twice, takes nothing back.
    pub(super) fn decide_pass_feed(&self, pass: PassFeed) -> Result<Event, Rejection> {
        let PassFeed { channel, at } = pass;
        let at = at.max(self.exposure(channel).watermark);
        Ok(Event::FeedPassed(FeedPassed { channel, at }))
    }

    pub(super) fn decide_free_grants(&self, channel: ChannelNumber) -> Result<Event, Rejection> {
        let until = self.exposure(channel).heard_until().ok_or(Rejection::NothingWaits)?;
        let due = self.acknowledged.range((channel, 0, SkuNumber(0))..=(channel, until, SkuNumber(u32::MAX)));
        let mut skus: Vec<SkuNumber> = due.map(|(_, _, sku)| *sku).take(FREED_TOGETHER_MAX).collect();
        skus.sort_unstable();
        skus.dedup();
        let settled = |sku: SkuNumber| {
            let grant = self.sku(sku).and_then(|actor| actor.grant(channel));
            (sku, grant.map_or(0, |grant| grant.settled(until)))
        };
        let freed: Vec<(SkuNumber, u64)> = skus.into_iter().map(settled).collect();
        if freed.is_empty() {
            return Err(Rejection::NothingWaits);
        }
        Ok(Event::GrantsFreed(GrantsFreed { channel, until, freed }))
    }

    pub(super) fn evolve_exposure_put(&mut self, put: &ExposurePut) {
        let ExposurePut { channel, mode, max_lag_ms } = *put;
        let exposure = self.exposures.entry(channel).or_default();
        (exposure.mode, exposure.max_lag_ms) = (mode, max_lag_ms);
        self.note_settled(channel);
    }

    pub(super) fn evolve_grant_set(&mut self, record: u64, set: &GrantSet) {
        let GrantSet { sku, channel, granted, taken, .. } = *set;
        self.change_grant(sku, channel, |grant| {
            grant.tell(granted, record);
            assert!(grant.taken() == taken, "I9: a grant takes what it was decided to take");
        });
    }

    pub(super) fn evolve_acknowledged(&mut self, acknowledged: &GrantAcknowledged) {
        let GrantAcknowledged { sku, channel, revision, at, .. } = *acknowledged;
        self.change_grant(sku, channel, |grant| {
            grant.acknowledge(revision, at);
        });
    }

    pub(super) fn evolve_feed_passed(&mut self, passed: &FeedPassed) {
        self.exposures.entry(passed.channel).or_default().watermark = passed.at;
        self.note_settled(passed.channel);
    }

    pub(super) fn evolve_grants_freed(&mut self, freed: &GrantsFreed) {
        for (sku, units) in &freed.freed {
            self.change_grant(*sku, freed.channel, |grant| {
                assert!(grant.settled(freed.until) == *units, "I9: what is freed was acknowledged");
                grant.settle(freed.until);
            });
            self.serve_beside_grant(*sku);
        }
    }

    /// A channel has sold what it ordered, whatever of it was there. What an order confirms was sold when it was held, and
    /// what it leaves of that was not.
    ///
    /// Returns the SKUs of which less is kept from then on by more than the order has claimed: those units are anybody's.
    pub(super) fn sell_accepted(&mut self, accepted: &OrderAccepted) -> SmallVec<[SkuNumber; 4]> {
        let mut freed = SmallVec::new();
        if self.granted.is_empty() {
            return freed;
        }
        let channel = accepted.channel;
        let hold = accepted.hold.and_then(|id| Some((id, self.hold(id)?.clone())));
        let (needs, _) = match accepted.kits.is_empty() {
            true => sum_needs(&accepted.lines),
            false => sum_needs(&accepted.plain_lines()),
        };
        for need in &needs {
            // Kits have no grant of their own: what is held of a part is for them first.
            let held = hold.as_ref().map_or(0, |(_, hold)| u64::from(hold.units_of(need.sku)));
            let held = held.saturating_sub(accepted.units_in_kits(need.sku));
            let sells = need.quantity.saturating_sub(held);
            if sells > 0 && self.granted.contains(&(channel, need.sku)) {
                let claimed = claimed_of(accepted, need.sku).saturating_sub(held);
                let before = self.sku(need.sku).map_or(0, |actor| self.kept_of_grant(actor, channel));
                self.change_grant(need.sku, channel, |grant| grant.sell(sells));
                let after = self.sku(need.sku).map_or(0, |actor| self.kept_of_grant(actor, channel));
                if before > after + claimed {
                    freed.push(need.sku);
                }
            }
        }
        if let Some((id, hold)) = hold {
            let of_lines = |sku| needs.iter().find(|need| need.sku == sku).map_or(0, |need| need.quantity);
            self.take_back(id, &hold, |sku| of_lines(sku) + accepted.units_in_kits(sku));
        }
        freed
    }

    /// Somebody may wait for what is kept no more.
    pub(super) fn serve_beside_grant(&mut self, sku: SkuNumber) {
        self.sku_mut(sku).begin_pass();
        self.note_backlog(sku);
    }

    /// A channel has sold what a buyer of it holds.
    pub(super) fn sell_held(&mut self, hold: &Hold) {
        for (sku, units) in &hold.units {
            if self.granted.contains(&(hold.channel, *sku)) {
                self.change_grant(*sku, hold.channel, |grant| grant.sell(u64::from(*units)));
            }
        }
    }

    /// A hold ends: what it has sold of grants and no order has `confirmed` is not sold.
    pub(super) fn take_back(&mut self, id: HoldId, hold: &Hold, confirmed: impl Fn(SkuNumber) -> u64) {
        for (sku, units) in &hold.units {
            let units = u64::from(*units).saturating_sub(confirmed(*sku));
            let grant = self.sku(*sku).and_then(|actor| actor.grant(hold.channel));
            let has_sold = grant.is_some_and(|grant| grant.since < id.0);
            if units > 0 && has_sold && !is_planted(Bug::KeepHeldSold) {
                self.change_grant(*sku, hold.channel, |grant| grant.take_back(units));
            }
        }
    }

    /// Changes a grant, and brings what is counted and listed of it in line.
    pub(super) fn change_grant(
        &mut self,
        sku: SkuNumber,
        channel: ChannelNumber,
        change: impl FnOnce(&mut Grant),
    ) {
        let was_live = self.is_live(sku, channel);
        for at in self.acknowledged_at(sku, channel) {
            self.acknowledged.remove(&(channel, at, sku));
        }
        self.sku_mut(sku).change_grant(channel, change);
        self.granted.insert((channel, sku));
        for at in self.acknowledged_at(sku, channel) {
            self.acknowledged.insert((channel, at, sku));
        }
        self.note_settled(channel);
        let is_live = self.is_live(sku, channel);
        let live = self.live_grants.entry(channel).or_insert(0);
        *live = *live - u32::from(was_live) + u32::from(is_live);
    }

    fn is_live(&self, sku: SkuNumber, channel: ChannelNumber) -> bool {
        self.sku(sku).and_then(|actor| actor.grant(channel)).is_some_and(|grant| grant.taken() > 0)
    }

    fn acknowledged_at(&self, sku: SkuNumber, channel: ChannelNumber) -> SmallVec<[u64; 2]> {
        let grant = self.sku(sku).and_then(|actor| actor.grant(channel));
        let lowerings = grant.map_or(&[][..], |grant| &grant.lowerings);
        lowerings.iter().filter_map(|lowering| lowering.acknowledged).collect()
    }

    /// Notes whether anything of a channel's grants is to be freed: one look at the first lowering of its queue.
    pub(super) fn note_settled(&mut self, channel: ChannelNumber) {
        let first = self.acknowledged.range((channel, 0, SkuNumber(0))..).next();
        let first = first.filter(|(of, _, _)| *of == channel).map(|(_, at, _)| *at);
        let is_due = first.zip(self.exposure(channel).heard_until()).is_some_and(|(at, until)| at <= until);
        if is_due {
            self.settled.insert(channel);
        } else {
            self.settled.remove(&channel);
        }
    }
}

/// Units that an accepted order has claimed of a SKU.
fn claimed_of(accepted: &OrderAccepted, sku: SkuNumber) -> u64 {
    if !accepted.kits.is_empty() {
        // Claims are of demands then. A pass more does no harm.
        return 0;
    }
    let claims = accepted.claims.iter();
    let of_sku =
        claims.filter(|(line, _, _)| accepted.lines.get(usize::from(*line)).is_some_and(|row| row.0 == sku));
    of_sku.map(|(_, _, quantity)| u64::from(*quantity)).sum()
}
