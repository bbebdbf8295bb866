//! `onhand-sim SEED…` lives what each seed says; `onhand-sim --seconds N [--from SEED]` tries seeds for so long.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a tool: it prints, and its time is limited"
)]

use onhand_sim::{Tally, run};
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// A seed that has not ended by then never will: one takes a second, and a busy machine makes it ten.
const SEED_TIME_MAX: Duration = Duration::from_secs(100);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match plan(&arguments) {
        Ok(Plan::Seeds(seeds)) => tried(seeds.into_iter()),
        Ok(Plan::For { time, from }) => {
            println!("seeds from {from} on, for {} s", time.as_secs());
            let start = Instant::now();
            tried((0..).map(|step| from.wrapping_add(step)).take_while(|_| start.elapsed() < time))
        }
        Err(message) => {
            println!("{message}\nusage: onhand-sim SEED… | onhand-sim --seconds N [--from SEED]");
            ExitCode::from(2)
        }
    }
}

enum Plan {
    Seeds(Vec<u64>),
    For { time: Duration, from: u64 },
}

fn plan(arguments: &[String]) -> Result<Plan, String> {
    let number = |text: &String| text.parse::<u64>().map_err(|_| format!("{text:?} is no number"));
    match arguments {
        [] => Err("no seed".to_owned()),
        [what, seconds] if what == "--seconds" => {
            let from = RandomState::new().build_hasher().finish();
            Ok(Plan::For { time: Duration::from_secs(number(seconds)?), from })
        }
        [what, seconds, from, seed] if what == "--seconds" && from == "--from" => {
            Ok(Plan::For { time: Duration::from_secs(number(seconds)?), from: number(seed)? })
        }
        seeds => Ok(Plan::Seeds(seeds.iter().map(number).collect::<Result<_, _>>()?)),
    }
}

fn tried(seeds: impl Iterator<Item = u64>) -> ExitCode {
    let (mut count, mut sum) = (0_u64, Tally::default());
    let (begins, watched) = channel();
    thread::spawn(move || watch(&watched));
    for seed in seeds {
        begins.send(seed).ok();
        match catch_unwind(|| run(seed)) {
            Ok(tally) => {
                count += 1;
                sum = sum.plus(&tally);
            }
            Err(_) => {
                println!("seed {seed}: a finding, see above; `onhand-sim {seed}` finds it again");
                return ExitCode::FAILURE;
            }
        }
    }
    println!("{count} seeds, no finding\n{sum}");
    ExitCode::SUCCESS
}

/// Ends the process when a seed does not end, and says which: parts that wait for each other are a finding too.
fn watch(begins: &Receiver<u64>) {
    let mut running = None;
    loop {
        match (begins.recv_timeout(SEED_TIME_MAX), running) {
            (Ok(seed), _) => running = Some(seed),
            (Err(RecvTimeoutError::Disconnected), _) => return,
            (Err(RecvTimeoutError::Timeout), None) => {}
            (Err(RecvTimeoutError::Timeout), Some(seed)) => {
                println!(
                    "seed {seed}: not ended after {} s; `onhand-sim {seed}` hangs again",
                    SEED_TIME_MAX.as_secs()
                );
                std::process::exit(1);
            }
        }
    }
}
