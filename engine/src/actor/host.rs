//! The actix actor that hosts a shard, on a thread of its own.
//!
//! Messages are batches: a message per order would cost more than the order (an actor hop is some hundred
//! nanoseconds and a wake-up, a turn in a batch twenty). A batch is first sorted into the merchants' queues;
//! the turns run once the mailbox was looked through, so that fairness sees everybody who is there.

use super::address::ShardAddress;
use super::shard::{Batch, Shard};
use crate::engine::{Failure, OnFailure};
use crate::snapshot::FrozenShard;
use crate::turn::Merchant;
use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, Message};
use crossbeam::channel::{Sender, bounded};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;
use std::time::Duration;

/// Batches that may wait before a shard. Admission has bounded the submissions in them already.
pub(super) const MAILBOX_MAX: usize = 4_096;

/// How often an idle shard looks whether a hold's deadline has come, or whether the log has room again for what it left
/// undone. Whoever waits for the units of an expired hold does not notice a tenth of a second; whoever asks is never late.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Runs turns.
struct Turn;

/// Asks for a picture.
struct Freeze(Sender<Option<FrozenShard>>);

/// Hands over a merchant that was built again.
struct Adopt(Box<Merchant>);

/// Ends the shard once its queue is empty, and returns it through the channel.
struct Stop(Sender<Shard>);

impl Message for Batch {
    type Result = ();
}

#[cfg(test)]
struct Poison(onhand_domain::MerchantNumber, Sender<()>);

#[cfg(test)]
impl Message for Poison {
    type Result = ();
}

#[cfg(test)]
impl Handler<Poison> for Host {
    type Result = ();

    fn handle(&mut self, poison: Poison, _: &mut Self::Context) {
        self.shard.as_mut().unwrap().poison(poison.0);
        poison.1.send(()).unwrap();
    }
}

impl Message for Turn {
    type Result = ();
}

impl Message for Freeze {
    type Result = ();
}

impl Message for Adopt {
    type Result = ();
}

impl Message for Stop {
    type Result = ();
}

struct Host {
    shard: Option<Shard>,
    turn_is_due: bool,
    /// Dropped with the actor; its thread waits for that.
    _alive: tokio::sync::oneshot::Sender<()>,
}

impl Actor for Host {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        self.look(context);
        context.run_interval(LOOK_EVERY, Self::look);
    }
}

impl Host {
    /// Takes a turn if there is something to do.
    fn look(&mut self, context: &mut Context<Self>) {
        if !self.turn_is_due && self.shard.as_ref().is_some_and(Shard::has_work) {
            self.turn_is_due = true;
            context.notify(Turn);
        }
    }
}

impl Handler<Batch> for Host {
    type Result = ();

    fn handle(&mut self, batch: Batch, context: &mut Self::Context) {
        let Some(shard) = &mut self.shard else { return batch.turn_away() };
        shard.enqueue(batch);
        if !self.turn_is_due {
            self.turn_is_due = true;
            context.notify(Turn);
        }
    }
}

impl Handler<Turn> for Host {
    type Result = ();

    fn handle(&mut self, _: Turn, context: &mut Self::Context) {
        let Some(shard) = &mut self.shard else { return };
        shard.step();
        self.turn_is_due = shard.has_work();
        if self.turn_is_due {
            context.notify(Turn);
        }
    }
}

impl Handler<Freeze> for Host {
    type Result = ();

    fn handle(&mut self, freeze: Freeze, _: &mut Self::Context) {
        // A receiver that is gone does not want it.
        drop(freeze.0.send(self.shard.as_mut().and_then(Shard::freeze)));
    }
}

impl Handler<Adopt> for Host {
    type Result = ();

    fn handle(&mut self, adopt: Adopt, context: &mut Self::Context) {
        let Some(shard) = &mut self.shard else { return };
        shard.adopt(*adopt.0);
        self.look(context);
    }
}

impl Handler<Stop> for Host {
    type Result = ();

    fn handle(&mut self, stop: Stop, context: &mut Self::Context) {
        if let Some(mut shard) = self.shard.take() {
            while shard.has_work() {
                shard.step();
            }
            // A receiver that is gone does not want it back.
            drop(stop.0.send(shard));
        }
        context.stop();
    }
}

/// The way to a shard that an actor hosts.
#[derive(Clone)]
pub(crate) struct HostAddress(Addr<Host>);

impl HostAddress {
    pub(super) fn send(&self, batch: Batch) -> Result<(), Batch> {
        self.0.try_send(batch).map_err(|error| match error {
            actix::prelude::SendError::Full(batch) | actix::prelude::SendError::Closed(batch) => batch,
        })
    }

    pub(super) fn freeze(&self) -> Option<FrozenShard> {
        let (sender, receiver) = bounded(1);
        self.0.try_send(Freeze(sender)).ok()?;
        receiver.recv().ok()?
    }

    pub(super) fn adopt(&self, merchant: Box<Merchant>) -> bool {
        self.0.try_send(Adopt(merchant)).is_ok()
    }

    #[cfg(test)]
    pub(super) fn poison(&self, merchant: onhand_domain::MerchantNumber) {
        let (sender, receiver) = bounded(1);
        assert!(self.0.try_send(Poison(merchant, sender)).is_ok());
        receiver.recv().unwrap();
    }

    pub(super) fn stop(&self) -> Option<Shard> {
        let (sender, receiver) = bounded(1);
        self.0.try_send(Stop(sender)).ok()?;
        receiver.recv().ok()
    }
}

/// Starts a shard on a thread of its own.
///
/// # Errors
/// If the operating system gives no thread.
pub(crate) fn start(
    number: usize,
    shard: Shard,
    on_failure: OnFailure,
) -> io::Result<(ShardAddress, JoinHandle<()>)> {
    let (sender, receiver) = bounded(1);
    let name = format!("shard-{number}");
    let thread = std::thread::Builder::new().name(name.clone()).spawn(move || {
        let stopped = catch_unwind(AssertUnwindSafe(|| {
            actix::System::new().block_on(async move {
                let (alive, ended) = tokio::sync::oneshot::channel::<()>();
                let address = Host::create(|context| {
                    // Before anybody can send: once it has started is too late for what comes at once.
                    context.set_mailbox_capacity(MAILBOX_MAX);
                    Host { shard: Some(shard), turn_is_due: false, _alive: alive }
                });
                drop(sender.send(address));
                // Nothing is ever sent: this ends when the actor does.
                drop(ended.await);
            });
        }));
        if stopped.is_err() {
            on_failure(&Failure::Thread(name));
        }
    })?;
    let address = receiver.recv().map_err(|_| io::Error::other("the shard's thread ended at once"))?;
    Ok((ShardAddress::Hosted(HostAddress(address)), thread))
}
