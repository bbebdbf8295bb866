//! From the log to a state that may be trusted: replay every record, check every invariant, compare the
//! digest that a clean stop wrote. Only then are the doors opened.

use crate::actor::ShardState;
use crate::config::EngineConfig;
use crate::customer::{CUSTOMER_KEYS_FILE, Witness};
use crate::directory::Directories;
use crate::error::StartError;
use crate::keys::hash_of;
use crate::registry::{Key, Registry, Scopes};
use crate::secrets::Fingerprints;
use crate::seen::{closes, keys_of};
use crate::snapshot::{Foundation, load};
use crate::translate::{Told, decode_event};
use onhand_domain::MerchantNumber;
use onhand_record::admin::{KeyCreatedV1, KeyRevokedV1, LogClosedV1, MerchantCreatedV1};
use onhand_record::{Header, Kind, decode, newer};
use onhand_snapshots::generation::newest_named;
use onhand_snapshots::index::newest_named as newest_indexed;
use onhand_snapshots::log::{Log, LogOptions, OpenReport, Opened, Stop};
use onhand_snapshots::planted::{Bug, is_planted};
use onhand_snapshots::repair::unfinished;
use onhand_snapshots::{Disk, Generations, Index, Lsn};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// Which shard a merchant lives on.
#[must_use]
pub(crate) fn shard_of(merchant: MerchantNumber, shards: usize) -> usize {
    let hash = onhand_domain::table::spread(u64::from(merchant.0));
    usize::try_from(hash % (shards.max(1) as u64)).unwrap_or(0)
}

/// What recovery leaves behind.
pub(crate) struct Recovered {
    pub(crate) foundation: Foundation,
    pub(crate) opened: Opened,
}

/// The newest generation that can be believed, then the log behind it, then every check.
pub(crate) fn recover(
    disk: &Disk,
    index: &Index,
    generations: &Generations,
    fingerprints: &Fingerprints,
    config: &EngineConfig,
) -> Result<Recovered, StartError> {
    if unfinished(&*disk.storage).map_err(|source| StartError::Io { what: "the list of a repair", source })? {
        return Err(StartError::Unfinished);
    }
    let mut foundation = newest(generations, config.shards)?;
    let covered = index.covered();
    let keys_error = |source| StartError::Io { what: CUSTOMER_KEYS_FILE, source };
    let witness = Witness::open(&disk.storage).map_err(keys_error)?;
    let from = if witness.needs_all() { Lsn(1) } else { foundation.cut.min(covered).next() };
    let options = LogOptions { cluster: fingerprints.cluster(), segment_bytes: config.segment_bytes };
    // By their names: also one that cannot be read says that its records were durable.
    let chunk_error = |source| StartError::Io { what: "snapshots and index", source };
    let named = newest_named(&*disk.storage).map_err(chunk_error)?;
    let indexed = newest_indexed(&*disk.storage).map_err(chunk_error)?;
    let furthest = foundation.cuts.values().copied().fold(foundation.cut.max(named), Lsn::max);
    let known = [("a snapshot", furthest), ("the index", covered.max(indexed))];
    let replay = RefCell::new(Replay {
        states: &mut foundation.states,
        directories: &foundation.directories,
        registry: &foundation.registry,
        fingerprints,
        cuts: &foundation.cuts,
        covered,
        witness,
        closing_digest: None,
    });
    let visit = &mut |lsn, record: &[u8]| match newer(record) {
        Some(what) => Err(Stop::Newer(what)),
        None => Ok(replay.borrow_mut().record(lsn, record)?),
    };
    let mut verdict = Ok(());
    let judge = &mut |report: &OpenReport| {
        let replay = replay.borrow();
        verdict = belongs(report, fingerprints, foundation.cluster, known)
            .and_then(|()| replay.witness.verdict())
            .and_then(|()| check(replay.states, replay.closing_digest));
        verdict.as_ref().map(|_| ()).map_err(ToString::to_string)
    };
    let opened = Log::open_judged(Arc::clone(&disk.storage), options, from, visit, judge);
    verdict?;
    let opened = opened?;
    index.sweep()?;
    Ok(Recovered { foundation, opened })
}

/// Whether log, snapshots, index and key are of one data directory and of one moment.
fn belongs(
    report: &OpenReport,
    fingerprints: &Fingerprints,
    snapshots: Option<[u8; 16]>,
    known: [(&'static str, Lsn); 2],
) -> Result<(), StartError> {
    let last = report.last;
    if report.cluster != fingerprints.cluster() {
        return Err(StartError::OtherKey);
    }
    if snapshots.is_some_and(|cluster| cluster != report.cluster) {
        return Err(StartError::OtherLog);
    }
    match known.into_iter().find(|(_, had)| *had > last) {
        Some((what, had)) => Err(StartError::Behind { what, had, last }),
        None if report.lacks_segment_behind(known[1].1) => {
            Err(StartError::LastMissing { covered: known[1].1, last })
        }
        None => Ok(()),
    }
}

/// The newest generation that can be read and has the digest it says; without one, nothing.
fn newest(generations: &Generations, shards: usize) -> Result<Foundation, StartError> {
    for lsn in generations.list()? {
        match generations.open(lsn, |set| load(set, shards)) {
            Ok(foundation) => return Ok(foundation),
            Err(error) => tracing::warn!(%lsn, %error, "a snapshot is left out"),
        }
    }
    Ok(Foundation::empty(shards))
}

/// Nothing is served from a state that breaks an invariant or is not the one that stopped. Merchants whose records
/// contradicted each other are not served at all, and the digest says nothing without them.
fn check(states: &[ShardState], closing_digest: Option<u64>) -> Result<(), StartError> {
    let mut recovered = Some(0_u64);
    for state in states {
        let digest = state.check().map_err(|(merchant, violation)| StartError::Invariant {
            merchant: merchant.0,
            violation: violation.to_string(),
        })?;
        recovered = recovered.zip(digest).map(|(sum, digest)| sum.wrapping_add(digest));
    }
    match recovered.zip(closing_digest) {
        Some((recovered, written)) if written != recovered => Err(StartError::Digest { recovered, written }),
        _ => Ok(()),
    }
}

/// Rebuilds shards from records, in the order of the log.
pub(crate) struct Replay<'a> {
    pub(crate) states: &'a mut [ShardState],
    pub(crate) directories: &'a Directories,
    pub(crate) registry: &'a Registry,
    pub(crate) fingerprints: &'a Fingerprints,
    /// Up to which record each merchant's state is there already.
    pub(crate) cuts: &'a HashMap<MerchantNumber, Lsn>,
    /// Up to which record the index has the keys.
    pub(crate) covered: Lsn,
    /// Sees which keys of personal data the records name.
    pub(crate) witness: Witness,
    /// Digest of the last clean stop, if it is the last record.
    pub(crate) closing_digest: Option<u64>,
}

impl Replay<'_> {
    /// One record.
    pub(crate) fn record(&mut self, lsn: Lsn, bytes: &[u8]) -> Result<(), String> {
        let (header, body) = Header::decode(bytes).map_err(|error| error.to_string())?;
        self.closing_digest = None;
        let merchant = MerchantNumber(header.merchant);
        match header.kind {
            Kind::LogOpened => Ok(()),
            Kind::LogClosed => {
                let closed: LogClosedV1 = decode(body).map_err(|error| error.to_string())?;
                self.closing_digest = Some(closed.digest);
                Ok(())
            }
            Kind::MerchantCreated => {
                let created: MerchantCreatedV1<'_> = decode(body).map_err(|error| error.to_string())?;
                self.registry.add_merchant(created.name, merchant);
                self.directories.create(merchant);
                Ok(())
            }
            Kind::KeyCreated => {
                let created: KeyCreatedV1 = decode(body).map_err(|error| error.to_string())?;
                let scopes = Scopes(created.scopes);
                let key = Key { number: created.key, merchant, scopes, is_revoked: false };
                self.registry.add_key(created.secret_hash, key);
                Ok(())
            }
            Kind::KeyRevoked => {
                let revoked: KeyRevokedV1 = decode(body).map_err(|error| error.to_string())?;
                self.registry.revoke(revoked.key);
                Ok(())
            }
            Kind::LocationPut
            | Kind::ChannelPut
            | Kind::SkuPut
            | Kind::RoutingProfilePut
            | Kind::StockMoved
            | Kind::OrderAccepted
            | Kind::OrderRefused
            | Kind::OrderCancelled
            | Kind::OrderShipped
            | Kind::BacklogFilled
            | Kind::CommandRefused
            | Kind::RepeatAnswered
            | Kind::HoldPlaced
            | Kind::HoldExtended
            | Kind::HoldsEnded
            | Kind::ExposurePut
            | Kind::GrantSet
            | Kind::GrantAcknowledged
            | Kind::FeedPassed
            | Kind::GrantsFreed => self.merchant_record(lsn, &header, body),
        }
    }

    fn merchant_record(&mut self, lsn: Lsn, header: &Header, body: &[u8]) -> Result<(), String> {
        let number = MerchantNumber(header.merchant);
        let directory =
            self.directories.get(number).ok_or_else(|| format!("merchant {number} was never created"))?;
        let count = self.states.len();
        let (merchant, keys) = self.states[shard_of(number, count)].merchant(&directory);
        let seen = self.witness.see(lsn, number, header.kind, body);
        seen.map_err(|error| error.to_string())?;
        let told = decode_event(header, body).map_err(|error| error.to_string())?;
        if lsn > self.covered {
            let closed = || Ok(told.as_ref().and_then(Told::event).and_then(closes));
            let mut insert = |kind, key: &[u8; 16]| keys.insert(hash_of(number, kind, key), lsn);
            keys_of(header, body, closed, self.fingerprints, &mut insert)
                .map_err(|error| error.to_string())?;
        }
        if self.cuts.get(&number).is_some_and(|cut| lsn <= *cut) && !is_planted(Bug::ReplayTwice) {
            return Ok(());
        }
        merchant.at = merchant.at.max(header.at);
        // One merchant whose records contradict each other must not keep the others out.
        if let Some(told) = told
            && !merchant.poisoned
        {
            merchant.evolve_told(lsn, told);
        }
        Ok(())
    }
}
