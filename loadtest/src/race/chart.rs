//! The medians as a picture: a bar for each row, in groups of a stream and a number of connections.
//!
//! SVG by hand: bars and text need no library, and the picture stays small enough to be read as text.

use std::fmt::Write;
use std::path::Path;

use crate::error::LoadError;
use crate::race::table::{Figures, Table};

/// In pixels.
const WIDTH: u64 = 900;
const BAR: u64 = 18;
const GAP: u64 = 26;
const NAMES: u64 = 190;
const NUMBERS: u64 = 110;
const TOP: u64 = 30;

/// Writes the picture.
pub(crate) fn write(table: &Table, path: &Path) -> Result<(), LoadError> {
    let picture = draw(&table.medians());
    std::fs::write(path, picture).map_err(|source| LoadError::Write { path: path.to_path_buf(), source })
}

fn draw(medians: &[Figures]) -> String {
    let groups: Vec<&[Figures]> = medians
        .chunk_by(|one, next| one.stream == next.stream && one.connections == next.connections)
        .collect();
    let height = TOP + groups.iter().map(|group| GAP + BAR * group.len() as u64).sum::<u64>() + GAP;
    let longest = medians.iter().map(|row| row.orders_per_second).max().unwrap_or(1).max(1);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"20\" font-weight=\"bold\">orders a second, medians; grey: a crash loses what was answered\
         </text>\n"
    );
    let mut y = TOP;
    for group in groups {
        y += GAP;
        let row = &group[0];
        put(&mut out, &text(10, y - 6, &format!("{}, {} connections", row.stream, row.connections)));
        for row in group {
            let length = (WIDTH - NAMES - NUMBERS) * row.orders_per_second / longest;
            let fill = match (row.durable, row.contender.starts_with("onhand")) {
                (false, _) => "#d8d8d8",
                (true, true) => "#1f6f5c",
                (true, false) => "#8aa9c4",
            };
            put(&mut out, &text(24, y + BAR - 5, &row.contender));
            let (top, thick) = (y + 2, BAR - 4);
            put(
                &mut out,
                &format!(r#"<rect x="{NAMES}" y="{top}" width="{length}" height="{thick}" fill="{fill}"/>"#),
            );
            put(&mut out, &text(NAMES + length + 6, y + BAR - 5, &grouped(row.orders_per_second)));
            y += BAR;
        }
    }
    put(&mut out, "</svg>");
    out
}

fn text(x: u64, y: u64, words: &str) -> String {
    format!(r#"<text x="{x}" y="{y}">{words}</text>"#)
}

fn put(out: &mut String, line: &str) {
    // Into a string: this cannot fail.
    let _written = writeln!(out, "{line}");
}

/// A number with a comma after each three digits.
fn grouped(number: u64) -> String {
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
