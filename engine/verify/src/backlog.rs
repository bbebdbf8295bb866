//! Who waits for one SKU, in the order in which they are to be served.

use std::collections::BTreeMap;

/// One waiting demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) is_short: bool,
    pub(crate) order: u64,
    pub(crate) demand: u16,
}

/// When a demand is served, a smaller one first: what was sold without goods before what was accepted without stock, then
/// by the rank of its channel now, then by acceptance, which is the order's number.
pub(crate) type Precedence = (bool, u16, u64, u16);

impl Turn {
    pub(crate) fn new(is_short: bool, order: u64, demand: u16) -> Self {
        Self { is_short, order, demand }
    }

    /// When it is served, if its channel has this rank.
    pub(crate) fn precedence(self, rank: u16) -> Precedence {
        (!self.is_short, rank, self.order, self.demand)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    /// Orders and demands by class and channel, with what they wait for; none is empty, and none waits for 0.
    waiting: BTreeMap<(bool, u16), BTreeMap<(u64, u16), i64>>,
    total: i64,
    /// What of that was accepted without stock.
    backordered: i64,
}

impl Backlog {
    /// Units that all together wait for.
    pub(crate) fn total(&self) -> i64 {
        self.total
    }

    /// Units that were accepted without stock and wait.
    pub(crate) fn backordered(&self) -> i64 {
        self.backordered
    }

    /// Whose turn it is first of each class and channel that `serves`, of those that `counts`, before another one, where
    /// channels have these ranks.
    pub(crate) fn firsts_before(
        &self,
        before: Precedence,
        rank: impl Fn(u16) -> u16,
        serves: impl Fn(u16) -> bool,
        counts: impl Fn(Turn) -> bool,
    ) -> Vec<Turn> {
        let queues = self.waiting.iter().filter(|((_, channel), _)| serves(*channel));
        let heads = queues.filter_map(|((is_short, channel), queue)| {
            let rank = rank(*channel);
            let turns = queue.keys().map(|(order, demand)| Turn::new(*is_short, *order, *demand));
            let mut turns = turns.take_while(|turn| turn.precedence(rank) < before);
            turns.find(|turn| counts(*turn))
        });
        heads.collect()
    }

    /// Adds to what a demand of a channel waits for; takes from it if `quantity` is negative.
    pub(crate) fn wait(&mut self, channel: u16, turn: Turn, quantity: i64) {
        self.total += quantity;
        if !turn.is_short {
            self.backordered += quantity;
        }
        let (of, demand) = ((turn.is_short, channel), (turn.order, turn.demand));
        let queue = self.waiting.entry(of).or_default();
        let waiting = queue.entry(demand).or_default();
        *waiting += quantity;
        if *waiting == 0 {
            queue.remove(&demand);
        }
        if queue.is_empty() {
            self.waiting.remove(&of);
        }
    }
}
