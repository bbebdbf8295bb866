//! Drives a contender with a number of connections for a while, on one thread.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::task::LocalSet;

use crate::clock::{Clock, process_cpu};
use crate::error::LoadError;
use crate::meters::histogram;
use crate::race::cli::Cli;
use crate::race::client::Client;
use crate::race::contender::Contender;
use crate::race::course::Course;
use crate::race::process::Usage;
use crate::runtime::runtime;
use crate::schedule::SECOND_NS;
use crate::workload::Order;

/// What runs before the measurement: connections, caches and the first segments are made.
const WARM_UP_NS: u64 = SECOND_NS;

/// What was seen of a contender. What came in the warm-up is in no figure but the stock's.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// Orders that were answered.
    pub(crate) answered: u64,
    /// Of these refused for want of stock.
    pub(crate) refused: u64,
    /// Nanoseconds from asking to knowing, per request.
    pub(crate) took: Histogram<u64>,
    /// Nanoseconds that were measured.
    pub(crate) length_ns: u64,
    /// What the contender used meanwhile.
    pub(crate) usage: Usage,
    /// Processor time of the driver meanwhile.
    pub(crate) driver: Duration,
    /// Mean bytes of an answer's body to one order.
    pub(crate) answer_bytes: usize,
}

impl Run {
    /// Orders a second.
    pub(crate) fn rate(&self) -> u64 {
        let rate = u128::from(self.answered) * u128::from(SECOND_NS) / u128::from(self.length_ns.max(1));
        u64::try_from(rate).unwrap_or(u64::MAX)
    }
}

struct Seen {
    course: Rc<Course>,
    clock: Clock,
    /// When the measurement begins and ends, since the clock began.
    window: (u64, u64),
    answered: Cell<u64>,
    refused: Cell<u64>,
    /// All answers and their bytes, the warm-up included.
    answers: Cell<(usize, usize)>,
    took: RefCell<Histogram<u64>>,
}

/// See the module.
pub(crate) fn drive(
    contender: &Contender,
    course: &Rc<Course>,
    connections: u32,
    cli: &Cli,
) -> Result<Run, LoadError> {
    let batch = contender.batch(cli);
    let tasks = LocalSet::new();
    runtime()?.block_on(tasks.run_until(async {
        let mut clients = Vec::new();
        for _ in 0..connections {
            clients.push(contender.connect(course).await?);
        }
        let seen = Rc::new(Seen {
            course: Rc::clone(course),
            clock: Clock::start(),
            window: (WARM_UP_NS, WARM_UP_NS + cli.seconds * SECOND_NS),
            answered: Cell::new(0),
            refused: Cell::new(0),
            answers: Cell::new((0, 0)),
            took: RefCell::new(histogram()),
        });
        let handles: Vec<_> = clients
            .into_iter()
            .map(|client| tasks.spawn_local(ask(client, Rc::clone(&seen), batch)))
            .collect();
        tokio::time::sleep(Duration::from_nanos(seen.window.0)).await;
        let (before, driver_before) = (contender.usage()?, process_cpu());
        tokio::time::sleep(Duration::from_nanos(seen.window.1.saturating_sub(seen.clock.now_ns()))).await;
        let (after, driver) = (contender.usage()?, process_cpu().saturating_sub(driver_before));
        for handle in handles {
            handle.await.map_err(|_| LoadError::Panic)??;
        }
        let (answers, bytes) = seen.answers.get();
        Ok(Run {
            answered: seen.answered.get(),
            refused: seen.refused.get(),
            took: seen.took.borrow().clone(),
            length_ns: seen.window.1 - seen.window.0,
            usage: after.since(&before),
            driver,
            answer_bytes: bytes.checked_div(answers).unwrap_or_default(),
        })
    }))
}

/// One connection.
async fn ask(mut client: Client, seen: Rc<Seen>, batch: usize) -> Result<(), LoadError> {
    let (from, to) = seen.window;
    let mut orders = vec![Order::default(); batch];
    let mut yes = Vec::with_capacity(batch);
    loop {
        let sent = seen.clock.now_ns();
        if sent >= to {
            return Ok(());
        }
        let first = seen.course.draw(&mut orders);
        yes.clear();
        let bytes_before = client.body_bytes();
        client.ask(&seen.course, first, &orders, &mut yes).await?;
        let known = seen.clock.now_ns();
        let accepted = orders.iter().zip(&yes).filter(|(_, yes)| **yes);
        let accepted = accepted.map(|(order, _)| seen.course.sell(order)).count();
        let (answers, bytes) = seen.answers.get();
        seen.answers.set((answers + yes.len(), bytes + client.body_bytes() - bytes_before));
        if (from..to).contains(&known) {
            seen.answered.set(seen.answered.get() + yes.len() as u64);
            seen.refused.set(seen.refused.get() + (yes.len() - accepted) as u64);
            seen.took.borrow_mut().saturating_record(known - sent);
        }
    }
}
