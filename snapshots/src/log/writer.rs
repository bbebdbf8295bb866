//! Group commit: what gathers while one sync runs becomes the next frame. There is no timer: an idle log
//! syncs a lone record at once, a busy one syncs thousands together.

use super::frame::{
    ChainHash, FRAME_BYTES_MAX, FrameError, HEADER_BYTES, RECORD_BYTES_MAX, STORED_BYTES_MAX, seal,
    stored_bytes,
};
use super::room::Room;
use super::spare::Spare;
use crate::journal::{Frame, Journal, JournalError};
use crate::lsn::Lsn;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// Frames that may wait for the disk: 64 of 512 KiB are 32 MiB, a quarter of a million orders. Beyond them
/// appends are refused.
pub const CHUNKS_MAX: usize = 64;

/// Buffers kept for use again; two alternate when the disk keeps up.
const POOL_MAX: usize = 8;

/// Why a record is not taken. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// As much waits for the disk as may.
    #[error("{waiting} frames wait for the disk")]
    Full {
        /// How many frames wait.
        waiting: usize,
    },
    /// The disk has no room for another segment, and what is left of the segments that are there is spoken for.
    #[error("the disk is full: a record of {bytes} bytes, and the log has {left} left")]
    NoRoom {
        /// How long the record is.
        bytes: usize,
        /// What is left behind what waits, in bytes of frames.
        left: u64,
    },
    /// The record is too long.
    #[error("record of {bytes} bytes exceeds {max}")]
    TooLong {
        /// How long it is.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The log is closed or has failed.
    #[error("the log is closed")]
    Closed,
}

/// Why the writer stopped. The process must end: what was not durable is not known to be lost either.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A frame could not be sealed: a defect.
    #[error("a frame cannot be sealed: {0}")]
    Frame(#[from] FrameError),
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stepped {
    /// Nothing waited.
    Idle,
    /// Everything up to here is durable.
    Durable(Lsn),
    /// Nothing waited and nothing more will come.
    Closed,
}

/// Records gathering into one frame; the header's place is kept free in front.
struct Chunk {
    bytes: Vec<u8>,
    first: Lsn,
    count: u32,
}

struct Gathering {
    chunks: VecDeque<Chunk>,
    next: Lsn,
    pool: Vec<Vec<u8>>,
    /// What the frame that is being written takes on the disk, in bytes; 0 if none is.
    writing: u64,
    woken: bool,
    closed: bool,
}

struct Shared {
    gathering: Mutex<Gathering>,
    work: Condvar,
    /// Told when something became durable, or never will.
    progress: Condvar,
    durable: AtomicU64,
    /// What the log can count on.
    spare: Arc<Spare>,
    /// See [`Appender::drive`].
    driver: OnceLock<Driver>,
}

/// Makes the log go on by a step; `false` if it cannot.
type Driver = Box<dyn Fn() -> bool + Send + Sync>;

/// Adds records. Clones share the log.
#[derive(Clone)]
pub struct Appender {
    shared: Arc<Shared>,
}

/// Writes what gathers; a thread is a loop around [`LogWriter::wait`] and [`LogWriter::step`].
pub struct LogWriter {
    shared: Arc<Shared>,
    journal: Box<dyn Journal>,
    cluster: [u8; 16],
    epoch: u64,
    hash: ChainHash,
}

/// Makes the two ends of a log that ends at `last` with this hash.
pub(super) fn pair(
    journal: Box<dyn Journal>,
    spare: Arc<Spare>,
    cluster: [u8; 16],
    epoch: u64,
    hash: ChainHash,
) -> (Appender, LogWriter) {
    let last = journal.last();
    let gathering = Gathering {
        chunks: VecDeque::new(),
        next: last.next(),
        pool: Vec::new(),
        writing: 0,
        woken: false,
        closed: false,
    };
    let shared = Arc::new(Shared {
        gathering: Mutex::new(gathering),
        work: Condvar::new(),
        progress: Condvar::new(),
        durable: AtomicU64::new(last.0),
        spare,
        driver: OnceLock::new(),
    });
    let appender = Appender { shared: Arc::clone(&shared) };
    (appender, LogWriter { shared, journal, cluster, epoch, hash })
}

impl Appender {
    /// Adds one record, the concatenation of `parts`, and returns its LSN. It is durable once
    /// [`Appender::durable`] has reached it. [`Appender::wake`] tells the writer, once for many.
    ///
    /// # Errors
    /// [`AppendError`]; nothing was added.
    pub fn append(&self, parts: &[&[u8]]) -> Result<Lsn, AppendError> {
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        let too_long = AppendError::TooLong { bytes, max: RECORD_BYTES_MAX };
        let length = u32::try_from(bytes).map_err(|_| too_long)?;
        if bytes > RECORD_BYTES_MAX {
            return Err(too_long);
        }
        let mut gathering = self.shared.gathering.lock();
        if gathering.closed {
            return Err(AppendError::Closed);
        }
        let room =
            gathering.chunks.back().is_some_and(|chunk| chunk.bytes.len() + 4 + bytes <= FRAME_BYTES_MAX);
        if let Some(disk) = self.shared.spare.room() {
            gathering.check(disk, 4 + bytes, room)?;
        }
        if !room {
            gathering.open_chunk()?;
        }
        let lsn = gathering.next;
        let Some(chunk) = gathering.chunks.back_mut() else { return Err(AppendError::Closed) };
        chunk.bytes.extend_from_slice(&length.to_le_bytes());
        for part in parts {
            chunk.bytes.extend_from_slice(part);
        }
        chunk.count += 1;
        gathering.next = lsn.next();
        Ok(lsn)
    }

    /// What the log can take while the disk has no room for another segment, in bytes of frames; `None` while it has.
    #[must_use]
    pub fn reserve(&self) -> Option<u64> {
        let room = self.shared.spare.room()?;
        let left = room.behind(self.shared.gathering.lock().waiting(0));
        Some(left.map_or(0, Room::bytes))
    }

    /// Whether a record of any length would be taken as far as the disk is concerned, and the log is open.
    #[must_use]
    pub fn can_append(&self) -> bool {
        let has_room = self.reserve().is_none_or(|bytes| bytes >= STORED_BYTES_MAX as u64);
        has_room && !self.is_closed()
    }

    /// Whether as much waits for the disk as may.
    #[must_use]
    pub fn is_backed_up(&self) -> bool {
        self.shared.gathering.lock().chunks.len() >= CHUNKS_MAX
    }

    /// Tells the writer to look.
    pub fn wake(&self) {
        let mut gathering = self.shared.gathering.lock();
        gathering.woken = true;
        drop(gathering);
        self.shared.work.notify_one();
    }

    /// Everything up to here is durable.
    #[must_use]
    pub fn durable(&self) -> Lsn {
        Lsn(self.shared.durable.load(Ordering::Acquire))
    }

    /// Blocks until a record is durable; `false` if the log closed or failed before. For rare work on threads
    /// that may wait.
    #[must_use]
    pub fn wait_durable(&self, lsn: Lsn) -> bool {
        if let Some(driver) = self.shared.driver.get() {
            while self.durable() < lsn && driver() {}
            return self.durable() >= lsn;
        }
        let mut gathering = self.shared.gathering.lock();
        while self.durable() < lsn && !gathering.closed {
            self.shared.progress.wait(&mut gathering);
        }
        self.durable() >= lsn
    }

    /// Where no thread writes the log, whoever waits for it makes it go on by this. Only the first one counts.
    pub fn drive(&self, step: impl Fn() -> bool + Send + Sync + 'static) {
        self.shared.driver.get_or_init(|| Box::new(step));
    }

    /// The last record that was added, durable or not.
    #[must_use]
    pub fn last(&self) -> Lsn {
        Lsn(self.shared.gathering.lock().next.0 - 1)
    }

    /// Whether the log takes nothing more, closed or failed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.gathering.lock().closed
    }

    /// Takes nothing more; what was added is still written.
    pub fn close(&self) {
        self.shared.gathering.lock().closed = true;
        self.shared.work.notify_all();
    }
}

impl Gathering {
    /// What waits, and is written now, as it will be stored; the last frame with so many bytes more.
    fn waiting(&self, more: usize) -> impl Iterator<Item = u64> {
        let last = self.chunks.len().saturating_sub(1);
        let chunks = self.chunks.iter().enumerate().map(move |(place, chunk)| {
            let more = if place == last { more } else { 0 };
            stored_bytes(chunk.bytes.len() - HEADER_BYTES + more) as u64
        });
        std::iter::once(self.writing).chain(chunks)
    }

    /// Whether a record of so many bytes has its place in what the disk has, behind all that waits: in the last frame, or
    /// in one of its own.
    fn check(&self, room: Room, bytes: usize, joins: bool) -> Result<(), AppendError> {
        let own = (!joins).then(|| stored_bytes(bytes) as u64);
        if room.behind(self.waiting(if joins { bytes } else { 0 }).chain(own)).is_some() {
            return Ok(());
        }
        let left = room.behind(self.waiting(0)).map_or(0, Room::bytes);
        Err(AppendError::NoRoom { bytes, left })
    }

    fn open_chunk(&mut self) -> Result<(), AppendError> {
        let waiting = self.chunks.len();
        if waiting >= CHUNKS_MAX {
            return Err(AppendError::Full { waiting });
        }
        let mut bytes = self.pool.pop().unwrap_or_default();
        bytes.clear();
        bytes.resize(HEADER_BYTES, 0);
        self.chunks.push_back(Chunk { bytes, first: self.next, count: 0 });
        Ok(())
    }
}

impl LogWriter {
    /// Blocks until there is something to write, somebody called [`Appender::wake`], or the log is closed.
    pub fn wait(&self) {
        let mut gathering = self.shared.gathering.lock();
        while gathering.chunks.is_empty() && !gathering.woken && !gathering.closed {
            self.shared.work.wait(&mut gathering);
        }
        gathering.woken = false;
    }

    /// Everything up to here is durable.
    #[must_use]
    pub fn durable(&self) -> Lsn {
        Lsn(self.shared.durable.load(Ordering::Acquire))
    }

    /// Writes one frame of what has gathered and makes it durable.
    ///
    /// # Errors
    /// [`WriteError`]; the log takes nothing more, and the process must end.
    pub fn step(&mut self) -> Result<Stepped, WriteError> {
        let chunk = {
            let mut gathering = self.shared.gathering.lock();
            match gathering.chunks.pop_front() {
                Some(chunk) => {
                    gathering.writing = stored_bytes(chunk.bytes.len() - HEADER_BYTES) as u64;
                    chunk
                }
                None if gathering.closed => return Ok(Stepped::Closed),
                None => return Ok(Stepped::Idle),
            }
        };
        let result = self.write(chunk);
        if result.is_err() {
            self.shared.gathering.lock().closed = true;
        }
        self.shared.progress.notify_all();
        result
    }

    fn write(&mut self, chunk: Chunk) -> Result<Stepped, WriteError> {
        let Chunk { mut bytes, first, count } = chunk;
        let last = Lsn(first.0 + u64::from(count) - 1);
        let hash = seal(&mut bytes, self.cluster, self.epoch, first, count, &self.hash)?;
        let expected = self.journal.last();
        self.journal.append(expected, &Frame { stored: &bytes, first, last, hash })?;
        self.hash = hash;
        self.shared.durable.store(last.0, Ordering::Release);
        let mut gathering = self.shared.gathering.lock();
        gathering.writing = 0;
        if gathering.pool.len() < POOL_MAX {
            gathering.pool.push(bytes);
        }
        Ok(Stepped::Durable(last))
    }
}
