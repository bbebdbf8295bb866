//! What must hold of a run.

use std::io::{self, Write};

use crate::overload::cli::Cli;
use crate::overload::memory::Memory;
use crate::overload::phase::Seen;

/// How many times as long as at full load the slowest hundredth of what is accepted may take.
const SLOWER_MAX: u64 = 3;

/// Of the modest merchant's requests so many in a hundred must be accepted under overload.
const MODEST_PERCENT: u64 = 99;

/// What memory may grow by: an order that is open, with its keys; a connection with its buffers; and what the allocator
/// and the log keep for use again.
const ORDER_BYTES: u64 = 768;
const CONNECTION_BYTES: u64 = 64 << 10;
const OTHER_BYTES: u64 = 128 << 20;

/// A run, for whoever judges it. Of each phase the flood is first and the modest merchant last.
pub(crate) struct Run<'a> {
    pub(crate) cli: &'a Cli,
    pub(crate) full: &'a [Seen],
    pub(crate) over: &'a [Seen],
    pub(crate) after: &'a [Seen],
    /// Before the overload.
    pub(crate) before: Memory,
    /// Behind it.
    pub(crate) peak: Memory,
}

impl Run<'_> {
    /// What memory may be at the most.
    fn memory_max(&self) -> u64 {
        let orders: u64 = self.over.iter().chain(self.after).map(Seen::accepted).sum();
        let connections = (self.cli.connections * self.cli.times) as u64;
        self.before.resident + orders * ORDER_BYTES + connections * CONNECTION_BYTES + OTHER_BYTES
    }

    /// The figures beside the table.
    pub(crate) fn write_figures(&self, out: &mut impl Write) -> io::Result<()> {
        let mib = |bytes: u64| bytes >> 20;
        writeln!(
            out,
            "memory: {} MiB before the overload, {} MiB behind it, {} MiB at the most; bound {} MiB",
            mib(self.before.resident),
            mib(self.peak.resident),
            mib(self.peak.peak),
            mib(self.memory_max())
        )?;
        let (full, over) = (self.full[0].p99().max(1), self.over[0].p99());
        let times = format!("{}.{:02}", over / full, over * 100 / full % 100);
        writeln!(
            out,
            "p99 of what was accepted of the flood: {times} times that at full load (aim: {SLOWER_MAX})"
        )
    }
}

/// What does not hold, in words.
pub(crate) fn judge(run: &Run<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    for seen in run.full.iter().chain(run.over).chain(run.after).filter(|seen| seen.wrong > 0) {
        faults.push(format!("{} answers that must not be: {}", seen.wrong, seen.examples.join("; ")));
    }
    if run.over[0].refused.iter().sum::<u64>() == 0 {
        faults.push("the flood was never refused: it was no overload".to_owned());
    }
    let modest = &run.over[1];
    if modest.accepted() * 100 < modest.offered() * MODEST_PERCENT {
        faults.push(format!(
            "the modest merchant had {} of {} accepted",
            modest.accepted(),
            modest.offered()
        ));
    }
    for after in run.after.iter().filter(|after| after.accepted() < after.offered()) {
        faults.push(format!("afterwards {} of {} were accepted", after.accepted(), after.offered()));
    }
    if run.peak.peak > run.memory_max() {
        faults.push(format!("memory was {} bytes, the bound is {}", run.peak.peak, run.memory_max()));
    }
    let is_slow = run.over[0].p99() > SLOWER_MAX * run.full[0].p99();
    if run.cli.judge_time && is_slow {
        faults
            .push(format!("the p99 of what was accepted is more than {SLOWER_MAX} times that at full load"));
    }
    faults
}
