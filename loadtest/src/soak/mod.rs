//! `onhand-loadtest soak`: the real binary under load for long, while segments change, the index and snapshots are written.
//!
//! ```text
//! cli ─▶ server (the process) ─▶ crew: fill ─▶ maximum ─▶ load ─▶ audit ─▶ verdict ─▶ report, chart
//!                                  │ client ─▶ mix, books           ▲
//!                                  └─ watch (a thread beside) ──────┘
//! ```
//! Orders end as fast as they are placed and what was shipped comes in again, so that nothing a shop has grows with time:
//! what does is the server's. The load is an open loop at a part of what a closed loop of the same requests reached.

mod asking;
mod audit;
mod books;
mod chart;
mod cli;
mod client;
mod crew;
mod made;
mod mix;
mod report;
mod traffic;
mod verdict;
mod watch;

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Parser;

use crate::clock::Clock;
use crate::error::LoadError;
use crate::faults::server::{Server, Start, Under, metric, open_merchant};
use crate::meters::Pulse;
use crate::runtime::runtime;
use crate::schedule::SECOND_NS;
use crate::setup::set_up;
use crate::soak::cli::Cli;
use crate::soak::crew::{Crew, Phase};
use crate::soak::made::Counts;
use crate::soak::report::Report;
use crate::soak::traffic::Traffic;
use crate::soak::verdict::{Run, Trends, judge};
use crate::soak::watch::{Sample, Watch};

/// A snapshot for so many segments, as by default.
const SNAPSHOT_SEGMENTS: u64 = 4;

/// Loads the server that the command line names. True: everything held.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> Result<bool, LoadError> {
    let cli = Cli::parse_from(arguments);
    let data = cli.dir.join("soak");
    if data.exists() {
        let data = data.display();
        return Err(LoadError::Usage(format!(
            "{data} is there already; a soak begins with an empty directory"
        )));
    }
    std::fs::create_dir_all(&cli.dir).map_err(LoadError::system("creating the directory"))?;
    let mut server = start(&cli, &data)?;
    let key = open_merchant(&cli.server, &data, "soak", "orders:write,stock:write,read,admin")?;
    let traffic = Rc::new(Traffic::new(&cli, server.address, &key)?);
    runtime()?.block_on(set_up(&traffic.plan, |_, _, _| ()))?;
    let mut crew = Crew::connect(&traffic, cli.connections)?;
    let maximum = find_maximum(&cli, &mut crew)?;
    let offered = (maximum * cli.percent / 100).max(1);
    say(&format!(
        "{maximum} requests a second with {} connections; {offered} are offered for {} s",
        cli.connections,
        cli.seconds()
    ))?;
    let load = soak(&cli, &traffic, &mut crew, &server, &data, offered)?;
    let report = finish(&cli, &traffic, &mut server, &data, load)?;
    let report = Report { maximum, offered, ..report };
    report.tell(&cli)?;
    if report.held {
        std::fs::remove_dir_all(&data).map_err(LoadError::system("removing the data directory"))?;
    }
    Ok(report.held)
}

fn start(cli: &Cli, data: &Path) -> Result<Server, LoadError> {
    let variables =
        [("ONHAND_SEGMENT_BYTES", cli.segment_bytes()), ("ONHAND_SNAPSHOT_SEGMENTS", SNAPSHOT_SEGMENTS)];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_string())).to_vec();
    let log = cli.dir.join("soak.server.log");
    match Server::start(&cli.server, data, &Under { variables, ..Under::default() }, &log)? {
        Start::Ready(server) => Ok(server),
        Start::Ended(status) => Err(LoadError::Usage(format!("the server did not start: {status}"))),
    }
}

/// Opens as many orders as will be open, then asks as fast as it can. Requests a second.
fn find_maximum(cli: &Cli, crew: &mut Crew) -> Result<u64, LoadError> {
    crew.work(Phase::fill(cli.open))?;
    let (requests, took_ns) = crew.work(Phase::closed(nanoseconds(cli.search())))?;
    let per_second = u128::from(requests) * u128::from(SECOND_NS) / u128::from(took_ns.max(1));
    Ok(u64::try_from(per_second).unwrap_or(u64::MAX))
}

/// What came of the load.
struct Load {
    planned: u64,
    answered: u64,
    samples: Vec<Sample>,
}

/// The load itself, with the watch beside it.
fn soak(
    cli: &Cli,
    traffic: &Traffic,
    crew: &mut Crew,
    server: &Server,
    data: &Path,
    offered: u64,
) -> Result<Load, LoadError> {
    let before = traffic.books.borrow().done;
    traffic.live.drain(&mut Pulse::new());
    let (clock, length) = (Clock::start(), Duration::from_secs(cli.seconds()));
    let is_over = Arc::new(AtomicBool::new(false));
    let watch = Watch {
        clock,
        pid: server.pid(),
        data: data.to_path_buf(),
        live: Arc::clone(&traffic.live),
        period: cli.period(),
        length,
        is_over: Arc::clone(&is_over),
    };
    let thread = std::thread::Builder::new().name("watch".to_owned());
    let watch = thread.spawn(move || watch.run()).map_err(LoadError::system("starting a thread"))?;
    let phase = Phase::open(offered, nanoseconds(length), clock);
    let planned = phase.planned().unwrap_or_default();
    crew.work(phase)?;
    // Only a load that was given up is over before the watch is.
    is_over.store(traffic.is_lost(), Ordering::Relaxed);
    let samples = watch.join().map_err(|_| LoadError::Panic)??;
    Ok(Load { planned, answered: traffic.books.borrow().done - before, samples })
}

/// Holds what the server says, and what it leaves, against what was acknowledged.
fn finish(
    cli: &Cli,
    traffic: &Traffic,
    server: &mut Server,
    data: &Path,
    load: Load,
) -> Result<Report, LoadError> {
    let Load { planned, answered, samples } = load;
    let keeper_failures = metric(server.address, "onhand_keeper_failures_total").ok().flatten();
    let made = samples.iter().fold(Counts::default(), |made, sample| made.plus(sample.made));
    // A server that answers no more is a fault as well.
    let mut faults = audit::audit(traffic).unwrap_or_else(|error| vec![format!("no audit: {error}")]);
    faults.extend(audit::stop(server, &cli.server, data)?);
    let books = traffic.books.borrow();
    faults.extend(judge(&Run {
        planned,
        answered,
        wrong: &books.wrong,
        made,
        keeper_failures: keeper_failures.as_deref().unwrap_or("an unknown number of"),
        trends: Trends::of(&samples),
        judge_flat: cli.judge_flat,
    }));
    let (open_orders, ended_orders) = (books.open().len() as u64, books.ended().1);
    Ok(Report { planned, answered, open_orders, ended_orders, made, ..Report::new(faults, samples) })
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn say(line: &str) -> Result<(), LoadError> {
    writeln!(std::io::stdout(), "{line}").map_err(LoadError::system("printing"))
}
