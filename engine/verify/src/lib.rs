//! An independent audit of a data directory.
//!
//! It walks the log, checks that it is whole, and keeps its own books from the events alone: no line of the
//! engine or the domain is used, so a mistake there cannot hide here. The invariants are those of
//! `docs/INVARIANTS.md`. It reads without a lock and changes nothing.
//!
//! Memory: open orders and the identity of every order ever accepted (some hundred bytes each).

mod backlog;
mod books;
mod digest;
mod findings;
mod grants;
mod kits;
mod lapse;
mod ledger;
mod observer;
mod order;
mod page;
mod pools;
mod promises;
mod registry;
mod report;

use books::Books;
use onhand_record::{Header, Kind, newer};
use onhand_snapshots::Lsn;
use onhand_snapshots::log::{OpenError, Stop, scan};
use onhand_snapshots::storage::{FileStorage, Storage};
use std::path::Path;

pub use observer::{AcceptedFact, Ignore, Observer};
pub use page::KEY_WINDOW_MS;
pub use report::{AuditReport, INVARIANTS, Invariant, Outcome, Tightest, Totals};

/// Why there is no report: the log itself cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// There is no log.
    #[error("{0} holds no log")]
    NoLog(String),
    /// It is damaged, a newer release wrote it, or the disk says no.
    #[error(transparent)]
    Log(#[from] OpenError),
}

/// Audits a data directory on disk.
///
/// # Errors
/// [`AuditError`] if the log cannot be read; a broken invariant is no error but stands in the report.
pub fn audit(dir: &Path, observer: &mut dyn Observer) -> Result<AuditReport, AuditError> {
    audit_storage(&FileStorage::new(dir), &dir.display().to_string(), observer)
}

/// Audits the log of any storage.
///
/// # Errors
/// As [`audit`].
pub fn audit_storage(
    storage: &dyn Storage,
    name: &str,
    observer: &mut dyn Observer,
) -> Result<AuditReport, AuditError> {
    let mut books = Books::new();
    let found = scan(storage, Lsn(1), &mut |lsn, record| {
        if let Some(what) = newer(record) {
            return Err(Stop::Newer(what));
        }
        books.enter(lsn, record, observer);
        Ok(())
    })?;
    if found.last == Lsn::ZERO {
        return Err(AuditError::NoLog(name.to_owned()));
    }
    let torn = found.torn.map(|torn| format!("{} at offset {}", torn.file, torn.offset));
    Ok(books.close(found.last, torn))
}

/// The kind of a record, for callers that walk the log themselves.
#[must_use]
pub fn kind_of(record: &[u8]) -> Option<Kind> {
    Header::decode(record).ok().map(|(header, _)| header.kind)
}
