//! `onhand-loadtest race`: the same orders to Onhand and to what one would take instead, under the same durability.
//!
//! ```text
//! cli ─▶ rounds: course (the orders) ─▶ contender (a server process) ─▶ drive ─▶ stock ─▶ table
//! ```
//! One driver for all of them, on one thread: a connection has one request under way, draws the next order, and adds up
//! what it was told was accepted. Afterwards the contender's own stock must say the same. Contenders take turns within
//! each round, so what else the machine does meets all of them; the table has medians over the rounds.
//!
//! The only place of the harness that speaks something else than HTTP, and only to the other contenders.

mod chart;
mod cli;
mod client;
mod contender;
mod course;
mod drive;
mod postgres;
mod process;
mod redis;
mod table;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;

use clap::Parser;

use crate::error::LoadError;
use crate::race::cli::{Cli, Kind};
use crate::race::contender::Contender;
use crate::race::course::Course;
use crate::race::drive::drive;
use crate::race::table::{Row, Table};

/// Runs the race that the command line names. True: every contender's stock says what it answered.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> Result<bool, LoadError> {
    let cli = Cli::parse_from(arguments);
    std::fs::create_dir_all(&cli.dir).map_err(LoadError::system("creating the directory"))?;
    let mut table = Table::default();
    // What Onhand answers to an order, in bytes: the echo answers as many.
    let mut answer_bytes = cli.answer_bytes;
    for round in 0..cli.rounds {
        for stream in &cli.streams {
            for kind in turns(&cli.contenders, round) {
                let place = cli.dir.join(format!("{}-{}-{round}", kind.name(), stream.name()));
                let rows = lap(&cli, kind, *stream, &place, &mut answer_bytes)?;
                for row in rows {
                    say(&row.line())?;
                    table.add(row);
                }
            }
        }
    }
    table.write(&cli, &mut io::stdout().lock()).map_err(LoadError::system("printing"))?;
    if let Some(path) = &cli.svg {
        chart::write(&table, path)?;
    }
    if let Some(path) = &cli.json {
        table.write_json(path)?;
    }
    Ok(table.holds())
}

/// The contenders in the order of a round: who was first is last in the next one.
fn turns(contenders: &[Kind], round: usize) -> impl Iterator<Item = Kind> {
    contenders.iter().copied().cycle().skip(round % contenders.len()).take(contenders.len())
}

/// One contender on one stream, with each number of connections.
fn lap(
    cli: &Cli,
    kind: Kind,
    stream: course::Stream,
    place: &Path,
    answer_bytes: &mut usize,
) -> Result<Vec<Row>, LoadError> {
    let contender = Contender::start(cli, kind, place, *answer_bytes)?;
    let course = Rc::new(Course::new(cli, stream, contender.address(), contender.key())?);
    contender.set_up(&course)?;
    let mut rows = Vec::new();
    for connections in &cli.connections {
        let run = drive(&contender, &course, *connections, cli)?;
        if kind == Kind::Onhand {
            *answer_bytes = run.answer_bytes;
        }
        rows.push(Row { kind, stream, connections: *connections, run, differs: None });
    }
    let differs = contender.differs(&course)?;
    for row in &mut rows {
        row.differs = differs;
    }
    contender.stop(cli)?;
    std::fs::remove_dir_all(place).map_err(LoadError::system("removing a contender's data"))?;
    Ok(rows)
}

fn say(line: &str) -> Result<(), LoadError> {
    writeln!(io::stderr(), "{line}").map_err(LoadError::system("printing"))
}
