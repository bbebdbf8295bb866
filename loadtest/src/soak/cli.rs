//! The command line of the soak.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// What `--help` says behind the options.
const AFTER_HELP: &str = "\
Of 33 requests 16 place an order, 12 ship one, 4 cancel one and 1 receives stock: what is open and what is in stock stay
what they are. Latencies are those of all requests, from their planned time. `--percent` is of what a closed loop of the
same requests reaches before.

Exit codes:
  0  everything that is judged held
  1  something did not
  2  usage, or the server did not start or answer";

/// Loads a new server for long at a part of what it can carry, and watches its throughput, latencies and memory.
#[derive(Debug, Parser)]
#[command(name = "onhand-loadtest soak", version, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// The `onhand` binary.
    #[arg(long)]
    pub(crate) server: PathBuf,

    /// A directory for the server's data and log; the data is removed if all held.
    #[arg(long)]
    pub(crate) dir: PathBuf,

    /// Minutes of load.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1_440))]
    minutes: u64,

    /// The same in seconds.
    #[arg(long, conflicts_with = "minutes", value_parser = clap::value_parser!(u64).range(20..=86_400))]
    seconds: Option<u64>,

    /// How much is offered, in hundredths of the maximum.
    #[arg(long, default_value_t = 70, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub(crate) percent: u64,

    /// Connections, each with one request under way.
    #[arg(long, short = 'c', default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) connections: u32,

    /// SKUs, each as likely as any other.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) skus: u32,

    /// Orders that are open all the time: each new one ends the oldest.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1_000..=10_000_000))]
    pub(crate) open: u64,

    /// Decides what is asked; the same seed asks the same.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,

    /// Fail also unless throughput, p99.9 and resident memory stay within a tenth: for a machine with nothing else on it.
    #[arg(long)]
    pub(crate) judge_flat: bool,

    /// Writes figures and verdict as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Writes the course of throughput, p99.9 and resident memory as a picture.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}

/// At the most so many samples, of at least so many seconds: fewer have no p99.9, more are no easier to read.
const SAMPLES_MAX: u64 = 60;
const SAMPLE_SECONDS_MIN: u64 = 2;

/// Segments of a run of minutes: a quarter of the default, so that at tens of thousands of requests a second one lasts some
/// seconds and there is a snapshot every quarter minute. A shorter run has many of both also on a slow machine.
const SEGMENT_BYTES: u64 = 16 << 20;
const SHORT_SEGMENT_BYTES: u64 = 4 << 20;
const SHORT_SECONDS: u64 = 300;

impl Cli {
    /// How large the server's segments are.
    pub(crate) fn segment_bytes(&self) -> u64 {
        if self.seconds() < SHORT_SECONDS { SHORT_SEGMENT_BYTES } else { SEGMENT_BYTES }
    }

    /// How long is sampled.
    pub(crate) fn seconds(&self) -> u64 {
        self.seconds.unwrap_or(self.minutes * 60)
    }

    /// The length of a sample; the last may be longer.
    pub(crate) fn period(&self) -> Duration {
        Duration::from_secs(self.seconds().div_ceil(SAMPLES_MAX).max(SAMPLE_SECONDS_MIN))
    }

    /// How long the maximum is looked for.
    pub(crate) fn search(&self) -> Duration {
        Duration::from_secs((self.seconds() / 12).clamp(3, 15))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A command line with what must be given.
    pub(crate) fn cli(words: &[&str]) -> Cli {
        Cli::try_parse_from(["soak", "--server", "x", "--dir", "y"].iter().chain(words)).unwrap()
    }

    #[test]
    fn a_run_has_sixty_samples_or_samples_of_two_seconds_and_a_short_one_small_segments() {
        let sampled = |words: &[&str]| {
            let cli = cli(words);
            (cli.seconds(), cli.period().as_secs(), cli.search().as_secs(), cli.segment_bytes() >> 20)
        };
        assert_eq!(sampled(&[]), (1_200, 20, 15, 16));
        assert_eq!(sampled(&["--minutes", "2"]), (120, 2, 10, 4));
        assert_eq!(sampled(&["--seconds", "20"]), (20, 2, 3, 4));
        assert!(
            Cli::try_parse_from(["soak", "--server", "x", "--dir", "y", "--minutes", "2", "--seconds", "30"])
                .is_err()
        );
    }
}
