//! One worker's way to the shards.
//!
//! Requests that one turn of the worker's loop reads go to the shards in a few messages, and the answers of one sync come
//! back as one: an actor hop and a wake-up for each order would cost more than the order.

use onhand_engine::ask::{Answer, Ask, ReadAsk, Submission};
use onhand_engine::directory::Directory;
use onhand_engine::{Class, Handle, Inbox, Item, Ticket};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::oneshot;

use crate::auth::Caller;
use crate::http::problem::Problem;

/// Requests of a message, at the least, that does not wait for the end of the loop's turn: as long as the worker takes to read
/// them a sync runs. With fewer a sync, and the wake-ups around it, would be shared by too few.
const MESSAGE_MIN: usize = 16;

/// Into how many messages what a worker has under way is divided, as far as one may be so long: one is read while one is decided
/// and synced and one is answered. Over connections that ask again as soon as they are answered, a turn of the loop that ends
/// with one message has all of them under way at once: worker, shard and disk then work by turns, each while the others wait.
const MESSAGES: usize = 3;

/// See the module. Lives on one thread.
pub struct Intake {
    handle: Handle,
    inbox: Arc<Inbox>,
    /// By merchant and class: what one turn of the loop gathers is of few of them.
    gathered: RefCell<Vec<Gathered>>,
    waiting: RefCell<HashMap<Ticket, oneshot::Sender<Answer>>>,
    next: Cell<Ticket>,
    flush_is_due: Cell<bool>,
    request_prefix: [u8; 8],
    next_request: Cell<u64>,
}

/// What goes to a shard as one message.
struct Gathered {
    directory: Arc<Directory>,
    class: Class,
    items: Vec<Item>,
}

/// What identifies a request for those that come again.
#[derive(Debug, Clone, Copy, Default)]
pub struct Identity {
    /// The request's id.
    pub request: [u8; 16],
    /// Keyed hash of the `Idempotency-Key`.
    pub idempotency: Option<[u8; 16]>,
    /// Keyed hash of what is asked.
    pub fingerprint: Option<[u8; 16]>,
}

/// An answer on its way.
pub type Pending = oneshot::Receiver<Answer>;

impl Intake {
    /// The intake of this thread; answers are handed out by a task that runs as long as the thread.
    #[must_use]
    pub fn start(handle: Handle) -> Rc<Self> {
        let prefix = onhand_engine::secrets::random_bytes::<8>().unwrap_or_default();
        let intake = Rc::new(Self {
            handle,
            inbox: Arc::default(),
            gathered: RefCell::default(),
            waiting: RefCell::default(),
            next: Cell::new(0),
            flush_is_due: Cell::new(false),
            request_prefix: prefix,
            next_request: Cell::new(0),
        });
        let worker = Rc::clone(&intake);
        actix_web::rt::spawn(async move {
            loop {
                worker.inbox.arrived().await;
                for (ticket, answer) in worker.inbox.take() {
                    // A client that went away does not want its answer; what was decided stays.
                    if let Some(sender) = worker.waiting.borrow_mut().remove(&ticket) {
                        drop(sender.send(answer));
                    }
                }
            }
        });
        intake
    }

    /// The engine.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// A new request id.
    #[must_use]
    pub fn request_id(&self) -> [u8; 16] {
        let number = self.next_request.get();
        self.next_request.set(number + 1);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.request_prefix);
        id[8..].copy_from_slice(&number.to_be_bytes());
        id
    }

    /// Sends what is asked, unless too much is on its way already.
    ///
    /// # Errors
    /// 429 or 503, before any work.
    pub fn submit(
        self: &Rc<Self>,
        caller: &Caller,
        identity: Identity,
        ask: Ask,
    ) -> Result<Pending, Problem> {
        match &ask {
            // A preview costs a shard as much as an order.
            Ask::Read(read) if !matches!(read, ReadAsk::Plan(_)) => {
                self.handle.admit_always(&caller.directory);
            }
            ask => self.handle.admit(&caller.directory, ask.class())?,
        }
        Ok(self.send(caller, submission(caller, identity, 0, ask)))
    }

    /// Sends again what is no repeat of what it looked like, with what was found out, or what goes on whatever the
    /// limits say. Whoever was admitted once is not refused now.
    pub fn resubmit(self: &Rc<Self>, caller: &Caller, submission: Submission) -> Pending {
        self.handle.admit_always(&caller.directory);
        self.send(caller, submission)
    }

    fn send(self: &Rc<Self>, caller: &Caller, submission: Submission) -> Pending {
        let ticket = self.next.get();
        self.next.set(ticket + 1);
        let (sender, receiver) = oneshot::channel();
        self.waiting.borrow_mut().insert(ticket, sender);
        let (directory, class) = (&caller.directory, submission.class());
        let enough = enough(self.waiting.borrow().len());
        let count = gather(&mut self.gathered.borrow_mut(), directory, class, Item::new(ticket, submission));
        if count >= enough {
            // With what came before it: a change that waits goes first at the shard, and a quiet merchant has its turn.
            self.hand_over();
        } else if !self.flush_is_due.replace(true) {
            let intake = Rc::clone(self);
            actix_web::rt::spawn(async move {
                // Whatever else is ready in this turn of the loop joins the message.
                tokio::task::yield_now().await;
                intake.flush();
            });
        }
        receiver
    }

    fn flush(&self) {
        self.flush_is_due.set(false);
        self.hand_over();
    }

    fn hand_over(&self) {
        for Gathered { directory, items, .. } in self.gathered.take() {
            self.handle.submit(&self.inbox, &directory, items);
        }
    }
}

/// How many requests are a message when so many are under way.
fn enough(under_way: usize) -> usize {
    (under_way / MESSAGES).clamp(MESSAGE_MIN, Handle::BATCH_MAX)
}

/// Adds an item to those of its merchant and class, in the order in which they come, and returns how many they are.
fn gather(all: &mut Vec<Gathered>, directory: &Arc<Directory>, class: Class, item: Item) -> usize {
    let is_same = |other: &Gathered| other.class == class && Arc::ptr_eq(&other.directory, directory);
    let at = all.iter().position(is_same).unwrap_or_else(|| {
        all.push(Gathered { directory: Arc::clone(directory), class, items: Vec::new() });
        all.len() - 1
    });
    all[at].items.push(item);
    all[at].items.len()
}

/// What is asked as it goes to the engine: alone, or at a stage of a bulk body.
pub(crate) fn submission(caller: &Caller, identity: Identity, stage: u32, ask: Ask) -> Submission {
    let Identity { request, idempotency, fingerprint } = identity;
    let (names, actor) = (caller.names.get(), caller.key);
    Submission { names, actor, stage, request, idempotency, fingerprint, known: None, ask }
}

#[cfg(test)]
mod tests {
    use super::*;
    use onhand_engine::domain::MerchantNumber;

    fn item(ticket: Ticket) -> Item {
        let ask = Ask::Read(ReadAsk::Orders(Vec::new()));
        let (request, idempotency, fingerprint) = ([0; 16], None, None);
        Item::new(
            ticket,
            Submission { names: 0, actor: 0, stage: 0, request, idempotency, fingerprint, known: None, ask },
        )
    }

    fn tickets(gathered: Gathered) -> Vec<Ticket> {
        gathered.items.into_iter().map(|item| item.into_answer().0).collect()
    }

    #[test]
    fn a_message_is_a_third_of_what_is_under_way_within_its_limits() {
        let expected = [(0, 16), (50, 16), (51, 17), (90, 30), (195, 64), (9_000, 64)];
        assert_eq!(expected.map(|(under_way, _)| enough(under_way)), expected.map(|(_, length)| length));
    }

    #[test]
    fn what_is_gathered_is_of_one_merchant_and_class_and_in_order() {
        let [acme, other] = [1, 2].map(|number| Arc::new(Directory::new(MerchantNumber(number))));
        let mut all = Vec::new();
        let mut add = |directory, class, ticket| gather(&mut all, directory, class, item(ticket));
        assert_eq!(add(&acme, Class::Order, 1), 1);
        assert_eq!(add(&acme, Class::Change, 11), 1);
        assert_eq!(add(&other, Class::Order, 21), 1);
        assert_eq!(add(&acme, Class::Order, 2), 2);
        assert_eq!(add(&acme, Class::Change, 12), 2);
        assert_eq!(add(&acme, Class::Order, 3), 3);
        let messages: Vec<_> = all.into_iter().map(|gathered| (gathered.class, tickets(gathered))).collect();
        let expected =
            [(Class::Order, vec![1, 2, 3]), (Class::Change, vec![11, 12]), (Class::Order, vec![21])];
        assert_eq!(messages, expected);
    }
}
