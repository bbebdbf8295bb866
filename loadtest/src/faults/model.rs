//! The shop as it should be: one shelf for each SKU, orders, and who waits. Written again from the contract, so
//! that it shares no mistake with the engine.

use std::collections::{BTreeSet, HashMap};

use crate::faults::record::Record;

/// Stock of one SKU.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Shelf {
    /// Units that are there.
    pub(crate) sellable: u64,
    /// Units of these that orders have.
    pub(crate) committed: u64,
    /// Lines that wait, the oldest order first.
    waiting: BTreeSet<(u64, usize)>,
}

impl Shelf {
    /// What a new order may have.
    pub(crate) fn available(&self) -> u64 {
        self.sellable.saturating_sub(self.committed)
    }
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) sku: usize,
    pub(crate) ordered: u64,
    pub(crate) claimed: u64,
    pub(crate) waiting: u64,
    pub(crate) cancelled: u64,
    pub(crate) shipped: u64,
}

impl Line {
    fn open(&self) -> u64 {
        self.claimed + self.waiting
    }
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Model {
    shelves: Vec<Shelf>,
    orders: HashMap<u64, Vec<Line>>,
}

impl Model {
    /// The shelf of a SKU.
    pub(crate) fn shelf(&mut self, sku: usize) -> &mut Shelf {
        if self.shelves.len() <= sku {
            self.shelves.resize_with(sku + 1, Shelf::default);
        }
        &mut self.shelves[sku]
    }

    /// The lines of an order.
    pub(crate) fn order(&self, order: u64) -> Option<&[Line]> {
        self.orders.get(&order).map(Vec::as_slice)
    }

    /// Units of a SKU that are waited for.
    pub(crate) fn backordered(&mut self, sku: usize) -> u64 {
        let waiting = self.shelf(sku).waiting.clone();
        let of = |(order, line): &(u64, usize)| Some(self.orders.get(order)?.get(*line)?.waiting);
        waiting.iter().filter_map(of).sum()
    }

    /// Whether nothing of an order is open any more.
    pub(crate) fn is_closed(&self, order: u64) -> bool {
        self.order(order).is_some_and(|lines| lines.iter().all(|line| line.open() == 0))
    }

    /// Takes in a record. The error says why it cannot come here.
    pub(crate) fn apply(&mut self, lsn: u64, record: &Record) -> Result<(), String> {
        match record {
            Record::Received { sku, quantity, after, .. } => self.receive(*sku, *quantity, *after),
            Record::Accepted { lines, backorder, claims, .. } => self.accept(lsn, lines, *backorder, claims),
            Record::Refused { lines, shortfalls, .. } => self.refuse(lines, shortfalls),
            Record::Cancelled { order, lines, .. } => self.cancel(*order, lines),
            Record::Shipped { order, lines, .. } => self.ship(*order, lines),
            Record::Filled { sku, fills } => {
                fills.iter().try_for_each(|&(order, line, quantity)| self.fill(*sku, order, line, quantity))
            }
            Record::CommandRefused { .. } | Record::Other => Ok(()),
        }
    }

    fn receive(&mut self, sku: usize, quantity: u64, after: (u64, u64)) -> Result<(), String> {
        let shelf = self.shelf(sku);
        shelf.sellable += quantity;
        let now = (shelf.sellable, shelf.committed);
        agree(now == after, || {
            format!("SKU {sku} has {now:?} sellable and committed, the record says {after:?}")
        })
    }

    fn accept(
        &mut self,
        order: u64,
        lines: &[(usize, u64)],
        backorder: bool,
        claims: &[(usize, u64)],
    ) -> Result<(), String> {
        let mut accepted = Vec::new();
        for (number, &(sku, ordered)) in lines.iter().enumerate() {
            let claimed = claims.iter().filter(|claim| claim.0 == number).map(|claim| claim.1).sum();
            let shelf = self.shelf(sku);
            let free = shelf.available();
            agree(claimed <= free, || {
                format!("{claimed} units of SKU {sku} are claimed where {free} are free")
            })?;
            agree(claimed <= ordered, || format!("{claimed} units of SKU {sku} are claimed for {ordered}"))?;
            let waiting = ordered - claimed;
            agree(waiting == 0 || backorder, || {
                format!("{waiting} units of SKU {sku} are missing, and the order does not wait")
            })?;
            agree(waiting == 0 || claimed == free, || {
                format!("{waiting} units of SKU {sku} wait while {} are free", free - claimed)
            })?;
            shelf.committed += claimed;
            if waiting > 0 {
                shelf.waiting.insert((order, number));
            }
            accepted.push(Line { sku, ordered, claimed, waiting, cancelled: 0, shipped: 0 });
        }
        self.orders.insert(order, accepted);
        Ok(())
    }

    fn refuse(&mut self, lines: &[(usize, u64)], shortfalls: &[(usize, u64, u64)]) -> Result<(), String> {
        let mut true_ones = Vec::new();
        for (number, &(sku, requested)) in lines.iter().enumerate() {
            let free = self.shelf(sku).available();
            if free < requested {
                true_ones.push((number, requested, free));
            }
        }
        agree(!true_ones.is_empty(), || "an order is refused that stock could serve".to_owned())?;
        agree(true_ones == shortfalls, || {
            format!("line, requested and available are {true_ones:?}, the refusal says {shortfalls:?}")
        })
    }

    fn cancel(&mut self, order: u64, cancelled: &[(usize, u64)]) -> Result<(), String> {
        let lines = self.orders.get_mut(&order).ok_or_else(|| format!("there is no order {order}"))?;
        let open = |(number, line): (usize, &Line)| (line.open() > 0).then_some((number, line.open()));
        let all: Vec<_> = lines.iter().enumerate().filter_map(open).collect();
        agree(all == cancelled, || format!("open are {all:?}, cancelled {cancelled:?}"))?;
        let mut released = Vec::new();
        for (number, line) in lines.iter_mut().enumerate() {
            released.push((line.sku, number, line.claimed));
            line.cancelled += line.open();
            (line.claimed, line.waiting) = (0, 0);
        }
        for (sku, number, claimed) in released {
            let shelf = self.shelf(sku);
            shelf.committed -= claimed;
            shelf.waiting.remove(&(order, number));
        }
        Ok(())
    }

    fn ship(&mut self, order: u64, shipped: &[(usize, u64)]) -> Result<(), String> {
        for &(number, quantity) in shipped {
            let line = self.orders.get_mut(&order).and_then(|lines| lines.get_mut(number));
            let line = line.ok_or_else(|| format!("there is no line {number} of order {order}"))?;
            let claimed = line.claimed;
            agree(quantity <= claimed, || format!("{quantity} units leave where {claimed} are claimed"))?;
            line.claimed -= quantity;
            line.shipped += quantity;
            let sku = line.sku;
            let shelf = self.shelf(sku);
            shelf.sellable -= quantity;
            shelf.committed -= quantity;
        }
        Ok(())
    }

    fn fill(&mut self, sku: usize, order: u64, number: usize, quantity: u64) -> Result<(), String> {
        let shelf = self.shelf(sku);
        let (free, first) = (shelf.available(), shelf.waiting.first().copied());
        agree(quantity <= free, || format!("{quantity} units of SKU {sku} are given where {free} are free"))?;
        agree(first == Some((order, number)), || {
            format!("SKU {sku}: line {number} of order {order} gets units, {first:?} waits longer")
        })?;
        shelf.committed += quantity;
        let line = self.orders.get_mut(&order).and_then(|lines| lines.get_mut(number));
        let line = line.ok_or_else(|| format!("there is no line {number} of order {order}"))?;
        let waiting = line.waiting;
        agree(quantity <= waiting, || {
            format!("order {order} gets {quantity} units and waits for {waiting}")
        })?;
        line.waiting -= quantity;
        line.claimed += quantity;
        if line.waiting == 0 {
            self.shelf(sku).waiting.remove(&(order, number));
        }
        Ok(())
    }
}

fn agree(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
