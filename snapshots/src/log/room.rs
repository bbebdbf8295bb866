//! What the log can write when the disk gives nothing more: the rest of the segment under way, and the spare one. Both are
//! filled with zeros already, so a frame there needs no new space.

/// See the module. Bytes of frames as they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// In the segment under way.
    pub(super) current: u64,
    /// In the spare one, 0 if none is ready.
    pub(super) spare: u64,
}

impl Room {
    /// What is left behind frames of these sizes, one after the other; `None` if they do not all fit. A frame does not
    /// span segments: where the rest of one is too short, it stays empty.
    pub(super) fn behind(mut self, frames: impl IntoIterator<Item = u64>) -> Option<Self> {
        for bytes in frames {
            if bytes > self.current {
                self = Self { current: self.spare, spare: 0 };
            }
            self.current = self.current.checked_sub(bytes)?;
        }
        Some(self)
    }

    /// All of it.
    pub(super) fn bytes(self) -> u64 {
        self.current + self.spare
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_go_to_the_segment_under_way_and_then_to_the_spare() {
        let room = Room { current: 10, spare: 20 };
        let cases = [
            (vec![], Some((10, 20))),
            (vec![4, 6], Some((0, 20))),
            (vec![4, 7], Some((13, 0))),
            (vec![11, 9], Some((0, 0))),
            (vec![11, 10], None),
            (vec![21], None),
        ];
        for (frames, left) in cases {
            let behind = room.behind(frames.iter().copied());
            assert_eq!(behind.map(|room| (room.current, room.spare)), left, "{frames:?}");
        }
        assert_eq!(room.bytes(), 30);
    }
}
