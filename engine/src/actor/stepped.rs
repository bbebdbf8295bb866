//! A shard whose turns somebody else gives it: the same shard without an actor and without a thread.

use super::host::MAILBOX_MAX;
use super::shard::{Batch, Shard};
use crate::snapshot::FrozenShard;
use crate::turn::Merchant;
use parking_lot::Mutex;
use std::collections::VecDeque;

/// See the module.
pub(crate) struct SteppedShard {
    mailbox: Mutex<VecDeque<Batch>>,
    /// `None` once it was stopped.
    shard: Mutex<Option<Shard>>,
}

impl SteppedShard {
    pub(crate) fn new(shard: Shard) -> Self {
        Self { mailbox: Mutex::default(), shard: Mutex::new(Some(shard)) }
    }

    /// Looks through the mailbox and runs a bounded number of turns; `false` if there was nothing to do.
    pub(crate) fn step(&self) -> bool {
        // Whoever is inside is this very thread, in a call to the disk in which others go on.
        let Some(mut shard) = self.shard.try_lock() else { return false };
        let Some(shard) = &mut *shard else { return false };
        for batch in self.mailbox.lock().drain(..) {
            shard.enqueue(batch);
        }
        let has_work = shard.has_work();
        if has_work {
            shard.step();
        }
        has_work
    }

    pub(super) fn send(&self, batch: Batch) -> Result<(), Batch> {
        let mut mailbox = self.mailbox.lock();
        if mailbox.len() >= MAILBOX_MAX || self.shard.lock().is_none() {
            return Err(batch);
        }
        mailbox.push_back(batch);
        Ok(())
    }

    pub(super) fn freeze(&self) -> Option<FrozenShard> {
        self.shard.lock().as_mut().and_then(Shard::freeze)
    }

    pub(super) fn adopt(&self, merchant: Box<Merchant>) -> bool {
        let mut shard = self.shard.lock();
        let Some(shard) = &mut *shard else { return false };
        shard.adopt(*merchant);
        true
    }

    #[cfg(test)]
    pub(super) fn poison(&self, merchant: onhand_domain::MerchantNumber) {
        self.shard.lock().as_mut().unwrap().poison(merchant);
    }

    pub(super) fn stop(&self) -> Option<Shard> {
        while self.step() {}
        self.shard.lock().take()
    }
}
