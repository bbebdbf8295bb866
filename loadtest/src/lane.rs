//! A lane: one thread with a share of the connections, and of the orders.
//!
//! ```text
//! schedule ──▶ pacer ──permit per due request──▶ any free connection ──▶ send, answer ──▶ books
//!              (one per lane)                    (a task each)
//! ```
//! Lanes share nothing while they run. All requests about one order belong to one lane, so its books are whole.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, OnceLock};

use tokio::sync::Semaphore;
use tokio::task::LocalSet;

use crate::bulk::Bulk;
use crate::client::Link;
use crate::clock::Clock;
use crate::error::LoadError;
use crate::ledger::{Ledger, Share};
use crate::meters::Live;
use crate::pacer;
use crate::plan::Plan;
use crate::request::Requests;
use crate::schedule::{Due, SECOND_NS};
use crate::single::Single;
use crate::workload::{Ask, Kind};

pub(crate) use crate::books::Books;

/// What is still waiting for a connection so long after the end of the run is not sent any more.
const OVERTIME_NS: u64 = SECOND_NS;

/// What the lanes of a run share; nothing of it changes but the flag and the pulses.
#[derive(Debug)]
pub(crate) struct Run {
    /// What is to be done.
    pub(crate) plan: Plan,
    /// Its requests' constant bytes.
    pub(crate) requests: Requests,
    /// The pulse of each lane.
    pub(crate) live: Vec<Live>,
    /// Send nothing more.
    pub(crate) stop: AtomicBool,
    /// All lanes are connected.
    pub(crate) ready: Barrier,
    /// The run's clock, started when all lanes are ready.
    pub(crate) clock: OnceLock<Clock>,
}

impl Run {
    /// Prepares a run. One more than the lanes waits for the start: the thread that shows the progress.
    pub(crate) fn new(plan: Plan) -> Self {
        let requests = Requests::new(&plan.target.host, &plan.target.key, &plan.names, plan.currency);
        let live = (0..plan.threads).map(|_| Live::new()).collect();
        let ready = Barrier::new(plan.threads as usize + 1);
        Self { requests, live, stop: AtomicBool::new(false), ready, clock: OnceLock::new(), plan }
    }

    /// Whether nothing more is to be sent.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Has nothing more sent; what is under way is brought to its end.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// One request to be sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    /// Its (first) order.
    pub(crate) ask: Ask,
    /// How many orders it carries.
    pub(crate) orders: u64,
    /// When.
    pub(crate) due: Due,
}

impl Slot {
    /// The planned time; `None` in a closed loop.
    pub(crate) fn planned(&self) -> Option<u64> {
        match self.due {
            Due::At(at) => Some(at),
            Due::Now => None,
        }
    }
}

/// Walks through a lane's requests. The pacer and the connections walk separately, over the same requests.
#[derive(Debug)]
struct Cursor {
    run: Arc<Run>,
    share: Share,
    ticket: u64,
}

impl Iterator for Cursor {
    type Item = Slot;

    fn next(&mut self) -> Option<Slot> {
        let plan = &self.run.plan;
        loop {
            let ticket = self.ticket;
            let due = plan.schedule.due(ticket)?;
            self.ticket += 1;
            let ask = if plan.bulk {
                Ask { order: ticket * self.share.batch, kind: Kind::First }
            } else {
                plan.workload.ask(ticket)
            };
            if self.share.owns(ask.order) {
                return Some(Slot { ask, orders: plan.schedule.orders_in(ticket), due });
            }
        }
    }
}

/// One thread's part of a run.
#[derive(Debug)]
pub(crate) struct Lane {
    /// The whole run.
    pub(crate) run: Arc<Run>,
    /// The run's clock.
    pub(crate) clock: Clock,
    /// This lane's number.
    pub(crate) number: usize,
    /// This lane's books.
    pub(crate) books: RefCell<Books>,
    cursor: RefCell<Cursor>,
    /// Requests that are due and not taken.
    due: Semaphore,
    closed_loop: Cell<bool>,
}

/// Runs a lane to its end, on a thread of its own.
pub(crate) fn run(run: Arc<Run>, number: u32) -> Result<Books, LoadError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(LoadError::system("starting a thread's runtime"));
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            run.ready.wait();
            return Err(error);
        }
    };
    let local = LocalSet::new();
    local.block_on(&runtime, drive(run, number))
}

async fn drive(run: Arc<Run>, number: u32) -> Result<Books, LoadError> {
    let plan = &run.plan;
    let connections = plan.connections / plan.threads + u32::from(number < plan.connections % plan.threads);
    let links = connect(plan.target.address, connections).await;
    run.ready.wait();
    let clock = *run.clock.get_or_init(Clock::start);
    let lane = Rc::new(Lane::new(Arc::clone(&run), number, clock));
    let tasks: Vec<_> =
        links?.into_iter().map(|link| tokio::task::spawn_local(Rc::clone(&lane).work(link))).collect();
    if !lane.closed_loop.get() {
        lane.pace(lane.cursor(), connections as usize)
            .await
            .map_err(LoadError::system("waiting for a planned time"))?;
    }
    for task in tasks {
        let bytes_in = task.await.map_err(|_| LoadError::Panic)?;
        lane.books.borrow_mut().meters.bytes_in += bytes_in;
    }
    let lane = Rc::try_unwrap(lane).map_err(|_| LoadError::Panic)?;
    Ok(lane.books.into_inner())
}

async fn connect(address: SocketAddr, connections: u32) -> Result<Vec<Link>, LoadError> {
    let mut links = Vec::new();
    for _ in 0..connections {
        let mut link = Link::new(address);
        link.open()
            .await
            .map_err(|source| LoadError::Connection { doing: format!("connecting to {address}"), source })?;
        links.push(link);
    }
    Ok(links)
}

impl Lane {
    /// A lane with empty books, before its first request.
    pub(crate) fn new(run: Arc<Run>, number: u32, clock: Clock) -> Self {
        let plan = &run.plan;
        let share =
            Share { lanes: u64::from(plan.threads), lane: u64::from(number), batch: plan.schedule.batch };
        let per_lane = plan.sample.div_ceil(plan.threads as usize);
        let repeats = plan.workload.repeats();
        let ledger =
            Ledger::new(share, plan.stock.len(), plan.locations as usize, repeats, plan.seed, per_lane);
        Self {
            clock,
            number: number as usize,
            books: RefCell::new(Books::new(ledger)),
            cursor: RefCell::new(Cursor { run: Arc::clone(&run), share, ticket: 0 }),
            due: Semaphore::new(0),
            closed_loop: Cell::new(matches!(plan.schedule.pace, crate::schedule::Pace::Max)),
            run,
        }
    }

    /// Another walk through the requests, from the first.
    fn cursor(&self) -> Cursor {
        let Cursor { run, share, .. } = &*self.cursor.borrow();
        Cursor { run: Arc::clone(run), share: *share, ticket: 0 }
    }

    /// Hands out a permit for every request at its planned time.
    async fn pace(&self, cursor: Cursor, connections: usize) -> std::io::Result<()> {
        let times = cursor.map_while(|slot| slot.planned());
        pacer::pace(&self.clock, &self.due, times, || self.run.is_stopped()).await?;
        // One more for every connection: with it, each finds that nothing is left.
        self.due.add_permits(connections);
        Ok(())
    }

    /// One connection: takes the next due request whenever it is free. Returns the bytes it has read.
    async fn work(self: Rc<Self>, link: Link) -> u64 {
        if self.run.plan.bulk {
            let mut bulk = Bulk::new(Rc::clone(&self), link);
            while let Some(slot) = self.next().await {
                bulk.send(slot).await;
            }
            bulk.bytes_in()
        } else {
            let mut single = Single::new(Rc::clone(&self), link);
            while let Some(slot) = self.next().await {
                single.send(slot).await;
            }
            single.bytes_in()
        }
    }

    /// The next request to send now. `None`: the run is over.
    async fn next(&self) -> Option<Slot> {
        loop {
            let mut waited = false;
            if !self.closed_loop.get() {
                let permit = match self.due.try_acquire() {
                    Ok(permit) => permit,
                    Err(_) => {
                        waited = true;
                        self.due.acquire().await.ok()?
                    }
                };
                permit.forget();
            }
            if self.run.is_stopped() {
                return None;
            }
            let now = self.clock.now_ns();
            let until = self.run.plan.schedule.until_ns;
            if self.closed_loop.get() && until.is_some_and(|until| now >= until) {
                return None;
            }
            let slot = self.cursor.borrow_mut().next()?;
            let meters = &mut self.books.borrow_mut().meters;
            if let Some(planned) = slot.planned() {
                let late = now.saturating_sub(planned);
                if until.is_some_and(|until| now >= until.saturating_add(OVERTIME_NS)) {
                    meters.never_sent(slot.orders, late);
                    continue;
                }
                if waited {
                    meters.lateness.saturating_record(late);
                } else {
                    meters.queued += 1;
                }
            }
            meters.asked += slot.orders;
            return Some(slot);
        }
    }
}
