//! The engine: SKU actors on shards, over a log.
//!
//! Read [`turn`] first: decide, append, evolve. A [`actor`] hosts a shard, which owns merchants whole;
//! [`completion`] holds every answer back until its record is durable; [`recovery`] rebuilds all of it from
//! the log, from a picture that [`keeper`] has taken now and then ([`snapshot`]). [`restore`] writes the log of a copy.
//! [`routing`] reads the profiles that merchants write, [`simulate`] tries them on the orders of a log. [`Handle`] is the public face, [`Engine`] starts and stops.

mod actor;
pub mod ask;
mod class;
pub mod clock;
mod completion;
pub mod config;
pub mod customer;
pub mod directory;
mod engine;
pub mod error;
mod exposed;
mod fair;
pub mod geo;
mod handle;
mod hold;
pub mod keeper;
pub mod keys;
mod lanes;
mod live_holds;
pub mod metrics;
mod parts;
mod read;
mod rebuild;
mod recovery;
pub mod refusal;
pub mod registry;
pub mod repair;
pub mod restore;
mod route;
pub mod routing;
pub mod secrets;
mod seen;
mod shorts;
pub mod simulate;
pub mod snapshot;
mod space;
pub mod start_refusal;
pub mod stepped;
pub mod translate;
pub mod trusted_time;
mod turn;

pub use class::Class;
pub use completion::{Inbox, Item, Ticket};
pub use config::EngineConfig;
pub use engine::{Engine, Failure, OnFailure};
pub use error::{AdminError, SearchError, StartError};
pub use handle::{Busy, Handle};
pub use onhand_domain as domain;
pub use onhand_record as record;
pub use onhand_snapshots as snapshots;
pub use space::SpaceLevel;
