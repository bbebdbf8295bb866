//! Why there is nothing to report.

use crate::routing::TextError;
use onhand_snapshots::Lsn;
use onhand_snapshots::log::OpenError;

/// See the module.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// There is no log.
    #[error("{0} holds no log")]
    NoLog(String),
    /// The log cannot be read, or lived through.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// No merchant was ever created.
    #[error("the log has no merchant")]
    NoMerchant,
    /// The log has several merchants, and none was named.
    #[error("the log has several merchants, name one of them: {}", .known.join(", "))]
    WhichMerchant {
        /// Their names, the oldest first.
        known: Vec<String>,
    },
    /// The log has no merchant of this name.
    #[error("there is no merchant {name:?}; there are: {}", .known.join(", "))]
    UnknownMerchant {
        /// The name.
        name: String,
        /// The names that there are, the oldest first.
        known: Vec<String>,
    },
    /// The rules to try cannot mean what they say.
    #[error("{name}: {}", placed(.error))]
    Profile {
        /// What the rules are called.
        name: String,
        /// Where they are wrong, and how.
        error: TextError,
    },
    /// The policies to try cannot mean what they say.
    #[error("{name}: {what}")]
    Policies {
        /// What they are called.
        name: String,
        /// Where they are wrong, and how.
        what: String,
    },
    /// A channel that is to get the rules does not exist.
    #[error("there is no channel {code:?}; there are: {}", .known.join(", "))]
    UnknownChannel {
        /// The code.
        code: String,
        /// The codes that there are, the oldest first.
        known: Vec<String>,
    },
    /// No channel ever had a profile that could be replaced.
    #[error("no channel has a routing profile that could be replaced, so name the channels that are to get one: {}", .known.join(", "))]
    NothingToReplace {
        /// The codes that there are, the oldest first.
        known: Vec<String>,
    },
    /// The last record of the window is before its first one.
    #[error("the window ends at record {to}, before it begins at record {from}")]
    WrongWayRound {
        /// The first record.
        from: Lsn,
        /// The last one.
        to: Lsn,
    },
    /// The window begins behind the end of the log.
    #[error("the window begins at record {from}; the log ends at record {last}")]
    BehindTheEnd {
        /// The first record.
        from: Lsn,
        /// The last one of the log.
        last: Lsn,
    },
}

/// Where a text is wrong, and how: by line, by element, in words.
fn placed(error: &TextError) -> String {
    let TextError { line, column, pointer, detail, .. } = error;
    let at = if pointer.is_empty() { String::new() } else { format!(", at {pointer}") };
    format!("line {line}, column {column}{at}: {detail}")
}
