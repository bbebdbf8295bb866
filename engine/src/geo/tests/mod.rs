//! Tests of places and distances.

mod distance;
mod distances;
mod file;
mod locate;

use super::{Place, Places};

/// A place in hundredths of a degree.
fn place(latitude: i32, longitude: i32) -> Place {
    Place::new(latitude * 10_000, longitude * 10_000).unwrap()
}

fn bundled() -> &'static Places {
    Places::bundled().unwrap()
}
