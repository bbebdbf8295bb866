//! Sets of whole numbers as ranges: what is proven of comparisons is proven with these.

use crate::routing::profile::condition::Op;
use alloc::vec::Vec;

/// Numbers in disjoint ranges, ascending, each with its first and last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Ranges(Vec<(i64, i64)>);

impl Ranges {
    /// All numbers from one to another; none if the second is less.
    pub(super) fn between(first: i64, last: i64) -> Self {
        Self(if first <= last { alloc::vec![(first, last)] } else { Vec::new() })
    }

    /// The numbers that compare so; none for what compares tags.
    pub(super) fn of(op: &Op) -> Self {
        match op {
            Op::Eq(number) => Self::between(*number, *number),
            Op::Ne(number) => Self::between(*number, *number).complement(),
            Op::Lt(number) => Self::below(*number),
            Op::Le(number) => Self::between(i64::MIN, *number),
            Op::Gt(number) => Self::between(i64::MIN, *number).complement(),
            Op::Ge(number) => Self::below(*number).complement(),
            Op::Between(first, last) => Self::between(*first, *last),
            Op::In(set) => Self::points(set.as_slice()),
            Op::NotIn(set) => Self::points(set.as_slice()).complement(),
            Op::HasAny(_) | Op::HasAll(_) | Op::HasNone(_) => Self(Vec::new()),
        }
    }

    fn below(number: i64) -> Self {
        number.checked_sub(1).map_or(Self(Vec::new()), |last| Self::between(i64::MIN, last))
    }

    /// Ascending numbers.
    fn points(numbers: &[i64]) -> Self {
        let mut ranges: Vec<(i64, i64)> = Vec::new();
        for number in numbers {
            match ranges.last_mut() {
                Some((_, last)) if *last == *number => {}
                Some((_, last)) if last.checked_add(1) == Some(*number) => *last = *number,
                _ => ranges.push((*number, *number)),
            }
        }
        Self(ranges)
    }

    /// All other numbers.
    pub(super) fn complement(&self) -> Self {
        let (mut ranges, mut from) = (Vec::new(), Some(i64::MIN));
        for (first, last) in &self.0 {
            if let (Some(from), Some(to)) = (from, first.checked_sub(1))
                && from <= to
            {
                ranges.push((from, to));
            }
            from = last.checked_add(1);
        }
        if let Some(from) = from {
            ranges.push((from, i64::MAX));
        }
        Self(ranges)
    }

    /// Numbers in both.
    pub(super) fn intersect(&self, other: &Self) -> Self {
        let pairs = self.0.iter().flat_map(|one| other.0.iter().map(move |other| (one, other)));
        let both = pairs.map(|(one, other)| (one.0.max(other.0), one.1.min(other.1)));
        Self(both.filter(|(first, last)| first <= last).collect())
    }

    /// Whether there is no number in it.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all of its numbers are in the other.
    pub(super) fn is_subset(&self, other: &Self) -> bool {
        self.intersect(&other.complement()).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::profile::Set;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    fn any_op() -> impl Strategy<Value = Op> {
        let number = || prop_oneof![10 => -4_i64..5, 1 => Just(i64::MIN), 1 => Just(i64::MAX)];
        let set = move || prop::collection::vec(number(), 0..5).prop_map(Set::new);
        prop_oneof![
            number().prop_map(Op::Eq),
            number().prop_map(Op::Ne),
            number().prop_map(Op::Lt),
            number().prop_map(Op::Le),
            number().prop_map(Op::Gt),
            number().prop_map(Op::Ge),
            (number(), number()).prop_map(|(first, last)| Op::Between(first, last)),
            set().prop_map(Op::In),
            set().prop_map(Op::NotIn),
        ]
    }

    fn holds(ranges: &Ranges, number: i64) -> bool {
        ranges.0.iter().any(|(first, last)| (*first..=*last).contains(&number))
    }

    /// All the numbers at which anything can change.
    fn numbers() -> impl Iterator<Item = i64> {
        (-6..7).chain([i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX])
    }

    fn same_each_time() -> ProptestConfig {
        ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() }
    }

    proptest! {
        #![proptest_config(same_each_time())]

        #[test]
        fn ranges_hold_the_numbers_that_compare_so(one in any_op(), other in any_op()) {
            let (ranges, others) = (Ranges::of(&one), Ranges::of(&other));
            let both = ranges.intersect(&others);
            for number in numbers() {
                prop_assert_eq!(holds(&ranges, number), one.admits(number));
                prop_assert_eq!(holds(&ranges.complement(), number), !one.admits(number));
                prop_assert_eq!(holds(&both, number), one.admits(number) && other.admits(number));
            }
            prop_assert_eq!(both.is_empty(), !numbers().any(|number| one.admits(number) && other.admits(number)));
            let is_subset = numbers().all(|number| !one.admits(number) || other.admits(number));
            prop_assert_eq!(ranges.is_subset(&others), is_subset);
        }
    }
}
