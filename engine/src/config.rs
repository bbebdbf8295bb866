//! What the engine can be told. There is no `Default`: whoever starts an engine decides.

use crate::class::Class;

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
    /// When the disk counts as full.
    pub disk: DiskMarks,
}

/// How much of the disk must be free, in bytes, for what is asked to be taken. The hard mark is no more than the soft one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskMarks {
    /// Below it orders and other intake are refused; cancellations, shipments and reads go on.
    pub soft_bytes: u64,
    /// Below it everything but reads is refused. No segment is made ahead that would leave less.
    pub hard_bytes: u64,
}

impl DiskMarks {
    /// No marks: intake stops only where the log has no room for another segment.
    pub const NONE: Self = Self { soft_bytes: 0, hard_bytes: 0 };
}

/// Limits of the queues before the shards. Beyond them a request is refused before any work.
#[derive(Debug, Clone, Copy)]
pub struct QueueLimits {
    /// Submissions of one merchant that may wait or be on their way to disk.
    pub merchant_max: usize,
    /// Submissions of all merchants.
    pub total_max: usize,
}

impl QueueLimits {
    /// How far each class may fill the queues, so that where they fill up the last class is refused first: bulk half of
    /// them, and all but cancellations and shipments nine tenths. At least one submission of each.
    pub(crate) fn by_class(self) -> [Self; Class::COUNT] {
        let part = |of: fn(usize) -> usize| Self {
            merchant_max: of(self.merchant_max),
            total_max: of(self.total_max),
        };
        let mut limits = [self; Class::COUNT];
        limits[Class::Order as usize] = part(|max| max - max / 10);
        limits[Class::Bulk as usize] = part(|max| max.div_ceil(2));
        limits
    }
}

/// 64 MiB: some half a million orders, and a zero-filled spare of it is ready in a tenth of a second.
pub const SEGMENT_BYTES: u64 = 64 << 20;

/// 256 MiB of log: what a start has to replay at the most takes it about a second.
pub const SNAPSHOT_SEGMENTS: usize = 4;

/// Submissions of one merchant: at 40,000 requests a second, what two cores carry over HTTP, a fifth of a second. Bulk, which
/// may use half, is as fast as with four times as many.
pub const MERCHANT_QUEUE_MAX: usize = 8_192;

/// Submissions of all merchants: two at their limit, and so less than half a second.
pub const TOTAL_QUEUE_MAX: usize = 16_384;

/// 320 MiB, five segments: what cancellations and shipments of a day write, the archive that makes room again, and what
/// the hard mark keeps.
pub const DISK_SOFT_BYTES: u64 = 320 << 20;

/// 64 MiB: what is no log and must be written also then, such as the mark of the clock, and what others write between two
/// looks at the disk.
pub const DISK_HARD_BYTES: u64 = 64 << 20;

impl EngineConfig {
    /// What fits a machine with this many cores.
    #[must_use]
    pub fn for_cores(cores: usize) -> Self {
        Self {
            shards: (cores / 2).max(1),
            segment_bytes: SEGMENT_BYTES,
            snapshot_segments: SNAPSHOT_SEGMENTS,
            queues: QueueLimits { merchant_max: MERCHANT_QUEUE_MAX, total_max: TOTAL_QUEUE_MAX },
            disk: DiskMarks { soft_bytes: DISK_SOFT_BYTES, hard_bytes: DISK_HARD_BYTES },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_class_is_refused_first() {
        for (max, order, bulk) in [(1, 1, 1), (2, 2, 1), (100, 90, 50), (4_096, 3_687, 2_048)] {
            let limits = QueueLimits { merchant_max: max, total_max: 10 * max }.by_class();
            assert_eq!(limits.map(|limits| limits.merchant_max), [max, order, bulk]);
            assert_eq!(limits.map(|limits| limits.total_max), [10 * max, 9 * max, 5 * max]);
        }
    }
}
