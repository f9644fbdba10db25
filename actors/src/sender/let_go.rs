//! Messages to people who were erased: those that wait are dropped, the request that is under way ends, nothing follows it.

use ractor::RpcReplyPort;
use storage::{ConversationId, SendId};

use super::{Next, State};

impl State {
    pub(super) fn on_let_go(&mut self, conversations: Vec<ConversationId>, reply: RpcReplyPort<()>) {
        for conversation in &conversations {
            for row in self.lanes.drop_waiting(*conversation) {
                self.flow_waits.remove(&row.id);
                self.job.deps.backlog.settled(*conversation);
            }
            self.marks.forget(*conversation);
            self.job.deps.senders.unsilence(*conversation);
        }
        self.letting_go.push((conversations, reply));
    }

    /// What follows a request to somebody who was erased meanwhile: nothing.
    pub(super) fn unless_dead(&mut self, send: SendId, next: Next) -> Next {
        let goes_on = matches!(next, Next::Again { .. } | Next::Doubt { .. } | Next::Replaced { .. });
        if goes_on && self.job.deps.is_dead(send.conversation) { Next::Settled } else { next }
    }

    pub(super) fn answer_let_go(&mut self) {
        let lanes = &self.lanes;
        let (done, waiting) = std::mem::take(&mut self.letting_go)
            .into_iter()
            .partition::<Vec<_>, _>(|(ids, _)| ids.iter().all(|id| !lanes.has_under_way(*id)));
        self.letting_go = waiting;
        for (_, reply) in done {
            // The caller may have stopped waiting.
            let _gone = reply.send(());
        }
    }
}
