//! A good plan of a large order, in a bounded number of steps.
//!
//! Two plans to begin with: the locations as they are asked until nothing is missing, and the largest
//! contributor again and again. The better one is improved by leaving a location out, adding one, or exchanging
//! one for another, as long as that helps and steps are left. Nothing here is random, so the same order gets
//! the same plan.

use super::SEARCH_STEPS_MAX;
use super::budget::{Budget, OutOfSteps};
use super::exact;
use super::field::Field;
use super::trial::{Goal, Trial};
use super::world::World;
use alloc::vec::Vec;

/// The best plan that is found; `None` if none reaches the goal. Exact if the field is small.
pub(super) fn search<W: World>(
    field: &Field<'_, W>,
    goal: Goal,
    budget: &mut Budget,
) -> Result<Option<Trial>, OutOfSteps> {
    if exact::is_small(field) {
        return exact::search(field, goal, budget);
    }
    let mut best = Some(in_turn(field, goal, budget)?).filter(|trial| is_allowed(field, goal, trial));
    let mut part = budget.part(SEARCH_STEPS_MAX);
    // Out of steps: what has been found so far is the answer.
    if let Ok(trial) = largest_first(field, &mut part)
        && is_allowed(field, goal, &trial)
        && best.as_ref().is_none_or(|best| trial.beats(best))
    {
        best = Some(trial);
    }
    let improved = best.map(|best| improve(field, best, &mut part));
    budget.give_back(&part);
    Ok(improved)
}

fn is_allowed<W: World>(field: &Field<'_, W>, goal: Goal, trial: &Trial) -> bool {
    trial.chosen.len() <= field.max_split() && (goal == Goal::AsMuchAsPossible || trial.missing == 0)
}

/// The candidates as they are asked, until nothing is missing or, where something may be, there are as many as
/// may serve.
pub(super) fn in_turn<W: World>(
    field: &Field<'_, W>,
    goal: Goal,
    budget: &mut Budget,
) -> Result<Trial, OutOfSteps> {
    let count = match goal {
        Goal::Everything => field.candidates.len(),
        Goal::AsMuchAsPossible => field.candidates.len().min(field.max_split()),
    };
    let asked: Vec<usize> = (0..count).collect();
    field.fill(&asked, budget)
}

/// The candidate that gives the most of what is missing, then the next, until nothing is missing or no more may
/// serve.
fn largest_first<W: World>(field: &Field<'_, W>, budget: &mut Budget) -> Result<Trial, OutOfSteps> {
    let mut missing = field.targets.clone();
    let mut chosen: Vec<usize> = Vec::new();
    while chosen.len() < field.max_split() && missing.iter().any(|units| *units > 0) {
        let mut gains = gains(field, &missing, budget)?;
        for candidate in &chosen {
            gains[*candidate] = 0;
        }
        let Some(largest) = gains.iter().copied().max().filter(|gain| *gain > 0) else { break };
        let Some(best) = gains.iter().position(|gain| *gain == largest) else { break };
        for (need, missing) in missing.iter_mut().enumerate() {
            *missing -= field.give(*missing, field.usable(need, best));
        }
        chosen.push(best);
    }
    chosen.sort_unstable();
    field.fill(&chosen, budget)
}

/// What each candidate gives of what is missing.
fn gains<W: World>(
    field: &Field<'_, W>,
    missing: &[u64],
    budget: &mut Budget,
) -> Result<Vec<u64>, OutOfSteps> {
    let mut gains = alloc::vec![0; field.candidates.len()];
    for (need, missing) in missing.iter().enumerate().filter(|(_, missing)| **missing > 0) {
        budget.spend(gains.len())?;
        for (gain, usable) in gains.iter_mut().zip(field.row(need)) {
            *gain += field.give(*missing, u64::from(*usable));
        }
    }
    Ok(gains)
}

/// Goes from a plan to a better one that differs by one location, until there is none or the steps are out.
fn improve<W: World>(field: &Field<'_, W>, mut best: Trial, budget: &mut Budget) -> Trial {
    while let Ok(Some(better)) = better_neighbour(field, &best, budget) {
        best = better;
    }
    best
}

/// The first plan that is better, without one of its locations or with another one: first what leaves one out.
fn better_neighbour<W: World>(
    field: &Field<'_, W>,
    best: &Trial,
    budget: &mut Budget,
) -> Result<Option<Trial>, OutOfSteps> {
    let mut tried = Vec::with_capacity(best.chosen.len() + 1);
    let is_better = |trial: &Trial| trial.chosen.len() <= field.max_split() && trial.beats(best);
    for out in best.chosen.iter().copied().map(Some).chain([None]) {
        let others = 0..field.candidates.len();
        let added = others.filter(|candidate| best.chosen.binary_search(candidate).is_err());
        // With nothing left out and nothing added it would be the same plan.
        let nothing = out.map(|_| None);
        for add in nothing.into_iter().chain(added.map(Some)) {
            tried.clear();
            tried.extend(best.chosen.iter().copied().filter(|candidate| Some(*candidate) != out));
            if let Some(add) = add {
                tried.insert(tried.partition_point(|candidate| *candidate < add), add);
            }
            let trial = field.fill(&tried, budget)?;
            if is_better(&trial) {
                return Ok(Some(trial));
            }
        }
    }
    Ok(None)
}
