//! Whether one strategy can mean what it says: its condition, filters, ranks and limits.

use super::condition::{self, check_list};
use super::{Cause, Field, Finding, Known};
use crate::routing::profile::Strategy;
use crate::routing::profile::filter::Filter;
use crate::routing::profile::rank::{Objective, RANKS_MAX, Rank, Ranking, Weight};

/// Filters of one strategy.
pub const FILTERS_MAX: usize = 16;

/// The widest band of a rank: a thousand kilometres, or ten thousand major units of a currency with two
/// decimals.
pub const BAND_MAX: u32 = 1_000_000;

/// The largest weight of an objective; with the numbers that it multiplies, a sum stays far inside 64 bits.
pub const WEIGHT_MAX: u32 = 1_000_000;

pub(super) fn check(strategy: &Strategy, known: &Known) -> Result<(), Finding> {
    if let Some(when) = &strategy.when {
        condition::check(when, known)?;
    }
    check_filters(&strategy.filters, known)?;
    check_ranking(&strategy.ranking, known)?;
    if strategy.max_split == Some(0) {
        return Err((Field::MaxSplit, Cause::Zero));
    }
    Ok(())
}

fn check_filters(filters: &[Filter], known: &Known) -> Result<(), Finding> {
    if filters.len() > FILTERS_MAX {
        return Err((Field::Filters, Cause::TooMany { count: filters.len(), max: FILTERS_MAX }));
    }
    for (number, filter) in filters.iter().enumerate() {
        check_filter(filter, known).map_err(|cause| (Field::Filter(number), cause))?;
        if no_location_passes(&filters[..=number], known) || contradicts(filter, &filters[..number]) {
            return Err((Field::Filter(number), Cause::NoneCanPass));
        }
    }
    Ok(())
}

fn check_filter(filter: &Filter, known: &Known) -> Result<(), Cause> {
    match filter {
        Filter::Include(set) | Filter::Exclude(set) => known.locations(set),
        Filter::KeepFree { units: 0, .. } | Filter::CapacityLeft(0) => Err(Cause::Zero),
        Filter::KeepFree { at: Some(set), .. } => known.locations(set),
        Filter::Capabilities(set) | Filter::Kinds(set) => check_list(set),
        Filter::KeepFree { at: None, .. } | Filter::MaxDistance(_) | Filter::BeforeCutOff => Ok(()),
        Filter::CapacityLeft(_) => Ok(()),
    }
}

/// Whether the locations that are named leave none. A location that may only come later counts as well: it is
/// in no list.
fn no_location_passes(filters: &[Filter], known: &Known) -> bool {
    let passes = |location: &crate::id::LocationNumber| {
        filters.iter().all(|filter| match filter {
            Filter::Include(set) => set.contains(*location),
            Filter::Exclude(set) => !set.contains(*location),
            _ => true,
        })
    };
    let mut all = (0..=known.location_count).map(crate::id::LocationNumber);
    !all.any(|location| passes(&location))
}

/// Two lists of kinds without one in common.
fn contradicts(filter: &Filter, before: &[Filter]) -> bool {
    let Filter::Kinds(kinds) = filter else { return false };
    before.iter().any(|other| matches!(other, Filter::Kinds(other) if !kinds.meets(other)))
}

fn check_ranking(ranking: &Ranking, known: &Known) -> Result<(), Finding> {
    let count = ranking.objectives().count();
    if count == 0 {
        return Err((Field::Ranking, Cause::Empty));
    }
    if count > RANKS_MAX {
        return Err((Field::Ranking, Cause::TooMany { count, max: RANKS_MAX }));
    }
    for (number, objective) in ranking.objectives().enumerate() {
        check_objective(objective, known).map_err(|cause| (Field::Rank(number), cause))?;
        let mut cards = ranking.objectives().take(number).filter_map(Objective::rate_card);
        if objective.rate_card().is_some_and(|card| cards.any(|other| other != card)) {
            return Err((Field::Rank(number), Cause::SeveralRateCards));
        }
    }
    match ranking {
        Ranking::InOrder(ranks) => check_ranks(ranks),
        Ranking::Weighted(weights) => check_weights(weights),
    }
}

fn check_objective(objective: &Objective, known: &Known) -> Result<(), Cause> {
    match objective {
        Objective::Priority(list) => known.priorities(list),
        Objective::LandedCost(card) if usize::from(*card) >= known.rate_cards => {
            Err(Cause::UnknownRateCard(*card))
        }
        _ => Ok(()),
    }
}

fn check_ranks(ranks: &[Rank]) -> Result<(), Finding> {
    for (number, rank) in ranks.iter().enumerate() {
        let wrong = |cause| Err((Field::Rank(number), cause));
        match rank.band {
            Some(0) => return wrong(Cause::Zero),
            Some(band) if band > BAND_MAX => return wrong(Cause::OutOfRange { max: i64::from(BAND_MAX) }),
            // One shipment is one shipment: in a band they would all count nothing.
            Some(_) if rank.objective == Objective::FewestShipments => return wrong(Cause::NeverDecides),
            _ => {}
        }
        let decides_before = |other: &Rank| {
            other.objective == rank.objective && (other.band.is_none() || other.band == rank.band)
        };
        if ranks[..number].iter().any(decides_before) {
            return wrong(Cause::NeverDecides);
        }
    }
    Ok(())
}

fn check_weights(weights: &[Weight]) -> Result<(), Finding> {
    for (number, weight) in weights.iter().enumerate() {
        if weight.weight > WEIGHT_MAX {
            return Err((Field::Rank(number), Cause::OutOfRange { max: i64::from(WEIGHT_MAX) }));
        }
        if weights[..number].iter().any(|other| other.objective == weight.objective) {
            return Err((Field::Rank(number), Cause::Duplicate));
        }
    }
    if weights.iter().all(|weight| weight.weight == 0) {
        return Err((Field::Ranking, Cause::Zero));
    }
    Ok(())
}
