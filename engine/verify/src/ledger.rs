//! One merchant's books: names, stock by location, open orders, who waits, and who was seen.

use crate::backlog::{Backlog, Precedence, Turn};
use crate::digest::fact;
use crate::grants::{Exposed, Granted};
use crate::order::{Demand, Order};
use onhand_record::agreed::AgreedV1;
use onhand_record::rules::{ChannelTermsV1, PolicyV1, PoolV1, SkuTermsV1};
use onhand_record::stock::{LevelV1, StateV1};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

/// What lies at one place.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place {
    pub(crate) sellable: i64,
    pub(crate) damaged: i64,
    pub(crate) quality_control: i64,
    pub(crate) claimed: i64,
}

impl Place {
    pub(crate) fn state(&mut self, state: StateV1) -> &mut i64 {
        match state {
            StateV1::Sellable => &mut self.sellable,
            StateV1::Damaged => &mut self.damaged,
            StateV1::QualityControl => &mut self.quality_control,
        }
    }

    pub(crate) fn on_hand(&self) -> i64 {
        self.sellable + self.damaged + self.quality_control
    }

    pub(crate) fn unclaimed(&self) -> i64 {
        self.sellable - self.claimed
    }

    pub(crate) fn is_negative(&self) -> bool {
        [self.sellable, self.damaged, self.quality_control, self.claimed].iter().any(|units| *units < 0)
    }

    pub(crate) fn equals(&self, stated: &LevelV1) -> bool {
        let stated =
            [stated.sellable, stated.damaged, stated.quality_control, stated.committed].map(i64::from);
        [self.sellable, self.damaged, self.quality_control, self.claimed] == stated
    }
}

/// A channel: its code, the locations that serve it, and what its orders get if they name no policy.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) code: String,
    pub(crate) locations: Vec<u16>,
    pub(crate) policy: PolicyV1,
    pub(crate) terms: ChannelTermsV1,
    /// The routing profile of its orders.
    pub(crate) profile: Option<u16>,
}

/// A live hold.
#[derive(Debug)]
pub(crate) struct Hold {
    pub(crate) channel: u16,
    pub(crate) deadline: u64,
    pub(crate) extensions: u8,
    /// By which key, and for which customer.
    pub(crate) key: u32,
    pub(crate) customer: Option<[u8; 16]>,
    /// By SKU.
    pub(crate) units: BTreeMap<u32, i64>,
}

/// What is known of a SKU besides its stock.
#[derive(Debug)]
pub(crate) struct Sku {
    pub(crate) decimals: u8,
    /// Bit `n`: it had `n` decimals at some time.
    pub(crate) decimals_ever: u8,
    /// From its first movement on its decimals are fixed.
    pub(crate) has_moved: bool,
    /// What was stated for it alone, if anything was.
    pub(crate) terms: Option<Box<SkuTermsV1>>,
    /// The most units that may wait for it, accepted without stock.
    pub(crate) backorder_limit: Option<u32>,
}

/// A record that decided something under an `Idempotency-Key`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decided {
    pub(crate) lsn: u64,
    pub(crate) at: u64,
    pub(crate) fingerprint: Option<[u8; 16]>,
}

/// What has a code and a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Named {
    Location,
    Channel,
    Sku,
    Profile,
}

/// How an order asks for units.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asks<'a> {
    /// The hold that it confirms.
    pub(crate) hold: Option<u64>,
    /// Whether its channel has sold them already.
    pub(crate) is_imposed: bool,
    /// Units by SKU that its channel sells with it, and had not sold before.
    pub(crate) sells: &'a BTreeMap<u32, i64>,
}

/// One merchant.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// The time of the last record that its shard stamped.
    pub(crate) at: u64,
    /// What stays at each location of SKUs that state nothing.
    pub(crate) safety_stock: Vec<u32>,
    pub(crate) channels: Vec<Rc<Channel>>,
    /// The newest version of each routing profile.
    pub(crate) profiles: Vec<u32>,
    pub(crate) skus: Vec<Sku>,
    /// The components of each kit.
    pub(crate) kits: BTreeMap<u32, Vec<(u32, u32)>>,
    /// A SKU, and a kit of which it is a component.
    pub(crate) above: BTreeSet<(u32, u32)>,
    pub(crate) codes: HashMap<(Named, String), u32>,
    pub(crate) places: HashMap<(u32, u16), Place>,
    /// By SKU and channel.
    pub(crate) pools: BTreeMap<(u32, u16), PoolV1>,
    /// Live holds.
    pub(crate) holds: BTreeMap<u64, Hold>,
    /// Their units by SKU and channel; none is 0.
    pub(crate) held: BTreeMap<(u32, u16), i64>,
    /// How channels are exposed that sell from their own copy.
    pub(crate) exposed: BTreeMap<u16, Exposed>,
    /// What they are granted, by SKU and channel.
    pub(crate) granted: BTreeMap<(u32, u16), Granted>,
    pub(crate) orders: BTreeMap<u64, Order>,
    pub(crate) backlogs: HashMap<u32, Backlog>,
    /// The last record under each key.
    pub(crate) keys: HashMap<[u8; 16], Decided>,
    pub(crate) external_ids: HashSet<(u16, String)>,
    /// What every order that was ever accepted asked.
    pub(crate) accepted: HashMap<u64, Option<[u8; 16]>>,
}

impl Ledger {
    /// The place to write at.
    pub(crate) fn place_mut(&mut self, sku: u32, location: u16) -> &mut Place {
        self.places.entry((sku, location)).or_default()
    }

    /// What lies at a place; nothing, where nothing ever lay.
    pub(crate) fn place(&self, sku: u32, location: u16) -> Place {
        self.places.get(&(sku, location)).copied().unwrap_or_default()
    }

    /// A demand of an open order.
    pub(crate) fn demand(&mut self, order: u64, demand: u16) -> Option<&mut Demand> {
        self.orders.get_mut(&order)?.demands.get_mut(usize::from(demand))
    }

    /// The channel of an open order.
    pub(crate) fn channel_of(&self, order: u64) -> Option<&Channel> {
        self.channels.get(usize::from(self.orders.get(&order)?.channel)).map(Rc::as_ref)
    }

    /// Adds to what a demand of an open order waits for; takes from it if `quantity` is negative.
    pub(crate) fn wait(&mut self, sku: u32, turn: Turn, quantity: i64) {
        if let Some(channel) = self.orders.get(&turn.order).map(|order| order.channel) {
            self.backlogs.entry(sku).or_default().wait(channel, turn, quantity);
        }
    }

    /// The rank of a channel; a smaller one comes first.
    pub(crate) fn rank(&self, channel: u16) -> u16 {
        self.channels.get(usize::from(channel)).map_or(u16::MAX, |channel| channel.terms.rank)
    }

    /// When a demand of an open order is served.
    pub(crate) fn precedence(&self, turn: Turn) -> Precedence {
        turn.precedence(self.orders.get(&turn.order).map_or(u16::MAX, |order| self.rank(order.channel)))
    }

    /// Units of a SKU that an order or a hold can surely get, and those that it can get at most. While those who wait are
    /// looked through, what waits is kept from new orders; whether that is so, no record says.
    pub(crate) fn free_for(&self, sku: u32, number: u16, channel: &Channel, asks: Asks<'_>) -> (i64, i64) {
        let Asks { hold, is_imposed, .. } = asks;
        let waits = self.backlogs.get(&sku).map_or(0, Backlog::total);
        if !self.is_plain(sku) {
            let view = self.view_for(sku, number, asks);
            let unclaimed = |location| self.place(sku, location).unclaimed();
            let shelf = |location| self.shelf(sku, location);
            let more = self.unkept_in_all(sku, &view, is_imposed);
            // Of a hold that is more than is free, all may be there all the same.
            let comes_first = hold.is_some() || self.granted.contains_key(&(sku, number));
            let held = view.total_for(&|_| 0, 0, &unclaimed).filter(|_| comes_first).unwrap_or(0);
            let most = view.total(&shelf).map(|most| (most + more).max(held));
            let left = |location| (shelf(location) - waits).max(0);
            let sure = view.total_for(&left, (more - waits).max(0), &unclaimed);
            return (sure.unwrap_or(0), most.unwrap_or(i64::MAX));
        }
        let unclaimed = channel.locations.iter().map(|location| self.place(sku, *location).unclaimed());
        unclaimed.fold((0, 0), |(sure, most), units| (sure + (units - waits).max(0), most + units))
    }

    /// The digest of `docs/FORMATS.md`.
    pub(crate) fn digest(&self, merchant: u32) -> u64 {
        let merchant = u64::from(merchant);
        let mut sum = 0_u64;
        for ((sku, location), place) in &self.places {
            let numbers = [place.sellable, place.damaged, place.quality_control, place.claimed].map(word);
            if numbers != [0; 4] {
                let [a, b, c, d] = numbers;
                let (sku, location) = (u64::from(*sku), u64::from(*location));
                sum = sum.wrapping_add(fact(&[1, merchant, sku, location, a, b, c, d]));
            }
        }
        for ((sku, channel), pool) in &self.pools {
            let PoolV1 { since, left, charged, claimed, .. } = *pool;
            let (sku, channel) = (u64::from(*sku), u64::from(*channel));
            sum = sum.wrapping_add(fact(&[4, merchant, sku, channel, since, left, charged, claimed]));
        }
        for (id, hold) in &self.holds {
            let (extensions, key) = (u64::from(hold.extensions), u64::from(hold.key));
            let [first, last] = halves(hold.customer);
            sum = sum.wrapping_add(fact(&[6, merchant, *id, extensions, key, first, last]));
            for (sku, units) in &hold.units {
                let (channel, sku) = (u64::from(hold.channel), u64::from(*sku));
                sum = sum.wrapping_add(fact(&[5, merchant, *id, channel, hold.deadline, sku, word(*units)]));
            }
        }
        sum = sum.wrapping_add(self.digest_of_grants(merchant));
        for (id, order) in &self.orders {
            sum = sum.wrapping_add(digest_of(merchant, *id, order));
        }
        for (kit, components) in &self.kits {
            for (place, (sku, units)) in (0..).zip(components) {
                let (kit, sku, units) = (u64::from(*kit), u64::from(*sku), u64::from(*units));
                sum = sum.wrapping_add(fact(&[8, merchant, kit, place, sku, units]));
            }
        }
        sum
    }
}

/// What one open order adds to the digest.
fn digest_of(merchant: u64, id: u64, order: &Order) -> u64 {
    let mut sum = 0_u64;
    for term in &order.agreed {
        let (kind, date) = match term {
            AgreedV1::CompleteBy(date) => (1, *date),
            AgreedV1::CancelAfter(date) => (2, *date),
        };
        sum = sum.wrapping_add(fact(&[12, merchant, id, kind, date]));
    }
    for (number, line) in (0_u64..).zip(&order.lines) {
        let demands = order.demands_of(line);
        let backordered = demands.iter().map(|demand| demand.backordered).sum();
        let short = demands.iter().map(|demand| demand.short).sum();
        let [a, b, c, d, e] = [line.ordered, line.cancelled, line.shipped, backordered, short].map(word);
        sum = sum.wrapping_add(fact(&[2, merchant, id, number, a, b, c, d, e]));
    }
    for (number, demand) in (0_u64..).zip(&order.demands) {
        if order.lines[demand.line].is_kit {
            let numbers = [demand.per_unit, demand.shipped, demand.backordered, demand.short];
            let ([a, b, c, d], sku) = (numbers.map(word), u64::from(demand.sku));
            sum = sum.wrapping_add(fact(&[7, merchant, id, number, sku, a, b, c, d]));
        }
        for (location, quantity) in &demand.claims {
            let words = [3, merchant, id, number, u64::from(*location), word(*quantity)];
            sum = sum.wrapping_add(fact(&words));
        }
    }
    sum
}

/// A customer as two words; nobody is 0 and 0.
fn halves(customer: Option<[u8; 16]>) -> [u64; 2] {
    let word = |half: &[u8]| half.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    customer.map_or([0, 0], |bytes| [word(&bytes[..8]), word(&bytes[8..])])
}

/// A quantity as it enters the hash; a negative one is none that a healthy state could have.
fn word(units: i64) -> u64 {
    u64::try_from(units).unwrap_or(u64::MAX)
}
