//! A disk that fills up past its marks, and has room again: one server all along.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::error::LoadError;
use crate::faults::disk::{fill, make_room};
use crate::faults::drive::ask_now;
use crate::faults::history::{Ask, Known};
use crate::faults::server::{Server, Start, Under, metric};
use crate::faults::shop::Shop;
use crate::faults::stage::Stage;

/// The marks, in bytes: so small that a disk of 40 MiB has room above them.
const SOFT_BYTES: u64 = 10 << 20;
const HARD_BYTES: u64 = 3 << 20;

/// Free bytes, the level that follows, and what is taken there: orders and receipts, cancellations and shipments.
const PHASES: [(Option<u64>, &str, bool, bool); 6] = [
    (None, "0", true, true),
    (Some(7 << 20), "1", false, true),
    (Some(1 << 20), "2", false, false),
    (Some(7 << 20), "1", false, true),
    (Some(0), "2", false, false),
    (None, "0", true, true),
];

/// How long clients ask in each phase: what they write meanwhile is less than what the marks leave.
const LOAD: Duration = Duration::from_millis(150);

/// How long clients wait for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often, and how many times, it is asked whether the server has seen the disk.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
const LOOKS: u32 = 500;

/// Ballast takes the disk, less of it, more of it, all of it, and goes.
pub(crate) fn marks(stage: &mut Stage<'_>, disk: &Path) -> Result<(), LoadError> {
    let mut shop = stage.shop_in(disk)?;
    let variable = |name: &str, bytes: u64| (format!("ONHAND_DISK_{name}_BYTES"), bytes.to_string());
    let variables = vec![variable("SOFT", SOFT_BYTES), variable("HARD", HARD_BYTES)];
    let mut server = match shop.start_under(&Under { variables, ..Under::default() })? {
        Start::Ready(server) => server,
        Start::Ended(status) => return Err(LoadError::Usage(format!("the server did not start: {status}"))),
    };
    // Open orders for every phase to change: none can be placed below a mark.
    let open = (0..2 * PHASES.len()).map(|_| placed(&shop, server.address)).collect::<Result<Vec<_>, _>>()?;
    let ballast = disk.join("ballast");
    for ((room, level, intake, changes), open) in PHASES.into_iter().zip(open.chunks(2)) {
        let filled = match room {
            Some(room) => fill(&ballast, room).map_err(LoadError::system("filling the small disk")),
            None if ballast.exists() => make_room(&ballast),
            None => Ok(()),
        };
        filled?;
        wait_for(&server, level)?;
        shop.drive(server.address, PATIENCE, vec![(LOAD, Box::new(|| Ok(())))])?;
        if let Some(status) = server.ended()? {
            stage.ended("while the disk filled up", status);
            return Err(LoadError::Usage("the server did not live through a full disk".to_owned()));
        }
        for (ask, is_due) in probes(open).into_iter().zip([intake, intake, changes, changes, true, true]) {
            let what = format!("{ask:?}");
            let status = ask_now(&shop.books, server.address, ask, PATIENCE)?;
            let is_taken = status.is_some_and(|status| status < 300);
            if is_taken != is_due {
                stage.tally.faults.push(format!("at level {level}, {what} was answered {status:?}"));
            }
        }
        stage.tally.saw(format!("level {level}: orders {}, changes {}", word(intake), word(changes)));
    }
    shop.kill(&mut server)?;
    server = stage.settle(&mut shop)?;
    stage.close(&mut shop, &mut server)
}

/// What is tried in each phase: intake, changes of the two orders, reads.
fn probes(open: &[Known]) -> [Ask; 6] {
    let [cancelled, shipped] = [0, 1].map(|place| open[place].clone());
    [
        Ask::Order { lines: vec![(0, 1)], backorder: true },
        Ask::Receive { sku: 0, quantity: 1 },
        Ask::Cancel { order: cancelled.clone() },
        Ask::Ship { order: shipped, line: 0, quantity: 1 },
        Ask::ReadStock { sku: 0 },
        Ask::ReadOrder { order: cancelled },
    ]
}

/// An order whose unit is there.
fn placed(shop: &Shop, address: SocketAddr) -> Result<Known, LoadError> {
    for ask in [Ask::Receive { sku: 0, quantity: 1 }, Ask::Order { lines: vec![(0, 1)], backorder: false }] {
        ask_now(&shop.books, address, ask, PATIENCE)?;
    }
    // Taken out: the clients would change it before its phase.
    let order = shop.books.borrow_mut().orders.pop().map(|(order, _)| order);
    order.ok_or_else(|| LoadError::Usage("an order was not placed".to_owned()))
}

fn word(is_taken: bool) -> &'static str {
    if is_taken { "taken" } else { "refused" }
}

/// Waits until the server has seen how full the disk is.
fn wait_for(server: &Server, level: &str) -> Result<(), LoadError> {
    let mut seen = None;
    for _ in 0..LOOKS {
        seen = metric(server.address, "onhand_disk_level").map_err(LoadError::system("reading metrics"))?;
        if seen.as_deref() == Some(level) {
            return Ok(());
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
    Err(LoadError::Usage(format!("the server says level {seen:?} of a disk that is at level {level}")))
}
