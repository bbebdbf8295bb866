//! A set of chunks that is published whole or not at all, and that knows its own digest.
//!
//! ```text
//! manifest, under the key FF:
//!      0      4  magic "OHC1"
//!      4      2  format, 1
//!      6      2  0
//!      8      4  bytes of what the owner says about the set, then these bytes
//!      …      4  number of chunks
//!      …      …  per chunk: bytes of its key (1), the key, the first 16 bytes of blake3(value)
//!      …     32  blake3 of all before
//! ```

use super::{ChunkError, ChunkReader, ChunkStore, ChunkWriter};
use crate::storage::{PIECE_BYTES, Storage, retire};
use std::collections::BTreeMap;

const MANIFEST: &[u8] = &[0xFF];
const MAGIC: [u8; 4] = *b"OHC1";
const FORMAT: u16 = 1;

/// How often a busy directory is tried. sled's threads hold its lock for a moment after it was closed; with the
/// pauses of [`super::SledChunks`] the last try comes after half a second.
const OPENS_MAX: u32 = 10;

/// Enough to notice any damage; nobody forges what is rebuilt from the log.
type Digest = [u8; 16];

/// Writes a set under a temporary name and publishes it under its own.
pub struct SetWriter<'a> {
    storage: &'a dyn Storage,
    store: &'a dyn ChunkStore,
    writer: Box<dyn ChunkWriter>,
    unfinished: String,
    digests: Vec<(Vec<u8>, Digest)>,
    /// Bytes since the last sync.
    unsynced: u64,
}

/// A published set, opened.
pub struct Set {
    path: String,
    reader: Box<dyn ChunkReader>,
    about: Vec<u8>,
    digests: BTreeMap<Vec<u8>, Digest>,
}

impl<'a> SetWriter<'a> {
    /// Begins a set that will be published below `dir`. What an earlier attempt left there is removed.
    ///
    /// # Errors
    /// [`ChunkError`].
    pub fn begin(storage: &'a dyn Storage, store: &'a dyn ChunkStore, dir: &str) -> Result<Self, ChunkError> {
        let unfinished = format!("{dir}/unfinished");
        storage.create_dir_all(dir).and_then(|()| storage.sync_dir(".")).map_err(ChunkError::io(dir))?;
        remove(storage, &unfinished)?;
        let writer = store.create(&unfinished)?;
        Ok(Self { storage, store, writer, unfinished, digests: Vec::new(), unsynced: 0 })
    }

    /// Adds a chunk. Keys have 1 to 255 bytes and are not the single byte FF.
    ///
    /// # Errors
    /// [`ChunkError`].
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), ChunkError> {
        if key.is_empty() || key.len() > 255 || key == MANIFEST {
            return Err(ChunkError::damaged(&self.unfinished, "a key that no chunk may have"));
        }
        self.digests.push((key.to_vec(), digest(value)));
        self.writer.put(key, value)?;
        self.unsynced += value.len() as u64;
        if self.unsynced >= PIECE_BYTES {
            self.unsynced = 0;
            self.writer.settle()?;
        }
        self.storage.breathe();
        Ok(())
    }

    /// Closes the set, makes it durable, opens it again, checks every chunk, and only then gives it its name.
    ///
    /// # Errors
    /// [`ChunkError`]; the set is then not there.
    pub fn publish(mut self, about: &[u8], path: &str) -> Result<(), ChunkError> {
        self.writer.put(MANIFEST, &manifest(about, &self.digests))?;
        self.writer.finish()?;
        let unfinished = &self.unfinished;
        self.store.sync(unfinished)?;
        Set::open(self.store, unfinished)?.verify(self.storage)?;
        // Opening may have written.
        self.store.sync(unfinished)?;
        remove(self.storage, path)?;
        self.storage.rename(unfinished, path).map_err(ChunkError::io(path))?;
        let dir = path.rsplit_once('/').map_or(".", |(dir, _)| dir);
        self.storage.sync_dir(dir).map_err(ChunkError::io(dir))
    }
}

/// Takes a set, or what is left of one, out of its place; it is removed with the trash.
///
/// # Errors
/// [`ChunkError`]; not if there is none.
pub fn remove(storage: &dyn Storage, path: &str) -> Result<(), ChunkError> {
    retire(storage, path).map_err(ChunkError::io(path))
}

fn digest(value: &[u8]) -> Digest {
    let mut digest = [0; 16];
    digest.copy_from_slice(&blake3::hash(value).as_bytes()[..16]);
    digest
}

fn manifest(about: &[u8], digests: &[(Vec<u8>, Digest)]) -> Vec<u8> {
    let length = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend_from_slice(&length(about.len()));
    bytes.extend_from_slice(about);
    bytes.extend_from_slice(&length(digests.len()));
    for (key, digest) in digests {
        bytes.push(u8::try_from(key.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(digest);
    }
    let hash = blake3::hash(&bytes);
    bytes.extend_from_slice(hash.as_bytes());
    bytes
}

type Manifest = (Vec<u8>, BTreeMap<Vec<u8>, Digest>);

/// Reads a manifest.
fn parse(bytes: &[u8]) -> Result<Manifest, String> {
    let wrong = || String::from("its manifest");
    let (content, hash) = bytes.split_last_chunk::<32>().ok_or_else(wrong)?;
    if blake3::hash(content).as_bytes() != hash {
        return Err(wrong());
    }
    let (format, rest) =
        content.strip_prefix(&MAGIC).and_then(|rest| rest.split_first_chunk()).ok_or_else(wrong)?;
    match u16::from_le_bytes(*format) {
        FORMAT => parse_rows(rest).ok_or_else(wrong),
        other => Err(format!("its manifest has format {other}, this release knows {FORMAT}")),
    }
}

/// What stands behind the format of a manifest.
fn parse_rows(rest: &[u8]) -> Option<Manifest> {
    let rest = rest.strip_prefix(&[0, 0])?;
    let (about_bytes, rest) = rest.split_first_chunk()?;
    let (about, rest) = rest.split_at_checked(u32::from_le_bytes(*about_bytes) as usize)?;
    let (count, mut rest) = rest.split_first_chunk()?;
    let mut digests = BTreeMap::new();
    for _ in 0..u32::from_le_bytes(*count) {
        let (key_bytes, after) = rest.split_first()?;
        let (key, after) =
            after.split_at_checked(usize::from(*key_bytes)).filter(|(key, _)| !key.is_empty())?;
        let (digest, after) = after.split_first_chunk()?;
        digests.insert(key.to_vec(), *digest);
        rest = after;
    }
    rest.is_empty().then(|| (about.to_vec(), digests))
}

/// Opens a directory of chunks, and tries again while it is busy.
fn open_when_free(store: &dyn ChunkStore, path: &str) -> Result<Box<dyn ChunkReader>, ChunkError> {
    for attempt in 0..OPENS_MAX - 1 {
        match store.open(path) {
            Err(ChunkError::Busy { .. }) => store.pause(attempt),
            opened => return opened,
        }
    }
    store.open(path)
}

impl Set {
    /// Opens a set and checks its manifest; chunks are checked as they are read.
    ///
    /// # Errors
    /// [`ChunkError`].
    pub fn open(store: &dyn ChunkStore, path: &str) -> Result<Self, ChunkError> {
        let reader = open_when_free(store, path)?;
        let bytes = reader.get(MANIFEST)?.ok_or_else(|| ChunkError::damaged(path, "it has no manifest"))?;
        let (about, digests) = parse(&bytes).map_err(|what| ChunkError::damaged(path, what))?;
        Ok(Self { path: path.to_owned(), reader, about, digests })
    }

    /// Where it stands.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// What the owner said about it.
    #[must_use]
    pub fn about(&self) -> &[u8] {
        &self.about
    }

    /// The keys of all chunks, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.digests.keys().map(Vec::as_slice)
    }

    /// A chunk, checked.
    ///
    /// # Errors
    /// [`ChunkError`], also if there is none under this key.
    pub fn get(&self, key: &[u8]) -> Result<Vec<u8>, ChunkError> {
        let value = self.reader.get(key)?;
        let value = value.ok_or_else(|| ChunkError::damaged(&self.path, "a chunk is missing"))?;
        if self.digests.get(key) == Some(&digest(&value)) {
            Ok(value)
        } else {
            Err(ChunkError::damaged(&self.path, "a chunk is not what was written"))
        }
    }

    /// Checks every chunk, resting as the storage says.
    ///
    /// # Errors
    /// [`ChunkError`].
    pub fn verify(&self, storage: &dyn Storage) -> Result<(), ChunkError> {
        self.digests.keys().try_for_each(|key| {
            storage.breathe();
            self.get(key).map(|_| ())
        })
    }
}
