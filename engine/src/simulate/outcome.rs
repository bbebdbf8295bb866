//! What became of an order in a world, and whether that is the same in both.

use super::tally::Both;
use crate::directory::Directory;
use crate::refusal::refusal_of;
use crate::routing::Format;
use onhand_domain::event::{NewClaims, OrderAccepted, OrderedLines, Routed};
use onhand_domain::order::Order;
use onhand_domain::rejection::Shortfall;
use onhand_domain::routing::profile::Explanation;
use onhand_domain::{ChannelNumber, Event, LocationNumber, OrderId, Rejection, SkuNumber};
use onhand_snapshots::Lsn;
use std::sync::Arc;

/// The text of a routing profile, for whoever explains in words what it decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulesText {
    /// What it is called.
    pub name: Arc<str>,
    /// The rules.
    pub text: Arc<str>,
    /// How they are written.
    pub format: Format,
}

/// An order that fares differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The record that accepted or refused it.
    pub lsn: Lsn,
    /// When that was, in milliseconds since 1970-01-01 UTC.
    pub at: u64,
    /// Where it came from.
    pub channel: ChannelNumber,
    /// The channel's own number for it.
    pub external_id: String,
    /// SKU and quantity of each line, in smallest units.
    pub lines: OrderedLines,
    /// What became of it, in both worlds.
    pub told: Both<Told>,
}

/// What became of an order, and by which rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What became of it.
    pub fate: Fate,
    /// The rules that decided, and what they say, if the channel had a routing profile.
    pub explained: Option<(RulesText, Explanation)>,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It was accepted.
    Accepted {
        /// What was claimed for it then.
        claims: Vec<Served>,
        /// Units that waited then.
        waiting: u64,
    },
    /// It was refused.
    Refused {
        /// The lines that stock could not serve, if that is why.
        shortfalls: Vec<Shortfall>,
        /// Why, in a sentence.
        detail: String,
    },
}

/// Units that one location has for one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// Which line of the order, from 0.
    pub line: u16,
    /// Of what: the line's own SKU, or a part of it if that is a kit.
    pub sku: SkuNumber,
    /// From where.
    pub location: LocationNumber,
    /// How many, in smallest units.
    pub units: u32,
}

/// What became of an order, as it was decided.
#[derive(Clone, Copy)]
pub(super) enum Outcome<'a> {
    Accepted(&'a OrderAccepted),
    Refused(&'a Rejection),
}

impl<'a> Outcome<'a> {
    /// `None` if it is no order's.
    pub(super) fn of(decided: &'a Result<Event, Rejection>) -> Option<Self> {
        match decided {
            Ok(Event::OrderAccepted(accepted)) => Some(Self::Accepted(accepted)),
            Ok(_) => None,
            Err(rejection) => Some(Self::Refused(rejection)),
        }
    }

    /// What is claimed for it.
    pub(super) fn claims(self) -> &'a [(u16, LocationNumber, u32)] {
        match self {
            Self::Accepted(accepted) => &accepted.claims,
            Self::Refused(_) => &[],
        }
    }

    /// Units that are claimed for it.
    pub(super) fn claimed(self) -> u64 {
        self.claims().iter().map(|(_, _, units)| u64::from(*units)).sum()
    }

    /// Whether the order fares the same: refused, or served so far from the same locations.
    pub(super) fn is_as(self, other: Outcome<'_>) -> bool {
        match (self, other) {
            (Self::Accepted(_), Outcome::Accepted(_)) => {
                self.claims() == other.claims() || sorted(self.claims()) == sorted(other.claims())
            }
            (Self::Refused(_), Outcome::Refused(_)) => true,
            _ => false,
        }
    }

    /// Which rules decided, and why so.
    pub(super) fn routed(self) -> Option<&'a Routed> {
        match self {
            Self::Accepted(accepted) => accepted.routed.as_deref(),
            Self::Refused(Rejection::InsufficientStock { routed, .. }) => routed.as_deref(),
            Self::Refused(_) => None,
        }
    }

    /// What became of an order of so many units.
    pub(super) fn fate(self, ordered: u64, directory: &Directory) -> Fate {
        match self {
            Self::Accepted(accepted) => {
                let claims = served(accepted);
                Fate::Accepted { claims, waiting: ordered.saturating_sub(self.claimed()) }
            }
            Self::Refused(rejection) => {
                let shortfalls = match rejection {
                    Rejection::InsufficientStock { shortfalls, .. } => shortfalls.clone(),
                    _ => Vec::new(),
                };
                Fate::Refused { shortfalls, detail: refusal_of(rejection, directory).detail }
            }
        }
    }
}

/// The claims of an order, by its lines.
fn served(accepted: &OrderAccepted) -> Vec<Served> {
    let demands = Order::accepted(OrderId(0), accepted).demands;
    let served = |(demand, location, units): &(u16, LocationNumber, u32)| {
        let demand = demands.get(usize::from(*demand))?;
        Some(Served { line: demand.line, sku: demand.sku, location: *location, units: *units })
    };
    accepted.claims.iter().filter_map(served).collect()
}

/// A plan names its claims in the order in which it made them; what is claimed does not depend on it.
fn sorted(claims: &[(u16, LocationNumber, u32)]) -> NewClaims {
    let mut claims = NewClaims::from_slice(claims);
    claims.sort_unstable();
    claims
}
