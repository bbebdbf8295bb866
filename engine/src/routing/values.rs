//! What stands on the right of a comparison: words and numbers as the core has them.
//!
//! Every value is a range of the core's numbers, in nearly all cases of one: a postal code stands for all codes that
//! begin so, as people mean it when they write `between = ["10", "12"]`.

use super::Names;
use super::error::{TextError, code};
use super::facts::{Kind, LOCATION_KINDS};
use super::profile::Reader;
use super::suggest::shown;
use super::tree::{Node, Value};
use jiff::civil::Date;
use onhand_domain::money::Currency;
use onhand_domain::routing::profile::{Symbol, currency_value, postal_prefix};
use onhand_domain::{ChannelNumber, LocationNumber, SkuNumber};

/// Monday is 1, as in ISO 8601.
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Minutes of a day.
const DAY_MINUTES: i64 = 24 * 60;

/// The first and the last number that a value stands for.
pub(super) type Span = (i64, i64);

impl<N: Names> Reader<'_, N> {
    /// A value of a kind.
    pub(super) fn value(&mut self, node: Node<'_>, kind: Kind) -> Result<Span, TextError> {
        let number = match kind {
            Kind::Postal => return postal(node),
            Kind::Channel => i64::from(self.channel(node)?.0),
            Kind::Sku => i64::from(self.sku(node)?.0),
            Kind::Word | Kind::Tags => i64::from(self.symbol(node)?.0),
            Kind::Place => i64::from(self.location_kind(node)?.0),
            Kind::Country => i64::from(self.country(node)?.0),
            Kind::Currency => currency_value(currency(node)?),
            Kind::Amount(currency) => amount(node, currency)?,
            Kind::Number => node.whole()?,
            Kind::Quantity => quantity(node)?,
            Kind::Flag => i64::from(node.flag()?),
            Kind::Date => date(node)?,
            Kind::Time => time(node)?,
            Kind::Weekday => (1..).zip(WEEKDAYS).nth(node.one_of(&WEEKDAYS)?).map_or(0, |(number, _)| number),
        };
        Ok((number, number))
    }

    /// The location of a code.
    pub(super) fn location(&self, node: Node<'_>) -> Result<LocationNumber, TextError> {
        let code = node.word()?;
        let unknown = || node.wrong(code::UNKNOWN_LOCATION, format!("there is no location `{code}`"));
        self.names.location(code).ok_or_else(unknown)
    }

    /// Locations, each once, in the order of the text.
    pub(super) fn locations(&self, node: Node<'_>) -> Result<Vec<LocationNumber>, TextError> {
        node.distinct(|item| self.location(item))
    }

    fn channel(&self, node: Node<'_>) -> Result<ChannelNumber, TextError> {
        let code = node.word()?;
        let unknown = || node.wrong(code::UNKNOWN_CHANNEL, format!("there is no channel `{code}`"));
        self.names.channel(code).ok_or_else(unknown)
    }

    fn sku(&self, node: Node<'_>) -> Result<SkuNumber, TextError> {
        let code = node.word()?;
        let unknown = || node.wrong(code::UNKNOWN_SKU, format!("there is no SKU `{code}`"));
        self.names.sku(code).ok_or_else(unknown)
    }

    fn symbol(&mut self, node: Node<'_>) -> Result<Symbol, TextError> {
        Ok(self.names.symbol(node.word()?))
    }

    /// Words, each once.
    pub(super) fn symbols(&mut self, node: Node<'_>) -> Result<Vec<Symbol>, TextError> {
        node.distinct(|item| self.symbol(item))
    }

    fn location_kind(&mut self, node: Node<'_>) -> Result<Symbol, TextError> {
        let place = node.one_of(&LOCATION_KINDS)?;
        Ok(self.names.symbol(LOCATION_KINDS[place]))
    }

    /// Kinds of locations, each once.
    pub(super) fn location_kinds(&mut self, node: Node<'_>) -> Result<Vec<Symbol>, TextError> {
        node.distinct(|item| self.location_kind(item))
    }

    pub(super) fn country(&mut self, node: Node<'_>) -> Result<Symbol, TextError> {
        let text = node.text()?;
        if text.len() != 2 || !text.bytes().all(|byte| byte.is_ascii_uppercase()) {
            let detail = format!("`{}` is not two capital letters (ISO 3166-1)", shown(text));
            return Err(node.wrong(code::WRONG_TYPE, detail));
        }
        Ok(self.names.symbol(text))
    }
}

/// All postal codes that begin so.
pub(super) fn postal(node: Node<'_>) -> Result<Span, TextError> {
    let text = node.text()?;
    postal_prefix(text).ok_or_else(|| {
        let detail = format!("`{}` is not 1 to 12 letters and digits of a postal code", shown(text));
        node.wrong(code::WRONG_TYPE, detail)
    })
}

pub(super) fn currency(node: Node<'_>) -> Result<Currency, TextError> {
    let text = node.text()?;
    Currency::parse(text)
        .ok_or_else(|| node.wrong(code::WRONG_TYPE, format!("`{}` is no currency of ISO 4217", shown(text))))
}

/// An amount in minor units, from 0.
pub(super) fn amount(node: Node<'_>, currency: Currency) -> Result<i64, TextError> {
    let Value::Text(text) = node.value() else { return Err(node.is_no("an amount as a decimal string")) };
    minor_units(text, currency.exponent()).ok_or_else(|| {
        let (name, decimals) = (currency.as_str(), currency.exponent());
        let detail = format!("`{}` is no amount in {name}, with at most {decimals} decimals", shown(text));
        node.wrong(code::INVALID_AMOUNT, detail)
    })
}

/// Digits, and at most so many behind a point. `None` is any other text, and what leaves 64 bits.
fn minor_units(text: &str, decimals: u8) -> Option<i64> {
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    let padding = usize::from(decimals).checked_sub(fraction.len())?;
    if whole.is_empty() {
        return None;
    }
    let mut digits = whole.bytes().chain(fraction.bytes()).chain(std::iter::repeat_n(b'0', padding));
    digits.try_fold(0_i64, |units, byte| {
        let digit = i64::from(byte.checked_sub(b'0').filter(|digit| *digit < 10)?);
        units.checked_mul(10)?.checked_add(digit)
    })
}

/// A quantity in smallest units. A decimal string would mean something else once the SKU has other decimals, and a
/// stored text means the same for ever.
fn quantity(node: Node<'_>) -> Result<i64, TextError> {
    if let Value::Text(_) = node.value() {
        return Err(node.wrong(code::WRONG_TYPE, "this must be a whole number of smallest units"));
    }
    node.whole()
}

/// Days from 1970-01-01.
fn date(node: Node<'_>) -> Result<i64, TextError> {
    let text = node.text()?;
    // The parser behind takes more forms of a date than this one.
    let date = text.parse::<Date>().ok().filter(|date| date.to_string() == text);
    let days = date.map(|date| date.duration_since(Date::constant(1970, 1, 1)).as_hours() / 24);
    days.ok_or_else(|| node.wrong(code::WRONG_TYPE, format!("`{}` is no date like 2026-12-24", shown(text))))
}

/// Minutes since midnight.
fn time(node: Node<'_>) -> Result<i64, TextError> {
    let text = node.text()?;
    minutes(text).ok_or_else(|| {
        node.wrong(code::WRONG_TYPE, format!("`{}` is no time from 00:00 to 23:59", shown(text)))
    })
}

fn minutes(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let two_digits = |part: &str| (part.len() == 2).then(|| minor_units(part, 0))?;
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    Some(hours * 60 + minutes).filter(|time| minutes < 60 && *time < DAY_MINUTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_whole_minor_units() {
        for (text, decimals, expect) in [
            ("4.90", 2, Some(490)),
            ("4.9", 2, Some(490)),
            ("4", 2, Some(400)),
            ("0.00", 2, Some(0)),
            ("007", 0, Some(7)),
            ("1.234", 3, Some(1_234)),
            ("92233720368547758.07", 2, Some(i64::MAX)),
            ("92233720368547758.08", 2, None),
            ("4.901", 2, None),
            ("4.", 2, None),
            (".9", 2, None),
            ("", 2, None),
            ("-1", 2, None),
            ("+1", 2, None),
            ("1e3", 2, None),
            ("1,50", 2, None),
            ("1.2.3", 3, None),
            ("٣", 2, None),
            ("4.0", 0, None),
        ] {
            assert_eq!(minor_units(text, decimals), expect, "{text}");
        }
    }

    #[test]
    fn times_have_four_digits() {
        for (text, expect) in [
            ("00:00", Some(0)),
            ("09:30", Some(570)),
            ("23:59", Some(1_439)),
            ("24:00", None),
            ("12:60", None),
            ("9:30", None),
            ("09:3", None),
            ("0930", None),
            ("+9:30", None),
            ("09:30:00", None),
        ] {
            assert_eq!(minutes(text), expect, "{text}");
        }
    }
}
