//! What figures are made of: medians, quantiles, differences, and how they are printed.

use std::fmt::Write;

/// The middle one; of an even number the upper of the two. 0 of none.
#[must_use]
pub fn median(figures: &[f64]) -> f64 {
    let mut figures = figures.to_vec();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(0.0)
}

/// The smallest of sorted figures that so many of a thousand do not exceed. 0 of none.
#[must_use]
pub fn quantile(sorted: &[u64], of_a_thousand: usize) -> u64 {
    let rank = (sorted.len() * of_a_thousand).div_ceil(1_000);
    sorted.get(rank.max(1) - 1).copied().unwrap_or(0)
}

/// A number of things, and what all of it takes.
pub type Sized = (u64, f64);

/// What each thing takes by which the larger has more than the smaller: what is there in both does not count.
#[must_use]
pub fn each(smaller: Sized, larger: Sized) -> f64 {
    let things = larger.0.saturating_sub(smaller.0).max(1);
    (larger.1 - smaller.1) / things as f64
}

/// A whole number with a comma after each three digits.
#[must_use]
pub fn grouped(number: u64) -> String {
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

/// A figure with three digits that count; large ones are whole.
#[must_use]
pub fn figure(figure: f64) -> String {
    let (sign, size) = if figure < 0.0 { ("-", -figure) } else { ("", figure) };
    if size >= 999.5 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a figure, and not negative"
        )]
        let whole = size.round() as u64;
        return format!("{sign}{}", grouped(whole));
    }
    let decimals = if size >= 99.95 {
        0
    } else if size >= 9.995 {
        1
    } else {
        2
    };
    format!("{sign}{size:.decimals$}")
}

/// A figure and, in brackets, the smallest and the largest of those that it is the median of.
#[must_use]
pub fn with_range(figures: &[f64]) -> String {
    let smallest = figures.iter().copied().fold(f64::INFINITY, f64::min);
    let largest = figures.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    match figures {
        [] => "–".to_owned(),
        [one] => figure(*one),
        _ => format!("{} ({} to {})", figure(median(figures)), figure(smallest), figure(largest)),
    }
}

/// A table in Markdown.
#[must_use]
pub fn markdown(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut out = String::new();
    let mut line = |cells: String| {
        // Into a string: this cannot fail.
        let _written = writeln!(out, "|{cells}");
    };
    line(head.iter().map(|cell| format!(" {cell} |")).collect());
    line(head.iter().map(|_| "---|").collect());
    for row in rows {
        line(row.iter().map(|cell| format!(" {cell} |")).collect());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_quantiles_are_figures_that_were_measured() {
        assert_eq!([median(&[]), median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0])], [0.0, 2.0, 4.0]);
        let thousand: Vec<u64> = (1..=1_000).collect();
        assert_eq!([500, 990, 999, 1_000].map(|part| quantile(&thousand, part)), [500, 990, 999, 1_000]);
        assert_eq!([0, 500, 999].map(|part| quantile(&[7, 9], part)), [7, 7, 9]);
        assert_eq!(quantile(&[], 500), 0);
    }

    #[test]
    fn what_both_have_does_not_count() {
        assert_eq!(each((1_000, 57_000.0), (3_000, 257_000.0)), 100.0);
        assert_eq!(each((10, 5.0), (20, 4.0)), -0.1);
    }

    #[test]
    fn figures_are_as_precise_as_they_can_be_believed() {
        let printed = [0.0, 1.234, 9.999, 12.34, 99.96, 512.3, 999.6, 1_234_567.8, -12.34].map(figure);
        assert_eq!(printed, ["0.00", "1.23", "10.0", "12.3", "100", "512", "1,000", "1,234,568", "-12.3"]);
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(with_range(&[2.0, 1.0, 3.0]), "2.00 (1.00 to 3.00)");
        assert_eq!([with_range(&[]), with_range(&[2.0])], ["–", "2.00"]);
    }

    #[test]
    fn a_table_has_a_line_below_its_head() {
        let table = markdown(&["a", "b"], &[vec!["1".into(), "2".into()]]);
        assert_eq!(table, "| a | b |\n|---|---|\n| 1 | 2 |\n");
    }
}
