//! Counted steps: what bounds the time of a plan, the same on every machine.
//!
//! A step is a look at one free number, at one filter of one location, or at one part of a condition. A test
//! measures nothing; how long a step takes stands with the bench that plans the largest order there can be.

/// Free numbers that are read for one order: needs times locations. An order of up to 160 SKUs is planned over
/// all 1,000 locations that a channel may have, the largest one, of 1,200, over the first 133. Where stock lies
/// at every location, one reading costs more than any other step, as memory has to be fetched for it.
pub const READS_MAX: usize = 160_000;

/// Steps that all strategies and fallbacks of one order may take together, after reading. That is enough to lay
/// out one strategy with the costliest ranks over all that was read, and to search; and the exact search within
/// a strategy takes at most 2^12 x 8, if nothing lets it leave out a single set of locations.
pub const PLAN_STEPS_MAX: usize = 1_100_000;

/// Steps that the search within one strategy may take beyond the exact sizes, before it keeps the best it has
/// found.
pub const SEARCH_STEPS_MAX: usize = 300_000;

/// Steps that may be taken to serve as much as possible of an order that nothing serves in full.
pub const FALLBACK_STEPS_MAX: usize = 400_000;

/// Steps of a walk without a search, where even that was too much: four looks at each number that was read, and
/// 16 filters of 1,000 locations. So it never ends early.
pub const WALK_STEPS_MAX: usize = 4 * READS_MAX + 17 * 1_000;

/// No steps are left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct OutOfSteps;

/// Steps that are left.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    left: usize,
    spent: usize,
}

impl Budget {
    pub(super) fn new(steps: usize) -> Self {
        Self { left: steps, spent: 0 }
    }

    /// Takes steps before they are gone; what is left is gone too where they do not suffice.
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), OutOfSteps> {
        let Some(left) = self.left.checked_sub(steps) else {
            self.left = 0;
            return Err(OutOfSteps);
        };
        self.left = left;
        self.spent += steps;
        Ok(())
    }

    /// A part of what is left, at most so many; [`Budget::give_back`] returns what was not needed.
    pub(super) fn part(&mut self, steps: usize) -> Self {
        Self::new(steps.min(self.left))
    }

    /// Counts what a part of it took.
    pub(super) fn give_back(&mut self, part: &Self) {
        self.left -= part.spent;
        self.spent += part.spent;
    }

    /// How many were taken.
    pub(super) fn spent(&self) -> usize {
        self.spent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_spent_than_there_is() {
        let mut budget = Budget::new(10);
        assert_eq!(budget.spend(4), Ok(()));
        let mut part = budget.part(5);
        assert_eq!((part.spend(3), part.spend(3)), (Ok(()), Err(OutOfSteps)));
        budget.give_back(&part);
        assert_eq!((budget.spent(), budget.spend(3)), (7, Ok(())));
        assert_eq!((budget.spend(1), budget.spend(0)), (Err(OutOfSteps), Ok(())));
        assert_eq!(Budget::new(2).part(9).spend(3), Err(OutOfSteps));
    }
}
