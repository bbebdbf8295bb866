//! The manifest of a backup: what is in it, by length and hash, and its own hash before all that.

use super::place::quoted;
use super::{BESIDE_THE_LOG, Damaged, LOG_DIR, refused};
use anyhow::{Context, ensure};
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use onhand_engine::secrets::FINGERPRINT_KEY_FILE;
use onhand_engine::snapshots::log::CopiedLog;
use onhand_engine::snapshots::log::segment::first_of;
use onhand_engine::snapshots::storage::{FileDigest, FileStorage, Storage, digest_file};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::Path;

/// Its name in a backup.
pub(super) const MANIFEST: &str = "backup.json";

/// What this release writes and reads.
const FORMAT: u16 = 1;

/// The longest manifest, 64 MiB: a row of some 150 bytes for each segment is enough for a log of 27 TB.
const MANIFEST_BYTES_MAX: u64 = 64 << 20;

/// The file as a whole. The hash is that of the manifest's own text, byte for byte.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed<'a> {
    blake3: &'a str,
    #[serde(borrow)]
    manifest: &'a RawValue,
}

/// What every format has.
#[derive(Deserialize)]
struct AnyFormat {
    format: u16,
    software: String,
}

/// See the module.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct Manifest {
    format: u16,
    software: String,
    /// When it was begun, by the clock of the machine that took it.
    pub(super) taken_at: Timestamp,
    cluster: String,
    epoch: u64,
    first_lsn: u64,
    /// The last record in it.
    pub(super) last_lsn: u64,
    last_frame: String,
    files: Vec<Row>,
}

/// A file of the backup.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    path: String,
    bytes: u64,
    blake3: String,
}

impl Manifest {
    /// Of a log that was copied just now, and of all files of the copy.
    pub(super) fn new(log: &CopiedLog, files: &[FileDigest], now_ms: u64) -> anyhow::Result<Self> {
        let row = |file: &FileDigest| Row {
            path: file.path.clone(),
            bytes: file.bytes,
            blake3: HEXLOWER.encode(&file.hash),
        };
        Ok(Self {
            format: FORMAT,
            software: concat!("onhand ", env!("CARGO_PKG_VERSION")).to_owned(),
            taken_at: Timestamp::from_millisecond(i64::try_from(now_ms)?)?,
            cluster: HEXLOWER.encode(&log.cluster),
            epoch: log.epoch,
            first_lsn: 1,
            last_lsn: log.last.0,
            last_frame: HEXLOWER.encode(&log.hash),
            files: files.iter().map(row).collect(),
        })
    }

    fn encode(&self) -> anyhow::Result<String> {
        let text = serde_json::to_string_pretty(self)?;
        let hash = blake3::hash(text.as_bytes()).to_hex();
        Ok(format!("{{\"blake3\":\"{hash}\",\"manifest\":{text}}}\n"))
    }

    /// Writes it, durably, name included.
    pub(super) fn write(&self, to: &dyn Storage) -> anyhow::Result<()> {
        let text = self.encode()?;
        ensure!(
            text.len() as u64 <= MANIFEST_BYTES_MAX,
            "{MANIFEST} has more than {MANIFEST_BYTES_MAX} bytes"
        );
        let file = to.create_new(MANIFEST)?;
        file.write_at(0, text.as_bytes())?;
        file.sync_data()?;
        Ok(to.sync_dir(".")?)
    }

    /// Reads the manifest of a backup.
    pub(in crate::cli) fn read(backup: &Path) -> anyhow::Result<Self> {
        let path = backup.join(MANIFEST);
        let bytes = match std::fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let what = format!("{} is no backup: it has no {MANIFEST}", quoted(backup));
                return Err(refused(&what, "onhand backup DIR DEST makes one"));
            }
            found => found.with_context(|| path.display().to_string())?.len(),
        };
        if bytes > MANIFEST_BYTES_MAX {
            return Err(damaged(
                MANIFEST,
                &format!("it has {bytes} bytes, at most {MANIFEST_BYTES_MAX} are read"),
            ));
        }
        let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
        Self::decode(&bytes)
    }

    fn decode(bytes: &[u8]) -> anyhow::Result<Self> {
        let wrong = |error: serde_json::Error| damaged(MANIFEST, &error.to_string());
        let Sealed { blake3, manifest } = serde_json::from_slice(bytes).map_err(wrong)?;
        let text = manifest.get();
        if blake3::hash(text.as_bytes()).to_hex().as_str() != blake3 {
            return Err(damaged(MANIFEST, "it does not have the hash that it says"));
        }
        let AnyFormat { format, software } = serde_json::from_str(text).map_err(wrong)?;
        if format != FORMAT {
            let what = format!("the backup has format {format}, this release reads {FORMAT}");
            return Err(refused(
                &what,
                &format!("the same command with the release that took it, {software}"),
            ));
        }
        serde_json::from_str(text).map_err(wrong)
    }

    /// Whether the backup has a file.
    pub(super) fn has(&self, name: &str) -> bool {
        self.files.iter().any(|row| row.path == name)
    }

    /// Reads every file and compares it with what the manifest says. Changes nothing.
    pub(in crate::cli) fn check(&self, backup: &Path) -> anyhow::Result<()> {
        let storage = FileStorage::new(backup);
        if !self.has(FINGERPRINT_KEY_FILE) || self.last_lsn < self.first_lsn {
            return Err(damaged(MANIFEST, "it names no key or no record"));
        }
        for row in &self.files {
            row.check(&storage)?;
        }
        // One that was put there later would be read with the others.
        let known: BTreeSet<&str> = self.files.iter().map(|row| row.path.as_str()).collect();
        for name in storage.list(LOG_DIR)? {
            let path = format!("{LOG_DIR}/{name}");
            if !known.contains(path.as_str()) {
                return Err(damaged(&path, "it is not in the manifest"));
            }
        }
        Ok(())
    }
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { taken_at, cluster, first_lsn, last_lsn, .. } = self;
        let bytes: u64 = self.files.iter().map(|row| row.bytes).sum();
        let count = self.files.len();
        write!(
            f,
            "records {first_lsn} to {last_lsn} of log {cluster}, {count} files, {bytes} bytes, {taken_at}"
        )
    }
}

impl Row {
    fn check(&self, storage: &dyn Storage) -> anyhow::Result<()> {
        let in_log = self.path.strip_prefix(LOG_DIR).and_then(|rest| rest.strip_prefix('/'));
        if !BESIDE_THE_LOG.contains(&self.path.as_str()) && in_log.and_then(first_of).is_none() {
            return Err(damaged(MANIFEST, &format!("it names {:?}, which no backup has", self.path)));
        }
        let found = match digest_file(storage, &self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(damaged(&self.path, "it is missing"));
            }
            found => found.with_context(|| self.path.clone())?,
        };
        if found.bytes != self.bytes {
            let what = format!("it has {} bytes, the manifest says {}", found.bytes, self.bytes);
            return Err(damaged(&self.path, &what));
        }
        if HEXLOWER.encode(&found.hash) != self.blake3 {
            return Err(damaged(&self.path, "it does not have the hash that the manifest says"));
        }
        Ok(())
    }
}

/// Reads the bytes of a manifest and forgets it.
///
/// # Errors
/// As they are read from a backup.
pub(in crate::cli) fn check(bytes: &[u8]) -> anyhow::Result<()> {
    Manifest::decode(bytes).map(drop)
}

/// A backup that must not be restored, and which file says so.
fn damaged(file: &str, what: &str) -> anyhow::Error {
    let next =
        "put the file back from another copy of the backup and type the same again, or restore another one";
    Damaged(format!("the backup is damaged: {file}: {what}. Nothing was changed. Next: {next}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use onhand_engine::snapshots::Lsn;

    fn manifest() -> Manifest {
        let file = FileDigest { path: FINGERPRINT_KEY_FILE.into(), bytes: 32, hash: [0xAB; 32] };
        let log =
            CopiedLog { cluster: [1; 16], epoch: 1, last: Lsn(7), hash: [2; 32], files: vec![file.clone()] };
        Manifest::new(&log, &[file], 1_795_600_000_000).unwrap()
    }

    #[test]
    fn a_manifest_reads_back_and_no_flipped_bit_changes_it() {
        let bytes = manifest().encode().unwrap().into_bytes();
        assert_eq!(Manifest::decode(&bytes).unwrap(), manifest());
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[place] ^= 1 << bit;
                let read = Manifest::decode(&flipped);
                let is_refused = read.as_ref().is_err_and(|error| error.to_string().contains(MANIFEST));
                assert!(is_refused, "bit {bit} of byte {place}: {read:?}");
            }
        }
    }

    #[test]
    fn another_format_names_the_release_that_reads_it() {
        let later = Manifest { format: 2, software: "onhand 9.0.0".into(), ..manifest() };
        let error = Manifest::decode(later.encode().unwrap().as_bytes()).unwrap_err();
        assert!(error.to_string().contains("onhand 9.0.0"), "{error}");
    }

    #[test]
    fn a_manifest_that_leads_elsewhere_is_refused() {
        let top = tempfile::tempdir().unwrap();
        for path in ["../secret", "/etc/passwd", "log/../x", "log/spare.tmp", "LOCK", ""] {
            let mut leads = manifest();
            leads.files.push(Row { path: path.into(), bytes: 0, blake3: String::new() });
            leads.files.swap_remove(0);
            leads.files.push(Row { path: FINGERPRINT_KEY_FILE.into(), bytes: 0, blake3: String::new() });
            let error = leads.check(top.path()).unwrap_err().to_string();
            assert!(error.contains("which no backup has"), "{path}: {error}");
        }
    }
}
