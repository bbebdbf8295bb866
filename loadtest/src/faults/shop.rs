//! A shop in a data directory of its own, with everything that was ever asked of it.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::rc::Rc;
use std::time::Duration;

use serde_json::json;

use crate::api::Api;
use crate::clock::Clock;
use crate::error::LoadError;
use crate::faults::asks::SKUS;
use crate::faults::check::{Verdict, check};
use crate::faults::drive::{Books, Drive, Step, ask_again, ask_once};
use crate::faults::history::{Ask, History};
use crate::faults::record::read_log;
use crate::faults::server::{Server, Start, Under, command, command_soon, expect};
use crate::plan::Target;
use crate::random::{Random, Stream};

/// How long an answer may take from a server that is well.
const PATIENCE: Duration = Duration::from_secs(10);

/// Things that were answered and are asked again after each start.
const REPEATS: u64 = 8;

/// Orders that are read back after each start.
const READ_BACK: u64 = 8;

/// See the module.
pub(crate) struct Shop {
    binary: PathBuf,
    pub(crate) data: PathBuf,
    log: PathBuf,
    pub(crate) books: Rc<RefCell<Books>>,
    /// What was asked again because its outcome was unknown.
    pub(crate) asked_again: u64,
    draws: u64,
}

impl Shop {
    /// A shop in a new directory: a merchant, a key, a location, a channel, and SKUs without stock.
    pub(crate) fn open(binary: &Path, data: &Path, log: PathBuf, seed: u64) -> Result<Self, LoadError> {
        let history = History::default();
        let books = Books {
            key: String::new(),
            seed,
            clock: Clock::start(),
            history,
            orders: Vec::new(),
            turned_away: 0,
        };
        let shop = Self {
            binary: binary.to_path_buf(),
            data: data.to_path_buf(),
            log,
            books: Rc::new(RefCell::new(books)),
            asked_again: 0,
            draws: 0,
        };
        // By a running server: on a stopped directory the first segment would have the default size.
        let mut server = shop.start()?;
        let text = data.to_string_lossy();
        shop.command_soon(&["merchant", "create", "shop", "--data", &text])?;
        let scopes = "orders:write,stock:write,read";
        let create = ["key", "create", "--merchant", "shop", "--scopes", scopes, "--data", &text];
        shop.books.borrow_mut().key = shop.command_soon(&create)?.trim().to_owned();
        shop.furnish(server.address)?;
        server.kill()?;
        Ok(shop)
    }

    /// See [`command_soon`].
    pub(crate) fn command_soon(&self, arguments: &[&str]) -> Result<String, LoadError> {
        command_soon(&self.binary, arguments)
    }

    fn furnish(&self, address: SocketAddr) -> Result<(), LoadError> {
        let key = self.books.borrow().key.clone();
        let mut api = Api::new(&Target { host: address.to_string(), address, key }, PATIENCE);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(LoadError::system("starting a runtime"))?.block_on(async {
            let mut things = vec![
                ("/v1/locations/main".to_owned(), json!({ "kind": "warehouse", "country": "DE" })),
                ("/v1/channels/web".to_owned(), json!({ "kind": "api", "locations": ["main"] })),
            ];
            things.extend((0..SKUS).map(|sku| (format!("/v1/skus/S{sku}"), json!({}))));
            for (path, body) in things {
                api.put(&path, &body).await?.expect(&[200, 201], || format!("PUT {path}"))?;
            }
            Ok(())
        })
    }

    /// Starts the server with nothing in its way; it must come up.
    pub(crate) fn start(&self) -> Result<Server, LoadError> {
        match self.start_under(&Under::default())? {
            Start::Ready(server) => Ok(server),
            Start::Ended(status) => Err(LoadError::Usage(format!(
                "the server did not come up again: {status}; see {}",
                self.log.display()
            ))),
        }
    }

    /// Starts the server under something.
    pub(crate) fn start_under(&self, under: &Under) -> Result<Start, LoadError> {
        Server::start(&self.binary, &self.data, under, &self.log)
    }

    /// Clients ask until the steps are done.
    pub(crate) fn drive(
        &self,
        address: SocketAddr,
        patience: Duration,
        steps: Vec<(Duration, Step<'_>)>,
    ) -> Result<(), LoadError> {
        Drive { patience, steps }.run(&self.books, address)
    }

    /// SIGKILL: what has no answer by now happened before now, or never.
    pub(crate) fn kill(&self, server: &mut Server) -> Result<ExitStatus, LoadError> {
        let status = server.kill()?;
        self.dead();
        Ok(status)
    }

    /// The process is known to have ended.
    pub(crate) fn dead(&self) {
        let mut books = self.books.borrow_mut();
        let now = books.clock.now_ns();
        books.history.dead(now);
    }

    /// On a server that is well: asks again for what is unknown, but for some; repeats some of what is known; reads
    /// the stock and some orders.
    pub(crate) fn look_round(&mut self, address: SocketAddr) -> Result<(), LoadError> {
        let (mut places, mut asks) = (Vec::new(), Vec::new());
        {
            let books = self.books.borrow();
            let ops = &books.history.ops;
            let open = |place: &usize| {
                let op = &ops[*place];
                op.is_open() && !op.left && !op.ask.is_read()
            };
            places.extend((0..ops.len()).filter(open));
            self.asked_again += places.len() as u64;
            self.draws += 1;
            let mut random = Random::of(books.seed, Stream::Repeat, self.draws);
            let mut draw =
                |bound: usize| usize::try_from(random.below(bound.max(1) as u64)).unwrap_or_default();
            let repeats = (0..REPEATS).map(|_| draw(ops.len()));
            places.extend(
                repeats.filter(|place| {
                    ops.get(*place).is_some_and(|op| !op.told.is_empty() && !op.ask.is_read())
                }),
            );
            asks.extend((0..usize::try_from(SKUS).unwrap_or_default()).map(|sku| Ask::ReadStock { sku }));
            let known = (0..READ_BACK).filter_map(|_| books.orders.get(draw(books.orders.len())));
            asks.extend(known.map(|(order, _)| Ask::ReadOrder { order: order.clone() }));
        }
        ask_again(&self.books, address, &places, PATIENCE)?;
        ask_once(&self.books, address, asks, PATIENCE)?;
        let books = self.books.borrow();
        match places.iter().map(|place| &books.history.ops[*place]).find(|op| op.told.is_empty()) {
            Some(op) => {
                Err(LoadError::Usage(format!("{} has no answer from a server that is well", op.name)))
            }
            None => Ok(()),
        }
    }

    /// Audits the directory and holds the history against the log.
    pub(crate) fn judge(&self) -> Result<Verdict, LoadError> {
        let data = self.data.to_string_lossy();
        let (is_whole, text) = command(&self.binary, &["verify", &data])?;
        let log = expect(&self.binary, &["log", &data])?;
        let records = read_log(&log).map_err(LoadError::Usage)?;
        let mut verdict = check(&self.books.borrow().history, &records);
        if !is_whole {
            verdict.faults.push(format!("onhand verify: {text}"));
        }
        Ok(verdict)
    }
}

/// How many of these a directory has: segments that are sealed, generations of snapshots. None is fine.
pub(crate) fn entries(dir: &Path) -> u64 {
    std::fs::read_dir(dir).map_or(0, |entries| entries.count() as u64)
}
