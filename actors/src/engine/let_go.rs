//! Who is erased is let go of: by the actors first, which decide nothing more then, and by the senders after them.

use std::time::Duration;

use futures_util::future::join_all;
use ractor::rpc::CallResult;
use storage::ConversationId;

use super::Engine;
use crate::{router, sender, shard};

/// How long a turn, and then a request, may take that is under way.
const PATIENCE: Duration = Duration::from_secs(30);

impl Engine {
    /// Ends what goes on in conversations whose person has a tombstone. Answers `false` if something did not end in time;
    /// nothing new begins all the same.
    pub(crate) async fn let_go(&self, conversations: Vec<ConversationId>) -> bool {
        // An error means that the engine is shutting down.
        let _gone = self.deps.peers().router.cast(router::Message::Forget);
        let ask_shard = |shard: &ractor::ActorRef<shard::Message>| {
            let (shard, ids) = (shard.clone(), conversations.clone());
            async move { shard.call(|reply| shard::Message::LetGo(ids, reply), Some(PATIENCE)).await }
        };
        let shards = join_all(self.shards.iter().map(ask_shard)).await;
        if !shards.iter().all(|answer| matches!(answer, Ok(CallResult::Success(())))) {
            return false;
        }
        let ask_sender = |sender: &ractor::ActorRef<sender::Message>| {
            let (sender, ids) = (sender.clone(), conversations.clone());
            async move { sender.call(|reply| sender::Message::LetGo(ids, reply), Some(PATIENCE)).await }
        };
        let senders = join_all(self.deps.senders.all().iter().map(|(_, sender)| ask_sender(sender))).await;
        senders.iter().all(|answer| matches!(answer, Ok(CallResult::Success(()))))
    }
}
