//! One connection: a request out, and its answer held against what was asked.

use std::rc::Rc;
use std::time::Duration;

use memchr::memmem;

use crate::answer::{self, Answer, Promise};
use crate::client::{ClientError, Link};
use crate::clock::Clock;
use crate::error::{LoadError, excerpt};
use crate::fit::{self, Asked};
use crate::meters::Times;
use crate::soak::asking;
use crate::soak::books::{Open, Wish};
use crate::soak::mix::Turn;
use crate::soak::traffic::Traffic;
use crate::wire::Head;
use crate::workload::Order;

/// How long an answer may take. What has none by then is not asked again: a soak is far from a server's limits.
const PATIENCE: Duration = Duration::from_secs(30);

/// See the module.
pub(crate) struct Client {
    traffic: Rc<Traffic>,
    link: Link,
    order: Order,
    body: Vec<u8>,
    request: Vec<u8>,
    answer: Vec<u8>,
    promises: Vec<Promise>,
}

impl Client {
    /// Connects.
    pub(crate) async fn connect(traffic: &Rc<Traffic>) -> Result<Self, LoadError> {
        let mut link = Link::new(traffic.plan.target.address);
        link.open()
            .await
            .map_err(|source| LoadError::Connection { doing: "connecting".to_owned(), source })?;
        Ok(Self::over(Rc::clone(traffic), link))
    }

    fn over(traffic: Rc<Traffic>, link: Link) -> Self {
        Self {
            traffic,
            link,
            order: Order::default(),
            body: Vec::new(),
            request: Vec::new(),
            answer: Vec::new(),
            promises: Vec::new(),
        }
    }

    /// Asks for what is due, planned for a time or for now, and enters what came of it.
    pub(crate) async fn ask(&mut self, turn: Turn, planned: Option<u64>, clock: &Clock) {
        let wish = self.traffic.books.borrow_mut().next(turn);
        self.render(&wish);
        self.answer.clear();
        let answer = &mut self.answer;
        let sent = clock.now_ns();
        let sink = &mut |_, bytes: &[u8]| answer.extend_from_slice(bytes);
        let head = self.link.exchange(&self.request, PATIENCE, sink).await;
        let times = Times { planned, sent, known: clock.now_ns() };
        let is_order = matches!(wish, Wish::Place(_));
        let outcome = self.enter(wish, head);
        let is_right = outcome.is_ok();
        if let Err(fault) = outcome {
            self.traffic.books.borrow_mut().wrong.add(|| fault);
        }
        self.traffic.live.add(|pulse| {
            if is_right {
                pulse.accepted += u64::from(is_order);
                pulse.latency(1, times);
            } else {
                pulse.failed += 1;
            }
        });
    }

    fn render(&mut self, wish: &Wish) {
        let Traffic { plan, requests, .. } = &*self.traffic;
        self.body.clear();
        self.request.clear();
        if let Wish::Place(number) = *wish {
            plan.workload.order(number, &mut self.order);
            requests.push_order(&plan.names, number, &self.order, false, &mut self.body);
            requests.push_single(None, &self.body, &mut self.request);
        } else {
            asking::push(plan, wish, &mut self.request);
        }
    }

    /// Enters an answer in the books; the error says what is wrong with it.
    fn enter(&mut self, wish: Wish, head: Result<Head, ClientError>) -> Result<(), String> {
        let head = head.map_err(|error| error.to_string())?;
        let must = if matches!(wish, Wish::Cancel(_)) { 200 } else { 201 };
        if head.status != must {
            return Err(format!("{} {}, to {wish:?}", head.status, excerpt(&self.answer)));
        }
        match &wish {
            Wish::Place(number) => return self.placed(*number),
            Wish::Ship(open) => self.ended(open, br#""status":"shipped""#)?,
            Wish::Cancel(open) => self.ended(open, br#""status":"cancelled""#)?,
            Wish::Receive { .. } => {}
        }
        self.traffic.books.borrow_mut().came_true(wish, self.traffic.plan.seed);
        Ok(())
    }

    /// A new order: the answer fits, and all of it is allocated.
    fn placed(&mut self, number: u64) -> Result<(), String> {
        let names = &self.traffic.plan.names;
        let asked = Asked { number, order: &self.order, names };
        let id = match fit::order(&self.answer, &asked, &mut self.promises) {
            Some(id) => String::from_utf8_lossy(id).into_owned(),
            None => {
                let parsed: Answer<'_> =
                    serde_json::from_slice(&self.answer).map_err(|error| error.to_string())?;
                let (order, scratch) = (&self.order, &mut Vec::new());
                answer::promises(&parsed, number, order, names, scratch, &mut self.promises)?;
                parsed.id.into_owned()
            }
        };
        if self.promises.iter().any(|promise| promise.location.is_none()) {
            return Err(format!("order {number} waits: {}", excerpt(&self.answer)));
        }
        let line = self.order.lines.first().ok_or_else(|| format!("order {number} has no line"))?;
        self.traffic.books.borrow_mut().placed(number, id, line);
        Ok(())
    }

    /// The answer is about this order, and says that it is closed in this way.
    fn ended(&self, open: &Open, status: &[u8]) -> Result<(), String> {
        let has = |words: &[u8]| memmem::find(&self.answer, words).is_some();
        if has(status) && has(open.id.as_bytes()) {
            Ok(())
        } else {
            Err(format!("order {} does not end: {}", open.number, excerpt(&self.answer)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soak::traffic::tests::traffic;

    struct Desk {
        client: Client,
    }

    impl Desk {
        fn new() -> Self {
            let traffic = Rc::new(traffic());
            let link = Link::new(traffic.plan.target.address);
            Self { client: Client::over(traffic, link) }
        }

        /// Enters an answer to the next wish of a turn.
        fn answer(
            &mut self,
            turn: Turn,
            status: u16,
            text: impl Fn(&Client) -> String,
        ) -> Result<(), String> {
            let wish = self.client.traffic.books.borrow_mut().next(turn);
            self.client.render(&wish);
            self.client.answer = text(&self.client).into_bytes();
            let head = Head { status, replayed: false, retry_after: false, close: false };
            self.client.enter(wish, Ok(head))
        }
    }

    /// What the server says of the order that was rendered last.
    fn allocated(client: &Client, number: u64) -> String {
        let line = client.order.lines[0];
        let (sku, quantity) = (line.sku, line.quantity);
        format!(
            r#"{{"id":"ord_{number}","external_id":"soak-{number}","status":"allocated","lines":[{{"id":"1",
            "sku":"soak-s{sku}","ordered":{quantity},"allocated":[{{"location":"soak-l0","quantity":{quantity}}}],
            "backordered":0}}]}}"#
        )
    }

    #[test]
    fn answers_that_fit_are_entered() {
        let mut desk = Desk::new();
        desk.answer(Turn::Place, 201, |client| allocated(client, 0)).unwrap();
        desk.answer(Turn::Place, 201, |client| allocated(client, 1)).unwrap();
        desk.answer(Turn::End, 200, |_| r#"{"id":"ord_0","status":"cancelled"}"#.into()).unwrap();
        desk.answer(Turn::End, 201, |_| r#"{"id":"ord_1","status":"shipped"}"#.into()).unwrap();
        desk.answer(Turn::Receive, 201, |_| "{}".into()).unwrap();
        let books = desk.client.traffic.books.borrow();
        assert_eq!((books.done, books.open().len(), books.ended().1), (5, 0, 2));
    }

    #[test]
    fn answers_that_do_not_fit_are_not() {
        let mut desk = Desk::new();
        desk.answer(Turn::Place, 201, |client| allocated(client, 0)).unwrap();
        for (turn, status, text, complaint) in [
            (Turn::Place, 429, "{}", "429"),
            (Turn::Place, 201, r#"{"id":"ord_9","external_id":"soak-9","lines":[]}"#, "soak-9"),
            (Turn::Place, 201, "<html>", "expected"),
            (Turn::Receive, 503, "{}", "503"),
            (Turn::End, 200, r#"{"id":"ord_9","status":"cancelled"}"#, "does not end"),
        ] {
            let error = desk.answer(turn, status, |_| text.into()).unwrap_err();
            assert!(error.contains(complaint), "{error}");
        }
        assert_eq!(desk.client.traffic.books.borrow().done, 1);
    }
}
