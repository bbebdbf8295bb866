//! The orders of a race: the same for every contender, and what is in stock for them.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;

use clap::{Parser, ValueEnum};

use crate::cli;
use crate::error::LoadError;
use crate::plan::Plan;
use crate::race::cli::Cli;
use crate::request::Requests;
use crate::workload::{Order, Workload};

/// Units of each SKU: more than any lap orders of one.
const STOCK: u64 = 1_000_000_000;

/// Units of the SKU that is to run out.
const SCARCE_STOCK: u64 = 10_000;

/// Which orders are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Stream {
    /// One line, each SKU as likely as any other.
    Uniform,
    /// One line, by Zipf's law with exponent 0.99.
    Zipf,
    /// One line, always the same SKU.
    Hot,
    /// Three lines, by Zipf's law.
    Lines,
    /// The sales of a recording, again and again.
    Real,
    /// One SKU with 10,000 units, which are soon sold: who sells more? Its times say nothing.
    Scarce,
}

impl Stream {
    /// Its name on the command line and in tables.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// A stream for one contender.
pub(crate) struct Course {
    /// What Onhand has to be set up with, and how its requests look.
    pub(crate) plan: Plan,
    /// The constant parts of requests to Onhand and the echo.
    pub(crate) requests: Requests,
    /// Units of each SKU that were answered to be sold.
    pub(crate) sold: RefCell<Vec<u64>>,
    /// Orders after which the stream begins anew; `None` if it never does.
    cycle: Option<u64>,
    /// The next order's number.
    next: Cell<u64>,
}

impl Course {
    /// The stream, as the server at this address is asked it.
    pub(crate) fn new(cli: &Cli, stream: Stream, address: SocketAddr, key: &str) -> Result<Self, LoadError> {
        let words = words(cli, stream, address, key)?;
        let parsed = cli::Cli::try_parse_from(words);
        let parsed = parsed.map_err(|error| LoadError::Usage(error.to_string()))?;
        let plan = Plan::new(parsed, "race".to_owned())?;
        let cycle = match &plan.workload {
            Workload::Recorded(recording) => Some(recording.orders()),
            Workload::Drawn { .. } => None,
        };
        let sold = RefCell::new(vec![0; plan.stock.len()]);
        let requests = Requests::new(&plan.target.host, key, &plan.names, plan.currency);
        Ok(Self { plan, requests, sold, cycle, next: Cell::new(0) })
    }

    /// Draws the next orders; the number of the first of them.
    pub(crate) fn draw(&self, orders: &mut [Order]) -> u64 {
        let first = self.next.get();
        self.next.set(first + orders.len() as u64);
        for (number, order) in (first..).zip(orders) {
            let number = self.cycle.map_or(number, |cycle| number % cycle);
            self.plan.workload.order(number, order);
        }
        first
    }

    /// An order was accepted.
    pub(crate) fn sell(&self, order: &Order) {
        let mut sold = self.sold.borrow_mut();
        for line in &order.lines {
            sold[line.sku as usize] += u64::from(line.quantity);
        }
    }
}

/// The run of the harness that asks the same.
fn words(cli: &Cli, stream: Stream, address: SocketAddr, key: &str) -> Result<Vec<String>, LoadError> {
    let stock = if stream == Stream::Scarce { SCARCE_STOCK } else { STOCK };
    let mut words = vec!["race".to_owned()];
    let scenario = match stream {
        Stream::Uniform => "uniform",
        Stream::Zipf => "zipf",
        Stream::Hot | Stream::Scarce => "hot",
        Stream::Lines => "lines",
        Stream::Real => "replay",
    };
    words.push(scenario.to_owned());
    match stream {
        Stream::Real => {
            let recording = cli.recording.as_ref();
            let recording = recording.ok_or_else(|| {
                LoadError::Usage("the stream `real` needs a recording: --recording FILE".to_owned())
            })?;
            words.push(recording.to_string_lossy().into_owned());
        }
        Stream::Uniform | Stream::Zipf | Stream::Lines => words.push(format!("--skus={}", cli.skus)),
        Stream::Hot | Stream::Scarce => {}
    }
    words.extend([
        format!("--url=http://{address}"),
        format!("--key={key}"),
        format!("--stock={stock}"),
        format!("--seed={}", cli.seed),
        "--locations=1".to_owned(),
        "--rate=max".to_owned(),
        "--orders=1".to_owned(),
        "--connections=16".to_owned(),
    ]);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(stream: &str) -> Course {
        let words = ["race", "--server", "x", "--dir", "y", "--skus", "50", "--streams", stream];
        let cli = Cli::try_parse_from(words).unwrap();
        Course::new(&cli, cli.streams[0], "127.0.0.1:1".parse().unwrap(), "k").unwrap()
    }

    #[test]
    fn every_contender_is_asked_the_same() {
        for (stream, skus, stock, lines) in [
            ("uniform", 50, STOCK, 1),
            ("zipf", 50, STOCK, 1),
            ("hot", 1, STOCK, 1),
            ("lines", 50, STOCK, 3),
            ("scarce", 1, SCARCE_STOCK, 1),
        ] {
            let (one, other) = (course(stream), course(stream));
            assert_eq!((one.plan.stock.len(), one.plan.stock[0]), (skus, stock), "{stream}");
            let mut orders = vec![Order::default(); 20];
            assert_eq!(one.draw(&mut orders), 0);
            let mut by_two = vec![Order::default(); 2];
            for pair in orders.chunks(2) {
                other.draw(&mut by_two);
                assert_eq!(pair, by_two, "{stream}");
                assert_eq!(pair[0].lines.len(), lines, "{stream}");
            }
            assert_eq!(one.draw(&mut orders), 20);
        }
    }

    #[test]
    fn what_is_sold_is_added_up_by_sku() {
        let course = course("lines");
        let mut orders = vec![Order::default(); 5];
        course.draw(&mut orders);
        orders.iter().for_each(|order| course.sell(order));
        let units: u64 =
            orders.iter().flat_map(|order| &order.lines).map(|line| u64::from(line.quantity)).sum();
        assert_eq!(course.sold.borrow().iter().sum::<u64>(), units);
    }
}
