//! The next segment, made ready in the background: filling 64 MiB with zeros takes a tenth of a second,
//! which no order should wait for.
//!
//! It is written twice as fast as the log fills the segment under way, or slower if the log is slow; so it is ready
//! when that is half full, and takes as little of the disk as that allows.
//!
//! Where the disk has no room for it, it is tried again, and until it is there the log takes only what fits into what is
//! filled with zeros already: see [`Spare::room`].

use super::room::Room;
use super::segment::{FIRST_FRAME, Haste, SPARE, discard_spare, prepare_spare};
use crate::storage::Storage;
use parking_lot::{Condvar, Mutex};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// One is wanted.
    Ordered,
    /// One is being made.
    Making,
    /// One is ready.
    Ready,
    /// None is wanted; whoever needs one makes it.
    Idle,
}

struct Want {
    state: State,
    /// No more will be made. One that is being made is broken off, unless somebody waits for it already; and whoever wants
    /// to make his own waits for its end, since two must not write it.
    closed: bool,
}

/// Whether a spare segment is ready.
pub(super) struct Spare {
    want: Mutex<Want>,
    changed: Condvar,
    /// How far the segment under way is filled.
    filled: AtomicU64,
    /// What is left of it.
    left: AtomicU64,
    /// What a spare takes of frames.
    spare_room: u64,
    /// The disk had no room for a spare, and none was made since.
    is_short: AtomicBool,
    /// Somebody waits for the one that is being made.
    awaited: AtomicBool,
}

/// How much faster the spare is made than the segment under way is filled.
const LEAD: u64 = 2;

/// Makes spare segments; a thread is a loop around [`SparePreparer::step`].
pub struct SparePreparer {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) segment_bytes: u64,
    pub(super) spare: Arc<Spare>,
    /// What the disk must have left behind a spare, in bytes.
    pub(super) keep_free: u64,
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prepared {
    /// A spare was made.
    Made,
    /// None was wanted for as long as was waited.
    Nothing,
    /// No more will be made; one that was being made is not there.
    Closed,
}

impl Spare {
    pub(super) fn new(segment_bytes: u64) -> Self {
        Self {
            want: Mutex::new(Want { state: State::Idle, closed: false }),
            changed: Condvar::new(),
            filled: AtomicU64::new(0),
            left: AtomicU64::new(0),
            spare_room: segment_bytes.saturating_sub(FIRST_FRAME),
            is_short: AtomicBool::new(false),
            awaited: AtomicBool::new(false),
        }
    }

    /// Asks for a spare.
    pub(super) fn order(&self) {
        let mut want = self.want.lock();
        if want.state == State::Idle {
            want.state = State::Ordered;
            self.changed.notify_all();
        }
    }

    /// Takes the spare if one is ready; waits for one that is being made. `false`: make it yourself.
    pub(super) fn take(&self) -> bool {
        let mut want = self.want.lock();
        while want.state == State::Making {
            self.awaited.store(true, Ordering::Relaxed);
            self.changed.wait(&mut want);
        }
        self.awaited.store(false, Ordering::Relaxed);
        std::mem::replace(&mut want.state, State::Idle) == State::Ready
    }

    /// Notes how far the segment under way is filled, and how far it can be.
    pub(super) fn log_is_at(&self, offset: u64, room: u64) {
        self.filled.store(offset, Ordering::Relaxed);
        self.left.store(room.saturating_sub(offset), Ordering::Release);
    }

    /// What the log can write without new space, as long as it must not count on any: the disk had no room for a spare.
    /// `None` while it may. What is being written counts as not written, so it is never more than there is.
    pub(super) fn room(&self) -> Option<Room> {
        if !self.is_short.load(Ordering::Acquire) {
            return None;
        }
        let want = self.want.lock();
        let spare = if want.state == State::Ready { self.spare_room } else { 0 };
        Some(Room { current: self.left.load(Ordering::Acquire), spare })
    }

    /// How much the making hurries when so much is done.
    fn haste(&self, done: u64) -> Haste {
        // First: whoever waits when the end is called is seen to.
        let is_closed = self.want.lock().closed;
        if self.awaited.load(Ordering::Relaxed) {
            Haste::Now
        } else if is_closed {
            Haste::Never
        } else if done < LEAD * self.filled.load(Ordering::Relaxed) {
            Haste::Soon
        } else {
            Haste::Leisure
        }
    }

    fn set(&self, to: State) {
        self.want.lock().state = to;
        self.changed.notify_all();
    }
}

impl SparePreparer {
    /// Makes spares only as long as the disk has so many bytes left behind them.
    pub fn keep_free(&mut self, bytes: u64) {
        self.keep_free = bytes;
    }

    /// Looks whether there is room for a spare, before anything is written: a log that was opened on a full disk must not
    /// count on one until it is made. What cannot be told now is found out by the first step.
    pub fn look(&self) {
        let is_short = self.find_space().is_err_and(|error| error.kind() == io::ErrorKind::StorageFull);
        self.spare.is_short.store(is_short, Ordering::Release);
    }

    /// Waits for so long until a spare is wanted, and makes it.
    ///
    /// # Errors
    /// As the disk says. `StorageFull`: it is still wanted, and until it is made the log takes only what needs none.
    /// Otherwise the log makes its own when it needs one, and fails itself if it cannot.
    pub fn step(&self, wait: Duration) -> io::Result<Prepared> {
        {
            let mut want = self.spare.want.lock();
            if want.state != State::Ordered && !want.closed {
                self.spare.changed.wait_for(&mut want, wait);
            }
            if want.closed {
                return Ok(Prepared::Closed);
            }
            if want.state != State::Ordered {
                return Ok(Prepared::Nothing);
            }
            want.state = State::Making;
        }
        self.make().map(|is_made| if is_made { Prepared::Made } else { Prepared::Closed })
    }

    /// Waits before something is tried again; not once closed.
    pub fn pause(&self, time: Duration) {
        let mut want = self.spare.want.lock();
        if !want.closed {
            self.spare.changed.wait_for(&mut want, time);
        }
    }

    /// Makes a spare if one is wanted, without waiting; `false` if none is, or no longer.
    ///
    /// # Errors
    /// As [`SparePreparer::step`].
    pub fn try_step(&self) -> io::Result<bool> {
        {
            let mut want = self.spare.want.lock();
            if want.state != State::Ordered || want.closed {
                return Ok(false);
            }
            want.state = State::Making;
        }
        self.make()
    }

    /// `false`: it was broken off.
    fn make(&self) -> io::Result<bool> {
        let prepare = || prepare_spare(&*self.storage, self.segment_bytes, &|done| self.spare.haste(done));
        let made = self.find_space().and_then(|()| prepare());
        let is_short = made.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::StorageFull);
        // Before the state: whoever sees no spare must see why. One that was broken off says nothing of the disk.
        if !matches!(made, Ok(false)) {
            self.spare.is_short.store(is_short, Ordering::Release);
        }
        self.spare.set(match &made {
            Ok(true) => State::Ready,
            Err(_) if is_short => State::Ordered,
            Ok(false) | Err(_) => State::Idle,
        });
        made
    }

    /// Looks whether there is room: a spare that takes the last of it would leave none to what is no log.
    fn find_space(&self) -> io::Result<()> {
        // One that a process before has left is not counted on, and takes room.
        discard_spare(&*self.storage)?;
        match self.storage.free_bytes() {
            Ok(free) if free < self.segment_bytes.saturating_add(self.keep_free) => {
                let needed = self.segment_bytes + self.keep_free;
                let what = format!("{SPARE} needs {needed} free bytes, {free} are left");
                Err(io::Error::new(io::ErrorKind::StorageFull, what))
            }
            // What cannot be told is tried.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// A handle that ends the loop.
    #[must_use]
    pub fn closer(&self) -> SpareCloser {
        SpareCloser(Arc::clone(&self.spare))
    }
}

/// Ends a [`SparePreparer`]'s loop.
pub struct SpareCloser(Arc<Spare>);

impl SpareCloser {
    /// No more spares: one that nobody waits for would be filled for seconds on a slow disk, to be thrown away by the next
    /// start.
    pub fn close(&self) {
        self.0.want.lock().closed = true;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::super::segment::LOG_DIR;
    use super::*;
    use crate::storage::SimStorage;

    fn preparer(disk: &SimStorage, segment_bytes: u64, spare: &Arc<Spare>, keep_free: u64) -> SparePreparer {
        SparePreparer { storage: Arc::new(disk.clone()), segment_bytes, spare: Arc::clone(spare), keep_free }
    }

    #[test]
    fn one_that_is_being_made_is_waited_for_also_after_the_end_was_called() {
        let spare = Arc::new(Spare::new(1_000_000));
        spare.order();
        spare.set(State::Making);
        SpareCloser(Arc::clone(&spare)).close();
        let taker = {
            let spare = Arc::clone(&spare);
            std::thread::spawn(move || spare.take())
        };
        while !spare.awaited.load(Ordering::Relaxed) {
            assert!(!taker.is_finished(), "it was not waited for");
            std::thread::yield_now();
        }
        spare.set(State::Ready);
        assert!(taker.join().unwrap());
    }

    #[test]
    fn one_that_nobody_waits_for_is_broken_off_when_the_end_is_called() {
        const SEGMENT: u64 = 8 << 20;
        let disk = SimStorage::default();
        disk.create_dir_all(LOG_DIR).unwrap();
        let spare = Arc::new(Spare::new(SEGMENT));
        let preparer = preparer(&disk, SEGMENT, &spare, 0);
        spare.order();
        spare.set(State::Making);
        SpareCloser(Arc::clone(&spare)).close();
        assert!(!preparer.make().unwrap(), "it was made all the same");
        assert_eq!(disk.used_bytes(), 0, "something is left of it");
        assert!(!spare.take(), "who needs one makes it");
        // And who makes his own does so whole, whatever was called.
        assert!(prepare_spare(&disk, SEGMENT, &|_| Haste::Now).unwrap());
        assert_eq!(disk.used_bytes(), SEGMENT);
    }

    #[test]
    fn a_spare_keeps_ahead_of_the_log_and_hurries_when_it_is_awaited() {
        let spare = Spare::new(1_000_000);
        assert_eq!(spare.haste(1), Haste::Leisure);
        spare.log_is_at(1_000, 1_000_000);
        assert_eq!(spare.haste(1_999), Haste::Soon);
        assert_eq!(spare.haste(2_000), Haste::Leisure);
        spare.awaited.store(true, Ordering::Relaxed);
        assert_eq!(spare.haste(2_000), Haste::Now);
        assert!(!spare.take(), "none is being made");
        assert_eq!(spare.haste(2_000), Haste::Leisure);
    }

    #[test]
    fn without_room_for_a_spare_the_log_has_what_is_there_until_one_is_made() {
        const SEGMENT: u64 = 100_000;
        let disk = SimStorage::default();
        disk.create_dir_all(LOG_DIR).unwrap();
        let spare = Arc::new(Spare::new(SEGMENT));
        let preparer = preparer(&disk, SEGMENT, &spare, 50_000);
        spare.log_is_at(30_000, SEGMENT);
        spare.order();
        disk.set_capacity(Some(149_999));
        assert_eq!(spare.room(), None, "nothing says that there is no room");
        for _ in 0..2 {
            let error = preparer.try_step().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
            assert!(error.to_string().contains("150000") && error.to_string().contains("149999"), "{error}");
            assert_eq!(spare.room(), Some(Room { current: 70_000, spare: 0 }));
            assert_eq!(disk.used_bytes(), 0);
        }
        disk.set_capacity(Some(150_000));
        assert!(preparer.try_step().unwrap());
        assert_eq!(spare.room(), None);
        assert!(spare.take());
    }

    #[test]
    fn a_log_that_is_opened_on_a_full_disk_counts_on_no_spare_from_the_first_record_on() {
        const SEGMENT: u64 = 100_000;
        let disk = SimStorage::default();
        disk.create_dir_all(LOG_DIR).unwrap();
        prepare_spare(&disk, SEGMENT, &|_| Haste::Now).unwrap();
        let spare = Arc::new(Spare::new(SEGMENT));
        let preparer = preparer(&disk, SEGMENT, &spare, 50_000);
        spare.log_is_at(30_000, SEGMENT);
        spare.order();
        // What a process before has left is not counted on, and its room is.
        for (capacity, room) in [(149_999, Some(Room { current: 70_000, spare: 0 })), (150_000, None)] {
            disk.set_capacity(Some(capacity));
            preparer.look();
            assert_eq!((spare.room(), disk.used_bytes()), (room, 0), "{capacity} bytes");
        }
        assert!(preparer.try_step().unwrap());
        assert_eq!(spare.room(), None);
    }

    #[test]
    fn a_spare_that_is_broken_off_gives_its_room_back() {
        let disk = SimStorage::default();
        disk.create_dir_all(LOG_DIR).unwrap();
        disk.set_capacity(Some(150_000));
        let made = prepare_spare(&disk, 200_000, &|_| Haste::Now);
        assert_eq!(made.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(disk.free_bytes().unwrap(), 150_000);
    }
}
