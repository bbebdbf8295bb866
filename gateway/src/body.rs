//! Bodies: parsed once, borrowed where possible, and checked whole, so that an answer names every place that
//! is wrong. The plain parser runs first; only a body it refuses is read again by one that tracks the place.

use crate::http::problem::{FieldError, Problem};
use crate::ids::{self, CodeError};
use onhand_engine::domain::quantity;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::borrow::Cow;
use std::fmt;

/// Parses a body.
///
/// # Errors
/// 400 `malformed_json` if it is no JSON, 422 with a pointer if it is not what it should be.
pub fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|_| explain::<T>(bytes))
}

fn explain<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Problem {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let error = match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        Err(error) => error,
        Ok(_) => return Problem::new(400, "malformed_json", "something stands behind the JSON value"),
    };
    let inner = error.inner();
    if inner.is_syntax() || inner.is_eof() || inner.is_io() {
        return Problem::new(400, "malformed_json", inner.to_string());
    }
    let message = inner.to_string();
    let code = if message.starts_with("unknown field") {
        "unknown_field"
    } else if message.starts_with("missing field") {
        "missing_field"
    } else {
        "invalid_value"
    };
    Problem::invalid(vec![FieldError { pointer: pointer_of(error.path()), code, detail: message }])
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => {
                pointer.push_str(&format!("/{}", key.replace('~', "~0").replace('/', "~1")))
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

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
const ERRORS_MAX: usize = 20;

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
