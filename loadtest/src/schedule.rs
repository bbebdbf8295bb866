//! When each request is due: planned before the run, whatever the server does.
//!
//! An open loop does not slow down with the server. A request that finds every connection busy is sent late, and
//! its latency counts from the planned time; so a stall of the server shows in every request it delays, and not
//! only in the few that were under way (coordinated omission).

use std::sync::Arc;

/// Nanoseconds in a second.
pub(crate) const SECOND_NS: u64 = 1_000_000_000;

/// How requests are spread over time.
#[derive(Debug, Clone)]
pub(crate) enum Pace {
    /// So many orders a second, evenly.
    Every {
        /// Orders a second, not 0.
        per_second: u64,
    },
    /// At recorded times: for each request its nanoseconds since the start, ascending.
    Recorded(Arc<[u64]>),
    /// The next request as soon as a connection is free: a closed loop.
    Max,
}

/// When a request is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// So many nanoseconds after the start.
    At(u64),
    /// As soon as a connection is free.
    Now,
}

/// The plan of a run: a time for every ticket. A ticket is one request, which carries one order or a batch.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    /// The spacing.
    pub(crate) pace: Pace,
    /// Orders in a request.
    pub(crate) batch: u64,
    /// Orders in the whole run, if that is what ends it.
    pub(crate) orders: Option<u64>,
    /// Nanoseconds after which nothing more is planned, if that is what ends it.
    pub(crate) until_ns: Option<u64>,
}

impl Schedule {
    /// When a ticket is due. `None`: the run ends before it.
    pub(crate) fn due(&self, ticket: u64) -> Option<Due> {
        let first_order = ticket.checked_mul(self.batch)?;
        if self.orders.is_some_and(|orders| first_order >= orders) {
            return None;
        }
        let at = match &self.pace {
            Pace::Max => return Some(Due::Now),
            Pace::Every { per_second } => {
                let ns = u128::from(first_order) * u128::from(SECOND_NS) / u128::from(*per_second);
                u64::try_from(ns).ok()?
            }
            Pace::Recorded(times) => *times.get(usize::try_from(ticket).ok()?)?,
        };
        if self.until_ns.is_some_and(|until| at >= until) {
            return None;
        }
        Some(Due::At(at))
    }

    /// How many orders a ticket carries: the last one of a counted run may carry fewer.
    pub(crate) fn orders_in(&self, ticket: u64) -> u64 {
        match self.orders {
            Some(orders) => self.batch.min(orders.saturating_sub(ticket.saturating_mul(self.batch))),
            None => self.batch,
        }
    }

    /// Orders planned in all; `None` for a closed loop that ends with its time.
    pub(crate) fn planned_orders(&self) -> Option<u64> {
        let by_time = match (&self.pace, self.until_ns) {
            (Pace::Max, _) => None,
            (Pace::Recorded(times), None) => Some(times.len() as u64),
            (Pace::Recorded(times), Some(until)) => Some(times.partition_point(|&at| at < until) as u64),
            (Pace::Every { .. }, None) => None,
            (Pace::Every { per_second }, Some(until)) => {
                let batches = (u128::from(until) * u128::from(*per_second))
                    .div_ceil(u128::from(SECOND_NS))
                    .div_ceil(u128::from(self.batch));
                Some(u64::try_from(batches).unwrap_or(u64::MAX).saturating_mul(self.batch))
            }
        };
        match (by_time, self.orders) {
            (Some(by_time), Some(orders)) => Some(by_time.min(orders)),
            (by_time, orders) => by_time.or(orders),
        }
    }

    /// Orders a second over the planned time, if there is such a figure.
    pub(crate) fn asked_per_second(&self) -> Option<f64> {
        match &self.pace {
            Pace::Max => None,
            Pace::Every { per_second } => Some(*per_second as f64),
            Pace::Recorded(times) => {
                let planned = usize::try_from(self.planned_orders()?).ok()?;
                let last = *times.get(planned.checked_sub(1)?)?;
                (last > 0).then(|| planned as f64 * SECOND_NS as f64 / last as f64)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every(per_second: u64, batch: u64, orders: Option<u64>, until_ns: Option<u64>) -> Schedule {
        Schedule { pace: Pace::Every { per_second }, batch, orders, until_ns }
    }

    /// Counts what `due` lets through, to hold the arithmetic of `planned_orders` against it.
    fn counted(schedule: &Schedule) -> u64 {
        (0..)
            .take_while(|&ticket| schedule.due(ticket).is_some())
            .map(|ticket| schedule.orders_in(ticket))
            .sum()
    }

    #[test]
    fn times_are_even_and_do_not_drift() {
        let schedule = every(3, 1, None, None);
        let times: Vec<_> = (0..4).filter_map(|ticket| schedule.due(ticket)).collect();
        assert_eq!(times, [Due::At(0), Due::At(333_333_333), Due::At(666_666_666), Due::At(SECOND_NS)]);
        assert_eq!(schedule.due(3_000_000), Some(Due::At(1_000_000 * SECOND_NS)));
    }

    #[test]
    fn the_planned_number_is_the_number_that_is_due() {
        let cases = [
            every(1000, 1, None, Some(SECOND_NS)),
            every(7, 1, None, Some(SECOND_NS + 1)),
            every(1000, 300, None, Some(SECOND_NS)),
            every(1000, 300, Some(1000), None),
            every(1000, 1, Some(50), Some(SECOND_NS)),
            every(10, 1, Some(50), Some(SECOND_NS)),
            Schedule {
                pace: Pace::Recorded(Arc::from([0, 5, 5, 9])),
                batch: 1,
                orders: None,
                until_ns: Some(9),
            },
            Schedule {
                pace: Pace::Recorded(Arc::from([0, 5, 5, 9])),
                batch: 1,
                orders: None,
                until_ns: None,
            },
            Schedule { pace: Pace::Max, batch: 10, orders: Some(95), until_ns: None },
        ];
        for schedule in cases {
            assert_eq!(schedule.planned_orders(), Some(counted(&schedule)), "{schedule:?}");
        }
    }

    #[test]
    fn the_last_batch_carries_the_rest() {
        let schedule = every(100, 40, Some(100), None);
        assert_eq!((schedule.orders_in(0), schedule.orders_in(2), schedule.due(3)), (40, 20, None));
    }

    #[test]
    fn a_closed_loop_is_always_due_and_has_no_asked_rate() {
        let schedule = Schedule { pace: Pace::Max, batch: 1, orders: None, until_ns: Some(1) };
        assert_eq!(schedule.due(u64::MAX / 2), Some(Due::Now));
        assert_eq!(schedule.planned_orders(), None);
        assert_eq!(schedule.asked_per_second(), None);
    }

    #[test]
    fn a_recording_is_asked_at_its_own_mean_rate() {
        let times: Arc<[u64]> = Arc::from([0, SECOND_NS, 2 * SECOND_NS]);
        let schedule = Schedule { pace: Pace::Recorded(times), batch: 1, orders: None, until_ns: None };
        assert_eq!(schedule.asked_per_second(), Some(1.5));
    }
}
