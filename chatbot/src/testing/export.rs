//! A conversation that took place, as a test: the same steps with stand-ins for what is personal.
//!
//! What the test expects is what the bot says to the stand-ins: the steps are played while they are written, by the same
//! version of the bot. So nothing personal can come in by what the bot said, and the test passes. Where the play goes
//! another way than the conversation went, it says so.

mod mask;
mod said;
mod write;

use serde_json::{Value, json};

use super::bubble::Bubble;
use super::play::Play;
use super::setting::Setting;
use super::stub::Stub;
use super::{Action, Case, run, sent, with_stand_in_files};
use crate::bot::{Bot, Format, load};
use crate::http::{HttpDone, HttpOutcome};
use crate::input::{ApiCall, ContactView, HandBack};
use crate::snapshot::Snapshot;
use crate::trace::Trace;
use mask::{Mask, Read, Shape};
use said::Said;

/// What was recorded of a conversation.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// What the test shall be called.
    pub name: String,
    /// When it began, in milliseconds since 1970.
    pub at_ms: u64,
    /// The person.
    pub contact: ContactView,
    /// The state before the first step, in which no run is under way.
    pub before: Snapshot,
    /// What happened, in order.
    pub steps: Vec<Recorded>,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its entry in the history, for warnings.
    pub entry: u64,
    /// When, in milliseconds since 1970; never before the step before it.
    pub at_ms: u64,
    /// What the turn drew from.
    pub seed: u64,
    /// What it was.
    pub what: Happened,
    /// What the bot did.
    pub trace: Vec<Trace>,
    /// The node at which the run waited afterwards.
    pub node: Option<String>,
    /// How many messages the bot sent.
    pub sends: usize,
}

/// See [`Recorded`].
#[derive(Clone, Debug)]
pub enum Happened {
    /// The person sent this, as Meta delivers it.
    Message(Value),
    /// Time had passed.
    Woke,
    /// A call was answered.
    Http(HttpDone),
    /// Another program called.
    Call(ApiCall),
    /// A human was done.
    HandBack(HandBack),
    /// A human wrote.
    Staff,
}

/// A test that was made of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// A list of one test, as it stands under `tests` of a bot file.
    pub yaml: String,
    /// Where it differs from the conversation.
    pub warnings: Vec<String>,
}

/// Why no test can be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// A run was under way at the beginning.
    #[error("a run was under way before the first step")]
    InRun,
    /// The bot cannot be read any more.
    #[error("this version of the bot cannot be read by this program")]
    Bot,
    /// The test does not pass, which is a fault of the export.
    #[error("the test that was made does not pass: {0}")]
    Fails(String),
}

/// Makes a test of a conversation with this version of a bot.
///
/// # Errors
/// No test can be made; see [`ExportError`].
pub fn export(bot: &Bot, recording: &Recording) -> Result<Exported, ExportError> {
    if recording.before.run.is_some() {
        return Err(ExportError::InRun);
    }
    let canonical = bot.canonical_json();
    let bot = with_stand_in_files(load(&canonical, "", Format::Json).bot.ok_or(ExportError::Bot)?);
    let mut draft = Draft::play(&bot, recording, false);
    if draft.differs {
        // It may depend on what was drawn.
        let drawn = Draft::play(&bot, recording, true);
        if !drawn.differs {
            draft = drawn;
        }
    }
    let yaml = write::test(&recording.name, &draft.setting, &draft.lines);
    proves(&canonical, &yaml)?;
    Ok(Exported { yaml, warnings: draft.warnings })
}

/// The test as it is written passes.
fn proves(canonical: &str, yaml: &str) -> Result<(), ExportError> {
    let fails = |why: &str| ExportError::Fails(why.to_owned());
    let tests = crate::tree::parse(yaml, Format::Yaml).map_err(|error| fails(&error.message))?;
    let mut document: Value = serde_json::from_str(canonical).map_err(|error| fails(&error.to_string()))?;
    document["tests"] = tests.to_json();
    let loaded = load(&document.to_string(), "", Format::Json);
    let bot = loaded.bot.map(with_stand_in_files).ok_or_else(|| {
        let error = loaded.diagnostics.iter().find(|found| found.is_error());
        fails(error.map_or("it cannot be read", |found| found.message.as_str()))
    })?;
    let failure = bot.tests().iter().find_map(|case: &Case| run(&bot, case).failure);
    failure.map_or(Ok(()), |failure| Err(ExportError::Fails(failure.to_string())))
}

/// A test in the making.
struct Draft<'b> {
    bot: &'b Bot,
    play: Play<'b>,
    mask: Mask,
    setting: Setting,
    now_ms: u64,
    lines: Vec<String>,
    warnings: Vec<String>,
    /// Draw what was drawn.
    drawn: bool,
    differs: bool,
}

impl<'b> Draft<'b> {
    fn play(bot: &'b Bot, recording: &Recording, drawn: bool) -> Self {
        let mut mask = Mask::of(&recording.contact);
        let setting = setting(bot, recording, &mut mask);
        let play = Play::new(bot, &setting);
        let now_ms = recording.at_ms;
        let (lines, warnings) = (Vec::new(), Vec::new());
        let mut draft = Self { bot, play, mask, setting, now_ms, lines, warnings, drawn, differs: false };
        let personal = personal(bot, &recording.steps);
        draft.learn(&recording.steps);
        for (at, step) in recording.steps.iter().enumerate() {
            let rest = recording.steps.get(at + 1..).unwrap_or_default();
            if let Err(why) = draft.step(step, personal[at], rest) {
                draft.warn(step.entry, &format!("{why}; the test ends before it"));
                draft.differs = true;
                break;
            }
        }
        draft
    }

    fn warn(&mut self, entry: u64, what: &str) {
        self.warnings.push(format!("entry {entry}: {what}"));
    }

    /// What other programs said of the person is personal where it became a variable that is. Days and numbers are
    /// known as they are kept as well, which is seldom how they were typed.
    fn learn(&mut self, steps: &[Recorded]) {
        for step in steps {
            for trace in &step.trace {
                let Trace::Set { name, after, .. } = trace else { continue };
                let Some(declared) = self.bot.vars.get(name).filter(|declared| declared.pii) else { continue };
                if matches!(step.what, Happened::Http(_)) || shape(declared.kind()) != Shape::Text {
                    self.mask.learn_all(after);
                }
            }
        }
    }

    fn step(&mut self, step: &Recorded, personal: Option<Shape>, rest: &[Recorded]) -> Result<(), String> {
        let said = match &step.what {
            Happened::Message(raw) => Some(said::said(raw, &mut self.mask, personal)),
            _ => None,
        };
        if said == Some(Said::Nothing) {
            return Ok(());
        }
        self.stubs(step, rest)?;
        let passed_ms = step.at_ms.saturating_sub(self.now_ms);
        self.now_ms = self.now_ms.max(step.at_ms);
        let alone = said.is_none() && matches!(step.what, Happened::Woke | Happened::Http(_));
        if alone {
            self.seed(step.seed)?;
        }
        if passed_ms > 0 {
            let line = format!("- advance: {}", write::duration(passed_ms));
            self.act(Action::AdvanceMs(passed_ms), line)?;
            if !alone {
                // What was due on the way has an entry of its own, unless the times are a little different.
                self.expect(!self.play.said_since().is_empty());
            }
        }
        if !alone {
            self.seed(step.seed)?;
        }
        match (&step.what, said) {
            (_, Some(said)) => self.said(said)?,
            (Happened::HandBack(how), _) => {
                self.act(Action::HandBack(*how), format!("- hand_back: {}", how.name()))?;
            }
            (Happened::Call(call), _) => {
                let call = ApiCall { name: call.name.clone(), data: self.mask.json(&call.data) };
                let line = write::step("api", &json!({ "name": call.name, "data": call.data }));
                self.act(Action::Api(call), line)?;
            }
            (Happened::Staff, _) => self.act(Action::Staff, "- staff: …".to_owned())?,
            _ => {}
        }
        self.expect(!alone || !self.play.said_since().is_empty());
        self.compare(step);
        Ok(())
    }

    /// What the next turn draws from, if that is to be told.
    fn seed(&mut self, seed: u64) -> Result<(), String> {
        if self.drawn { self.act(Action::Seed(seed), format!("- seed: {seed}")) } else { Ok(()) }
    }

    fn said(&mut self, said: Said) -> Result<(), String> {
        match said {
            Said::User(text) => {
                let line = write::step("user", &text.as_str().into());
                self.act(Action::User(text), line)
            }
            Said::Tap(id) => {
                let line = write::step("tap", &id.as_str().into());
                self.act(Action::Tap(id), line)
            }
            Said::Send(map) => {
                let kind = map.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
                let line = write::step("send", &map.clone().into());
                let message = sent::message(&map, &kind).ok_or("the message is of no type that a test can send")?;
                self.act(Action::Send(Box::new(message)), line)
            }
            Said::Submit(form) => {
                let line = write::step("flow_submit", &json!({ "data": form }));
                self.act(Action::Submit(form), line)
            }
            Said::Nothing => Ok(()),
        }
    }

    fn act(&mut self, action: Action, line: String) -> Result<(), String> {
        self.play.step(&action).map_err(|failed| failed.what)?;
        self.lines.push(line);
        Ok(())
    }

    /// The answers of the calls that this step makes, with the time that each took.
    fn stubs(&mut self, step: &Recorded, rest: &[Recorded]) -> Result<(), String> {
        for trace in &step.trace {
            let Trace::Called { node, call, method, url, .. } = trace else { continue };
            let answer = rest.iter().find_map(|later| match &later.what {
                Happened::Http(done) if done.id == *call => Some((done, later)),
                _ => None,
            });
            let Some((done, later)) = answer else {
                self.warn(step.entry, "no answer of its call was recorded");
                continue;
            };
            let took_ms = later.at_ms.saturating_sub(step.at_ms);
            let masked = self.answer(node, &done.outcome, later);
            let url = self.mask.url(url);
            let outcome = stub_outcome(&masked);
            let fails = !matches!(done.outcome, HttpOutcome::Answer { status, .. } if status < 500);
            let times = if fails { done.tries.max(1) } else { 1 };
            let mut written = json!({ "method": method, "url": url, "answer": masked, "times": times });
            // A late answer is no answer: the time of one that was tried again is the pauses' doing.
            let delay_ms = if fails { 0 } else { took_ms };
            if delay_ms > 0 {
                written["delay"] = write::duration(delay_ms).into();
            }
            let stub = Stub::new(method, &url, outcome, times, delay_ms);
            self.act(Action::Stub(Box::new(stub)), write::step("http_stub", &written))?;
        }
        Ok(())
    }

    /// An answer as `http_stub` has it: where the bot takes single values, of the others only their shape.
    fn answer(&mut self, node: &str, outcome: &HttpOutcome, taken: &Recorded) -> Value {
        let index = self.bot.node(node);
        let extracts_only = index.and_then(|at| self.bot.nodes.get(at)).is_some_and(|node| node.kind.extracts_only());
        match outcome {
            HttpOutcome::Answer { status, content_type, body } => {
                let mut answer = match serde_json::from_str::<Value>(body) {
                    Ok(json) if extracts_only => {
                        let read = Read::of(taken);
                        json!({ "status": status, "json": self.mask.unread(&json, &read) })
                    }
                    Ok(json) if !json.is_number() => json!({ "status": status, "json": self.mask.json(&json) }),
                    _ if body.is_empty() => json!({ "status": status }),
                    _ => json!({ "status": status, "text": self.mask.text(body) }),
                };
                if !extracts_only && body.chars().any(char::is_alphanumeric) {
                    let what = "the bot may read all of this answer, so it stands in the test as it came, but for what is \
                                known of the person: look through it";
                    self.warn(taken.entry, what);
                }
                if let Some(content_type) = content_type {
                    answer["content_type"] = content_type.as_str().into();
                }
                answer
            }
            HttpOutcome::Timeout => "timeout".into(),
            _ => "unreachable".into(),
        }
    }

    /// What was said just now, or that nothing was, if that is to be told; and how a run ended.
    fn expect(&mut self, told: bool) {
        let said: Vec<Value> = self.play.said_since().iter().map(Bubble::expectation).collect();
        if told {
            self.lines.push(write::expected(&said));
            self.play.look_at(said.len());
        }
        if let Some(reason) = self.play.end_reason() {
            self.lines.push(write::step("expect_end", &reason.into()));
        }
    }

    /// Whether the play is where the conversation was.
    fn compare(&mut self, step: &Recorded) {
        let (node, said) = (self.play.node().map(str::to_owned), self.play.said_since().len());
        let late = matches!(step.what, Happened::Woke | Happened::Http(_));
        if self.differs || (node == step.node && (late || said == step.sends)) {
            return;
        }
        self.differs = true;
        let place = |node: Option<&str>| node.map_or_else(|| "nowhere".to_owned(), |node| format!("at `{node}`"));
        let what = format!(
            "with the stand-ins the bot waits {} and says {said} messages; it waited {} and said {}",
            place(node.as_deref()),
            place(step.node.as_deref()),
            step.sends
        );
        self.warn(step.entry, &what);
    }
}

fn stub_outcome(answer: &Value) -> HttpOutcome {
    let body = match (&answer["json"], answer["text"].as_str()) {
        (Value::Null, text) => text.unwrap_or_default().to_owned(),
        (json, _) => json.to_string(),
    };
    let usual = if answer["json"].is_null() { "text/plain" } else { "application/json" };
    let content_type = answer["content_type"].as_str().or((!body.is_empty()).then_some(usual)).map(str::to_owned);
    match answer["status"].as_u64() {
        Some(status) => HttpOutcome::Answer { status: u16::try_from(status).unwrap_or(500), content_type, body },
        None if answer == "timeout" => HttpOutcome::Timeout,
        None => HttpOutcome::Unreachable { why: "the test says so".to_owned() },
    }
}

/// How the test begins: what the bots knew of the person, with stand-ins.
fn setting(bot: &Bot, recording: &Recording, mask: &mut Mask) -> Setting {
    let mut state = recording.before.clone();
    for (name, value) in &mut state.contact {
        let personal = bot.vars.get(name).is_some_and(|declared| declared.pii);
        *value = if personal { mask.personal_json(value) } else { mask.json(value) };
    }
    // What bots noted of the person is the person's.
    for (name, value) in &mut state.person.fields {
        *value = if name == "language" { value.clone() } else { mask.personal_json(value) };
    }
    // Only what the bot declares can be given.
    state.contact.retain(|name, _| bot.vars.contains_key(name));
    state.burst = None;
    Setting { at_ms: recording.at_ms, contact: mask.contact(&recording.contact), state }
}

/// Which messages became variables that are personal, and how they are to be read.
fn personal(bot: &Bot, steps: &[Recorded]) -> Vec<Option<Shape>> {
    let mut found = vec![None; steps.len()];
    for (at, step) in steps.iter().enumerate() {
        let is_personal = |name: &str| bot.vars.get(name).filter(|declared| declared.pii);
        let shapes = step.trace.iter().filter_map(|trace| match trace {
            Trace::Set { name, .. } => {
                let declared = is_personal(name)?;
                // Elsewhere a day or number is only a part of what was written.
                Some(if was_answered(bot, step, name) { shape(declared.kind()) } else { Shape::Text })
            }
            // What was no answer may be anything.
            Trace::Refused { node, .. } => saved_by(bot, node).and_then(is_personal).map(|_| Shape::Text),
            _ => None,
        });
        let Some(shape) = shapes.last() else { continue };
        // Texts that were read as one stand in the steps before.
        let joined = step.trace.iter().find_map(|trace| match trace {
            Trace::Joined { messages, .. } => Some(*messages),
            _ => None,
        });
        let is_message = |at: &usize| matches!(steps[*at].what, Happened::Message(_));
        let count = joined.unwrap_or(1) as usize;
        let from = if joined.is_some() || is_message(&at) { at } else { continue };
        for index in (0..=from).rev().filter(is_message).take(count) {
            found[index] = Some(shape);
        }
    }
    found
}

/// The variable that gets what is answered at a node.
fn saved_by<'b>(bot: &'b Bot, node: &str) -> Option<&'b str> {
    bot.nodes.get(bot.node(node)?)?.kind.saves()
}

/// Whether the whole of what was written became this variable.
fn was_answered(bot: &Bot, step: &Recorded, name: &str) -> bool {
    step.trace.iter().any(|trace| matches!(trace, Trace::Took { node, .. } if saved_by(bot, node) == Some(name)))
}

fn shape(kind: &str) -> Shape {
    match kind {
        "int" | "number" => Shape::Number,
        "date" | "time" | "datetime" => Shape::Date,
        _ => Shape::Text,
    }
}
