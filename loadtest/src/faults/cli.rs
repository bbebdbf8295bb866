//! The command line of the fault suite.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// What is done to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// SIGKILL under load, again and again.
    Kill,
    /// SIGKILL at the N-th system call of a kind, by strace.
    Call,
    /// System calls that fail with EIO or ENOSPC, by strace.
    Error,
    /// A disk that is full, and has room again.
    Disk,
    /// A disk that fills up past its marks, and has room again.
    Marks,
    /// SIGSTOP, and SIGCONT a second later.
    Pause,
    /// Clocks that jump, by libfaketime.
    Clock,
}

/// Starts the real server, has it fail in many ways under load, starts it again, and holds everything that was
/// ever answered against the log.
#[derive(Debug, Parser)]
#[command(name = "onhand-loadtest faults", version)]
pub(crate) struct Cli {
    /// The `onhand` binary.
    #[arg(long)]
    pub(crate) server: PathBuf,

    /// A directory for the servers' data and logs; those of a scenario that held are removed.
    #[arg(long)]
    pub(crate) dir: PathBuf,

    /// An empty file system of some 16 to 64 MiB that may be filled.
    #[arg(long, required_if_eq("only", "disk"))]
    pub(crate) small_disk: Option<PathBuf>,

    /// The library that fakes the time for programs with threads (libfaketimeMT.so.1).
    #[arg(long, required_if_eq("only", "clock"))]
    pub(crate) faketime: Option<PathBuf>,

    /// Rounds of kill-and-restart; the other scenarios have fixed numbers.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) rounds: u64,

    /// Decides what is asked and when faults come. What clients meet still differs from run to run.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,

    /// Only these scenarios [default: all].
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) only: Vec<Scenario>,
}

impl Cli {
    /// The scenarios to run, in their order.
    pub(crate) fn scenarios(&self) -> Vec<Scenario> {
        let is_wanted = |scenario: &Scenario| self.only.is_empty() || self.only.contains(scenario);
        Scenario::value_variants().iter().copied().filter(is_wanted).collect()
    }
}
