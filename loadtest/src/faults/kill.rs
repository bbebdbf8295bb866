//! Signals: killed under load, and stopped for a second.

use std::time::Duration;

use rustix::process::Signal;

use crate::error::LoadError;
use crate::faults::drive::Step;
use crate::faults::stage::Stage;

/// Rounds in one data directory: long enough for sealed segments and snapshots, short enough to check each round.
const ROUNDS_OF_A_SHOP: u64 = 25;

/// How long clients wait for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// SIGKILL under load, and again.
pub(crate) fn kill(stage: &mut Stage<'_>, rounds: u64) -> Result<(), LoadError> {
    let mut left = rounds;
    while left > 0 {
        let mut shop = stage.shop()?;
        let mut server = shop.start()?;
        for _ in 0..left.min(ROUNDS_OF_A_SHOP) {
            let load = Duration::from_millis(stage.between(20, 250));
            let address = server.address;
            shop.drive(address, PATIENCE, vec![(load, Box::new(|| server.kill().map(drop)))])?;
            shop.dead();
            server = stage.settle(&mut shop)?;
        }
        left -= left.min(ROUNDS_OF_A_SHOP);
        stage.close(&mut shop, &mut server)?;
    }
    Ok(())
}

/// Rounds of [`pause`].
const PAUSES: u64 = 5;

/// Clients that wait less than the pause give up, and what they asked may still happen.
const SHORT_PATIENCE: Duration = Duration::from_millis(300);

/// How long the process stands still.
const PAUSE: Duration = Duration::from_secs(1);

/// SIGSTOP under load, SIGCONT a second later; the clients go on. Each second time it is killed while it stands still.
pub(crate) fn pause(stage: &mut Stage<'_>) -> Result<(), LoadError> {
    let mut shop = stage.shop()?;
    let mut server = shop.start()?;
    for round in 0..PAUSES {
        let address = server.address;
        let goes_on = round % 2 == 0;
        let stop = |signal| {
            let server = &server;
            Box::new(move || server.signal(signal)) as Step<'_>
        };
        let load = Duration::from_millis(200);
        let mut steps = vec![(load, stop(Signal::STOP))];
        if goes_on {
            steps.push((PAUSE, stop(Signal::CONT)));
            steps.push((load, Box::new(|| Ok(()))));
        } else {
            steps.push((PAUSE, stop(Signal::KILL)));
        }
        shop.drive(address, SHORT_PATIENCE, steps)?;
        shop.kill(&mut server)?;
        stage.tally.saw(if goes_on { "went on after the pause" } else { "killed in the pause" }.to_owned());
        server = stage.settle(&mut shop)?;
    }
    stage.close(&mut shop, &mut server)
}
