//! The report: the verdict first, then what was asked, what came back and how long it took. Printed as text by
//! `text.rs`; this file decides what is in it, and is the JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::machine::Machine;
use crate::meters::Meters;
use crate::plan::Plan;
use crate::progress::Second;
use crate::schedule::{Pace, SECOND_NS};
use crate::verify::Verdict;

/// Counts up when members change their meaning or go.
const FORMAT: u32 = 1;

/// Nanoseconds in a millisecond.
const MILLISECOND_NS: f64 = 1e6;

/// A report.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    /// Version of this form.
    pub(crate) format: u32,
    /// Version of the harness.
    pub(crate) version: &'static str,
    /// The audit. If it did not hold, the figures below mean nothing.
    pub(crate) audit: Verdict,
    /// Scenario and parameters, in words.
    pub(crate) scenario: String,
    /// The run's name, prefix of all others.
    pub(crate) run: String,
    /// The seed.
    pub(crate) seed: u64,
    /// The load.
    pub(crate) load: Load,
    /// Latencies per order that was accepted or refused.
    pub(crate) latency: Latency,
    /// Answers by status, lines of bulk answers included.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// One entry a second.
    pub(crate) seconds: Vec<Second>,
    /// What the harness itself used.
    pub(crate) harness: Harness,
    /// Where it ran.
    pub(crate) machine: Machine,
    /// How it was called; the key is hidden.
    pub(crate) command: String,
    /// What the figures say about durability, and what not.
    pub(crate) durability: String,
    /// What the caller had to say.
    pub(crate) note: Option<String>,
}

/// How much was asked and what came of it, in orders unless it says otherwise.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Load {
    /// `open`: planned times; `closed`: as fast as connections become free.
    pub(crate) loop_kind: &'static str,
    /// Connections.
    pub(crate) connections: u32,
    /// Threads.
    pub(crate) threads: u32,
    /// Orders a second that were asked for; none in a closed loop.
    pub(crate) asked_per_second: Option<f64>,
    /// Orders a second that were accepted or refused, until the last answer.
    pub(crate) achieved_per_second: f64,
    /// From the start to the last answer, in seconds.
    pub(crate) seconds: f64,
    /// Orders planned; none in a closed loop that ends with its time.
    pub(crate) planned: Option<u64>,
    /// Orders sent, repeats included.
    pub(crate) sent: u64,
    /// Planned and not sent, because the server did not keep up. They are in the corrected latencies with the
    /// time they waited.
    pub(crate) unsent: u64,
    /// Requests that found every connection busy at their planned time.
    pub(crate) queued_requests: u64,
    /// Answers that accepted an order, repeats included.
    pub(crate) accepted: u64,
    /// Answers that refused an order for want of stock.
    pub(crate) refused: u64,
    /// Turned away with 429 or 503.
    pub(crate) shed: u64,
    /// Answers that the server marked as a repetition.
    pub(crate) replayed: u64,
    /// HTTP requests sent, retries included.
    pub(crate) requests: u64,
    /// HTTP requests that ended without a complete answer.
    pub(crate) lost_requests: u64,
    /// Why the first of them did.
    pub(crate) first_loss: Option<String>,
    /// Orders sent again because their outcome was unknown.
    pub(crate) retried: u64,
    /// Bytes of requests.
    pub(crate) bytes_out: u64,
    /// Bytes of answers.
    pub(crate) bytes_in: u64,
}

/// The latencies.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Latency {
    /// From the planned time; none in a closed loop.
    pub(crate) corrected: Option<Percentiles>,
    /// From the sending.
    pub(crate) raw: Percentiles,
    /// A bulk request as a whole, to its last line, from the planned time or else from the sending.
    pub(crate) bulk_request: Option<Percentiles>,
}

/// A distribution, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    /// How many.
    pub(crate) count: u64,
    /// The mean.
    pub(crate) mean_ms: f64,
    /// The percentile of that name, and so on.
    pub(crate) p50_ms: f64,
    /// 90 of 100 are not longer.
    pub(crate) p90_ms: f64,
    /// 99 of 100 are not longer.
    pub(crate) p99_ms: f64,
    /// 999 of 1,000 are not longer.
    pub(crate) p99_9_ms: f64,
    /// 9,999 of 10,000 are not longer.
    pub(crate) p99_99_ms: f64,
    /// The longest.
    pub(crate) max_ms: f64,
}

/// What the harness used and how exact it was.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Harness {
    /// Processor time in seconds.
    pub(crate) cpu_seconds: f64,
    /// Cores kept busy on average.
    pub(crate) cores: f64,
    /// Processor time per order sent, in microseconds.
    pub(crate) cpu_us_per_order: f64,
    /// How late requests left although a connection was free, in milliseconds; none in a closed loop.
    pub(crate) lateness: Option<Percentiles>,
}

/// What a report is made of.
#[derive(Debug)]
pub(crate) struct Findings {
    /// The verdict.
    pub(crate) verdict: Verdict,
    /// All lanes' measurements.
    pub(crate) meters: Meters,
    /// The course of the run.
    pub(crate) seconds: Vec<Second>,
    /// Processor time used during the run.
    pub(crate) cpu: Duration,
}

impl Report {
    /// Makes a report of a run.
    pub(crate) fn new(plan: &Plan, findings: Findings, machine: Machine, command: String) -> Self {
        let Findings { verdict, meters, seconds, cpu } = findings;
        let closed = matches!(plan.schedule.pace, Pace::Max);
        let open = |histogram: &Histogram<u64>| (!closed).then(|| Percentiles::of(histogram));
        let length = meters.last_ns as f64 / SECOND_NS as f64;
        let per = |amount: f64, of: f64| if of > 0.0 { amount / of } else { 0.0 };
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION"),
            scenario: plan.what.clone(),
            run: plan.names.run().to_owned(),
            seed: plan.seed,
            latency: Latency {
                corrected: open(&meters.corrected),
                raw: Percentiles::of(&meters.raw),
                bulk_request: plan.bulk.then(|| Percentiles::of(&meters.batches)),
            },
            harness: Harness {
                cpu_seconds: cpu.as_secs_f64(),
                cores: per(cpu.as_secs_f64(), length),
                cpu_us_per_order: per(cpu.as_secs_f64() * 1e6, meters.asked as f64),
                lateness: open(&meters.lateness),
            },
            load: Load {
                loop_kind: if closed { "closed" } else { "open" },
                connections: plan.connections,
                threads: plan.threads,
                asked_per_second: plan.schedule.asked_per_second(),
                achieved_per_second: per(meters.decided as f64, length),
                seconds: length,
                planned: plan.schedule.planned_orders(),
                sent: meters.asked,
                unsent: meters.unsent,
                queued_requests: meters.queued,
                accepted: meters.accepted,
                refused: meters.refused,
                shed: meters.shed,
                replayed: meters.replayed,
                requests: meters.requests,
                lost_requests: meters.lost,
                first_loss: meters.first_loss,
                retried: meters.retried,
                bytes_out: meters.bytes_out,
                bytes_in: meters.bytes_in,
            },
            audit: verdict,
            statuses: meters.statuses,
            seconds,
            machine,
            command,
            durability: "a 201 is the server's word that the order is durable; this run read it back from the \
                         running server and did not take power or process away, and cannot see the server's disk"
                .to_owned(),
            note: plan.note.clone(),
        }
    }
}

impl Percentiles {
    /// Reads them off a histogram of nanoseconds.
    pub(crate) fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / MILLISECOND_NS;
        Self {
            count: histogram.len(),
            mean_ms: histogram.mean() / MILLISECOND_NS,
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p99_9_ms: at(0.999),
            p99_99_ms: at(0.9999),
            max_ms: histogram.max() as f64 / MILLISECOND_NS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meters::histogram;

    #[test]
    fn percentiles_are_those_of_the_values() {
        let mut values = histogram();
        for milliseconds in 1..=10_000_u64 {
            values.saturating_record(milliseconds * 1_000_000);
        }
        let percentiles = Percentiles::of(&values);
        assert_eq!(percentiles.count, 10_000);
        for (seen, expected) in [
            (percentiles.p50_ms, 5_000.0),
            (percentiles.p90_ms, 9_000.0),
            (percentiles.p99_ms, 9_900.0),
            (percentiles.p99_9_ms, 9_990.0),
            (percentiles.p99_99_ms, 9_999.0),
            (percentiles.max_ms, 10_000.0),
            (percentiles.mean_ms, 5_000.5),
        ] {
            assert!((seen / expected - 1.0).abs() < 0.001, "{seen} instead of {expected}");
        }
    }

    #[test]
    fn nothing_measured_is_zeros_and_no_failure() {
        let percentiles = Percentiles::of(&histogram());
        assert_eq!((percentiles.count, percentiles.p99_ms, percentiles.max_ms), (0, 0.0, 0.0));
        assert_eq!(percentiles.mean_ms, 0.0);
    }
}
