//! Why a profile is refused, and where.

/// What is wrong with a text, at its first place that is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {detail}")]
pub struct TextError {
    /// Line of the text, from 1.
    pub line: u32,
    /// Character of the line, from 1.
    pub column: u32,
    /// JSON pointer (RFC 6901) to the element, in either format: `/strategies/2/when/all/0/fact`. Empty for the whole,
    /// and where the text could not be read so far.
    pub pointer: String,
    /// One of [`CODES`].
    pub code: &'static str,
    /// A sentence with the names and numbers.
    pub detail: String,
}

/// The codes, for those who raise them.
pub(super) mod code {
    pub(in crate::routing) const MALFORMED: &str = "malformed_profile";
    pub(in crate::routing) const TOO_LARGE: &str = "profile_too_large";
    pub(in crate::routing) const UNKNOWN_MEMBER: &str = "unknown_member";
    pub(in crate::routing) const MISSING_MEMBER: &str = "missing_member";
    pub(in crate::routing) const WRONG_TYPE: &str = "wrong_type";
    pub(in crate::routing) const UNKNOWN_FACT: &str = "unknown_fact";
    pub(in crate::routing) const FACT_NOT_SUPPLIED: &str = "fact_not_supplied";
    pub(in crate::routing) const WRONG_OPERATOR: &str = "wrong_operator";
    pub(in crate::routing) const UNKNOWN_LOCATION: &str = "unknown_location";
    pub(in crate::routing) const UNKNOWN_CHANNEL: &str = "unknown_channel";
    pub(in crate::routing) const UNKNOWN_SKU: &str = "unknown_sku";
    pub(in crate::routing) const UNKNOWN_RATE_CARD: &str = "unknown_rate_card";
    pub(in crate::routing) const INVALID_AMOUNT: &str = "invalid_amount";
    pub(in crate::routing) const OUT_OF_RANGE: &str = "out_of_range";
    pub(in crate::routing) const DUPLICATE: &str = "duplicate";
    pub(in crate::routing) const CONTRADICTION: &str = "contradiction";
    pub(in crate::routing) const UNREACHABLE: &str = "unreachable_strategy";
    pub(in crate::routing) const NEVER_DECIDES: &str = "never_decides";
    pub(in crate::routing) const TOO_MANY: &str = "too_many";
    pub(in crate::routing) const TOO_DEEP: &str = "too_deep";
    pub(in crate::routing) const EMPTY: &str = "empty";
}

/// Every code of a [`TextError`], and what it means; docs/ROUTING.md has the same table.
pub const CODES: [(&str, &str); 21] = [
    (code::MALFORMED, "the text is no TOML or no JSON"),
    (code::TOO_LARGE, "the text is longer than 65,536 bytes"),
    (code::UNKNOWN_MEMBER, "there is no such member here"),
    (code::MISSING_MEMBER, "a member that is needed is not there"),
    (code::WRONG_TYPE, "a value is not of the kind that its member takes"),
    (code::UNKNOWN_FACT, "there is no such fact, or not here: one of a line outside of the lines"),
    (
        code::FACT_NOT_SUPPLIED,
        "Onhand does not know this yet, so a rule over it would never hold, or count nothing",
    ),
    (code::WRONG_OPERATOR, "a fact cannot be compared so, or a comparison has two operators"),
    (code::UNKNOWN_LOCATION, "there is no location of this code"),
    (code::UNKNOWN_CHANNEL, "there is no channel of this code"),
    (code::UNKNOWN_SKU, "there is no SKU of this code"),
    (code::UNKNOWN_RATE_CARD, "the profile has no rate card of this name"),
    (code::INVALID_AMOUNT, "a decimal string is no amount of its currency"),
    (code::OUT_OF_RANGE, "a number is below or above what it may be, or a text too long"),
    (code::DUPLICATE, "something stands twice that may stand once"),
    (code::CONTRADICTION, "it can never be true, or can not be together with what stands beside it"),
    (code::UNREACHABLE, "an earlier strategy is taken whenever this one could be"),
    (code::NEVER_DECIDES, "a rank never decides, because of those before it"),
    (code::TOO_MANY, "a list has more entries than it may have"),
    (code::TOO_DEEP, "the text nests deeper than it may"),
    (code::EMPTY, "a list or a text has nothing in it"),
];

impl TextError {
    /// An error at a byte of a text; a byte beyond its end is its end.
    pub(super) fn new(
        text: &str,
        at: usize,
        pointer: String,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        let (line, column) = line_and_column(text, at);
        Self { line, column, pointer, code, detail: detail.into() }
    }
}

/// Line and character of a byte, both from 1.
pub(super) fn line_and_column(text: &str, at: usize) -> (u32, u32) {
    let before = &text[..text.floor_char_boundary(at)];
    let (lines, last) = match before.rsplit_once('\n') {
        Some((lines, last)) => (lines.bytes().filter(|byte| *byte == b'\n').count() + 1, last),
        None => (0, before),
    };
    // A text of 64 KiB has fewer lines and characters than that.
    let from_one = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).saturating_add(1);
    (from_one(lines), from_one(last.chars().count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_has_a_line_and_a_character() {
        let text = "ab\né€x\r\n\nend";
        for (at, expect) in [
            (0, (1, 1)),
            (2, (1, 3)),
            (3, (2, 1)),
            (5, (2, 2)),
            (6, (2, 2)),
            (8, (2, 3)),
            (11, (3, 1)),
            (12, (4, 1)),
            (15, (4, 4)),
            (99, (4, 4)),
        ] {
            assert_eq!(line_and_column(text, at), expect, "{at}");
        }
    }
}
