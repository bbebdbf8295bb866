//! The simulator's own test: each deliberate bug is found within some seeds. A green run says nothing otherwise.
#![allow(clippy::print_stdout, reason = "which seed found what is worth reading")]

use onhand_engine::domain::planted as rules;
use onhand_engine::snapshots::planted as durable;
use onhand_sim::run;
use std::collections::BTreeSet;
use std::panic::{catch_unwind, set_hook};

/// Seeds within which a bug must be found.
const SEEDS_MAX: u64 = 150;

const DURABLE: [durable::Bug; 16] = [
    durable::Bug::AckEarly,
    durable::Bug::SkipSync,
    durable::Bug::SkipDirectorySync,
    durable::Bug::IgnoreFailedSync,
    durable::Bug::ReorderFrames,
    durable::Bug::CutAny,
    durable::Bug::LoseHeader,
    durable::Bug::ForgetKeys,
    durable::Bug::ForgetYoungKeys,
    durable::Bug::TrustTheClock,
    durable::Bug::UncheckedSnapshot,
    durable::Bug::ReplayTwice,
    durable::Bug::Overtake,
    durable::Bug::StaysFull,
    durable::Bug::EraseUnsynced,
    durable::Bug::WaitToBeAsked,
];

const RULES: [rules::Bug; 15] = [
    rules::Bug::LinesApart,
    rules::Bug::ReleaseTwice,
    rules::Bug::OldestLose,
    rules::Bug::IgnorePromises,
    rules::Bug::ForgetWithin,
    rules::Bug::ExplainOtherwise,
    rules::Bug::RefundPoolFirst,
    rules::Bug::ForgetUsed,
    rules::Bug::IgnoreHeldUnits,
    rules::Bug::HalfKits,
    rules::Bug::ImposeOnHolds,
    rules::Bug::IgnoreRank,
    rules::Bug::ShipInPart,
    rules::Bug::WaitWithoutLimit,
    rules::Bug::WaitForEver,
];

/// The first seed that finds something, and what it says.
fn found() -> Option<(u64, String)> {
    (1..=SEEDS_MAX).find_map(|seed| {
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
    let durable = DURABLE.map(|bug| {
        durable::plant(bug);
        let found = found();
        durable::plant(durable::Bug::None);
        (format!("{bug:?}"), found)
    });
    let rules = RULES.map(|bug| {
        rules::plant(bug);
        let found = found();
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
