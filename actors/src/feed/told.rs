//! An event, its topic and its place.

use storage::{ConversationId, LogSeq};

/// What followers choose by, and what their role must allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// Conversations that advanced.
    Conversations,
    /// Messages that came, were decided, or moved on.
    Messages,
    /// States of the outbox.
    Outbox,
    /// What was given up.
    DeadLetters,
    /// What was put aside.
    Quarantine,
    /// What accounts were told.
    Notices,
    /// Our numbers: stopped, going on.
    Numbers,
    /// Bots: what is live.
    Bots,
    /// Flows at Meta.
    Flows,
    /// Templates at Meta.
    Templates,
    /// Files.
    Media,
    /// People: their fields, tags, blocks.
    Contacts,
    /// Broadcasts and how far they are.
    Broadcasts,
    /// Requests to the front door.
    Webhooks,
    /// Users, tokens, settings.
    Settings,
}

impl Topic {
    /// All of them.
    pub const ALL: [Topic; 15] = [
        Topic::Conversations,
        Topic::Messages,
        Topic::Outbox,
        Topic::DeadLetters,
        Topic::Quarantine,
        Topic::Notices,
        Topic::Numbers,
        Topic::Bots,
        Topic::Flows,
        Topic::Templates,
        Topic::Media,
        Topic::Contacts,
        Topic::Broadcasts,
        Topic::Webhooks,
        Topic::Settings,
    ];

    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Topic::Conversations => "conversations",
            Topic::Messages => "messages",
            Topic::Outbox => "outbox",
            Topic::DeadLetters => "dead_letters",
            Topic::Quarantine => "quarantine",
            Topic::Notices => "notices",
            Topic::Numbers => "numbers",
            Topic::Bots => "bots",
            Topic::Flows => "flows",
            Topic::Templates => "templates",
            Topic::Media => "media",
            Topic::Contacts => "contacts",
            Topic::Broadcasts => "broadcasts",
            Topic::Webhooks => "webhooks",
            Topic::Settings => "settings",
        }
    }

    /// The topic with this word.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name() == name)
    }
}

/// A place in the log: after a row, or after the first events of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The row.
    pub seq: LogSeq,
    /// How many of its events; `None` for all.
    pub part: Option<u32>,
}

impl Place {
    /// After all of a row.
    pub(super) fn after(seq: LogSeq) -> Self {
        Self { seq, part: None }
    }

    /// The last row that need not be read again to go on from here.
    pub(super) fn whole(self) -> LogSeq {
        match self.part {
            None => self.seq,
            Some(_) => LogSeq(self.seq.0.saturating_sub(1)),
        }
    }
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Where a follower goes on that has it; `None` if it is not in the log, so that nobody gets it later.
    pub place: Option<Place>,
    /// What it is about.
    pub topic: Topic,
    /// What happened, such as `message.in`.
    pub kind: &'static str,
    /// The conversation that it is about.
    pub conversation: Option<ConversationId>,
    /// [`crate::identity::partition_tag`] of the number that it is about.
    pub number: Option<[u8; 4]>,
    /// A JSON object, in one line. Ids and states: never what somebody wrote, and no phone number of a person.
    pub data: Box<str>,
}

impl Told {
    /// What it takes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        std::mem::size_of::<Self>() + self.data.len() + 32
    }
}
