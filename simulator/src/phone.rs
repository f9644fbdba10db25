//! Scripted phones: who they are, and what was said.

mod describe;
pub(crate) mod draft;
pub(crate) mod inbound;
mod transcript;

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;
use parking_lot::{Mutex, RwLock};
use serde::Serialize;
use tokio::sync::{broadcast, watch};

use crate::config::MAX_PHONES;
use crate::ids::mix;
pub use draft::{Content, Draft, Forwarded};
pub use transcript::{Attachment, Author, Card, Choice, ChoiceKind, Entry, ErrorNote, Link, Progress};

use transcript::Transcript;

/// Changes that a slow listener may be behind by before it has to read the transcript again.
const EVENTS_BEHIND: usize = 256;

/// Numbers reserved for fiction begin a little before and end here.
const FIRST_NUMBER: u64 = 447_700_900_100;
const LAST_NUMBER: u64 = 447_700_901_000;

/// Given up ids remembered at a time.
const MAX_GONE: usize = 10_000;

const NAMES: [&str; 6] = ["Ada Obi", "Ben Cole", "Chi Nwosu", "Dora Lind", "Emre Kaya", "Fay Wong"];

/// What there is to know about a phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PhoneInfo {
    /// 1, 2, 3, …
    pub phone: usize,
    /// Profile name, as webhooks carry it.
    pub name: String,
    /// Number, digits only; a fictional one.
    pub wa_id: String,
    /// Business-scoped user id.
    pub user_id: String,
    /// Username, if the person adopted one.
    pub username: Option<String>,
    /// True if webhooks withhold the number: `from` and `wa_id` are missing.
    pub hides_number: bool,
    /// True if the person blocked the business: sends are taken and never delivered.
    #[serde(default)]
    pub blocks_business: bool,
    /// True if the person stopped marketing messages (131050).
    #[serde(default)]
    pub stopped_marketing: bool,
    /// Messages in the transcript.
    pub messages: usize,
}

/// Why a phone cannot do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// No such phone.
    #[error("there is no phone {phone}; phones are 1 to {phones}")]
    NoPhone {
        /// The one asked for.
        phone: usize,
        /// How many there are.
        phones: usize,
    },
    /// No message offers that button or row.
    #[error("no message on phone {phone} offers {wanted}; on offer: {offered}")]
    NotOffered {
        /// The phone.
        phone: usize,
        /// What was asked for.
        wanted: String,
        /// What the latest message with choices offers.
        offered: String,
    },
    /// No such business number.
    #[error("the simulator has no business number {0}")]
    NoNumber(String),
    /// No such message in the transcript.
    #[error("phone {phone} has no message {wamid}")]
    NoMessage {
        /// The phone.
        phone: usize,
        /// The message asked for.
        wamid: String,
    },
    /// No such Flow.
    #[error("there is no Flow {0}")]
    NoFlow(String),
    /// No such form.
    #[error("there is no form {0}")]
    NoForm(String),
    /// What cannot be done as things stand.
    #[error("{0}")]
    NotNow(String),
    /// A message that WhatsApp could not have sent.
    #[error("{0}")]
    Invalid(String),
}

/// What changed on a phone.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum PhoneEvent {
    /// A new row of the transcript.
    Message {
        /// The row.
        entry: Box<Entry>,
    },
    /// A row changed (ticks, failure).
    Status {
        /// The row.
        entry: Box<Entry>,
    },
    /// The business shows that it is typing.
    Typing,
    /// Everything was forgotten, or changed otherwise: read the transcript again.
    Reset,
}

pub(crate) struct Phone {
    pub(crate) number: usize,
    /// The first number, which names the person for good: number and user id can change.
    pub(crate) key: String,
    seed: u64,
    state: Mutex<State>,
    version: watch::Sender<u64>,
    events: broadcast::Sender<PhoneEvent>,
}

struct State {
    wa_id: String,
    user_id: String,
    /// How often the number changed.
    moves: u64,
    blocks_business: bool,
    stopped_marketing: bool,
    name: String,
    username: Option<String>,
    hides_number: bool,
    transcript: Transcript,
    /// Rows up to here were handed out by `next_message`.
    taken: u64,
}

impl Phone {
    fn new(number: usize, seed: u64) -> Self {
        let key = (FIRST_NUMBER + number as u64).to_string();
        let state = State {
            wa_id: key.clone(),
            user_id: user_id(seed, number as u64),
            moves: 0,
            blocks_business: false,
            stopped_marketing: false,
            name: first_name(number),
            username: None,
            hides_number: false,
            transcript: Transcript::default(),
            taken: 0,
        };
        Self {
            number,
            key,
            seed,
            state: Mutex::new(state),
            version: watch::Sender::new(0),
            events: broadcast::Sender::new(EVENTS_BEHIND),
        }
    }

    pub(crate) fn info(&self) -> PhoneInfo {
        let state = self.state.lock();
        PhoneInfo {
            phone: self.number,
            name: state.name.clone(),
            wa_id: state.wa_id.clone(),
            user_id: state.user_id.clone(),
            blocks_business: state.blocks_business,
            stopped_marketing: state.stopped_marketing,
            username: state.username.clone(),
            hides_number: state.hides_number,
            messages: state.transcript.len(),
        }
    }

    pub(crate) fn set_profile(&self, name: Option<String>, username: Option<String>, hides_number: Option<bool>) {
        let mut state = self.state.lock();
        if let Some(name) = name {
            state.name = name;
        }
        if let Some(username) = username {
            state.username = Some(username).filter(|u| !u.is_empty());
        }
        if let Some(hides_number) = hides_number {
            state.hides_number = hides_number;
        }
        drop(state);
        self.announce(PhoneEvent::Reset);
    }

    pub(crate) fn block_business(&self, blocks: bool) {
        self.state.lock().blocks_business = blocks;
        self.announce(PhoneEvent::Reset);
    }

    pub(crate) fn stop_marketing(&self, stopped: bool) {
        self.state.lock().stopped_marketing = stopped;
        self.announce(PhoneEvent::Reset);
    }

    pub(crate) fn blocks_business(&self) -> bool {
        self.state.lock().blocks_business
    }

    pub(crate) fn stopped_marketing(&self) -> bool {
        self.state.lock().stopped_marketing
    }

    /// The ids that the person has now: number and business-scoped user id.
    pub(crate) fn ids(&self) -> [String; 2] {
        let state = self.state.lock();
        [state.wa_id.clone(), state.user_id.clone()]
    }

    /// Gives the phone another number, and with it another user id, as WhatsApp does.
    fn move_to(&self, wa_id: String) {
        let mut state = self.state.lock();
        state.moves += 1;
        state.wa_id = wa_id;
        state.user_id = user_id(self.seed, self.number as u64 + (state.moves << 32));
        drop(state);
        self.announce(PhoneEvent::Reset);
    }

    /// Changes a row, if it is there.
    pub(crate) fn amend(&self, wamid: &str, change: impl FnOnce(&mut Entry)) {
        let changed = self.state.lock().transcript.amend(wamid, change);
        if let Some(entry) = changed {
            self.announce(PhoneEvent::Status { entry: Box::new(entry) });
        }
    }

    /// Adds a row; its `seq` is set here.
    pub(crate) fn push(&self, entry: Entry) {
        let entry = self.state.lock().transcript.push(entry);
        self.announce(PhoneEvent::Message { entry: Box::new(entry) });
    }

    /// Moves the ticks of a row forward. Unknown rows are ignored.
    pub(crate) fn progress(&self, wamid: &str, progress: Progress, error: Option<ErrorNote>) {
        let changed = self.state.lock().transcript.progress(wamid, progress, error);
        if let Some(entry) = changed {
            self.announce(PhoneEvent::Status { entry: Box::new(entry) });
        }
    }

    /// Marks what the person wrote up to `wamid` as read. False if the person never wrote that.
    pub(crate) fn read_up_to(&self, wamid: &str) -> bool {
        let Some(changed) = self.state.lock().transcript.read_up_to(wamid) else { return false };
        for entry in changed {
            self.announce(PhoneEvent::Status { entry: Box::new(entry) });
        }
        true
    }

    pub(crate) fn typing(&self) {
        self.announce(PhoneEvent::Typing);
    }

    pub(crate) fn reset(&self) {
        let mut state = self.state.lock();
        (state.blocks_business, state.stopped_marketing) = (false, false);
        state.transcript.clear();
        state.taken = state.transcript.last_seq();
        drop(state);
        self.announce(PhoneEvent::Reset);
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.state.lock().transcript.to_vec()
    }

    pub(crate) fn find(&self, wamid: &str) -> Option<Entry> {
        self.state.lock().transcript.find(wamid).cloned()
    }

    /// The latest choice of `kind` that a message of the business offers, with that message; only in
    /// the message `wamid` if it is given.
    pub(crate) fn offered(
        &self,
        kind: ChoiceKind,
        wanted: &Choose,
        wamid: Option<&str>,
    ) -> Result<(Entry, Choice), PhoneError> {
        let state = self.state.lock();
        let asked = |entry: &&Entry| wamid.is_none_or(|id| entry.wamid == id);
        let found = state.transcript.offers().filter(asked).find_map(|entry| {
            let choice = entry.offers().find(|c| c.kind == kind && wanted.is(c))?;
            Some((entry.clone(), choice.clone()))
        });
        found.ok_or_else(|| PhoneError::NotOffered {
            phone: self.number,
            wanted: format!("the {} {wanted}", kind.word()),
            offered: state.transcript.offers().next().map_or_else(|| "nothing".into(), Entry::offer_text),
        })
    }

    /// The next message of the business that was not handed out yet.
    pub(crate) fn take_next(&self) -> Option<Entry> {
        let mut state = self.state.lock();
        let entry = state.transcript.next_of_business(state.taken)?.clone();
        state.taken = entry.seq;
        Some(entry)
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    pub(crate) fn events(&self) -> broadcast::Receiver<PhoneEvent> {
        self.events.subscribe()
    }

    fn announce(&self, event: PhoneEvent) {
        self.version.send_modify(|v| *v += 1);
        // An error only says that nobody listens.
        drop(self.events.send(event));
    }
}

fn first_name(number: usize) -> String {
    let name = NAMES.get((number - 1) % NAMES.len()).copied().unwrap_or("Person");
    match (number - 1) / NAMES.len() {
        0 => name.into(),
        round => format!("{name} {}", round + 1),
    }
}

/// Names a button or a list row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choose {
    /// By its id.
    Id(String),
    /// By what is written on it.
    Title(String),
}

impl Choose {
    fn is(&self, choice: &Choice) -> bool {
        match self {
            Self::Id(id) => choice.id == *id,
            Self::Title(title) => choice.title == *title,
        }
    }
}

impl std::fmt::Display for Choose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => write!(f, "with id {id:?}"),
            Self::Title(title) => write!(f, "titled {title:?}"),
        }
    }
}

/// All phones, by position and by either id.
pub(crate) struct Phones {
    all: Vec<Phone>,
    by_id: RwLock<ById>,
}

#[derive(Default)]
struct ById {
    phones: HashMap<String, usize, RandomState>,
    /// Ids that somebody gave up.
    gone: HashSet<String, RandomState>,
}

impl Phones {
    pub(crate) fn new(count: usize, seed: u64) -> Self {
        let all: Vec<_> = (1..=count).map(|n| Phone::new(n, seed)).collect();
        let ids = |(i, p): (usize, &Phone)| p.ids().map(|id| (id, i));
        let phones = all.iter().enumerate().flat_map(ids).collect();
        Self { all, by_id: RwLock::new(ById { phones, ..ById::default() }) }
    }

    pub(crate) fn get(&self, phone: usize) -> Result<&Phone, PhoneError> {
        let found = phone.checked_sub(1).and_then(|i| self.all.get(i));
        found.ok_or(PhoneError::NoPhone { phone, phones: self.all.len() })
    }

    /// By number or business-scoped user id.
    pub(crate) fn by_person(&self, id: &str) -> Option<&Phone> {
        let at = *self.by_id.read().phones.get(id)?;
        self.all.get(at)
    }

    /// True if somebody had this id and gave it up.
    pub(crate) fn is_gone(&self, id: &str) -> bool {
        self.by_id.read().gone.contains(id)
    }

    /// Moves a phone to another number, a free one if none is given.
    pub(crate) fn change_number(&self, phone: &Phone, wa_id: Option<String>) -> Result<(), PhoneError> {
        let mut by_id = self.by_id.write();
        if let Some(taken) = wa_id.as_ref().filter(|id| by_id.phones.contains_key(*id)) {
            return Err(PhoneError::Invalid(format!("another phone has the number {taken}")));
        }
        let unused = |id: &String| !by_id.phones.contains_key(id) && !by_id.gone.contains(id);
        let spare = || (FIRST_NUMBER + MAX_PHONES as u64 + 1..LAST_NUMBER).map(|n| n.to_string()).find(unused);
        let wa_id = wa_id.or_else(spare).ok_or_else(|| PhoneError::Invalid("no fictional number is left".into()))?;
        let old = phone.ids();
        phone.move_to(wa_id);
        for (old, new) in old.into_iter().zip(phone.ids()) {
            by_id.phones.remove(&old);
            if by_id.gone.len() < MAX_GONE {
                by_id.gone.insert(old);
            }
            by_id.gone.remove(&new);
            by_id.phones.insert(new, phone.number - 1);
        }
        Ok(())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Phone> {
        self.all.iter()
    }
}

fn user_id(seed: u64, person: u64) -> String {
    format!("GB.{:013}", mix(seed ^ person) % 10_000_000_000_000)
}
