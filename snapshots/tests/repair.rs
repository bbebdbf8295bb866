//! Repairs that exchange files of the log: what they mend, and what a crash amid them leaves.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::tiny::{RECORDS, SEGMENTS, Segment, archived, directory, open_tiny, put, segments, tiny_record};
use common::{OPTIONS, image};
use onhand_snapshots::Lsn;
use onhand_snapshots::log::segment::path_of;
use onhand_snapshots::repair::{
    Exchange, Known, Moves, QUARANTINE_DIR, REPAIR_DIR, RepairError, fetch, finish, salvage, sort, unfinished,
};
use onhand_snapshots::storage::{Below, Crash, SimStorage, Storage};
use std::sync::Arc;

const LAST: u64 = RECORDS * SEGMENTS;

fn known(last: u64) -> Known {
    Known { last: Lsn(last), covered: Lsn::ZERO }
}

/// Something that happens to a directory.
type Change = Box<dyn Fn(&SimStorage)>;

/// A log that is refused, and what it is called.
struct Case {
    name: String,
    storage: SimStorage,
}

fn case(name: &str, from: &SimStorage, change: impl Fn(&SimStorage)) -> Case {
    let storage = from.fork();
    change(&storage);
    Case { name: name.to_owned(), storage }
}

/// Every kind of damage to each segment that a backup can mend.
fn damaged(all: &[Segment]) -> Vec<Case> {
    let whole = directory(all);
    let mut cases = Vec::new();
    for (number, segment) in all.iter().enumerate() {
        let path = segment.path();
        let changes: [(&str, Change); 5] = [
            (
                "deleted",
                Box::new({
                    let path = path.clone();
                    move |disk| disk.remove_file(&path).unwrap()
                }),
            ),
            ("flipped in its header", flip(&path, 9)),
            ("flipped in its second frame", flip(&path, 4_096 * 2 + 100)),
            (
                "cut",
                Box::new({
                    let path = path.clone();
                    move |disk| disk.damage(&path, |bytes| bytes.truncate(5_000))
                }),
            ),
            (
                "older",
                Box::new({
                    let (path, older) = (path.clone(), segment.stages[1].clone());
                    move |disk| put(disk, &path, &older)
                }),
            ),
        ];
        // Where the last one ended, only its own bytes tell.
        let tells = |how: &str| number + 1 < all.len() || how.starts_with("flipped");
        let changes = changes.iter().filter(|(how, _)| tells(how));
        cases.extend(changes.map(|(how, change)| case(&format!("segment {number} {how}"), &whole, change)));
    }
    let (packed, path) = archived(all);
    cases.push(case("a damaged archive", &packed, flip(&path, 100)));
    cases.push(case("an archive that is gone", &packed, |disk| disk.remove_file(&path).unwrap()));
    cases.push(case("two segments in each other's place", &whole, |disk| {
        put(disk, &all[1].path(), all[2].bytes());
        put(disk, &all[2].path(), all[1].bytes());
    }));
    cases.push(case("the first segment of another log", &whole, |disk| {
        put(disk, &all[0].path(), segments([8; 16])[0].bytes());
    }));
    cases.push(case("all but the first and the last", &whole, |disk| {
        all[1..all.len() - 1].iter().for_each(|segment| disk.remove_file(&segment.path()).unwrap());
    }));
    cases
}

fn flip(path: &str, position: usize) -> Change {
    let path = path.to_owned();
    Box::new(move |disk| disk.damage(&path, |bytes| bytes[position] ^= 4))
}

/// What is called whole: every record, as it was written.
#[track_caller]
fn whole(storage: &SimStorage, what: &str) {
    let (_, count) = open_tiny(&storage.fork()).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(count, LAST, "{what}");
}

#[test]
fn what_is_damaged_is_fetched_from_a_backup_and_nothing_else_is_touched() {
    let all = segments(OPTIONS.cluster);
    for backup in [directory(&all), archived(&all).0] {
        for Case { name, storage } in damaged(&all) {
            let before = image(&storage);
            let Exchange { overlay, last } = fetch(&storage, &backup, known(LAST)).unwrap();
            assert_eq!(last, Lsn(LAST), "{name}");
            assert!(image(&storage) == before, "{name}: looking changed something");
            let (away, new) = (overlay.taken_away().unwrap().len(), overlay.replaced().count());
            assert!(new >= 1 && away <= before.len(), "{name}");
            let quarantine = overlay.apply().unwrap();
            whole(&storage, &name);
            let after = image(&storage);
            for (path, bytes) in &before {
                let kept = after.get(&format!("{quarantine}/{path}"));
                assert!(after.get(path) == Some(bytes) || kept == Some(bytes), "{name}: {path} is gone");
            }
            assert!(!storage.exists(REPAIR_DIR).unwrap(), "{name}");
        }
    }
}

#[test]
fn a_backup_that_cannot_mend_the_log_is_refused_and_changes_nothing() {
    let all = segments(OPTIONS.cluster);
    let lacking = |numbers: &[usize]| {
        let storage = directory(&all);
        numbers.iter().for_each(|number| storage.remove_file(&all[*number].path()).unwrap());
        storage
    };
    let fetched = |storage: &SimStorage, backup: &SimStorage, last| {
        let before = image(storage);
        let outcome = fetch(storage, backup, known(last)).map(|exchange| exchange.last);
        assert!(image(storage) == before);
        outcome
    };
    let nothing = fetched(&lacking(&[]), &lacking(&[]), LAST);
    assert!(matches!(nothing, Err(RepairError::Nothing(_))), "{nothing:?}");
    let lost = fetched(&lacking(&[1]), &lacking(&[1]), LAST);
    assert!(matches!(lost, Err(RepairError::NotInBackup { needed: Lsn(6), .. })), "{lost:?}");
    // One of another log has the place, and not the chain.
    let mixed = lacking(&[]);
    put(&mixed, &all[1].path(), segments([8; 16])[1].bytes());
    let foreign = fetched(&lacking(&[1]), &mixed, LAST);
    assert!(matches!(foreign, Err(RepairError::Log(_))), "{foreign:?}");
    // An older one ends too early.
    let older = directory(&all[..2]);
    put(&older, &all[2].path(), &all[2].stages[1]);
    let short = fetched(&lacking(&[2]), &older, LAST);
    assert!(short.is_err(), "{short:?}");
    let end = fetched(&lacking(&[2, 3]), &older, LAST);
    assert!(matches!(end, Err(RepairError::EndUnknown { last: Lsn(10), known: Lsn(LAST), .. })), "{end:?}");
}

#[test]
fn segments_are_given_the_names_that_their_headers_say() {
    let all = segments(OPTIONS.cluster);
    let (whole_log, other) = (directory(&all), segments([8; 16]));
    let swap = |disk: &SimStorage, one: usize, other: usize| {
        put(disk, &all[one].path(), all[other].bytes());
        put(disk, &all[other].path(), all[one].bytes());
    };
    let cases = [
        case("swapped", &whole_log, |disk| swap(disk, 1, 2)),
        case("the first and the last swapped", &whole_log, |disk| swap(disk, 0, 3)),
        case("in a ring", &whole_log, |disk| {
            swap(disk, 0, 1);
            put(disk, &all[1].path(), all[2].bytes());
            put(disk, &all[2].path(), all[0].bytes());
        }),
        case("renamed", &whole_log, |disk| disk.rename(&all[2].path(), &path_of(Lsn(99))).unwrap()),
        case("twice", &whole_log, |disk| put(disk, &path_of(Lsn(8)), all[0].bytes())),
        case("one of another log between", &whole_log, |disk| put(disk, &path_of(Lsn(8)), other[0].bytes())),
    ];
    for Case { name, storage } in cases {
        assert!(open_tiny(&storage.fork()).is_err(), "{name}");
        let Exchange { overlay, last } = sort(&storage, OPTIONS.cluster, known(LAST)).unwrap();
        assert_eq!(last, Lsn(LAST), "{name}");
        overlay.apply().unwrap();
        whole(&storage, &name);
    }
    let nothing = sort(&whole_log, OPTIONS.cluster, known(LAST)).map(|exchange| exchange.last);
    assert!(matches!(nothing, Err(RepairError::Nothing(_))), "{nothing:?}");
    let gone = case("gone", &whole_log, |disk| put(disk, &all[1].path(), all[2].bytes())).storage;
    assert!(matches!(sort(&gone, OPTIONS.cluster, known(LAST)), Err(RepairError::Log(_))));
}

/// Repairs a copy of `broken`, with a crash at each call in turn: it leaves the log as it was, and is repaired anew; or a
/// repair to finish; or a whole log.
fn crash_at_every_call(broken: &SimStorage, repair: &dyn Fn(&SimStorage) -> Result<String, RepairError>) {
    let calls = {
        let storage = broken.fork();
        repair(&storage).unwrap();
        storage.ops()
    };
    let (mut were_finished, mut were_begun_anew) = (0, 0);
    for call in 0..=calls {
        for crash in [Crash::LoseAll, Crash::KeepAll, Crash::Torn(call), Crash::Torn(call * 7_919 + 3)] {
            let what = format!("crash {crash:?} at call {call} of {calls}");
            let storage = broken.fork();
            storage.die_at(call);
            let is_done = repair(&storage).is_ok();
            storage.crash(crash);
            if unfinished(&storage).unwrap() {
                assert!(matches!(Moves::begin(&storage), Err(RepairError::Unfinished)), "{what}");
                finish(&storage).unwrap_or_else(|error| panic!("{what}: {error}"));
                were_finished += 1;
            } else if open_tiny(&storage.fork()).is_err() {
                assert!(!is_done, "{what}");
                repair(&storage).unwrap_or_else(|error| panic!("{what}: {error}"));
                were_begun_anew += 1;
            }
            whole(&storage, &what);
            let bytes = image(&storage);
            let kept =
                bytes.iter().filter(|(path, _)| path.starts_with(QUARANTINE_DIR) && path.ends_with(".seg"));
            assert!(kept.count() >= 1, "{what}: the damaged segment is gone");
            assert!(!unfinished(&storage).unwrap(), "{what}");
        }
    }
    assert!(were_finished > 20 && were_begun_anew > 20, "{were_finished} and {were_begun_anew}");
}

#[test]
fn a_crash_at_any_call_leaves_the_log_as_it_was_or_a_repair_to_finish() {
    let all = segments(OPTIONS.cluster);
    let backup = directory(&all);
    let fetched = directory(&all);
    fetched.remove_file(&all[1].path()).unwrap();
    fetched.damage(&all[2].path(), |bytes| bytes[5_000] ^= 1);
    fetched.sync_dir("log").unwrap();
    crash_at_every_call(&fetched, &|storage| {
        fetch(storage, &backup, known(LAST)).and_then(|found| found.overlay.apply())
    });
    let sorted = directory(&all);
    put(&sorted, &all[0].path(), all[2].bytes());
    put(&sorted, &all[2].path(), all[0].bytes());
    put(&sorted, &path_of(Lsn(8)), all[1].bytes());
    sorted.sync_dir("log").unwrap();
    crash_at_every_call(&sorted, &|storage| {
        sort(storage, OPTIONS.cluster, known(LAST)).and_then(|found| found.overlay.apply())
    });
}

#[test]
fn a_list_that_is_damaged_is_refused() {
    let all = segments(OPTIONS.cluster);
    let (whole_log, broken) = (directory(&all), directory(&all));
    broken.remove_file(&all[1].path()).unwrap();
    // The first call before which the list is there.
    let stopped = (broken.ops()..).find_map(|call| {
        let storage = broken.fork();
        storage.die_at(call);
        let done = fetch(&storage, &whole_log, known(LAST)).and_then(|found| found.overlay.apply());
        assert!(done.is_err(), "the list was never seen");
        storage.crash(Crash::KeepAll);
        unfinished(&storage).unwrap().then_some(storage)
    });
    let storage = stopped.unwrap();
    let length = image(&storage)["repair/plan"].len();
    for position in 0..length {
        let copy = storage.fork();
        copy.damage("repair/plan", |bytes| bytes[position] ^= 2);
        assert!(matches!(finish(&copy), Err(RepairError::Plan { .. })), "byte {position}");
    }
    finish(&storage).unwrap();
    whole(&storage, "finished");
}

#[test]
fn what_a_refused_log_still_holds_is_counted() {
    let all = segments(OPTIONS.cluster);
    let read = |storage: &SimStorage| {
        let mut found = Vec::new();
        let last = salvage(storage, OPTIONS.cluster, &mut |lsn, record| {
            assert_eq!(record, tiny_record(lsn.0));
            found.push(lsn.0);
        });
        assert_eq!(last.unwrap(), Lsn(LAST));
        found
    };
    for storage in [directory(&all), archived(&all).0] {
        assert_eq!(read(&storage), (1..=LAST).collect::<Vec<_>>());
        // A damaged frame is passed over, those behind it are not; one of another log does not count.
        storage.damage(&all[1].path(), |bytes| bytes[4_200] ^= 1);
        storage.remove_file(&all[2].path()).unwrap();
        put(&storage, &path_of(Lsn(99)), segments([8; 16])[0].bytes());
        assert_eq!(read(&storage), [1, 2, 3, 4, 5, 8, 9, 10, 16, 17, 18, 19, 20]);
    }
}

#[test]
fn a_directory_below_is_a_directory() {
    let storage = SimStorage::default();
    storage.create_dir_all("new").unwrap();
    let below = Below::new(Arc::new(storage.clone()), "new");
    below.create_dir_all("log").unwrap();
    below.create_new("log/a").unwrap().write_at(0, b"x").unwrap();
    below.rename("log/a", "log/b").unwrap();
    below.sync_dir("log").unwrap();
    below.sync_dir(".").unwrap();
    assert_eq!(below.list("log").unwrap(), ["b"]);
    assert_eq!(storage.open("new/log/b").unwrap().len().unwrap(), 1);
    assert!(below.exists("log/b").unwrap() && !below.exists("log/a").unwrap());
    below.remove_file("log/b").unwrap();
    assert_eq!(storage.list("new/log").unwrap(), Vec::<String>::new());
}
