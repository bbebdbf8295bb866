//! The bytes of one file on the simulated disk: what a process sees, and what would survive a loss of power.

use std::sync::Arc;

/// What a disk writes whole or not at all.
pub(super) const SECTOR: usize = 512;

/// Copies share their bytes until one of them is written.
#[derive(Debug, Default, Clone)]
pub(super) struct Inode {
    pub(super) live: Arc<Vec<u8>>,
    pub(super) durable: Arc<Vec<u8>>,
    /// Ranges that the next sync writes.
    pub(super) dirty: Vec<(usize, usize)>,
}

impl Inode {
    pub(super) fn write(&mut self, start: usize, bytes: &[u8]) {
        let end = start.saturating_add(bytes.len());
        let live = Arc::make_mut(&mut self.live);
        live.resize(live.len().max(end), 0);
        live[start..end].copy_from_slice(bytes);
        match self.dirty.last_mut() {
            // Zero-filling writes one piece behind the other.
            Some(last) if last.1 == start => last.1 = end,
            _ => self.dirty.push((start, end)),
        }
    }

    /// Changes what is there, durably, and no more than that.
    pub(super) fn overwrite(&mut self, start: usize, bytes: &[u8]) {
        for image in [&mut self.live, &mut self.durable] {
            let end = image.len().min(start.saturating_add(bytes.len()));
            if start < end {
                Arc::make_mut(image)[start..end].copy_from_slice(&bytes[..end - start]);
            }
        }
    }

    pub(super) fn sync(&mut self) {
        if self.dirty.is_empty() && self.live.len() <= self.durable.len() {
            return;
        }
        let durable = Arc::make_mut(&mut self.durable);
        durable.resize(self.live.len().max(durable.len()), 0);
        for (start, end) in self.dirty.drain(..) {
            durable[start..end].copy_from_slice(&self.live[start..end]);
        }
    }

    /// Keeps of what was not synced the sectors that `keep` says. How many pieces were torn: kept in part.
    pub(super) fn settle(&mut self, keep: &mut impl FnMut() -> bool) -> u64 {
        let mut torn = 0;
        // A file's length goes with its first kept byte beyond the old end.
        for (start, end) in std::mem::take(&mut self.dirty) {
            let (mut at, mut kept, mut sectors) = (start, 0_u64, 0_u64);
            while at < end {
                let stop = ((at / SECTOR + 1) * SECTOR).min(end);
                sectors += 1;
                if keep() {
                    kept += 1;
                    let durable = Arc::make_mut(&mut self.durable);
                    durable.resize(durable.len().max(stop), 0);
                    durable[at..stop].copy_from_slice(&self.live[at..stop]);
                }
                at = stop;
            }
            torn += u64::from(kept > 0 && kept < sectors);
        }
        self.live.clone_from(&self.durable);
        torn
    }
}
