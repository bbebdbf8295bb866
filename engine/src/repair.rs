//! Repairs that need to know what records and keys are; which names change, and how, is the business of
//! [`onhand_snapshots::repair`].
//!
//! A log that is cut off gives its LSNs out again, and clients were told those of before: it must not be taken for the
//! log that it was. So it becomes another log, as a restored copy does: the records up to the cut are written anew under
//! another identity, and everything that knows of later ones is taken away.

use crate::restore::{RestoreError, write_copy};
use crate::secrets::{FINGERPRINT_KEY_FILE, Fingerprints};
use onhand_record::admin::MerchantCreatedV1;
use onhand_record::snapshot::SnapshotV1;
use onhand_record::{Header, Kind, decode};
use onhand_snapshots::generation::{SNAPSHOT_DIR, newest_named};
use onhand_snapshots::index::{INDEX_DIR, newest_named as newest_indexed};
use onhand_snapshots::log::segment::{LOG_DIR, first_of};
use onhand_snapshots::log::{LogOptions, OpenError, scan};
use onhand_snapshots::repair::{Moves, RepairError, salvage};
use onhand_snapshots::storage::{Below, Storage};
use onhand_snapshots::{Disk, Generations, Lsn};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

/// Why a log is not cut off. Nothing was changed, unless it is said that a repair was broken off.
#[derive(Debug, thiserror::Error)]
pub enum CutError {
    /// The records up to the cut cannot be written anew.
    #[error(transparent)]
    Copy(#[from] RestoreError),
    /// The names cannot be changed.
    #[error(transparent)]
    Repair(#[from] RepairError),
    /// The operating system says no.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// What a cut made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Where stands what was taken away.
    pub quarantine: String,
    /// The record that opens the log under its new identity: the last one.
    pub opening: Lsn,
}

/// The last record that snapshots and index of a log say they know, or that they say there must be behind the log's end
/// at `last`; zero if they belong to another log, or to none.
///
/// # Errors
/// As the disk says.
pub fn known_beside(disk: &Disk, cluster: [u8; 16], last: Lsn) -> io::Result<Lsn> {
    if is_anothers(disk, cluster)? {
        return Ok(Lsn::ZERO);
    }
    let indexed = newest_indexed(&*disk.storage)?;
    let names = disk.storage.list(LOG_DIR)?;
    // An index is made only of segments that have another one behind them.
    let lacks_one =
        names.iter().filter_map(|name| first_of(name)).max().is_some_and(|first| first <= indexed);
    let due = if lacks_one { last.next() } else { Lsn::ZERO };
    Ok(newest_named(&*disk.storage)?.max(indexed).max(due))
}

/// The last record that the index of a log covers: a segment begins behind it. Zero if there is no index, or if what was
/// derived belongs to another log.
///
/// # Errors
/// As the disk says.
pub fn indexed_beside(disk: &Disk, cluster: [u8; 16]) -> io::Result<Lsn> {
    if is_anothers(disk, cluster)? { Ok(Lsn::ZERO) } else { newest_indexed(&*disk.storage) }
}

/// Whether a snapshot says that it was made of another log.
fn is_anothers(disk: &Disk, cluster: [u8; 16]) -> io::Result<bool> {
    let generations = Generations::new(Arc::clone(&disk.storage), Arc::clone(&disk.chunks));
    for lsn in generations.list().map_err(io::Error::other)? {
        let owner = generations.open(lsn, |set| {
            let about: Result<SnapshotV1, _> = decode(set.about());
            Ok::<_, onhand_snapshots::chunks::ChunkError>(about.ok().map(|about| about.cluster))
        });
        if owner.is_ok_and(|owner| owner.is_some_and(|owner| owner != cluster)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What would go with the records from one on.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Losses {
    /// The last record that is known of: it is readable, or snapshots or index know it.
    pub last: Lsn,
    /// How many of them can still be read, by merchant (0 is nobody's) and kind.
    pub readable: BTreeMap<(u32, &'static str), u64>,
    /// How many of the readable ones are answers that clients may have been given.
    pub answers: u64,
    /// Names of merchants that are known.
    pub names: BTreeMap<u32, String>,
}

impl Losses {
    /// How many can still be read.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.readable.values().sum()
    }
}

/// Counts what a log holds from a record on, whether or not it can be served. `beside` is the last record that
/// snapshots and index know.
///
/// # Errors
/// [`OpenError`] if the directory cannot be read.
pub fn losses(storage: &dyn Storage, from: Lsn, cluster: [u8; 16], beside: Lsn) -> Result<Losses, OpenError> {
    let mut losses = Losses::default();
    let mut seen = BTreeSet::new();
    let last = salvage(storage, cluster, &mut |lsn, record| {
        let Ok((header, body)) = Header::decode(record) else { return };
        if header.kind == Kind::MerchantCreated
            && let Ok(created) = decode::<MerchantCreatedV1<'_>>(body)
        {
            losses.names.insert(header.merchant, created.name.to_owned());
        }
        // A segment may stand there twice.
        if lsn < from || !seen.insert(lsn) {
            return;
        }
        *losses.readable.entry((header.merchant, word(header.kind))).or_default() += 1;
        losses.answers += u64::from(header.idempotency.is_some() || header.kind == Kind::OrderAccepted);
    })?;
    losses.last = last.max(beside);
    Ok(losses)
}

/// A kind, as `onhand log` has it.
fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::LogOpened => "log_opened",
        Kind::LogClosed => "log_closed",
        Kind::MerchantCreated => "merchant_created",
        Kind::KeyCreated => "key_created",
        Kind::KeyRevoked => "key_revoked",
        Kind::LocationPut => "location_put",
        Kind::ChannelPut => "channel_put",
        Kind::SkuPut => "sku_put",
        Kind::RoutingProfilePut => "routing_profile_put",
        Kind::StockMoved => "stock_moved",
        Kind::OrderAccepted => "order_accepted",
        Kind::OrderRefused => "order_refused",
        Kind::OrderCancelled => "order_cancelled",
        Kind::OrderShipped => "order_shipped",
        Kind::BacklogFilled => "backlog_filled",
        Kind::CommandRefused => "command_refused",
        Kind::RepeatAnswered => "repeat_answered",
        Kind::HoldPlaced => "hold_placed",
        Kind::HoldExtended => "hold_extended",
        Kind::HoldsEnded => "holds_ended",
        Kind::ExposurePut => "exposure_put",
        Kind::GrantSet => "grant_set",
        Kind::GrantAcknowledged => "grant_acknowledged",
        Kind::FeedPassed => "feed_passed",
        Kind::GrantsFreed => "grants_freed",
    }
}

/// The last record up to which a log can be read, and what is wrong behind it, if something is.
#[must_use]
pub fn readable(storage: &dyn Storage) -> (Lsn, Option<OpenError>) {
    let mut last = Lsn::ZERO;
    let read = scan(storage, Lsn(1), &mut |lsn, record| {
        Header::decode(record).map_err(|error| error.to_string())?;
        last = lsn;
        Ok(())
    });
    (last, read.err())
}

/// Writes the records up to `last` anew as the log of `key`, and lets it take the place of the one that is there, with
/// everything made of it. What was there is in the quarantine. The caller holds the directory's lock.
///
/// # Errors
/// [`CutError`].
pub fn rewrite(
    storage: &Arc<dyn Storage>,
    key: &Fingerprints,
    last: Lsn,
    segment_bytes: u64,
    now_ms: u64,
) -> Result<Cut, CutError> {
    let mut moves = Moves::begin(&**storage)?;
    for path in [SNAPSHOT_DIR, INDEX_DIR, FINGERPRINT_KEY_FILE, LOG_DIR] {
        moves.take_away(path)?;
    }
    let staged = moves.put(FINGERPRINT_KEY_FILE)?;
    let file = storage.create_new(&staged)?;
    file.write_at(0, &key.to_bytes())?;
    file.sync_data()?;
    let staged = moves.put(LOG_DIR)?;
    let place = staged.rsplit_once('/').map_or(".", |(dir, _)| dir);
    let to = Arc::new(Below::new(Arc::clone(storage), place));
    let options = LogOptions { cluster: key.cluster(), segment_bytes };
    let opening = write_copy(&**storage, to, last, options, now_ms)?;
    Ok(Cut { quarantine: moves.commit()?, opening })
}

/// Takes snapshots and index away, which the next start makes again from the log. Returns where they stand.
///
/// # Errors
/// [`RepairError`].
pub fn rebuild_derived(storage: &dyn Storage) -> Result<String, RepairError> {
    let mut moves = Moves::begin(storage)?;
    for path in [SNAPSHOT_DIR, INDEX_DIR] {
        moves.take_away(path)?;
    }
    moves.commit()
}

/// Puts a key in the place of the one that is there. Returns where that one stands.
///
/// # Errors
/// [`CutError`].
pub fn put_key(storage: &dyn Storage, key: &Fingerprints) -> Result<String, CutError> {
    let mut moves = Moves::begin(storage)?;
    moves.take_away(FINGERPRINT_KEY_FILE)?;
    let staged = moves.put(FINGERPRINT_KEY_FILE)?;
    let file = storage.create_new(&staged)?;
    file.write_at(0, &key.to_bytes())?;
    file.sync_data()?;
    Ok(moves.commit()?)
}
