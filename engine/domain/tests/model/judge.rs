//! What both sides must agree on: the same answer to every question, and plans that keep what was promised.

use super::books::Claims;
use super::promises::flow;
use crate::{Counts, LOCATIONS, MERCHANT, SKUS, World};
use onhand_domain::command::PlaceOrder;
use onhand_domain::digest::digest;
use onhand_domain::order::{OrderPicture, Policy};
use onhand_domain::sku::{Backlog, StockState};
use onhand_domain::{ChannelNumber, LocationNumber, MerchantState, OrderId, SkuNumber};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

impl World {
    /// What a plan promises: as much as there is, never more than is free, one location for all if one can,
    /// the preferred one; else the fewest.
    pub(super) fn judge(&self, place: &PlaceOrder<'_>, claims: &Claims, counts: &mut Counts) {
        let channel = usize::from(place.channel.0);
        let locations = &self.books.channels[channel].locations;
        for (line, handed) in (0_u16..).zip(self.books.handed(place)) {
            let got: u32 = claims.iter().filter(|claim| claim.0 == line).map(|claim| claim.2).sum();
            assert_eq!(got, handed, "line {line} of {place:?}: {claims:?}");
        }
        let mut taken: BTreeMap<(SkuNumber, LocationNumber), u32> = BTreeMap::new();
        let mut needed: BTreeMap<SkuNumber, u32> = BTreeMap::new();
        for (line, location, quantity) in claims {
            let sku = place.lines[usize::from(*line)].0;
            *taken.entry((sku, *location)).or_insert(0) += quantity;
            *needed.entry(sku).or_insert(0) += quantity;
        }
        for ((sku, location), quantity) in &taken {
            let comes_first = place.hold.is_some() || self.books.kept_in_escrow(*sku, channel) > 0;
            let there = match comes_first {
                true => self.books.unclaimed(*sku, *location),
                false => self.books.free(*sku, *location),
            };
            let is_free = *quantity <= there;
            assert!(is_free && locations.contains(location), "{place:?}: {claims:?}");
        }
        for sku in needed.keys() {
            let units = |location: usize| {
                let location = LocationNumber(u16::try_from(location).unwrap());
                taken.get(&(*sku, location)).map_or(0, |units| u64::from(*units))
            };
            let is_imposed = self.books.policy_of(place) == Policy::Imposed;
            let hold = self.books.confirmed(place);
            let sold = self.books.sold_by(*sku, place.lines, hold);
            let view = self.books.view_for(*sku, channel, (hold, sold), is_imposed);
            let shelf = self.books.shelf_of(*sku);
            let unkept = self.books.unkept(&view, &self.books.free_of(*sku), &shelf, is_imposed);
            let taken = std::array::from_fn(units);
            let unclaimed = self.books.unclaimed_of(*sku);
            let is_right = match view.is_scarce(&shelf) {
                true => view.leaves_held(&unclaimed, &taken),
                false => view.allows_beside(&shelf, &unkept, &taken),
            };
            *counts.entry("holds of more than is free".to_owned()).or_insert(0) +=
                u64::from(view.is_scarce(&shelf));
            assert!(is_right, "{place:?}: {claims:?}: others are promised these units");
        }
        // Which locations are the fewest is plain only where nothing is kept.
        if self.books.keeps_units() {
            *counts.entry("orders beside promises".to_owned()).or_insert(0) += 1;
            return;
        }
        // Every set of locations that has what was handed out, by brute force.
        let set = |bits: u32| {
            locations
                .iter()
                .zip(0..)
                .filter(move |(_, bit)| bits >> bit & 1 == 1)
                .map(|(location, _)| *location)
        };
        let serves = |bits: &u32| {
            let has =
                |sku: &SkuNumber| set(*bits).map(|location| self.books.free(*sku, location)).sum::<u32>();
            needed.iter().all(|(sku, quantity)| has(sku) >= *quantity)
        };
        let fewest = (0..1_u32 << locations.len()).filter(serves).map(u32::count_ones).min();
        let used: BTreeSet<LocationNumber> = taken.keys().map(|(_, location)| *location).collect();
        assert_eq!(Some(used.len()), fewest.map(|fewest| fewest as usize), "{place:?}: {claims:?}");
        if used.len() == 1 {
            let preferred = (0..locations.len()).find(|place| serves(&(1 << place))).unwrap();
            assert!(used.contains(&locations[preferred]), "{place:?}: {claims:?}");
        }
        *counts.entry(format!("orders from {} locations", used.len())).or_insert(0) += 1;
    }

    /// Units of live holds and of grants in escrow that lie nowhere, by SKU: a loss has taken them.
    pub(super) fn lacking(&self) -> [u64; SKUS as usize] {
        std::array::from_fn(|sku| {
            let sku = SkuNumber(u32::try_from(sku).unwrap());
            let holds = self.books.firm_rows(sku);
            let held: u64 = holds.iter().map(|(_, units)| units).sum();
            held - flow(&self.books.unclaimed_of(sku), &holds)
        })
    }

    /// A hold is backed by units, and so is a grant in escrow: nothing but a loss leaves it with fewer.
    pub(super) fn judge_backing(&self, before: [u64; SKUS as usize], what: &dyn Debug, counts: &mut Counts) {
        let lacking = self.lacking();
        *counts.entry("holds without units".to_owned()).or_insert(0) +=
            u64::from(lacking.iter().any(|units| *units > 0));
        let is_backed = lacking.iter().zip(before).all(|(now, before)| *now <= before);
        assert!(is_backed, "{what:?} leaves holds without units: {before:?} before, {lacking:?} now");
    }

    /// What is free at many locations, asked at once; one of them never had any.
    fn compare_in_one_walk(&self, sku: SkuNumber) {
        let ascending: Vec<_> = (0..=LOCATIONS).map(LocationNumber).zip((0..4).rev()).collect();
        let mut row = [u32::MAX; LOCATIONS as usize + 1];
        let actor = self.state.sku(sku).unwrap();
        actor.free_at(&ascending, &mut row);
        for (location, place) in ascending {
            assert_eq!(row[place], actor.free(location), "{sku} at {location}");
        }
    }

    /// What is reserved and available at locations is one choice of several: it backs as much of the holds as anything can,
    /// and leaves as much as a channel could sell that all locations serve.
    fn compare_standing(&self, sku: SkuNumber) {
        let actor = self.state.sku(sku).unwrap();
        let (mut reserved, mut available) = ([0; LOCATIONS as usize], [0; LOCATIONS as usize]);
        for standing in self.state.standing(actor) {
            let place = usize::from(standing.location.0);
            (reserved[place], available[place]) = (standing.reserved.into(), standing.available.into());
        }
        let (shelf, unclaimed, holds) =
            (self.books.shelf_of(sku), self.books.unclaimed_of(sku), self.books.held_rows(sku));
        let backed: u64 = reserved.iter().sum();
        assert_eq!(backed, flow(&unclaimed, &holds), "reserved of {sku}");
        assert_eq!(backed, flow(&reserved, &holds), "where units of {sku} are reserved");
        let left = shelf.iter().sum::<u64>() - flow(&shelf, &holds);
        assert_eq!(available.iter().sum::<u64>(), left, "available of {sku}");
        for place in 0..reserved.len() {
            // Of those who wait only the next pass knows which of these units are for them.
            let kept = unclaimed[place] - shelf[place];
            let expected = unclaimed[place].checked_sub(reserved[place]).unwrap().saturating_sub(kept);
            assert_eq!(available[place], expected, "{sku} at {place}");
        }
    }

    /// Both sides say the same, and so does a state built from the events.
    pub(super) fn compare(&self) {
        assert_eq!(self.state.check(), Ok(()));
        for sku in (0..SKUS).map(SkuNumber) {
            let actor = self.state.sku(sku).unwrap();
            for location in (0..LOCATIONS).map(LocationNumber) {
                let level = actor.level(location);
                for state in [StockState::Sellable, StockState::Damaged, StockState::QualityControl] {
                    let units = self.books.units(sku, location, state);
                    assert_eq!(level.units(state), units, "{state:?} of {sku} at {location}");
                }
                assert_eq!(
                    level.committed(),
                    self.books.claimed(sku, location),
                    "claims of {sku} at {location}"
                );
                assert_eq!(level.unclaimed(), self.books.unclaimed(sku, location));
                assert_eq!(actor.free(location), self.books.free(sku, location));
            }
            for channel in (0..3).map(ChannelNumber) {
                let promised = self.state.promise(sku, channel).total();
                let expected = self.books.atp(sku, usize::from(channel.0));
                assert_eq!(promised, expected.into(), "what channel {channel} may sell of {sku}");
                let pool = actor.pool(channel).map(|pool| (pool.left, pool.charged, pool.claimed));
                let expected = self.books.pools.get(&(sku, usize::from(channel.0)));
                let count = |units: usize| u64::try_from(units).unwrap();
                let expected = expected.map(|pool| {
                    let charged = pool.claimed.iter().filter(|from_pool| **from_pool).count();
                    (pool.left, count(charged), count(pool.claimed.len()))
                });
                assert_eq!(pool, expected, "the pool of channel {channel} of {sku}");
            }
            self.compare_standing(sku);
            let held: u64 = actor.held().iter().map(|(_, units)| units).sum();
            let expected: u64 = (0..3).map(|channel| self.books.held(sku, channel, None)).sum();
            assert_eq!(held, expected, "what is held of {sku}");
            for channel in 0..3 {
                let grant = actor.grant(ChannelNumber(u16::try_from(channel).unwrap()));
                let expected = self.books.granted.get(&(sku, channel));
                let expected = expected.map(|granted| (granted.sold, granted.taken()));
                assert_eq!(grant.map(|grant| (grant.sold, grant.taken())), expected, "granted of {sku}");
            }
            let waiting = actor.backlog().map_or(0, Backlog::total);
            assert_eq!(waiting, self.books.waiting(sku).into(), "who waits for {sku}");
            self.compare_in_one_walk(sku);
        }
        for (id, expected) in &self.books.orders {
            let order = self.state.order(*id);
            assert_eq!(order.is_some(), expected.is_open(), "order {id}");
            for (row, line) in
                order.map_or(Vec::new(), |order| OrderPicture::of(&order).lines).iter().zip(&expected.lines)
            {
                let got = (
                    row.line.ordered,
                    row.line.cancelled,
                    row.line.shipped,
                    row.line.open(),
                    row.backordered,
                    row.short,
                );
                let expected =
                    (line.ordered, line.cancelled, line.shipped, line.open(), line.backordered, line.short);
                assert_eq!((got, &row.allocated), (expected, &line.claims), "order {id}");
            }
        }
        let short =
            self.books.orders.values().flat_map(|order| &order.lines).map(|line| u64::from(line.short));
        assert_eq!(self.state.short_units(), short.sum::<u64>(), "what is short");
        let open = self.books.orders.values().filter(|order| order.is_open());
        assert_eq!(self.state.open_orders(), open.count());
        let mut replayed = MerchantState::default();
        for (event, id) in self.events.iter().zip(1..) {
            replayed.evolve(OrderId(id), event);
        }
        assert_eq!(digest(MERCHANT, &replayed), digest(MERCHANT, &self.state));
        assert_eq!(replayed.next_work(), self.state.next_work());
    }
}
