//! Every input that is kept, given to its target again: what was found once stays mended.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stderr, reason = "a test that fails says by which input")]

use onhand_fuzz::{INPUT_BYTES_MAX, TARGETS, seeds::root};
use rustix::process::{Resource, Rlimit, setrlimit};
use std::fs;
use std::path::{Path, PathBuf};

/// Memory that this process may have, threads and allocator included: no input is worth more.
const ADDRESS_SPACE_MAX: u64 = 4 << 30;

/// What all corpora may take in the repository.
const CORPORA_BYTES_MAX: usize = 1 << 20;

fn inputs(kind: &str, target: &str) -> Vec<PathBuf> {
    let dir = root().join(kind).join(target);
    let Ok(entries) = fs::read_dir(&dir) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The name of an input that its target does not survive stands in the message of its panic.
fn replay(target: fn(&[u8]), path: &Path) -> usize {
    struct Named<'a>(&'a Path);
    impl Drop for Named<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("found by {}", self.0.display());
            }
        }
    }
    let input = fs::read(path).unwrap();
    assert!(input.len() <= INPUT_BYTES_MAX, "{}: {} bytes", path.display(), input.len());
    let named = Named(path);
    target(&input);
    drop(named);
    input.len()
}

#[test]
fn every_input_that_is_kept_finds_nothing() {
    let limit = Some(ADDRESS_SPACE_MAX);
    setrlimit(Resource::As, Rlimit { current: limit, maximum: limit }).unwrap();
    let mut bytes = 0;
    for (name, target) in TARGETS {
        let corpus = inputs("corpus", name);
        assert!(!corpus.is_empty(), "{name} has no corpus");
        for path in corpus.iter().chain(&inputs("regressions", name)) {
            bytes += replay(target, path);
        }
    }
    assert!(bytes <= CORPORA_BYTES_MAX, "the corpora have {bytes} bytes, at most {CORPORA_BYTES_MAX}");
}

#[test]
fn every_corpus_has_a_target() {
    let mut count = 0;
    for kind in ["corpus", "regressions"] {
        let Ok(entries) = fs::read_dir(root().join(kind)) else { continue };
        for entry in entries {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(onhand_fuzz::target(&name).is_some(), "{kind}/{name} has no target");
            count += 1;
        }
    }
    assert!(count >= TARGETS.len(), "{count} directories");
}
