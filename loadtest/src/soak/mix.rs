//! The mix of requests: what is open and what is in stock stay what they are.

/// What the request of a ticket does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Places an order.
    Place,
    /// Ends the oldest open order.
    End,
    /// Receives stock.
    Receive,
}

/// Requests until the mix begins anew: orders and ends in turn, then a receipt. There are enough receipts to come to each
/// of 10,000 SKUs within some seconds, and few enough that it is orders that are measured.
const CYCLE: u64 = 33;

/// Of so many orders that end one is cancelled; the others are shipped.
pub(crate) const CANCEL_EVERY: u64 = 4;

impl Turn {
    /// The turn of a ticket.
    pub(crate) fn of(ticket: u64) -> Self {
        match ticket % CYCLE {
            last if last == CYCLE - 1 => Self::Receive,
            place if place.is_multiple_of(2) => Self::Place,
            _ => Self::End,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_orders_end_as_are_placed() {
        let turns: Vec<Turn> = (0..CYCLE * 10).map(Turn::of).collect();
        let count = |turn| turns.iter().filter(|other| **other == turn).count();
        assert_eq!((count(Turn::Place), count(Turn::End), count(Turn::Receive)), (160, 160, 10));
    }
}
