//! One segment, read from its header to its end, raw or archived; every frame checked before it is believed.

use super::archive_file::{ArchiveFile, DamagedBlock};
use super::catalog::{Form, Sealed, Table};
use super::frame::{
    BLOCK_BYTES, ChainHash, FrameError, FrameHeader, HEADER_BYTES, SECTOR_BYTES, STORED_BYTES_MAX,
    chain_hash, check_body, has_zero_sector, is_zero, open_body, parse_header, records,
};
use super::recovery::{Beside, OpenError, Scan, Stop, Torn, Visitor};
use super::segment::{FIRST_FRAME, SegmentError, SegmentHeader, archive_path_of, path_of};
use crate::lsn::Lsn;
use crate::planted::{Bug, is_planted};
use crate::storage::{Storage, StorageFile};
use std::io;
use std::sync::Arc;

/// How often a place is looked at again beside a writer. What a write has half done is done a moment later,
/// and reading a frame takes about as long as writing one.
const LOOKS_MAX: usize = 4;

pub(super) struct SegmentReader {
    path: String,
    file: Arc<dyn StorageFile>,
    bytes: u64,
    header: SegmentHeader,
    form: Form,
    /// The first record of the segment behind it; none is behind the last one.
    next: Option<Lsn>,
    beside: Beside,
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
    pub(super) fn open(
        storage: &dyn Storage,
        (first, form): (Lsn, Form),
        next: Option<Lsn>,
        scan: &Scan,
        beside: Beside,
    ) -> Result<Self, OpenError> {
        let path = match form {
            Form::Raw => path_of(first),
            Form::Archived => archive_path_of(first),
        };
        let io_error = |source| read_error(&path, source);
        let to = next.map(|next| Lsn(next.0 - 1));
        let corrupt = |what: String| {
            let (file, last_good) = (path.clone(), scan.last);
            OpenError::Corrupt { file, offset: 0, last_good, to, what }
        };
        let (file, archived) = open_file(storage, &path, form, &corrupt)?;
        let bytes = file.len().map_err(io_error)?;
        if bytes < FIRST_FRAME {
            return Err(corrupt(format!("the file has {bytes} bytes, its header alone {FIRST_FRAME}")));
        }
        let mut block = [0; BLOCK_BYTES];
        file.read_at(0, &mut block).map_err(io_error)?;
        let header = SegmentHeader::decode(&block).map_err(|error| match error {
            SegmentError::Format(_) => OpenError::Newer { file: path.clone(), what: error.to_string() },
            SegmentError::Magic | SegmentError::Crc => corrupt(error.to_string()),
        })?;
        let foreign = |what: String| Err(OpenError::Foreign { file: path.clone(), from: first, to, what });
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
        Ok(Self { path, file, bytes, header, form, next, beside, archived, buffer: Vec::new() })
    }

    pub(super) fn read(
        &mut self,
        scan: &mut Scan,
        from: Lsn,
        visit: &mut Visitor<'_>,
    ) -> Result<(), OpenError> {
        let is_last = self.next.is_none();
        self.enter(scan);
        let mut table = Table::new(self.header.first, Arc::clone(&self.file));
        let mut offset = FIRST_FRAME;
        let looks_max = match self.beside {
            Beside::Nobody => 1,
            Beside::Writer => LOOKS_MAX,
        };
        let mut looks = 0;
        scan.torn = loop {
            let found = self.look(offset, scan)?;
            if let Found::Frame(header) = found {
                self.deliver(&header, from, visit)?;
                table.push(header.first, offset);
                scan.last = header.last();
                scan.epoch = scan.epoch.max(header.epoch);
                offset += header.stored_bytes() as u64;
                looks = 0;
                continue;
            }
            looks += 1;
            match self.end_at(offset, found, is_last, scan.last) {
                Ok(None) => break None,
                // Beside a writer a frame may be seen half written, or come between two reads: look again.
                Ok(Some(_)) | Err(_) if looks < looks_max => {}
                Ok(torn) => break torn,
                Err(error) => return Err(error),
            }
        };
        scan.end = offset;
        self.leave(scan, is_last, table)
    }

    /// Whether the log may end at a place where no good frame stands, and what of a torn one is there.
    fn end_at(
        &mut self,
        offset: u64,
        found: Found,
        is_last: bool,
        last_good: Lsn,
    ) -> Result<Option<Torn>, OpenError> {
        let torn_bytes = match found {
            Found::Frame(_) | Found::End => 0,
            Found::Torn(bytes) if is_last => bytes,
            Found::Torn(_) => {
                return Err(self.corrupt(offset, last_good, "a frame before the end is not whole"));
            }
            Found::Damage(what) => return Err(self.corrupt(offset, last_good, &what)),
        };
        self.check_rest(offset + torn_bytes as u64, last_good)?;
        let torn = Torn { file: self.path.clone(), offset, bytes: torn_bytes, last_good };
        Ok((torn_bytes > 0).then_some(torn))
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

    /// Believes a segment that nobody needs now, as far as it reaches to the next one: its frames are checked when they
    /// are read, and by the audit.
    pub(super) fn pass_over(&mut self, scan: &mut Scan, next: Lsn) -> Result<(), OpenError> {
        let due = Lsn(next.0 - 1);
        self.enter(scan);
        let (last, hash) = match self.archived {
            Some(told) => told,
            None => self.end_of_frames()?,
        };
        if last != due {
            return Err(OpenError::Missing { file: self.path.clone(), from: last.next(), to: due });
        }
        scan.last = last;
        scan.hash = Some(hash);
        scan.segments.sealed.push(Sealed { first: self.header.first, form: self.form, table: None });
        Ok(())
    }

    /// The last record of a raw segment and the hash of its last frame, by the headers of its frames: a few records may
    /// be read for a gigabyte of log, but none of its files may be missing.
    fn end_of_frames(&mut self) -> Result<(Lsn, ChainHash), OpenError> {
        let mut last = Lsn(self.header.first.0.saturating_sub(1));
        let (mut offset, mut before) = (FIRST_FRAME, None);
        while offset + BLOCK_BYTES as u64 <= self.bytes {
            self.fill(offset, HEADER_BYTES)?;
            if is_zero(&self.buffer) {
                break;
            }
            let frame =
                parse_header(&self.buffer).map_err(|error| self.corrupt(offset, last, &error.to_string()))?;
            let end = offset + frame.stored_bytes() as u64;
            if frame.first != last.next() || end > self.bytes {
                let what = format!("a frame begins at record {}, {} was due", frame.first, last.next());
                return Err(self.corrupt(offset, last, &what));
            }
            before = Some((offset, frame.stored_bytes(), last));
            last = frame.last();
            offset = end;
        }
        let Some((offset, stored, last_good)) = before else { return Ok((last, self.header.previous)) };
        self.fill(offset, stored)?;
        let checked = parse_header(&self.buffer).and_then(|frame| check_body(&frame, &self.buffer));
        checked.map_err(|error| self.corrupt(offset, last_good, &error.to_string()))?;
        Ok((last, chain_hash(&self.buffer)))
    }

    /// Looks at one place. A good frame is left in the buffer, opened.
    fn look(&mut self, offset: u64, scan: &mut Scan) -> Result<Found, OpenError> {
        let left = usize::try_from(self.bytes.saturating_sub(offset)).unwrap_or(usize::MAX);
        if left < BLOCK_BYTES {
            return Ok(Found::End);
        }
        self.fill(offset, BLOCK_BYTES)?;
        if is_zero(&self.buffer[..SECTOR_BYTES]) {
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
            Err(error) => return Ok(damage_or_cut(error.to_string(), BLOCK_BYTES)),
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
        let follows = self.buffer.chunks(BLOCK_BYTES).skip(1).any(|block| parse_header(block).is_ok());
        if follows && !cuts_any() {
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
            let record = record.map_err(|error| OpenError::Visitor { lsn, what: error.to_string() })?;
            if lsn >= from {
                visit(lsn, record).map_err(|stop| self.stopped(lsn, stop))?;
            }
        }
        Ok(())
    }

    fn stopped(&self, lsn: Lsn, stop: Stop) -> OpenError {
        match stop {
            Stop::Record(what) => OpenError::Visitor { lsn, what },
            Stop::Newer(what) => {
                OpenError::Newer { file: self.path.clone(), what: format!("record {lsn} has {what}") }
            }
        }
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
        result.map_err(|source| read_error(&self.path, source))
    }

    fn corrupt(&self, offset: u64, last_good: Lsn, what: &str) -> OpenError {
        let to = self.next.map(|next| Lsn(next.0 - 1));
        OpenError::Corrupt { file: self.path.clone(), offset, last_good, to, what: what.to_owned() }
    }
}

type OpenFile = (Arc<dyn StorageFile>, Option<(Lsn, ChainHash)>);

fn open_file(
    storage: &dyn Storage,
    path: &str,
    form: Form,
    corrupt: &dyn Fn(String) -> OpenError,
) -> Result<OpenFile, OpenError> {
    let io_error = |source| OpenError::Io { path: path.to_owned(), source };
    let file = storage.open(path).map_err(io_error)?;
    if form == Form::Raw {
        return Ok((file.into(), None));
    }
    let archive = ArchiveFile::open(file).map_err(|source| match source.kind() {
        io::ErrorKind::Unsupported => OpenError::Newer { file: path.to_owned(), what: source.to_string() },
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => corrupt(source.to_string()),
        _ => io_error(source),
    })?;
    let told = (archive.info().last, archive.info().hash);
    Ok((Arc::new(archive), Some(told)))
}

/// What a failed read means: an archive tells which of its blocks is damaged, anything else is the disk's.
fn read_error(path: &str, source: io::Error) -> OpenError {
    match source.get_ref().and_then(|inner| inner.downcast_ref::<DamagedBlock>()) {
        Some(block) => OpenError::DamagedBlock {
            file: path.to_owned(),
            offset: block.offset,
            from: block.from,
            to: block.to,
            what: format!("block {}: {}", block.block, block.what),
        },
        None => OpenError::Io { path: path.to_owned(), source },
    }
}

/// Damage; in the build with a deliberate bug, something to be cut off.
fn damage_or_cut(what: String, bytes: usize) -> Found {
    if cuts_any() { Found::Torn(bytes) } else { Found::Damage(what) }
}

fn cuts_any() -> bool {
    is_planted(Bug::CutAny)
}
