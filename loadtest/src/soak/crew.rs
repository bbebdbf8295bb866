//! All connections, on one thread, over the phases of a run.

use std::cell::Cell;
use std::rc::Rc;

use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task::LocalSet;

use crate::clock::Clock;
use crate::error::LoadError;
use crate::pacer::pace;
use crate::runtime::runtime;
use crate::schedule::{Due, Pace, Schedule};
use crate::soak::client::Client;
use crate::soak::mix::Turn;
use crate::soak::traffic::Traffic;

/// A phase: when to ask, and for what.
pub(crate) struct Phase {
    schedule: Schedule,
    turn: fn(u64) -> Turn,
    clock: Clock,
    next: Cell<u64>,
    /// Requests that are due and not taken.
    due: Semaphore,
}

impl Phase {
    /// A closed loop of so many orders and nothing else.
    pub(crate) fn fill(orders: u64) -> Self {
        let schedule = Schedule { pace: Pace::Max, batch: 1, orders: Some(orders), until_ns: None };
        Self::new(schedule, |_| Turn::Place, Clock::start())
    }

    /// A closed loop of the mix, for so many nanoseconds.
    pub(crate) fn closed(length_ns: u64) -> Self {
        let schedule = Schedule { pace: Pace::Max, batch: 1, orders: None, until_ns: Some(length_ns) };
        Self::new(schedule, Turn::of, Clock::start())
    }

    /// An open loop of the mix, by a clock that others read too.
    pub(crate) fn open(per_second: u64, length_ns: u64, clock: Clock) -> Self {
        let pace = Pace::Every { per_second };
        let schedule = Schedule { pace, batch: 1, orders: None, until_ns: Some(length_ns) };
        Self::new(schedule, Turn::of, clock)
    }

    fn new(schedule: Schedule, turn: fn(u64) -> Turn, clock: Clock) -> Self {
        Self { schedule, turn, clock, next: Cell::new(0), due: Semaphore::new(0) }
    }

    fn is_closed(&self) -> bool {
        matches!(self.schedule.pace, Pace::Max)
    }

    /// Requests that are planned, as far as that is known before.
    pub(crate) fn planned(&self) -> Option<u64> {
        self.schedule.planned_orders()
    }

    /// Hands out what is due at its time; in a closed loop nothing is.
    async fn pace(&self, traffic: &Traffic, clients: usize) -> std::io::Result<()> {
        if !self.is_closed() {
            let times = (0..).map_while(|ticket| match self.schedule.due(ticket)? {
                Due::At(at) => Some(at),
                Due::Now => None,
            });
            pace(&self.clock, &self.due, times, || traffic.is_lost()).await?;
            // One more for each: with it, it finds that nothing is left.
            self.due.add_permits(clients);
        }
        Ok(())
    }

    /// What is to be asked now, and when that was planned. `None`: the phase is over.
    async fn next(&self, traffic: &Traffic) -> Option<(Turn, Option<u64>)> {
        if self.is_closed() {
            if self.schedule.until_ns.is_some_and(|until| self.clock.now_ns() >= until) {
                return None;
            }
        } else {
            self.due.acquire().await.ok()?.forget();
        }
        if traffic.is_lost() {
            return None;
        }
        let ticket = self.next.get();
        let due = self.schedule.due(ticket)?;
        self.next.set(ticket + 1);
        let planned = match due {
            Due::At(at) => Some(at),
            Due::Now => None,
        };
        Some(((self.turn)(ticket), planned))
    }
}

/// See the module.
pub(crate) struct Crew {
    runtime: Runtime,
    traffic: Rc<Traffic>,
    clients: Vec<Client>,
}

impl Crew {
    /// Connects so many times.
    pub(crate) fn connect(traffic: &Rc<Traffic>, connections: u32) -> Result<Self, LoadError> {
        let runtime = runtime()?;
        let mut clients = Vec::new();
        for _ in 0..connections {
            clients.push(runtime.block_on(Client::connect(traffic))?);
        }
        Ok(Self { runtime, traffic: Rc::clone(traffic), clients })
    }

    /// Asks until the phase is over and all answers are there. How many requests were asked, and in how many nanoseconds.
    pub(crate) fn work(&mut self, phase: Phase) -> Result<(u64, u64), LoadError> {
        let phase = Rc::new(phase);
        let begun = phase.clock.now_ns();
        let local = LocalSet::new();
        let handles: Vec<_> = self
            .clients
            .drain(..)
            .map(|client| local.spawn_local(work(client, Rc::clone(&self.traffic), Rc::clone(&phase))))
            .collect();
        let clients = local.block_on(&self.runtime, async {
            let paced = phase.pace(&self.traffic, handles.len()).await;
            paced.map_err(LoadError::system("waiting for a planned time"))?;
            let mut clients = Vec::new();
            for handle in handles {
                clients.push(handle.await.map_err(|_| LoadError::Panic)?);
            }
            Ok::<_, LoadError>(clients)
        })?;
        self.clients = clients;
        Ok((phase.next.get(), phase.clock.now_ns() - begun))
    }
}

/// One connection.
async fn work(mut client: Client, traffic: Rc<Traffic>, phase: Rc<Phase>) -> Client {
    while let Some((turn, planned)) = phase.next(&traffic).await {
        client.ask(turn, planned, &phase.clock).await;
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soak::traffic::tests::traffic;

    fn asked(phase: &Phase, traffic: &Traffic) -> Vec<(Turn, Option<u64>)> {
        runtime().unwrap().block_on(async {
            phase.pace(traffic, 1).await.unwrap();
            let mut asked = Vec::new();
            while let Some(next) = phase.next(traffic).await {
                asked.push(next);
            }
            asked
        })
    }

    #[test]
    fn an_open_loop_asks_all_that_is_planned_at_its_time() {
        let phase = Phase::open(1_000_000_000, 10, Clock::start());
        assert_eq!(phase.planned(), Some(10));
        let asked = asked(&phase, &traffic());
        let times: Vec<_> = asked.iter().filter_map(|(_, planned)| *planned).collect();
        assert_eq!(times, Vec::from_iter(0..10));
        assert_eq!([asked[0].0, asked[1].0], [Turn::Place, Turn::End]);
    }

    #[test]
    fn a_fill_places_orders_alone() {
        assert_eq!(asked(&Phase::fill(3), &traffic()), [(Turn::Place, None); 3]);
    }

    #[test]
    fn nothing_more_is_asked_of_a_server_that_is_given_up() {
        let traffic = traffic();
        while !traffic.is_lost() {
            traffic.books.borrow_mut().wrong.add(String::new);
        }
        for phase in [Phase::fill(3), Phase::open(10, 1_000_000_000_000, Clock::start())] {
            assert!(asked(&phase, &traffic).is_empty());
        }
    }
}
