//! Runs the tables in `scenarios/*.scn` on the core alone; `scenarios/README.md` has the words.
//!
//! What follows `->` is the whole answer, in its order, so a table also says what must not happen. A line without
//! `->` must be accepted. After each line the state is checked against its invariants.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test that cannot go on fails")]

use onhand_domain::order::Order;
use onhand_domain::sku::{Backlog, Level};
use onhand_domain::{ChannelNumber, Command, Event, MerchantState, OrderId, Rejection, SkuNumber};
use std::path::Path;

#[path = "scenarios/table.rs"]
mod table;

use table::{Fallible, NOW, Run, Stage, tables};

/// One merchant's state, and how many events made it.
#[derive(Default)]
struct Core {
    state: MerchantState,
    events: u64,
}

impl Core {
    /// What is due, or else the next piece of work.
    fn next(&self) -> Option<Event> {
        let work = || Some(self.state.decide(&self.state.next_work()?).unwrap());
        self.state.due(NOW).or_else(work)
    }

    fn happen(&mut self, event: Event) -> (OrderId, Event) {
        self.events += 1;
        let id = OrderId(self.events);
        self.state.evolve(id, &event);
        (id, event)
    }
}

impl Stage for Core {
    /// Decides and evolves, and then lets happen what is due and those who wait be served, as the shell does.
    fn carry_out(&mut self, command: &Command<'_>, _: &str) -> Result<Vec<(OrderId, Event)>, Rejection> {
        let event = self.state.decide(command)?;
        let mut events = vec![self.happen(event)];
        while let Some(event) = self.next() {
            events.push(self.happen(event));
        }
        Ok(events)
    }

    fn stock(&self, sku: SkuNumber) -> (Vec<Level>, u64) {
        let actor = self.state.sku(sku).unwrap();
        (actor.levels().to_vec(), actor.backlog().map_or(0, Backlog::total))
    }

    fn promise(&self, sku: SkuNumber, channel: ChannelNumber) -> u64 {
        self.state.sellable(sku, channel)
    }

    fn order(&self, order: OrderId) -> Option<Order> {
        self.state.order(order)
    }

    fn open_orders(&self) -> usize {
        self.state.open_orders()
    }

    fn check(&self) -> Fallible<()> {
        self.state.check().map_err(|violation| violation.to_string())
    }
}

/// Runs a table; says how many steps it had, or the first line that is wrong.
fn run(file: &str, text: &str) -> Fallible<usize> {
    let (mut run, mut steps) = (Run::on(Core::default()), 0);
    for (line, number) in text.lines().zip(1..) {
        let ran = run.line(line).map_err(|wrong: String| format!("{file}:{number}: {wrong}"))?;
        steps += usize::from(ran);
    }
    Ok(steps)
}

#[test]
fn every_table_holds() {
    let tables = tables(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios"));
    let ran: Vec<Fallible<usize>> = tables.iter().map(|(file, text)| run(file, text)).collect();
    let wrong: Vec<&str> = ran.iter().filter_map(|ran| ran.as_ref().err()).map(String::as_str).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    let (tables, steps): (usize, usize) = (ran.len(), ran.into_iter().flatten().sum());
    assert!(tables >= 12 && steps >= 80, "{tables} tables, {steps} steps: some are gone");
}

#[test]
fn a_wrong_table_fails() {
    let start = "location main\nchannel web main\nstock MUG main 10\n";
    for (line, error) in [
        (
            "order O1 MUG 6 -> allocated MUG main 5",
            "expected: allocated MUG main 5\n     got: allocated MUG main 6",
        ),
        ("order O1 MUG 6 -> ok", "got: allocated MUG main 6"),
        ("order O1 MUG 6 -> allocated MUG main 6, backordered MUG 1", "got: allocated MUG main 6"),
        ("order O1 MUG 6 | available MUG 5", "expected: available MUG 5\n     got: available MUG 4"),
        ("order O1 MUG 6 | status O1 shipped", "got: status O1 allocated"),
        ("order O1 MUG 11", "got: rejected insufficient_stock MUG asked 11 available 10"),
        ("order O1 MUG 11 -> rejected insufficient_stock MUG asked 11 available 9", "available 10"),
        ("order O1 CUP 1", "unknown name \"CUP\""),
        ("order O1 MUG", "not an order"),
        ("order O1 MUG 6 eventually", "not a"),
        ("cancel O7", "unknown order \"O7\""),
        ("receive MUG main -1", "\"-1\" is not such a number"),
        ("receive MUG main 1 shiny", "unknown state \"shiny\""),
        ("receive MUG main 1 | gone MUG 1", "not a fact: \"gone MUG 1\""),
        ("recieve MUG main 1", "not a command: \"recieve MUG main 1\""),
    ] {
        let got = run("wrong.scn", &format!("{start}{line}")).unwrap_err();
        assert!(got.starts_with("wrong.scn:4: ") && got.contains(error), "{line}\n{got}");
    }
}
