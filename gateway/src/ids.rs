//! Public ids and codes: what they look like outside.

use data_encoding::{Encoding, Specification};
use onhand_engine::domain::{HoldId, OrderId};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use std::sync::LazyLock;
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// The longest code or id a caller may choose, in bytes.
pub const CODE_BYTES_MAX: usize = 64;

/// The journal an order stands in; there is one until the engine leaves one machine.
const JOURNAL: u8 = 0;

/// Crockford's base 32: no letter that looks like a digit, and such letters are read as the digit.
static CROCKFORD: LazyLock<Option<Encoding>> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    specification.translate.from.push_str("abcdefghjkmnpqrstvwxyzOoIiLl");
    specification.translate.to.push_str("ABCDEFGHJKMNPQRSTVWXYZ001111");
    specification.encoding().ok()
});

fn encode(bytes: &[u8]) -> String {
    CROCKFORD.as_ref().map(|crockford| crockford.encode(bytes)).unwrap_or_default()
}

fn decode(text: &str) -> Option<Vec<u8>> {
    CROCKFORD.as_ref()?.decode(text.as_bytes()).ok()
}

/// A request's public id, as answers and the log show it.
#[must_use]
pub fn request_text(request: &[u8; 16]) -> String {
    format!("req_{}", encode(request))
}

/// A hold's public id.
#[must_use]
pub fn hold_text(hold: HoldId) -> String {
    let mut bytes = [JOURNAL; 9];
    bytes[1..].copy_from_slice(&hold.0.to_be_bytes());
    format!("hold_{}", encode(&bytes))
}

/// The hold of a public id; `None` if it is none of ours.
#[must_use]
pub fn parse_hold(text: &str) -> Option<HoldId> {
    parse_lsn(text.strip_prefix("hold_")?).map(HoldId)
}

/// An order's public id.
#[must_use]
pub fn order_text(order: OrderId) -> String {
    let mut text = Vec::with_capacity(20);
    push_order(&mut text, order);
    String::from_utf8(text).unwrap_or_default()
}

/// Appends an order's public id.
pub fn push_order(out: &mut Vec<u8>, order: OrderId) {
    let mut bytes = [JOURNAL; 9];
    bytes[1..].copy_from_slice(&order.0.to_be_bytes());
    out.extend_from_slice(b"ord_");
    if let Some(crockford) = CROCKFORD.as_ref() {
        let start = out.len();
        out.resize(start + crockford.encode_len(bytes.len()), 0);
        crockford.encode_mut(&bytes, &mut out[start..]);
    }
}

/// The order of a public id; `None` if it is none of ours.
#[must_use]
pub fn parse_order(text: &str) -> Option<OrderId> {
    parse_lsn(text.strip_prefix("ord_")?).map(OrderId)
}

/// The LSN behind a prefix.
fn parse_lsn(text: &str) -> Option<u64> {
    let bytes = decode(text)?;
    let (journal, lsn) = bytes.split_first()?;
    let lsn = u64::from_be_bytes(lsn.try_into().ok()?);
    (*journal == JOURNAL).then_some(lsn)
}

/// An opaque cursor that holds a number.
#[must_use]
pub fn cursor_text(value: u64) -> String {
    encode(&value.to_be_bytes())
}

/// The number in a cursor.
#[must_use]
pub fn parse_cursor(text: &str) -> Option<u64> {
    decode(text)?.try_into().ok().map(u64::from_be_bytes)
}

/// Why a text is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeError {
    /// No bytes at all.
    Empty,
    /// More than [`CODE_BYTES_MAX`].
    TooLong,
    /// A control character.
    Control,
}

impl std::fmt::Display for CodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("must not be empty"),
            Self::TooLong => write!(f, "is longer than {CODE_BYTES_MAX} bytes"),
            Self::Control => f.write_str("contains a control character"),
        }
    }
}

/// A text in the form in which names are kept and compared (Unicode's NFC); what is ASCII is in it already.
#[must_use]
pub fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc(text) { Cow::Borrowed(text) } else { text.nfc().collect() }
}

/// A code as it is kept: NFC, 1 to 64 bytes, no control characters, case as given.
///
/// # Errors
/// [`CodeError`] if it cannot be one.
pub fn code(text: &str) -> Result<Cow<'_, str>, CodeError> {
    let code = composed(text);
    if code.is_empty() {
        return Err(CodeError::Empty);
    }
    if code.len() > CODE_BYTES_MAX {
        return Err(CodeError::TooLong);
    }
    let has_control = if code.is_ascii() {
        code.bytes().fold(false, |found, byte| found | byte.is_ascii_control())
    } else {
        code.chars().any(char::is_control)
    };
    if has_control { Err(CodeError::Control) } else { Ok(code) }
}

/// Decodes percent-encoding once: every `%` begins two hexadecimal digits, and what they say is UTF-8. `None` if
/// that is not so: a guess would name something the caller did not.
#[must_use]
pub fn percent_decoded(text: &str) -> Option<Cow<'_, str>> {
    let is_encoded = |rest: &str| {
        let digits = rest.as_bytes();
        digits.len() >= 2 && digits[..2].iter().all(u8::is_ascii_hexdigit)
    };
    if !text.split('%').skip(1).all(is_encoded) {
        return None;
    }
    percent_decode_str(text).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_ids_round_trip_and_forgive_lookalikes() {
        for lsn in [1, 42, u64::from(u32::MAX), u64::MAX] {
            assert_eq!(parse_order(&order_text(OrderId(lsn))), Some(OrderId(lsn)));
            assert_eq!(order_text(OrderId(lsn)).len(), 19);
        }
        let text = order_text(OrderId(1));
        assert_eq!(parse_order(&text.replace('0', "o").replacen("oRd", "ord", 1)), Some(OrderId(1)));
        for text in
            ["", "ord_", "ord_1", "ret_000000000000000", "ord_UUUUUUUUUUUUUUU", "ord_0000000000000000"]
        {
            assert_eq!(parse_order(text), None, "{text}");
        }
        assert_eq!(parse_cursor(&cursor_text(77)), Some(77));
        assert_eq!(parse_cursor("x"), None);
    }

    #[test]
    fn codes_are_composed_and_bounded() {
        assert_eq!(code("MUG"), Ok("MUG".into()));
        assert_eq!(code("e\u{301}"), Ok("é".into()));
        assert_eq!(code(""), Err(CodeError::Empty));
        assert_eq!(code(&"x".repeat(65)), Err(CodeError::TooLong));
        assert_eq!(code("a\nb"), Err(CodeError::Control));
        assert_eq!(code("a b"), Ok("a b".into()));
    }

    #[test]
    fn percent_encoding_is_read_once_and_strictly() {
        for (text, read) in
            [("a%20b", "a b"), ("a%2520b", "a%20b"), ("%C3%A9", "é"), ("a+b", "a+b"), ("", "")]
        {
            assert_eq!(percent_decoded(text).as_deref(), Some(read), "{text}");
        }
        for text in ["%FF", "x%", "%2", "%zz", "%C3", "a%%20"] {
            assert_eq!(percent_decoded(text), None, "{text}");
        }
    }
}
