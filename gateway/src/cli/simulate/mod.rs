//! `onhand simulate`: what the orders of a data directory would have come to under another routing profile.

mod differences;
mod json;
mod table;

use super::log::LOG_DIR;
use super::refusal::refused_log;
use super::say;
use crate::ids::composed;
use anyhow::{Context, ensure};
use clap::Args;
use onhand_engine::routing::{Format, PROFILE_BYTES_MAX};
use onhand_engine::simulate::{NewProfile, Question, Report, SimulateError, simulate as live};
use onhand_engine::snapshots::Lsn;
use onhand_engine::snapshots::storage::FileStorage;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Orders that are told when nobody says how many: a screen of them.
const DIFFERENCES: usize = 10;

#[derive(Args)]
pub(super) struct SimulateArgs {
    /// The data directory; nothing is written there, and it may be served meanwhile.
    dir: PathBuf,
    /// The routing profile to try: TOML, or JSON if the file's name ends in `.json`.
    #[arg(long)]
    profile: PathBuf,
    /// The code of a channel that gets it; may be given several times. By default each that has a routing profile.
    #[arg(long = "channel", value_name = "CODE")]
    channels: Vec<String>,
    /// Whose orders, by name; may be left out where there is one merchant.
    #[arg(long)]
    merchant: Option<String>,
    /// The first record whose order is decided anew; what comes before is as recorded.
    #[arg(long, value_name = "LSN")]
    from: Option<u64>,
    /// The last one, where the replay ends.
    #[arg(long, value_name = "LSN")]
    to: Option<u64>,
    /// How many of the orders that fare differently are told, the first ones.
    #[arg(long, default_value_t = DIFFERENCES, value_name = "COUNT")]
    differences: usize,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn simulate(args: &SimulateArgs) -> anyhow::Result<ExitCode> {
    let SimulateArgs { dir, profile, .. } = args;
    ensure!(dir.join(LOG_DIR).is_dir(), "{} holds no log", dir.display());
    let text = text_of(profile).with_context(|| profile.display().to_string())?;
    let name = profile.display().to_string();
    let report = tried(args, &name, &text).map_err(|error| match error {
        SimulateError::Log(error) => refused_log(dir, error),
        error => error.into(),
    })?;
    if args.json {
        say(&serde_json::to_string(&json::view(&report))?)?;
    } else {
        say(&page(&report, &name))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The text of a profile; one that is too long is read so far that this can be said of it.
fn text_of(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let most = u64::try_from(PROFILE_BYTES_MAX)?.saturating_add(1);
    File::open(path)?.take(most).read_to_string(&mut text)?;
    Ok(text)
}

fn tried(args: &SimulateArgs, name: &str, text: &str) -> Result<Report, SimulateError> {
    let SimulateArgs { dir, profile, channels, merchant, from, to, differences, .. } = args;
    let is_json = profile.extension().is_some_and(|extension| extension == "json");
    let format = if is_json { Format::Json } else { Format::Toml };
    let channels: Vec<String> = channels.iter().map(|code| composed(code).into_owned()).collect();
    let question = Question {
        merchant: merchant.as_deref(),
        profile: Some(NewProfile { name, text, format, channels: &channels }),
        from: from.map(Lsn),
        to: to.map(Lsn),
        differences: *differences,
    };
    live(&FileStorage::new(dir), &dir.display().to_string(), &question)
}

/// All of it for people.
fn page(report: &Report, name: &str) -> String {
    let Report { merchant, from, to, differing, differences, .. } = report;
    let mut page =
        format!("merchant {merchant}: the orders of records {from} to {to}, decided anew with {name}\n");
    if let Some(last) = report.torn_behind {
        page.push_str(&format!("the log ends in a frame that is written in part, behind record {last}\n"));
    }
    page.push_str(&table::all(report));
    page.push_str(&match (*differing, differences.len()) {
        (0, _) => "no order fares differently\n".to_owned(),
        (count, told) if told == 0 || told as u64 == count => {
            format!("orders that fare differently: {count}\n")
        }
        (count, told) => format!("orders that fare differently: {count}; the first {told}:\n"),
    });
    for difference in differences {
        page.push_str(&differences::told(&report.directory, difference));
    }
    page.truncate(page.trim_end().len());
    page
}
