//! A table being run: one command per line, what it must answer after `->`, and what must be true afterwards after
//! `|`. `README.md` has the words.
//!
//! What a table runs on is a [`Stage`]: the core alone, or a whole engine.

use onhand_domain::order::Order;
use onhand_domain::sku::Level;
use onhand_domain::{ChannelNumber, Command, Event, HoldId, OrderId, Rejection, SkuNumber};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

mod commands;
mod kits;
mod terms;
mod words;

#[allow(unused_imports, reason = "an engine has its own clock")]
pub(crate) use commands::NOW;

pub(crate) type Fallible<T> = Result<T, String>;

/// What a table runs on, as one merchant sees it.
pub(crate) trait Stage {
    /// Carries out a command that names a thing, and lets who waits be served. Says what happened, in its order, each
    /// with the id that it gives to an order.
    fn carry_out(&mut self, command: &Command<'_>, name: &str) -> Result<Vec<(OrderId, Event)>, Rejection>;

    /// The stock of a SKU by location, and the units that wait for it.
    fn stock(&self, sku: SkuNumber) -> (Vec<Level>, u64);

    /// Units of a SKU that a channel may sell.
    fn promise(&self, sku: SkuNumber, channel: ChannelNumber) -> u64;

    /// An order, if it is open.
    fn order(&self, order: OrderId) -> Option<Order>;

    /// How many orders are open.
    fn open_orders(&self) -> usize;

    /// Whether the state contradicts itself.
    fn check(&self) -> Fallible<()>;
}

/// One table being run, and the names that it gave to numbers.
pub(crate) struct Run<S> {
    pub(crate) stage: S,
    locations: Vec<String>,
    channels: Vec<String>,
    skus: Vec<String>,
    holds: BTreeMap<String, HoldId>,
    /// As they were accepted.
    orders: BTreeMap<String, Order>,
    /// What an order was called after its last event: a closed one has left the state.
    called: BTreeMap<OrderId, &'static str>,
}

impl<S: Stage> Run<S> {
    pub(crate) fn on(stage: S) -> Self {
        let (locations, channels, skus, holds) = Default::default();
        Self { stage, locations, channels, skus, holds, orders: BTreeMap::new(), called: BTreeMap::new() }
    }

    /// Carries out a command that names a thing, and says in words what happened.
    fn apply(&mut self, command: &Command<'_>, name: &str) -> Vec<String> {
        let events = match self.stage.carry_out(command, name) {
            Ok(events) => events,
            Err(rejection) => return self.refused(&rejection, command),
        };
        let got: Vec<String> =
            events.iter().flat_map(|(id, event)| self.happened(*id, event, name)).collect();
        if got.is_empty() { vec!["ok".to_owned()] } else { got }
    }

    fn happened(&mut self, id: OrderId, event: &Event, name: &str) -> Vec<String> {
        let name = name.to_owned();
        match event {
            Event::LocationPut(put) if put.is_new => self.locations.push(name),
            Event::ChannelPut(put) if put.is_new => self.channels.push(name),
            Event::SkuPut(put) if put.is_new => self.skus.push(name),
            Event::HoldPlaced(_) => drop(self.holds.insert(name, HoldId(id.0))),
            Event::OrderAccepted(_) => {
                let order = self.stage.order(id).unwrap();
                let told = self.accepted(&order);
                self.orders.insert(name, order);
                return told;
            }
            Event::OrderCancelled(event) => self.call(event.order, event.after.status().as_str()),
            Event::OrderShipped(event) => self.call(event.order, event.after.status().as_str()),
            _ => {}
        }
        self.tell(event)
    }

    fn call(&mut self, order: OrderId, status: &'static str) {
        self.called.insert(order, status);
    }

    /// Runs one line; `false` if it says nothing.
    pub(crate) fn line(&mut self, line: &str) -> Fallible<bool> {
        let (command, answer, facts) = parts(line.split('#').next().unwrap_or(""));
        if command.is_empty() {
            return Ok(false);
        }
        let got = self.command(&command)?.join(", ");
        let is_right = match &answer {
            Some(answer) => answer.join(", ") == got,
            None => !got.starts_with("rejected"),
        };
        if !is_right {
            let expected = answer.map_or("no rejection".to_owned(), |answer| answer.join(", "));
            return Err(format!("expected: {expected}\n     got: {got}"));
        }
        for fact in facts {
            let (expected, got) = (fact.join(" "), self.look(&fact)?);
            if expected != got {
                return Err(format!("expected: {expected}\n     got: {got}"));
            }
        }
        self.stage.check().map(|()| true)
    }
}

/// The parts of a line: the command, the whole answer if it is told, and what is true afterwards.
fn parts(line: &str) -> (Vec<&str>, Option<Vec<String>>, Vec<Vec<&str>>) {
    let items = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
    let (line, facts) = line.split_once('|').unwrap_or((line, ""));
    let (command, answer) = line.split_once("->").map_or((line, None), |(left, right)| (left, Some(right)));
    let plain = |item: String| item.split_whitespace().collect::<Vec<_>>().join(" ");
    let answer = answer.map(|answer| items(answer).into_iter().map(plain).collect());
    let facts = facts.split(',').map(|fact| fact.split_whitespace().collect::<Vec<_>>());
    (command.split_whitespace().collect(), answer, facts.filter(|fact| !fact.is_empty()).collect())
}

/// The tables of a directory, by name.
pub(crate) fn tables(directory: &Path) -> BTreeMap<String, String> {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let tables = paths.filter(|path| path.extension().is_some_and(|extension| extension == "scn"));
    let named = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    tables.map(|path| (named(&path), fs::read_to_string(&path).unwrap())).collect()
}
