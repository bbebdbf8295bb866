//! What locations, channels and SKUs keep of stock, in the words of the tables: what stands behind `with`.

use super::commands::{number, place};
use super::{Fallible, Run, Stage};
use onhand_domain::ChannelNumber;
use onhand_domain::command::PutChannel;
use onhand_domain::promise::{Amount, StockPolicy};
use onhand_domain::sku::{ChannelTerms, Terms};

/// Splits a line at `with`.
pub(super) fn with<'a, 'b>(words: &'a [&'b str]) -> (&'a [&'b str], &'a [&'b str]) {
    match words.iter().position(|word| *word == "with") {
        Some(place) => (&words[..place], &words[place + 1..]),
        None => (words, &[]),
    }
}

/// `5` or `10%`.
fn amount(word: &str) -> Fallible<Amount> {
    match word.strip_suffix('%') {
        Some(percent) => number(percent).map(Amount::Percent),
        None => number(word).map(Amount::Units),
    }
}

/// Numbers of a policy; what is none of them goes to `other`.
fn policy(words: &[&str], mut other: impl FnMut(&str, &str) -> Fallible<()>) -> Fallible<StockPolicy> {
    let mut policy = StockPolicy::SHARED;
    let (pairs, rest) = words.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(format!("not a policy: {words:?}"));
    }
    for [member, word] in pairs {
        match *member {
            "ceiling" => policy.ceiling = Some(amount(word)?),
            "buffer" => policy.buffer = amount(word)?,
            "floor" => policy.floor = number(word)?,
            _ => other(member, word)?,
        }
    }
    Ok(policy)
}

/// A channel with its policy and its rank.
pub(super) fn of_channel<'a>(plain: PutChannel<'a>, words: &[&str]) -> Fallible<PutChannel<'a>> {
    let mut rank = plain.rank;
    let stock_policy = policy(words, |member, word| match member {
        "rank" => number(word).map(|number| rank = number),
        _ => Err(format!("not a policy: {member:?}")),
    })?;
    Ok(PutChannel { stock_policy, rank, ..plain })
}

impl<S: Stage> Run<S> {
    /// `safety 2, safety east 5, web ceiling 5 floor 2 dedicated 4`.
    pub(super) fn terms(&self, words: &[&str]) -> Fallible<Terms> {
        let mut terms = Terms::NONE;
        let text = words.join(" ");
        for part in text.split(',').map(|part| part.split_whitespace().collect::<Vec<_>>()) {
            match &part[..] {
                [] => {}
                ["safety", units] => terms.safety_stock = Some(number(units)?),
                ["safety", location, units] => {
                    terms.safety_stock_at.push((self.location(location)?, number(units)?));
                }
                ["backorder_limit", units] => terms.backorder_limit = Some(number(units)?),
                [channel, rest @ ..] => {
                    let channel = ChannelNumber(place(&self.channels, channel)?);
                    let mut dedicated = 0;
                    let policy = policy(rest, |member, word| match member {
                        "dedicated" => number(word).map(|number| dedicated = number),
                        _ => Err(format!("not a policy: {member:?}")),
                    })?;
                    terms.channels.push(ChannelTerms { channel, policy, dedicated });
                }
            }
        }
        Ok(terms)
    }
}
