//! The loop that clients run in.

use crate::error::LoadError;

/// One thread, with sockets and time.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, LoadError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(LoadError::system("starting a runtime"))
}
