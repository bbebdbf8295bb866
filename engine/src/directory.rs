//! Names. A merchant's codes become numbers here, before a command is made, and back when it is answered.
//!
//! The shard that owns the merchant is the only writer, when an event that creates or changes a thing takes
//! effect. Whoever reads a name that is not yet durable can only append after it, so early sight is safe.
//! Attributes that no decision reads stay in the log: the directory keeps the LSN of the last record.

mod atlas;
mod heard;
mod profiles;
mod symbols;
mod tags;
mod words;

use crate::routing::{Format, TextError, read, reread};
use foldhash::quality::RandomState;
use hashbrown::HashMap;
use onhand_domain::routing::profile::{Profile, Symbol};
use onhand_domain::rows::{FrozenRows, Rows};
use onhand_domain::table::Table;
use onhand_domain::{ChannelNumber, LocationNumber, MerchantNumber, ProfileNumber, SkuNumber};
use onhand_snapshots::Lsn;
use parking_lot::{RwLock, RwLockReadGuard};
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

pub(crate) use atlas::{Address, Atlas, Site};
pub(crate) use profiles::{ProfileEntry, Profiles};
pub(crate) use symbols::Symbols;
pub(crate) use tags::TagSets;
use words::ProfileWords;

/// One named thing: its code, where its attributes stand, and small numbers that intake and rules need.
#[derive(Debug, Clone)]
struct Entry {
    code: Box<str>,
    put: Lsn,
    /// Of a SKU: which set of tags it has.
    tags: u32,
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

    fn code(&self, number: u32) -> &str {
        self.entries.get(number).map_or("", |entry| &entry.code)
    }

    fn put(&mut self, number: u32, code: &str, put: Lsn, (tags, decimals): (u32, u8)) {
        if let Some(entry) = self.entries.get_mut(number) {
            (entry.put, entry.tags, entry.decimals) = (put, tags, decimals);
            return;
        }
        let row = self.entries.insert(Entry { code: code.into(), put, tags, decimals });
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
    codes: RwLock<Codes>,
}

/// Everything of a merchant that has a code.
#[derive(Debug, Default)]
struct Codes {
    skus: Names,
    locations: Names,
    channels: Names,
    profiles: Profiles,
    symbols: Symbols,
    tag_sets: TagSets,
    atlas: Atlas,
}

/// The names as they are now, for whoever looks up several. The shard waits meanwhile if it has a name to write, so
/// it is held for the reading or the writing of one order and not longer.
pub struct View<'a>(RwLockReadGuard<'a, Codes>);

impl View<'_> {
    /// The SKU of this code.
    #[must_use]
    pub fn sku(&self, code: &str) -> Option<SkuName> {
        let number = self.0.skus.find(code)?;
        let decimals = self.0.skus.entries.get(number)?.decimals;
        Some(SkuName { number: SkuNumber(number), decimals })
    }

    /// The location of this code.
    #[must_use]
    pub fn location(&self, code: &str) -> Option<LocationNumber> {
        u16::try_from(self.0.locations.find(code)?).ok().map(LocationNumber)
    }

    /// The channel of this code.
    #[must_use]
    pub fn channel(&self, code: &str) -> Option<ChannelNumber> {
        u16::try_from(self.0.channels.find(code)?).ok().map(ChannelNumber)
    }

    /// Code of a SKU; empty for an unknown number.
    #[must_use]
    pub fn sku_code(&self, sku: SkuNumber) -> &str {
        self.0.skus.code(sku.0)
    }

    /// Code of a location; empty for an unknown number.
    #[must_use]
    pub fn location_code(&self, location: LocationNumber) -> &str {
        self.0.locations.code(location.0.into())
    }

    /// Code of a channel; empty for an unknown number.
    #[must_use]
    pub fn channel_code(&self, channel: ChannelNumber) -> &str {
        self.0.channels.code(channel.0.into())
    }
}

impl Directory {
    /// A merchant that has no names yet.
    #[must_use]
    pub fn new(merchant: MerchantNumber) -> Self {
        Self { merchant, in_flight: AtomicUsize::new(0), names: AtomicU32::new(0), codes: RwLock::default() }
    }

    /// Changes whenever a name changes what it means: when the decimals of a SKU change. Whoever reads a request
    /// notes it first; the shard takes only what was read with the present meanings.
    #[must_use]
    pub fn names(&self) -> u32 {
        self.names.load(Ordering::Acquire)
    }

    /// The names as they are now.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        // Whoever has a view may take another: a writer that waits must not stand between the two.
        View(self.codes.read_recursive())
    }

    /// The SKU of this code.
    #[must_use]
    pub fn sku(&self, code: &str) -> Option<SkuName> {
        self.view().sku(code)
    }

    /// The location of this code.
    #[must_use]
    pub fn location(&self, code: &str) -> Option<LocationNumber> {
        self.view().location(code)
    }

    /// The channel of this code.
    #[must_use]
    pub fn channel(&self, code: &str) -> Option<ChannelNumber> {
        self.view().channel(code)
    }

    /// Code and decimals of a SKU.
    #[must_use]
    pub fn sku_code(&self, sku: SkuNumber) -> Option<(Box<str>, u8)> {
        self.codes.read_recursive().skus.entries.get(sku.0).map(|entry| (entry.code.clone(), entry.decimals))
    }

    /// Hands a SKU's code to `read`; an unknown number reads as an empty code.
    pub fn with_sku_code<R>(&self, sku: SkuNumber, read: impl FnOnce(&str) -> R) -> R {
        read(self.view().sku_code(sku))
    }

    /// Hands a channel's code to `read`; an unknown number reads as an empty code.
    pub fn with_channel_code<R>(&self, channel: ChannelNumber, read: impl FnOnce(&str) -> R) -> R {
        read(self.view().channel_code(channel))
    }

    /// Hands a location's code to `read`; an unknown number reads as an empty code.
    pub fn with_location_code<R>(&self, location: LocationNumber, read: impl FnOnce(&str) -> R) -> R {
        read(self.view().location_code(location))
    }

    /// Code of a channel.
    #[must_use]
    pub fn channel_code(&self, channel: ChannelNumber) -> Option<Box<str>> {
        self.codes.read_recursive().channels.entries.get(u32::from(channel.0)).map(|entry| entry.code.clone())
    }

    /// Where the attributes of a SKU stand in the log.
    #[must_use]
    pub fn sku_put(&self, sku: SkuNumber) -> Option<Lsn> {
        self.codes.read_recursive().skus.entries.get(sku.0).map(|entry| entry.put)
    }

    /// Where the attributes of a location stand in the log.
    #[must_use]
    pub fn location_put(&self, location: LocationNumber) -> Option<Lsn> {
        self.codes.read_recursive().locations.entries.get(u32::from(location.0)).map(|entry| entry.put)
    }

    /// Where the attributes of a channel stand in the log.
    #[must_use]
    pub fn channel_put(&self, channel: ChannelNumber) -> Option<Lsn> {
        self.codes.read_recursive().channels.entries.get(u32::from(channel.0)).map(|entry| entry.put)
    }

    /// How many SKUs there are.
    #[must_use]
    pub fn sku_count(&self) -> usize {
        self.codes.read_recursive().skus.entries.len()
    }

    /// How many locations there are.
    #[must_use]
    pub fn location_count(&self) -> usize {
        self.codes.read_recursive().locations.entries.len()
    }

    /// How many channels there are.
    #[must_use]
    pub fn channel_count(&self) -> usize {
        self.codes.read_recursive().channels.entries.len()
    }

    /// The routing profile of this name.
    #[must_use]
    pub fn profile(&self, code: &str) -> Option<ProfileNumber> {
        self.codes.read_recursive().profiles.find(code)
    }

    /// The name of a routing profile.
    #[must_use]
    pub fn profile_code(&self, profile: ProfileNumber) -> Option<Arc<str>> {
        self.codes.read_recursive().profiles.get(profile).map(|entry| Arc::clone(&entry.code))
    }

    /// The records of a routing profile's versions, that of version 1 first.
    #[must_use]
    pub fn profile_versions(&self, profile: ProfileNumber) -> Vec<Lsn> {
        let codes = self.codes.read_recursive();
        codes.profiles.get(profile).map_or_else(Vec::new, |entry| entry.versions.clone())
    }

    /// The names of all routing profiles, by number.
    #[must_use]
    pub fn profile_codes(&self) -> Vec<Arc<str>> {
        let codes = self.codes.read_recursive();
        codes.profiles.all().iter().map(|entry| Arc::clone(&entry.code)).collect()
    }

    /// Reads and checks the text of a routing profile. The names must not have changed their meaning when it is put.
    ///
    /// # Errors
    /// [`TextError`]: where the text is wrong, and how.
    pub fn read_profile(&self, text: &str, format: Format) -> Result<Profile, TextError> {
        self.with_words(|words| read(text, format, 0, words))
    }

    /// The same of one that is in the log.
    ///
    /// # Errors
    /// [`TextError`] if this release does not understand it.
    pub(crate) fn reread_profile(
        &self,
        text: &str,
        format: Format,
        version: u32,
    ) -> Result<Profile, TextError> {
        self.with_words(|words| reread(text, format, version, words))
    }

    /// Reads a profile by the names there are. The words that are new in it are given their numbers afterwards, if no others
    /// were given out meanwhile; else it is read again.
    fn with_words(
        &self,
        read: impl Fn(&mut ProfileWords<'_>) -> Result<Profile, TextError>,
    ) -> Result<Profile, TextError> {
        loop {
            let mut words = ProfileWords::over(self);
            let profile = read(&mut words)?;
            let (before, new) = words.new_words();
            if new.words().is_empty() {
                return Ok(profile);
            }
            let symbols = &mut self.codes.write().symbols;
            if symbols.count() == before {
                new.words().iter().for_each(|word| {
                    symbols.make(word);
                });
                return Ok(profile);
            }
        }
    }

    /// A routing profile in its newest version.
    pub(crate) fn profile_entry(&self, profile: ProfileNumber) -> Option<ProfileEntry> {
        self.codes.read_recursive().profiles.get(profile).cloned()
    }

    /// Finds the locations on earth of which that was not done since they changed: no profile need be there.
    pub(crate) fn survey(&self) {
        self.codes.write().atlas.survey();
    }

    /// How many routing profiles there are.
    #[must_use]
    pub fn profile_count(&self) -> usize {
        self.codes.read_recursive().profiles.all().len()
    }

    /// Hands what rules may ask about to `read`: words, tags and places.
    pub(crate) fn with_rules<R>(&self, read: impl FnOnce(Known<'_>) -> R) -> R {
        let codes = self.codes.read_recursive();
        read(Known { codes: &codes })
    }

    /// A picture of this moment, taken by the shard that owns the merchant: nobody else writes.
    pub(crate) fn freeze(&self) -> FrozenNames {
        if let Some(frozen) = self.frozen() {
            return frozen;
        }
        let mut codes = self.codes.write();
        let routing = FrozenRouting::of(&codes);
        FrozenNames {
            skus: codes.skus.entries.freeze(),
            locations: codes.locations.entries.freeze(),
            channels: codes.channels.entries.freeze(),
            routing,
        }
    }

    /// A picture of this moment, if no name was put since the last one: then nobody has to wait.
    fn frozen(&self) -> Option<FrozenNames> {
        let codes = self.codes.read_recursive();
        Some(FrozenNames {
            skus: codes.skus.entries.frozen()?,
            locations: codes.locations.entries.frozen()?,
            channels: codes.channels.entries.frozen()?,
            routing: FrozenRouting::of(&codes),
        })
    }

    pub(crate) fn put_sku(&self, sku: SkuNumber, code: &str, put: Lsn, decimals: u8, tags: &[&str]) {
        let mut codes = self.codes.write();
        let before = codes.skus.entries.get(sku.0).map(|entry| entry.decimals);
        let Codes { skus, tag_sets, symbols, .. } = &mut *codes;
        skus.put(sku.0, code, put, (tag_sets.number(tags, symbols), decimals));
        if before.is_some_and(|before| before != decimals) {
            self.names.fetch_add(1, Ordering::Release);
        }
    }

    pub(crate) fn put_location(&self, location: LocationNumber, code: &str, put: Lsn) {
        self.codes.write().locations.put(u32::from(location.0), code, put, (0, 0));
    }

    /// Says where a location is.
    pub(crate) fn put_address(&self, location: LocationNumber, address: Address<'_>) {
        let mut codes = self.codes.write();
        let Codes { atlas, symbols, profiles, .. } = &mut *codes;
        atlas.put(location, address, symbols);
        if !profiles.all().is_empty() {
            atlas.survey();
        }
    }

    pub(crate) fn put_channel(&self, channel: ChannelNumber, code: &str, put: Lsn) {
        self.codes.write().channels.put(u32::from(channel.0), code, put, (0, 0));
    }

    pub(crate) fn put_profile(&self, profile: ProfileNumber, text: ProfileText<'_>, put: Lsn) {
        let mut codes = self.codes.write();
        codes.profiles.put(profile, text.code, text.format, text.text, put);
        codes.atlas.survey();
    }

    pub(crate) fn restore_profile(&self, entry: ProfileEntry) {
        let mut codes = self.codes.write();
        codes.profiles.restore(entry);
        codes.atlas.survey();
    }

    /// Says which tags a SKU has, as a snapshot has them.
    pub(crate) fn restore_tags(&self, sku: SkuNumber, tags: &[&str]) {
        let mut codes = self.codes.write();
        let Codes { skus, tag_sets, symbols, .. } = &mut *codes;
        if let Some(entry) = skus.entries.get_mut(sku.0) {
            entry.tags = tag_sets.number(tags, symbols);
        }
    }
}

/// A routing profile as its record has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProfileText<'a> {
    pub(crate) code: &'a str,
    pub(crate) format: Format,
    pub(crate) text: &'a str,
}

/// What rules may ask about.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    codes: &'a Codes,
}

impl<'a> Known<'a> {
    pub(crate) fn symbols(self) -> &'a Symbols {
        &self.codes.symbols
    }

    pub(crate) fn atlas(self) -> &'a Atlas {
        &self.codes.atlas
    }

    /// The tags of a SKU, ascending.
    pub(crate) fn tags(self, sku: SkuNumber) -> &'a [Symbol] {
        self.codes.tag_sets.set(self.codes.skus.entries.get(sku.0).map_or(tags::NONE, |entry| entry.tags))
    }
}

/// The names of one merchant at one moment.
pub(crate) struct FrozenNames {
    skus: FrozenRows<Entry>,
    locations: FrozenRows<Entry>,
    channels: FrozenRows<Entry>,
    pub(crate) routing: FrozenRouting,
}

/// What rules are made of at one moment.
pub(crate) struct FrozenRouting {
    pub(crate) profiles: Vec<ProfileEntry>,
    pub(crate) sites: Vec<Arc<Site>>,
    words: Vec<Arc<str>>,
    tag_sets: Vec<Arc<[Symbol]>>,
}

impl FrozenRouting {
    fn of(codes: &Codes) -> Self {
        Self {
            profiles: codes.profiles.all().to_vec(),
            sites: codes.atlas.sites().to_vec(),
            words: codes.symbols.words().to_vec(),
            tag_sets: codes.tag_sets.sets().to_vec(),
        }
    }
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

    /// The tags of each SKU that has some.
    pub(crate) fn tags(&self) -> impl Iterator<Item = (u32, Vec<&str>)> {
        let FrozenRouting { words, tag_sets, .. } = &self.routing;
        let word = |symbol: &Symbol| words.get(symbol.0 as usize).map_or("", |word| &**word);
        let tagged = self.skus.iter().filter(|(_, entry)| entry.tags != tags::NONE);
        tagged.map(move |(sku, entry)| (sku, tags::set_of(tag_sets, entry.tags).iter().map(word).collect()))
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
