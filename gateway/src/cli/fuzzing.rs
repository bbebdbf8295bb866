//! Doors to readers that nobody outside the command line has a use for, so that they can be given bytes that
//! nobody should write.

use super::backup::check_manifest;
use super::config::check_file;

/// Reads the text of a settings file.
///
/// # Errors
/// What the command line would say.
pub fn read_settings(text: &str) -> Result<(), String> {
    check_file(text).map_err(|error| format!("{error:#}"))
}

/// Reads the bytes of a backup's manifest.
///
/// # Errors
/// What the command line would say.
pub fn read_manifest(bytes: &[u8]) -> Result<(), String> {
    check_manifest(bytes).map_err(|error| format!("{error:#}"))
}
