//! What one lane measures: latencies and counts. No judgement; that is the audit's.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use parking_lot::Mutex;

use crate::schedule::SECOND_NS;

/// The shortest latency told apart from none.
const LATENCY_MIN_NS: u64 = 1_000;

/// An hour; what is longer counts as an hour.
const LATENCY_MAX_NS: u64 = 3_600 * SECOND_NS;

/// Three digits: a latency is known to a thousandth of itself.
const DIGITS: u8 = 3;

/// Makes an empty histogram of nanoseconds.
#[expect(clippy::expect_used, reason = "the bounds are constants, and a test makes one")]
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(LATENCY_MIN_NS, LATENCY_MAX_NS, DIGITS).expect("the bounds are valid")
}

/// The times of one answer, in nanoseconds since the start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// When it was to be sent; `None` in a closed loop.
    pub(crate) planned: Option<u64>,
    /// When it was first sent.
    pub(crate) sent: u64,
    /// When its answer was known.
    pub(crate) known: u64,
}

/// The measurements of one lane, or of all together.
#[derive(Debug)]
pub(crate) struct Meters {
    /// From the planned time to the known answer, per order. Empty in a closed loop.
    pub(crate) corrected: Histogram<u64>,
    /// From the first byte sent to the known answer, per order.
    pub(crate) raw: Histogram<u64>,
    /// From the planned time (closed loop: from the first byte sent) to a bulk request's last answer.
    pub(crate) batches: Histogram<u64>,
    /// How late the harness itself was, where a connection was free at the planned time.
    pub(crate) lateness: Histogram<u64>,
    /// Answers by status; in a bulk request, of its lines.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// HTTP requests sent, retries included.
    pub(crate) requests: u64,
    /// Orders (and repeats of orders) sent, retries not included.
    pub(crate) asked: u64,
    /// Answers that decided an order: accepted or refused.
    pub(crate) decided: u64,
    /// Answers that accepted, repeats included.
    pub(crate) accepted: u64,
    /// Answers that refused for want of stock.
    pub(crate) refused: u64,
    /// Orders turned away before any work (429, 503).
    pub(crate) shed: u64,
    /// Answers marked by the server as a repetition of an earlier one.
    pub(crate) replayed: u64,
    /// Requests without a complete answer.
    pub(crate) lost: u64,
    /// Why the first of them had none.
    pub(crate) first_loss: Option<String>,
    /// Orders sent again because their outcome was unknown.
    pub(crate) retried: u64,
    /// Orders planned but never sent, since the run's time was over.
    pub(crate) unsent: u64,
    /// Requests that found every connection busy at their planned time.
    pub(crate) queued: u64,
    /// Bytes of requests.
    pub(crate) bytes_out: u64,
    /// Bytes of answers.
    pub(crate) bytes_in: u64,
    /// When the last answer was known.
    pub(crate) last_ns: u64,
}

impl Meters {
    /// All at zero.
    pub(crate) fn new() -> Self {
        Self {
            corrected: histogram(),
            raw: histogram(),
            batches: histogram(),
            lateness: histogram(),
            statuses: BTreeMap::new(),
            requests: 0,
            asked: 0,
            decided: 0,
            accepted: 0,
            refused: 0,
            shed: 0,
            replayed: 0,
            lost: 0,
            first_loss: None,
            retried: 0,
            unsent: 0,
            queued: 0,
            bytes_out: 0,
            bytes_in: 0,
            last_ns: 0,
        }
    }

    /// Orders of the same times were decided.
    pub(crate) fn decided(&mut self, orders: u64, times: Times) {
        self.decided += orders;
        self.last_ns = self.last_ns.max(times.known);
        self.raw.saturating_record_n(times.known.saturating_sub(times.sent), orders);
        if let Some(planned) = times.planned {
            self.corrected.saturating_record_n(times.known.saturating_sub(planned), orders);
        }
    }

    /// Orders were planned and the run ended before they could be sent: they waited at least this long.
    pub(crate) fn never_sent(&mut self, orders: u64, waited_ns: u64) {
        self.unsent += orders;
        self.corrected.saturating_record_n(waited_ns, orders);
    }

    /// A request had no complete answer.
    pub(crate) fn lose(&mut self, why: impl FnOnce() -> String) {
        self.lost += 1;
        if self.first_loss.is_none() {
            self.first_loss = Some(why());
        }
    }

    /// Takes over what another lane has measured.
    pub(crate) fn merge(&mut self, other: Self) {
        for (own, others) in [
            (&mut self.corrected, &other.corrected),
            (&mut self.raw, &other.raw),
            (&mut self.batches, &other.batches),
            (&mut self.lateness, &other.lateness),
        ] {
            for value in others.iter_recorded() {
                own.saturating_record_n(value.value_iterated_to(), value.count_at_value());
            }
        }
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        for (own, others) in [
            (&mut self.requests, other.requests),
            (&mut self.asked, other.asked),
            (&mut self.decided, other.decided),
            (&mut self.accepted, other.accepted),
            (&mut self.refused, other.refused),
            (&mut self.shed, other.shed),
            (&mut self.replayed, other.replayed),
            (&mut self.lost, other.lost),
            (&mut self.retried, other.retried),
            (&mut self.unsent, other.unsent),
            (&mut self.queued, other.queued),
            (&mut self.bytes_out, other.bytes_out),
            (&mut self.bytes_in, other.bytes_in),
        ] {
            *own += others;
        }
        self.first_loss = self.first_loss.take().or(other.first_loss);
        self.last_ns = self.last_ns.max(other.last_ns);
    }
}

/// What happened since somebody last looked; shared with the thread that shows it.
#[derive(Debug)]
pub(crate) struct Live(Mutex<Pulse>);

/// Counts of an interval.
#[derive(Debug)]
pub(crate) struct Pulse {
    /// Answers that accepted.
    pub(crate) accepted: u64,
    /// Answers that refused for want of stock.
    pub(crate) refused: u64,
    /// Orders turned away, or without an answer.
    pub(crate) failed: u64,
    /// Latencies as shown: corrected in an open loop, raw in a closed one.
    pub(crate) latency: Histogram<u64>,
}

impl Pulse {
    /// All at zero.
    pub(crate) fn new() -> Self {
        Self { accepted: 0, refused: 0, failed: 0, latency: histogram() }
    }

    /// Adds the latency of orders of the same times.
    pub(crate) fn latency(&mut self, orders: u64, times: Times) {
        let since = times.planned.unwrap_or(times.sent);
        self.latency.saturating_record_n(times.known.saturating_sub(since), orders);
    }
}

impl Live {
    /// All at zero.
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Pulse::new()))
    }

    /// Adds to it.
    pub(crate) fn add(&self, change: impl FnOnce(&mut Pulse)) {
        change(&mut self.0.lock());
    }

    /// Moves what has gathered over to `into`.
    pub(crate) fn drain(&self, into: &mut Pulse) {
        let mut pulse = self.0.lock();
        into.accepted += std::mem::take(&mut pulse.accepted);
        into.refused += std::mem::take(&mut pulse.refused);
        into.failed += std::mem::take(&mut pulse.failed);
        for value in pulse.latency.iter_recorded() {
            into.latency.saturating_record_n(value.value_iterated_to(), value.count_at_value());
        }
        pulse.latency.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_counts_from_the_plan_and_from_the_sending() {
        let mut meters = Meters::new();
        meters.decided(1, Times { planned: Some(1_000_000), sent: 5_000_000, known: 6_000_000 });
        meters.decided(1, Times { planned: None, sent: 5_000_000, known: 7_000_000 });
        assert_eq!((meters.corrected.len(), meters.raw.len(), meters.last_ns), (1, 2, 7_000_000));
        assert!((meters.corrected.max() as f64 / 5e6 - 1.0).abs() < 0.002);
        assert!((meters.raw.max() as f64 / 2e6 - 1.0).abs() < 0.002);
    }

    #[test]
    fn merging_adds_everything_up() {
        let lane = |count: u64| {
            let mut meters = Meters::new();
            for _ in 0..count {
                meters.decided(1, Times { planned: Some(0), sent: 0, known: 10_000 * count });
                *meters.statuses.entry(201).or_default() += 1;
            }
            meters.never_sent(count, 1_000_000);
            meters.lose(|| format!("loss {count}"));
            meters
        };
        let mut total = Meters::new();
        total.merge(lane(2));
        total.merge(lane(3));
        assert_eq!((total.decided, total.unsent, total.lost, total.statuses[&201]), (5, 5, 2, 5));
        assert_eq!((total.corrected.len(), total.raw.len(), total.last_ns), (10, 5, 30_000));
        assert_eq!(total.first_loss.as_deref(), Some("loss 2"));
    }

    #[test]
    fn a_pulse_is_taken_once() {
        let live = Live::new();
        live.add(|pulse| {
            pulse.accepted += 2;
            pulse.latency(1, Times { planned: None, sent: 0, known: 5_000 });
        });
        let mut pulse = Pulse::new();
        live.drain(&mut pulse);
        live.drain(&mut pulse);
        assert_eq!((pulse.accepted, pulse.latency.len()), (2, 1));
    }
}
