//! Bodies: parsed once, borrowed where possible, and checked whole, so that an answer names every place that
//! is wrong. The plain parser runs first; only a body it refuses is read again by one that tracks the place.

use crate::http::problem::{FieldError, Problem, shown};
use crate::ids::{self, CodeError};
use crate::member::Object;
use onhand_engine::domain::quantity::{self, QuantityError};
use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use std::borrow::Cow;
use std::fmt;

/// Members that hold quantities: a number there that no integer type holds is out of range, as a smaller one is.
const QUANTITIES: [&str; 10] = [
    "quantity",
    "delta",
    "expected",
    "new",
    "safety_stock",
    "ceiling",
    "buffer",
    "floor",
    "dedicated",
    "backorder_limit",
];

/// Parses a body: a JSON object.
///
/// # Errors
/// 400 `malformed_json` if it is no JSON, 422 with a pointer if it is not what it should be.
pub fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Problem> {
    // Checked as a whole, UTF-8 need not be checked again for each string.
    let Ok(text) = std::str::from_utf8(bytes) else { return Err(explain::<T>(bytes)) };
    serde_json::from_str::<Object<T>>(text).map(|object| object.0).map_err(|_| explain::<T>(bytes))
}

fn explain<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Problem {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let error = match serde_path_to_error::deserialize::<_, Object<T>>(&mut deserializer) {
        Err(error) => error,
        Ok(_) => return Problem::new(400, "malformed_json", "something stands behind the JSON value"),
    };
    let pointer = pointer_of(error.path());
    let inner = error.inner();
    let message = inner.to_string();
    let is_number = message.starts_with("number out of range");
    if (inner.is_syntax() || inner.is_eof() || inner.is_io()) && !is_number {
        return Problem::new(400, "malformed_json", shown(&message).into_owned());
    }
    Problem::invalid(vec![field_error(pointer, &message)])
}

/// What serde says, without the text it repeats: that stands in the body, and may be as long as one.
fn field_error(pointer: String, message: &str) -> FieldError {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    let named = || message.split('`').nth(1).unwrap_or_default();
    if message.starts_with("missing field") {
        let pointer = format!("{pointer}/{}", named());
        return FieldError { pointer, code: "missing_field", detail: "is missing".into() };
    }
    if message.starts_with("duplicate field") {
        let pointer = format!("{pointer}/{}", named());
        return FieldError { pointer, code: "invalid_value", detail: "stands twice".into() };
    }
    if message.starts_with("unknown field") {
        let known = message.rsplit_once("`, expected ").map_or("none", |(_, known)| known);
        let detail = format!("is no member here; expected {known}");
        return FieldError { pointer, code: "unknown_field", detail };
    }
    if message.starts_with("number out of range") {
        let is_quantity = pointer.rsplit('/').next().is_some_and(|name| QUANTITIES.contains(&name));
        let code = if is_quantity { "quantity_out_of_range" } else { "invalid_value" };
        return FieldError { pointer, code, detail: "is a number out of range".into() };
    }
    let detail = match message.rsplit_once(", expected ") {
        Some((_, expected)) => format!("must be {expected}"),
        None => shown(message).into_owned(),
    };
    FieldError { pointer, code: "invalid_value", detail }
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => {
                pointer.push('/');
                pointer.push_str(&shown(key).replace('~', "~0").replace('/', "~1"));
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// A time as RFC 3339 writes it, in milliseconds since 1970-01-01 UTC. The parser behind takes more (a blank for
/// the `T`, no seconds, a zone in brackets); two channels that each send another form should not both be right.
#[must_use]
pub fn instant(text: &str) -> Option<i64> {
    let form = b"0000-00-00T00:00:00";
    let (head, tail) = text.as_bytes().split_at_checked(form.len())?;
    let fits = |(byte, form): (&u8, &u8)| match form {
        b'0' => byte.is_ascii_digit(),
        _ => byte.eq_ignore_ascii_case(form),
    };
    let digits = |bytes: &[u8]| bytes.len() == 2 && bytes.iter().all(u8::is_ascii_digit);
    let zone = match tail.strip_prefix(b".") {
        Some(fraction) => {
            let length = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if length == 0 {
                return None;
            }
            &fraction[length..]
        }
        None => tail,
    };
    let is_zone = match zone {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', hours @ .., b':', tens, ones] => digits(hours) && digits(&[*tens, *ones]),
        _ => false,
    };
    if !is_zone || !head.iter().zip(form).all(fits) {
        return None;
    }
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}

/// The first number past `u64` and the last one before `i64`, as the parser hands over what is beyond them.
const PAST_U64: f64 = 18_446_744_073_709_551_616.0;
const BEFORE_I64: f64 = -9_223_372_036_854_775_808.0;

/// A quantity as sent: a JSON integer in smallest units, or a decimal string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Amount<'a> {
    /// An integer in smallest units.
    Units(i64),
    /// A decimal string.
    Text(Cow<'a, str>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Amount<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AmountVisitor;

        impl<'de> Visitor<'de> for AmountVisitor {
            type Value = Amount<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer or a decimal string")
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
                Ok(Amount::Units(i64::try_from(value).unwrap_or(i64::MAX)))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
                Ok(Amount::Units(value))
            }

            /// An integer that no integer type holds comes as a float; anything else with a fraction or an
            /// exponent is refused, since floats do not count things.
            fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
                if value >= PAST_U64 {
                    Ok(Amount::Units(i64::MAX))
                } else if value <= BEFORE_I64 {
                    Ok(Amount::Units(i64::MIN))
                } else {
                    Err(E::invalid_type(Unexpected::Float(value), &self))
                }
            }

            fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Self::Value, E> {
                Ok(Amount::Text(Cow::Borrowed(value)))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
                Ok(Amount::Text(Cow::Owned(value.to_owned())))
            }
        }

        deserializer.deserialize_any(AmountVisitor)
    }
}

/// A string of a body, borrowed where it has no escapes. Within an `Option`, serde copies a plain `Cow`; this one
/// it borrows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<'a>(pub Cow<'a, str>);

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(value)))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(value.to_owned())))
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}

/// Collects what is wrong with a body.
#[derive(Debug, Default)]
pub struct Check {
    errors: Vec<FieldError>,
}

/// The most errors one answer lists; a body of 1,200 wrong lines needs no more to be understood.
pub(crate) const ERRORS_MAX: usize = 20;

impl Check {
    /// Notes an error.
    pub fn wrong(&mut self, pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) {
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(FieldError { pointer: pointer.into(), code, detail: detail.into() });
        }
    }

    /// A code, or an error and nothing.
    pub fn code<'a>(&mut self, pointer: impl FnOnce() -> String, text: &'a str) -> Option<Cow<'a, str>> {
        match ids::code(text) {
            Ok(code) => Some(code),
            Err(error @ (CodeError::Empty | CodeError::TooLong | CodeError::Control)) => {
                self.wrong(pointer(), "invalid_code", error.to_string());
                None
            }
        }
    }

    /// A text for people of at most `max` bytes without control characters.
    pub fn text<'a>(&mut self, pointer: &str, text: &'a str, max: usize) -> Option<&'a str> {
        if text.len() > max {
            self.wrong(pointer, "too_long", format!("is longer than {max} bytes"));
            return None;
        }
        if text.chars().any(char::is_control) {
            self.wrong(pointer, "invalid_value", "contains a control character");
            return None;
        }
        Some(text)
    }

    /// A quantity between `min` and the limit, in smallest units.
    pub fn quantity(
        &mut self,
        pointer: impl Fn() -> String,
        amount: &Amount<'_>,
        decimals: u8,
        min: u32,
    ) -> Option<u32> {
        let units = match amount {
            Amount::Units(units) => {
                u32::try_from(*units).ok().filter(|units| *units <= quantity::QUANTITY_MAX)
            }
            Amount::Text(text) => match quantity::parse(text, decimals) {
                Ok(units) => Some(units),
                Err(QuantityError::TooLarge { .. }) => None,
                Err(error) => {
                    self.wrong(pointer(), "invalid_quantity", error.to_string());
                    return None;
                }
            },
        };
        let units = units.filter(|units| *units >= min);
        if units.is_none() {
            let detail = format!("must be between {min} and {}", quantity::QUANTITY_MAX);
            self.wrong(pointer(), "quantity_out_of_range", detail);
        }
        units
    }

    /// Nothing, if nothing was wrong.
    ///
    /// # Errors
    /// 422 with everything that was.
    pub fn finish(self) -> Result<(), Problem> {
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::invalid(self.errors)) }
    }

    /// `value`, if nothing was wrong.
    ///
    /// # Errors
    /// 422 with everything that was.
    pub fn done<T>(self, value: Option<T>) -> Result<T, Problem> {
        self.finish()?;
        value.ok_or_else(Problem::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_form_of_rfc_3339_and_no_other() {
        for text in ["2026-11-23T10:00:00Z", "2026-11-23t10:00:00.5z", "2026-11-23T12:00:00.123456+02:00"] {
            assert!(instant(text).is_some(), "{text}");
        }
        assert_eq!(instant("2026-11-23T12:00:00+02:00"), instant("2026-11-23T10:00:00Z"));
        for text in [
            "now",
            "",
            "2026-11-23",
            "2026-11-23 10:00:00Z",
            "2026-11-23T10:00Z",
            "2026-11-23T10:00:00",
            "2026-11-23T10:00:00.Z",
            "2026-11-23T10:00:00+02",
            "2026-11-23T10:00:00+0200",
            "2026-11-23T10:00:00+02:00[Europe/Paris]",
            "20261123T100000Z",
            "2026-13-23T10:00:00Z",
            "2026-11-23T10:00:00Zé",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn what_serde_says_is_told_without_what_it_repeats() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Line<'a> {
            #[serde(borrow)]
            quantity: Amount<'a>,
            note: Option<u8>,
        }
        let check = |text: &str, pointer: &str, code: &str| {
            let problem =
                parse::<Line<'_>>(text.as_bytes()).map(|line| (line.quantity, line.note)).unwrap_err();
            let error = &problem.errors[0];
            assert_eq!((&*error.pointer, error.code), (pointer, code), "{text}: {problem:?}");
            assert!(problem.to_json().to_string().len() < 700, "{text}");
        };
        let long = "x".repeat(5_000);
        check("{}", "/quantity", "missing_field");
        check("[1]", "", "invalid_value");
        check(r#"{"quantity":true}"#, "/quantity", "invalid_value");
        check(r#"{"quantity":1.5}"#, "/quantity", "invalid_value");
        check(r#"{"quantity":1,"quantity":1}"#, "/quantity", "invalid_value");
        check(&format!(r#"{{"quantity":{}}}"#, "9".repeat(400)), "/quantity", "quantity_out_of_range");
        check(&format!(r#"{{"quantity":1,"note":"{long}"}}"#), "/note", "invalid_value");
        check(&format!(r#"{{"quantity":1,"{long}":1}}"#), &format!("/{}…", &long[..64]), "unknown_field");
        let quantity = |text: &'static str| parse::<Line<'_>>(text.as_bytes()).unwrap().quantity;
        assert_eq!(quantity(r#"{"quantity":99999999999999999999}"#), Amount::Units(i64::MAX));
        assert_eq!(quantity(r#"{"quantity":-99999999999999999999}"#), Amount::Units(i64::MIN));
    }
}
