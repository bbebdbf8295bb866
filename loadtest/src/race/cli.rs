//! The command line of the race.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::race::course::Stream;

/// What `--help` says behind the options.
const AFTER_HELP: &str = "\
Every answer that counts was synced to the disk before it came, but for redis-everysec and echo, which are marked.
`benches/race/run` builds what is needed and runs a subset; `benches/race/install` installs PostgreSQL and Redis
(Debian). The load generator shares the machine with every contender, so ratios count and times only illustrate.

Exit codes:
  0  each contender's stock says what it answered
  1  one does not, or sold more than there was
  2  usage, or a contender did not start or answer";

/// A contender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Kind {
    /// Onhand, an order a request.
    Onhand,
    /// Onhand, `--batch` orders a request.
    OnhandBulk,
    /// actix-web that reads the order and answers bytes of the same number: the ceiling. Keeps nothing.
    Echo,
    /// PostgreSQL, an order a round trip: one function of conditional updates and an order row, synchronous commit.
    Postgres,
    /// Redis, an order a script call, `appendfsync always`.
    RedisAlways,
    /// The same with `appendfsync everysec`: a crash loses what was answered within a second.
    RedisEverysec,
}

impl Kind {
    /// Its name on the command line and in tables.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Whether an answer means that a crash cannot lose it.
    pub(crate) fn is_durable(self) -> bool {
        !matches!(self, Self::Echo | Self::RedisEverysec)
    }
}

/// Drives Onhand and what one would take instead with the same orders, and checks each one's final stock.
#[derive(Debug, Parser)]
#[command(name = "onhand-loadtest race", version, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// The `onhand` binary.
    #[arg(long)]
    pub(crate) server: PathBuf,

    /// The binary of the echo, if it is a contender.
    #[arg(long)]
    pub(crate) echo: Option<PathBuf>,

    /// A directory for data, on the disk to be measured. What a contender leaves there is removed after its lap.
    #[arg(long)]
    pub(crate) dir: PathBuf,

    /// Who runs.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Kind::Onhand, Kind::OnhandBulk, Kind::Echo,
        Kind::Postgres, Kind::RedisAlways, Kind::RedisEverysec])]
    pub(crate) contenders: Vec<Kind>,

    /// Which orders.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Stream::Uniform, Stream::Zipf, Stream::Hot,
        Stream::Lines, Stream::Real])]
    pub(crate) streams: Vec<Stream>,

    /// Connections, each with one request under way.
    #[arg(long, short = 'c', value_delimiter = ',', default_values_t = [64],
        value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) connections: Vec<u32>,

    /// Seconds that are measured of each contender, stream and number of connections.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) seconds: u64,

    /// Rounds; the table has medians.
    #[arg(long, default_value_t = 3, value_parser = rounds)]
    pub(crate) rounds: usize,

    /// SKUs of the streams that are drawn.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) skus: u32,

    /// Orders in a bulk request.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) batch: u64,

    /// The recording of the stream `real`: CSV, plain or .gz.
    #[arg(long)]
    pub(crate) recording: Option<PathBuf>,

    /// Bytes of the echo's answer, where Onhand does not run before it.
    #[arg(long, default_value_t = 330)]
    pub(crate) answer_bytes: usize,

    /// Where PostgreSQL's programs are [default: the newest in /usr/lib/postgresql].
    #[arg(long)]
    pub(crate) postgres: Option<PathBuf>,

    /// Redis's server.
    #[arg(long, default_value = "redis-server")]
    pub(crate) redis: PathBuf,

    /// Decides the orders; the same seed draws the same.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,

    /// Writes the medians as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Writes the medians as a picture.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}

fn rounds(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(rounds @ 1..=100) => Ok(rounds),
        Ok(_) | Err(_) => Err("not a number from 1 to 100".to_owned()),
    }
}
