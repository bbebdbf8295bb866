//! The judgement: what was acknowledged against what the server says now. Pure; asks nobody.
//!
//! Each check looks at everything the run knows and counts what breaks it. A run is good only if all hold; its
//! figures mean nothing otherwise, so the report puts the checks above them.

use std::collections::HashMap;

use serde::Serialize;

use crate::answer::Promise;
use crate::audit::{ReadBack, Shelf, SkuState};
use crate::cli::Policy;
use crate::ledger::{Fault, Ledger, Sampled};
use crate::plan::Plan;
use crate::workload::Order;

/// What all lanes together have been told.
#[derive(Debug, Default)]
pub(crate) struct Acknowledged {
    /// Units by SKU times locations plus location.
    pub(crate) allocated: Vec<u64>,
    /// Units by SKU.
    pub(crate) backordered: Vec<u64>,
    /// Orders accepted.
    pub(crate) accepted: u64,
    /// Orders refused, by number.
    pub(crate) refused: Vec<u64>,
    /// Digests of the ids of accepted orders.
    pub(crate) ids: Vec<u64>,
    /// Accepted orders to be read back.
    pub(crate) sample: Vec<Sampled>,
    misfits: Fault,
    changed: Fault,
    unexpected: Fault,
    unresolved: Fault,
}

impl Acknowledged {
    /// Takes over a lane's ledger.
    pub(crate) fn add(&mut self, ledger: Ledger) {
        self.refused.extend(ledger.refused());
        self.ids.extend(ledger.ids());
        self.accepted += ledger.accepted;
        sum(&mut self.allocated, &ledger.allocated);
        sum(&mut self.backordered, &ledger.backordered);
        self.sample.extend(ledger.sample);
        self.misfits.merge(ledger.misfits);
        self.changed.merge(ledger.changed);
        self.unexpected.merge(ledger.unexpected);
        self.unresolved.merge(ledger.unresolved);
    }
}

fn sum(into: &mut Vec<u64>, from: &[u64]) {
    into.resize(from.len(), 0);
    for (into, from) in into.iter_mut().zip(from) {
        *into += from;
    }
}

/// One thing that must be so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    /// What must be so.
    pub(crate) name: &'static str,
    /// Whether it is.
    pub(crate) held: bool,
    /// How many things were looked at.
    pub(crate) looked_at: u64,
    /// What they are.
    pub(crate) unit: &'static str,
    /// How many of them break it.
    pub(crate) broken: u64,
    /// The first of those.
    pub(crate) examples: Vec<String>,
}

/// The outcome of the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Verdict {
    /// Whether every check held.
    pub(crate) held: bool,
    /// Every check, in the order in which they are shown.
    pub(crate) checks: Vec<Check>,
}

impl Verdict {
    fn of(checks: Vec<Check>) -> Self {
        Self { held: checks.iter().all(|check| check.held), checks }
    }
}

fn check(name: &'static str, looked_at: u64, unit: &'static str, fault: Fault) -> Check {
    Check { name, held: fault.count == 0, looked_at, unit, broken: fault.count, examples: fault.examples }
}

/// What the judgement needs to know of the plan.
#[derive(Debug)]
pub(crate) struct Rules<'a> {
    /// The run.
    pub(crate) plan: &'a Plan,
    /// Requests that were sent, repeats included.
    pub(crate) asked: u64,
}

/// Judges a run.
pub(crate) fn judge(rules: &Rules<'_>, told: &Acknowledged, read: &ReadBack) -> Verdict {
    let skus = told.backordered.len() as u64;
    let accepted = told.accepted;
    let sampled = told.sample.len() as u64;
    let refused = told.refused.len() as u64;
    let audit = Audit { rules, told, read, locations: rules.plan.locations as usize };
    Verdict::of(vec![
        check("never more promised than was received", skus, "SKUs", audit.oversold_by_answers()),
        check("stock can be read", skus, "SKUs", audit.unreadable()),
        check("received stock is all there", skus, "SKUs", audit.stock_changed()),
        check("committed is within sellable, available not negative", skus, "SKUs", audit.oversold()),
        check("committed is what was acknowledged", skus, "SKUs", audit.not_as_acknowledged()),
        check("backordered is what was acknowledged", skus, "SKUs", audit.backorders()),
        check("refused only for want of stock", refused, "refused orders", audit.refused_wrongly()),
        check("accepted orders read back as acknowledged", sampled, "orders read", audit.orders()),
        check("one id for each order", accepted, "accepted orders", audit.shared_ids()),
        check("a repeated request gets the first answer", rules.asked, "requests", told.changed.clone()),
        check("answers fit their orders", rules.asked, "requests", told.misfits.clone()),
        check("answers are of the contract", rules.asked, "requests", told.unexpected.clone()),
        check("every outcome is known", rules.asked, "requests", told.unresolved.clone()),
    ])
}

struct Audit<'a> {
    rules: &'a Rules<'a>,
    told: &'a Acknowledged,
    read: &'a ReadBack,
    locations: usize,
}

impl Audit<'_> {
    fn name(&self, sku: usize) -> String {
        self.rules.plan.names.sku(u32::try_from(sku).unwrap_or(u32::MAX))
    }

    fn allocated(&self, sku: usize) -> &[u64] {
        &self.told.allocated[sku * self.locations..(sku + 1) * self.locations]
    }

    /// SKUs that could be read.
    fn states(&self) -> impl Iterator<Item = (usize, &SkuState)> {
        let states = self.read.skus.iter().enumerate();
        states.filter_map(|(sku, state)| state.as_ref().ok().map(|state| (sku, state)))
    }

    /// The answers alone convict the server: more was promised of a shelf than ever lay on it.
    fn oversold_by_answers(&self) -> Fault {
        let mut fault = Fault::default();
        for sku in 0..self.told.backordered.len() {
            for (location, &allocated) in self.allocated(sku).iter().enumerate() {
                let received = self.rules.plan.received(sku, location);
                if allocated > received {
                    fault.add(|| {
                        let name = self.name(sku);
                        format!("{name} at location {location}: received {received}, promised {allocated}")
                    });
                }
            }
        }
        fault
    }

    fn unreadable(&self) -> Fault {
        let mut fault = Fault::default();
        for (sku, state) in self.read.skus.iter().enumerate() {
            if let Err(reason) = state {
                fault.add(|| format!("{}: {reason}", self.name(sku)));
            }
        }
        for sku in self.read.skus.len()..self.told.backordered.len() {
            fault.add(|| format!("{}: not read", self.name(sku)));
        }
        fault
    }

    /// Nothing is shipped and nothing adjusted in a run, so what may be sold is what was received.
    fn stock_changed(&self) -> Fault {
        let mut fault = Fault::default();
        for (sku, state) in self.states() {
            let wrong = state.shelves.iter().enumerate().find(|(location, shelf)| {
                u64::try_from(shelf.sellable) != Ok(self.rules.plan.received(sku, *location))
            });
            if let Some((location, shelf)) = wrong {
                fault.add(|| {
                    let received = self.rules.plan.received(sku, location);
                    let name = self.name(sku);
                    format!("{name} at location {location}: received {received}, sellable {}", shelf.sellable)
                });
            }
            if state.short != 0 {
                fault.add(|| format!("{}: {} units short and none were lost", self.name(sku), state.short));
            }
        }
        fault
    }

    fn oversold(&self) -> Fault {
        let mut fault = Fault::default();
        for (sku, state) in self.states() {
            for (location, shelf) in state.shelves.iter().enumerate() {
                if let Some(reason) = shelf_broken(shelf) {
                    fault.add(|| format!("{} at location {location}: {reason}", self.name(sku)));
                }
            }
        }
        fault
    }

    /// Less means that an acknowledged order was lost, more that one was made up or counted twice.
    fn not_as_acknowledged(&self) -> Fault {
        let mut fault = Fault::default();
        for (sku, state) in self.states() {
            let allocated = self.allocated(sku);
            let wrong = state
                .shelves
                .iter()
                .zip(allocated)
                .enumerate()
                .find(|(_, (shelf, allocated))| u64::try_from(shelf.committed) != Ok(**allocated));
            if let Some((location, (shelf, allocated))) = wrong {
                fault.add(|| {
                    let name = self.name(sku);
                    format!(
                        "{name} at location {location}: acknowledged {allocated}, committed {}",
                        shelf.committed
                    )
                });
            }
        }
        fault
    }

    fn backorders(&self) -> Fault {
        let mut fault = Fault::default();
        for (sku, state) in self.states() {
            let acknowledged = self.told.backordered[sku];
            if u64::try_from(state.backordered) != Ok(acknowledged) {
                fault.add(|| {
                    let name = self.name(sku);
                    format!("{name}: acknowledged {acknowledged}, backordered {}", state.backordered)
                });
            }
        }
        fault
    }

    /// What is available only falls during a run. So whoever could be served from what is left at its end could
    /// have been served when it asked.
    fn refused_wrongly(&self) -> Fault {
        let mut fault = Fault::default();
        let mut order = Order::default();
        for &number in &self.told.refused {
            if self.rules.plan.policy == Policy::Backorder {
                fault.add(|| format!("order {number}: what is missing was to be backordered"));
                continue;
            }
            self.rules.plan.workload.order(number, &mut order);
            let mut demand: HashMap<usize, i64> = HashMap::new();
            for line in &order.lines {
                *demand.entry(line.sku as usize).or_default() += i64::from(line.quantity);
            }
            // A SKU that could not be read is a fault of its own, and nothing is said about its refusals.
            let missing = demand.iter().any(|(&sku, &units)| match self.read.skus.get(sku) {
                Some(Ok(state)) => state.shelves.iter().map(|shelf| shelf.available).sum::<i64>() < units,
                Some(Err(_)) | None => true,
            });
            if !missing {
                fault.add(|| {
                    let skus: Vec<_> = demand.keys().map(|&sku| self.name(sku)).collect();
                    format!("order {number}: at the end there is still enough of {}", skus.join(", "))
                });
            }
        }
        fault
    }

    fn orders(&self) -> Fault {
        let mut fault = Fault::default();
        let mut places = self.read.orders.iter();
        for sampled in &self.told.sample {
            let reason = match places.next() {
                None => Some("not read".to_owned()),
                Some(Err(reason)) => Some(reason.clone()),
                Some(Ok(state)) if state.id != sampled.id => Some(format!("it now has id {}", state.id)),
                Some(Ok(state)) if sorted(&state.promises) != sorted(&sampled.promises) => {
                    Some(format!("promised {:?}, now {:?}", sampled.promises, state.promises))
                }
                Some(Ok(_)) => None,
            };
            if let Some(reason) = reason {
                fault.add(|| format!("order {} with id {}: {reason}", sampled.order, sampled.id));
            }
        }
        fault
    }

    fn shared_ids(&self) -> Fault {
        let mut fault = Fault::default();
        let mut ids = self.told.ids.clone();
        ids.sort_unstable();
        for pair in ids.windows(2).filter(|pair| pair[0] == pair[1]) {
            fault.add(|| format!("two orders have an id with the digest {:016x}", pair[0]));
        }
        fault
    }
}

/// Promises in an order of their own: servers may list locations as they like.
fn sorted(promises: &[Promise]) -> Vec<(u32, Option<u32>, u64)> {
    let mut sorted: Vec<_> =
        promises.iter().map(|promise| (promise.sku, promise.location, promise.quantity)).collect();
    sorted.sort_unstable();
    sorted
}

fn shelf_broken(shelf: &Shelf) -> Option<String> {
    let Shelf { sellable, committed, reserved, safety_stock, available } = *shelf;
    if committed < 0 || committed > sellable {
        return Some(format!("committed {committed} of {sellable} sellable"));
    }
    if available < 0 {
        return Some(format!("available {available}"));
    }
    // Safety stock hides units from sale; it never makes more of them available.
    let left = sellable.saturating_sub(committed).saturating_sub(reserved).saturating_sub(safety_stock);
    (available != left.max(0)).then(|| {
        format!(
            "available {available} is not sellable {sellable} less committed {committed}, reserved {reserved}, \
             safety stock {safety_stock}"
        )
    })
}

#[cfg(test)]
mod tests;
