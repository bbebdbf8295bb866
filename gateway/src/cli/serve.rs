//! `onhand serve`.

use super::backup::refuse_backup;
use super::config::Settings;
use super::refusal::refused_start;
use super::{ServeArgs, say, say_error};
use crate::http::{Shared, listen as listen_on, serve as serve_http, serve_admin};
use crate::metrics;
use ::metrics::histogram;
use anyhow::Context;
use metrics_exporter_prometheus::PrometheusHandle;
use onhand_engine::clock::{Stopwatch, SystemClock};
use onhand_engine::secrets::Fingerprints;
use onhand_engine::snapshots::Disk;
use onhand_engine::snapshots::storage::DirectoryLock;
use onhand_engine::{Engine, EngineConfig, OnFailure};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;

/// The administrator's socket, in the data directory.
pub(super) const SOCKET: &str = "admin.sock";

/// How often the exporter's histograms are drained: without it they grow until somebody scrapes.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Exit code of a process whose log failed or that lost a thread: it must not go on.
const LOG_FAILED: i32 = 4;

/// Everything that `serve` and the administrator's commands need of a data directory.
pub(super) struct Opened {
    pub(super) engine: Engine,
    _lock: DirectoryLock,
}

/// Recovers and starts the engine; whoever starts it has the lock.
pub(super) fn open(data: &Path, config: &EngineConfig, lock: DirectoryLock) -> anyhow::Result<Opened> {
    let fingerprints = Fingerprints::open(data).map_err(|error| refused_start(data, error))?;
    let on_failure: OnFailure = Arc::new(|failure| {
        say_error(&format!("onhand: {failure}; the process ends"));
        std::process::exit(LOG_FAILED);
    });
    let key = fingerprints.clone();
    let engine = Engine::start(Disk::at(data), fingerprints, Arc::new(SystemClock), config, on_failure);
    let engine = engine.map_err(|error| refused_start(data, error))?;
    // The log of a new directory is durable now, and its key says so from here on.
    key.confirm(data).with_context(|| format!("{}", data.display()))?;
    Ok(Opened { engine, _lock: lock })
}

pub(super) fn serve(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    start_logging()?;
    let recorder = metrics::install()?;
    let Settings { data, listen, workers, bulk_bytes_max, engine } = Settings::of(args)?;
    refuse_backup(&data)?;
    // Before anything is said: who reads the line below may rely on it that this process has the directory.
    let lock = DirectoryLock::take(&data)?;
    let listener = listen_on(listen).with_context(|| format!("cannot listen on {listen}"))?;
    let address = listener.local_addr()?;
    let shared = Arc::new(Shared::new(recorder.clone()));
    keep_up(recorder)?;
    let (ended, end) = mpsc::sync_channel(1);
    let opener = spawn_opener(data, engine, lock, Arc::clone(&shared), end)?;
    actix_web::rt::System::new().block_on(async {
        let server = serve_http(listener, &shared, workers, bulk_bytes_max)?;
        if args.end_with_stdin {
            let (handle, closed) = (server.handle(), stdin_closed()?);
            actix_web::rt::spawn(async move {
                if closed.await.is_ok() {
                    handle.stop(true).await;
                }
            });
        }
        say(&format!("onhand listening on http://{address}"))?;
        server.await
    })?;
    // The workers have answered what they had; now the engine may stop.
    if ended.send(()).is_err() {
        tracing::warn!("the engine's thread ended before");
    }
    match opener.join() {
        Ok(outcome) => outcome.map(|()| ExitCode::SUCCESS),
        Err(_) => anyhow::bail!("the engine's thread panicked"),
    }
}

/// Ready when stdin ends. A thread waits for it: there is no other way that works for every kind of stdin.
fn stdin_closed() -> std::io::Result<oneshot::Receiver<()>> {
    let (closed, wait) = oneshot::channel();
    let run = move || {
        if let Err(error) = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink()) {
            tracing::warn!(%error, "stdin cannot be read; the server ends");
        }
        if closed.send(()).is_err() {
            tracing::debug!("the server ends for another reason already");
        }
    };
    std::thread::Builder::new().name("stdin".into()).spawn(run)?;
    Ok(wait)
}

/// Recovers on a thread of its own, so that `/healthz` answers meanwhile; then waits for the end.
fn spawn_opener(
    data: PathBuf,
    config: EngineConfig,
    lock: DirectoryLock,
    shared: Arc<Shared>,
    end: mpsc::Receiver<()>,
) -> anyhow::Result<std::thread::JoinHandle<anyhow::Result<()>>> {
    let run = move || {
        let watch = Stopwatch::start();
        let opened = match open(&data, &config, lock) {
            Ok(opened) => opened,
            Err(error) => super::exit_with(&error),
        };
        let took = watch.elapsed();
        histogram!(metrics::RECOVERY_SECONDS).record(took);
        let report = opened.engine.report();
        tracing::info!(
            last_lsn = report.last.0,
            milliseconds = took.as_millis(),
            shards = config.shards,
            "ready"
        );
        if let Some(torn) = &report.torn {
            tracing::warn!(
                file = torn.file,
                offset = torn.offset,
                last_lsn = torn.last_good.0,
                is_kept = report.is_torn_kept,
                "a torn end was cut off"
            );
        }
        shared.open(opened.engine.handle());
        let socket = data.join(SOCKET);
        let admin = start_admin(socket.clone(), Arc::clone(&shared))?;
        if end.recv().is_err() {
            tracing::warn!("the server ended without a word");
        }
        drop(std::fs::remove_file(&socket));
        drop(admin);
        opened.engine.stop();
        tracing::info!("stopped");
        Ok(())
    };
    Ok(std::thread::Builder::new().name("opener".into()).spawn(run)?)
}

/// Serves the administrator's socket until the process ends.
fn start_admin(socket: PathBuf, shared: Arc<Shared>) -> anyhow::Result<std::thread::JoinHandle<()>> {
    if socket.exists() {
        std::fs::remove_file(&socket)?;
    }
    let run = move || {
        let served = actix_web::rt::System::new().block_on(async { serve_admin(&socket, &shared)?.await });
        if let Err(error) = served {
            tracing::error!(%error, "the administrator's socket is not served");
        }
    };
    Ok(std::thread::Builder::new().name("admin".into()).spawn(run)?)
}

fn keep_up(recorder: PrometheusHandle) -> anyhow::Result<()> {
    let run = move || {
        loop {
            std::thread::sleep(UPKEEP_INTERVAL);
            recorder.run_upkeep();
        }
    };
    std::thread::Builder::new().name("metrics".into()).spawn(run)?;
    Ok(())
}

/// Text on a terminal, JSON lines elsewhere.
fn start_logging() -> anyhow::Result<()> {
    let filter = match std::env::var("ONHAND_LOG") {
        Ok(text) => EnvFilter::try_new(&text).with_context(|| format!("ONHAND_LOG={text}"))?,
        Err(_) => EnvFilter::new("info"),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // Where a line cannot be written, a line about that cannot either: saying so would be a panic.
        .log_internal_errors(false);
    let started =
        if std::io::stderr().is_terminal() { builder.try_init() } else { builder.json().try_init() };
    if started.is_err() {
        say_error("onhand: a logger is there already");
    }
    Ok(())
}
