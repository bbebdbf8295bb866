//! Chunks in one plain file per directory, on any storage.
//!
//! ```text
//! chunk*  length of the key (4), length of the value (4), key, value
//! ```

use super::{ChunkError, ChunkReader, ChunkStore, ChunkWriter};
use crate::storage::{Storage, StorageFile};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

const FILE: &str = "chunks";

/// See the module.
pub struct FileChunks {
    storage: Arc<dyn Storage>,
}

impl FileChunks {
    /// Directories of a storage.
    #[must_use]
    pub fn new(storage: Arc<dyn Storage>) -> Self {
        Self { storage }
    }
}

impl FileChunks {
    /// A directory without its file was begun or removed in part: that is damage, and no failure of the disk.
    fn not_opened(&self, path: &str, error: io::Error) -> ChunkError {
        match self.storage.exists(path) {
            Ok(true) if error.kind() == io::ErrorKind::NotFound => {
                ChunkError::damaged(path, "its file is not there")
            }
            Ok(_) | Err(_) => ChunkError::io(path)(error),
        }
    }
}

struct Writer {
    path: String,
    file: Box<dyn StorageFile>,
    end: u64,
}

struct Reader {
    path: String,
    file: Box<dyn StorageFile>,
    places: BTreeMap<Vec<u8>, (u64, usize)>,
}

impl ChunkStore for FileChunks {
    fn create(&self, path: &str) -> Result<Box<dyn ChunkWriter>, ChunkError> {
        self.storage.create_dir_all(path).map_err(ChunkError::io(path))?;
        let file = self.storage.create_new(&format!("{path}/{FILE}")).map_err(ChunkError::io(path))?;
        Ok(Box::new(Writer { path: path.to_owned(), file, end: 0 }))
    }

    fn open(&self, path: &str) -> Result<Box<dyn ChunkReader>, ChunkError> {
        let file =
            self.storage.open(&format!("{path}/{FILE}")).map_err(|error| self.not_opened(path, error))?;
        let bytes = file.len().map_err(ChunkError::io(path))?;
        let reach = |end: u64| {
            if end <= bytes {
                Ok(())
            } else {
                Err(ChunkError::damaged(path, "a chunk reaches beyond the file"))
            }
        };
        let (mut places, mut offset) = (BTreeMap::new(), 0);
        while offset < bytes {
            let mut lengths = [0; 8];
            reach(offset + 8)?;
            file.read_at(offset, &mut lengths).map_err(ChunkError::io(path))?;
            let [key_bytes, value_bytes] = [&lengths[..4], &lengths[4..]]
                .map(|half| half.first_chunk().map_or(0, |length| u32::from_le_bytes(*length) as usize));
            reach(offset + 8 + key_bytes as u64 + value_bytes as u64)?;
            let mut key = vec![0; key_bytes];
            file.read_at(offset + 8, &mut key).map_err(ChunkError::io(path))?;
            let value_at = offset + 8 + key_bytes as u64;
            places.insert(key, (value_at, value_bytes));
            offset = value_at + value_bytes as u64;
        }
        Ok(Box::new(Reader { path: path.to_owned(), file, places }))
    }

    fn sync(&self, path: &str) -> Result<(), ChunkError> {
        let file = self.storage.open(&format!("{path}/{FILE}")).map_err(ChunkError::io(path))?;
        file.sync_data().map_err(ChunkError::io(path))?;
        self.storage.sync_dir(path).map_err(ChunkError::io(path))
    }
}

impl ChunkWriter for Writer {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), ChunkError> {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
        let chunk = [&length(key)[..], &length(value), key, value].concat();
        self.file.write_at(self.end, &chunk).map_err(ChunkError::io(&self.path))?;
        self.end += chunk.len() as u64;
        Ok(())
    }

    fn settle(&mut self) -> Result<(), ChunkError> {
        self.file.sync_data().map_err(ChunkError::io(&self.path))
    }

    fn finish(self: Box<Self>) -> Result<(), ChunkError> {
        Ok(())
    }
}

impl ChunkReader for Reader {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ChunkError> {
        let Some((offset, bytes)) = self.places.get(key) else { return Ok(None) };
        let mut value = vec![0; *bytes];
        self.file.read_at(*offset, &mut value).map_err(ChunkError::io(&self.path))?;
        Ok(Some(value))
    }
}
