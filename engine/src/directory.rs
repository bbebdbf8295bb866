//! Names. A merchant's codes become numbers here, before a command is made, and back when it is answered.
//!
//! The shard that owns the merchant is the only writer, when an event that creates or changes a thing takes
//! effect. Whoever reads a name that is not yet durable can only append after it, so early sight is safe.
//! Attributes that no decision reads stay in the log: the directory keeps the LSN of the last record.

use foldhash::quality::RandomState;
use hashbrown::HashMap;
use onhand_domain::rows::{FrozenRows, Rows};
use onhand_domain::table::Table;
use onhand_domain::{ChannelNumber, LocationNumber, MerchantNumber, SkuNumber};
use onhand_snapshots::Lsn;
use parking_lot::RwLock;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// One named thing: its code, where its attributes stand, and a small number that intake needs.
#[derive(Debug, Clone)]
struct Entry {
    code: Box<str>,
    put: Lsn,
    decimals: u8,
}

/// Codes of one kind, numbered densely from 0.
#[derive(Debug, Default)]
struct Names {
    entries: Rows<Entry>,
    by_code: Table<u32>,
    hasher: RandomState,
}

impl Names {
    fn find(&self, code: &str) -> Option<u32> {
        let is_it = |number: &u32| self.entries.get(*number).is_some_and(|entry| *entry.code == *code);
        self.by_code.find(self.hasher.hash_one(code), is_it)
    }

    fn put(&mut self, number: u32, code: &str, put: Lsn, decimals: u8) {
        if let Some(entry) = self.entries.get_mut(number) {
            (entry.put, entry.decimals) = (put, decimals);
            return;
        }
        let row = self.entries.insert(Entry { code: code.into(), put, decimals });
        assert!(row == number, "numbers are dense");
        let (entries, hasher) = (&self.entries, &self.hasher);
        let hash_of = |number: &u32| entries.get(*number).map_or(0, |entry| hasher.hash_one(&*entry.code));
        self.by_code.insert(hasher.hash_one(code), number, hash_of);
    }
}

/// What intake needs to know of a SKU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SkuName {
    /// Its number.
    pub number: SkuNumber,
    /// How many decimals its quantities have.
    pub decimals: u8,
}

/// The names of one merchant.
#[derive(Debug)]
pub struct Directory {
    /// Whose.
    pub merchant: MerchantNumber,
    /// Submissions that wait or are on their way to disk.
    pub(crate) in_flight: AtomicUsize,
    /// See [`Directory::names`].
    names: AtomicU32,
    skus: RwLock<Names>,
    locations: RwLock<Names>,
    channels: RwLock<Names>,
}

impl Directory {
    pub(crate) fn new(merchant: MerchantNumber) -> Self {
        Self {
            merchant,
            in_flight: AtomicUsize::new(0),
            names: AtomicU32::new(0),
            skus: RwLock::default(),
            locations: RwLock::default(),
            channels: RwLock::default(),
        }
    }

    /// Changes whenever a name changes what it means: when the decimals of a SKU change. Whoever reads a request
    /// notes it first; the shard takes only what was read with the present meanings.
    #[must_use]
    pub fn names(&self) -> u32 {
        self.names.load(Ordering::Acquire)
    }

    /// The SKU of this code.
    #[must_use]
    pub fn sku(&self, code: &str) -> Option<SkuName> {
        let names = self.skus.read();
        let number = names.find(code)?;
        let decimals = names.entries.get(number)?.decimals;
        Some(SkuName { number: SkuNumber(number), decimals })
    }

    /// The location of this code.
    #[must_use]
    pub fn location(&self, code: &str) -> Option<LocationNumber> {
        let number = self.locations.read().find(code)?;
        u16::try_from(number).ok().map(LocationNumber)
    }

    /// The channel of this code.
    #[must_use]
    pub fn channel(&self, code: &str) -> Option<ChannelNumber> {
        let number = self.channels.read().find(code)?;
        u16::try_from(number).ok().map(ChannelNumber)
    }

    /// Code and decimals of a SKU.
    #[must_use]
    pub fn sku_code(&self, sku: SkuNumber) -> Option<(Box<str>, u8)> {
        self.skus.read().entries.get(sku.0).map(|entry| (entry.code.clone(), entry.decimals))
    }

    /// Hands a SKU's code and decimals to `read`; an unknown number reads as an empty code.
    pub fn with_sku_code<R>(&self, sku: SkuNumber, read: impl FnOnce(&str) -> R) -> R {
        let names = self.skus.read();
        read(names.entries.get(sku.0).map_or("", |entry| &entry.code))
    }

    /// Hands a channel's code to `read`; an unknown number reads as an empty code.
    pub fn with_channel_code<R>(&self, channel: ChannelNumber, read: impl FnOnce(&str) -> R) -> R {
        let names = self.channels.read();
        read(names.entries.get(u32::from(channel.0)).map_or("", |entry| &entry.code))
    }

    /// Hands a location's code to `read`; an unknown number reads as an empty code.
    pub fn with_location_code<R>(&self, location: LocationNumber, read: impl FnOnce(&str) -> R) -> R {
        let names = self.locations.read();
        read(names.entries.get(u32::from(location.0)).map_or("", |entry| &entry.code))
    }

    /// Code of a channel.
    #[must_use]
    pub fn channel_code(&self, channel: ChannelNumber) -> Option<Box<str>> {
        self.channels.read().entries.get(u32::from(channel.0)).map(|entry| entry.code.clone())
    }

    /// Where the attributes of a SKU stand in the log.
    #[must_use]
    pub fn sku_put(&self, sku: SkuNumber) -> Option<Lsn> {
        self.skus.read().entries.get(sku.0).map(|entry| entry.put)
    }

    /// Where the attributes of a location stand in the log.
    #[must_use]
    pub fn location_put(&self, location: LocationNumber) -> Option<Lsn> {
        self.locations.read().entries.get(u32::from(location.0)).map(|entry| entry.put)
    }

    /// Where the attributes of a channel stand in the log.
    #[must_use]
    pub fn channel_put(&self, channel: ChannelNumber) -> Option<Lsn> {
        self.channels.read().entries.get(u32::from(channel.0)).map(|entry| entry.put)
    }

    /// How many SKUs there are.
    #[must_use]
    pub fn sku_count(&self) -> usize {
        self.skus.read().entries.len()
    }

    /// How many locations there are.
    #[must_use]
    pub fn location_count(&self) -> usize {
        self.locations.read().entries.len()
    }

    /// How many channels there are.
    #[must_use]
    pub fn channel_count(&self) -> usize {
        self.channels.read().entries.len()
    }

    /// A picture of this moment, taken by the shard that owns the merchant: nobody else writes.
    pub(crate) fn freeze(&self) -> FrozenNames {
        FrozenNames {
            skus: self.skus.read().entries.freeze(),
            locations: self.locations.read().entries.freeze(),
            channels: self.channels.read().entries.freeze(),
        }
    }

    pub(crate) fn put_sku(&self, sku: SkuNumber, code: &str, put: Lsn, decimals: u8) {
        let mut skus = self.skus.write();
        let before = skus.entries.get(sku.0).map(|entry| entry.decimals);
        skus.put(sku.0, code, put, decimals);
        if before.is_some_and(|before| before != decimals) {
            self.names.fetch_add(1, Ordering::Release);
        }
    }

    pub(crate) fn put_location(&self, location: LocationNumber, code: &str, put: Lsn) {
        self.locations.write().put(u32::from(location.0), code, put, 0);
    }

    pub(crate) fn put_channel(&self, channel: ChannelNumber, code: &str, put: Lsn) {
        self.channels.write().put(u32::from(channel.0), code, put, 0);
    }
}

/// The names of one merchant at one moment.
pub(crate) struct FrozenNames {
    skus: FrozenRows<Entry>,
    locations: FrozenRows<Entry>,
    channels: FrozenRows<Entry>,
}

/// One name at one moment.
pub(crate) struct FrozenName<'a> {
    pub(crate) code: &'a str,
    pub(crate) put: Lsn,
}

fn frozen(rows: &FrozenRows<Entry>) -> impl Iterator<Item = FrozenName<'_>> {
    rows.iter().map(|(_, entry)| FrozenName { code: &entry.code, put: entry.put })
}

impl FrozenNames {
    pub(crate) fn skus(&self) -> impl Iterator<Item = FrozenName<'_>> {
        frozen(&self.skus)
    }

    pub(crate) fn locations(&self) -> impl Iterator<Item = FrozenName<'_>> {
        frozen(&self.locations)
    }

    pub(crate) fn channels(&self) -> impl Iterator<Item = FrozenName<'_>> {
        frozen(&self.channels)
    }
}

/// The directories of all merchants.
#[derive(Debug, Default)]
pub struct Directories(RwLock<HashMap<MerchantNumber, Arc<Directory>, RandomState>>);

impl Directories {
    /// The directory of a merchant.
    #[must_use]
    pub fn get(&self, merchant: MerchantNumber) -> Option<Arc<Directory>> {
        self.0.read().get(&merchant).cloned()
    }

    pub(crate) fn create(&self, merchant: MerchantNumber) -> Arc<Directory> {
        let mut all = self.0.write();
        Arc::clone(all.entry(merchant).or_insert_with(|| Arc::new(Directory::new(merchant))))
    }
}
