//! Counting what becomes of the orders of a channel in a world.

use super::measure::Way;
use super::outcome::Outcome;
use onhand_domain::sku::{Class, Cursor};
use onhand_domain::{ChannelNumber, MerchantState};

/// The same of both worlds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Both<T> {
    /// Of the world as recorded.
    pub recorded: T,
    /// Of the simulated world.
    pub simulated: T,
}

/// What became of some orders. All units are smallest units, of all SKUs together. What the goods' way is counted of is
/// what was claimed when an order was accepted: where and when the rest is served, later orders and movements decide.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many orders the window has; filled, backordered and refused ones together.
    pub orders: u64,
    /// Accepted, and every unit claimed at once.
    pub filled: u64,
    /// Of those accepted, the ones that several locations serve at once.
    pub split: u64,
    /// Accepted, and some units wait.
    pub backordered: u64,
    /// Refused.
    pub refused: u64,
    /// Units claimed at once.
    pub units_filled: u64,
    /// Units that wait when their order is accepted.
    pub units_backordered: u64,
    /// Units of refused orders.
    pub units_refused: u64,
    /// One for each location that serves an order.
    pub shipments: u64,
    /// Metres of the located shipments, from the location to the destination as the crow flies.
    pub metres: u64,
    /// Shipments of which both ends are known.
    pub located: u64,
    /// What the priced shipments cost, in minor units of the rate card's currency.
    pub cost: u64,
    /// Shipments that the rate card has a rate for.
    pub priced: u64,
    /// Units that wait at the end since their order was accepted, whenever that was.
    pub backordered_at_end: u64,
    /// Units that wait at the end since their claims were lost.
    pub short_at_end: u64,
}

/// What became of the orders of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelCounts {
    /// Which.
    pub channel: ChannelNumber,
    /// Its orders.
    pub counts: Both<Counts>,
}

/// What of the log the simulated world could not follow to the letter, since other units lie elsewhere there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Strayed {
    /// Holds for which there were too few units.
    pub holds: u64,
    /// Terms of SKUs, and totals of grants, that could not be stated: more is promised than there is, or less than was used.
    pub terms: u64,
    /// Units of stock movements that were not there, or not free.
    pub unmoved: u64,
    /// Units that were shipped from another location.
    pub shipped_elsewhere: u64,
    /// Units of shipments that their orders did not have: refused, or still waiting.
    pub unshipped: u64,
    /// Units of cancellations that were not open: refused, or gone already.
    pub uncancelled: u64,
}

/// Counts of all channels, by number.
#[derive(Default)]
pub(super) struct Tally(Vec<Both<Counts>>);

impl Counts {
    /// Metres of all shipments of which both ends are known; `None` where none is.
    #[must_use]
    pub fn distance(&self) -> Option<u64> {
        (self.located > 0).then_some(self.metres)
    }

    /// What all shipments cost that have a rate, in minor units; `None` where none has.
    #[must_use]
    pub fn landed_cost(&self) -> Option<u64> {
        (self.priced > 0).then_some(self.cost)
    }

    fn add_order(&mut self, ordered: u64, outcome: Outcome<'_>, way: &Way) {
        self.orders += 1;
        if matches!(outcome, Outcome::Refused(_)) {
            self.refused += 1;
            self.units_refused += ordered;
            return;
        }
        let claimed = outcome.claimed();
        let is_filled = claimed == ordered;
        self.filled += u64::from(is_filled);
        self.backordered += u64::from(!is_filled);
        self.split += u64::from(way.shipments > 1);
        self.units_filled += claimed;
        self.units_backordered += ordered.saturating_sub(claimed);
        self.shipments += way.shipments;
        self.metres += way.metres;
        self.located += way.located;
        self.cost = self.cost.saturating_add(way.cost);
        self.priced += way.priced;
    }

    fn add_waiting(&mut self, class: Class, units: u32) {
        match class {
            Class::Backorder => self.backordered_at_end += u64::from(units),
            Class::Short => self.short_at_end += u64::from(units),
        }
    }

    fn add(&mut self, other: &Self) {
        let Self { orders, filled, split, backordered, refused, .. } = *other;
        self.orders += orders;
        self.filled += filled;
        self.split += split;
        self.backordered += backordered;
        self.refused += refused;
        self.units_filled += other.units_filled;
        self.units_backordered += other.units_backordered;
        self.units_refused += other.units_refused;
        self.shipments += other.shipments;
        self.metres += other.metres;
        self.located += other.located;
        self.cost = self.cost.saturating_add(other.cost);
        self.priced += other.priced;
        self.backordered_at_end += other.backordered_at_end;
        self.short_at_end += other.short_at_end;
    }
}

impl Tally {
    /// One order, as it fared in both worlds.
    pub(super) fn add_order(
        &mut self,
        channel: ChannelNumber,
        ordered: u64,
        outcomes: Both<Outcome<'_>>,
        ways: &Both<Way>,
    ) {
        let counts = self.of(channel);
        counts.recorded.add_order(ordered, outcomes.recorded, &ways.recorded);
        counts.simulated.add_order(ordered, outcomes.simulated, &ways.simulated);
    }

    /// What waits at the end.
    pub(super) fn add_waiting(&mut self, ends: &Both<MerchantState>) {
        for (channel, class, units) in waiting(&ends.recorded) {
            self.of(channel).recorded.add_waiting(class, units);
        }
        for (channel, class, units) in waiting(&ends.simulated) {
            self.of(channel).simulated.add_waiting(class, units);
        }
    }

    /// All of it, and that of each channel that has something.
    pub(super) fn close(self) -> (Both<Counts>, Vec<ChannelCounts>) {
        let mut total = Both::<Counts>::default();
        for counts in &self.0 {
            total.recorded.add(&counts.recorded);
            total.simulated.add(&counts.simulated);
        }
        let rows = (0_u16..).map(ChannelNumber).zip(self.0);
        let channels = rows.map(|(channel, counts)| ChannelCounts { channel, counts });
        (total, channels.filter(|row| row.counts != Both::default()).collect())
    }

    fn of(&mut self, channel: ChannelNumber) -> &mut Both<Counts> {
        if self.0.len() <= channel.row() {
            self.0.resize_with(channel.row() + 1, Both::default);
        }
        &mut self.0[channel.row()]
    }
}

/// Whoever waits, by the lists of the SKUs: few do, where many orders are open.
fn waiting(state: &MerchantState) -> impl Iterator<Item = (ChannelNumber, Class, u32)> {
    let lists = state.skus().filter_map(|(_, actor)| actor.backlog());
    // In any order: it is counted.
    let turns = lists.flat_map(|list| list.in_turn(Cursor::START, |_| 0));
    turns.map(|turn| (turn.channel, turn.waiting.class, turn.quantity))
}
