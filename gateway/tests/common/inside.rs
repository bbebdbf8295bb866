//! A server in this process, with one worker, on a simulated disk whose index can be made to fail or to wait.

use super::{ask, stocked_at};
use onhand_engine::clock::ManualClock;
use onhand_engine::config::{DiskMarks, QueueLimits};
use onhand_engine::domain::MerchantNumber;
use onhand_engine::keys::{KeyKind, hash_of};
use onhand_engine::registry::Scopes;
use onhand_engine::secrets::Fingerprints;
use onhand_engine::snapshots::chunks::{ChunkError, ChunkReader, ChunkStore, ChunkWriter};
use onhand_engine::snapshots::storage::SimStorage;
use onhand_engine::snapshots::{Disk, Lsn};
use onhand_engine::{Engine, EngineConfig, Handle, OnFailure};
use onhand_gateway::http::{Shared, serve};
use onhand_gateway::metrics;
use serde_json::Value;
use std::net::TcpListener;
use std::sync::{Arc, LazyLock, Mutex, mpsc};

static METRICS: LazyLock<metrics_exporter_prometheus::PrometheusHandle> =
    LazyLock::new(|| metrics::install().unwrap());

/// What bulk bodies may have under way: more than a test sends.
const BULK_BYTES: usize = 64 << 20;

/// What may be on its way: more than a test has.
const QUEUES: QueueLimits = QueueLimits { merchant_max: 10_000, total_max: 10_000 };

/// What the next reads of the index do; as they would if nothing is said.
type Script = Arc<Mutex<Option<Box<dyn FnMut() -> Result<(), ChunkError> + Send>>>>;

struct Scripted {
    store: Arc<dyn ChunkStore>,
    script: Script,
}

struct ScriptedReader(Box<dyn ChunkReader>, Script);

impl ChunkReader for ScriptedReader {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ChunkError> {
        if let Some(run) = &mut *self.1.lock().unwrap() {
            run()?;
        }
        self.0.get(key)
    }
}

impl ChunkStore for Scripted {
    fn create(&self, path: &str) -> Result<Box<dyn ChunkWriter>, ChunkError> {
        self.store.create(path)
    }

    fn open(&self, path: &str) -> Result<Box<dyn ChunkReader>, ChunkError> {
        Ok(Box::new(ScriptedReader(self.store.open(path)?, Arc::clone(&self.script))))
    }

    fn sync(&self, path: &str) -> Result<(), ChunkError> {
        self.store.sync(path)
    }
}

fn engine(storage: &SimStorage, script: &Script, queues: QueueLimits) -> Engine {
    let Disk { storage, chunks } = Disk::simulated(storage);
    let chunks = Arc::new(Scripted { store: chunks, script: Arc::clone(script) });
    let config = EngineConfig {
        shards: 1,
        segment_bytes: 2 << 20,
        snapshot_segments: 4,
        queues,
        disk: DiskMarks::NONE,
    };
    let (key, clock) = (Fingerprints::with_key([3; 32]), ManualClock::at(1_700_000_000_000));
    let on_failure: OnFailure = Arc::new(|failure| panic!("{failure}"));
    Engine::start(Disk { storage, chunks }, key, Arc::new(clock), &config, on_failure).unwrap()
}

pub struct Inside {
    pub address: String,
    pub key: String,
    pub handle: Handle,
    pub storage: SimStorage,
    merchant: MerchantNumber,
    script: Script,
    engine: Engine,
}

impl Inside {
    /// A stocked merchant, and one worker.
    pub fn start() -> Self {
        let storage = SimStorage::default();
        let engine = engine(&storage, &Script::default(), QUEUES);
        engine.handle().create_merchant("acme").unwrap();
        let (_, key) = engine.handle().create_key("acme", Scopes::parse(super::SCOPES).unwrap()).unwrap();
        engine.stop();
        let inside = Self::serve(storage, key, BULK_BYTES, QUEUES);
        stocked_at(&inside.address, &inside.key);
        inside
    }

    /// Another stocked merchant: its key.
    pub fn other_merchant(&self) -> String {
        self.handle.create_merchant("other").unwrap();
        let (_, key) = self.handle.create_key("other", Scopes::parse(super::SCOPES).unwrap()).unwrap();
        stocked_at(&self.address, &key);
        key
    }

    /// Stops and starts again: what the index has is in memory no more.
    pub fn restarted(self) -> Self {
        self.restarted_with(BULK_BYTES)
    }

    /// The same, and bulk bodies may have so many bytes under way.
    pub fn restarted_with(self, bulk_bytes: usize) -> Self {
        self.engine.stop();
        Self::serve(self.storage, self.key, bulk_bytes, QUEUES)
    }

    /// The same, and only so much may be on its way.
    pub fn restarted_for(self, queues: QueueLimits) -> Self {
        self.engine.stop();
        Self::serve(self.storage, self.key, BULK_BYTES, queues)
    }

    fn serve(storage: SimStorage, key: String, bulk_bytes: usize, queues: QueueLimits) -> Self {
        let script = Script::default();
        let engine = engine(&storage, &script, queues);
        let handle = engine.handle();
        let merchant = handle.registry().merchant("acme").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared::new(METRICS.clone()));
        shared.open(handle.clone());
        std::thread::spawn(move || {
            actix_web::rt::System::new()
                .block_on(async { serve(listener, &shared, 1, bulk_bytes).unwrap().await.unwrap() });
        });
        Self { address, key, handle, storage, merchant, script, engine }
    }

    pub fn ask(&self, method: &str, path: &str, idempotency: &str, body: &str) -> (u16, String, Value) {
        ask(&self.address, method, path, &self.key, &[("idempotency-key", idempotency)], body)
    }

    /// Fills the segment of the log that is being written, so that it can be indexed.
    pub fn fill_segment(&self) {
        let before = self.handle.durable();
        // A record alone is a frame, and a frame at least one block of 4 KiB.
        for number in 0..520 {
            let key = format!("fill-{before}-{number}");
            let body = r#"{"type":"receive","sku":"TEA","location":"main","quantity":"0.001"}"#;
            assert_eq!(self.ask("POST", "/v1/stock/movements", &key, body).0, 201);
        }
    }

    /// An order that was closed, and is in the index: its id. Its own record and the one that closed it stand in two
    /// segments.
    pub fn closed_order(&self, external_id: &str) -> String {
        let order = format!(
            r#"{{"external_id":"{external_id}","channel":"web","lines":[{{"id":"1","sku":"MUG","quantity":1}}]}}"#
        );
        let (status, _, placed) = self.ask("POST", "/v1/orders", external_id, &order);
        assert_eq!(status, 201, "{placed}");
        let id = placed["id"].as_str().unwrap().to_owned();
        self.fill_segment();
        let cancelled = self.ask("POST", &format!("/v1/orders/{id}/cancel"), &format!("close-{id}"), "{}");
        assert_eq!(cancelled.0, 200, "{}", cancelled.2);
        self.fill_segment();
        self.handle.tidy().unwrap();
        id
    }

    /// Lets every later read of the index do this.
    pub fn on_index_read(&self, script: impl FnMut() -> Result<(), ChunkError> + Send + 'static) {
        *self.script.lock().unwrap() = Some(Box::new(script));
    }

    /// Lets the next read of the index wait. Returns what says that it does, and what lets it go on.
    pub fn halt_index(&self) -> (mpsc::Receiver<()>, mpsc::SyncSender<()>) {
        let (halted, is_halted) = mpsc::sync_channel(1);
        let (go_on, may_go_on) = mpsc::sync_channel(1);
        let mut is_first = true;
        self.on_index_read(move || {
            if std::mem::take(&mut is_first) {
                halted.send(()).unwrap();
                may_go_on.recv().unwrap();
            }
            Ok(())
        });
        (is_halted, go_on)
    }

    /// A new key that a filter of the index lets pass by mistake.
    pub fn false_hit(&self) -> String {
        let runs = self.handle.index().runs();
        let hash = |key: &str| {
            let idempotency = self.handle.fingerprints().idempotency(self.merchant, key.as_bytes());
            hash_of(self.merchant, KeyKind::Idempotency, &idempotency)
        };
        let is_false = |key: &String| {
            let hash = hash(key);
            runs.may_have(hash, Lsn::ZERO) && runs.find(hash).unwrap().is_empty()
        };
        (0_u32..10_000_000).map(|number| format!("new-{number}")).find(is_false).unwrap()
    }
}
