//! When a strategy is tried: comparisons, and what puts them together.

use super::Names;
use super::error::{TextError, code};
use super::facts::{FACTS, Kind, Subject, find};
use super::profile::Reader;
use super::shape::unknown;
use super::suggest::shown;
use super::tree::{Node, Value};
use super::values::postal;
use onhand_domain::routing::profile::{Condition, Fact, FactKind, Op, Quantifier, Set};

/// Members of which a condition has exactly one; it tells the others.
const SHAPES: [&str; 5] = ["all", "any", "not", "lines", "fact"];

/// How a fact is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Between,
    In,
    NotIn,
    Prefix,
    HasAny,
    HasAll,
    HasNone,
}

/// Every operator, by its name in a profile.
pub(super) const OPERATORS: [(&str, Operator); 13] = [
    ("eq", Operator::Eq),
    ("ne", Operator::Ne),
    ("in", Operator::In),
    ("not_in", Operator::NotIn),
    ("lt", Operator::Lt),
    ("le", Operator::Le),
    ("gt", Operator::Gt),
    ("ge", Operator::Ge),
    ("between", Operator::Between),
    ("prefix", Operator::Prefix),
    ("has_any", Operator::HasAny),
    ("has_all", Operator::HasAll),
    ("has_none", Operator::HasNone),
];

impl Operator {
    /// Whether a fact that is written so can be compared so.
    fn compares(self, kind: FactKind, written: Kind) -> bool {
        match self {
            Self::Eq | Self::Ne | Self::In | Self::NotIn => kind != FactKind::Tags,
            Self::Lt | Self::Le | Self::Gt | Self::Ge | Self::Between => kind == FactKind::Number,
            Self::Prefix => written == Kind::Postal,
            Self::HasAny | Self::HasAll | Self::HasNone => kind == FactKind::Tags,
        }
    }
}

impl<N: Names> Reader<'_, N> {
    /// A condition. The text is no deeper than [`DEPTH_MAX`](super::DEPTH_MAX), so neither is this.
    pub(super) fn condition(&mut self, node: Node<'_>) -> Result<Condition, TextError> {
        let Some(shape) = SHAPES.into_iter().find(|shape| node.find(shape).is_some()) else {
            let others = ["is", "location", "currency"];
            node.members(&[&SHAPES[..], &others, &OPERATORS.map(|(name, _)| name)].concat())?;
            let detail = format!("this condition has none of {}", SHAPES.join(", "));
            return Err(node.wrong(code::MISSING_MEMBER, detail));
        };
        match shape {
            "all" => {
                node.members(&["all"])?;
                self.conditions(node.need(shape)?).map(Condition::All)
            }
            "any" => {
                node.members(&["any"])?;
                self.conditions(node.need(shape)?).map(Condition::Any)
            }
            "not" => {
                node.members(&["not"])?;
                Ok(Condition::Not(Box::new(self.condition(node.need(shape)?)?)))
            }
            "lines" => {
                node.members(&["lines", "is"])?;
                let quantifier = self.quantifier(node.need(shape)?)?;
                Ok(Condition::Lines(quantifier, Box::new(self.condition(node.need("is")?)?)))
            }
            _ => self.comparison(node),
        }
    }

    fn conditions(&mut self, list: Node<'_>) -> Result<Vec<Condition>, TextError> {
        list.items()?.map(|part| self.condition(part)).collect()
    }

    fn quantifier(&mut self, node: Node<'_>) -> Result<Quantifier, TextError> {
        if matches!(node.value(), Value::Text(_)) {
            let any_or_all = [Quantifier::Any, Quantifier::All];
            return node.one_of(&["any", "all"]).map(|place| any_or_all[place].clone());
        }
        node.members(&OPERATORS.map(|(name, _)| name))?;
        self.operation(node, "the number of lines", FactKind::Number, Kind::Number).map(Quantifier::Count)
    }

    fn comparison(&mut self, node: Node<'_>) -> Result<Condition, TextError> {
        let name_node = node.need("fact")?;
        let name = name_node.text()?;
        let Some(subject) = find(name) else {
            let detail = unknown(name, &FACTS.map(|(name, _)| name));
            return Err(name_node.wrong(code::UNKNOWN_FACT, detail));
        };
        self.must_be_supplied(name, |code, detail| name_node.wrong(code, detail))?;
        let beside = match subject {
            Subject::Plain(..) => &[][..],
            Subject::At(..) => &["location"],
            Subject::Total => &["currency"],
        };
        node.members(&[&["fact"], beside, &OPERATORS.map(|(name, _)| name)].concat())?;
        let (fact, kind) = match subject {
            Subject::Plain(fact, kind) => (fact, kind),
            Subject::At(fact, kind) => (fact(self.location(node.need("location")?)?), kind),
            Subject::Total => {
                let currency = super::values::currency(node.need("currency")?)?;
                (Fact::Total(currency), Kind::Amount(currency))
            }
        };
        let quoted = format!("`{}`", shown(name));
        self.operation(node, &quoted, fact.kind(), kind).map(|op| Condition::Compare(fact, op))
    }

    /// The one operator of a table, with what it compares with.
    fn operation(
        &mut self,
        node: Node<'_>,
        of: &str,
        kind: FactKind,
        written: Kind,
    ) -> Result<Op, TextError> {
        let operator = |member: Node<'_>| {
            OPERATORS.iter().find(|(name, _)| *name == member.name()).map(|(_, operator)| *operator)
        };
        let mut found = node.children().filter_map(|member| Some((member, operator(member)?)));
        let possible = || {
            let names = OPERATORS.iter().filter(|(_, operator)| operator.compares(kind, written));
            names.map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
        };
        let Some((member, operator)) = found.next() else {
            let detail = format!("{of} is compared with nothing; it takes one of {}", possible());
            return Err(node.wrong(code::MISSING_MEMBER, detail));
        };
        if let Some((second, _)) = found.next() {
            let detail =
                format!("a comparison has one operator; put `{}` into a part of an `all`", second.name());
            return Err(second.wrong_name(code::WRONG_OPERATOR, detail));
        }
        if !operator.compares(kind, written) {
            let detail = format!("{of} cannot be compared by `{}`, but by {}", member.name(), possible());
            return Err(member.wrong_name(code::WRONG_OPERATOR, detail));
        }
        self.op(member, operator, written)
    }

    fn op(&mut self, node: Node<'_>, operator: Operator, kind: Kind) -> Result<Op, TextError> {
        Ok(match operator {
            Operator::Eq => Op::Eq(self.value(node, kind)?.0),
            Operator::Ne => Op::Ne(self.value(node, kind)?.0),
            Operator::Lt => Op::Lt(self.value(node, kind)?.0),
            Operator::Le => Op::Le(self.value(node, kind)?.1),
            Operator::Gt => Op::Gt(self.value(node, kind)?.1),
            Operator::Ge => Op::Ge(self.value(node, kind)?.0),
            Operator::Between => {
                let (first, last) = pair(node)?;
                Op::Between(self.value(first, kind)?.0, self.value(last, kind)?.1)
            }
            Operator::In => Op::In(self.values(node, kind)?),
            Operator::NotIn => Op::NotIn(self.values(node, kind)?),
            Operator::Prefix => {
                let (first, last) = postal(node)?;
                Op::Between(first, last)
            }
            Operator::HasAny => Op::HasAny(Set::new(self.symbols(node)?)),
            Operator::HasAll => Op::HasAll(Set::new(self.symbols(node)?)),
            Operator::HasNone => Op::HasNone(Set::new(self.symbols(node)?)),
        })
    }

    fn values(&mut self, node: Node<'_>, kind: Kind) -> Result<Set<i64>, TextError> {
        node.distinct(|item| self.value(item, kind).map(|(number, _)| number)).map(Set::new)
    }
}

/// The two ends of a range.
fn pair(node: Node<'_>) -> Result<(Node<'_>, Node<'_>), TextError> {
    let ends: Vec<Node<'_>> = node.items()?.collect();
    match ends[..] {
        [first, last] => Ok((first, last)),
        _ => {
            let detail = format!("this must be a list of 2, the first and the last, and has {}", ends.len());
            Err(node.wrong(code::WRONG_TYPE, detail))
        }
    }
}
