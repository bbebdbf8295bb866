//! Pictures by hand: bars, lines and text need no library, and a picture stays small enough to be read as text.

use std::fmt::{Display, Write};

/// The start of a picture of this size in pixels, with a white ground.
pub(crate) fn begin(width: u64, height: u64) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    )
}

/// Appends a line of text.
pub(crate) fn put(out: &mut String, line: &str) {
    // Into a string: this cannot fail.
    let _written = writeln!(out, "{line}");
}

/// Words that begin at a point.
pub(crate) fn text(x: impl Display, y: impl Display, words: &str) -> String {
    format!(r#"<text x="{x}" y="{y}">{words}</text>"#)
}

/// A number with a comma after each three digits.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let grouped = [0, 999, 1_000, 1_234_567].map(grouped);
        assert_eq!(grouped, ["0", "999", "1,000", "1,234,567"]);
    }
}
