//! Faults at a system call, by strace: the process dies at the N-th of a kind, or the kernel says no.

use std::path::Path;
use std::time::Duration;

use crate::error::LoadError;
use crate::faults::server::{Start, Under};
use crate::faults::shop::Shop;
use crate::faults::stage::Stage;

/// A system call and how many of its first ones on a thread are tried.
type Calls = [(&'static str, u64, u64)];

/// Names of a call, the highest N, and rounds. A thread counts for itself; the first ones are those of the start.
const KILLS: &Calls = &[
    ("pwrite64", 160, 14),
    ("fdatasync", 120, 12),
    ("fsync", 12, 6),
    ("openat", 30, 6),
    ("rename,renameat,renameat2", 6, 4),
    ("unlink,unlinkat", 4, 3),
    ("mkdir,mkdirat", 3, 2),
];

/// The same for errors: each round has one of them, once or from then on.
const ERRORS: &Calls = &[
    ("pwrite64", 160, 8),
    ("fdatasync", 120, 8),
    ("fsync", 12, 4),
    ("openat", 60, 4),
    ("rename,renameat,renameat2", 6, 4),
];

/// How long the server is loaded while it waits for its fault. Traced calls take several times as long as others.
const LOAD: Duration = Duration::from_millis(400);

/// How long clients wait for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a process that closed its connections may take to end.
const END_WAIT: Duration = Duration::from_millis(100);

/// Of so many traps one must be met at least: which ones are depends on how fast the machine is.
const MET_OF_SET: usize = 3;

/// Rounds in one data directory.
const ROUNDS_OF_A_SHOP: u64 = 12;

/// SIGKILL at the N-th call.
pub(crate) fn kill(stage: &mut Stage<'_>) -> Result<(), LoadError> {
    rounds(stage, KILLS, |_| "signal=KILL")
}

/// EIO or ENOSPC from the N-th call, once or from then on.
pub(crate) fn error(stage: &mut Stage<'_>) -> Result<(), LoadError> {
    rounds(stage, ERRORS, |round| if round % 2 == 0 { "error=EIO" } else { "error=ENOSPC" })
}

fn rounds(
    stage: &mut Stage<'_>,
    calls: &Calls,
    fault: impl Fn(u64) -> &'static str,
) -> Result<(), LoadError> {
    let mut traps = Vec::new();
    for &(call, highest, count) in calls {
        for round in 0..count {
            // Half of them among the first calls, which are those of the start.
            let highest = if round % 4 < 2 { highest } else { highest.div_ceil(8) };
            let when = stage.between(1, highest + 1);
            let from_then_on = if round % 8 < 4 { "" } else { "+" };
            let fault = fault(round);
            traps.push((call, format!("inject={call}:{fault}:when={when}{from_then_on}"), fault));
        }
    }
    let (set, mut met) = (traps.len(), 0);
    let mut traps = traps.into_iter().peekable();
    while traps.peek().is_some() {
        let mut shop = stage.shop()?;
        for (call, inject, fault) in traps.by_ref().take(usize::try_from(ROUNDS_OF_A_SHOP).unwrap_or(1)) {
            let word = call.split(',').next().unwrap_or_default();
            met += usize::from(one(stage, &mut shop, &inject, call, &format!("{word} {fault}"))?);
            let mut server = stage.settle(&mut shop)?;
            shop.kill(&mut server)?;
        }
        let mut server = shop.start()?;
        stage.close(&mut shop, &mut server)?;
    }
    if met * MET_OF_SET < set {
        stage.tally.faults.push(format!("only {met} of {set} traps were met: the others tried nothing"));
    }
    Ok(())
}

/// One run with a trap in it; whether it was met.
fn one(
    stage: &mut Stage<'_>,
    shop: &mut Shop,
    inject: &str,
    call: &str,
    what: &str,
) -> Result<bool, LoadError> {
    let trace = stage.file("trace");
    std::fs::remove_file(&trace).ok();
    let under = Under { program: strace(&trace, inject, call), variables: Vec::new() };
    let expects_kill = inject.contains("KILL");
    let (status, when) = match shop.start_under(&under)? {
        Start::Ended(status) => (Some(status), "in the start"),
        Start::Ready(mut server) => {
            shop.drive(server.address, PATIENCE, vec![(LOAD, Box::new(|| Ok(())))])?;
            let status = server.ended_soon(END_WAIT)?;
            shop.kill(&mut server)?;
            (status, "while serving")
        }
    };
    shop.dead();
    // A process that was killed says nothing of it in the trace.
    let hit = if expects_kill { status.is_some() } else { was_hit(&trace) };
    match status {
        _ if !hit => stage.tally.saw(format!("{what}: the call did not come so often")),
        None => stage.tally.saw(format!("{what}: went on")),
        Some(_) if expects_kill => stage.tally.saw(format!("{what}, {when}")),
        Some(status) => stage.ended(&format!("{when}, {what}"), status),
    }
    Ok(hit)
}

/// strace as a process beside: the server keeps its number and its exit code.
fn strace(trace: &Path, inject: &str, call: &str) -> Vec<String> {
    let trace = trace.to_string_lossy();
    // Stopping only at the calls that are traced is faster, but there a signal is not delivered.
    let quick = if inject.contains("KILL") { "-f" } else { "--seccomp-bpf" };
    let words = ["strace", "-D", "-f", quick, "-o", &trace];
    let filter = [format!("--trace={call}"), "-e".to_owned(), inject.to_owned(), "--".to_owned()];
    words.into_iter().map(str::to_owned).chain(filter).collect()
}

/// Whether a call was made to fail. strace may still write when its server has ended.
fn was_hit(trace: &Path) -> bool {
    for _ in 0..100 {
        let text = std::fs::read(trace).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        if text.contains("(INJECTED)") {
            return true;
        }
        if text.contains("+++") {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}
