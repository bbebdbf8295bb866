//! The time by which windows and deadlines pass.

use crate::clock::Clock;
use onhand_snapshots::planted::{Bug, is_planted};
use onhand_snapshots::storage::Storage;
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A forward step of the clock beyond this is not believed at once: time zones set wrong, a dead battery or a
/// restored machine step by an hour and more, and a clock that is kept right never does.
pub const JUMP_MAX_MS: u64 = 60 * 60 * 1_000;

/// How far the mark may lie behind: a start within the three quarters of an hour that are left is no jump.
const MARK_EVERY_MS: u64 = JUMP_MAX_MS / 4;

/// There as long as some record may have a later time: the trusted one, in decimal digits. A copy of the log is to have
/// it too.
pub const CLOCK_MARK_FILE: &str = "clock.trusted";

/// It follows the clock, but stands still when the clock has jumped forward by more than [`JUMP_MAX_MS`] since it was
/// last looked at or since the last record, until an operator says that the clock is right: a wrong clock must not
/// forget keys or let holds expire.
///
/// Records are stamped with what the clock says, right or wrong. So that such times are not taken for the right ones
/// at a later start, a mark of the trusted time is durable before any record has a time that is not trusted, and is
/// kept up until the trusted time has passed them all. As long as the mark cannot be written, records get the time that
/// stands still; so do they while somebody writes it, and nobody else waits for the disk.
pub struct TrustedTime {
    clock: Arc<dyn Clock>,
    /// What it is; 0 as long as nothing is known.
    now_ms: AtomicU64,
    suspended: AtomicBool,
    /// The latest time that some record may have and that was not trusted; 0 if there is none.
    late_ms: AtomicU64,
    storage: Arc<dyn Storage>,
    /// What the mark says, if there is one. One change of it, of `is_marked` and of `suspended` at a time.
    mark: Mutex<Option<u64>>,
    /// Whether there is one.
    is_marked: AtomicBool,
}

impl TrustedTime {
    /// The time at a start, given the latest time in the log, 0 if it is new.
    ///
    /// # Errors
    /// As the disk says.
    pub fn open(storage: Arc<dyn Storage>, clock: Arc<dyn Clock>, last_record_ms: u64) -> io::Result<Self> {
        let mark = read_mark(&*storage)?;
        Ok(Self {
            clock,
            now_ms: AtomicU64::new(mark.unwrap_or(last_record_ms)),
            // Where the mark was not written whole, nothing is known, and only the operator can say.
            suspended: AtomicBool::new(mark == Some(0)),
            late_ms: AtomicU64::new(if mark.is_some() { last_record_ms } else { 0 }),
            storage,
            is_marked: AtomicBool::new(mark.is_some()),
            mark: Mutex::new(mark),
        })
    }

    /// What a record is stamped with: what the clock says. If that is not to be trusted, it is known for good before
    /// this returns, or this is the trusted time.
    pub fn stamp(&self) -> u64 {
        let clock_ms = self.clock.now_ms();
        let trusted_ms = self.at(clock_ms);
        let is_believed = !self.is_suspended() && !is_jump(trusted_ms, clock_ms);
        if is_believed || self.is_marked.load(Ordering::SeqCst) { clock_ms } else { trusted_ms }
    }

    /// The time. Never runs back.
    pub fn now(&self) -> u64 {
        self.at(self.clock.now_ms())
    }

    /// The time, given what the clock says.
    fn at(&self, clock_ms: u64) -> u64 {
        if is_planted(Bug::TrustTheClock) {
            return clock_ms;
        }
        let known = self.now_ms.load(Ordering::Relaxed);
        if !self.is_suspended() && !is_jump(known, clock_ms) {
            return self.now_ms.fetch_max(clock_ms, Ordering::Relaxed).max(clock_ms);
        }
        self.suspend(clock_ms);
        self.now_ms.load(Ordering::Relaxed)
    }

    /// Whether it stands still.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        self.suspended.load(Ordering::Acquire)
    }

    /// The operator says that the clock is right: time goes on from what it says.
    pub fn confirm(&self) {
        let mut mark = self.mark.lock();
        self.now_ms.fetch_max(self.clock.now_ms(), Ordering::Relaxed);
        self.suspended.store(false, Ordering::Release);
        self.keep_up(&mut mark);
    }

    /// To be called now and then, so that the mark says nearly what the time is for as long as it is needed.
    pub fn tend(&self) {
        self.now();
        let mut mark = self.mark.lock();
        if self.is_suspended() && !self.is_marked.load(Ordering::Acquire) {
            return self.note(&mut mark);
        }
        let is_due = mark.is_some_and(|marked| {
            let now = self.now_ms.load(Ordering::Relaxed);
            now >= self.late_ms.load(Ordering::Relaxed) || now.saturating_sub(marked) >= MARK_EVERY_MS
        });
        if is_due && !self.is_suspended() {
            self.keep_up(&mut mark);
        }
    }

    /// Notes the time as long as some record has a later one, and then no longer.
    fn keep_up(&self, mark: &mut Option<u64>) {
        // Before it is asked whether it is needed: who raises `late_ms` from here on does not rely on the mark, and whose
        // time does is seen by the question.
        self.is_marked.store(false, Ordering::SeqCst);
        let now = self.now_ms.load(Ordering::Relaxed);
        let is_needed = self.late_ms.load(Ordering::SeqCst) > now;
        let result = if is_needed { self.write_mark(now) } else { self.remove_mark() };
        match result {
            Ok(()) => self.set(mark, is_needed.then_some(now)),
            Err(error) => {
                tracing::warn!(%error, "the mark of the clock stays as it was; a start may find that time stands still");
            }
        }
    }

    fn suspend(&self, clock_ms: u64) {
        self.late_ms.fetch_max(clock_ms, Ordering::SeqCst);
        if self.is_suspended() {
            return;
        }
        // Who has it writes the mark, and what comes then finds out anew: shards do not wait for that.
        let Some(mut mark) = self.mark.try_lock() else { return };
        let known = self.now_ms.load(Ordering::Relaxed);
        if self.is_suspended() || !is_jump(known, clock_ms) {
            return;
        }
        let minutes = (clock_ms - known) / 60_000;
        tracing::error!(minutes, "the clock is far ahead; nothing expires until `onhand clock confirm`");
        self.suspended.store(true, Ordering::Release);
        self.note(&mut mark);
    }

    /// Notes the time at which it stands still.
    fn note(&self, mark: &mut Option<u64>) {
        let known = self.now_ms.load(Ordering::Relaxed);
        match self.write_mark(known) {
            Ok(()) => self.set(mark, Some(known)),
            Err(error) => {
                tracing::warn!(%error, "that the clock is not believed cannot be noted; records get the last time that was");
            }
        }
    }

    fn set(&self, mark: &mut Option<u64>, to: Option<u64>) {
        *mark = to;
        self.is_marked.store(to.is_some(), Ordering::SeqCst);
    }

    fn write_mark(&self, known: u64) -> io::Result<()> {
        let file = match self.storage.create_new(CLOCK_MARK_FILE) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.storage.open(CLOCK_MARK_FILE)?
            }
            created => created?,
        };
        file.write_at(0, format!("{known:020}").as_bytes())?;
        file.sync_data()?;
        self.storage.sync_dir(".")
    }

    fn remove_mark(&self) -> io::Result<()> {
        if self.storage.exists(CLOCK_MARK_FILE)? {
            self.storage.remove_file(CLOCK_MARK_FILE)?;
            self.storage.sync_dir(".")?;
        }
        Ok(())
    }
}

/// Whether the clock is too far ahead of what is known to be believed.
fn is_jump(known: u64, clock_ms: u64) -> bool {
    known > 0 && clock_ms > known.saturating_add(JUMP_MAX_MS)
}

/// What the mark says; the beginning of all time if it was not written whole.
fn read_mark(storage: &dyn Storage) -> io::Result<Option<u64>> {
    let file = match storage.open(CLOCK_MARK_FILE) {
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
    use crate::clock::ManualClock;
    use onhand_snapshots::storage::{Crash, Fault, SimStorage};

    const HOUR: u64 = JUMP_MAX_MS;
    const DAY: u64 = 24 * HOUR;

    /// A start, and the clock of that machine.
    fn time(disk: &SimStorage, last_record_ms: u64) -> (TrustedTime, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::at(0));
        (TrustedTime::open(Arc::new(disk.clone()), clock.clone(), last_record_ms).unwrap(), clock)
    }

    fn at((time, clock): &(TrustedTime, Arc<ManualClock>), clock_ms: u64) -> u64 {
        clock.set(clock_ms);
        time.now()
    }

    #[test]
    fn a_jump_forward_stops_time_until_it_is_confirmed() {
        let disk = SimStorage::default();
        let time = time(&disk, 1_000);
        assert_eq!(at(&time, 1_000 + HOUR), 1_000 + HOUR);
        assert_eq!(at(&time, 500), 1_000 + HOUR, "it never runs back");
        assert_eq!(at(&time, 1_001 + 2 * HOUR), 1_000 + HOUR);
        assert!(time.0.is_suspended());
        assert_eq!(at(&time, 1_500 + HOUR), 1_000 + HOUR, "a jump back does not mend it");
        assert!(disk.exists(CLOCK_MARK_FILE).unwrap());
        time.1.set(5 * HOUR);
        time.0.confirm();
        assert!(!time.0.is_suspended());
        assert_eq!(at(&time, 5 * HOUR + 1), 5 * HOUR + 1);
        assert!(!disk.exists(CLOCK_MARK_FILE).unwrap());
    }

    #[test]
    fn a_new_log_begins_with_the_clock_and_an_old_one_with_its_last_record() {
        let new = time(&SimStorage::default(), 0);
        assert_eq!(at(&new, 90 * HOUR), 90 * HOUR);
        assert!(!new.0.is_suspended());
        // A machine that knows its clock only some time after it has started.
        let old = time(&SimStorage::default(), 90 * HOUR);
        assert_eq!(at(&old, 5), 90 * HOUR);
        assert_eq!(at(&old, 91 * HOUR), 91 * HOUR);
    }

    #[test]
    fn a_wrong_clock_is_not_believed_after_any_restart() {
        let disk = SimStorage::default();
        assert_eq!(at(&time(&disk, DAY), 32 * DAY), DAY);
        disk.crash(Crash::LoseAll);
        // The log has a record of day 32 now.
        let still_wrong = time(&disk, 32 * DAY);
        assert_eq!(at(&still_wrong, 32 * DAY + HOUR), DAY);
        assert!(still_wrong.0.is_suspended());
        let mended = time(&disk, 32 * DAY);
        assert_eq!(at(&mended, DAY + HOUR), DAY + HOUR, "and not the late time in the log");
        assert!(!mended.0.is_suspended());
        mended.0.tend();
        disk.crash(Crash::LoseAll);
        let wrong_again = time(&disk, 32 * DAY);
        assert_eq!(at(&wrong_again, 32 * DAY), DAY + HOUR);
        assert!(wrong_again.0.is_suspended());
        disk.crash(Crash::LoseAll);
        let mended = time(&disk, 32 * DAY);
        for hour in 1..=32 * 24 {
            assert_eq!(at(&mended, DAY + hour * HOUR), DAY + hour * HOUR);
            mended.0.tend();
        }
        assert!(!disk.exists(CLOCK_MARK_FILE).unwrap(), "the late records have been passed");
    }

    #[test]
    fn a_time_that_is_not_believed_is_in_no_record_before_that_is_noted() {
        let disk = SimStorage::default();
        let (time, clock) = time(&disk, DAY);
        clock.set(32 * DAY);
        disk.fail_at(Fault { at: disk.ops(), errno: 28 });
        assert_eq!(time.stamp(), DAY, "a full disk: a start would take what the clock says for the time");
        disk.heal();
        assert_eq!(time.stamp(), DAY);
        time.tend();
        assert_eq!(time.stamp(), 32 * DAY);
        assert_eq!(read_mark(&disk).unwrap(), Some(DAY));
    }

    /// A shard looks at the clock while another thread is inside a call for the mark.
    #[test]
    fn nobody_waits_for_the_mark_and_no_record_runs_ahead_of_it() {
        let disk = SimStorage::default();
        let clock = Arc::new(ManualClock::at(0));
        let time = Arc::new(TrustedTime::open(Arc::new(disk.clone()), clock.clone(), DAY).unwrap());
        let stamps = Arc::new(Mutex::new(Vec::new()));
        let (other, seen) = (Arc::clone(&time), Arc::clone(&stamps));
        disk.between(Some(Arc::new(move || seen.lock().push(other.stamp()))));
        clock.set(32 * DAY);
        assert_eq!(time.stamp(), 32 * DAY, "it is noted");
        assert!(!stamps.lock().is_empty());
        assert!(stamps.lock().drain(..).all(|stamp| stamp == DAY), "it was not noted yet");
        clock.set(DAY);
        time.confirm();
        stamps.lock().clear();
        // The late record is passed, so the mark goes; and the clock jumps while it does.
        let (other, seen, its_clock) = (Arc::clone(&time), Arc::clone(&stamps), clock.clone());
        disk.between(Some(Arc::new(move || {
            its_clock.set(90 * DAY);
            seen.lock().push(other.stamp());
        })));
        clock.set(32 * DAY);
        time.confirm();
        assert!(!disk.exists(CLOCK_MARK_FILE).unwrap());
        assert!(!stamps.lock().is_empty());
        assert!(stamps.lock().drain(..).all(|stamp| stamp == 32 * DAY), "it is not noted any more");
        disk.between(None);
    }

    #[test]
    fn a_mark_that_was_not_written_whole_stops_time_at_its_beginning() {
        let disk = SimStorage::default();
        disk.create_new(CLOCK_MARK_FILE).unwrap();
        let time = time(&disk, DAY);
        assert!(time.0.is_suspended());
        assert_eq!(at(&time, DAY), 0);
        time.0.confirm();
        assert_eq!(at(&time, DAY), DAY);
    }
}
