//! What sealing a frame costs: the CRC of its body, the hash that chains it to the next, and all of it, beside a plain
//! copy of as many bytes in the same round.

use crate::{SIZES, name_of};
use onhand_benches::numbers::{markdown, with_range};
use onhand_engine::clock::Stopwatch;
use onhand_engine::snapshots::Lsn;
use onhand_engine::snapshots::log::frame::{BLOCK_BYTES, HEADER_BYTES, seal};
use std::collections::BTreeMap;
use std::hint::black_box;

/// What is done with the bytes, as the table has it.
const DEEDS: [&str; 4] =
    ["copied", "CRC-32C", "blake3", "sealed as the log does: both, zero sectors looked for"];

/// Bytes that each goes over in a round, again and again over the same ones: half a second or less.
const BYTES: usize = 256 << 20;

/// See the module.
#[derive(Default)]
pub(crate) struct Checksums {
    /// Gigabytes a second by round, by the places of size and deed.
    rates: BTreeMap<(usize, usize), Vec<f64>>,
}

impl Checksums {
    /// Every deed and size once.
    pub(crate) fn round(&mut self, divide: usize) {
        for (size, bytes) in SIZES.into_iter().enumerate() {
            let times = (BYTES / divide / bytes).max(1);
            for (deed, seconds) in seconds(bytes, times).into_iter().enumerate() {
                let rate = (bytes * times) as f64 / seconds / 1e9;
                self.rates.entry((size, deed)).or_default().push(rate);
            }
        }
    }

    pub(crate) fn table(&self) -> String {
        let head: Vec<String> = std::iter::once("GB/s".to_owned()).chain(SIZES.map(name_of)).collect();
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        let row = |(deed, name): (usize, &&str)| {
            let rates =
                (0..SIZES.len()).map(|size| self.rates.get(&(size, deed)).map_or(&[][..], Vec::as_slice));
            std::iter::once((*name).to_owned()).chain(rates.map(with_range)).collect()
        };
        markdown(&head, &DEEDS.iter().enumerate().map(row).collect::<Vec<Vec<String>>>())
    }
}

pub(crate) const NOTES: &str = "The same bytes again and again, so they are in the processor's cache as far as they fit. \
Medians over the rounds with the slowest and the fastest.";

/// Seconds of each deed, so many times.
fn seconds(bytes: usize, times: usize) -> [f64; DEEDS.len()] {
    let source = body(bytes);
    let mut copy = vec![0; bytes];
    let copied = timed(times, || {
        copy.copy_from_slice(black_box(&source));
        black_box(&copy);
    });
    let crc = timed(times, || {
        black_box(crc32c::crc32c(black_box(&source)));
    });
    let hash = timed(times, || {
        black_box(blake3::hash(black_box(&source)));
    });
    let mut frame = frame_of(bytes);
    let length = frame.len();
    let mut previous = [7; 32];
    let sealed = timed(times, || {
        // Sealing fills it up to whole blocks.
        frame.truncate(length);
        previous = seal(&mut frame, [1; 16], 1, Lsn(1), 1, &previous).expect("a frame");
    });
    black_box(previous);
    [copied, crc, hash, sealed]
}

/// Bytes that look like records: none of their sectors is zero.
fn body(bytes: usize) -> Vec<u8> {
    (0_u8..251).cycle().take(bytes).collect()
}

/// A frame before it is sealed that will have so many bytes on the disk.
fn frame_of(bytes: usize) -> Vec<u8> {
    debug_assert!(bytes.is_multiple_of(BLOCK_BYTES), "frames are whole blocks");
    let mut frame = vec![0; HEADER_BYTES];
    frame.extend(body(bytes - HEADER_BYTES));
    frame
}

fn timed(times: usize, mut deed: impl FnMut()) -> f64 {
    // Once before, so that its memory is there.
    deed();
    let start = Stopwatch::start();
    for _ in 0..times {
        deed();
    }
    start.elapsed().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_frame_has_the_bytes_that_are_told() {
        for bytes in SIZES {
            let mut frame = frame_of(bytes);
            seal(&mut frame, [1; 16], 1, Lsn(1), 1, &[7; 32]).unwrap();
            assert_eq!(frame.len(), bytes);
            assert_eq!(frame[HEADER_BYTES..], body(bytes - HEADER_BYTES), "no mask is needed");
        }
    }

    #[test]
    fn rates_are_medians_over_the_rounds() {
        let mut checksums = Checksums::default();
        checksums.rates.insert((0, 1), vec![9.0, 3.0, 6.0]);
        let table = checksums.table();
        assert_eq!(table.lines().next(), Some("| GB/s | 4 KiB | 64 KiB | 1 MiB |"));
        assert_eq!(table.lines().nth(3), Some("| CRC-32C | 6.00 (3.00 to 9.00) | – | – |"));
    }
}
