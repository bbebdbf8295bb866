//! The command line of the overload check.

use std::path::PathBuf;

use clap::Parser;

/// Starts the real server, offers it what it can carry and then many times as much, and checks that every answer was right,
/// that what was refused had no effect and was told when to come again, that memory stays bounded, and that a modest
/// merchant does not notice.
#[derive(Debug, Parser)]
#[command(name = "onhand-loadtest overload", version)]
pub(crate) struct Cli {
    /// The `onhand` binary.
    #[arg(long)]
    pub(crate) server: PathBuf,

    /// A directory for the server's data and log; the data is removed if all held.
    #[arg(long)]
    pub(crate) dir: PathBuf,

    /// Seconds of overload; full load is measured for a quarter of them before.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(4..=3_600))]
    pub(crate) seconds: u64,

    /// Connections at full load, each with one request under way.
    #[arg(long, default_value_t = 64, value_parser = connections)]
    pub(crate) connections: usize,

    /// How many times as many there are under overload.
    #[arg(long, default_value_t = 10, value_parser = times)]
    pub(crate) times: usize,

    /// Fail also if the slowest hundredth of what was accepted took more than three times as long as at full load: for a
    /// machine with nothing else on it.
    #[arg(long)]
    pub(crate) judge_time: bool,
}

/// At most as many as a server takes at ten times.
fn connections(text: &str) -> Result<usize, String> {
    within(text, 1, 1_000)
}

fn times(text: &str) -> Result<usize, String> {
    within(text, 2, 20)
}

fn within(text: &str, low: usize, high: usize) -> Result<usize, String> {
    let number: usize = text.parse().map_err(|_| "not a number".to_owned())?;
    let range = low..=high;
    if range.contains(&number) { Ok(number) } else { Err(format!("not between {low} and {high}")) }
}
