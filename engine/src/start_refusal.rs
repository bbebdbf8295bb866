//! Why a start was refused, as an operator needs it: what is wrong, where, which records, and what kind of thing mends it.

use crate::customer::CUSTOMER_KEYS_FILE;
use crate::error::StartError;
use crate::secrets::FINGERPRINT_KEY_FILE;
use onhand_snapshots::Lsn;
use onhand_snapshots::generation::SNAPSHOT_DIR;
use onhand_snapshots::log::OpenError;
use onhand_snapshots::log::segment::LOG_DIR;
use onhand_snapshots::repair::REPAIR_DIR;

/// What kind of thing is wrong. Each has its own next commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Bytes of a segment or archive are not what was written.
    Damaged,
    /// Records are missing in the log, or a segment is an older copy.
    Missing,
    /// A segment stands at a place that is not its own, or is of another log.
    Misplaced,
    /// A record is whole, and says what this release cannot use.
    Unusable,
    /// Snapshots or index know newer records than the log has.
    Behind,
    /// The snapshots belong to another log.
    OtherLog,
    /// The key of request hashes is missing, or no key.
    NoKey,
    /// The key of request hashes belongs to another log.
    OtherKey,
    /// Keys of personal data are missing, or are another log's.
    CustomerKeys,
    /// The state that was recovered is wrong.
    WrongState,
    /// A repair was broken off amid its changes.
    Unfinished,
    /// A newer release wrote it.
    Newer,
}

/// See the module. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartRefusal {
    /// What kind of thing is wrong.
    pub cause: Cause,
    /// What is wrong, in words.
    pub what: String,
    /// The file or directory, below the data directory.
    pub file: String,
    /// Where in the file, in bytes, if there is one place.
    pub offset: Option<u64>,
    /// The first and the last record that are affected; the last is not known at the end of the log. `None` if no
    /// record of the log is.
    pub records: Option<(Lsn, Option<Lsn>)>,
}

impl StartRefusal {
    fn new(cause: Cause, file: &str, what: String) -> Self {
        Self { cause, what, file: file.to_owned(), offset: None, records: None }
    }

    /// Why a log is refused; `None` if the disk did not answer, or the caller asked for what cannot be.
    #[must_use]
    pub fn of_log(error: &OpenError) -> Option<Self> {
        let (cause, file, offset, what) = match error {
            OpenError::Corrupt { file, offset, what, .. } => {
                (Cause::Damaged, file, Some(*offset), what.clone())
            }
            OpenError::DamagedBlock { file, offset, what, .. } => {
                (Cause::Damaged, file, Some(*offset), what.clone())
            }
            OpenError::Missing { file, .. } => {
                let what =
                    "records are missing here: a segment was deleted or renamed, or an older copy put back";
                (Cause::Missing, file, None, what.to_owned())
            }
            OpenError::Foreign { file, what, .. } => (Cause::Misplaced, file, None, what.clone()),
            OpenError::Newer { file, what } => {
                (Cause::Newer, file, None, format!("written by a newer release: {what}"))
            }
            OpenError::Visitor { lsn, what } => {
                (Cause::Unusable, &LOG_DIR.to_owned(), None, format!("record {lsn} cannot be used: {what}"))
            }
            OpenError::Refused { what } => (Cause::WrongState, &LOG_DIR.to_owned(), None, what.clone()),
            OpenError::Io { .. } | OpenError::SegmentBytes { .. } => return None,
        };
        Some(Self { offset, records: error.records(), ..Self::new(cause, file, what) })
    }
}

impl StartError {
    /// Why the directory is refused; `None` if it is not: the disk did not answer, or another process has it.
    #[must_use]
    pub fn refusal(&self) -> Option<StartRefusal> {
        let said = |cause, file: &str| Some(StartRefusal::new(cause, file, self.to_string()));
        match self {
            Self::Log(error) => StartRefusal::of_log(error),
            Self::Behind { had, last, .. } => {
                let records = Some((last.next(), Some(*had)));
                Some(StartRefusal { records, ..said(Cause::Behind, LOG_DIR)? })
            }
            Self::LastMissing { last, .. } => {
                let records = Some((last.next(), None));
                Some(StartRefusal { records, ..said(Cause::Behind, LOG_DIR)? })
            }
            Self::NoLog => {
                let records = Some((Lsn(1), None));
                Some(StartRefusal { records, ..said(Cause::Missing, LOG_DIR)? })
            }
            Self::OtherLog => said(Cause::OtherLog, SNAPSHOT_DIR),
            Self::OtherKey => said(Cause::OtherKey, FINGERPRINT_KEY_FILE),
            Self::NoKey { .. } => said(Cause::NoKey, FINGERPRINT_KEY_FILE),
            Self::KeysLost { records, .. } => {
                let records = records.map(|(first, last)| (first, Some(last)));
                Some(StartRefusal { records, ..said(Cause::CustomerKeys, CUSTOMER_KEYS_FILE)? })
            }
            Self::KeysOfAnother { record, .. } => {
                let records = Some((*record, Some(*record)));
                Some(StartRefusal { records, ..said(Cause::CustomerKeys, CUSTOMER_KEYS_FILE)? })
            }
            Self::Invariant { .. } | Self::Digest { .. } => said(Cause::WrongState, LOG_DIR),
            Self::Unfinished => said(Cause::Unfinished, REPAIR_DIR),
            // Snapshots and runs that are damaged are left out and made again: what is left is a disk that says no.
            Self::Chunks(_) | Self::Lock(_) | Self::Io { .. } | Self::Write(_) => None,
        }
    }
}
