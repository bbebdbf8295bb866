//! What channels are granted, the naive way: every total that was ever told, in a list. A channel may still go by each of
//! them from the last one on that it is known to go by; what it may sell is the greatest of these, less all it has sold.

use super::books::Books;
use onhand_domain::command::{AcknowledgeGrant, PassFeed, PutExposure, SetGrant};
use onhand_domain::grant::Mode;
use onhand_domain::{ChannelNumber, HoldId, Rejection, SkuNumber};
use std::collections::BTreeMap;

/// What was stated of a channel, and the time that its feed has passed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exposed {
    pub(super) mode: Mode,
    lag: u64,
    passed: u64,
}

impl Default for Exposed {
    fn default() -> Self {
        Self { mode: Mode::Escrow, lag: 3_600_000, passed: 0 }
    }
}

/// One total that was told.
#[derive(Clone, Copy, Debug)]
struct Told {
    revision: u64,
    total: u64,
    /// The earliest time from which the channel says that it goes by it or a later one.
    since: Option<u64>,
}

#[derive(Clone, Debug)]
pub(super) struct Granted {
    /// The first is nothing, which every channel begins with.
    told: Vec<Told>,
    /// The record that told the first.
    since: u64,
    pub(super) sold: u64,
}

impl Default for Granted {
    fn default() -> Self {
        Self { told: vec![Told { revision: 0, total: 0, since: Some(0) }], since: 0, sold: 0 }
    }
}

impl Granted {
    fn latest(&self) -> Told {
        *self.told.last().unwrap()
    }

    fn may_go_by(&self) -> u64 {
        self.told.iter().map(|told| told.total).max().unwrap()
    }

    fn telling(&self, total: u64, revision: u64) -> Self {
        let mut after = self.clone();
        if self.since == 0 {
            after.since = revision;
        }
        after.told.push(Told { revision, total, since: None });
        after
    }

    /// Units that the channel may sell before it can be known not to.
    pub(super) fn taken(&self) -> u64 {
        self.may_go_by().saturating_sub(self.sold)
    }
}

/// The fewest units of which so many hundredths come to these.
fn kept(mode: Mode, units: u64) -> u64 {
    match mode {
        Mode::Escrow => units,
        Mode::Mirror => 0,
        Mode::Overlap(hundredths) => (0..).find(|kept| kept * u64::from(hundredths) >= units * 100).unwrap(),
    }
}

/// Units of a SKU in lines.
fn sum(lines: &[(SkuNumber, u32)], sku: SkuNumber) -> u64 {
    lines.iter().filter(|line| line.0 == sku).map(|line| u64::from(line.1)).sum()
}

impl Books {
    pub(super) fn exposed(&self, channel: usize) -> Exposed {
        self.exposed.get(&channel).copied().unwrap_or_default()
    }

    fn taken(&self, sku: SkuNumber, channel: usize) -> u64 {
        self.granted.get(&(sku, channel)).map_or(0, Granted::taken)
    }

    /// Units that nobody else gets of what a channel may sell.
    pub(super) fn kept(&self, sku: SkuNumber, channel: usize) -> u64 {
        kept(self.exposed(channel).mode, self.taken(sku, channel))
    }

    /// The same, if they are a promise.
    pub(super) fn kept_in_escrow(&self, sku: SkuNumber, channel: usize) -> u64 {
        if self.exposed(channel).mode == Mode::Escrow { self.kept(sku, channel) } else { 0 }
    }

    pub(super) fn exposure_refusal(&self, put: PutExposure) -> Option<Rejection> {
        let channel = usize::from(put.channel.0);
        let live = self.granted.iter().filter(|((_, of), granted)| *of == channel && granted.taken() > 0);
        let grants = u32::try_from(live.count()).unwrap();
        (grants > 0 && put.mode != self.exposed(channel).mode).then_some(Rejection::GrantsLive { grants })
    }

    pub(super) fn grant_refusal(&self, set: SetGrant) -> Option<Rejection> {
        let SetGrant { sku, channel, granted } = set;
        let channel = usize::from(channel.0);
        let before = self.granted.get(&(sku, channel)).cloned().unwrap_or_default();
        if granted < before.sold {
            return Some(Rejection::GrantBelowSold { granted, sold: before.sold });
        }
        let mode = self.exposed(channel).mode;
        let requested = kept(mode, before.telling(granted, u64::MAX).taken());
        if requested <= kept(mode, before.taken()) {
            return None;
        }
        let available = self.view_without_grant(sku, channel).total(&self.shelf_of(sku));
        (requested > available).then_some(Rejection::GrantExceedsStock { requested, available })
    }

    pub(super) fn acknowledge_refusal(&self, acknowledge: AcknowledgeGrant) -> Option<Rejection> {
        let AcknowledgeGrant { sku, channel, revision, .. } = acknowledge;
        let Some(granted) = self.granted.get(&(sku, usize::from(channel.0))) else {
            return Some(Rejection::NotGranted);
        };
        let latest = granted.latest().revision;
        (revision > latest).then_some(Rejection::UnknownRevision { revision, latest })
    }

    pub(super) fn put_exposure(&mut self, put: PutExposure) {
        let exposed = self.exposed.entry(usize::from(put.channel.0)).or_default();
        (exposed.mode, exposed.lag) = (put.mode, put.max_lag_ms);
    }

    pub(super) fn set_grant(&mut self, revision: u64, set: SetGrant) {
        let granted = self.granted.entry((set.sku, usize::from(set.channel.0))).or_default();
        *granted = granted.telling(set.granted, revision);
    }

    pub(super) fn acknowledge(&mut self, acknowledge: AcknowledgeGrant) {
        let AcknowledgeGrant { sku, channel, revision, at } = acknowledge;
        let granted = self.granted.get_mut(&(sku, usize::from(channel.0))).unwrap();
        for told in granted.told.iter_mut().filter(|told| told.revision <= revision) {
            told.since = Some(told.since.map_or(at, |since| since.min(at)));
        }
    }

    pub(super) fn pass_feed(&mut self, pass: PassFeed) {
        let exposed = self.exposed.entry(usize::from(pass.channel.0)).or_default();
        exposed.passed = exposed.passed.max(pass.at);
    }

    /// Forgets the totals that a channel is known to go by no more, with all it sold by them heard of.
    pub(super) fn free_grants(&mut self, channel: ChannelNumber) {
        let Exposed { lag, passed, .. } = self.exposed(usize::from(channel.0));
        let mut freed = Vec::new();
        for ((sku, of), granted) in self.granted.iter_mut().filter(|((_, of), _)| *of == channel.0.into()) {
            let is_settled = |told: &Told| told.since.is_some_and(|since| since + lag <= passed);
            let before = granted.may_go_by();
            if let Some(first) = granted.told.iter().rposition(is_settled) {
                granted.told.drain(..first);
            }
            if granted.may_go_by() < before {
                freed.push((*sku, *of));
            }
        }
        freed.into_iter().for_each(|(sku, _)| self.serve(sku));
    }

    /// A channel has sold what it ordered, or what a buyer holds; of what an order confirms that was said before.
    pub(super) fn sell(&mut self, channel: usize, lines: &[(SkuNumber, u32)], before: &[(SkuNumber, u32)]) {
        for ((sku, _), granted) in self.granted.iter_mut().filter(|((_, of), _)| *of == channel) {
            granted.sold += sum(lines, *sku).saturating_sub(sum(before, *sku));
        }
    }

    /// A hold is no more, and of what it has sold an order has taken these lines.
    pub(super) fn unsell(&mut self, hold: HoldId, taken: &[(SkuNumber, u32)]) {
        let held = self.holds[&hold].clone();
        let of_it = |of: usize, granted: &Granted| of == held.channel && granted.since < hold.0;
        for ((sku, of), granted) in &mut self.granted {
            if of_it(*of, granted) {
                granted.sold -= sum(&held.lines, *sku).saturating_sub(sum(taken, *sku));
            }
        }
    }

    /// Units that are kept of each SKU for a channel.
    pub(super) fn kept_of_all(&self, channel: usize) -> BTreeMap<SkuNumber, u64> {
        let granted = self.granted.keys().filter(|(_, of)| *of == channel);
        granted.map(|(sku, _)| (*sku, self.kept(*sku, channel))).collect()
    }

    /// SKUs of which something was kept before and is kept no more, and nobody has claimed: somebody else may have it who
    /// waits.
    pub(super) fn kept_no_more(
        &self,
        channel: usize,
        before: &BTreeMap<SkuNumber, u64>,
        claimed: impl Fn(SkuNumber) -> u64,
    ) -> Vec<SkuNumber> {
        let is_free = |(sku, kept): &(&SkuNumber, &u64)| **kept > self.kept(**sku, channel) + claimed(**sku);
        before.iter().filter(is_free).map(|(sku, _)| *sku).collect()
    }
}
