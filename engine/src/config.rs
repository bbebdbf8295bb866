//! What the engine can be told. There is no `Default`: whoever starts an engine decides.

/// Settings of an engine.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Shards; a merchant lives whole on one. Half the cores, at least one, is right.
    pub shards: usize,
    /// Bytes of one log segment.
    pub segment_bytes: u64,
    /// Sealed segments after which the state is written down anew.
    pub snapshot_segments: usize,
    /// Limits of the queues before the shards.
    pub queues: QueueLimits,
}

/// Limits of the queues before the shards. Beyond them a request is refused before any work.
#[derive(Debug, Clone, Copy)]
pub struct QueueLimits {
    /// Submissions of one merchant that may wait or be on their way to disk.
    pub merchant_max: usize,
    /// Submissions of all merchants.
    pub total_max: usize,
}

/// 64 MiB: some half a million orders, and a zero-filled spare of it is ready in a tenth of a second.
pub const SEGMENT_BYTES: u64 = 64 << 20;

/// 256 MiB of log: what a start has to replay at the most takes it about a second.
pub const SNAPSHOT_SEGMENTS: usize = 4;

/// Submissions of one merchant: two bulk bodies of 16,000 lines in flight; some 20 MB at the most.
pub const MERCHANT_QUEUE_MAX: usize = 32_768;

/// Submissions of all merchants: four merchants at their limit.
pub const TOTAL_QUEUE_MAX: usize = 131_072;

impl EngineConfig {
    /// What fits a machine with this many cores.
    #[must_use]
    pub fn for_cores(cores: usize) -> Self {
        Self {
            shards: (cores / 2).max(1),
            segment_bytes: SEGMENT_BYTES,
            snapshot_segments: SNAPSHOT_SEGMENTS,
            queues: QueueLimits { merchant_max: MERCHANT_QUEUE_MAX, total_max: TOTAL_QUEUE_MAX },
        }
    }
}
