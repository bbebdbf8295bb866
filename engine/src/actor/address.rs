//! The way to a shard, whoever gives it its turns.

use super::host::HostAddress;
use super::shard::{Batch, Shard};
use super::stepped::SteppedShard;
use crate::snapshot::FrozenShard;
use crate::turn::Merchant;
use std::sync::Arc;

/// See the module.
#[derive(Clone)]
pub(crate) enum ShardAddress {
    /// An actor on a thread of its own.
    Hosted(HostAddress),
    /// Whoever holds the engine, a step at a time.
    Stepped(Arc<SteppedShard>),
}

impl ShardAddress {
    /// Sends a batch; gives it back if the shard's mailbox is full or closed.
    pub(crate) fn send(&self, batch: Batch) -> Result<(), Batch> {
        match self {
            Self::Hosted(host) => host.send(batch),
            Self::Stepped(shard) => shard.send(batch),
        }
    }

    /// A picture of the shard between two batches; `None` if it cannot give one now. Waits for it.
    pub(crate) fn freeze(&self) -> Option<FrozenShard> {
        match self {
            Self::Hosted(host) => host.freeze(),
            Self::Stepped(shard) => shard.freeze(),
        }
    }

    /// Hands over a merchant that was built again; `false` if the mailbox is full.
    pub(crate) fn adopt(&self, merchant: Box<Merchant>) -> bool {
        match self {
            Self::Hosted(host) => host.adopt(merchant),
            Self::Stepped(shard) => shard.adopt(merchant),
        }
    }

    /// Distrusts a merchant and waits until that was done.
    #[cfg(test)]
    pub(crate) fn poison(&self, merchant: onhand_domain::MerchantNumber) {
        match self {
            Self::Hosted(host) => host.poison(merchant),
            Self::Stepped(shard) => shard.poison(merchant),
        }
    }

    /// Has the actor panic outside of all that is caught.
    #[cfg(test)]
    pub(crate) fn break_down(&self) {
        match self {
            Self::Hosted(host) => host.break_down(),
            Self::Stepped(_) => panic!("nobody hosts it"),
        }
    }

    /// Lets the shard finish what it has and takes it back.
    pub(crate) fn stop(&self) -> Option<Shard> {
        match self {
            Self::Hosted(host) => host.stop(),
            Self::Stepped(shard) => shard.stop(),
        }
    }
}
