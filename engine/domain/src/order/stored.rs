//! An open order as memory holds it while nobody looks at it.
//!
//! A shop may have millions of open orders, and hardly any is looked at between its acceptance and its shipment. So
//! what `decide` and `evolve` work with, an [`Order`] with a row for everything, is packed into some bytes: most
//! orders of up to four lines take no memory beyond their row of 48 bytes. Each number is written in groups of seven
//! bits, the lowest first, the top bit of a byte saying that more follow (LEB128).
//!
//! The first byte says which of three forms follows:
//! - [`FRESH`]: every line has one demand, which is claimed in full at one location, and nothing happened since. The
//!   number of lines; quantity, SKU and location of each.
//! - [`ANY`]: the number of lines, and ordered, cancelled, shipped and returned units of each; the number of demands,
//!   and SKU, line, backordered and short units of each; the number of claims, and demand, location and quantity of
//!   each.
//! - [`KITS`]: the same, and behind it, for each demand, the units that one kit needs of it and those that left the
//!   building; 0 and 0 where the line is no kit.
//!
//! This is no format of a file: what snapshots hold is written down in `onhand-record`.

use super::{Claim, ClaimState, Demand, Line, Order, Part, Policy};
use crate::event::OrderAccepted;
use crate::id::{ChannelNumber, LocationNumber, OrderId, SkuNumber};
use smallvec::SmallVec;

const FRESH: u8 = 0;
const ANY: u8 = 1;
const KITS: u8 = 2;

/// Bytes kept in the row itself: four lines of fresh orders over a million SKUs, or one line that was touched.
const INLINE: usize = 24;

/// The fewest bytes that a claim takes, in any form.
const CLAIM_BYTES_MIN: usize = 3;

type Bytes = SmallVec<[u8; INLINE]>;

/// See the module.
#[derive(PartialEq, Eq, Debug)]
pub struct StoredOrder {
    id: OrderId,
    bytes: Bytes,
    channel: ChannelNumber,
    policy: Policy,
}

impl Clone for StoredOrder {
    /// With room for no more than it holds; a `SmallVec` would clone itself with room to grow.
    fn clone(&self) -> Self {
        let Self { id, channel, policy, .. } = *self;
        Self { id, bytes: Bytes::from_slice(&self.bytes), channel, policy }
    }
}

impl StoredOrder {
    /// An order as it is accepted.
    #[must_use]
    pub fn accepted(id: OrderId, accepted: &OrderAccepted) -> Self {
        let OrderAccepted { channel, policy, .. } = *accepted;
        match fresh_as_accepted(accepted) {
            Some(bytes) => Self { id, bytes, channel, policy },
            None => Self::of(&Order::accepted(id, accepted)),
        }
    }

    /// An order as it stands.
    #[must_use]
    pub fn of(order: &Order) -> Self {
        let Order { id, channel, policy, .. } = *order;
        let bytes = fresh_as_it_stands(order).unwrap_or_else(|| in_any_form(order));
        Self { id, bytes, channel, policy }
    }

    /// Its identity.
    #[must_use]
    pub fn id(&self) -> OrderId {
        self.id
    }

    /// Where it came from.
    #[must_use]
    pub fn channel(&self) -> ChannelNumber {
        self.channel
    }

    /// What was agreed for what stock cannot serve.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// Whether something of it may wait for stock; an order that is as it was when it got all of it does not.
    #[must_use]
    pub fn may_wait(&self) -> bool {
        self.bytes[0] != FRESH
    }

    /// Whether a line of it is a kit.
    #[must_use]
    pub fn has_kits(&self) -> bool {
        self.bytes[0] == KITS
    }

    /// A number of claims that it surely does not exceed, without reading them.
    #[must_use]
    pub fn claims_at_most(&self) -> usize {
        self.bytes.len() / CLAIM_BYTES_MIN
    }

    /// Whether it has a demand for a SKU; without making rows of anything.
    #[must_use]
    pub fn needs(&self, sku: SkuNumber) -> bool {
        let mut numbers = Numbers(&self.bytes);
        let form = numbers.byte();
        let count = numbers.number();
        if form == FRESH {
            return (0..count).any(|_| {
                let [_, of, _] = numbers.row();
                of == sku.0
            });
        }
        for _ in 0..count {
            numbers.row::<4>();
        }
        (0..numbers.number()).any(|_| {
            let [of, ..] = numbers.row::<4>();
            of == sku.0
        })
    }

    /// The order, with a row for everything.
    #[must_use]
    pub fn open(&self) -> Order {
        let Self { id, channel, policy, .. } = *self;
        let (lines, demands, claims) = Default::default();
        let mut order = Order { id, channel, policy, lines, demands, claims };
        let mut numbers = Numbers(&self.bytes);
        match numbers.byte() {
            FRESH => numbers.fresh_into(&mut order),
            ANY => numbers.any_into(&mut order),
            _ => numbers.kits_into(&mut order),
        }
        order
    }
}

/// What the form [`FRESH`] says of a line.
struct FreshLine {
    ordered: u32,
    sku: SkuNumber,
    location: LocationNumber,
}

/// The bytes of an order of so many lines, if each of them is fresh.
fn fresh(count: usize, lines: impl Iterator<Item = Option<FreshLine>>) -> Option<Bytes> {
    let mut bytes = Bytes::new();
    bytes.push(FRESH);
    write_count(&mut bytes, count);
    for line in lines {
        let FreshLine { ordered, sku, location } = line?;
        write_all(&mut bytes, [ordered, sku.0, u32::from(location.0)]);
    }
    bytes.shrink_to_fit();
    Some(bytes)
}

fn fresh_as_accepted(OrderAccepted { lines, kits, claims, .. }: &OrderAccepted) -> Option<Bytes> {
    if claims.len() != lines.len() || !kits.is_empty() {
        return None;
    }
    let rows = (0..).zip(lines.iter().zip(claims));
    let rows = rows.map(|(number, ((sku, ordered), (demand, location, claimed)))| {
        (*demand == number && claimed == ordered).then_some(FreshLine {
            ordered: *ordered,
            sku: *sku,
            location: *location,
        })
    });
    fresh(lines.len(), rows)
}

fn fresh_as_it_stands(Order { lines, demands, claims, .. }: &Order) -> Option<Bytes> {
    if demands.len() != lines.len() || claims.len() != lines.len() {
        return None;
    }
    let rows = (0_u16..).zip(lines.iter().zip(demands.iter().zip(claims)));
    let rows = rows.map(|(number, (row, (demand, claim)))| {
        let Line { ordered, .. } = *row;
        let Demand { sku, .. } = *demand;
        let is_fresh = *row == Line::new(ordered)
            && *demand == Demand::plain(sku, number, 0)
            && (claim.demand, claim.quantity) == (number, ordered);
        is_fresh.then_some(FreshLine { ordered, sku, location: claim.location })
    });
    fresh(lines.len(), rows)
}

/// The bytes of an order in the form [`ANY`], or [`KITS`] if it has some.
fn in_any_form(order: &Order) -> Bytes {
    let Order { lines, demands, claims, .. } = order;
    let has_kits = order.has_kits();
    let mut bytes = Bytes::new();
    bytes.push(if has_kits { KITS } else { ANY });
    write_count(&mut bytes, lines.len());
    for Line { ordered, cancelled, shipped, returned } in lines {
        write_all(&mut bytes, [*ordered, *cancelled, *shipped, *returned]);
    }
    write_count(&mut bytes, demands.len());
    for Demand { sku, line, backordered, short, .. } in demands {
        write_all(&mut bytes, [sku.0, u32::from(*line), *backordered, *short]);
    }
    write_count(&mut bytes, claims.len());
    for Claim { demand, location, state: ClaimState::Allocated, quantity } in claims {
        write_all(&mut bytes, [u32::from(*demand), u32::from(location.0), *quantity]);
    }
    for part in demands.iter().map(|demand| demand.part).filter(|_| has_kits) {
        let Part { per_kit, shipped } = part.unwrap_or(Part { per_kit: 0, shipped: 0 });
        write_all(&mut bytes, [per_kit, shipped]);
    }
    bytes.shrink_to_fit();
    bytes
}

fn write_count(bytes: &mut Bytes, count: usize) {
    let Ok(count) = u32::try_from(count) else { panic!("an order has fewer rows than 2^32") };
    write(bytes, count);
}

fn write_all<const N: usize>(bytes: &mut Bytes, numbers: [u32; N]) {
    for number in numbers {
        write(bytes, number);
    }
}

fn write(bytes: &mut Bytes, mut number: u32) {
    loop {
        let [low, ..] = number.to_le_bytes();
        if number < 0x80 {
            return bytes.push(low);
        }
        bytes.push(low | 0x80);
        number >>= 7;
    }
}

/// Numbers that wait to be read. Only what was written here is: bytes that end early are a defect.
struct Numbers<'a>(&'a [u8]);

impl Numbers<'_> {
    fn byte(&mut self) -> u8 {
        let Some((byte, rest)) = self.0.split_first() else { panic!("an order's bytes end early") };
        self.0 = rest;
        *byte
    }

    fn number(&mut self) -> u32 {
        let mut number = 0;
        let mut shift = 0;
        loop {
            let byte = self.byte();
            number |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return number;
            }
            shift += 7;
        }
    }

    fn row<const N: usize>(&mut self) -> [u32; N] {
        core::array::from_fn(|_| self.number())
    }

    fn short(&mut self) -> u16 {
        let Ok(number) = u16::try_from(self.number()) else { panic!("an order's bytes are damaged") };
        number
    }

    fn fresh_into(&mut self, order: &mut Order) {
        for line in 0..self.short() {
            let (ordered, sku) = (self.number(), SkuNumber(self.number()));
            order.lines.push(Line::new(ordered));
            order.demands.push(Demand::plain(sku, line, 0));
            order.claims.push(Claim {
                demand: line,
                location: LocationNumber(self.short()),
                state: ClaimState::Allocated,
                quantity: ordered,
            });
        }
    }

    fn any_into(&mut self, order: &mut Order) {
        let line = |numbers: &mut Self| Line {
            ordered: numbers.number(),
            cancelled: numbers.number(),
            shipped: numbers.number(),
            returned: numbers.number(),
        };
        let demand = |numbers: &mut Self| Demand {
            sku: SkuNumber(numbers.number()),
            line: numbers.short(),
            backordered: numbers.number(),
            short: numbers.number(),
            part: None,
        };
        let claim = |numbers: &mut Self| Claim {
            demand: numbers.short(),
            location: LocationNumber(numbers.short()),
            state: ClaimState::Allocated,
            quantity: numbers.number(),
        };
        order.lines = (0..self.number()).map(|_| line(self)).collect();
        order.demands = (0..self.number()).map(|_| demand(self)).collect();
        order.claims = (0..self.number()).map(|_| claim(self)).collect();
    }

    fn kits_into(&mut self, order: &mut Order) {
        self.any_into(order);
        for demand in &mut order.demands {
            let [per_kit, shipped] = self.row();
            demand.part = (per_kit > 0).then_some(Part { per_kit, shipped });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{KitLine, NewClaims, OrderedLines};
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn accepted(lines: &[(u32, u32)], claims: &[(u16, u16, u32)]) -> OrderAccepted {
        let claim =
            |(demand, location, quantity): &(u16, u16, u32)| (*demand, LocationNumber(*location), *quantity);
        OrderAccepted {
            channel: ChannelNumber(7),
            policy: Policy::Backorder,
            agreed: None,
            lines: lines.iter().map(|(sku, quantity)| (SkuNumber(*sku), *quantity)).collect::<OrderedLines>(),
            kits: Vec::new(),
            claims: claims.iter().map(claim).collect::<NewClaims>(),
            hold: None,
            routed: None,
        }
    }

    /// Both ways into the store end in the same order.
    fn stored(accepted: &OrderAccepted) -> StoredOrder {
        let (stored, order) =
            (StoredOrder::accepted(OrderId(3), accepted), Order::accepted(OrderId(3), accepted));
        assert_eq!(stored.open(), order);
        assert_eq!(StoredOrder::of(&order), stored);
        assert_eq!(stored.clone(), stored);
        assert!(stored.claims_at_most() >= order.claims.len());
        stored
    }

    #[test]
    fn a_row_is_small() {
        assert_eq!(size_of::<Option<StoredOrder>>(), 48);
    }

    #[test]
    fn an_order_of_four_lines_over_a_million_skus_needs_no_memory_of_its_own() {
        let lines = [(999_999, 3), (999_998, 1), (999_997, 1), (999_996, 1)];
        let four = stored(&accepted(&lines, &[(0, 1, 3), (1, 2, 1), (2, 1, 1), (3, 1, 1)]));
        assert!(!four.bytes.spilled() && four.bytes[0] == FRESH);
        let touched = stored(&accepted(&lines[..1], &[(0, 1, 2)]));
        assert!(!touched.bytes.spilled() && touched.bytes[0] == ANY);
    }

    #[test]
    fn a_fresh_order_takes_no_more_room_than_its_bytes_and_tells_what_it_needs() {
        let lines: Vec<(u32, u32)> = (0..200).map(|sku| (sku * 3, 1 + sku)).collect();
        let claims: Vec<(u16, u16, u32)> = (0..200).map(|line| (line, 4, 1 + u32::from(line))).collect();
        let order = stored(&accepted(&lines, &claims));
        assert!(order.bytes[0] == FRESH && order.bytes.spilled());
        assert_eq!(order.bytes.capacity(), order.bytes.len());
        assert_eq!(order.clone().bytes.capacity(), order.bytes.len());
        assert!((0..600).all(|sku| order.needs(SkuNumber(sku)) == (sku % 3 == 0)));
    }

    #[test]
    fn only_a_claim_for_each_line_in_full_is_fresh() {
        let lines = [(5, 3), (6, 2)];
        let form = |claims: &[(u16, u16, u32)]| stored(&accepted(&lines, claims)).bytes[0];
        assert_eq!(form(&[(0, 0, 3), (1, 4, 2)]), FRESH);
        assert_eq!(form(&[(0, 0, 3), (1, 4, 1)]), ANY);
        assert_eq!(form(&[(0, 0, 2), (0, 1, 1)]), ANY);
        assert_eq!(form(&[(1, 0, 2), (0, 0, 3)]), ANY);
        assert_eq!(form(&[(0, 0, 3)]), ANY);
    }

    #[test]
    fn a_kit_is_kept_with_what_one_of_it_needs() {
        let mut order = accepted(&[(5, 3), (90, 2)], &[(0, 0, 3), (1, 4, 2), (2, 4, 6)]);
        order.kits = [KitLine { line: 1, parts: [(SkuNumber(6), 1), (SkuNumber(7), 3)].into() }].into();
        let stored = stored(&order);
        assert!(stored.has_kits());
        assert!(stored.needs(SkuNumber(7)) && !stored.needs(SkuNumber(90)));
        let demands = stored.open().demands;
        let whole = |per_kit| Some(Part { per_kit, shipped: 0 });
        assert_eq!(demands.iter().map(|demand| demand.part).collect::<Vec<_>>(), [None, whole(1), whole(3)]);
    }

    const POLICIES: [Policy; 4] = [Policy::Reject, Policy::Backorder, Policy::Imposed, Policy::ShipComplete];

    prop_compose! {
        fn any_order()(
            id: u64, channel: u16, policy in prop::sample::select(&POLICIES[..]),
            lines in prop::collection::vec(any::<[u32; 4]>(), 0..40),
            demands in prop::collection::vec(any::<(u32, u16, u32, u32)>(), 0..40),
            parts in prop::collection::vec(any::<Option<(u32, u32)>>(), 40),
            has_kits: bool,
            claims in prop::collection::vec(any::<(u16, u16, u32)>(), 0..40),
        ) -> Order {
            let line = |[ordered, cancelled, shipped, returned]: [u32; 4]| Line { ordered, cancelled, shipped, returned };
            let part = |(per_kit, shipped): (u32, u32)| Part { per_kit: per_kit.max(1), shipped };
            let demand = |((sku, line, backordered, short), part_of): (_, Option<_>)| {
                let (sku, part) = (SkuNumber(sku), part_of.filter(|_| has_kits).map(part));
                Demand { sku, line, backordered, short, part }
            };
            let claim = |(demand, location, quantity)| {
                let (location, state) = (LocationNumber(location), ClaimState::Allocated);
                Claim { demand, location, state, quantity }
            };
            Order {
                id: OrderId(id),
                channel: ChannelNumber(channel),
                policy,
                lines: lines.into_iter().map(line).collect(),
                demands: demands.into_iter().zip(parts).map(demand).collect(),
                claims: claims.into_iter().map(claim).collect(),
            }
        }
    }

    #[test]
    fn an_order_of_which_something_happened_is_not_fresh() {
        let fresh = Order::accepted(OrderId(3), &accepted(&[(5, 3), (6, 2)], &[(0, 0, 3), (1, 4, 2)]));
        let form = |change: fn(&mut Order)| {
            let mut order = fresh.clone();
            change(&mut order);
            let stored = StoredOrder::of(&order);
            assert_eq!(stored.open(), order);
            stored.bytes[0]
        };
        assert_eq!(form(|_| {}), FRESH);
        assert_eq!(form(|order| order.lines[1].cancelled = 1), ANY);
        assert_eq!(form(|order| order.lines[1].shipped = 1), ANY);
        assert_eq!(form(|order| order.lines[1].returned = 1), ANY);
        assert_eq!(form(|order| order.demands[1].backordered = 1), ANY);
        assert_eq!(form(|order| order.demands[1].short = 1), ANY);
        assert_eq!(form(|order| order.demands[1].line = 0), ANY);
        assert_eq!(form(|order| order.claims[0].quantity = 2), ANY);
        assert_eq!(form(|order| order.claims[0].demand = 1), ANY);
        assert_eq!(form(|order| order.claims.truncate(1)), ANY);
        assert_eq!(form(|order| order.demands.truncate(1)), ANY);
    }

    proptest! {
        #[test]
        fn any_order_comes_back_as_it_went(order in any_order()) {
            let stored = StoredOrder::of(&order);
            prop_assert!(stored.bytes.len() == stored.bytes.capacity() || !stored.bytes.spilled());
            prop_assert_eq!(stored.clone().bytes.capacity(), stored.bytes.capacity());
            let skus: Vec<SkuNumber> = order.demands.iter().map(|demand| demand.sku).collect();
            for sku in skus.iter().flat_map(|sku| [*sku, SkuNumber(sku.0.wrapping_add(1))]) {
                prop_assert_eq!(stored.needs(sku), skus.contains(&sku));
            }
            prop_assert_eq!(stored.clone().open(), order);
        }
    }
}
