//! What would have been, tried on the log of a run: under the rules that it had nothing differs, whichever record the
//! simulated world begins with; under other rules no invariant breaks.

use crate::dice::Dice;
use crate::routing::profile_text;
use crate::wish::CHANNELS;
use crate::world::MERCHANTS;
use onhand_engine::routing::Format;
use onhand_engine::simulate::{NewProfile, Question, Report, Strayed, simulate};
use onhand_engine::snapshots::Lsn;
use onhand_engine::snapshots::storage::SimStorage;

/// Tries it with each merchant. Returns how many orders were decided anew, and how many of them fare differently under
/// other rules.
///
/// # Panics
/// If something does not hold: that is a finding.
pub(crate) fn try_what_if(disk: &SimStorage, last: Lsn, dice: &mut Dice) -> (u64, u64) {
    let (mut orders, mut differing) = (0, 0);
    let channels: Vec<String> = (0..CHANNELS).map(|number| format!("channel {number}")).collect();
    for merchant in MERCHANTS {
        let (merchant, differences) = (Some(merchant), 3);
        let same = Question { merchant, differences, ..Question::default() };
        let later = Some(Lsn(1 + dice.below(last.0)));
        for from in [None, later] {
            let report = tried(disk, &Question { from, ..same });
            let is_same =
                report.differing == 0 && report.strayed == Strayed::default() && report.ends_alike();
            let Report { strayed, differences, .. } = &report;
            assert!(is_same, "the same rules from record {from:?} on: {strayed:?}, {differences:?}");
            orders += report.total.recorded.orders;
        }
        let (text, format) = (profile_text(dice), Format::Toml);
        let profile = NewProfile { name: "other rules", text: &text, format, channels: &channels };
        let report = tried(disk, &Question { profile: Some(profile), ..same });
        assert_eq!(report.total.recorded.orders, report.total.simulated.orders, "{merchant:?}\n{text}");
        differing += report.differing;
    }
    (orders, differing)
}

fn tried(disk: &SimStorage, question: &Question<'_>) -> Report {
    let report = simulate(disk, "the simulated disk", question);
    let report = report.unwrap_or_else(|error| panic!("{question:?}: {error}"));
    assert_eq!(report.ends.simulated.check(), Ok(()), "{question:?}");
    report
}
