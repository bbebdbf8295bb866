//! Why a run says nothing about the server: every variant ends the harness with exit code 2.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::client::ClientError;
use crate::replay::ReplayError;

/// What keeps the harness from a verdict.
#[derive(Debug, Error)]
pub(crate) enum LoadError {
    /// Options that do not go together.
    #[error("{0}")]
    Usage(String),
    /// The address is not one.
    #[error("url {url:?}: {reason}")]
    Url {
        /// As given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The recording cannot be used.
    #[error("replay: {0}")]
    Replay(#[from] ReplayError),
    /// The server does not answer.
    #[error("{doing}: {source}")]
    Connection {
        /// What the harness was doing.
        doing: String,
        /// What happened.
        source: ClientError,
    },
    /// The server answered with something that does not let the run go on.
    #[error("{doing}: the server answered {status}: {body}")]
    Answer {
        /// What the harness was doing.
        doing: String,
        /// The status.
        status: u16,
        /// The start of the body.
        body: String,
    },
    /// The server does not become ready.
    #[error("the server is not ready after {0} seconds")]
    NotReady(u64),
    /// The run's names are taken.
    #[error("run {0:?} was made before on this server; give another --run, or none")]
    RunExists(String),
    /// The system refuses something.
    #[error("{doing}: {source}")]
    System {
        /// What the harness was doing.
        doing: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// A report cannot be written.
    #[error("{path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A thread of the harness has panicked.
    #[error("a thread of the harness has panicked: this is a bug of the harness")]
    Panic,
}

impl LoadError {
    /// A failure of the system underneath.
    pub(crate) fn system(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { doing, source }
    }
}

/// The start of a body, for a message: at most so many bytes.
const EXCERPT_BYTES_MAX: usize = 300;

/// The start of a body as text, on one line.
pub(crate) fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(EXCERPT_BYTES_MAX)]);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
