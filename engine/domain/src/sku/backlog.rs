//! Who waits for a SKU, in the order in which they will be served.
//!
//! Shorts first (a channel has already sold them), then backorders; within a class by the rank that the channel of the
//! order has now, then by acceptance. Each channel has a queue for each class, and who is next is found among their
//! heads: so a channel that gets another rank is not sorted anew, however many wait. When
//! stock comes, a *pass* walks the list from the start, a bounded number of demands a turn; the cursor is
//! where it will go on. A demand that no location of its channel can serve is stepped over, and must not
//! keep the units from others for ever: that is why the pass ends.

use crate::id::{ChannelNumber, OrderId};
use crate::planted::{Bug, is_planted};
use alloc::collections::btree_map::Range;
use alloc::collections::{BTreeMap, BinaryHeap};
use alloc::vec::Vec;
use core::cmp::Reverse;

/// Why a demand waits; the first class is served first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Class {
    /// It was sold and has no goods: its claim was lost, or its order was imposed.
    Short,
    /// It was accepted without stock.
    Backorder,
}

/// One demand of one order that waits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Waiting {
    /// Why.
    pub class: Class,
    /// Which order: an older one has a smaller number.
    pub order: OrderId,
    /// Which of its demands.
    pub demand: u16,
}

/// Where a pass goes on: at this demand; from the start, if it does not wait any more. Ranks do not change during a pass,
/// since each change of a channel begins another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cursor(pub Waiting);

impl Cursor {
    /// Before everybody.
    pub const START: Self = Self(Waiting { class: Class::Short, order: OrderId(0), demand: 0 });
}

/// Demands of one class and channel by order and demand, with the units they wait for.
type Queue = BTreeMap<(OrderId, u16), u32>;

/// The waiting demands of one SKU.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// None is empty.
    queues: BTreeMap<(Class, ChannelNumber), Queue>,
    /// Units of each class.
    totals: [u64; 2],
    pass: Option<Cursor>,
}

impl Backlog {
    /// Units that all together wait for.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.totals.iter().sum()
    }

    /// Units that the demands of one class wait for.
    #[must_use]
    pub fn total_of(&self, class: Class) -> u64 {
        self.totals[class as usize]
    }

    /// Where the pass under way will go on.
    #[must_use]
    pub fn pass(&self) -> Option<Cursor> {
        self.pass
    }

    /// Those who wait, from a cursor on, where channels have these ranks. To begin takes a step for each channel that has
    /// somebody who waits, and each one after that a step for the logarithm of their number.
    pub fn in_turn(&self, cursor: Cursor, rank: impl Fn(ChannelNumber) -> u16) -> InTurn<'_> {
        let Cursor(Waiting { order, demand, .. }) = cursor;
        let rank = |channel: ChannelNumber| if is_planted(Bug::IgnoreRank) { 0 } else { rank(channel) };
        let from = self.place_of(cursor, rank);
        let mut in_turn = InTurn { queues: Vec::new(), heads: BinaryHeap::new() };
        for ((class, channel), queue) in &self.queues {
            let place = (*class, rank(*channel));
            let rest = match from {
                Some(from) if place < from => continue,
                Some(from) if place == from => queue.range((order, demand)..),
                _ => queue.range(..),
            };
            in_turn.queues.push((*channel, rest));
            in_turn.advance(place, in_turn.queues.len() - 1);
        }
        in_turn
    }

    /// Whether a pass that goes on at a cursor has a demand of this channel still before it.
    #[must_use]
    pub fn comes_at(
        &self,
        cursor: Cursor,
        channel: ChannelNumber,
        waiting: Waiting,
        rank: impl Fn(ChannelNumber) -> u16,
    ) -> bool {
        let place = |(class, rank): (Class, u16), Waiting { order, demand, .. }: Waiting| {
            (class, rank, order, demand)
        };
        let own = place((waiting.class, rank(channel)), waiting);
        self.place_of(cursor, rank).is_none_or(|from| place(from, cursor.0) <= own)
    }

    /// The class and the rank of the demand at which a pass goes on, if it still waits.
    fn place_of(&self, Cursor(at): Cursor, rank: impl Fn(ChannelNumber) -> u16) -> Option<(Class, u16)> {
        let is_it = |((class, _), queue): &(&(Class, ChannelNumber), &Queue)| {
            *class == at.class && queue.contains_key(&(at.order, at.demand))
        };
        self.queues.iter().find(is_it).map(|((class, channel), _)| (*class, rank(*channel)))
    }

    /// Units that one demand of an order of this channel waits for.
    #[must_use]
    pub fn units(&self, channel: ChannelNumber, waiting: Waiting) -> u32 {
        let queue = self.queues.get(&(waiting.class, channel));
        queue.and_then(|queue| queue.get(&(waiting.order, waiting.demand))).copied().unwrap_or(0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    pub(super) fn add(&mut self, channel: ChannelNumber, waiting: Waiting, quantity: u32) {
        let queue = self.queues.entry((waiting.class, channel)).or_default();
        *queue.entry((waiting.order, waiting.demand)).or_insert(0) += quantity;
        self.totals[waiting.class as usize] += u64::from(quantity);
    }

    pub(super) fn take(&mut self, channel: ChannelNumber, waiting: Waiting, quantity: u32) {
        let (of, place) = ((waiting.class, channel), (waiting.order, waiting.demand));
        let Some(queue) = self.queues.get_mut(&of) else { panic!("I5: nobody of this channel waits") };
        let Some(open) = queue.get_mut(&place) else { panic!("I5: this demand does not wait") };
        *open -= quantity;
        if *open == 0 {
            queue.remove(&place);
        }
        if queue.is_empty() {
            self.queues.remove(&of);
        }
        if self.queues.is_empty() {
            self.pass = None;
        }
        self.totals[waiting.class as usize] -= u64::from(quantity);
    }

    pub(super) fn set_pass(&mut self, pass: Option<Cursor>) {
        self.pass = pass;
    }
}

/// A demand whose turn it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Turn {
    /// Which.
    pub waiting: Waiting,
    /// The channel of its order.
    pub channel: ChannelNumber,
    /// Units that it waits for.
    pub quantity: u32,
}

/// The head of a queue: class and rank, order and demand, units, and which queue.
type Head = ((Class, u16), (OrderId, u16), u32, usize);

/// What of a queue comes behind its head.
type Rest<'a> = Range<'a, (OrderId, u16), u32>;

/// Those who wait, one after the other.
pub struct InTurn<'a> {
    /// Of each channel and class.
    queues: Vec<(ChannelNumber, Rest<'a>)>,
    /// The first of each queue that has one.
    heads: BinaryHeap<Reverse<Head>>,
}

impl InTurn<'_> {
    fn advance(&mut self, place: (Class, u16), queue: usize) {
        if let Some((next, quantity)) = self.queues[queue].1.next() {
            self.heads.push(Reverse((place, *next, *quantity, queue)));
        }
    }
}

impl Iterator for InTurn<'_> {
    type Item = Turn;

    fn next(&mut self) -> Option<Turn> {
        let Reverse((place, (order, demand), quantity, queue)) = self.heads.pop()?;
        self.advance(place, queue);
        let waiting = Waiting { class: place.0, order, demand };
        Some(Turn { waiting, channel: self.queues[queue].0, quantity })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANKS: [u16; 3] = [5, 1, 5];

    fn waiting(class: Class, order: u64) -> Waiting {
        Waiting { class, order: OrderId(order), demand: 0 }
    }

    /// Channels 0 and 2 have the same rank, channel 1 a better one.
    fn backlog() -> Backlog {
        let mut backlog = Backlog::default();
        for (channel, class, order) in [
            (0, Class::Backorder, 1),
            (1, Class::Backorder, 2),
            (2, Class::Short, 3),
            (0, Class::Short, 4),
            (2, Class::Short, 5),
            (1, Class::Short, 6),
        ] {
            backlog.add(ChannelNumber(channel), waiting(class, order), 1);
        }
        backlog
    }

    fn orders(backlog: &Backlog, cursor: Cursor, ranks: [u16; 3]) -> Vec<u64> {
        let in_turn = backlog.in_turn(cursor, |channel| ranks[channel.row()]);
        in_turn.map(|turn| turn.waiting.order.0).collect()
    }

    #[test]
    fn by_class_then_rank_then_acceptance_wherever_a_pass_goes_on() {
        let backlog = backlog();
        let turns = [6, 3, 4, 5, 2, 1];
        assert_eq!(orders(&backlog, Cursor::START, RANKS), turns);
        for (place, turn) in backlog.in_turn(Cursor::START, |channel| RANKS[channel.row()]).enumerate() {
            assert_eq!(orders(&backlog, Cursor(turn.waiting), RANKS), turns[place..], "from {turn:?}");
        }
    }

    #[test]
    fn another_rank_is_another_order() {
        assert_eq!(orders(&backlog(), Cursor::START, [5, 5, 5]), [3, 4, 5, 6, 1, 2]);
        assert_eq!(orders(&backlog(), Cursor::START, [0, 1, 2]), [4, 6, 3, 5, 1, 2]);
    }

    #[test]
    fn a_pass_begins_anew_if_who_was_next_has_gone() {
        let mut backlog = backlog();
        let gone = waiting(Class::Short, 4);
        backlog.take(ChannelNumber(0), gone, 1);
        assert_eq!(orders(&backlog, Cursor(gone), RANKS), [6, 3, 5, 2, 1]);
        assert_eq!((backlog.units(ChannelNumber(0), gone), backlog.total_of(Class::Short)), (0, 3));
    }
}
