//! JSON written straight into the bytes that leave: answers to orders are most of what a server under load
//! writes, and a serializer's detours cost as much as the order.

use super::Units;
use onhand_engine::domain::money::format_unit_price;

/// Appends a string, quoted and escaped.
pub(super) fn text(out: &mut Vec<u8>, text: &str) {
    // Without a way out in the middle, so that it is done for many bytes at once.
    let is_special = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    let is_plain = !text.bytes().fold(false, |found, byte| found | is_special(byte));
    if is_plain {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        // Writing a string into a Vec cannot fail.
        let written = serde_json::to_writer(out, text);
        debug_assert!(written.is_ok());
    }
}

/// Appends a number.
pub(crate) fn number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends a quantity: a number, or a decimal string for SKUs with decimals.
pub(super) fn units(out: &mut Vec<u8>, units: Units) {
    if units.decimals == 0 {
        number(out, units.units);
    } else {
        text(out, &onhand_engine::domain::quantity::format(units.units, units.decimals));
    }
}

/// Appends a unit price as a decimal string: with the two decimals that nearly all have, or as many as it needs.
pub(super) fn unit_price(out: &mut Vec<u8>, price: i64) {
    const CENT: i64 = 10_000;
    if price < 0 || price % CENT != 0 {
        return text(out, &format_unit_price(price));
    }
    let cents = price.unsigned_abs() / CENT.unsigned_abs();
    out.push(b'"');
    number(out, cents / 100);
    let digit = |value: u64| b'0' + u8::try_from(value % 10).unwrap_or(0);
    out.extend_from_slice(&[b'.', digit(cents / 10), digit(cents), b'"']);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn strings_are_what_a_serializer_writes() {
        for sample in ["", "MUG", "a\"b", "back\\slash", "line\nend", "\u{1}", "é ☕", "\u{7f}"] {
            assert_eq!(written(|out| text(out, sample)), serde_json::to_string(sample).unwrap());
        }
    }

    #[test]
    fn prices_and_quantities_are_as_the_domain_formats_them() {
        for price in [0, 10_000, 4_250_000, 12_500_000, 1, 4_255_000, -10_000, i64::MAX, i64::MIN, 990_000] {
            assert_eq!(written(|out| unit_price(out, price)), format!("\"{}\"", format_unit_price(price)));
        }
        assert_eq!(written(|out| units(out, Units { units: 7, decimals: 0 })), "7");
        assert_eq!(written(|out| units(out, Units { units: 250, decimals: 3 })), "\"0.250\"");
    }
}
