//! How long to go on asking.

use std::time::Duration;

use crate::clock::Clock;

/// The first wait; a restarting server takes longer, a dropped connection does not.
const FIRST_WAIT: Duration = Duration::from_millis(20);

/// The longest wait: a server that is back is noticed within it.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// Waits between attempts, twice as long each time, until it has taken too long.
#[derive(Debug)]
pub(crate) struct Patience {
    limit: Duration,
    since: Option<(Clock, Duration)>,
}

impl Patience {
    /// Lasts so long from the first failure.
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, since: None }
    }

    /// An attempt has failed: waits before the next. False: there is to be no next.
    pub(crate) async fn wait(&mut self) -> bool {
        let (clock, wait) = self.since.unwrap_or_else(|| (Clock::start(), FIRST_WAIT));
        if Duration::from_nanos(clock.now_ns()) >= self.limit {
            return false;
        }
        tokio::time::sleep(wait).await;
        self.since = Some((clock, (wait * 2).min(LONGEST_WAIT)));
        true
    }
}
