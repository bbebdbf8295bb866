//! `onhand verify`.

use super::refusal::refused_log;
use super::say;
use onhand_verify::{AuditError, Ignore, audit};
use std::path::Path;
use std::process::ExitCode;

pub(super) fn verify(dir: &Path) -> anyhow::Result<ExitCode> {
    let report = audit(dir, &mut Ignore).map_err(|error| match error {
        AuditError::Log(error) => refused_log(dir, error),
        error @ AuditError::NoLog(_) => error.into(),
    })?;
    say(&report.to_string())?;
    Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
