//! One connection's loop over bulk requests: many orders out, their answers read line by line as they stream.
//!
//! An order's latency counts to the arrival of its own line. A request that breaks off leaves its unanswered
//! orders unknown; they alone go into the next attempt.

use std::rc::Rc;

use crate::answer::{Answer, BulkLine};
use crate::books::{Answered, Books};
use crate::client::{ClientError, Link};
use crate::error::excerpt;
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
    body: Vec<u8>,
    request: Vec<u8>,
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
            body: Vec::new(),
            request: Vec::new(),
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
        self.body.clear();
        self.request.clear();
        for &order in &self.pending {
            plan.workload.order(order, &mut self.order);
            run.requests.push_order(&plan.names, order, &self.order, plan.keys, &mut self.body);
            self.body.push(b'\n');
        }
        run.requests.push_bulk(&self.body, &mut self.request);
    }

    /// Sends what is pending once. What is unknown afterwards is in `again`; the text says why.
    async fn attempt(&mut self, times: Times, retrying: bool) -> String {
        let Self { lane, link, order, request, pending, again, tail, .. } = self;
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
            while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
                let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
                if self.tail.is_empty() {
                    self.enter(line, books, pulse);
                } else {
                    let mut whole = std::mem::take(self.tail);
                    whole.extend_from_slice(line);
                    self.enter(&whole, books, pulse);
                    whole.clear();
                    *self.tail = whole;
                }
                bytes = rest;
            }
        });
        self.tail.extend_from_slice(bytes);
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
