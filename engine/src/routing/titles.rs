//! What the parts of a profile are called, for an explanation in words.

use super::Format;
use super::measures::{Measure, measures};
use super::tree::{self, Node, Value};
use super::values::currency;
use onhand_domain::money::Currency;

/// Names by number. A part without a name is called by its number, from 1: `strategy 2`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Titles {
    /// Of strategies.
    pub strategies: Vec<String>,
    /// Of fallbacks.
    pub fallbacks: Vec<String>,
    /// Of rate cards.
    pub rate_cards: Vec<String>,
    /// What the strategies rank by.
    pub strategy_ranks: Vec<Vec<Measure>>,
    /// What the fallbacks rank by.
    pub fallback_ranks: Vec<Vec<Measure>>,
}

/// What the parts of a stored profile are called; none of a text that cannot be parsed, as a stored one can.
#[must_use]
pub fn titles(text: &str, format: Format) -> Titles {
    let Ok(tree) = tree::parse(text, format) else { return Titles::default() };
    let titles = |list: &str, what: &str| {
        let list = tree.root().find(list);
        let nodes = list.into_iter().flat_map(Node::children).enumerate();
        nodes.map(|(number, node)| title(node, what, number)).collect()
    };
    let ranks = |list: &str| {
        let nodes = tree.root().find(list).into_iter().flat_map(Node::children);
        nodes.map(|node| measures(node, tree.root())).collect()
    };
    Titles {
        strategies: titles("strategies", "strategy"),
        fallbacks: titles("fallbacks", "fallback"),
        rate_cards: titles("rate_cards", "rate card"),
        strategy_ranks: ranks("strategies"),
        fallback_ranks: ranks("fallbacks"),
    }
}

/// The currencies of a profile's rate cards, by their numbers.
pub(crate) fn currencies(text: &str, format: Format) -> Vec<Option<Currency>> {
    let Ok(tree) = tree::parse(text, format) else { return Vec::new() };
    let cards = tree.root().find("rate_cards").into_iter().flat_map(Node::children);
    cards.map(|card| currency(card.find("currency")?).ok()).collect()
}

/// The name of a part, or its number.
pub(super) fn title(node: Node<'_>, what: &str, number: usize) -> String {
    match node.find("name").map(Node::value) {
        Some(Value::Text(name)) => name.to_string(),
        _ => format!("{what} {}", number + 1),
    }
}
