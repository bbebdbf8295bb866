//! Reading the log back, and telling a torn end from damage.
//!
//! A crash may leave the last frame written in part, in any of its sectors: nobody was told that it is
//! durable, and it may be cut off. Because no sector of a frame is ever all zero, and a segment was all zero
//! before, a frame written in part has a sector that is all zero. Anything else that does not check is
//! damage to something that may have been promised: then nothing is changed and the log is refused.

use super::archive_file::ArchiveFile;
use super::catalog::{Form, Sealed, Segments, Table};
use super::frame::{
    ChainHash, FrameError, FrameHeader, HEADER_BYTES, STORED_BYTES_MAX, chain_hash, has_zero_sector, is_zero,
    open_body, parse_header, records,
};
use super::segment::{
    ARCHIVE_SUFFIX, FIRST_FRAME, LOG_DIR, SegmentError, SegmentHeader, archive_path_of, first_of, path_of,
};
use crate::lsn::Lsn;
use crate::storage::{Storage, StorageFile};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// Why a log is not opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The disk says no.
    #[error("{path}: {source}")]
    Io {
        /// Which file or directory.
        path: String,
        /// What it says.
        source: io::Error,
    },
    /// The log is damaged where records may have been promised.
    #[error(
        "{file} is damaged at offset {offset}: {what}; the last good record is {last_good}. Nothing was changed. \
         `onhand verify DIR` says what is affected; restore a backup, or keep a copy before any repair"
    )]
    Corrupt {
        /// Which segment.
        file: String,
        /// Where in it.
        offset: u64,
        /// The last record before the damage.
        last_good: Lsn,
        /// What does not check.
        what: String,
    },
    /// Records are missing between two segments.
    #[error(
        "records {from} to {to} are missing before {file}: a segment was deleted or swapped. Nothing was changed; \
         put the file back or restore a backup"
    )]
    Missing {
        /// The segment after the gap.
        file: String,
        /// First missing record.
        from: Lsn,
        /// Last missing record.
        to: Lsn,
    },
    /// The segment belongs to another journal, or to another place in this one.
    #[error("{file} does not continue the log: {what}. Nothing was changed; put the right file back")]
    Foreign {
        /// Which segment.
        file: String,
        /// What does not fit.
        what: String,
    },
    /// A newer release wrote this.
    #[error("{file} was written by a newer release: {what}. Nothing was changed; start that release")]
    Newer {
        /// Which segment.
        file: String,
        /// What is not known.
        what: String,
    },
    /// Whoever reads the records cannot go on.
    #[error("record {lsn} cannot be used: {what}")]
    Visitor {
        /// Which record.
        lsn: Lsn,
        /// Why.
        what: String,
    },
}

/// A frame that a crash left written in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// In which segment.
    pub file: String,
    /// Where it begins.
    pub offset: u64,
    /// How many bytes of the segment it may reach over.
    pub bytes: usize,
    /// The last record before it.
    pub last_good: Lsn,
}

/// What reading the whole log found.
pub struct Scan {
    /// Where every frame is.
    pub(super) segments: Segments,
    /// Identity of the journal, if there is a log at all.
    pub(super) cluster: Option<[u8; 16]>,
    /// The highest epoch seen.
    pub(super) epoch: u64,
    /// The last record.
    pub last: Lsn,
    /// Hash of the last frame; unknown behind a segment that was passed over, where the next one tells.
    pub(super) hash: Option<ChainHash>,
    /// Where the next frame goes in the last segment.
    pub(super) end: u64,
    /// A frame written in part, if there is one.
    pub torn: Option<Torn>,
}

/// Takes each record; an `Err` stops the reading.
pub type Visitor<'a> = dyn FnMut(Lsn, &[u8]) -> Result<(), String> + 'a;

/// Reads the log, checks it, and hands out the records from `from` on. Changes nothing. Of segments that end
/// before `from` only the headers and tables are read; `Lsn(1)` checks every frame.
///
/// # Errors
/// [`OpenError`], naming the file and what to do.
pub fn scan(storage: &dyn Storage, from: Lsn, visit: &mut Visitor<'_>) -> Result<Scan, OpenError> {
    let names = storage.list(LOG_DIR).map_err(|source| OpenError::Io { path: LOG_DIR.into(), source })?;
    let files = forms(&names);
    let mut scan = Scan {
        segments: Segments::default(),
        cluster: None,
        epoch: 0,
        last: Lsn::ZERO,
        hash: Some([0; 32]),
        end: 0,
        torn: None,
    };
    let files: Vec<(Lsn, Form)> = files.into_iter().collect();
    for (place, (first, form)) in files.iter().enumerate() {
        let mut reader = SegmentReader::open(storage, *first, *form, &scan)?;
        match files.get(place + 1) {
            Some((next, _)) if *next <= from => reader.pass_over(&mut scan, *next)?,
            next => reader.read(&mut scan, next.is_none(), from, visit)?,
        }
    }
    Ok(scan)
}

/// The segments by first record. Where a raw file and its archive both stand (a crash between the two steps
/// of archiving), the raw one counts and is archived again.
fn forms(names: &[String]) -> BTreeMap<Lsn, Form> {
    let mut forms = BTreeMap::new();
    for name in names {
        let Some(first) = first_of(name) else { continue };
        let form = if name.ends_with(ARCHIVE_SUFFIX) { Form::Archived } else { Form::Raw };
        let entry = forms.entry(first).or_insert(form);
        if form == Form::Raw {
            *entry = form;
        }
    }
    forms
}

struct SegmentReader {
    path: String,
    file: Arc<dyn StorageFile>,
    bytes: u64,
    header: SegmentHeader,
    form: Form,
    /// What an archive says of its content.
    archived: Option<(Lsn, ChainHash)>,
    buffer: Vec<u8>,
}

/// What stands at a place where a frame could.
enum Found {
    Frame(FrameHeader),
    End,
    Torn(usize),
    Damage(String),
}

impl SegmentReader {
    fn open(storage: &dyn Storage, first: Lsn, form: Form, scan: &Scan) -> Result<Self, OpenError> {
        let path = match form {
            Form::Raw => path_of(first),
            Form::Archived => archive_path_of(first),
        };
        let io_error = |source| OpenError::Io { path: path.clone(), source };
        let (file, archived) = open_file(storage, &path, form, scan.last)?;
        let bytes = file.len().map_err(io_error)?;
        let corrupt =
            |what: String| OpenError::Corrupt { file: path.clone(), offset: 0, last_good: scan.last, what };
        if bytes < FIRST_FRAME {
            return Err(corrupt(format!("the file has {bytes} bytes, its header alone {FIRST_FRAME}")));
        }
        let mut block = [0; super::frame::BLOCK_BYTES];
        file.read_at(0, &mut block).map_err(io_error)?;
        let header = SegmentHeader::decode(&block).map_err(|error| match error {
            SegmentError::Format(_) => OpenError::Newer { file: path.clone(), what: error.to_string() },
            SegmentError::Magic | SegmentError::Crc => corrupt(error.to_string()),
        })?;
        let foreign = |what: String| Err(OpenError::Foreign { file: path.clone(), what });
        if header.first != first {
            return foreign(format!("its name says record {first}, its header {}", header.first));
        }
        if first > scan.last.next() {
            let to = Lsn(first.0 - 1);
            return Err(OpenError::Missing { file: path, from: scan.last.next(), to });
        }
        if first < scan.last.next() {
            return foreign(format!("it begins at record {first}, which another segment has"));
        }
        if form == Form::Raw && header.bytes != bytes {
            return Err(corrupt(format!("the file has {bytes} bytes, it was made with {}", header.bytes)));
        }
        if scan.cluster.is_some_and(|cluster| cluster != header.cluster) {
            return foreign("it belongs to another journal".into());
        }
        if scan.hash.is_some_and(|hash| header.previous != hash) {
            return foreign("it does not follow the last frame before it".into());
        }
        Ok(Self { path, file, bytes, header, form, archived, buffer: Vec::new() })
    }

    fn read(
        &mut self,
        scan: &mut Scan,
        is_last: bool,
        from: Lsn,
        visit: &mut Visitor<'_>,
    ) -> Result<(), OpenError> {
        self.enter(scan);
        let mut table = Table::new(self.header.first, Arc::clone(&self.file));
        let mut offset = FIRST_FRAME;
        loop {
            match self.look(offset, scan)? {
                Found::Frame(header) => {
                    self.deliver(&header, from, visit)?;
                    table.push(header.first, offset);
                    scan.last = header.last();
                    scan.epoch = scan.epoch.max(header.epoch);
                    offset += header.stored_bytes() as u64;
                }
                Found::End => break,
                Found::Torn(bytes) if is_last => {
                    scan.torn = Some(Torn { file: self.path.clone(), offset, bytes, last_good: scan.last });
                    break;
                }
                Found::Torn(_) => {
                    return Err(self.corrupt(offset, scan.last, "a frame before the end is not whole"));
                }
                Found::Damage(what) => return Err(self.corrupt(offset, scan.last, &what)),
            }
        }
        let torn_bytes = scan.torn.as_ref().map_or(0, |torn| torn.bytes as u64);
        self.check_rest(offset + torn_bytes, scan.last)?;
        scan.end = offset;
        self.leave(scan, is_last, table)
    }

    fn enter(&self, scan: &mut Scan) {
        scan.cluster = Some(self.header.cluster);
        scan.epoch = scan.epoch.max(self.header.epoch);
        scan.hash = Some(self.header.previous);
    }

    fn leave(&self, scan: &mut Scan, is_last: bool, table: Table) -> Result<(), OpenError> {
        if let Some((last, hash)) = self.archived
            && (scan.last != last || scan.hash != Some(hash))
        {
            return Err(self.corrupt(scan.end, scan.last, "the archive does not hold what its index says"));
        }
        if !is_last {
            scan.segments.seal(self.form, table);
            return Ok(());
        }
        if self.form == Form::Archived {
            // A segment is archived only when the next one has begun.
            return Err(self.corrupt(scan.end, scan.last, "the segment behind this archive is missing"));
        }
        scan.segments.current = Some(table);
        Ok(())
    }

    /// Believes a segment that nobody needs now: its frames are checked when they are read, and by the audit.
    fn pass_over(&self, scan: &mut Scan, next: Lsn) -> Result<(), OpenError> {
        let last = Lsn(next.0 - 1);
        self.enter(scan);
        if let Some((archived, _)) = self.archived.filter(|(archived, _)| *archived != last) {
            return Err(OpenError::Missing { file: self.path.clone(), from: archived.next(), to: last });
        }
        scan.last = last;
        scan.hash = self.archived.map(|(_, hash)| hash);
        scan.segments.sealed.push(Sealed { first: self.header.first, form: self.form, table: None });
        Ok(())
    }

    /// Looks at one place. A good frame is left in the buffer, opened.
    fn look(&mut self, offset: u64, scan: &mut Scan) -> Result<Found, OpenError> {
        let left = usize::try_from(self.bytes.saturating_sub(offset)).unwrap_or(usize::MAX);
        if left < super::frame::BLOCK_BYTES {
            return Ok(Found::End);
        }
        self.fill(offset, super::frame::BLOCK_BYTES)?;
        if is_zero(&self.buffer[..super::frame::SECTOR_BYTES]) {
            // Nothing was written here, or the part that says how much was not: look as far as one frame
            // could reach.
            let reach = left.min(STORED_BYTES_MAX);
            self.fill(offset, reach)?;
            return Ok(self.unwritten(reach));
        }
        let header = match parse_header(&self.buffer[..HEADER_BYTES]) {
            Ok(header) => header,
            Err(FrameError::Format(format)) => {
                let what = FrameError::Format(format).to_string();
                return Err(OpenError::Newer { file: self.path.clone(), what });
            }
            Err(error) => return Ok(damage_or_cut(error.to_string(), super::frame::BLOCK_BYTES)),
        };
        let stored = header.stored_bytes();
        if stored > left {
            return Ok(Found::Damage("a frame reaches beyond its segment".into()));
        }
        self.fill(offset, stored)?;
        let hash = chain_hash(&self.buffer);
        let was_torn = has_zero_sector(&self.buffer);
        if let Err(error) = open_body(&header, &mut self.buffer) {
            return Ok(if was_torn { Found::Torn(stored) } else { damage_or_cut(error.to_string(), stored) });
        }
        if let Some(what) = self.misfit(&header, scan) {
            return Ok(Found::Damage(what));
        }
        scan.hash = Some(hash);
        Ok(Found::Frame(header))
    }

    /// What a place is whose first sector was never written.
    fn unwritten(&self, reach: usize) -> Found {
        if is_zero(&self.buffer) {
            return Found::End;
        }
        // Each frame is durable before the next one is begun: behind a torn one there is none.
        let follows =
            self.buffer.chunks(super::frame::BLOCK_BYTES).skip(1).any(|block| parse_header(block).is_ok());
        if follows && !cfg!(feature = "fault-cut-any") {
            return Found::Damage("a frame stands behind one whose beginning is missing".into());
        }
        Found::Torn(reach)
    }

    fn misfit(&self, header: &FrameHeader, scan: &Scan) -> Option<String> {
        if header.cluster != self.header.cluster {
            return Some("a frame belongs to another journal".into());
        }
        if header.first != scan.last.next() {
            return Some(format!("a frame begins at record {}, {} was due", header.first, scan.last.next()));
        }
        if scan.hash != Some(header.previous) {
            return Some("a frame does not follow the one before it".into());
        }
        (header.epoch < scan.epoch).then(|| format!("epoch {} after epoch {}", header.epoch, scan.epoch))
    }

    fn deliver(&self, header: &FrameHeader, from: Lsn, visit: &mut Visitor<'_>) -> Result<(), OpenError> {
        if header.last() < from {
            return Ok(());
        }
        for (lsn, record) in (header.first.0..).zip(records(header, &self.buffer)) {
            let lsn = Lsn(lsn);
            let stop = |what: String| OpenError::Visitor { lsn, what };
            let record = record.map_err(|error| stop(error.to_string()))?;
            if lsn >= from {
                visit(lsn, record).map_err(stop)?;
            }
        }
        Ok(())
    }

    /// Whatever comes after the last frame must never have been written.
    fn check_rest(&mut self, from: u64, last_good: Lsn) -> Result<(), OpenError> {
        let mut offset = from;
        while offset < self.bytes {
            let count = usize::try_from(self.bytes - offset).unwrap_or(usize::MAX).min(STORED_BYTES_MAX);
            self.fill(offset, count)?;
            if !is_zero(&self.buffer) {
                return Err(self.corrupt(offset, last_good, "something stands behind the end of the log"));
            }
            offset += count as u64;
        }
        Ok(())
    }

    fn fill(&mut self, offset: u64, count: usize) -> Result<(), OpenError> {
        self.buffer.resize(count, 0);
        let result = self.file.read_at(offset, &mut self.buffer);
        result.map_err(|source| OpenError::Io { path: self.path.clone(), source })
    }

    fn corrupt(&self, offset: u64, last_good: Lsn, what: &str) -> OpenError {
        OpenError::Corrupt { file: self.path.clone(), offset, last_good, what: what.to_owned() }
    }
}

type OpenFile = (Arc<dyn StorageFile>, Option<(Lsn, ChainHash)>);

fn open_file(storage: &dyn Storage, path: &str, form: Form, last_good: Lsn) -> Result<OpenFile, OpenError> {
    let io_error = |source| OpenError::Io { path: path.to_owned(), source };
    let file = storage.open(path).map_err(io_error)?;
    if form == Form::Raw {
        return Ok((file.into(), None));
    }
    let archive = ArchiveFile::open(file).map_err(|source| match source.kind() {
        io::ErrorKind::Unsupported => OpenError::Newer { file: path.to_owned(), what: source.to_string() },
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
            OpenError::Corrupt { file: path.to_owned(), offset: 0, last_good, what: source.to_string() }
        }
        _ => io_error(source),
    })?;
    let told = (archive.info().last, archive.info().hash);
    Ok((Arc::new(archive), Some(told)))
}

/// Damage; in the build with a deliberate bug, something to be cut off.
fn damage_or_cut(what: String, bytes: usize) -> Found {
    if cfg!(feature = "fault-cut-any") { Found::Torn(bytes) } else { Found::Damage(what) }
}
