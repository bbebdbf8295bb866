//! A tree into a profile: the whole, its strategies and its fallbacks.

use super::Names;
use super::error::{TextError, code};
use super::filters::FILTERS;
use super::tree::Node;
use onhand_domain::money::Currency;
use onhand_domain::order::Policy;
use onhand_domain::routing::profile::{Profile, Split, Strategy};

/// Members of a profile.
const PROFILE: [&str; 5] = ["otherwise", "defaults", "strategies", "fallbacks", "rate_cards"];

/// Members of a strategy or a fallback, beside its filters.
const STRATEGY: [&str; 6] = ["name", "when", "rank", "cost", "max_split", "line_split"];

/// Where a profile says nothing, any number of locations may serve an order.
const MAX_SPLIT: u16 = u16::MAX;

/// Goes over a tree and turns it into the core's numbers.
pub(super) struct Reader<'a, N> {
    pub(super) names: &'a mut N,
    /// What the engine does not supply.
    lacking: &'a [&'a str],
    /// Names and currencies of the rate cards so far, by their numbers.
    pub(super) cards: Vec<(String, Currency)>,
}

impl<'a, N: Names> Reader<'a, N> {
    pub(super) fn new(names: &'a mut N, lacking: &'a [&'a str]) -> Self {
        Self { names, lacking, cards: Vec::new() }
    }

    pub(super) fn profile(&mut self, root: Node<'_>, version: u32) -> Result<Profile, TextError> {
        root.members(&PROFILE)?;
        let otherwise =
            root.find("otherwise").map(|word| word.one_of(&["reject", "backorder"])).transpose()?;
        let rate_cards = self.rate_cards(root)?;
        let (strategies, fallbacks) = (root.need("strategies")?.items()?, root.items_of("fallbacks")?);
        let mut called = Vec::new();
        Ok(Profile {
            version,
            defaults: defaults(root)?,
            strategies: strategies.map(|node| self.strategy(node, &mut called)).collect::<Result<_, _>>()?,
            fallbacks: fallbacks
                .into_iter()
                .map(|node| self.strategy(node, &mut called))
                .collect::<Result<_, _>>()?,
            otherwise: otherwise.map(|word| if word == 1 { Policy::Backorder } else { Policy::Reject }),
            rate_cards,
        })
    }

    fn strategy<'t>(&mut self, node: Node<'t>, called: &mut Vec<&'t str>) -> Result<Strategy, TextError> {
        node.members(&[&STRATEGY[..], &FILTERS.map(|(name, _)| name)].concat())?;
        if let Some(name_node) = node.find("name") {
            let name = name_node.word()?;
            if called.contains(&name) {
                let detail = format!("another strategy or fallback is called `{name}` too");
                return Err(name_node.wrong(code::DUPLICATE, detail));
            }
            called.push(name);
        }
        Ok(Strategy {
            when: node.find("when").map(|when| self.condition(when)).transpose()?,
            filters: self.filters(node)?,
            ranking: self.ranking(node)?,
            max_split: max_split(node)?,
            line_split: line_split(node)?,
        })
    }

    /// Refuses a fact, a filter, an objective or a rate that is not supplied; `wrong` makes an error where it is named.
    pub(super) fn must_be_supplied(
        &self,
        name: &str,
        wrong: impl FnOnce(&'static str, String) -> TextError,
    ) -> Result<(), TextError> {
        if !self.lacking.contains(&name) {
            return Ok(());
        }
        let detail =
            format!("Onhand does not know `{name}` yet: a rule over it would never hold, or count nothing");
        Err(wrong(code::FACT_NOT_SUPPLIED, detail))
    }
}

fn defaults(root: Node<'_>) -> Result<Split, TextError> {
    let Some(node) = root.find("defaults") else {
        return Ok(Split { max_split: MAX_SPLIT, line_split: true });
    };
    node.members(&["max_split", "line_split"])?;
    Ok(Split {
        max_split: max_split(node)?.unwrap_or(MAX_SPLIT),
        line_split: line_split(node)?.unwrap_or(true),
    })
}

fn max_split(node: Node<'_>) -> Result<Option<u16>, TextError> {
    node.find("max_split").map(|number| number.up_to(u16::MAX)).transpose()
}

fn line_split(node: Node<'_>) -> Result<Option<bool>, TextError> {
    node.find("line_split").map(Node::flag).transpose()
}
