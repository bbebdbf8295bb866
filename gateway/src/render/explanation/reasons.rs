//! The codes of an explanation: what decided, and what became of a location. They are stable.

use onhand_engine::domain::routing::profile::{Barrier, By, Decision, Reason};

/// What became of a location, as answers say it.
pub(crate) fn reason_code(reason: Reason) -> &'static str {
    match reason {
        Reason::Chosen => "chosen",
        Reason::Unneeded => "unneeded",
        Reason::Outranked(_) => "outranked",
        Reason::NotEnough => "not_enough",
        Reason::NoStock => "no_stock",
        Reason::Barred(barrier) => match barrier {
            Barrier::NotIncluded => "not_included",
            Barrier::Excluded => "excluded",
            Barrier::KeptFree => "kept_free",
            Barrier::TooFar => "too_far",
            Barrier::Incapable => "incapable",
            Barrier::WrongKind => "wrong_kind",
            Barrier::CutOffPassed => "cut_off_passed",
            Barrier::NoCapacity => "no_capacity",
        },
    }
}

/// The rank under which a location was compared, from 0, if it was.
pub(crate) fn rank_of(reason: Reason) -> Option<u8> {
    match reason {
        Reason::Chosen | Reason::Unneeded => Some(0),
        Reason::Outranked(rank) => Some(rank),
        Reason::NotEnough | Reason::NoStock | Reason::Barred(_) => None,
    }
}

/// What decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decided {
    /// `strategy`, `fallback`, `defaults` or `hold`.
    pub(crate) by: &'static str,
    /// Which strategy or fallback, from 0.
    pub(crate) number: Option<u8>,
    /// `full`, `backordered` or `refused`.
    pub(crate) outcome: &'static str,
}

impl Decided {
    pub(crate) fn of(decision: Decision) -> Self {
        let (rules, outcome) = match decision {
            Decision::Strategy(number) => (By::Strategy(number), "full"),
            Decision::Fallback(number) => (By::Fallback(number), "full"),
            Decision::Defaults => (By::Defaults, "full"),
            Decision::Backorder(by) => (by, "backordered"),
            Decision::Reject(by) => (by, "refused"),
            Decision::Held => return Self { by: "hold", number: None, outcome: "full" },
        };
        let (by, number) = match rules {
            By::Strategy(number) => ("strategy", Some(number)),
            By::Fallback(number) => ("fallback", Some(number)),
            By::Defaults => ("defaults", None),
        };
        Self { by, number, outcome }
    }
}
