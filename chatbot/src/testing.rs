//! The scripted conversations of a bot file (`tests:`), played by the real turn in virtual time.
//!
//! A test begins with a person whom the bot has never met, on 22 November 2026 at 10:00 UTC. Every step
//! does one thing: what the person does (`user`, `tap`, `send`, `flow_open`, `flow_submit`, `flow_back`), what time or staff does (`advance`,
//! `staff`, `hand_back`), what other programs tell or answer (`api`, `http_stub`), or what must hold (`expect`,
//! `expect_http`, `expect_end`, `expect_node`, `expect_var`, `expect_contact`). A list under
//! `expect` is all that was said since the last thing that was done, in order; anything else is the next
//! bubble that no `expect` has looked at, and `nothing` says that there is none. The first step that does
//! not hold ends its test.

mod bless;
mod bubble;
mod export;
mod forms;
mod outside;
mod phone;
mod play;
mod read;
mod report;
mod sent;
mod setting;
mod stub;
mod wanted;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::bot::Bot;
use crate::form::FormAction;
use crate::input::{ApiCall, HandBack, Incoming};
pub use bless::{BlessError, Blessed, Left, bless};
pub use export::{ExportError, Exported, Happened, Recorded, Recording, export};
use forms::WantedScreen;
use play::Play;
pub(crate) use read::read;
pub use report::{Failure, Line, Report, Shown};
pub(crate) use sent::TYPES as SENT_TYPES;
use setting::Setting;
use stub::{Stub, WantedCall};
use wanted::Wanted;

/// A scripted conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// What the author calls it.
    pub name: String,
    /// The line of the bot file on which it begins, from 1.
    pub line: u32,
    setting: Setting,
    steps: Vec<Step>,
}

/// One step and where it stands.
#[derive(Clone, Debug, PartialEq)]
struct Step {
    key: &'static str,
    line: u32,
    column: u32,
    action: Action,
}

#[derive(Clone, Debug, PartialEq)]
enum Action {
    User(String),
    /// The id or title of what is tapped.
    Tap(String),
    Send(Box<Incoming>),
    /// A form is sent off with this in it.
    Submit(Map<String, Value>),
    /// A form of this Flow is opened.
    Open(String),
    /// A screen is filled in, or left backwards.
    Exchange(FormAction, String, Map<String, Value>),
    /// What the phone shows of the form.
    Screen(WantedScreen),
    /// Another program tells something.
    Api(ApiCall),
    AdvanceMs(u64),
    HandBack(HandBack),
    /// Somebody of the staff writes.
    Staff,
    /// What the next turn draws from.
    Seed(u64),
    Stub(Box<Stub>),
    Next(Wanted),
    /// The next call; `None` where there must be none.
    Http(Option<Box<WantedCall>>),
    /// The next event; `None`: there is none.
    Event(Option<WantedEvent>),
    All(Vec<Wanted>),
    End(String),
    Node(String),
    Vars(BTreeMap<String, Value>),
    Contact(BTreeMap<String, Value>),
}

/// What an event must be.
#[derive(Clone, Debug, PartialEq)]
struct WantedEvent {
    name: String,
    data: Option<Value>,
}

impl WantedEvent {
    /// What does not hold, if anything.
    fn differs(&self, got: &crate::event::Event) -> Option<String> {
        if self.name != got.name {
            return Some(format!("the bot tells of `{}`, not of `{}`", got.name, self.name));
        }
        let data = self.data.as_ref().filter(|data| !fits(data, &got.data))?;
        Some(format!("the data of `{}` is {}, not {data}", got.name, got.data))
    }
}

/// The bot with a stand-in for each file that its messages name: the path itself is the media id.
#[must_use]
pub fn with_stand_in_files(bot: Bot) -> Bot {
    let files = bot.files().map(|path| (path.to_owned(), path.to_owned())).collect();
    bot.with_files(&files)
}

/// Plays a test. The same bot and test give the same report. A bot that names files wants
/// [`with_stand_in_files`] first.
pub fn run(bot: &Bot, case: &Case) -> Report {
    let mut play = Play::new(bot, &case.setting);
    let failure = case.steps.iter().enumerate().find_map(|(index, step)| {
        let failed = play.step(&step.action).err()?;
        Some(Failure {
            step: index + 1,
            key: step.key,
            line: step.line,
            column: step.column,
            node: play.node().map(str::to_owned),
            what: failed.what,
            diff: failed.diff,
            shown: failed.shown,
        })
    });
    Report { name: case.name.clone(), line: case.line, steps: case.steps.len(), failure }
}

/// Whether a value is the wanted one: numbers by their value, of a map only the keys that are wanted.
fn fits(wanted: &Value, got: &Value) -> bool {
    match (wanted, got) {
        (Value::Number(wanted), Value::Number(got)) => wanted == got || wanted.as_f64() == got.as_f64(),
        // Meta wants places and amounts as text.
        (Value::Number(wanted), Value::String(got)) => wanted.to_string() == *got,
        (Value::Array(wanted), Value::Array(got)) => {
            wanted.len() == got.len() && wanted.iter().zip(got).all(|(wanted, got)| fits(wanted, got))
        }
        (Value::Object(wanted), Value::Object(got)) => {
            wanted.iter().all(|(key, wanted)| fits(wanted, got.get(key).unwrap_or(&Value::Null)))
        }
        _ => wanted == got,
    }
}
