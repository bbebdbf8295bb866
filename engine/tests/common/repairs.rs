//! A repair that a crash comes into, at each of its calls to the disk.

use onhand_engine::snapshots::repair::{finish, unfinished};
use onhand_engine::snapshots::storage::{Crash, SimStorage, Storage};
use std::collections::BTreeMap;

/// Every file and its bytes.
pub fn image(storage: &SimStorage) -> BTreeMap<String, Vec<u8>> {
    storage.files().into_iter().map(|path| (path.clone(), bytes_of(storage, &path))).collect()
}

/// The bytes of a file.
pub fn bytes_of(storage: &dyn Storage, path: &str) -> Vec<u8> {
    let file = storage.open(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
    file.read_at(0, &mut bytes).unwrap();
    bytes
}

/// Puts a file there, durably, in the place of one that may be there.
pub fn put(storage: &SimStorage, path: &str, bytes: &[u8]) {
    if storage.exists(path).unwrap() {
        storage.remove_file(path).unwrap();
    }
    let file = storage.create_new(path).unwrap();
    file.write_at(0, bytes).unwrap();
    file.sync_data().unwrap();
    storage.sync_dir(path.rsplit_once('/').map_or(".", |(dir, _)| dir)).unwrap();
}

/// What a broken directory has besides what an attempt may leave that changed nothing.
fn own_files(storage: &SimStorage) -> BTreeMap<String, Vec<u8>> {
    let mut files = image(storage);
    files.retain(|path, _| !path.starts_with("repair/"));
    files
}

/// Repairs a copy of `broken`, with a crash at each call in turn. What the crash leaves is as it was, and is repaired
/// anew; or a repair to finish; or mended: then `is_mended` must find what it looks for.
pub fn crash_at_every_call(
    broken: &SimStorage,
    repair: &dyn Fn(&SimStorage) -> bool,
    is_mended: &dyn Fn(&SimStorage, &str),
) {
    let before = own_files(broken);
    let calls = {
        let storage = broken.fork();
        assert!(repair(&storage), "without a crash");
        is_mended(&storage, "without a crash");
        storage.ops()
    };
    let (mut were_finished, mut were_begun_anew) = (0, 0);
    for call in 0..=calls {
        for crash in [Crash::LoseAll, Crash::KeepAll, Crash::Torn(call), Crash::Torn(call * 7_919 + 3)] {
            let what = format!("crash {crash:?} at call {call} of {calls}");
            let storage = broken.fork();
            storage.die_at(call);
            let is_done = repair(&storage);
            storage.crash(crash);
            if unfinished(&storage).unwrap() {
                finish(&storage).unwrap_or_else(|error| panic!("{what}: {error}"));
                were_finished += 1;
            } else if own_files(&storage) == before {
                assert!(!is_done, "{what}");
                assert!(repair(&storage), "{what}");
                were_begun_anew += 1;
            }
            is_mended(&storage, &what);
            assert!(!unfinished(&storage).unwrap(), "{what}");
        }
    }
    assert!(were_finished > 10 && were_begun_anew > 10, "{were_finished} and {were_begun_anew}");
}
