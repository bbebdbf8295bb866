//! What it was measured on, and how full that is.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Blocks as the system counts them, whatever the file system has.
const BLOCK_BYTES: u64 = 512;

/// Processor, cores, memory and kernel, in a line.
#[must_use]
pub fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = value(&info, "model name").unwrap_or("a processor without a name");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let gigabytes = memory("MemTotal") / 1_000_000_000;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{model}, {cores} cores, {gigabytes} GB, Linux {}", kernel.trim())
}

/// What new processes can have of the memory, in bytes.
#[must_use]
pub fn free_memory() -> u64 {
    memory("MemAvailable")
}

/// What files can still have of a directory's disk, in bytes.
///
/// # Errors
/// As the system says.
pub fn free_disk(directory: &Path) -> std::io::Result<u64> {
    let system = rustix::fs::statvfs(directory)?;
    Ok(system.f_bavail.saturating_mul(system.f_frsize))
}

/// What a file, or everything below a directory, takes on the disk, in bytes.
///
/// # Errors
/// As the system says.
pub fn disk_bytes(path: &Path) -> std::io::Result<u64> {
    let found = fs::symlink_metadata(path)?;
    let mut bytes = found.blocks() * BLOCK_BYTES;
    if found.is_dir() {
        for entry in fs::read_dir(path)? {
            bytes += disk_bytes(&entry?.path())?;
        }
    }
    Ok(bytes)
}

fn memory(name: &str) -> u64 {
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes = value(&info, name).and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1_024
}

/// What stands behind a name and a colon.
fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_of_its_own_name() {
        let text = "MemTotal:       24 kB\nMemFree:  3 kB\nmodel name\t: Some Processor @ 2.1: fast\n";
        assert_eq!(value(text, "MemFree"), Some("3 kB"));
        assert_eq!(value(text, "model name"), Some("Some Processor @ 2.1: fast"));
        assert_eq!(value(text, "Mem"), None);
    }

    #[test]
    fn a_directory_takes_what_its_files_take() {
        let top = tempfile::tempdir().unwrap();
        let empty = disk_bytes(top.path()).unwrap();
        fs::create_dir(top.path().join("below")).unwrap();
        let file = top.path().join("below/file");
        fs::write(&file, [1; 100_000]).unwrap();
        fs::File::open(&file).unwrap().sync_all().unwrap();
        let full = disk_bytes(top.path()).unwrap();
        assert!(full >= empty + 100_000 && full < empty + 200_000, "{empty} and {full}");
        assert!(free_disk(top.path()).unwrap() > 0 && free_memory() > 0);
    }
}
