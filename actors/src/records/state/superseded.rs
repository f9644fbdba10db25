//! Messages that a bot had decided before it was led elsewhere: whatever of them is held while that happens is given up.

use serde::{Deserialize, Serialize};
use storage::{ConversationId, SendId};

use super::State;

/// The messages of a conversation below a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Superseded {
    pub conversation: ConversationId,
    pub below: u64,
}

impl State {
    /// The messages of a conversation below this number belong to a course that the bot has left.
    pub(crate) fn supersede(&mut self, conversation: ConversationId, below: u64) {
        match self.superseded.iter_mut().find(|known| known.conversation == conversation) {
            Some(known) => known.below = known.below.max(below),
            None => self.superseded.push(Superseded { conversation, below }),
        }
    }

    /// Whether a message belongs to a course that the bot has left.
    pub(crate) fn is_superseded(&self, send: SendId) -> bool {
        self.superseded.iter().any(|known| known.conversation == send.conversation && send.n < known.below)
    }

    pub(super) fn absorb_superseded(&mut self, other: &[Superseded]) {
        other.iter().for_each(|other| self.supersede(other.conversation, other.below));
    }

    /// Messages of a conversation from this number on are not decided yet, whatever was said of all.
    pub(crate) fn decided_below(&mut self, conversation: ConversationId, next: u64) {
        for known in self.superseded.iter_mut().filter(|known| known.conversation == conversation) {
            known.below = known.below.min(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_bot_left_behind_is_known_also_when_two_become_one_and_come_apart_again() {
        let (one, other) = (ConversationId([1; 16]), ConversationId([2; 16]));
        let of = |conversation, n| SendId { conversation, n };
        let (mut state, mut taken_in) = (State::default(), State::default());
        state.supersede(one, 3);
        state.supersede(one, 2);
        taken_in.supersede(other, u64::MAX);
        state.absorb(taken_in, 0);
        let held = |state: &State| [of(one, 2), of(one, 3), of(other, 9)].map(|send| state.is_superseded(send));
        assert_eq!(held(&state), [true, false, true]);
        state.decided_below(other, 9);
        assert_eq!(held(&state), [true, false, false]);
    }
}
