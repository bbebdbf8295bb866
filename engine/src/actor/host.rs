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
use std::sync::Arc;
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

#[cfg(test)]
struct Break;

#[cfg(test)]
impl Message for Break {
    type Result = ();
}

#[cfg(test)]
impl Handler<Break> for Host {
    type Result = ();

    fn handle(&mut self, _: Break, _: &mut Self::Context) {
        self.with_shard(|_| panic!("a defect of a shard"));
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
    /// None once it has stopped, or has panicked.
    shard: Option<Shard>,
    turn_is_due: bool,
    name: String,
    on_failure: OnFailure,
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
    /// Has the shard do something; `None` if there is none. A shard that panics is not trusted with anything more, and whoever
    /// runs the engine is told: the runtime would catch the panic and drop the actor, and its merchants would wait for ever.
    fn with_shard<R>(&mut self, run: impl FnOnce(&mut Shard) -> R) -> Option<R> {
        let shard = self.shard.as_mut()?;
        let done = catch_unwind(AssertUnwindSafe(|| run(shard)));
        if done.is_err() {
            self.shard = None;
            (self.on_failure)(&Failure::Thread(self.name.clone()));
        }
        done.ok()
    }

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
        if self.shard.is_none() {
            return batch.turn_away();
        }
        self.with_shard(|shard| shard.enqueue(batch));
        if !self.turn_is_due {
            self.turn_is_due = true;
            context.notify(Turn);
        }
    }
}

impl Handler<Turn> for Host {
    type Result = ();

    fn handle(&mut self, _: Turn, context: &mut Self::Context) {
        let has_work = self.with_shard(|shard| {
            shard.step();
            shard.has_work()
        });
        self.turn_is_due = has_work.unwrap_or(false);
        if self.turn_is_due {
            context.notify(Turn);
        }
    }
}

impl Handler<Freeze> for Host {
    type Result = ();

    fn handle(&mut self, freeze: Freeze, _: &mut Self::Context) {
        // A receiver that is gone does not want it.
        drop(freeze.0.send(self.with_shard(Shard::freeze).flatten()));
    }
}

impl Handler<Adopt> for Host {
    type Result = ();

    fn handle(&mut self, adopt: Adopt, context: &mut Self::Context) {
        self.with_shard(|shard| shard.adopt(*adopt.0));
        self.look(context);
    }
}

impl Handler<Stop> for Host {
    type Result = ();

    fn handle(&mut self, stop: Stop, context: &mut Self::Context) {
        self.with_shard(|shard| {
            while shard.has_work() {
                shard.step();
            }
        });
        if let Some(shard) = self.shard.take() {
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

    #[cfg(test)]
    pub(super) fn break_down(&self) {
        assert!(self.0.try_send(Break).is_ok());
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
    let (host_name, host_on_failure) = (name.clone(), Arc::clone(&on_failure));
    let thread = std::thread::Builder::new().name(name.clone()).spawn(move || {
        let stopped = catch_unwind(AssertUnwindSafe(|| {
            actix::System::new().block_on(async move {
                let (alive, ended) = tokio::sync::oneshot::channel::<()>();
                let address = Host::create(|context| {
                    // Before anybody can send: once it has started is too late for what comes at once.
                    context.set_mailbox_capacity(MAILBOX_MAX);
                    Host {
                        shard: Some(shard),
                        turn_is_due: false,
                        name: host_name,
                        on_failure: host_on_failure,
                        _alive: alive,
                    }
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
