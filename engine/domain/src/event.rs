//! Facts: what a command changed, whole. One command makes one event, and one event is one record, so a
//! crash can leave nothing half done.

use crate::grant::Mode;
use crate::hold::{EndCause, Hold};
use crate::id::{ChannelNumber, HoldId, LocationNumber, OrderId, ProfileNumber, SkuNumber};
use crate::kit::Component;
use crate::order::{Agreed, OrderPicture, Policy, Released};
use crate::promise::StockPolicy;
use crate::routing::profile::{Explanation, Profile};
use crate::sku::{Class, Cursor, Level, Pool, StockState, Terms};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use smallvec::SmallVec;

/// What happened to one merchant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A location exists, or its rules changed.
    LocationPut(LocationPut),
    /// A channel exists, or its rules changed.
    ChannelPut(ChannelPut),
    /// A SKU exists, or its rules changed.
    SkuPut(SkuPut),
    /// A routing profile has a new version.
    ProfilePut(ProfilePut),
    /// Stock changed by a movement.
    StockMoved(StockMoved),
    /// An order was accepted.
    OrderAccepted(OrderAccepted),
    /// Units of an order were cancelled.
    OrderCancelled(OrderCancelled),
    /// Units of an order left the building.
    OrderShipped(OrderShipped),
    /// Units are kept for a buyer.
    HoldPlaced(HoldPlaced),
    /// They are kept longer.
    HoldExtended(HoldExtended),
    /// They are kept no more.
    HoldsEnded(HoldsEnded),
    /// Demands that waited were looked at, and some served.
    BacklogFilled(BacklogFilled),
    /// It was stated how a channel is exposed.
    ExposurePut(ExposurePut),
    /// A channel is told how many units of a SKU it may sell.
    GrantSet(GrantSet),
    /// It goes by what it was told.
    GrantAcknowledged(GrantAcknowledged),
    /// The feed of its orders has come so far.
    FeedPassed(FeedPassed),
    /// What it was told to go without is anybody's.
    GrantsFreed(GrantsFreed),
}

/// See [`Event::LocationPut`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LocationPut {
    /// Which.
    pub location: LocationNumber,
    /// Whether it is new.
    pub is_new: bool,
    /// Units of each SKU that stay here, if the SKU states no other number.
    pub safety_stock: u32,
}

/// See [`Event::SkuPut`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SkuPut {
    /// Which.
    pub sku: SkuNumber,
    /// Whether it is new.
    pub is_new: bool,
    /// How many decimals its quantities have.
    pub decimals: u8,
    /// What is stated for it alone, in the order of numbers.
    pub terms: Terms,
    /// What it is made of, if it is a kit; in the order in which it was put.
    pub components: Vec<Component>,
    /// Its pools afterwards, in the order of channel numbers; one that this makes is since order 0.
    pub pools: Vec<Pool>,
}

/// See [`Event::ChannelPut`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChannelPut {
    /// Which.
    pub channel: ChannelNumber,
    /// Whether it is new.
    pub is_new: bool,
    /// The locations that serve it, the preferred one first.
    pub locations: Vec<LocationNumber>,
    /// What its orders get if they name no policy.
    pub policy: Policy,
    /// How much it may sell of SKUs that have no terms for it.
    pub stock_policy: StockPolicy,
    /// Who is promised units when they are scarce: the smaller rank first.
    pub rank: u16,
    /// The rules by which its orders are routed.
    pub profile: Option<ProfileNumber>,
}

/// See [`Event::ProfilePut`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProfilePut {
    /// Which.
    pub profile: ProfileNumber,
    /// Whether it is new.
    pub is_new: bool,
    /// The version.
    pub rules: Arc<Profile>,
}

/// See [`Event::StockMoved`]. I6: the only event besides [`OrderShipped`] that changes what is on hand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StockMoved {
    /// What.
    pub sku: SkuNumber,
    /// Where.
    pub location: LocationNumber,
    /// The state the units left; `None` if they came from outside.
    pub from: Option<StockState>,
    /// The state the units came into; `None` if they are gone.
    pub to: Option<StockState>,
    /// How many; 0 for a count that found what was expected.
    pub quantity: u32,
    /// Claims that the loss took: those of channels with the last rank first, of the same the newest accepted order's.
    pub shorts: Vec<Shorted>,
    /// The location's stock afterwards.
    pub after: Level,
}

/// One claim that lost its goods.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shorted {
    /// Whose.
    pub order: OrderId,
    /// Which of its demands.
    pub demand: u16,
    /// How many units.
    pub quantity: u32,
}

/// SKU and quantity of the lines of an order; those of most orders need no memory of their own.
pub type OrderedLines = SmallVec<[(SkuNumber, u32); 4]>;

/// Demand, location and quantity of the claims of an accepted order.
pub type NewClaims = SmallVec<[(u16, LocationNumber, u32); 4]>;

/// See [`Event::OrderAccepted`]. The order's id is the LSN of the record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderAccepted {
    /// Where it came from.
    pub channel: ChannelNumber,
    /// What was agreed for what stock cannot serve.
    pub policy: Policy,
    /// What was agreed beyond that, if something was.
    pub agreed: Option<Box<Agreed>>,
    /// SKU and quantity of each line.
    pub lines: OrderedLines,
    /// The lines that are kits, in their order. The demands of an order stand in the order of its lines: of a kit one for
    /// each part, of any other line one.
    pub kits: Vec<KitLine>,
    /// What is kept for it: demand, location, quantity. What is missing is backordered, and of an imposed order short.
    pub claims: NewClaims,
    /// The hold that it confirmed, and that has ended with it.
    pub hold: Option<HoldId>,
    /// Which rules decided, and why so, if its channel has a routing profile.
    pub routed: Option<Box<Routed>>,
}

impl OrderAccepted {
    /// Units of SKUs that its demands need together: of a line that is a kit those of its parts.
    #[must_use]
    pub fn units(&self) -> u64 {
        let mut kits = self.kits.iter().peekable();
        let units = |(line, (_, quantity)): (usize, &(SkuNumber, u32))| {
            let kit = kits.next_if(|kit| usize::from(kit.line) == line);
            let each = |kit: &KitLine| kit.parts.iter().map(|(_, per_kit)| u64::from(*per_kit)).sum();
            u64::from(*quantity) * kit.map_or(1, each)
        };
        self.lines.iter().enumerate().map(units).sum()
    }

    /// Its lines that are no kits.
    #[must_use]
    pub fn plain_lines(&self) -> OrderedLines {
        let is_plain = |line: usize| !self.kits.iter().any(|kit| usize::from(kit.line) == line);
        let lines = self.lines.iter().enumerate().filter(|(line, _)| is_plain(*line));
        lines.map(|(_, line)| *line).collect()
    }

    /// Units of a SKU that its kits need.
    #[must_use]
    pub fn units_in_kits(&self, sku: SkuNumber) -> u64 {
        let of_kit = |kit: &KitLine| {
            let ordered =
                self.lines.get(usize::from(kit.line)).map_or(0, |(_, quantity)| u64::from(*quantity));
            let parts = kit.parts.iter().filter(|(part, _)| *part == sku);
            ordered * parts.map(|(_, per_kit)| u64::from(*per_kit)).sum::<u64>()
        };
        self.kits.iter().map(of_kit).sum()
    }
}

/// A line that is a kit, with what the kit was made of when the order was accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KitLine {
    /// Which line, from 0.
    pub line: u16,
    /// Its parts, and the units of each that one kit needs.
    pub parts: Arc<[Component]>,
}

/// What a routing profile said of an order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Routed {
    /// Which profile.
    pub profile: ProfileNumber,
    /// Its version, what of it decided, and what became of each location.
    pub explanation: Explanation,
    /// Of an accepted order that waits in part, the locations that may serve it later, ascending; `None` is all of its
    /// channel's. Who has lost a claim is served from any, unless the order was imposed.
    pub within: Option<Vec<LocationNumber>>,
}

/// See [`Event::HoldPlaced`]. The hold's id is the LSN of the record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HoldPlaced {
    /// What is kept, for whom, until when.
    pub hold: Hold,
}

/// See [`Event::HoldExtended`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HoldExtended {
    /// Which.
    pub hold: HoldId,
    /// When it ends now.
    pub deadline: u64,
}

/// See [`Event::HoldsEnded`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HoldsEnded {
    /// Which.
    pub holds: Vec<HoldId>,
    /// Why.
    pub cause: EndCause,
}

/// See [`Event::OrderCancelled`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderCancelled {
    /// Which order.
    pub order: OrderId,
    /// Line and quantity.
    pub lines: Vec<(u16, u32)>,
    /// What its demands let go.
    pub released: Vec<Released>,
    /// The date that has come, if nobody asked for it: what waited was cancelled.
    pub lapsed: Option<u64>,
    /// The order afterwards.
    pub after: OrderPicture,
}

/// See [`Event::OrderShipped`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderShipped {
    /// Which order.
    pub order: OrderId,
    /// From where.
    pub location: LocationNumber,
    /// Line and quantity.
    pub lines: Vec<(u16, u32)>,
    /// Demand and quantity of the claims that ended.
    pub claims: Vec<(u16, u32)>,
    /// The order afterwards.
    pub after: OrderPicture,
}

/// See [`Event::BacklogFilled`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BacklogFilled {
    /// For which SKU.
    pub sku: SkuNumber,
    /// Who got what.
    pub fills: Vec<Filled>,
    /// Where the pass goes on; `None` if it is over.
    pub next: Option<Cursor>,
}

/// Units that one waiting demand got at one location.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Filled {
    /// Whose.
    pub order: OrderId,
    /// Which of its demands.
    pub demand: u16,
    /// What it had been.
    pub class: Class,
    /// Where.
    pub location: LocationNumber,
    /// How many units.
    pub quantity: u32,
}

/// See [`Event::ExposurePut`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExposurePut {
    /// Which channel.
    pub channel: ChannelNumber,
    /// What of its grants is kept for it.
    pub mode: Mode,
    /// How much later than its feed says an order may still come, in milliseconds.
    pub max_lag_ms: u64,
}

/// See [`Event::GrantSet`]. The revision of what is told is the LSN of the record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GrantSet {
    /// Of what.
    pub sku: SkuNumber,
    /// To which channel.
    pub channel: ChannelNumber,
    /// The total that it is told.
    pub granted: u64,
    /// Units of it that it has sold.
    pub sold: u64,
    /// Units that it may sell before it can be known not to, afterwards.
    pub taken: u64,
}

/// See [`Event::GrantAcknowledged`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GrantAcknowledged {
    /// Of what.
    pub sku: SkuNumber,
    /// By which channel.
    pub channel: ChannelNumber,
    /// The record that told what it goes by.
    pub revision: u64,
    /// Since when, on the channel's own clock.
    pub at: u64,
    /// Units that it was to go without, and had not acknowledged before.
    pub units: u64,
}

/// See [`Event::FeedPassed`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FeedPassed {
    /// Which channel.
    pub channel: ChannelNumber,
    /// The latest time of its own clock that its feed has ever passed.
    pub at: u64,
}

/// See [`Event::GrantsFreed`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GrantsFreed {
    /// Which channel.
    pub channel: ChannelNumber,
    /// Up to which time of its own clock all of its orders are known.
    pub until: u64,
    /// The units by which each SKU's total was lowered, and that it had acknowledged until then.
    pub freed: Vec<(SkuNumber, u64)>,
}
