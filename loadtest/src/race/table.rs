//! The figures of all rounds, and their medians.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::error::LoadError;
use crate::machine::{Machine, machine};
use crate::race::cli::{Cli, Kind};
use crate::race::contender::Differs;
use crate::race::course::Stream;
use crate::race::drive::Run;

/// One contender, stream and number of connections in one round.
pub(crate) struct Row {
    pub(crate) kind: Kind,
    pub(crate) stream: Stream,
    pub(crate) connections: u32,
    pub(crate) run: Run,
    /// `None`: it keeps no stock.
    pub(crate) differs: Option<Differs>,
}

/// What is told of a row, and of the rows of all rounds as medians.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figures {
    pub(crate) contender: String,
    pub(crate) stream: String,
    pub(crate) connections: u32,
    /// Whether an answer means that a crash cannot lose it.
    pub(crate) durable: bool,
    pub(crate) rounds: usize,
    pub(crate) orders_per_second: u64,
    /// The slowest and the fastest round.
    pub(crate) orders_per_second_range: (u64, u64),
    /// Microseconds from asking to knowing, of a request; a bulk request has many orders.
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
    pub(crate) p999_us: u64,
    pub(crate) max_us: u64,
    /// Of one processor, in hundredths: what the contender used, and what the driver did.
    pub(crate) processor_percent: u64,
    pub(crate) driver_percent: u64,
    pub(crate) resident_mib: u64,
    /// Bytes written to the disk for each order.
    pub(crate) written_per_order: u64,
    pub(crate) refused_per_cent: u64,
    /// SKUs whose stock is not what was answered, and units sold that were not there; `None` where no stock is kept.
    pub(crate) wrong_skus: Option<usize>,
    pub(crate) oversold: Option<u64>,
}

impl Row {
    fn figures(&self) -> Figures {
        let run = &self.run;
        let us = |quantile: f64| run.took.value_at_quantile(quantile) / 1_000;
        let percent = |used: std::time::Duration| {
            let used = used.as_nanos() * 100;
            u64::try_from(used / u128::from(run.length_ns.max(1))).unwrap_or(u64::MAX)
        };
        let rate = run.rate();
        Figures {
            contender: self.kind.name(),
            stream: self.stream.name(),
            connections: self.connections,
            durable: self.kind.is_durable(),
            rounds: 1,
            orders_per_second: rate,
            orders_per_second_range: (rate, rate),
            p50_us: us(0.5),
            p99_us: us(0.99),
            p999_us: us(0.999),
            max_us: run.took.max() / 1_000,
            processor_percent: percent(run.usage.processor),
            driver_percent: percent(run.driver),
            resident_mib: run.usage.resident >> 20,
            written_per_order: run.usage.written / run.answered.max(1),
            refused_per_cent: run.refused * 100 / run.answered.max(1),
            wrong_skus: self.differs.map(|differs| differs.skus),
            oversold: self.differs.map(|differs| differs.oversold),
        }
    }

    /// A line for who watches.
    pub(crate) fn line(&self) -> String {
        self.figures().line()
    }
}

/// The heading of [`Figures::line`].
const HEAD: &str = "stream    contender        conns   orders/s   p50 us   p99 us  p99.9 us    max us  cpu% driver%  MiB \
                    bytes/order stock";

impl Figures {
    fn line(&self) -> String {
        let stock = match (self.wrong_skus, self.oversold) {
            (None, _) | (_, None) => "keeps none".to_owned(),
            (Some(0), Some(0)) => "exact".to_owned(),
            (Some(wrong), Some(oversold)) => format!("{wrong} SKUs WRONG, {oversold} units oversold"),
        };
        let mark = if self.durable { "" } else { " (not durable)" };
        format!(
            "{:<9} {:<15} {:>6} {:>10} {:>8} {:>8} {:>9} {:>9} {:>5} {:>7} {:>4} {:>11} {stock}{mark}",
            self.stream,
            self.contender,
            self.connections,
            self.orders_per_second,
            self.p50_us,
            self.p99_us,
            self.p999_us,
            self.max_us,
            self.processor_percent,
            self.driver_percent,
            self.resident_mib,
            self.written_per_order,
        )
    }
}

/// See the module.
#[derive(Default)]
pub(crate) struct Table {
    rows: BTreeMap<(Stream, u32, Kind), Vec<Figures>>,
}

/// What is written as JSON.
#[derive(Serialize)]
struct Report {
    machine: Machine,
    medians: Vec<Figures>,
}

impl Table {
    pub(crate) fn add(&mut self, row: Row) {
        self.rows.entry((row.stream, row.connections, row.kind)).or_default().push(row.figures());
    }

    /// Whether every contender's stock is what it answered, in every round.
    pub(crate) fn holds(&self) -> bool {
        let is_exact = |row: &Figures| row.wrong_skus.unwrap_or(0) == 0 && row.oversold.unwrap_or(0) == 0;
        self.rows.values().flatten().all(is_exact)
    }

    /// Each row's medians over the rounds, by stream, connections and contender.
    pub(crate) fn medians(&self) -> Vec<Figures> {
        self.rows.values().filter_map(|rows| median(rows)).collect()
    }

    /// Writes the medians, and how they stand to each other.
    pub(crate) fn write(&self, cli: &Cli, out: &mut impl Write) -> io::Result<()> {
        let machine = machine();
        let (cpu, cores) = (&machine.cpu, machine.cores);
        writeln!(out, "\n{cpu}, {cores} cores, {} MiB, {}", machine.memory_mib, machine.kernel)?;
        let (rounds, seconds) = (cli.rounds, cli.seconds);
        writeln!(
            out,
            "medians of {rounds} interleaved rounds of {seconds} s; the driver is one thread beside them\n"
        )?;
        writeln!(out, "{HEAD}")?;
        let medians = self.medians();
        for row in &medians {
            writeln!(out, "{}", row.line())?;
        }
        writeln!(out)?;
        for line in ratios(&medians) {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }

    pub(crate) fn write_json(&self, path: &Path) -> Result<(), LoadError> {
        let wrong = |source| LoadError::Write { path: path.to_path_buf(), source };
        let report = Report { machine: machine(), medians: self.medians() };
        let file = File::create(path).map_err(wrong)?;
        serde_json::to_writer_pretty(file, &report).map_err(|error| wrong(error.into()))
    }
}

/// Onhand to each of the others, where both ran.
fn ratios(medians: &[Figures]) -> Vec<String> {
    let onhand = Kind::Onhand.name();
    let ours = medians.iter().filter(|row| row.contender == onhand);
    ours.flat_map(|ours| {
        let same = |row: &&Figures| row.stream == ours.stream && row.connections == ours.connections;
        let others = medians.iter().filter(same).filter(|row| row.contender != onhand);
        others.map(|other| {
            let ratio = ours.orders_per_second * 100 / other.orders_per_second.max(1);
            let (whole, part) = (ratio / 100, ratio % 100);
            format!(
                "{}, {} connections: onhand is {whole}.{part:02} times {}",
                ours.stream, ours.connections, other.contender
            )
        })
    })
    .collect()
}

/// The median of each figure by itself; the worst of what must not be.
fn median(rows: &[Figures]) -> Option<Figures> {
    let first = rows.first()?;
    let of = |figure: fn(&Figures) -> u64| {
        let mut all: Vec<u64> = rows.iter().map(figure).collect();
        all.sort_unstable();
        all[all.len() / 2]
    };
    let rates = rows.iter().map(|row| row.orders_per_second);
    Some(Figures {
        rounds: rows.len(),
        orders_per_second: of(|row| row.orders_per_second),
        orders_per_second_range: (rates.clone().min()?, rates.max()?),
        p50_us: of(|row| row.p50_us),
        p99_us: of(|row| row.p99_us),
        p999_us: of(|row| row.p999_us),
        max_us: of(|row| row.max_us),
        processor_percent: of(|row| row.processor_percent),
        driver_percent: of(|row| row.driver_percent),
        resident_mib: of(|row| row.resident_mib),
        written_per_order: of(|row| row.written_per_order),
        refused_per_cent: of(|row| row.refused_per_cent),
        wrong_skus: rows.iter().filter_map(|row| row.wrong_skus).max(),
        oversold: rows.iter().filter_map(|row| row.oversold).max(),
        ..first.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn figures(kind: Kind, rate: u64, wrong: usize) -> Figures {
        Figures {
            contender: kind.name(),
            stream: Stream::Hot.name(),
            connections: 8,
            durable: kind.is_durable(),
            rounds: 1,
            orders_per_second: rate,
            orders_per_second_range: (rate, rate),
            p50_us: rate,
            p99_us: 1,
            p999_us: 1,
            max_us: 1,
            processor_percent: 1,
            driver_percent: 1,
            resident_mib: 1,
            written_per_order: 1,
            refused_per_cent: 0,
            wrong_skus: Some(wrong),
            oversold: Some(0),
        }
    }

    #[test]
    fn a_median_is_the_middle_and_what_is_wrong_once_is_wrong() {
        let rows = [(30, 0), (10, 1), (20, 0)].map(|(rate, wrong)| figures(Kind::Onhand, rate, wrong));
        let median = median(&rows).unwrap();
        assert_eq!((median.orders_per_second, median.p50_us, median.rounds), (20, 20, 3));
        assert_eq!((median.orders_per_second_range, median.wrong_skus), ((10, 30), Some(1)));
        assert!(median.line().contains("1 SKUs WRONG"));
        let mut table = Table::default();
        table.rows.insert((Stream::Hot, 8, Kind::Onhand), rows[..1].to_vec());
        assert!(table.holds());
        table.rows.insert((Stream::Hot, 8, Kind::Postgres), rows.to_vec());
        assert!(!table.holds());
    }

    #[test]
    fn ratios_are_of_the_same_stream_and_connections() {
        let mut other = figures(Kind::Postgres, 10, 0);
        let ours = figures(Kind::Onhand, 25, 0);
        assert_eq!(
            ratios(&[ours.clone(), other.clone()]),
            ["hot, 8 connections: onhand is 2.50 times postgres"]
        );
        other.connections = 64;
        assert_eq!(ratios(&[ours, other]), [""; 0]);
    }
}
