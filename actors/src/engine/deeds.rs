//! What people do with conversations: ordered as inbox rows, answered after the commit that did them.

use std::collections::BTreeSet;
use std::time::Duration;

use chatbot::HandBack;
use storage::{Accept, ConversationId, InboxSeq, Partition, SendId, SendState};

use super::Engine;
use super::orders::OrderError;
use crate::bots::Choice;
use crate::deeds::{self, Act, Deed, DeedRefusal, Given, How, Verdict};
use crate::identity;
use crate::records::inbox::{InboxPayload, OrderedDeed};
use crate::records::{Held, SendError, State};

/// How long the caller waits for the turn of a deed.
const PATIENCE: Duration = Duration::from_secs(5);
/// And for what a bot said and Meta has not answered yet.
const QUIET_PATIENCE: Duration = Duration::from_secs(5);
/// Outbox rows of a conversation read at once, and how many times.
const PAGE: usize = 256;
const PAGES: usize = 16;

/// What became of a [`Deed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// It is done.
    Done(Standing),
    /// It will not be done.
    Refused(DeedRefusal),
    /// It is in the inbox, and will be done: the conversation is busy.
    Waiting(InboxSeq),
    /// There is no such conversation.
    Unknown,
}

/// How a conversation stands after a deed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The conversation, or the one that it became a part of.
    pub conversation: ConversationId,
    /// Whether it was otherwise before.
    pub changed: bool,
    /// Messages of the bot that have not left and are held.
    pub held: usize,
    /// Messages of the bot that are with Meta, of which nobody knows yet what comes of them.
    pub in_flight: usize,
}

impl Engine {
    /// Does something with a conversation: it is done, durably, once this answers [`Done::Done`]. From then on a bot that
    /// was silenced says nothing: what had not left is held, and what had has come to its end or is counted.
    pub async fn act(&self, asked: ConversationId, deed: Deed) -> Result<Done, OrderError> {
        let Some((conversation, state, revision)) = self.standing(asked).await? else {
            return Ok(Done::Unknown);
        };
        let silences = deed.act.silences();
        let verdict = match self.verdict(&state, revision, &deed) {
            // Whoever has it may be gone by now, or says that they are not: only a turn can tell what becomes of that.
            Verdict::Already if deed.act.renews() => Verdict::Go,
            _ if self.is_left(&state) => Verdict::Go,
            verdict => verdict,
        };
        let changed = match verdict {
            Verdict::No(refusal) => return Ok(Done::Refused(refusal)),
            Verdict::Already => false,
            Verdict::Go => match self.have_done(conversation, &state, deed).await? {
                Ok(Ok(changed)) => changed,
                Ok(Err(refusal)) => return Ok(Done::Refused(refusal)),
                Err(seq) => return Ok(Done::Waiting(seq)),
            },
        };
        let mut standing = Standing { conversation, changed, held: 0, in_flight: 0 };
        if silences && self.deps.settings.takeover.hold_unsent {
            // It may not know yet of the one that was asked for.
            let all: BTreeSet<_> = state.absorbed.iter().copied().chain([conversation, asked]).collect();
            let all: Vec<_> = all.into_iter().collect();
            self.deps.senders.quiet(&state.number_id, all.clone(), QUIET_PATIENCE).await;
            (standing.held, standing.in_flight) = self.unsent(&all).await?;
        }
        Ok(Done::Done(standing))
    }

    /// What would become of a deed now. Nothing is done.
    pub async fn would(&self, conversation: ConversationId, deed: &Deed) -> Result<Done, OrderError> {
        let Some((conversation, state, revision)) = self.standing(conversation).await? else {
            return Ok(Done::Unknown);
        };
        let standing = |changed| Done::Done(Standing { conversation, changed, held: 0, in_flight: 0 });
        Ok(match self.verdict(&state, revision, deed) {
            Verdict::No(refusal) => Done::Refused(refusal),
            Verdict::Already => standing(false),
            Verdict::Go => standing(true),
        })
    }

    /// Has the bot go on in a conversation that a human has. `Some(false)` if no human has it, `None` if there is no such
    /// conversation.
    pub async fn hand_back(&self, conversation: ConversationId, outcome: HandBack) -> Result<Option<bool>, OrderError> {
        let act = Act::HandBack { how: How::Continue, outcome };
        let deed = Deed { act, who: "operator".into(), reason: None, note: None, by_right: true };
        Ok(match self.act(conversation, deed).await? {
            Done::Done(_) | Done::Waiting(_) => Some(true),
            Done::Refused(_) => Some(false),
            Done::Unknown => None,
        })
    }

    async fn standing(&self, id: ConversationId) -> Result<Option<(ConversationId, State, u64)>, OrderError> {
        let Some((conversation, state)) = self.destination(id).await? else { return Ok(None) };
        let head = self.deps.store.load(conversation).await?;
        let revision = head.map_or(0, |head| head.revision.0);
        Ok(Some((conversation, state, revision)))
    }

    /// Whether the time of whoever has the conversation is over, whatever its turn makes of that.
    fn is_left(&self, state: &State) -> bool {
        let ends = state.control.idle_end(&self.deps.settings.takeover);
        ends.is_some_and(|(ends_ms, _)| ends_ms <= self.deps.clock.now_ms())
    }

    fn verdict(&self, state: &State, revision: u64, deed: &Deed) -> Verdict {
        let now_ms = self.deps.clock.now_ms();
        let bot = deed.act.runs_bot(state).then(|| self.deps.bots.choose(&state.number_id, state.bot.bot(), now_ms));
        let bot = match bot {
            Some(Choice::Run(bot)) => Some(bot),
            Some(Choice::Move(plan)) => Some(plan.to),
            Some(Choice::Wait(_) | Choice::Nobody) | None => None,
        };
        let takeover = &self.deps.settings.takeover;
        deeds::verdict(state, deed, Given { revision, now_ms, takeover, bot: bot.as_deref() })
    }

    /// Puts it into the inbox and waits for its turn; an error is the row that waits.
    async fn have_done(
        &self,
        conversation: ConversationId,
        state: &State,
        deed: Deed,
    ) -> Result<Result<Result<bool, DeedRefusal>, InboxSeq>, OrderError> {
        let now_ms = self.deps.clock.now_ms();
        let (ticket, answer) = self.deps.deeds.draw(now_ms);
        let payload = InboxPayload::Deed(Box::new(OrderedDeed { deed, ticket }));
        let row = payload.to(identity::contact_of(conversation), &Partition(state.number_id.clone()), now_ms);
        let appended = self.deps.store.append(vec![Accept::Message(row)]).await;
        let outcome = match &appended {
            Ok(_) => tokio::time::timeout(PATIENCE, answer).await.ok().and_then(Result::ok),
            Err(_) => None,
        };
        self.deps.deeds.give_back(ticket);
        let seq = appended?.first().copied().unwrap_or_default();
        Ok(outcome.ok_or(seq))
    }

    /// Messages of bots that are held because a person answers, and those of which nobody knows what comes of them.
    async fn unsent(&self, conversations: &[ConversationId]) -> Result<(usize, usize), OrderError> {
        let (mut held, mut in_flight) = (0, 0);
        for conversation in conversations {
            let mut after = SendId { conversation: *conversation, n: 0 };
            for _ in 0..PAGES {
                let page = self.deps.store.open_sends(Some(after), PAGE).await?;
                let ours: Vec<_> = page.iter().filter(|row| row.id.conversation == *conversation).collect();
                for row in &ours {
                    let why = SendError::of(row).and_then(|error| error.held);
                    held += usize::from(row.state == SendState::Held && why == Some(Held::Takeover));
                    let flies = matches!(row.state, SendState::Sending | SendState::Uncertain);
                    in_flight += usize::from(flies && is_of_bot(row));
                }
                match ours.last() {
                    Some(last) if page.len() == PAGE => after = last.id,
                    _ => break,
                }
            }
        }
        Ok((held, in_flight))
    }
}

fn is_of_bot(row: &storage::Send) -> bool {
    let payload = crate::codec::decode::<crate::records::SendPayload>(&row.payload);
    payload.is_ok_and(|payload| payload.node.is_some())
}
