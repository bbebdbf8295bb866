//! What is told of a run at its end: a few lines, JSON and a picture.

use std::io::{self, Write};

use serde::Serialize;

use crate::error::LoadError;
use crate::machine::{Machine, command_line, machine};
use crate::soak::chart;
use crate::soak::cli::Cli;
use crate::soak::made::Counts;
use crate::soak::verdict::{FLAT, Trend, Trends};
use crate::soak::watch::Sample;

/// Counts up when members change their meaning or go.
const FORMAT: u32 = 1;

/// A run. Figures are of requests unless they say otherwise.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) format: u32,
    pub(crate) version: &'static str,
    pub(crate) machine: Machine,
    pub(crate) command: String,
    /// Everything that is judged held.
    pub(crate) held: bool,
    /// What did not.
    pub(crate) faults: Vec<String>,
    /// A second, in the closed loop before.
    pub(crate) maximum: u64,
    /// A second.
    pub(crate) offered: u64,
    /// Planned over the whole run, and answered rightly.
    pub(crate) planned: u64,
    pub(crate) answered: u64,
    /// Orders that were open all the time, and orders that ended, since the server began.
    pub(crate) open_orders: u64,
    pub(crate) ended_orders: u64,
    /// What the server made meanwhile.
    pub(crate) made: Counts,
    /// How the first and the last third compare.
    pub(crate) trends: Option<Trends>,
    /// The course.
    pub(crate) samples: Vec<Sample>,
}

impl Report {
    /// A run without figures yet.
    pub(crate) fn new(faults: Vec<String>, samples: Vec<Sample>) -> Self {
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION"),
            machine: machine(),
            command: command_line(std::env::args()),
            held: faults.is_empty(),
            trends: Trends::of(&samples),
            faults,
            samples,
            maximum: 0,
            offered: 0,
            planned: 0,
            answered: 0,
            open_orders: 0,
            ended_orders: 0,
            made: Counts::default(),
        }
    }

    /// Writes what the command line asks for, and the end of the text.
    pub(crate) fn tell(&self, cli: &Cli) -> Result<(), LoadError> {
        if let Some(path) = &cli.svg {
            let picture = chart::draw(&self.samples, self.trends.as_ref(), &self.title(cli));
            crate::write_file(path, |out| out.write_all(picture.as_bytes()))?;
        }
        if let Some(path) = &cli.json {
            crate::write_file(path, |out| {
                serde_json::to_writer_pretty(&mut *out, self)?;
                writeln!(out)
            })?;
        }
        self.write(&mut io::stdout().lock()).map_err(LoadError::system("printing"))
    }

    fn title(&self, cli: &Cli) -> String {
        let Self { offered, maximum, .. } = self;
        let (percent, seconds, open) = (cli.percent, cli.seconds(), cli.open);
        format!(
            "{seconds} s at {offered} requests a second, {percent} % of {maximum}; {open} orders open all the time"
        )
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let Counts { segments, runs, snapshots } = self.made;
        writeln!(
            out,
            "\n{} requests offered, {} answered; {} orders open at the end, {} ended",
            self.planned, self.answered, self.open_orders, self.ended_orders
        )?;
        writeln!(
            out,
            "made meanwhile: {segments} segments, {runs} runs of the index, {snapshots} snapshots"
        )?;
        if let Some(trends) = &self.trends {
            write_trends(trends, out)?;
        }
        for fault in &self.faults {
            writeln!(out, "FAULT {fault}")?;
        }
        writeln!(out, "{}", if self.held { "held" } else { "did not hold" })
    }
}

fn write_trends(trends: &Trends, out: &mut impl Write) -> io::Result<()> {
    const MIB: f64 = 1_048_576.0;
    writeln!(out, "medians                first third   last third   change (flat: {:.0} %)", FLAT * 100.0)?;
    for (name, trend, unit) in [
        ("requests/s", trends.throughput, 1.0),
        ("p99.9 ms", trends.p99_9, 1.0),
        ("resident MiB", trends.resident, MIB),
    ] {
        let Trend { first, last } = trend;
        let change = trend.change() * 100.0;
        writeln!(out, "{name:<20} {:>13.2} {:>12.2} {change:>+7.1} %", first / unit, last / unit)?;
    }
    let (bytes, orders) = (trends.bytes_per_order(), trends.orders_between);
    writeln!(
        out,
        "memory came to {bytes:.1} bytes for each of {orders:.0} orders placed and ended between them"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soak::verdict::tests::samples;

    #[test]
    fn the_verdict_and_what_it_rests_on_are_told() {
        let samples = samples(|number| (8_000, 5.0, (200 + u64::from(number > 20) * 10) << 20));
        for faults in [vec![], vec!["stock: 1 not as acknowledged".to_owned()]] {
            let held = faults.is_empty();
            let report = Report { planned: 100, answered: 99, ..Report::new(faults, samples.clone()) };
            let mut out = Vec::new();
            report.write(&mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert_eq!(text.ends_with("\nheld\n"), held, "{text}");
            assert_eq!(text.contains("FAULT stock: 1"), !held, "{text}");
            assert!(text.contains("100 requests offered, 99 answered") && text.contains("+5.0 %"), "{text}");
            let json = serde_json::to_value(&report).unwrap();
            assert_eq!((json["held"].as_bool(), json["samples"].as_array().unwrap().len()), (Some(held), 30));
            assert_eq!(json["trends"]["resident"]["first"], 209_715_200.0);
        }
    }
}
