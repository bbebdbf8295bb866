//! Why an engine does not start, or stops.

use onhand_record::DecodeError;
use onhand_snapshots::Lsn;
use onhand_snapshots::chunks::ChunkError;
use onhand_snapshots::log::{OpenError, ReadError, WriteError};
use onhand_snapshots::storage::LockError;
use std::io;

/// Why an engine does not start. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another process has the data directory.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The log cannot be trusted or read.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// The recovered state breaks an invariant.
    #[error("the recovered state of merchant {merchant} is wrong: {violation}")]
    Invariant {
        /// Whose.
        merchant: u32,
        /// What does not hold.
        violation: String,
    },
    /// The recovered state is not the one that stopped.
    #[error("the recovered state has digest {recovered:016x}, the clean stop wrote {written:016x}")]
    Digest {
        /// What was recovered.
        recovered: u64,
        /// What the closing record says.
        written: u64,
    },
    /// Snapshots or indexes cannot be read or written.
    #[error(transparent)]
    Chunks(#[from] ChunkError),
    /// Records that were durable once are not in the log.
    #[error(
        "{what} holds record {had}, but the log ends at {last}: its last segments are missing or older copies"
    )]
    Behind {
        /// What knows of more.
        what: &'static str,
        /// The last record it knows.
        had: Lsn,
        /// Where the log ends.
        last: Lsn,
    },
    /// The index has records of the segment that is the last one, which it never has.
    #[error(
        "the index holds record {covered}, which is made only when another segment stands behind it: the log's last \
         segment, behind record {last}, is missing"
    )]
    LastMissing {
        /// The last record that the index has.
        covered: Lsn,
        /// Where the log ends.
        last: Lsn,
    },
    /// The snapshots belong to another log.
    #[error("the snapshots belong to another log")]
    OtherLog,
    /// The fingerprint key is not the one under which the log was written.
    #[error(
        "the file fingerprint.key does not belong to this log: with it no repeat of an earlier request would be \
         recognised, and orders would be placed twice"
    )]
    OtherKey,
    /// There is a log, and no key under which it was written.
    #[error(
        "the file fingerprint.key {what}: without it no repeat of an earlier request would be recognised"
    )]
    NoKey {
        /// What is wrong with the file.
        what: String,
    },
    /// There is a key, and no segment of the log that was written under it.
    #[error(
        "the file fingerprint.key is there, and no segment of its log: the log was deleted or moved away"
    )]
    NoLog,
    /// Keys of personal data are missing that were made: later orders would be given their numbers again, and to erase
    /// the one would erase the other.
    #[error(
        "the file customer.keys {}: later orders would be given the numbers of others, and be erased with them",
        keys_lost(*had, *needed)
    )]
    KeysLost {
        /// How many keys the file has, erased ones counted; `None` if it is not there.
        had: Option<u64>,
        /// How many it had once, at least.
        needed: u64,
        /// The first and the last record that name a key which is missing, of those that were read.
        records: Option<(Lsn, Lsn)>,
    },
    /// The keys of personal data are another log's.
    #[error(
        "the file customer.keys belongs to another log: its key {key} is not the one that sealed what record {record} \
         holds"
    )]
    KeysOfAnother {
        /// The number of the key.
        key: u64,
        /// The last record with personal data.
        record: Lsn,
    },
    /// A repair was broken off amid its changes.
    #[error("a repair was broken off amid its changes, which have to be finished first")]
    Unfinished,
    /// The operating system says no.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// What it says.
        source: io::Error,
    },
    /// The first record could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

fn keys_lost(had: Option<u64>, needed: u64) -> String {
    match had {
        None => format!("is missing, and had {needed} keys of personal data or more"),
        Some(had) => format!("is an older copy or was cut: it has {had} keys, and had {needed} or more"),
    }
}

/// Why a merchant or key was not created.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AdminError {
    /// The name is taken.
    #[error("merchant {0} exists already")]
    MerchantExists(String),
    /// There is no such merchant.
    #[error("there is no merchant {0}")]
    NoMerchant(String),
    /// There is no such key, or it was revoked before.
    #[error("there is no live key {0}")]
    NoKey(u32),
    /// A name of 1 to 64 bytes without control characters is needed.
    #[error("a name has 1 to 64 bytes and no control characters")]
    BadName,
    /// The log takes nothing now.
    #[error("the log takes nothing now")]
    Busy,
    /// The disk is full.
    #[error("the disk is full: make room, then try again")]
    Full,
    /// The log failed or closed before it said that the record is durable: it may be, or not.
    #[error("the outcome is unknown: the log closed before it was durable; look before trying again")]
    Unknown,
    /// The operating system gave no random bytes.
    #[error("no random bytes: {0}")]
    Random(String),
}

/// Why it cannot be said which record is looked for.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The index cannot be read.
    #[error(transparent)]
    Index(#[from] ChunkError),
    /// A record that the index names cannot be read.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// Such a record says nothing that this release understands.
    #[error("a record that the index names cannot be read: {0}")]
    Record(#[from] DecodeError),
}
