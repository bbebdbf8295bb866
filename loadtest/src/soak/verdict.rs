//! What must hold of a run. No clock, no server: figures in, words out.

use serde::Serialize;

use crate::ledger::Fault;
use crate::soak::made::Counts;
use crate::soak::watch::Sample;

/// The start of a run that is not judged, as a part of it: tables, caches and the allocator's room come to their size.
const WARM_UP: f64 = 0.1;

/// How much the last third may be from the first, where it is judged that a course is flat.
pub(crate) const FLAT: f64 = 0.1;

/// What memory may grow by in any run, over a tenth. An order that has ended leaves its keys in the index, and so does what
/// ended it; the filters of the index are in memory. This is some five times what a closed order was measured to take.
const ORDER_BYTES: f64 = 10.0;
/// What else comes and goes, more slowly where fewer orders come: tables of 1,048,576 keys, some 25 MiB each, fill up and are
/// dropped as a whole once the index has them, and the allocator keeps room in which the index and snapshots are made. An
/// order that stayed open would take some 160 bytes, which passes this within half a minute at full load.
const OTHER_BYTES: f64 = 64.0 * 1024.0 * 1024.0;

/// The medians of the first and the last third of the samples that are judged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Trend {
    pub(crate) first: f64,
    pub(crate) last: f64,
}

impl Trend {
    /// The change, as a part of the first; nothing of nothing is none.
    pub(crate) fn change(&self) -> f64 {
        if self.first > 0.0 { self.last / self.first - 1.0 } else { 0.0 }
    }
}

/// How a run went on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Trends {
    /// When the samples of the first and of the last third begin and end, in seconds.
    pub(crate) first: (f64, f64),
    pub(crate) last: (f64, f64),
    /// Requests a second.
    pub(crate) throughput: Trend,
    /// In milliseconds, from the planned time.
    pub(crate) p99_9: Trend,
    /// In bytes.
    pub(crate) resident: Trend,
    /// Orders that were placed, and as many ended, from the middle of the first third to that of the last.
    pub(crate) orders_between: f64,
}

impl Trends {
    /// Of a run's samples; `None` if there are too few to compare.
    pub(crate) fn of(samples: &[Sample]) -> Option<Self> {
        let end = samples.last()?.at;
        let judged: Vec<&Sample> =
            samples.iter().filter(|sample| sample.at - sample.seconds >= end * WARM_UP - 0.5).collect();
        let third = judged.len() / 3;
        let (first, last) = (judged.get(..third)?, judged.get(judged.len() - third..)?);
        let range = |part: &[&Sample]| Some((part.first()?.at - part.first()?.seconds, part.last()?.at));
        let trend = |of: fn(&Sample) -> f64| Trend { first: median(first, of), last: median(last, of) };
        let between = judged.get(third / 2..judged.len() - third.div_ceil(2))?;
        Some(Self {
            first: range(first)?,
            last: range(last)?,
            throughput: trend(Sample::per_second),
            p99_9: trend(|sample| sample.latency.p99_9_ms),
            resident: trend(|sample| sample.resident as f64),
            orders_between: between.iter().map(|sample| sample.orders as f64).sum(),
        })
    }

    /// Bytes of resident memory that came for each order that was placed and ended; negative if it fell.
    pub(crate) fn bytes_per_order(&self) -> f64 {
        (self.resident.last - self.resident.first) / self.orders_between.max(1.0)
    }

    /// What memory may be in the last third, in any run.
    fn resident_max(&self) -> f64 {
        self.resident.first * (1.0 + FLAT) + self.orders_between * ORDER_BYTES + OTHER_BYTES
    }
}

fn median(samples: &[&Sample], of: fn(&Sample) -> f64) -> f64 {
    let mut all: Vec<f64> = samples.iter().map(|sample| of(sample)).collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or_default()
}

/// A run, for whoever judges it.
pub(crate) struct Run<'a> {
    /// Requests that were planned, and those that were answered as they must be.
    pub(crate) planned: u64,
    pub(crate) answered: u64,
    /// Answers that must not be, in all phases.
    pub(crate) wrong: &'a Fault,
    pub(crate) made: Counts,
    /// Work behind the path that failed, as the server counts it.
    pub(crate) keeper_failures: &'a str,
    pub(crate) trends: Option<Trends>,
    /// Whether throughput, p99.9 and memory must be flat.
    pub(crate) judge_flat: bool,
}

/// What does not hold, in words.
pub(crate) fn judge(run: &Run<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    if run.wrong.count > 0 {
        faults.push(format!(
            "{} answers that must not be: {}",
            run.wrong.count,
            run.wrong.examples.join("; ")
        ));
    }
    if run.answered != run.planned {
        faults.push(format!("{} requests were offered, {} answered", run.planned, run.answered));
    }
    let Counts { segments, runs, snapshots } = run.made;
    for (made, what) in [(segments, "segment"), (runs, "run of the index"), (snapshots, "snapshot")] {
        if made == 0 {
            faults.push(format!("no {what} was made meanwhile: that is no soak"));
        }
    }
    if run.keeper_failures != "0" {
        faults.push(format!("the keeper failed {} times", run.keeper_failures));
    }
    let Some(trends) = &run.trends else {
        faults.push("there are too few samples to compare".to_owned());
        return faults;
    };
    let (was, is, most) = (trends.resident.first, trends.resident.last, trends.resident_max());
    if is > most {
        faults.push(format!("memory was {was:.0} bytes and is {is:.0}; it may be {most:.0}"));
    }
    if run.judge_flat {
        faults.extend(not_flat(trends));
    }
    faults
}

/// Less memory and a lower p99.9 are no fault; less throughput and more of it than is offered both are.
fn not_flat(trends: &Trends) -> impl Iterator<Item = String> {
    let changes = [
        ("throughput", trends.throughput.change(), trends.throughput.change().abs()),
        ("p99.9", trends.p99_9.change(), trends.p99_9.change()),
        ("resident memory", trends.resident.change(), trends.resident.change()),
    ];
    let steep = changes.into_iter().filter(|(_, _, size)| *size > FLAT);
    steep.map(|(what, change, _)| format!("{what} is not flat: {:+.1} %", change * 100.0))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::meters::histogram;
    use crate::report::Percentiles;

    /// A sample of two seconds.
    pub(crate) fn sample(number: u64, requests: u64, p99_9_ms: f64, resident: u64) -> Sample {
        let latency = Percentiles { p99_9_ms, ..Percentiles::of(&histogram()) };
        Sample {
            at: 2.0 * number as f64,
            seconds: 2.0,
            orders: requests / 2,
            requests,
            latency,
            resident,
            log_bytes: 1 << 20,
            made: Counts { segments: 1, runs: 1, snapshots: 1 },
            snapshots_at: vec![2.0 * number as f64 - 1.5],
        }
    }

    /// Thirty samples, each with this of its number.
    pub(crate) fn samples(of: impl Fn(u64) -> (u64, f64, u64)) -> Vec<Sample> {
        let sampled = |number| {
            let (requests, p99_9_ms, resident) = of(number);
            sample(number, requests, p99_9_ms, resident)
        };
        (1..=30).map(sampled).collect()
    }

    const MIB: u64 = 1 << 20;

    fn run(trends: Option<Trends>, wrong: &Fault, judge_flat: bool) -> Run<'_> {
        let made = Counts { segments: 9, runs: 9, snapshots: 3 };
        Run { planned: 100, answered: 100, wrong, made, keeper_failures: "0", trends, judge_flat }
    }

    fn faults(samples: &[Sample], judge_flat: bool) -> Vec<String> {
        judge(&run(Trends::of(samples), &Fault::default(), judge_flat))
    }

    #[test]
    fn the_warm_up_and_the_middle_are_not_compared() {
        let odd = |number| !(4..=12).contains(&number) && !(22..=30).contains(&number);
        let of = |number| if odd(number) { (1, 99.0, 1_000 * MIB) } else { (8_000, 5.0, 200 * MIB) };
        let trends = Trends::of(&samples(of)).unwrap();
        assert_eq!((trends.first, trends.last), ((6.0, 24.0), (42.0, 60.0)));
        assert_eq!(trends.throughput, Trend { first: 4_000.0, last: 4_000.0 });
        assert_eq!(trends.p99_9, Trend { first: 5.0, last: 5.0 });
        assert_eq!(faults(&samples(of), true), [""; 0]);
    }

    #[test]
    fn a_few_outliers_are_no_trend() {
        let of = |number: u64| {
            if number.is_multiple_of(4) { (2, 80.0, 900 * MIB) } else { (8_000, 5.0, 200 * MIB) }
        };
        assert_eq!(faults(&samples(of), true), [""; 0]);
    }

    #[test]
    fn what_is_not_flat_is_found_and_only_where_it_is_judged() {
        let late = |number: u64| number > 20;
        let flat = (8_000, 5.0, 200 * MIB);
        for (changed, fault) in [
            ((7_120, 5.0, 200 * MIB), Some("throughput is not flat: -11.0 %")),
            ((8_880, 5.0, 200 * MIB), Some("throughput is not flat: +11.0 %")),
            ((8_000, 5.6, 200 * MIB), Some("p99.9 is not flat: +12.0 %")),
            ((8_000, 5.0, 221 * MIB), Some("resident memory is not flat: +10.5 %")),
            ((7_300, 5.4, 219 * MIB), None),
            ((8_000, 1.0, 100 * MIB), None),
        ] {
            let samples = samples(|number| if late(number) { changed } else { flat });
            assert_eq!(faults(&samples, true), Vec::from_iter(fault), "{changed:?}");
            assert_eq!(faults(&samples, false), [""; 0], "{changed:?}");
        }
    }

    #[test]
    fn memory_that_grows_with_the_orders_is_found_in_any_run() {
        // Each sample has 4,000 orders; what stays of one is the question.
        let leak = |bytes: u64| samples(|number| (8_000_000, 5.0, 200 * MIB + number * 4_000_000 * bytes));
        assert_eq!(faults(&leak(5), false), [""; 0]);
        let found = faults(&leak(160), false);
        assert!(found.len() == 1 && found[0].starts_with("memory was "), "{found:?}");
        let trends = Trends::of(&leak(160)).unwrap();
        assert_eq!(trends.bytes_per_order().round(), 160.0);
    }

    #[test]
    fn whatever_else_must_hold_is_found() {
        let samples = samples(|_| (8_000, 5.0, 200 * MIB));
        let none = Fault::default();
        let good = || run(Trends::of(&samples), &none, false);
        let wrong = Fault { count: 2, examples: vec!["503".to_owned()] };
        assert_eq!(judge(&good()), [""; 0]);
        for (run, fault) in [
            (Run { wrong: &wrong, ..good() }, "2 answers that must not be: 503"),
            (Run { answered: 99, ..good() }, "100 requests were offered, 99 answered"),
            (Run { made: Counts { snapshots: 0, ..good().made }, ..good() }, "no snapshot was made"),
            (Run { made: Counts { segments: 0, ..good().made }, ..good() }, "no segment was made"),
            (Run { made: Counts { runs: 0, ..good().made }, ..good() }, "no run of the index was made"),
            (Run { keeper_failures: "3", ..good() }, "the keeper failed 3 times"),
            (Run { trends: Trends::of(&samples[..2]), ..good() }, "too few samples"),
        ] {
            let faults = judge(&run);
            assert!(faults.len() == 1 && faults[0].contains(fault), "{fault}: {faults:?}");
        }
    }
}
