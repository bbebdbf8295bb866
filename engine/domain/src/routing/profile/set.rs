//! A set as a sorted list: asked by halving it, compared by walking both.

use alloc::vec::Vec;

/// Values that are looked for. Those that were given twice are kept twice, so that a check can say so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Set<T>(Vec<T>);

impl<T: Copy + Ord> Set<T> {
    /// A set of these, given in any order.
    #[must_use]
    pub fn new(mut values: Vec<T>) -> Self {
        values.sort_unstable();
        Self(values)
    }

    /// All of them, ascending.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }

    /// Whether this is one of them.
    #[must_use]
    pub fn contains(&self, value: T) -> bool {
        self.0.binary_search(&value).is_ok()
    }

    /// Whether all of them are in the other.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.iter().all(|value| other.contains(*value))
    }

    /// Whether one of them is in the other.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        self.0.iter().any(|value| other.contains(*value))
    }

    /// A value that was given twice.
    #[must_use]
    pub fn duplicate(&self) -> Option<T> {
        self.0.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_answers_whatever_order_it_was_given_in() {
        let set = Set::new(alloc::vec![5, 1, 3]);
        assert_eq!(set.as_slice(), [1, 3, 5]);
        assert!(set.contains(3) && !set.contains(2));
        assert!(Set::new(alloc::vec![5, 1]).is_subset(&set) && !set.is_subset(&Set::new(alloc::vec![5, 1])));
        assert!(set.meets(&Set::new(alloc::vec![2, 3])) && !set.meets(&Set::new(alloc::vec![2, 4])));
        assert_eq!((set.duplicate(), Set::new(alloc::vec![2, 1, 2]).duplicate()), (None, Some(2)));
    }
}
