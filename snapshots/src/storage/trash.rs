//! What is no longer needed: first it loses its name, later it is removed.
//!
//! To give back tens of megabytes at once can hold the log's syncs up, and whoever opened a file before it lost its
//! name may still read it: see [`Storage::remove_gently`].

use super::Storage;
use std::io;

/// Where it waits. Nothing in it is needed.
pub const TRASH_DIR: &str = "trash";

/// Takes the name from a file or a directory, durably; not if there is none.
///
/// # Errors
/// As the disk says.
pub fn retire(storage: &dyn Storage, path: &str) -> io::Result<()> {
    if !storage.exists(path)? {
        return Ok(());
    }
    storage.create_dir_all(TRASH_DIR)?;
    let target = format!("{TRASH_DIR}/{}", path.replace('/', "-"));
    // What is rebuilt may be retired a second time before the first has gone.
    if storage.exists(&target)? {
        storage.remove_gently(&target)?;
    }
    match storage.rename(path, &target) {
        // Its directory is a file system of its own: then it goes at once.
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => remove(storage, path)?,
        renamed => renamed?,
    }
    storage.sync_dir(path.rsplit_once('/').map_or(".", |(dir, _)| dir))
}

/// A file loses its name as a whole, since one that is shortened under its name is taken for damaged; a directory is
/// derived from the log, and may be found removed in part.
fn remove(storage: &dyn Storage, path: &str) -> io::Result<()> {
    match storage.remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => storage.remove_gently(path),
        removed => removed,
    }
}

/// Removes what waits and nobody has open. Returns how many names went.
///
/// # Errors
/// As the disk says; what comes after the one that could not be removed waits on.
pub fn empty_trash(storage: &dyn Storage) -> io::Result<usize> {
    let mut removed = 0;
    for name in storage.list(TRASH_DIR)? {
        match storage.remove_gently(&format!("{TRASH_DIR}/{name}")) {
            Ok(()) => removed += 1,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::WouldBlock) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Crash, OpKind, SimStorage};

    /// EXDEV.
    const ANOTHER_DEVICE: i32 = 18;

    #[test]
    fn where_the_trash_is_on_another_file_system_it_goes_at_once() {
        let disk = SimStorage::default();
        for dir in ["log", "index/run", TRASH_DIR] {
            disk.create_dir_all(dir).unwrap();
        }
        disk.create_new("log/1.seg").unwrap();
        disk.create_new("index/run/chunks").unwrap();
        for path in ["log/1.seg", "index/run"] {
            disk.fail_nth(OpKind::Name, disk.ops_of(OpKind::Name), ANOTHER_DEVICE);
            retire(&disk, path).unwrap();
            assert!(!disk.exists(path).unwrap());
        }
        assert_eq!(disk.list(TRASH_DIR).unwrap(), [] as [&str; 0]);
    }

    #[test]
    fn what_is_retired_has_lost_its_name_for_ever_and_goes_later() {
        let disk = SimStorage::default();
        disk.create_dir_all("log").unwrap();
        disk.sync_dir(".").unwrap();
        for _ in 0..2 {
            disk.create_new("log/1.seg").unwrap();
            disk.sync_dir("log").unwrap();
            retire(&disk, "log/1.seg").unwrap();
            retire(&disk, "log/2.seg").unwrap();
            assert_eq!(disk.list(TRASH_DIR).unwrap(), ["log-1.seg"], "once, also the second time");
        }
        disk.sync_dir(".").unwrap();
        disk.crash(Crash::LoseAll);
        assert!(!disk.exists("log/1.seg").unwrap());
        retire(&disk, "log").unwrap();
        assert_eq!(empty_trash(&disk).unwrap(), 2);
        assert_eq!(empty_trash(&disk).unwrap(), 0);
        assert_eq!(disk.list(TRASH_DIR).unwrap(), [] as [&str; 0]);
    }
}
