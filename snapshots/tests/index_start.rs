//! Opening the index: what is damaged is left out and removed when told, and any other trouble fails the start
//! and removes nothing.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Hooked, image};
use onhand_snapshots::chunks::{
    ChunkError, ChunkReader, ChunkStore, ChunkWriter, FileChunks, Set, SledChunks,
};
use onhand_snapshots::index::{Entry, INDEX_DIR};
use onhand_snapshots::storage::{FileStorage, OpKind, SimStorage, Storage};
use onhand_snapshots::{Index, Lsn};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Three runs of this many records.
const RUN: u64 = 60;

fn entries(from: u64) -> Vec<Entry> {
    let hash = |lsn: u64| lsn.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (from + 1..=from + RUN).map(|lsn| Entry { hash: hash(lsn), lsn: Lsn(lsn) }).collect()
}

fn fill(index: &Index, runs: u64) {
    for run in index.covered().0 / RUN..runs {
        index.add(Lsn((run + 1) * RUN), entries(run * RUN)).unwrap();
    }
}

/// Every entry up to here is found.
fn check(index: &Index, last: u64) {
    assert_eq!(index.covered(), Lsn(last));
    for entry in (0..last / RUN).flat_map(|run| entries(run * RUN)) {
        assert!(index.runs().may_have(entry.hash, Lsn::ZERO));
        assert_eq!(index.runs().find(entry.hash).unwrap(), [entry.lsn]);
    }
}

fn on(storage: Arc<dyn Storage>) -> Result<Index, ChunkError> {
    Index::open(Arc::clone(&storage), Arc::new(FileChunks::new(storage)))
}

fn simulated() -> SimStorage {
    let sim = SimStorage::default();
    fill(&on(Arc::new(sim.clone())).unwrap(), 3);
    sim
}

/// The run that begins behind this many.
fn name(run: u64) -> String {
    format!("{:020}-{:020}.run", run * RUN + 1, (run + 1) * RUN)
}

fn flip(sim: &SimStorage, run: u64) {
    sim.damage(&format!("{INDEX_DIR}/{}/chunks", name(run)), |bytes| {
        let end = bytes.len();
        bytes[end - 3] ^= 1;
    });
}

#[test]
fn a_damaged_run_stays_until_the_sweep() {
    let sim = simulated();
    flip(&sim, 1);
    let before = image(&sim);
    let index = on(Arc::new(sim.clone())).unwrap();
    check(&index, RUN);
    assert!(image(&sim) == before, "opening removed something");
    assert_eq!(index.sweep().unwrap(), 2, "the damaged one and the one behind it");
    assert_eq!(sim.list(INDEX_DIR).unwrap(), [name(0)]);
    assert_eq!(index.sweep().unwrap(), 0);
    fill(&index, 3);
    drop(index);
    check(&on(Arc::new(sim)).unwrap(), RUN * 3);
}

#[test]
fn a_run_that_was_made_again_is_not_swept() {
    let sim = simulated();
    flip(&sim, 1);
    let index = on(Arc::new(sim.clone())).unwrap();
    fill(&index, 2);
    assert_eq!(index.sweep().unwrap(), 1, "only the third one");
    check(&index, RUN * 2);
    drop(index);
    check(&on(Arc::new(sim)).unwrap(), RUN * 2);
}

#[test]
fn without_a_sweep_the_next_start_finds_the_same() {
    let sim = simulated();
    flip(&sim, 0);
    for _ in 0..2 {
        assert_eq!(on(Arc::new(sim.clone())).unwrap().covered(), Lsn::ZERO);
    }
    let index = on(Arc::new(sim.clone())).unwrap();
    fill(&index, 1);
    drop(index);
    // What stood behind the damaged run fits again.
    check(&on(Arc::new(sim)).unwrap(), RUN * 3);
}

#[test]
fn a_disk_that_does_not_answer_is_no_damage() {
    let reads = {
        let sim = simulated();
        let before = sim.ops_of(OpKind::Read);
        on(Arc::new(sim.clone())).unwrap();
        sim.ops_of(OpKind::Read) - before
    };
    assert!(reads > 10);
    for at in 0..reads {
        let sim = simulated();
        let before = image(&sim);
        sim.fail_nth(OpKind::Read, sim.ops_of(OpKind::Read) + at, 5);
        let refused = on(Arc::new(sim.clone())).map(|_| ());
        assert!(
            matches!(&refused, Err(ChunkError::Io { source, .. }) if source.raw_os_error() == Some(5)),
            "read {at}: {refused:?}"
        );
        assert!(image(&sim) == before, "read {at}");
        check(&on(Arc::new(sim)).unwrap(), RUN * 3);
    }
}

#[test]
fn a_run_that_cannot_be_opened_now_is_no_damage() {
    // EMFILE, EACCES, EIO.
    for errno in [24, 13, 5] {
        for run in 0..3 {
            let sim = simulated();
            let before = image(&sim);
            let path = format!("{INDEX_DIR}/{}/chunks", name(run));
            let refusing = Hooked::new(&sim).on_open(move |opened| {
                if opened == path { Err(io::Error::from_raw_os_error(errno)) } else { Ok(()) }
            });
            let refused = on(Arc::new(refusing)).map(|_| ());
            assert!(
                matches!(&refused, Err(ChunkError::Io { source, .. }) if source.raw_os_error() == Some(errno)),
                "error {errno} at run {run}: {refused:?}"
            );
            assert!(image(&sim) == before);
            check(&on(Arc::new(sim)).unwrap(), RUN * 3);
        }
    }
}

#[test]
fn what_is_cut_short_or_gone_is_damage() {
    for left in [0, 1, 7, 11, 500] {
        let sim = simulated();
        sim.damage(&format!("{INDEX_DIR}/{}/chunks", name(2)), |bytes| bytes.truncate(left));
        check(&on(Arc::new(sim)).unwrap(), RUN * 2);
    }
    let sim = simulated();
    sim.remove_file(&format!("{INDEX_DIR}/{}/chunks", name(2))).unwrap();
    check(&on(Arc::new(sim.clone())).unwrap(), RUN * 2);
    // A name that is no run's is nobody's business.
    sim.create_dir_all(&format!("{INDEX_DIR}/1-60.run")).unwrap();
    check(&on(Arc::new(sim)).unwrap(), RUN * 2);
}

fn real(dir: &Path) -> Result<Index, ChunkError> {
    Index::open(Arc::new(FileStorage::new(dir)), Arc::new(SledChunks::new(dir)))
}

#[test]
fn whatever_sled_says_of_damaged_bytes_does_not_stop_a_start() {
    let dir = tempfile::tempdir().unwrap();
    fill(&real(dir.path()).unwrap(), 1);
    let run = dir.path().join(INDEX_DIR).join(name(0));
    let (mut whole, mut left_out) = (0, 0);
    for file in ["db", "conf"] {
        let path = run.join(file);
        let bytes = std::fs::read(&path).unwrap();
        let used = bytes.len() - bytes.iter().rev().take_while(|byte| **byte == 0).count();
        for position in (0..used).step_by(used / 20 + 1) {
            // Opening makes files of its own: each time from the same directory.
            let copy = tempfile::tempdir().unwrap();
            copy_tree(dir.path(), copy.path());
            let mut damaged = bytes.clone();
            damaged[position] ^= 0x10;
            std::fs::write(copy.path().join(INDEX_DIR).join(name(0)).join(file), damaged).unwrap();
            match real(copy.path()).unwrap().covered() {
                Lsn::ZERO => left_out += 1,
                _ => whole += 1,
            }
        }
    }
    assert!(left_out > 0 && whole > 0, "{left_out} left out, {whole} whole");
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_tree(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn an_open_sled_directory_is_busy_and_not_damaged() {
    let dir = tempfile::tempdir().unwrap();
    fill(&real(dir.path()).unwrap(), 1);
    let store = SledChunks::new(dir.path());
    let path = format!("{INDEX_DIR}/{}", name(0));
    let open = Set::open(&store, &path).unwrap();
    // The port itself, which does not wait.
    assert!(matches!(store.open(&path), Err(ChunkError::Busy { .. })));
    drop(open);
}

/// A store that is busy so many times, and notes the pauses.
struct Busy {
    inner: FileChunks,
    left: Mutex<u32>,
    pauses: Mutex<Vec<u32>>,
}

impl ChunkStore for Busy {
    fn create(&self, path: &str) -> Result<Box<dyn ChunkWriter>, ChunkError> {
        self.inner.create(path)
    }

    fn open(&self, path: &str) -> Result<Box<dyn ChunkReader>, ChunkError> {
        let mut left = self.left.lock().unwrap();
        if *left == 0 {
            return self.inner.open(path);
        }
        *left -= 1;
        Err(ChunkError::Busy { path: path.to_owned() })
    }

    fn sync(&self, path: &str) -> Result<(), ChunkError> {
        self.inner.sync(path)
    }

    fn pause(&self, attempt: u32) {
        self.pauses.lock().unwrap().push(attempt);
    }
}

#[test]
fn a_busy_directory_is_tried_again_so_many_times() {
    let sim = simulated();
    let before = image(&sim);
    let open = |times: u32| {
        let storage: Arc<dyn Storage> = Arc::new(sim.clone());
        let inner = FileChunks::new(Arc::clone(&storage));
        let store = Arc::new(Busy { inner, left: Mutex::new(times), pauses: Mutex::default() });
        let index = Index::open(storage, Arc::clone(&store) as Arc<dyn ChunkStore>);
        let pauses = store.pauses.lock().unwrap().clone();
        (index, pauses)
    };
    for times in [0, 1, 9] {
        let (index, pauses) = open(times);
        check(&index.unwrap(), RUN * 3);
        assert!(pauses.into_iter().eq(0..times));
    }
    let (index, pauses) = open(10);
    assert!(matches!(index.map(|_| ()), Err(ChunkError::Busy { .. })));
    assert_eq!(pauses.len(), 9);
    assert!(image(&sim) == before);
}
