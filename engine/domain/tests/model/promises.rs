//! What channels may sell, the naive way: how many units several promises can have together is the smallest cut over
//! all sets of locations (Ford and Fulkerson), and a pool is a list of its claimed units.

use super::books::Books;
use crate::{LOCATIONS, SKUS};
use onhand_domain::command::PutSku;
use onhand_domain::promise::{Amount, StockPolicy};
use onhand_domain::sku::{ChannelTerms, Terms};
use onhand_domain::{ChannelNumber, HoldId, LocationNumber, OrderId, Rejection, SkuNumber};
use std::cmp::Reverse;

/// Units at each location.
pub(super) type Shelf = [u64; LOCATIONS as usize];

/// Units promised at any of some locations.
pub(super) type Promised = (Vec<LocationNumber>, u64);

/// More than there ever is.
pub(super) const ANY: u64 = 1_000_000;

#[derive(Clone, Debug)]
pub(super) struct Channel {
    pub(super) locations: Vec<LocationNumber>,
    pub(super) policy: onhand_domain::order::Policy,
    pub(super) stock_policy: StockPolicy,
    pub(super) rank: u16,
}

/// A pool, with one entry for each claimed unit: whether it came from the pool.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    pub(super) since: OrderId,
    pub(super) left: u64,
    pub(super) claimed: Vec<bool>,
    /// Units of it that are shipped or lost.
    gone: u64,
}

impl Pool {
    pub(super) fn charge(&mut self) {
        let comes_from_it = self.left > 0;
        self.left -= u64::from(comes_from_it);
        self.claimed.push(comes_from_it);
    }

    /// A unit that did not come from the pool goes first.
    pub(super) fn refund(&mut self) {
        self.claimed.sort_by_key(|from_pool| Reverse(*from_pool));
        self.left += u64::from(self.claimed.pop().unwrap());
    }

    /// A unit that came from the pool goes first.
    pub(super) fn use_up(&mut self) {
        self.claimed.sort_unstable();
        self.gone += u64::from(self.claimed.pop().unwrap());
    }

    fn used(&self) -> u64 {
        self.gone + self.claimed.iter().map(|from_pool| u64::from(*from_pool)).sum::<u64>()
    }
}

/// A live hold: each unit that is kept.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) channel: usize,
    pub(super) deadline: u64,
    pub(super) extensions: u8,
    pub(super) lines: Vec<(SkuNumber, u32)>,
}

impl Held {
    pub(super) fn units_of(&self, sku: SkuNumber) -> u64 {
        self.lines.iter().filter(|line| line.0 == sku).map(|line| u64::from(line.1)).sum()
    }
}

/// Units that all of these promises can have together.
pub(super) fn flow(shelf: &Shelf, rows: &[Promised]) -> u64 {
    let cut = |set: u32| {
        let is_in = |location: u16| set >> location & 1 == 1;
        let units = (0_u16..).zip(shelf).filter(|(location, _)| is_in(*location)).map(|(_, units)| units);
        let others = rows.iter().filter(|row| !row.0.iter().all(|location| is_in(location.0)));
        units.sum::<u64>() + others.map(|row| row.1).sum::<u64>()
    };
    (0..1_u32 << LOCATIONS).map(cut).min().unwrap()
}

/// One channel, and what others are promised before it and after it.
pub(super) struct View {
    /// What is held for buyers, and for the very order that asks.
    holds: Vec<Promised>,
    held: u64,
    before: Vec<Promised>,
    locations: Vec<LocationNumber>,
    pub(super) pool: u64,
    policy: StockPolicy,
    after: Vec<Promised>,
}

impl View {
    fn rows(&self, own: u64) -> Vec<Promised> {
        let own = (self.locations.clone(), own);
        self.holds.iter().chain(&self.before).chain([&own]).chain(&self.after).cloned().collect()
    }

    /// So much that is held for it, and what comes before it: holds alone, or all of it.
    fn first(&self, held: u64, holds_alone: bool) -> Vec<Promised> {
        let held = (self.locations.clone(), held);
        let before = if holds_alone { &[][..] } else { &self.before };
        [&held].into_iter().chain(&self.holds).chain(before).cloned().collect()
    }

    /// Units that are held for it, of its pool, of its floor, and in all, that it could have.
    fn entitled(&self, shelf: &Shelf) -> (u64, u64, u64, u64) {
        let row = |quantity: u64| (self.locations.clone(), quantity);
        let mut rows = Vec::new();
        let served = |rows: &mut Vec<Promised>, quantity: u64| {
            let before = flow(shelf, rows);
            rows.push(row(quantity));
            flow(shelf, rows) - before
        };
        let held = served(&mut rows, self.held);
        rows.extend(self.holds.iter().chain(&self.before).cloned());
        let (pool, floor) = (served(&mut rows, self.pool), served(&mut rows, self.policy.floor.into()));
        rows.extend(self.after.iter().cloned());
        let kept = flow(shelf, &rows);
        rows.push(row(ANY));
        (held, pool, floor, flow(shelf, &rows) - kept + held + pool + floor)
    }

    pub(super) fn total(&self, shelf: &Shelf) -> u64 {
        let (held, pool, floor, all) = self.entitled(shelf);
        let all = all - held;
        let buffer = match self.policy.buffer {
            Amount::Units(units) => u64::from(units),
            Amount::Percent(percent) => (all * u64::from(percent)).div_ceil(100),
        };
        let ceiling = match self.policy.ceiling {
            None => ANY,
            Some(Amount::Units(units)) => u64::from(units),
            Some(Amount::Percent(percent)) => all * u64::from(percent) / 100,
        };
        held + ceiling.min(pool + floor.max((all - pool).saturating_sub(buffer)))
    }

    /// Whether who asks holds units, and not all holds can have theirs of what is free: then it gets what is held of all that
    /// is unclaimed.
    pub(super) fn is_scarce(&self, shelf: &Shelf) -> bool {
        let mut holds = self.first(self.held, true);
        let mut within = self.locations.clone();
        for _ in 0..LOCATIONS {
            let near = |row: &&Promised| row.1 > 0 && row.0.iter().any(|location| within.contains(location));
            within = holds.iter().filter(near).flat_map(|row| row.0.clone()).chain(within.clone()).collect();
        }
        holds.retain(|row| row.0.iter().any(|location| within.contains(location)));
        self.held > 0 && flow(shelf, &holds) < holds.iter().map(|row| row.1).sum()
    }

    fn there(&self, shelf: &Shelf) -> u64 {
        self.locations.iter().map(|location| shelf[usize::from(location.0)]).sum()
    }

    pub(super) fn total_for(&self, shelf: &Shelf, unkept: &Shelf, unclaimed: &Shelf) -> u64 {
        match self.is_scarce(shelf) {
            true => self.held.min(self.there(unclaimed)),
            false => self.total(shelf) + self.there(unkept),
        }
    }

    /// Whether anybody else is promised units at a location, or holds some.
    fn is_promised(&self, location: LocationNumber) -> bool {
        let mut others = self.holds.iter().chain(&self.before).chain(&self.after);
        others.any(|row| row.1 > 0 && row.0.contains(&location))
    }

    /// Whether it may have these units, and beyond what is on the shelf those that safety stock does not keep from it.
    pub(super) fn allows_beside(&self, shelf: &Shelf, unkept: &Shelf, taken: &Shelf) -> bool {
        let of_shelf: Shelf = std::array::from_fn(|place| taken[place].min(shelf[place]));
        let is_there = (0..shelf.len()).all(|place| taken[place] <= shelf[place] + unkept[place]);
        is_there && self.allows(shelf, &of_shelf)
    }

    /// Whether other holds keep what they could have beside these units.
    pub(super) fn leaves_held(&self, unclaimed: &Shelf, taken: &Shelf) -> bool {
        let mut left = *unclaimed;
        left.iter_mut().zip(taken).for_each(|(units, taken)| *units -= taken);
        let all = taken.iter().sum::<u64>();
        let after = flow(&left, &self.first(self.held - all, true));
        after == flow(unclaimed, &self.first(self.held, true)) - all
    }

    /// Whether it may have these units: nobody before it gets less, and those after it no less than what is its own
    /// takes from them.
    pub(super) fn allows(&self, shelf: &Shelf, taken: &Shelf) -> bool {
        let mut left = *shelf;
        left.iter_mut().zip(taken).for_each(|(units, taken)| *units -= taken);
        let (held, pool, floor, _) = self.entitled(shelf);
        let all = taken.iter().sum::<u64>();
        let (own, confirmed) = (all.min(held + pool + floor), all.min(held));
        let entitled = self.held + self.pool + u64::from(self.policy.floor);
        let keeps = |holds_alone| {
            let after = flow(&left, &self.first(self.held - confirmed, holds_alone));
            after == flow(shelf, &self.first(self.held, holds_alone)) - confirmed
        };
        keeps(true)
            && keeps(false)
            && flow(&left, &self.rows(entitled - own)) == flow(shelf, &self.rows(entitled)) - own
    }
}

impl Books {
    /// The terms of a SKU.
    pub(super) fn terms_of(&self, sku: SkuNumber) -> &Terms {
        self.terms.get(&sku).unwrap_or(const { &Terms::NONE })
    }

    /// The same with so many units dedicated to a channel.
    pub(super) fn dedicating(&self, sku: SkuNumber, channel: ChannelNumber, dedicated: u32) -> Terms {
        let mut terms = self.terms_of(sku).clone();
        match terms.channels.iter_mut().find(|terms| terms.channel == channel) {
            Some(terms) => terms.dedicated = dedicated,
            None => {
                let policy = self.channels[usize::from(channel.0)].stock_policy;
                terms.channels.push(ChannelTerms { channel, policy, dedicated });
            }
        }
        terms
    }

    fn safety(&self, terms: &Terms, location: LocationNumber) -> u32 {
        let here = terms.safety_stock_at.iter().find(|row| row.0 == location).map(|row| row.1);
        here.or(terms.safety_stock).unwrap_or(self.safety[usize::from(location.0)])
    }

    /// What safety stock leaves of what `free` says is at each location.
    pub(super) fn shelf(&self, terms: &Terms, free: impl Fn(LocationNumber) -> u32) -> Shelf {
        let units = |location: usize| {
            let location = LocationNumber(u16::try_from(location).unwrap());
            u64::from(free(location).saturating_sub(self.safety(terms, location)))
        };
        std::array::from_fn(units)
    }

    /// What is left for new orders.
    pub(super) fn shelf_of(&self, sku: SkuNumber) -> Shelf {
        self.shelf(self.terms_of(sku), |location| self.free(sku, location))
    }

    /// All that no claim has.
    pub(super) fn unclaimed_of(&self, sku: SkuNumber) -> Shelf {
        std::array::from_fn(|place| self.unclaimed(sku, LocationNumber(u16::try_from(place).unwrap())).into())
    }

    fn policy(&self, terms: &Terms, channel: usize) -> StockPolicy {
        let stated = terms.channels.iter().find(|terms| usize::from(terms.channel.0) == channel);
        stated.map_or(self.channels[channel].stock_policy, |terms| terms.policy)
    }

    /// What channels are promised, those first who come first: channel, locations and units.
    fn promised(&self, terms: &Terms, pool: impl Fn(usize) -> u64) -> Vec<(usize, Promised)> {
        let mut order: Vec<usize> = (0..self.channels.len()).collect();
        order.sort_by_key(|channel| (self.channels[*channel].rank, *channel));
        let row = |channel: usize| {
            let quantity = pool(channel) + u64::from(self.policy(terms, channel).floor);
            (channel, (self.channels[channel].locations.clone(), quantity))
        };
        order.into_iter().map(row).collect()
    }

    pub(super) fn left_in_pool(&self, sku: SkuNumber, channel: usize) -> u64 {
        self.pools.get(&(sku, channel)).map_or(0, |pool| pool.left)
    }

    /// How a channel stands to a SKU.
    pub(super) fn view(&self, sku: SkuNumber, channel: usize) -> View {
        self.view_beside(sku, channel, None, 0)
    }

    /// The same if it had no grant: what it may be granted.
    pub(super) fn view_without_grant(&self, sku: SkuNumber, channel: usize) -> View {
        let view = self.view_beside(sku, channel, None, ANY);
        View { held: 0, pool: self.left_in_pool(sku, channel), ..view }
    }

    /// How an order that waits does: it does not mind what the channel hides from itself, and has no part in a pool that is
    /// younger.
    pub(super) fn view_of(&self, sku: SkuNumber, channel: usize, order: OrderId) -> View {
        let mut view = View { policy: StockPolicy::SHARED, ..self.view(sku, channel) };
        if self.pools.get(&(sku, channel)).is_some_and(|pool| pool.since > order) {
            let younger = std::mem::take(&mut view.pool);
            view.before.push((view.locations.clone(), younger));
        }
        view
    }

    /// Units of live holds of a channel, but for one.
    pub(super) fn held(&self, sku: SkuNumber, channel: usize, but: Option<HoldId>) -> u64 {
        let others = self.holds.iter().filter(|(id, hold)| hold.channel == channel && Some(**id) != but);
        others.map(|(_, hold)| hold.units_of(sku)).sum()
    }

    /// What is held for and granted to each channel, wherever it lies.
    pub(super) fn held_rows(&self, sku: SkuNumber) -> Vec<Promised> {
        let units = |of: usize| self.held(sku, of, None) + self.kept(sku, of);
        (0..self.channels.len()).map(|of| (self.channels[of].locations.clone(), units(of))).collect()
    }

    /// The same without what is kept in part, and may be sold to others.
    pub(super) fn firm_rows(&self, sku: SkuNumber) -> Vec<Promised> {
        let units = |of: usize| self.held(sku, of, None) + self.kept_in_escrow(sku, of);
        (0..self.channels.len()).map(|of| (self.channels[of].locations.clone(), units(of))).collect()
    }

    /// Units left in a pool beside what its channel is granted, which counts as its own first.
    fn pool_beside_grant(&self, sku: SkuNumber, channel: usize) -> u64 {
        self.left_in_pool(sku, channel).saturating_sub(self.kept_in_escrow(sku, channel))
    }

    /// Units that are kept of a grant in part, beyond its channel's pool, if the channel sells so many.
    fn share(&self, sku: SkuNumber, channel: usize, sells: u64) -> u64 {
        let pool = self.left_in_pool(sku, channel);
        let kept = self.kept(sku, channel) - self.kept_in_escrow(sku, channel);
        kept.saturating_sub(pool.max(sells))
    }

    /// The same for an order that confirms a hold, or sells so many units beside it.
    pub(super) fn view_beside(
        &self,
        sku: SkuNumber,
        channel: usize,
        hold: Option<HoldId>,
        sells: u64,
    ) -> View {
        let sold = sells.min(self.kept_in_escrow(sku, channel));
        let confirmed = hold.and_then(|hold| self.holds.get(&hold));
        let holds = (0..self.channels.len())
            .map(|of| {
                let kept = self.kept_in_escrow(sku, of) - if of == channel { sold } else { 0 };
                (self.channels[of].locations.clone(), self.held(sku, of, hold) + kept)
            })
            .collect();
        let shares = (0..self.channels.len()).map(|of| {
            let share = self.share(sku, of, if of == channel { sells } else { 0 });
            (self.channels[of].locations.clone(), share)
        });
        let terms = self.terms_of(sku);
        let rows = self.promised(terms, |channel| self.pool_beside_grant(sku, channel));
        let own = rows.iter().position(|row| row.0 == channel).unwrap();
        let plain = |rows: &[(usize, Promised)]| rows.iter().map(|row| row.1.clone()).collect::<Vec<_>>();
        View {
            holds,
            held: confirmed.map_or(0, |hold| hold.units_of(sku)) + sold,
            before: plain(&rows[..own]),
            locations: self.channels[channel].locations.clone(),
            pool: self.pool_beside_grant(sku, channel),
            policy: self.policy(terms, channel),
            after: plain(&rows[own + 1..]).into_iter().chain(shares).collect(),
        }
    }

    /// The same for one that is imposed, too: nothing is hidden from it, and its channel's own is kept for it.
    pub(super) fn view_for(
        &self,
        sku: SkuNumber,
        channel: usize,
        (hold, sold): (Option<HoldId>, u64),
        is_imposed: bool,
    ) -> View {
        let mut view = self.view_beside(sku, channel, hold, sold);
        if is_imposed {
            view.policy = StockPolicy { floor: view.policy.floor, ..StockPolicy::SHARED };
        }
        view
    }

    /// What safety stock keeps of these units, but not from who is imposed: where nobody else is promised any.
    pub(super) fn unkept(&self, view: &View, all: &Shelf, shelf: &Shelf, is_imposed: bool) -> Shelf {
        let is_its = |place: usize| {
            let location = LocationNumber(u16::try_from(place).unwrap());
            is_imposed && view.locations.contains(&location) && !view.is_promised(location)
        };
        std::array::from_fn(|place| if is_its(place) { all[place] - shelf[place] } else { 0 })
    }

    /// What is left for an order, before safety stock.
    pub(super) fn free_of(&self, sku: SkuNumber) -> Shelf {
        std::array::from_fn(|place| self.free(sku, LocationNumber(u16::try_from(place).unwrap())).into())
    }

    /// What of a pool is used.
    fn used_of_pool(&self, sku: SkuNumber, now: &ChannelTerms) -> u64 {
        self.pools.get(&(sku, usize::from(now.channel.0))).map_or(0, Pool::used)
    }

    /// What is left in a pool once a SKU has these terms.
    fn pool_after(&self, sku: SkuNumber, now: &ChannelTerms) -> u64 {
        u64::from(now.dedicated) - self.used_of_pool(sku, now)
    }

    /// Terms that dedicate less than is used already.
    fn overdrawn(&self, sku: SkuNumber, put: &PutSku<'_>) -> Option<Rejection> {
        let is_below =
            |now: &ChannelTerms| now.dedicated > 0 && u64::from(now.dedicated) < self.used_of_pool(sku, now);
        let below = put.terms.channels.iter().enumerate().filter(|(_, now)| is_below(now));
        let (index, now) = below.min_by_key(|(_, now)| now.channel)?;
        let (dedicated, used) = (now.dedicated, self.used_of_pool(sku, now));
        Some(Rejection::DedicatedBelowUsed { index, dedicated, used })
    }

    /// Why a channel may not be served by these locations: its holds would have fewer units than they have now.
    pub(super) fn unbacked(&self, channel: usize, locations: &[LocationNumber]) -> Option<Rejection> {
        let rows = |sku| [(sku, self.firm_rows(sku)), (sku, self.held_rows(sku))];
        (0..SKUS).map(SkuNumber).flat_map(rows).find_map(|(sku, now)| {
            let unclaimed = self.unclaimed_of(sku);
            let (mut then, mut others) = (now.clone(), now.clone());
            then[channel].0 = locations.to_vec();
            others[channel].1 = 0;
            let (held, there) = (now[channel].1, flow(&unclaimed, &then));
            let available = there - flow(&unclaimed, &others);
            (there < flow(&unclaimed, &now)).then_some(Rejection::HoldsLackUnits { sku, held, available })
        })
    }

    /// Why terms must be refused, if they must: something grows that is not there, or was used already.
    pub(super) fn terms_refusal(&self, put: &PutSku<'_>) -> Option<Rejection> {
        let sku = put.sku.unwrap();
        if let Some(refusal) = self.overdrawn(sku, put) {
            return Some(refusal);
        }
        let stated = |channel: usize, terms: &'_ Terms| {
            terms.channels.iter().find(|terms| usize::from(terms.channel.0) == channel).copied()
        };
        let pool = |channel: usize| {
            stated(channel, put.terms)
                .filter(|now| now.dedicated > 0)
                .map_or(0, |now| self.pool_after(sku, &now))
        };
        let floor = |channel, terms| stated(channel, terms).map_or(0, |terms| u64::from(terms.policy.floor));
        let shelf = self.shelf(put.terms, |location| self.free(sku, location));
        let mut rows = self.firm_rows(sku);
        let beside = |channel: usize| pool(channel).saturating_sub(self.kept_in_escrow(sku, channel));
        for (channel, row) in self.promised(put.terms, beside) {
            let before = flow(&shelf, &rows);
            rows.push(row.clone());
            let (promised, available) = (row.1, flow(&shelf, &rows) - before);
            let now = pool(channel) + floor(channel, put.terms);
            let grows = now > self.left_in_pool(sku, channel) + floor(channel, self.terms_of(sku));
            if available < promised && grows {
                let is_it = |terms: &ChannelTerms| usize::from(terms.channel.0) == channel;
                let index = put.terms.channels.iter().position(is_it).unwrap();
                return Some(Rejection::PromiseExceedsStock { index, promised, available });
            }
        }
        None
    }

    /// Sets the terms of a SKU.
    pub(super) fn put_terms(&mut self, record: OrderId, put: &PutSku<'_>) {
        let sku = put.sku.unwrap();
        let mut pools = self.pools.clone();
        pools.retain(|(of, _), _| *of != sku);
        for now in put.terms.channels.iter().filter(|terms| terms.dedicated > 0) {
            let channel = usize::from(now.channel.0);
            let left = self.pool_after(sku, now);
            let before = self.pools.get(&(sku, channel)).cloned();
            let pool = before.unwrap_or(Pool { since: record, left: 0, claimed: Vec::new(), gone: 0 });
            pools.insert((sku, channel), Pool { left, ..pool });
        }
        self.pools = pools;
        let mut terms = put.terms.clone();
        terms.channels.sort_by_key(|terms| terms.channel);
        terms.safety_stock_at.sort_unstable();
        if terms != *self.terms_of(sku) {
            self.terms.insert(sku, terms);
            self.serve(sku);
        }
    }

    /// The pool of a channel, if this order may take from it.
    pub(super) fn pool_for(&mut self, sku: SkuNumber, channel: usize, order: OrderId) -> Option<&mut Pool> {
        self.pools.get_mut(&(sku, channel)).filter(|pool| order >= pool.since)
    }
}
