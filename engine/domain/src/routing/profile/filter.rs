//! Which locations may serve an order under a strategy.

use super::facts::Symbol;
use super::set::Set;
use super::world::PlaceFacts;
use crate::id::LocationNumber;

/// Something a location must pass. What is unknown of it does not pass.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Filter {
    /// It is one of these.
    Include(Set<LocationNumber>),
    /// It is none of these.
    Exclude(Set<LocationNumber>),
    /// So many units of each SKU stay free there after the order: what lies above serves, and the rest of a
    /// line overflows to another location.
    KeepFree {
        /// Smallest units of each SKU.
        units: u32,
        /// Where that is so; `None` is everywhere.
        at: Option<Set<LocationNumber>>,
    },
    /// It is at most so many metres from the destination.
    MaxDistance(u32),
    /// It can handle all of these.
    Capabilities(Set<Symbol>),
    /// It is of one of these kinds.
    Kinds(Set<Symbol>),
    /// Its cut-off has not passed.
    BeforeCutOff,
    /// It can still take at least so many orders today.
    CapacityLeft(u32),
}

/// Which filter a location does not pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Barrier {
    /// [`Filter::Include`].
    NotIncluded,
    /// [`Filter::Exclude`].
    Excluded,
    /// [`Filter::KeepFree`]: it has some of what is ordered, and all of that must stay.
    KeptFree,
    /// [`Filter::MaxDistance`]; the score is the distance.
    TooFar,
    /// [`Filter::Capabilities`].
    Incapable,
    /// [`Filter::Kinds`].
    WrongKind,
    /// [`Filter::BeforeCutOff`].
    CutOffPassed,
    /// [`Filter::CapacityLeft`]; the score is what is left.
    NoCapacity,
}

impl Filter {
    /// What stops a location here; [`Filter::KeepFree`] stops none before its stock is looked at.
    fn barrier(&self, location: LocationNumber, facts: &PlaceFacts<'_>) -> Option<Barrier> {
        let (passes, barrier) = match self {
            Self::Include(set) => (set.contains(location), Barrier::NotIncluded),
            Self::Exclude(set) => (!set.contains(location), Barrier::Excluded),
            Self::KeepFree { .. } => (true, Barrier::KeptFree),
            Self::MaxDistance(max) => (facts.distance.is_some_and(|metres| metres <= *max), Barrier::TooFar),
            Self::Capabilities(set) => {
                let can = |capability| facts.capabilities.binary_search(capability).is_ok();
                (set.as_slice().iter().all(can), Barrier::Incapable)
            }
            Self::Kinds(set) => (facts.kind.is_some_and(|kind| set.contains(kind)), Barrier::WrongKind),
            Self::BeforeCutOff => (facts.is_cutoff_passed == Some(false), Barrier::CutOffPassed),
            Self::CapacityLeft(min) => {
                (facts.capacity_left.is_some_and(|left| left >= *min), Barrier::NoCapacity)
            }
        };
        (!passes).then_some(barrier)
    }

    /// Whether it says the same of a location tomorrow: what it asks is no matter of stock, time or work.
    fn lasts(&self) -> bool {
        match self {
            Self::Include(_)
            | Self::Exclude(_)
            | Self::MaxDistance(_)
            | Self::Capabilities(_)
            | Self::Kinds(_) => true,
            Self::KeepFree { .. } | Self::BeforeCutOff | Self::CapacityLeft(_) => false,
        }
    }

    /// Units of each SKU that must stay free at a location.
    fn keeps(&self, location: LocationNumber) -> u32 {
        match self {
            Self::KeepFree { units, at } if at.as_ref().is_none_or(|set| set.contains(location)) => *units,
            _ => 0,
        }
    }
}

/// What stops a location first; `None` if it passes all filters.
pub(super) fn first_barrier(
    filters: &[Filter],
    location: LocationNumber,
    facts: &PlaceFacts<'_>,
) -> Option<Barrier> {
    filters.iter().find_map(|filter| filter.barrier(location, facts))
}

/// Whether a location passes all filters that last.
pub(super) fn is_within(filters: &[Filter], location: LocationNumber, facts: &PlaceFacts<'_>) -> bool {
    filters.iter().filter(|filter| filter.lasts()).all(|filter| filter.barrier(location, facts).is_none())
}

/// Units of each SKU that must stay free at a location: the most that a filter says.
pub(super) fn kept_free(filters: &[Filter], location: LocationNumber) -> u32 {
    filters.iter().map(|filter| filter.keeps(location)).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    const HERE: LocationNumber = LocationNumber(4);

    fn locations(numbers: &[u16]) -> Set<LocationNumber> {
        Set::new(numbers.iter().copied().map(LocationNumber).collect())
    }

    fn symbols(numbers: &[u32]) -> Set<Symbol> {
        Set::new(numbers.iter().copied().map(Symbol).collect())
    }

    /// A shop (7) that handles 1 and 2, 300 m away, with room for 5, before its cut-off.
    fn check(cases: Vec<(Filter, Option<Barrier>)>) {
        let facts = PlaceFacts {
            kind: Some(Symbol(7)),
            capabilities: &[Symbol(1), Symbol(2)],
            distance: Some(300),
            capacity_left: Some(5),
            backlog: None,
            is_cutoff_passed: Some(false),
        };
        for (filter, expect) in cases {
            assert_eq!(first_barrier(core::slice::from_ref(&filter), HERE, &facts), expect, "{filter:?}");
        }
    }

    #[test]
    fn each_filter_lets_through_what_it_says() {
        check(vec![
            (Filter::Include(locations(&[4, 5])), None),
            (Filter::Include(locations(&[5])), Some(Barrier::NotIncluded)),
            (Filter::Exclude(locations(&[5])), None),
            (Filter::Exclude(locations(&[4, 5])), Some(Barrier::Excluded)),
            (Filter::KeepFree { units: 9, at: None }, None),
            (Filter::MaxDistance(300), None),
            (Filter::MaxDistance(299), Some(Barrier::TooFar)),
            (Filter::Capabilities(symbols(&[2])), None),
            (Filter::Capabilities(symbols(&[2, 3])), Some(Barrier::Incapable)),
            (Filter::Kinds(symbols(&[6, 7])), None),
            (Filter::Kinds(symbols(&[6])), Some(Barrier::WrongKind)),
            (Filter::BeforeCutOff, None),
            (Filter::CapacityLeft(5), None),
            (Filter::CapacityLeft(6), Some(Barrier::NoCapacity)),
        ]);
    }

    #[test]
    fn what_is_unknown_does_not_pass() {
        let facts = PlaceFacts::default();
        for (filter, barrier) in [
            (Filter::MaxDistance(u32::MAX), Barrier::TooFar),
            (Filter::Capabilities(symbols(&[1])), Barrier::Incapable),
            (Filter::Kinds(symbols(&[1])), Barrier::WrongKind),
            (Filter::BeforeCutOff, Barrier::CutOffPassed),
            (Filter::CapacityLeft(0), Barrier::NoCapacity),
        ] {
            let filters = [Filter::KeepFree { units: 1, at: None }, filter];
            assert_eq!(first_barrier(&filters, HERE, &facts), Some(barrier));
        }
    }

    #[test]
    fn what_waits_is_served_by_whom_filters_that_last_let_through() {
        let facts = PlaceFacts { distance: Some(300), ..PlaceFacts::default() };
        let passing =
            [Filter::BeforeCutOff, Filter::CapacityLeft(1), Filter::KeepFree { units: 9, at: None }];
        assert!(is_within(&passing, HERE, &facts));
        for barring in [
            Filter::Include(locations(&[5])),
            Filter::Exclude(locations(&[4])),
            Filter::MaxDistance(299),
            Filter::Capabilities(symbols(&[1])),
            Filter::Kinds(symbols(&[1])),
        ] {
            assert!(!is_within(&[Filter::MaxDistance(300), barring.clone()], HERE, &facts), "{barring:?}");
        }
    }

    #[test]
    fn the_largest_stock_that_must_stay_counts() {
        let keep = |units, at: Option<&[u16]>| Filter::KeepFree { units, at: at.map(locations) };
        let filters = [keep(3, None), keep(8, Some(&[4])), keep(9, Some(&[5])), Filter::BeforeCutOff];
        assert_eq!(kept_free(&filters, HERE), 8);
        assert_eq!(kept_free(&filters[..1], HERE), 3);
        assert_eq!(kept_free(&[], HERE), 0);
    }
}
