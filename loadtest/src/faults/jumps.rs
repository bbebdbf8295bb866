//! Clocks that jump, by libfaketime: between two starts, and while the server runs.

use std::path::Path;
use std::time::Duration;

use crate::error::LoadError;
use crate::faults::drive::Step;
use crate::faults::server::{Server, Start, Under, metric};
use crate::faults::stage::Stage;

/// One start and one jump, in libfaketime's words.
struct Jump {
    /// How far the clock is off when the server starts, and whether the server believes it.
    start: (&'static str, bool),
    /// Where it jumps to while the server runs, and whether the server believes it then.
    then: (&'static str, bool),
    /// Whether the operator confirms the clock at last, so that it is believed.
    confirm: bool,
}

const fn jump(start: (&'static str, bool), then: (&'static str, bool), confirm: bool) -> Jump {
    Jump { start, then, confirm }
}

/// A clock that is more than an hour ahead is not believed, over a start or while the server runs; one that is
/// behind changes nothing. A server whose clock was put right believes it when it is started again.
const JUMPS: [Jump; 8] = [
    jump(("+0", true), ("+30m", true), false),
    jump(("+0", true), ("-2d", true), false),
    jump(("-2d", true), ("+0", true), false),
    jump(("+3d", false), ("+0", false), false),
    jump(("+0", true), ("+3h", false), true),
    jump(("+40d", false), ("+41d", false), false),
    jump(("-30d", true), ("-1d", true), false),
    jump(("+0", true), ("+0", true), false),
];

/// How long clients ask, before the jump and after.
const LOAD: Duration = Duration::from_millis(200);

/// How often the metric is read until it is right, and how long in between.
const METRIC_ATTEMPTS: u32 = 100;
const METRIC_PAUSE: Duration = Duration::from_millis(50);

/// How long clients wait for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Starts with a clock that is off, load, a jump, load, SIGKILL.
pub(crate) fn jumps(stage: &mut Stage<'_>, library: &Path) -> Result<(), LoadError> {
    let mut shop = stage.shop()?;
    let time = stage.file("time");
    let set = |offset: &str| std::fs::write(&time, offset).map_err(LoadError::system("setting the clock"));
    let under = under(library, &time);
    for Jump { start: (offset, is_believed), then: (then, is_believed_then), confirm } in JUMPS {
        set(offset)?;
        let Start::Ready(mut server) = shop.start_under(&under)? else {
            return Err(LoadError::Usage(format!("the server did not start with its clock at {offset}")));
        };
        // Keys are remembered: repeats under this clock get the first answers.
        shop.look_round(server.address)?;
        expect_believed(stage, &server, offset, is_believed)?;
        let steps: Vec<(Duration, Step<'_>)> =
            vec![(LOAD, Box::new(|| set(then))), (LOAD, Box::new(|| Ok(())))];
        shop.drive(server.address, PATIENCE, steps)?;
        shop.look_round(server.address)?;
        expect_believed(stage, &server, &format!("{offset}, then {then}"), is_believed_then)?;
        if confirm {
            shop.command_soon(&["clock", "confirm", "--data", &shop.data.to_string_lossy()])?;
            expect_believed(stage, &server, &format!("{then}, confirmed"), true)?;
        }
        if let Some(status) = server.ended()? {
            stage.ended(&format!("when its clock jumped from {offset} to {then}"), status);
        }
        shop.kill(&mut server)?;
        stage.tally.saw(format!("clock at {offset}, then {then}"));
        let mut server = stage.settle(&mut shop)?;
        shop.kill(&mut server)?;
    }
    let mut server = shop.start()?;
    stage.close(&mut shop, &mut server)
}

fn under(library: &Path, time: &Path) -> Under {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let variables = [
        ("LD_PRELOAD", text(library)),
        ("FAKETIME_TIMESTAMP_FILE", text(time)),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        // Only the wall clock lies; timers must run.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ];
    Under { variables: variables.map(|(name, value)| (name.to_owned(), value)).into(), program: Vec::new() }
}

fn expect_believed(
    stage: &mut Stage<'_>,
    server: &Server,
    offset: &str,
    is_believed: bool,
) -> Result<(), LoadError> {
    let expected = if is_believed { "0" } else { "1" };
    // The server looks at its clock now and then.
    let mut suspended = None;
    for _ in 0..METRIC_ATTEMPTS {
        suspended = metric(server.address, "onhand_clock_suspended")
            .map_err(LoadError::system("reading the metrics"))?;
        if suspended.as_deref() == Some(expected) {
            return Ok(());
        }
        std::thread::sleep(METRIC_PAUSE);
    }
    stage
        .tally
        .faults
        .push(format!("with the clock at {offset} onhand_clock_suspended is {suspended:?}, not {expected}"));
    Ok(())
}
