//! JSON as servers write it: no blanks between tokens, no escapes in strings, numbers that are digits.
//!
//! Reads that form and none other, in a fraction of a parser's time. Every function answers "not plain" with `None`
//! and says nothing about whether the text is JSON: whoever gets it asks serde_json, which decides. What is read
//! here reads the same there. Knows nothing about orders.

/// Members inside members that are skipped; the server's answers have two levels, serde_json stops at 128.
const DEPTH_MAX: usize = 16;

/// Digits that always fit into 64 bits.
const DIGITS_MAX: usize = 19;

/// The lowest bit of every byte of a word.
const ONES: u64 = u64::from_le_bytes([1; 8]);

/// The highest bit of every byte of a word.
const HIGHS: u64 = ONES << 7;

/// A place in a text; what has been read is behind it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plain<'a> {
    rest: &'a [u8],
}

impl<'a> Plain<'a> {
    /// Starts at the beginning.
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { rest: text }
    }

    /// What has not been read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Reads these bytes if they come next.
    #[inline(always)]
    pub(crate) fn take(&mut self, bytes: &[u8]) -> bool {
        match self.rest.strip_prefix(bytes) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Reads these bytes, which must come next.
    #[inline(always)]
    pub(crate) fn expect(&mut self, bytes: &[u8]) -> Option<()> {
        self.take(bytes).then_some(())
    }

    /// Behind an element or a member: true if another follows, false behind the closing bracket.
    #[inline(always)]
    pub(crate) fn more(&mut self, close: u8) -> Option<bool> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        match byte {
            b',' => Some(true),
            _ if byte == close => Some(false),
            _ => None,
        }
    }

    /// Reads a whole number without a sign. What follows it is the caller's: a fraction is refused by `more`.
    #[inline(always)]
    pub(crate) fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        let mut length = 0;
        while let Some(digit) = self.rest.get(length).map(|byte| byte.wrapping_sub(b'0')).filter(|&d| d < 10)
        {
            if length == DIGITS_MAX {
                return None;
            }
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
            length += 1;
        }
        // JSON has no leading zeros.
        if length == 0 || (length > 1 && self.rest[0] == b'0') {
            return None;
        }
        self.rest = &self.rest[length..];
        Some(number)
    }

    /// Reads a string of printable ASCII and returns what stands between its quotes.
    #[inline(always)]
    pub(crate) fn text(&mut self) -> Option<&'a [u8]> {
        self.expect(b"\"")?;
        let length = plain_length(self.rest)?;
        let (text, rest) = self.rest.split_at(length);
        self.rest = &rest[1..];
        Some(text)
    }

    /// Passes over a member, name and value.
    #[inline(always)]
    pub(crate) fn skip_member(&mut self) -> Option<()> {
        self.text()?;
        self.expect(b":")?;
        match self.rest.first()? {
            b'"' => self.text().map(drop),
            b'0'..=b'9' => self.skip_number(),
            _ => self.skip_value(DEPTH_MAX),
        }
    }

    fn skip_value(&mut self, depth: usize) -> Option<()> {
        match self.rest.first()? {
            b'"' => self.text().map(drop),
            b'{' => self.skip_all(b'}', depth, |plain, depth| {
                plain.text()?;
                plain.expect(b":")?;
                plain.skip_value(depth)
            }),
            b'[' => self.skip_all(b']', depth, Self::skip_value),
            b't' => self.expect(b"true"),
            b'f' => self.expect(b"false"),
            b'n' => self.expect(b"null"),
            _ => self.skip_number(),
        }
    }

    fn skip_all(
        &mut self,
        close: u8,
        depth: usize,
        mut each: impl FnMut(&mut Self, usize) -> Option<()>,
    ) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        self.rest = &self.rest[1..];
        if self.take(&[close]) {
            return Some(());
        }
        loop {
            each(self, depth)?;
            if !self.more(close)? {
                return Some(());
            }
        }
    }

    /// Passes over a number, with a sign and a fraction but without an exponent.
    fn skip_number(&mut self) -> Option<()> {
        self.take(b"-");
        self.number()?;
        if self.take(b".") {
            let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return None;
            }
            self.rest = &self.rest[digits..];
        }
        Some(())
    }
}

/// Bytes before the closing quote, if they are all printable ASCII without a backslash.
///
/// Eight bytes at a time: names and values are so short that a vector's set-up would take longer.
#[inline(always)]
fn plain_length(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(word) = text.get(at..).and_then(|rest| rest.first_chunk()) {
        let stops = stops(u64::from_le_bytes(*word));
        if stops != 0 {
            at += stops.trailing_zeros() as usize / 8;
            return (text[at] == b'"').then_some(at);
        }
        at += 8;
    }
    let rest = &text[at..];
    let end = rest.iter().position(|&byte| byte == b'"' || byte == b'\\' || !(b' '..0x80).contains(&byte))?;
    (rest[end] == b'"').then_some(at + end)
}

/// Marks the first byte of a word (the lowest) that a plain string does not contain; higher marks may be wrong.
#[inline(always)]
fn stops(word: u64) -> u64 {
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    let quotes = zeros(word ^ (ONES * b'"' as u64));
    let backslashes = zeros(word ^ (ONES * b'\\' as u64));
    let controls = word.wrapping_sub(ONES * b' ' as u64) & !word;
    (quotes | backslashes | controls | word) & HIGHS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_end_at_their_quote_wherever_it_stands() {
        for length in 0..40 {
            for behind in 0..20 {
                let mut text = vec![b'"'];
                text.extend((0..length).map(|at| b"az 09~!#["[at % 9]));
                text.push(b'"');
                text.extend(vec![b','; behind]);
                let mut plain = Plain::new(&text);
                assert_eq!(plain.text(), Some(&text[1..=length]));
                assert_eq!(plain.rest().len(), behind);
            }
        }
    }

    #[test]
    fn every_byte_that_is_not_plain_is_found_at_every_place() {
        for byte in (0..=u8::MAX).filter(|&byte| byte == b'\\' || !(b' '..0x80).contains(&byte)) {
            for place in 1..20 {
                let mut text = *br#""abcdefghijklmnopqrs","a":1"#;
                text[place] = byte;
                assert_eq!(Plain::new(&text).text(), None, "{byte} at {place}");
            }
        }
        assert_eq!(Plain::new(br#""has no end"#).text(), None);
    }

    #[test]
    fn numbers_are_digits_that_fit() {
        for (text, number) in [
            ("0", Some(0)),
            ("7,", Some(7)),
            ("4711}", Some(4711)),
            ("9999999999999999999", Some(9_999_999_999_999_999_999)),
            ("18446744073709551615", None),
            ("99999999999999999999999", None),
            ("01", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(Plain::new(text.as_bytes()).number(), number, "{text}");
        }
    }

    #[test]
    fn members_are_passed_over_only_if_they_are_json() {
        for value in [
            "0",
            "12",
            "-3",
            "4.25",
            "-0.5",
            "true",
            "false",
            "null",
            r#""x y""#,
            "[]",
            "{}",
            "[1,[2,{}]]",
            r#"{"a":{"b":[null,"c"]},"d":-1}"#,
        ] {
            let text = format!(r#""name":{value},"#);
            let mut plain = Plain::new(text.as_bytes());
            assert_eq!(plain.skip_member(), Some(()), "{value}");
            assert_eq!(plain.rest(), b",", "{value}");
            assert!(serde_json::from_str::<serde_json::Value>(value).is_ok());
        }
        for value in [
            "",
            "-",
            "1.",
            ".5",
            "tru",
            "[1,]",
            "[1 ]",
            "{1:2}",
            r#"{"a"}"#,
            "[",
            "{",
            r#""\u0061""#,
            "+1",
            "'a'",
        ] {
            let text = format!(r#""name":{value}"#);
            assert_eq!(Plain::new(text.as_bytes()).skip_member(), None, "{value}");
        }
        // A number's end is the caller's to see.
        let mut plain = Plain::new(br#""name":1e5,"#);
        assert_eq!((plain.skip_member(), plain.more(b'}')), (Some(()), None));
        let deep = format!(r#""name":{}{}"#, "[".repeat(DEPTH_MAX + 1), "]".repeat(DEPTH_MAX + 1));
        assert_eq!(Plain::new(deep.as_bytes()).skip_member(), None);
    }
}
