//! The distances from a destination to a merchant's locations, remembered.
//!
//! Most orders go where others went before, and a merchant's locations seldom change. So the distances to all
//! of them are worked out once for each destination: an order costs a look at one slot. One memory serves all
//! merchants and all of the server's workers.
//!
//! The memory is a fixed row of slots, and what is looked for can stand in one of them alone; whatever stands there
//! already is replaced. So nothing has to be kept in order of use, nothing grows, and a worker holds the lock of one slot
//! while it compares and copies a pointer, never while distances are worked out. Two workers that miss the
//! same destination both work it out, and find the same.

use super::distance::distance_m;
use super::place::Place;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

/// Destinations that are remembered at the most. A large country has some 40,000 postal codes, of which a
/// minority get most of the parcels. With ten locations each they take 1.5 MB, at the worst 64 MiB
/// ([`SITES_KEPT_MAX`]); a miss costs a microsecond for each location.
pub(super) const SLOTS: usize = 16_384;

/// Locations of a merchant up to which its distances are remembered. Beyond it they are worked out each time, so that one merchant can't fill the memory of all.
pub(super) const SITES_KEPT_MAX: usize = 1_024;

/// No distance: more than any on earth.
const UNKNOWN: u32 = u32::MAX;

/// The places of a merchant's locations. When one changes, new ones are made; what was remembered for the old ones
/// is never found again.
#[derive(Debug)]
pub struct Sites {
    /// Which these are, among all that the process ever made.
    number: u64,
    places: Box<[Option<Place>]>,
}

impl Sites {
    /// The places of locations 0, 1, 2 …; `None` for one whose place is not known.
    #[must_use]
    pub fn new(places: impl IntoIterator<Item = Option<Place>>) -> Self {
        static MADE: AtomicU64 = AtomicU64::new(0);
        Self { number: MADE.fetch_add(1, Ordering::Relaxed), places: places.into_iter().collect() }
    }

    fn distances_to(&self, destination: Place) -> Metres {
        let far = |place: &Option<Place>| place.map_or(UNKNOWN, |place| distance_m(place, destination));
        Metres(self.places.iter().map(far).collect())
    }
}

/// How far it is to each location of a merchant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metres(pub(super) Arc<[u32]>);

impl Metres {
    /// Whole metres to the location of this number; `None` if there is none, or its place is not known.
    #[must_use]
    pub fn to(&self, location: usize) -> Option<u32> {
        self.0.get(location).copied().filter(|metres| *metres != UNKNOWN)
    }
}

/// What a slot remembers.
#[derive(Debug)]
pub(super) struct Kept {
    sites: u64,
    destination: Place,
    metres: Metres,
}

/// The memory. Shared by all who ask.
#[derive(Debug)]
pub struct Distances(pub(super) Box<[Mutex<Option<Kept>>]>);

impl Default for Distances {
    fn default() -> Self {
        Self::new()
    }
}

/// The memory of this process.
pub fn distances() -> &'static Distances {
    static DISTANCES: LazyLock<Distances> = LazyLock::new(Distances::new);
    &DISTANCES
}

impl Distances {
    /// An empty one. Its slots alone take 0.7 MB.
    #[must_use]
    pub fn new() -> Self {
        Self((0..SLOTS).map(|_| Mutex::new(None)).collect())
    }

    /// The distances from a destination to these locations.
    #[must_use]
    pub fn to(&self, sites: &Sites, destination: Place) -> Metres {
        let slot = self.slot(sites.number, destination).filter(|_| sites.places.len() <= SITES_KEPT_MAX);
        let Some(slot) = slot else {
            return sites.distances_to(destination);
        };
        if let Some(kept) = &*slot.lock()
            && (kept.sites, kept.destination) == (sites.number, destination)
        {
            return kept.metres.clone();
        }
        let metres = sites.distances_to(destination);
        let kept = Kept { sites: sites.number, destination, metres: metres.clone() };
        // What stood there is freed when the lock is open again.
        let _before = slot.lock().replace(kept);
        metres
    }

    /// The distances from a destination to some of these locations, in their order: those of a merchant with so many that
    /// they are not remembered are worked out for these alone.
    #[must_use]
    pub fn to_some(
        &self,
        sites: &Sites,
        destination: Place,
        locations: impl Iterator<Item = usize>,
    ) -> Vec<Option<u32>> {
        if sites.places.len() > SITES_KEPT_MAX {
            let far = |place: &Place| distance_m(*place, destination);
            return locations
                .map(|location| sites.places.get(location).and_then(Option::as_ref).map(far))
                .collect();
        }
        let metres = self.to(sites, destination);
        locations.map(|location| metres.to(location)).collect()
    }

    fn slot(&self, sites: u64, destination: Place) -> Option<&Mutex<Option<Kept>>> {
        let latitude = u64::from(destination.latitude_e6().cast_unsigned());
        let longitude = u64::from(destination.longitude_e6().cast_unsigned());
        let mixed = mix(mix(sites) ^ (latitude << 32 | longitude));
        let slots = u64::try_from(self.0.len()).ok()?;
        self.0.get(usize::try_from(mixed % slots).ok()?)
    }
}

/// Spreads a number over all bits: the last step of `SplitMix64` (G. Steele, D. Lea, C. Flood, "Fast splittable
/// pseudorandom number generators", OOPSLA 2014).
fn mix(number: u64) -> u64 {
    let number = (number ^ number >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ number >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ number >> 31
}
