//! How long the machine itself stops: threads that do nothing but read the clock, and how far apart two readings were.
//! What they see, a server on this machine cannot be quicker than.
//!
//! ```text
//! cargo run --release -p onhand-loadtest --example pauses -- [SECONDS] [THREADS]
//! ```
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::cast_precision_loss,
    clippy::float_arithmetic,
    reason = "a measurement: it reads clocks, divides and prints"
)]

use std::thread;
use std::time::{Duration, Instant};

/// Shorter ones are the scheduler's own work.
const PAUSE: Duration = Duration::from_millis(1);

fn pauses(length: Duration) -> Vec<Duration> {
    let start = Instant::now();
    let (mut last, mut pauses) = (start, Vec::new());
    while last - start < length {
        let now = Instant::now();
        if now - last >= PAUSE {
            pauses.push(now - last);
        }
        last = now;
    }
    pauses
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |or: u64| arguments.next().map_or(or, |text| text.parse().expect("a number"));
    let (seconds, threads) = (number(10), number(1));
    let length = Duration::from_secs(seconds);
    let running: Vec<_> = (0..threads).map(|_| thread::spawn(move || pauses(length))).collect();
    for (number, thread) in running.into_iter().enumerate() {
        let pauses = thread.join().expect("a thread that reads the clock");
        let over =
            |millis: u64| pauses.iter().filter(|pause| **pause >= Duration::from_millis(millis)).count();
        let longest = pauses.iter().max().map_or(0.0, Duration::as_secs_f64) * 1e3;
        let share = pauses.iter().sum::<Duration>().as_secs_f64() * 100.0 / length.as_secs_f64();
        println!(
            "thread {number}, {seconds} s: stood still {} times for 1 ms or more, {} for 2, {} for 4, {longest:.1} ms \
             the longest, {share:.1} % of the time",
            over(1),
            over(2),
            over(4),
        );
    }
}
