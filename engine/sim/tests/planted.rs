//! The simulator's own test: each deliberate bug is found within some seeds. A green run says nothing otherwise.
#![allow(clippy::print_stdout, reason = "which seed found what is worth reading")]

use onhand_engine::domain::planted as rules;
use onhand_engine::snapshots::planted as durable;
use onhand_sim::run;
use std::collections::BTreeSet;
use std::panic::{catch_unwind, set_hook};

/// Seeds within which a bug must be found.
const SEEDS_MAX: u64 = 150;

/// Bugs of durability, each with the seed that found it last: it is tried first, since most seeds do not meet a bug.
const DURABLE: [(durable::Bug, u64); 16] = [
    (durable::Bug::AckEarly, 1),
    (durable::Bug::SkipSync, 1),
    (durable::Bug::SkipDirectorySync, 12),
    (durable::Bug::IgnoreFailedSync, 2),
    (durable::Bug::ReorderFrames, 1),
    (durable::Bug::CutAny, 15),
    (durable::Bug::LoseHeader, 1),
    (durable::Bug::ForgetKeys, 2),
    (durable::Bug::ForgetYoungKeys, 1),
    (durable::Bug::TrustTheClock, 7),
    (durable::Bug::UncheckedSnapshot, 1),
    (durable::Bug::ReplayTwice, 1),
    (durable::Bug::Overtake, 7),
    (durable::Bug::StaysFull, 1),
    (durable::Bug::EraseUnsynced, 2),
    (durable::Bug::WaitToBeAsked, 4),
];

/// Bugs of the rules, likewise.
const RULES: [(rules::Bug, u64); 18] = [
    (rules::Bug::LinesApart, 1),
    (rules::Bug::ReleaseTwice, 1),
    (rules::Bug::OldestLose, 1),
    (rules::Bug::IgnorePromises, 6),
    (rules::Bug::ForgetWithin, 6),
    (rules::Bug::ExplainOtherwise, 6),
    (rules::Bug::RefundPoolFirst, 32),
    (rules::Bug::ForgetUsed, 13),
    (rules::Bug::IgnoreHeldUnits, 13),
    (rules::Bug::HalfKits, 7),
    (rules::Bug::ImposeOnHolds, 13),
    (rules::Bug::IgnoreRank, 6),
    (rules::Bug::FreeLowered, 2),
    (rules::Bug::KeepSold, 2),
    (rules::Bug::KeepHeldSold, 6),
    (rules::Bug::ShipInPart, 6),
    (rules::Bug::WaitWithoutLimit, 4),
    (rules::Bug::WaitForEver, 4),
];

/// The first seed that finds something, `likely` tried before all others, and what it says.
fn found(likely: u64) -> Option<(u64, String)> {
    std::iter::once(likely).chain(1..=SEEDS_MAX).find_map(|seed| {
        let finding = catch_unwind(|| run(seed)).err()?;
        let text = finding.downcast_ref::<String>().cloned();
        let text = text.or_else(|| finding.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let mut line: String = text.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
        line.truncate(line.floor_char_boundary(160));
        Some((seed, line))
    })
}

/// One test, since one bug is planted at a time in the whole process.
#[test]
fn every_planted_bug_is_found() {
    // A finding is expected here, and is printed below.
    set_hook(Box::new(|_| {}));
    let durable = DURABLE.map(|(bug, likely)| {
        durable::plant(bug);
        let found = found(likely);
        durable::plant(durable::Bug::None);
        (format!("{bug:?}"), found)
    });
    let rules = RULES.map(|(bug, likely)| {
        rules::plant(bug);
        let found = found(likely);
        rules::plant(rules::Bug::None);
        (format!("{bug:?}"), found)
    });
    drop(std::panic::take_hook());
    let all: Vec<_> = durable.into_iter().chain(rules).collect();
    for (bug, found) in &all {
        match found {
            Some((seed, what)) => println!("{bug}: seed {seed}: {what}"),
            None => println!("{bug}: NOT found by {SEEDS_MAX} seeds"),
        }
    }
    let missed: Vec<&String> = all.iter().filter(|(_, found)| found.is_none()).map(|(bug, _)| bug).collect();
    assert!(missed.is_empty(), "not found: {missed:?}");
    // Without the bug these seeds find nothing: it was the bug that they found.
    let seeds: BTreeSet<u64> = all.iter().filter_map(|(_, found)| Some(found.as_ref()?.0)).collect();
    for seed in seeds {
        assert!(run(seed).steps > 0, "seed {seed}");
    }
}
