//! When a strategy is tried: comparisons of facts with numbers, put together.

use super::facts::{Fact, Symbol};
use super::set::Set;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// A tree over the facts of an order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Condition {
    /// Every one holds.
    All(Vec<Condition>),
    /// At least one holds.
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// A fact compares so with a number, or with tags. False if the fact is unknown.
    Compare(Fact, Op),
    /// So many of the order's lines are such that this holds; it may ask about the line and the order.
    Lines(Quantifier, Box<Condition>),
}

/// How many of the lines.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Quantifier {
    /// At least one.
    Any,
    /// Every one.
    All,
    /// The number of lines compares so.
    Count(Op),
}

/// How a fact is compared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Op {
    /// It is this.
    Eq(i64),
    /// It is known and another.
    Ne(i64),
    /// It is less.
    Lt(i64),
    /// It is at most this.
    Le(i64),
    /// It is more.
    Gt(i64),
    /// It is at least this.
    Ge(i64),
    /// It is at least the first and at most the second. A prefix of a postal code is this too.
    Between(i64, i64),
    /// It is one of these.
    In(Set<i64>),
    /// It is known and none of these.
    NotIn(Set<i64>),
    /// It has at least one of these tags.
    HasAny(Set<Symbol>),
    /// It has all of these tags.
    HasAll(Set<Symbol>),
    /// It has none of these tags.
    HasNone(Set<Symbol>),
}

impl Condition {
    /// Whether it asks how far a location is from the destination.
    pub(super) fn asks_distance(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::asks_distance),
            Self::Not(part) | Self::Lines(_, part) => part.asks_distance(),
            Self::Compare(fact, _) => matches!(fact, Fact::Distance(_)),
        }
    }
}

impl Op {
    /// Whether a known number compares so; false for what compares tags.
    #[must_use]
    pub fn admits(&self, value: i64) -> bool {
        match self {
            Self::Eq(number) => value == *number,
            Self::Ne(number) => value != *number,
            Self::Lt(number) => value < *number,
            Self::Le(number) => value <= *number,
            Self::Gt(number) => value > *number,
            Self::Ge(number) => value >= *number,
            Self::Between(from, to) => *from <= value && value <= *to,
            Self::In(set) => set.contains(value),
            Self::NotIn(set) => !set.contains(value),
            Self::HasAny(_) | Self::HasAll(_) | Self::HasNone(_) => false,
        }
    }

    /// Whether tags, ascending, compare so; false for what compares numbers.
    #[must_use]
    pub fn admits_tags(&self, tags: &[Symbol]) -> bool {
        let has = |tag: &Symbol| tags.binary_search(tag).is_ok();
        match self {
            Self::HasAny(set) => set.as_slice().iter().any(has),
            Self::HasAll(set) => set.as_slice().iter().all(has),
            Self::HasNone(set) => !set.as_slice().iter().any(has),
            _ => false,
        }
    }

    /// The tags it compares with, if it compares tags.
    pub(super) fn tags(&self) -> Option<&Set<Symbol>> {
        match self {
            Self::HasAny(set) | Self::HasAll(set) | Self::HasNone(set) => Some(set),
            _ => None,
        }
    }
}
