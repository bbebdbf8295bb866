//! `onhand-loadtest faults`: the real binary under real faults, and a check of everything it ever answered.
//!
//! ```text
//! cli ─▶ scenarios: kill, trace, disk, marks, jumps ─▶ stage ─▶ shop ─▶ server (the process), drive (clients, asks)
//!                                                         │                        │
//!                                           record (its log) ─▶ check ◀─ history ◀─┘
//!                                                              model, agreement, realtime
//! ```

mod agreement;
mod asks;
mod check;
mod cli;
mod disk;
mod drive;
mod history;
mod jumps;
mod kill;
mod marks;
mod model;
mod realtime;
mod record;
pub(crate) mod server;
mod shop;
mod stage;
mod tally;
mod trace;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

use clap::Parser;

use crate::error::LoadError;
use crate::faults::cli::{Cli, Scenario};
use crate::faults::stage::{Place, Stage};
use crate::faults::tally::{Tally, write_table};

/// Runs the scenarios that the command line asks for. True: everything held.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> Result<bool, LoadError> {
    let cli = Cli::parse_from(arguments);
    std::fs::create_dir_all(&cli.dir).map_err(LoadError::system("creating the directory"))?;
    let place = Place { binary: cli.server.clone(), dir: cli.dir.clone(), seed: cli.seed };
    let mut tallies = Vec::new();
    for (scenario, number) in cli.scenarios().into_iter().zip(0..) {
        let tally = play(&cli, &place, scenario, number)?;
        say(&tally).map_err(LoadError::system("printing"))?;
        tallies.push(tally);
    }
    write_table(&tallies, &mut io::stdout().lock()).map_err(LoadError::system("printing"))?;
    Ok(tallies.iter().all(|tally| tally.faults.is_empty()))
}

fn play(cli: &Cli, place: &Place, scenario: Scenario, number: u64) -> Result<Tally, LoadError> {
    let needs = |path: &Option<std::path::PathBuf>, option: &str| {
        path.clone().ok_or_else(|| LoadError::Usage(format!("this scenario needs {option}")))
    };
    let (name, what) = words(scenario);
    writeln!(io::stdout(), "== {name}: {what}").map_err(LoadError::system("printing"))?;
    let mut stage = Stage::new(place, name, number);
    let outcome = match scenario {
        Scenario::Kill => kill::kill(&mut stage, cli.rounds),
        Scenario::Call => trace::kill(&mut stage),
        Scenario::Error => trace::error(&mut stage),
        Scenario::Disk => disk::full(&mut stage, &needs(&cli.small_disk, "--small-disk")?),
        Scenario::Marks => marks::marks(&mut stage, &needs(&cli.small_disk, "--small-disk")?),
        Scenario::Pause => kill::pause(&mut stage),
        Scenario::Clock => jumps::jumps(&mut stage, &absolute(&needs(&cli.faketime, "--faketime")?)?),
    };
    // A server that does not come up again, say, is a fault as well; the other scenarios still have their turn.
    if let Err(error) = outcome {
        stage.tally.faults.push(format!("it could not go on: {error}"));
    }
    Ok(stage.tally)
}

/// What is preloaded must be there: a loader that misses it only warns.
fn absolute(library: &Path) -> Result<std::path::PathBuf, LoadError> {
    library.canonicalize().map_err(LoadError::system("looking for libfaketime"))
}

fn words(scenario: Scenario) -> (&'static str, &'static str) {
    match scenario {
        Scenario::Kill => ("kill", "SIGKILL under load"),
        Scenario::Call => ("call", "SIGKILL at the N-th system call of a kind"),
        Scenario::Error => ("error", "system calls that fail with EIO or ENOSPC"),
        Scenario::Disk => ("disk", "a disk that is full, and has room again"),
        Scenario::Marks => ("marks", "a disk that fills up past its marks, and has room again"),
        Scenario::Pause => ("pause", "SIGSTOP, and SIGCONT a second later"),
        Scenario::Clock => ("clock", "clocks that jump, over a start and under load"),
    }
}

fn say(tally: &Tally) -> io::Result<()> {
    let mut out = io::stdout().lock();
    tally.write_seen(&mut out)?;
    tally.write_faults(&mut out)
}
