//! A disk that is full, and has room again.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use crate::error::LoadError;
use crate::faults::server::{Start, Under};
use crate::faults::stage::Stage;

/// Rounds; each leaves another amount of room.
const ROUNDS: u64 = 6;

/// How long clients ask while the disk fills up.
const LOAD: Duration = Duration::from_secs(3);

/// And once there is room again, if the server lives.
const AFTER: Duration = Duration::from_millis(500);

/// How long clients wait for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of one write of the ballast.
const BLOCK: usize = 64 << 10;

/// Ballast leaves some room, orders take it; then the ballast goes.
pub(crate) fn full(stage: &mut Stage<'_>, disk: &Path) -> Result<(), LoadError> {
    let mut shop = stage.shop_in(disk)?;
    let mut server = shop.start()?;
    let ballast = disk.join("ballast");
    for _ in 0..ROUNDS {
        let room = stage.between(0, 2 << 20);
        fill(&ballast, room).map_err(LoadError::system("filling the small disk"))?;
        shop.drive(server.address, PATIENCE, vec![(LOAD, Box::new(|| Ok(())))])?;
        if let Some(status) = server.ended()? {
            shop.dead();
            stage.ended("while serving on a full disk", status);
            match shop.start_under(&Under::default())? {
                Start::Ended(status) => stage.ended("in a start on the full disk", status),
                Start::Ready(mut server) => {
                    stage.tally.saw("started on the full disk".to_owned());
                    shop.kill(&mut server)?;
                }
            }
            make_room(&ballast)?;
        } else {
            make_room(&ballast)?;
            shop.drive(server.address, PATIENCE, vec![(AFTER, Box::new(|| Ok(())))])?;
            match server.ended()? {
                Some(status) => stage.ended("when there was room again", status),
                None => stage.tally.saw("went on through a full disk".to_owned()),
            }
            shop.kill(&mut server)?;
        }
        server = stage.settle(&mut shop)?;
    }
    stage.close(&mut shop, &mut server)
}

/// Fills a file system but for so many bytes.
pub(crate) fn fill(ballast: &Path, room: u64) -> std::io::Result<()> {
    let mut file = File::create(ballast)?;
    let block = vec![0xa5; BLOCK];
    // The write that finds no room ends it.
    while file.write_all(&block).is_ok() {}
    let length = file.metadata()?.len();
    file.set_len(length.saturating_sub(room))
}

/// Gives a file system back what fills it.
pub(crate) fn make_room(ballast: &Path) -> Result<(), LoadError> {
    std::fs::remove_file(ballast).map_err(LoadError::system("making room on the small disk"))
}
