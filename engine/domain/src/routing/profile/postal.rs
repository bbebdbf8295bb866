//! Postal codes as whole numbers, so that a prefix and a range are both a range of numbers.
//!
//! A code is read as a number of twelve digits to the base 37, left-aligned: nothing is 0, `0` to `9` are 1 to
//! 10, `A` to `Z` are 11 to 36. Small letters count as large ones; spaces and hyphens are left out, as people
//! do. So numbers compare as the texts do, all codes that begin with a prefix stand together, and the largest,
//! 37^12 - 1, fits into 63 bits. The longest postal codes in use have ten characters (Iran; ZIP+4 has nine).

/// The most letters and digits of a postal code or a prefix.
pub const POSTAL_CHARACTERS_MAX: usize = 12;

const BASE: i64 = 37;

/// The number of a postal code. `None` if it has no letter or digit, more than [`POSTAL_CHARACTERS_MAX`], or
/// anything but ASCII letters, digits, spaces and hyphens.
#[must_use]
pub fn postal_key(text: &str) -> Option<i64> {
    postal_prefix(text).map(|(first, _)| first)
}

/// The first and the last number of a code that begins so. A range of codes, `"10"` to `"12"`, is the first
/// number of the one and the last of the other. `None` as for [`postal_key`].
#[must_use]
pub fn postal_prefix(text: &str) -> Option<(i64, i64)> {
    let (mut key, mut characters) = (0, 0);
    for byte in text.bytes().filter(|byte| !matches!(byte, b' ' | b'-')) {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0' + 1,
            b'A'..=b'Z' => byte - b'A' + 11,
            b'a'..=b'z' => byte - b'a' + 11,
            _ => return None,
        };
        characters += 1;
        if characters > POSTAL_CHARACTERS_MAX {
            return None;
        }
        key = key * BASE + i64::from(digit);
    }
    if characters == 0 {
        return None;
    }
    let below = (characters..POSTAL_CHARACTERS_MAX).fold(1, |width, _| width * BASE);
    Some((key * below, key * below + (below - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_holds_what_begins_so_and_nothing_else() {
        for (prefix, code, begins) in [
            ("SW1", "sw1a 1aa", true),
            ("SW1", "SW1", true),
            ("SW1", "SW2A 1AA", false),
            ("SW1", "SW", false),
            ("10", "10-115", true),
            ("10", "11000", false),
            ("9", "9999999999", true),
            ("ZZZZZZZZZZZZ", "zzzzzzzzzzzz", true),
        ] {
            let (first, last) = postal_prefix(prefix).unwrap();
            let key = postal_key(code).unwrap();
            assert_eq!((first..=last).contains(&key), begins, "{prefix} {code}");
        }
    }

    #[test]
    fn keys_compare_as_the_codes_do() {
        let sorted = ["0", "00", "01", "1", "10115", "10117", "9", "A", "A0", "B", "Z", "ZZ"];
        let keys = sorted.map(|code| postal_key(code).unwrap());
        assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "{keys:?}");
    }

    #[test]
    fn what_is_no_postal_code_has_no_key() {
        for text in ["", " - ", "12.3", "Ä1", "1234567890123", "1\n"] {
            assert_eq!((postal_key(text), postal_prefix(text)), (None, None), "{text:?}");
        }
    }
}
