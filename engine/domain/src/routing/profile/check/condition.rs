//! Whether a condition is well made: its size, what it compares with what, and what it names.

use super::contradiction;
use super::ranges::Ranges;
use super::{Cause, Field, Finding, Known};
use crate::order::LINES_MAX;
use crate::routing::profile::condition::{Condition, Op, Quantifier};
use crate::routing::profile::facts::{Fact, FactKind};
use crate::routing::profile::set::Set;
use alloc::vec::Vec;

/// Conditions inside conditions. Deeper ones are not read by people.
pub const CONDITION_DEPTH_MAX: usize = 8;

/// Parts of one condition, comparisons and what puts them together.
pub const CONDITION_NODES_MAX: usize = 64;

/// Numbers or tags that one comparison names.
pub const LIST_MAX: usize = 256;

/// Where a part stands in a condition.
type Path = Vec<u16>;

/// Looks through a condition, outermost parts first.
struct Walk<'a> {
    known: &'a Known,
    nodes: usize,
    path: Path,
}

pub(super) fn check(condition: &Condition, known: &Known) -> Result<(), Finding> {
    let mut walk = Walk { known, nodes: 0, path: Path::new() };
    walk.visit(condition, false).map_err(|cause| (Field::When(walk.path), cause))?;
    match contradiction::find(condition) {
        Some(path) => Err((Field::When(path), Cause::NeverHolds)),
        None => Ok(()),
    }
}

impl Walk<'_> {
    /// After an error the path is that of the part that is wrong.
    fn visit(&mut self, condition: &Condition, is_in_line: bool) -> Result<(), Cause> {
        self.nodes += 1;
        if self.nodes > CONDITION_NODES_MAX {
            return Err(Cause::TooMany { count: self.nodes, max: CONDITION_NODES_MAX });
        }
        if self.path.len() >= CONDITION_DEPTH_MAX {
            return Err(Cause::TooDeep { max: CONDITION_DEPTH_MAX });
        }
        match condition {
            Condition::All(parts) | Condition::Any(parts) if parts.is_empty() => Err(Cause::Empty),
            Condition::All(parts) | Condition::Any(parts) => {
                (0..).zip(parts).try_for_each(|(number, part)| self.enter(number, part, is_in_line))
            }
            Condition::Not(part) => self.enter(0, part, is_in_line),
            Condition::Compare(fact, op) => self.compare(*fact, op, is_in_line),
            Condition::Lines(..) if is_in_line => Err(Cause::LinesInLines),
            Condition::Lines(quantifier, part) => {
                check_quantifier(quantifier)?;
                self.enter(0, part, true)
            }
        }
    }

    fn enter(&mut self, number: u16, part: &Condition, is_in_line: bool) -> Result<(), Cause> {
        self.path.push(number);
        self.visit(part, is_in_line)?;
        self.path.pop();
        Ok(())
    }

    fn compare(&self, fact: Fact, op: &Op, is_in_line: bool) -> Result<(), Cause> {
        if fact.is_of_line() && !is_in_line {
            return Err(Cause::NoLine);
        }
        if let Some(location) = fact.location() {
            self.known.location(location)?;
        }
        if !can_compare(fact.kind(), op) {
            return Err(Cause::WrongOperator);
        }
        check_lists(op)?;
        let (first, last) = fact.bounds();
        let can_be = Ranges::of(op).intersect(&Ranges::between(first, last));
        let is_never = fact.kind() != FactKind::Tags && can_be.is_empty();
        if is_never { Err(Cause::NeverHolds) } else { Ok(()) }
    }
}

fn can_compare(kind: FactKind, op: &Op) -> bool {
    match op {
        Op::Eq(_) | Op::Ne(_) | Op::In(_) | Op::NotIn(_) => kind != FactKind::Tags,
        Op::Lt(_) | Op::Le(_) | Op::Gt(_) | Op::Ge(_) | Op::Between(..) => kind == FactKind::Number,
        Op::HasAny(_) | Op::HasAll(_) | Op::HasNone(_) => kind == FactKind::Tags,
    }
}

fn check_lists(op: &Op) -> Result<(), Cause> {
    match op {
        Op::In(set) | Op::NotIn(set) => check_list(set),
        Op::HasAny(set) | Op::HasAll(set) | Op::HasNone(set) => check_list(set),
        _ => Ok(()),
    }
}

/// A list has entries, not too many, each once.
pub(super) fn check_list<T: Copy + Ord>(set: &Set<T>) -> Result<(), Cause> {
    match set.as_slice().len() {
        0 => Err(Cause::Empty),
        count if count > LIST_MAX => Err(Cause::TooMany { count, max: LIST_MAX }),
        _ if set.duplicate().is_some() => Err(Cause::Duplicate),
        _ => Ok(()),
    }
}

fn check_quantifier(quantifier: &Quantifier) -> Result<(), Cause> {
    let Quantifier::Count(op) = quantifier else { return Ok(()) };
    if !can_compare(FactKind::Number, op) {
        return Err(Cause::WrongOperator);
    }
    check_lists(op)?;
    let lines = Ranges::between(0, i64::try_from(LINES_MAX).unwrap_or(i64::MAX));
    if Ranges::of(op).intersect(&lines).is_empty() { Err(Cause::NeverHolds) } else { Ok(()) }
}
