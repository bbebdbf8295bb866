//! What a profile is refused for when it is put.
//!
//! Each finding is typed and says where it stands, so that whoever read the profile from a text can name the
//! line and the field. It runs off the shards: the longest
//! lists of one "and" are compared with each other, which can take a second.

mod condition;
mod contradiction;
mod error;
mod implied;
mod ranges;
mod reach;
mod strategy;

use super::Profile;
use super::rank::PriorityList;
use super::rate::RateCard;
use super::set::Set;
use crate::id::LocationNumber;

pub use condition::{CONDITION_DEPTH_MAX, CONDITION_NODES_MAX, LIST_MAX};
pub use error::{Cause, Field, ProfileError, Section};
pub use strategy::{BAND_MAX, FILTERS_MAX, WEIGHT_MAX};

/// Strategies of one profile. Merchants have a handful; each that does not serve an order costs it time.
pub const STRATEGIES_MAX: usize = 64;

/// Fallbacks of one profile.
pub const FALLBACKS_MAX: usize = 16;

/// Rate cards of one profile: one for each carrier and service.
pub const RATE_CARDS_MAX: usize = 16;

/// Rows of one rate card. A row is looked for among those of its location, for each location of an order.
pub const RATE_ROWS_MAX: usize = 4_096;

/// What a rate may say, in minor units: a million major units of a currency with two decimals.
pub const RATE_MAX: i64 = 100_000_000;

/// Looks whether a profile can mean what it says. `location_count` is how many locations there are; they are
/// numbered from 0.
///
/// What is proven, and so refused:
/// - a condition, or a part of one, that never holds because of facts it compares in one "and": numbers that no
///   value
///   is in, a tag that is asked for and forbidden, a part and its negation;
/// - filters of a strategy that no location passes, by the locations or the kinds that they name;
/// - a strategy that can never be the one: an earlier one's condition holds whenever its own does, and may serve
///   from every location that it may, and split as far. So every strategy behind one that always holds, has no
///   filter and may split without limit is refused;
/// - ranks that can never decide.
///
/// What needs more than one "and" to see, or knowledge of stock, is not looked for: to refuse a good profile
/// would be worse than to take one with an idle strategy.
///
/// # Errors
/// The first finding, in the order: rate cards, defaults, strategies, fallbacks, and last what no order
/// reaches.
pub fn check(profile: &Profile, location_count: u16) -> Result<(), ProfileError> {
    let known = Known { location_count, rate_cards: profile.rate_cards.len() };
    let whole = |field, cause| ProfileError { section: Section::Profile, field, cause };
    for (field, count, max) in [
        (Field::Strategies, profile.strategies.len(), STRATEGIES_MAX),
        (Field::Fallbacks, profile.fallbacks.len(), FALLBACKS_MAX),
        (Field::RateCards, profile.rate_cards.len(), RATE_CARDS_MAX),
    ] {
        if count > max {
            return Err(whole(field, Cause::TooMany { count, max }));
        }
    }
    if profile.strategies.is_empty() {
        return Err(whole(Field::Strategies, Cause::Empty));
    }
    for (number, card) in profile.rate_cards.iter().enumerate() {
        check_card(card, &known).map_err(|(field, cause)| Section::RateCard(number).error(field, cause))?;
    }
    if profile.defaults.max_split == 0 {
        return Err(Section::Defaults.error(Field::MaxSplit, Cause::Zero));
    }
    for (section, strategy) in reach::sections(profile) {
        strategy::check(strategy, &known).map_err(|(field, cause)| section.error(field, cause))?;
    }
    reach::check(profile)
}

/// What a profile may name.
struct Known {
    location_count: u16,
    rate_cards: usize,
}

/// Something that is wrong with a part of a section.
type Finding = (Field, Cause);

impl Known {
    fn location(&self, location: LocationNumber) -> Result<(), Cause> {
        let is_known = location.0 < self.location_count;
        if is_known { Ok(()) } else { Err(Cause::UnknownLocation(location)) }
    }

    /// A set of locations that names some, each once, and only those there are.
    fn locations(&self, set: &Set<LocationNumber>) -> Result<(), Cause> {
        if set.as_slice().is_empty() {
            return Err(Cause::Empty);
        }
        if let Some(location) = set.duplicate() {
            return Err(Cause::DuplicateLocation(location));
        }
        set.as_slice().iter().try_for_each(|location| self.location(*location))
    }

    fn priorities(&self, list: &PriorityList) -> Result<(), Cause> {
        self.locations(&Set::new(list.locations().collect()))
    }
}

fn check_card(card: &RateCard, known: &Known) -> Result<(), Finding> {
    let rows = card.rows();
    if rows.is_empty() {
        return Err((Field::Whole, Cause::Empty));
    }
    if rows.len() > RATE_ROWS_MAX {
        return Err((Field::Whole, Cause::TooMany { count: rows.len(), max: RATE_ROWS_MAX }));
    }
    for row in rows {
        let field = || Field::Rate(row.location);
        known.location(row.location).map_err(|cause| (field(), cause))?;
        if row.postal.is_some_and(|(first, last)| first > last) {
            return Err((field(), Cause::NeverHolds));
        }
        for amount in [row.rate.shipment, row.rate.per_kilogram] {
            if !(0..=RATE_MAX).contains(&amount) {
                return Err((field(), Cause::OutOfRange { max: RATE_MAX }));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
