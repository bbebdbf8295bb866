//! Watches a server from beside: a thread that looks at its memory and its directory, and takes a sample now and then.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Serialize;

use crate::clock::Clock;
use crate::error::LoadError;
use crate::meters::{Live, Pulse};
use crate::overload::memory::Memory;
use crate::report::Percentiles;
use crate::schedule::SECOND_NS;
use crate::soak::made::{Counts, Made, log_bytes};

/// How often memory and directory are looked at: several times within the shortest sample, and no load.
const LOOK: Duration = Duration::from_millis(500);

/// What happened between the sample before and this one.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Sample {
    /// Its end, in seconds since the load began.
    pub(crate) at: f64,
    /// Its length in seconds.
    pub(crate) seconds: f64,
    /// Orders that were accepted.
    pub(crate) orders: u64,
    /// Requests that were answered rightly, orders included.
    pub(crate) requests: u64,
    /// From the planned time to the answer, of all requests.
    pub(crate) latency: Percentiles,
    /// Bytes of the server's resident memory, the mean of several looks.
    pub(crate) resident: u64,
    /// Bytes of the log's files at its end.
    pub(crate) log_bytes: u64,
    /// What was made.
    pub(crate) made: Counts,
    /// When snapshots were seen, in seconds since the load began.
    pub(crate) snapshots_at: Vec<f64>,
}

impl Sample {
    /// The heading of [`Sample::row`].
    pub(crate) const HEAD: &str = "     s    orders/s  requests/s   p50 ms   p99 ms p99.9 ms   max ms  memory MiB   log MiB  segments  runs  snapshots";

    /// Requests a second.
    pub(crate) fn per_second(&self) -> f64 {
        self.requests as f64 / self.seconds
    }

    /// A line of a table.
    pub(crate) fn row(&self) -> String {
        let Self { at, latency, made, .. } = self;
        format!(
            "{at:>6.0} {:>11.0} {:>11.0} {:>8.2} {:>8.2} {:>8.2} {:>8.2} {:>11} {:>9} {:>9} {:>5} {:>10}",
            self.orders as f64 / self.seconds,
            self.per_second(),
            latency.p50_ms,
            latency.p99_ms,
            latency.p99_9_ms,
            latency.max_ms,
            self.resident >> 20,
            self.log_bytes >> 20,
            made.segments,
            made.runs,
            made.snapshots,
        )
    }
}

/// See the module.
pub(crate) struct Watch {
    /// When the load began.
    pub(crate) clock: Clock,
    /// The server's process.
    pub(crate) pid: u32,
    /// Its directory.
    pub(crate) data: PathBuf,
    /// Where answers are counted.
    pub(crate) live: Arc<Live>,
    /// Of a sample.
    pub(crate) period: Duration,
    /// Of the load.
    pub(crate) length: Duration,
    /// The load ended before its time.
    pub(crate) is_over: Arc<AtomicBool>,
}

/// What gathers until it becomes a sample.
struct Gathering {
    since: f64,
    counts: Counts,
    resident: u64,
    looks: u64,
    snapshots_at: Vec<f64>,
}

impl Gathering {
    fn new(since: f64, counts: Counts) -> Self {
        Self { since, counts, resident: 0, looks: 0, snapshots_at: Vec::new() }
    }
}

impl Watch {
    /// Looks until the load is over. Each sample is printed when it is taken.
    pub(crate) fn run(&self) -> Result<Vec<Sample>, LoadError> {
        say(Sample::HEAD)?;
        let mut made = Made::default();
        let looked = |source| LoadError::system("reading the server's directory")(source);
        let mut seen = made.look(&self.data).map_err(looked)?;
        let mut gathering = Gathering::new(0.0, seen);
        let mut samples: Vec<Sample> = Vec::new();
        let count = self.length.as_secs() / self.period.as_secs().max(1);
        for look in 1.. {
            let is_over = !self.wait(LOOK.saturating_mul(look));
            let at = self.clock.now_ns() as f64 / SECOND_NS as f64;
            let counts = made.look(&self.data).map_err(looked)?;
            gathering.snapshots_at.extend((counts.snapshots > seen.snapshots).then_some(at));
            seen = counts;
            // A server that ended is noticed by those who ask it.
            let Ok(memory) = Memory::of(self.pid) else { break };
            gathering.resident += memory.resident;
            gathering.looks += 1;
            // The last one lasts to the end: all have a whole period.
            let next = self.period.saturating_mul(u32::try_from(samples.len()).unwrap_or(u32::MAX) + 1);
            let is_last = samples.len() as u64 + 1 >= count;
            let is_due = if is_last { at >= self.length.as_secs_f64() } else { at >= next.as_secs_f64() };
            if is_due {
                let sample =
                    self.sample(std::mem::replace(&mut gathering, Gathering::new(at, seen)), at, seen)?;
                say(&sample.row())?;
                samples.push(sample);
            }
            if is_over || is_due && is_last {
                break;
            }
        }
        Ok(samples)
    }

    /// Waits for a time of the clock. False: the load is over.
    fn wait(&self, until: Duration) -> bool {
        std::thread::sleep(until.saturating_sub(Duration::from_nanos(self.clock.now_ns())));
        !self.is_over.load(Ordering::Relaxed)
    }

    fn sample(&self, gathered: Gathering, at: f64, seen: Counts) -> Result<Sample, LoadError> {
        let mut pulse = Pulse::new();
        self.live.drain(&mut pulse);
        let bytes = log_bytes(&self.data).map_err(LoadError::system("reading the server's directory"))?;
        Ok(Sample {
            at,
            seconds: at - gathered.since,
            orders: pulse.accepted,
            requests: pulse.latency.len(),
            latency: Percentiles::of(&pulse.latency),
            resident: gathered.resident / gathered.looks.max(1),
            log_bytes: bytes,
            made: gathered.counts.until(seen),
            snapshots_at: gathered.snapshots_at,
        })
    }
}

fn say(line: &str) -> Result<(), LoadError> {
    writeln!(std::io::stdout(), "{line}").map_err(LoadError::system("printing"))
}
