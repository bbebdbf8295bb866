//! The seeds that are always tried, and that a seed says the same twice.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use onhand_sim::{Tally, run, run_plain};
use std::thread;

fn seeds() -> impl Iterator<Item = u64> {
    let lines = include_str!("../seeds.txt").lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.parse().unwrap())
}

#[test]
fn every_known_seed_finds_nothing_and_every_fault_comes() {
    let all = |run: fn(u64) -> Tally| seeds().map(run).fold(Tally::default(), |sum, tally| sum.plus(&tally));
    let (plain, tally) = thread::scope(|scope| {
        let plain = scope.spawn(|| all(run_plain));
        let tally = all(run);
        (plain.join().unwrap(), tally)
    });
    assert_eq!((plain.bodies, plain.room_changes, plain.people), (0, 0, 0), "{plain}");
    println!("{tally}");
    assert!(tally.power_losses > 20 && tally.kills > 20 && tally.clean_stops > 10, "{tally}");
    assert!(tally.disk_errors > 20 && tally.failed_logs > 5 && tally.failed_starts > 5, "{tally}");
    assert!(tally.misdirected > 0 && tally.between > 500, "{tally}");
    assert!(tally.clock_jumps > 20 && tally.stills > 20 && tally.sealed > 5, "{tally}");
    assert!(tally.bodies > 100 && tally.lines > 1_000, "{tally}");
    assert!(tally.room_changes > 100 && tally.refused_as_full > 1_000, "{tally}");
    assert!(tally.people > 1_000 && tally.erased > 100, "{tally}");
    assert!(tally.imposed > 50 && tally.short > 50, "{tally}");
    assert!(tally.rules > 400 && tally.holds > 300 && tally.routed > 200, "{tally}");
    assert!(tally.kits > 400 && tally.grants > 400 && tally.whole > 200, "{tally}");
    assert!(tally.decided_anew > 1_000 && tally.differing > 100, "{tally}");
    assert!(tally.answered > tally.requests / 2 && tally.answered < tally.requests, "{tally}");
}

#[test]
fn the_same_seed_says_the_same() {
    for seed in seeds().take(4) {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}
