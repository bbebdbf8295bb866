//! The facts a condition may ask about, by name, and what is compared with each.

use onhand_domain::LocationNumber;
use onhand_domain::money::Currency;
use onhand_domain::routing::profile::Fact;

/// What a location can be put as. A rule over any other word would never hold.
pub const LOCATION_KINDS: [&str; 4] = ["warehouse", "shop", "3pl", "dropship_supplier"];

/// What a fact is compared with, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The code of a channel.
    Channel,
    /// The code of a SKU.
    Sku,
    /// A word of the merchant's own.
    Word,
    /// One of [`LOCATION_KINDS`].
    Place,
    /// Two capital letters of ISO 3166-1.
    Country,
    /// Three capital letters of ISO 4217.
    Currency,
    /// A postal code, or how some begin.
    Postal,
    /// A decimal string in this currency.
    Amount(Currency),
    /// A whole number.
    Number,
    /// A whole number in smallest units, or a decimal string where the SKU is known.
    Quantity,
    /// True or false.
    Flag,
    /// `2026-12-24`.
    Date,
    /// `HH:MM`.
    Time,
    /// `monday` to `sunday`.
    Weekday,
    /// Words of the merchant's own, as a list.
    Tags,
}

/// What else a comparison must say.
#[derive(Clone, Copy)]
pub(super) enum Subject {
    /// Nothing.
    Plain(Fact, Kind),
    /// Which location it is of.
    At(fn(LocationNumber) -> Fact, Kind),
    /// In which currency it is.
    Total,
}

/// Every fact of the core, by its name in a profile.
pub(super) const FACTS: [(&str, Subject); 28] = [
    ("channel", Subject::Plain(Fact::Channel, Kind::Channel)),
    ("country", Subject::Plain(Fact::Country, Kind::Country)),
    ("region", Subject::Plain(Fact::Region, Kind::Word)),
    ("postal_code", Subject::Plain(Fact::PostalCode, Kind::Postal)),
    ("total", Subject::Total),
    ("currency", Subject::Plain(Fact::Currency, Kind::Currency)),
    ("weight", Subject::Plain(Fact::Weight, Kind::Number)),
    ("priority", Subject::Plain(Fact::Priority, Kind::Number)),
    ("customer_tier", Subject::Plain(Fact::CustomerTier, Kind::Word)),
    ("is_b2b", Subject::Plain(Fact::IsB2b, Kind::Flag)),
    ("ship_method", Subject::Plain(Fact::ShipMethod, Kind::Word)),
    ("promise_date", Subject::Plain(Fact::PromiseDate, Kind::Date)),
    ("promise_in", Subject::Plain(Fact::PromiseIn, Kind::Number)),
    ("payment_risk", Subject::Plain(Fact::PaymentRisk, Kind::Number)),
    ("minute_of_day", Subject::Plain(Fact::MinuteOfDay, Kind::Time)),
    ("weekday", Subject::Plain(Fact::Weekday, Kind::Weekday)),
    ("order_tags", Subject::Plain(Fact::OrderTags, Kind::Tags)),
    ("sku", Subject::Plain(Fact::Sku, Kind::Sku)),
    ("category", Subject::Plain(Fact::Category, Kind::Word)),
    ("line_tags", Subject::Plain(Fact::LineTags, Kind::Tags)),
    ("quantity", Subject::Plain(Fact::Quantity, Kind::Quantity)),
    ("free", Subject::At(Fact::Free, Kind::Quantity)),
    ("days_of_cover", Subject::At(Fact::DaysOfCover, Kind::Number)),
    ("capacity_left", Subject::At(Fact::CapacityLeft, Kind::Number)),
    ("backlog", Subject::At(Fact::Backlog, Kind::Number)),
    ("cut_off_passed", Subject::At(Fact::CutOffPassed, Kind::Flag)),
    ("distance", Subject::At(Fact::Distance, Kind::Number)),
    ("kind", Subject::At(Fact::Kind, Kind::Place)),
];

/// The fact of a name.
pub(super) fn find(name: &str) -> Option<Subject> {
    FACTS.iter().find(|(known, _)| *known == name).map(|(_, subject)| *subject)
}
