//! Rate cards: what a shipment costs, by where it begins and where it goes.

use super::Names;
use super::error::{TextError, code};
use super::profile::Reader;
use super::shape::unknown;
use super::tree::Node;
use super::values::{Span, amount, currency, postal};
use onhand_domain::money::Currency;
use onhand_domain::routing::profile::{Rate, RateCard, RateRow};

/// Members of a rate.
const RATE: [&str; 7] =
    ["from", "country", "postal_prefix", "postal_from", "postal_to", "shipment", "per_kilogram"];

impl<N: Names> Reader<'_, N> {
    /// All cards of a profile; they are read first, as strategies name them.
    pub(super) fn rate_cards(&mut self, profile: Node<'_>) -> Result<Vec<RateCard>, TextError> {
        profile.items_of("rate_cards")?.into_iter().map(|card| self.rate_card_of(card)).collect()
    }

    fn rate_card_of(&mut self, node: Node<'_>) -> Result<RateCard, TextError> {
        node.members(&["name", "currency", "rates"])?;
        let name_node = node.need("name")?;
        let name = name_node.word()?;
        if self.cards.iter().any(|(known, _)| known == name) {
            let detail = format!("another rate card is called `{name}` too");
            return Err(name_node.wrong(code::DUPLICATE, detail));
        }
        let currency = currency(node.need("currency")?)?;
        self.cards.push((name.to_owned(), currency));
        let rates = node.need("rates")?.items()?;
        rates.map(|rate| self.rate(rate, currency)).collect::<Result<_, _>>().map(RateCard::new)
    }

    fn rate(&mut self, node: Node<'_>, currency: Currency) -> Result<RateRow, TextError> {
        node.members(&RATE)?;
        let per_kilogram = node.find("per_kilogram");
        if let Some(rate) = per_kilogram {
            self.must_be_supplied(rate.name(), |code, detail| rate.wrong_name(code, detail))?;
        }
        let per_kilogram = per_kilogram.map(|rate| amount(rate, currency)).transpose()?;
        Ok(RateRow {
            location: self.location(node.need("from")?)?,
            country: node.find("country").map(|country| self.country(country)).transpose()?,
            postal: postal_codes(node)?,
            rate: Rate {
                shipment: amount(node.need("shipment")?, currency)?,
                per_kilogram: per_kilogram.unwrap_or(0),
            },
        })
    }

    /// The number and the currency of the card of a name.
    pub(super) fn rate_card(&self, node: Node<'_>) -> Result<(u16, Currency), TextError> {
        let name = node.word()?;
        let mut numbered = (0..).zip(&self.cards);
        let found = numbered.find(|(_, (known, _))| known == name);
        found.map(|(number, (_, currency))| (number, *currency)).ok_or_else(|| {
            let known: Vec<&str> = self.cards.iter().map(|(known, _)| &**known).collect();
            let detail = match known[..] {
                [] => format!("there is no rate card `{name}`; the profile has none"),
                _ => format!("of rate cards, {}", unknown(name, &known)),
            };
            node.wrong(code::UNKNOWN_RATE_CARD, detail)
        })
    }
}

/// The postal codes that a rate is for: a prefix, a range, or all.
fn postal_codes(node: Node<'_>) -> Result<Option<Span>, TextError> {
    let ends = (node.find("postal_from"), node.find("postal_to"));
    match (node.find("postal_prefix"), ends) {
        (Some(prefix), (None, None)) => postal(prefix).map(Some),
        (Some(_), (Some(end), _) | (None, Some(end))) => {
            let detail = "a rate has `postal_prefix` or a range, not both";
            Err(end.wrong_name(code::CONTRADICTION, detail))
        }
        (None, (None, None)) => Ok(None),
        (None, _) => {
            let (first, _) = postal(node.need("postal_from")?)?;
            let (_, last) = postal(node.need("postal_to")?)?;
            Ok(Some((first, last)))
        }
    }
}
