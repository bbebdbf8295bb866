//! Money: unit prices in millionths of the major unit, amounts in minor units of an ISO 4217 currency.

use alloc::string::String;
use core::fmt::Write;

/// Millionths of the major unit: `"12.50"` is 12,500,000. Six decimals cover per-piece prices of bulk goods.
pub const PRICE_DECIMALS: u8 = 6;

/// The largest unit price: a billion major units, so that price times quantity stays inside 128 bits and a
/// line's amount inside 64.
pub const UNIT_PRICE_MAX: i64 = 1_000_000_000 * 1_000_000;

/// A currency of ISO 4217: its three letters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Currency(pub [u8; 3]);

/// Currencies whose minor unit is not a hundredth: (code, exponent). Source: ISO 4217 list one.
const EXPONENTS: [(&[u8; 3], u8); 24] = [
    (b"BHD", 3),
    (b"BIF", 0),
    (b"CLF", 4),
    (b"CLP", 0),
    (b"DJF", 0),
    (b"GNF", 0),
    (b"IQD", 3),
    (b"ISK", 0),
    (b"JOD", 3),
    (b"JPY", 0),
    (b"KMF", 0),
    (b"KRW", 0),
    (b"KWD", 3),
    (b"LYD", 3),
    (b"OMR", 3),
    (b"PYG", 0),
    (b"RWF", 0),
    (b"TND", 3),
    (b"UGX", 0),
    (b"UYI", 0),
    (b"UYW", 4),
    (b"VND", 0),
    (b"VUV", 0),
    (b"XAF", 0),
];

/// Further currencies without a minor unit, and the ones with two decimals that are in use.
const ZERO: [&[u8; 3]; 2] = [b"XOF", b"XPF"];
const TWO: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD \
CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD \
HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU \
MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK \
SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD YER \
ZAR ZMW ZWG";

impl Currency {
    /// Reads a currency code; `None` if ISO 4217 does not list it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let code: [u8; 3] = text.as_bytes().try_into().ok()?;
        // The list is sorted, four bytes a code; the last one has no space behind it.
        let (two, last) = TWO.as_bytes().as_chunks::<4>();
        let listed = two.binary_search_by(|known| known[..3].cmp(&code)).is_ok()
            || last == code
            || EXPONENTS.iter().any(|(known, _)| **known == code)
            || ZERO.iter().any(|known| **known == code);
        listed.then_some(Self(code))
    }

    /// How many decimals the minor unit has.
    #[must_use]
    pub fn exponent(self) -> u8 {
        if ZERO.iter().any(|known| **known == self.0) {
            return 0;
        }
        EXPONENTS.iter().find(|(known, _)| **known == self.0).map_or(2, |(_, exponent)| *exponent)
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or("???")
    }
}

/// Why a text is not a unit price.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PriceError {
    /// Not digits with at most one point, with an optional minus.
    Malformed,
    /// More than [`PRICE_DECIMALS`] decimals.
    TooManyDecimals,
    /// Beyond [`UNIT_PRICE_MAX`].
    TooLarge,
}

impl core::fmt::Display for PriceError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not a decimal string",
            Self::TooManyDecimals => "more than 6 decimals",
            Self::TooLarge => "beyond the limit of 1000000000",
        })
    }
}

/// Reads a decimal text as millionths of the major unit.
///
/// # Errors
/// [`PriceError`] when it is malformed, too fine or too large.
pub fn parse_unit_price(text: &str) -> Result<i64, PriceError> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || digits.ends_with('.') || !all_digits(whole) || !all_digits(fraction) {
        return Err(PriceError::Malformed);
    }
    if fraction.len() > usize::from(PRICE_DECIMALS) {
        return Err(PriceError::TooManyDecimals);
    }
    let padding = usize::from(PRICE_DECIMALS) - fraction.len();
    let mut value: i64 = 0;
    for byte in whole.bytes().chain(fraction.bytes()).chain(core::iter::repeat_n(b'0', padding)) {
        value = value * 10 + i64::from(byte - b'0');
        if value > UNIT_PRICE_MAX {
            return Err(PriceError::TooLarge);
        }
    }
    Ok(if negative { -value } else { value })
}

/// Writes millionths as a decimal text with at least two decimals and no idle zeros beyond them.
#[must_use]
pub fn format_unit_price(price: i64) -> String {
    let mut text = String::new();
    let value = price.unsigned_abs();
    let sign = if price < 0 { "-" } else { "" };
    let written = write!(text, "{sign}{}.{:06}", value / 1_000_000, value % 1_000_000);
    debug_assert!(written.is_ok());
    for _ in 0..4 {
        if text.ends_with('0') {
            text.pop();
        }
    }
    text
}

/// The amount of a line in minor units: price times quantity, rounded half to even once per line.
///
/// `quantity` is in smallest units of a SKU with `decimals` decimals. `None` if it leaves 64 bits.
#[must_use]
pub fn line_amount(price: i64, quantity: u32, decimals: u8, currency: Currency) -> Option<i64> {
    let exact = i128::from(price) * i128::from(quantity);
    let shift = u32::from(PRICE_DECIMALS) + u32::from(decimals);
    let drop = shift.checked_sub(u32::from(currency.exponent()))?;
    i64::try_from(divide_half_even(exact, 10_i128.pow(drop))).ok()
}

fn divide_half_even(value: i128, divisor: i128) -> i128 {
    let floor = value.div_euclid(divisor);
    let twice = value.rem_euclid(divisor) * 2;
    match twice.cmp(&divisor) {
        core::cmp::Ordering::Less => floor,
        core::cmp::Ordering::Greater => floor + 1,
        core::cmp::Ordering::Equal => floor + floor.rem_euclid(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GBP: Currency = Currency(*b"GBP");

    #[test]
    fn every_listed_currency_is_found_and_no_other() {
        let codes: alloc::vec::Vec<&str> = TWO.split(' ').collect();
        assert!(codes.is_sorted(), "it is searched as a sorted list");
        assert!(codes.iter().all(|code| Currency::parse(code).is_some_and(|found| found.exponent() == 2)));
        assert!(
            EXPONENTS.iter().all(|(code, _)| Currency::parse(core::str::from_utf8(*code).unwrap()).is_some())
        );
        assert!(ZERO.iter().all(|code| Currency::parse(core::str::from_utf8(*code).unwrap()).is_some()));
        for text in ["", "EU", "EURO", "eur", "AAA", "ZZZ", "ED ", " AE", "D A"] {
            assert_eq!(Currency::parse(text), None, "{text}");
        }
    }

    #[test]
    fn prices_round_trip() {
        for (text, value) in [
            ("12.50", 12_500_000),
            ("0.001", 1_000),
            ("-1.25", -1_250_000),
            ("0.000001", 1),
            ("7.00", 7_000_000),
        ] {
            assert_eq!(parse_unit_price(text), Ok(value));
            assert_eq!(format_unit_price(value), text);
        }
        assert_eq!(parse_unit_price("5"), Ok(5_000_000));
    }

    #[test]
    fn prices_that_are_none() {
        for text in ["", "-", "1.", ".5", "1e3", "--1", "1_000", "NaN"] {
            assert_eq!(parse_unit_price(text), Err(PriceError::Malformed), "{text}");
        }
        assert_eq!(parse_unit_price("0.0000001"), Err(PriceError::TooManyDecimals));
        assert_eq!(parse_unit_price("1000000001"), Err(PriceError::TooLarge));
    }

    #[test]
    fn currencies_know_their_exponent() {
        for (code, exponent) in [("EUR", 2), ("JPY", 0), ("KWD", 3), ("XOF", 0), ("CLF", 4)] {
            assert_eq!(Currency::parse(code).map(Currency::exponent), Some(exponent), "{code}");
        }
        for code in ["", "EURO", "eur", "XXQ", "E R"] {
            assert_eq!(Currency::parse(code), None, "{code}");
        }
    }

    #[test]
    fn amounts_round_half_to_even_once_per_line() {
        assert_eq!(line_amount(12_345_000, 1, 0, GBP), Some(1_234));
        assert_eq!(line_amount(12_355_000, 1, 0, GBP), Some(1_236));
        assert_eq!(line_amount(-12_345_000, 1, 0, GBP), Some(-1_234));
        assert_eq!(line_amount(12_345_001, 1, 0, GBP), Some(1_235));
        assert_eq!(line_amount(1_000, 3, 0, GBP), Some(0));
        assert_eq!(line_amount(2_000_000, 250, 3, GBP), Some(50));
        assert_eq!(line_amount(UNIT_PRICE_MAX, u32::MAX, 0, Currency(*b"CLF")), None);
    }
}
