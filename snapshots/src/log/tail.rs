//! Whether a copy of the last segment holds all that a damaged one may have held.
//!
//! The segments before the last one end where the next one begins. Where the last one ended, only its own bytes tell: what
//! was never written is zero. A damaged frame is no more readable, and not zero either.

use super::frame::{BLOCK_BYTES, is_zero};
use super::recovery::Scan;
use super::salvage::read;
use super::segment::FIRST_FRAME;
use crate::storage::{PIECE_BYTES, StorageFile};
use std::io;

/// What a damaged last segment shows that its copy has not, in words; `None` if there is nothing. `copied` is what reading
/// the log with the copy found.
///
/// # Errors
/// As the disk says.
pub(crate) fn lacks(
    damaged: &dyn StorageFile,
    copy: &dyn StorageFile,
    copied: &Scan,
) -> io::Result<Option<&'static str>> {
    let bytes = damaged.len()?;
    if bytes != copy.len()? {
        return Ok(Some("the file is not as long as it was made, and may have held more"));
    }
    if !is_zero_from(damaged, copied.end, bytes)? {
        return Ok(Some("something was written there behind the last record that the backup has"));
    }
    let has_all = has_every_good_frame(damaged, copy, copied)?;
    Ok((!has_all).then_some("it holds records that are others in the backup"))
}

fn is_zero_from(file: &dyn StorageFile, from: u64, bytes: u64) -> io::Result<bool> {
    let mut offset = from;
    let mut piece = Vec::new();
    while offset < bytes {
        let count = (bytes - offset).min(PIECE_BYTES);
        piece.resize(usize::try_from(count).unwrap_or(0), 0);
        file.read_at(offset, &mut piece)?;
        if !is_zero(&piece) {
            return Ok(false);
        }
        offset += count;
    }
    Ok(true)
}

/// Frames are looked for at every place, since those behind a damaged one count too.
fn has_every_good_frame(
    damaged: &dyn StorageFile,
    copy: &dyn StorageFile,
    copied: &Scan,
) -> io::Result<bool> {
    let cluster = copied.cluster.unwrap_or_default();
    let mut offset = FIRST_FRAME;
    while offset < copied.end {
        let good = read(damaged, offset, cluster, &mut |_, _| ());
        let Some(stored) = good else {
            offset += BLOCK_BYTES as u64;
            continue;
        };
        let (mut was, mut is) = (vec![0; stored], vec![0; stored]);
        damaged.read_at(offset, &mut was)?;
        copy.read_at(offset, &mut is)?;
        if was != is {
            return Ok(false);
        }
        offset += stored as u64;
    }
    Ok(true)
}
