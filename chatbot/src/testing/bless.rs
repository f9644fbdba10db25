//! Rewrites what the tests of a bot file expect to what the bot does, and leaves every other byte of the file as it is.
//!
//! The tree of the file says where each expectation stands. What comes out is read and played again before anybody gets
//! it: nothing but the rewritten expectations may differ, and the tests must pass.

mod edits;
mod place;

use serde_json::Value;

use super::play::Play;
use super::wanted::Wanted;
use super::{Action, Case, Step, with_stand_in_files};
use crate::bot::{Bot, Format, load_with};
use crate::tree::{self, Kind, Node};
use edits::Edits;
pub(super) use edits::{plain, written};

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blessed {
    /// The file now.
    pub source: String,
    /// How many expectations were rewritten.
    pub rewritten: usize,
    /// Steps that do not hold and are no expectation that could be rewritten.
    pub left: Vec<Left>,
}

/// A step that was left as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The name of the test.
    pub test: String,
    /// Its line in the file, from 1.
    pub line: u32,
    /// Its column in characters, from 1.
    pub column: u32,
    /// Why.
    pub why: String,
}

/// Why a file cannot be rewritten.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlessError {
    /// It is no bot that runs.
    #[error("the bot cannot run; `parlance bot check` says why")]
    Broken,
    /// Rewriting would change something else, too.
    #[error(
        "rewriting what the test `{0}` expects would change something else: is it shared by an anchor? Write it out there"
    )]
    Shared(String),
    /// What was written does not pass.
    #[error("the test `{0}` would not pass as rewritten; rewrite it by hand")]
    Fails(String),
}

/// Rewrites the expectations that do not hold, in the tests that are `wanted`. `open` reads files of Flows, as for
/// [`crate::load_with`].
///
/// # Errors
/// The file cannot be rewritten safely; see [`BlessError`].
pub fn bless(
    source: &str,
    format: Format,
    open: &dyn Fn(&str) -> Result<String, String>,
    wanted: impl Fn(&Bot, &Case) -> bool,
) -> Result<Blessed, BlessError> {
    let body = source.strip_prefix('\u{feff}').unwrap_or(source);
    let bot = read(body, format, open).ok_or(BlessError::Broken)?;
    let Ok(tree) = tree::parse(body, format) else { return Err(BlessError::Broken) };
    let mut work = Work { edits: Edits::new(body, format), left: Vec::new(), places: Vec::new() };
    for (index, case) in bot.tests().iter().enumerate().filter(|(_, case)| wanted(&bot, case)) {
        work.case(&bot, case, item(tree.get("tests"), index), index);
    }
    let Work { edits, left, places } = work;
    let rewritten = edits.apply();
    verify(&bot, &tree, &rewritten, &|source| read(source, format, open), format, &places, &left)?;
    let mark = if source.len() > body.len() { "\u{feff}" } else { "" };
    Ok(Blessed { source: format!("{mark}{rewritten}"), rewritten: places.len(), left })
}

/// Where an expectation was rewritten: test, step, key.
type Place = (usize, usize, &'static str);

struct Work<'s> {
    edits: Edits<'s>,
    left: Vec<Left>,
    places: Vec<Place>,
}

impl Work<'_> {
    fn case(&mut self, bot: &Bot, case: &Case, node: Option<&Node>, index: usize) {
        let mut play = Play::new(bot, &case.setting);
        for (at, step) in case.steps.iter().enumerate() {
            let Err(failed) = play.step(&step.action) else { continue };
            let value = item(node.and_then(|node| node.get("steps")), at);
            let why = match value.ok_or("it is not where it should be") {
                Ok(node) => self.step(&mut play, step, node).err().map(|why| format!("{}; {why}", failed.what)),
                Err(why) => Some(why.to_owned()),
            };
            match why {
                None => self.places.push((index, at, step.key)),
                Some(why) => {
                    self.left.push(Left { test: case.name.clone(), line: step.line, column: step.column, why });
                    // What the person does next may depend on it.
                    return;
                }
            }
        }
    }

    /// Rewrites one expectation; `node` is the step.
    fn step(&mut self, play: &mut Play<'_>, step: &Step, node: &Node) -> Result<(), String> {
        let Some(entry) = node.entry(step.key) else { return Err("it is not where it should be".to_owned()) };
        let checkpoint = self.edits.checkpoint();
        let done = match &step.action {
            Action::Next(wanted) => self.next(play, wanted, entry),
            Action::All(wanted) => self.all(play, wanted, entry),
            Action::End(_) => match play.end_reason() {
                Some(reason) => self.edits.text(&entry.value, reason),
                None => return Err("take the step out".to_owned()),
            },
            Action::Node(_) => match play.node() {
                Some(node) => self.edits.text(&entry.value, node),
                None => return Err("take the step out".to_owned()),
            },
            Action::Event(_) => self.event(play, entry),
            Action::Vars(wanted) => wanted
                .iter()
                .filter(|(name, value)| !super::fits(value, &play.variable(name)))
                .try_for_each(|(name, _)| self.edits.value(entry.value.get(name), &play.variable(name))),
            Action::Contact(wanted) => wanted
                .iter()
                .filter(|(name, value)| !super::fits(value, &play.contact(name)))
                .try_for_each(|(name, _)| self.edits.value(entry.value.get(name), &play.contact(name))),
            _ => return Err("only expectations can be rewritten".to_owned()),
        };
        done.map_err(|why| {
            self.edits.back_to(checkpoint);
            why.to_owned()
        })
    }

    fn event(&mut self, play: &mut Play<'_>, entry: &tree::Entry) -> Result<(), &'static str> {
        let Some(event) = play.next_event() else { return self.edits.whole(entry, &"nothing".into()) };
        let done = match entry.value.get("event") {
            Some(name) => self.edits.text(name, &event.name).and_then(|()| match entry.value.get("data") {
                Some(data) => self.edits.value(Some(data), &event.data),
                None => Ok(()),
            }),
            None => self.edits.text(&entry.value, &event.name),
        };
        play.look_at_event();
        done
    }

    fn next(&mut self, play: &mut Play<'_>, wanted: &Wanted, entry: &tree::Entry) -> Result<(), &'static str> {
        let at = play.looked_at();
        let done = match play.said_since().get(at) {
            Some(bubble) => self.edits.bubble(&entry.value, wanted, bubble),
            None => self.edits.whole(entry, &"nothing".into()),
        };
        play.look_at(at + 1);
        done
    }

    fn all(&mut self, play: &mut Play<'_>, wanted: &[Wanted], entry: &tree::Entry) -> Result<(), &'static str> {
        let said = play.said_since();
        let got: Vec<_> = said.iter().collect();
        let done = match (wanted, got.as_slice()) {
            (_, []) => self.edits.whole(entry, &"nothing".into()),
            ([], got) => match got.get(play.looked_at()..) {
                Some([one]) => self.edits.whole(entry, &one.expectation()),
                _ => self.edits.whole(entry, &got.iter().map(|bubble| bubble.expectation()).collect()),
            },
            (wanted, got) => self.edits.bubbles(&entry.value, wanted, got),
        };
        let all = said.len();
        play.look_at(all);
        done
    }
}

fn read(source: &str, format: Format, open: &dyn Fn(&str) -> Result<String, String>) -> Option<Bot> {
    load_with(source, "", format, open).bot.map(with_stand_in_files)
}

fn item(list: Option<&Node>, index: usize) -> Option<&Node> {
    match &list?.kind {
        Kind::List(items) => items.get(index),
        _ => None,
    }
}

/// Nothing else may differ, and what was rewritten must pass.
fn verify(
    bot: &Bot,
    before: &Node,
    source: &str,
    read: &dyn Fn(&str) -> Option<Bot>,
    format: Format,
    places: &[Place],
    left: &[Left],
) -> Result<(), BlessError> {
    let Some((first, ..)) = places.first() else { return Ok(()) };
    let name = |index: usize| bot.tests().get(index).map(|case| case.name.clone()).unwrap_or_default();
    let after = tree::parse(source, format).map_err(|_| BlessError::Fails(name(*first)))?;
    if without(before, places) != without(&after, places) {
        return Err(BlessError::Shared(name(*first)));
    }
    let now = read(source).ok_or_else(|| BlessError::Fails(name(*first)))?;
    for (index, ..) in places {
        let Some(case) = now.tests().get(*index) else { return Err(BlessError::Fails(name(*index))) };
        let is_left = left.iter().any(|left| left.test == case.name);
        if !is_left && !super::run(&now, case).passed() {
            return Err(BlessError::Fails(case.name.clone()));
        }
    }
    Ok(())
}

/// The document without the expectations that were rewritten.
fn without(tree: &Node, places: &[Place]) -> Value {
    let mut all = tree.to_json();
    for (test, step, key) in places {
        if let Some(value) = all.pointer_mut(&format!("/tests/{test}/steps/{step}/{key}")) {
            *value = Value::Null;
        }
    }
    all
}
