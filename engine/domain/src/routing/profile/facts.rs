//! What a condition may ask about: facts of the order, of a line, of a location, all as whole numbers.
//!
//! A fact may be unknown: nobody said it, or it makes no sense here. Every comparison with an unknown fact is
//! false, also `!=` and "not in"; only [`Condition::Not`](super::Condition::Not) around it is true. Tags are
//! never unknown: who names none has none.

use super::world::World;
use crate::id::{ChannelNumber, LocationNumber, SkuNumber};
use crate::money::Currency;
use crate::order::Policy;

/// A name that the shell has turned into a number: a country, a tag, a category, a capability. Equal names of
/// one merchant are equal numbers; their order means nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Symbol(pub u32);

/// Something a condition asks about. The comment says what its number is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fact {
    /// The channel's number.
    Channel,
    /// Of the destination: a symbol.
    Country,
    /// Of the destination: a symbol.
    Region,
    /// Of the destination: a [`postal_key`](super::postal_key).
    PostalCode,
    /// What the order costs, in minor units of this currency. Unknown for an order of another currency, so
    /// that no amount is compared with one it cannot be compared with.
    Total(Currency),
    /// The order's currency, as [`currency_value`] has it.
    Currency,
    /// Of the whole order, in grams.
    Weight,
    /// Of the order; larger is more urgent.
    Priority,
    /// Of the customer: a symbol.
    CustomerTier,
    /// 1 if a business buys, else 0.
    IsB2b,
    /// A symbol.
    ShipMethod,
    /// Days from 1970-01-01 to the promised date in the merchant's time zone.
    PromiseDate,
    /// Days from today to the promised date in the merchant's time zone; negative if it has passed.
    PromiseIn,
    /// 0 (none) to 100.
    PaymentRisk,
    /// Minutes since midnight in the merchant's time zone, 0 to 1,439.
    MinuteOfDay,
    /// In the merchant's time zone, 1 (Monday) to 7, as in ISO 8601.
    Weekday,
    /// The order's tags.
    OrderTags,
    /// Of a line: the SKU's number.
    Sku,
    /// Of a line's SKU: a symbol.
    Category,
    /// Of a line's SKU: its tags; hazardous and cold goods are told so.
    LineTags,
    /// Of a line: smallest units.
    Quantity,
    /// Free units of a line's SKU at this location, before the order.
    Free(LocationNumber),
    /// Days for which this location's stock of a line's SKU lasts.
    DaysOfCover(LocationNumber),
    /// Orders this location can still take today.
    CapacityLeft(LocationNumber),
    /// Orders that wait at this location.
    Backlog(LocationNumber),
    /// 1 if what this location is given now leaves only on another day, else 0.
    CutOffPassed(LocationNumber),
    /// Whole metres from this location to the destination.
    Distance(LocationNumber),
    /// What this location is: a symbol.
    Kind(LocationNumber),
}

/// How a fact can be compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FactKind {
    /// By its size.
    Number,
    /// Only as the same or another one.
    Name,
    /// By the tags in it.
    Tags,
}

/// What is known of an order. `None` is unknown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OrderFacts<'a> {
    /// [`Fact::Channel`].
    pub channel: ChannelNumber,
    /// [`Fact::Country`].
    pub country: Option<Symbol>,
    /// [`Fact::Region`].
    pub region: Option<Symbol>,
    /// [`Fact::PostalCode`].
    pub postal_code: Option<i64>,
    /// Minor units of `currency`.
    pub total: Option<i64>,
    /// [`Fact::Currency`].
    pub currency: Option<Currency>,
    /// [`Fact::Weight`].
    pub weight: Option<u64>,
    /// [`Fact::Priority`].
    pub priority: Option<i32>,
    /// [`Fact::CustomerTier`].
    pub customer_tier: Option<Symbol>,
    /// [`Fact::IsB2b`].
    pub is_b2b: Option<bool>,
    /// [`Fact::ShipMethod`].
    pub ship_method: Option<Symbol>,
    /// [`Fact::PromiseDate`].
    pub promise_date: Option<i32>,
    /// Days from 1970-01-01 to the day of the order in the merchant's time zone.
    pub today: Option<i32>,
    /// [`Fact::PaymentRisk`].
    pub payment_risk: Option<u8>,
    /// [`Fact::MinuteOfDay`].
    pub minute_of_day: Option<u16>,
    /// [`Fact::Weekday`].
    pub weekday: Option<u8>,
    /// [`Fact::OrderTags`], ascending.
    pub tags: &'a [Symbol],
    /// What becomes of it if nothing serves it in full; `None` if neither the order nor its channel says. No condition
    /// asks for it.
    pub policy: Option<Policy>,
    /// Its lines.
    pub lines: &'a [LineFacts<'a>],
}

/// What is known of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LineFacts<'a> {
    /// [`Fact::Sku`].
    pub sku: SkuNumber,
    /// [`Fact::Category`].
    pub category: Option<Symbol>,
    /// [`Fact::LineTags`], ascending.
    pub tags: &'a [Symbol],
    /// [`Fact::Quantity`].
    pub quantity: u32,
}

impl<'a> OrderFacts<'a> {
    /// An order of which only its channel and its lines are known.
    #[must_use]
    pub fn of(channel: ChannelNumber, lines: &'a [LineFacts<'a>]) -> Self {
        Self {
            channel,
            country: None,
            region: None,
            postal_code: None,
            total: None,
            currency: None,
            weight: None,
            priority: None,
            customer_tier: None,
            is_b2b: None,
            ship_method: None,
            promise_date: None,
            today: None,
            payment_risk: None,
            minute_of_day: None,
            weekday: None,
            tags: &[],
            policy: None,
            lines,
        }
    }
}

impl Fact {
    /// How it can be compared.
    #[must_use]
    pub fn kind(self) -> FactKind {
        match self {
            Self::OrderTags | Self::LineTags => FactKind::Tags,
            Self::Channel
            | Self::Country
            | Self::Region
            | Self::Currency
            | Self::CustomerTier
            | Self::IsB2b
            | Self::ShipMethod
            | Self::Sku
            | Self::Category
            | Self::CutOffPassed(_)
            | Self::Kind(_) => FactKind::Name,
            _ => FactKind::Number,
        }
    }

    /// Whether it is one of a line, and can only be asked of one.
    #[must_use]
    pub fn is_of_line(self) -> bool {
        matches!(
            self,
            Self::Sku
                | Self::Category
                | Self::LineTags
                | Self::Quantity
                | Self::Free(_)
                | Self::DaysOfCover(_)
        )
    }

    /// The location it is of, if it is of one.
    #[must_use]
    pub fn location(self) -> Option<LocationNumber> {
        match self {
            Self::Free(location)
            | Self::DaysOfCover(location)
            | Self::CapacityLeft(location)
            | Self::Backlog(location)
            | Self::CutOffPassed(location)
            | Self::Distance(location)
            | Self::Kind(location) => Some(location),
            _ => None,
        }
    }

    /// The smallest and the largest number it can be; both matter only to what is proven of conditions.
    #[must_use]
    pub fn bounds(self) -> (i64, i64) {
        match self {
            Self::Total(_) => (i64::MIN, i64::MAX),
            Self::PostalCode | Self::Weight => (0, i64::MAX),
            Self::Priority | Self::PromiseDate => (i64::from(i32::MIN), i64::from(i32::MAX)),
            // A difference of two such dates.
            Self::PromiseIn => (-i64::from(u32::MAX), i64::from(u32::MAX)),
            Self::IsB2b | Self::CutOffPassed(_) => (0, 1),
            Self::PaymentRisk => (0, 100),
            Self::MinuteOfDay => (0, 1_439),
            Self::Weekday => (1, 7),
            Self::Quantity => (1, i64::from(u32::MAX)),
            Self::Channel => (0, i64::from(u16::MAX)),
            _ => (0, i64::from(u32::MAX)),
        }
    }
}

/// The number of a currency: its three letters as digits to the base 256.
#[must_use]
pub fn currency_value(Currency([first, second, third]): Currency) -> i64 {
    i64::from(u32::from_be_bytes([0, first, second, third]))
}

fn symbol(symbol: Option<Symbol>) -> Option<i64> {
    symbol.map(|symbol| i64::from(symbol.0))
}

impl OrderFacts<'_> {
    /// The number of a fact that is not tags. `None` is unknown, as is a line's fact without a line.
    pub(super) fn value(&self, fact: Fact, line: Option<&LineFacts<'_>>, world: &impl World) -> Option<i64> {
        if let Some(location) = fact.location() {
            return value_at(fact, location, line, world);
        }
        match fact {
            Fact::Channel => Some(i64::from(self.channel.0)),
            Fact::Country => symbol(self.country),
            Fact::Region => symbol(self.region),
            Fact::PostalCode => self.postal_code,
            Fact::Total(currency) => self.total.filter(|_| self.currency == Some(currency)),
            Fact::Currency => self.currency.map(currency_value),
            Fact::Weight => self.weight.map(|weight| i64::try_from(weight).unwrap_or(i64::MAX)),
            Fact::Priority => self.priority.map(i64::from),
            Fact::CustomerTier => symbol(self.customer_tier),
            Fact::IsB2b => self.is_b2b.map(i64::from),
            Fact::ShipMethod => symbol(self.ship_method),
            Fact::PromiseDate => self.promise_date.map(i64::from),
            Fact::PromiseIn => Some(i64::from(self.promise_date?) - i64::from(self.today?)),
            Fact::PaymentRisk => self.payment_risk.map(i64::from),
            Fact::MinuteOfDay => self.minute_of_day.map(i64::from),
            Fact::Weekday => self.weekday.map(i64::from),
            Fact::Sku => line.map(|line| i64::from(line.sku.0)),
            Fact::Category => symbol(line?.category),
            Fact::Quantity => line.map(|line| i64::from(line.quantity)),
            _ => None,
        }
    }

    /// The tags that a fact of tags has; none if it is another fact.
    pub(super) fn tags<'a>(&'a self, fact: Fact, line: Option<&LineFacts<'a>>) -> &'a [Symbol] {
        match fact {
            Fact::OrderTags => self.tags,
            Fact::LineTags => line.map_or(&[], |line| line.tags),
            _ => &[],
        }
    }
}

/// The number of a fact of a location.
fn value_at(
    fact: Fact,
    location: LocationNumber,
    line: Option<&LineFacts<'_>>,
    world: &impl World,
) -> Option<i64> {
    match fact {
        Fact::Free(_) => line.map(|line| i64::from(world.free(line.sku, location))),
        Fact::DaysOfCover(_) => world.days_of_cover(line?.sku, location).map(i64::from),
        Fact::CapacityLeft(_) => world.place(location).capacity_left.map(i64::from),
        Fact::Backlog(_) => world.place(location).backlog.map(i64::from),
        Fact::CutOffPassed(_) => world.place(location).is_cutoff_passed.map(i64::from),
        Fact::Distance(_) => world.place(location).distance.map(i64::from),
        Fact::Kind(_) => symbol(world.place(location).kind),
        _ => None,
    }
}
