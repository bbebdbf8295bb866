//! What is agreed of an order: its policy, until when it ships complete, and until when it waits.

use super::catalogue::policy_of;
use crate::body::{self, Check};
use onhand_engine::domain::order::{Agreed, Policy};

/// These members of an order's body.
pub(super) struct AgreedBody<'b> {
    pub(super) policy: Option<&'b str>,
    pub(super) ship_complete_by: Option<&'b str>,
    pub(super) cancel_after: Option<&'b str>,
}

impl AgreedBody<'_> {
    /// The policy, if one is named, and what more is agreed. Whoever says until when an order ships complete has said that
    /// it does.
    pub(super) fn checked(&self, check: &mut Check) -> (Option<Policy>, Agreed) {
        let policy = self.policy.and_then(|word| policy_of(check, word));
        let cancel_after = self.cancel_after.and_then(|date| date_of(check, "/cancel_after", date));
        let Some(date) = self.ship_complete_by else {
            return (policy, Agreed { cancel_after, ..Agreed::NONE });
        };
        if policy.is_some_and(|policy| policy != Policy::ShipComplete) {
            let detail = "is for orders with the policy ship_complete, which need not name it";
            check.wrong("/ship_complete_by", "invalid_value", detail);
        }
        let complete_by = date_of(check, "/ship_complete_by", date);
        (Some(Policy::ShipComplete), Agreed { complete_by, cancel_after })
    }
}

/// A time that something waits for, in milliseconds since 1970-01-01 UTC: not before that.
fn date_of(check: &mut Check, pointer: &str, text: &str) -> Option<u64> {
    let date = body::instant(text).and_then(|instant| u64::try_from(instant).ok());
    if date.is_none() {
        check.wrong(
            pointer,
            "invalid_time",
            "must be a time since 1970, like 2026-11-23T10:00:00Z (RFC 3339)",
        );
    }
    date
}
