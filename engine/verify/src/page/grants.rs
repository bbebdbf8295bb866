//! Exposure grants: what is told, acknowledged and freed.

use super::Page;
use crate::grants::Granted;
use crate::report::Invariant;
use onhand_record::grant::{
    ExposurePutV1, FeedPassedV1, GrantAcknowledgedV1, GrantSetV1, GrantsFreedV1, ModeV1,
};
use onhand_record::order::OrderAskedV1;

impl Page<'_> {
    pub(crate) fn exposure_put(&mut self, put: ExposurePutV1) {
        let ExposurePutV1 { channel, mode, max_lag_ms } = put;
        self.check_channel(channel);
        let is_one = !matches!(mode, ModeV1::Overlap(hundredths) if hundredths < 100);
        self.findings.check(Invariant::J4, is_one, || format!("less is granted than is kept: {mode:?}"));
        let before = self.ledger.exposed(channel);
        let may_sell = |((_, of), granted): (&(u32, u16), &Granted)| *of == channel && granted.taken() > 0;
        let is_free = before.mode == mode || !self.ledger.granted.iter().any(may_sell);
        self.findings.check(Invariant::I9, is_free, || {
            format!("channel {channel} is exposed in another way while it may sell what it was granted")
        });
        let exposed = self.ledger.exposed.entry(channel).or_default();
        (exposed.mode, exposed.lag) = (mode, max_lag_ms);
    }

    /// A total is no less than what was sold by it, and what it takes more than before could be kept.
    pub(crate) fn grant_set(&mut self, set: GrantSetV1) {
        let GrantSetV1 { sku, channel, granted, sold, taken, .. } = set;
        self.check_channel(channel);
        self.check_granted_sku(sku, set.decimals);
        let before = self.ledger.granted.get(&(sku, channel)).cloned().unwrap_or_default();
        let mut after = before.clone();
        after.tell(granted, self.findings.lsn.0);
        let stated = (sold, i64::try_from(taken).unwrap_or(i64::MAX));
        let due = (after.sold, after.taken());
        self.findings.check(Invariant::I3, stated == due && granted >= sold, || {
            format!("{granted} granted, sold and taken are {stated:?}, the books have {due:?}")
        });
        let exposed = self.ledger.exposed(channel);
        let (was, now) = (exposed.kept(before.taken()), exposed.kept(after.taken()));
        let view = self.ledger.view_without_grant(sku, channel);
        let most = view.total(&|location| self.ledger.shelf(sku, location)).filter(|_| now > was);
        if let Some(most) = most {
            self.findings.check(Invariant::I9, now <= most, || {
                format!("{now} units of sku {sku} are kept for channel {channel}, {most} could be")
            });
        }
        self.ledger.granted.insert((sku, channel), after);
    }

    pub(crate) fn grant_acknowledged(&mut self, acknowledged: GrantAcknowledgedV1) {
        let GrantAcknowledgedV1 { sku, channel, revision, at, units, .. } = acknowledged;
        let granted = self.ledger.granted.get_mut(&(sku, channel));
        let is_right = granted.is_some_and(|granted| {
            revision <= granted.revision && granted.acknowledge(revision, at) == units
        });
        self.findings
            .check(Invariant::I9, is_right, || format!("{acknowledged:?}: not what the channel was told"));
    }

    pub(crate) fn feed_passed(&mut self, passed: FeedPassedV1) {
        let FeedPassedV1 { channel, at } = passed;
        self.check_channel(channel);
        let exposed = self.ledger.exposed.entry(channel).or_default();
        let is_later = at >= exposed.passed;
        exposed.passed = at;
        self.findings
            .check(Invariant::I9, is_later, || format!("the feed of channel {channel} goes backwards"));
    }

    /// What is freed was acknowledged, and every order before that is known.
    pub(crate) fn grants_freed(&mut self, freed: &GrantsFreedV1) {
        let GrantsFreedV1 { channel, until, freed } = freed;
        let known = self.ledger.exposed(*channel).known_until();
        self.findings.check(Invariant::I9, known == Some(*until) && !freed.is_empty(), || {
            format!("all orders are known until {known:?}, units are freed until {until}")
        });
        for (sku, units) in freed {
            let granted = self.ledger.granted.get_mut(&(*sku, *channel));
            let settled = granted.map_or(0, |granted| granted.settle(*until));
            self.findings.check(Invariant::I9, *units > 0 && settled == *units, || {
                format!("{units} units of sku {sku} are freed, {settled} were due")
            });
        }
    }

    /// Whether the channel of an order is granted some of what it asks.
    pub(super) fn is_granted(&self, asked: &OrderAskedV1<'_>) -> bool {
        asked.lines.iter().any(|line| self.ledger.in_escrow(line.sku, asked.channel) > 0)
    }

    fn check_channel(&mut self, channel: u16) {
        let is_there = usize::from(channel) < self.ledger.channels.len();
        self.findings.check(Invariant::J4, is_there, || format!("channel {channel} was never created"));
    }

    fn check_granted_sku(&mut self, number: u32, decimals: u8) {
        let is_kit = self.ledger.components_of(number).is_some();
        let sku = self.ledger.skus.get_mut(number as usize);
        let is_one = sku.is_some_and(|sku| {
            sku.has_moved = true;
            sku.decimals == decimals
        });
        self.findings.check(Invariant::J4, is_one && !is_kit, || {
            format!("sku {number} was never created, is a kit, or has other decimals than {decimals}")
        });
    }
}
