//! A run, worked out from the command line: every default filled in, every contradiction refused.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::{Cli, Policy, Rate, Scenario};
use crate::error::LoadError;
use crate::names::Names;
use crate::replay::Recording;
use crate::schedule::{Pace, Schedule};
use crate::workload::{Pick, Workload, ZIPF_EXPONENT};
use crate::zipf::Zipf;

const RATE_DEFAULT: u64 = 1_000;
const DURATION_DEFAULT: Duration = Duration::from_secs(10);
const SKUS_DEFAULT: u32 = 10_000;
/// So much that it lasts for any run of minutes: a run is about speed unless it says otherwise.
const STOCK_DEFAULT: u64 = 1_000_000;
const CONNECTIONS_DEFAULT: u32 = 64;
/// A bulk request keeps a server busy by itself; a few hide each other's gaps.
const BULK_CONNECTIONS_DEFAULT: u32 = 4;
const BATCH_DEFAULT: u64 = 1_000;
const LINES_DEFAULT: u32 = 3;
const MIXED_LINES: (u32, u32) = (1, 3);
/// A year in about half a minute.
const SPEEDUP_DEFAULT: f64 = 1e6;
const HTTP_PORT: u16 = 80;

/// Where the server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// For the `Host` header.
    pub(crate) host: String,
    /// For the connection.
    pub(crate) address: SocketAddr,
    /// For requests.
    pub(crate) key: String,
}

/// Everything a run does, decided before it starts.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The scenario's name and its parameters, in words.
    pub(crate) what: String,
    /// Where the server is.
    pub(crate) target: Target,
    /// What things are called.
    pub(crate) names: Names,
    /// What is asked.
    pub(crate) workload: Workload,
    /// When it is asked.
    pub(crate) schedule: Schedule,
    /// Requests go to the bulk route.
    pub(crate) bulk: bool,
    /// Orders carry an idempotency key.
    pub(crate) keys: bool,
    /// Currency of the prices.
    pub(crate) currency: &'static str,
    /// What happens to orders that stock cannot serve.
    pub(crate) policy: Policy,
    /// Number of locations.
    pub(crate) locations: u32,
    /// Units to receive per SKU, over all locations.
    pub(crate) stock: Vec<u64>,
    /// Connections.
    pub(crate) connections: u32,
    /// Threads, at most one per connection.
    pub(crate) threads: u32,
    /// The seed.
    pub(crate) seed: u64,
    /// How long an answer may take.
    pub(crate) timeout: Duration,
    /// How long an outcome may stay unknown.
    pub(crate) give_up: Duration,
    /// Orders to read back.
    pub(crate) sample: usize,
    /// Where the JSON report goes.
    pub(crate) json: Option<PathBuf>,
    /// Where the distribution goes.
    pub(crate) hgrm: Option<PathBuf>,
    /// A line for the report.
    pub(crate) note: Option<String>,
    /// Show no progress.
    pub(crate) quiet: bool,
}

impl Plan {
    /// Works a run out. `default_run` names it if the command line does not. Reads the recording, if there is one.
    pub(crate) fn new(cli: Cli, default_run: String) -> Result<Self, LoadError> {
        check(&cli)?;
        let key = cli.key.clone().filter(|key| is_header_text(key));
        let key = key.ok_or_else(|| usage("a key is needed: --key KEY, or ONHAND_KEY in the environment"))?;
        let (host, address) = resolve(&cli.url)?;
        let recording = match cli.scenario {
            Scenario::Replay => Some(Arc::new(Recording::read(&cli.files)?)),
            Scenario::Uniform
            | Scenario::Zipf
            | Scenario::Hot
            | Scenario::Lines
            | Scenario::Mixed
            | Scenario::Bulk => None,
        };
        let bulk = cli.scenario == Scenario::Bulk;
        let batch = if bulk { cli.batch.unwrap_or(BATCH_DEFAULT) } else { 1 };
        let stock = match &recording {
            Some(recording) => match cli.stock {
                Some(stock) => vec![stock; recording.codes.len()],
                None => recording.demand(),
            },
            None => vec![cli.stock.unwrap_or(STOCK_DEFAULT); skus(&cli) as usize],
        };
        let connections =
            cli.connections.unwrap_or(if bulk { BULK_CONNECTIONS_DEFAULT } else { CONNECTIONS_DEFAULT });
        let run = cli.run.clone().unwrap_or(default_run);
        Ok(Self {
            what: describe(&cli, recording.as_deref(), batch),
            target: Target { host, address, key },
            names: Names::new(run, recording.as_ref().map(|recording| recording.codes.clone())),
            schedule: schedule(&cli, recording.as_deref(), batch),
            currency: if recording.is_some() { "GBP" } else { "EUR" },
            workload: match recording {
                Some(recording) => Workload::Recorded(recording),
                None => drawn(&cli),
            },
            bulk,
            keys: cli.idempotency_keys || cli.scenario == Scenario::Mixed,
            policy: cli.policy,
            locations: cli.locations,
            stock,
            connections,
            threads: cli.threads.min(connections),
            seed: cli.seed,
            timeout: cli.timeout,
            give_up: cli.give_up,
            sample: cli.sample,
            json: cli.json,
            hgrm: cli.hgrm,
            note: cli.note,
            quiet: cli.quiet,
        })
    }

    /// Units to receive of a SKU at a location: an equal share each, the first location takes what is left over.
    pub(crate) fn received(&self, sku: usize, location: usize) -> u64 {
        let locations = u64::from(self.locations);
        let share = self.stock[sku] / locations;
        if location == 0 { share + self.stock[sku] % locations } else { share }
    }
}

fn usage(text: impl Into<String>) -> LoadError {
    LoadError::Usage(text.into())
}

/// An option that a scenario would ignore is a misunderstanding, and said so.
fn check(cli: &Cli) -> Result<(), LoadError> {
    let only = |given: bool, option: &str, scenarios: &[Scenario]| {
        if given && !scenarios.contains(&cli.scenario) {
            Err(usage(format!("{option} means nothing in this scenario")))
        } else {
            Ok(())
        }
    };
    only(!cli.files.is_empty(), "a file", &[Scenario::Replay])?;
    only(cli.speedup.is_some(), "--speedup", &[Scenario::Replay])?;
    only(cli.batch.is_some(), "--batch", &[Scenario::Bulk])?;
    only(cli.lines.is_some(), "--lines", &[Scenario::Lines, Scenario::Bulk])?;
    if cli.scenario == Scenario::Replay {
        if cli.files.is_empty() {
            return Err(usage("replay needs a CSV file"));
        }
        if cli.skus.is_some() {
            return Err(usage("--skus means nothing in this scenario: the recording has its own"));
        }
        if cli.speedup.is_some() && cli.rate.is_some() {
            return Err(usage("--speedup and --rate exclude each other"));
        }
    }
    Ok(())
}

/// Text that can stand in a header and ends neither it nor the request.
fn is_header_text(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// `http://host[:port]` to a host for the header and an address.
fn resolve(url: &str) -> Result<(String, SocketAddr), LoadError> {
    let wrong = |reason: &str| LoadError::Url { url: url.to_owned(), reason: reason.to_owned() };
    let host = url.strip_prefix("http://").ok_or_else(|| wrong("only http:// is spoken"))?;
    let host = host.strip_suffix('/').unwrap_or(host);
    if host.contains('/') || !is_header_text(host) {
        return Err(wrong("it must be http://host:port and nothing more"));
    }
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let addresses = if has_port { host.to_socket_addrs() } else { (host, HTTP_PORT).to_socket_addrs() };
    let address = addresses.map_err(|error| wrong(&error.to_string()))?.next();
    Ok((host.to_owned(), address.ok_or_else(|| wrong("the name has no address"))?))
}

fn skus(cli: &Cli) -> u32 {
    cli.skus.unwrap_or(if cli.scenario == Scenario::Hot { 1 } else { SKUS_DEFAULT })
}

fn drawn(cli: &Cli) -> Workload {
    let skus = skus(cli);
    let zipf = || Pick::Zipf(Zipf::new(skus, ZIPF_EXPONENT));
    let exactly = |lines| (lines, lines);
    let (pick, lines) = match cli.scenario {
        Scenario::Uniform => (Pick::Uniform, exactly(1)),
        Scenario::Zipf => (zipf(), exactly(1)),
        Scenario::Hot => (Pick::Hot, exactly(1)),
        Scenario::Lines => (zipf(), exactly(cli.lines.unwrap_or(LINES_DEFAULT))),
        Scenario::Mixed => (zipf(), MIXED_LINES),
        Scenario::Bulk | Scenario::Replay => (Pick::Uniform, exactly(cli.lines.unwrap_or(1))),
    };
    Workload::Drawn { seed: cli.seed, skus, pick, lines, repeats: cli.scenario == Scenario::Mixed }
}

fn schedule(cli: &Cli, recording: Option<&Recording>, batch: u64) -> Schedule {
    let pace = match (cli.rate, recording) {
        (Some(Rate::PerSecond(per_second)), _) => Pace::Every { per_second },
        (Some(Rate::Max), _) => Pace::Max,
        (None, Some(recording)) => {
            Pace::Recorded(recording.times_ns(cli.speedup.unwrap_or(SPEEDUP_DEFAULT)).into())
        }
        (None, None) => Pace::Every { per_second: RATE_DEFAULT },
    };
    let orders = match (recording, cli.orders) {
        (Some(recording), Some(orders)) => Some(recording.requests().min(orders)),
        (Some(recording), None) => Some(recording.requests()),
        (None, orders) => orders,
    };
    let duration = cli.duration.or(orders.is_none().then_some(DURATION_DEFAULT));
    let until_ns = duration.map(|duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    Schedule { pace, batch, orders, until_ns }
}

fn describe(cli: &Cli, recording: Option<&Recording>, batch: u64) -> String {
    let stock = cli.stock.unwrap_or(STOCK_DEFAULT);
    let over = format!("{} SKUs of {stock} units at {} locations", skus(cli), cli.locations);
    let lines = |default| cli.lines.unwrap_or(default);
    match (cli.scenario, recording) {
        (Scenario::Uniform, _) => format!("uniform: 1 line, {over}"),
        (Scenario::Zipf, _) => format!("zipf {ZIPF_EXPONENT}: 1 line, {over}"),
        (Scenario::Hot, _) => format!("hot: 1 line, always the same SKU, {over}"),
        (Scenario::Lines, _) => {
            format!("lines: {} lines, zipf {ZIPF_EXPONENT}, {over}", lines(LINES_DEFAULT))
        }
        (Scenario::Mixed, _) => {
            format!("mixed: 1 to 3 lines, zipf {ZIPF_EXPONENT}, 10 % sent again, 5 % delivered twice, {over}")
        }
        (Scenario::Bulk, _) => format!("bulk: {batch} orders a request, {} lines, uniform, {over}", lines(1)),
        (Scenario::Replay, None) => "replay".to_owned(),
        (Scenario::Replay, Some(recording)) => {
            let tally = &recording.tally;
            format!(
                "replay: {} requests ({} repeat one), {} SKUs at {} locations; of {} lines left out {} without \
                 a sale, {} without goods, {} too large",
                recording.requests(),
                tally.repeats,
                recording.codes.len(),
                cli.locations,
                tally.lines,
                tally.no_sale,
                tally.no_goods,
                tally.too_large
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn plan(arguments: &str) -> Result<Plan, LoadError> {
        let words = ["onhand-loadtest", "--key", "k"].into_iter().chain(arguments.split_whitespace());
        Plan::new(Cli::try_parse_from(words).unwrap(), "r1".into())
    }

    #[test]
    fn without_arguments_there_is_a_whole_plan() {
        let plan = plan("").unwrap();
        assert!(plan.what.starts_with("mixed"));
        assert!(plan.keys && plan.workload.repeats() && !plan.bulk);
        assert_eq!(plan.schedule.planned_orders(), Some(10_000));
        assert_eq!((plan.connections, plan.threads, plan.stock.len()), (64, 1, 10_000));
        assert_eq!(plan.target.host, "127.0.0.1:8080");
    }

    #[test]
    fn scenarios_have_defaults_of_their_own() {
        let hot = plan("hot --rate max --stock 7 --locations 3").unwrap();
        assert_eq!(hot.stock, [7]);
        assert_eq!([hot.received(0, 0), hot.received(0, 1), hot.received(0, 2)], [3, 2, 2]);
        let bulk = plan("bulk --lines 3 --orders 5000 -c 2 --threads 8").unwrap();
        assert!(bulk.bulk);
        assert_eq!((bulk.schedule.batch, bulk.connections, bulk.threads), (1_000, 2, 2));
        assert_eq!(bulk.schedule.until_ns, None);
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for arguments in [
            "hot --lines 3",
            "zipf --batch 10",
            "uniform --speedup 3",
            "zipf some.csv",
            "replay",
            "replay x.csv --speedup 3 --rate 5",
            "replay x.csv --skus 3",
        ] {
            assert!(matches!(plan(arguments), Err(LoadError::Usage(_))), "{arguments}");
        }
        assert!(matches!(plan("replay not-there.csv"), Err(LoadError::Replay(_))));
        for url in ["https://localhost:1", "http://localhost:1/v1", "localhost:1", "http://"] {
            assert!(matches!(plan(&format!("--url {url}")), Err(LoadError::Url { .. })), "{url}");
        }
        let keyless = Cli::try_parse_from(["onhand-loadtest", "--key", "a b"]).unwrap();
        assert!(matches!(Plan::new(keyless, "r".into()), Err(LoadError::Usage(_))));
    }
}
