//! The SKU actor: one owner of one SKU's stock.
//!
//! Its state is private; it changes only by the messages below, one at a time, on the shard that hosts it.
//! It knows quantities at locations and who waits for more; it knows no order, no channel and no name.
//! Claims are the truth (I3): `committed` is kept beside them because `free` is asked on every order, and
//! [`crate::merchant::MerchantState::check`] recomputes it.

mod backlog;
mod stock;

use crate::id::LocationNumber;
use alloc::boxed::Box;
use smallvec::SmallVec;

pub use backlog::{Backlog, Class, Cursor, Waiting};
pub use stock::{Level, StockState};

/// Levels kept in the row itself: most SKUs lie at one or two places, and then a row is 64 bytes flat, which
/// is also what copying a chunk of rows for a snapshot costs.
const LEVELS_INLINE: usize = 2;

/// The state of one SKU, and the only way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkuActor {
    decimals: u8,
    in_use: bool,
    levels: SmallVec<[Level; LEVELS_INLINE]>,
    backlog: Option<Box<Backlog>>,
}

impl SkuActor {
    /// A SKU without stock, counted with so many decimals.
    #[must_use]
    pub fn new(decimals: u8) -> Self {
        Self { decimals, in_use: false, levels: SmallVec::new(), backlog: None }
    }

    /// A SKU as a snapshot holds it: its levels in the order of location numbers, without claims, which come
    /// back with their orders.
    #[must_use]
    pub fn restored(decimals: u8, in_use: bool, levels: impl IntoIterator<Item = Level>) -> Self {
        let mut levels: SmallVec<[Level; LEVELS_INLINE]> = levels.into_iter().collect();
        levels.sort_unstable_by_key(Level::location);
        Self { decimals, in_use, levels, backlog: None }
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

    /// Units at a location that a new order may claim.
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
        match &self.backlog {
            Some(backlog) if backlog.pass().is_some() => {
                u32::try_from(u64::from(unclaimed).saturating_sub(backlog.total())).unwrap_or(0)
            }
            _ => unclaimed,
        }
    }

    /// Who waits for this SKU.
    #[must_use]
    pub fn backlog(&self) -> Option<&Backlog> {
        self.backlog.as_deref()
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

    /// Claims units at a location. I2: the caller has checked that they are unclaimed.
    pub(crate) fn claim(&mut self, location: LocationNumber, quantity: u32) {
        self.level_mut(location).claim(quantity);
    }

    /// Ends a claim without goods leaving. The units may serve who waits.
    pub(crate) fn release(&mut self, location: LocationNumber, quantity: u32) {
        self.level_mut(location).release(quantity);
        self.begin_pass();
    }

    /// Ends a claim because the goods are gone (a loss): nothing becomes free.
    pub(crate) fn lose_claim(&mut self, location: LocationNumber, quantity: u32) {
        self.level_mut(location).release(quantity);
    }

    /// Ends a claim by goods leaving the building.
    pub(crate) fn ship(&mut self, location: LocationNumber, quantity: u32) {
        let level = self.level_mut(location);
        level.release(quantity);
        level.take(StockState::Sellable, quantity);
    }

    /// Adds to what a demand waits for.
    pub(crate) fn wait(&mut self, waiting: Waiting, quantity: u32) {
        self.in_use = true;
        self.backlog.get_or_insert_default().add(waiting, quantity);
    }

    /// Takes from what a demand waits for.
    pub(crate) fn served(&mut self, waiting: Waiting, quantity: u32) {
        let Some(backlog) = &mut self.backlog else { panic!("I5: nobody waits for this sku") };
        backlog.take(waiting, quantity);
        if backlog.is_empty() {
            self.backlog = None;
        }
    }

    /// Starts to look through those who wait from the first one, if anybody waits.
    pub(crate) fn begin_pass(&mut self) {
        if let Some(backlog) = &mut self.backlog {
            backlog.set_pass(Some(Cursor::START));
        }
    }

    /// Says how far the pass has come; `None` ends it.
    pub(crate) fn continue_pass(&mut self, next: Option<Cursor>) {
        if let Some(backlog) = &mut self.backlog {
            backlog.set_pass(next);
        }
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
