//! Available to promise: how many units of a SKU a channel may sell now, and at which of its locations.
//!
//! One function for whoever asks: orders, reads, whoever waits for stock. In words of `domain.md`, section 4:
//! ```text
//! ATP(channel) = min(ceiling, pool + max(floor, shared - buffer))
//! ```
//! where `pool` and `floor` count as far as units are there after the pools and floors of channels of a better rank,
//! and `shared` is what remains to this channel, its floor included, when all other rows are kept as well as they can
//! be ([`Spread`]). Of each location only what safety stock does not keep counts at all.

mod policy;
mod spread;

use crate::id::LocationNumber;
use alloc::vec::Vec;
use smallvec::SmallVec;

pub use policy::{Amount, StockPolicy};
pub use spread::{Place, Row, Spread};

/// What a channel may sell of one SKU.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Promise {
    total: u64,
    /// In the order of location numbers.
    locations: SmallVec<[(LocationNumber, u32); 4]>,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// Its locations, the preferred one first.
    pub locations: &'a [LocationNumber],
    /// Its policy for this SKU.
    pub policy: &'a StockPolicy,
    /// What is held for buyers of any channel, itself included: nobody else gets it.
    pub holds: &'a [Row<'a>],
    /// Units that are held for the very order that asks. They come first of all: where a loss has left less than is held,
    /// whoever confirms first gets it.
    pub held: u64,
    /// Units that are its own.
    pub pool: u64,
    /// What others are promised who come before it when units are scarce.
    pub before: &'a [Row<'a>],
    /// What others are promised who come after it.
    pub after: &'a [Row<'a>],
}

/// Units that are there of what is a reader's own.
#[derive(Clone, Copy, Default)]
struct Own {
    held: u64,
    pool: u64,
    floor: u64,
}

impl Promise {
    /// Works out what `reader` may sell; `free` says how many units lie at a location that no claim has and safety
    /// stock does not keep.
    #[must_use]
    pub fn of(reader: &Reader<'_>, free: impl Fn(LocationNumber) -> u32) -> Self {
        let Reader { locations, policy, holds, held, pool, before, after } = *reader;
        let [held, own @ ..] =
            [held, pool, u64::from(policy.floor)].map(|quantity| Row { locations, quantity });
        let rows = [&held].into_iter().chain(holds).chain(before).chain(&own).chain(after);
        let rows: SmallVec<[Row<'_>; 8]> = rows.copied().collect();
        if rows.iter().all(|row| row.quantity == 0) {
            return Self::of_anybodys(locations, policy, free);
        }
        let places = places(locations, &rows, free);
        let spread = Spread::of(&rows, &places);
        let (held, pool) = (0, 1 + holds.len() + before.len());
        let own = [held, pool, pool + 1];
        let [held, pool, floor] = own.map(|row| spread.served(row));
        let units = left_by_others(&rows, own, &spread, &places);
        let at = places.iter().zip(units).skip(places.len() - locations.len());
        let at = at.map(|(place, units)| (place.location, u32::try_from(units).unwrap_or(u32::MAX)));
        Self::limited(at.collect(), policy, Own { held, pool, floor })
    }

    /// The same of a SKU of which nobody is promised or holds any unit: they are anybody's who comes first.
    #[must_use]
    pub fn of_anybodys(
        locations: &[LocationNumber],
        policy: &StockPolicy,
        free: impl Fn(LocationNumber) -> u32,
    ) -> Self {
        let units = locations.iter().map(|location| (*location, free(*location)));
        Self::limited(units.collect(), policy, Own::default())
    }

    /// What an order may claim that confirms a hold of more units than are free. What is held comes before safety stock
    /// and whoever waits, as far as it lies there; nothing comes on top of it. `free` units of a location are claimed
    /// before the other `unclaimed` ones, and such that `others` holds keep what they can.
    #[must_use]
    pub fn of_held(
        locations: &[LocationNumber],
        held: u64,
        others: &[Row<'_>],
        free: impl Fn(LocationNumber) -> u32,
        unclaimed: impl Fn(LocationNumber) -> u32,
    ) -> Self {
        let own = Row { locations, quantity: held };
        let rows: SmallVec<[Row<'_>; 8]> = [&own].into_iter().chain(others).copied().collect();
        let mut places = places(locations, &rows, free);
        places.reverse();
        let rest = |place: &Place| {
            let units = u64::from(unclaimed(place.location)).saturating_sub(place.units);
            Place { units, ..*place }
        };
        let guarded: SmallVec<[Place; 8]> = places.iter().map(rest).collect();
        let tier = places.len();
        places.extend(guarded);
        let spread = Spread::of(&rows, &places);
        let units = |place: usize| spread.kept(0, place) + spread.kept(0, tier + place);
        let mut at: SmallVec<[(LocationNumber, u32); 4]> = (0..locations.len())
            .map(|place| (places[place].location, u32::try_from(units(place)).unwrap_or(u32::MAX)))
            .collect();
        at.sort_unstable();
        Self { total: spread.served(0), locations: at }
    }

    /// The same with more units at some of its locations, which are promised to nobody else.
    pub(crate) fn beside(mut self, more: impl Fn(LocationNumber) -> u32) -> Self {
        for (location, units) in &mut self.locations {
            let more = more(*location);
            *units += more;
            self.total += u64::from(more);
        }
        self
    }

    /// What the policy leaves of units at the reader's locations, some of which are its own.
    fn limited(mut locations: SmallVec<[(LocationNumber, u32); 4]>, policy: &StockPolicy, own: Own) -> Self {
        locations.sort_unstable();
        let Own { held, pool, floor } = own;
        let all = locations.iter().map(|(_, units)| u64::from(*units)).sum::<u64>() - held;
        let shared = (all - pool).saturating_sub(policy.buffer.at_least(all));
        let ceiling = policy.ceiling.map_or(u64::MAX, |ceiling| ceiling.at_most(all));
        Self { total: held + ceiling.min(pool + shared.max(floor)), locations }
    }

    /// Units that may be sold in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Units that may be claimed at one location. All of them together may be more than [`Promise::total`]; as far as
    /// that, they may be claimed in any mixture.
    #[must_use]
    pub fn at(&self, location: LocationNumber) -> u32 {
        let found = self.locations.binary_search_by_key(&location, |(location, _)| *location);
        found.map_or(0, |found| self.locations[found].1)
    }
}

/// Units of each place that are left to the reader, whose `own` rows are among `rows`, once `spread` says what each row
/// gets. Others are kept first, at the first places, and then what is the reader's own: so that lies where the reader
/// prefers it, as far as others can be kept elsewhere.
fn left_by_others(rows: &[Row<'_>], own: [usize; 3], spread: &Spread, places: &[Place]) -> Vec<u64> {
    let quantity = own.iter().map(|row| spread.served(*row)).sum();
    if quantity == 0 {
        return (0..places.len()).map(|place| spread.left(place)).collect();
    }
    let is_other = |row: &usize| !own.contains(row);
    let settled = |row: usize| Row { quantity: spread.served(row), ..rows[row] };
    let mut settled: SmallVec<[Row<'_>; 8]> = (0..rows.len()).filter(is_other).map(settled).collect();
    let its_own = settled.len();
    settled.push(Row { locations: rows[own[0]].locations, quantity });
    let spread = Spread::of(&settled, places);
    (0..places.len()).map(|place| spread.left(place) + spread.kept(its_own, place)).collect()
}

/// All locations that matter, those first at which rows are kept first: where the reader has nothing, and then its own,
/// the preferred one last.
fn places(
    locations: &[LocationNumber],
    rows: &[Row<'_>],
    free: impl Fn(LocationNumber) -> u32,
) -> Vec<Place> {
    let mut own: Vec<LocationNumber> = locations.to_vec();
    own.sort_unstable();
    let mut elsewhere: Vec<LocationNumber> = rows
        .iter()
        .flat_map(|row| row.locations)
        .copied()
        .filter(|location| own.binary_search(location).is_err())
        .collect();
    elsewhere.sort_unstable();
    elsewhere.dedup();
    let all = elsewhere.into_iter().chain(locations.iter().rev().copied());
    all.map(|location| Place { location, units: u64::from(free(location)) }).collect()
}
