//! A queue per merchant, served in turn, so that one merchant's flood delays only itself. Within one, the classes have
//! their order: see [`Lanes`].

use crate::class::Class;
use crate::lanes::Lanes;
use onhand_domain::MerchantNumber;
use std::collections::{HashMap, VecDeque};

/// Submissions of one batch at the most, and how many of one merchant are taken before the next one's turn. Large
/// enough that the merchant's rows stay in the cache, small enough that nobody waits long: 64 orders are some 60
/// microseconds.
pub(crate) const BATCH_MAX: usize = 64;

/// Queues of batches, one per merchant, and the order of their turns. Whoever has the turn takes the merchant's
/// queue out, works off its front and gives the rest back.
#[derive(Debug)]
pub(crate) struct Fair<T> {
    queues: HashMap<MerchantNumber, Lanes<T>>,
    turns: VecDeque<MerchantNumber>,
}

impl<T> Default for Fair<T> {
    fn default() -> Self {
        Self { queues: HashMap::new(), turns: VecDeque::new() }
    }
}

impl<T> Fair<T> {
    /// Whether none waits.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Adds a batch behind the others of its merchant and class.
    pub(crate) fn push(&mut self, merchant: MerchantNumber, class: Class, batch: T) {
        let queue = self.queues.entry(merchant).or_default();
        if queue.is_empty() {
            self.turns.push_back(merchant);
        }
        queue.push(class, batch);
    }

    /// Takes out the queue of the merchant whose turn it is.
    pub(crate) fn begin(&mut self) -> Option<(MerchantNumber, Lanes<T>)> {
        let merchant = self.turns.pop_front()?;
        let queue = self.queues.get_mut(&merchant).map(std::mem::take)?;
        Some((merchant, queue))
    }

    /// Gives back what is left of it; the merchant's next turn comes after the others'.
    pub(crate) fn end(&mut self, merchant: MerchantNumber, rest: Lanes<T>) {
        if !rest.is_empty() {
            self.turns.push_back(merchant);
        }
        // An empty queue stays: the merchant comes again, and its room need not be asked for again.
        self.queues.insert(merchant, rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_go_round() {
        let mut fair = Fair::default();
        for item in 0..3 {
            fair.push(MerchantNumber(1), Class::Order, item);
        }
        fair.push(MerchantNumber(2), Class::Bulk, 9);
        let mut served = Vec::new();
        while let Some((merchant, mut queue)) = fair.begin() {
            served.push((merchant.0, queue.pop(|_| 1).unwrap()));
            fair.end(merchant, queue);
        }
        assert_eq!(served, [(1, 0), (2, 9), (1, 1), (1, 2)]);
        assert!(fair.is_empty());
        fair.push(MerchantNumber(1), Class::Change, 5);
        assert!(!fair.is_empty());
    }
}
