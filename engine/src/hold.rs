//! Bulk bodies whose lines wait for one of them.
//!
//! Of a line that the index may know nothing is decided before the index was searched, off the shard. Were the lines
//! behind it decided meanwhile, a body would not mean what its order says: units could be moved before they were
//! received, and the refusal would be remembered under its key. So such a line holds its body: what comes behind it is
//! handed back undecided, and whoever sent it sends all of it again, in order, at the next stage. Single requests, and
//! other bodies, go on.

use onhand_snapshots::planted::{Bug, is_planted};

/// The bodies that are held on one shard: hardly ever one. A body is known by the id of its request.
#[derive(Debug, Default)]
pub(crate) struct Holds(Vec<([u8; 16], u32)>);

impl Holds {
    /// Holds what is sent of a body up to this stage; a request of its own (stage 0) holds nothing.
    pub(crate) fn hold(&mut self, request: [u8; 16], stage: u32) {
        if stage == 0 {
            return;
        }
        match self.0.iter_mut().find(|(held, _)| *held == request) {
            Some((_, until)) => *until = stage,
            None => self.0.push((request, stage)),
        }
    }

    /// Whether a line is handed back. The first line of a later stage ends the hold: all of the earlier ones came back.
    pub(crate) fn is_held(&mut self, request: [u8; 16], stage: u32) -> bool {
        if self.0.is_empty() || stage == 0 || is_planted(Bug::Overtake) {
            return false;
        }
        let Some(place) = self.0.iter().position(|(held, _)| *held == request) else { return false };
        let is_held = stage <= self.0[place].1;
        if !is_held {
            self.0.swap_remove(place);
        }
        is_held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_held_until_its_next_stage_and_nothing_else_is() {
        let (one, two) = ([1; 16], [2; 16]);
        let mut holds = Holds::default();
        holds.hold(one, 0);
        assert!(!holds.is_held(one, 1), "a request of its own holds nothing");
        holds.hold(one, 1);
        holds.hold(one, 1);
        assert!(holds.is_held(one, 1));
        assert!(!holds.is_held(two, 1));
        assert!(!holds.is_held(one, 0));
        assert!(!holds.is_held(one, 2));
        assert!(holds.0.is_empty());
    }
}
