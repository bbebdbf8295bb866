//! `onhand simulate`: what the orders of a data directory would have come to under another routing profile, or other policies.

mod differences;
mod json;
mod policies;
mod table;

use super::log::LOG_DIR;
use super::refusal::refused_log;
use super::say;
use crate::ids::composed;
use anyhow::{Context, ensure};
use clap::Args;
use onhand_engine::routing::{Format, PROFILE_BYTES_MAX};
use onhand_engine::simulate::{NewPolicyText, NewProfile, Question, Report, SimulateError, simulate as live};
use onhand_engine::snapshots::Lsn;
use onhand_engine::snapshots::storage::FileStorage;
use policies::{POLICY_BYTES_MAX, read_json, read_toml};
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
    #[arg(long, required_unless_present = "policy")]
    profile: Option<PathBuf>,
    /// The code of a channel that gets it; may be given several times. By default each that has a routing profile.
    #[arg(long = "channel", value_name = "CODE", requires = "profile")]
    channels: Vec<String>,
    /// Policies of channels and SKUs to try, beside a profile or alone: TOML, or JSON likewise.
    #[arg(long)]
    policy: Option<PathBuf>,
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
    let SimulateArgs { dir, profile, policy, .. } = args;
    ensure!(dir.join(LOG_DIR).is_dir(), "{} holds no log", dir.display());
    let profile = profile.as_deref().map(|path| Tried::read(path, PROFILE_BYTES_MAX)).transpose()?;
    let policy = policy.as_deref().map(|path| Tried::read(path, POLICY_BYTES_MAX)).transpose()?;
    if let Some(policy) = &policy {
        let bytes = policy.text.len();
        ensure!(bytes <= POLICY_BYTES_MAX, "{}: longer than {POLICY_BYTES_MAX} bytes", policy.name);
    }
    let names: Vec<&str> = [&profile, &policy].into_iter().flatten().map(|tried| &*tried.name).collect();
    let name = names.join(" and ");
    let report = tried(args, profile.as_ref(), policy.as_ref()).map_err(|error| match error {
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

/// A file whose text is tried.
struct Tried {
    name: String,
    text: String,
    is_json: bool,
}

impl Tried {
    /// One that is longer than `max` bytes is read so far that this can be said of it.
    fn read(path: &Path, max: usize) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let read = || -> anyhow::Result<String> {
            let mut text = String::new();
            File::open(path)?.take(u64::try_from(max)?.saturating_add(1)).read_to_string(&mut text)?;
            Ok(text)
        };
        let text = read().with_context(|| name.clone())?;
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        Ok(Self { name, text, is_json })
    }
}

fn tried(
    args: &SimulateArgs,
    profile: Option<&Tried>,
    policy: Option<&Tried>,
) -> Result<Report, SimulateError> {
    let SimulateArgs { dir, channels, merchant, from, to, differences, .. } = args;
    let channels: Vec<String> = channels.iter().map(|code| composed(code).into_owned()).collect();
    let question = Question {
        merchant: merchant.as_deref(),
        profile: profile.map(|Tried { name, text, is_json }| {
            let format = if *is_json { Format::Json } else { Format::Toml };
            NewProfile { name, text, format, channels: &channels }
        }),
        policies: policy.map(|Tried { name, text, is_json }| {
            let read = if *is_json { read_json } else { read_toml };
            NewPolicyText { name, text, read }
        }),
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
