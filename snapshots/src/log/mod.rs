//! The log: opening it, writing it, reading it.

mod archive;
mod archive_file;
mod catalog;
mod copy;
pub mod frame;
mod local;
mod reader;
mod recovery;
mod room;
mod salvage;
pub mod segment;
mod segment_reader;
mod spare;
mod tail;
mod writer;

use crate::lsn::Lsn;
use crate::storage::Storage;
use catalog::{Catalog, Segments};
use recovery::{Beside, read_all};
use std::io::ErrorKind;
use std::sync::Arc;

pub use archive::{ARCHIVE_LEVEL, ArchiveError, Archiver};
pub use catalog::PlaceError;
pub use copy::{CopiedLog, copy_log};
pub use local::LocalLog;
pub use reader::{LogReader, ReadError};
pub use recovery::{OpenError, Scan, Stop, Torn, Visitor, scan};
pub use salvage::salvage;
pub use spare::{Prepared, SpareCloser, SparePreparer};
pub(crate) use tail::lacks;
pub use writer::{AppendError, Appender, CHUNKS_MAX, LogWriter, Stepped, WriteError};

/// The first record and the log that an archive says it has.
pub(crate) fn archive_first(file: Box<dyn crate::storage::StorageFile>) -> std::io::Result<(Lsn, [u8; 16])> {
    let archive = archive_file::ArchiveFile::open(file)?;
    Ok((archive.info().first, archive.info().cluster))
}

/// Where the cut-off part of a torn frame is kept, and what a repair takes away.
pub const QUARANTINE_DIR: &str = "quarantine";

/// The smallest segment: its header and the longest frame.
pub const SEGMENT_BYTES_MIN: u64 = segment::FIRST_FRAME + frame::STORED_BYTES_MAX as u64;

/// The largest segment, 4 GiB: an archive counts its blocks, and the catalog the places of frames, in four
/// bytes, and whoever opens an archive believes no more blocks than this.
pub const SEGMENT_BYTES_MAX: u64 = archive_file::BLOCKS_MAX as u64 * archive_file::ARCHIVE_BLOCK_BYTES as u64;

/// How to open a log.
#[derive(Debug, Clone, Copy)]
pub struct LogOptions {
    /// Identity of a journal that is created; an existing one keeps its own.
    pub cluster: [u8; 16],
    /// Bytes of a segment, at most [`SEGMENT_BYTES_MAX`]; fewer than [`SEGMENT_BYTES_MIN`] are taken for that.
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
    /// The first record, there or not yet, of the segment that is written; zero in a new log. Nothing is derived from
    /// this segment before the next one has begun.
    pub current: Lsn,
    /// A frame written in part that was cut off.
    pub torn: Option<Torn>,
    /// Whether what was cut off is kept in [`QUARANTINE_DIR`]: not if the disk has no room for it.
    pub is_torn_kept: bool,
}

impl OpenReport {
    /// Whether the last segment of a log is missing: an index that covers its records up to `covered` has some of the
    /// segment that is written, and none is made before the next segment stands.
    #[must_use]
    pub fn lacks_segment_behind(&self, covered: Lsn) -> bool {
        covered > Lsn::ZERO && covered >= self.current
    }
}

/// Says whether a log that was read is the one its owner expects; an `Err` refuses the start.
pub type Judge<'a> = dyn FnMut(&OpenReport) -> Result<(), String> + 'a;

/// Opens logs.
#[derive(Debug)]
pub struct Log;

impl Log {
    /// Opens the log of a data directory, or creates it, and hands out its records from `from` on.
    ///
    /// # Errors
    /// [`OpenError`]; nothing was changed, unless the disk failed while a torn end was cut off.
    pub fn open(
        storage: Arc<dyn Storage>,
        options: LogOptions,
        from: Lsn,
        visit: &mut Visitor<'_>,
    ) -> Result<Opened, OpenError> {
        Self::open_judged(storage, options, from, visit, &mut |_| Ok(()))
    }

    /// Opens a log as [`Log::open`] does, and asks `judge` when all of it was read and before anything on
    /// disk is changed: a torn end may be the smallest thing that is wrong with a directory whose segments
    /// were lost or swapped, and to cut it off would destroy what explains them. The report says what would
    /// be cut off; of a log that is not there yet it says the identity that it would get.
    ///
    /// # Errors
    /// As [`Log::open`], and [`OpenError::Refused`] with what `judge` says; then nothing was changed.
    pub fn open_judged(
        storage: Arc<dyn Storage>,
        options: LogOptions,
        from: Lsn,
        visit: &mut Visitor<'_>,
        judge: &mut Judge<'_>,
    ) -> Result<Opened, OpenError> {
        if options.segment_bytes > SEGMENT_BYTES_MAX {
            let bytes = options.segment_bytes;
            return Err(OpenError::SegmentBytes { bytes, max: SEGMENT_BYTES_MAX });
        }
        let found = read_all(&*storage, from, visit, Beside::Nobody)?;
        let mut report = OpenReport {
            cluster: found.cluster.unwrap_or(options.cluster),
            epoch: found.epoch.max(1),
            last: found.last,
            current: found.segments.current.as_ref().map_or(Lsn::ZERO, |table| table.first),
            torn: found.torn.clone(),
            is_torn_kept: false,
        };
        judge(&report).map_err(|what| OpenError::Refused { what })?;
        // From here on the disk is changed.
        report.is_torn_kept = prepare(&*storage, &found)?;
        Self::take(storage, options, found, report)
    }

    /// The parts of a log that was read, accepted and made durable.
    fn take(
        storage: Arc<dyn Storage>,
        options: LogOptions,
        found: Scan,
        report: OpenReport,
    ) -> Result<Opened, OpenError> {
        let OpenReport { cluster, epoch, .. } = report;
        let hash = found.hash.unwrap_or_default();
        let segment_bytes = options.segment_bytes.max(SEGMENT_BYTES_MIN);
        let spare = Arc::new(spare::Spare::new(segment_bytes));
        let file = found.segments.current.as_ref().map(|table| Arc::clone(&table.file));
        let room = file.as_ref().map_or(Ok(0), |file| file.len()).map_err(io_error(segment::LOG_DIR))?;
        let catalog = Arc::new(Catalog::new(Arc::clone(&storage), found.segments));
        // A segment of another size goes on as far as it was zero-filled.
        let room = room.min(SEGMENT_BYTES_MAX);
        spare.log_is_at(found.end, room);
        let local = LocalLog {
            storage: Arc::clone(&storage),
            cluster,
            epoch,
            segment_bytes,
            spare: Arc::clone(&spare),
            catalog: Arc::clone(&catalog),
            file,
            offset: found.end,
            room,
            last: found.last,
            hash,
            poisoned: false,
            #[cfg(feature = "planted")]
            held: None,
        };
        spare.order();
        let archiver = Archiver::new(Arc::clone(&storage), Arc::clone(&catalog));
        let (appender, writer) = writer::pair(Box::new(local), Arc::clone(&spare), cluster, epoch, hash);
        let spares = SparePreparer { storage, segment_bytes, spare, keep_free: 0 };
        Ok(Opened { appender, writer, reader: LogReader::new(catalog), archiver, spares, report })
    }
}

fn io_error(path: &str) -> impl FnOnce(std::io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::Io { path, source }
}

/// Makes the directory fit to be written: it is there, its torn end is not, and what was read is durable. Returns whether
/// a torn end was kept.
fn prepare(storage: &dyn Storage, found: &Scan) -> Result<bool, OpenError> {
    storage.create_dir_all(segment::LOG_DIR).map_err(io_error(segment::LOG_DIR))?;
    storage.sync_dir(".").map_err(io_error("."))?;
    let is_kept = match &found.torn {
        Some(torn) => cut(storage, torn).map_err(io_error(&torn.file))?,
        None => false,
    };
    secure(storage, &found.segments).map_err(io_error(segment::LOG_DIR))?;
    Ok(is_kept)
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

/// Keeps a copy of a torn frame and makes its place zero again. Not before the copy is durable, with the name
/// of its directory; but where the disk has no room for a copy there is none, since a start needs no room and nothing in
/// the frame was promised. Returns whether there is one.
fn cut(storage: &dyn Storage, torn: &Torn) -> std::io::Result<bool> {
    let file = storage.open(&torn.file)?;
    let mut bytes = vec![0; torn.bytes];
    file.read_at(torn.offset, &mut bytes)?;
    let is_kept = match keep(storage, torn, &bytes) {
        Err(error) if error.kind() == ErrorKind::StorageFull => false,
        kept => kept.map(|()| true)?,
    };
    bytes.fill(0);
    file.write_at(torn.offset, &bytes)?;
    file.sync_data()?;
    Ok(is_kept)
}

/// Writes the bytes of a torn frame to [`QUARANTINE_DIR`]. One that finds no room is removed.
fn keep(storage: &dyn Storage, torn: &Torn, bytes: &[u8]) -> std::io::Result<()> {
    storage.create_dir_all(QUARANTINE_DIR)?;
    storage.sync_dir(".")?;
    let path = free_name(storage, torn.last_good.next())?;
    let copy = storage.create_new(&path)?;
    let written = copy.write_at(0, bytes).and_then(|()| copy.sync_data());
    if written.as_ref().is_err_and(|error| error.kind() == ErrorKind::StorageFull) {
        // Whether or not it can be removed: a part of a copy is evidence of nothing, and does no harm.
        storage.remove_file(&path).ok();
    }
    written?;
    storage.sync_dir(QUARANTINE_DIR)
}

/// A name in [`QUARANTINE_DIR`] that no file has: the same end may have been cut before, and some of the copies
/// may have been taken away since.
fn free_name(storage: &dyn Storage, first: Lsn) -> std::io::Result<String> {
    let taken = storage.list(QUARANTINE_DIR)?;
    let names = (0..=taken.len()).map(|number| format!("{:020}-{number}.torn", first.0));
    let free = names.into_iter().find(|name| !taken.contains(name)).unwrap_or_default();
    Ok(format!("{QUARANTINE_DIR}/{free}"))
}
