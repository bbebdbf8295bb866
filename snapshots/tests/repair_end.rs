//! Where the log ended: a backup's file takes the place of the last segment only if the damaged file shows that nothing
//! stood behind what the backup has.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::tiny::{RECORDS, SEGMENTS, Segment, archived, directory, put, segments};
use common::{OPTIONS, image};
use onhand_snapshots::Lsn;
use onhand_snapshots::repair::{Known, RepairError, fetch, sort};
use onhand_snapshots::storage::{SimStorage, Storage};

const LAST: u64 = RECORDS * SEGMENTS;

/// Something that happens to a directory whose backup has the given segments, the last as it was at that stage.
struct Case {
    name: &'static str,
    change: fn(&SimStorage, &[Segment]),
    /// How many frames of its last segment the backup has.
    stage: usize,
    /// The last record that something else knows of, as the directory itself would say.
    known: u64,
}

fn tail(all: &[Segment]) -> &Segment {
    &all[all.len() - 1]
}

fn damage(storage: &SimStorage, all: &[Segment], change: impl FnOnce(&mut Vec<u8>)) {
    storage.damage(&tail(all).path(), change);
}

const CASES: [Case; 10] = [
    Case {
        name: "the last frame is damaged, and the backup is older",
        change: |disk, all| damage(disk, all, |bytes| bytes[tail(all).frames[1].offset + 100] ^= 4),
        stage: 1,
        known: LAST - 3,
    },
    Case {
        name: "the header of the last frame is damaged, and the backup is older",
        change: |disk, all| damage(disk, all, |bytes| bytes[tail(all).frames[1].offset + 9] ^= 4),
        stage: 1,
        known: LAST - 3,
    },
    Case {
        name: "the segment's header is damaged, and the backup is older",
        change: |disk, all| damage(disk, all, |bytes| bytes[9] ^= 4),
        stage: 1,
        known: LAST - 3,
    },
    Case {
        name: "something stands behind the last frame",
        change: |disk, all| damage(disk, all, |bytes| bytes[tail(all).frames[1].end + 3] = 1),
        stage: 2,
        known: LAST,
    },
    Case {
        name: "the last segment is deleted, and the backup has the beginning of it",
        change: |disk, all| disk.remove_file(&tail(all).path()).unwrap(),
        stage: 1,
        known: LAST - 4,
    },
    Case {
        name: "the last segment is deleted, and the backup has all that is known",
        change: |disk, all| disk.remove_file(&tail(all).path()).unwrap(),
        stage: 2,
        known: LAST,
    },
    Case {
        name: "the last segment is deleted, and nothing but the backup knows it",
        change: |disk, all| disk.remove_file(&tail(all).path()).unwrap(),
        stage: 2,
        known: LAST - 5,
    },
    Case {
        name: "the last segment is cut",
        change: |disk, all| damage(disk, all, |bytes| bytes.truncate(tail(all).frames[0].end)),
        stage: 2,
        known: LAST - 3,
    },
    Case {
        name: "the last segment is an older copy, and a snapshot knows more",
        change: |disk, all| put(disk, &tail(all).path(), &tail(all).stages[1]),
        stage: 2,
        known: LAST,
    },
    Case {
        name: "the last segment is deleted, and another one is damaged",
        change: |disk, all| {
            disk.remove_file(&tail(all).path()).unwrap();
            disk.damage(&all[1].path(), |bytes| bytes[5_000] ^= 1);
        },
        stage: 2,
        known: LAST - 5,
    },
];

#[test]
fn no_record_that_may_have_been_acknowledged_is_dropped() {
    let all = segments(OPTIONS.cluster);
    for Case { name, change, stage, known } in CASES {
        let (damaged, backup) = (directory(&all), directory(&all));
        change(&damaged, &all);
        put(&backup, &tail(&all).path(), &tail(&all).stages[stage]);
        let before = image(&damaged);
        let refused = fetch(&damaged, &backup, Known { last: Lsn(known), covered: Lsn::ZERO })
            .map(|exchange| exchange.last);
        let is_refused = matches!(refused, Err(RepairError::EndUnknown { .. } | RepairError::Short { .. }));
        assert!(is_refused, "{name}: {refused:?}");
        assert!(image(&damaged) == before, "{name}: looking changed something");
    }
}

/// The file of the last segment is one of another history under the same name, or there is one that the index knows.
#[test]
fn a_last_segment_that_is_not_the_backups_or_not_there_is_refused() {
    let all = segments(OPTIONS.cluster);
    let (whole, packed) = (directory(&all), archived(&all).0);
    let known = Known { last: Lsn(LAST), covered: Lsn::ZERO };
    let indexed = directory(&all);
    indexed.damage(&all[1].path(), |bytes| bytes[5_000] ^= 1);
    let found = fetch(&indexed, &whole, known).map(|exchange| exchange.last);
    assert!(matches!(found, Ok(Lsn(LAST))), "{found:?}");
    let covered = Lsn(tail(&all).first);
    let refused = fetch(&indexed, &whole, Known { covered, ..known }).map(|exchange| exchange.last);
    assert!(matches!(refused, Err(RepairError::EndUnknown { last: Lsn(LAST), .. })), "{refused:?}");
    // What is left of the log ends with an archive: one has to stand behind it.
    all[1..].iter().for_each(|segment| packed.remove_file(&segment.path()).unwrap());
    let refused = fetch(&packed, &whole, known).map(|exchange| exchange.last);
    assert!(matches!(refused, Err(RepairError::EndUnknown { .. })), "{refused:?}");
    // A good frame that stands elsewhere than in the backup.
    let moved = directory(&all);
    damage(&moved, &all, |bytes| {
        let Segment { frames, .. } = tail(&all);
        let (first, second) = (frames[0].offset..frames[0].end, frames[1].offset);
        bytes.copy_within(first, second);
    });
    let refused = fetch(&moved, &whole, known).map(|exchange| exchange.last);
    assert!(matches!(refused, Err(RepairError::EndUnknown { .. })), "{refused:?}");
    // To give segments their names is no way around it.
    let swapped = directory(&all);
    put(&swapped, &all[1].path(), all[2].bytes());
    put(&swapped, &all[2].path(), all[1].bytes());
    let sorted = |known| sort(&swapped, OPTIONS.cluster, known).map(|exchange| exchange.last);
    let found = sorted(known);
    assert!(matches!(found, Ok(Lsn(LAST))), "{found:?}");
    let refused = sorted(Known { covered, ..known });
    assert!(matches!(refused, Err(RepairError::EndUnknown { last: Lsn(LAST), .. })), "{refused:?}");
}
