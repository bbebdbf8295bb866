//! Clients that order one unit after the other, for a while.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::task::LocalSet;

use crate::client::{ClientError, Link};
use crate::clock::Clock;
use crate::error::LoadError;
use crate::runtime::runtime;
use crate::wire::Head;

/// How long an answer may take before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// Examples kept of what must not be.
const EXAMPLES_MAX: usize = 3;

/// Clients of one merchant.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// The merchant's key.
    pub(crate) key: String,
    /// Of the phase: no two orders have one external id.
    pub(crate) name: &'static str,
    /// Clients, each with a connection and one request under way.
    pub(crate) connections: usize,
    /// How long each waits before it asks again; none: not at all, whatever it was told.
    pub(crate) pace: Option<Duration>,
}

/// What the clients of one merchant were told.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Microseconds from sending to the answer, of what was accepted.
    took: Histogram<u64>,
    /// The slowest of them: microseconds, and when it was sent, in milliseconds since the phase began.
    slowest: (u64, u64),
    /// Refused: 429, and 503.
    pub(crate) refused: [u64; 2],
    /// What must not be: other answers, refusals that do not say when to come again, answers that did not come.
    pub(crate) wrong: u64,
    pub(crate) examples: Vec<String>,
    /// How long it was asked, in milliseconds.
    milliseconds: u64,
}

impl Seen {
    /// The heading of [`Seen::row`].
    pub(crate) const HEAD: &str = "                       offered/s  accepted/s     429      503   p50 ms   p99 ms   max ms  sent at ms";

    fn new() -> Result<Self, LoadError> {
        let took = Histogram::new_with_bounds(1, 60_000_000, 3);
        let took = took.map_err(|error| LoadError::Usage(format!("a histogram: {error}")))?;
        Ok(Self { took, slowest: (0, 0), refused: [0; 2], wrong: 0, examples: Vec::new(), milliseconds: 0 })
    }

    /// Orders that were accepted.
    pub(crate) fn accepted(&self) -> u64 {
        self.took.len()
    }

    /// All that were asked.
    pub(crate) fn offered(&self) -> u64 {
        self.accepted() + self.refused.iter().sum::<u64>() + self.wrong
    }

    /// The slowest hundredth of what was accepted took at least so many microseconds.
    pub(crate) fn p99(&self) -> u64 {
        self.took.value_at_quantile(0.99)
    }

    /// A line of figures.
    pub(crate) fn row(&self, name: &str) -> String {
        let a_second = |count: u64| count * 1_000 / self.milliseconds.max(1);
        let ms = |us: u64| format!("{}.{:02}", us / 1_000, us % 1_000 / 10);
        format!(
            "{name:<20}{:>12}{:>12}{:>8}{:>9}{:>9}{:>9}{:>9}{:>12}",
            a_second(self.offered()),
            a_second(self.accepted()),
            self.refused[0],
            self.refused[1],
            ms(self.took.value_at_quantile(0.5)),
            ms(self.p99()),
            ms(self.slowest.0),
            self.slowest.1
        )
    }

    /// An answer to what was sent then, in nanoseconds since the phase began, and came now.
    fn enter(&mut self, answer: Result<Head, ClientError>, sent: u64, now: u64) {
        let us = (now - sent) / 1_000;
        match answer {
            Ok(head) if head.status == 201 => {
                self.took.saturating_record(us.max(1));
                self.slowest = self.slowest.max((us, sent / 1_000_000));
            }
            Ok(head) if matches!(head.status, 429 | 503) && head.retry_after => {
                self.refused[usize::from(head.status == 503)] += 1;
            }
            Ok(head) => {
                self.complain(|| format!("answered {} (Retry-After: {})", head.status, head.retry_after))
            }
            Err(error) => self.complain(|| error.to_string()),
        }
    }

    fn complain(&mut self, example: impl FnOnce() -> String) {
        self.wrong += 1;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(example());
        }
    }
}

/// Runs the clients for so long; what each part was told.
pub(crate) fn run_phase(
    address: SocketAddr,
    parts: &[Part],
    length: Duration,
) -> Result<Vec<Seen>, LoadError> {
    let all = parts.iter().map(|_| Seen::new().map(RefCell::new).map(Rc::new));
    let all = all.collect::<Result<Vec<_>, _>>()?;
    let clock = Rc::new(Clock::start());
    let clients = LocalSet::new();
    let mut handles = Vec::new();
    for (part, seen) in parts.iter().zip(&all) {
        for number in 0..part.connections {
            let (part, seen, clock) = (part.clone(), Rc::clone(seen), Rc::clone(&clock));
            handles.push(clients.spawn_local(client(address, part, number, seen, clock, length)));
        }
    }
    runtime()?.block_on(clients.run_until(async {
        for handle in handles {
            handle.await.map_err(|_| LoadError::Panic)?;
        }
        Ok::<(), LoadError>(())
    }))?;
    let milliseconds = clock.now_ns() / 1_000_000;
    all.into_iter()
        .map(|seen| {
            let mut seen = Rc::into_inner(seen).ok_or(LoadError::Panic)?.into_inner();
            seen.milliseconds = milliseconds;
            Ok(seen)
        })
        .collect()
}

async fn client(
    address: SocketAddr,
    part: Part,
    number: usize,
    seen: Rc<RefCell<Seen>>,
    clock: Rc<Clock>,
    length: Duration,
) {
    let mut link = Link::new(address);
    let length = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
    let mut orders = 0_u64;
    while clock.now_ns() < length {
        let request = order(&part, number, orders);
        orders += 1;
        let sent = clock.now_ns();
        let answer = link.exchange(&request, PATIENCE, &mut |_, _| {}).await;
        seen.borrow_mut().enter(answer, sent, clock.now_ns());
        if let Some(pace) = part.pace {
            tokio::time::sleep(pace).await;
        }
    }
}

/// One unit of the only SKU.
fn order(part: &Part, client: usize, number: u64) -> Vec<u8> {
    let body = format!(
        r#"{{"external_id":"{}-{client}-{number}","channel":"web","lines":[{{"id":"1","sku":"MUG","quantity":1}}]}}"#,
        part.name
    );
    let (key, length) = (&part.key, body.len());
    format!(
        "POST /v1/orders HTTP/1.1\r\nHost: onhand\r\nAuthorization: Bearer {key}\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}
