//! What channels may sell of one SKU, worked out another way than the engine does: how many units several promises can
//! have together is the smallest cut over sets of locations (Ford and Fulkerson's theorem), with no flow at all.

use crate::ledger::{Asks, Channel, Ledger};
use onhand_record::rules::{AmountV1, StockPolicyV1};
use std::collections::BTreeSet;

/// Sets of locations, different from each other, up to which cuts are tried: two to that power of them. Beyond, what
/// rests on them is not checked.
const SETS_MAX: usize = 12;

/// More units than there can be.
const ANY: i64 = i64::MAX / 4;

/// Units promised at any of some locations.
#[derive(Debug, Clone)]
struct Row {
    locations: BTreeSet<u16>,
    quantity: i64,
}

/// One channel of one SKU, and what others are promised before it and after it.
pub(crate) struct View {
    /// What is held for buyers, and for the very order that asks.
    holds: Vec<Row>,
    held: i64,
    before: Vec<Row>,
    locations: BTreeSet<u16>,
    pool: i64,
    policy: StockPolicyV1,
    after: Vec<Row>,
}

/// Units that all rows can have together of what `units` says lies at a location; `None` if there are too many sets.
fn flow(units: &dyn Fn(u16) -> i64, rows: &[Row]) -> Option<i64> {
    let mut sets: Vec<(&BTreeSet<u16>, i64)> = Vec::new();
    for row in rows.iter().filter(|row| row.quantity > 0) {
        match sets.iter_mut().find(|(locations, _)| *locations == &row.locations) {
            Some((_, quantity)) => *quantity += row.quantity,
            None => sets.push((&row.locations, row.quantity)),
        }
    }
    let cut = |chosen: u32| {
        let is_chosen = |place: usize| chosen >> place & 1 == 1;
        let inside = sets.iter().enumerate().filter(|(place, _)| is_chosen(*place));
        let locations: BTreeSet<u16> =
            inside.flat_map(|(_, (locations, _))| locations.iter().copied()).collect();
        let outside = sets.iter().enumerate().filter(|(place, _)| !is_chosen(*place));
        locations.into_iter().map(units).sum::<i64>()
            + outside.map(|(_, (_, quantity))| quantity).sum::<i64>()
    };
    if sets.len() > SETS_MAX {
        return None;
    }
    (0..1_u32 << sets.len()).map(cut).min()
}

impl View {
    fn own(&self, quantity: i64) -> Row {
        Row { locations: self.locations.clone(), quantity }
    }

    fn rows(&self, own: i64) -> Vec<Row> {
        let first = self.first(0, false).into_iter();
        first.chain([self.own(own)]).chain(self.after.iter().cloned()).collect()
    }

    /// So much that is held for it, and what comes before it: holds alone, or all of it.
    fn first(&self, held: i64, holds_alone: bool) -> Vec<Row> {
        let before = if holds_alone { &[][..] } else { &self.before };
        [self.own(held)].into_iter().chain(self.holds.iter().chain(before).cloned()).collect()
    }

    /// Units that are held for it, of its pool, of its floor, and in all, that it could have.
    fn entitled(&self, units: &dyn Fn(u16) -> i64) -> Option<(i64, i64, i64, i64)> {
        let mut rows = Vec::new();
        let served = |rows: &mut Vec<Row>, quantity: i64| {
            let before = flow(units, rows)?;
            rows.push(self.own(quantity));
            Some(flow(units, rows)? - before)
        };
        let held = served(&mut rows, self.held)?;
        rows.extend(self.holds.iter().chain(&self.before).cloned());
        let (pool, floor) = (served(&mut rows, self.pool)?, served(&mut rows, self.policy.floor.into())?);
        rows.extend(self.after.iter().cloned());
        let kept = flow(units, &rows)?;
        rows.push(self.own(ANY));
        Some((held, pool, floor, flow(units, &rows)? - kept + held + pool + floor))
    }

    /// Units that it may sell.
    pub(crate) fn total(&self, units: &dyn Fn(u16) -> i64) -> Option<i64> {
        let (held, pool, floor, all) = self.entitled(units)?;
        let all = all - held;
        let buffer = match self.policy.buffer {
            AmountV1::Units(units) => i64::from(units),
            AmountV1::Percent(percent) => (all * i64::from(percent) + 99) / 100,
        };
        let ceiling = match self.policy.ceiling {
            None => ANY,
            Some(AmountV1::Units(units)) => i64::from(units),
            Some(AmountV1::Percent(percent)) => all * i64::from(percent) / 100,
        };
        Some(held + ceiling.min(pool + floor.max((all - pool - buffer).max(0))))
    }

    /// The same for an order, with `more` that nobody else is promised. Of one that was promised units, where `unclaimed`
    /// ones lie: if `units` has not enough for all holds and grants that it could take some from, it gets what it was
    /// promised and no more, before safety stock and whoever waits.
    pub(crate) fn total_for(
        &self,
        units: &dyn Fn(u16) -> i64,
        more: i64,
        unclaimed: &dyn Fn(u16) -> i64,
    ) -> Option<i64> {
        let sum = |units: &dyn Fn(u16) -> i64| self.locations.iter().map(|location| units(*location)).sum();
        let holds = self.entangled(self.first(self.held, true));
        let held: i64 = holds.iter().map(|row| row.quantity).sum();
        if self.held > 0 && flow(units, &holds)? < held {
            return Some(self.held.min(sum(unclaimed)));
        }
        Some(self.total(units)? + more)
    }

    /// Of these rows those that share locations with it, or with others that do.
    fn entangled(&self, rows: Vec<Row>) -> Vec<Row> {
        let mut within = self.locations.clone();
        loop {
            let near = rows.iter().filter(|row| !row.locations.is_disjoint(&within));
            let wider: BTreeSet<u16> = near.flat_map(|row| &row.locations).chain(&within).copied().collect();
            if wider.len() == within.len() {
                return rows.into_iter().filter(|row| !row.locations.is_disjoint(&within)).collect();
            }
            within = wider;
        }
    }

    /// Whether an order that confirms a hold may have no more than what is held, of all that is unclaimed: other holds
    /// keep what they could have beside it.
    pub(crate) fn is_held(&self, unclaimed: &dyn Fn(u16) -> i64, taken: &dyn Fn(u16) -> i64) -> Option<bool> {
        let all: i64 = self.locations.iter().map(|location| taken(*location)).sum();
        Some(all <= self.held && self.leaves_held(unclaimed, taken)?)
    }

    /// Whether holds can still have as much of all that is unclaimed, but for what is confirmed.
    pub(crate) fn leaves_held(
        &self,
        unclaimed: &dyn Fn(u16) -> i64,
        taken: &dyn Fn(u16) -> i64,
    ) -> Option<bool> {
        let left = |location| (unclaimed(location) - taken(location)).max(0);
        let all: i64 = self.locations.iter().map(|location| taken(*location)).sum();
        let confirmed = all.min(self.held);
        let after = flow(&left, &self.first(self.held - confirmed, true))?;
        Some(after == flow(unclaimed, &self.first(self.held, true))? - confirmed)
    }

    /// Whether anybody else is promised units at a location, or holds some.
    fn is_promised(&self, location: u16) -> bool {
        let mut others = self.holds.iter().chain(&self.before).chain(&self.after);
        others.any(|row| row.quantity > 0 && row.locations.contains(&location))
    }

    /// Whether it may have units at these locations: nobody before it gets less for it, and those after it no less than
    /// what is its own takes from them.
    pub(crate) fn allows(&self, units: &dyn Fn(u16) -> i64, taken: &dyn Fn(u16) -> i64) -> Option<bool> {
        let left = |location| (units(location) - taken(location)).max(0);
        let (held, pool, floor, _) = self.entitled(units)?;
        let all: i64 = self.locations.iter().map(|location| taken(*location)).sum();
        let own = all.min(held + pool + floor);
        let entitled = self.held + self.pool + i64::from(self.policy.floor);
        let confirmed = all.min(held);
        let keeps = |holds_alone| {
            let after = flow(&left, &self.first(self.held - confirmed, holds_alone))?;
            Some(after == flow(units, &self.first(self.held, holds_alone))? - confirmed)
        };
        let is_first_kept = keeps(true)? && keeps(false)?;
        let kept = flow(&left, &self.rows(entitled - own))?;
        Some(is_first_kept && kept == flow(units, &self.rows(entitled))? - own)
    }
}

impl Ledger {
    /// Whether units of a SKU are anybody's who comes first.
    pub(crate) fn is_plain(&self, sku: u32) -> bool {
        let is_shared = |channel: &Channel| channel.terms.stock_policy == StockPolicyV1::default();
        self.safety_stock.iter().all(|units| *units == 0)
            && self.channels.iter().all(|channel| is_shared(channel))
            && self.skus.get(sku as usize).is_none_or(|sku| sku.terms.is_none())
            && self.held.range((sku, 0)..=(sku, u16::MAX)).next().is_none()
            && self.granted.range((sku, 0)..=(sku, u16::MAX)).next().is_none()
    }

    /// Units at a location that no claim has and safety stock does not keep.
    pub(crate) fn shelf(&self, sku: u32, location: u16) -> i64 {
        let terms = self.skus.get(sku as usize).and_then(|sku| sku.terms.as_deref());
        let here = terms.and_then(|terms| {
            let at = terms.safety_stock_at.iter().find(|(at, _)| *at == location);
            at.map(|(_, units)| *units).or(terms.safety_stock)
        });
        let default = self.safety_stock.get(usize::from(location)).copied().unwrap_or(0);
        (self.place(sku, location).unclaimed() - i64::from(here.unwrap_or(default))).max(0)
    }

    /// Units at a location that safety stock keeps, but not from an order that is imposed: where nobody else is promised any.
    pub(crate) fn unkept(&self, sku: u32, view: &View, location: u16, is_imposed: bool) -> i64 {
        if !is_imposed || view.is_promised(location) || !view.locations.contains(&location) {
            return 0;
        }
        self.place(sku, location).unclaimed().max(0) - self.shelf(sku, location)
    }

    /// The same at all locations of the one who asks.
    pub(crate) fn unkept_in_all(&self, sku: u32, view: &View, is_imposed: bool) -> i64 {
        view.locations.iter().map(|location| self.unkept(sku, view, *location, is_imposed)).sum()
    }

    /// Whether units of a SKU at these locations may be had: those of the shelf that others are not promised, and beyond it
    /// those that safety stock does not keep from an order that is imposed.
    pub(crate) fn allows(
        &self,
        sku: u32,
        view: &View,
        is_imposed: bool,
        taken: &dyn Fn(u16) -> i64,
    ) -> Option<bool> {
        let shelf = |location: u16| self.shelf(sku, location);
        let of_shelf = |location: u16| taken(location).min(shelf(location));
        let beyond = |location: &u16| taken(*location) - of_shelf(*location);
        let is_there = view
            .locations
            .iter()
            .all(|location| beyond(location) <= self.unkept(sku, view, *location, is_imposed));
        Some(is_there && view.allows(&shelf, &of_shelf)?)
    }

    /// How an order that waits stands to a SKU: it does not mind what its channel hides from itself, and has no part in a
    /// pool that is younger.
    pub(crate) fn view_of(&self, sku: u32, channel: u16, order: u64) -> View {
        let policy = StockPolicyV1::default();
        let mut view = View { policy, ..self.view_beside(sku, channel, None, 0) };
        if self.pools.get(&(sku, channel)).is_some_and(|pool| pool.since > order) {
            let pool = view.own(view.pool);
            view.before.push(pool);
            view.pool = 0;
        }
        if let Some(within) = self.orders.get(&order).and_then(|order| order.within.as_ref()) {
            view.locations.retain(|location| within.contains(location));
        }
        view
    }

    /// How a channel does, for an order: nothing is hidden from one that is imposed.
    pub(crate) fn view_for(&self, sku: u32, channel: u16, asks: Asks<'_>) -> View {
        let Asks { hold, is_imposed, sells } = asks;
        let mut view = self.view_beside(sku, channel, hold, sells.get(&sku).copied().unwrap_or(0));
        if is_imposed {
            view.policy = StockPolicyV1 { floor: view.policy.floor, ..StockPolicyV1::default() };
        }
        view
    }

    /// How a channel does that has no grant: what it may be granted.
    pub(crate) fn view_without_grant(&self, sku: u32, channel: u16) -> View {
        let pool = self.left_in_pool(sku, channel);
        View { held: 0, pool, ..self.view_beside(sku, channel, None, ANY) }
    }

    /// How a channel does, for an order that confirms a hold, if it does, and sells so many units beside it.
    fn view_beside(&self, sku: u32, channel: u16, hold: Option<u64>, sells: i64) -> View {
        let sold = sells.min(self.in_escrow(sku, channel));
        let hold = hold.and_then(|hold| self.holds.get(&hold)).filter(|hold| hold.channel == channel);
        let held = hold.and_then(|hold| hold.units.get(&sku)).copied().unwrap_or(0);
        let holds = self.held.range((sku, 0)..=(sku, u16::MAX)).map(|((_, of), units)| Row {
            locations: self.locations_of(*of),
            quantity: if *of == channel { units - held } else { *units },
        });
        let grants = self.granted.range((sku, 0)..=(sku, u16::MAX)).map(|((_, of), _)| Row {
            locations: self.locations_of(*of),
            quantity: self.in_escrow(sku, *of) - if *of == channel { sold } else { 0 },
        });
        // What is kept in part comes after all that is promised, and counts its channel's pool first.
        let shares = self.granted.range((sku, 0)..=(sku, u16::MAX)).map(|((_, of), _)| {
            let pool = self.left_in_pool(sku, *of);
            let share = (self.kept_of_grant(sku, *of) - self.in_escrow(sku, *of) - pool).max(0);
            let gone = if *of == channel { (sells - pool).max(0) } else { 0 };
            Row { locations: self.locations_of(*of), quantity: (share - gone).max(0) }
        });
        let row = |number: usize| {
            let number = u16::try_from(number).unwrap_or(u16::MAX);
            let floor = self.stock_policy(sku, number).floor;
            let quantity = self.pool_beside_grant(sku, number) + i64::from(floor);
            Row { locations: self.locations_of(number), quantity }
        };
        let mut order: Vec<(u16, usize)> =
            self.channels.iter().enumerate().map(|(number, channel)| (channel.terms.rank, number)).collect();
        order.sort_unstable();
        let own = order.iter().position(|(_, number)| *number == usize::from(channel)).unwrap_or(0);
        let rows: Vec<Row> = order.iter().map(|(_, number)| row(*number)).collect();
        View {
            holds: holds.chain(grants).collect(),
            held: held + sold,
            before: rows[..own].to_vec(),
            locations: self.locations_of(channel),
            pool: self.pool_beside_grant(sku, channel),
            policy: self.stock_policy(sku, channel),
            after: rows.get(own + 1..).unwrap_or(&[]).iter().cloned().chain(shares).collect(),
        }
    }

    /// Units that holds and grants of a SKU can have together of all that no claim has, those in escrow alone or all, if a
    /// channel is served by other locations; `None` if there are too many sets.
    pub(crate) fn backed(
        &self,
        sku: u32,
        promised_alone: bool,
        instead: Option<(u16, &BTreeSet<u16>)>,
    ) -> Option<i64> {
        let locations = |of: u16| match instead {
            Some((channel, locations)) if channel == of => locations.clone(),
            _ => self.locations_of(of),
        };
        let held = self.held.range((sku, 0)..=(sku, u16::MAX)).map(|((_, of), units)| (*of, *units));
        let granted = self.granted.range((sku, 0)..=(sku, u16::MAX));
        let kept = |of| if promised_alone { self.in_escrow(sku, of) } else { self.kept_of_grant(sku, of) };
        let granted = granted.map(|((_, of), _)| (*of, kept(*of)));
        let row = |(of, quantity): (u16, i64)| Row { locations: locations(of), quantity };
        let rows: Vec<Row> = held.chain(granted).map(row).collect();
        flow(&|location| self.place(sku, location).unclaimed().max(0), &rows)
    }

    /// Units of a SKU that are held or granted in escrow, and that lie nowhere; `None` if there are too many sets.
    pub(crate) fn lacking(&self, sku: u32) -> Option<i64> {
        let held = self.held.range((sku, 0)..=(sku, u16::MAX)).map(|((_, of), units)| (*of, *units));
        let granted = self.granted.range((sku, 0)..=(sku, u16::MAX)).map(|((_, of), _)| *of);
        let granted = granted.map(|of| (of, self.in_escrow(sku, of)));
        let row = |(of, quantity): (u16, i64)| Row { locations: self.locations_of(of), quantity };
        let rows: Vec<Row> = held.chain(granted).map(row).collect();
        let kept = flow(&|location| self.place(sku, location).unclaimed().max(0), &rows)?;
        Some(rows.iter().map(|row| row.quantity).sum::<i64>() - kept)
    }

    /// Units left in a pool beside what its channel is granted in escrow, which counts as its own first.
    fn pool_beside_grant(&self, sku: u32, channel: u16) -> i64 {
        (self.left_in_pool(sku, channel) - self.in_escrow(sku, channel)).max(0)
    }

    fn locations_of(&self, channel: u16) -> BTreeSet<u16> {
        let found = self.channels.get(usize::from(channel));
        found.map_or_else(BTreeSet::new, |channel| channel.locations.iter().copied().collect())
    }

    fn stock_policy(&self, sku: u32, channel: u16) -> StockPolicyV1 {
        let terms = self.skus.get(sku as usize).and_then(|sku| sku.terms.as_deref());
        let stated = terms.and_then(|terms| terms.channels.iter().find(|terms| terms.channel == channel));
        let default = || self.channels.get(usize::from(channel)).map(|channel| channel.terms.stock_policy);
        stated.map(|terms| terms.policy).or_else(default).unwrap_or_default()
    }

    fn left_in_pool(&self, sku: u32, channel: u16) -> i64 {
        self.pools.get(&(sku, channel)).map_or(0, |pool| i64::try_from(pool.left).unwrap_or(ANY))
    }
}
