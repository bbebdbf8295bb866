//! The two books of a lane, what was acknowledged and what was measured, and how an answer is entered in both.

use serde_json::Error as JsonError;

use crate::answer::{self, Answer, INSUFFICIENT_STOCK, Promise};
use crate::error::excerpt;
use crate::ledger::Ledger;
use crate::meters::{Meters, Pulse, Times};
use crate::names::Names;
use crate::workload::{Ask, Kind, Order};

/// The status of an accepted order.
pub(crate) const ACCEPTED: u16 = 201;

/// What an answer means for the order it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Accepted, for ever.
    Accepted,
    /// Refused for want of stock.
    Refused,
    /// Turned away before any work: nothing happened.
    Shed,
    /// Something went wrong at the server; whether the order was taken is not known.
    Unknown,
    /// The contract does not have this answer here.
    Unexpected,
}

impl Meaning {
    /// Reads a status and a problem's code. `retrying`: an earlier attempt ended without an answer, so that
    /// "turned away" does not tell what became of the order.
    pub(crate) fn of(status: u16, code: &str, retrying: bool) -> Self {
        match status {
            ACCEPTED => Self::Accepted,
            409 if code == INSUFFICIENT_STOCK => Self::Refused,
            429 | 503 if retrying => Self::Unknown,
            429 | 503 => Self::Shed,
            408 | 500 | 502 | 504 => Self::Unknown,
            _ => Self::Unexpected,
        }
    }
}

/// One order's answer, as it came.
#[derive(Debug)]
pub(crate) struct Answered<'a> {
    /// The order and why it was sent.
    pub(crate) ask: Ask,
    /// What it said.
    pub(crate) order: &'a Order,
    /// The answer's status.
    pub(crate) status: u16,
    /// Its body, if it can be read.
    pub(crate) body: Result<&'a Answer<'a>, &'a JsonError>,
    /// The same as bytes, for messages.
    pub(crate) text: &'a [u8],
    /// An earlier attempt ended without an answer.
    pub(crate) retrying: bool,
    /// When it was planned, sent and answered.
    pub(crate) times: Times,
}

/// The books of one lane.
#[derive(Debug)]
pub(crate) struct Books {
    /// What was acknowledged.
    pub(crate) ledger: Ledger,
    /// What was measured.
    pub(crate) meters: Meters,
    /// What the answer at hand promises; kept for its room.
    pub(crate) promises: Vec<Promise>,
    scratch: Vec<u8>,
}

impl Books {
    /// Opens the books.
    pub(crate) fn new(ledger: Ledger) -> Self {
        Self { ledger, meters: Meters::new(), scratch: Vec::new(), promises: Vec::new() }
    }

    /// Measures answers that accepted and came together. The ledger has them already.
    pub(crate) fn count_accepted(&mut self, orders: u64, times: Times, pulse: &mut Pulse) {
        if orders > 0 {
            *self.meters.statuses.entry(ACCEPTED).or_default() += orders;
            self.meters.accepted += orders;
            self.meters.decided(orders, times);
            pulse.accepted += orders;
            pulse.latency(orders, times);
        }
    }

    /// Enters an answer. False: the order's outcome is still unknown, and it must be asked again.
    pub(crate) fn enter(&mut self, answered: &Answered<'_>, names: &Names, pulse: &mut Pulse) -> bool {
        let Answered { ask, status, text, times, .. } = *answered;
        let code = answered.body.map_or("", |body| &*body.code);
        let meaning = Meaning::of(status, code, answered.retrying);
        if meaning != Meaning::Accepted {
            *self.meters.statuses.entry(status).or_default() += 1;
        }
        match meaning {
            Meaning::Accepted => {
                self.accept(answered, names);
                self.count_accepted(1, times, pulse);
            }
            Meaning::Refused => {
                self.ledger.refuse(ask);
                self.meters.refused += 1;
                self.meters.decided(1, times);
                pulse.refused += 1;
                pulse.latency(1, times);
            }
            Meaning::Shed => {
                self.meters.shed += 1;
                pulse.failed += 1;
            }
            Meaning::Unknown => return false,
            Meaning::Unexpected => {
                self.ledger.unexpected.add(|| format!("order {}: {status} {}", ask.order, excerpt(text)));
                pulse.failed += 1;
            }
        }
        true
    }

    fn accept(&mut self, answered: &Answered<'_>, names: &Names) {
        let Answered { ask, order, text, .. } = *answered;
        let misfit = match answered.body {
            Err(error) => format!("it is not readable: {error}"),
            Ok(body) => {
                let checked =
                    answer::promises(body, ask.order, order, names, &mut self.scratch, &mut self.promises);
                match checked {
                    Ok(()) => return self.ledger.accept(ask, body.id.as_bytes(), &self.promises),
                    Err(misfit) => misfit,
                }
            }
        };
        self.ledger.misfits.add(|| format!("order {}: {misfit}: {}", ask.order, excerpt(text)));
    }

    /// Gives an order up: its outcome stays unknown.
    pub(crate) fn give_up(&mut self, ask: Ask, why: &str) {
        // A repeat tells nothing new about an order whose first request was answered, but it was owed an answer.
        let repeat = if ask.kind == Kind::First { "" } else { ", a repeat" };
        self.ledger.unresolved.add(|| format!("order {}{repeat}: {why}", ask.order));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Share;
    use crate::workload::Line;

    struct Desk {
        books: Books,
        pulse: Pulse,
        order: Order,
    }

    impl Desk {
        fn new() -> Self {
            let ledger = Ledger::new(Share { lanes: 1, lane: 0, batch: 1 }, 1, 1, true, 1, 10);
            let lines = vec![Line { sku: 0, quantity: 2, price_micros: 1 }];
            Self {
                books: Books::new(ledger),
                pulse: Pulse::new(),
                order: Order { lines, ..Order::default() },
            }
        }

        fn answer(&mut self, number: u64, status: u16, text: &str, retrying: bool) -> bool {
            let parsed = serde_json::from_str::<Answer<'_>>(text);
            let answered = Answered {
                ask: Ask { order: number, kind: Kind::First },
                order: &self.order,
                status,
                body: parsed.as_ref(),
                text: text.as_bytes(),
                retrying,
                times: Times { planned: Some(0), sent: 1_000, known: 5_000 },
            };
            self.books.enter(&answered, &Names::new("r".into(), None), &mut self.pulse)
        }
    }

    const GOOD: &str = r#"{"id":"ord_1","external_id":"r-7","lines":[{"id":"1","sku":"r-s0","ordered":2,
        "allocated":[{"location":"r-l0","quantity":2}],"backordered":0}]}"#;

    #[test]
    fn an_accepted_order_is_in_both_books() {
        let mut desk = Desk::new();
        assert!(desk.answer(7, 201, GOOD, false));
        assert_eq!(
            (desk.books.ledger.allocated[0], desk.books.meters.accepted, desk.pulse.accepted),
            (2, 1, 1)
        );
        assert_eq!((desk.books.meters.raw.len(), desk.books.meters.statuses[&201]), (1, 1));
    }

    #[test]
    fn an_answer_about_another_order_is_a_misfit_and_promises_nothing() {
        let mut desk = Desk::new();
        assert!(desk.answer(8, 201, GOOD, false));
        assert!(desk.answer(9, 201, "<html>", false));
        assert_eq!((desk.books.ledger.allocated[0], desk.books.ledger.misfits.count), (0, 2));
    }

    #[test]
    fn statuses_mean_what_the_contract_says() {
        for (status, code, retrying, meaning) in [
            (201, "", false, Meaning::Accepted),
            (409, "insufficient_stock", true, Meaning::Refused),
            (409, "external_id_conflict", false, Meaning::Unexpected),
            (429, "", false, Meaning::Shed),
            (503, "", false, Meaning::Shed),
            (503, "", true, Meaning::Unknown),
            (500, "", false, Meaning::Unknown),
            (200, "", false, Meaning::Unexpected),
            (404, "", true, Meaning::Unexpected),
        ] {
            assert_eq!(Meaning::of(status, code, retrying), meaning, "{status} {code}");
        }
    }

    #[test]
    fn an_unknown_outcome_is_asked_again_and_then_given_up() {
        let mut desk = Desk::new();
        assert!(!desk.answer(7, 500, "{}", false));
        assert!(!desk.answer(7, 503, "{}", true));
        assert_eq!(desk.books.meters.decided, 0);
        desk.books.give_up(Ask { order: 7, kind: Kind::First }, "the server is gone");
        assert_eq!(desk.books.ledger.unresolved.examples, ["order 7: the server is gone"]);
    }
}
