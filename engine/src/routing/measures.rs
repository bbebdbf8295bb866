//! What the numbers under the ranks of a strategy count, for an explanation in words.

use super::ranks::OBJECTIVES;
use super::tree::{Node, Value};
use super::values::{amount, currency};
use onhand_domain::money::Currency;

/// What a weighted sum is ranked by.
const COST: &str = "cost";

/// What a strategy ranks by that says nothing.
const FEWEST: &str = "fewest_shipments";

/// What the numbers under one rank count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// An objective, as a rank's `by` names it, or `cost` for a weighted sum.
    pub by: &'static str,
    /// How many of what the objective counts are one band, if the numbers are bands.
    pub band: Option<u64>,
    /// Of a rate card: the numbers, or the width of a band, are its minor units.
    pub currency: Option<Currency>,
}

impl Measure {
    const fn plain(by: &'static str) -> Self {
        Self { by, band: None, currency: None }
    }
}

/// What a stored strategy or fallback ranks by, in the order of its ranks.
pub(super) fn measures(strategy: Node<'_>, profile: Node<'_>) -> Vec<Measure> {
    if strategy.find("cost").is_some() {
        return vec![Measure::plain(COST)];
    }
    match strategy.find("rank") {
        Some(ranks) => ranks.children().map(|rank| measure(rank, profile)).collect(),
        None => vec![Measure::plain(FEWEST)],
    }
}

fn measure(rank: Node<'_>, profile: Node<'_>) -> Measure {
    let word = rank.find("by").and_then(text).unwrap_or_default();
    let by = OBJECTIVES.iter().find(|known| **known == word).copied().unwrap_or(FEWEST);
    let currency = rank.find("rate_card").and_then(text).and_then(|card| currency_of(card, profile));
    let band = rank.find("band").and_then(|band| width(band, currency)).filter(|band| *band > 0);
    Measure { by, band, currency }
}

fn text<'t>(node: Node<'t>) -> Option<&'t str> {
    match node.value() {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// The currency of the rate card of this name.
fn currency_of(card: &str, profile: Node<'_>) -> Option<Currency> {
    let mut cards = profile.find("rate_cards")?.children();
    let card = cards.find(|node| node.find("name").and_then(text) == Some(card))?;
    currency(card.find("currency")?).ok()
}

fn width(band: Node<'_>, currency: Option<Currency>) -> Option<u64> {
    let width = match (band.value(), currency) {
        (Value::Whole(width), _) => *width,
        (_, Some(currency)) => amount(band, currency).ok()?,
        _ => return None,
    };
    u64::try_from(width).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::{Format, titles};

    #[test]
    fn ranks_say_what_their_numbers_count() {
        let text = r#"
            [[strategies]]
            rank = [{ by = "nearest", band = 50000 }, { by = "landed_cost", rate_card = "dhl", band = "0.50" }]
            [[strategies]]
            cost = [{ by = "nearest", weight = 1 }]
            [[fallbacks]]
            include = ["berlin"]
            [[fallbacks]]
            rank = [{ by = "landed_cost", rate_card = "dhl" }]
            [[rate_cards]]
            name = "dhl"
            currency = "EUR"
            rates = []
        "#;
        let told = titles(text, Format::Toml);
        let (eur, by) = (Currency::parse("EUR"), Measure::plain);
        let near = Measure { band: Some(50_000), ..by("nearest") };
        let landed = Measure { currency: eur, ..by("landed_cost") };
        let banded = Measure { band: Some(50), ..landed };
        assert_eq!(told.strategy_ranks, [vec![near, banded], vec![by("cost")]]);
        assert_eq!(told.fallback_ranks, [vec![by("fewest_shipments")], vec![landed]]);
    }
}
