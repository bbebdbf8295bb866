//! Planning an order by a profile: one function for preview and commit.

use super::bounded::{in_turn, search};
use super::budget::{Budget, FALLBACK_STEPS_MAX, OutOfSteps, PLAN_STEPS_MAX, WALK_STEPS_MAX};
use super::explain::{By, Decision, Explanation, explain};
use super::facts::OrderFacts;
use super::field::{Field, Rules};
use super::filter::{Filter, is_within};
use super::ground::Ground;
use super::holds::holds;
use super::rank::{Objective, Rank, Ranking};
use super::trial::{Goal, Trial};
use super::world::World;
use super::{Profile, Strategy};
use crate::id::LocationNumber;
use crate::order::Policy;
use crate::routing::{Need, Take};
use alloc::vec::Vec;

/// What a profile says of an order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Planned {
    /// Which location serves what: those of one need stand together, in the order of the needs. Where the order
    /// is to be rejected, what there would have been, for the answer; none of it is to be claimed.
    pub takes: Vec<Take>,
    /// What becomes of the order.
    pub outcome: Outcome,
    /// Of an order that waits in part, the locations that may serve it later, ascending: those that pass the filters that
    /// last of the rules that decided. `None` is all of them.
    pub within: Option<Vec<LocationNumber>>,
    /// Why.
    pub explanation: Explanation,
    /// Counted steps that it took, beside reading what is free; the same for the same input on every machine.
    pub steps: usize,
}

/// What becomes of an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It is served in full.
    Full,
    /// What is not served waits, of an imposed order as short.
    Backorder,
    /// It is not taken.
    Reject,
}

/// Plans an order by a profile that [`check`](super::check()) has passed, over the channel's locations, the
/// preferred one first. Each SKU stands once in `needs`, and none needs 0 units.
///
/// The first strategy whose condition holds and that serves everything wins, then the first such fallback. If
/// there is none, as much as possible is served as the last fallback says whose condition holds, else as the last such
/// strategy says; where no condition holds, as the defaults say, over all of the channel's locations.
///
/// Exact, within a strategy, up to [`EXACT_NEEDS_MAX`](super::EXACT_NEEDS_MAX) needs and
/// [`EXACT_LOCATIONS_MAX`](super::EXACT_LOCATIONS_MAX) locations that may serve; beyond, a search in a bounded
/// number of steps, over the first [`READS_MAX`](super::READS_MAX) / needs of the locations. That search misses
/// that an order can be served in full only where `max_split` binds.
#[must_use]
pub fn plan_with<W: World>(
    profile: &Profile,
    order: &OrderFacts<'_>,
    world: &W,
    needs: &[Need],
    locations: &[LocationNumber],
) -> Planned {
    let ground = Ground::survey(profile, order, world, needs, locations);
    let mut budget = Budget::new(PLAN_STEPS_MAX);
    let winner = if ground.has_enough() { winner(&ground, &mut budget) } else { Ok(None) };
    if let Ok(Some((field, trial, decision))) = &winner {
        return planned(field, trial, (Outcome::Full, *decision), false, budget.spent());
    }
    as_much_as_possible(&ground, winner.is_err() || ground.beyond > 0, budget.spent())
}

type Winner<'g, W> = (Field<'g, W>, Trial, Decision);

/// The first that serves everything. An error means that not all of them could be tried.
fn winner<'g, W: World>(
    ground: &'g Ground<'g, W>,
    budget: &mut Budget,
) -> Result<Option<Winner<'g, W>>, OutOfSteps> {
    let Profile { strategies, fallbacks, .. } = ground.profile;
    let first = strategies.iter().enumerate().map(|(number, row)| (Decision::Strategy(short(number)), row));
    let then = fallbacks.iter().enumerate().map(|(number, row)| (Decision::Fallback(short(number)), row));
    for (decision, strategy) in first.chain(then) {
        if !is_called_for(ground, strategy, budget)? {
            continue;
        }
        let mut field = Field::lay_out(ground, Rules::of(strategy, ground.profile.defaults), budget)?;
        if !field.has_enough(budget)? {
            continue;
        }
        field.rank(budget)?;
        if let Some(trial) = search(&field, Goal::Everything, budget)? {
            return Ok(Some((field, trial, decision)));
        }
    }
    Ok(None)
}

/// No list that a check has passed is longer.
fn short(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

fn is_called_for<W: World>(
    ground: &Ground<'_, W>,
    strategy: &Strategy,
    budget: &mut Budget,
) -> Result<bool, OutOfSteps> {
    let Some(condition) = &strategy.when else { return Ok(true) };
    holds(condition, ground.order, None, ground.world, budget)
}

/// Where nothing else is said: the fewest locations, of these the ones the channel prefers.
fn fewest_shipments() -> Ranking {
    Ranking::InOrder(alloc::vec![Rank { objective: Objective::FewestShipments, band: None }])
}

/// Serves what can be served of an order that nothing serves in full.
fn as_much_as_possible<W: World>(ground: &Ground<'_, W>, is_cut_short: bool, before: usize) -> Planned {
    let mut budget = Budget::new(FALLBACK_STEPS_MAX);
    let last = last_called_for(ground, &mut budget);
    let (is_judged, by) = (last.is_ok(), last.unwrap_or(By::Defaults));
    let plain = fewest_shipments();
    let rules = rules_by(ground.profile, by, &plain);
    let best = partial(ground, rules, &mut budget);
    let is_cut_short = is_cut_short || !is_judged || best.is_err();
    let mut walk = Budget::new(WALK_STEPS_MAX);
    let (field, mut trial) =
        best.unwrap_or_else(|OutOfSteps| in_short(ground, Rules { ranking: &plain, ..rules }, &mut walk));
    if !is_judged && has_filters(ground.profile) {
        // Which filters should hold is not known, so nobody is asked to serve.
        trial.chosen.clear();
    }
    let takes = field.takes(&trial);
    let decided = if serves_all(ground.needs, &takes) { in_full(by) } else { in_part(ground, by) };
    let explanation = explain(&field, &trial, &takes, decided.1, is_cut_short);
    let within = match decided.0 {
        Outcome::Backorder if is_judged => within(ground, rules.filters),
        // Whichever rules should hold: their filters let these through.
        Outcome::Backorder => within(ground, &all_filters(ground.profile)),
        Outcome::Full | Outcome::Reject => None,
    };
    Planned { takes, outcome: decided.0, within, explanation, steps: before + budget.spent() + walk.spent() }
}

fn has_filters(profile: &Profile) -> bool {
    profile.strategies.iter().chain(&profile.fallbacks).any(|rules| !rules.filters.is_empty())
}

/// The channel's locations that pass the filters that last; `None` if all of them do.
fn within<W: World>(ground: &Ground<'_, W>, filters: &[Filter]) -> Option<Vec<LocationNumber>> {
    let passes = |location: &LocationNumber| is_within(filters, *location, &ground.world.place(*location));
    let mut within: Vec<LocationNumber> = ground.all.iter().copied().filter(passes).collect();
    within.sort_unstable();
    (within.len() < ground.all.len()).then_some(within)
}

fn all_filters(profile: &Profile) -> Vec<Filter> {
    let rules = profile.strategies.iter().chain(&profile.fallbacks);
    rules.flat_map(|rules| rules.filters.iter().cloned()).collect()
}

fn rules_by<'a>(profile: &'a Profile, by: By, plain: &'a Ranking) -> Rules<'a> {
    match by {
        By::Defaults => Rules { filters: &[], ranking: plain, split: profile.defaults },
        By::Strategy(number) => Rules::of(&profile.strategies[usize::from(number)], profile.defaults),
        By::Fallback(number) => Rules::of(&profile.fallbacks[usize::from(number)], profile.defaults),
    }
}

fn serves_all(needs: &[Need], takes: &[Take]) -> bool {
    let units = |quantities: &mut dyn Iterator<Item = u64>| quantities.sum::<u64>();
    units(&mut takes.iter().map(|take| take.quantity)) == units(&mut needs.iter().map(|need| need.quantity))
}

/// What is served in full after all: by the defaults, or by a strategy that a search in counted steps has missed.
fn in_full(by: By) -> (Outcome, Decision) {
    let decision = match by {
        By::Defaults => Decision::Defaults,
        By::Strategy(number) => Decision::Strategy(number),
        By::Fallback(number) => Decision::Fallback(number),
    };
    (Outcome::Full, decision)
}

fn in_part<W: World>(ground: &Ground<'_, W>, by: By) -> (Outcome, Decision) {
    match ground.order.policy.or(ground.profile.otherwise).unwrap_or(Policy::Reject) {
        Policy::Backorder | Policy::Imposed | Policy::ShipComplete => {
            (Outcome::Backorder, Decision::Backorder(by))
        }
        Policy::Reject => (Outcome::Reject, Decision::Reject(by)),
    }
}

/// The last fallback whose condition holds, else the last strategy.
fn last_called_for<W: World>(ground: &Ground<'_, W>, budget: &mut Budget) -> Result<By, OutOfSteps> {
    for (number, fallback) in ground.profile.fallbacks.iter().enumerate().rev() {
        if is_called_for(ground, fallback, budget)? {
            return Ok(By::Fallback(short(number)));
        }
    }
    for (number, strategy) in ground.profile.strategies.iter().enumerate().rev() {
        if is_called_for(ground, strategy, budget)? {
            return Ok(By::Strategy(short(number)));
        }
    }
    Ok(By::Defaults)
}

fn partial<'g, W: World>(
    ground: &'g Ground<'g, W>,
    rules: Rules<'g>,
    budget: &mut Budget,
) -> Result<(Field<'g, W>, Trial), OutOfSteps> {
    let mut field = Field::lay_out(ground, rules, budget)?;
    field.want_what_is_there(budget)?;
    field.rank(budget)?;
    let trial = search(&field, Goal::AsMuchAsPossible, budget)?;
    trial.map(|trial| (field, trial)).ok_or(OutOfSteps)
}

/// The locations that pass the filters, as the channel has them, without a search.
fn in_short<'g, W: World>(
    ground: &'g Ground<'g, W>,
    rules: Rules<'g>,
    budget: &mut Budget,
) -> (Field<'g, W>, Trial) {
    let walked = Field::lay_out(ground, rules, budget).and_then(|mut field| {
        field.want_what_is_there(budget)?;
        field.rank(budget)?;
        let trial = in_turn(&field, Goal::AsMuchAsPossible, budget)?;
        Ok((field, trial))
    });
    walked.unwrap_or_else(|OutOfSteps| (Field::empty(ground, rules), Trial::default()))
}

fn planned<W: World>(
    field: &Field<'_, W>,
    trial: &Trial,
    (outcome, decision): (Outcome, Decision),
    is_cut_short: bool,
    steps: usize,
) -> Planned {
    let takes = field.takes(trial);
    let explanation = explain(field, trial, &takes, decision, is_cut_short);
    Planned { takes, outcome, within: None, explanation, steps }
}
