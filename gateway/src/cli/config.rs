//! Settings of a server: defaults that work, then a TOML file, then `ONHAND_*` variables, then flags.

use super::ServeArgs;
use anyhow::{Context, ensure};
use onhand_engine::EngineConfig;
use onhand_engine::snapshots::log::SEGMENT_BYTES_MIN;
use serde::Deserialize;
use std::ffi::OsString;
use std::fmt::Display;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// Where a server listens if nobody says: this machine only.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Shards and workers are threads: a machine with more cores than this does not run them all at once.
const SHARDS_MAX: usize = 256;
const WORKERS_MAX: usize = 1_024;

/// 4 GiB: a segment is zero-filled ahead, archived and put back as one.
const SEGMENT_BYTES_MAX: u64 = 4 << 30;

/// A start replays at the most these many segments: with those of 64 MiB, some minutes.
const SNAPSHOT_SEGMENTS_MAX: usize = 1_000;

/// What waits is in memory, some 600 bytes each: 6 GB.
const QUEUE_MAX: usize = 10_000_000;

/// Bytes that all bulk bodies may have under way: thirty-two of them as much as one may have, or thousands of small
/// ones. At least what one may have, and no more than a machine's memory.
const BULK_BYTES: usize = 512 << 20;
const BULK_BYTES_RANGE: RangeInclusive<usize> = (16 << 20)..=(1 << 40);

/// Free bytes that can be asked for: 16 TiB, the largest disk of a machine. 0 switches a mark off.
const DISK_BYTES_MAX: u64 = 16 << 40;

/// What our variables begin with, and how they go on: the settings, and two that are none. The last two are the
/// load harness's, which may run in the same shell.
const PREFIX: &str = "ONHAND_";
const VARIABLES: [&str; 15] = [
    "CONFIG",
    "DATA",
    "LISTEN",
    "SHARDS",
    "WORKERS",
    "SEGMENT_BYTES",
    "SNAPSHOT_SEGMENTS",
    "MERCHANT_QUEUE_MAX",
    "TOTAL_QUEUE_MAX",
    "BULK_BYTES_MAX",
    "DISK_SOFT_BYTES",
    "DISK_HARD_BYTES",
    "LOG",
    "URL",
    "KEY",
];

/// The file. A key that is not here is an error: a typo must not pass for a setting.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    data: Option<PathBuf>,
    listen: Option<SocketAddr>,
    shards: Option<usize>,
    workers: Option<usize>,
    segment_bytes: Option<u64>,
    snapshot_segments: Option<usize>,
    merchant_queue_max: Option<usize>,
    total_queue_max: Option<usize>,
    bulk_bytes_max: Option<usize>,
    disk_soft_bytes: Option<u64>,
    disk_hard_bytes: Option<u64>,
}

/// What a server runs with.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) data: PathBuf,
    pub(super) listen: SocketAddr,
    pub(super) workers: usize,
    pub(super) bulk_bytes_max: usize,
    pub(super) engine: EngineConfig,
}

/// The engine's settings for this machine.
pub(super) fn engine_config() -> EngineConfig {
    EngineConfig::for_cores(cores())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl Settings {
    /// Puts the sources together. clap has already put flags over variables.
    ///
    /// # Errors
    /// If the file cannot be read or says something unknown, something is out of its range, or nobody names the
    /// data directory.
    pub(super) fn of(args: &ServeArgs) -> anyhow::Result<Self> {
        let file = args.config.as_deref().map_or_else(|| Ok(File::default()), File::read)?;
        let data = args.data.clone().or(file.data);
        let data = data.context("name the data directory: --data DIR, ONHAND_DATA or `data` in the file")?;
        let mut engine = engine_config();
        let mut workers = cores().saturating_sub(1).max(1);
        let (merchant_max, total_max) = (args.merchant_queue_max, args.total_queue_max);
        set("shards", &mut engine.shards, args.shards.or(file.shards), 1..=SHARDS_MAX)?;
        set("workers", &mut workers, args.workers.or(file.workers), 1..=WORKERS_MAX)?;
        let segment_bytes = args.segment_bytes.or(file.segment_bytes);
        set(
            "segment_bytes",
            &mut engine.segment_bytes,
            segment_bytes,
            SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX,
        )?;
        let segments = args.snapshot_segments.or(file.snapshot_segments);
        set("snapshot_segments", &mut engine.snapshot_segments, segments, 1..=SNAPSHOT_SEGMENTS_MAX)?;
        let queues = &mut engine.queues;
        let merchant_max = merchant_max.or(file.merchant_queue_max);
        set("merchant_queue_max", &mut queues.merchant_max, merchant_max, 1..=QUEUE_MAX)?;
        set("total_queue_max", &mut queues.total_max, total_max.or(file.total_queue_max), 1..=QUEUE_MAX)?;
        let mut bulk_bytes_max = BULK_BYTES;
        let wanted = args.bulk_bytes_max.or(file.bulk_bytes_max);
        set("bulk_bytes_max", &mut bulk_bytes_max, wanted, BULK_BYTES_RANGE)?;
        let disk = &mut engine.disk;
        let (soft, hard) = (args.disk_soft_bytes, args.disk_hard_bytes);
        set("disk_soft_bytes", &mut disk.soft_bytes, soft.or(file.disk_soft_bytes), 0..=DISK_BYTES_MAX)?;
        let hard = hard.or(file.disk_hard_bytes);
        set("disk_hard_bytes", &mut disk.hard_bytes, hard, 0..=disk.soft_bytes)?;
        disk.hard_bytes = disk.hard_bytes.min(disk.soft_bytes);
        let listen = args.listen.or(file.listen).unwrap_or(LISTEN);
        Ok(Self { data, listen, workers, bulk_bytes_max, engine })
    }
}

/// Takes a setting that somebody named, if it is within its range.
fn set<T: PartialOrd + Copy + Display>(
    key: &str,
    value: &mut T,
    to: Option<T>,
    range: RangeInclusive<T>,
) -> anyhow::Result<()> {
    let Some(to) = to else { return Ok(()) };
    ensure!(range.contains(&to), "{key} is {to} and must be between {} and {}", range.start(), range.end());
    *value = to;
    Ok(())
}

/// Refuses variables that look like ours and are not: a typo must not pass for a setting.
///
/// # Errors
/// Naming the variable.
pub(super) fn check_variables(variables: impl Iterator<Item = (OsString, OsString)>) -> anyhow::Result<()> {
    for (name, _) in variables {
        let name = name.to_string_lossy();
        let is_ours = name.strip_prefix(PREFIX);
        ensure!(
            is_ours.is_none_or(|rest| VARIABLES.contains(&rest)),
            "{name} is no setting of onhand; {PREFIX} can be followed by {}",
            VARIABLES.join(", ")
        );
    }
    Ok(())
}

impl File {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
        Self::parse(&text).with_context(|| format!("{}", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        Ok(toml::from_str(text)?)
    }
}

/// Reads the text of a settings file and forgets it.
///
/// # Errors
/// If it is no TOML, or says something unknown.
pub(super) fn check_file(text: &str) -> anyhow::Result<()> {
    File::parse(text).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(file: &str, args: ServeArgs) -> anyhow::Result<Settings> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("onhand.toml");
        std::fs::write(&path, file).unwrap();
        Settings::of(&ServeArgs { config: Some(path), ..args })
    }

    fn no_args() -> ServeArgs {
        ServeArgs {
            config: None,
            data: None,
            listen: None,
            shards: None,
            workers: None,
            segment_bytes: None,
            snapshot_segments: None,
            merchant_queue_max: None,
            total_queue_max: None,
            bulk_bytes_max: None,
            disk_soft_bytes: None,
            disk_hard_bytes: None,
            end_with_stdin: false,
        }
    }

    #[test]
    fn a_flag_goes_before_the_file_and_the_file_before_the_default() {
        let file = "data = \"here\"\nlisten = \"0.0.0.0:1\"\nshards = 3\nsnapshot_segments = 9\n";
        let args = ServeArgs { shards: Some(2), ..no_args() };
        let settings = settings(file, args).unwrap();
        assert_eq!((settings.engine.shards, settings.engine.snapshot_segments), (2, 9));
        assert_eq!(settings.listen, "0.0.0.0:1".parse().unwrap());
        assert_eq!(settings.data, Path::new("here"));
        assert_eq!(settings.engine.segment_bytes, engine_config().segment_bytes);
    }

    #[test]
    fn what_is_unknown_or_missing_is_said() {
        let unknown = settings("data = \"here\"\nshard = 3\n", no_args()).unwrap_err();
        assert!(format!("{unknown:#}").contains("unknown field `shard`"), "{unknown:#}");
        let missing = Settings::of(&no_args()).unwrap_err();
        assert!(missing.to_string().contains("--data"));
    }

    #[test]
    fn what_is_out_of_range_names_its_key() {
        for setting in [
            "shards = 0",
            "shards = 100000",
            "workers = 0",
            "segment_bytes = 4096",
            "segment_bytes = 1000000000000",
            "snapshot_segments = 0",
            "merchant_queue_max = 0",
            "total_queue_max = 100000000000",
            "bulk_bytes_max = 1",
            "disk_soft_bytes = 100000000000000",
            "disk_hard_bytes = 400000000",
        ] {
            let key = setting.split(' ').next().unwrap();
            let error = settings(&format!("data = \"here\"\n{setting}\n"), no_args()).unwrap_err();
            assert!(error.to_string().starts_with(&format!("{key} is ")), "{error:#}");
        }
    }

    #[test]
    fn a_variable_that_is_none_of_ours_is_said() {
        let check = |name: &str| check_variables(std::iter::once((name.into(), "1".into())));
        for name in ["ONHAND_LOG", "ONHAND_SEGMENT_BYTES", "PATH", "ON"] {
            assert!(check(name).is_ok(), "{name}");
        }
        for name in ["ONHAND_FOO", "ONHAND_", "ONHAND_shards"] {
            assert!(check(name).unwrap_err().to_string().contains(name), "{name}");
        }
    }

    #[test]
    fn every_key_of_the_file_has_its_variable() {
        let unknown = toml::from_str::<File>("x = 1").unwrap_err().to_string();
        let keys = unknown.split_once("expected one of ").unwrap().1;
        for key in keys.split('`').skip(1).step_by(2) {
            assert!(VARIABLES.contains(&key.to_uppercase().as_str()), "{key}");
        }
    }
}
