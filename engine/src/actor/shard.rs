//! A shard: the SKU actors of some merchants, one owner, one queue.
//!
//! [`Shard::enqueue`] sorts a batch into the merchants' queues; [`Shard::step`] takes some of them in turn
//! and runs a bounded number of turns. Neither waits for anything, so a simulator can call them as well as
//! the actor does.

use crate::class::Class;
use crate::completion::{Completions, Inbox, Item, Waiting};
use crate::directory::Directory;
use crate::fair::{BATCH_MAX, Fair};
use crate::keys::Keys;
use crate::lanes::Lanes;
use crate::live_holds::LiveHolds;
use crate::rebuild::Ward;
use crate::shorts::Shorts;
use crate::snapshot::{FrozenPart, FrozenShard};
use crate::trusted_time::TrustedTime;
use crate::turn::{AskedKeys, Merchant, Tools};
use onhand_domain::digest::digest;
use onhand_domain::merchant::Violation;
use onhand_domain::{MerchantNumber, MerchantState};
use onhand_record::order::ClaimV1;
use onhand_snapshots::log::Appender;
use onhand_snapshots::{Index, Lsn};
use std::collections::HashMap;
use std::sync::Arc;

/// Submissions one step runs before it looks for new batches: some milliseconds of single-line orders.
const STEP_MAX: usize = 4_096;

/// Steps of the system's own work behind one submission: 4 times 64 waiting demands, some 50 microseconds.
const WORK_MAX: usize = 4;

/// Submissions of one class of one receiver for one merchant; at most [`BATCH_MAX`].
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) directory: Arc<Directory>,
    /// The class of the first, which all of it travels with.
    pub(crate) class: Class,
    pub(crate) items: Vec<Item>,
}

impl Batch {
    /// Gives all of it back without answers: nothing was done.
    pub(crate) fn turn_away(self) {
        self.inbox.deliver([self.items]);
    }
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

    /// Checks every invariant of every merchant that is served and sums their digests; there is no sum if some
    /// merchant is not served.
    pub(crate) fn check(&self) -> Result<Option<u64>, (MerchantNumber, Violation)> {
        let mut sum = 0_u64;
        for merchant in self.merchants.values().filter(|merchant| !merchant.poisoned) {
            merchant.state.check().map_err(|violation| (merchant.number, violation))?;
            sum = sum.wrapping_add(digest(merchant.number, &merchant.state));
        }
        Ok(self.poisoned().next().is_none().then_some(sum))
    }

    /// The last time that stands in a record of its merchants.
    pub(crate) fn at(&self) -> u64 {
        self.merchants.values().map(|merchant| merchant.at).max().unwrap_or(0)
    }

    /// The merchants that are not served.
    pub(crate) fn poisoned(&self) -> impl Iterator<Item = MerchantNumber> {
        self.merchants.values().filter(|merchant| merchant.poisoned).map(|merchant| merchant.number)
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

/// What records are stamped with, and the time by which deadlines pass.
type Times = (u64, u64);

/// See the module.
pub(crate) struct Shard {
    number: usize,
    state: ShardState,
    queue: Fair<Batch>,
    /// Merchants with work of the system's own left.
    work: Vec<MerchantNumber>,
    live_holds: LiveHolds,
    shorts: Shorts,
    appender: Appender,
    completions: Arc<Completions>,
    time: Arc<TrustedTime>,
    index: Arc<Index>,
    ward: Arc<Ward>,
    buffer: Vec<u8>,
    claims: Vec<ClaimV1>,
    /// The keys of the batch whose turns are taken.
    asked: Vec<AskedKeys>,
    waiting: Vec<Waiting>,
}

impl Shard {
    pub(crate) fn new(
        number: usize,
        state: ShardState,
        appender: Appender,
        completions: Arc<Completions>,
        time: Arc<TrustedTime>,
        index: Arc<Index>,
        ward: Arc<Ward>,
    ) -> Self {
        let mut live_holds = LiveHolds::default();
        let mut shorts = Shorts::default();
        for merchant in state.merchants.values() {
            live_holds.note(merchant);
            shorts.note(merchant);
        }
        Self {
            number,
            work: state.with_work(),
            live_holds,
            shorts,
            state,
            queue: Fair::default(),
            appender,
            completions,
            time,
            index,
            ward,
            buffer: Vec::new(),
            claims: Vec::new(),
            asked: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// What the shard owns.
    pub(crate) fn state(&self) -> &ShardState {
        &self.state
    }

    /// A picture of this moment, between two batches; `None` if some merchant's state is not trusted.
    pub(crate) fn freeze(&mut self) -> Option<FrozenShard> {
        if self.state.poisoned().next().is_some() {
            return None;
        }
        let part = |merchant: &mut Merchant| FrozenPart {
            number: merchant.number,
            at: merchant.at,
            state: merchant.state.freeze(),
            names: merchant.directory.freeze(),
        };
        let mut merchants: Vec<_> = self.state.merchants.values_mut().map(part).collect();
        merchants.sort_unstable_by_key(|part| part.number);
        Some(FrozenShard { cut: self.appender.last(), merchants })
    }

    /// Distrusts a merchant, as after a contradiction; for the test of what follows.
    #[cfg(test)]
    pub(crate) fn poison(&mut self, number: MerchantNumber) {
        if let Some(merchant) = self.state.merchants.get_mut(&number) {
            merchant.poisoned = true;
            merchant.state = MerchantState::default();
            self.live_holds.note(merchant);
            self.shorts.note(merchant);
            self.ward.admit(number);
        }
    }

    /// Takes over a merchant that was built again, unless the one that is here is trusted: then what was built is
    /// older than what it has done since.
    pub(crate) fn adopt(&mut self, merchant: Merchant) {
        let number = merchant.number;
        if self.state.merchants.get(&number).is_some_and(|own| !own.poisoned) {
            return;
        }
        if merchant.state.next_work().is_some() && !self.work.contains(&number) {
            self.work.push(number);
        }
        self.live_holds.note(&merchant);
        self.shorts.note(&merchant);
        self.state.merchants.insert(number, merchant);
    }

    /// Adds a batch to its merchant's queue.
    pub(crate) fn enqueue(&mut self, batch: Batch) {
        if !batch.items.is_empty() {
            self.queue.push(batch.directory.merchant, batch.class, batch);
        }
    }

    /// Whether something is left to do. A log that takes nothing more leaves the system's own work to the next start, or
    /// until the disk has room again: a shard that waited for it would never rest or stop.
    pub(crate) fn has_work(&self) -> bool {
        !self.queue.is_empty()
            || ((!self.work.is_empty() || self.has_due_holds())
                && self.appender.can_append()
                && !self.appender.is_backed_up())
    }

    /// Whether the deadline of some hold has come. The clock is only looked at where there are holds.
    fn has_due_holds(&self) -> bool {
        self.live_holds.next_deadline().is_some_and(|deadline| deadline <= self.time.now())
    }

    /// Runs a bounded number of turns and files their answers.
    pub(crate) fn step(&mut self) {
        let times = (self.time.stamp(), self.time.now());
        self.state.keys.follow(self.index.runs());
        self.expire(times);
        self.catch_up(times);
        let mut count = 0;
        while count < STEP_MAX
            && let Some((merchant, mut queue)) = self.queue.begin()
        {
            count += self.serve(&mut queue, times);
            self.queue.end(merchant, queue);
        }
        self.completions.file(self.number, &mut self.waiting);
        self.appender.wake();
    }

    /// One merchant's turn: whole batches until [`BATCH_MAX`] submissions are done. Returns how many were.
    fn serve(&mut self, queue: &mut Lanes<Batch>, times: Times) -> usize {
        let mut served = 0;
        while served < BATCH_MAX
            && let Some(batch) = queue.pop(|batch| batch.items.len())
        {
            served += batch.items.len();
            let waiting = self.turns(batch, times);
            self.waiting.push(waiting);
        }
        served
    }

    fn turns(&mut self, batch: Batch, (now_ms, trusted_ms): Times) -> Waiting {
        let Batch { inbox, directory, mut items, .. } = batch;
        let (merchant, keys) = self.state.merchant(&directory);
        let (buffer, claims) = (&mut self.buffer, &mut self.claims);
        let mut tools = Tools { appender: &self.appender, keys, buffer, claims, now_ms, trusted_ms };
        let was_poisoned = merchant.poisoned;
        let (mut until, mut is_behind) = (Lsn::ZERO, false);
        merchant.look_ahead(&items, tools.keys, &mut self.asked);
        debug_assert_eq!(items.len(), self.asked.len(), "every submission has its keys");
        for (item, asked) in items.iter_mut().zip(&self.asked) {
            item.turn(|submission| {
                let turned = merchant.turn(submission, asked, &mut tools);
                until = until.max(turned.until);
                turned.answer
            });
            is_behind |= !work(merchant, &mut tools);
        }
        if is_behind && !self.work.contains(&merchant.number) {
            self.work.push(merchant.number);
        }
        if merchant.poisoned && !was_poisoned {
            self.ward.admit(merchant.number);
        }
        self.live_holds.note(merchant);
        self.shorts.note(merchant);
        Waiting { until, inbox, directory, items }
    }

    /// Lets holds end whose deadline has come, also where nobody asks, and leaves their units to those who wait.
    fn expire(&mut self, (now_ms, trusted_ms): Times) {
        let ShardState { merchants, keys } = &mut self.state;
        let (buffer, claims) = (&mut self.buffer, &mut self.claims);
        let mut tools = Tools { appender: &self.appender, keys, buffer, claims, now_ms, trusted_ms };
        for number in self.live_holds.due(trusted_ms) {
            let Some(merchant) = merchants.get_mut(&number) else { continue };
            merchant.expire(&mut tools);
            self.live_holds.note(merchant);
            self.shorts.note(merchant);
            if merchant.poisoned {
                self.ward.admit(number);
            } else if merchant.has_work() && !self.work.contains(&number) {
                self.work.push(number);
            }
        }
    }

    /// Goes on with the system's own work that was left, one merchant after the other.
    fn catch_up(&mut self, (now_ms, trusted_ms): Times) {
        let ShardState { merchants, keys } = &mut self.state;
        let (buffer, claims) = (&mut self.buffer, &mut self.claims);
        let mut tools = Tools { appender: &self.appender, keys, buffer, claims, now_ms, trusted_ms };
        self.work.retain(|number| {
            let Some(merchant) = merchants.get_mut(number) else { return false };
            let was_poisoned = merchant.poisoned;
            let is_done = work(merchant, &mut tools);
            if merchant.poisoned && !was_poisoned {
                self.ward.admit(*number);
                self.live_holds.note(merchant);
            }
            self.shorts.note(merchant);
            !is_done
        });
    }
}

/// Some of the system's own work for a merchant; `false` if there is more. A full log leaves it for later.
fn work(merchant: &mut Merchant, tools: &mut Tools<'_>) -> bool {
    for _ in 0..WORK_MAX {
        if !merchant.work(tools) {
            break;
        }
    }
    !merchant.has_work()
}
