//! Answers wait here until what they rest on is durable (J1).
//!
//! A shard files each answer under the LSN it rests on; the log writer, after each sync, hands out all that
//! the sync covered. Answers for one receiver travel together, and the receiver is woken once.

use crate::ask::Answer;
use crate::directory::Directory;
use crossbeam::utils::CachePadded;
use onhand_snapshots::Lsn;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

/// Which submission of a receiver an answer belongs to.
pub type Ticket = u64;

/// Where one receiver's answers arrive; an HTTP worker has one.
#[derive(Debug, Default)]
pub struct Inbox {
    answers: Mutex<Vec<(Ticket, Answer)>>,
    arrived: Notify,
}

impl Inbox {
    /// Waits until something has arrived.
    pub async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Moves everything that has arrived into `out`.
    pub fn drain(&self, out: &mut Vec<(Ticket, Answer)>) {
        out.append(&mut self.answers.lock());
    }

    /// Wakes whoever waits, though nothing has arrived.
    pub fn wake(&self) {
        self.arrived.notify_one();
    }

    pub(crate) fn deliver(&self, answers: &mut Vec<(Ticket, Answer)>) {
        self.answers.lock().append(answers);
        self.arrived.notify_one();
    }
}

/// One answer that waits.
pub(crate) struct Waiting {
    /// The last record it rests on.
    pub(crate) until: Lsn,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) ticket: Ticket,
    pub(crate) answer: Answer,
    pub(crate) directory: Option<Arc<Directory>>,
}

/// The answers of all shards that wait.
pub(crate) struct Completions {
    /// One queue per shard; within one, LSNs do not fall.
    queues: Vec<Mutex<VecDeque<Waiting>>>,
    /// Submissions on their way.
    /// Every worker and the log writer count here: a cache line of its own.
    in_flight: CachePadded<AtomicUsize>,
}

impl Completions {
    pub(crate) fn new(shards: usize) -> Self {
        Self {
            queues: (0..shards).map(|_| Mutex::default()).collect(),
            in_flight: CachePadded::new(AtomicUsize::new(0)),
        }
    }

    /// Submissions that wait or are on their way to disk.
    pub(crate) fn in_flight(&self) -> &AtomicUsize {
        &self.in_flight
    }

    /// Files the answers of a shard's turn.
    pub(crate) fn file(&self, shard: usize, answers: &mut Vec<Waiting>) {
        self.queues[shard].lock().extend(answers.drain(..));
        if cfg!(feature = "fault-ack-early") {
            self.release(Lsn(u64::MAX));
        }
    }

    /// Hands out everything that rests on records up to `durable`.
    pub(crate) fn release(&self, durable: Lsn) {
        let mut batch: Vec<(Ticket, Answer)> = Vec::new();
        for queue in &self.queues {
            let mut receiver: Option<Arc<Inbox>> = None;
            loop {
                let next = {
                    let mut queue = queue.lock();
                    let is_durable = queue.front().is_some_and(|waiting| waiting.until <= durable);
                    if is_durable { queue.pop_front() } else { None }
                };
                let Some(waiting) = next else { break };
                self.leave(waiting.directory.as_deref());
                let is_same = receiver.as_ref().is_some_and(|inbox| Arc::ptr_eq(inbox, &waiting.inbox));
                if !is_same && let Some(inbox) = receiver.replace(Arc::clone(&waiting.inbox)) {
                    inbox.deliver(&mut batch);
                }
                batch.push((waiting.ticket, waiting.answer));
            }
            if let Some(inbox) = receiver {
                inbox.deliver(&mut batch);
            }
        }
    }

    /// Counts a submission out.
    pub(crate) fn leave(&self, directory: Option<&Directory>) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        if let Some(directory) = directory {
            directory.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
