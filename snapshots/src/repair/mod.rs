//! Repair of a data directory whose log is refused, by whoever holds its lock.
//!
//! A repair makes what is new in a directory of its own, writes down which names have to change, and only then changes
//! them ([`Moves`]): a crash before that leaves the directory as it was, and one after it a list that [`finish`] goes
//! through to its end. Nothing is deleted: what is taken away stands in [`QUARANTINE_DIR`].
//!
//! Which files of the log to exchange is tried before anything is written: [`fetch`] and [`sort`] read the log as it
//! would be through an [`Overlay`].

mod moves;
mod overlay;
mod segments;

use crate::log::OpenError;
use crate::lsn::Lsn;
use std::io;

pub use crate::log::QUARANTINE_DIR;
pub use crate::log::salvage;
pub use moves::{Moves, REPAIR_DIR, finish, unfinished};
pub use overlay::{Overlay, Source};
pub use segments::{Exchange, Known, fetch, owner, sort};

/// Why a repair is not done. Nothing was changed, unless it was committed before: then [`finish`] goes on.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// The disk says no.
    #[error("{path}: {source}")]
    Io {
        /// Which file or directory.
        path: String,
        /// What it says.
        source: io::Error,
    },
    /// The log would still be refused.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// The list of names to change does not read as it was written.
    #[error("{path} is damaged: {what}")]
    Plan {
        /// Which file.
        path: String,
        /// What does not check.
        what: String,
    },
    /// An earlier repair was broken off amid its changes.
    #[error("an earlier repair was broken off")]
    Unfinished,
    /// The backup has no segment with a record that is needed.
    #[error("the backup has no segment with record {needed}; its last one begins with record {last_first}")]
    NotInBackup {
        /// The record.
        needed: Lsn,
        /// The first record of the backup's last segment.
        last_first: Lsn,
    },
    /// The log would be whole, and end before records that are known.
    #[error("the log would end at record {last}, and record {known} is known")]
    Short {
        /// Where it would end.
        last: Lsn,
        /// The last record that is known of.
        known: Lsn,
    },
    /// The log would be whole, and nothing tells that it ended there: it may have held more that was acknowledged.
    #[error(
        "{file}: {what}; the log would end at record {last}, and it held record {known}, or may have held later ones"
    )]
    EndUnknown {
        /// The last segment, or the directory of the log.
        file: String,
        /// Why its end is not known.
        what: &'static str,
        /// Where it would end.
        last: Lsn,
        /// The last record that is known of.
        known: Lsn,
    },
    /// There is nothing that this repair could mend.
    #[error("there is nothing to mend: {0}")]
    Nothing(&'static str),
}

impl RepairError {
    pub(crate) fn io(path: &str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
