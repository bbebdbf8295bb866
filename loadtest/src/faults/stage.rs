//! One scenario on its way: a shop, the server if it runs, and the tally.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use crate::error::LoadError;
use crate::faults::server::Server;
use crate::faults::shop::{Shop, entries};
use crate::faults::tally::Tally;
use crate::random::{Random, Stream};

/// Exit codes that are documented: refused start, and a log that failed while serving.
const DOCUMENTED: [i32; 2] = [2, 4];

/// Where scenarios find things.
pub(crate) struct Place {
    pub(crate) binary: PathBuf,
    pub(crate) dir: PathBuf,
    pub(crate) seed: u64,
}

/// See the module.
pub(crate) struct Stage<'a> {
    place: &'a Place,
    pub(crate) tally: Tally,
    pub(crate) random: Random,
    shops: u64,
}

impl<'a> Stage<'a> {
    /// A scenario before its first shop.
    pub(crate) fn new(place: &'a Place, name: &'static str, number: u64) -> Self {
        let random = Random::of(place.seed, Stream::Sample, number);
        Self { place, tally: Tally::new(name), random, shops: 0 }
    }

    /// A new shop.
    pub(crate) fn shop(&mut self) -> Result<Shop, LoadError> {
        let dir = self.place.dir.clone();
        self.shop_in(&dir)
    }

    /// A new shop in this directory.
    pub(crate) fn shop_in(&mut self, dir: &Path) -> Result<Shop, LoadError> {
        self.shops += 1;
        let data = dir.join(format!("{}-{}", self.tally.name, self.shops));
        let log = self.file(&format!("{}.server.log", self.shops));
        Shop::open(&self.place.binary, &data, log, self.random.next())
    }

    /// A number from `low` to below `high`.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.random.below(high - low)
    }

    /// A path for what belongs to the scenario.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.place.dir.join(format!("{}-{name}", self.tally.name))
    }

    /// After a fault: the server starts with nothing in its way, knows everything, and its log explains it all.
    pub(crate) fn settle(&mut self, shop: &mut Shop) -> Result<Server, LoadError> {
        let server = shop.start()?;
        shop.look_round(server.address)?;
        let mut verdict = shop.judge()?;
        self.tally.round(std::mem::take(&mut verdict.faults));
        if self.tally.faults.is_empty() {
            return Ok(server);
        }
        // Every later round would find the same again.
        self.tally.add(verdict, shop);
        Err(LoadError::Usage("the rest of the scenario was not played".to_owned()))
    }

    /// A shop is closed: its figures go into the tally, and its directory goes if all held.
    pub(crate) fn close(&mut self, shop: &mut Shop, server: &mut Server) -> Result<(), LoadError> {
        shop.kill(server)?;
        self.tally.add(shop.judge()?, shop);
        let made = ["log", "index", "snapshots", "quarantine"].map(|name| entries(&shop.data.join(name)));
        self.tally.made(made);
        if self.tally.faults.is_empty() {
            std::fs::remove_dir_all(&shop.data).map_err(LoadError::system("removing a data directory"))?;
        }
        Ok(())
    }

    /// A process ended by itself: only in ways that are documented.
    pub(crate) fn ended(&mut self, when: &str, status: ExitStatus) {
        // The loader of programs did not get a library: the server was not there yet.
        let is_unloaded = when.starts_with("in the start") && status.code() == Some(127);
        if !is_unloaded && status.code().is_none_or(|code| !DOCUMENTED.contains(&code)) {
            self.tally.faults.push(format!("the server ended {when} with {status}"));
        }
        let code = status.code().map_or_else(|| status.to_string(), |code| format!("exit {code}"));
        self.tally.saw(format!("{code} {when}"));
    }
}
