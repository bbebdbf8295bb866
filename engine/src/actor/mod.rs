//! The shard and the actor that hosts it. The only place that names actix.

mod address;
mod host;
mod shard;
mod stepped;

pub(crate) use address::ShardAddress;
pub(crate) use host::start;
pub(crate) use shard::{Batch, Shard, ShardState};
pub(crate) use stepped::SteppedShard;
