//! What the fuzz targets do with bytes from outside. Each function must return, whatever the bytes are.
//!
//! The targets of this folder run them under libFuzzer; `tests/fuzz` runs them over the seeds and over fixed
//! mutations of these, with every other test.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::LazyLock;

use actors::http_caller::{Allow, Guard};
use actors::media::{Allowed, Digest};
use actors::view;
use chatbot::import::{self, ImportError};
use chatbot::{Bot, ContactView, Format, Given, Incoming, Input, NumberView, Snapshot};
use parlance::admin::{BODIES, attachment};
use parlance::bots::FlowFiles;
use parlance::config::{Config, Errors, Mode, Source, Sources};
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
pub const TARGETS: [Target; 15] = [
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
    ("admin", admin),
    ("guard", guard),
    ("media", media),
    ("config", config),
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

/// A body of the admin API, read as each that there is. What is wrong with one is said, and where in it.
pub fn admin(data: &[u8]) {
    let whole = serde_json::from_slice::<Value>(data).is_ok();
    for (name, read) in BODIES {
        let Err(problem) = read(data) else { continue };
        let has = |member: &str| problem[member].as_str().is_some_and(|text| !text.is_empty());
        assert!(has("title") && has("detail") && has("code"), "{name}: {problem}");
        match problem["status"].as_u64() {
            Some(400) => assert!(!whole, "{name} is said to be no JSON: {problem}"),
            Some(422) => {
                let pointer = problem["errors"][0]["pointer"].as_str().expect("a place");
                assert!(is_place(pointer, data), "{name}: {problem}");
            }
            _ => panic!("{name}: {problem}"),
        }
    }
}

/// Whether all names on the way to a place stand in the text, which may write them with escapes.
fn is_place(pointer: &str, data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    let mut names = pointer.split('/').skip(1).map(|name| name.replace("~1", "/").replace("~0", "~"));
    let stands = |name: String| name == "?" || name.parse::<usize>().is_ok() || text.contains(&name);
    text.contains('\\') || names.all(stands)
}

/// What the configuration allows, in one line with commas between, and in each of the others an address that a bot
/// calls; the same bytes as addresses that a name is found to have.
pub fn guard(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (allowed, addresses) = text.split_once('\n').unwrap_or(("", &text));
    let entries: Vec<_> = allowed.split(',').filter(|entry| !entry.is_empty()).collect();
    let allow = Allow::parse(entries.iter().copied()).unwrap_or_default();
    let names_none = allow == Allow::default();
    let guard = Guard::new(allow);
    for address in addresses.lines() {
        match guard.check(address) {
            Err(why) => assert!(!why.is_empty(), "a refusal says why"),
            Ok(url) => {
                assert!(matches!(url.scheme(), "http" | "https") && url.username().is_empty(), "{url}");
                assert_eq!(guard.check(url.as_str()).as_ref(), Ok(&url), "what was checked is what is called");
                let host = url.host_str().unwrap_or_default().trim_matches(['[', ']', '.']);
                if let (Ok(address), true) = (host.parse(), names_none) {
                    assert!(is_of_internet(address) && matches!(url.port(), None | Some(80 | 443)), "{url}");
                }
            }
        }
    }
    let closed = Guard::default();
    let v4 = data.windows(4).filter_map(|bytes| <[u8; 4]>::try_from(bytes).ok()).map(|bytes| bytes.into());
    let v6 = data.windows(16).filter_map(|bytes| <[u8; 16]>::try_from(bytes).ok()).map(|bytes| bytes.into());
    let written = text.split_whitespace().filter_map(|word| word.parse().ok());
    for address in v4.map(IpAddr::V4).chain(v6.map(IpAddr::V6)).chain(written) {
        assert!(!closed.may_connect("any.example", address) || is_of_internet(address), "{address} is called");
    }
}

/// As the standard library has it, and what an address of six bytes more may carry.
fn is_of_internet(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_of_internet_v4(address),
        IpAddr::V6(address) => {
            let inner = match address.segments() {
                [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0x64, 0xff9b, ..] => embedded(address, 12),
                [0x2002, ..] => embedded(address, 2),
                _ => None,
            };
            let aside = address.is_loopback() || address.is_unspecified() || address.is_multicast();
            let local = address.is_unique_local() || address.is_unicast_link_local();
            !aside && !local && inner.is_none_or(is_of_internet_v4)
        }
    }
}

fn embedded(address: Ipv6Addr, at: usize) -> Option<Ipv4Addr> {
    let bytes: [u8; 4] = address.octets().get(at..at + 4)?.try_into().ok()?;
    Some(bytes.into())
}

fn is_of_internet_v4(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let measured = a == 198 && (18..20).contains(&b);
    let local = address.is_private() || address.is_loopback() || address.is_link_local();
    let aside = address.is_documentation() || address.is_multicast() || a == 0 || a >= 240;
    !shared && !measured && !local && !aside
}

/// The name of a file, its type behind a line break, and the name of a file that a bot wants beside itself.
pub fn media(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (name, kind) = text.split_once('\n').unwrap_or((&text, "image/jpeg"));
    let header = attachment(name);
    let name_in_header = header.to_str().ok().and_then(|header| header.strip_prefix("attachment; filename*=UTF-8''"));
    let saved = percent_decoded(name_in_header.expect("each download has a name"));
    let is_name = !matches!(&*saved, b"" | b"." | b"..") && !saved.iter().any(|byte| matches!(byte, b'/' | b'\\'));
    assert!(is_name, "{name:?} is saved as {:?}", String::from_utf8_lossy(&saved));
    if let Ok(digest) = name.parse::<Digest>() {
        assert_eq!(digest.to_string(), name, "a file has one name");
    }
    match Allowed::parse([kind]) {
        Ok(allowed) => assert!(allowed.has(kind), "{kind} is allowed and is not taken"),
        Err(error) => assert!(error.to_string().contains(kind), "{error}"),
    }
    look_beside(name).expect("a folder for a while");
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).expect("two digits");
        bytes.push(u8::from_str_radix(digits, 16).expect("two digits"));
        bytes.extend_from_slice(rest.as_bytes());
    }
    bytes
}

/// A bot reads what lies in its folder, and nothing else.
fn look_beside(name: &str) -> io::Result<()> {
    let home = tempfile::tempdir()?;
    let folder = home.path().join("bots");
    std::fs::create_dir(&folder)?;
    std::fs::write(folder.join("flow.json"), "inside")?;
    std::fs::write(home.path().join("secret.json"), "outside")?;
    std::os::unix::fs::symlink("../secret.json", folder.join("link.json"))?;
    if let Ok(text) = FlowFiles::beside(&folder.join("bot.yaml")).read(name) {
        assert_eq!(text, "inside", "{name:?} leads out of the folder");
    }
    Ok(())
}

/// A configuration file. What is wrong with it is said, with its place; what is right is read the same again.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for mode in [Mode::Dev, Mode::Serve] {
        match configured(text, mode) {
            Ok(config) => {
                let again = configured(text, mode).expect("it was read once");
                assert!(again.changes_from(config.settings()).is_empty(), "it is another one each time");
            }
            Err(errors) => errors.0.iter().for_each(|problem| {
                assert!(!problem.what.is_empty() && !problem.help.is_empty(), "{problem:?}");
                if let Some(Source::File { line, column, .. }) = &problem.source {
                    assert!(*column >= 1 && (1..=text.lines().count() + 1).contains(line), "{problem:?}");
                }
                // What is missing is at no place but its name.
                let missing = problem.what.ends_with(" is missing");
                assert!(problem.source.is_some() || missing, "{problem:?} has no place");
            }),
        }
    }
}

fn configured(text: &str, mode: Mode) -> Result<Config, Errors> {
    Config::load(Sources {
        file: Some((Path::new("fuzz.toml").to_owned(), text.to_owned())),
        env: BTreeMap::new(),
        overrides: Vec::new(),
        generated: Vec::new(),
        mode,
        read_file: &|_| Err(io::ErrorKind::NotFound.into()),
    })
}
