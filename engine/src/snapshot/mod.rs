//! Pictures of the state, so that a start need not replay the whole log.
//!
//! A shard hands out a picture between two batches and goes on; whoever writes first to a chunk of rows
//! copies it. [`write()`] turns pictures into a generation once everything in them is durable; [`load`] builds
//! the state from one. Keys are in no generation: they are in the index, and the youngest in the log's tail.

mod load;
mod write;

use crate::directory::FrozenNames;
use crate::registry::{KeyRow, MerchantRow};
use onhand_domain::MerchantNumber;
use onhand_domain::merchant::FrozenMerchant;
use onhand_record::{DecodeError, EncodeError};
use onhand_snapshots::Lsn;
use onhand_snapshots::chunks::ChunkError;

pub(crate) use load::{Foundation, load};
pub(crate) use write::write;

/// All shards, merchants and keys.
pub(crate) struct Picture {
    /// Identity of the journal.
    pub(crate) cluster: [u8; 16],
    /// When it was begun.
    pub(crate) at: u64,
    /// Merchants and keys up to [`Picture::registry_cut`].
    pub(crate) merchants: Vec<MerchantRow>,
    pub(crate) keys: Vec<KeyRow>,
    pub(crate) registry_cut: Lsn,
    pub(crate) shards: Vec<FrozenShard>,
}

/// A shard between two batches.
pub(crate) struct FrozenShard {
    /// Every record of its merchants up to here is in it, and none after.
    pub(crate) cut: Lsn,
    pub(crate) merchants: Vec<FrozenPart>,
}

/// One merchant between two batches.
pub(crate) struct FrozenPart {
    pub(crate) number: MerchantNumber,
    pub(crate) at: u64,
    pub(crate) state: FrozenMerchant,
    pub(crate) names: FrozenNames,
}

impl Picture {
    /// Every record up to here is in it.
    pub(crate) fn cut(&self) -> Lsn {
        self.shards.iter().map(|shard| shard.cut).fold(self.registry_cut, Lsn::min)
    }

    /// No record after this is in it.
    pub(crate) fn end(&self) -> Lsn {
        self.shards.iter().map(|shard| shard.cut).fold(self.registry_cut, Lsn::max)
    }
}

/// Why a generation is not written or not used. The log is enough.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The chunks say no.
    #[error(transparent)]
    Chunks(#[from] ChunkError),
    /// A row cannot be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A row cannot be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// What was read is not the state that was written.
    #[error("{0}")]
    Wrong(String),
    /// There is nothing to take a picture of now.
    #[error("{0}")]
    NotNow(&'static str),
}
