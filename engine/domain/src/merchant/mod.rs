//! One merchant: its SKU actors, channels and open orders; `decide` and `evolve`.
//!
//! [`MerchantState::decide`] reads and refuses or says what happens; [`MerchantState::evolve`] lets it
//! happen and cannot fail. An order of many SKUs is one step here: the merchant's shard is the only one that
//! talks to its SKU actors, so what was free when it asked is free when it claims.

mod backing;
mod backlog;
mod cancel;
mod check;
mod grant;
mod hold;
mod kit;
mod kit_backlog;
mod kit_order;
mod lapse;
mod limit;
mod place;
mod promise;
mod restore;
mod room;
mod route;
mod rules;
mod ship;
mod stock;

use crate::beside::{Beside, FrozenBeside};
use crate::command::Command;
use crate::event::Event;
use crate::grant::Exposure;
use crate::hold::{Hold, Holder};
use crate::id::{ChannelNumber, HoldId, LocationNumber, OrderId, ProfileNumber, SkuNumber};
use crate::kit::{Component, Kits};
use crate::order::{Agreed, Demand, Order, Policy, StoredOrder};
use crate::planted::{Bug, is_planted, panic_once};
use crate::promise::StockPolicy;
use crate::rejection::Rejection;
use crate::routing::profile::Profile;
use crate::rows::{FrozenRows, Rows};
use crate::sku::{Class, Owner, SkuActor, Waiting};
use crate::table::{DIRECTORY_SHIFT, Table, spread};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hint::black_box;

pub use backing::Standing;
pub use backlog::FILL_DEMANDS_MAX;
pub use check::Violation;
pub use rules::{CHANNEL_LOCATIONS_MAX, PROFILE_VERSIONS_MAX, PROFILES_MAX};

/// What the core knows of a channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Channel {
    /// The locations that serve it, the preferred one first.
    pub locations: Vec<LocationNumber>,
    /// What its orders get if they name no policy.
    pub policy: Policy,
    /// How much it may sell of SKUs that have no terms for it.
    pub stock_policy: StockPolicy,
    /// Who comes first when units are scarce: the smaller rank, of the same the older channel where units are promised, and
    /// the older order where they are given to those who wait.
    pub rank: u16,
    /// The rules by which its orders are routed, in their newest version; `None` is [`plan`](crate::routing::plan).
    pub profile: Option<ProfileNumber>,
}

/// What the core knows of a location.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Location {
    /// Units of each SKU that stay here, if the SKU states no other number.
    pub safety_stock: u32,
}

/// Everything `decide` reads of one merchant.
#[derive(Clone, Debug, Default)]
pub struct MerchantState {
    locations: Vec<Location>,
    channels: Vec<Channel>,
    /// The newest version of each routing profile.
    profiles: Vec<Arc<Profile>>,
    /// Whether locations or channels keep units of SKUs that have no terms of their own.
    keeps_units: bool,
    kits: Kits,
    skus: Rows<SkuActor>,
    orders: Rows<StoredOrder>,
    /// From an order's id to its row.
    order_rows: Table<u32>,
    /// Of orders that wait, which locations may serve them, ascending; of one that is not here, all of its channel's.
    within: Beside<Arc<[LocationNumber]>>,
    /// What was agreed of open orders beyond their policies; of one that is not here, nothing.
    agreed: Beside<Agreed>,
    /// Orders of which something waits that their dates will cancel, with the dates.
    lapses: BTreeSet<(u64, OrderId)>,
    /// Live holds.
    holds: BTreeMap<HoldId, Hold>,
    /// When each of them ends.
    deadlines: BTreeSet<(u64, HoldId)>,
    /// How many live holds somebody has.
    holders: BTreeMap<Holder, u32>,
    /// Channels of which it was stated how they are exposed, or whose feed was heard of.
    exposures: BTreeMap<ChannelNumber, Exposure>,
    /// Which channels were ever granted units of which SKU.
    granted: BTreeSet<(ChannelNumber, SkuNumber)>,
    /// Of how many SKUs a channel may sell units of its grant.
    live_grants: BTreeMap<ChannelNumber, u32>,
    /// Lowered grants by channel and by when they were acknowledged: the queue in which their units are freed.
    acknowledged: BTreeSet<(ChannelNumber, u64, SkuNumber)>,
    /// Channels of whose lowered grants some are to be freed.
    settled: BTreeSet<ChannelNumber>,
    /// SKUs for which somebody waits.
    backlogged: BTreeSet<SkuNumber>,
    /// SKUs for which a pass over those who wait is under way.
    passes: BTreeSet<SkuNumber>,
    /// SKUs of which orders are short, and by how many units.
    short: BTreeMap<SkuNumber, u64>,
    /// All these units.
    short_units: u64,
}

/// A picture of a merchant at one moment, for a snapshot.
#[derive(Clone, Debug)]
pub struct FrozenMerchant {
    /// All locations, by number.
    pub locations: Vec<Location>,
    /// All channels, by number.
    pub channels: Vec<Channel>,
    /// All SKUs; the row is the number.
    pub skus: FrozenRows<SkuActor>,
    /// All kits with their components, by number.
    pub kits: Vec<(SkuNumber, Arc<[Component]>)>,
    /// All open orders.
    pub orders: FrozenRows<StoredOrder>,
    /// All live holds.
    pub holds: Vec<(HoldId, Hold)>,
    /// Which locations may serve orders that wait, where not all of their channels' may.
    pub within: FrozenBeside<Arc<[LocationNumber]>>,
    /// How channels are exposed, by number.
    pub exposures: Vec<(ChannelNumber, Exposure)>,
    /// What was agreed of open orders beyond their policies.
    pub agreed: FrozenBeside<Agreed>,
}

impl MerchantState {
    /// Says what a command does, or why it does nothing. Changes nothing itself.
    ///
    /// # Errors
    /// The [`Rejection`] is the answer, with its numbers.
    pub fn decide(&self, command: &Command<'_>) -> Result<Event, Rejection> {
        panic_once(Bug::PanicInDecide);
        match command {
            Command::PutLocation(put) => self.decide_put_location(*put),
            Command::PutChannel(put) => self.decide_put_channel(put),
            Command::PutSku(put) => self.decide_put_sku(put),
            Command::PutProfile(put) => self.decide_put_profile(put),
            Command::Receive(receive) => self.decide_receive(receive),
            Command::Adjust(adjust) => self.decide_adjust(adjust),
            Command::Set(set) => self.decide_set(set),
            Command::Move(movement) => self.decide_move(movement),
            Command::PlaceOrder(order) => self.decide_place(order),
            Command::CancelOrder(cancel) => self.decide_cancel(cancel),
            Command::ShipOrder(ship) => self.decide_ship(ship),
            Command::PlaceHold(place) => self.decide_place_hold(place),
            Command::ExtendHold(extend) => self.decide_extend_hold(*extend),
            Command::ReleaseHold(hold) => self.decide_release_hold(*hold),
            Command::PutExposure(put) => self.decide_put_exposure(*put),
            Command::SetGrant(set) => self.decide_set_grant(*set),
            Command::AcknowledgeGrant(acknowledge) => self.decide_acknowledge(*acknowledge),
            Command::PassFeed(pass) => self.decide_pass_feed(*pass),
            Command::FillBacklog(sku) => self.decide_fill(*sku),
            Command::FreeGrants(channel) => self.decide_free_grants(*channel),
        }
    }

    /// Lets an event happen. `order` is the LSN of its record: the id of the order, if it accepts one, and what tells
    /// earlier orders from later ones.
    ///
    /// # Panics
    /// If the event contradicts an invariant: a defect, never an input. The merchant must then be rebuilt.
    pub fn evolve(&mut self, order: OrderId, event: &Event) {
        panic_once(Bug::PanicInEvolve);
        match event {
            Event::LocationPut(put) => self.evolve_location(put),
            Event::ChannelPut(put) => self.evolve_channel(put),
            Event::SkuPut(put) => self.evolve_sku(order, put),
            Event::ProfilePut(put) => self.evolve_profile(put),
            Event::StockMoved(moved) => self.evolve_stock(moved),
            Event::OrderAccepted(accepted) => self.evolve_accepted(order, accepted),
            Event::OrderCancelled(cancelled) => self.evolve_cancelled(cancelled),
            Event::OrderShipped(shipped) => self.evolve_shipped(shipped),
            Event::HoldPlaced(placed) => self.evolve_hold_placed(HoldId(order.0), placed),
            Event::HoldExtended(extended) => self.evolve_hold_extended(extended),
            Event::HoldsEnded(ended) => self.evolve_holds_ended(ended),
            Event::BacklogFilled(filled) => self.evolve_filled(filled),
            Event::ExposurePut(put) => self.evolve_exposure_put(put),
            Event::GrantSet(set) => self.evolve_grant_set(order.0, set),
            Event::GrantAcknowledged(acknowledged) => self.evolve_acknowledged(acknowledged),
            Event::FeedPassed(passed) => self.evolve_feed_passed(passed),
            Event::GrantsFreed(freed) => self.evolve_grants_freed(freed),
        }
    }

    /// The next work the shell should ask for on its own, if any.
    #[must_use]
    pub fn next_work(&self) -> Option<Command<'static>> {
        let frees = || self.settled.first().map(|channel| Command::FreeGrants(*channel));
        self.passes().next().map(Command::FillBacklog).or_else(frees)
    }

    /// The SKUs for which a pass over those who wait is under way, by number.
    pub fn passes(&self) -> impl Iterator<Item = SkuNumber> {
        self.passes.iter().copied()
    }

    /// How many locations there are; they are numbered from 0.
    #[must_use]
    pub fn location_count(&self) -> usize {
        self.locations.len()
    }

    /// What the core knows of a location.
    #[must_use]
    pub fn location(&self, location: LocationNumber) -> Option<&Location> {
        self.locations.get(location.row())
    }

    /// What the core knows of a channel.
    #[must_use]
    pub fn channel(&self, channel: ChannelNumber) -> Option<&Channel> {
        self.channels.get(channel.row())
    }

    /// How many channels there are; they are numbered from 0.
    #[must_use]
    pub fn channel_count(&self) -> usize {
        self.channels.len()
    }

    /// The newest version of a routing profile.
    #[must_use]
    pub fn profile(&self, profile: ProfileNumber) -> Option<&Arc<Profile>> {
        self.profiles.get(profile.row())
    }

    /// How many SKUs there are; they are numbered from 0.
    #[must_use]
    pub fn sku_count(&self) -> usize {
        self.skus.len()
    }

    /// The actor of a SKU.
    #[must_use]
    pub fn sku(&self, sku: SkuNumber) -> Option<&SkuActor> {
        self.skus.get(sku.0)
    }

    /// What SKUs that are kits are made of.
    #[must_use]
    pub fn kits(&self) -> &Kits {
        &self.kits
    }

    /// Looks at the actors of some SKUs. Whoever needs them one after the other would wait for memory each time; here
    /// the waits overlap.
    pub fn approach(&self, skus: impl Iterator<Item = SkuNumber>) {
        for sku in skus {
            black_box(self.sku(sku).map(|actor| actor.levels().len()));
        }
    }

    /// How many orders are open.
    #[must_use]
    pub fn open_orders(&self) -> usize {
        self.orders.len()
    }

    /// An open order.
    #[must_use]
    pub fn order(&self, order: OrderId) -> Option<Order> {
        Some(self.stored(order)?.open())
    }

    /// An open order as memory holds it.
    fn stored(&self, order: OrderId) -> Option<&StoredOrder> {
        self.orders.get(self.order_row(order)?)
    }

    /// All open orders, in no order that means anything.
    pub fn orders(&self) -> impl Iterator<Item = Order> {
        self.orders.iter().map(|(_, order)| order.open())
    }

    /// What was agreed of an open order beyond its policy.
    #[must_use]
    pub fn agreed(&self, order: OrderId) -> Agreed {
        self.agreed.get(order).copied().unwrap_or(Agreed::NONE)
    }

    /// All orders of which something was agreed beyond their policies, the oldest first.
    pub fn agreements(&self) -> impl Iterator<Item = (OrderId, Agreed)> {
        self.agreed.iter().map(|(order, agreed)| (order, *agreed))
    }

    /// All SKUs, by number.
    pub fn skus(&self) -> impl Iterator<Item = (SkuNumber, &SkuActor)> {
        self.skus.iter().map(|(row, sku)| (SkuNumber(row), sku))
    }

    /// A picture of this moment; the owner goes on.
    #[must_use]
    pub fn freeze(&mut self) -> FrozenMerchant {
        FrozenMerchant {
            locations: self.locations.clone(),
            channels: self.channels.clone(),
            skus: self.skus.freeze(),
            kits: self.kits.iter().map(|(sku, kit)| (sku, Arc::clone(kit.components()))).collect(),
            orders: self.orders.freeze(),
            holds: self.holds.iter().map(|(id, hold)| (*id, hold.clone())).collect(),
            within: self.within.freeze(),
            exposures: self.exposures().collect(),
            agreed: self.agreed.freeze(),
        }
    }

    fn order_row(&self, order: OrderId) -> Option<u32> {
        let is_it = |row: &u32| self.orders.get(*row).is_some_and(|found| found.id() == order);
        self.order_rows.find(order_hash(order), is_it)
    }

    /// Changes an open order, and with it what else the change concerns. An order of which nothing is open then leaves
    /// memory.
    fn change(&mut self, id: OrderId, change: impl FnOnce(&mut Self, &mut Order)) {
        let row = self.order_row(id);
        let Some((row, stored)) = row.and_then(|row| Some((row, self.orders.get(row)?))) else {
            panic!("I5: the order is not open");
        };
        let mut order = stored.open();
        change(self, &mut order);
        if !self.agreed.is_empty() {
            self.note_lapse(id, Some(&order).filter(|order| !order.is_closed()));
        }
        if order.is_closed() {
            self.order_rows.remove(order_hash(id), |found| *found == row);
            self.orders.remove(row);
            self.within.remove(id);
            self.agreed.remove(id);
        } else if let Some(stored) = self.orders.get_mut(row) {
            *stored = StoredOrder::of(&order);
        }
    }

    /// Whether a location may serve an order that waits.
    fn may_serve(&self, order: OrderId, location: LocationNumber) -> bool {
        let within = self.within.get(order).filter(|_| !is_planted(Bug::ForgetWithin));
        within.is_none_or(|within| within.binary_search(&location).is_ok())
    }

    fn sku_mut(&mut self, sku: SkuNumber) -> &mut SkuActor {
        let Some(actor) = self.skus.get_mut(sku.0) else { panic!("the sku does not exist") };
        actor
    }

    fn insert_order(&mut self, order: StoredOrder) {
        let hash = order_hash(order.id());
        let row = self.orders.insert(order);
        let orders = &self.orders;
        self.order_rows.insert(hash, row, |row| orders.get(*row).map_or(0, |order| order_hash(order.id())));
    }

    /// Lets a demand of an order wait for what it says it waits for.
    fn wait(&mut self, owner: Owner, number: u16, demand: &Demand) {
        for (class, quantity) in demand.waits() {
            let waiting = Waiting { class, order: owner.order, demand: number };
            self.sku_mut(demand.sku).wait(owner.channel, waiting, quantity);
            self.note_backlog(demand.sku);
        }
    }

    /// The rank of a channel; a smaller one comes first.
    fn rank(&self, channel: ChannelNumber) -> u16 {
        self.channel(channel).map_or(u16::MAX, |channel| channel.rank)
    }

    /// Units that were sold and have no goods, of all SKUs: lost claims, and what stock could not serve of imposed orders.
    #[must_use]
    pub fn short_units(&self) -> u64 {
        self.short_units
    }

    /// Brings the lists of SKUs with work in line with one SKU's backlog.
    fn note_backlog(&mut self, sku: SkuNumber) {
        let backlog = self.skus.get(sku.0).and_then(SkuActor::backlog);
        let (waits, passes) = (backlog.is_some(), backlog.is_some_and(|backlog| backlog.pass().is_some()));
        let short = backlog.map_or(0, |backlog| backlog.total_of(Class::Short));
        let before = if short > 0 { self.short.insert(sku, short) } else { self.short.remove(&sku) };
        self.short_units = self.short_units - before.unwrap_or(0) + short;
        set_member(&mut self.backlogged, sku, waits);
        set_member(&mut self.passes, sku, passes);
    }
}

/// The hash of an order's id. Orders that were accepted one after the other share the bits by which the table
/// finds a leaf, so that new ones go where the last ones went and the cache holds the place.
fn order_hash(order: OrderId) -> u64 {
    const NEIGHBOURS: u32 = 256_u32.trailing_zeros();
    const LEAF_BITS: u64 = ((1 << 24) - 1) << DIRECTORY_SHIFT;
    (spread(order.0) & !LEAF_BITS) | (spread(order.0 >> NEIGHBOURS) & LEAF_BITS)
}

fn set_member(set: &mut BTreeSet<SkuNumber>, sku: SkuNumber, member: bool) {
    if member {
        set.insert(sku);
    } else if !set.is_empty() {
        set.remove(&sku);
    }
}
