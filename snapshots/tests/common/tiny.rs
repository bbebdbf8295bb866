//! A whole log in segments of a few blocks, so that something can be done to every byte of it.

use super::{OPTIONS, record};
use onhand_snapshots::Lsn;
use onhand_snapshots::log::frame::{BLOCK_BYTES, ChainHash, HEADER_BYTES, seal};
use onhand_snapshots::log::segment::{LOG_DIR, SegmentHeader, archive_path_of, path_of};
use onhand_snapshots::log::{Log, OpenError, Opened};
use onhand_snapshots::storage::{SimStorage, Storage};
use std::sync::Arc;

/// Blocks of a segment: its header, its frames, and one that was never written.
const BLOCKS: usize = 4;
/// Records of the two frames of each segment.
const FRAMES: [u64; 2] = [2, 3];
/// Records of a segment.
pub const RECORDS: u64 = FRAMES[0] + FRAMES[1];
/// Segments of the log; the last one is under way.
pub const SEGMENTS: u64 = 4;

/// The records of a frame, and where it stands in its segment.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    pub first: u64,
    pub last: u64,
    pub offset: usize,
    pub end: usize,
}

/// A segment as it was written.
#[derive(Debug, Clone)]
pub struct Segment {
    pub first: u64,
    pub last: u64,
    pub frames: Vec<Frame>,
    /// Its bytes after each frame, and before the first.
    pub stages: Vec<Vec<u8>>,
}

impl Segment {
    pub fn path(&self) -> String {
        path_of(Lsn(self.first))
    }

    pub fn bytes(&self) -> &[u8] {
        self.stages.last().unwrap()
    }

    /// The first record that cannot be trusted any more when the byte at `position` is damaged.
    pub fn needed(&self, position: usize) -> u64 {
        let damaged = self.frames.iter().find(|frame| position < frame.end);
        damaged.map_or(self.last + 1, |frame| if position < BLOCK_BYTES { self.first } else { frame.first })
    }

    /// Where the frame begins in which a position is, or the place behind the last one; 0 in the header.
    pub fn place_of(&self, position: usize) -> u64 {
        if position < BLOCK_BYTES {
            return 0;
        }
        let frame = self.frames.iter().find(|frame| position < frame.end);
        frame.map_or(self.frames[self.frames.len() - 1].end, |frame| frame.offset) as u64
    }
}

/// The segments of a log of this identity, in their order.
pub fn segments(cluster: [u8; 16]) -> Vec<Segment> {
    let (mut previous, mut due) = ([0; 32], 1);
    (0..SEGMENTS).map(|_| segment(cluster, &mut previous, &mut due)).collect()
}

fn segment(cluster: [u8; 16], previous: &mut ChainHash, due: &mut u64) -> Segment {
    let first = *due;
    let bytes = (BLOCKS * BLOCK_BYTES) as u64;
    let header = SegmentHeader { cluster, epoch: 1, first: Lsn(first), previous: *previous, bytes };
    let mut image = header.encode().to_vec();
    image.resize(BLOCKS * BLOCK_BYTES, 0);
    let (mut stages, mut frames, mut offset) = (vec![image.clone()], Vec::new(), BLOCK_BYTES);
    for count in FRAMES {
        let mut stored = vec![0; HEADER_BYTES];
        for lsn in *due..*due + count {
            let record = tiny_record(lsn);
            stored.extend_from_slice(&u32::try_from(record.len()).unwrap().to_le_bytes());
            stored.extend_from_slice(&record);
        }
        *previous =
            seal(&mut stored, cluster, 1, Lsn(*due), u32::try_from(count).unwrap(), previous).unwrap();
        let end = offset + stored.len();
        image[offset..end].copy_from_slice(&stored);
        frames.push(Frame { first: *due, last: *due + count - 1, offset, end });
        stages.push(image.clone());
        (offset, *due) = (end, *due + count);
    }
    Segment { first, last: *due - 1, frames, stages }
}

/// What is written as record `lsn`: short enough for a frame of one block.
pub fn tiny_record(lsn: u64) -> Vec<u8> {
    let mut record = record(lsn);
    record.truncate(1_000);
    record
}

/// Puts a file into a directory, in the place of one that may be there.
pub fn put(storage: &SimStorage, path: &str, bytes: &[u8]) {
    if !storage.exists(path).unwrap() {
        storage.create_new(path).unwrap();
    }
    storage.damage(path, |file| *file = bytes.to_vec());
}

/// A directory with these segments.
pub fn directory(segments: &[Segment]) -> SimStorage {
    let storage = SimStorage::default();
    storage.create_dir_all(LOG_DIR).unwrap();
    for segment in segments {
        put(&storage, &segment.path(), segment.bytes());
    }
    storage.sync_dir(LOG_DIR).unwrap();
    storage.sync_dir(".").unwrap();
    storage
}

/// Opens, checks every record and counts them.
pub fn open_tiny(storage: &SimStorage) -> Result<(Opened, u64), OpenError> {
    let mut count = 0;
    let opened = Log::open(Arc::new(storage.clone()), OPTIONS, Lsn(1), &mut |lsn, bytes| {
        count += 1;
        (lsn.0 == count && bytes == tiny_record(count))
            .then_some(())
            .ok_or_else(|| "another record".to_owned().into())
    })?;
    Ok((opened, count))
}

/// The log whose first segment is archived.
pub fn archived(segments: &[Segment]) -> (SimStorage, String) {
    let storage = directory(segments);
    let (opened, count) = open_tiny(&storage).unwrap();
    assert_eq!(count, RECORDS * SEGMENTS);
    assert!(opened.archiver.step(Lsn(segments[0].last + 1)).unwrap());
    drop(opened);
    let path = archive_path_of(Lsn(1));
    assert!(storage.exists(&path).unwrap() && !storage.exists(&path_of(Lsn(1))).unwrap());
    (storage, path)
}
