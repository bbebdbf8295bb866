//! Planning an order by a profile: one function for preview and commit.

use super::bounded::{in_turn, search};
use super::budget::{Budget, FALLBACK_STEPS_MAX, OutOfSteps, PLAN_STEPS_MAX, WALK_STEPS_MAX};
use super::explain::{Decision, Explanation, explain};
use super::facts::OrderFacts;
use super::field::{Field, Rules};
use super::ground::Ground;
use super::holds::holds;
use super::rank::{Objective, Rank, Ranking};
use super::trial::{Goal, Trial};
use super::world::World;
use super::{Otherwise, Profile, Strategy};
use crate::id::LocationNumber;
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
    /// What is not served waits.
    Backorder,
    /// It is not taken.
    Reject,
}

/// Plans an order by a profile that [`check`](super::check()) has passed, over the channel's locations, the
/// preferred one first. Each SKU stands once in `needs`, and none needs 0 units.
///
/// The first strategy whose condition holds and that serves everything wins, then the first such fallback. If
/// there is none, as much as possible is served as the last fallback says whose condition holds, else as the
/// defaults say.
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
    let fallback = last_fallback(ground, &mut budget);
    let (is_judged, number) = (fallback.is_ok(), fallback.unwrap_or(None));
    let fallback = number.map(|number| &ground.profile.fallbacks[usize::from(number)]);
    let plain = fewest_shipments();
    let defaults = Rules { filters: &[], ranking: &plain, split: ground.profile.defaults };
    let rules = fallback.map_or(defaults, |fallback| Rules::of(fallback, ground.profile.defaults));
    let best = partial(ground, rules, &mut budget);
    let is_cut_short = is_cut_short || !is_judged || best.is_err();
    let mut walk = Budget::new(WALK_STEPS_MAX);
    let (field, mut trial) =
        best.unwrap_or_else(|OutOfSteps| in_short(ground, Rules { ranking: &plain, ..rules }, &mut walk));
    if !is_judged {
        // Filters that should hold are not known, so nobody is asked to serve.
        trial.chosen.clear();
    }
    let decided = otherwise(ground.profile.otherwise, number);
    planned(&field, &trial, decided, is_cut_short, before + budget.spent() + walk.spent())
}

fn otherwise(otherwise: Otherwise, fallback: Option<u8>) -> (Outcome, Decision) {
    match otherwise {
        Otherwise::Backorder => (Outcome::Backorder, Decision::Backorder(fallback)),
        Otherwise::Reject => (Outcome::Reject, Decision::Reject(fallback)),
    }
}

/// The last fallback whose condition holds.
fn last_fallback<W: World>(ground: &Ground<'_, W>, budget: &mut Budget) -> Result<Option<u8>, OutOfSteps> {
    for (number, fallback) in ground.profile.fallbacks.iter().enumerate().rev() {
        if is_called_for(ground, fallback, budget)? {
            return Ok(Some(short(number)));
        }
    }
    Ok(None)
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
    Planned { takes, outcome, explanation, steps }
}
