//! The log: its buffer, and its frames.

use super::{GROUP, each_round};
use onhand_engine::snapshots::Lsn;
use onhand_engine::snapshots::log::frame::{HEADER_BYTES, seal};
use onhand_engine::snapshots::log::{Log, LogOptions, SEGMENT_BYTES_MIN};
use onhand_engine::snapshots::storage::SimStorage;
use std::any::Any;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

/// About what a single-line order takes.
const RECORD: [u8; 110] = [0x5A; 110];

/// Nothing is written to the disk here: what waits for it stays below what may.
pub(super) fn append(_: &Path, rounds: u64) -> Box<dyn Any> {
    let storage = Arc::new(SimStorage::default());
    let options = LogOptions { cluster: [1; 16], segment_bytes: SEGMENT_BYTES_MIN };
    let opened = Log::open(storage, options, Lsn(1), &mut |_, _| Ok(())).expect("a log");
    each_round(rounds, &[RECORD], |record| {
        opened.appender.append(&[black_box(&record[..])]).expect("room");
    });
    assert!(opened.appender.last() == Lsn(rounds), "all of them wait");
    Box::new(opened)
}

pub(super) fn frame(_: &Path, rounds: u64) -> Box<dyn Any> {
    let mut buffer = vec![0; HEADER_BYTES];
    for _ in 0..GROUP {
        buffer.extend_from_slice(&110_u32.to_le_bytes());
        buffer.extend_from_slice(&RECORD);
    }
    let (filled, count) = (buffer.len(), u32::try_from(GROUP).expect("some records"));
    let mut hash = [0; 32];
    each_round(rounds, &[()], |()| {
        buffer.truncate(filled);
        hash = seal(black_box(&mut buffer), [1; 16], 1, Lsn(1), count, &hash).expect("a frame");
    });
    assert!(rounds == 0 || hash != [0; 32], "each frame has a hash");
    Box::new((buffer, hash))
}
