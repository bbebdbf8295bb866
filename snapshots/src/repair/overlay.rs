//! A data directory as it would be after some of its files were exchanged. Read only.

use super::RepairError;
use super::moves::Moves;
use crate::log::segment::LOG_DIR;
use crate::storage::{Storage, StorageFile, copy_file};
use std::collections::BTreeMap;
use std::io;

/// Where the bytes of a file come from.
#[derive(Clone)]
pub struct Source<'a> {
    /// Which directory.
    pub storage: &'a dyn Storage,
    /// Which file in it.
    pub path: String,
}

/// See the module. Only files of the log are exchanged.
pub struct Overlay<'a> {
    base: &'a dyn Storage,
    /// By path: another file, or none.
    changed: BTreeMap<String, Option<Source<'a>>>,
}

impl<'a> Overlay<'a> {
    /// The directory as it is.
    #[must_use]
    pub fn new(base: &'a dyn Storage) -> Self {
        Self { base, changed: BTreeMap::new() }
    }

    /// Leaves a file out, if it is there.
    ///
    /// # Errors
    /// As the disk says.
    pub fn hide(&mut self, path: &str) -> io::Result<()> {
        if self.exists(path)? {
            self.changed.insert(path.to_owned(), None);
        }
        Ok(())
    }

    /// Puts another file in its place.
    pub fn replace(&mut self, path: &str, source: Source<'a>) {
        self.changed.insert(path.to_owned(), Some(source));
    }

    /// The paths of files that are there, and would stand in quarantine.
    ///
    /// # Errors
    /// As the disk says.
    pub fn taken_away(&self) -> io::Result<Vec<&str>> {
        let mut away = Vec::new();
        for path in self.changed.keys() {
            if self.base.exists(path)? {
                away.push(path.as_str());
            }
        }
        Ok(away)
    }

    /// The paths that are left out.
    pub fn hidden(&self) -> impl Iterator<Item = &str> {
        self.changed.iter().filter(|(_, source)| source.is_none()).map(|(path, _)| path.as_str())
    }

    /// The paths under which another file is seen.
    pub fn replaced(&self) -> impl Iterator<Item = &str> {
        self.changed.iter().filter(|(_, source)| source.is_some()).map(|(path, _)| path.as_str())
    }

    /// Makes the directory what is seen here, except that the changed files are copies.
    ///
    /// # Errors
    /// [`RepairError`]; see [`Moves::commit`].
    pub fn apply(&self) -> Result<String, RepairError> {
        let mut moves = Moves::begin(self.base)?;
        for (path, source) in &self.changed {
            moves.take_away(path)?;
            let Some(source) = source else { continue };
            let staged = moves.put(path)?;
            let file = source.storage.open(&source.path).map_err(RepairError::io(&source.path))?;
            let bytes = file.len().map_err(RepairError::io(&source.path))?;
            copy_file(&*file, bytes, bytes, self.base, &staged).map_err(RepairError::io(&staged))?;
        }
        moves.commit()
    }
}

impl Storage for Overlay<'_> {
    fn open(&self, path: &str) -> io::Result<Box<dyn StorageFile>> {
        match self.changed.get(path) {
            Some(Some(source)) => source.storage.open(&source.path),
            Some(None) => Err(io::Error::from(io::ErrorKind::NotFound)),
            None => self.base.open(path),
        }
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let mut names = self.base.list(dir)?;
        if dir == LOG_DIR {
            for (path, source) in &self.changed {
                let name = path.rsplit('/').next().unwrap_or_default();
                names.retain(|known| known != name);
                if source.is_some() {
                    names.push(name.to_owned());
                }
            }
            names.sort_unstable();
        }
        Ok(names)
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        match self.changed.get(path) {
            Some(source) => Ok(source.is_some()),
            None => self.base.exists(path),
        }
    }

    fn create_new(&self, _path: &str) -> io::Result<Box<dyn StorageFile>> {
        Err(read_only())
    }

    fn rename(&self, _from: &str, _to: &str) -> io::Result<()> {
        Err(read_only())
    }

    fn remove_file(&self, _path: &str) -> io::Result<()> {
        Err(read_only())
    }

    fn remove_gently(&self, _path: &str) -> io::Result<()> {
        Err(read_only())
    }

    fn create_dir_all(&self, _dir: &str) -> io::Result<()> {
        Err(read_only())
    }

    fn sync_dir(&self, _dir: &str) -> io::Result<()> {
        Err(read_only())
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.base.free_bytes()
    }
}

fn read_only() -> io::Error {
    io::Error::from(io::ErrorKind::ReadOnlyFilesystem)
}
