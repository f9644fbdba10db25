//! Places in the queue of conversations that people have, or shall have.

use actors::attention::Attention;
use storage::ConversationId;

pub(super) fn text(attention: &Attention) -> String {
    format!("{}.{}", attention.since_ms, attention.conversation)
}

pub(super) fn place(text: &str) -> Option<(u64, ConversationId)> {
    let (since, conversation) = text.split_once('.')?;
    Some((since.parse().ok()?, conversation.parse().ok()?))
}
