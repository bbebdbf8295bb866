//! The data directories that releases left, and what each of them must still say.

use super::directory::unpack;
use super::{Server, onhand};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// Segments as small as they may be: a directory has several, and stays small.
pub const SMALL: [&str; 4] = ["--segment-bytes", "1056860", "--snapshot-segments", "1"];

/// Where they stand: `<release>-<name>.tar.zst`, and beside it `.json`, what it says.
pub fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// A directory and what it says.
pub struct Golden {
    pub name: String,
    pub packed: Vec<u8>,
    pub says: Value,
}

impl Golden {
    /// All of them, of every release.
    pub fn all() -> Vec<Self> {
        let entries = fs::read_dir(home()).unwrap().map(|entry| entry.unwrap().path());
        let mut paths: Vec<PathBuf> =
            entries.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
        paths.sort();
        paths.iter().map(|path| Self::at(path)).collect()
    }

    /// The newest one with this name.
    pub fn newest(name: &str) -> Self {
        let mut fitting = Self::all();
        fitting.retain(|golden| golden.name.ends_with(name));
        fitting.pop().unwrap()
    }

    fn at(path: &Path) -> Self {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let says = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let packed = fs::read(home().join(format!("{name}.tar.zst"))).unwrap();
        Self { name, packed, says }
    }

    /// A copy to work on.
    pub fn copy(&self) -> tempfile::TempDir {
        let top = tempfile::tempdir().unwrap();
        unpack(&self.packed, top.path());
        top
    }

    pub fn key(&self) -> &str {
        self.says["key"].as_str().unwrap()
    }

    /// Every read and every repeat is answered as it was.
    pub fn answers(&self, server: &Server) {
        let asked = self.says["asked"].as_array().unwrap();
        assert!(asked.len() > 30, "{}: only {} requests", self.name, asked.len());
        for ask in asked {
            let (status, answer) = send(server, self.key(), ask);
            assert_eq!(
                (json!(status), &answer),
                (ask["status"].clone(), &ask["answer"]),
                "{}: {} {} {}",
                self.name,
                ask["method"],
                ask["path"],
                ask["idempotency"]
            );
        }
    }
}

/// Sends a request that is told as an object.
pub fn send(server: &Server, key: &str, ask: &Value) -> (u16, Value) {
    let text = |member: &str| ask[member].as_str().unwrap_or_default();
    let idempotency = [("idempotency-key", text("idempotency"))];
    let headers = if text("idempotency").is_empty() { &[][..] } else { &idempotency[..] };
    let (status, _, answer) = server.ask(text("method"), text("path"), key, headers, text("body"));
    (status, answer)
}

/// What the audit prints of a directory in which everything holds.
pub fn audited(data: &Path) -> String {
    let output = onhand(&["verify", data.to_str().unwrap()]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}
