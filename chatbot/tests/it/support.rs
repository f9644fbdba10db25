//! Plays a conversation against a bot, and checks at every step what must always hold.

use std::path::{Path, PathBuf};

use chatbot::{
    Bot, Closed, ContactView, Effect, FormAction, FormRequest, FormStep, Format, Given, HttpCall, HttpDone,
    HttpOutcome, Incoming, Input, Loaded, NumberView, OnDoubt, Snapshot, Trace, Turn, TurnError, load, load_with, turn,
};
use whatsapp::message::Outgoing;

/// 2026-11-22T10:00:00Z.
pub(crate) const START_MS: u64 = 1_795_341_600_000;

pub(crate) fn testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(path)
}

pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Compares with a file, or writes it when `BLESS` is set.
pub(crate) fn expect_file(path: &Path, actual: &str) {
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, actual).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(actual, expected, "\n{} differs; BLESS=1 rewrites it", path.display());
}

/// Files of Flows are nowhere.
pub(crate) fn no_files(name: &str) -> Result<String, String> {
    Err(format!("{name} is not here"))
}

/// A bot file, with the files of its Flows beside it.
pub(crate) fn load_file(path: &Path) -> Loaded {
    let folder = path.parent().unwrap().to_owned();
    let open = |name: &str| std::fs::read_to_string(folder.join(name)).map_err(|error| error.to_string());
    load_with(&read(path), &path.display().to_string(), Format::by_extension(path).unwrap(), &open)
}

/// As [`load_file`], with a stand-in for each file that its messages name.
pub(crate) fn bot_file(path: &Path) -> Bot {
    let source = read(path);
    let loaded = load_file(path);
    let found: Vec<String> = loaded.diagnostics.iter().map(|d| d.render(&source)).collect();
    let bot = loaded.bot.unwrap_or_else(|| panic!("{}", found.join("\n")));
    let stored = bot.files().map(|path| (path.to_owned(), format!("m_{path}"))).collect();
    bot.with_files(&stored)
}

pub(crate) fn bot(source: &str) -> Bot {
    let loaded = load(source, "test.yaml", Format::Yaml);
    let found: Vec<String> = loaded.diagnostics.iter().map(|d| d.render(source)).collect();
    let bot = loaded.bot.unwrap_or_else(|| panic!("{}", found.join("\n")));
    let stored = bot.files().map(|path| (path.to_owned(), format!("m_{path}"))).collect();
    bot.with_files(&stored)
}

pub(crate) struct Play<'b> {
    pub(crate) bot: &'b Bot,
    pub(crate) state: Snapshot,
    pub(crate) now_ms: u64,
    /// Every call that was ordered.
    pub(crate) calls: Vec<HttpCall>,
    seed: u64,
    /// Since when somebody answers in the bot's place.
    pub(crate) staff_since_ms: Option<u64>,
    /// Of the last form that was sent.
    pub(crate) form_token: Option<String>,
    /// The last request of a form, and the step that came of it.
    pub(crate) request: Option<FormRequest>,
    pub(crate) answered: Option<FormStep>,
    digests: u64,
}

impl<'b> Play<'b> {
    pub(crate) fn new(bot: &'b Bot) -> Self {
        Self {
            bot,
            state: Snapshot::default(),
            now_ms: START_MS,
            calls: Vec::new(),
            seed: 0,
            staff_since_ms: None,
            form_token: None,
            request: None,
            answered: None,
            digests: 0,
        }
    }

    pub(crate) fn step(&mut self, input: &Input) -> Result<Turn, TurnError> {
        self.seed += 1;
        let contact =
            ContactView { name: Some("Ada".into()), wa_id: Some("15550100001".into()), user_id: Some("u.1".into()) };
        let number = NumberView { id: "1055501000".into(), display: Some("+1 555 010 0000".into()) };
        let given = Given {
            now_ms: self.now_ms,
            seed: self.seed,
            staff_since_ms: self.staff_since_ms,
            address: "0AFFE",
            contact: &contact,
            number: &number,
        };
        let result = turn(self.bot, &self.state, input, &given);
        assert_eq!(result, turn(self.bot, &self.state, input, &given), "the same arguments give the same turn");
        assert_eq!(result, turn(self.bot, &recoded(&self.state), input, &given), "encoding loses nothing");
        if let Ok(turn) = &result {
            assert_eq!(bytes(&turn.after), bytes(&recoded(&turn.after)), "equal states are equal bytes");
            let acts = turn.effects.iter().any(|effect| effect.form().is_none());
            assert_eq!(turn.changed, acts || turn.after != self.state);
            let trace: Vec<Trace> = rmp_serde::from_slice(&rmp_serde::to_vec_named(&turn.trace).unwrap()).unwrap();
            assert_eq!(trace, turn.trace);
            let effects = rmp_serde::to_vec_named(&turn.effects).unwrap();
            let again: Vec<Effect> = rmp_serde::from_slice(&effects).unwrap();
            assert_eq!(rmp_serde::to_vec_named(&again).unwrap(), effects);
            self.calls.extend(turn.effects.iter().filter_map(Effect::call).cloned());
            self.answered = turn.effects.iter().find_map(Effect::form).cloned().or(self.answered.take());
            for sending in turn.effects.iter().filter_map(Effect::message) {
                if let Outgoing::Flow(flow) = &sending.message {
                    self.form_token = flow.token().map(str::to_owned);
                }
            }
            self.state = turn.after.clone();
        }
        result
    }

    /// What a phone asks with the last form that was sent.
    pub(crate) fn asks(&mut self, action: FormAction, screen: Option<&str>, data: serde_json::Value) -> Input {
        self.digests += 1;
        let request = FormRequest {
            token: self.form_token.clone().unwrap_or_default(),
            action,
            screen: screen.map(str::to_owned),
            data,
            digest: format!("digest {}", self.digests),
            results: Vec::new(),
            late: false,
        };
        self.request = Some(request.clone());
        Input::Form(request)
    }

    /// The last request once more.
    pub(crate) fn asks_again(&mut self, change: impl FnOnce(&mut FormRequest)) -> Input {
        let mut request = self.request.clone().expect("something was asked");
        change(&mut request);
        self.request = Some(request.clone());
        Input::Form(request)
    }

    /// The last request, with the result of the call that it wants.
    pub(crate) fn asks_with(&mut self, outcome: HttpOutcome) -> Input {
        let id = match &self.answered {
            Some(FormStep::Call { call, .. }) => call.id.clone(),
            _ => "no call".to_owned(),
        };
        self.asks_again(|request| request.results.push(HttpDone { id, outcome, tries: 1 }))
    }

    pub(crate) fn say(&mut self, text: &str) -> Vec<String> {
        self.step(&said(text)).map_or_else(|error| vec![format!("error: {error}")], |turn| shown(&turn.effects))
    }

    pub(crate) fn tap(&mut self, id: &str, title: &str) -> Vec<String> {
        self.step(&tapped(id, title)).map_or_else(|error| vec![format!("error: {error}")], |turn| shown(&turn.effects))
    }

    /// The result of the last call.
    pub(crate) fn done(&self, outcome: HttpOutcome) -> Input {
        let id = self.calls.last().map(|call| call.id.clone()).unwrap_or_default();
        Input::HttpDone(HttpDone { id, outcome, tries: 1 })
    }

    pub(crate) fn wait(&mut self, ms: u64) -> Result<Turn, TurnError> {
        self.now_ms += ms;
        self.step(&Input::Tick)
    }
}

/// The state after a trip through MessagePack and through JSON.
fn recoded(state: &Snapshot) -> Snapshot {
    let packed: Snapshot = rmp_serde::from_slice(&bytes(state)).unwrap();
    assert_eq!(packed, *state);
    let text: Snapshot = serde_json::from_str(&serde_json::to_string(&packed).unwrap()).unwrap();
    assert_eq!(text, *state);
    text
}

fn bytes(state: &Snapshot) -> Vec<u8> {
    rmp_serde::to_vec_named(state).unwrap()
}

pub(crate) fn message(kind: &str, text: &str) -> Incoming {
    Incoming {
        wamid: "wamid.TEST".into(),
        at_ms: START_MS,
        kind: kind.into(),
        text: text.into(),
        ..Incoming::default()
    }
}

pub(crate) fn said(text: &str) -> Input {
    Input::Message(message("text", text))
}

pub(crate) fn tapped(id: &str, title: &str) -> Input {
    let tap = Incoming { id: Some(id.into()), title: Some(title.into()), ..message("interactive", title) };
    Input::Message(tap)
}

/// A message as Meta delivers it.
pub(crate) fn delivered(raw: &str) -> Input {
    delivered_at(raw, START_MS)
}

pub(crate) fn delivered_at(raw: &str, at_ms: u64) -> Input {
    Input::Message(Incoming { at_ms, ..Incoming::from(&whatsapp::webhook::Message::parse(raw)) })
}

/// An answer with a JSON body.
pub(crate) fn json_answer(status: u16, body: &str) -> HttpOutcome {
    HttpOutcome::Answer { status, content_type: Some("application/json".into()), body: body.into() }
}

pub(crate) fn shown(effects: &[Effect]) -> Vec<String> {
    effects.iter().map(show).collect()
}

fn show(effect: &Effect) -> String {
    let sending = match effect {
        Effect::Send(sending) => sending,
        Effect::Emit(event) => return format!("event {} {}", event.name, event.data),
        Effect::CallHttp(call) => return format!("CALL {}", serde_json::to_string(call).unwrap()),
        Effect::Form(step) => return format!("FORM {}", serde_json::to_string(step).unwrap()),
    };
    let mut shown = show_message(&sending.message);
    if sending.on_doubt != OnDoubt::of(&sending.message) {
        shown.push_str(&format!(" [in doubt: {:?}]", sending.on_doubt));
    }
    match &sending.closed {
        Closed::Drop => {}
        Closed::Hold => shown.push_str(" [closed: hold]"),
        Closed::Template(template) => {
            shown.push_str(&format!(" [closed: {}]", Outgoing::from(template.as_ref().clone()).raw()));
        }
    }
    shown
}

fn show_message(message: &Outgoing) -> String {
    match message {
        Outgoing::Text(text) if message.raw()["text"].get("preview_url").is_none() => text.body().to_owned(),
        Outgoing::Buttons(buttons) if buttons.media_header().is_none() => {
            let titles: Vec<String> = buttons.buttons().iter().map(|b| format!("[{}|{}]", b.id, b.title)).collect();
            framed(buttons.header(), buttons.body(), buttons.footer(), &titles.join(" "))
        }
        Outgoing::List(list) => {
            let rows = list.sections().iter().flat_map(|section| &section.rows);
            let rows: Vec<String> = rows
                .map(|row| match &row.description {
                    Some(description) => format!("({}|{}|{description})", row.id, row.title),
                    None => format!("({}|{})", row.id, row.title),
                })
                .collect();
            framed(list.header(), list.body(), list.footer(), &format!("<{}> {}", list.button(), rows.join(" ")))
        }
        other => other.raw().to_string(),
    }
}

fn framed(header: Option<&str>, body: &str, footer: Option<&str>, rest: &str) -> String {
    let header = header.map(|text| format!("^{text}^ ")).unwrap_or_default();
    let footer = footer.map(|text| format!(" _{text}_")).unwrap_or_default();
    format!("{header}{body}{footer} {rest}")
}
