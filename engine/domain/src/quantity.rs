//! Quantities: whole numbers of a SKU's smallest unit.
//!
//! A SKU may declare up to three decimals for goods sold by weight or length; then a decimal string is read
//! and written, and the number kept is still an integer (grams of a kilogram). Rounding of units is a
//! documented source of drift elsewhere, so there is none: a string with too many decimals is refused.

use alloc::string::String;
use core::fmt::Write;

/// The most units one order line or one movement may name: a million units of three decimals each, which is
/// far above any real line and keeps a 1,200-line sum far inside 64 bits.
pub const QUANTITY_MAX: u32 = 1_000_000_000;

/// The most units of one state at one location: the width of the stored number.
pub const LEVEL_MAX: u32 = u32::MAX;

/// The most decimals a SKU may declare: grams of a kilogram, millimetres of a metre.
pub const DECIMALS_MAX: u8 = 3;

/// Why a text is not a quantity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QuantityError {
    /// Not digits with at most one point.
    Malformed,
    /// More decimals than the SKU declares.
    TooManyDecimals {
        /// What the SKU declares.
        decimals: u8,
    },
    /// Above [`QUANTITY_MAX`] smallest units.
    TooLarge {
        /// The limit, in smallest units.
        max: u32,
    },
}

impl core::fmt::Display for QuantityError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Malformed => f.write_str("not a whole number or a decimal string"),
            Self::TooManyDecimals { decimals } => {
                write!(f, "more decimals than the sku declares ({decimals})")
            }
            Self::TooLarge { max } => write!(f, "above the limit of {max} smallest units"),
        }
    }
}

/// Reads a decimal text as smallest units of a SKU with `decimals` decimals.
///
/// # Errors
/// [`QuantityError`] when it is malformed, too fine or too large.
pub fn parse(text: &str, decimals: u8) -> Result<u32, QuantityError> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let pointless = text.ends_with('.');
    if whole.is_empty() || pointless || !digits(whole) || !digits(fraction) {
        return Err(QuantityError::Malformed);
    }
    if fraction.len() > usize::from(decimals) {
        return Err(QuantityError::TooManyDecimals { decimals });
    }
    let padding = usize::from(decimals) - fraction.len();
    let mut units: u64 = 0;
    for byte in whole.bytes().chain(fraction.bytes()).chain(core::iter::repeat_n(b'0', padding)) {
        units = units * 10 + u64::from(byte - b'0');
        if units > u64::from(QUANTITY_MAX) {
            return Err(QuantityError::TooLarge { max: QUANTITY_MAX });
        }
    }
    u32::try_from(units).map_err(|_| QuantityError::TooLarge { max: QUANTITY_MAX })
}

/// Writes smallest units as a decimal text with all the decimals the SKU declares.
#[must_use]
pub fn format(units: u64, decimals: u8) -> String {
    let mut text = String::new();
    let scale = 10_u64.pow(u32::from(decimals.min(DECIMALS_MAX)));
    // Writing into a String cannot fail.
    let written = if decimals == 0 {
        write!(text, "{units}")
    } else {
        write!(text, "{}.{:0width$}", units / scale, units % scale, width = usize::from(decimals))
    };
    debug_assert!(written.is_ok());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for (text, decimals, units) in
            [("0", 0, 0), ("12", 0, 12), ("0.250", 3, 250), ("1000000.000", 3, QUANTITY_MAX)]
        {
            assert_eq!(parse(text, decimals), Ok(units), "{text}");
            assert_eq!(format(u64::from(units), decimals), text);
        }
        assert_eq!(parse("1.5", 3), Ok(1_500));
        assert_eq!(parse("007", 0), Ok(7));
    }

    #[test]
    fn refuses_what_is_no_quantity() {
        for text in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", " 1", "1.2.3", "٣"] {
            assert_eq!(parse(text, 3), Err(QuantityError::Malformed), "{text}");
        }
        assert_eq!(parse("1.5", 0), Err(QuantityError::TooManyDecimals { decimals: 0 }));
        assert_eq!(parse("1000000001", 0), Err(QuantityError::TooLarge { max: QUANTITY_MAX }));
        assert_eq!(parse("99999999999999999999999", 0), Err(QuantityError::TooLarge { max: QUANTITY_MAX }));
    }
}
