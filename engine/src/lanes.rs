//! What waits of one merchant: a lane for each class, the first class first, and none for ever.
//!
//! A class waits while one before it has something, but no longer than for [`PASSED_MAX`] submissions: then one batch of
//! it is taken. Within a class everything keeps its order.

use crate::class::Class;
use crate::fair::BATCH_MAX;
use std::collections::VecDeque;

/// Submissions that may go before a class that waits. With batches of the largest size orders get a fifth of the turns,
/// and bulk does, while cancellations and shipments never end; a quarter of a millisecond.
const PASSED_MAX: usize = 4 * BATCH_MAX;

/// See the module.
#[derive(Debug)]
pub(crate) struct Lanes<T> {
    lanes: [VecDeque<T>; Class::COUNT],
    /// Submissions that went before each lane since it had something, or was served last.
    passed: [usize; Class::COUNT],
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self { lanes: [const { VecDeque::new() }; Class::COUNT], passed: [0; Class::COUNT] }
    }
}

impl<T> Lanes<T> {
    /// Whether none waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.lanes.iter().all(VecDeque::is_empty)
    }

    /// Adds a batch behind the others of its class.
    pub(crate) fn push(&mut self, class: Class, batch: T) {
        self.lanes[class as usize].push_back(batch);
    }

    /// Takes the batch whose turn it is; `count` says how many submissions are in one.
    pub(crate) fn pop(&mut self, count: impl Fn(&T) -> usize) -> Option<T> {
        let is_owed = |lane: &usize| self.passed[*lane] >= PASSED_MAX;
        let mut waiting = (0..Class::COUNT).filter(|lane| !self.lanes[*lane].is_empty());
        let first = waiting.next()?;
        let lane = waiting.find(is_owed).unwrap_or(first);
        let batch = self.lanes[lane].pop_front()?;
        self.passed[lane] = 0;
        for behind in lane + 1..Class::COUNT {
            let waits = !self.lanes[behind].is_empty();
            self.passed[behind] = if waits { self.passed[behind] + count(&batch) } else { 0 };
        }
        Some(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_class_goes_first_and_each_keeps_its_order() {
        let mut lanes = Lanes::default();
        for (class, number) in [
            (Class::Bulk, 1),
            (Class::Order, 2),
            (Class::Change, 3),
            (Class::Bulk, 4),
            (Class::Change, 5),
            (Class::Order, 6),
        ] {
            lanes.push(class, number);
        }
        let served: Vec<i32> = std::iter::from_fn(|| lanes.pop(|_| 1)).collect();
        assert_eq!(served, [3, 5, 2, 6, 1, 4]);
        assert!(lanes.is_empty());
    }

    /// Of each class there is always something: how many batches of each are taken, and how long one waits at most.
    #[test]
    fn no_class_waits_for_ever() {
        const ROUNDS: usize = 600;
        for size in [1, 7, BATCH_MAX] {
            let mut lanes = Lanes::default();
            let (mut served, mut since, mut longest) = ([0_usize; 3], [0_usize; 3], [0_usize; 3]);
            for class in [Class::Change, Class::Order, Class::Bulk] {
                lanes.push(class, class);
            }
            for _ in 0..ROUNDS * PASSED_MAX / size {
                let class = lanes.pop(|_| size).unwrap();
                lanes.push(class, class);
                served[class as usize] += 1;
                for other in 0..3 {
                    since[other] = if other == class as usize { 0 } else { since[other] + size };
                    longest[other] = longest[other].max(since[other]);
                }
            }
            assert!(served[0] > served[1] && served[1] >= served[2] && served[2] > 0, "{size}: {served:?}");
            assert!(longest.iter().all(|waited| *waited <= PASSED_MAX + 3 * size), "{size}: {longest:?}");
        }
    }
}
