//! What is asked: the content of every request, a pure function of the seed and the request's number.

use std::sync::Arc;

use crate::random::{Random, Stream};
use crate::replay::Recording;
use crate::zipf::Zipf;

/// The exponent that storage benchmarks have agreed on for "a few things are in great demand".
pub(crate) const ZIPF_EXPONENT: f64 = 0.99;

/// Units in a line: one to so many.
const QUANTITY_MAX: u64 = 3;

/// Of a hundred requests of the mixed scenario, how many are sent again with their key.
const SAME_KEY_PERCENT: u64 = 10;

/// Of a hundred requests of the mixed scenario, how many are delivered twice by their channel, without a key.
const DUPLICATE_PERCENT: u64 = 5;

/// A repeated request follows its first one at a distance of at most so many requests. With a hundred
/// connections or more that includes repeats that overtake the request they repeat.
const REPEAT_DISTANCE_MAX: u64 = 200;

/// Cents in the cheapest and in the dearest price.
const PRICE_CENTS: (u64, u64) = (100, 9_999);

/// Millionths of the currency's unit in a cent.
const MICROS_PER_CENT: u64 = 10_000;

/// Countries that locations stand in and orders go to, in turn.
pub(crate) const COUNTRIES: [&str; 5] = ["GB", "DE", "FR", "US", "NL"];

/// One line of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    /// Number of the SKU.
    pub(crate) sku: u32,
    /// Units.
    pub(crate) quantity: u32,
    /// Price of a unit in millionths.
    pub(crate) price_micros: u64,
}

/// What an order says. Reused from one order to the next.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    /// Its lines; line ids count from 1.
    pub(crate) lines: Vec<Line>,
    /// Where it goes; empty if not known.
    pub(crate) country: &'static str,
    /// When it was placed, as RFC 3339; empty if it does not say.
    pub(crate) placed_at: String,
}

/// Why a request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A new order.
    First,
    /// The same request again, with the same key, as a client does that saw no answer.
    SameKey,
    /// The same order again without a key, as a channel does that delivers a webhook twice.
    Duplicate,
}

/// One order of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ask {
    /// Number of the order.
    pub(crate) order: u64,
    /// Why it is sent.
    pub(crate) kind: Kind,
}

/// How SKUs are picked.
#[derive(Debug, Clone)]
pub(crate) enum Pick {
    /// Each as likely as any other.
    Uniform,
    /// By Zipf's law; SKU 0 is in greatest demand.
    Zipf(Zipf),
    /// Always SKU 0.
    Hot,
}

/// The orders of a run.
#[derive(Debug, Clone)]
pub(crate) enum Workload {
    /// Orders made up from the seed.
    Drawn {
        /// The seed.
        seed: u64,
        /// SKUs to pick from.
        skus: u32,
        /// How they are picked.
        pick: Pick,
        /// The least and the greatest number of lines of an order.
        lines: (u32, u32),
        /// Some requests repeat earlier ones.
        repeats: bool,
    },
    /// Orders of a real shop.
    Recorded(Arc<Recording>),
}

impl Workload {
    /// What a ticket asks for. Tickets of a batch are asked one by one, by order number.
    pub(crate) fn ask(&self, ticket: u64) -> Ask {
        match self {
            Self::Drawn { repeats: false, .. } => Ask { order: ticket, kind: Kind::First },
            Self::Drawn { seed, repeats: true, .. } => repeating(*seed, ticket),
            Self::Recorded(recording) => recording.ask(ticket),
        }
    }

    /// Whether requests repeat earlier ones.
    pub(crate) fn repeats(&self) -> bool {
        match self {
            Self::Drawn { repeats, .. } => *repeats,
            Self::Recorded(recording) => recording.repeats(),
        }
    }

    /// Writes what an order says.
    pub(crate) fn order(&self, number: u64, out: &mut Order) {
        out.lines.clear();
        out.placed_at.clear();
        match self {
            Self::Recorded(recording) => recording.order(number, out),
            Self::Drawn { seed, skus, pick, lines, .. } => {
                let mut random = Random::of(*seed, Stream::Order, number);
                let count = u64::from(lines.0) + random.below(u64::from(lines.1 - lines.0) + 1);
                for _ in 0..count {
                    let sku = match pick {
                        Pick::Uniform => u32::try_from(random.below(u64::from(*skus))).unwrap_or_default(),
                        Pick::Zipf(zipf) => zipf.rank(random.unit()),
                        Pick::Hot => 0,
                    };
                    let quantity = u32::try_from(1 + random.below(QUANTITY_MAX)).unwrap_or(1);
                    out.lines.push(Line { sku, quantity, price_micros: price_micros(*seed, sku) });
                }
                let country = usize::try_from(random.below(COUNTRIES.len() as u64)).unwrap_or_default();
                out.country = COUNTRIES[country];
            }
        }
    }
}

fn price_micros(seed: u64, sku: u32) -> u64 {
    let (low, high) = PRICE_CENTS;
    (low + Random::of(seed, Stream::Price, u64::from(sku)).below(high - low + 1)) * MICROS_PER_CENT
}

/// The kind of a request, by its number alone, so that the order it repeats can be found without a record.
fn kind_of(seed: u64, ticket: u64) -> (Kind, Random) {
    let mut random = Random::of(seed, Stream::Repeat, ticket);
    let percent = random.below(100);
    let kind = match percent {
        _ if ticket == 0 => Kind::First,
        0..SAME_KEY_PERCENT => Kind::SameKey,
        _ if percent < SAME_KEY_PERCENT + DUPLICATE_PERCENT => Kind::Duplicate,
        _ => Kind::First,
    };
    (kind, random)
}

fn repeating(seed: u64, ticket: u64) -> Ask {
    let (kind, mut random) = kind_of(seed, ticket);
    if kind == Kind::First {
        return Ask { order: ticket, kind };
    }
    let distance = 1 + random.below(REPEAT_DISTANCE_MAX.min(ticket));
    // Request 0 is a first one, so the walk ends.
    let mut order = ticket - distance;
    while kind_of(seed, order).0 != Kind::First {
        order -= 1;
    }
    Ask { order, kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(seed: u64, pick: Pick, lines: (u32, u32), repeats: bool) -> Workload {
        Workload::Drawn { seed, skus: 100, pick, lines, repeats }
    }

    fn order(workload: &Workload, number: u64) -> Order {
        let mut order = Order::default();
        workload.order(number, &mut order);
        order
    }

    #[test]
    fn an_order_depends_on_seed_and_number_alone() {
        let workload = drawn(1, Pick::Uniform, (1, 5), false);
        let once: Vec<_> = (0..50).map(|number| order(&workload, number)).collect();
        let again: Vec<_> = (0..50).rev().map(|number| order(&workload, number)).collect();
        assert!(once.iter().eq(again.iter().rev()));
        assert_ne!(once[7], order(&drawn(2, Pick::Uniform, (1, 5), false), 7));
    }

    #[test]
    fn lines_quantities_and_prices_keep_their_bounds() {
        let workload = drawn(1, Pick::Zipf(Zipf::new(100, ZIPF_EXPONENT)), (2, 4), false);
        let mut counts = [0; 5];
        for number in 0..300 {
            let order = order(&workload, number);
            counts[order.lines.len()] += 1;
            for line in &order.lines {
                assert!(line.sku < 100 && (1..=3).contains(&line.quantity));
                assert!((1_000_000..=99_990_000).contains(&line.price_micros));
            }
        }
        assert_eq!(counts[..2], [0, 0]);
        assert!(counts[2..].iter().all(|&count| count > 50), "{counts:?}");
    }

    #[test]
    fn hot_is_one_sku() {
        let workload = drawn(1, Pick::Hot, (1, 1), false);
        assert!((0..100).all(|number| order(&workload, number).lines[0].sku == 0));
    }

    #[test]
    fn repeats_name_an_earlier_first_request_and_come_as_often_as_said() {
        let workload = drawn(9, Pick::Uniform, (1, 1), true);
        let (mut same_key, mut duplicates) = (0, 0);
        for ticket in 0..10_000 {
            let ask = workload.ask(ticket);
            match ask.kind {
                Kind::First => assert_eq!(ask.order, ticket),
                Kind::SameKey => same_key += 1,
                Kind::Duplicate => duplicates += 1,
            }
            if ask.kind != Kind::First {
                assert!(ask.order < ticket);
                assert_eq!(workload.ask(ask.order), Ask { order: ask.order, kind: Kind::First });
            }
        }
        assert!((900..1100).contains(&same_key), "{same_key}");
        assert!((400..600).contains(&duplicates), "{duplicates}");
    }
}
