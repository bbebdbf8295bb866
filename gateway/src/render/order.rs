//! Orders.

use super::{Rendered, Units, broken};
use crate::http::problem::Problem;
use crate::ids;
use onhand_engine::Handle;
use onhand_engine::directory::Directory;
use onhand_engine::domain::money::{Currency, format_unit_price};
use onhand_engine::domain::order::{Line, LinePicture, OrderPicture, Policy};
use onhand_engine::domain::{ChannelNumber, LocationNumber, OrderId, SkuNumber};
use onhand_engine::record::order::{
    LineAskedV1, LinePictureV1, OrderAcceptedV1, OrderAskedV1, OrderCancelledV1, OrderRefusedV1,
    OrderShippedV1, decode_accepted,
};
use onhand_engine::record::{Header, Kind, decode};
use onhand_engine::snapshots::Lsn;
use onhand_engine::translate::{picture_of, policy_of};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// An order as shown.
#[derive(Serialize)]
pub struct OrderView<'a> {
    id: String,
    external_id: &'a str,
    channel: Code<'a>,
    status: &'static str,
    lsn: u64,
    policy: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    placed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ship_to: Option<ShipToView<'a>>,
    /// Only where it was asked for, and not erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<Box<RawValue>>,
    lines: Lines<'a>,
}

/// A code, looked up while it is written: no copy of it is made.
struct Code<'a> {
    directory: &'a Directory,
    of: Named,
}

enum Named {
    Sku(SkuNumber),
    Location(LocationNumber),
    Channel(ChannelNumber),
}

impl Serialize for Code<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let write = |code: &str| serializer.serialize_str(code);
        match self.of {
            Named::Sku(sku) => self.directory.with_sku_code(sku, write),
            Named::Location(location) => self.directory.with_location_code(location, write),
            Named::Channel(channel) => self.directory.with_channel_code(channel, write),
        }
    }
}

/// What was asked on each line, and how it stands.
struct Lines<'a> {
    directory: &'a Directory,
    asked: &'a [LineAskedV1<'a>],
    picture: OrderPicture,
}

impl Serialize for Lines<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let lines = self.asked.iter().zip(&self.picture.lines);
        serializer.collect_seq(lines.map(|(asked, line)| line_view(self.directory, asked, line)))
    }
}

/// Where the units of a line are kept.
struct Allocated<'a> {
    directory: &'a Directory,
    claims: &'a [(LocationNumber, u32)],
    decimals: u8,
}

impl Serialize for Allocated<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { directory, decimals, .. } = *self;
        serializer.collect_seq(self.claims.iter().map(|(location, quantity)| AllocatedView {
            location: Code { directory, of: Named::Location(*location) },
            quantity: Units { units: (*quantity).into(), decimals },
        }))
    }
}

#[derive(Debug, Serialize)]
struct ShipToView<'a> {
    country: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    postal_code: Option<&'a str>,
}

#[derive(Serialize)]
struct LineView<'a> {
    id: &'a str,
    sku: Code<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit_price: Option<String>,
    ordered: Units,
    allocated: Allocated<'a>,
    backordered: Units,
    short: Units,
    cancelled: Units,
    shipped: Units,
    returned: Units,
}

#[derive(Serialize)]
struct AllocatedView<'a> {
    location: Code<'a>,
    quantity: Units,
}

/// The word of a policy.
#[must_use]
fn policy_word(policy: Policy) -> &'static str {
    match policy {
        Policy::Reject => "reject",
        Policy::Backorder => "backorder",
    }
}

/// An order as its acceptance left it.
#[must_use]
pub fn order_view<'a>(
    directory: &'a Directory,
    lsn: Lsn,
    asked: &'a OrderAskedV1<'a>,
    accepted: &OrderAcceptedV1,
) -> OrderView<'a> {
    let picture = accepted_picture(asked, accepted);
    view(directory, OrderId(lsn.0), lsn, asked, policy_of(accepted.policy), picture)
}

impl<'a> OrderView<'a> {
    /// An order with lines as they stand.
    #[must_use]
    pub fn standing(
        directory: &'a Directory,
        order: OrderId,
        lsn: Lsn,
        asked: &'a OrderAskedV1<'a>,
        policy: Policy,
        picture: OrderPicture,
    ) -> Self {
        view(directory, order, lsn, asked, policy, picture)
    }

    /// The same with the personal data of the order.
    #[must_use]
    pub fn with_customer(self, customer: Option<Box<RawValue>>) -> Self {
        Self { customer, ..self }
    }

    /// The word of its status.
    #[must_use]
    pub fn status(&self) -> &'static str {
        self.status
    }
}

fn line_view<'a>(
    directory: &'a Directory,
    asked: &'a LineAskedV1<'a>,
    line: &'a LinePicture,
) -> LineView<'a> {
    let decimals = asked.decimals;
    let units = |units: u32| Units { units: units.into(), decimals };
    LineView {
        id: asked.id,
        sku: Code { directory, of: Named::Sku(SkuNumber(asked.sku)) },
        unit_price: asked.unit_price.map(format_unit_price),
        ordered: units(line.line.ordered),
        allocated: Allocated { directory, claims: &line.allocated, decimals },
        backordered: units(line.backordered),
        short: units(line.short),
        cancelled: units(line.line.cancelled),
        shipped: units(line.line.shipped),
        returned: units(line.line.returned),
    }
}

fn view<'a>(
    directory: &'a Directory,
    order: OrderId,
    lsn: Lsn,
    asked: &'a OrderAskedV1<'a>,
    policy: Policy,
    picture: OrderPicture,
) -> OrderView<'a> {
    let ship_to = asked.ship_to.map(|to| ShipToView {
        country: to.country,
        region: to.region,
        postal_code: to.postal_code,
    });
    OrderView {
        id: ids::order_text(order),
        external_id: asked.external_id,
        channel: Code { directory, of: Named::Channel(ChannelNumber(asked.channel)) },
        status: picture.status().as_str(),
        lsn: lsn.0,
        policy: policy_word(policy),
        placed_at: asked.placed_at.and_then(instant_text),
        currency: asked.currency.map(|code| Currency(code).as_str().to_owned()),
        ship_to,
        customer: None,
        lines: Lines { directory, asked: &asked.lines, picture },
    }
}

fn instant_text(milliseconds: i64) -> Option<String> {
    jiff::Timestamp::from_millisecond(milliseconds).ok().map(|instant| instant.to_string())
}

fn accepted_picture(asked: &OrderAskedV1<'_>, accepted: &OrderAcceptedV1) -> OrderPicture {
    let line = |line: &LineAskedV1<'_>| LinePicture {
        line: Line { ordered: line.quantity, cancelled: 0, shipped: 0, returned: 0 },
        backordered: line.quantity,
        short: 0,
        allocated: Vec::new(),
    };
    let mut lines: Vec<LinePicture> = asked.lines.iter().map(line).collect();
    for claim in &accepted.claims {
        if let Some(line) = lines.get_mut(usize::from(claim.demand)) {
            line.backordered = line.backordered.saturating_sub(claim.quantity);
            line.allocated.push((LocationNumber(claim.location), claim.quantity));
        }
    }
    OrderPicture { lines }
}

/// The answer to a cancellation or a shipment: the order as that record left it.
pub(super) fn changed(
    handle: &Handle,
    directory: &Directory,
    lsn: Lsn,
    kind: Kind,
    body: &[u8],
) -> Result<Rendered, Problem> {
    let (status, order, after) = change_of(kind, body)?;
    let accepted = handle.read(Lsn(order.0)).map_err(|_| Problem::internal())?;
    let (_, accepted) = Header::decode(&accepted).map_err(broken)?;
    let (asked, accepted) = decode_accepted(accepted).map_err(broken)?;
    let policy = policy_of(accepted.policy);
    Rendered::of(status, &view(directory, order, lsn, &asked, policy, picture_of(&after)))
}

fn change_of(kind: Kind, body: &[u8]) -> Result<(u16, OrderId, Vec<LinePictureV1>), Problem> {
    if kind == Kind::OrderShipped {
        let shipped: OrderShippedV1<'_> = decode(body).map_err(broken)?;
        return Ok((201, OrderId(shipped.order), shipped.after));
    }
    let cancelled: OrderCancelledV1<'_> = decode(body).map_err(broken)?;
    Ok((200, OrderId(cancelled.order), cancelled.after))
}

/// The lines of an order as the record that closed it left them.
///
/// # Errors
/// 500 if the record does not close one.
pub fn closed_lines(record: &[u8]) -> Result<OrderPicture, Problem> {
    let (header, body) = Header::decode(record).map_err(broken)?;
    change_of(header.kind, body).map(|(_, _, after)| picture_of(&after))
}

/// An order that stock could not serve, with the shortfall of every line.
#[must_use]
pub fn order_problem(directory: &Directory, asked: &OrderAskedV1<'_>, refused: &OrderRefusedV1) -> Problem {
    #[derive(Serialize)]
    struct Short<'a> {
        id: &'a str,
        sku: String,
        requested: Units,
        available: Units,
    }
    let count = refused.shortfalls.len();
    let lines = refused.shortfalls.iter().filter_map(|row| {
        let line = asked.lines.get(usize::from(row.line))?;
        let units = |units: u32| Units { units: units.into(), decimals: line.decimals };
        let sku = directory.with_sku_code(SkuNumber(line.sku), str::to_owned);
        Some(Short { id: line.id, sku, requested: units(row.requested), available: units(row.available) })
    });
    let lines: Vec<Short<'_>> = lines.collect();
    let detail = format!("stock cannot serve {count} line(s) of the order");
    Problem::new(409, "insufficient_stock", detail)
        .with("external_id", asked.external_id)
        .with("lines", serde_json::to_value(lines).unwrap_or_default())
}
