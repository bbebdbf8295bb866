//! What all connections of a soak share.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;

use clap::Parser;

use crate::cli;
use crate::error::LoadError;
use crate::meters::Live;
use crate::plan::Plan;
use crate::request::Requests;
use crate::soak::books::Books;
use crate::soak::cli::Cli;

/// Units of each SKU at the start: more than are ever committed, and less than are shipped in an hour. So without receipts
/// a long run would end in refusals.
const STOCK: u64 = 1_000;

/// So many answers that must not be end a run: it has failed, and a server that is gone would be asked for the rest of it.
const WRONG_MAX: u64 = 100;

/// See the module.
#[derive(Debug)]
pub(crate) struct Traffic {
    /// What the server is set up with, and what orders say.
    pub(crate) plan: Plan,
    /// The constant parts of orders.
    pub(crate) requests: Requests,
    /// What was acknowledged.
    pub(crate) books: RefCell<Books>,
    /// What happened since the watch last looked.
    pub(crate) live: Arc<Live>,
}

impl Traffic {
    /// Before the first request to the server at this address.
    pub(crate) fn new(cli: &Cli, address: SocketAddr, key: &str) -> Result<Self, LoadError> {
        let words = [
            "soak".to_owned(),
            "uniform".to_owned(),
            format!("--url=http://{address}"),
            format!("--key={key}"),
            format!("--skus={}", cli.skus),
            format!("--stock={STOCK}"),
            format!("--seed={}", cli.seed),
            format!("--connections={}", cli.connections),
            "--locations=1".to_owned(),
        ];
        let parsed = cli::Cli::try_parse_from(words);
        let parsed = parsed.map_err(|error| LoadError::Usage(error.to_string()))?;
        let plan = Plan::new(parsed, "soak".to_owned())?;
        let requests = Requests::new(&plan.target.host, key, &plan.names, plan.currency);
        let books = RefCell::new(Books::new(&plan.stock));
        Ok(Self { plan, requests, books, live: Arc::new(Live::new()) })
    }

    /// Whether nothing more is to be sent.
    pub(crate) fn is_lost(&self) -> bool {
        self.books.borrow().wrong.count >= WRONG_MAX
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::soak::cli::tests::cli;

    /// A plan of few SKUs.
    pub(crate) fn plan() -> Plan {
        traffic().plan
    }

    /// Nobody listens there.
    pub(crate) fn traffic() -> Traffic {
        Traffic::new(&cli(&["--skus", "10"]), "127.0.0.1:1".parse().unwrap(), "k").unwrap()
    }

    #[test]
    fn orders_have_one_line_and_stock_one_place() {
        let plan = plan();
        assert_eq!((plan.locations, plan.stock.clone()), (1, vec![STOCK; 10]));
        let mut order = crate::workload::Order::default();
        plan.workload.order(7, &mut order);
        assert_eq!(order.lines.len(), 1);
    }

    #[test]
    fn a_server_that_answers_wrongly_all_the_time_is_given_up() {
        let traffic = traffic();
        for count in 1..=WRONG_MAX {
            assert!(!traffic.is_lost());
            traffic.books.borrow_mut().wrong.add(|| format!("{count}"));
        }
        assert!(traffic.is_lost());
    }
}
