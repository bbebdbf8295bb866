//! The main job in one command: real orders of five channels through HTTP, a crash in the middle, an audit at
//! the end. The server is a process of its own and is killed for real.

mod audit;
mod client;
mod flash;
mod interrupt;
mod run;
mod server;
mod story;
mod table;

use crate::cli::say;
use anyhow::{Context, ensure};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use interrupt::Interrupts;
use server::Server;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use story::Story;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// How often it is looked whether the server still runs.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// How to run the demo.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// End after the table.
    pub exit: bool,
    /// Keep the data here instead of in a temporary directory.
    pub data: Option<PathBuf>,
}

/// Runs it. The exit code is 0 only if every promise held.
///
/// # Errors
/// If it cannot be run to its end.
pub fn demo(options: &DemoOptions) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut interrupts = {
        let _within = runtime.enter();
        Interrupts::listen()?
    };
    // A temporary directory goes when this ends, unless something in it must be looked at.
    let temporary = match &options.data {
        Some(_) => None,
        None => Some(tempfile::Builder::new().prefix("onhand-demo-").tempdir()?),
    };
    let within = |temporary: &TempDir| temporary.path().join("data");
    let data = options.data.clone().or(temporary.as_ref().map(within)).context("a directory for the data")?;
    ensure!(!data.exists(), "{} exists already; name a directory that does not", data.display());
    std::fs::create_dir_all(data.parent().unwrap_or(&data))?;
    let directory = data.to_str().context("the data directory's path is not UTF-8")?;
    let story = Story::load()?;
    say(&format!("{} real orders of five channels, {} SKUs", story.orders.len(), story.skus.len()))?;
    say(&format!("data in {directory}"))?;
    server::run(&["merchant", "create", "demo", "--data", directory])?;
    let scopes = "orders:write,stock:write,read";
    let key = server::run(&["key", "create", "--merchant", "demo", "--scopes", scopes, "--data", directory])?;
    let (server, _) = Server::start(&data)?;
    let bar = progress();
    let (mut story, mut server, mut heard) = run::play(&runtime, &mut interrupts, story, server, &key, &bar)?;
    bar.finish_and_clear();
    let (orders, speed) = (table::orders(&story, &heard), table::speed(&story, &heard));
    let sale = flash::play(&runtime, &mut interrupts, &server.address(), &key)?;
    story.orders.extend(sale.orders);
    heard.orders.extend(sale.told);
    heard.movements += sale.movements;
    server.stop()?;
    let (report, verdict) = audit::judge(&data, &story, &heard)?;
    say(&format!("\n{orders}\n\n{}", sale.text))?;
    say(&format!("{}{speed}", table::promises(&story, &heard, &report, &verdict)))?;
    if let Some(example) = &verdict.example {
        say(&format!("for example: {example}"))?;
    }
    let is_kept = verdict.is_clean() && report.holds();
    if !is_kept && let Some(temporary) = temporary {
        say(&format!("the data stays in {}", temporary.keep().display()))?;
    }
    if !options.exit {
        stay(&runtime, &mut interrupts, &data, &key)?;
    }
    Ok(if is_kept { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Leaves the server running with something to try, until Ctrl-C.
fn stay(runtime: &Runtime, interrupts: &mut Interrupts, data: &Path, key: &str) -> anyhow::Result<()> {
    let (mut server, _) = Server::start(data)?;
    let url = format!("http://{}", server.address().get());
    say(&format!(
        "The server runs at {url} until Ctrl-C. Try:\n\
         \n  curl -H 'Authorization: Bearer {key}' {url}/v1/stock/23084\
         \n  curl -H 'Authorization: Bearer {key}' '{url}/v1/orders?channel=shopify&status=shipped&limit=2'\
         \n  curl -H 'Authorization: Bearer {key}' {url}/v1/orders -d '{{\"external_id\":\"mine-1\",\
         \"channel\":\"shopify\",\"lines\":[{{\"id\":\"1\",\"sku\":\"23084\",\"quantity\":2}}]}}'\
         \n  curl {url}/metrics\n"
    ))?;
    runtime.block_on(async {
        loop {
            tokio::select! {
                () = interrupts.heard() => return Ok::<_, anyhow::Error>(()),
                () = tokio::time::sleep(LOOK_INTERVAL) => ensure!(!server.has_ended()?, "the server ended"),
            }
        }
    })?;
    // Ctrl-C reached the server too; a signal to this process alone did not.
    server.stop()
}

/// A bar on a terminal, a line a second elsewhere.
fn progress() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{elapsed_precise} {bar:40} {pos}/{len} {per_sec}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
        let lines = bar.clone();
        // Ends with the bar, or with the process.
        std::thread::spawn(move || {
            while !lines.is_finished() {
                std::thread::sleep(Duration::from_secs(1));
                crate::cli::say_error(&format!("{}/{}", lines.position(), lines.length().unwrap_or(0)));
            }
        });
    }
    bar
}
