//! What was acknowledged: which orders are open, and what each SKU's stock must be.

use std::collections::VecDeque;

use crate::audit::{ReadBack, Shelf};
use crate::ledger::Fault;
use crate::random::{Random, Stream};
use crate::soak::mix::{CANCEL_EVERY, Turn};
use crate::workload::Line;

/// Orders that ended and are read back, drawn at random.
const ENDED_MAX: u64 = 1_000;

/// An order that is open, or is about to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Open {
    /// Its number.
    pub(crate) number: u64,
    /// The id it was given.
    pub(crate) id: String,
    /// Its only line.
    pub(crate) sku: u32,
    /// Units of it.
    pub(crate) quantity: u32,
}

/// What to ask next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    /// The order of this number.
    Place(u64),
    /// All of an order leaves.
    Ship(Open),
    /// All of an order is given up.
    Cancel(Open),
    /// Units come in.
    Receive {
        /// Number of the receipt.
        number: u64,
        /// Number of the SKU.
        sku: u32,
        /// Units.
        quantity: u64,
    },
}

/// A SKU at the only location.
#[derive(Debug, Default, Clone, Copy)]
struct Account {
    /// Units that may be sold: what was received, less what was shipped.
    sellable: u64,
    /// Units of open orders.
    committed: u64,
    /// Units that were shipped since the last receipt.
    gone: u64,
}

/// An order that ended, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Its id.
    pub(crate) id: String,
    /// `shipped` or `cancelled`.
    pub(crate) status: &'static str,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Books {
    open: VecDeque<Open>,
    accounts: Vec<Account>,
    orders: u64,
    receipts: u64,
    ended: u64,
    sample: Vec<Ended>,
    /// Requests that did what they were to do.
    pub(crate) done: u64,
    /// Answers that must not be.
    pub(crate) wrong: Fault,
}

impl Books {
    /// Before the first order, with these units of each SKU.
    pub(crate) fn new(stock: &[u64]) -> Self {
        let account = |&units: &u64| Account { sellable: units, ..Account::default() };
        Self {
            open: VecDeque::new(),
            accounts: stock.iter().map(account).collect(),
            orders: 0,
            receipts: 0,
            ended: 0,
            sample: Vec::new(),
            done: 0,
            wrong: Fault::default(),
        }
    }

    /// What a turn asks for. Where nothing is open that could end, another order is placed.
    pub(crate) fn next(&mut self, turn: Turn) -> Wish {
        let oldest = if turn == Turn::End { self.open.pop_front() } else { None };
        match (turn, oldest) {
            (Turn::End, Some(open)) if open.number.is_multiple_of(CANCEL_EVERY) => Wish::Cancel(open),
            (Turn::End, Some(open)) => Wish::Ship(open),
            (Turn::Receive, _) => self.receipt(),
            (Turn::Place | Turn::End, _) => {
                self.orders += 1;
                Wish::Place(self.orders - 1)
            }
        }
    }

    /// The SKUs take turns, and each gets back what has left since it had its own; at least a unit, since none is none.
    fn receipt(&mut self) -> Wish {
        let number = self.receipts;
        self.receipts += 1;
        let place = usize::try_from(number % self.accounts.len().max(1) as u64).unwrap_or_default();
        let gone = self.accounts.get_mut(place).map_or(0, |account| std::mem::take(&mut account.gone));
        Wish::Receive { number, sku: u32::try_from(place).unwrap_or_default(), quantity: gone.max(1) }
    }

    /// An order was accepted.
    pub(crate) fn placed(&mut self, number: u64, id: String, line: &Line) {
        self.account(line.sku).committed += u64::from(line.quantity);
        self.open.push_back(Open { number, id, sku: line.sku, quantity: line.quantity });
        self.done += 1;
    }

    /// A wish that is no new order came true.
    pub(crate) fn came_true(&mut self, wish: Wish, seed: u64) {
        self.done += 1;
        match wish {
            Wish::Place(_) => {}
            Wish::Ship(open) => {
                let units = u64::from(open.quantity);
                let account = self.account(open.sku);
                account.committed -= units;
                account.sellable -= units;
                account.gone += units;
                self.end(Ended { id: open.id, status: "shipped" }, seed);
            }
            Wish::Cancel(open) => {
                self.account(open.sku).committed -= u64::from(open.quantity);
                self.end(Ended { id: open.id, status: "cancelled" }, seed);
            }
            Wish::Receive { sku, quantity, .. } => self.account(sku).sellable += quantity,
        }
    }

    fn account(&mut self, sku: u32) -> &mut Account {
        &mut self.accounts[sku as usize]
    }

    /// Reservoir sampling: each order that ended is as likely to be kept as any other.
    fn end(&mut self, ended: Ended, seed: u64) {
        self.ended += 1;
        let draw = Random::of(seed, Stream::Sample, self.ended).below(self.ended);
        let place = if self.ended <= ENDED_MAX { self.ended - 1 } else { draw };
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        match self.sample.get_mut(place) {
            Some(kept) => *kept = ended,
            None if self.ended <= ENDED_MAX => self.sample.push(ended),
            None => {}
        }
    }

    /// Orders that are open.
    pub(crate) fn open(&self) -> &VecDeque<Open> {
        &self.open
    }

    /// Orders that ended: some of them, and how many there are.
    pub(crate) fn ended(&self) -> (&[Ended], u64) {
        (&self.sample, self.ended)
    }

    /// SKUs whose stock is not what was acknowledged.
    pub(crate) fn differ(&self, read: &ReadBack) -> Fault {
        let mut fault = Fault::default();
        for (sku, account) in self.accounts.iter().enumerate() {
            let must = (i64::try_from(account.sellable).ok(), i64::try_from(account.committed).ok(), 0, 0);
            let is = match read.skus.get(sku) {
                Some(Ok(state)) => {
                    let sum = |of: fn(&Shelf) -> i64| state.shelves.iter().map(of).sum::<i64>();
                    let (sellable, committed) = (sum(|shelf| shelf.sellable), sum(|shelf| shelf.committed));
                    (Some(sellable), Some(committed), state.backordered, state.short)
                }
                Some(Err(reason)) => {
                    fault.add(|| format!("SKU {sku}: {reason}"));
                    continue;
                }
                None => (None, None, 0, 0),
            };
            if is != must {
                fault.add(|| {
                    let Account { sellable, committed, .. } = account;
                    format!(
                        "SKU {sku}: acknowledged {sellable} sellable and {committed} committed, read {is:?}"
                    )
                });
            }
        }
        fault
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::SkuState;

    fn read(rows: &[(i64, i64)]) -> ReadBack {
        let state = |&(sellable, committed): &(i64, i64)| {
            let shelf = Shelf { sellable, committed, available: sellable - committed, ..Shelf::default() };
            Ok(SkuState { shelves: vec![shelf], backordered: 0, short: 0 })
        };
        ReadBack { skus: rows.iter().map(state).collect(), orders: Vec::new() }
    }

    fn place(books: &mut Books, sku: u32, quantity: u32) {
        let Wish::Place(number) = books.next(Turn::Place) else { panic!("an order was due") };
        books.placed(number, format!("ord_{number}"), &Line { sku, quantity, price_micros: 1 });
    }

    #[test]
    fn stock_is_what_came_in_and_what_left() {
        let mut books = Books::new(&[10, 20]);
        for (sku, quantity) in [(0, 2), (1, 3), (1, 1)] {
            place(&mut books, sku, quantity);
        }
        assert_eq!(books.differ(&read(&[(10, 2), (20, 4)])), Fault::default());
        // The first is cancelled, the second shipped, and what left comes in again.
        for (turn, rows) in [
            (Turn::End, [(10, 0), (20, 4)]),
            (Turn::End, [(10, 0), (17, 1)]),
            (Turn::Receive, [(11, 0), (17, 1)]),
            (Turn::Receive, [(11, 0), (20, 1)]),
        ] {
            let wish = books.next(turn);
            books.came_true(wish, 1);
            assert_eq!(books.differ(&read(&rows)), Fault::default(), "{turn:?}");
        }
        assert_eq!((books.open().len(), books.ended().1, books.done), (1, 2, 7));
        let ended: Vec<_> = books.ended().0.iter().map(|ended| (ended.id.as_str(), ended.status)).collect();
        assert_eq!(ended, [("ord_0", "cancelled"), ("ord_1", "shipped")]);
    }

    #[test]
    fn stock_that_is_not_what_was_acknowledged_is_found() {
        let mut books = Books::new(&[10, 20]);
        place(&mut books, 0, 2);
        for rows in [&[(10, 1), (20, 0)][..], &[(9, 2), (20, 0)], &[(10, 2)]] {
            assert_eq!(books.differ(&read(rows)).count, 1, "{rows:?}");
        }
        let mut unreadable = read(&[(10, 2), (20, 0)]);
        unreadable.skus[1] = Err("404".to_owned());
        assert_eq!(books.differ(&unreadable).examples, ["SKU 1: 404"]);
    }

    #[test]
    fn where_nothing_is_open_an_order_is_placed() {
        let mut books = Books::new(&[10]);
        assert_eq!(books.next(Turn::End), Wish::Place(0));
        place(&mut books, 0, 1);
        assert!(matches!(books.next(Turn::End), Wish::Ship(open) if open.number == 1));
    }
}
