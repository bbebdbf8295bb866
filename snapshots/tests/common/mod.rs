//! What the tests of the log share: records that tell whether they are the right ones, and a disk that does
//! something at a chosen call.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test program uses some of it")]

pub mod tiny;

use onhand_snapshots::Lsn;
use onhand_snapshots::log::{Log, LogOptions, OpenError, Opened, SEGMENT_BYTES_MIN, Stepped};
use onhand_snapshots::storage::{SimStorage, Storage, StorageFile};
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

pub const OPTIONS: LogOptions = LogOptions { cluster: [7; 16], segment_bytes: SEGMENT_BYTES_MIN };

/// The bytes of record `lsn`: of changing length, some of them with long runs of zeros.
pub fn record(lsn: u64) -> Vec<u8> {
    let filling = if lsn.is_multiple_of(3) { 0 } else { 0x5A };
    let length = lsn * 397 % 3_000;
    lsn.to_le_bytes().into_iter().chain((0..length).map(|_| filling)).collect()
}

pub fn open(storage: &SimStorage) -> Result<(Opened, u64), OpenError> {
    let mut count = 0;
    let opened = Log::open(Arc::new(storage.clone()), OPTIONS, Lsn(1), &mut |lsn, bytes| {
        count += 1;
        let expected = record(lsn.0);
        if lsn.0 == count && bytes == expected {
            Ok(())
        } else {
            Err(format!("record {lsn} is not what was written").into())
        }
    })?;
    assert_eq!(opened.report.last, Lsn(count));
    Ok((opened, count))
}

/// Appends `frames` frames of up to five records; returns the last LSN that was reported durable.
pub fn write(opened: &mut Opened, frames: u64) -> Lsn {
    for frame in 0..frames {
        for _ in 0..=frame % 5 {
            let lsn = opened.appender.last().next();
            if opened.appender.append(&[&record(lsn.0)]).is_err() {
                return opened.appender.durable();
            }
        }
        match opened.writer.step() {
            Ok(Stepped::Durable(lsn)) => assert_eq!(lsn, opened.appender.durable()),
            Ok(Stepped::Idle | Stepped::Closed) => panic!("something was waiting"),
            Err(_) => return opened.appender.durable(),
        }
    }
    opened.appender.durable()
}

/// The bytes of every file by its path.
pub fn image(storage: &SimStorage) -> BTreeMap<String, Vec<u8>> {
    let mut image = BTreeMap::new();
    for path in storage.files() {
        let file = storage.open(&path).unwrap();
        let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
        file.read_at(0, &mut bytes).unwrap();
        image.insert(path, bytes);
    }
    image
}

/// What happens before a file is opened.
pub type OpenHook = dyn FnMut(&str) -> io::Result<()> + Send;
/// What happens after the n-th read of the disk, and to what it read.
pub type ReadHook = dyn FnMut(u64, &mut [u8]) + Send;

/// A disk that lets a test do something between two calls.
#[derive(Clone)]
pub struct Hooked {
    inner: SimStorage,
    opening: Arc<Mutex<Box<OpenHook>>>,
    reading: Arc<Mutex<Box<ReadHook>>>,
    reads: Arc<AtomicU64>,
}

impl Hooked {
    pub fn new(inner: &SimStorage) -> Self {
        Self {
            inner: inner.clone(),
            opening: Arc::new(Mutex::new(Box::new(|_| Ok(())))),
            reading: Arc::new(Mutex::new(Box::new(|_, _| {}))),
            reads: Arc::default(),
        }
    }

    pub fn on_open(self, hook: impl FnMut(&str) -> io::Result<()> + Send + 'static) -> Self {
        *self.opening.lock().unwrap() = Box::new(hook);
        self
    }

    pub fn on_read(self, hook: impl FnMut(u64, &mut [u8]) + Send + 'static) -> Self {
        *self.reading.lock().unwrap() = Box::new(hook);
        self
    }

    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }
}

struct HookedFile {
    file: Box<dyn StorageFile>,
    disk: Hooked,
}

impl Storage for Hooked {
    fn free_bytes(&self) -> io::Result<u64> {
        self.inner.free_bytes()
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn StorageFile>> {
        (self.opening.lock().unwrap())(path)?;
        Ok(Box::new(HookedFile { file: self.inner.open(path)?, disk: self.clone() }))
    }

    fn create_new(&self, path: &str) -> io::Result<Box<dyn StorageFile>> {
        Ok(Box::new(HookedFile { file: self.inner.create_new(path)?, disk: self.clone() }))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.inner.list(dir)
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        self.inner.exists(path)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn remove_file(&self, path: &str) -> io::Result<()> {
        self.inner.remove_file(path)
    }

    fn remove_gently(&self, path: &str) -> io::Result<()> {
        self.inner.remove_gently(path)
    }

    fn create_dir_all(&self, dir: &str) -> io::Result<()> {
        self.inner.create_dir_all(dir)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.inner.sync_dir(dir)
    }
}

impl StorageFile for HookedFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_at(offset, buffer)?;
        let number = self.disk.reads.fetch_add(1, Ordering::Relaxed);
        (self.disk.reading.lock().unwrap())(number, buffer);
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}
