//! The ways to make a write durable: how the file is made before, how it is opened, and what is called.

use rustix::fs::{Advice, FallocateFlags, OFlags, fadvise, fallocate};
use rustix::io::{ReadWriteFlags, pwritev2};
use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// What direct writes begin at, and are a multiple of: a block of any disk.
pub(crate) const BLOCK: usize = 4_096;

/// `O_DSYNC` of Linux on all processors that this runs on. Not rustix's, which is `O_SYNC` and syncs times as well.
const O_DSYNC: u32 = 0o1_0000;

/// Zeros are written so much at a time.
const ZEROS: usize = 1 << 20;

/// How the file is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    /// It is empty, and each write makes it longer.
    Growing,
    /// It has its length and its place on the disk.
    Allocated,
    /// It was written with zeros and synced.
    Zeroed,
}

/// How a write becomes durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Durable {
    /// `fdatasync` behind it.
    Synced,
    /// The file is open with `O_DSYNC`.
    Open,
    /// The write itself asks for it.
    Asked,
}

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Way {
    /// As the table has it.
    pub(crate) name: &'static str,
    made: Made,
    durable: Durable,
    is_direct: bool,
}

const fn way(name: &'static str, made: Made, durable: Durable, is_direct: bool) -> Way {
    Way { name, made, durable, is_direct }
}

/// All of them.
pub(crate) const WAYS: [Way; 7] = [
    way("growing, fdatasync", Made::Growing, Durable::Synced, false),
    way("fallocate, fdatasync", Made::Allocated, Durable::Synced, false),
    way("zero-filled, fdatasync (the log's)", Made::Zeroed, Durable::Synced, false),
    way("zero-filled, O_DSYNC", Made::Zeroed, Durable::Open, false),
    way("zero-filled, RWF_DSYNC", Made::Zeroed, Durable::Asked, false),
    way("zero-filled, O_DIRECT, fdatasync", Made::Zeroed, Durable::Synced, true),
    way("zero-filled, O_DIRECT, O_DSYNC", Made::Zeroed, Durable::Open, true),
];

/// A file to be written in one way.
pub(crate) struct Target {
    file: File,
    durable: Durable,
}

impl Way {
    /// Makes a file of so many bytes, on the disk with all that belongs to it.
    pub(crate) fn prepare(self, path: &Path, bytes: u64) -> io::Result<Target> {
        let made = File::create_new(path)?;
        match self.made {
            Made::Growing => {}
            Made::Allocated => fallocate(&made, FallocateFlags::empty(), 0, bytes)?,
            Made::Zeroed => fill(&made, bytes)?,
        }
        made.sync_all()?;
        if self.is_direct {
            // Pages that the zeros left would be looked for, and dropped, by every write.
            fadvise(&made, 0, None, Advice::DontNeed)?;
        }
        let flags = i32::try_from(self.flags()).map_err(io::Error::other)?;
        let file = OpenOptions::new().write(true).custom_flags(flags).open(path)?;
        Ok(Target { file, durable: self.durable })
    }

    /// With which the file is opened.
    fn flags(self) -> u32 {
        let synced = if self.durable == Durable::Open { O_DSYNC } else { 0 };
        let direct = if self.is_direct { OFlags::DIRECT.bits() } else { 0 };
        synced | direct
    }
}

impl Target {
    /// Writes; when it returns, that is durable.
    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        match self.durable {
            Durable::Synced => {
                self.file.write_all_at(bytes, offset)?;
                self.file.sync_data()
            }
            Durable::Open => self.file.write_all_at(bytes, offset),
            Durable::Asked => self.write_asking(offset, bytes),
        }
    }

    fn write_asking(&self, mut offset: u64, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = pwritev2(&self.file, &[IoSlice::new(bytes)], offset, ReadWriteFlags::DSYNC)?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            (offset, bytes) = (offset + written as u64, &bytes[written..]);
        }
        Ok(())
    }
}

fn fill(file: &File, bytes: u64) -> io::Result<()> {
    let zeros = vec![0; ZEROS];
    let mut offset = 0;
    while offset < bytes {
        let count = usize::try_from(bytes - offset).map_or(ZEROS, |left| left.min(ZEROS));
        file.write_all_at(&zeros[..count], offset)?;
        offset += count as u64;
    }
    Ok(())
}

/// Bytes that begin at a multiple of [`BLOCK`] in memory, as direct writes want them: a part of a longer buffer.
pub(crate) struct Aligned {
    buffer: Vec<u8>,
    from: usize,
    bytes: usize,
}

impl Aligned {
    /// So many bytes, none of which is zero.
    pub(crate) fn new(bytes: usize) -> Self {
        let buffer = vec![0x5A; bytes + BLOCK];
        let from = buffer.as_ptr().align_offset(BLOCK);
        assert!(from <= BLOCK, "a block begins somewhere in a block");
        Self { buffer, from, bytes }
    }

    /// The bytes.
    pub(crate) fn get(&self) -> &[u8] {
        &self.buffer[self.from..self.from + self.bytes]
    }

    /// The bytes, to be changed.
    pub(crate) fn get_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[self.from..self.from + self.bytes]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aligned_buffer_is_aligned_and_as_long_as_asked() {
        for bytes in [1, BLOCK, 10 * BLOCK] {
            let mut aligned = Aligned::new(bytes);
            assert_eq!((aligned.get().as_ptr().addr() % BLOCK, aligned.get().len()), (0, bytes));
            aligned.get_mut().fill(7);
            assert!(aligned.get().iter().all(|byte| *byte == 7));
        }
    }

    #[test]
    fn every_way_leaves_what_was_written() {
        // Beside the sources: the file system of temporary files may know no direct writes.
        let home = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let mut bytes = Aligned::new(2 * BLOCK);
        for (number, way) in (1..).zip(WAYS) {
            bytes.get_mut().fill(number);
            let path = home.path().join(number.to_string());
            let target = match way.prepare(&path, 4 * BLOCK as u64) {
                // That is no fault of the code.
                Err(error) if way.is_direct && error.kind() == io::ErrorKind::InvalidInput => continue,
                prepared => prepared.unwrap(),
            };
            let seen = rustix::fs::fcntl_getfl(&target.file).unwrap().bits();
            assert_eq!(seen & (OFlags::SYNC | OFlags::DIRECT).bits(), way.flags(), "{}", way.name);
            for piece in 0..2 {
                target.write(piece * 2 * BLOCK as u64, bytes.get()).unwrap();
            }
            let found = std::fs::read(&path).unwrap();
            assert!(found.len() == 4 * BLOCK && found.iter().all(|byte| *byte == number), "{}", way.name);
        }
    }
}
