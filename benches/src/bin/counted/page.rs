//! The table of the page about performance: what was recorded, for people.

use crate::cases::CASES;
use crate::recorded::Recorded;

/// The page, from the root of the repository.
pub(crate) const FILE: &str = "docs/PERFORMANCE.md";

/// Between these two lines the page is written from what was recorded.
const BEGIN: &str = "<!-- counted: begin -->\n";
const END: &str = "<!-- counted: end -->\n";

/// Writes the table into the page.
pub(crate) fn write(recorded: &Recorded) -> Result<(), String> {
    let page = std::fs::read_to_string(FILE).map_err(|error| format!("{FILE}: {error}"))?;
    let page = with_table(&page, &table(recorded)).ok_or_else(|| format!("{FILE}: no {BEGIN} and {END}"))?;
    std::fs::write(FILE, page).map_err(|error| format!("{FILE}: {error}"))
}

/// The page with another table; `None` if it has no place for one.
fn with_table(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some([before, BEGIN, table, END, after].concat())
}

fn table(recorded: &Recorded) -> String {
    let row = |case: &crate::cases::Case| {
        let count = recorded.instructions.get(case.name).copied().map(grouped);
        format!("| `{}` | {} | {} |\n", case.name, case.what, count.unwrap_or_default())
    };
    let rows: String = CASES.iter().map(row).collect();
    let conditions = &recorded.conditions;
    format!("Recorded with {conditions}.\n\n| case | one operation | instructions |\n|---|---|---|\n{rows}")
}

/// A number with a comma before every three digits.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let (mut text, length) = (String::new(), digits.len());
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (length - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let texts = [0, 7, 123, 1_234, 123_456, 1_234_567].map(grouped);
        assert_eq!(texts, ["0", "7", "123", "1,234", "123,456", "1,234,567"]);
    }

    #[test]
    fn only_the_table_is_written_anew() {
        let page = format!("one\n{BEGIN}old\n{END}two\n");
        assert_eq!(with_table(&page, "new\n").unwrap(), format!("one\n{BEGIN}new\n{END}two\n"));
        assert_eq!(with_table("one\n", "new\n"), None);
        assert_eq!(with_table(&format!("one\n{BEGIN}"), "new\n"), None);
    }
}
