//! Reads the left side of a line: a command in words becomes one in numbers.

use super::{Fallible, Run, Stage, terms};
use onhand_domain::command::{
    Adjust, CancelOrder, Confirm, ExtendHold, Move, PlaceHold, PlaceOrder, PutChannel, PutLocation, PutSku,
    Receive, Set, ShipOrder,
};
use onhand_domain::order::{Agreed, Policy};
use onhand_domain::sku::StockState;
use onhand_domain::{ChannelNumber, Command, HoldId, LocationNumber, OrderId, SkuNumber};

/// The time on the core alone, in milliseconds; an engine has its own clock, which is later.
pub(crate) const NOW: u64 = 1_000;

/// When holds end: later than any table takes, in milliseconds.
const DEADLINE: u64 = 3_600_000;

pub(super) fn place(list: &[String], name: &str) -> Fallible<u16> {
    let found = list.iter().position(|known| known == name).ok_or(format!("unknown name {name:?}"))?;
    Ok(u16::try_from(found).unwrap())
}

pub(super) fn number<N: std::str::FromStr>(word: &str) -> Fallible<N> {
    word.parse().map_err(|_| format!("{word:?} is not such a number"))
}

fn stock_state(word: &str) -> Fallible<StockState> {
    match word {
        "sellable" => Ok(StockState::Sellable),
        "damaged" => Ok(StockState::Damaged),
        "quality_control" => Ok(StockState::QualityControl),
        _ => Err(format!("unknown state {word:?}")),
    }
}

/// Takes the policy off the end of a line.
fn policy<'a, 'b>(words: &'a [&'b str]) -> (Option<Policy>, &'a [&'b str]) {
    match words {
        [rest @ .., "backorder"] => (Some(Policy::Backorder), rest),
        [rest @ .., "imposed"] => (Some(Policy::Imposed), rest),
        [rest @ .., "ship_complete"] => (Some(Policy::ShipComplete), rest),
        [rest @ .., "reject"] => (Some(Policy::Reject), rest),
        _ => (None, words),
    }
}

/// Takes the dates of an order off the end of a line: until when it ships complete, and from when on nothing of it waits.
fn agreed<'a, 'b>(words: &'a [&'b str]) -> Fallible<(Agreed, &'a [&'b str])> {
    let (cancel_after, rest) = match words {
        [rest @ .., "cancel_after", date] => (Some(number(date)?), rest),
        _ => (None, words),
    };
    let (complete_by, rest) = match rest {
        [rest @ .., "by", date] => (Some(number(date)?), rest),
        _ => (None, rest),
    };
    Ok((Agreed { complete_by, cancel_after }, rest))
}

/// `line 2 5, line 1 3`, counted from 1; or just `5` for the only line.
fn line_list(words: &[&str]) -> Fallible<Vec<(u16, u32)>> {
    let text = words.join(" ");
    let parts = text.split(',').map(|part| part.split_whitespace().collect::<Vec<_>>());
    let pair = |part: Vec<&str>| match &part[..] {
        ["line", line, quantity] => Ok((number::<u16>(line)?.wrapping_sub(1), number(quantity)?)),
        [quantity] => Ok((0, number(quantity)?)),
        _ => Err(format!("not a line and a quantity: {part:?}")),
    };
    parts.filter(|part| !part.is_empty()).map(pair).collect()
}

impl<S: Stage> Run<S> {
    pub(super) fn location(&self, name: &str) -> Fallible<LocationNumber> {
        place(&self.locations, name).map(LocationNumber)
    }

    pub(super) fn sku(&self, name: &str) -> Fallible<SkuNumber> {
        place(&self.skus, name).map(|place| SkuNumber(place.into()))
    }

    pub(super) fn order(&self, name: &str) -> Fallible<OrderId> {
        self.orders.get(name).map(|order| order.id).ok_or(format!("unknown order {name:?}"))
    }

    pub(super) fn hold(&self, name: &str) -> Fallible<HoldId> {
        self.holds.get(name).copied().ok_or(format!("unknown hold {name:?}"))
    }

    /// `on web MUG 6, CUP 2`; the first channel if none is named.
    fn channel_and_lines(&self, words: &[&str]) -> Fallible<(ChannelNumber, Vec<(SkuNumber, u32)>)> {
        let (channel, rest) = match words {
            ["on", channel, rest @ ..] => (place(&self.channels, channel)?, rest),
            _ => (0, words),
        };
        let pair = |words: &[&str]| Ok((self.sku(words[0])?, number(words[1].trim_end_matches(','))?));
        let (pairs, rest) = rest.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(format!("not an order: {words:?}"));
        }
        let lines = pairs.iter().map(|words| pair(words)).collect::<Fallible<Vec<_>>>()?;
        Ok((ChannelNumber(channel), lines))
    }

    /// Runs one command and says what happened. Its names are numbers from here on.
    pub(super) fn command(&mut self, words: &[&str]) -> Fallible<Vec<String>> {
        Ok(match words {
            ["location", name] => self.apply(&Command::PutLocation(PutLocation::plain(None)), name),
            ["location", name, "safety", units] => {
                let (location, safety_stock) = (self.location(name).ok(), number(units)?);
                self.apply(&Command::PutLocation(PutLocation { location, safety_stock }), name)
            }
            ["channel", name, rest @ ..] => {
                let (rest, with) = terms::with(rest);
                let (policy, rest) = policy(rest);
                let served = rest.iter().map(|name| self.location(name.trim_end_matches(',')));
                let locations = served.collect::<Fallible<Vec<_>>>()?;
                let channel = place(&self.channels, name).ok().map(ChannelNumber);
                let policy = policy.unwrap_or(Policy::Reject);
                let plain = PutChannel::plain(channel, &locations, policy);
                let put = Command::PutChannel(terms::of_channel(plain, with)?);
                self.apply(&put, name)
            }
            ["sku", name, rest @ ..] => {
                let (rest, with) = terms::with(rest);
                let decimals = rest.first().map_or(Ok(0), |word| number(word))?;
                let (sku, terms) = (self.sku(name).ok(), self.terms(with)?);
                self.apply(&Command::PutSku(PutSku { terms: &terms, ..PutSku::plain(sku, decimals) }), name)
            }
            ["kit", name, rest @ ..] => {
                let (sku, components) = (self.sku(name).ok(), self.components(rest)?);
                let put = PutSku { components: &components, ..PutSku::plain(sku, 0) };
                self.apply(&Command::PutSku(put), name)
            }
            ["stock", sku, location, quantity] => {
                self.command(&["sku", sku])?;
                return self.command(&["receive", sku, location, quantity]);
            }
            ["receive", sku, location, quantity, rest @ ..] => {
                let state = rest.first().map_or(Ok(StockState::Sellable), |word| stock_state(word))?;
                let (sku, location) = (self.sku(sku)?, self.location(location)?);
                let quantity = number(quantity)?;
                self.apply(&Command::Receive(Receive { sku, location, state, quantity }), "")
            }
            ["adjust", sku, location, delta, rest @ ..] => {
                let state = rest.first().map_or(Ok(StockState::Sellable), |word| stock_state(word))?;
                let (sku, location, delta) = (self.sku(sku)?, self.location(location)?, number(delta)?);
                self.apply(&Command::Adjust(Adjust { sku, location, state, delta }), "")
            }
            ["set", sku, location, "from", expected, "to", new] => {
                let (sku, location) = (self.sku(sku)?, self.location(location)?);
                let (expected, new) = (number(expected)?, number(new)?);
                self.apply(&Command::Set(Set { sku, location, expected, new }), "")
            }
            ["move", sku, location, quantity, "from", from, "to", to] => {
                let (sku, location, quantity) = (self.sku(sku)?, self.location(location)?, number(quantity)?);
                let (from, to) = (stock_state(from)?, stock_state(to)?);
                self.apply(&Command::Move(Move { sku, location, from, to, quantity }), "")
            }
            ["hold", name, rest @ ..] => {
                let (channel, lines) = self.channel_and_lines(rest)?;
                let (deadline, customer, key) = (DEADLINE, None, 1);
                let place = PlaceHold { channel, deadline, customer, key, lines: &lines };
                self.apply(&Command::PlaceHold(place), name)
            }
            ["extend", name] => {
                let (hold, deadline) = (self.hold(name)?, 2 * DEADLINE);
                self.apply(&Command::ExtendHold(ExtendHold { hold, deadline }), "")
            }
            ["release", name] => self.apply(&Command::ReleaseHold(self.hold(name)?), ""),
            ["order", name, rest @ ..] => {
                let (agreed, rest) = agreed(rest)?;
                let (policy, rest) = policy(rest);
                let (hold, rest) = match rest {
                    [rest @ .., "confirming", hold] => (Some((hold, false)), rest),
                    [rest @ .., "confirming", hold, "or_reserve"] => (Some((hold, true)), rest),
                    _ => (None, rest),
                };
                let confirm = |(hold, or_reserve): (&&str, bool)| -> Fallible<Confirm> {
                    Ok(Confirm { hold: self.hold(hold)?, or_reserve })
                };
                let hold = hold.map(confirm).transpose()?;
                if self.orders.contains_key(*name) || self.channels.is_empty() {
                    return Err(format!("not an order: {words:?}"));
                }
                let (channel, lines) = self.channel_and_lines(rest)?;
                let place = PlaceOrder { channel, policy, agreed, lines: &lines, hold, route: None };
                self.apply(&Command::PlaceOrder(place), name)
            }
            ["cancel", order, rest @ ..] => {
                let (order, lines) = (self.order(order)?, line_list(rest)?);
                let lines = (!rest.is_empty()).then_some(&lines[..]);
                self.apply(&Command::CancelOrder(CancelOrder { order, lines }), "")
            }
            ["ship", order, location, rest @ ..] => {
                let (order, location, lines) =
                    (self.order(order)?, self.location(location)?, self.ship_list(rest)?);
                self.apply(&Command::ShipOrder(ShipOrder { order, location, lines: &lines, at: NOW }), "")
            }
            _ => return Err(format!("not a command: {:?}", words.join(" "))),
        })
    }
}
