//! The SKU actor: one owner of one SKU's stock.
//!
//! Its state is private; it changes only by the messages below, one at a time, on the shard that hosts it.
//! It knows quantities at locations, who waits for more, and what is kept for which channel; it knows no order's
//! lines and no name.
//! Claims are the truth (I3): `committed` is kept beside them because `free` is asked on every order, and
//! [`crate::merchant::MerchantState::check`] recomputes it.

mod backlog;
mod stock;
mod terms;

use crate::grant::Grant;
use crate::id::{ChannelNumber, LocationNumber};
use alloc::boxed::Box;
use alloc::vec::Vec;
use smallvec::SmallVec;

pub use backlog::{Backlog, Class, Cursor, InTurn, Turn, Waiting};
pub use stock::{Level, StockState};
pub use terms::{ChannelTerms, Owner, Pool, TERMS_MAX, Terms};

/// Levels kept in the row itself: most SKUs lie at one or two places, and then a row is 64 bytes flat, which
/// is also what copying a chunk of rows for a snapshot costs.
const LEVELS_INLINE: usize = 2;

/// The state of one SKU, and the only way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkuActor {
    decimals: u8,
    in_use: bool,
    /// Whether it is a virtual kit; the table of kits has what it is made of.
    is_kit: bool,
    levels: SmallVec<[Level; LEVELS_INLINE]>,
    extra: Option<Box<Extra>>,
}

/// What few SKUs have. Never empty: a SKU that has nothing of it has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Extra {
    backlog: Backlog,
    terms: Terms,
    /// In the order of channel numbers.
    pools: Vec<Pool>,
    /// Units of live holds by channel, in the order of channel numbers; none is 0.
    held: Vec<(ChannelNumber, u64)>,
    /// What channels were ever granted, in the order of channel numbers.
    grants: Vec<Grant>,
}

impl Extra {
    fn is_empty(&self) -> bool {
        self.backlog.is_empty()
            && self.terms.is_empty()
            && self.pools.is_empty()
            && self.held.is_empty()
            && self.grants.is_empty()
    }
}

impl SkuActor {
    /// A SKU without stock, counted with so many decimals.
    #[must_use]
    pub fn new(decimals: u8) -> Self {
        Self { decimals, in_use: false, is_kit: false, levels: SmallVec::new(), extra: None }
    }

    /// A SKU as a snapshot holds it: its levels in the order of location numbers, without claims, which come
    /// back with their orders.
    #[must_use]
    pub fn restored(decimals: u8, in_use: bool, levels: impl IntoIterator<Item = Level>) -> Self {
        let mut levels: SmallVec<[Level; LEVELS_INLINE]> = levels.into_iter().collect();
        levels.sort_unstable_by_key(Level::location);
        Self { decimals, in_use, is_kit: false, levels, extra: None }
    }

    /// How many decimals its quantities have.
    #[must_use]
    pub fn decimals(&self) -> u8 {
        self.decimals
    }

    /// Whether stock ever moved or somebody waited for it; from then on its decimals are fixed.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        self.in_use
    }

    /// Whether it is a virtual kit, which has no stock.
    #[must_use]
    pub fn is_kit(&self) -> bool {
        self.is_kit
    }

    /// Makes it a kit, or no kit any more. The caller has checked that it has no stock.
    pub(crate) fn set_kit(&mut self, is_kit: bool) {
        self.is_kit = is_kit;
    }

    /// Its stock at every location that ever had some, in the order of location numbers.
    #[must_use]
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// Its stock at one location; all zero where it never had any.
    #[must_use]
    pub fn level(&self, location: LocationNumber) -> Level {
        match self.place(location) {
            Ok(place) => self.levels[place],
            Err(_) => Level::empty(location),
        }
    }

    /// Units at a location that no claim has, whoever waits for them.
    #[must_use]
    pub fn unclaimed(&self, location: LocationNumber) -> u32 {
        self.level(location).unclaimed()
    }

    /// Units at a location that a new order may claim if nothing is kept for anybody.
    ///
    /// While a pass over the backlog is under way, what waits is taken off first, so that no new order
    /// overtakes an older one; after the pass, what is left could not be used by those who wait.
    #[must_use]
    pub fn free(&self, location: LocationNumber) -> u32 {
        self.beyond_those_who_wait(self.unclaimed(location))
    }

    /// The same for many locations, which are sorted: each has a place in `row`, and what is free there is
    /// written to it. One walk over the levels, however many there are.
    pub fn free_at(&self, ascending: &[(LocationNumber, usize)], row: &mut [u32]) {
        let mut levels = self.levels.iter().peekable();
        for (location, place) in ascending {
            while levels.next_if(|level| level.location() < *location).is_some() {}
            let level = levels.peek().filter(|level| level.location() == *location);
            row[*place] = level.map_or(0, |level| self.beyond_those_who_wait(level.unclaimed()));
        }
    }

    fn beyond_those_who_wait(&self, unclaimed: u32) -> u32 {
        match self.backlog() {
            Some(backlog) if backlog.pass().is_some() => {
                u32::try_from(u64::from(unclaimed).saturating_sub(backlog.total())).unwrap_or(0)
            }
            _ => unclaimed,
        }
    }

    /// Who waits for this SKU.
    #[must_use]
    pub fn backlog(&self) -> Option<&Backlog> {
        self.extra.as_ref().map(|extra| &extra.backlog).filter(|backlog| !backlog.is_empty())
    }

    /// What was stated for this SKU alone, if anything was.
    #[must_use]
    pub fn terms(&self) -> Option<&Terms> {
        self.extra.as_ref().map(|extra| &extra.terms).filter(|terms| !terms.is_empty())
    }

    /// The pools of channels, in the order of channel numbers.
    #[must_use]
    pub fn pools(&self) -> &[Pool] {
        self.extra.as_ref().map_or(&[], |extra| &extra.pools)
    }

    /// The pool of a channel, if it has one.
    #[must_use]
    pub fn pool(&self, channel: ChannelNumber) -> Option<&Pool> {
        let place = self.pool_place(channel)?;
        self.pools().get(place)
    }

    /// Sets what was stated for this SKU, and its pools in the order of channel numbers.
    pub(crate) fn set_terms(&mut self, terms: Terms, pools: Vec<Pool>) {
        if self.extra.is_some() || !terms.is_empty() || !pools.is_empty() {
            let extra = self.extra.get_or_insert_default();
            extra.terms = terms;
            extra.pools = pools;
        }
        self.drop_extra();
    }

    /// Sets the decimals. The caller has checked that the SKU is not in use, or that they are the same.
    pub(crate) fn set_decimals(&mut self, decimals: u8) {
        debug_assert!(!self.in_use || decimals == self.decimals, "decimals are fixed from the first use on");
        self.decimals = decimals;
    }

    /// Puts units into a state at a location. They may serve who waits, so a pass begins.
    pub(crate) fn add(&mut self, location: LocationNumber, state: StockState, quantity: u32) {
        self.in_use = true;
        self.level_mut(location).add(state, quantity);
        if state == StockState::Sellable {
            self.begin_pass();
        }
    }

    /// Takes units out of a state at a location. I1: the caller has checked that they are there.
    pub(crate) fn take(&mut self, location: LocationNumber, state: StockState, quantity: u32) {
        self.in_use = true;
        self.level_mut(location).take(state, quantity);
    }

    /// Claims units at a location for an order. I2: the caller has checked that they are unclaimed.
    pub(crate) fn claim(&mut self, owner: Owner, location: LocationNumber, quantity: u32) {
        self.restore_claim(location, quantity);
        if let Some(pool) = self.pool_mut(owner.channel) {
            pool.charge(owner.order, quantity);
        }
    }

    /// Claims units at a location, as they were claimed before a picture was taken.
    pub(crate) fn restore_claim(&mut self, location: LocationNumber, quantity: u32) {
        self.level_mut(location).claim(quantity);
    }

    /// Ends a claim without goods leaving. The units may serve who waits.
    pub(crate) fn release(&mut self, owner: Owner, location: LocationNumber, quantity: u32) {
        self.level_mut(location).release(quantity);
        if let Some(pool) = self.pool_mut(owner.channel) {
            pool.refund(owner.order, quantity);
        }
        self.begin_pass();
    }

    /// Ends a claim because the goods are gone (a loss): nothing becomes free.
    pub(crate) fn lose_claim(&mut self, owner: Owner, location: LocationNumber, quantity: u32) {
        self.level_mut(location).release(quantity);
        self.use_up(owner, quantity);
    }

    /// Ends a claim by goods leaving the building.
    pub(crate) fn ship(&mut self, owner: Owner, location: LocationNumber, quantity: u32) {
        let level = self.level_mut(location);
        level.release(quantity);
        level.take(StockState::Sellable, quantity);
        self.use_up(owner, quantity);
    }

    fn use_up(&mut self, owner: Owner, quantity: u32) {
        if let Some(pool) = self.pool_mut(owner.channel) {
            pool.use_up(owner.order, quantity);
        }
    }

    /// Keeps units for a buyer. The caller has checked that they are there.
    pub(crate) fn hold(&mut self, owner: Owner, quantity: u32) {
        self.restore_hold(owner.channel, quantity);
        if let Some(pool) = self.pool_mut(owner.channel) {
            pool.charge(owner.order, quantity);
        }
    }

    /// Keeps units as they were kept before a picture was taken.
    pub(crate) fn restore_hold(&mut self, channel: ChannelNumber, quantity: u32) {
        self.in_use = true;
        let held = &mut self.extra.get_or_insert_default().held;
        match held.binary_search_by_key(&channel, |(channel, _)| *channel) {
            Ok(place) => held[place].1 += u64::from(quantity),
            Err(place) => held.insert(place, (channel, u64::from(quantity))),
        }
    }

    /// Keeps units no more. They may serve who waits.
    pub(crate) fn end_hold(&mut self, owner: Owner, quantity: u32) {
        let Some(extra) = &mut self.extra else { panic!("I5: nothing of this sku is held") };
        let found = extra.held.binary_search_by_key(&owner.channel, |(channel, _)| *channel);
        let Ok(place) = found else { panic!("I5: nothing of this sku is held for the channel") };
        extra.held[place].1 -= u64::from(quantity);
        if extra.held[place].1 == 0 {
            extra.held.remove(place);
        }
        if let Some(pool) = self.pool_mut(owner.channel) {
            pool.refund(owner.order, quantity);
        }
        self.begin_pass();
        self.drop_extra();
    }

    /// Units of live holds by channel, in the order of channel numbers.
    #[must_use]
    pub fn held(&self) -> &[(ChannelNumber, u64)] {
        self.extra.as_ref().map_or(&[], |extra| &extra.held)
    }

    /// What channels were ever granted, in the order of channel numbers.
    #[must_use]
    pub fn grants(&self) -> &[Grant] {
        self.extra.as_ref().map_or(&[], |extra| &extra.grants)
    }

    /// What a channel is granted, if it ever was granted some.
    #[must_use]
    pub fn grant(&self, channel: ChannelNumber) -> Option<&Grant> {
        let place = self.grants().binary_search_by_key(&channel, |grant| grant.channel).ok()?;
        self.grants().get(place)
    }

    /// Changes what a channel is granted.
    pub(crate) fn change_grant(&mut self, channel: ChannelNumber, change: impl FnOnce(&mut Grant)) {
        self.in_use = true;
        let grants = &mut self.extra.get_or_insert_default().grants;
        let place = grants.binary_search_by_key(&channel, |grant| grant.channel).unwrap_or_else(|place| {
            grants.insert(place, Grant::new(channel));
            place
        });
        change(&mut grants[place]);
    }

    /// Adds to what a demand of an order of this channel waits for.
    pub(crate) fn wait(&mut self, channel: ChannelNumber, waiting: Waiting, quantity: u32) {
        self.in_use = true;
        self.extra.get_or_insert_default().backlog.add(channel, waiting, quantity);
    }

    /// Takes from what a demand of an order of this channel waits for.
    pub(crate) fn served(&mut self, channel: ChannelNumber, waiting: Waiting, quantity: u32) {
        let Some(extra) = &mut self.extra else { panic!("I5: nobody waits for this sku") };
        extra.backlog.take(channel, waiting, quantity);
        self.drop_extra();
    }

    /// Starts to look through those who wait from the first one, if anybody waits.
    pub(crate) fn begin_pass(&mut self) {
        self.continue_pass(Some(Cursor::START));
    }

    /// Says how far the pass has come; `None` ends it. Without anybody who waits there is none.
    pub(crate) fn continue_pass(&mut self, next: Option<Cursor>) {
        if let Some(extra) = &mut self.extra {
            let next = next.filter(|_| !extra.backlog.is_empty());
            extra.backlog.set_pass(next);
        }
    }

    fn drop_extra(&mut self) {
        if self.extra.as_ref().is_some_and(|extra| extra.is_empty()) {
            self.extra = None;
        }
    }

    fn pool_place(&self, channel: ChannelNumber) -> Option<usize> {
        self.pools().binary_search_by_key(&channel, |pool| pool.channel).ok()
    }

    fn pool_mut(&mut self, channel: ChannelNumber) -> Option<&mut Pool> {
        let place = self.pool_place(channel)?;
        self.extra.as_mut().and_then(|extra| extra.pools.get_mut(place))
    }

    fn place(&self, location: LocationNumber) -> Result<usize, usize> {
        self.levels.binary_search_by_key(&location, Level::location)
    }

    fn level_mut(&mut self, location: LocationNumber) -> &mut Level {
        let place = match self.place(location) {
            Ok(place) => place,
            Err(place) => {
                self.levels.reserve_exact(1);
                self.levels.insert(place, Level::empty(location));
                place
            }
        };
        &mut self.levels[place]
    }
}
