//! `onhand verify`.

use super::{Damaged, say};
use onhand_engine::snapshots::log::OpenError;
use onhand_verify::{AuditError, Ignore, audit};
use std::path::Path;
use std::process::ExitCode;

pub(super) fn verify(dir: &Path) -> anyhow::Result<ExitCode> {
    let report = audit(dir, &mut Ignore).map_err(told)?;
    say(&report.to_string())?;
    Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// A damaged log, in the words of whoever audits it: being told to audit it again helps nobody.
fn told(error: AuditError) -> anyhow::Error {
    match error {
        AuditError::Log(OpenError::Corrupt { file, offset, last_good, what }) => Damaged(format!(
            "{file} is damaged at offset {offset}: {what}. Records up to {last_good} are whole, those from {} on \
             cannot be read; `onhand log DIR` prints the whole ones. Nothing was changed: keep a copy of the \
             directory, then put this file back from a copy or a backup",
            last_good.next()
        ))
        .into(),
        AuditError::Log(error) => error.into(),
        error @ AuditError::NoLog(_) => error.into(),
    }
}
