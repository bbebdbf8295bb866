//! The log: opening it, writing it, reading it.

mod archive;
mod archive_file;
mod catalog;
pub mod frame;
mod local;
mod reader;
mod recovery;
pub mod segment;
mod spare;
mod writer;

use crate::lsn::Lsn;
use crate::storage::Storage;
use catalog::{Catalog, Segments};
use std::sync::Arc;

pub use archive::{ARCHIVE_LEVEL, ArchiveError, Archiver};
pub use catalog::PlaceError;
pub use local::LocalLog;
pub use reader::{LogReader, ReadError};
pub use recovery::{OpenError, Scan, Torn, Visitor, scan};
pub use spare::{SpareCloser, SparePreparer};
pub use writer::{AppendError, Appender, CHUNKS_MAX, LogWriter, Stepped, WriteError};

/// Where the cut-off part of a torn frame is kept.
pub const QUARANTINE_DIR: &str = "quarantine";

/// The smallest segment: its header and the longest frame.
pub const SEGMENT_BYTES_MIN: u64 = segment::FIRST_FRAME + frame::STORED_BYTES_MAX as u64;

/// How to open a log.
#[derive(Debug, Clone, Copy)]
pub struct LogOptions {
    /// Identity of a journal that is created; an existing one keeps its own.
    pub cluster: [u8; 16],
    /// Bytes of a segment, at least [`SEGMENT_BYTES_MIN`].
    pub segment_bytes: u64,
}

/// A log, opened.
pub struct Opened {
    /// Adds records.
    pub appender: Appender,
    /// Writes them.
    pub writer: LogWriter,
    /// Reads them.
    pub reader: LogReader,
    /// Archives segments that are written no more.
    pub archiver: Archiver,
    /// Makes segments ready ahead of need.
    pub spares: SparePreparer,
    /// What was found.
    pub report: OpenReport,
}

/// What opening found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenReport {
    /// Identity of the journal.
    pub cluster: [u8; 16],
    /// Ownership epoch.
    pub epoch: u64,
    /// The last record; zero in a new log.
    pub last: Lsn,
    /// A frame written in part that was cut off and kept in [`QUARANTINE_DIR`].
    pub torn: Option<Torn>,
}

/// Opens logs.
#[derive(Debug)]
pub struct Log;

impl Log {
    /// Opens the log of a data directory, or creates it, and hands out its records from `from` on.
    ///
    /// # Errors
    /// [`OpenError`]; then nothing was changed.
    pub fn open(
        storage: Arc<dyn Storage>,
        options: LogOptions,
        from: Lsn,
        visit: &mut Visitor<'_>,
    ) -> Result<Opened, OpenError> {
        let io_error = |path: &str| {
            let path = path.to_owned();
            move |source| OpenError::Io { path, source }
        };
        storage.create_dir_all(segment::LOG_DIR).map_err(io_error(segment::LOG_DIR))?;
        storage.sync_dir(".").map_err(io_error("."))?;
        let found = scan(&*storage, from, visit)?;
        if let Some(torn) = &found.torn {
            cut(&*storage, torn).map_err(io_error(&torn.file))?;
        }
        let cluster = found.cluster.unwrap_or(options.cluster);
        let epoch = found.epoch.max(1);
        let hash = found.hash.unwrap_or_default();
        let report = OpenReport { cluster, epoch, last: found.last, torn: found.torn.clone() };
        let segment_bytes = options.segment_bytes.max(SEGMENT_BYTES_MIN);
        let spare = Arc::new(spare::Spare::new());
        secure(&*storage, &found.segments).map_err(io_error(segment::LOG_DIR))?;
        let file = found.segments.current.as_ref().map(|table| Arc::clone(&table.file));
        let written = file.as_ref().map_or(Ok(0), |file| file.len()).map_err(io_error(segment::LOG_DIR))?;
        let catalog = Arc::new(Catalog::new(Arc::clone(&storage), found.segments));
        let local = LocalLog {
            storage: Arc::clone(&storage),
            cluster,
            epoch,
            segment_bytes,
            spare: Arc::clone(&spare),
            catalog: Arc::clone(&catalog),
            file,
            // A segment of another size goes on only as far as it was zero-filled.
            offset: if written >= segment_bytes { found.end } else { segment_bytes },
            last: found.last,
            hash,
            poisoned: false,
        };
        spare.order();
        let archiver = Archiver::new(Arc::clone(&storage), Arc::clone(&catalog));
        let (appender, writer) = writer::pair(Box::new(local), cluster, epoch, hash);
        let spares = SparePreparer { storage, segment_bytes, spare };
        Ok(Opened { appender, writer, reader: LogReader::new(catalog), archiver, spares, report })
    }
}

/// Makes durable what was read: the process before may have ended before the sync of its last frame, and
/// what reads well now may stand in memory only.
fn secure(storage: &dyn Storage, segments: &Segments) -> std::io::Result<()> {
    let Some(current) = &segments.current else { return Ok(()) };
    if let Some(last) = current.last() {
        last.rewrite().map_err(std::io::Error::other)?;
    }
    current.file.sync_data()?;
    storage.sync_dir(segment::LOG_DIR)
}

/// Keeps a copy of a torn frame and makes its place zero again.
fn cut(storage: &dyn Storage, torn: &Torn) -> std::io::Result<()> {
    let file = storage.open(&torn.file)?;
    let mut bytes = vec![0; torn.bytes];
    file.read_at(torn.offset, &mut bytes)?;
    storage.create_dir_all(QUARANTINE_DIR)?;
    let kept = storage.list(QUARANTINE_DIR)?.len();
    let copy = storage.create_new(&format!("{QUARANTINE_DIR}/{:020}-{kept}.torn", torn.last_good.0 + 1))?;
    copy.write_at(0, &bytes)?;
    copy.sync_data()?;
    storage.sync_dir(QUARANTINE_DIR)?;
    bytes.fill(0);
    file.write_at(torn.offset, &bytes)?;
    file.sync_data()
}
