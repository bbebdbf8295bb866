//! Ctrl-C and SIGTERM: the demo ends its server and clears away what it made, and then ends.

use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Hears them from when it is made on, so that none is lost between two parts of the demo.
pub(super) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// Listens; within a runtime.
    pub(super) fn listen() -> io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for one.
    pub(super) async fn heard(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
