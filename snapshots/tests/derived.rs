//! Generations and indexes: published whole or not at all, found damaged or exact; on sled and on the
//! simulated disk.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use onhand_snapshots::chunks::{ChunkError, ChunkStore, FileChunks, Set, SetWriter, SledChunks};
use onhand_snapshots::index::{Entry, INDEX_DIR};
use onhand_snapshots::storage::{Crash, FileStorage, SimStorage, Storage};
use onhand_snapshots::{Generations, Index, Lsn};
use std::sync::Arc;

type Pair = (Arc<dyn Storage>, Arc<dyn ChunkStore>);

fn simulated(storage: &SimStorage) -> Pair {
    let storage: Arc<dyn Storage> = Arc::new(storage.clone());
    (Arc::clone(&storage), Arc::new(FileChunks::new(storage)))
}

fn real(dir: &tempfile::TempDir) -> Pair {
    (Arc::new(FileStorage::new(dir.path())), Arc::new(SledChunks::new(dir.path())))
}

/// All of them together are more than one piece.
fn value(number: u8) -> Vec<u8> {
    (0..u32::from(number) * 970).map(|byte| u8::try_from(byte % 251).unwrap()).collect()
}

fn publish(generations: &Generations, lsn: Lsn) -> Result<(), ChunkError> {
    let mut writer = generations.begin()?;
    for number in 1..=20 {
        writer.put(&[number], &value(number))?;
    }
    generations.publish(writer, &lsn.0.to_le_bytes(), lsn)
}

/// Reads a generation whole and says whether it is what was written.
fn is_whole(generations: &Generations, lsn: Lsn) -> Result<bool, ChunkError> {
    generations.open(lsn, |set: &Set| {
        let chunks: Vec<Vec<u8>> = set.keys().map(|key| set.get(key)).collect::<Result<_, _>>()?;
        Ok(set.about() == lsn.0.to_le_bytes() && chunks == (1..=20).map(value).collect::<Vec<_>>())
    })
}

#[test]
fn generations_read_back_and_three_are_kept() {
    let (dir, sim) = (tempfile::tempdir().unwrap(), SimStorage::default());
    for (storage, store) in [real(&dir), simulated(&sim)] {
        let generations = Generations::new(storage, store);
        for lsn in [5, 70, 71, 900] {
            publish(&generations, Lsn(lsn)).unwrap();
        }
        assert_eq!(generations.list().unwrap(), [Lsn(900), Lsn(71), Lsn(70)]);
        assert!(generations.list().unwrap().into_iter().all(|lsn| is_whole(&generations, lsn).unwrap()));
    }
}

#[test]
fn a_crash_while_publishing_leaves_the_older_generation() {
    let (before, after) = {
        let sim = SimStorage::default();
        let (storage, store) = simulated(&sim);
        let generations = Generations::new(storage, store);
        publish(&generations, Lsn(5)).unwrap();
        let before = sim.ops();
        publish(&generations, Lsn(6)).unwrap();
        (before, sim.ops())
    };
    for call in before..after {
        for crash in [Crash::LoseAll, Crash::KeepAll, Crash::Torn(call)] {
            let sim = SimStorage::default();
            let (storage, store) = simulated(&sim);
            let generations = Generations::new(storage, store);
            publish(&generations, Lsn(5)).unwrap();
            sim.die_at(call);
            let published = publish(&generations, Lsn(6)).is_ok();
            sim.crash(crash);
            let (storage, store) = simulated(&sim);
            let generations = Generations::new(storage, store);
            let list = generations.list().unwrap();
            assert!(list.contains(&Lsn(5)) && (!published || list.contains(&Lsn(6))), "call {call}");
            assert!(
                list.into_iter().all(|lsn| is_whole(&generations, lsn).unwrap()),
                "call {call} {crash:?}"
            );
            publish(&generations, Lsn(7)).unwrap();
        }
    }
}

#[test]
fn a_generation_that_killed_its_reader_is_left_out() {
    let sim = SimStorage::default();
    let (storage, store) = simulated(&sim);
    let generations = Generations::new(storage, store);
    publish(&generations, Lsn(5)).unwrap();
    publish(&generations, Lsn(6)).unwrap();
    let killed = generations.open(Lsn(6), |_| {
        sim.die_at(0);
        Ok::<_, ChunkError>(())
    });
    assert!(killed.is_err());
    sim.restart();
    let (storage, store) = simulated(&sim);
    assert_eq!(Generations::new(storage, store).list().unwrap(), [Lsn(5)]);
}

#[test]
fn sled_damage_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let (storage, store) = real(&dir);
    let mut writer = SetWriter::begin(&*storage, &*store, "sets").unwrap();
    let chunks: Vec<Vec<u8>> = (0..8_u8).map(|number| vec![number; 5_000]).collect();
    for (number, chunk) in (0_u8..).zip(&chunks) {
        writer.put(&[number], chunk).unwrap();
    }
    writer.publish(b"about", "sets/one").unwrap();
    let path = dir.path().join("sets/one/db");
    let whole = std::fs::read(&path).unwrap();
    let mut refused = 0;
    for position in (0..whole.len()).step_by(whole.len() / 60) {
        let mut damaged = whole.clone();
        damaged[position] ^= 0x10;
        std::fs::write(&path, &damaged).unwrap();
        let read = Set::open(&*store, "sets/one").and_then(|set| {
            let read: Result<Vec<_>, _> = set.keys().map(|key| set.get(key)).collect();
            read.map(|read| (set.about().to_vec(), read))
        });
        match read {
            Ok((about, read)) => {
                assert!(about == b"about" && read == chunks, "byte {position} went unnoticed")
            }
            Err(_) => refused += 1,
        }
        std::fs::write(&path, &whole).unwrap();
    }
    assert!(refused > 0);
}

/// Entries of `count` records behind `from`: an odd and an even hash each, some hashes twice.
fn entries(from: u64, count: u64) -> Vec<Entry> {
    (from + 1..=from + count)
        .flat_map(|lsn| {
            let hash = lsn.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            [Entry { hash: hash | 1, lsn: Lsn(lsn) }, Entry { hash: (lsn % 50) << 1, lsn: Lsn(lsn) }]
        })
        .collect()
}

fn check(index: &Index, last: u64) {
    let runs = index.runs();
    assert_eq!(runs.covered(), Lsn(last));
    for lsn in (1..=last).step_by(7) {
        let hash = lsn.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        assert!(runs.may_have(hash, Lsn::ZERO));
        assert_eq!(runs.find(hash).unwrap(), [Lsn(lsn)]);
        assert!(!runs.may_have(hash, Lsn(last)), "what was searched is not searched again");
    }
    let even: Vec<Lsn> = (1..=last).rev().filter(|lsn| lsn % 50 == 3).map(Lsn).collect();
    assert_eq!(runs.find(6).unwrap(), even);
    let false_hits = (0..10_000_u64).filter(|number| runs.may_have(number << 32 | 1, Lsn::ZERO)).count();
    // One in 65,536 a run; a filter of half the bits would let through 39.
    assert!(false_hits <= 3 * runs.len(), "{false_hits} of 10,000");
}

#[test]
fn an_index_finds_every_key_before_and_after_merging() {
    let (dir, sim) = (tempfile::tempdir().unwrap(), SimStorage::default());
    for (storage, store) in [real(&dir), simulated(&sim)] {
        let index = Index::open(Arc::clone(&storage), Arc::clone(&store)).unwrap();
        index.add(Lsn(10), Vec::new()).unwrap();
        let mut last = 10;
        for _ in 0..9 {
            let of_run: Vec<Entry> = entries(last, 1_500);
            last += 1_500;
            index.add(Lsn(last), of_run).unwrap();
        }
        let mut merges = 0;
        while index.merge_step().unwrap() {
            merges += 1;
        }
        assert!(merges >= 2);
        let runs = index.runs().len();
        assert!(runs < 6, "{runs} runs");
        drop(index);
        let index = Index::open(storage, store).unwrap();
        assert_eq!(index.runs().len(), runs);
        let runs = index.runs();
        assert_eq!(runs.covered(), Lsn(last));
        for lsn in (11..=last).step_by(7) {
            let hash = lsn.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            assert!(runs.may_have(hash, Lsn::ZERO));
            assert_eq!(runs.find(hash).unwrap(), [Lsn(lsn)]);
        }
        let even: Vec<Lsn> = (11..=last).rev().filter(|lsn| lsn % 50 == 3).map(Lsn).collect();
        assert_eq!(runs.find(6).unwrap(), even);
    }
}

#[test]
fn a_crash_while_indexing_or_merging_loses_no_entry() {
    let fill = |sim: &SimStorage| {
        let (storage, store) = simulated(sim);
        let index = Index::open(storage, store).unwrap();
        for run in 0..4 {
            index.add(Lsn((run + 1) * 60), entries(run * 60, 60)).unwrap();
        }
        index
    };
    let (before, after) = {
        let sim = SimStorage::default();
        let index = fill(&sim);
        let before = sim.ops();
        assert!(index.merge_step().unwrap());
        index.add(Lsn(300), entries(240, 60)).unwrap();
        (before, sim.ops())
    };
    for call in before..after {
        for crash in [Crash::LoseAll, Crash::KeepAll, Crash::Torn(call)] {
            let sim = SimStorage::default();
            let index = fill(&sim);
            sim.die_at(call);
            let failed = index.merge_step().is_err() || index.add(Lsn(300), entries(240, 60)).is_err();
            assert!(failed);
            sim.crash(crash);
            let (storage, store) = simulated(&sim);
            let index = Index::open(storage, store).unwrap();
            let covered = index.covered().0;
            assert!(covered == 240 || covered == 300, "crash {crash:?} at call {call}: {covered}");
            check(&index, covered);
        }
    }
}

/// More hashes than one filter takes; each entry was handed in twice.
#[test]
fn a_long_run_has_filters_over_its_parts() {
    const COUNT: u64 = 140_000;
    let hash = |lsn: u64| lsn.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let sim = SimStorage::default();
    let (storage, store) = simulated(&sim);
    let index = Index::open(Arc::clone(&storage), Arc::clone(&store)).unwrap();
    let each = (1..=COUNT).chain(1..=COUNT).map(|lsn| Entry { hash: hash(lsn), lsn: Lsn(lsn) });
    index.add(Lsn(COUNT), each.collect()).unwrap();
    let path = format!("{INDEX_DIR}/{}", storage.list(INDEX_DIR).unwrap()[0]);
    let set = Set::open(&*store, &path).unwrap();
    assert_eq!(set.keys().filter(|key| key[0] == b'f').count(), 3);
    for index in [index, Index::open(storage, store).unwrap()] {
        let runs = index.runs();
        assert_eq!(runs.entries(), COUNT);
        assert!((1..=COUNT).all(|lsn| runs.may_have(hash(lsn), Lsn::ZERO)));
        for lsn in (1..=COUNT).step_by(997) {
            assert_eq!(runs.find(hash(lsn)).unwrap(), [Lsn(lsn)]);
        }
        let others = (COUNT + 1..=2 * COUNT).filter(|lsn| runs.may_have(hash(*lsn), Lsn::ZERO)).count();
        assert!(others < 20, "{others} of 140,000; two are to be expected");
    }
}

#[test]
fn a_merged_run_stays_as_long_as_somebody_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let (storage, store) = real(&dir);
    let index = Index::open(Arc::clone(&storage), store).unwrap();
    for run in 0..4 {
        index.add(Lsn((run + 1) * 60), entries(run * 60, 60)).unwrap();
    }
    let before = index.runs();
    assert!(index.merge_step().unwrap());
    assert!(!index.merge_step().unwrap());
    assert_eq!(before.find(60_u64.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1).unwrap(), [Lsn(60)]);
    assert_eq!(storage.list(INDEX_DIR).unwrap().len(), 5);
    drop(before);
    assert!(!index.merge_step().unwrap());
    assert_eq!(storage.list(INDEX_DIR).unwrap().len(), 1);
    check(&index, 240);
}

#[test]
fn a_filter_of_another_length_than_its_run_says_is_damage() {
    let sim = SimStorage::default();
    let (storage, store) = simulated(&sim);
    let index = Index::open(Arc::clone(&storage), Arc::clone(&store)).unwrap();
    index.add(Lsn(60), entries(0, 60)).unwrap();
    let path = format!("{INDEX_DIR}/{}", storage.list(INDEX_DIR).unwrap()[0]);
    let set = Set::open(&*store, &path).unwrap();
    let mut writer = SetWriter::begin(&*storage, &*store, INDEX_DIR).unwrap();
    for key in set.keys() {
        let mut chunk = set.get(key).unwrap();
        if key[0] == b'f' {
            chunk.truncate(chunk.len() / 2);
        }
        writer.put(key, &chunk).unwrap();
    }
    writer.publish(set.about(), &path).unwrap();
    let index = Index::open(storage, store).unwrap();
    assert!(index.runs().is_empty());
    assert_eq!(index.sweep().unwrap(), 1);
}

#[test]
fn a_damaged_run_is_made_again() {
    let sim = SimStorage::default();
    let (storage, store) = simulated(&sim);
    let index = Index::open(Arc::clone(&storage), Arc::clone(&store)).unwrap();
    index.add(Lsn(60), entries(0, 60)).unwrap();
    index.add(Lsn(120), entries(60, 60)).unwrap();
    drop(index);
    let names = storage.list(INDEX_DIR).unwrap();
    sim.damage(&format!("{INDEX_DIR}/{}/chunks", names[1]), |bytes| {
        let end = bytes.len();
        bytes[end - 3] ^= 1;
    });
    let index = Index::open(Arc::clone(&storage), store).unwrap();
    assert_eq!(index.covered(), Lsn(60));
    index.add(Lsn(120), entries(60, 60)).unwrap();
    check(&index, 120);
}
