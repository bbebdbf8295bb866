//! Wishes, in numbers: names were resolved before, time and ids are the shell's.

use crate::grant::Mode;
use crate::id::{ChannelNumber, HoldId, LocationNumber, OrderId, ProfileNumber, SkuNumber};
use crate::kit::Component;
use crate::order::{Agreed, Policy};
use crate::promise::StockPolicy;
use crate::routing::profile::{OrderFacts, PlaceFacts, Profile};
use crate::sku::{StockState, Terms};
use alloc::sync::Arc;

/// Everything the core can be asked to do for one merchant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command<'a> {
    /// Create a location, or change the rules of one.
    PutLocation(PutLocation),
    /// Create a channel, or change the rules of one.
    PutChannel(PutChannel<'a>),
    /// Create a SKU, or change the rules of one.
    PutSku(PutSku<'a>),
    /// Create a routing profile, or the next version of one.
    PutProfile(PutProfile),
    /// Goods came in.
    Receive(Receive),
    /// Stock is corrected by a difference.
    Adjust(Adjust),
    /// Stock is corrected to a number, if it still is what the caller believes.
    Set(Set),
    /// Goods change their state at one location.
    Move(Move),
    /// A channel wants goods.
    PlaceOrder(PlaceOrder<'a>),
    /// Units of an order are not wanted any more.
    CancelOrder(CancelOrder<'a>),
    /// Units of an order left the building.
    ShipOrder(ShipOrder<'a>),
    /// Keep units for a buyer.
    PlaceHold(PlaceHold<'a>),
    /// Keep them longer.
    ExtendHold(ExtendHold),
    /// Keep them no more.
    ReleaseHold(HoldId),
    /// State how a channel is exposed that sells from its own copy.
    PutExposure(PutExposure),
    /// Tell such a channel how many units of a SKU it may sell.
    SetGrant(SetGrant),
    /// The channel goes by what it was told.
    AcknowledgeGrant(AcknowledgeGrant),
    /// The feed of the channel's orders has come so far.
    PassFeed(PassFeed),
    /// Serve those who wait for a SKU, a bounded number of them. Asked by the shell, never from outside.
    FillBacklog(SkuNumber),
    /// Free what channels were told to go without and cannot sell any more, a bounded number of SKUs of one channel.
    /// Asked by the shell, never from outside.
    FreeGrants(ChannelNumber),
}

/// See [`Command::PutLocation`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PutLocation {
    /// Its number if its code is known already.
    pub location: Option<LocationNumber>,
    /// Units of each SKU that stay here and are promised to nobody, if the SKU states no other number.
    pub safety_stock: u32,
}

impl PutLocation {
    /// One that keeps nothing.
    #[must_use]
    pub fn plain(location: Option<LocationNumber>) -> Self {
        Self { location, safety_stock: 0 }
    }
}

/// See [`Command::PutChannel`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PutChannel<'a> {
    /// Its number if its code is known already.
    pub channel: Option<ChannelNumber>,
    /// The locations that serve it, the preferred one first.
    pub locations: &'a [LocationNumber],
    /// What its orders get if they name no policy.
    pub policy: Policy,
    /// How much it may sell of SKUs that have no terms for it.
    pub stock_policy: StockPolicy,
    /// Who is promised units when they are scarce: the smaller rank first.
    pub rank: u16,
    /// The rules by which its orders are routed, in their newest version.
    pub profile: Option<ProfileNumber>,
}

/// The rank of a channel that states none: others can come before it and after it.
pub const RANK: u16 = 100;

impl<'a> PutChannel<'a> {
    /// One that sells what there is.
    #[must_use]
    pub fn plain(channel: Option<ChannelNumber>, locations: &'a [LocationNumber], policy: Policy) -> Self {
        Self { channel, locations, policy, stock_policy: StockPolicy::SHARED, rank: RANK, profile: None }
    }
}

/// See [`Command::PutSku`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PutSku<'a> {
    /// Its number if its code is known already.
    pub sku: Option<SkuNumber>,
    /// How many decimals its quantities have, 0 to 3.
    pub decimals: u8,
    /// What is stated for it alone; in any order.
    pub terms: &'a Terms,
    /// What it is made of, if it is a virtual kit; in any order.
    pub components: &'a [Component],
}

impl PutSku<'_> {
    /// One without terms of its own that is no kit.
    #[must_use]
    pub fn plain(sku: Option<SkuNumber>, decimals: u8) -> Self {
        Self { sku, decimals, terms: const { &Terms::NONE }, components: &[] }
    }
}

/// See [`Command::PutProfile`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PutProfile {
    /// Its number if its name is known already.
    pub profile: Option<ProfileNumber>,
    /// The version, which [`check`](crate::routing::profile::check()) has passed.
    pub rules: Arc<Profile>,
}

/// See [`Command::Receive`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receive {
    /// What.
    pub sku: SkuNumber,
    /// Where.
    pub location: LocationNumber,
    /// In what state.
    pub state: StockState,
    /// How many; more than 0.
    pub quantity: u32,
}

/// See [`Command::Adjust`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Adjust {
    /// What.
    pub sku: SkuNumber,
    /// Where.
    pub location: LocationNumber,
    /// In what state.
    pub state: StockState,
    /// The difference; not 0.
    pub delta: i64,
}

/// See [`Command::Set`]: always of `sellable` units, claimed or not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Set {
    /// What.
    pub sku: SkuNumber,
    /// Where.
    pub location: LocationNumber,
    /// What the caller believes is there.
    pub expected: u32,
    /// What is there.
    pub new: u32,
}

/// See [`Command::Move`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Move {
    /// What.
    pub sku: SkuNumber,
    /// Where; a move never changes the location.
    pub location: LocationNumber,
    /// From what state.
    pub from: StockState,
    /// Into what state.
    pub to: StockState,
    /// How many; more than 0.
    pub quantity: u32,
}

/// See [`Command::PlaceOrder`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlaceOrder<'a> {
    /// Where it comes from.
    pub channel: ChannelNumber,
    /// What happens to what stock cannot serve; the channel's default if `None`.
    pub policy: Option<Policy>,
    /// What more is agreed of it; what its policy has no use for counts as not agreed.
    pub agreed: Agreed,
    /// SKU and quantity of each line.
    pub lines: &'a [(SkuNumber, u32)],
    /// The hold that it confirms, if it confirms one: the order may have its units, and it ends.
    pub hold: Option<Confirm>,
    /// What a routing profile may ask of it; `None` if nobody knows more than its channel and its lines.
    pub route: Option<&'a RoutingFacts<'a>>,
}

/// What is known of an order and its way, for the routing profile of its channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RoutingFacts<'a> {
    /// Of the order and its lines.
    pub order: OrderFacts<'a>,
    /// Of locations, ascending; of one that is not in it nothing is known.
    pub places: &'a [(LocationNumber, PlaceFacts<'a>)],
}

/// What an order confirms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Confirm {
    /// Which hold.
    pub hold: HoldId,
    /// Whether an order whose hold has ended is one like any other; else it is refused.
    pub or_reserve: bool,
}

/// See [`Command::PlaceHold`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlaceHold<'a> {
    /// For an order of which channel.
    pub channel: ChannelNumber,
    /// When it ends, in milliseconds since 1970-01-01 UTC.
    pub deadline: u64,
    /// For which customer: a keyed hash of what the channel calls them.
    pub customer: Option<[u8; 16]>,
    /// Which key asks for it.
    pub key: u32,
    /// SKU and quantity of each line.
    pub lines: &'a [(SkuNumber, u32)],
}

/// See [`Command::ExtendHold`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExtendHold {
    /// Which.
    pub hold: HoldId,
    /// When it ends now; never before it ended already.
    pub deadline: u64,
}

/// See [`Command::CancelOrder`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CancelOrder<'a> {
    /// Which order.
    pub order: OrderId,
    /// Line and quantity; everything open if `None`.
    pub lines: Option<&'a [(u16, u32)]>,
}

/// See [`Command::ShipOrder`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ShipOrder<'a> {
    /// Which order.
    pub order: OrderId,
    /// From where.
    pub location: LocationNumber,
    /// Which units of which lines.
    pub lines: &'a [ShipLine],
    /// When, in milliseconds since 1970-01-01 UTC.
    pub at: u64,
}

/// Units of a line that leave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ShipLine {
    /// Which line, from 0.
    pub line: u16,
    /// Which part alone, of a line that is a kit; `None` is the line as it was ordered.
    pub component: Option<SkuNumber>,
    /// How many units of the line, or of the part.
    pub quantity: u32,
}

impl ShipLine {
    /// Units of a line as it was ordered.
    #[must_use]
    pub fn whole(line: u16, quantity: u32) -> Self {
        Self { line, component: None, quantity }
    }
}

/// See [`Command::PutExposure`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PutExposure {
    /// Which channel.
    pub channel: ChannelNumber,
    /// What of its grants is kept for it.
    pub mode: Mode,
    /// How much later than its feed says an order may still come, in milliseconds;
    /// [`LAG_MAX_MS`](crate::grant::LAG_MAX_MS) at the most.
    pub max_lag_ms: u64,
}

/// See [`Command::SetGrant`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SetGrant {
    /// Of what.
    pub sku: SkuNumber,
    /// To which channel.
    pub channel: ChannelNumber,
    /// Units that it was ever granted, those that it has sold included: at least as many as these.
    pub granted: u64,
}

/// See [`Command::AcknowledgeGrant`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AcknowledgeGrant {
    /// Of what.
    pub sku: SkuNumber,
    /// By which channel.
    pub channel: ChannelNumber,
    /// The record that told what it goes by.
    pub revision: u64,
    /// Since when, on the channel's own clock, in milliseconds since 1970-01-01 UTC.
    pub at: u64,
}

/// See [`Command::PassFeed`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PassFeed {
    /// Which channel.
    pub channel: ChannelNumber,
    /// The time that it has passed, on the channel's own clock, in milliseconds since 1970-01-01 UTC.
    pub at: u64,
}
