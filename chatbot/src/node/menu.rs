//! `menu`: offers options as buttons, as a list, or as pages of a list, and waits for one.
//!
//! Buttons of an older menu are judged by the node that waits now: an id that is one of its options
//! picks it, any other tap counts as its title typed. Typed answers are compared without regard to
//! case: first titles and synonyms of all pages, then the position on the page that is shown.

mod collisions;
mod offer;
mod pick;
mod read;
mod show;

use std::collections::BTreeSet;

use crate::bot::read::Reader;
use crate::caps;
use crate::expr::{Expr, Template};
use crate::input::{Class, Incoming};
use crate::message::Message;
use crate::snapshot::{Offered, Wait};
use crate::trace::Why;
use crate::turn::{Fault, Walk};

use super::answer::{self, Invalid, Refused};
use super::{Here, Next, Ports};

pub(super) use read::{KEYS, read};

pub(crate) struct Menu {
    prompt: Template,
    header: Option<Header>,
    footer: Option<Template>,
    options: Vec<MenuOption>,
    from: Option<OptionsFrom>,
    render: Render,
    /// Titles of the rows that turn the page.
    previous: String,
    next: String,
    /// The button that opens a list.
    button_text: Template,
    typed: Typed,
    save: Option<String>,
    invalid: Invalid,
    timeout_ms: Option<u64>,
}

/// What stands above the prompt.
enum Header {
    Text(Template),
    /// An image, video or document; above buttons only.
    Media(Box<Message>),
}

struct MenuOption {
    id: String,
    title: Template,
    desc: Option<Template>,
    value: Option<Template>,
    synonyms: Vec<String>,
    when: Option<Expr>,
}

/// Options that come from a list in a variable.
struct OptionsFrom {
    list: Expr,
    id: Option<Part>,
    title: Option<Part>,
    desc: Option<Part>,
    value: Option<Part>,
}

/// A part of an option of a list: a field of `item`, or a template over it.
enum Part {
    Field(String),
    Template(Template),
}

#[derive(Clone, Copy, PartialEq)]
enum Render {
    Auto,
    Buttons,
    List,
}

/// Which typed answers pick an option.
#[derive(Clone, Copy)]
struct Typed {
    title: bool,
    number: bool,
    synonym: bool,
}

impl Menu {
    /// The variable that gets the answer.
    pub(super) fn saves(&self) -> Option<&str> {
        self.save.as_deref()
    }

    pub(super) fn ports(&self) -> Ports {
        let mut optional: Vec<String> =
            ["invalid", "timeout", "other", "failed", "empty"].iter().map(|port| (*port).to_owned()).collect();
        if self.from.is_some() {
            return Ports { required: vec!["picked".into()], optional };
        }
        optional.push("picked".into());
        Ports { required: self.options.iter().map(|option| option.id.clone()).collect(), optional }
    }

    pub(super) fn enter(&self, here: Here<'_>, walk: &mut Walk<'_>) -> Result<Next, Fault> {
        let offered = self.offered(here, walk)?;
        if offered.is_empty() {
            return Ok(Next::Port { port: "empty".into(), why: Some(Why::said("options", 0)) });
        }
        self.ask(here, walk, &offered, 0, 0, None)
    }

    /// Shows a page and waits.
    fn ask(
        &self,
        here: Here<'_>,
        walk: &mut Walk<'_>,
        offered: &[Offered],
        page: u32,
        tries: u32,
        before: Option<&Template>,
    ) -> Result<Next, Fault> {
        let kept = (!self.is_fixed()).then(|| offered.to_vec());
        let bytes: usize = kept.iter().flatten().map(Offered::bytes).sum();
        if bytes > caps::MAX_VARIABLES_BYTES {
            let message = format!("the options have {bytes} bytes together, {} may be kept", caps::MAX_VARIABLES_BYTES);
            return Err(Fault::failed(message).at_port("failed"));
        }
        self.show(here, walk, offered, page, before).map_err(|fault| fault.at_port("failed"))?;
        Ok(Next::Wait(Wait { page, tries, offered: kept, ..walk.wait(here, self.timeout_ms) }))
    }

    pub(super) fn answer(
        &self,
        here: Here<'_>,
        walk: &mut Walk<'_>,
        wait: &Wait,
        message: &Incoming,
    ) -> Result<Next, Fault> {
        let offered = match &wait.offered {
            Some(offered) => offered.clone(),
            None => self.offered(here, walk)?,
        };
        if !matches!(message.class(), Class::Text | Class::Tap) {
            if let Some(next) = answer::unexpected(here, walk, message)? {
                return Ok(next);
            }
            let why = format!("a message of type `{}` is not an answer", message.kind);
            return self.refuse(here, walk, wait, &offered, &why);
        }
        match self.pick(&offered, wait.page, message) {
            pick::Picked::Option { index, how } => self.take(here, walk, &offered[index], how),
            pick::Picked::Page(page) => self.ask(here, walk, &offered, page, wait.tries, None),
            pick::Picked::Nothing => self.refuse(here, walk, wait, &offered, "the answer is not one of the options"),
        }
    }

    fn take(&self, here: Here<'_>, walk: &mut Walk<'_>, picked: &Offered, how: &str) -> Result<Next, Fault> {
        if let Some(name) = &self.save {
            walk.assign(name, picked.value.clone())?;
        }
        let own = self.from.is_none() && here.node.ports.contains_key(&picked.id);
        let port = if own { picked.id.clone() } else { "picked".to_owned() };
        Ok(Next::Port { port: port.into(), why: Some(Why::said(how, picked.id.as_str())) })
    }

    fn refuse(
        &self,
        here: Here<'_>,
        walk: &mut Walk<'_>,
        wait: &Wait,
        offered: &[Offered],
        why: &str,
    ) -> Result<Next, Fault> {
        match answer::refuse(here, walk, wait, &self.invalid, why) {
            Refused::Out(next) => Ok(next),
            Refused::Again { tries } => self.ask(here, walk, offered, wait.page, tries, self.invalid.message.as_ref()),
        }
    }

    /// Whether the options are the same in every turn, so that a snapshot need not hold them.
    fn is_fixed(&self) -> bool {
        self.from.is_none() && self.options.iter().all(MenuOption::is_fixed)
    }
}

impl MenuOption {
    fn is_fixed(&self) -> bool {
        let plain = |part: &Option<Template>| part.as_ref().is_none_or(|part| part.as_plain().is_some());
        self.when.is_none() && self.title.as_plain().is_some() && plain(&self.desc) && plain(&self.value)
    }
}

/// Ids of options must be unique.
fn note_twice(
    reader: &mut Reader<'_>,
    seen: &mut BTreeSet<String>,
    at: &crate::bot::read::At<'_>,
    what: &str,
    text: &str,
) {
    if !seen.insert(text.trim().to_lowercase()) {
        reader.report(crate::explain::TWICE, at, format!("{what} `{text}` is used twice in this menu"));
    }
}
