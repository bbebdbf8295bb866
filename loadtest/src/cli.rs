//! The command line, as written; `plan.rs` makes a run of it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

/// What `--help` says behind the options.
const AFTER_HELP: &str = "\
Examples:
  onhand-loadtest mixed --rate 5000 --duration 30s --key \"$KEY\"
  onhand-loadtest hot --rate max --stock 10000 --orders 50000
  onhand-loadtest bulk --rate max --lines 3 --json report.json
  onhand-loadtest replay lines_2010_2011.csv.gz --speedup 2000000
  onhand-loadtest faults --help      starts a server of its own, and has it fail

Every run makes its own location, channel, SKUs and stock, under names that start with --run, and reads the
state back when it is over. The audit stands above every figure.

Exit codes:
  0  every check of the audit held
  1  a check failed: the server lost, invented or oversold something, or broke its contract
  2  usage, connection or set-up error, or interrupted: nothing is said about the server";

/// What is asked of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// One line an order, each SKU as likely as any other.
    Uniform,
    /// One line an order, SKUs by Zipf's law with exponent 0.99.
    Zipf,
    /// One line an order, always the same SKU.
    Hot,
    /// --lines lines an order, SKUs by Zipf's law.
    Lines,
    /// One to three lines by Zipf's law; 10 % of requests repeat one with its key, 5 % deliver one twice.
    Mixed,
    /// Bulk requests of --batch orders, each with --lines lines, uniform SKUs; answers are read as they stream.
    Bulk,
    /// The invoices of CSV files (plain or .gz), at their recorded times divided by --speedup.
    Replay,
}

/// What happens to an order that stock cannot serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Policy {
    /// It is refused as a whole.
    Reject,
    /// What is missing waits for stock.
    Backorder,
}

/// How fast to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rate {
    /// Orders a second, planned beforehand.
    PerSecond(u64),
    /// As fast as connections become free.
    Max,
}

/// Loads an Onhand server over HTTP, audits what it acknowledged, and only then prints latencies.
#[derive(Debug, Parser)]
#[command(name = "onhand-loadtest", version, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// What to ask.
    #[arg(value_enum, default_value = "mixed")]
    pub(crate) scenario: Scenario,

    /// For replay: CSV files with the columns
    /// InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID,Country.
    pub(crate) files: Vec<PathBuf>,

    /// Where the server listens.
    #[arg(long, env = "ONHAND_URL", default_value = "http://127.0.0.1:8080")]
    pub(crate) url: String,

    /// A key with the scopes orders:write, stock:write, read and admin.
    #[arg(long, env = "ONHAND_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,

    /// Orders a second, or `max` for a closed loop [default: 1000; replay: as recorded].
    #[arg(long, value_parser = parse_rate)]
    pub(crate) rate: Option<Rate>,

    /// How long to send, like 500ms, 10s, 2m or 1h [default: 10s unless --orders is given; replay: to its end].
    #[arg(long, value_parser = parse_duration)]
    pub(crate) duration: Option<Duration>,

    /// How many orders to send, repeats included.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) orders: Option<u64>,

    /// Connections, each with one request under way [default: 64; bulk: 4].
    #[arg(long, short = 'c', value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(crate) connections: Option<u32>,

    /// Threads that share the connections. More than one takes cores from a server on the same machine.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) threads: u32,

    /// SKUs [default: 10000; hot: 1; replay: the recording's].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) skus: Option<u32>,

    /// Locations that share the stock.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) locations: u32,

    /// Units of each SKU, over all locations [default: 1000000; replay: exactly what is asked for].
    #[arg(long, value_parser = clap::value_parser!(u64).range(0..=1_000_000_000))]
    pub(crate) stock: Option<u64>,

    /// Lines an order [default: lines 3, bulk 1].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_200))]
    pub(crate) lines: Option<u32>,

    /// Orders in a bulk request [default: 1000].
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) batch: Option<u64>,

    /// How many times faster than recorded to replay [default: 1000000].
    #[arg(long, value_parser = parse_speedup)]
    pub(crate) speedup: Option<f64>,

    /// What happens to an order that stock cannot serve.
    #[arg(long, value_enum, default_value = "reject")]
    pub(crate) policy: Policy,

    /// Sends an idempotency key with every order (`mixed` always does).
    #[arg(long)]
    pub(crate) idempotency_keys: bool,

    /// Decides what is asked; the same seed asks the same.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,

    /// Prefix of all names, letters and digits [default: made from the time].
    #[arg(long, value_parser = parse_run)]
    pub(crate) run: Option<String>,

    /// How long one answer may take before the request is sent again.
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    pub(crate) timeout: Duration,

    /// How long to go on asking about an order whose outcome is unknown.
    #[arg(long, default_value = "60s", value_parser = parse_duration)]
    pub(crate) give_up: Duration,

    /// Accepted orders to read back, drawn at random, or `all`.
    #[arg(long, default_value = "1000", value_parser = parse_sample)]
    pub(crate) sample: usize,

    /// Writes the report as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Writes the latency distribution for HdrHistogram's plotter.
    #[arg(long, value_name = "FILE")]
    pub(crate) hgrm: Option<PathBuf>,

    /// A line for the report, for instance the server's disk and durability settings.
    #[arg(long)]
    pub(crate) note: Option<String>,

    /// No progress.
    #[arg(long, short = 'q')]
    pub(crate) quiet: bool,
}

fn parse_rate(text: &str) -> Result<Rate, String> {
    /// A tenth of a microsecond between orders: beyond what one machine can send.
    const PER_SECOND_MAX: u64 = 10_000_000;
    if text == "max" {
        return Ok(Rate::Max);
    }
    match text.parse() {
        Ok(rate @ 1..=PER_SECOND_MAX) => Ok(Rate::PerSecond(rate)),
        Ok(_) | Err(_) => Err(format!("not `max` and not a number from 1 to {PER_SECOND_MAX}")),
    }
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let unit_at = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(unit_at);
    let number: u32 = digits.parse().map_err(|_| "not a whole number with a unit, like 10s".to_owned())?;
    let duration = match unit {
        "ms" => Duration::from_millis(u64::from(number)),
        "s" => Duration::from_secs(u64::from(number)),
        "m" => Duration::from_secs(u64::from(number) * 60),
        "h" => Duration::from_secs(u64::from(number) * 3_600),
        _ => return Err("the unit is ms, s, m or h".to_owned()),
    };
    if duration.is_zero() { Err("must be more than nothing".to_owned()) } else { Ok(duration) }
}

fn parse_speedup(text: &str) -> Result<f64, String> {
    /// Two years in less than a millisecond.
    const SPEEDUP_MAX: f64 = 1e11;
    match text.parse::<f64>() {
        Ok(speedup) if (1e-3..=SPEEDUP_MAX).contains(&speedup) => Ok(speedup),
        Ok(_) | Err(_) => Err(format!("not a number from 0.001 to {SPEEDUP_MAX}")),
    }
}

fn parse_run(text: &str) -> Result<String, String> {
    /// Leaves room in a code's 64 bytes for what stands behind it.
    const RUN_BYTES_MAX: usize = 24;
    let fits = (1..=RUN_BYTES_MAX).contains(&text.len());
    if fits && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        Ok(text.to_owned())
    } else {
        Err(format!("not 1 to {RUN_BYTES_MAX} letters and digits"))
    }
}

fn parse_sample(text: &str) -> Result<usize, String> {
    if text == "all" {
        return Ok(usize::MAX);
    }
    text.parse().map_err(|_| "not `all` and not a number".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn values_are_read_with_their_limits() {
        assert_eq!(parse_rate("max"), Ok(Rate::Max));
        assert_eq!(parse_rate("250"), Ok(Rate::PerSecond(250)));
        assert!(parse_rate("0").is_err() && parse_rate("1e3").is_err() && parse_rate("10000001").is_err());
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        assert!(
            ["", "s", "10", "10 s", "0s", "-1s", "99999999999s"]
                .iter()
                .all(|text| parse_duration(text).is_err())
        );
        assert!(parse_speedup("1e6").is_ok() && parse_speedup("NaN").is_err() && parse_speedup("0").is_err());
        assert!(parse_run("R7").is_ok() && parse_run("a-b").is_err() && parse_run("").is_err());
        assert_eq!(parse_sample("all"), Ok(usize::MAX));
    }
}
