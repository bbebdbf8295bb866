//! One connection's loop over single orders: render, send, enter the answer, and ask again while it is unknown.

use std::rc::Rc;

use crate::answer::Answer;
use crate::books::{ACCEPTED, Answered};
use crate::client::Link;
use crate::fit::{self, Asked};
use crate::lane::{Lane, Slot};
use crate::meters::Times;
use crate::retry::Patience;
use crate::workload::{Kind, Order};

/// A connection that sends single orders, with its reused buffers.
#[derive(Debug)]
pub(crate) struct Single {
    lane: Rc<Lane>,
    link: Link,
    order: Order,
    body: Vec<u8>,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Single {
    /// Takes over a connection.
    pub(crate) fn new(lane: Rc<Lane>, link: Link) -> Self {
        Self {
            lane,
            link,
            order: Order::default(),
            body: Vec::new(),
            request: Vec::new(),
            answer: Vec::new(),
        }
    }

    /// Bytes read so far.
    pub(crate) fn bytes_in(&self) -> u64 {
        self.link.bytes_in()
    }

    /// Sends one order until its outcome is known, or until patience ends.
    pub(crate) async fn send(&mut self, slot: Slot) {
        self.render(slot);
        let lane = Rc::clone(&self.lane);
        let plan = &lane.run.plan;
        let sent = lane.clock.now_ns();
        let mut patience = Patience::new(plan.give_up);
        let mut retrying = false;
        loop {
            self.answer.clear();
            let answer = &mut self.answer;
            let head = self
                .link
                .exchange(&self.request, plan.timeout, &mut |_, bytes| answer.extend_from_slice(bytes))
                .await;
            let trouble = {
                let books = &mut *lane.books.borrow_mut();
                books.meters.requests += 1;
                books.meters.bytes_out += self.request.len() as u64;
                match head {
                    Ok(head) => {
                        let times = Times { planned: slot.planned(), sent, known: lane.clock.now_ns() };
                        books.meters.replayed += u64::from(head.replayed);
                        let live = &lane.run.live[lane.number];
                        let asked = Asked { number: slot.ask.order, order: &self.order, names: &plan.names };
                        if head.status == ACCEPTED
                            && let Some(id) = fit::order(&self.answer, &asked, &mut books.promises)
                        {
                            books.ledger.accept(slot.ask, id, &books.promises);
                            live.add(|pulse| books.count_accepted(1, times, pulse));
                            return;
                        }
                        let parsed = serde_json::from_slice::<Answer<'_>>(&self.answer);
                        let answered = Answered {
                            ask: slot.ask,
                            order: &self.order,
                            status: head.status,
                            body: parsed.as_ref(),
                            text: &self.answer,
                            retrying,
                            times,
                        };
                        let mut known = false;
                        live.add(|pulse| known = books.enter(&answered, &plan.names, pulse));
                        if known {
                            return;
                        }
                        format!("the last answer was a {}", head.status)
                    }
                    Err(error) => {
                        books.meters.lose(|| error.to_string());
                        lane.run.live[lane.number].add(|pulse| pulse.failed += 1);
                        error.to_string()
                    }
                }
            };
            retrying = true;
            if !patience.wait().await {
                lane.books.borrow_mut().give_up(slot.ask, &trouble);
                // A server that leaves an order unknown for so long is gone; further orders would wait as long.
                lane.run.stop();
                return;
            }
            lane.books.borrow_mut().meters.retried += 1;
        }
    }

    fn render(&mut self, slot: Slot) {
        let run = &self.lane.run;
        let names = &run.plan.names;
        run.plan.workload.order(slot.ask.order, &mut self.order);
        self.body.clear();
        self.request.clear();
        run.requests.push_order(names, slot.ask.order, &self.order, false, &mut self.body);
        // A channel that delivers twice knows nothing of keys: the external id alone must guard the order.
        let key = run.plan.keys && slot.ask.kind != Kind::Duplicate;
        run.requests.push_single(key.then_some((names, slot.ask.order)), &self.body, &mut self.request);
    }
}
