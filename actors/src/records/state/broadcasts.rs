//! Broadcasts that the person is a part of: each comes once.

use serde::{Deserialize, Serialize};
use storage::SendId;

use super::State;

/// So many of them are remembered; a person who gets one a day could get the first again after most of a year.
const MAX_BROADCASTS: usize = 256;

/// A message of a broadcast that this person got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HadBroadcast {
    /// Keyed hash of its id.
    pub broadcast: u64,
    /// The person's place in it.
    pub place: u32,
    pub send: SendId,
}

impl State {
    /// What the person got of a broadcast.
    pub(crate) fn broadcast(&self, broadcast: u64) -> Option<&HadBroadcast> {
        self.broadcasts.iter().find(|had| had.broadcast == broadcast)
    }

    pub(crate) fn had_broadcast(&mut self, broadcast: u64, place: u32, send: SendId) {
        self.broadcasts.push(HadBroadcast { broadcast, place, send });
        self.forget_broadcasts();
    }

    /// Takes over what another conversation of the same person had.
    pub(super) fn absorb_broadcasts(&mut self, other: Vec<HadBroadcast>) {
        let new: Vec<_> = other.into_iter().filter(|had| self.broadcast(had.broadcast).is_none()).collect();
        self.broadcasts.splice(0..0, new);
        self.forget_broadcasts();
    }

    fn forget_broadcasts(&mut self) {
        let over = self.broadcasts.len().saturating_sub(MAX_BROADCASTS);
        self.broadcasts.drain(..over);
    }
}

#[cfg(test)]
mod tests {
    use storage::ConversationId;

    use super::*;

    #[test]
    fn broadcasts_are_remembered_also_when_two_people_become_one() {
        let send = |n| SendId { conversation: ConversationId([1; 16]), n };
        let (mut one, mut other) = (State::default(), State::default());
        one.had_broadcast(7, 3, send(1));
        other.had_broadcast(7, 9, send(2));
        other.had_broadcast(8, 1, send(3));
        one.absorb(other, 0);
        assert_eq!(one.broadcast(7).map(|had| had.place), Some(3));
        assert_eq!(one.broadcast(8).map(|had| had.place), Some(1));
        (100..100 + MAX_BROADCASTS as u64).for_each(|mark| one.had_broadcast(mark, 0, send(4)));
        assert!(one.broadcast(7).is_none() && one.broadcasts.len() == MAX_BROADCASTS);
    }
}
