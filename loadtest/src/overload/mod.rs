//! `onhand-loadtest overload`: many times the load that the real binary can carry, and whether it stays correct, bounded
//! and fair.
//!
//! ```text
//! cli ─▶ server (the process) ─▶ merchants ─▶ phases: full load, overload, afterwards ─▶ verdict
//! ```
//! Two merchants: one asks with every connection that there is, the other a little all the time. The harness shares the
//! machine with the server, so what it can offer is bounded: it has many times as many requests under way as full load
//! has, each client sends the next at once, whatever it was told, and what was offered is printed.

mod cli;
pub(crate) mod memory;
mod merchant;
mod phase;
mod verdict;

use std::ffi::OsString;
use std::io::{self, Write};
use std::time::Duration;

use clap::Parser;

use crate::error::LoadError;
use crate::faults::server::{Server, Start, Under, command};
use crate::overload::cli::Cli;
use crate::overload::memory::Memory;
use crate::overload::merchant::Merchant;
use crate::overload::phase::{Part, Seen, run_phase};
use crate::overload::verdict::{Run, judge};

/// Connections of the merchant that asks little, and how often each asks.
const MODEST_CONNECTIONS: usize = 4;
const MODEST_PACE: Duration = Duration::from_millis(20);

/// How long it is asked after the flood: what was refused before is taken at once.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// Loads the server that the command line names. True: everything held.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> Result<bool, LoadError> {
    let cli = Cli::parse_from(arguments);
    let data = cli.dir.join("overload");
    std::fs::create_dir_all(&cli.dir).map_err(LoadError::system("creating the directory"))?;
    let mut server = start(&cli, &data)?;
    let flood = Merchant::open(&cli.server, &data, server.address, "flood")?;
    let modest = Merchant::open(&cli.server, &data, server.address, "modest")?;
    let floods = |connections, name| Part { key: flood.key.clone(), name, connections, pace: None };
    let asks = |name| Part {
        key: modest.key.clone(),
        name,
        connections: MODEST_CONNECTIONS,
        pace: Some(MODEST_PACE),
    };
    let length = Duration::from_secs(cli.seconds);
    let full = run_phase(server.address, &[floods(cli.connections, "full"), asks("full")], length / 4)?;
    let before = Memory::of(server.pid())?;
    let crowd = cli.connections * cli.times;
    let over = run_phase(server.address, &[floods(crowd, "over"), asks("over")], length)?;
    // Half of full load, so that nothing is refused any more.
    let half = cli.connections.div_ceil(2);
    let after = run_phase(server.address, &[floods(half, "after"), asks("after")], AFTERWARDS)?;
    let peak = Memory::of(server.pid())?;
    let accepted = |part: usize| full[part].accepted() + over[part].accepted() + after[part].accepted();
    let mut faults = Vec::new();
    for (merchant, accepted) in [(&flood, accepted(0)), (&modest, accepted(1))] {
        faults.extend(merchant.audit(server.address, accepted)?);
    }
    server.kill()?;
    let (is_whole, text) = command(&cli.server, &["verify", &data.to_string_lossy()])?;
    if !is_whole {
        faults.push(format!("onhand verify: {text}"));
    }
    let run = Run { cli: &cli, full: &full, over: &over, after: &after, before, peak };
    faults.extend(judge(&run));
    say(&run, &faults).map_err(LoadError::system("printing"))?;
    if faults.is_empty() {
        std::fs::remove_dir_all(&data).map_err(LoadError::system("removing the data directory"))?;
    }
    Ok(faults.is_empty())
}

/// Starts the server with a queue that full load just fills: it is the largest load of which nothing is refused, and
/// what comes on top of it is.
fn start(cli: &Cli, data: &std::path::Path) -> Result<Server, LoadError> {
    let queue = cli.connections;
    let variables = [
        ("ONHAND_SEGMENT_BYTES", 64 << 20),
        ("ONHAND_SNAPSHOT_SEGMENTS", 4),
        ("ONHAND_MERCHANT_QUEUE_MAX", queue),
        ("ONHAND_TOTAL_QUEUE_MAX", 2 * queue),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_string())).to_vec();
    let log = cli.dir.join("overload.server.log");
    match Server::start(&cli.server, data, &Under { variables, ..Under::default() }, &log)? {
        Start::Ready(server) => Ok(server),
        Start::Ended(status) => Err(LoadError::Usage(format!("the server did not start: {status}"))),
    }
}

fn say(run: &Run<'_>, faults: &[String]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", Seen::HEAD)?;
    for (name, seen) in [
        ("full load, flood", &run.full[0]),
        ("full load, modest", &run.full[1]),
        ("overload, flood", &run.over[0]),
        ("overload, modest", &run.over[1]),
        ("afterwards, flood", &run.after[0]),
        ("afterwards, modest", &run.after[1]),
    ] {
        writeln!(out, "{}", seen.row(name))?;
    }
    run.write_figures(&mut out)?;
    for fault in faults {
        writeln!(out, "FAULT {fault}")?;
    }
    writeln!(out, "{}", if faults.is_empty() { "held" } else { "did not hold" })
}
