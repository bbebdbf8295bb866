//! One connection's loop over bulk requests: many orders out, their answers read line by line as they stream.
//!
//! An order's latency counts to the arrival of its own line. A request that breaks off leaves its unanswered
//! orders unknown; they alone go into the next attempt.

use std::rc::Rc;

use crate::answer::{Answer, BulkLine};
use crate::books::{Answered, Books};
use crate::client::{ClientError, Link};
use crate::error::excerpt;
use crate::fit::{self, Asked};
use crate::lane::{Lane, Slot};
use crate::meters::{Pulse, Times};
use crate::retry::Patience;
use crate::wire::Head;
use crate::workload::{Ask, Kind, Order};

/// A connection that sends bulk requests, with its reused buffers.
#[derive(Debug)]
pub(crate) struct Bulk {
    lane: Rc<Lane>,
    link: Link,
    order: Order,
    request: Vec<u8>,
    /// Where the request begins in its buffer.
    start: usize,
    /// The orders of the attempt under way, in the order of its lines.
    pending: Vec<u64>,
    /// Those that have to be asked again.
    again: Vec<u64>,
    /// The start of a line whose end has not come yet; or the body of an answer that is no bulk answer.
    tail: Vec<u8>,
}

impl Bulk {
    /// Takes over a connection.
    pub(crate) fn new(lane: Rc<Lane>, link: Link) -> Self {
        Self {
            lane,
            link,
            order: Order::default(),
            request: Vec::new(),
            start: 0,
            pending: Vec::new(),
            again: Vec::new(),
            tail: Vec::new(),
        }
    }

    /// Bytes read so far.
    pub(crate) fn bytes_in(&self) -> u64 {
        self.link.bytes_in()
    }

    /// Sends a batch until the outcome of each of its orders is known, or until patience ends.
    pub(crate) async fn send(&mut self, slot: Slot) {
        let lane = Rc::clone(&self.lane);
        let mut patience = Patience::new(lane.run.plan.give_up);
        let mut retrying = false;
        self.pending.clear();
        self.pending.extend(slot.ask.order..slot.ask.order + slot.orders);
        self.render();
        let sent = lane.clock.now_ns();
        loop {
            let times = Times { planned: slot.planned(), sent, known: 0 };
            let trouble = self.attempt(times, retrying).await;
            std::mem::swap(&mut self.pending, &mut self.again);
            if self.pending.is_empty() {
                let taken = lane.clock.now_ns().saturating_sub(slot.planned().unwrap_or(sent));
                lane.books.borrow_mut().meters.batches.saturating_record(taken);
                return;
            }
            retrying = true;
            if !patience.wait().await {
                for &order in &self.pending {
                    lane.books.borrow_mut().give_up(Ask { order, kind: Kind::First }, &trouble);
                }
                // A server that leaves orders unknown for so long is gone; further ones would wait as long.
                lane.run.stop();
                return;
            }
            lane.books.borrow_mut().meters.retried += self.pending.len() as u64;
            self.render();
        }
    }

    fn render(&mut self) {
        let run = &self.lane.run;
        let plan = &run.plan;
        self.request.clear();
        let body = run.requests.begin_bulk(&mut self.request);
        for &order in &self.pending {
            plan.workload.order(order, &mut self.order);
            run.requests.push_order(&plan.names, order, &self.order, plan.keys, &mut self.request);
            self.request.push(b'\n');
        }
        self.start = run.requests.end_bulk(body, &mut self.request);
    }

    /// Sends what is pending once. What is unknown afterwards is in `again`; the text says why.
    async fn attempt(&mut self, times: Times, retrying: bool) -> String {
        let Self { lane, link, order, request, start, pending, again, tail } = self;
        let request = &request[*start..];
        again.clear();
        tail.clear();
        let mut lines = Lines { lane, order, pending, again, tail, times, retrying, answered: 0 };
        let result = link
            .stream(request, lane.run.plan.timeout, &mut |status, bytes| {
                if is_bulk_answer(status) {
                    lines.take(bytes);
                } else {
                    lines.tail.extend_from_slice(bytes);
                }
            })
            .await;
        {
            let meters = &mut lane.books.borrow_mut().meters;
            meters.requests += 1;
            meters.bytes_out += request.len() as u64;
        }
        lines.finish(&result)
    }
}

fn is_bulk_answer(status: u16) -> bool {
    (200..300).contains(&status)
}

/// The answers of one attempt as they come in.
struct Lines<'a> {
    lane: &'a Lane,
    order: &'a mut Order,
    pending: &'a [u64],
    again: &'a mut Vec<u64>,
    tail: &'a mut Vec<u8>,
    times: Times,
    retrying: bool,
    answered: usize,
}

impl Lines<'_> {
    /// Takes a piece of the answer: any number of whole lines and the start of one.
    fn take(&mut self, mut bytes: &[u8]) {
        let lane = self.lane;
        self.times.known = lane.clock.now_ns();
        let books = &mut *lane.books.borrow_mut();
        lane.run.live[lane.number].add(|pulse| {
            let mut fitting = 0;
            while !bytes.is_empty() {
                if self.tail.is_empty()
                    && let Some(rest) = self.glance(bytes, books)
                {
                    fitting += 1;
                    bytes = rest;
                    continue;
                }
                let Some(end) = memchr::memchr(b'\n', bytes) else { break };
                let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
                bytes = rest;
                if self.tail.is_empty() {
                    self.enter(line, books, pulse);
                    continue;
                }
                let mut whole = std::mem::take(self.tail);
                whole.extend_from_slice(line);
                whole.push(b'\n');
                match self.glance(&whole, books) {
                    Some(_) => fitting += 1,
                    None => self.enter(&whole, books, pulse),
                }
                whole.clear();
                *self.tail = whole;
            }
            // They came together, so they have the same times.
            books.count_accepted(fitting, self.times, pulse);
        });
        self.tail.extend_from_slice(bytes);
    }

    /// Enters the line at the start of `bytes` if it is whole, accepts its order and fits it; returns what is behind.
    #[inline]
    fn glance<'b>(&mut self, bytes: &'b [u8], books: &mut Books) -> Option<&'b [u8]> {
        let &number = self.pending.get(self.answered)?;
        let plan = &self.lane.run.plan;
        plan.workload.order(number, self.order);
        let asked = Asked { number, order: self.order, names: &plan.names };
        let (id, rest) = fit::line(bytes, self.answered as u64 + 1, &asked, &mut books.promises)?;
        let rest = rest.strip_prefix(b"\n")?;
        self.answered += 1;
        books.ledger.accept(Ask { order: number, kind: Kind::First }, id, &books.promises);
        Some(rest)
    }

    fn enter(&mut self, text: &[u8], books: &mut Books, pulse: &mut Pulse) {
        if text.trim_ascii().is_empty() {
            return;
        }
        let Some(&number) = self.pending.get(self.answered) else {
            books.ledger.misfits.add(|| format!("a bulk answer has a line too many: {}", excerpt(text)));
            return;
        };
        self.answered += 1;
        match serde_json::from_slice::<BulkLine<'_>>(text) {
            Ok(line) if line.line == self.answered as u64 => {
                self.judge(number, line.status, Ok(&line.body), text, books, pulse);
            }
            Ok(line) => {
                let (said, place) = (line.line, self.answered);
                books.ledger.misfits.add(|| format!("line {place} of a bulk answer says it is line {said}"));
            }
            Err(error) => {
                let place = self.answered;
                books.ledger.misfits.add(|| {
                    format!("line {place} of a bulk answer is not readable: {error}: {}", excerpt(text))
                });
            }
        }
    }

    fn judge(
        &mut self,
        number: u64,
        status: u16,
        body: Result<&Answer<'_>, &serde_json::Error>,
        text: &[u8],
        books: &mut Books,
        pulse: &mut Pulse,
    ) {
        let plan = &self.lane.run.plan;
        plan.workload.order(number, self.order);
        let answered = Answered {
            ask: Ask { order: number, kind: Kind::First },
            order: self.order,
            status,
            body,
            text,
            retrying: self.retrying,
            times: self.times,
        };
        if !books.enter(&answered, &plan.names, pulse) {
            self.again.push(number);
        }
    }

    /// The attempt is over: what it has not answered is unknown, unless it was turned away as a whole.
    fn finish(mut self, result: &Result<Head, ClientError>) -> String {
        let lane = self.lane;
        let books = &mut *lane.books.borrow_mut();
        let trouble = match result {
            Ok(head) if is_bulk_answer(head.status) => {
                if !self.tail.is_empty() {
                    // The last line may come without a line end.
                    let text = std::mem::take(self.tail);
                    lane.run.live[lane.number].add(|pulse| self.enter(&text, books, pulse));
                }
                "the bulk answer has fewer lines than its request".to_owned()
            }
            Ok(head) => {
                let text = std::mem::take(self.tail);
                let parsed = serde_json::from_slice::<Answer<'_>>(&text);
                self.times.known = lane.clock.now_ns();
                lane.run.live[lane.number].add(|pulse| {
                    for &number in self.pending {
                        self.judge(number, head.status, parsed.as_ref(), &text, books, pulse);
                    }
                });
                self.answered = self.pending.len();
                format!("the last answer was a {}", head.status)
            }
            Err(error) => {
                lane.run.live[lane.number].add(|pulse| pulse.failed += 1);
                error.to_string()
            }
        };
        let unanswered = &self.pending[self.answered.min(self.pending.len())..];
        if !unanswered.is_empty() {
            books.meters.lose(|| trouble.clone());
            self.again.extend_from_slice(unanswered);
        }
        trouble
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use clap::Parser;

    use super::*;
    use crate::cli::Cli;
    use crate::clock::Clock;
    use crate::lane::Run;
    use crate::plan::Plan;

    fn lane() -> Lane {
        let words = "onhand-loadtest bulk --key k --skus 1 --orders 5 --batch 5 --rate max";
        let plan = Plan::new(Cli::try_parse_from(words.split(' ')).unwrap(), "r".into()).unwrap();
        Lane::new(Arc::new(Run::new(plan)), 0, Clock::start())
    }

    /// An answer in which the server accepts all but the third, and formats the second in a way of its own.
    fn answer(lane: &Lane) -> String {
        let mut order = Order::default();
        let mut text = String::new();
        for number in 0..5 {
            lane.run.plan.workload.order(number, &mut order);
            let (place, units) = (number + 1, order.lines[0].quantity);
            let line = match number {
                2 => format!(r#"{{"line":{place},"status":409,"body":{{"code":"insufficient_stock"}}}}"#),
                _ => format!(
                    r#"{{"line":{place},"status":201,"body":{{"id":"ord_{number}","external_id":"r-{number}","lines":[{{"id":"1","sku":"r-s0","ordered":{units},"allocated":[{{"location":"r-l1","quantity":{units}}}],"backordered":0}}]}}}}"#
                ),
            };
            text += &if number == 1 { line.replace(':', " : ") } else { line };
            text += "\n";
        }
        text
    }

    fn read(lane: &Lane, pieces: &[&[u8]]) -> (Vec<u64>, String) {
        let (mut order, mut again, mut tail) = (Order::default(), Vec::new(), Vec::new());
        let times = Times { planned: None, sent: 0, known: 0 };
        let mut lines = Lines {
            lane,
            order: &mut order,
            pending: &[0, 1, 2, 3, 4],
            again: &mut again,
            tail: &mut tail,
            times,
            retrying: false,
            answered: 0,
        };
        for piece in pieces {
            lines.take(piece);
        }
        let trouble =
            lines.finish(&Ok(Head { status: 200, replayed: false, retry_after: false, close: false }));
        (again, trouble)
    }

    #[test]
    fn an_answer_is_entered_the_same_wherever_it_is_cut() {
        let text = answer(&lane());
        for cut in 0..=text.len() {
            let lane = lane();
            let (head, rest) = text.as_bytes().split_at(cut);
            let (again, _) = read(&lane, &[head, rest]);
            assert_eq!(again, [0; 0], "cut at {cut}");
            let books = lane.books.borrow();
            let (ledger, meters) = (&books.ledger, &books.meters);
            assert_eq!((&ledger.misfits, &ledger.unexpected), (&Default::default(), &Default::default()));
            assert_eq!((ledger.accepted, ledger.ids().count(), ledger.refused().collect()), (4, 4, vec![2]));
            assert_eq!((meters.accepted, meters.refused, meters.decided, meters.raw.len()), (4, 1, 5, 5));
            assert_eq!((meters.statuses[&201], meters.statuses[&409]), (4, 1));
            let mut order = Order::default();
            let mut units = 0;
            for number in [0, 1, 3, 4] {
                lane.run.plan.workload.order(number, &mut order);
                units += u64::from(order.lines[0].quantity);
            }
            assert_eq!(ledger.allocated, [0, units]);
        }
    }

    #[test]
    fn what_is_wrong_with_an_answer_is_found_in_every_line() {
        let text = answer(&lane());
        // An order of another number, a line out of its place, and a line too many.
        let other = text.replace("r-3", "r-4").replace(r#""line":5"#, r#""line":6"#) + "{}\n";
        let desk = lane();
        read(&desk, &[other.as_bytes()]);
        assert_eq!((desk.books.borrow().ledger.misfits.count, desk.books.borrow().ledger.accepted), (3, 2));
        // An answer that breaks off leaves the last order unknown.
        let desk = lane();
        let (again, trouble) = read(&desk, &[&text.as_bytes()[..text.rfind(r#"{"line""#).unwrap()]]);
        assert_eq!((again, trouble.as_str()), (vec![4], "the bulk answer has fewer lines than its request"));
    }
}
