//! Conversations of people who were erased: what waits is dropped, actors leave, and nobody comes back.

use ractor::RpcReplyPort;
use storage::ConversationId;

use super::{Stage, State};

impl State {
    pub(super) fn let_go(&mut self, ids: Vec<ConversationId>, reply: RpcReplyPort<()>) {
        for id in &ids {
            let Some(entry) = self.entries.get(id) else { continue };
            entry.queue.clear(&self.deps.load);
            if matches!(entry.stage, Stage::Asleep | Stage::Resting) {
                self.entries.remove(id);
            } else {
                self.passivate(*id);
            }
        }
        self.letting_go.push((ids, reply));
        self.answer_let_go();
    }

    /// Drops an entry whose person was erased; whether it was one.
    pub(super) fn bury(&mut self, id: ConversationId) -> bool {
        let dead = self.deps.is_dead(id);
        if dead && let Some(entry) = self.entries.remove(&id) {
            entry.queue.clear(&self.deps.load);
        }
        dead
    }

    pub(super) fn answer_let_go(&mut self) {
        let entries = &self.entries;
        let (done, waiting) = std::mem::take(&mut self.letting_go)
            .into_iter()
            .partition::<Vec<_>, _>(|(ids, _)| ids.iter().all(|id| !entries.contains_key(id)));
        self.letting_go = waiting;
        for (_, reply) in done {
            // The caller may have stopped waiting.
            let _gone = reply.send(());
        }
    }
}
