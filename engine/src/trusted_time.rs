//! The time by which windows and deadlines pass.

use onhand_snapshots::storage::Storage;
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A forward step of the clock beyond this is not believed at once: time zones set wrong, a dead battery or a
/// restored machine step by an hour and more, and a clock that is kept right never does.
pub const JUMP_MAX_MS: u64 = 60 * 60 * 1_000;

/// While time stands still: where it does, in decimal digits.
const MARK: &str = "clock.suspended";

/// It follows the clock, but stands still when the clock has jumped forward by more than [`JUMP_MAX_MS`] since it was
/// last looked at or since the last record, until an operator says that the clock is right: a wrong clock must not
/// forget keys or let holds expire.
///
/// Records are stamped with what the clock says, right or wrong. So that their times are not taken for the right ones
/// at the next start, a mark is durable before any record has a time that is not trusted.
pub struct TrustedTime {
    /// What it is; 0 as long as nothing is known.
    now_ms: AtomicU64,
    suspended: AtomicBool,
    storage: Arc<dyn Storage>,
    /// One change of `suspended` and of the mark at a time.
    changing: Mutex<()>,
}

impl TrustedTime {
    /// The time at a start, given the latest time in the log (0 if it is new) and what the clock says now. It is the
    /// earlier of the two: a clock that was ahead and has been mended left late times in the log.
    ///
    /// # Errors
    /// As the disk says.
    pub fn open(storage: Arc<dyn Storage>, last_record_ms: u64, clock_ms: u64) -> io::Result<Self> {
        let marked = read_mark(&*storage)?;
        let is_ahead = |known: u64| clock_ms > known.saturating_add(JUMP_MAX_MS);
        let time = Self {
            now_ms: AtomicU64::new(marked.unwrap_or(last_record_ms.min(clock_ms))),
            suspended: AtomicBool::new(marked.is_some_and(is_ahead)),
            storage,
            changing: Mutex::new(()),
        };
        if marked.is_some() && !time.is_suspended() {
            time.remove_mark()?;
        }
        Ok(time)
    }

    /// The time, given what the clock says. Never runs back.
    pub fn at(&self, clock_ms: u64) -> u64 {
        let known = self.now_ms.load(Ordering::Relaxed);
        if self.is_suspended() {
            return known;
        }
        if known > 0 && clock_ms > known.saturating_add(JUMP_MAX_MS) {
            self.suspend(known, clock_ms);
            return known;
        }
        self.now_ms.fetch_max(clock_ms, Ordering::Relaxed).max(clock_ms)
    }

    /// Whether it stands still.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        self.suspended.load(Ordering::Acquire)
    }

    /// The operator says that the clock is right: time goes on from what it says.
    pub fn confirm(&self, clock_ms: u64) {
        let _one = self.changing.lock();
        self.now_ms.fetch_max(clock_ms, Ordering::Relaxed);
        self.suspended.store(false, Ordering::Release);
        if let Err(error) = self.remove_mark() {
            tracing::warn!(%error, "the mark of the clock stays; after the next start time may stand still again");
        }
    }

    fn suspend(&self, known: u64, clock_ms: u64) {
        let _one = self.changing.lock();
        if self.is_suspended() || self.now_ms.load(Ordering::Relaxed) != known {
            return;
        }
        let minutes = (clock_ms - known) / 60_000;
        tracing::error!(minutes, "the clock is far ahead; nothing expires until `onhand clock confirm`");
        // Without the mark time stands still all the same, only not beyond a restart.
        if let Err(error) = self.write_mark(known) {
            tracing::error!(%error, "that the clock is far ahead cannot be noted; do not restart before it is right");
        }
        self.suspended.store(true, Ordering::Release);
    }

    fn write_mark(&self, known: u64) -> io::Result<()> {
        let file = match self.storage.create_new(MARK) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.storage.open(MARK)?,
            created => created?,
        };
        file.write_at(0, format!("{known:020}").as_bytes())?;
        file.sync_data()?;
        self.storage.sync_dir(".")
    }

    fn remove_mark(&self) -> io::Result<()> {
        if self.storage.exists(MARK)? {
            self.storage.remove_file(MARK)?;
            self.storage.sync_dir(".")?;
        }
        Ok(())
    }
}

/// Where time stands still; at the beginning of all time if the mark was not written whole.
fn read_mark(storage: &dyn Storage) -> io::Result<Option<u64>> {
    let file = match storage.open(MARK) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut text = [0; 20];
    match file.read_at(0, &mut text) {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
        _ => {}
    }
    let known = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
    Ok(Some(known.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use onhand_snapshots::storage::{Crash, SimStorage};

    const HOUR: u64 = JUMP_MAX_MS;
    const DAY: u64 = 24 * HOUR;

    fn time(disk: &SimStorage, last_record_ms: u64, clock_ms: u64) -> TrustedTime {
        TrustedTime::open(Arc::new(disk.clone()), last_record_ms, clock_ms).unwrap()
    }

    #[test]
    fn a_jump_forward_stops_time_until_it_is_confirmed() {
        let disk = SimStorage::default();
        let time = time(&disk, 1_000, 1_000);
        assert_eq!(time.at(1_000 + HOUR), 1_000 + HOUR);
        assert_eq!(time.at(500), 1_000 + HOUR, "it never runs back");
        assert_eq!(time.at(1_001 + 2 * HOUR), 1_000 + HOUR);
        assert!(time.is_suspended());
        assert_eq!(time.at(1_500 + HOUR), 1_000 + HOUR, "a jump back does not mend it");
        time.confirm(5 * HOUR);
        assert!(!time.is_suspended());
        assert_eq!(time.at(5 * HOUR + 1), 5 * HOUR + 1);
        assert!(!disk.exists(MARK).unwrap());
    }

    #[test]
    fn a_new_log_begins_with_the_clock() {
        let time = time(&SimStorage::default(), 0, 90 * HOUR);
        assert_eq!(time.at(90 * HOUR), 90 * HOUR);
        assert!(!time.is_suspended());
    }

    #[test]
    fn a_wrong_clock_is_not_believed_after_a_restart_either() {
        let disk = SimStorage::default();
        assert_eq!(time(&disk, DAY, DAY).at(32 * DAY), DAY);
        disk.crash(Crash::LoseAll);
        // The log has a record of day 32 now.
        let still_wrong = time(&disk, 32 * DAY, 32 * DAY + HOUR);
        assert_eq!(still_wrong.at(32 * DAY + HOUR), DAY);
        assert!(still_wrong.is_suspended());
        let mended = time(&disk, 32 * DAY, DAY + HOUR);
        assert!(!mended.is_suspended());
        assert_eq!(mended.at(DAY + HOUR), DAY + HOUR, "and not the late time in the log");
        assert_eq!(time(&disk, 32 * DAY, DAY + 2 * HOUR).at(DAY + 2 * HOUR), DAY + 2 * HOUR);
    }

    #[test]
    fn a_mark_that_was_not_written_whole_stops_time_at_its_beginning() {
        let disk = SimStorage::default();
        disk.create_new(MARK).unwrap();
        let time = time(&disk, DAY, DAY);
        assert!(time.is_suspended());
        assert_eq!(time.at(DAY), 0);
    }
}
