//! A data directory in one file, a tar in zstd, and back: what a release wrote, to be opened by every later one.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A block of a tar file: a header, or a piece of a file.
const BLOCK: usize = 512;

/// Where the fields of a header stand, and how long they are.
const NAME: std::ops::Range<usize> = 0..100;
const SIZE: std::ops::Range<usize> = 124..136;
const SUM: std::ops::Range<usize> = 148..156;

/// What is no part of a directory at rest: the lock, the socket, and what waits to be used or removed.
const PASSING: [&str; 4] = ["LOCK", "admin.sock", "trash", "spare.tmp"];

/// Every file below a directory, by its path in it, and its bytes.
pub fn image(root: &Path) -> BTreeMap<String, Vec<u8>> {
    fn visit(root: &Path, directory: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if PASSING.iter().any(|name| path.ends_with(name)) {
                continue;
            }
            if path.is_dir() {
                visit(root, &path, found);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    visit(root, root, &mut found);
    found
}

/// A header of a plain file, as ustar has it.
fn header(name: &str, bytes: usize) -> [u8; BLOCK] {
    assert!(name.len() < NAME.len(), "{name}");
    let mut block = [0; BLOCK];
    let mut put = |at: usize, text: &str| block[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(NAME.start, name);
    put(100, "0000600");
    put(108, "0000000");
    put(116, "0000000");
    put(SIZE.start, &format!("{bytes:011o}"));
    put(136, "00000000000");
    put(SUM.start, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[SUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// All files of a directory in one.
pub fn pack(root: &Path) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, bytes) in image(root) {
        tar.extend_from_slice(&header(&name, bytes.len()));
        tar.extend_from_slice(&bytes);
        tar.resize(tar.len().next_multiple_of(BLOCK), 0);
    }
    tar.resize(tar.len() + 2 * BLOCK, 0);
    zstd::bulk::compress(&tar, 19).unwrap()
}

/// Writes the files of [`pack`] below a directory, 0700 and 0600.
pub fn unpack(packed: &[u8], root: &Path) {
    let text =
        |field: &[u8]| String::from_utf8(field.iter().copied().take_while(|byte| *byte != 0).collect());
    let tar = zstd::decode_all(packed).unwrap();
    let mut rest = &tar[..];
    while rest[0] != 0 {
        let (head, after) = rest.split_at(BLOCK);
        let path = root.join(text(&head[NAME]).unwrap());
        let bytes = usize::from_str_radix(&text(&head[SIZE]).unwrap(), 8).unwrap();
        private_directories(root, path.parent().unwrap());
        fs::write(&path, &after[..bytes]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        rest = &after[bytes.next_multiple_of(BLOCK)..];
    }
}

fn private_directories(root: &Path, directory: &Path) {
    fs::create_dir_all(directory).unwrap();
    let within: Vec<PathBuf> =
        directory.ancestors().take_while(|path| path.starts_with(root)).map(Path::to_path_buf).collect();
    for path in within {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    }
}
