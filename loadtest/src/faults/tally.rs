//! What a scenario has seen, and the table at the end.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::clock::Clock;
use crate::faults::check::Verdict;
use crate::faults::shop::Shop;

/// Faults that are shown of each scenario.
const SHOWN: usize = 10;

/// See the module.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) name: &'static str,
    clock: Clock,
    rounds: u64,
    requests: u64,
    orders: u64,
    reads: u64,
    unknown: u64,
    happened: u64,
    asked_again: u64,
    seconds: u64,
    /// What else was seen, and how often.
    seen: BTreeMap<String, u64>,
    pub(crate) faults: Vec<String>,
}

impl Tally {
    /// Nothing yet.
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            clock: Clock::start(),
            rounds: 0,
            requests: 0,
            orders: 0,
            reads: 0,
            unknown: 0,
            happened: 0,
            asked_again: 0,
            seconds: 0,
            seen: BTreeMap::new(),
            faults: Vec::new(),
        }
    }

    /// A round is over.
    pub(crate) fn round(&mut self, faults: Vec<String>) {
        let round = self.rounds;
        self.rounds += 1;
        self.faults.extend(faults.into_iter().map(|fault| format!("round {round}: {fault}")));
    }

    /// What a shop's directory holds in the end: files of the log, indexes, snapshots, torn ends.
    pub(crate) fn made(&mut self, counts: [u64; 4]) {
        for (what, count) in ["files of logs", "files of indexes", "files of snapshots", "torn ends cut off"]
            .iter()
            .zip(counts)
        {
            *self.seen.entry(format!("(in the end) {what}")).or_default() += count;
        }
    }

    /// Something worth counting.
    pub(crate) fn saw(&mut self, what: String) {
        *self.seen.entry(what).or_default() += 1;
    }

    /// A shop's last word.
    pub(crate) fn add(&mut self, verdict: Verdict, shop: &Shop) {
        self.requests += shop.books.borrow().history.ops.len() as u64;
        self.orders += verdict.orders;
        self.reads += verdict.reads;
        self.unknown += verdict.unknown.0;
        self.happened += verdict.unknown.1;
        self.asked_again += shop.asked_again;
        self.faults.extend(verdict.faults);
        for (word, (times, happened)) in verdict.trouble {
            *self.seen.entry(format!("(last word) {word}")).or_default() += times;
            *self.seen.entry(format!("(last word) {word}, and it had happened")).or_default() += happened;
        }
        let turned_away = shop.books.borrow().turned_away;
        *self
            .seen
            .entry("(in all) turned away, 429 or 503 overloaded or storage_full".to_owned())
            .or_default() += turned_away;
        self.seconds = self.clock.now_ns() / 1_000_000_000;
    }

    /// What was wrong, if anything was.
    pub(crate) fn write_faults(&self, out: &mut impl Write) -> io::Result<()> {
        for fault in self.faults.iter().take(SHOWN) {
            writeln!(out, "  FAULT {}: {fault}", self.name)?;
        }
        if let Some(more @ 1..) = self.faults.len().checked_sub(SHOWN) {
            writeln!(out, "  and {more} more")?;
        }
        Ok(())
    }

    /// What was seen beside the figures.
    pub(crate) fn write_seen(&self, out: &mut impl Write) -> io::Result<()> {
        for (what, times) in &self.seen {
            writeln!(out, "  {times:>5} x {what}")?;
        }
        Ok(())
    }
}

/// The table: a line for each scenario.
pub(crate) fn write_table(tallies: &[Tally], out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "\n{:<9}{:>7}{:>10}{:>9}{:>9}{:>9}{:>10}{:>12}{:>9}  result",
        "scenario", "rounds", "requests", "orders", "reads", "unknown", "happened", "asked again", "seconds"
    )?;
    for tally in tallies {
        let result = if tally.faults.is_empty() {
            "held".to_owned()
        } else {
            format!("{} FAULTS", tally.faults.len())
        };
        writeln!(
            out,
            "{:<9}{:>7}{:>10}{:>9}{:>9}{:>9}{:>10}{:>12}{:>9}  {result}",
            tally.name,
            tally.rounds,
            tally.requests,
            tally.orders,
            tally.reads,
            tally.unknown,
            tally.happened,
            tally.asked_again,
            tally.seconds
        )?;
    }
    writeln!(
        out,
        "\nunknown: outcomes that nobody ever learnt; happened: those of them whose record is in the log"
    )
}
