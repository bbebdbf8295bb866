//! Answers wait here until what they rest on is durable (J1).
//!
//! A shard files a batch of answers under the last LSN that one of them rests on; the log writer, after each sync,
//! hands out all that the sync covered. Answers for one receiver travel together, and the receiver is woken once.

use crate::ask::{Answer, Submission};
use crate::directory::Directory;
use crossbeam::utils::CachePadded;
use onhand_snapshots::Lsn;
use onhand_snapshots::planted::{Bug, is_planted};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

/// Which submission of a receiver an answer belongs to.
pub type Ticket = u64;

/// A submission on its way in, and in the same place its answer on its way out: a batch is allocated and freed by
/// the worker that sends it, and no thread between allocates anything for it.
#[derive(Debug)]
pub struct Item {
    ticket: Ticket,
    slot: Slot,
}

#[derive(Debug)]
enum Slot {
    Asked(Submission),
    Answered(Answer),
}

impl Item {
    /// A submission under its receiver's ticket.
    #[must_use]
    pub fn new(ticket: Ticket, submission: Submission) -> Self {
        Self { ticket, slot: Slot::Asked(submission) }
    }

    /// Says at which stage of its body it is sent; see [`Submission::stage`].
    pub fn at_stage(&mut self, stage: u32) {
        if let Slot::Asked(submission) = &mut self.slot {
            submission.stage = stage;
        }
    }

    /// The ticket, and the answer; [`Answer::Busy`] as long as there is none.
    #[must_use]
    pub fn into_answer(self) -> (Ticket, Answer) {
        match self.slot {
            Slot::Answered(answer) => (self.ticket, answer),
            Slot::Asked(_) => (self.ticket, Answer::Busy),
        }
    }

    /// The submission, as long as it has no answer.
    pub(crate) fn submission(&self) -> Option<&Submission> {
        match &self.slot {
            Slot::Asked(submission) => Some(submission),
            Slot::Answered(_) => None,
        }
    }

    /// Takes the turn of this submission, if it was not taken. The submission stays where it is meanwhile: it is some
    /// hundred bytes long.
    pub(crate) fn turn(&mut self, turn: impl FnOnce(&mut Submission) -> Answer) {
        if let Slot::Asked(submission) = &mut self.slot {
            self.slot = Slot::Answered(turn(submission));
        }
    }
}

/// Where one receiver's answers arrive; an HTTP worker has one.
#[derive(Debug, Default)]
pub struct Inbox {
    batches: Mutex<Vec<Vec<Item>>>,
    arrived: Notify,
}

impl Inbox {
    /// Waits until something has arrived.
    pub async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Takes everything that has arrived, in the order of arrival.
    pub fn take(&self) -> impl Iterator<Item = (Ticket, Answer)> {
        std::mem::take(&mut *self.batches.lock()).into_iter().flatten().map(Item::into_answer)
    }

    /// Wakes whoever waits, though nothing has arrived.
    pub fn wake(&self) {
        self.arrived.notify_one();
    }

    pub(crate) fn deliver(&self, batches: impl IntoIterator<Item = Vec<Item>>) {
        self.batches.lock().extend(batches);
        self.arrived.notify_one();
    }
}

/// A batch whose turns were taken; it leaves as a whole.
pub(crate) struct Waiting {
    /// The last record that one of its answers rests on.
    pub(crate) until: Lsn,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) items: Vec<Item>,
}

/// The answers of all shards that wait.
pub(crate) struct Completions {
    /// One queue per shard, in the order of the turns.
    queues: Vec<Mutex<VecDeque<Waiting>>>,
    /// Submissions on their way. Every worker and the log writer count here: a cache line of its own.
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

    /// Files the answers of a shard's turns.
    pub(crate) fn file(&self, shard: usize, waiting: &mut Vec<Waiting>) {
        self.queues[shard].lock().extend(waiting.drain(..));
        if cfg!(feature = "fault-ack-early") || is_planted(Bug::AckEarly) {
            self.release(Lsn(u64::MAX));
        }
    }

    /// Hands out everything that rests on records up to `durable`.
    pub(crate) fn release(&self, durable: Lsn) {
        for queue in &self.queues {
            let mut parcel: Option<(Arc<Inbox>, Vec<Vec<Item>>)> = None;
            while let Some(Waiting { inbox, directory, items, .. }) = next_ready(queue, durable) {
                self.leave(&directory, items.len());
                match &mut parcel {
                    Some((same, batches)) if Arc::ptr_eq(same, &inbox) => batches.push(items),
                    _ => {
                        if let Some((other, batches)) = parcel.replace((inbox, vec![items])) {
                            other.deliver(batches);
                        }
                    }
                }
            }
            if let Some((inbox, batches)) = parcel {
                inbox.deliver(batches);
            }
        }
    }

    /// Counts submissions out.
    pub(crate) fn leave(&self, directory: &Directory, count: usize) {
        self.in_flight.fetch_sub(count, Ordering::Relaxed);
        directory.in_flight.fetch_sub(count, Ordering::Relaxed);
    }
}

/// The next batch of a queue that may leave. The queue is locked for that alone: a shard may file meanwhile.
fn next_ready(queue: &Mutex<VecDeque<Waiting>>, durable: Lsn) -> Option<Waiting> {
    let mut queue = queue.lock();
    if queue.front()?.until <= durable { queue.pop_front() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::{Ask, ReadAsk};
    use onhand_domain::{MerchantNumber, OrderId};

    fn batch(count: u64, first: Ticket) -> Vec<Item> {
        (first..first + count).map(|ticket| Item { ticket, slot: Slot::Answered(Answer::Failed) }).collect()
    }

    #[test]
    fn batches_leave_in_order_and_not_before_their_records() {
        let completions = Completions::new(1);
        let (inbox, directory) = (Arc::new(Inbox::default()), Arc::new(Directory::new(MerchantNumber(1))));
        completions.in_flight.store(4, Ordering::Relaxed);
        directory.in_flight.store(4, Ordering::Relaxed);
        let waiting = |until: u64, items: Vec<Item>| {
            let (inbox, directory) = (Arc::clone(&inbox), Arc::clone(&directory));
            Waiting { until: Lsn(until), inbox, directory, items }
        };
        completions
            .file(0, &mut vec![waiting(3, batch(2, 0)), waiting(0, batch(1, 2)), waiting(7, batch(1, 3))]);
        let tickets = || inbox.take().map(|(ticket, _)| ticket).collect::<Vec<Ticket>>();
        completions.release(Lsn(2));
        assert_eq!(tickets(), [0_u64; 0]);
        completions.release(Lsn(4));
        assert_eq!(tickets(), [0, 1, 2]);
        assert_eq!(directory.in_flight.load(Ordering::Relaxed), 1);
        completions.release(Lsn(7));
        assert_eq!(tickets(), [3]);
        assert_eq!(completions.in_flight.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn an_item_without_an_answer_was_turned_away() {
        let asked = || Item::new(4, read());
        assert!(matches!(asked().into_answer(), (4, Answer::Busy)));
        let mut answered = asked();
        answered.turn(|_| Answer::Failed);
        answered.turn(|_| unreachable!("its turn was taken"));
        assert!(answered.submission().is_none());
        assert!(matches!(answered.into_answer(), (4, Answer::Failed)));
    }

    #[test]
    fn what_is_given_back_is_all_of_it() {
        let mut item = Item::new(4, Submission { idempotency: Some([7; 16]), ..read() });
        item.turn(|submission| {
            let submission = Box::new(submission.take());
            Answer::Behind { submission }
        });
        let (_, Answer::Behind { submission }) = item.into_answer() else { panic!("not given back") };
        assert_eq!(
            format!("{submission:?}"),
            format!("{:?}", Submission { idempotency: Some([7; 16]), ..read() })
        );
    }

    fn read() -> Submission {
        let ask = Ask::Read(ReadAsk::Orders(vec![OrderId(5)]));
        let (idempotency, fingerprint, known) = (None, Some([8; 16]), None);
        Submission { names: 1, actor: 2, stage: 3, request: [6; 16], idempotency, fingerprint, known, ask }
    }
}
