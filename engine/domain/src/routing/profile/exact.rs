//! The best plan of a small order: every set of locations is looked at, or shown to be no better.
//!
//! Branch and bound: the locations are taken up in the order in which they are asked for units; each serves, or
//! does not. Costs only grow, so a branch is left when what it has cost so far and one more location, and what
//! it must lack, are no better than the best plan found. Sets come in the order in which ties are decided, so
//! of equal ones the first stays.

use super::budget::{Budget, OutOfSteps};
use super::costs::Score;
use super::field::Field;
use super::rank::RANKS_MAX;
use super::trial::{Goal, Trial};
use super::world::World;

/// Needs up to which the search is exact.
pub const EXACT_NEEDS_MAX: usize = 8;

/// Locations that have something of the order and pass the filters, up to which the search is exact.
pub const EXACT_LOCATIONS_MAX: usize = 12;

type Units = [u64; EXACT_NEEDS_MAX];

/// Less is better.
type Key = (u64, Score, usize);

/// A set of locations, of which those from some place on are not decided yet.
#[derive(Clone, Copy)]
struct Node {
    missing: Units,
    score: Score,
    count: usize,
    /// A bit for each candidate.
    chosen: u16,
}

struct Search<'a, 'f, W> {
    field: &'a Field<'f, W>,
    usable: [Units; EXACT_LOCATIONS_MAX],
    /// The most that the candidates from one on can give: the sum, or the largest where lines are not split.
    rest: [Units; EXACT_LOCATIONS_MAX + 1],
    /// For each rank the least that one of the candidates from one on costs.
    least: [Score; EXACT_LOCATIONS_MAX],
    best_key: Key,
    best: Option<u16>,
    budget: &'a mut Budget,
}

/// Whether a strategy's view of an order is small enough.
pub(super) fn is_small<W>(field: &Field<'_, W>) -> bool {
    field.targets.len() <= EXACT_NEEDS_MAX && field.candidates.len() <= EXACT_LOCATIONS_MAX
}

/// The best plan; `None` if there is none that reaches the goal. The field must be small.
pub(super) fn search<W: World>(
    field: &Field<'_, W>,
    goal: Goal,
    budget: &mut Budget,
) -> Result<Option<Trial>, OutOfSteps> {
    let mut missing = [0; EXACT_NEEDS_MAX];
    missing[..field.targets.len()].copy_from_slice(&field.targets);
    let root = Node { missing, score: [0; RANKS_MAX], count: 0, chosen: 0 };
    let worst = match goal {
        Goal::Everything => (0, [i64::MAX; RANKS_MAX], usize::MAX),
        Goal::AsMuchAsPossible => (u64::MAX, [i64::MAX; RANKS_MAX], usize::MAX),
    };
    let mut search = Search::new(field, worst, budget);
    search.consider(&root);
    search.branch(0, &root)?;
    let Some(mask) = search.best else { return Ok(None) };
    let chosen = (0..field.candidates.len()).filter(|place| mask & (1 << place) != 0).collect();
    let (missing, score, _) = search.best_key;
    Ok(Some(Trial { missing, score, chosen }))
}

impl<'a, 'f, W: World> Search<'a, 'f, W> {
    fn new(field: &'a Field<'f, W>, worst: Key, budget: &'a mut Budget) -> Self {
        let mut usable = [[0; EXACT_NEEDS_MAX]; EXACT_LOCATIONS_MAX];
        for need in 0..field.targets.len() {
            for (units, free) in usable.iter_mut().zip(field.row(need)) {
                units[need] = u64::from(*free);
            }
        }
        let rest = rest(&usable, field.rules.split.line_split);
        Self { field, usable, rest, least: least(field), best_key: worst, best: None, budget }
    }

    /// Keeps a set, with none of those that are not decided, if it is the best so far.
    fn consider(&mut self, node: &Node) {
        let key = (node.missing.iter().sum(), node.score, node.count);
        if key < self.best_key {
            self.best_key = key;
            self.best = Some(node.chosen);
        }
    }

    /// Looks at all sets that add to this one some of the candidates from one on.
    fn branch(&mut self, from: usize, node: &Node) -> Result<(), OutOfSteps> {
        if node.count >= self.field.max_split() {
            return Ok(());
        }
        for place in from..self.field.candidates.len() {
            // Whatever is added is one shipment more at least, and costs what the cheapest does.
            let least = core::array::from_fn(|rank| node.score[rank] + self.least[place][rank]);
            if (self.least_missing(place, node), least, node.count + 1) >= self.best_key {
                return Ok(());
            }
            self.budget.spend(self.field.targets.len())?;
            let Some(larger) = self.with(place, node) else { continue };
            self.consider(&larger);
            self.branch(place + 1, &larger)?;
        }
        Ok(())
    }

    /// What stays missing when all candidates from one on serve too.
    fn least_missing(&self, from: usize, node: &Node) -> u64 {
        let both = node.missing.iter().zip(&self.rest[from]);
        both.map(|(missing, rest)| missing - self.field.give(*missing, *rest)).sum()
    }

    /// The set with one more; `None` if that one gives nothing.
    fn with(&self, place: usize, node: &Node) -> Option<Node> {
        let mut larger = Node { count: node.count + 1, chosen: node.chosen | 1 << place, ..*node };
        let (mut given, mut milligrams) = (0, 0_u64);
        for need in 0..self.field.targets.len() {
            let units = self.field.give(node.missing[need], self.usable[place][need]);
            larger.missing[need] -= units;
            given += units;
            milligrams = milligrams.saturating_add(units.saturating_mul(self.field.unit_weight(need)));
        }
        if given == 0 {
            return None;
        }
        self.field.add_cost(&mut larger.score, place, milligrams);
        Some(larger)
    }
}

/// What the candidates from each one on can give.
fn rest(usable: &[Units; EXACT_LOCATIONS_MAX], is_split: bool) -> [Units; EXACT_LOCATIONS_MAX + 1] {
    let both = |later: u64, units: u64| if is_split { later + units } else { later.max(units) };
    let mut rest = [[0; EXACT_NEEDS_MAX]; EXACT_LOCATIONS_MAX + 1];
    for place in (0..EXACT_LOCATIONS_MAX).rev() {
        rest[place] = core::array::from_fn(|need| both(rest[place + 1][need], usable[place][need]));
    }
    rest
}

/// What one of the candidates from each one on costs at least, under each rank for itself.
fn least<W: World>(field: &Field<'_, W>) -> [Score; EXACT_LOCATIONS_MAX] {
    let mut least = [[i64::MAX; RANKS_MAX]; EXACT_LOCATIONS_MAX];
    let mut from_here = [i64::MAX; RANKS_MAX];
    for place in (0..field.candidates.len()).rev() {
        let mut own = [0; RANKS_MAX];
        field.add_cost(&mut own, place, 0);
        from_here = core::array::from_fn(|rank| own[rank].min(from_here[rank]));
        least[place] = from_here;
    }
    least
}
