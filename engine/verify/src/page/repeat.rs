//! An order that came again under another key: answered from the record that accepted it.

use super::Page;
use crate::report::Invariant;
use onhand_record::order::RepeatAnsweredV1;

impl Page<'_> {
    /// The order must be there; only who asks the same as it did gets its answer, and only who does not, a conflict.
    pub(crate) fn repeat_answered(&mut self, fingerprint: Option<[u8; 16]>, answered: RepeatAnsweredV1) {
        let RepeatAnsweredV1 { order, conflicts } = answered;
        let before = self.ledger.accepted.get(&order).copied();
        self.findings
            .check(Invariant::J4, before.is_some(), || format!("order {order} was never accepted before"));
        let Some(before) = before else { return };
        self.findings.check(Invariant::I8, (before == fingerprint) != conflicts, || {
            let (asked, given) = if conflicts {
                ("the same as", "a conflict")
            } else {
                ("something else than", "its first answer")
            };
            format!("it asks {asked} order {order}, and was given {given}")
        });
    }
}
