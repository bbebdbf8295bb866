//! Orders.

use super::{Rendered, Units, broken, json, kit, said};
use crate::http::problem::Problem;
use crate::ids;
use onhand_engine::Handle;
use onhand_engine::directory::{Directory, View};
use onhand_engine::domain::event::KitLine;
use onhand_engine::domain::money::Currency;
use onhand_engine::domain::order::{Agreed, Line, OrderPicture, OrderStatus, Policy};
use onhand_engine::domain::{ChannelNumber, LocationNumber, OrderId, SkuNumber};
use onhand_engine::record::kit::{decode_cancelled, decode_shipped};
use onhand_engine::record::order::{
    AcceptedAll, LineAskedV1, OrderAskedV1, OrderRefusedV1, RepeatAnsweredV1, ShortfallV1, decode_accepted,
    decode_accepted_all,
};
use onhand_engine::record::routing::OrderSaidV1;
use onhand_engine::record::{Header, Kind, decode};
use onhand_engine::snapshots::Lsn;
use onhand_engine::translate::{claims_of, kit_lines_of, picture_of, policy_of};
use serde::Serialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// An order as shown.
pub struct OrderView<'a> {
    directory: &'a Directory,
    order: OrderId,
    lsn: Lsn,
    asked: &'a OrderAskedV1<'a>,
    policy: Policy,
    standing: Standing<'a>,
    /// Only where the order is read, as what was agreed.
    said: Option<&'a OrderSaidV1<'a>>,
    agreed: Agreed,
    /// Only where it was asked for, and not erased.
    customer: Option<Box<RawValue>>,
}

/// Line, location and quantity of what is kept for an order.
type Claim = (u16, LocationNumber, u32);

/// How the lines of an order stand.
enum Standing<'a> {
    /// As its acceptance left them: what has no claim waits. The claims stand in the order of the lines.
    Accepted(Cow<'a, [Claim]>),
    /// As a later moment found them.
    Picture(OrderPicture),
}

/// One line's numbers.
struct LineNow {
    line: Line,
    backordered: u32,
    short: u32,
}

impl<'a> Standing<'a> {
    /// Claims are made line by line, and so recorded. Of a record that has them otherwise they are put in order once:
    /// looking through all of them for each line is a hundred million looks for the largest order.
    fn accepted(claims: &'a [Claim]) -> Self {
        if claims.is_sorted_by_key(|claim| claim.0) {
            return Self::Accepted(Cow::Borrowed(claims));
        }
        let mut claims = claims.to_vec();
        claims.sort_by_key(|claim| claim.0);
        Self::Accepted(Cow::Owned(claims))
    }

    fn line(&self, place: usize, asked: &LineAskedV1<'_>, policy: Policy) -> LineNow {
        match self {
            Self::Accepted(claims) => {
                let line = Line { ordered: asked.quantity, cancelled: 0, shipped: 0, returned: 0 };
                let claimed = of_line(claims, place).iter();
                let waits = claimed.fold(asked.quantity, |open, claim| open.saturating_sub(claim.2));
                match policy {
                    Policy::Imposed => LineNow { line, backordered: 0, short: waits },
                    Policy::Reject | Policy::Backorder | Policy::ShipComplete => {
                        LineNow { line, backordered: waits, short: 0 }
                    }
                }
            }
            Self::Picture(picture) => picture.lines.get(place).map_or(
                LineNow {
                    line: Line { ordered: asked.quantity, cancelled: 0, shipped: 0, returned: 0 },
                    backordered: 0,
                    short: 0,
                },
                |now| LineNow { line: now.line, backordered: now.backordered, short: now.short },
            ),
        }
    }

    /// Hands out where the units of a line are kept.
    fn allocated(&self, place: usize, mut take: impl FnMut(LocationNumber, u32)) {
        match self {
            Self::Accepted(claims) => {
                for (_, location, quantity) in of_line(claims, place) {
                    take(*location, *quantity);
                }
            }
            Self::Picture(picture) => {
                for (location, quantity) in picture.lines.get(place).map_or(&[][..], |line| &line.allocated) {
                    take(*location, *quantity);
                }
            }
        }
    }
}

/// The claims of a line, of all that stand in the order of the lines.
fn of_line(claims: &[Claim], place: usize) -> &[Claim] {
    let rest = &claims[claims.partition_point(|claim| usize::from(claim.0) < place)..];
    &rest[..rest.partition_point(|claim| usize::from(claim.0) == place)]
}

impl<'a> OrderView<'a> {
    /// An order as its acceptance left it: under which policy, with which kits and claims.
    #[must_use]
    pub fn accepted(
        directory: &'a Directory,
        lsn: Lsn,
        asked: &'a OrderAskedV1<'a>,
        (policy, kits, claims): (Policy, &[KitLine], &'a [Claim]),
    ) -> Self {
        let standing = match kits {
            [] => Standing::accepted(claims),
            kits => Standing::Picture(kit::accepted_picture(asked, (policy, kits, claims))),
        };
        let (order, agreed) = (OrderId(lsn.0), Agreed::NONE);
        Self { directory, order, lsn, asked, policy, standing, said: None, agreed, customer: None }
    }

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
        let (standing, agreed) = (Standing::Picture(picture), Agreed::NONE);
        Self { directory, order, lsn, asked, policy, standing, said: None, agreed, customer: None }
    }

    /// The same with what the order says of itself for rules to ask, and what was agreed of it beyond its policy.
    #[must_use]
    pub fn saying(self, said: &'a OrderSaidV1<'a>, agreed: Agreed) -> Self {
        Self { said: Some(said), agreed, ..self }
    }

    /// The same with the personal data of the order.
    #[must_use]
    pub fn with_customer(self, customer: Option<Box<RawValue>>) -> Self {
        Self { customer, ..self }
    }

    /// The word of its status.
    #[must_use]
    pub fn status(&self) -> &'static str {
        let status = match &self.standing {
            Standing::Picture(picture) => picture.status(),
            Standing::Accepted(claims) => {
                let open: u64 = self.asked.lines.iter().map(|line| u64::from(line.quantity)).sum();
                let claimed: u64 = claims.iter().map(|claim| u64::from(claim.2)).sum();
                OrderStatus::of(open, 0, open.saturating_sub(claimed))
            }
        };
        status.as_str()
    }

    /// Appends the order as JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        let (asked, names) = (self.asked, self.directory.view());
        out.extend_from_slice(br#"{"id":""#);
        ids::push_order(out, self.order);
        out.extend_from_slice(br#"","external_id":"#);
        json::text(out, asked.external_id);
        out.extend_from_slice(br#","channel":"#);
        json::text(out, names.channel_code(ChannelNumber(asked.channel)));
        out.extend_from_slice(br#","status":""#);
        out.extend_from_slice(self.status().as_bytes());
        out.extend_from_slice(br#"","lsn":"#);
        json::number(out, self.lsn.0);
        out.extend_from_slice(br#","policy":""#);
        out.extend_from_slice(policy_word(self.policy).as_bytes());
        out.push(b'"');
        self.write_agreed(out);
        self.write_origin(out);
        if let Some(said) = self.said {
            said::write(said, out);
        }
        out.extend_from_slice(br#","lines":"#);
        self.write_lines(out);
        out.push(b'}');
    }

    /// Appends the lines alone.
    pub(crate) fn write_lines(&self, out: &mut Vec<u8>) {
        let names = self.directory.view();
        out.push(b'[');
        for (place, line) in self.asked.lines.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            self.write_line(place, line, &names, out);
        }
        out.push(b']');
    }

    /// What was agreed beyond the policy.
    fn write_agreed(&self, out: &mut Vec<u8>) {
        let Agreed { complete_by, cancel_after } = self.agreed;
        let mut member = |name: &[u8], date: Option<u64>| {
            if let Some(date) = date.and_then(|date| instant_text(i64::try_from(date).ok()?)) {
                out.extend_from_slice(name);
                json::text(out, &date);
            }
        };
        member(br#","ship_complete_by":"#, complete_by);
        member(br#","cancel_after":"#, cancel_after);
    }

    /// What the order may say of when, in what money, to where and for whom.
    fn write_origin(&self, out: &mut Vec<u8>) {
        let asked = self.asked;
        let mut member = |name: &[u8], value: Option<&str>| {
            if let Some(value) = value {
                out.extend_from_slice(name);
                json::text(out, value);
            }
        };
        member(br#","placed_at":"#, asked.placed_at.and_then(instant_text).as_deref());
        member(br#","currency":"#, asked.currency.map(Currency).as_ref().map(Currency::as_str));
        if let Some(to) = &asked.ship_to {
            member(br#","ship_to":{"country":"#, Some(to.country));
            member(br#","region":"#, to.region);
            member(br#","postal_code":"#, to.postal_code);
            out.push(b'}');
        }
        if let Some(customer) = &self.customer {
            out.extend_from_slice(br#","customer":"#);
            out.extend_from_slice(customer.get().as_bytes());
        }
    }

    fn write_line(&self, place: usize, asked: &LineAskedV1<'_>, names: &View<'_>, out: &mut Vec<u8>) {
        let now = self.standing.line(place, asked, self.policy);
        let decimals = asked.decimals;
        out.extend_from_slice(br#"{"id":"#);
        json::text(out, asked.id);
        out.extend_from_slice(br#","sku":"#);
        json::text(out, names.sku_code(SkuNumber(asked.sku)));
        if let Some(price) = asked.unit_price {
            out.extend_from_slice(br#","unit_price":"#);
            json::unit_price(out, price);
        }
        let member = |out: &mut Vec<u8>, name: &[u8], units: u32| {
            out.extend_from_slice(name);
            json::units(out, Units { units: units.into(), decimals });
        };
        member(out, br#","ordered":"#, now.line.ordered);
        out.extend_from_slice(br#","allocated":["#);
        let mut is_first = true;
        self.standing.allocated(place, |location, quantity| {
            let open: &[u8] = if is_first { br#"{"location":"# } else { br#",{"location":"# };
            is_first = false;
            out.extend_from_slice(open);
            json::text(out, names.location_code(location));
            member(out, br#","quantity":"#, quantity);
            out.push(b'}');
        });
        member(out, br#"],"backordered":"#, now.backordered);
        member(out, br#","short":"#, now.short);
        member(out, br#","cancelled":"#, now.line.cancelled);
        member(out, br#","shipped":"#, now.line.shipped);
        member(out, br#","returned":"#, now.line.returned);
        if let Standing::Picture(picture) = &self.standing
            && let Some(line) = picture.lines.get(place)
        {
            kit::write(line, self.directory, names, out);
        }
        out.push(b'}');
    }
}

/// The word of a policy.
#[must_use]
pub(super) fn policy_word(policy: Policy) -> &'static str {
    match policy {
        Policy::Reject => "reject",
        Policy::Backorder => "backorder",
        Policy::Imposed => "imposed",
        Policy::ShipComplete => "ship_complete",
    }
}

fn instant_text(milliseconds: i64) -> Option<String> {
    jiff::Timestamp::from_millisecond(milliseconds).ok().map(|instant| instant.to_string())
}

/// The answer to a cancellation or a shipment: the order as that record left it.
pub(super) fn changed(
    handle: &Handle,
    directory: &Directory,
    lsn: Lsn,
    header: &Header,
    body: &[u8],
) -> Result<Rendered, Problem> {
    let (status, order, after) = change_of(header, body)?;
    let accepted = handle.read(Lsn(order.0)).map_err(|_| Problem::internal())?;
    let (header, accepted) = Header::decode(&accepted).map_err(broken)?;
    let (asked, accepted) = decode_accepted(header.version, accepted).map_err(broken)?;
    let policy = policy_of(accepted.policy);
    let view = OrderView::standing(directory, order, lsn, &asked, policy, after);
    Ok(Rendered::order(status, &view))
}

fn change_of(header: &Header, body: &[u8]) -> Result<(u16, OrderId, OrderPicture), Problem> {
    if header.kind == Kind::OrderShipped {
        let (shipped, kits) = decode_shipped(header.version, body).map_err(broken)?;
        return Ok((201, OrderId(shipped.order), picture_of(&shipped.after, &kits)));
    }
    let (cancelled, kits) = decode_cancelled(header.version, body).map_err(broken)?;
    Ok((200, OrderId(cancelled.order), picture_of(&cancelled.after, &kits)))
}

/// The lines of an order as the record that closed it left them.
///
/// # Errors
/// 500 if the record does not close one.
pub fn closed_lines(record: &[u8]) -> Result<OrderPicture, Problem> {
    let (header, body) = Header::decode(record).map_err(broken)?;
    change_of(&header, body).map(|(_, _, after)| after)
}

/// The answer to an order that came again under another key: that of the accepted order, or that it is not the same.
pub(super) fn repeated(handle: &Handle, directory: &Directory, body: &[u8]) -> Result<Rendered, Problem> {
    let RepeatAnsweredV1 { order, conflicts } = decode(body).map_err(broken)?;
    let order = Lsn(order);
    if conflicts {
        return Ok(Rendered::from(&conflict_problem(order)));
    }
    let record = handle.read(order).map_err(|_| Problem::internal())?;
    let (header, body) = Header::decode(&record).map_err(broken)?;
    Ok(Rendered { is_repeat: true, ..accepted(directory, order, header.version, body)? })
}

/// The answer to an order that was accepted.
pub(super) fn accepted(
    directory: &Directory,
    lsn: Lsn,
    version: u8,
    body: &[u8],
) -> Result<Rendered, Problem> {
    let AcceptedAll { asked, accepted, kits, .. } = decode_accepted_all(version, body).map_err(broken)?;
    let (policy, kits, claims) = (policy_of(accepted.policy), kit_lines_of(&kits), claims_of(&accepted));
    let view = OrderView::accepted(directory, lsn, &asked, (policy, &kits, &claims));
    Ok(Rendered::order(201, &view))
}

/// An order with the external id of another one that was accepted.
#[must_use]
pub fn conflict_problem(order: Lsn) -> Problem {
    let id = ids::order_text(OrderId(order.0));
    let detail = format!("the channel's order {id} has this external_id and says something else");
    Problem::new(409, "external_id_conflict", detail).with("order_id", id).with("lsn", order.0)
}

/// What stock lacks for one line.
#[derive(Debug, Serialize)]
pub(super) struct Short<'a> {
    id: &'a str,
    sku: String,
    requested: Units,
    available: Units,
}

/// What stock lacks for each line.
pub(super) fn shortfalls<'a>(
    directory: &Directory,
    asked: &OrderAskedV1<'a>,
    rows: &[ShortfallV1],
) -> Vec<Short<'a>> {
    let lines = rows.iter().filter_map(|row| {
        let line = asked.lines.get(usize::from(row.line))?;
        let units = |units: u32| Units { units: units.into(), decimals: line.decimals };
        let sku = directory.with_sku_code(SkuNumber(line.sku), str::to_owned);
        Some(Short { id: line.id, sku, requested: units(row.requested), available: units(row.available) })
    });
    lines.collect()
}

/// An order that stock could not serve, with the shortfall of every line.
#[must_use]
pub fn order_problem(
    directory: &Directory,
    lsn: Lsn,
    asked: &OrderAskedV1<'_>,
    refused: &OrderRefusedV1,
) -> Problem {
    let count = refused.shortfalls.len();
    let lines = shortfalls(directory, asked, &refused.shortfalls);
    let detail = format!("stock cannot serve {count} line(s) of the order");
    Problem::new(409, "insufficient_stock", detail)
        .with("external_id", asked.external_id)
        .with("lsn", lsn.0)
        .with("lines", serde_json::to_value(lines).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each of four lines of ten has, and what it lacks.
    fn told(claims: &[Claim]) -> Vec<(Vec<(u16, u32)>, u32)> {
        let standing = Standing::accepted(claims);
        let asked = LineAskedV1 { id: "1", sku: 0, decimals: 0, quantity: 10, unit_price: None };
        let line = |place| {
            let mut has = Vec::new();
            standing.allocated(place, |location, quantity| has.push((location.0, quantity)));
            let [waits, sold] =
                [Policy::Backorder, Policy::Imposed].map(|policy| standing.line(place, &asked, policy));
            assert_eq!((waits.short, sold.backordered, sold.short), (0, 0, waits.backordered));
            (has, waits.backordered)
        };
        (0..4).map(line).collect()
    }

    #[test]
    fn each_line_has_its_claims_in_whatever_order_the_record_has_them() {
        let claim = |line, location, quantity| (line, LocationNumber(location), quantity);
        let mut claims = vec![claim(0, 2, 4), claim(0, 1, 6), claim(1, 2, 3), claim(3, 5, 1), claim(3, 4, 2)];
        let wanted = [(vec![(2, 4), (1, 6)], 0), (vec![(2, 3)], 7), (vec![], 10), (vec![(5, 1), (4, 2)], 7)];
        assert_eq!(told(&claims), wanted);
        claims.rotate_left(2);
        assert_eq!(told(&claims), wanted);
        assert_eq!(told(&[]), [const { (Vec::new(), 10) }; 4]);
    }
}
