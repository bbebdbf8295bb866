//! A crash at every call to the disk, with 1, 2 and 5 shards: what is there afterwards is what was answered, the
//! rest can be asked for again, and nothing happens twice.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;
#[path = "crash/story.rs"]
mod story;
#[path = "crash/verdict.rs"]
mod verdict;
#[path = "crash/watched.rs"]
mod watched;

use common::SHARDS;
use onhand_engine::snapshots::chunks::FileChunks;
use onhand_engine::snapshots::storage::{Crash, SimStorage, Storage};
use onhand_engine::snapshots::{Disk, Lsn};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use story::{Day, Running};
use verdict::Reference;
use watched::{FILL, Watched};

/// The disk before a call, and the last record that was answered by then.
struct Moment {
    disk: SimStorage,
    call: String,
    answered: Lsn,
}

/// Lives the day and hands out every moment of it; returns once nobody wants more.
fn moments(shards: usize) -> Receiver<Moment> {
    // A moment is looked at while the day goes on to the next one, and no further: each is some megabytes.
    let (sender, receiver) = sync_channel(1);
    std::thread::spawn(move || {
        let answered = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&answered);
        let witness = move |disk, call: &str| {
            let moment = Moment { disk, call: call.to_owned(), answered: Lsn(seen.load(Ordering::SeqCst)) };
            // Whoever looks has found something wrong already if he is gone.
            drop(sender.send(moment));
        };
        let storage: Arc<dyn Storage> = Arc::new(Watched::new(&SimStorage::default(), Arc::new(witness)));
        let chunks = Arc::new(FileChunks::new(Arc::clone(&storage)));
        let running = Running::start(Disk { storage, chunks }, shards).unwrap();
        Day::of(&running, answered, false).live().unwrap();
        running.engine.stop();
    });
    receiver
}

/// What must be among the calls of the day: segments, a run of the index, a snapshot and an archive come into being,
/// and what they replace goes.
const CALLS: [(&str, &str); 6] = [
    ("rename log/spare.tmp", ".seg"),
    ("rename index/", ".run"),
    ("rename snapshots/", ".gen"),
    ("rename log/archive.tmp", ".seg.zst"),
    ("rename log/0", ".seg"),
    ("remove trash/", ".seg"),
];

/// The `place`-th of the numbers of shards. Each call is one of them whose crash is looked at in one way: which way goes
/// round, so that together they look at each call in each way. What a crash leaves of zeros is looked at once.
fn crash_at_every_call(place: usize) {
    let (reference, mut seen) = (Reference::new(SHARDS[place]), BTreeMap::new());
    for moment in moments(SHARDS[place]) {
        // By its name and how often it was made a call is known whatever the threads did in between.
        let turn: &mut usize = seen.entry(moment.call.clone()).or_default();
        *turn += 1;
        if moment.call.starts_with(FILL) && *turn % SHARDS.len() != place {
            continue;
        }
        let seed = 7_919 * *turn as u64 + place as u64;
        let crash = [Crash::LoseAll, Crash::KeepAll, Crash::Torn(seed)][(*turn + place) % 3];
        let shards = SHARDS[(*turn / 3 + place) % 3];
        let what = format!("{crash:?} before call {turn} of its kind, {}", moment.call);
        moment.disk.crash(crash);
        reference.is_begun_by(&moment.disk, moment.answered, &what);
        reference.is_completed_by(&moment.disk, shards, &what);
    }
    for (from, to) in CALLS {
        let is_there = seen.keys().any(|call| call.starts_with(from) && call.ends_with(to));
        assert!(is_there, "{from}…{to} is not among {seen:#?}");
    }
    let calls: usize = seen.values().sum();
    assert!(calls > 350, "only {calls} calls");
}

#[test]
fn a_crash_at_every_call_with_one_shard() {
    crash_at_every_call(0);
}

#[test]
fn a_crash_at_every_call_with_two_shards() {
    crash_at_every_call(1);
}

#[test]
fn a_crash_at_every_call_with_five_shards() {
    crash_at_every_call(2);
}

/// The day is the same to the byte, whatever the number of shards.
#[test]
fn the_day_without_a_crash_is_the_same_with_each_number_of_shards() {
    let [one, two, five] = SHARDS.map(Reference::new);
    assert!(one == two && one == five);
}

/// The calls that a day makes, reading included.
fn calls_of_a_day() -> u64 {
    let disk = SimStorage::default();
    let running = Running::start(Disk::simulated(&disk), 1).unwrap();
    Day::of(&running, Arc::default(), false).live().unwrap();
    running.engine.stop();
    disk.ops()
}

/// The disk dies under a running engine: from then on nothing is answered that it does not have, and what cannot be
/// done behind the path of the orders keeps nobody from stopping.
#[test]
fn whoever_is_answered_while_the_disk_dies_finds_it_again() {
    let calls = calls_of_a_day();
    assert!(calls > 400, "only {calls} calls");
    let mut cut_short = 0;
    for (place, shards) in SHARDS.into_iter().enumerate() {
        let reference = Reference::new(shards);
        for call in (3 * place as u64..calls).step_by(9) {
            let (disk, answered) = (SimStorage::default(), Arc::new(AtomicU64::new(0)));
            disk.die_at(call);
            if let Ok(running) = Running::start(Disk::simulated(&disk), shards) {
                let lived = Day::of(&running, Arc::clone(&answered), true).live();
                cut_short += usize::from(lived.is_none());
                running.engine.stop();
            }
            disk.crash(Crash::Torn(call));
            let what = format!("with {shards} shards the disk dies at call {call}");
            reference.is_begun_by(&disk, Lsn(answered.load(Ordering::SeqCst)), &what);
            reference.is_completed_by(&disk, shards, &what);
        }
    }
    assert!(cut_short >= 40, "only {cut_short} days were cut short");
}
