//! Strategies that no order reaches.
//!
//! An earlier strategy stands before a later one if its condition holds whenever the later one's does, and it
//! may do whatever the later one may: serve from each location, as much, in as many shipments, with lines
//! split. Then each plan of the later one is one of the earlier one too, and the ranks only choose between
//! plans.

use super::implied::is_implied;
use super::{Cause, Field, ProfileError, Section};
use crate::id::LocationNumber;
use crate::routing::profile::filter::Filter;
use crate::routing::profile::{Profile, Split, Strategy};

/// All strategies and fallbacks in the order in which they are tried.
pub(super) fn sections(profile: &Profile) -> impl Iterator<Item = (Section, &Strategy)> {
    let strategies = profile.strategies.iter().enumerate();
    let fallbacks = profile.fallbacks.iter().enumerate();
    strategies
        .map(|(number, strategy)| (Section::Strategy(number), strategy))
        .chain(fallbacks.map(|(number, fallback)| (Section::Fallback(number), fallback)))
}

pub(super) fn check(profile: &Profile) -> Result<(), ProfileError> {
    for (place, (section, strategy)) in sections(profile).enumerate() {
        if serves_what_it_can(profile, section) {
            continue;
        }
        let mut before = sections(profile).take(place);
        let in_front = before.find(|(_, earlier)| stands_before(earlier, strategy, profile.defaults));
        if let Some((by, _)) = in_front {
            return Err(section.error(Field::Whole, Cause::Unreachable { by }));
        }
    }
    Ok(())
}

/// Whether a fallback may say how a part of an order is served, even though it never serves one in full: the
/// rest may wait, since an order can ask for that whatever the profile says, and no fallback behind it holds whenever it
/// does.
fn serves_what_it_can(profile: &Profile, section: Section) -> bool {
    let Section::Fallback(number) = section else { return false };
    let when = profile.fallbacks[number].when.as_ref();
    let mut later = profile.fallbacks[number + 1..].iter();
    !later.any(|later| is_implied(later.when.as_ref(), when))
}

fn stands_before(earlier: &Strategy, later: &Strategy, defaults: Split) -> bool {
    let (may, wants) = (earlier.split(defaults), later.split(defaults));
    may.max_split >= wants.max_split
        && (may.line_split || !wants.line_split)
        && earlier.filters.iter().all(|filter| lets_through(filter, &later.filters))
        && is_implied(earlier.when.as_ref(), later.when.as_ref())
}

/// Whether what passes all of some filters passes this one too, with as much stock.
fn lets_through(filter: &Filter, others: &[Filter]) -> bool {
    match filter {
        Filter::Include(set) => {
            others.iter().any(|other| matches!(other, Filter::Include(other) if other.is_subset(set)))
        }
        Filter::Exclude(set) => set.as_slice().iter().all(|location| is_kept_out(*location, others)),
        Filter::KeepFree { units, at } => others.iter().any(|other| match other {
            Filter::KeepFree { units: kept, at: everywhere_or } => {
                let is_wider = match (at, everywhere_or) {
                    (_, None) => true,
                    (Some(at), Some(other)) => at.is_subset(other),
                    (None, Some(_)) => false,
                };
                is_wider && kept >= units
            }
            _ => false,
        }),
        Filter::MaxDistance(max) => {
            others.iter().any(|other| matches!(other, Filter::MaxDistance(other) if other <= max))
        }
        Filter::Capabilities(set) => set.as_slice().iter().all(|capability| {
            others
                .iter()
                .any(|other| matches!(other, Filter::Capabilities(other) if other.contains(*capability)))
        }),
        Filter::Kinds(set) => {
            others.iter().any(|other| matches!(other, Filter::Kinds(other) if other.is_subset(set)))
        }
        Filter::BeforeCutOff => others.contains(&Filter::BeforeCutOff),
        Filter::CapacityLeft(min) => {
            others.iter().any(|other| matches!(other, Filter::CapacityLeft(other) if other >= min))
        }
    }
}

fn is_kept_out(location: LocationNumber, filters: &[Filter]) -> bool {
    filters.iter().any(|filter| match filter {
        Filter::Include(set) => !set.contains(location),
        Filter::Exclude(set) => set.contains(location),
        _ => false,
    })
}
