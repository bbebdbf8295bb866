//! What the gateway hands to a shard, in numbers where decisions need them and in texts where only the
//! record does; and what comes back.

use crate::keys::Known;
pub use crate::read::GrantRead;
use crate::routing::Format;
use onhand_domain::command::Confirm;
use onhand_domain::command::{
    AcknowledgeGrant, PassFeed, PutChannel, PutExposure, PutLocation, PutSku, SetGrant, ShipLine,
};
use onhand_domain::event::{KitLine, NewClaims, OrderedLines};
use onhand_domain::grant::Exposure;
use onhand_domain::hold::Hold;
use onhand_domain::kit::Component;
use onhand_domain::merchant::Standing;
use onhand_domain::order::{Agreed, Order, Policy};
use onhand_domain::promise::StockPolicy;
use onhand_domain::routing::profile::Profile;
use onhand_domain::sku::{Level, Pool, StockState, Terms};
use onhand_domain::{
    ChannelNumber, Event, HoldId, LocationNumber, OrderId, ProfileNumber, Rejection, SkuNumber,
};
use onhand_record::order::OrderRefusedV1;
use onhand_snapshots::Lsn;

/// One request, named and parsed, on its way to the shard of its merchant.
#[derive(Debug)]
pub struct Submission {
    /// What [`crate::directory::Directory::names`] was before the first name was looked up.
    pub names: u32,
    /// The key that asked; 0 = the system.
    pub actor: u32,
    /// 0 for a request of its own. Lines of a bulk body, which have one `request`, begin at stage 1; those that come
    /// back as [`Answer::Behind`] are sent again at the next stage, before anything new, when all lines of the body
    /// that were sent have come back.
    pub stage: u32,
    /// The request's id.
    pub request: [u8; 16],
    /// Keyed hash of the `Idempotency-Key`, if there is one.
    pub idempotency: Option<[u8; 16]>,
    /// Keyed hash of what is asked.
    pub fingerprint: Option<[u8; 16]>,
    /// What was found out when it was submitted before, if it was.
    pub known: Option<Box<Known>>,
    /// What is asked.
    pub ask: Ask,
}

impl Submission {
    /// Takes it out; what stays asks for nothing.
    pub(crate) fn take(&mut self) -> Self {
        let nothing = Self {
            names: self.names,
            actor: self.actor,
            stage: self.stage,
            request: self.request,
            idempotency: None,
            fingerprint: None,
            known: None,
            ask: Ask::Read(ReadAsk::Orders(Vec::new())),
        };
        std::mem::replace(self, nothing)
    }
}

/// What can be asked of a shard.
#[derive(Debug)]
pub enum Ask {
    /// Create or change a location.
    PutLocation(Box<LocationAsk>),
    /// Create or change a channel.
    PutChannel(Box<ChannelAsk>),
    /// Create or change a SKU.
    PutSku(Box<SkuAsk>),
    /// Create a routing profile, or the next version of one.
    PutProfile(Box<ProfileAsk>),
    /// Move stock.
    MoveStock(StockAsk),
    /// Place an order.
    PlaceOrder(OrderAsk),
    /// Cancel units of an order.
    CancelOrder(CancelAsk),
    /// Ship units of an order.
    ShipOrder(ShipAsk),
    /// Keep units for a buyer.
    PlaceHold(Box<HoldAsk>),
    /// Keep them longer.
    ExtendHold(ExtendAsk),
    /// Keep them no more.
    ReleaseHold(HoldId),
    /// State how a channel is exposed that sells from its own copy.
    PutExposure(PutExposure),
    /// Tell such a channel how many units of a SKU it may sell.
    SetGrant(SetGrant),
    /// It goes by what it was told.
    AcknowledgeGrant(AcknowledgeGrant),
    /// The feed of its orders has come so far.
    PassFeed(PassFeed),
    /// Bind the key of an order that an earlier record answers.
    AnswerRepeat(RepeatAsk),
    /// Read, change nothing.
    Read(ReadAsk),
}

/// See [`Ask::PutLocation`].
#[derive(Debug, Clone)]
pub struct LocationAsk {
    /// Its code.
    pub code: String,
    /// `warehouse`, `shop`, `3pl` or `dropship_supplier`.
    pub kind: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Subdivision.
    pub region: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Smaller is preferred.
    pub priority: u32,
    /// Units of each SKU that stay here, if the SKU states no other number.
    pub safety_stock: u32,
}

/// See [`Ask::PutChannel`].
#[derive(Debug, Clone)]
pub struct ChannelAsk {
    /// Its code.
    pub code: String,
    /// `shopify`, `amazon`, `woocommerce`, `wholesale`, `pos` or `api`.
    pub kind: String,
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

/// See [`Ask::PutProfile`].
#[derive(Debug, Clone)]
pub struct ProfileAsk {
    /// Its name.
    pub code: String,
    /// How the text is written.
    pub format: Format,
    /// The rules, as they were put.
    pub text: String,
    /// What [`crate::directory::Directory::read_profile`] made of it.
    pub rules: Profile,
}

/// See [`Ask::PutSku`].
#[derive(Debug, Clone)]
pub struct SkuAsk {
    /// Its code.
    pub code: String,
    /// For people.
    pub title: Option<String>,
    /// What is counted.
    pub unit: Option<String>,
    /// Decimals of its quantities.
    pub decimals: u8,
    /// GTIN.
    pub gtin: Option<String>,
    /// Free words.
    pub tags: Vec<String>,
    /// What is stated for it alone of stock that is kept.
    pub terms: Terms,
    /// What it is made of, if it is a virtual kit.
    pub components: Vec<Component>,
}

/// See [`Ask::MoveStock`].
#[derive(Debug, Clone)]
pub struct StockAsk {
    /// Of what.
    pub sku: SkuNumber,
    /// Where.
    pub location: LocationNumber,
    /// How.
    pub movement: Movement,
    /// A reason code.
    pub reason: String,
    /// The caller's document.
    pub reference: Option<String>,
}

/// How stock moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Movement {
    /// Goods come in.
    Receive {
        /// In what state.
        state: StockState,
        /// How many.
        quantity: u32,
    },
    /// A difference.
    Adjust {
        /// Of which state.
        state: StockState,
        /// The difference.
        delta: i64,
    },
    /// A compare-and-set of sellable units.
    Set {
        /// What the caller believes.
        expected: u32,
        /// What is there.
        new: u32,
    },
    /// Another state, same place.
    Move {
        /// From.
        from: StockState,
        /// To.
        to: StockState,
        /// How many.
        quantity: u32,
    },
}

/// See [`Ask::PlaceOrder`].
#[derive(Debug, Clone)]
pub struct OrderAsk {
    /// Which channel.
    pub channel: ChannelNumber,
    /// Hash of (channel, external id): an accepted order owns it for ever.
    pub external: [u8; 16],
    /// The policy, if the order names one.
    pub policy: Option<Policy>,
    /// What more is agreed of it.
    pub agreed: Agreed,
    /// SKU and quantity of each line.
    pub lines: OrderedLines,
    /// The order as asked, encoded as `OrderAskedV1` by whoever parsed it, off the shard.
    pub asked: Vec<u8>,
    /// The hold that it confirms, if it confirms one.
    pub hold: Option<Confirm>,
    /// What it says of itself for rules to ask, if it says something.
    pub said: Option<Box<OrderSaid>>,
}

/// What an order says of itself for rules to ask.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrderSaid {
    /// Larger is more urgent.
    pub priority: Option<i32>,
    /// Free words.
    pub tags: Vec<String>,
    /// Of the customer.
    pub customer_tier: Option<String>,
    /// Whether a business buys.
    pub is_b2b: Option<bool>,
    /// How it is to be sent.
    pub ship_method: Option<String>,
    /// 0 (none) to 100.
    pub payment_risk: Option<u8>,
}

/// See [`Ask::PlaceHold`].
#[derive(Debug, Clone)]
pub struct HoldAsk {
    /// For an order of which channel.
    pub channel: ChannelNumber,
    /// For how long, in milliseconds from when it is decided.
    pub ttl_ms: u64,
    /// For which customer: a keyed hash of what the channel calls them.
    pub customer: Option<[u8; 16]>,
    /// SKU and quantity of each line.
    pub lines: OrderedLines,
    /// What the channel calls each line, and the decimals of its SKU.
    pub ids: Vec<(String, u8)>,
}

/// See [`Ask::ExtendHold`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtendAsk {
    /// Which.
    pub hold: HoldId,
    /// For how long, in milliseconds from when it is decided.
    pub ttl_ms: u64,
}

/// See [`Ask::CancelOrder`].
#[derive(Debug, Clone)]
pub struct CancelAsk {
    /// Which order.
    pub order: OrderId,
    /// Line and quantity; everything open if `None`.
    pub lines: Option<Vec<(u16, u32)>>,
    /// Why.
    pub reason: Option<String>,
}

/// See [`Ask::ShipOrder`].
#[derive(Debug, Clone)]
pub struct ShipAsk {
    /// Which order.
    pub order: OrderId,
    /// From where.
    pub location: LocationNumber,
    /// Which units of which lines.
    pub lines: Vec<ShipLine>,
    /// The carrier's number.
    pub tracking_number: Option<String>,
}

/// See [`Ask::AnswerRepeat`]. Whoever asks has read the record of the order and compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepeatAsk {
    /// The accepted order with the same external id.
    pub order: OrderId,
    /// Whether the request says something else than that order.
    pub conflicts: bool,
}

/// What can be read.
#[derive(Debug, Clone)]
pub enum ReadAsk {
    /// Stock of up to `limit` SKUs from a number on.
    Stock {
        /// The first SKU.
        from: SkuNumber,
        /// How many.
        limit: usize,
    },
    /// What channels can sell of some SKUs.
    Availability {
        /// Which SKUs.
        skus: Vec<SkuNumber>,
        /// For which channels.
        channels: Vec<ChannelNumber>,
    },
    /// Orders as they stand.
    Orders(Vec<OrderId>),
    /// A hold as it stands.
    Hold(HoldId),
    /// How a channel is exposed.
    Exposure(ChannelNumber),
    /// What a channel is granted of a SKU.
    Grant(SkuNumber, ChannelNumber),
    /// What would become of an order that came now.
    Plan(Box<OrderAsk>),
}

/// Stock of one SKU as its owner sees it.
#[derive(Debug, Clone)]
pub struct StockRead {
    /// Which SKU.
    pub sku: SkuNumber,
    /// Its stock, by location.
    pub levels: Vec<Level>,
    /// Units that stay at each of those locations.
    pub safety_stock: Vec<u32>,
    /// What is reserved and available at each of those locations.
    pub standing: Vec<Standing>,
    /// Units that are kept for holds and grants. More than is reserved at all locations together only after a loss.
    pub reserved: u64,
    /// Units that are some channels' own.
    pub pools: Vec<Pool>,
    /// What was dedicated to each of those pools.
    pub dedicated: Vec<u32>,
    /// Units that wait, accepted without stock.
    pub backordered: u64,
    /// Units that wait, their claims lost.
    pub short: u64,
}

/// An order as its owner sees it.
#[derive(Debug, Clone)]
pub enum OrderRead {
    /// Open, and in memory.
    Open(Box<Order>),
    /// Closed by the record of this LSN, which has its last picture.
    Closed(Lsn),
    /// Not in memory: closed long ago, or not an order of this merchant. The record of this id tells, and
    /// [`crate::Handle::closing_record`].
    Absent,
}

/// What was read.
#[derive(Debug, Clone)]
pub enum ReadAnswer {
    /// See [`ReadAsk::Stock`].
    Stock {
        /// The SKUs.
        rows: Vec<StockRead>,
        /// Where to go on.
        next: Option<SkuNumber>,
    },
    /// See [`ReadAsk::Availability`]: for each SKU one number per channel asked for.
    Availability(Vec<Vec<u64>>),
    /// More would have to be worked out than one read may.
    TooMany {
        /// How many numbers.
        cells: usize,
        /// The limit.
        max: usize,
    },
    /// See [`ReadAsk::Orders`], in the order asked.
    Orders(Vec<OrderRead>),
    /// See [`ReadAsk::Hold`]; `None` if it is not live.
    Hold(Option<Box<Hold>>),
    /// See [`ReadAsk::Exposure`].
    Exposure(Exposure),
    /// See [`ReadAsk::Grant`]; `None` if it never was granted some.
    Grant(Option<Box<GrantRead>>),
    /// See [`ReadAsk::Plan`].
    Plan(Box<Result<Event, Rejection>>),
}

/// What a submission gets. Every variant but the last five, and those that give the request back, rests on a record
/// that is durable by the time the answer is handed out.
#[derive(Debug)]
pub enum Answer {
    /// It was decided and logged; the record says all.
    Recorded {
        /// Where.
        lsn: Lsn,
        /// The record's bytes.
        record: Vec<u8>,
    },
    /// The order was accepted; the parts of its record that its answer needs.
    Accepted {
        /// The order's id.
        lsn: Lsn,
        /// What was asked, as it was handed in.
        asked: Vec<u8>,
        /// The policy that held.
        policy: Policy,
        /// Its lines that are kits.
        kits: Vec<KitLine>,
        /// What is kept for it; what is missing waits.
        claims: NewClaims,
    },
    /// The order was refused; logged only if it carried a key.
    Refused {
        /// Where, if logged; else the state it rests on.
        lsn: Lsn,
        /// What was asked, as it was handed in.
        asked: Vec<u8>,
        /// What was missing.
        refused: OrderRefusedV1,
    },
    /// An earlier record has the same key or external id: read it, compare, and answer from it.
    Repeats {
        /// Where.
        lsn: Lsn,
        /// Whether the idempotency key was found; else the external id.
        by_key: bool,
        /// The request, given back in case the record is something else.
        submission: Box<Submission>,
    },
    /// The index may have an earlier record with the same key or external id: search it, and come back with
    /// what was found out if it has none.
    Perhaps {
        /// What to search for.
        hash: u64,
        /// Whether it is the idempotency key; else the external id.
        by_key: bool,
        /// The request, given back.
        submission: Box<Submission>,
    },
    /// A line of a bulk body behind one that is [`Answer::Perhaps`]: nothing was done, so that nothing overtakes.
    Behind {
        /// The request, given back.
        submission: Box<Submission>,
    },
    /// What was read, and the LSN of the state it was read from.
    Read {
        /// The state.
        lsn: Lsn,
        /// What was read.
        read: ReadAnswer,
    },
    /// The business "no" that is not remembered.
    Rejected {
        /// The state it rests on.
        lsn: Lsn,
        /// Why.
        rejection: Rejection,
    },
    /// The log's buffer is full: nothing was done.
    Busy,
    /// The disk is full: nothing was done.
    NoRoom,
    /// A name that the request may have used means something else since: nothing was done.
    Renamed,
    /// A defect: deciding failed, nothing was done.
    Failed,
    /// The merchant's state could not be trusted and is not served.
    Poisoned,
}

impl Movement {
    pub(crate) fn command(self, sku: SkuNumber, location: LocationNumber) -> onhand_domain::Command<'static> {
        use onhand_domain::command::{Adjust, Command, Move, Receive, Set};
        match self {
            Self::Receive { state, quantity } => Command::Receive(Receive { sku, location, state, quantity }),
            Self::Adjust { state, delta } => Command::Adjust(Adjust { sku, location, state, delta }),
            Self::Set { expected, new } => Command::Set(Set { sku, location, expected, new }),
            Self::Move { from, to, quantity } => Command::Move(Move { sku, location, from, to, quantity }),
        }
    }
}

impl LocationAsk {
    pub(crate) fn command(&self, location: Option<LocationNumber>) -> PutLocation {
        PutLocation { location, safety_stock: self.safety_stock }
    }
}

impl ChannelAsk {
    pub(crate) fn command(&self, channel: Option<ChannelNumber>) -> PutChannel<'_> {
        let Self { locations, policy, stock_policy, rank, profile, .. } = self;
        let (policy, stock_policy, rank, profile) = (*policy, *stock_policy, *rank, *profile);
        PutChannel { channel, locations, policy, stock_policy, rank, profile }
    }
}

impl SkuAsk {
    pub(crate) fn command(&self, sku: Option<SkuNumber>) -> PutSku<'_> {
        PutSku { sku, decimals: self.decimals, terms: &self.terms, components: &self.components }
    }
}
