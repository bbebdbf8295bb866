//! What the server has acknowledged, kept by the side that asked: the half of the audit that needs no server.
//!
//! ```text
//! outcome of an order:  0 unknown │ 1 refused │ otherwise the digest of its id
//! ```
//! Nothing but this run touches its SKUs and no stock comes in while it runs, so what is available only falls.
//! Therefore an order's outcome never changes: whoever is refused stays refused, whoever is accepted has one id.
//! Sixteen bytes an order with repeats, eight without.

use crate::answer::{self, Promise};
use crate::random::{Random, Stream};
use crate::workload::{Ask, Kind};

/// No answer has come yet.
pub(crate) const UNKNOWN: u64 = 0;

/// The order was refused for want of stock.
pub(crate) const REFUSED: u64 = 1;

/// Examples kept of each kind of fault: enough to start looking.
pub(crate) const EXAMPLES_MAX: usize = 5;

/// Something that must not happen, counted, with the first examples.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// How often.
    pub(crate) count: u64,
    /// The first of them, in words.
    pub(crate) examples: Vec<String>,
}

impl Fault {
    /// Counts one more; `example` is asked for only while there is room.
    pub(crate) fn add(&mut self, example: impl FnOnce() -> String) {
        self.count += 1;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(example());
        }
    }

    /// Takes over the faults of another.
    pub(crate) fn merge(&mut self, other: Self) {
        self.count += other.count;
        let room = EXAMPLES_MAX - self.examples.len();
        self.examples.extend(other.examples.into_iter().take(room));
    }
}

/// An accepted order that will be read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sampled {
    /// Number of the order.
    pub(crate) order: u64,
    /// The id it was given.
    pub(crate) id: String,
    /// What it was promised.
    pub(crate) promises: Vec<Promise>,
}

/// Which orders of a run a ledger keeps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    /// Ledgers in the run.
    pub(crate) lanes: u64,
    /// This one, from 0.
    pub(crate) lane: u64,
    /// Orders in a request.
    pub(crate) batch: u64,
}

impl Share {
    /// Whether this ledger keeps an order. All requests about one order belong to one ledger.
    pub(crate) fn owns(&self, order: u64) -> bool {
        (order / self.batch) % self.lanes == self.lane
    }

    fn place(&self, order: u64) -> usize {
        let group = order / self.batch / self.lanes;
        usize::try_from(group * self.batch + order % self.batch).unwrap_or(usize::MAX)
    }

    fn order_at(&self, place: usize) -> u64 {
        let place = place as u64;
        (place / self.batch * self.lanes + self.lane) * self.batch + place % self.batch
    }
}

/// The acknowledged outcomes of one lane.
#[derive(Debug)]
pub(crate) struct Ledger {
    share: Share,
    locations: usize,
    seed: u64,
    sample_max: usize,
    /// Digest of what was promised first, where requests repeat; empty otherwise.
    contents: Option<Vec<u64>>,
    outcomes: Vec<u64>,
    /// Acknowledged allocations: SKU times locations plus location.
    pub(crate) allocated: Vec<u64>,
    /// Acknowledged backorders per SKU.
    pub(crate) backordered: Vec<u64>,
    /// Orders accepted.
    pub(crate) accepted: u64,
    /// Accepted orders to read back.
    pub(crate) sample: Vec<Sampled>,
    /// Answers that do not fit the order.
    pub(crate) misfits: Fault,
    /// Repeated requests that got another answer than the first.
    pub(crate) changed: Fault,
    /// Answers that the contract does not allow.
    pub(crate) unexpected: Fault,
    /// Requests whose outcome could not be learnt.
    pub(crate) unresolved: Fault,
}

impl Ledger {
    /// An empty ledger for so many SKUs and locations.
    pub(crate) fn new(
        share: Share,
        skus: usize,
        locations: usize,
        repeats: bool,
        seed: u64,
        sample_max: usize,
    ) -> Self {
        Self {
            share,
            locations,
            seed,
            sample_max,
            contents: repeats.then(Vec::new),
            outcomes: Vec::new(),
            allocated: vec![0; skus * locations],
            backordered: vec![0; skus],
            accepted: 0,
            sample: Vec::new(),
            misfits: Fault::default(),
            changed: Fault::default(),
            unexpected: Fault::default(),
            unresolved: Fault::default(),
        }
    }

    /// An order was accepted under an id, with promises.
    pub(crate) fn accept(&mut self, ask: Ask, id: &[u8], promises: &[Promise]) {
        let place = self.share.place(ask.order);
        let digest = answer::digest_of_id(id);
        let before = outcome(&mut self.outcomes, place);
        if *before == UNKNOWN {
            *before = digest;
            self.enter(ask.order, id, promises);
            if let Some(contents) = &mut self.contents {
                *outcome(contents, place) = answer::digest_of_promises(promises);
            }
            return;
        }
        let same_content = self
            .contents
            .as_mut()
            .is_none_or(|contents| *outcome(contents, place) == answer::digest_of_promises(promises));
        let how = match *before {
            REFUSED => "was refused first",
            known if known != digest => "had another id first",
            _ if !same_content => "was promised other units first",
            _ => return,
        };
        self.changed.add(|| {
            let id = String::from_utf8_lossy(id);
            format!("order {}, {}: accepted as {id}, {how}", ask.order, why(ask.kind))
        });
    }

    fn enter(&mut self, order: u64, id: &[u8], promises: &[Promise]) {
        for promise in promises {
            match promise.location {
                Some(location) => {
                    let place = promise.sku as usize * self.locations + location as usize;
                    match self.allocated.get_mut(place).filter(|_| (location as usize) < self.locations) {
                        Some(units) => *units += promise.quantity,
                        None => {
                            self.misfits.add(|| format!("order {order}: no location {location} in this run"));
                        }
                    }
                }
                None => self.backordered[promise.sku as usize] += promise.quantity,
            }
        }
        self.accepted += 1;
        // Reservoir sampling: each accepted order is as likely to be kept as any other.
        let place = if self.sample.len() < self.sample_max {
            self.sample.len()
        } else {
            let draw = Random::of(self.seed, Stream::Sample, order).below(self.accepted);
            usize::try_from(draw).unwrap_or(usize::MAX)
        };
        if place < self.sample_max {
            let id = String::from_utf8_lossy(id).into_owned();
            let sampled = Sampled { order, id, promises: promises.to_vec() };
            match self.sample.get_mut(place) {
                Some(kept) => *kept = sampled,
                None => self.sample.push(sampled),
            }
        }
    }

    /// An order was refused for want of stock.
    pub(crate) fn refuse(&mut self, ask: Ask) {
        let before = outcome(&mut self.outcomes, self.share.place(ask.order));
        match *before {
            UNKNOWN => *before = REFUSED,
            REFUSED => {}
            _ => self
                .changed
                .add(|| format!("order {}, {}: refused after it was accepted", ask.order, why(ask.kind))),
        }
    }

    /// Orders whose last word is a refusal.
    pub(crate) fn refused(&self) -> impl Iterator<Item = u64> + '_ {
        let refused = self.outcomes.iter().enumerate().filter(|(_, outcome)| **outcome == REFUSED);
        refused.map(|(place, _)| self.share.order_at(place))
    }

    /// The digests of the ids of accepted orders.
    pub(crate) fn ids(&self) -> impl Iterator<Item = u64> + '_ {
        self.outcomes.iter().copied().filter(|&outcome| outcome > REFUSED)
    }
}

fn outcome(outcomes: &mut Vec<u64>, place: usize) -> &mut u64 {
    if outcomes.len() <= place {
        outcomes.resize(place + 1, UNKNOWN);
    }
    &mut outcomes[place]
}

fn why(kind: Kind) -> &'static str {
    match kind {
        Kind::First => "asked first",
        Kind::SameKey => "asked again with its key",
        Kind::Duplicate => "delivered twice",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Share = Share { lanes: 1, lane: 0, batch: 1 };

    fn ledger(repeats: bool, sample_max: usize) -> Ledger {
        Ledger::new(WHOLE, 2, 2, repeats, 1, sample_max)
    }

    fn ask(order: u64, kind: Kind) -> Ask {
        Ask { order, kind }
    }

    fn units(sku: u32, location: Option<u32>, quantity: u64) -> Promise {
        Promise { sku, location, quantity }
    }

    #[test]
    fn a_repeat_counts_once_and_the_same_answer_is_no_fault() {
        let mut ledger = ledger(true, 10);
        let promises = [units(1, Some(1), 3), units(0, None, 2)];
        ledger.accept(ask(0, Kind::First), b"ord_a", &promises);
        ledger.accept(ask(0, Kind::SameKey), b"ord_a", &promises);
        ledger.accept(ask(0, Kind::Duplicate), b"ord_a", &promises);
        assert_eq!(
            (ledger.allocated, ledger.backordered, ledger.accepted),
            (vec![0, 0, 0, 3], vec![2, 0], 1)
        );
        assert_eq!((ledger.changed.count, ledger.sample.len()), (0, 1));
    }

    #[test]
    fn every_change_of_an_outcome_is_a_fault() {
        let accept = |ledger: &mut Ledger, id: &str, quantity| {
            ledger.accept(ask(0, Kind::SameKey), id.as_bytes(), &[units(0, Some(0), quantity)]);
        };
        let mut other_id = ledger(true, 0);
        accept(&mut other_id, "ord_a", 1);
        accept(&mut other_id, "ord_b", 1);
        let mut other_units = ledger(true, 0);
        accept(&mut other_units, "ord_a", 1);
        accept(&mut other_units, "ord_a", 2);
        let mut refused_later = ledger(true, 0);
        accept(&mut refused_later, "ord_a", 1);
        refused_later.refuse(ask(0, Kind::Duplicate));
        let mut accepted_later = ledger(true, 0);
        accepted_later.refuse(ask(0, Kind::First));
        accepted_later.refuse(ask(0, Kind::SameKey));
        accept(&mut accepted_later, "ord_a", 1);
        for (ledger, words) in [
            (other_id, "had another id first"),
            (other_units, "was promised other units first"),
            (refused_later, "refused after it was accepted"),
            (accepted_later, "was refused first"),
        ] {
            assert_eq!(ledger.changed.count, 1);
            assert!(ledger.changed.examples[0].contains(words), "{:?}", ledger.changed);
        }
    }

    #[test]
    fn shares_cover_every_order_once_and_find_it_again() {
        for (lanes, batch) in [(1, 1), (3, 1), (2, 10), (3, 7)] {
            let shares: Vec<_> = (0..lanes).map(|lane| Share { lanes, lane, batch }).collect();
            for order in 0..500 {
                let owners: Vec<_> = shares.iter().filter(|share| share.owns(order)).collect();
                assert_eq!(owners.len(), 1);
                assert_eq!(owners[0].order_at(owners[0].place(order)), order);
            }
        }
    }

    #[test]
    fn refused_orders_are_listed_by_number() {
        let mut ledger = Ledger::new(Share { lanes: 2, lane: 1, batch: 3 }, 1, 1, false, 1, 0);
        ledger.refuse(ask(4, Kind::First));
        ledger.accept(ask(5, Kind::First), b"ord_a", &[units(0, Some(0), 1)]);
        ledger.refuse(ask(9, Kind::First));
        assert_eq!(ledger.refused().collect::<Vec<_>>(), [4, 9]);
        assert_eq!(ledger.ids().count(), 1);
    }

    #[test]
    fn the_sample_is_bounded_spread_and_the_same_again() {
        let fill = || {
            let mut ledger = ledger(false, 50);
            for order in 0..5_000 {
                ledger.accept(
                    ask(order, Kind::First),
                    format!("ord_{order}").as_bytes(),
                    &[units(0, Some(0), 1)],
                );
            }
            ledger.sample
        };
        let sample = fill();
        assert_eq!(sample.len(), 50);
        assert_eq!(sample, fill());
        let late = sample.iter().filter(|sampled| sampled.order >= 2_500).count();
        assert!((12..=38).contains(&late), "{late} of 50 from the second half");
    }

    #[test]
    fn a_location_beyond_the_run_is_a_misfit() {
        let mut ledger = ledger(false, 0);
        ledger.accept(ask(0, Kind::First), b"ord_a", &[units(0, Some(2), 1)]);
        assert_eq!((ledger.misfits.count, ledger.allocated), (1, vec![0; 4]));
    }
}
