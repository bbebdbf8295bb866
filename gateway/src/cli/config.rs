//! Settings of a server: defaults that work, then a TOML file, then `ONHAND_*` variables, then flags.

use super::ServeArgs;
use anyhow::Context;
use onhand_engine::EngineConfig;
use serde::Deserialize;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// Where a server listens if nobody says: this machine only.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

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
}

/// What a server runs with.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) data: PathBuf,
    pub(super) listen: SocketAddr,
    pub(super) workers: usize,
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
    /// If the file cannot be read or says something unknown, or nobody names the data directory.
    pub(super) fn of(args: &ServeArgs) -> anyhow::Result<Self> {
        let file = args.config.as_deref().map_or_else(|| Ok(File::default()), File::read)?;
        let data = args.data.clone().or(file.data);
        let data = data.context("name the data directory: --data DIR, ONHAND_DATA or `data` in the file")?;
        let mut engine = engine_config();
        let set = |value: &mut usize, to: Option<usize>| {
            if let Some(to) = to {
                *value = to.max(1);
            }
        };
        set(&mut engine.shards, args.shards.or(file.shards));
        set(&mut engine.snapshot_segments, file.snapshot_segments);
        set(&mut engine.queues.merchant_max, file.merchant_queue_max);
        set(&mut engine.queues.total_max, file.total_queue_max);
        engine.segment_bytes = file.segment_bytes.unwrap_or(engine.segment_bytes);
        let workers = args.workers.or(file.workers).unwrap_or(cores().saturating_sub(1)).max(1);
        Ok(Self { data, listen: args.listen.or(file.listen).unwrap_or(LISTEN), workers, engine })
    }
}

impl File {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{}", path.display()))
    }
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
        ServeArgs { config: None, data: None, listen: None, shards: None, workers: None }
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
}
