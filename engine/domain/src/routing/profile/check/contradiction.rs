//! Parts of one "and" that cannot hold together.
//!
//! A comparison that holds says that its fact is known and which numbers it may have; the negation of one says
//! only that the fact is unknown or has another number. So negations count beside a comparison of the same
//! fact, and never alone.

use super::ranges::Ranges;
use crate::routing::profile::condition::{Condition, Op};
use crate::routing::profile::facts::{Fact, FactKind};
use alloc::vec::Vec;

/// A part of a condition that never holds, if one is found: the place of the first that contradicts what stands
/// before it in the same "and".
pub(super) fn find(condition: &Condition) -> Option<Vec<u16>> {
    let mut path = Vec::new();
    find_below(condition, &mut path).then_some(path)
}

/// After `true` the path is that of the part.
fn find_below(condition: &Condition, path: &mut Vec<u16>) -> bool {
    if let Condition::All(_) = condition {
        let mut conjuncts = Vec::new();
        collect(condition, path, &mut conjuncts);
        let parts: Vec<&Condition> = conjuncts.iter().map(|(_, part)| *part).collect();
        if let Some(wrong) = (0..parts.len()).find(|place| contradicts(parts[*place], &parts[..*place])) {
            path.clone_from(&conjuncts[wrong].0);
            return true;
        }
    }
    let parts = match condition {
        Condition::All(parts) | Condition::Any(parts) => &parts[..],
        Condition::Not(part) | Condition::Lines(_, part) => core::slice::from_ref(&**part),
        Condition::Compare(..) => &[],
    };
    for (number, part) in (0..).zip(parts) {
        path.push(number);
        if find_below(part, path) {
            return true;
        }
        path.pop();
    }
    false
}

/// The parts of an "and" with their places, those of an "and" inside it too.
fn collect<'a>(condition: &'a Condition, path: &[u16], into: &mut Vec<(Vec<u16>, &'a Condition)>) {
    let Condition::All(parts) = condition else {
        into.push((path.to_vec(), condition));
        return;
    };
    for (number, part) in (0..).zip(parts) {
        let mut path = path.to_vec();
        path.push(number);
        collect(part, &path, into);
    }
}

/// All that must hold for a condition to hold: the parts of an "and", however deep, or the condition itself.
pub(super) fn conjuncts(condition: Option<&Condition>) -> Vec<&Condition> {
    let mut found = Vec::new();
    if let Some(condition) = condition {
        collect(condition, &[], &mut found);
    }
    found.into_iter().map(|(_, part)| part).collect()
}

/// The numbers that a fact can have where all of these hold; `None` if none of them says that it is known.
pub(super) fn possible(fact: Fact, parts: &[&Condition]) -> Option<Ranges> {
    let mut possible: Option<Ranges> = None;
    for part in parts {
        if let Condition::Compare(compared, op) = part
            && *compared == fact
        {
            let (first, last) = fact.bounds();
            let before = possible.unwrap_or_else(|| Ranges::between(first, last));
            possible = Some(before.intersect(&Ranges::of(op)));
        }
    }
    let negated = parts.iter().filter_map(|part| negated(part)).filter(|(compared, _)| *compared == fact);
    let others = |ranges: Ranges| {
        negated.fold(ranges, |ranges, (_, op)| ranges.intersect(&Ranges::of(op).complement()))
    };
    possible.map(others)
}

fn negated(condition: &Condition) -> Option<(Fact, &Op)> {
    let Condition::Not(part) = condition else { return None };
    match &**part {
        Condition::Compare(fact, op) => Some((*fact, op)),
        _ => None,
    }
}

fn contradicts(part: &Condition, before: &[&Condition]) -> bool {
    let is_negation = |one: &Condition, other: &Condition| match one {
        Condition::Not(inner) => **inner == *other,
        _ => false,
    };
    if before.iter().any(|other| is_negation(part, other) || is_negation(other, part)) {
        return true;
    }
    let compared = match part {
        Condition::Compare(fact, _) => Some(*fact),
        _ => negated(part).map(|(fact, _)| fact),
    };
    let Some(fact) = compared else { return false };
    if fact.kind() == FactKind::Tags {
        return tags_contradict(fact, part, before);
    }
    let parts: Vec<&Condition> = before.iter().copied().chain([part]).collect();
    possible(fact, &parts).is_some_and(|possible| possible.is_empty())
}

/// A tag that is asked for and forbidden.
fn tags_contradict(fact: Fact, part: &Condition, before: &[&Condition]) -> bool {
    let Condition::Compare(_, op) = part else { return false };
    let others = before.iter().filter_map(|other| match other {
        Condition::Compare(compared, other) if *compared == fact => Some(other),
        _ => None,
    });
    let mut others = others;
    others.any(|other| is_forbidden(op, other) || is_forbidden(other, op))
}

fn is_forbidden(asked: &Op, forbidden: &Op) -> bool {
    let Op::HasNone(none) = forbidden else { return false };
    match asked {
        Op::HasAny(tags) => tags.is_subset(none),
        Op::HasAll(tags) => tags.meets(none),
        _ => false,
    }
}
