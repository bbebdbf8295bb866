//! The public face of a running engine.

use crate::actor::{Batch, ShardAddress};
use crate::ask::Submission;
use crate::class::Class;
use crate::completion::{Completions, Inbox, Item};
use crate::config::QueueLimits;
use crate::customer::CustomerKeys;
use crate::directory::{Directories, Directory};
use crate::error::{AdminError, SearchError};
use crate::fair::BATCH_MAX;
use crate::keeper::{Keeper, KeeperError};
use crate::keys::{KeyKind, hash_of, order_key};
use crate::rebuild::Ward;
use crate::recovery::shard_of;
use crate::registry::{Key, Registry, Scopes};
use crate::secrets::{Fingerprints, random_bytes};
use crate::seen::closes;
use crate::snapshot::SnapshotError;
use crate::space::{Space, SpaceLevel};
use crate::translate::{Told, decode_event};
use crate::trusted_time::TrustedTime;
use onhand_domain::{MerchantNumber, OrderId};
use onhand_record::admin::{KeyCreatedV1, KeyRevokedV1, MerchantCreatedV1};
use onhand_record::{Header, Kind, VERSION, encode_into};
use onhand_snapshots::log::{AppendError, Appender, LogReader, ReadError};
use onhand_snapshots::{Index, Lsn};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A way to a running engine. Clones share it.
#[derive(Clone)]
pub struct Handle {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) shards: Vec<ShardAddress>,
    pub(crate) completions: Arc<Completions>,
    pub(crate) directories: Arc<Directories>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) appender: Appender,
    pub(crate) reader: LogReader,
    pub(crate) time: Arc<TrustedTime>,
    pub(crate) fingerprints: Fingerprints,
    /// By class.
    pub(crate) limits: [QueueLimits; Class::COUNT],
    pub(crate) space: Arc<Space>,
    /// One administrator at a time.
    pub(crate) admin: Mutex<()>,
    pub(crate) index: Arc<Index>,
    /// What is done behind the path of the orders.
    pub(crate) keeper: Mutex<Keeper>,
    pub(crate) customers: Arc<CustomerKeys>,
    /// Merchants that are to be built again.
    pub(crate) ward: Arc<Ward>,
}

/// Why a submission was not taken. Nothing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Busy {
    /// The merchant has as much on its way as it may.
    Merchant {
        /// The limit.
        max: usize,
    },
    /// All merchants together have.
    Engine {
        /// The limit.
        max: usize,
    },
    /// The disk is nearly full.
    Space {
        /// How many bytes of it are free.
        free: u64,
        /// How many must be.
        needed: u64,
    },
}

impl Handle {
    /// Submissions that travel together at the most; whoever gathers them need not gather more.
    pub const BATCH_MAX: usize = BATCH_MAX;

    /// Counts a submission in, before any work is done for it. What was admitted must be submitted.
    ///
    /// # Errors
    /// [`Busy`] with the limit.
    pub fn admit(&self, directory: &Directory, class: Class) -> Result<(), Busy> {
        self.inner.space.admit(class)?;
        let QueueLimits { merchant_max, total_max } = self.inner.limits[class as usize];
        let total = self.inner.completions.in_flight();
        if total.fetch_add(1, Ordering::Relaxed) >= total_max {
            total.fetch_sub(1, Ordering::Relaxed);
            return Err(Busy::Engine { max: total_max });
        }
        if directory.in_flight.fetch_add(1, Ordering::Relaxed) >= merchant_max {
            self.inner.completions.leave(directory, 1);
            return Err(Busy::Merchant { max: merchant_max });
        }
        Ok(())
    }

    /// Whether a submission would be admitted now, for whoever would do work before it asks.
    ///
    /// # Errors
    /// [`Busy`] with the limit.
    pub fn may_admit(&self, directory: &Directory, class: Class) -> Result<(), Busy> {
        let QueueLimits { merchant_max, total_max } = self.inner.limits[class as usize];
        self.inner.space.admit(class)?;
        if self.in_flight() >= total_max {
            return Err(Busy::Engine { max: total_max });
        }
        let is_full = directory.in_flight.load(Ordering::Relaxed) >= merchant_max;
        if is_full { Err(Busy::Merchant { max: merchant_max }) } else { Ok(()) }
    }

    /// Counts a submission in whatever the limits say: one that was admitted before and comes again, and reads,
    /// which go on under overload and are bounded by the connections they come over.
    pub fn admit_always(&self, directory: &Directory) {
        self.inner.completions.in_flight().fetch_add(1, Ordering::Relaxed);
        directory.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the disk has room for what is of this class: for whoever would do work, or ask for some, before it is
    /// admitted.
    ///
    /// # Errors
    /// [`Busy::Space`].
    pub fn has_space(&self, class: Class) -> Result<(), Busy> {
        self.inner.space.admit(class)
    }

    /// How far the disk is filled.
    #[must_use]
    pub fn space(&self) -> SpaceLevel {
        self.inner.space.level()
    }

    /// Gives back an admission that was not used.
    pub fn dismiss(&self, directory: &Directory) {
        self.inner.completions.leave(directory, 1);
    }

    /// Sends admitted submissions of one merchant to its shard, as one message if they are at most
    /// [`Handle::BATCH_MAX`]. They should be of one class: all travel with the first. Every answer arrives in `inbox`, in the order of the submissions.
    pub fn submit(&self, inbox: &Arc<Inbox>, directory: &Arc<Directory>, mut items: Vec<Item>) {
        while items.len() > Self::BATCH_MAX {
            let rest = items.split_off(Self::BATCH_MAX);
            self.send(inbox, directory, std::mem::replace(&mut items, rest));
        }
        self.send(inbox, directory, items);
    }

    fn send(&self, inbox: &Arc<Inbox>, directory: &Arc<Directory>, items: Vec<Item>) {
        let shard = shard_of(directory.merchant, self.inner.shards.len());
        let class = items.first().and_then(Item::submission).map_or(Class::Order, Submission::class);
        let (inbox, directory) = (Arc::clone(inbox), Arc::clone(directory));
        let batch = Batch { inbox, directory, class, items };
        if let Err(batch) = self.inner.shards[shard].send(batch) {
            self.inner.completions.leave(&batch.directory, batch.items.len());
            batch.turn_away();
        }
    }

    /// A durable record.
    ///
    /// # Errors
    /// [`ReadError`] if there is none.
    pub fn read(&self, lsn: Lsn) -> Result<Vec<u8>, ReadError> {
        self.inner.reader.read(lsn)
    }

    /// Reads the log.
    #[must_use]
    pub fn log(&self) -> &LogReader {
        &self.inner.reader
    }

    /// The index of sealed segments, for whoever got [`Answer::Perhaps`].
    #[must_use]
    pub fn index(&self) -> &Index {
        &self.inner.index
    }

    /// The record that closed an order which is not in memory; `None` if no record did.
    ///
    /// # Errors
    /// [`SearchError`] if the index, or a record that it names, cannot be read: then it is not known.
    pub fn closing_record(
        &self,
        merchant: MerchantNumber,
        order: OrderId,
    ) -> Result<Option<Lsn>, SearchError> {
        let hash = hash_of(merchant, KeyKind::Closed, &order_key(order.0));
        // A hash is only a candidate; the record says which order it closed, and comes after the order.
        let search = || {
            let runs = self.inner.index.runs();
            runs.find_from(hash, Lsn(order.0), |lsn| self.closes(lsn, merchant, order))
        };
        // What failed may have been a matter of the moment, a lack of file handles, say.
        search().or_else(|_: SearchError| search())
    }

    fn closes(&self, lsn: Lsn, merchant: MerchantNumber, order: OrderId) -> Result<bool, SearchError> {
        let record = self.read(lsn)?;
        let (header, body) = Header::decode(&record)?;
        let closed = decode_event(&header, body)?.as_ref().and_then(Told::event).and_then(closes);
        Ok(header.merchant == merchant.0 && closed == Some(order.0))
    }

    /// Writes the state down now and returns the LSN up to which a start need not read the log.
    ///
    /// # Errors
    /// [`SnapshotError`]; the log is enough.
    pub fn snapshot(&self) -> Result<Lsn, SnapshotError> {
        self.inner.keeper.lock().snapshot(&self.inner)
    }

    /// Does all that is due behind the path of the orders now, rather than when there is time.
    ///
    /// # Errors
    /// [`KeeperError`]; it is tried again later.
    pub fn tidy(&self) -> Result<(), KeeperError> {
        while self.inner.keeper.lock().step(&self.inner)? {}
        Ok(())
    }

    /// Keeps the keeper from its work while what is returned lives: for a test of what others see meanwhile.
    #[cfg(feature = "planted")]
    pub fn hold_keeper(&self) -> impl Sized {
        self.inner.keeper.lock()
    }

    /// Everything up to here is durable.
    #[must_use]
    pub fn durable(&self) -> Lsn {
        self.inner.appender.durable()
    }

    /// Submissions that wait or are on their way to disk.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.inner.completions.in_flight().load(Ordering::Relaxed)
    }

    /// Merchants and keys.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    /// The names of a merchant.
    #[must_use]
    pub fn directory(&self, merchant: MerchantNumber) -> Option<Arc<Directory>> {
        self.inner.directories.get(merchant)
    }

    /// How requests are fingerprinted.
    #[must_use]
    pub fn fingerprints(&self) -> &Fingerprints {
        &self.inner.fingerprints
    }

    /// Personal data of orders.
    #[must_use]
    pub fn customers(&self) -> &CustomerKeys {
        &self.inner.customers
    }

    /// The time by which windows and deadlines pass, in milliseconds since 1970-01-01 UTC; see [`TrustedTime`].
    #[must_use]
    pub fn trusted_ms(&self) -> u64 {
        self.inner.time.now()
    }

    /// The operator says that the clock is right. Returns whether time stood still.
    pub fn confirm_clock(&self) -> bool {
        let was_suspended = self.inner.time.is_suspended();
        self.inner.time.confirm();
        was_suspended
    }

    /// Creates a merchant. When it returns, that is durable.
    ///
    /// # Errors
    /// [`AdminError`]; nothing was done.
    pub fn create_merchant(&self, name: &str) -> Result<MerchantNumber, AdminError> {
        let _one = self.inner.admin.lock();
        if name.is_empty() || name.len() > 64 || name.chars().any(char::is_control) {
            return Err(AdminError::BadName);
        }
        if self.inner.registry.merchant(name).is_some() {
            return Err(AdminError::MerchantExists(name.to_owned()));
        }
        let merchant = self.inner.registry.next_merchant();
        self.record(Kind::MerchantCreated, merchant, |out| {
            encode_into(&MerchantCreatedV1 { name }, out).is_ok()
        })?;
        self.inner.directories.create(merchant);
        self.inner.registry.add_merchant(name, merchant);
        Ok(merchant)
    }

    /// Creates a key and returns its number and its secret, which is kept nowhere. When it returns, that is
    /// durable.
    ///
    /// # Errors
    /// [`AdminError`]; nothing was done.
    pub fn create_key(&self, merchant: &str, scopes: Scopes) -> Result<(u32, String), AdminError> {
        let _one = self.inner.admin.lock();
        let no_merchant = || AdminError::NoMerchant(merchant.to_owned());
        let merchant = self.inner.registry.merchant(merchant).ok_or_else(no_merchant)?;
        let number = self.inner.registry.next_key();
        let random = random_bytes::<32>().map_err(|error| AdminError::Random(error.to_string()))?;
        let secret = format!("onhand_{number}_{}", hex(&random));
        let secret_hash = *blake3::hash(secret.as_bytes()).as_bytes();
        let created = KeyCreatedV1 { key: number, secret_hash, scopes: scopes.0 };
        self.record(Kind::KeyCreated, merchant, |out| encode_into(&created, out).is_ok())?;
        let key = Key { number, merchant, scopes, is_revoked: false };
        self.inner.registry.add_key(secret_hash, key);
        Ok((number, secret))
    }

    /// Makes a key useless. When it returns, that is durable.
    ///
    /// # Errors
    /// [`AdminError`]; nothing was done.
    pub fn revoke_key(&self, number: u32) -> Result<(), AdminError> {
        let _one = self.inner.admin.lock();
        let key = self.inner.registry.key_of(number).filter(|key| !key.is_revoked);
        let key = key.ok_or(AdminError::NoKey(number))?;
        self.record(Kind::KeyRevoked, key.merchant, |out| {
            encode_into(&KeyRevokedV1 { key: number }, out).is_ok()
        })?;
        self.inner.registry.revoke(number);
        Ok(())
    }

    fn record(
        &self,
        kind: Kind,
        merchant: MerchantNumber,
        body: impl FnOnce(&mut Vec<u8>) -> bool,
    ) -> Result<Lsn, AdminError> {
        let mut out = Vec::new();
        let header = Header {
            kind,
            version: VERSION,
            merchant: merchant.0,
            at: self.inner.time.stamp(),
            actor: 0,
            request: [0; 16],
            idempotency: None,
            fingerprint: None,
        };
        header.encode_into(&mut out);
        if !body(&mut out) {
            return Err(AdminError::BadName);
        }
        if self.inner.space.level() == SpaceLevel::Hard {
            return Err(AdminError::Full);
        }
        let lsn = self.inner.appender.append(&[&out]).map_err(|error| match error {
            AppendError::NoRoom { .. } => AdminError::Full,
            AppendError::Full { .. } | AppendError::Closed | AppendError::TooLong { .. } => AdminError::Busy,
        })?;
        self.inner.appender.wake();
        if self.inner.appender.wait_durable(lsn) { Ok(lsn) } else { Err(AdminError::Unknown) }
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}
