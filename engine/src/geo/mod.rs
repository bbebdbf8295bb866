//! Where things are and how far it is: places of postal codes, and whole metres between them.
//!
//! Routing by nearness wants numbers, and the core takes no floats and looks nothing up. So the shell turns
//! a destination into a place ([`Places::locate`]) and that into the distance to each location of a merchant
//! ([`Distances::to`]) before it makes a command.
//!
//! The same request has the same distances on every machine: the table is part of the binary, and all
//! arithmetic is that of integers ([`distance`]).
//!
//! What the table holds and where it comes from stands in `engine/data/PLACES.md`, its format in [`file`].
//! Read, it takes twelve bytes for each of some 380,000 entries: 4.5 MB, once for the process.

pub mod code;
pub mod distance;
pub mod distances;
pub mod file;
pub mod place;
pub mod places;

pub use distance::distance_m;
pub use distances::{Distances, Metres, Sites, distances};
pub use file::Damaged;
pub use place::Place;
pub use places::{Located, Places, Precision};

#[cfg(test)]
mod tests;
