//! Hands out a permit for every request at its planned time, whoever takes it.

use std::io;

use tokio::sync::Semaphore;

use crate::clock::Clock;
use crate::schedule::SECOND_NS;
use crate::timer::Timer;

/// The pacer wakes at most this often: at 20,000 requests a second and more, requests leave in small groups.
const PACE_MIN_NS: u64 = 50_000;

/// The pacer sleeps at most this long, so that it notices when the run is stopped.
const PACE_MAX_NS: u64 = SECOND_NS / 5;

/// Adds a permit to `due` at each of these times, ascending nanoseconds since the clock's start, until it is stopped.
pub(crate) async fn pace(
    clock: &Clock,
    due: &Semaphore,
    times: impl Iterator<Item = u64>,
    is_stopped: impl Fn() -> bool,
) -> io::Result<()> {
    let timer = Timer::new()?;
    let mut times = times.peekable();
    while let Some(at) = times.peek().copied() {
        if is_stopped() {
            break;
        }
        let now = clock.now_ns();
        if at > now {
            timer.sleep((at - now).clamp(PACE_MIN_NS, PACE_MAX_NS)).await?;
            continue;
        }
        let mut permits = 0;
        while times.next_if(|at| *at <= now).is_some() {
            permits += 1;
        }
        due.add_permits(permits);
    }
    Ok(())
}
