//! Whom a message that waited goes to: the person may have another number since it was decided, and somebody else the
//! old one.

use super::job::Job;
use super::{Next, Row};
use crate::records::SendPayload;

/// A message that is older than this when it leaves has waited (ms).
const WAITED_MS: u64 = 60_000;

impl Job {
    /// Puts a message that waited under the address that its person has now, if that is another one.
    pub(super) async fn readdress(&self, row: &Row, payload: &SendPayload) -> Option<Next> {
        let waited = row.may_be_taken || row.created_ms + WAITED_MS < self.now_ms();
        if !waited || row.doubt {
            return None;
        }
        let Some(Ok(state)) = self.state(row.id.conversation).await else { return None };
        let to = state.person.recipient().filter(|to| *to != payload.to)?;
        self.rewrite(row, SendPayload { to, ..payload.clone() }).await
    }
}
