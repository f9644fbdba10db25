//! What the fuzz targets do with bytes from outside. Each function must return, whatever the bytes are.
//!
//! The targets of this folder run them under libFuzzer; `tests/fuzz` runs them over the seeds and over fixed
//! mutations of these, with every other test.

use std::sync::LazyLock;

use actors::view;
use chatbot::import::{self, ImportError};
use chatbot::{Bot, ContactView, Format, Given, Incoming, Input, NumberView, Snapshot};
use secrecy::SecretString;
use serde_json::Value;
use storage::{Entry, Inbound, InboxSeq, Partition};
use whatsapp::flow::json::FlowJson;
use whatsapp::flow::{self, Envelope, FlowKey, FlowKeys, UploadedFile};
use whatsapp::graph;
use whatsapp::message::{Outgoing, Recipient};
use whatsapp::signature::{Verifier, sign};
use whatsapp::webhook::{self, Event, FieldEvent, Message, Profile};

/// A target: its name, which is that of its folder of seeds, and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 11] = [
    ("webhook", webhook),
    ("message", message),
    ("signature", signature),
    ("outgoing", outgoing),
    ("reply", reply),
    ("flow", flow),
    ("bot", bot),
    ("export", export),
    ("expression", expression),
    ("stored", stored),
    ("flow_json", flow_json),
];

/// A webhook body, down to the last typed detail of each event.
pub fn webhook(data: &[u8]) {
    for event in webhook::parse(data).unwrap_or_default() {
        match event {
            Event::Message(received) => {
                let message = Message::parse(received.message.get());
                assert_eq!(message.wamid, received.wamid, "routing and reading agree");
                read_message(&message);
                if let Some(contact) = received.contact {
                    Profile::parse(contact.get());
                }
            }
            Event::Status(status) => drop((status.outcome(), status.details())),
            Event::Other { field, raw, .. } => read_field(&field, raw.get()),
            Event::Unreadable { why, .. } => assert!(!why.is_empty(), "an operator is told why"),
        }
    }
}

/// One element of a webhook by itself.
pub fn message(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    read_message(&Message::parse(text));
    Profile::parse(text);
    for field in ["flows", "account_update", "user_preferences", "smb_message_echoes", "message_template_status_update"]
    {
        read_field(field, text);
    }
}

fn read_message(message: &Message) {
    let _ = (message.text().len(), message.type_name().len(), message.reply_id(), message.media());
    drop((message.contacts(), message.order(), message.referral()));
    if let Some(edited) = &message.edited {
        read_message(edited);
    }
}

fn read_field(field: &str, raw: &str) {
    let event = FieldEvent::parse(field, raw);
    assert!(!event.to_string().is_empty(), "an operator sees something");
    event.is_alarm();
}

/// A signature header and the body behind the first line break.
pub fn signature(data: &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (header, body) = data.split_at(at);
    let secret = SecretString::from("secret-of-fuzzing");
    let verifier = Verifier::new(&[secret.clone(), "".into()]);
    let Ok(header) = std::str::from_utf8(header) else { return };
    if verifier.verify(Some(header), body).is_ok() {
        assert!(header.eq_ignore_ascii_case(&sign(&secret, body)), "only the one right signature is taken");
    }
    assert_eq!(verifier.verify(Some(&sign(&secret, body)), body), Ok(0));
}

/// A message body as an operator writes it; what is taken comes out as it went in.
pub fn outgoing(data: &[u8]) {
    let Ok(body) = serde_json::from_slice::<Value>(data) else { return };
    let message = match Outgoing::parse(&body) {
        Ok(message) => message,
        Err(errors) => return assert!(!errors.is_empty(), "a refusal says why"),
    };
    let _ = (message.type_name().len(), message.text().len());
    let sent = message.body(&Recipient::Phone("447700900123".into()), "o_1");
    let again = Outgoing::parse(&sent).expect("what we send, we can read");
    assert_eq!(again.raw(), message.raw(), "and it is the same");
    let stored = serde_json::to_vec(&message).expect("a message can be stored");
    let read: Outgoing = serde_json::from_slice(&stored).expect("and read back");
    assert_eq!(read.raw(), message.raw());
}

/// An answer of Graph: two bytes of HTTP status, two lines of headers, the body.
pub fn reply(data: &[u8]) {
    let Some((status, rest)) = data.split_first_chunk::<2>() else { return };
    let mut parts = rest.splitn(3, |byte| *byte == b'\n');
    let mut header = || parts.next().and_then(|part| std::str::from_utf8(part).ok());
    let (retry_after, usage) = (header(), header());
    let body = parts.next().unwrap_or_default();
    for status in [u16::from_le_bytes(*status), 200, 400, 500] {
        match graph::decide_send(status, body, retry_after, usage) {
            Ok(accepted) => assert!(!accepted.wamid.is_empty(), "what was accepted has an id"),
            Err(error) => drop((error.outcome(), error.retry_after_ms(), error.to_string(), format!("{error:?}"))),
        }
    }
}

/// The body of a Flow request; the same bytes as a key, and as a file that was uploaded inside a form.
pub fn flow(data: &[u8]) {
    static KEYS: LazyLock<FlowKeys> = LazyLock::new(|| {
        let pem = include_str!("../whatsapp/testdata/flow/vector.pem");
        FlowKey::read(&pem.into(), None).expect("the key of the test vector is read").into()
    });
    const SEALED: &[u8] = include_bytes!("../whatsapp/testdata/flow/vector.request.json");
    if let Ok(opened) = flow::open(&KEYS, data) {
        let known = Envelope::read(SEALED).map(|envelope| hex(envelope.digest()));
        assert_eq!(Ok(opened.digest), known, "nobody can change what is sealed");
    }
    if let Ok(file) = serde_json::from_slice::<UploadedFile>(data) {
        drop(file.encryption_metadata.decrypt(b"sixteen bytes and a code"));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = FlowKey::read(&text.into(), None) {
        assert!(error.to_string().len() < 200, "a refusal is short and repeats nothing of the text");
    }
    flow::fingerprint_of_public(text);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A bot file in either format. What loads can be talked with.
pub fn bot(data: &[u8]) {
    let Ok(source) = std::str::from_utf8(data) else { return };
    for format in [Format::Yaml, Format::Json] {
        let loaded = chatbot::load(source, "fuzz", format);
        for diagnostic in &loaded.diagnostics {
            diagnostic.render(source);
        }
        if let Some(bot) = loaded.bot {
            let canonical = chatbot::load(&bot.canonical_json(), "canonical", Format::Json);
            assert_eq!(canonical.bot.map(|bot| bot.version().to_owned()).as_deref(), Some(bot.version()));
            talk(&bot);
        }
    }
}

/// An export of another program, read as what it looks like. What is imported loads, the same each time, and can be
/// talked with.
pub fn export(data: &[u8]) {
    let Ok(source) = std::str::from_utf8(data) else { return };
    match import::import(source, None) {
        Err(error) => {
            assert!(!matches!(error, ImportError::DoesNotLoad(_)), "what is imported loads: {error}");
            assert!(!error.to_string().is_empty(), "a refusal says why");
        }
        Ok(imported) => {
            let again = import::import(source, None).expect("what was imported once");
            assert_eq!((imported.written(), &imported.changes), (again.written(), &again.changes));
            talk(&imported.bot);
        }
    }
}

/// An expression and, behind a line break, a template, in a bot that uses them for every message.
pub fn expression(data: &[u8]) {
    let Ok(source) = std::str::from_utf8(data) else { return };
    let (when, text) = source.split_once('\n').unwrap_or((source, "{{ input.text }}"));
    let file = serde_json::json!({
        "parlance": 1, "id": "fuzz", "vars": { "n": { "type": "int", "default": 3 }, "s": { "type": "text", "default": "Ada" } },
        "triggers": [{ "default": {}, "to": "choose" }],
        "nodes": {
            "choose": { "type": "branch", "cases": [{ "when": when, "to": "set" }], "else": "answer" },
            "set": { "type": "set", "assign": { "n": when }, "next": { "next": "answer" } },
            "answer": { "type": "say", "messages": [{ "text": text }], "next": { "next": "fin" } },
            "fin": { "type": "end", "reason": "done" },
        },
    });
    if let Some(bot) = chatbot::load(&file.to_string(), "fuzz", Format::Json).bot {
        talk(&bot);
    }
}

/// A few turns; a bot may fail at them, the engine may not.
fn talk(bot: &Bot) {
    let contact = ContactView { name: Some("Ada".into()), wa_id: Some("447700900123".into()), user_id: None };
    let number = NumberView { id: "700800900100200".into(), display: None };
    let mut state = Snapshot::default();
    let says = |text: &str| Input::Message(Incoming { kind: "text".into(), text: text.into(), ..Incoming::default() });
    let day_ms = 86_400_000;
    for (at, input) in [says("hi"), says("1"), says("žluťoučký 👍🏽"), Input::Tick, says("hi")].iter().enumerate()
    {
        let given = Given {
            now_ms: 1_795_340_000_000 + at as u64 * day_ms,
            seed: 7,
            staff_since_ms: None,
            address: "",
            contact: &contact,
            number: &number,
        };
        match chatbot::turn(bot, &state, input, &given) {
            Ok(turn) => {
                assert_eq!(Ok(&turn), chatbot::turn(bot, &state, input, &given).as_ref(), "a turn is pure");
                state = turn.after;
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// A row of the store as a damaged disk gives it back.
pub fn stored(data: &[u8]) {
    let payload = bytes::Bytes::copy_from_slice(data);
    let row = Inbound {
        partition: Partition("700800900100200".into()),
        aliases: Vec::new(),
        received_ms: 1,
        payload: payload.clone(),
    };
    drop(view::pending(InboxSeq(1), &row));
    let entry = Entry { index: 0, payload };
    drop((view::sends_of(&entry), view::messages(&entry, |_| None)));
}

/// A Flow JSON: checked, and read into a model that answers whatever it is asked.
pub fn flow_json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for problem in FlowJson::check(text) {
        assert!(problem.line_start >= 1 && !problem.message.is_empty(), "a problem has a place: {problem:?}");
    }
    let Ok(flow) = FlowJson::parse(text) else { return };
    let entry = flow.entry().unwrap_or_default();
    for screen in flow.screens() {
        flow.may_follow(entry, &screen.id);
        let examples = screen.data.iter().map(|field| (field.name.clone(), field.example.clone().unwrap_or_default()));
        drop(screen.accepts(&Value::Object(examples.collect())));
    }
}
