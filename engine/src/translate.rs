//! Events into record bodies and back. The domain knows no bytes and the records know no domain; this is
//! the one place where both are named. Exhaustive on purpose: a new event does not compile until it has a
//! record, and a new record until it has an event.

mod agreed;
mod grants;
mod holds;
mod kits;
mod routing;
mod rules;

use crate::ask::{Ask, Movement, StockAsk};
use crate::directory::{Address, ProfileText};
use onhand_domain::event::{
    BacklogFilled, Event, Filled, NewClaims, OrderAccepted, OrderCancelled, OrderShipped, OrderedLines,
    Shorted, StockMoved,
};
use onhand_domain::order::{Line, LinePicture, OrderPicture, Policy, Released, Source};
use onhand_domain::sku::{Class, Cursor, Level, StockState, Waiting};
use onhand_domain::{ChannelNumber, HoldId, LocationNumber, OrderId, SkuNumber};
use onhand_record::agreed::LapsedV1;
use onhand_record::header::{VERSION, VERSION_EXTENDED, VERSION_LAPSED};
use onhand_record::kit::{
    CancelledAll, KitPictureV1, decode_cancelled_all, decode_shipped, encode_after, encode_lapsed,
};
use onhand_record::order::{
    AcceptedAll, BacklogFilledV1, ClaimV1, FilledV1, LinePictureV1, OrderAcceptedV1, OrderAskedV1,
    OrderCancelledV1, OrderShippedV1, ReleasedV1, SourceV1, WaitingV1, decode_accepted_all,
};
use onhand_record::routing::RoutingProfilePutV1;
use onhand_record::rules::{LocationTermsV1, PolicyV1};
use onhand_record::stock::{LevelV1, MovementV1, ShortedV1, StateV1, StockMovedV1};
use onhand_record::{DecodeError, EncodeError, Header, Kind, decode, encode_into};

pub use agreed::agreed_of;
pub(crate) use agreed::agreed_record;
pub(crate) use grants::{exposure_of, exposure_row, grant_of, grant_row};
pub(crate) use holds::{hold_of, hold_row};
pub use kits::kit_lines_of;
pub(crate) use kits::{components_of, components_record};
pub(crate) use routing::{OrderEnd, format_of, format_record, routed_of, said_of};
pub(crate) use rules::{sku_limits, sku_terms, stock_policy_of, stock_policy_record, terms_of};

/// The kind of record an event becomes.
#[must_use]
pub fn kind_of(event: &Event) -> Kind {
    match event {
        Event::LocationPut(..) => Kind::LocationPut,
        Event::ChannelPut(_) => Kind::ChannelPut,
        Event::SkuPut(..) => Kind::SkuPut,
        Event::ProfilePut(_) => Kind::RoutingProfilePut,
        Event::StockMoved(_) => Kind::StockMoved,
        Event::OrderAccepted(_) => Kind::OrderAccepted,
        Event::OrderCancelled(_) => Kind::OrderCancelled,
        Event::OrderShipped(_) => Kind::OrderShipped,
        Event::BacklogFilled(_) => Kind::BacklogFilled,
        Event::HoldPlaced(_) => Kind::HoldPlaced,
        Event::HoldExtended(_) => Kind::HoldExtended,
        Event::HoldsEnded(_) => Kind::HoldsEnded,
        Event::ExposurePut(_) => Kind::ExposurePut,
        Event::GrantSet(_) => Kind::GrantSet,
        Event::GrantAcknowledged(_) => Kind::GrantAcknowledged,
        Event::FeedPassed(_) => Kind::FeedPassed,
        Event::GrantsFreed(_) => Kind::GrantsFreed,
    }
}

/// The version of that record's body.
#[must_use]
pub fn version_of(event: &Event, ask: Option<&Ask>) -> u8 {
    let has_second_part = match (event, ask) {
        (Event::ChannelPut(put), _) => return rules::channel_version(put),
        (Event::OrderAccepted(accepted), Some(Ask::PlaceOrder(ask))) => {
            return OrderEnd::of_accepted(accepted, ask).map_or(VERSION, |end| end.version());
        }
        (Event::LocationPut(put), _) => rules::location_terms(put) != LocationTermsV1::default(),
        (Event::SkuPut(put), _) => return rules::sku_version(put),
        (Event::OrderCancelled(OrderCancelled { lapsed: Some(_), .. }), _) => return VERSION_LAPSED,
        (Event::OrderCancelled(cancelled), _) => cancelled.after.has_kits(),
        (Event::OrderShipped(shipped), _) => shipped.after.has_kits(),
        _ => false,
    };
    if has_second_part { VERSION_EXTENDED } else { VERSION }
}

/// Appends the body of an event's record. `ask` is what was asked, for the texts the core never saw; `None`
/// for the system's own work.
///
/// # Errors
/// [`EncodeError`] if the record would be too long.
pub fn encode_body(
    event: &Event,
    ask: Option<&Ask>,
    decimals: u8,
    claims: &mut Vec<ClaimV1>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    match (event, ask) {
        (Event::LocationPut(put), Some(Ask::PutLocation(ask))) => rules::encode_location(put, ask, out),
        (Event::ChannelPut(put), Some(Ask::PutChannel(ask))) => rules::encode_channel(put, ask, out),
        (Event::SkuPut(put), Some(Ask::PutSku(ask))) => rules::encode_sku(put, ask, out),
        (Event::StockMoved(moved), Some(Ask::MoveStock(ask))) => {
            encode_into(&stock_body(moved, ask, decimals), out)
        }
        (Event::OrderAccepted(accepted), Some(Ask::PlaceOrder(ask))) => {
            out.extend_from_slice(&ask.asked);
            encode_accepted(accepted, claims, out)?;
            OrderEnd::of_accepted(accepted, ask).map_or(Ok(()), |end| end.encode(out))
        }
        (Event::ProfilePut(put), Some(Ask::PutProfile(ask))) => routing::encode_profile(put, ask, out),
        (Event::HoldPlaced(placed), Some(Ask::PlaceHold(ask))) => holds::encode_placed(placed, ask, out),
        (Event::HoldExtended(extended), _) => holds::encode_extended(extended, out),
        (Event::HoldsEnded(ended), _) => holds::encode_ended(ended, out),
        (Event::ExposurePut(put), _) => grants::encode_exposure(put, out),
        (Event::GrantSet(set), _) => grants::encode_set(set, decimals, out),
        (Event::GrantAcknowledged(acknowledged), _) => {
            grants::encode_acknowledged(acknowledged, decimals, out)
        }
        (Event::FeedPassed(passed), _) => grants::encode_passed(passed, out),
        (Event::GrantsFreed(freed), _) => grants::encode_freed(freed, out),
        (Event::OrderCancelled(cancelled), Some(Ask::CancelOrder(ask))) => {
            encode_into(&cancelled_body(cancelled, ask.reason.as_deref()), out)?;
            encode_after(&kits::kits_record(&cancelled.after), out)
        }
        (Event::OrderCancelled(cancelled @ OrderCancelled { lapsed: Some(cancel_after), .. }), None) => {
            encode_into(&cancelled_body(cancelled, None), out)?;
            let lapsed = LapsedV1 { cancel_after: *cancel_after };
            encode_lapsed(&kits::kits_record(&cancelled.after), lapsed, out)
        }
        (Event::OrderShipped(shipped), Some(Ask::ShipOrder(ask))) => {
            encode_into(&shipped_body(shipped, ask.tracking_number.as_deref()), out)?;
            encode_after(&kits::kits_record(&shipped.after), out)
        }
        (Event::BacklogFilled(filled), _) => encode_into(&filled_body(filled), out),
        _ => Err(EncodeError::Codec("the event is not an answer to what was asked".into())),
    }
}

fn stock_body<'a>(moved: &StockMoved, ask: &'a StockAsk, decimals: u8) -> StockMovedV1<'a> {
    let movement = match ask.movement {
        Movement::Receive { .. } => MovementV1::Receive,
        Movement::Adjust { .. } => MovementV1::Adjust,
        Movement::Set { expected, .. } => MovementV1::Set { expected },
        Movement::Move { .. } => MovementV1::Move,
    };
    let short =
        |short: &Shorted| ShortedV1 { order: short.order.0, demand: short.demand, quantity: short.quantity };
    StockMovedV1 {
        movement,
        sku: moved.sku.0,
        location: moved.location.0,
        from: moved.from.map(state_record),
        to: moved.to.map(state_record),
        quantity: moved.quantity,
        decimals,
        reason: &ask.reason,
        reference: ask.reference.as_deref(),
        shorts: moved.shorts.iter().map(short).collect(),
        after: LevelV1 {
            sellable: moved.after.sellable(),
            damaged: moved.after.damaged(),
            quality_control: moved.after.quality_control(),
            committed: moved.after.committed(),
        },
    }
}

/// What was decided about an accepted order. `claims` is room that is used again for each of them.
fn encode_accepted(
    accepted: &OrderAccepted,
    claims: &mut Vec<ClaimV1>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let claim = |(demand, location, quantity): &(u16, LocationNumber, u32)| ClaimV1 {
        demand: *demand,
        location: location.0,
        quantity: *quantity,
    };
    let mut claims_now = std::mem::take(claims);
    claims_now.clear();
    claims_now.extend(accepted.claims.iter().map(claim));
    let body = OrderAcceptedV1 { policy: policy_record(accepted.policy), claims: claims_now };
    let result = encode_into(&body, out);
    *claims = body.claims;
    result
}

/// The claims of an accepted order, as its record has them.
#[must_use]
pub fn claims_of(accepted: &OrderAcceptedV1) -> NewClaims {
    let claim = |claim: &ClaimV1| (claim.demand, LocationNumber(claim.location), claim.quantity);
    accepted.claims.iter().map(claim).collect()
}

fn cancelled_body<'a>(cancelled: &OrderCancelled, reason: Option<&'a str>) -> OrderCancelledV1<'a> {
    let released = |part: &Released| ReleasedV1 {
        demand: part.demand,
        source: match part.source {
            Source::Backordered => SourceV1::Backordered,
            Source::Short => SourceV1::Short,
            Source::Claimed(location) => SourceV1::Claimed(location.0),
        },
        quantity: part.quantity,
    };
    OrderCancelledV1 {
        order: cancelled.order.0,
        lines: cancelled.lines.clone(),
        released: cancelled.released.iter().map(released).collect(),
        reason,
        after: picture_record(&cancelled.after),
    }
}

fn shipped_body<'a>(shipped: &OrderShipped, tracking_number: Option<&'a str>) -> OrderShippedV1<'a> {
    OrderShippedV1 {
        order: shipped.order.0,
        location: shipped.location.0,
        lines: shipped.lines.clone(),
        claims: shipped.claims.clone(),
        tracking_number,
        after: picture_record(&shipped.after),
    }
}

fn filled_body(filled: &BacklogFilled) -> BacklogFilledV1 {
    let fill = |fill: &Filled| FilledV1 {
        waiting: waiting_record(Waiting { class: fill.class, order: fill.order, demand: fill.demand }),
        location: fill.location.0,
        quantity: fill.quantity,
    };
    BacklogFilledV1 {
        sku: filled.sku.0,
        fills: filled.fills.iter().map(fill).collect(),
        next: filled.next.map(|cursor| waiting_record(cursor.0)),
    }
}

/// The lines of the picture of an order, as a record keeps them; of kits without their parts.
#[must_use]
pub fn picture_record(picture: &OrderPicture) -> Vec<LinePictureV1> {
    let line = |row: &LinePicture| LinePictureV1 {
        ordered: row.line.ordered,
        cancelled: row.line.cancelled,
        shipped: row.line.shipped,
        returned: row.line.returned,
        backordered: row.backordered,
        short: row.short,
        allocated: row.allocated.iter().map(|(location, quantity)| (location.0, *quantity)).collect(),
    };
    picture.lines.iter().map(line).collect()
}

fn waiting_record(waiting: Waiting) -> WaitingV1 {
    WaitingV1 { is_short: waiting.class == Class::Short, order: waiting.order.0, demand: waiting.demand }
}

/// Where a pass goes on, as a record keeps it.
#[must_use]
pub(crate) fn cursor_record(cursor: Cursor) -> WaitingV1 {
    waiting_record(cursor.0)
}

/// A record's cursor.
#[must_use]
pub(crate) fn cursor_of(waiting: WaitingV1) -> Cursor {
    Cursor(waiting_of(waiting))
}

/// A policy as a record keeps it.
#[must_use]
pub fn policy_record(policy: Policy) -> PolicyV1 {
    match policy {
        Policy::Reject => PolicyV1::Reject,
        Policy::Backorder => PolicyV1::Backorder,
        Policy::Imposed => PolicyV1::Imposed,
        Policy::ShipComplete => PolicyV1::ShipComplete,
    }
}

fn state_record(state: StockState) -> StateV1 {
    match state {
        StockState::Sellable => StateV1::Sellable,
        StockState::Damaged => StateV1::Damaged,
        StockState::QualityControl => StateV1::QualityControl,
    }
}

/// What a record of a merchant tells the shard that rebuilds it.
pub enum Told<'a> {
    /// What happened, and the name it gives.
    Happened(Event, Named<'a>),
    /// A version of a routing profile: what it means, whoever knows the names must read.
    Profile(RoutingProfilePutV1<'a>),
}

impl Told<'_> {
    /// What happened, where that can be said without names.
    #[must_use]
    pub fn event(&self) -> Option<&Event> {
        match self {
            Self::Happened(event, _) => Some(event),
            Self::Profile(_) => None,
        }
    }
}

/// What a record or a request says for the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named<'a> {
    /// Nothing.
    Nothing,
    /// The code of a location, and where it is.
    #[expect(private_interfaces, reason = "whoever is outside only asks for the event")]
    Location(&'a str, Address<'a>),
    /// The code of a channel.
    Channel(&'a str),
    /// The code of a SKU, and its tags.
    Sku(&'a str, Vec<&'a str>),
    /// Name and text of a routing profile.
    #[expect(private_interfaces, reason = "whoever is outside only asks for the event")]
    Profile(ProfileText<'a>),
}

impl<'a> From<&'a Ask> for Named<'a> {
    fn from(ask: &'a Ask) -> Self {
        match ask {
            Ask::PutLocation(ask) => Named::Location(
                &ask.code,
                Address {
                    kind: &ask.kind,
                    country: &ask.country,
                    region: ask.region.as_deref(),
                    postal_code: ask.postal_code.as_deref(),
                },
            ),
            Ask::PutChannel(ask) => Named::Channel(&ask.code),
            Ask::PutSku(ask) => Named::Sku(&ask.code, ask.tags.iter().map(String::as_str).collect()),
            Ask::PutProfile(ask) => {
                Named::Profile(ProfileText { code: &ask.code, format: ask.format, text: &ask.text })
            }
            _ => Named::Nothing,
        }
    }
}

/// Reads a record's body back into its event; `None` for kinds that change no merchant's stock or orders.
///
/// # Errors
/// [`DecodeError`] if the body is not what its kind says.
pub fn decode_event<'a>(header: &Header, body: &'a [u8]) -> Result<Option<Told<'a>>, DecodeError> {
    let plain = |event: Event| Some(Told::Happened(event, Named::Nothing));
    let Header { kind, version, .. } = *header;
    Ok(match kind {
        Kind::LocationPut => Some(rules::location_told(version, body)?),
        Kind::ChannelPut => Some(rules::channel_told(version, body)?),
        Kind::SkuPut => Some(rules::sku_told(version, body)?),
        Kind::RoutingProfilePut => Some(Told::Profile(decode(body)?)),
        Kind::StockMoved => plain(stock_event(&decode(body)?)),
        Kind::OrderAccepted => plain(accepted_event(version, body)?),
        Kind::HoldPlaced => plain(holds::placed(header, body)?),
        Kind::HoldExtended => plain(holds::extended(body)?),
        Kind::HoldsEnded => plain(holds::ended(body)?),
        Kind::ExposurePut => plain(grants::exposure_put(body)?),
        Kind::GrantSet => plain(grants::set(body)?),
        Kind::GrantAcknowledged => plain(grants::acknowledged(body)?),
        Kind::FeedPassed => plain(grants::passed(body)?),
        Kind::GrantsFreed => plain(grants::freed(body)?),
        Kind::OrderCancelled => plain(cancelled_event(decode_cancelled_all(version, body)?)),
        Kind::OrderShipped => plain(shipped_event(decode_shipped(version, body)?)),
        Kind::BacklogFilled => plain(filled_event(&decode(body)?)),
        Kind::LogOpened
        | Kind::LogClosed
        | Kind::MerchantCreated
        | Kind::KeyCreated
        | Kind::KeyRevoked
        | Kind::OrderRefused
        | Kind::CommandRefused
        | Kind::RepeatAnswered => None,
    })
}

fn stock_event(body: &StockMovedV1<'_>) -> Event {
    let location = LocationNumber(body.location);
    let after =
        Level::restored(location, body.after.sellable, body.after.damaged, body.after.quality_control);
    let short =
        |row: &ShortedV1| Shorted { order: OrderId(row.order), demand: row.demand, quantity: row.quantity };
    Event::StockMoved(StockMoved {
        sku: SkuNumber(body.sku),
        location,
        from: body.from.map(state_of),
        to: body.to.map(state_of),
        quantity: body.quantity,
        shorts: body.shorts.iter().map(short).collect(),
        after: after.with_committed(body.after.committed),
    })
}

fn accepted_event(version: u8, body: &[u8]) -> Result<Event, DecodeError> {
    Ok(Event::OrderAccepted(accepted_of(&decode_accepted_all(version, body)?)?))
}

/// An accepted order from the parts of its record.
pub(crate) fn accepted_of(record: &AcceptedAll<'_>) -> Result<OrderAccepted, DecodeError> {
    let AcceptedAll { asked, accepted, details, kits, agreed } = record;
    Ok(OrderAccepted {
        channel: ChannelNumber(asked.channel),
        policy: policy_of(accepted.policy),
        agreed: agreed_of(agreed).kept(),
        lines: lines_of(asked),
        kits: kit_lines_of(kits),
        claims: claims_of(accepted),
        hold: details.hold.map(HoldId),
        routed: routed_of(details)?,
    })
}

/// SKU and quantity of the lines of an order.
pub(crate) fn lines_of(asked: &OrderAskedV1<'_>) -> OrderedLines {
    asked.lines.iter().map(|line| (SkuNumber(line.sku), line.quantity)).collect()
}

fn cancelled_event((body, kits, lapsed): CancelledAll<'_>) -> Event {
    let released = |part: &ReleasedV1| Released {
        demand: part.demand,
        source: match part.source {
            SourceV1::Backordered => Source::Backordered,
            SourceV1::Short => Source::Short,
            SourceV1::Claimed(location) => Source::Claimed(LocationNumber(location)),
        },
        quantity: part.quantity,
    };
    Event::OrderCancelled(OrderCancelled {
        order: OrderId(body.order),
        released: body.released.iter().map(released).collect(),
        lapsed: lapsed.map(|lapsed| lapsed.cancel_after),
        lines: body.lines,
        after: picture_of(&body.after, &kits),
    })
}

fn shipped_event((body, kits): (OrderShippedV1<'_>, Vec<KitPictureV1>)) -> Event {
    Event::OrderShipped(OrderShipped {
        order: OrderId(body.order),
        location: LocationNumber(body.location),
        after: picture_of(&body.after, &kits),
        lines: body.lines,
        claims: body.claims,
    })
}

fn filled_event(body: &BacklogFilledV1) -> Event {
    let fill = |fill: &FilledV1| {
        let Waiting { class, order, demand } = waiting_of(fill.waiting);
        Filled { order, demand, class, location: LocationNumber(fill.location), quantity: fill.quantity }
    };
    Event::BacklogFilled(BacklogFilled {
        sku: SkuNumber(body.sku),
        fills: body.fills.iter().map(fill).collect(),
        next: body.next.map(|waiting| Cursor(waiting_of(waiting))),
    })
}

/// A record's picture of an order.
#[must_use]
pub fn picture_of(lines: &[LinePictureV1], kits: &[KitPictureV1]) -> OrderPicture {
    let line = |row: &LinePictureV1| LinePicture {
        line: Line {
            ordered: row.ordered,
            cancelled: row.cancelled,
            shipped: row.shipped,
            returned: row.returned,
        },
        backordered: row.backordered,
        short: row.short,
        allocated: row
            .allocated
            .iter()
            .map(|(location, quantity)| (LocationNumber(*location), *quantity))
            .collect(),
        components: Vec::new(),
    };
    let mut picture = OrderPicture { lines: lines.iter().map(line).collect() };
    kits::add_kits(&mut picture, kits);
    picture
}

fn waiting_of(waiting: WaitingV1) -> Waiting {
    let class = if waiting.is_short { Class::Short } else { Class::Backorder };
    Waiting { class, order: OrderId(waiting.order), demand: waiting.demand }
}

/// A record's policy.
#[must_use]
pub fn policy_of(policy: PolicyV1) -> Policy {
    match policy {
        PolicyV1::Reject => Policy::Reject,
        PolicyV1::Backorder => Policy::Backorder,
        PolicyV1::Imposed => Policy::Imposed,
        PolicyV1::ShipComplete => Policy::ShipComplete,
    }
}

fn state_of(state: StateV1) -> StockState {
    match state {
        StateV1::Sellable => StockState::Sellable,
        StateV1::Damaged => StockState::Damaged,
        StateV1::QualityControl => StockState::QualityControl,
    }
}
