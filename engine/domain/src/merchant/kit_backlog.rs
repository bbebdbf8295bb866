//! Serving kits that wait: whole ones, when all of their parts are there.
//!
//! A kit waits for each of its parts. Whichever pass comes to it looks at all of them, so that the last part to come
//! completes it. A part for which a pass is still on its way to this kit is left to that pass: others may come before.

use super::MerchantState;
use super::backlog::{Offer, Promised};
use super::room::Room;
use crate::event::Filled;
use crate::id::{ChannelNumber, LocationNumber, SkuNumber};
use crate::order::{Demand, KIT_CLAIMS_MAX, Order};
use crate::sku::{Class, SkuActor, Waiting};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// What a pass has already promised in this turn of SKUs that are not its own.
pub(super) type Others = BTreeMap<SkuNumber, Promised>;

/// A line of kits that wait.
pub(super) struct KitWaiting {
    order: Order,
    line: u16,
}

/// One part, as a line of kits asks for it.
struct PartOffer {
    demand: u16,
    sku: SkuNumber,
    per_kit: u32,
    offer: Offer,
}

impl MerchantState {
    /// The line of kits for which somebody waits. Who has lost units of one waits for just these: the rest is kept.
    pub(super) fn kit_waiting(&self, waiting: Waiting) -> Option<KitWaiting> {
        if waiting.class == Class::Short {
            return None;
        }
        let order = self.stored(waiting.order).filter(|stored| stored.has_kits())?.open();
        let Demand { line, part, .. } = *order.demands.get(usize::from(waiting.demand))?;
        part.map(|_| KitWaiting { order, line })
    }

    /// Serves as many kits of a line as can be made complete, and says at how many demands it looked.
    pub(super) fn fill_kit(
        &self,
        own: SkuNumber,
        kit: KitWaiting,
        (promised, others): (&mut Promised, &mut Others),
        fills: &mut Vec<Filled>,
    ) -> usize {
        let KitWaiting { order, line } = kit;
        let looked_at = order.demands_of(line).count();
        let Some(mut parts) = self.part_offers(own, &order, line, promised, others) else { return looked_at };
        let waits = order.demands_of(line).map(|(_, demand)| demand.backordered / demand.per_unit()).min();
        let room = room_of(&order, &parts, fills);
        let mut given = give_within(&parts, waits.unwrap_or(0), &room);
        if given.is_empty() {
            // An order that may have no claim more may still have more units where it has claims.
            parts.iter_mut().for_each(|part| part.keep_to(&room));
            given = give_within(&parts, waits.unwrap_or(0), &room);
        }
        for (part, location, quantity) in given {
            let PartOffer { demand, sku, .. } = parts[part];
            fills.push(Filled { order: order.id, demand, class: Class::Backorder, location, quantity });
            let promised = if sku == own { &mut *promised } else { promised_of(others, self.sku(sku), sku) };
            promised.add(order.owner(), location, quantity);
        }
        looked_at
    }

    /// What there is of each part; `None` if one has nothing, or is another pass's to give.
    fn part_offers(
        &self,
        own: SkuNumber,
        order: &Order,
        line: u16,
        promised: &Promised,
        others: &mut Others,
    ) -> Option<Vec<PartOffer>> {
        let mut parts = Vec::new();
        for (number, demand) in order.demands_of(line) {
            let actor = self.sku(demand.sku)?;
            let waiting = Waiting { class: Class::Backorder, order: order.id, demand: number };
            let promised = if demand.sku == own {
                promised
            } else {
                if self.will_come(actor, order.channel, waiting) {
                    return None;
                }
                promised_of(others, Some(actor), demand.sku)
            };
            let offer = self.offer(actor, waiting, order.channel, promised);
            let part = PartOffer { demand: number, sku: demand.sku, per_kit: demand.per_unit(), offer };
            if part.kits() == 0 {
                return None;
            }
            parts.push(part);
        }
        Some(parts)
    }

    /// Whether a pass over those who wait for a SKU has this one still before it.
    fn will_come(&self, actor: &SkuActor, channel: ChannelNumber, waiting: Waiting) -> bool {
        let Some(backlog) = actor.backlog() else { return false };
        let comes = |cursor| backlog.comes_at(cursor, channel, waiting, |channel| self.rank(channel));
        backlog.pass().is_some_and(comes)
    }
}

fn promised_of<'a>(others: &'a mut Others, actor: Option<&SkuActor>, sku: SkuNumber) -> &'a mut Promised {
    let Some(actor) = actor else { panic!("the sku does not exist") };
    others.entry(sku).or_insert_with(|| Promised::nothing_of(actor))
}

impl PartOffer {
    /// Kits for which there is enough of it.
    fn kits(&self) -> u32 {
        let there: u64 = self.offer.at.iter().map(|(_, units)| u64::from(*units)).sum();
        let kits = there.min(self.offer.most) / u64::from(self.per_kit);
        u32::try_from(kits).unwrap_or(u32::MAX)
    }

    /// Leaves nothing of it where the order has no claim on it.
    fn keep_to(&mut self, room: &Room) {
        for (location, units) in &mut self.offer.at {
            if !room.has(self.demand, *location) {
                *units = 0;
            }
        }
    }
}

/// The claims that an order of kits may have of these parts, after what it was given in this turn.
fn room_of(order: &Order, parts: &[PartOffer], fills: &[Filled]) -> Room {
    let offered = parts.iter().map(|part| part.offer.at.len()).sum();
    let numbers = || parts.iter().map(|part| part.demand);
    let demands = numbers().min().unwrap_or(0)..=numbers().max().unwrap_or(0);
    Room::of(order, demands, offered, fills)
}

/// From where as many kits come as there are and the order has room for, within a factor of two; the others wait for the
/// next pass.
fn give_within(parts: &[PartOffer], most: u32, room: &Room) -> Vec<(usize, LocationNumber, u32)> {
    let mut kits = parts.iter().map(PartOffer::kits).fold(most, u32::min);
    loop {
        let given = give(parts, kits);
        let claims = given.iter().map(|(part, location, _)| (parts[*part].demand, *location));
        // Together with what a pass gives beside it, a record holds them.
        if given.len() <= KIT_CLAIMS_MAX && room.holds(claims) {
            return given;
        }
        kits /= 2;
    }
}

/// From where the parts of so many kits come: part, location and units. Kits that are complete at one location come
/// first, so that as few as possible leave from several.
fn give(parts: &[PartOffer], kits: u32) -> Vec<(usize, LocationNumber, u32)> {
    let mut left: Vec<Vec<(LocationNumber, u32)>> = parts.iter().map(|part| part.offer.at.to_vec()).collect();
    let mut open = kits;
    let mut given = Vec::new();
    for place in 0..left.first().map_or(0, Vec::len) {
        let whole = |(part, rows): (&PartOffer, &Vec<(LocationNumber, u32)>)| rows[place].1 / part.per_kit;
        let whole = parts.iter().zip(&left).map(whole).fold(open, u32::min);
        for (number, part) in parts.iter().enumerate().filter(|_| whole > 0) {
            let (location, there) = &mut left[number][place];
            *there -= whole * part.per_kit;
            given.push((number, *location, whole * part.per_kit));
        }
        open -= whole;
    }
    for (number, part) in parts.iter().enumerate() {
        let mut missing = open * part.per_kit;
        for (location, there) in &left[number] {
            let units = missing.min(*there);
            if units > 0 {
                given.push((number, *location, units));
                missing -= units;
            }
        }
    }
    given
}
