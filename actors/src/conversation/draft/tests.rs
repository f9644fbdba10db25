//! Whatever happens to a conversation, its history tells the state after every entry.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use chatbot::{Bot, Format, Given, HandBack, Input, OnDoubt, Snapshot, TurnError, load_with};
use proptest::prelude::*;
use serde_json::{Value, json};
use storage::{ContactId, ConversationId, Entry, Head, Inbound, InboxSeq, Partition, Revision};
use whatsapp::message::{Outgoing, Text};

use super::{Draft, GiveUp, Loaded, Means};
use crate::codec;
use crate::identity;
use crate::journal::{JournalError, fold, window};
use crate::queue::Item;
use crate::records::State;
use crate::records::change::{self, WHOLE_EVERY};
use crate::records::inbox::{
    About, Absorbed, InboundEcho, InboundMessage, InboxPayload, Moved, OrderKey, Origin, SendOrder,
};
use crate::settings::{Number, Takeover};

const NUMBER: &str = "700800900100200";
const SECRET: [u8; 16] = [7; 16];

/// Something that happens to a conversation.
#[derive(Clone, Debug)]
enum Happening {
    Says(String),
    Taps(String),
    Sends(&'static str),
    Wakes,
    Waits(u64),
    StaffWrites,
    StaffOrders(u64),
    StaffIsDone(HandBack),
    Marketing(bool),
    Moves(u32),
    TakesIn(u32),
    Publishes(usize),
    PoisonMessage,
    PoisonTimer,
}

fn happening() -> impl Strategy<Value = Happening> {
    let words = ["hi", "book", "human", "1", "2", "yes", "start over", "stop", "boom", "tokyo", "9", "call", "later"];
    prop_oneof![
        8 => prop::sample::select(words.to_vec()).prop_map(|text| Happening::Says(text.to_owned())),
        1 => ".{0,30}".prop_map(Happening::Says),
        6 => prop::sample::select(vec!["book", "hours", "bye", "berlin", "yes_please", "a", "parlance.page.1"])
            .prop_map(|id| Happening::Taps(id.to_owned())),
        2 => prop::sample::select(vec!["image", "reaction", "location", "system", "unsupported"]).prop_map(Happening::Sends),
        4 => Just(Happening::Wakes),
        4 => (1_u64..30_000_000).prop_map(Happening::Waits),
        1 => Just(Happening::StaffWrites),
        1 => (0_u64..3).prop_map(Happening::StaffOrders),
        2 => prop::sample::select(vec![HandBack::Returned, HandBack::Closed]).prop_map(Happening::StaffIsDone),
        1 => any::<bool>().prop_map(Happening::Marketing),
        1 => (0_u32..3).prop_map(Happening::Moves),
        1 => (0_u32..3).prop_map(Happening::TakesIn),
        2 => (0_usize..4).prop_map(Happening::Publishes),
        1 => Just(Happening::PoisonMessage),
        1 => Just(Happening::PoisonTimer),
    ]
}

/// The sample bot in two versions, one that hands over, one that waits.
fn bots() -> Vec<Arc<Bot>> {
    static LOADED: std::sync::OnceLock<Vec<Arc<Bot>>> = std::sync::OnceLock::new();
    LOADED.get_or_init(load_bots).clone()
}

fn load_bots() -> Vec<Arc<Bot>> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let welcome = read("bots/welcome.yaml");
    let sources = [
        welcome.clone(),
        welcome.replace("Have a nice day!", "Bye."),
        read("chatbot/testdata/transcripts/handoff.yaml"),
        read("chatbot/testdata/transcripts/time.yaml"),
    ];
    let open = |name: &str| Ok(read(&format!("bots/{name}")));
    let loaded = |source| load_with(source, "t.yaml", Format::Yaml, &open);
    sources.iter().map(|source| Arc::new(loaded(source).bot.unwrap())).collect()
}

/// A conversation by itself: what its actor would do, without an actor.
struct Alone {
    id: ConversationId,
    bots: Vec<Arc<Bot>>,
    live: usize,
    now_ms: u64,
    seq: u64,
    loaded: Loaded,
    entries: Vec<Entry>,
    numbers: Vec<Number>,
}

fn contact(n: u32) -> ContactId {
    identity::first_contact(&SECRET, &identity::phone_alias(&phone(n)))
}

fn phone(n: u32) -> String {
    format!("4477009{n:05}")
}

impl Alone {
    fn new(person: u32) -> Self {
        let id = identity::conversation_id(&Partition(NUMBER.into()), contact(person));
        let number =
            Number { id: NUMBER.into(), account: "a".into(), token: "t".to_owned().into(), messages_per_second: None };
        let loaded = Loaded::from_head(None).unwrap();
        Self {
            id,
            bots: bots(),
            live: 0,
            now_ms: 1_795_341_600_000,
            seq: 0,
            loaded,
            entries: Vec::new(),
            numbers: vec![number],
        }
    }

    fn row(&self, payload: &InboxPayload) -> Inbound {
        Inbound {
            partition: Partition(NUMBER.into()),
            aliases: vec![identity::phone_alias(&phone(1))],
            received_ms: self.now_ms,
            payload: codec::encode(payload),
        }
    }

    fn message(&mut self, mut raw: Value) -> InboxPayload {
        raw["id"] = format!("wamid.{}", self.seq).into();
        raw["from"] = phone(1).into();
        InboxPayload::Message(InboundMessage {
            message: raw.to_string().into(),
            contact: Some(json!({ "profile": { "name": "Ada" }, "wa_id": phone(1) }).to_string().into()),
            display_number: None,
            sent_ms: None,
            group: false,
        })
    }

    /// The row that something comes as; `None` for what is no row.
    fn payload(&mut self, what: &Happening) -> Option<InboxPayload> {
        self.seq += 1;
        Some(match what {
            Happening::Says(text) => self.message(json!({ "type": "text", "text": { "body": text } })),
            Happening::PoisonMessage => self.message(json!({ "type": "text", "text": { "body": "poison" } })),
            Happening::Taps(id) => self.message(json!({
                "type": "interactive", "interactive": { "type": "button_reply", "button_reply": { "id": id, "title": id } },
            })),
            Happening::Sends(kind) => self.message(json!({ "type": kind, *kind: { "id": "1", "emoji": "x", "latitude": 1.5, "longitude": 2.5, "message_id": "m", "body": "b" } })),
            Happening::StaffWrites => InboxPayload::Echo(InboundEcho {
                message: json!({ "id": format!("wamid.{}", self.seq), "type": "text", "text": { "body": "me" } }).to_string().into(),
                sent_ms: None,
                wa_id: None,
                user_id: None,
            }),
            Happening::StaffOrders(key) => InboxPayload::Order(Box::new(SendOrder {
                message: Outgoing::Text(Text::new("from staff".to_owned()).unwrap()),
                on_doubt: OnDoubt::Resend,
                ticket: 0,
                key: Some(OrderKey { key: *key, body: 1 }),
                origin: Origin::Outside { who: "user:elif".into(), force: false },
                named: None,
            })),
            Happening::StaffIsDone(how) => InboxPayload::HandBack(*how),
            Happening::Marketing(wanted) => InboxPayload::About(About {
                field: "user_preferences".into(),
                raw: format!("{{\"n\":{}}}", self.seq).into(),
                detail: "".into(),
                at_ms: None,
                marketing: Some(*wanted),
                wa_id: None,
                user_id: None,
            }),
            Happening::Moves(to) => {
                InboxPayload::Moved(Moved { at_ms: self.now_ms, wa_id: Some(phone(10 + to).into()), ..Moved::default() })
            }
            Happening::TakesIn(other) => {
                let state = Alone::new(20 + other).lived(*other);
                InboxPayload::Absorb(Box::new(Absorbed { from: contact(20 + other), state }))
            }
            Happening::Wakes | Happening::Waits(_) | Happening::Publishes(_) | Happening::PoisonTimer => return None,
        })
    }

    /// The state of one with a run of its own.
    fn lived(mut self, live: u32) -> State {
        self.live = live as usize;
        self.turn(&[Happening::Says("hi".to_owned()), Happening::Taps("book".to_owned())]);
        self.loaded.state
    }

    /// The bot that answers: the version of the run, else the live one.
    fn bot(&self) -> Arc<Bot> {
        let pinned = self.loaded.state.bot.bot();
        let of_run = |bot: &&Arc<Bot>| pinned == Some((bot.id(), bot.version()));
        self.bots.iter().find(of_run).unwrap_or(&self.bots[self.live]).clone()
    }

    /// One turn over these; answers whether there was anything to commit.
    fn turn(&mut self, what: &[Happening]) -> bool {
        let rows: Vec<(Happening, Option<InboxPayload>, u64)> =
            what.iter().map(|what| (what.clone(), self.payload(what), self.seq)).collect();
        for what in what {
            match what {
                Happening::Waits(ms) => self.now_ms += ms,
                Happening::Publishes(version) => self.live = *version,
                _ => {}
            }
        }
        let function = |bot: &Bot, before: &Snapshot, input: &Input, given: &Given<'_>| match input {
            Input::Message(message) if message.text == "boom" => {
                Err(TurnError::Failed { node: "a".to_owned(), message: "it is made to fail".to_owned() })
            }
            _ => chatbot::turn(bot, before, input, given),
        };
        let numbers = crate::Numbers::from(self.numbers.clone());
        let clock = Arc::new(crate::AdjustableClock::starting_at(self.now_ms));
        let outlet = crate::outlet::Outlet::closed(storage::Model::new(), clock, Arc::default());
        let bots = crate::bots::Bots::default();
        let means = Means {
            outlet: &outlet,
            bots: &bots,
            secret: SECRET,
            now_ms: self.now_ms,
            turn: &function,
            takeover: Takeover::default(),
            numbers: &numbers,
            categories: &|_, _, _| None,
            holds: false,
        };
        let bot = self.bot();
        let mut draft = Draft::new(self.id, means, std::mem::take(&mut self.loaded));
        let why = GiveUp { input: 1, detail: "it panicked".into(), runs: 3, unread: false };
        for (what, payload, seq) in rows {
            draft.hand_back_if_due();
            let answers = draft.is_with_bot().then_some(&bot);
            let item = Item { seq: InboxSeq(seq), row: None, merge_into: None };
            let row = payload.map(|payload| self.row(&payload));
            match (what, row) {
                (Happening::PoisonMessage, Some(row)) => draft.give_up_message(item.seq, &row, answers, &why),
                (_, Some(row)) => draft.take(&item, &row, answers),
                (Happening::PoisonTimer, None) => draft.give_up_timer(answers, &why),
                (Happening::Wakes, None) if answers.is_some() => draft.tick(&bot),
                _ => {}
            }
        }
        let empty = draft.is_empty();
        let (turn, done) = draft.finish();
        if empty {
            // Nothing is committed: the memory stays as it was.
            self.loaded = Loaded { revision: Revision(done.after.revision.0 - 1), ..done.after };
            return false;
        }
        for payload in turn.entries {
            self.entries.push(Entry { index: self.entries.len() as u64, payload });
        }
        let head = Head {
            revision: done.after.revision,
            next_send: done.after.next_send,
            next_entry: self.entries.len() as u64,
            created_ms: 0,
            updated_ms: 0,
            wake_ms: done.after.wake_ms,
            snapshot: turn.snapshot,
        };
        // As after a restart: what was not stored is lost.
        self.loaded = Loaded::from_head(Some(&head)).unwrap();
        assert_eq!(done.after.next_entry, self.loaded.next_entry);
        true
    }

    fn told(&self, index: u64) -> Result<Value, JournalError> {
        let (first, limit) = window(index);
        let entries: Vec<Entry> = self.entries.iter().skip(first as usize).take(limit).cloned().collect();
        fold(&entries, index).map(|moment| moment.told().clone())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn replaying_the_history_gives_the_stored_state_at_every_entry(
        happenings in prop::collection::vec(prop::collection::vec(happening(), 1..3), 1..90),
    ) {
        let mut alone = Alone::new(1);
        let mut stored: Vec<(u64, Value)> = Vec::new();
        for batch in happenings {
            if alone.turn(&batch) && !alone.entries.is_empty() {
                let last = alone.entries.len() as u64 - 1;
                stored.push((last, change::tell(&alone.loaded.state).value()));
            }
        }
        for (index, state) in stored {
            prop_assert_eq!(alone.told(index).unwrap(), state, "entry {}", index);
        }
        for index in 0..alone.entries.len() as u64 {
            prop_assert!(alone.told(index).is_ok());
        }
    }
}

#[test]
fn a_wake_up_does_not_take_back_what_was_said_about_marketing_in_the_same_moment() {
    let mut alone = Alone::new(1);
    alone.turn(&[Happening::Publishes(2)]);
    alone.turn(&[Happening::Says("stop".to_owned()), Happening::Marketing(true)]);
    let before = change::tell(&alone.loaded.state).value();
    assert!(alone.loaded.state.marketing.is_some_and(|said| said.wanted));
    assert!(!alone.turn(&[Happening::Wakes]), "there is nothing to commit");
    assert_eq!(change::tell(&alone.loaded.state).value(), before);
}

#[test]
fn a_state_is_read_from_so_many_entries_at_the_most_and_costs_few_bytes() {
    let mut alone = Alone::new(1);
    while alone.entries.len() < 400 {
        for text in ["hi", "book", "berlin", "4", "yes", "no"] {
            alone.turn(&[Happening::Waits(20_000), Happening::Says(text.to_owned())]);
        }
    }
    for index in 0..400 {
        let (first, limit) = window(index);
        assert!(limit as u64 <= WHOLE_EVERY + 1 && first.is_multiple_of(WHOLE_EVERY), "{index}: {first} {limit}");
    }
    let (mut with, mut without) = (0, 0);
    for entry in &alone.entries {
        let mut decoded: crate::records::HistoryEntry = codec::decode(&entry.payload).unwrap();
        with += entry.payload.len();
        decoded.after = None;
        without += codec::encode(&decoded).len();
    }
    let each = (with - without) / alone.entries.len();
    // Measured 2026-11: 169 bytes beside 481 of input and trace.
    assert!(each < 400, "{each} bytes an entry, beside {}", without / alone.entries.len());
}

#[test]
fn entries_that_do_not_say_what_they_changed_are_refused_by_name() {
    let mut alone = Alone::new(1);
    for _ in 0..40 {
        alone.turn(&[Happening::Says("hi".to_owned())]);
        alone.turn(&[Happening::Taps("hours".to_owned())]);
    }
    for entry in alone.entries.iter_mut().take(70) {
        let mut decoded: crate::records::HistoryEntry = codec::decode(&entry.payload).unwrap();
        decoded.after = None;
        entry.payload = codec::encode(&decoded);
    }
    for (index, reason) in [(0, 0), (5, 0), (64, 0), (65, 64), (79, 64)] {
        let error = alone.told(index).unwrap_err();
        assert!(matches!(error, JournalError::NotKept { index: of, at } if of == index && at == reason), "{error}");
    }
    alone.entries.remove(3);
    assert!(matches!(alone.told(79), Err(JournalError::NotKept { .. })));
}
