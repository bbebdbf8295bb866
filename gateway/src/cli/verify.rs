//! `onhand verify`.

use super::say;
use onhand_verify::{Ignore, audit};
use std::path::Path;
use std::process::ExitCode;

pub(super) fn verify(dir: &Path) -> anyhow::Result<ExitCode> {
    let report = audit(dir, &mut Ignore)?;
    say(&report.to_string())?;
    Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
