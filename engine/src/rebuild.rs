//! A merchant whose state contradicted itself is not served until it was built again from the log.
//!
//! The shard says which one; the keeper reads its records, builds the state off the shard and hands it over.
//! Meanwhile nothing of that merchant is written, so the log holds all of it. If the log itself contradicts
//! the rules, or what was built of it fails again before anything is written, the merchant stays out, and the others go on.

use crate::clock::Stopwatch;
use crate::directory::Directory;
use crate::handle::Inner;
use crate::metrics;
use crate::recovery::shard_of;
use crate::translate::decode_event;
use crate::turn::Merchant;
use ::metrics::gauge;
use onhand_domain::{MerchantNumber, MerchantState};
use onhand_record::Header;
use onhand_snapshots::Lsn;
use onhand_snapshots::log::LogReader;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// The merchants that wait to be built again, and those that were.
#[derive(Debug, Default)]
pub(crate) struct Ward(Mutex<Patients>);

#[derive(Debug, Default)]
struct Patients {
    waiting: BTreeSet<MerchantNumber>,
    /// The last record of each that was built again. Built of the same records once more, it would fail as it did.
    built_of: BTreeMap<MerchantNumber, Lsn>,
}

impl Ward {
    /// This one is not to be trusted any more. Said once, by the shard, when it happens.
    pub(crate) fn admit(&self, merchant: MerchantNumber) {
        self.0.lock().waiting.insert(merchant);
    }

    fn next(&self) -> Option<MerchantNumber> {
        self.0.lock().waiting.pop_first()
    }

    /// Notes the last record of a merchant that serves again.
    fn discharge(&self, merchant: MerchantNumber, last: Lsn) {
        self.0.lock().built_of.insert(merchant, last);
    }

    fn was_built_of(&self, merchant: MerchantNumber, last: Lsn) -> bool {
        self.0.lock().built_of.get(&merchant) == Some(&last)
    }
}

/// Builds one merchant again, if one waits; `false` if none does.
pub(crate) fn rebuild_step(inner: &Inner, reader: &LogReader) -> bool {
    let Some(number) = inner.ward.next() else { return false };
    let watch = Stopwatch::start();
    // Its last record may be on its way to disk still.
    let last = inner.appender.last();
    inner.appender.wake();
    if !inner.appender.wait_durable(last) {
        inner.ward.admit(number);
        return false;
    }
    let built = inner.directories.get(number).ok_or_else(|| "it was never created".to_owned());
    let built = built.and_then(|directory| build(directory, reader, last));
    let built = built.and_then(|built| {
        if inner.ward.was_built_of(number, built.last) {
            return Err("what was built of its records has failed, and would again".to_owned());
        }
        Ok(built)
    });
    match built {
        Ok(Built { merchant, last }) => {
            let shard = shard_of(number, inner.shards.len());
            let took = watch.elapsed().as_millis();
            if inner.shards[shard].adopt(merchant) {
                inner.ward.discharge(number, last);
                tracing::warn!(merchant = number.0, milliseconds = took, "built again from the log");
            } else {
                inner.ward.admit(number);
            }
        }
        Err(what) => {
            gauge!(metrics::MERCHANTS_OUT).increment(1.0);
            tracing::error!(merchant = number.0, what, "cannot be built again; it is not served");
        }
    }
    true
}

/// A merchant and the last record that it was built of.
struct Built {
    merchant: Box<Merchant>,
    last: Lsn,
}

/// The state that the records of one merchant up to `last` make.
fn build(directory: Arc<Directory>, reader: &LogReader, last: Lsn) -> Result<Built, String> {
    let number = directory.merchant;
    let mut merchant =
        Box::new(Merchant { number, state: MerchantState::default(), directory, at: 0, poisoned: false });
    let (mut failed, mut own) = (None, Lsn::ZERO);
    let scanned = reader.scan_from(Lsn(1), &mut |lsn, record| {
        if lsn > last {
            return false;
        }
        let applied = catch_unwind(AssertUnwindSafe(|| apply(&mut merchant, lsn, record)));
        match applied.unwrap_or_else(|_| Err("it contradicts what was before it".into())) {
            Ok(true) => own = lsn,
            Ok(false) => {}
            Err(what) => failed = Some(format!("record {lsn}: {what}")),
        }
        failed.is_none()
    });
    scanned.map_err(|error| error.to_string())?;
    if let Some(what) = failed {
        return Err(what);
    }
    merchant.state.check().map_err(|violation| violation.to_string())?;
    Ok(Built { merchant, last: own })
}

/// Lets a record happen to a merchant; `false` if it is another one's.
fn apply(merchant: &mut Merchant, lsn: Lsn, record: &[u8]) -> Result<bool, String> {
    let (header, body) = Header::decode(record).map_err(|error| error.to_string())?;
    if header.merchant != merchant.number.0 {
        return Ok(false);
    }
    merchant.at = merchant.at.max(header.at);
    let told = decode_event(&header, body).map_err(|error| error.to_string())?;
    if let Some(told) = told {
        merchant.apply_told(lsn, told)?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use crate::ask::{Answer, Ask, LocationAsk, Movement, ReadAsk, SkuAsk, StockAsk, Submission};
    use crate::clock::ManualClock;
    use crate::config::EngineConfig;
    use crate::secrets::Fingerprints;
    use crate::{Engine, Handle, Inbox, Item, OnFailure};
    use onhand_domain::sku::{StockState, Terms};
    use onhand_domain::{LocationNumber, MerchantNumber, SkuNumber};
    use onhand_snapshots::Disk;
    use onhand_snapshots::storage::SimStorage;
    use std::sync::Arc;

    fn ask(handle: &Handle, merchant: MerchantNumber, ask: Ask) -> Answer {
        let names = handle.directory(merchant).unwrap().names();
        ask_as(handle, merchant, names, ask)
    }

    fn ask_as(handle: &Handle, merchant: MerchantNumber, names: u32, ask: Ask) -> Answer {
        let directory = handle.directory(merchant).unwrap();
        handle.admit(&directory, ask.class()).unwrap();
        let (actor, stage, request, known) = (0, 0, [1; 16], None);
        let (idempotency, fingerprint) = (None, None);
        let submission = Submission { names, actor, stage, request, idempotency, fingerprint, known, ask };
        let inbox = Arc::new(Inbox::default());
        handle.submit(&inbox, &directory, vec![Item::new(1, submission)]);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(inbox.arrived());
        inbox.take().next().unwrap().1
    }

    fn sku(handle: &Handle, merchant: MerchantNumber, code: &str) -> Answer {
        let (title, unit, gtin) = (None, None, None);
        ask(
            handle,
            merchant,
            Ask::PutSku(Box::new(SkuAsk {
                code: code.into(),
                title,
                unit,
                decimals: 0,
                gtin,
                tags: Vec::new(),
                terms: Terms::NONE,
                components: Vec::new(),
            })),
        )
    }

    const SHARDS: [usize; 3] = [1, 2, 5];

    fn engine_on(storage: &Arc<SimStorage>, shards: usize) -> Engine {
        engine_told(storage, shards, Arc::new(|failure| panic!("{failure}")))
    }

    fn engine_told(storage: &Arc<SimStorage>, shards: usize, on_failure: OnFailure) -> Engine {
        let config = EngineConfig { shards, segment_bytes: 2 << 20, ..EngineConfig::for_cores(4) };
        let key = Fingerprints::with_key([3; 32]);
        Engine::start(Disk::simulated(storage), key, Arc::new(ManualClock::at(1)), &config, on_failure)
            .unwrap()
    }

    /// A client that goes on asking while the merchant is built again admits it to nothing a second time, so no
    /// older state ever replaces the one that serves again: all that was answered is there after a start.
    #[test]
    fn what_is_answered_after_a_rebuild_stays() {
        for shards in SHARDS {
            let storage = Arc::new(SimStorage::default());
            let engine = engine_on(&storage, shards);
            let handle = engine.handle();
            let sick = handle.create_merchant("sick").unwrap();
            assert!(matches!(sku(&handle, sick, "MUG"), Answer::Recorded { .. }));
            let keeper = handle.inner.keeper.lock();
            for shard in &handle.inner.shards {
                shard.poison(sick);
            }
            for _ in 0..5 {
                assert!(matches!(sku(&handle, sick, "CUP"), Answer::Poisoned));
            }
            drop(keeper);
            handle.tidy().unwrap();
            for number in 0..20 {
                let code = format!("NEW-{number}");
                assert!(matches!(sku(&handle, sick, &code), Answer::Recorded { .. }));
                // Nothing is left to be built again.
                handle.tidy().unwrap();
            }
            let read = ask(&handle, sick, Ask::Read(ReadAsk::Stock { from: SkuNumber(0), limit: 99 }));
            assert_eq!(format!("{read:?}").matches("StockRead").count(), 21);
            drop(handle);
            let digest = engine.stop();
            assert!(digest.is_some());
            for shards in SHARDS {
                assert_eq!(engine_on(&storage, shards).stop(), digest);
            }
        }
    }

    /// What fails again before anything was written would fail each time: whoever runs the engine is told once, and the log is
    /// not read over and over.
    #[test]
    fn what_fails_again_behind_the_same_records_stays_out() {
        for shards in SHARDS {
            let engine = engine_on(&Arc::new(SimStorage::default()), shards);
            let handle = engine.handle();
            let [sick, well] = ["sick", "well"].map(|name| handle.create_merchant(name).unwrap());
            let fails = |times: usize| {
                for _ in 0..times {
                    for shard in &handle.inner.shards {
                        shard.poison(sick);
                    }
                    handle.tidy().unwrap();
                    assert!(matches!(sku(&handle, well, "MUG"), Answer::Recorded { .. }));
                }
            };
            assert!(matches!(sku(&handle, sick, "MUG"), Answer::Recorded { .. }));
            for _ in 0..2 {
                fails(1);
                assert!(matches!(sku(&handle, sick, "MUG"), Answer::Recorded { .. }), "it serves again");
            }
            fails(2);
            assert!(matches!(sku(&handle, sick, "MUG"), Answer::Poisoned));
            drop(handle);
            engine.stop();
        }
    }

    /// Nobody can compare with a state that is not trusted: a stop says nothing of it, and the next start serves
    /// the merchant from its records.
    #[test]
    fn a_stop_while_a_merchant_is_not_trusted_leaves_a_log_that_opens() {
        for shards in SHARDS {
            let storage = Arc::new(SimStorage::default());
            let engine = engine_on(&storage, shards);
            let handle = engine.handle();
            let sick = handle.create_merchant("sick").unwrap();
            assert!(matches!(sku(&handle, sick, "MUG"), Answer::Recorded { .. }));
            let keeper = handle.inner.keeper.lock();
            for shard in &handle.inner.shards {
                shard.poison(sick);
            }
            engine.gate_for_tests().close();
            drop(keeper);
            drop(handle);
            assert_eq!(engine.stop(), None);
            let digests = SHARDS.map(|shards| {
                let engine = engine_on(&storage, shards);
                let handle = engine.handle();
                let read = ask(&handle, sick, Ask::Read(ReadAsk::Stock { from: SkuNumber(0), limit: 99 }));
                assert_eq!(format!("{read:?}").matches("StockRead").count(), 1);
                drop(handle);
                engine.stop().unwrap()
            });
            assert_eq!(digests, [digests[0]; 3]);
        }
    }

    /// Without its shard a merchant would wait for ever: whoever runs the engine is told, and ends the process.
    #[test]
    fn a_shard_that_panics_is_told_of() {
        for shards in SHARDS {
            let (sender, failures) = crossbeam::channel::bounded(1);
            let on_failure: OnFailure = Arc::new(move |failure| sender.send(failure.to_string()).unwrap());
            let engine = engine_told(&Arc::new(SimStorage::default()), shards, on_failure);
            let last = engine.handle().inner.shards.len() - 1;
            engine.handle().inner.shards[last].break_down();
            let failure = failures.recv().unwrap();
            assert!(failure.contains(&format!("shard-{last}")), "{failure}");
            assert_eq!(engine.stop(), None);
        }
    }

    /// A request that was read with other decimals than the SKU has when its turn comes is not taken.
    #[test]
    fn a_request_read_before_a_name_changed_is_sent_back() {
        for shards in SHARDS {
            let engine = engine_on(&Arc::new(SimStorage::default()), shards);
            let handle = engine.handle();
            let merchant = handle.create_merchant("acme").unwrap();
            assert!(matches!(sku(&handle, merchant, "MUG"), Answer::Recorded { .. }));
            let directory = handle.directory(merchant).unwrap();
            let before = directory.names();
            let (title, unit, gtin, code) = (None, None, None, "MUG".into());
            let put = Ask::PutSku(Box::new(SkuAsk {
                code,
                title,
                unit,
                decimals: 3,
                gtin,
                tags: Vec::new(),
                terms: Terms::NONE,
                components: Vec::new(),
            }));
            assert!(matches!(ask(&handle, merchant, put), Answer::Recorded { .. }));
            assert_ne!(directory.names(), before);
            let receive = || {
                let movement = Movement::Receive { state: StockState::Sellable, quantity: 1_500 };
                let (sku, location) = (SkuNumber(0), LocationNumber(0));
                Ask::MoveStock(StockAsk {
                    sku,
                    location,
                    movement,
                    reason: "received".into(),
                    reference: None,
                })
            };
            assert!(matches!(ask_as(&handle, merchant, before, receive()), Answer::Renamed));
            assert!(matches!(ask(&handle, merchant, receive()), Answer::Recorded { .. }));
            drop(handle);
            engine.stop();
        }
    }

    #[test]
    fn a_merchant_that_is_not_trusted_comes_back_from_the_log() {
        for shards in SHARDS {
            let engine = engine_on(&Arc::new(SimStorage::default()), shards);
            let handle = engine.handle();
            let [sick, well] = ["sick", "well"].map(|name| handle.create_merchant(name).unwrap());
            for merchant in [sick, well] {
                let (kind, country) = ("shop".into(), "DE".into());
                let (region, postal_code, priority) = (None, None, 1);
                let location = LocationAsk {
                    code: "main".into(),
                    kind,
                    country,
                    region,
                    postal_code,
                    priority,
                    safety_stock: 0,
                };
                assert!(matches!(
                    ask(&handle, merchant, Ask::PutLocation(Box::new(location))),
                    Answer::Recorded { .. }
                ));
                assert!(matches!(sku(&handle, merchant, "MUG"), Answer::Recorded { .. }));
            }
            // The keeper is held, so that the moment in between can be looked at.
            let keeper = handle.inner.keeper.lock();
            for shard in &handle.inner.shards {
                shard.poison(sick);
            }
            assert!(matches!(sku(&handle, sick, "CUP"), Answer::Poisoned));
            assert!(matches!(sku(&handle, well, "CUP"), Answer::Recorded { .. }));
            assert!(
                handle.inner.shards.iter().any(|shard| shard.freeze().is_none()),
                "no picture of it is taken"
            );
            drop(keeper);
            handle.tidy().unwrap();
            assert!(matches!(sku(&handle, sick, "CUP"), Answer::Recorded { .. }));
            let read = ask(&handle, sick, Ask::Read(ReadAsk::Stock { from: SkuNumber(0), limit: 9 }));
            assert!(format!("{read:?}").matches("StockRead").count() == 2, "{read:?}");
            drop(handle);
            assert!(engine.stop().is_some());
        }
    }
}
