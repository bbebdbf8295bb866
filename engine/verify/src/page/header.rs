//! What the header of a merchant's record promises: its time, and that its key decides once.

use super::Page;
use crate::ledger::Decided;
use crate::report::Invariant;
use onhand_record::{Header, Kind};

/// How long an `Idempotency-Key` is remembered: 30 days. A record that comes later under the same key is a new
/// request. An external id is remembered for ever.
pub const KEY_WINDOW_MS: u64 = 30 * 24 * 60 * 60 * 1_000;

impl Page<'_> {
    /// Enters the header of a record that the merchant's shard stamped.
    pub(crate) fn header(&mut self, header: &Header) {
        let (at, before) = (header.at, self.ledger.at);
        self.ledger.at = before.max(at);
        self.findings.check(Invariant::J4, at >= before, || format!("time {at} runs back from {before}"));
        match header.idempotency {
            Some(key) => self.key(key, header),
            None => {
                let is_kept_for_a_key =
                    matches!(header.kind, Kind::OrderRefused | Kind::CommandRefused | Kind::RepeatAnswered);
                self.findings.check(Invariant::I8, !is_kept_for_a_key, || {
                    format!("a record of kind {:?} that no key binds is logged", header.kind)
                });
            }
        }
    }

    /// The same key decides once: a repeat gets the first answer, and a reuse for something else is turned away.
    fn key(&mut self, key: [u8; 16], header: &Header) {
        let Header { at, fingerprint, .. } = *header;
        self.findings.check(Invariant::I8, fingerprint.is_some(), || {
            "a repeat of its key cannot be recognised: it has no fingerprint".into()
        });
        let decided = Decided { lsn: self.findings.lsn.0, at, fingerprint };
        // What is older than the last record that decided is past the window if that is.
        let earlier = self.ledger.keys.insert(key, decided);
        let age_ms = earlier.map(|earlier| at.saturating_sub(earlier.at));
        self.findings.check(Invariant::I8, age_ms.is_none_or(|age_ms| age_ms > KEY_WINDOW_MS), || {
            let what = if earlier.is_some_and(|earlier| earlier.fingerprint == fingerprint) {
                "the same"
            } else {
                "something else"
            };
            let (lsn, age_ms) = (earlier.map_or(0, |earlier| earlier.lsn), age_ms.unwrap_or(0));
            format!("record {lsn} decided its idempotency key {age_ms} ms before, for {what}")
        });
    }
}
