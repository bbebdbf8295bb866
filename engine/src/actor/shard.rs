//! A shard: the SKU actors of some merchants, one owner, one queue.
//!
//! [`Shard::enqueue`] sorts a batch into the merchants' queues; [`Shard::step`] takes some of them in turn
//! and runs a bounded number of turns. Neither waits for anything, so a simulator can call them as well as
//! the actor does.

use crate::ask::Submission;
use crate::clock::Clock;
use crate::completion::{Completions, Inbox, Ticket, Waiting};
use crate::directory::Directory;
use crate::fair::Fair;
use crate::keys::Keys;
use crate::rebuild::Ward;
use crate::snapshot::{FrozenPart, FrozenShard};
use crate::turn::{Merchant, Tools};
use onhand_domain::digest::digest;
use onhand_domain::merchant::Violation;
use onhand_domain::{MerchantNumber, MerchantState};
use onhand_snapshots::Index;
use onhand_snapshots::log::Appender;
use std::collections::HashMap;
use std::sync::Arc;

/// Submissions one step runs before it looks for new batches: some milliseconds of single-line orders.
const STEP_MAX: usize = 4_096;

/// Steps of the system's own work behind one submission: 4 times 64 waiting demands, some 50 microseconds.
const WORK_MAX: usize = 4;

/// Submissions of one receiver for one shard.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) items: Vec<(Ticket, Arc<Directory>, Submission)>,
}

struct Queued {
    inbox: Arc<Inbox>,
    ticket: Ticket,
    directory: Arc<Directory>,
    submission: Submission,
}

/// What a shard owns: the merchants and what was seen of them.
#[derive(Default)]
pub(crate) struct ShardState {
    merchants: HashMap<MerchantNumber, Merchant>,
    keys: Keys,
}

impl ShardState {
    /// The merchant of a directory, created empty if need be, and the keys.
    pub(crate) fn merchant(&mut self, directory: &Arc<Directory>) -> (&mut Merchant, &mut Keys) {
        let number = directory.merchant;
        let fresh = || Merchant {
            number,
            state: MerchantState::default(),
            directory: Arc::clone(directory),
            at: 0,
            poisoned: false,
        };
        (self.merchants.entry(number).or_insert_with(fresh), &mut self.keys)
    }

    /// Checks every invariant of every merchant and sums their digests.
    pub(crate) fn check(&self) -> Result<u64, (MerchantNumber, Violation)> {
        let mut sum = 0_u64;
        for merchant in self.merchants.values() {
            merchant.state.check().map_err(|violation| (merchant.number, violation))?;
            sum = sum.wrapping_add(digest(merchant.number, &merchant.state));
        }
        Ok(sum)
    }

    /// The sum of the merchants' digests.
    pub(crate) fn digest(&self) -> u64 {
        let digests = self.merchants.values().map(|merchant| digest(merchant.number, &merchant.state));
        digests.fold(0_u64, u64::wrapping_add)
    }

    /// The merchants for which the system has work of its own.
    fn with_work(&self) -> Vec<MerchantNumber> {
        let with_work = self.merchants.values().filter(|merchant| merchant.state.next_work().is_some());
        let mut numbers: Vec<MerchantNumber> = with_work.map(|merchant| merchant.number).collect();
        numbers.sort_unstable();
        numbers
    }
}

/// See the module.
pub(crate) struct Shard {
    number: usize,
    state: ShardState,
    queue: Fair<Queued>,
    /// Merchants with work of the system's own left.
    work: Vec<MerchantNumber>,
    appender: Appender,
    completions: Arc<Completions>,
    clock: Arc<dyn Clock>,
    index: Arc<Index>,
    ward: Arc<Ward>,
    buffer: Vec<u8>,
    taken: Vec<Queued>,
    answers: Vec<Waiting>,
}

impl Shard {
    pub(crate) fn new(
        number: usize,
        state: ShardState,
        appender: Appender,
        completions: Arc<Completions>,
        clock: Arc<dyn Clock>,
        index: Arc<Index>,
        ward: Arc<Ward>,
    ) -> Self {
        Self {
            number,
            work: state.with_work(),
            state,
            queue: Fair::default(),
            appender,
            completions,
            clock,
            index,
            ward,
            buffer: Vec::new(),
            taken: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// What the shard owns.
    pub(crate) fn state(&self) -> &ShardState {
        &self.state
    }

    /// A picture of this moment, between two batches; `None` if some merchant's state is not trusted.
    pub(crate) fn freeze(&self) -> Option<FrozenShard> {
        let part = |merchant: &Merchant| {
            (!merchant.poisoned).then(|| FrozenPart {
                number: merchant.number,
                at: merchant.at,
                state: merchant.state.freeze(),
                names: merchant.directory.freeze(),
            })
        };
        let mut merchants = self.state.merchants.values().map(part).collect::<Option<Vec<_>>>()?;
        merchants.sort_unstable_by_key(|part| part.number);
        Some(FrozenShard { cut: self.appender.last(), merchants })
    }

    /// Distrusts a merchant, as after a contradiction; for the test of what follows.
    #[cfg(test)]
    pub(crate) fn poison(&mut self, number: MerchantNumber) {
        if let Some(merchant) = self.state.merchants.get_mut(&number) {
            merchant.poisoned = true;
            merchant.state = MerchantState::default();
            self.ward.admit(number);
        }
    }

    /// Takes over a merchant that was built again.
    pub(crate) fn adopt(&mut self, merchant: Merchant) {
        let number = merchant.number;
        if merchant.state.next_work().is_some() && !self.work.contains(&number) {
            self.work.push(number);
        }
        self.state.merchants.insert(number, merchant);
    }

    /// Sorts a batch into the queues.
    pub(crate) fn enqueue(&mut self, batch: Batch) {
        for (ticket, directory, submission) in batch.items {
            let inbox = Arc::clone(&batch.inbox);
            self.queue.push(submission.merchant, Queued { inbox, ticket, directory, submission });
        }
    }

    /// Whether something is left to do.
    pub(crate) fn has_work(&self) -> bool {
        !self.queue.is_empty() || !self.work.is_empty()
    }

    /// Runs a bounded number of turns and files their answers.
    pub(crate) fn step(&mut self) {
        let now_ms = self.clock.now_ms();
        self.state.keys.follow(self.index.runs());
        self.catch_up(now_ms);
        let mut taken = std::mem::take(&mut self.taken);
        let mut count = 0;
        while count < STEP_MAX && self.queue.take(&mut taken).is_some() {
            count += taken.len();
            for queued in taken.drain(..) {
                self.turn(queued, now_ms);
            }
        }
        self.taken = taken;
        self.completions.file(self.number, &mut self.answers);
        self.appender.wake();
    }

    fn turn(&mut self, queued: Queued, now_ms: u64) {
        let Queued { inbox, ticket, directory, mut submission } = queued;
        let (merchant, keys) = self.state.merchant(&directory);
        let mut tools = Tools { appender: &self.appender, keys, buffer: &mut self.buffer, now_ms };
        let turned = merchant.turn(&mut submission, &mut tools);
        let mut steps = 0;
        while steps < WORK_MAX && merchant.work(&mut tools) {
            steps += 1;
        }
        if steps == WORK_MAX && !self.work.contains(&submission.merchant) {
            self.work.push(submission.merchant);
        }
        if merchant.poisoned {
            self.ward.admit(merchant.number);
        }
        let directory = Some(directory);
        let (until, answer) = (turned.until, turned.answer);
        self.answers.push(Waiting { until, inbox, ticket, answer, directory });
    }

    /// Goes on with the system's own work that was left, one merchant after the other.
    fn catch_up(&mut self, now_ms: u64) {
        let ShardState { merchants, keys } = &mut self.state;
        let mut tools = Tools { appender: &self.appender, keys, buffer: &mut self.buffer, now_ms };
        self.work.retain(|number| {
            let Some(merchant) = merchants.get_mut(number) else { return false };
            (0..WORK_MAX).all(|_| merchant.work(&mut tools))
        });
    }
}
