//! What was counted and written down, and under which conditions.

use crate::measure::{said, version};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::process::Command;

/// Where it stands, from the root of the repository.
pub(crate) const FILE: &str = "benches/instructions/recorded.toml";

const HEAD: &str = "# Instructions of one operation; written by `benches/instructions/run --record`, compared by \
                    `benches/instructions/run`.\n";

/// How far a count may be from what was recorded, with the same compiler and the same Valgrind. Counts of one build differ
/// by less than a thousandth, whatever seeds the hash tables have; this is for changes elsewhere in the workspace, which
/// move by some hundredths what the compiler inlines. A copy, a look-up or an allocation too many is more in most cases.
const TOLERANCE_PERCENT: u64 = 5;

/// The same with another compiler, or another Valgrind, which stands for another release of Debian and its C library:
/// they move single functions by a tenth and more without a line changed. What became twice as much is still seen.
const OTHER_TOLERANCE_PERCENT: u64 = 25;

/// Everything that was counted.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recorded {
    #[serde(flatten)]
    pub(crate) conditions: Conditions,
    /// By case.
    pub(crate) instructions: BTreeMap<String, u64>,
}

/// What counts depend on besides the code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Conditions {
    /// Version of the compiler.
    pub(crate) compiler: String,
    /// What it compiles for.
    pub(crate) target: String,
    /// Version of Valgrind.
    pub(crate) valgrind: String,
}

/// How far a count may be from what was recorded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tolerance {
    pub(crate) percent: u64,
    /// What is to be said about it, if it is not the usual one.
    pub(crate) remark: Option<String>,
}

impl Conditions {
    /// Those of now: the compiler that built this, since the script that builds it runs it.
    pub(crate) fn present() -> Result<Self, String> {
        let rustc = said(Command::new("rustc").arg("-vV"))?;
        let field = |name: &str| {
            let value = rustc.lines().find_map(|line| line.strip_prefix(name));
            value.map(str::to_owned).ok_or_else(|| format!("rustc -vV says no {name:?}"))
        };
        Ok(Self { compiler: field("release: ")?, target: field("host: ")?, valgrind: version()? })
    }

    /// How far counts of now may be from these. For another target they say nothing.
    pub(crate) fn tolerance(&self, now: &Self) -> Result<Tolerance, String> {
        if self.target != now.target {
            return Err(format!("recorded for {}, and this is {}: not comparable", self.target, now.target));
        }
        if self == now {
            return Ok(Tolerance { percent: TOLERANCE_PERCENT, remark: None });
        }
        let remark =
            format!("recorded with {self}, and this is {now}: only coarse changes count. Record again.");
        Ok(Tolerance { percent: OTHER_TOLERANCE_PERCENT, remark: Some(remark) })
    }
}

impl std::fmt::Display for Conditions {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "rustc {} for {} under Valgrind {}", self.compiler, self.target, self.valgrind)
    }
}

impl Recorded {
    /// Reads the file.
    pub(crate) fn read() -> Result<Self, String> {
        let text = std::fs::read_to_string(FILE).map_err(|error| format!("{FILE}: {error}"))?;
        toml::from_str(&text).map_err(|error| format!("{FILE}: {error}"))
    }

    /// Writes the file.
    pub(crate) fn write(&self) -> Result<(), String> {
        let text = toml::to_string(self).map_err(|error| format!("{FILE}: {error}"))?;
        std::fs::write(FILE, format!("{HEAD}{text}")).map_err(|error| format!("{FILE}: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::CASES;
    use std::collections::BTreeSet;

    fn conditions(compiler: &str, target: &str, valgrind: &str) -> Conditions {
        let [compiler, target, valgrind] = [compiler, target, valgrind].map(str::to_owned);
        Conditions { compiler, target, valgrind }
    }

    #[test]
    fn what_is_recorded_are_the_cases() {
        let text = include_str!("../../../instructions/recorded.toml");
        let recorded: Recorded = toml::from_str(text).unwrap();
        let recorded: BTreeSet<&str> = recorded.instructions.keys().map(String::as_str).collect();
        assert_eq!(recorded, CASES.iter().map(|case| case.name).collect());
    }

    #[test]
    fn what_is_written_reads_back() {
        let conditions = conditions("1.95.0", "here", "3.19.0");
        let instructions = [("one".to_owned(), 1), ("two".to_owned(), 2_000_000)].into();
        let recorded = Recorded { conditions, instructions };
        let text = format!("{HEAD}{}", toml::to_string(&recorded).unwrap());
        assert_eq!(toml::from_str::<Recorded>(&text).unwrap(), recorded);
    }

    #[test]
    fn other_conditions_are_compared_coarsely_or_not_at_all() {
        let here = conditions("1.95.0", "here", "3.19.0");
        let same = here.tolerance(&here.clone()).unwrap();
        assert_eq!((same.percent, same.remark), (TOLERANCE_PERCENT, None));
        for other in [conditions("1.96.0", "here", "3.19.0"), conditions("1.95.0", "here", "3.24.0")] {
            let tolerance = here.tolerance(&other).unwrap();
            assert_eq!(tolerance.percent, OTHER_TOLERANCE_PERCENT);
            assert!(tolerance.remark.unwrap().ends_with("Record again."));
        }
        assert!(here.tolerance(&conditions("1.95.0", "there", "3.19.0")).is_err());
    }
}
