//! What was counted beside what was recorded.

use crate::page::grouped;
use crate::recorded::Tolerance;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// What became of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// As recorded, within the tolerance.
    Same,
    /// It takes more.
    Grown,
    /// It takes less: told, since recorded as it was it could grow again unseen, and nothing to fail for.
    Shrunk,
    /// It takes less than half: a step that was not counted looks like that.
    Halved,
    /// It is counted and was not recorded.
    Unknown,
    /// It was recorded and is not counted.
    Missing,
}

/// One case.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) case: String,
    pub(crate) recorded: Option<u64>,
    pub(crate) counted: Option<u64>,
    pub(crate) verdict: Verdict,
}

impl Verdict {
    fn of(recorded: Option<u64>, counted: Option<u64>, percent: u64) -> Self {
        match (recorded, counted) {
            (None, _) => Self::Unknown,
            (_, None) => Self::Missing,
            (Some(recorded), Some(counted)) => {
                let (recorded, counted) = (u128::from(recorded) * 100, u128::from(counted) * 100);
                let tolerance = recorded / 100 * u128::from(percent);
                match counted {
                    _ if counted > recorded + tolerance => Self::Grown,
                    _ if counted * 2 < recorded => Self::Halved,
                    _ if counted + tolerance < recorded => Self::Shrunk,
                    _ => Self::Same,
                }
            }
        }
    }

    /// Whether nothing has to be done.
    pub(crate) fn is_fine(self) -> bool {
        matches!(self, Self::Same | Self::Shrunk)
    }

    fn word(self) -> &'static str {
        match self {
            Self::Same => "",
            Self::Grown => "GREW",
            Self::Shrunk => "shrank: record again",
            Self::Halved => "less than half: is it counted? Record again",
            Self::Unknown => "not recorded: record again",
            Self::Missing => "recorded, and no case: record again",
        }
    }
}

/// Compares, case by case.
pub(crate) fn compare(
    recorded: &BTreeMap<String, u64>,
    counted: &BTreeMap<String, u64>,
    percent: u64,
) -> Vec<Row> {
    let cases: BTreeSet<&String> = recorded.keys().chain(counted.keys()).collect();
    let row = |case: &String| {
        let (recorded, counted) = (recorded.get(case).copied(), counted.get(case).copied());
        Row { case: case.clone(), recorded, counted, verdict: Verdict::of(recorded, counted, percent) }
    };
    cases.into_iter().map(row).collect()
}

/// The table for people, and what to do.
pub(crate) fn report(rows: &[Row], tolerance: &Tolerance) -> String {
    let mut text = format!("{:<16}{:>12}{:>12}{:>10}\n", "case", "recorded", "now", "change");
    for row in rows {
        let number = |count: Option<u64>| count.map_or("-".to_owned(), grouped);
        let change = change_of(row.recorded, row.counted);
        let (recorded, counted, word) = (number(row.recorded), number(row.counted), row.verdict.word());
        // Writing to a string cannot fail.
        writeln!(text, "{:<16}{recorded:>12}{counted:>12}{change:>10}  {word}", row.case).unwrap_or_default();
    }
    let lines = [
        tolerance.remark.clone(),
        Some(format!(
            "instructions of one operation; {} % more or less is taken for the same",
            tolerance.percent
        )),
        told(rows),
    ];
    lines.into_iter().flatten().fold(text, |text, line| text + &line + "\n")
}

/// What to do, if something is to be done.
fn told(rows: &[Row]) -> Option<String> {
    let named = |verdict: fn(Verdict) -> bool| {
        let cases = rows.iter().filter(|row| verdict(row.verdict)).map(|row| row.case.as_str());
        cases.collect::<Vec<_>>().join(", ")
    };
    let grown = named(|verdict| verdict == Verdict::Grown);
    let other = named(|verdict| !matches!(verdict, Verdict::Same | Verdict::Grown));
    if !grown.is_empty() {
        return Some(format!(
            "more instructions than recorded: {grown}. Mend it; or, if they are worth it, record them \
             (benches/instructions/run --record) and say why in the commit"
        ));
    }
    (!other.is_empty())
        .then(|| format!("not as recorded: {other}. Record again: benches/instructions/run --record"))
}

/// The change in tenths of a percent, as `+1.2 %`.
fn change_of(recorded: Option<u64>, counted: Option<u64>) -> String {
    let (Some(recorded @ 1..), Some(counted)) = (recorded, counted) else { return String::new() };
    let tenths = u128::from(counted.abs_diff(recorded)) * 1_000 / u128::from(recorded);
    let sign = if counted < recorded { '-' } else { '+' };
    format!("{sign}{}.{} %", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(counts: &[(&str, u64)]) -> BTreeMap<String, u64> {
        counts.iter().map(|(case, count)| ((*case).to_owned(), *count)).collect()
    }

    fn verdict(recorded: u64, counted: u64) -> Verdict {
        let rows = compare(&counts(&[("case", recorded)]), &counts(&[("case", counted)]), 5);
        assert_eq!(rows.len(), 1);
        rows[0].verdict
    }

    #[test]
    fn what_grew_or_shrank_by_more_than_the_tolerance_is_noticed() {
        assert_eq!(verdict(1_000, 1_000), Verdict::Same);
        assert_eq!(verdict(1_000, 1_050), Verdict::Same);
        assert_eq!(verdict(1_000, 1_051), Verdict::Grown);
        assert_eq!(verdict(1_000, 950), Verdict::Same);
        assert_eq!(verdict(1_000, 949), Verdict::Shrunk);
        // Of few instructions a part of one is not lost to rounding.
        assert_eq!(verdict(19, 20), Verdict::Grown);
        assert_eq!(verdict(0, 1), Verdict::Grown);
        assert_eq!(verdict(1_000, 500), Verdict::Shrunk);
        assert_eq!(verdict(1_000, 499), Verdict::Halved);
        assert_eq!(verdict(u64::MAX, 0), Verdict::Halved);
    }

    #[test]
    fn a_case_that_is_missing_or_unknown_is_noticed() {
        let rows = compare(&counts(&[("both", 7), ("gone", 7)]), &counts(&[("both", 7), ("new", 7)]), 5);
        let verdicts: Vec<_> = rows.iter().map(|row| (row.case.as_str(), row.verdict)).collect();
        let wanted = [("both", Verdict::Same), ("gone", Verdict::Missing), ("new", Verdict::Unknown)];
        assert_eq!(verdicts, wanted);
        assert!(!Verdict::Missing.is_fine() && !Verdict::Unknown.is_fine());
        assert!(!Verdict::Grown.is_fine() && !Verdict::Halved.is_fine());
        assert!(Verdict::Same.is_fine() && Verdict::Shrunk.is_fine());
    }

    #[test]
    fn the_report_names_what_grew_and_what_to_do() {
        let tolerance = Tolerance { percent: 5, remark: None };
        let report_of = |recorded: &[(&str, u64)], counted: &[(&str, u64)]| {
            report(&compare(&counts(recorded), &counts(counted), 5), &tolerance)
        };
        let grown = report_of(&[("a", 1_000), ("b", 1_000)], &[("a", 1_234), ("b", 1_000)]);
        assert!(
            grown.contains("+23.4 %  GREW") && grown.contains("more instructions than recorded: a."),
            "{grown}"
        );
        let shrunk = report_of(&[("a", 1_000), ("b", 1_000)], &[("a", 1_000), ("b", 500)]);
        assert!(shrunk.contains("-50.0 %  shrank") && shrunk.contains("not as recorded: b."), "{shrunk}");
        let same = report_of(&[("a", 1_000)], &[("a", 1_001)]);
        assert!(!same.contains("ecord again") && !same.contains("more instructions"), "{same}");
    }
}
