//! Runs the tables in `scenarios/*.scn`: one command per line, what it must answer after `->`, and what must be
//! true afterwards after `|`. `scenarios/README.md` has the words.
//!
//! What follows `->` is the whole answer, in its order, so a table also says what must not happen. A line without
//! `->` must be accepted. After each line the state is checked against its invariants.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test that cannot go on fails")]

use onhand_domain::{Command, Event, MerchantState, OrderId};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

#[path = "scenarios/commands.rs"]
mod commands;
#[path = "scenarios/words.rs"]
mod words;

type Fallible<T> = Result<T, String>;

/// One table being run: the state, and the names that it gave to numbers.
#[derive(Default)]
struct Run {
    state: MerchantState,
    locations: Vec<String>,
    channels: Vec<String>,
    skus: Vec<String>,
    orders: BTreeMap<String, OrderId>,
    /// What an order was called after its last event: a closed one has left the state.
    called: BTreeMap<OrderId, &'static str>,
    events: u64,
}

impl Run {
    /// Decides and evolves, and then lets those who wait be served, as the shell does.
    fn apply(&mut self, command: &Command<'_>, name: &str) -> Vec<String> {
        let mut got = match self.state.decide(command) {
            Ok(event) => self.happen(&event, name),
            Err(rejection) => return self.refused(&rejection, command),
        };
        while let Some(work) = self.state.next_work() {
            let event = self.state.decide(&work).unwrap();
            got.extend(self.happen(&event, ""));
        }
        if got.is_empty() { vec!["ok".to_owned()] } else { got }
    }

    fn happen(&mut self, event: &Event, name: &str) -> Vec<String> {
        let after = match event {
            Event::OrderCancelled(event) => Some((event.order, &event.after)),
            Event::OrderShipped(event) => Some((event.order, &event.after)),
            _ => None,
        };
        self.called.extend(after.map(|(order, after)| (order, after.status().as_str())));
        self.events += 1;
        let id = OrderId(self.events);
        if let Event::OrderAccepted(_) = event {
            self.orders.insert(name.to_owned(), id);
            self.state.evolve(id, event);
            return self.accepted(self.state.order(id).unwrap());
        }
        let told = self.tell(event);
        self.state.evolve(id, event);
        told
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

/// Runs a table; says how many steps it had, or the first line that is wrong.
fn run(file: &str, text: &str) -> Fallible<usize> {
    let (mut run, mut steps) = (Run::default(), 0);
    for (line, number) in text.lines().zip(1..) {
        let line = line.split('#').next().unwrap_or("");
        let (command, answer, facts) = parts(line);
        if command.is_empty() {
            continue;
        }
        let wrong = |what: String| format!("{file}:{number}: {what}");
        let got = run.command(&command).map_err(wrong)?.join(", ");
        let is_right = match &answer {
            Some(answer) => answer.join(", ") == got,
            None => !got.starts_with("rejected"),
        };
        if !is_right {
            let expected = answer.map_or("no rejection".to_owned(), |answer| answer.join(", "));
            return Err(wrong(format!("expected: {expected}\n     got: {got}")));
        }
        for fact in facts {
            let (expected, got) = (fact.join(" "), run.look(&fact).map_err(wrong)?);
            if expected != got {
                return Err(wrong(format!("expected: {expected}\n     got: {got}")));
            }
        }
        run.state.check().map_err(|violation| wrong(violation.to_string()))?;
        steps += 1;
    }
    Ok(steps)
}

#[test]
fn every_table_holds() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let (mut tables, mut steps, mut wrong) = (0, 0, Vec::new());
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "scn") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            tables += 1;
            match run(&name, &fs::read_to_string(&path).unwrap()) {
                Ok(count) => steps += count,
                Err(error) => wrong.push(error),
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
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
