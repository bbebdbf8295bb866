//! A queue per merchant, served in turn, so that one merchant's flood delays only itself.

use onhand_domain::MerchantNumber;
use std::collections::{HashMap, VecDeque};

/// How many items of one merchant are taken before the next one's turn. Large enough that the merchant's
/// rows stay in the cache, small enough that nobody waits long: 64 orders are some 60 microseconds.
pub(crate) const TAKE_MAX: usize = 64;

/// Queues of waiting items, one per merchant, and the order of their turns.
#[derive(Debug)]
pub(crate) struct Fair<T> {
    queues: HashMap<MerchantNumber, VecDeque<T>>,
    turns: VecDeque<MerchantNumber>,
    len: usize,
}

impl<T> Default for Fair<T> {
    fn default() -> Self {
        Self { queues: HashMap::new(), turns: VecDeque::new(), len: 0 }
    }
}

impl<T> Fair<T> {
    /// Whether none waits.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an item behind the others of its merchant.
    pub(crate) fn push(&mut self, merchant: MerchantNumber, item: T) {
        let queue = self.queues.entry(merchant).or_default();
        if queue.is_empty() {
            self.turns.push_back(merchant);
        }
        queue.push_back(item);
        self.len += 1;
    }

    /// Takes up to [`TAKE_MAX`] items of the merchant whose turn it is into `out`.
    pub(crate) fn take(&mut self, out: &mut Vec<T>) -> Option<MerchantNumber> {
        let merchant = self.turns.pop_front()?;
        let queue = self.queues.get_mut(&merchant)?;
        let count = queue.len().min(TAKE_MAX);
        out.extend(queue.drain(..count));
        self.len -= count;
        if queue.is_empty() {
            self.queues.remove(&merchant);
        } else {
            self.turns.push_back(merchant);
        }
        Some(merchant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_delays_only_itself() {
        let mut fair = Fair::default();
        for item in 0..1_000 {
            fair.push(MerchantNumber(1), item);
        }
        fair.push(MerchantNumber(2), -1);
        let mut out = Vec::new();
        assert_eq!(fair.take(&mut out), Some(MerchantNumber(1)));
        assert_eq!(out, (0..64).collect::<Vec<i32>>());
        out.clear();
        assert_eq!(fair.take(&mut out), Some(MerchantNumber(2)));
        assert_eq!(out, [-1]);
        out.clear();
        assert_eq!(fair.take(&mut out), Some(MerchantNumber(1)));
        assert_eq!(out[0], 64);
        assert_eq!(fair.len, 1_000 - 128);
    }
}
