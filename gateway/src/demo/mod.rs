//! The main job on bundled real orders.

use std::path::PathBuf;
use std::process::ExitCode;

/// How to run the demo.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// End after the table.
    pub exit: bool,
    /// Keep the data here.
    pub data: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// If it cannot be run at all.
pub fn demo(_options: &DemoOptions) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
