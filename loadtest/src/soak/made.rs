//! What the server makes of its log meanwhile, seen by the names in its directory (docs/FORMATS.md).

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use serde::Serialize;

/// How many were made.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Segments of the log.
    pub(crate) segments: u64,
    /// Runs of the index; merged ones count again. One that was gone before it was looked for does not.
    pub(crate) runs: u64,
    /// Snapshots.
    pub(crate) snapshots: u64,
}

impl Counts {
    /// Both together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            segments: self.segments + other.segments,
            runs: self.runs + other.runs,
            snapshots: self.snapshots + other.snapshots,
        }
    }

    /// What came on top of this.
    pub(crate) fn until(self, later: Self) -> Self {
        Self {
            segments: later.segments - self.segments,
            runs: later.runs - self.runs,
            snapshots: later.snapshots - self.snapshots,
        }
    }
}

/// Names that were seen so far.
#[derive(Debug, Default)]
pub(crate) struct Made {
    segments: HashSet<String>,
    runs: HashSet<String>,
    snapshots: HashSet<String>,
}

impl Made {
    /// Looks again; how many were seen so far.
    pub(crate) fn look(&mut self, data: &Path) -> io::Result<Counts> {
        for (directory, end, seen) in [
            ("log", ".seg", &mut self.segments),
            ("index", ".run", &mut self.runs),
            ("snapshots", ".gen", &mut self.snapshots),
        ] {
            for name in names(&data.join(directory))? {
                let Some(name) = name.to_str() else { continue };
                // The archive of a segment is the same segment.
                if let Some(name) = name.strip_suffix(".zst").unwrap_or(name).strip_suffix(end) {
                    seen.insert(name.to_owned());
                }
            }
        }
        let count = |seen: &HashSet<String>| seen.len() as u64;
        Ok(Counts {
            segments: count(&self.segments),
            runs: count(&self.runs),
            snapshots: count(&self.snapshots),
        })
    }
}

/// Names in a directory; none if it is not there yet.
fn names(directory: &Path) -> io::Result<Vec<OsString>> {
    match fs::read_dir(directory) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.file_name())).collect(),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Bytes of all files of the log, the one that is filled with zeros ahead included.
pub(crate) fn log_bytes(data: &Path) -> io::Result<u64> {
    let log = data.join("log");
    let mut bytes = 0;
    for name in names(&log)? {
        // A segment may have become an archive since.
        bytes += fs::metadata(log.join(name)).map_or(0, |file| file.len());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_counts_once_under_each_name() {
        let data = tempfile::tempdir().unwrap();
        let mut made = Made::default();
        assert_eq!(made.look(data.path()).unwrap(), Counts::default());
        assert_eq!(log_bytes(data.path()).unwrap(), 0);
        for name in ["log/1.seg", "log/spare.tmp", "index/1-4.run", "index/unfinished", "snapshots/7.gen"] {
            let path = data.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"abc").unwrap();
        }
        let first = made.look(data.path()).unwrap();
        assert_eq!(first, Counts { segments: 1, runs: 1, snapshots: 1 });
        assert_eq!(log_bytes(data.path()).unwrap(), 6);
        // An archive takes a segment's place, a snapshot goes, a merged run comes.
        fs::rename(data.path().join("log/1.seg"), data.path().join("log/1.seg.zst")).unwrap();
        fs::write(data.path().join("log/5.seg"), b"abc").unwrap();
        fs::remove_file(data.path().join("snapshots/7.gen")).unwrap();
        fs::write(data.path().join("index/1-9.run"), b"abc").unwrap();
        let second = made.look(data.path()).unwrap();
        assert_eq!(second, Counts { segments: 2, runs: 2, snapshots: 1 });
        assert_eq!(first.until(second), Counts { segments: 1, runs: 1, snapshots: 0 });
    }
}
