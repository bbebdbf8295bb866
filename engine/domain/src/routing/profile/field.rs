//! One strategy's view of an order: who may serve, how much, and in which order they are asked.
//!
//! A set of locations is a plan in one way only: the locations are asked in the order of their own numbers,
//! each gives what it has of what is still missing, and who gives nothing is not part of it. So a plan is a
//! set.

use super::budget::{Budget, OutOfSteps};
use super::costs::{self, Candidate, Landed, Score};
use super::filter::{Filter, first_barrier, kept_free};
use super::ground::Ground;
use super::rank::{RANKS_MAX, Ranking};
use super::trial::Trial;
use super::world::World;
use super::{Split, Strategy};
use crate::order::CLAIMS_MAX;
use crate::routing::Take;
use alloc::vec::Vec;
use smallvec::SmallVec;

/// What of a strategy decides after its condition.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) filters: &'a [Filter],
    pub(super) ranking: &'a Ranking,
    pub(super) split: Split,
}

impl<'a> Rules<'a> {
    pub(super) fn of(strategy: &'a Strategy, defaults: Split) -> Self {
        Self { filters: &strategy.filters, ranking: &strategy.ranking, split: strategy.split(defaults) }
    }
}

/// A location that may serve, before it is known what it costs.
#[derive(Clone, Copy)]
struct Open {
    place: usize,
    keep: u32,
}

pub(super) struct Field<'a, W> {
    pub(super) ground: &'a Ground<'a, W>,
    pub(super) rules: Rules<'a>,
    /// Those that may serve and have something: as the channel has them, from the ranking on as the candidates.
    open: SmallVec<[Open; 16]>,
    /// The same with their costs, in the order in which they are asked; nobody before they are ranked.
    pub(super) candidates: Vec<Candidate>,
    /// A row for each need of what each candidate may give, in their order: every step of a search reads it.
    usable: Vec<u32>,
    landed: Landed,
    /// Units that are wanted of each need.
    pub(super) targets: SmallVec<[u64; 8]>,
}

impl<'a, W: World> Field<'a, W> {
    /// A view in which nobody serves.
    pub(super) fn empty(ground: &'a Ground<'a, W>, rules: Rules<'a>) -> Self {
        let targets = ground.needs.iter().map(|need| need.quantity).collect();
        Self {
            ground,
            rules,
            open: SmallVec::new(),
            candidates: Vec::new(),
            usable: Vec::new(),
            landed: Landed::new(),
            targets,
        }
    }

    /// Everything but the ranks, which a strategy that cannot serve in full has no need of.
    pub(super) fn lay_out(
        ground: &'a Ground<'a, W>,
        rules: Rules<'a>,
        budget: &mut Budget,
    ) -> Result<Self, OutOfSteps> {
        let mut field = Self::empty(ground, rules);
        for (place, location) in ground.locations.iter().enumerate() {
            budget.spend(1 + rules.filters.len())?;
            if first_barrier(rules.filters, *location, &ground.places[place]).is_some() {
                continue;
            }
            let open = Open { place, keep: kept_free(rules.filters, *location) };
            if field.has_any(open, budget)? {
                field.open.push(open);
            }
        }
        Ok(field)
    }

    /// Gives the candidates their costs and their order.
    pub(super) fn rank(&mut self, budget: &mut Budget) -> Result<(), OutOfSteps> {
        budget.spend(self.open.len() * self.targets.len())?;
        self.candidates = self.open.iter().map(|open| Candidate::new(open.place, open.keep)).collect();
        self.landed = costs::rate(self.ground, self.rules.ranking, &mut self.candidates, budget)?;
        costs::sort(&mut self.candidates);
        self.open = self.candidates.iter().map(|row| Open { place: row.place, keep: row.keep }).collect();
        self.usable = Vec::with_capacity(self.open.len() * self.targets.len());
        for row in (0..self.targets.len()).map(|need| self.ground.table.row(need)) {
            self.usable.extend(self.open.iter().map(|open| open.usable(row)));
        }
        Ok(())
    }

    fn has_any(&self, open: Open, budget: &mut Budget) -> Result<bool, OutOfSteps> {
        let mut needs = 0..self.targets.len();
        let found = needs.find(|need| open.usable(self.ground.table.row(*need)) > 0);
        budget.spend(found.map_or(self.targets.len(), |need| need + 1))?;
        Ok(found.is_some())
    }

    /// Units of a need that each candidate may give.
    pub(super) fn row(&self, need: usize) -> &[u32] {
        let count = self.candidates.len();
        &self.usable[need * count..][..count]
    }

    /// Units of a need that a candidate may give.
    pub(super) fn usable(&self, need: usize, candidate: usize) -> u64 {
        u64::from(self.row(need)[candidate])
    }

    /// The same before the candidates are ranked.
    fn each_open(&self, need: usize) -> impl Iterator<Item = u64> {
        let row = self.ground.table.row(need);
        self.open.iter().map(move |open| u64::from(open.usable(row)))
    }

    /// Units that a candidate gives of what is missing: all or nothing where a line may not be split.
    pub(super) fn give(&self, missing: u64, usable: u64) -> u64 {
        if usable >= missing {
            missing
        } else if self.rules.split.line_split {
            usable
        } else {
            0
        }
    }

    /// The most locations that may serve.
    pub(super) fn max_split(&self) -> usize {
        usize::from(self.rules.split.max_split)
    }

    /// Whether all candidates together can give everything.
    pub(super) fn has_enough(&self, budget: &mut Budget) -> Result<bool, OutOfSteps> {
        for (need, target) in self.targets.iter().enumerate() {
            let (mut missing, mut looks) = (*target, 0);
            for usable in self.each_open(need) {
                if missing == 0 {
                    break;
                }
                looks += 1;
                missing -= self.give(missing, usable);
            }
            budget.spend(looks)?;
            if missing > 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Wants no more of each need than the candidates have together or, where a line may not be split, than one
    /// of them has.
    pub(super) fn want_what_is_there(&mut self, budget: &mut Budget) -> Result<(), OutOfSteps> {
        for need in 0..self.targets.len() {
            budget.spend(self.open.len())?;
            let usable = self.each_open(need);
            let there: u64 =
                if self.rules.split.line_split { usable.sum() } else { usable.max().unwrap_or(0) };
            self.targets[need] = self.targets[need].min(there).min(self.ground.table.total(need));
        }
        Ok(())
    }

    /// The plan of some candidates, which are named ascending.
    pub(super) fn fill(&self, chosen: &[usize], budget: &mut Budget) -> Result<Trial, OutOfSteps> {
        let mut missing = 0;
        let mut given: SmallVec<[(bool, u64); 16]> = SmallVec::from_elem((false, 0), chosen.len());
        for need in 0..self.targets.len() {
            let (weight, row) = (self.unit_weight(need), self.row(need));
            let (mut left, mut looks) = (self.targets[need], 0);
            for (candidate, (gives, milligrams)) in chosen.iter().zip(&mut given) {
                if left == 0 {
                    break;
                }
                looks += 1;
                let units = self.give(left, u64::from(row[*candidate]));
                *gives |= units > 0;
                *milligrams = milligrams.saturating_add(units.saturating_mul(weight));
                left -= units;
            }
            budget.spend(looks)?;
            missing += left;
        }
        let mut trial = Trial { missing, score: [0; RANKS_MAX], chosen: Vec::with_capacity(chosen.len()) };
        for (candidate, (_, milligrams)) in chosen.iter().zip(given).filter(|(_, (gives, _))| *gives) {
            self.add_cost(&mut trial.score, *candidate, milligrams);
            trial.chosen.push(*candidate);
        }
        Ok(trial)
    }

    /// Adds what a shipment of so much weight from a candidate costs.
    pub(super) fn add_cost(&self, score: &mut Score, candidate: usize, milligrams: u64) {
        self.candidates[candidate].add_to(score, &self.landed, milligrams);
    }

    /// Milligrams of one unit of a need; 0 where no rate asks for it.
    pub(super) fn unit_weight(&self, need: usize) -> u64 {
        self.ground.unit_weights.get(need).copied().unwrap_or(0)
    }

    /// What each location gives in a plan; those of one need stand together. One take more than an order may
    /// have claims is the last: such an order is refused, however many there would be.
    pub(super) fn takes(&self, trial: &Trial) -> Vec<Take> {
        let mut takes = Vec::with_capacity(self.targets.len().max(trial.chosen.len()));
        for (need, target) in self.targets.iter().enumerate() {
            let (mut left, row) = (*target, self.row(need));
            for candidate in &trial.chosen {
                if left == 0 {
                    break;
                }
                let quantity = self.give(left, u64::from(row[*candidate]));
                if quantity > 0 {
                    let location = self.ground.locations[self.candidates[*candidate].place];
                    takes.push(Take { need, location, quantity });
                    left -= quantity;
                }
            }
            if takes.len() > CLAIMS_MAX {
                takes.truncate(CLAIMS_MAX + 1);
                break;
            }
        }
        takes
    }
}

impl Open {
    /// Units that it may give, of what is free at each location.
    fn usable(self, row: &[u32]) -> u32 {
        row[self.place].saturating_sub(self.keep)
    }
}
