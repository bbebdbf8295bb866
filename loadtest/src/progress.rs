//! What is seen while it runs: a bar on a terminal, a line a second elsewhere, both on stderr.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::lane::Run;
use crate::meters::Pulse;
use crate::schedule::SECOND_NS;

/// How often the bar moves, and the end of the run is looked for.
const TICK: Duration = Duration::from_millis(100);

/// Nanoseconds in a millisecond.
const MILLISECOND_NS: f64 = 1e6;

/// What happened in one second of the run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Second {
    /// Its end, in seconds since the start.
    pub(crate) at: f64,
    /// Answers that accepted.
    pub(crate) accepted: u64,
    /// Answers that refused.
    pub(crate) refused: u64,
    /// Orders turned away, requests lost.
    pub(crate) failed: u64,
    /// Median latency, corrected if the loop is open.
    pub(crate) p50_ms: f64,
    /// 99 of 100 are not longer.
    pub(crate) p99_ms: f64,
    /// The longest.
    pub(crate) max_ms: f64,
}

impl Second {
    fn of(at: f64, pulse: &Pulse) -> Self {
        let quantile = |quantile| pulse.latency.value_at_quantile(quantile) as f64 / MILLISECOND_NS;
        Self {
            at,
            accepted: pulse.accepted,
            refused: pulse.refused,
            failed: pulse.failed,
            p50_ms: quantile(0.5),
            p99_ms: quantile(0.99),
            max_ms: pulse.latency.max() as f64 / MILLISECOND_NS,
        }
    }

    fn text(&self) -> String {
        format!(
            "accepted {}  refused {}  failed {}  p50 {:.2} ms  p99 {:.2} ms  max {:.2} ms",
            self.accepted, self.refused, self.failed, self.p50_ms, self.p99_ms, self.max_ms
        )
    }
}

/// Shows one long piece of work after the other.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    quiet: bool,
    /// What the last line spoke about.
    said: String,
}

impl Progress {
    /// Decides once how to show it.
    pub(crate) fn new(quiet: bool) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::new(0);
            let style = ProgressStyle::with_template("{prefix:>18} [{bar:30}] {pos}/{len} {msg}");
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "))
        });
        Self { bar, quiet, said: String::new() }
    }

    /// Says one line.
    pub(crate) fn say(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.println(text);
        } else if !self.quiet {
            // Nobody who listens is no reason to stop.
            writeln!(std::io::stderr(), "{text}").ok();
        }
    }

    /// Shows that `done` of `total` things of a kind are done.
    pub(crate) fn step(&mut self, what: &str, done: u64, total: u64) {
        if let Some(bar) = &self.bar {
            bar.set_prefix(what.to_owned());
            bar.set_length(total);
            bar.set_position(done);
            bar.set_message("");
        } else if done == total || self.said != what {
            self.say(&format!("{what}: {done} of {total}"));
            what.clone_into(&mut self.said);
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Watches a run until `is_over`, from the moment its clock started, and returns its course.
    pub(crate) fn watch(&mut self, run: &Run, is_over: impl Fn() -> bool) -> Vec<Second> {
        let Some(clock) = run.clock.get() else { return Vec::new() };
        let planned = run.plan.schedule.planned_orders();
        let mut course = Vec::new();
        let mut pulse = Pulse::new();
        let (mut total, mut next) = (0, SECOND_NS);
        loop {
            let over = is_over();
            if !over {
                std::thread::sleep(TICK);
            }
            let now = clock.now_ns();
            for live in &run.live {
                live.drain(&mut pulse);
            }
            if now >= next || over {
                let at = now as f64 / SECOND_NS as f64;
                let second = Second::of(at, &pulse);
                total += second.accepted + second.refused;
                self.show(at, total, planned, &second);
                course.push(second);
                pulse = Pulse::new();
                next = (now / SECOND_NS + 1) * SECOND_NS;
            }
            if over {
                return course;
            }
        }
    }

    fn show(&self, at: f64, total: u64, planned: Option<u64>, second: &Second) {
        let text = second.text();
        match &self.bar {
            Some(bar) => {
                bar.set_prefix(format!("orders, {at:.0} s"));
                bar.set_length(planned.unwrap_or(total));
                bar.set_position(total);
                bar.set_message(text);
            }
            None => self.say(&format!("{at:6.1} s  {text}")),
        }
    }
}
