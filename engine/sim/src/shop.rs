//! One merchant at one run of the engine.

use crate::bulk::Passed;
use crate::kits::{FIRST, kit_code};
use crate::routing::{POSTAL_CODES, profile_name};
use crate::wish::{CHANNELS, LOCATIONS, SKUS};
use onhand_engine::ask::{Answer, Ask, ChannelAsk, LocationAsk, ProfileAsk, ReadAsk, SkuAsk, Submission};
use onhand_engine::customer::Sealed;
use onhand_engine::directory::Directory;
use onhand_engine::domain::command::RANK;
use onhand_engine::domain::order::Policy;
use onhand_engine::domain::promise::StockPolicy;
use onhand_engine::domain::sku::Terms;
use onhand_engine::domain::{LocationNumber, MerchantNumber, ProfileNumber, SkuNumber};
use onhand_engine::keys::Known;
use onhand_engine::routing::Format;
use onhand_engine::{Busy, Class, Handle, Inbox, Item, SpaceLevel, Ticket};
use std::cell::Cell;
use std::sync::Arc;

/// See the module.
pub(crate) struct Shop {
    handle: Handle,
    merchant: MerchantNumber,
    directory: Arc<Directory>,
    inbox: Arc<Inbox>,
    /// Times that something was refused since the disk was full.
    full: Cell<u64>,
}

impl Shop {
    /// The merchant of this name; made if it is not there. `None` if the engine cannot make it.
    pub(crate) fn open(handle: Handle, name: &str) -> Option<Self> {
        let known = handle.registry().merchant(name);
        let merchant = match known {
            Some(merchant) => merchant,
            None => handle.create_merchant(name).ok()?,
        };
        let directory = handle.directory(merchant)?;
        Some(Self { handle, merchant, directory, inbox: Arc::default(), full: Cell::new(0) })
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(crate) fn merchant(&self) -> MerchantNumber {
        self.merchant
    }

    /// The hash of an idempotency key.
    pub(crate) fn key(&self, key: &str) -> [u8; 16] {
        self.handle.fingerprints().idempotency(self.merchant, key.as_bytes())
    }

    /// Seals personal data; `None` if no key is ready, or none can be made.
    pub(crate) fn seal(&self, text: &str) -> Option<Sealed> {
        self.handle.customers().seal(self.merchant, text.as_bytes()).ok()
    }

    /// Whatever has to be there before anything is sold.
    pub(crate) fn catalogue() -> Vec<Ask> {
        let locations = (0..LOCATIONS).map(|number| Self::location(number, 0));
        let channels = (0..CHANNELS).map(|number| {
            let policy = if number == 0 { Policy::Reject } else { Policy::Backorder };
            Self::channel(number, policy, StockPolicy::SHARED, RANK, usize::from(LOCATIONS), None)
        });
        let skus = (0..SKUS).map(|number| Self::sku(number, Terms::NONE));
        locations.chain(channels).chain(skus).collect()
    }

    /// A location that keeps so many units of each SKU.
    pub(crate) fn location(number: u16, safety_stock: u32) -> Ask {
        Ask::PutLocation(Box::new(LocationAsk {
            code: format!("location {number}"),
            kind: "warehouse".into(),
            country: "DE".into(),
            region: None,
            postal_code: POSTAL_CODES.get(usize::from(number)).map(|code| (*code).to_owned()),
            priority: 1,
            safety_stock,
        }))
    }

    /// A channel that may sell so much, at so many of its locations.
    pub(crate) fn channel(
        number: u16,
        policy: Policy,
        stock_policy: StockPolicy,
        rank: u16,
        locations: usize,
        profile: Option<ProfileNumber>,
    ) -> Ask {
        let all = (0..LOCATIONS).rev().skip(usize::from(number)).map(LocationNumber);
        let locations = all.take(locations).collect();
        let (code, kind) = (format!("channel {number}"), "api".into());
        Ask::PutChannel(Box::new(ChannelAsk { code, kind, locations, policy, stock_policy, rank, profile }))
    }

    /// A channel whose orders are routed by a profile, if that is there.
    pub(crate) fn routed(
        &self,
        number: u16,
        policy: Policy,
        stock_policy: StockPolicy,
        rank: u16,
        locations: usize,
        profile: Option<u16>,
    ) -> Ask {
        let profile = profile.and_then(|profile| self.directory.profile(&profile_name(profile)));
        Self::channel(number, policy, stock_policy, rank, locations, profile)
    }

    /// The next version of a profile.
    pub(crate) fn profile(&self, number: u16, text: &str) -> Ask {
        let (code, format) = (profile_name(number), Format::Toml);
        let rules = self.directory.read_profile(text, format);
        let rules = rules.unwrap_or_else(|error| panic!("{error:?} in\n{text}"));
        Ask::PutProfile(Box::new(ProfileAsk { code, format, text: text.to_owned(), rules }))
    }

    /// A SKU of which so much is kept.
    pub(crate) fn sku(number: u32, terms: Terms) -> Ask {
        let (code, title, unit, gtin, tags) = (format!("sku {number}"), None, None, None, Vec::new());
        Ask::PutSku(Box::new(SkuAsk {
            code,
            title,
            unit,
            decimals: 0,
            gtin,
            tags,
            terms,
            components: Vec::new(),
        }))
    }

    /// What a kit is made of; `None` if one of its components is a kit that is not there.
    pub(crate) fn kit(&self, kit: u32, components: &[(u32, u32)]) -> Option<Ask> {
        let Ask::PutSku(mut ask) = Self::sku(0, Terms::NONE) else { unreachable!("it is one") };
        ask.code = kit_code(kit);
        let components = self.numbered(components)?;
        ask.components = components.iter().map(|(sku, units)| (SkuNumber(*sku), *units)).collect();
        Some(Ask::PutSku(ask))
    }

    /// SKUs and units with the numbers that kits have here; `None` if one is not there.
    pub(crate) fn numbered(&self, rows: &[(u32, u32)]) -> Option<Vec<(u32, u32)>> {
        let number = |sku: u32| match sku {
            0..FIRST => Some(sku),
            kit => self.directory.sku(&kit_code(kit)).map(|name| name.number.0),
        };
        rows.iter().map(|(sku, units)| Some((number(*sku)?, *units))).collect()
    }

    /// A submission of this shop.
    pub(crate) fn submission(&self, ask: Ask, key: Option<[u8; 16]>, fingerprint: [u8; 16]) -> Submission {
        Submission {
            names: self.directory.names(),
            actor: 0,
            stage: 0,
            request: [1; 16],
            idempotency: key,
            fingerprint: Some(fingerprint),
            known: None::<Box<Known>>,
            ask,
        }
    }

    /// A submission that asks for nothing.
    pub(crate) fn nothing(&self) -> Submission {
        self.submission(Ask::Read(ReadAsk::Orders(Vec::new())), None, [0; 16])
    }

    /// Sends a submission, if there is room for it.
    pub(crate) fn send(&self, ticket: Ticket, submission: Submission) -> bool {
        if self.admit(submission.class()).is_err() {
            return false;
        }
        self.send_to(&self.inbox, vec![Item::new(ticket, submission)]);
        true
    }

    /// Counts a submission in, if there is room for it.
    pub(crate) fn admit(&self, class: Class) -> Result<(), Busy> {
        let admitted = self.handle.admit(&self.directory, class);
        let is_taken = match self.handle.space() {
            SpaceLevel::Enough => true,
            SpaceLevel::Soft => class == Class::Change,
            SpaceLevel::Hard => false,
        };
        match admitted {
            Err(Busy::Space { .. }) => {
                assert!(!is_taken, "{class:?} is refused for a disk that has room for it");
                self.note_full();
            }
            Err(Busy::Merchant { .. } | Busy::Engine { .. }) => {}
            Ok(()) => assert!(is_taken, "{class:?} is taken on a disk that has no room for it"),
        }
        admitted
    }

    /// Something was refused since the disk is full.
    pub(crate) fn note_full(&self) {
        self.full.set(self.full.get() + 1);
    }

    /// How often that was.
    pub(crate) fn refused_as_full(&self) -> u64 {
        self.full.get()
    }

    /// Counts one in that was admitted before.
    pub(crate) fn admit_always(&self) {
        self.handle.admit_always(&self.directory);
    }

    /// Counts one out that was admitted and is not sent.
    pub(crate) fn dismiss(&self) {
        self.handle.dismiss(&self.directory);
    }

    /// Sends what was admitted; the answers come to this inbox.
    pub(crate) fn send_to(&self, inbox: &Arc<Inbox>, items: Vec<Item>) {
        self.handle.submit(inbox, &self.directory, items);
    }

    /// Lets the shard know that of a body nothing of an earlier stage will come any more.
    pub(crate) fn pass(&self, ticket: Ticket, passed: &Passed) {
        let submission = Submission { request: passed.id, stage: passed.stage, ..self.nothing() };
        self.admit_always();
        self.send_to(&self.inbox, vec![Item::new(ticket, submission)]);
    }

    /// What was answered since the last time.
    pub(crate) fn answers(&self) -> Vec<(Ticket, Answer)> {
        self.inbox.take().collect()
    }
}
