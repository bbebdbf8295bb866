//! `onhand-loadtest`: loads an Onhand server over HTTP, reads the state back, and prints latencies under the
//! verdict.
//!
//! ```text
//! cli ─▶ plan ─▶ setup ─▶ lanes: schedule ─▶ workload ─▶ request ─▶ client ─▶ answer ─▶ books ─┐
//!                                                                                             ▼
//!                                                    audit (reads back) ─▶ verify ─▶ report, text
//! ```
//! `onhand-loadtest faults`, `overload`, `race` and `soak` are harnesses of their own, in the directories of these names,
//! which start the servers they ask.
//!
//! A black box: it uses none of the server's crates, so it shares none of its mistakes.

#![allow(
    clippy::float_arithmetic,
    reason = "rates and percentiles are statistics; stock is counted in integers"
)]

mod cli;
mod plan;

mod names;
mod random;
mod replay;
mod schedule;
mod workload;
mod zipf;

mod setup;

mod api;
mod bulk;
mod client;
mod clock;
mod lane;
mod pacer;
mod request;
mod retry;
mod runtime;
mod single;
mod timer;
mod wire;

mod answer;
mod books;
mod fit;
mod ledger;
mod meters;
mod plain;

mod audit;
mod verify;

mod faults;
mod overload;
mod race;
mod soak;

mod error;
mod hgrm;
mod machine;
mod progress;
mod report;
mod svg;
mod text;

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;

use crate::cli::Cli;
use crate::error::LoadError;
use crate::lane::Run;
use crate::meters::Meters;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::report::{Findings, Report};
use crate::verify::{Acknowledged, Rules};

/// A check failed.
const EXIT_FAILED: u8 = 1;

/// Nothing can be said about the server.
const EXIT_ERROR: u8 = 2;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let outcome = match arguments.next() {
        Some(word) if word == "faults" => faults::run(std::env::args_os().skip(1)),
        Some(word) if word == "overload" => overload::run(std::env::args_os().skip(1)),
        Some(word) if word == "race" => race::run(std::env::args_os().skip(1)),
        Some(word) if word == "soak" => soak::run(std::env::args_os().skip(1)),
        _ => load(),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(EXIT_FAILED),
        Err(error) => {
            writeln!(std::io::stderr(), "onhand-loadtest: {error}").ok();
            ExitCode::from(EXIT_ERROR)
        }
    }
}

/// The whole run. True: every check held.
fn load() -> Result<bool, LoadError> {
    let command = machine::command_line(std::env::args());
    let plan = Plan::new(Cli::parse(), run_name(clock::wall_ms()))?;
    let mut progress = Progress::new(plan.quiet);
    progress.say(&format!("run {} at {}: {}", plan.names.run(), plan.target.host, plan.what));
    set_up(&plan, &mut progress)?;

    let run = Arc::new(Run::new(plan));
    let is_running = stop_on_interrupt(&run)?;
    let cpu_before = clock::process_cpu();
    let (told, meters, seconds) = drive(&run, &mut progress)?;
    let cpu = clock::process_cpu().saturating_sub(cpu_before);
    is_running.store(false, Ordering::Relaxed);

    let plan = &run.plan;
    let read = audit::read_back(plan, &told.sample, &mut |done, total| progress.step("audit", done, total))?;
    progress.finish();
    let verdict = verify::judge(&Rules { plan, asked: meters.asked }, &told, &read);
    if let Some(path) = &plan.hgrm {
        let histogram = if meters.corrected.is_empty() { &meters.raw } else { &meters.corrected };
        write_file(path, |out| hgrm::write(histogram, out))?;
    }
    let held = verdict.held;
    let findings = Findings { verdict, meters, seconds, cpu };
    let report = Report::new(plan, findings, machine::machine(), command);
    if let Some(path) = &plan.json {
        write_file(path, |out| {
            serde_json::to_writer_pretty(&mut *out, &report)?;
            writeln!(out)
        })?;
    }
    match text::write(&report, &mut BufWriter::new(std::io::stdout().lock())) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(LoadError::Write { path: "stdout".into(), source: error })
        }
        Ok(()) | Err(_) => Ok(held),
    }
}

fn set_up(plan: &Plan, progress: &mut Progress) -> Result<(), LoadError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(LoadError::system("starting the set-up's runtime"))?;
    runtime.block_on(setup::set_up(plan, |what, done, total| progress.step(what, done, total)))
}

/// Starts the lanes, watches them, and adds up what they have.
fn drive(
    run: &Arc<Run>,
    progress: &mut Progress,
) -> Result<(Acknowledged, Meters, Vec<progress::Second>), LoadError> {
    let mut lanes = Vec::new();
    for number in 0..run.plan.threads {
        let run = Arc::clone(run);
        let thread = std::thread::Builder::new().name(format!("lane {number}"));
        lanes.push(
            thread.spawn(move || lane::run(run, number)).map_err(LoadError::system("starting a thread"))?,
        );
    }
    run.ready.wait();
    run.clock.get_or_init(clock::Clock::start);
    let seconds = progress.watch(run, || lanes.iter().all(std::thread::JoinHandle::is_finished));
    let mut told = Acknowledged::default();
    let mut meters = Meters::new();
    for lane in lanes {
        let books = lane.join().map_err(|_| LoadError::Panic)??;
        told.add(books.ledger);
        meters.merge(books.meters);
    }
    Ok((told, meters, seconds))
}

/// The first interrupt ends a run early, with its audit; a second one, or one at another time, ends the harness.
/// The flag returned says whether a run is going on.
fn stop_on_interrupt(run: &Arc<Run>) -> Result<Arc<AtomicBool>, LoadError> {
    let is_running = Arc::new(AtomicBool::new(true));
    let (run, flag) = (Arc::clone(run), Arc::clone(&is_running));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(LoadError::system("starting the runtime that waits for interrupts"))?;
    let wait = move || {
        runtime.block_on(async {
            while tokio::signal::ctrl_c().await.is_ok() {
                if run.is_stopped() || !flag.load(Ordering::Relaxed) {
                    std::process::exit(i32::from(EXIT_ERROR));
                }
                run.stop();
            }
        });
    };
    std::thread::Builder::new()
        .name("interrupts".to_owned())
        .spawn(wait)
        .map_err(LoadError::system("starting a thread"))?;
    Ok(is_running)
}

fn write_file(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> Result<(), LoadError> {
    let written = File::create(path).and_then(|file| {
        let mut out = BufWriter::new(file);
        write(&mut out)?;
        out.flush()
    });
    written.map_err(|source| LoadError::Write { path: path.to_path_buf(), source })
}

/// A name for a run that no earlier run has: the time in base 36.
fn run_name(mut milliseconds: u64) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut name = Vec::new();
    while milliseconds > 0 {
        name.push(DIGITS[usize::try_from(milliseconds % 36).unwrap_or_default()]);
        milliseconds /= 36;
    }
    name.push(b't');
    name.reverse();
    String::from_utf8(name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_named_after_its_time() {
        assert_eq!(run_name(0), "t");
        assert_eq!(run_name(35 + 36), "t1z");
        assert_ne!(run_name(1_700_000_000_000), run_name(1_700_000_000_001));
    }
}
