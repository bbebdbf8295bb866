//! How many instructions the hottest steps of an order take, compared with what was recorded: instructions stand still
//! where times do not. `benches/instructions/run` builds this and compares.
//!
//! ```text
//! counted compare        counts every case under Valgrind, compares, fails if one has changed
//! counted record         counts every case and writes down what was counted
//! counted CASE ROUNDS    does what is counted
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool of the command line")]
#![allow(clippy::expect_used, reason = "a measurement that cannot go on ends")]

mod cases;
mod compare;
mod measure;
mod page;
mod recorded;
mod shop;

use cases::{CASES, Case};
use compare::{compare, report};
use recorded::{Conditions, Recorded};
use std::process::ExitCode;

/// As in the server: what an allocation costs is part of what is counted.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Does the rounds of one case.
fn run(name: &str, rounds: &str) -> Result<(), String> {
    let case = CASES.iter().find(|case| case.name == name);
    let case = case.ok_or_else(|| format!("there is no case {name}"))?;
    let rounds = rounds.parse().map_err(|_| format!("{rounds} is no number of rounds"))?;
    let home = tempfile::tempdir().map_err(|error| format!("a directory: {error}"))?;
    let made = (case.run)(home.path(), rounds);
    drop(home);
    // To take down what was made would be counted, and costs the more the more rounds there were.
    std::mem::forget(made);
    Ok(())
}

/// Counts all cases under the present conditions.
fn count() -> Result<Recorded, String> {
    let conditions = Conditions::present()?;
    let each = |case: &Case| Ok((case.name.to_owned(), measure::instructions(case)?));
    let instructions = CASES.iter().map(each).collect::<Result<_, String>>()?;
    Ok(Recorded { conditions, instructions })
}

/// Whether everything is as recorded.
fn compared() -> Result<bool, String> {
    let recorded = Recorded::read()?;
    let counted = count()?;
    let tolerance = recorded.conditions.tolerance(&counted.conditions)?;
    let rows = compare(&recorded.instructions, &counted.instructions, tolerance.percent);
    print!("{}", report(&rows, &tolerance));
    Ok(rows.iter().all(|row| row.verdict.is_fine()))
}

fn record() -> Result<(), String> {
    let counted = count()?;
    counted.write()?;
    page::write(&counted)?;
    println!("written: {} and {}", recorded::FILE, page::FILE);
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["compare"] => compared(),
        ["record"] => record().map(|()| true),
        [name, rounds] => run(name, rounds).map(|()| true),
        _ => Err("usage: counted compare | counted record | counted CASE ROUNDS".to_owned()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(trouble) => {
            eprintln!("counted: {trouble}");
            ExitCode::from(2)
        }
    }
}
