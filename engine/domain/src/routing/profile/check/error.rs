//! Where a profile is wrong, and how.

use crate::id::LocationNumber;
use alloc::vec::Vec;

/// Why a profile is refused, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProfileError {
    /// Which part of the profile.
    pub section: Section,
    /// What of it.
    pub field: Field,
    /// What is wrong.
    pub cause: Cause,
}

/// A part of a profile; numbers are places in its lists, from 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Section {
    /// The profile as a whole.
    Profile,
    /// The defaults.
    Defaults,
    /// A strategy.
    Strategy(usize),
    /// A fallback.
    Fallback(usize),
    /// A rate card.
    RateCard(usize),
}

/// What of a section.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Field {
    /// All of it.
    Whole,
    /// The list of strategies.
    Strategies,
    /// The list of fallbacks.
    Fallbacks,
    /// The list of rate cards.
    RateCards,
    /// A part of the condition: from the whole, which part of it, which part of that, and so on, from 0. What
    /// "not" and the lines have inside is their part 0.
    When(Vec<u16>),
    /// The list of filters.
    Filters,
    /// A filter, by its place.
    Filter(usize),
    /// The list of ranks or weights.
    Ranking,
    /// A rank or a weight, by its place.
    Rank(usize),
    /// The limit of shipments.
    MaxSplit,
    /// The rates from a location.
    Rate(LocationNumber),
}

/// What is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// A list without an entry.
    Empty,
    /// More entries than there may be.
    TooMany {
        /// How many.
        count: usize,
        /// The limit.
        max: usize,
    },
    /// Conditions inside conditions, deeper than may be.
    TooDeep {
        /// The limit.
        max: usize,
    },
    /// 0 where that means nothing.
    Zero,
    /// A number below 0 or above the limit.
    OutOfRange {
        /// The limit.
        max: i64,
    },
    /// There is no such location.
    UnknownLocation(LocationNumber),
    /// A location is named twice.
    DuplicateLocation(LocationNumber),
    /// Something other than a location is named twice.
    Duplicate,
    /// There is no such rate card.
    UnknownRateCard(u16),
    /// A strategy asks two rate cards, whose currencies need not be the same.
    SeveralRateCards,
    /// The fact cannot be compared so.
    WrongOperator,
    /// A fact of a line, asked outside of the lines.
    NoLine,
    /// Lines inside lines.
    LinesInLines,
    /// It can never be true, or contradicts what stands beside it.
    NeverHolds,
    /// No location can pass it together with the filters before it.
    NoneCanPass,
    /// It can never decide, because of what stands before it.
    NeverDecides,
    /// An earlier one is taken whenever it could be.
    Unreachable {
        /// Which.
        by: Section,
    },
}

impl Section {
    pub(super) fn error(self, field: Field, cause: Cause) -> ProfileError {
        ProfileError { section: self, field, cause }
    }
}
