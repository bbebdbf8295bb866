//! Copies of files, with their hashes.

use super::{Storage, StorageFile};
use std::io;

/// A file as it was copied or found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDigest {
    /// Its path below the directory.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// blake3 of its bytes.
    pub hash: [u8; 32],
}

/// Zeros, to compare and to hash with: a piece of [`super::PIECE_BYTES`], as which a copy is written.
static ZEROS: [u8; 128 << 10] = [0; 128 << 10];

/// Copies the first `content` bytes of a file to a new one of `bytes` bytes, whose rest is zero. When it returns, the
/// copy's bytes are durable; its name is with [`Storage::sync_dir`].
///
/// It is written in pieces, with rests in between, so that it may run beside a server. Pieces of zeros are left out:
/// a segment that is nearly empty takes as little of the disk as it has content.
///
/// # Errors
/// As the disks say.
pub fn copy_file(
    from: &dyn StorageFile,
    content: u64,
    bytes: u64,
    to: &dyn Storage,
    path: &str,
) -> io::Result<FileDigest> {
    let file = to.create_new(path)?;
    let mut hasher = blake3::Hasher::new();
    let mut end = 0;
    each_piece(from, content, &mut |offset, piece| {
        hasher.update(piece);
        if piece == &ZEROS[..piece.len()] {
            return Ok(());
        }
        file.write_at(offset, piece)?;
        end = offset + piece.len() as u64;
        file.sync_data()?;
        to.breathe();
        Ok(())
    })?;
    let mut zeros = bytes.saturating_sub(content);
    while zeros > 0 {
        let count = usize::try_from(zeros).map_or(ZEROS.len(), |left| left.min(ZEROS.len()));
        hasher.update(&ZEROS[..count]);
        zeros -= count as u64;
    }
    let bytes = bytes.max(content);
    if end < bytes {
        file.write_at(bytes - 1, &[0])?;
        file.sync_data()?;
    }
    Ok(FileDigest { path: path.to_owned(), bytes, hash: *hasher.finalize().as_bytes() })
}

/// Length and hash of a file.
///
/// # Errors
/// As the disk says.
pub fn digest_file(storage: &dyn Storage, path: &str) -> io::Result<FileDigest> {
    let file = storage.open(path)?;
    let bytes = file.len()?;
    let mut hasher = blake3::Hasher::new();
    each_piece(&*file, bytes, &mut |_, piece| {
        hasher.update(piece);
        Ok(())
    })?;
    Ok(FileDigest { path: path.to_owned(), bytes, hash: *hasher.finalize().as_bytes() })
}

fn each_piece(
    file: &dyn StorageFile,
    bytes: u64,
    take: &mut dyn FnMut(u64, &[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut offset = 0;
    let mut piece = vec![0; ZEROS.len()];
    while offset < bytes {
        let left = usize::try_from(bytes - offset).unwrap_or(usize::MAX);
        piece.truncate(left);
        file.read_at(offset, &mut piece)?;
        take(offset, &piece)?;
        offset += piece.len() as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::SimStorage;

    #[test]
    fn a_copy_has_the_content_and_then_zeros_and_says_its_hash() {
        let disk = SimStorage::default();
        let source = disk.create_new("source").unwrap();
        let mut bytes = vec![7; 300_000];
        bytes[100_000..290_000].fill(0);
        source.write_at(0, &bytes).unwrap();
        for (number, (content, total)) in
            [(0, 0), (0, 9), (1, 1), (290_000, 290_000), (300_000, 300_000), (5, 400_000)].iter().enumerate()
        {
            let path = format!("copy-{number}");
            let copied = copy_file(&*source, *content, *total, &disk, &path).unwrap();
            let mut expected = bytes[..usize::try_from(*content).unwrap()].to_vec();
            expected.resize(usize::try_from(*total).unwrap(), 0);
            let mut found = vec![1; expected.len()];
            let file = disk.open(&path).unwrap();
            assert_eq!(file.len().unwrap(), *total);
            file.read_at(0, &mut found).unwrap();
            assert!(found == expected, "{content} of {total}");
            assert_eq!(copied.hash, *blake3::hash(&expected).as_bytes());
            assert_eq!(digest_file(&disk, &path).unwrap(), copied);
        }
    }
}
