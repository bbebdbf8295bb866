//! Whether one condition holds whenever another does, in the cases that are simple to prove.

use super::contradiction::{conjuncts, possible};
use super::ranges::Ranges;
use crate::routing::profile::condition::{Condition, Op};
use crate::routing::profile::facts::{Fact, FactKind};
use alloc::vec::Vec;

/// Whether it is proven that `goal` holds whenever `given` does; `None` always holds.
pub(super) fn is_implied(goal: Option<&Condition>, given: Option<&Condition>) -> bool {
    let given = conjuncts(given);
    conjuncts(goal).into_iter().all(|part| follows(part, &given))
}

/// Whether a part follows from parts that all hold.
fn follows(goal: &Condition, given: &[&Condition]) -> bool {
    if given.contains(&goal) {
        return true;
    }
    let is_proven = match goal {
        Condition::All(parts) => parts.iter().all(|part| follows(part, given)),
        Condition::Any(parts) => parts.iter().any(|part| follows(part, given)),
        Condition::Compare(fact, op) if fact.kind() == FactKind::Tags => tags_follow(*fact, op, given),
        Condition::Compare(fact, op) => {
            possible(*fact, given).is_some_and(|possible| possible.is_subset(&Ranges::of(op)))
        }
        Condition::Not(part) => negation_follows(part, given),
        Condition::Lines(..) => false,
    };
    is_proven || given.iter().any(|part| each_case_follows(goal, part))
}

/// A fact that is known to have another number.
fn negation_follows(part: &Condition, given: &[&Condition]) -> bool {
    let Condition::Compare(fact, op) = part else { return false };
    fact.kind() != FactKind::Tags
        && possible(*fact, given).is_some_and(|possible| possible.intersect(&Ranges::of(op)).is_empty())
}

/// Where one of several cases holds, and the part follows from each of them.
fn each_case_follows(goal: &Condition, given: &Condition) -> bool {
    let Condition::Any(cases) = given else { return false };
    cases.iter().all(|case| {
        let case: Vec<&Condition> = conjuncts(Some(case));
        follows(goal, &case)
    })
}

fn tags_follow(fact: Fact, op: &Op, given: &[&Condition]) -> bool {
    given.iter().any(|part| match part {
        Condition::Compare(compared, given) if *compared == fact => match (op, given) {
            (Op::HasAny(any), Op::HasAny(given)) => given.is_subset(any),
            (Op::HasAny(any), Op::HasAll(given)) => given.meets(any),
            (Op::HasAll(all), Op::HasAll(given)) => all.is_subset(given),
            (Op::HasNone(none), Op::HasNone(given)) => none.is_subset(given),
            _ => false,
        },
        _ => false,
    })
}
