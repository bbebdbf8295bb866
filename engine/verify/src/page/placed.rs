//! Orders as they are decided: accepted or refused.

use super::Page;
use crate::backlog::Turn;
use crate::ledger::{Asks, Channel};
use crate::order::{Demand, Line, Order};
use crate::pools::Claimed;
use crate::report::Invariant;
use onhand_record::order::{ClaimV1, OrderAcceptedV1, OrderAskedV1, OrderRefusedV1, ShortfallV1};
use onhand_record::routing::OrderDetailsV1;
use onhand_record::rules::PolicyV1;
use std::collections::{BTreeMap, BTreeSet};

/// What an order asks of one SKU, over all its lines, and what there was for it before.
struct Need {
    asked: i64,
    sure: i64,
    most: i64,
    /// What it got, or would have got.
    served: i64,
    /// Whether kits need some of it: they are given what makes them whole and nothing more.
    is_part: bool,
}

/// By SKU.
type Needs = BTreeMap<u32, Need>;

/// The locations that may serve what waits of an order.
pub(super) fn within_of(details: &OrderDetailsV1<'_>) -> Option<BTreeSet<u16>> {
    Some(details.routed.as_ref()?.within.as_ref()?.iter().copied().collect())
}

/// Units that an order needs of each SKU, over all its lines that count.
fn needed_by_sku(order: &Order, counts: impl Fn(&Line) -> bool) -> BTreeMap<u32, i64> {
    let mut units: BTreeMap<u32, i64> = BTreeMap::new();
    for demand in order.demands.iter().filter(|demand| counts(&order.lines[demand.line])) {
        *units.entry(demand.sku).or_default() += demand.needed;
    }
    units
}

impl Page<'_> {
    pub(crate) fn accepted(
        &mut self,
        channel: &Channel,
        asked: &OrderAskedV1<'_>,
        accepted: &OrderAcceptedV1,
        (hold, mut order): (Option<u64>, Order),
    ) {
        self.totals.orders_accepted += 1;
        self.check_asked(channel, asked, accepted.policy);
        let is_first = self.ledger.external_ids.insert((asked.channel, asked.external_id.to_owned()));
        self.findings.check(Invariant::I8, is_first, || {
            format!("external id {} was accepted before", asked.external_id)
        });
        let confirms = hold.is_none_or(|hold| {
            let live = self.ledger.holds.get(&hold);
            live.is_some_and(|live| live.channel == asked.channel)
        });
        self.findings.check(Invariant::I5, confirms, || {
            format!("it confirms {hold:?}, which is not live for its channel")
        });
        let is_imposed = order.is_imposed;
        self.totals.orders_imposed += u64::from(is_imposed);
        let sells = self.sells(&order, hold);
        let asks = Asks { hold, is_imposed, sells: &sells };
        let mut needs = self.needs(channel, &order, asks);
        self.check_kept(asked, &accepted.claims, &order.demands, asks);
        self.ledger.sell(asked.channel, &sells);
        if let Some(hold) = hold {
            self.ledger.take_back(hold, &needed_by_sku(&order, |_| true));
            self.end_hold(hold);
        }
        for claim in &accepted.claims {
            self.claimed(channel, claim, &mut order.demands, &mut needs);
            if let Some(demand) = order.demands.get(usize::from(claim.demand)) {
                let (sku, quantity) = (demand.sku, i64::from(claim.quantity));
                self.ledger.pool(sku, asked.channel, self.findings.lsn.0, quantity, Claimed::Now);
            }
        }
        self.check_claims(&order.demands, accepted.policy);
        let odd = order.odd_line().filter(|_| !is_imposed);
        self.findings.check(Invariant::I4, odd.is_none(), || {
            format!("parts of kits wait that are not whole: {odd:?}")
        });
        self.check_served(channel, &needs);
        self.check_whole(channel, &order, &needs);
        self.check_waiting(&order);
        self.wait(order);
    }

    /// The order is open, and what is not claimed of it waits: as short, if it was imposed.
    fn wait(&mut self, mut order: Order) {
        let (id, is_short) = (self.findings.lsn.0, order.is_imposed);
        let mut waits = Vec::new();
        for (number, demand) in
            (0_u16..).zip(&mut order.demands).filter(|(_, demand)| demand.backordered != 0)
        {
            waits.push((demand.sku, Turn::new(is_short, id, number), demand.backordered));
            if is_short {
                demand.short = std::mem::take(&mut demand.backordered);
            }
        }
        self.ledger.orders.insert(id, order);
        for (sku, turn, quantity) in waits {
            self.ledger.wait(sku, turn, quantity);
        }
    }

    /// A refusal must be one: what it says was there was there, and it was not enough.
    pub(crate) fn refused(
        &mut self,
        channel: &Channel,
        asked: &OrderAskedV1<'_>,
        refused: &OrderRefusedV1,
        hold: Option<u64>,
    ) {
        self.totals.orders_refused += 1;
        self.check_asked(channel, asked, PolicyV1::Reject);
        self.findings
            .check(Invariant::I10, !refused.shortfalls.is_empty(), || "refused without a shortfall".into());
        let kits = self.kit_lines(asked);
        let order = Order::of(asked, &kits);
        let sells = self.sells(&order, hold);
        let mut needs = self.needs(channel, &order, Asks { hold, is_imposed: false, sells: &sells });
        for need in needs.values_mut() {
            need.served = need.asked;
        }
        for shortfall in &refused.shortfalls {
            self.short_of(shortfall, &order, &mut needs);
        }
        self.check_served(channel, &needs);
        self.check_lacking(channel, &order, &needs);
    }

    /// Whether the feed of the order's channel had passed it before it came: then it was sold long ago, and is imposed.
    fn is_late(&self, asked: &OrderAskedV1<'_>) -> bool {
        let until = self.ledger.exposed(asked.channel).known_until();
        let sold_at = asked.placed_at.and_then(|at| u64::try_from(at).ok());
        sold_at.zip(until).is_some_and(|(sold_at, until)| sold_at <= until)
    }

    /// SKUs, decimals and policy are those that there are.
    fn check_asked(&mut self, channel: &Channel, asked: &OrderAskedV1<'_>, policy: PolicyV1) {
        // A request read before its SKU was changed may come after it, so any that the SKU had is right.
        let had = |sku: u32, decimals: u8| {
            let ever = self.ledger.skus.get(sku as usize).map_or(0, |sku| sku.decimals_ever);
            ever.checked_shr(decimals.into()).unwrap_or(0) & 1 == 1
        };
        let odd = asked.lines.iter().find(|line| !had(line.sku, line.decimals));
        self.findings.check(Invariant::J4, odd.is_none(), || {
            format!("its sku was never created, or never had such decimals: {odd:?}")
        });
        let due = asked.policy.unwrap_or(channel.policy);
        let due = if self.is_late(asked) { PolicyV1::Imposed } else { due };
        // A routing profile may say another one than the channel; but it imposes nothing and ships nothing
        // complete, and where a channel does, that stands.
        let may_differ = channel.profile.is_some() && asked.policy.is_none();
        let stands =
            [policy, due].iter().any(|policy| matches!(policy, PolicyV1::Imposed | PolicyV1::ShipComplete));
        let is_due = policy == due || (may_differ && !stands);
        self.findings.check(Invariant::I4, is_due, || format!("{policy:?} was its policy, {due:?} was due"));
    }

    /// Units by SKU that the channel of an order sells with it, kits apart: what it confirms was sold when it was held, and is
    /// for kits first.
    fn sells(&self, order: &Order, hold: Option<u64>) -> BTreeMap<u32, i64> {
        let mut sells = needed_by_sku(order, |line| !line.is_kit);
        let in_kits = needed_by_sku(order, |line| line.is_kit);
        let hold = hold.and_then(|hold| self.ledger.holds.get(&hold));
        for (sku, held) in hold.iter().flat_map(|hold| &hold.units) {
            let for_lines = (held - in_kits.get(sku).copied().unwrap_or(0)).max(0);
            if let Some(units) = sells.get_mut(sku) {
                *units = (*units - for_lines).max(0);
            }
        }
        sells
    }

    fn needs(&self, channel: &Channel, order: &Order, asks: Asks<'_>) -> Needs {
        let mut needs = Needs::new();
        for demand in &order.demands {
            let (sure, most) = self.ledger.free_for(demand.sku, order.channel, channel, asks);
            let need =
                needs.entry(demand.sku).or_insert(Need { asked: 0, sure, most, served: 0, is_part: false });
            need.asked += demand.needed;
            // Of kits that are imposed there is no less than of what is sold alone.
            need.is_part |= order.lines[demand.line].is_kit && !asks.is_imposed;
        }
        needs
    }

    fn claimed(&mut self, channel: &Channel, claim: &ClaimV1, demands: &mut [Demand], needs: &mut Needs) {
        let ClaimV1 { demand, location, quantity } = *claim;
        let serves = channel.locations.contains(&location);
        self.findings
            .check(Invariant::I5, serves, || format!("location {location} does not serve the channel"));
        let found = demands.get_mut(usize::from(demand)).filter(|_| quantity > 0);
        self.findings
            .check(Invariant::I5, found.is_some(), || format!("a claim of {quantity} for demand {demand}"));
        let Some(found) = found else { return };
        self.totals.units_claimed += u64::from(quantity);
        let (sku, quantity) = (found.sku, i64::from(quantity));
        found.backordered -= quantity;
        found.claim(location, quantity);
        if let Some(need) = needs.get_mut(&sku) {
            need.served += quantity;
        }
        self.claim(sku, location, quantity);
    }

    /// What others are promised stays there for them.
    fn check_kept(
        &mut self,
        asked: &OrderAskedV1<'_>,
        claims: &[ClaimV1],
        demands: &[Demand],
        asks: Asks<'_>,
    ) {
        let mut taken: BTreeMap<u32, BTreeMap<u16, i64>> = BTreeMap::new();
        for claim in claims {
            let demand = demands.get(usize::from(claim.demand));
            if let Some(demand) = demand.filter(|demand| !self.ledger.is_plain(demand.sku)) {
                let of_sku = taken.entry(demand.sku).or_default();
                *of_sku.entry(claim.location).or_default() += i64::from(claim.quantity);
            }
        }
        for (sku, taken) in taken {
            let view = self.ledger.view_for(sku, asked.channel, asks);
            let taken_at = |location: u16| taken.get(&location).copied().unwrap_or(0);
            let unclaimed = |location: u16| self.ledger.place(sku, location).unclaimed();
            let allowed = self.ledger.allows(sku, &view, asks.is_imposed, &taken_at);
            let is_held = || view.is_held(&unclaimed, &taken_at);
            let leaves_held = || view.leaves_held(&unclaimed, &taken_at);
            let allowed = allowed.and_then(|allowed| Some((allowed || is_held()?) && leaves_held()?));
            if let Some(allowed) = allowed {
                self.findings.check(Invariant::I9, allowed, || {
                    format!("units of sku {sku} that others are promised are claimed: {taken:?}")
                });
            }
        }
    }

    fn check_claims(&mut self, demands: &[Demand], policy: PolicyV1) {
        let is_covered = demands.iter().all(|demand| demand.backordered == 0);
        self.findings.check(Invariant::I4, is_covered || policy != PolicyV1::Reject, || {
            "accepted in full under the policy reject, but not covered in full".into()
        });
        let is_within = demands.iter().all(|demand| demand.backordered >= 0);
        self.findings
            .check(Invariant::I4, is_within, || "more is claimed for a line than was ordered".into());
    }

    fn short_of(&mut self, shortfall: &ShortfallV1, order: &Order, needs: &mut Needs) {
        let ShortfallV1 { line, requested, available } = *shortfall;
        let line = order.lines.get(usize::from(line));
        let demands = line.map_or(&[][..], |line| order.demands_of(line));
        let most =
            |demand: &Demand| needs.get(&demand.sku).map_or(0, |need| need.most.div_euclid(demand.per_unit));
        let most = demands.iter().map(most).min().unwrap_or(0);
        let is_plausible = line.is_some_and(|line| line.ordered == i64::from(requested))
            && available < requested
            && i64::from(available) <= most;
        self.findings.check(Invariant::I3, is_plausible, || {
            format!("{shortfall:?} is stated, {most} units are unclaimed")
        });
        let missing = i64::from(requested) - i64::from(available);
        for demand in demands {
            if let Some(need) = needs.get_mut(&demand.sku) {
                need.served -= missing * demand.per_unit;
            }
        }
    }

    /// Stock that was surely free was not held back, and none was promised that could not be there.
    fn check_served(&mut self, channel: &Channel, needs: &Needs) {
        for (sku, need) in needs {
            let Need { asked, sure, most, served, is_part } = *need;
            // Rules may leave units where they are: that is not held back from the order, but from its channel.
            let sure = if channel.profile.is_some() || is_part { 0 } else { sure };
            self.findings.check(Invariant::I10, served >= asked.min(sure), || {
                format!("{served} of {asked} units of sku {sku} could be had, {sure} were free")
            });
            self.findings.check(Invariant::I3, served <= most.max(0), || {
                format!("{served} of {asked} units of sku {sku} could be had, {most} were unclaimed")
            });
        }
    }

    /// A kit that waits could not have been made complete.
    fn check_whole(&mut self, channel: &Channel, order: &Order, needs: &Needs) {
        let waits =
            |line: &&Line| line.is_kit && order.demands_of(line).iter().any(|demand| demand.backordered > 0);
        let is_there = |demand: &Demand| {
            needs.get(&demand.sku).is_some_and(|need| need.sure - need.served >= demand.per_unit)
        };
        let kit = order.lines.iter().filter(waits).find(|line| order.demands_of(line).iter().all(is_there));
        self.findings.check(Invariant::I10, kit.is_none() || channel.profile.is_some(), || {
            format!("a kit waits of which all was free: {kit:?}")
        });
    }

    /// Of an order with kits that is refused, something is not surely there.
    fn check_lacking(&mut self, channel: &Channel, order: &Order, needs: &Needs) {
        if channel.profile.is_none() && order.lines.iter().any(|line| line.is_kit) {
            let lacks = needs.values().any(|need| need.asked > need.sure);
            self.findings
                .check(Invariant::I10, lacks, || "refused, though all that it needs was free".into());
        }
    }
}
