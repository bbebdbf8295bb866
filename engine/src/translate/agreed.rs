//! What was agreed of an order beyond its policy: from event to record and back.

use onhand_domain::order::Agreed;
use onhand_record::agreed::AgreedV1;

/// What was agreed, as a record has it.
pub(crate) fn agreed_record(agreed: Agreed) -> Vec<AgreedV1> {
    let Agreed { complete_by, cancel_after } = agreed;
    let terms = [complete_by.map(AgreedV1::CompleteBy), cancel_after.map(AgreedV1::CancelAfter)];
    terms.into_iter().flatten().collect()
}

/// What a record says was agreed.
#[must_use]
pub fn agreed_of(record: &[AgreedV1]) -> Agreed {
    let mut agreed = Agreed::NONE;
    for term in record {
        match term {
            AgreedV1::CompleteBy(date) => agreed.complete_by = Some(*date),
            AgreedV1::CancelAfter(date) => agreed.cancel_after = Some(*date),
        }
    }
    agreed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_agreed_comes_back_as_it_went() {
        for complete_by in [None, Some(0), Some(u64::MAX)] {
            for cancel_after in [None, Some(1)] {
                let agreed = Agreed { complete_by, cancel_after };
                assert_eq!(agreed_of(&agreed_record(agreed)), agreed);
            }
        }
    }
}
