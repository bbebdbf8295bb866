//! A shop that was stopped, to be damaged and mended: its directory, a backup of it, and what is done to files of it.

use super::{BINARY, SCOPES, Server, merchant, onhand, stocked};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, Weak};

/// Segments as small as they may be, and a snapshot for each, so that there are index runs soon.
pub const SMALL: [&str; 4] = ["--segment-bytes", "1056860", "--snapshot-segments", "1"];

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A stopped shop with several segments, snapshots and an index; a backup of it; and another shop's directory.
pub struct Fixture {
    top: tempfile::TempDir,
    /// The lines of its log.
    pub log: Vec<String>,
}

impl Fixture {
    pub fn path(&self, name: &str) -> PathBuf {
        self.top.path().join(name)
    }

    /// The shop, copied, so that something can be done to it.
    pub fn copy(&self, to: &Path) -> PathBuf {
        copy_tree(&self.path("shop"), to);
        to.to_owned()
    }
}

/// The one that some test holds.
static HELD: Mutex<Weak<Fixture>> = Mutex::new(Weak::new());

/// Made once for the tests that run together, and removed with the last of them.
pub fn fixture() -> Arc<Fixture> {
    let mut held = HELD.lock().unwrap();
    held.upgrade().unwrap_or_else(|| {
        let made = Arc::new(make());
        *held = Arc::downgrade(&made);
        made
    })
}

pub fn make() -> Fixture {
    let top = tempfile::tempdir().unwrap();
    let (shop, other, backup) =
        (top.path().join("shop"), top.path().join("other"), top.path().join("backup"));
    trade(&shop);
    trade(&other);
    let backed = onhand(&["backup", shop.to_str().unwrap(), backup.to_str().unwrap()]);
    assert!(backed.status.success(), "{}", text(&backed.stderr));
    let log = log_of(&shop);
    Fixture { top, log }
}

/// Orders until there are enough segments, an index and a snapshot; then the process is killed.
pub fn trade(data: &Path) {
    let server = Server::start_with(data, &SMALL);
    while UnixStream::connect(data.join("admin.sock")).is_err() {
        std::thread::yield_now();
    }
    let key = merchant(data, "acme", SCOPES);
    stocked(&server, &key);
    let order = |body: u64, line: u64| {
        let name = format!("{body}-{line}");
        let customer = if line == 0 { r#""customer":{"name":"Ada"},"# } else { "" };
        format!(
            r#"{{"external_id":"{name}",{customer}"channel":"web","policy":"backorder","idempotency_key":"{name}","lines":[{{"id":"1","sku":"MUG","quantity":1}}]}}"#
        )
    };
    let is_named = |dir: &str, end: &str| names(&data.join(dir)).iter().any(|name| name.ends_with(end));
    let raw = || names(&data.join("log")).iter().filter(|name| name.ends_with(".seg")).count();
    // A snapshot and an index are made between two bodies; the archiver leaves at least two raw segments then.
    for body in 0.. {
        let is_done = is_named("snapshots", ".gen") && is_named("index", ".run") && raw() >= 3;
        if is_done {
            break;
        }
        let lines: Vec<String> = (0..200).map(|line| order(body, line)).collect();
        let (status, ..) = server.ask("POST", "/v1/orders/bulk", &key, &[], &lines.join("\n"));
        assert_eq!(status, 200);
    }
    server.kill();
}

pub fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The segments in either form, by first record.
pub fn segments(data: &Path) -> Vec<PathBuf> {
    let names = names(&data.join("log")).into_iter().filter(|name| !name.ends_with(".tmp"));
    names.map(|name| data.join("log").join(name)).collect()
}

pub fn raw(data: &Path) -> Vec<PathBuf> {
    segments(data).into_iter().filter(|path| path.extension().unwrap() == "seg").collect()
}

pub fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for name in names(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            copy_tree(&from, &to);
        } else if from.is_file() {
            fs::copy(from, to).unwrap();
        }
    }
}

/// Every file below a directory but the lock, and but the one that sled replaces when it opens a set of chunks.
pub fn image(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for name in names(dir).into_iter().filter(|name| name != "LOCK" && !name.starts_with("snap.")) {
        let path = dir.join(name);
        if path.is_dir() {
            found.extend(image(&path));
        } else {
            found.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    found
}

/// The files that are in one of two images, or another in each.
pub fn changed<'a>(
    before: &'a BTreeMap<PathBuf, Vec<u8>>,
    after: &'a BTreeMap<PathBuf, Vec<u8>>,
) -> Vec<&'a Path> {
    let paths = before.keys().chain(after.keys().filter(|path| !before.contains_key(*path)));
    paths.filter(|path| before.get(*path) != after.get(*path)).map(PathBuf::as_path).collect()
}

pub fn log_of(data: &Path) -> Vec<String> {
    let output = onhand(&["log", data.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).lines().map(str::to_owned).collect()
}

pub fn serve(data: &Path) -> Output {
    onhand(&["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()])
}

/// The commands that a refusal says, each as the shell would take it.
pub fn commands(error: &str) -> Vec<String> {
    let lines = error.lines().filter_map(|line| line.strip_prefix("  onhand "));
    lines.map(str::to_owned).collect()
}

pub fn flip(path: &Path, position: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[position] ^= 4;
    fs::write(path, bytes).unwrap();
}

pub fn cut(path: &Path, bytes: usize) {
    let whole = fs::read(path).unwrap();
    fs::write(path, &whole[..bytes]).unwrap();
}

pub fn swap(one: &Path, other: &Path) {
    let (first, second) = (fs::read(one).unwrap(), fs::read(other).unwrap());
    fs::write(one, second).unwrap();
    fs::write(other, first).unwrap();
}

/// Types what the refusal says; `yes` is typed as well.
pub fn typed(command: &str, yes: bool) -> Output {
    let command = command.replace("BACKUP", fixture().path("backup").to_str().unwrap());
    let words = command.split(' ').chain(yes.then_some("--yes"));
    Command::new(BINARY).args(words).output().unwrap()
}

/// What `onhand repair WORDS DIR` answers to a refusal; neither saying it nor `--yes` changes anything.
pub fn refused_and_unchanged(words: &[&str], data: &Path) -> String {
    let before = image(data);
    let mut said = String::new();
    for yes in [&[][..], &["--yes"]] {
        let all: Vec<&str> = [&["repair"], words, yes, &[data.to_str().unwrap()]].concat();
        let refused = onhand(&all);
        said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(5), "{words:?}: {said}");
        assert_eq!(changed(&before, &image(data)), [] as [&Path; 0], "{words:?}");
    }
    said
}
