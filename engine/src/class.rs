//! What a submission is, for whoever must say which of several comes first, or which is refused.

use crate::ask::{Ask, Submission};

/// The classes, the first one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// A cancellation or a shipment. It frees stock or finishes work, and there are no more of them than orders.
    Change,
    /// Everything else that comes alone: orders, stock, master data, and reads.
    Order,
    /// A line of a bulk body. Who sends one waits for all of it and is slowed rather than refused.
    Bulk,
}

impl Class {
    /// How many there are.
    pub const COUNT: usize = 3;
}

impl Ask {
    /// Of which class it is when it comes alone.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::CancelOrder(_)
            | Self::ShipOrder(_)
            | Self::ExtendHold(_)
            | Self::ReleaseHold(_)
            | Self::AcknowledgeGrant(_)
            | Self::PassFeed(_) => Class::Change,
            Self::PutLocation(_)
            | Self::PutChannel(_)
            | Self::PutSku(_)
            | Self::PutProfile(_)
            | Self::MoveStock(_)
            | Self::PlaceOrder(_)
            | Self::PlaceHold(_)
            | Self::PutExposure(_)
            | Self::SetGrant(_)
            | Self::AnswerRepeat(_)
            | Self::Read(_) => Class::Order,
        }
    }
}

impl Submission {
    /// Of which class it is. What belongs to a bulk body stays with its lines, so that nothing of it overtakes them.
    #[must_use]
    pub fn class(&self) -> Class {
        if self.stage > 0 { Class::Bulk } else { self.ask.class() }
    }
}
