//! The shard and the actor that hosts it. The only place that names actix.

mod host;
mod shard;

pub(crate) use host::{ShardAddress, start};
pub(crate) use shard::{Batch, Shard, ShardState};
