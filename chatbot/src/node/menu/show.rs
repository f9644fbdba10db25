//! Turns what a menu offers into one message: buttons, a list, or a page of a list.

use std::collections::BTreeSet;

use whatsapp::limits;
use whatsapp::message::{Media, Outgoing};

use crate::expr::Template;
use crate::node::Here;
use crate::snapshot::Offered;
use crate::trace::Trace;
use crate::turn::compose::{self, Row};
use crate::turn::{Fault, Walk};

use super::offer::cut;
use super::{Header, Menu, Render, pick};

impl Menu {
    pub(super) fn show(
        &self,
        here: Here<'_>,
        walk: &mut Walk<'_>,
        offered: &[Offered],
        number: u32,
        before: Option<&Template>,
    ) -> Result<(), Fault> {
        let body = self.body(walk, before)?;
        let (header, media) = self.header(here, walk)?;
        let footer = match &self.footer {
            Some(footer) => fitting(here, walk, footer, limits::FOOTER)?,
            None => None,
        };
        let message = if self.fits_buttons(offered) {
            let rows = titles(here, walk, offered, limits::BUTTON_TITLE);
            compose::buttons(header, media, body, footer, rows)
        } else {
            if media.is_some() {
                let why = "a list has no media above it".to_owned();
                walk.note(Trace::Skipped { node: here.node.id.clone(), why });
            }
            let button = fitting(here, walk, &self.button_text, limits::LIST_BUTTON)?.unwrap_or_default();
            compose::list(header, body, footer, button, self.rows(here, walk, offered, number))
        };
        walk.send(here, message.map_err(Fault::failed)?)
    }

    fn header(&self, here: Here<'_>, walk: &mut Walk<'_>) -> Result<(Option<String>, Option<Media>), Fault> {
        Ok(match &self.header {
            None => (None, None),
            Some(Header::Text(text)) => (fitting(here, walk, text, limits::HEADER)?, None),
            Some(Header::Media(message)) => match message.fill(walk)? {
                Some(Outgoing::Media(media)) => (None, Some(media)),
                _ => (None, None),
            },
        })
    }

    /// After a wrong answer the message for it stands before the question, if both fit.
    fn body(&self, walk: &Walk<'_>, before: Option<&Template>) -> Result<String, Fault> {
        let prompt = walk.text(&self.prompt)?;
        let Some(before) = before else { return Ok(prompt) };
        let message = walk.text(before)?;
        let both = format!("{message}\n\n{prompt}");
        Ok(if limits::chars(&both) <= limits::INTERACTIVE_BODY { both } else { message })
    }

    fn fits_buttons(&self, offered: &[Offered]) -> bool {
        match self.render {
            Render::Buttons => offered.len() <= limits::BUTTONS,
            Render::List => false,
            Render::Auto => {
                let short = |option: &Offered| {
                    option.description.is_none() && limits::chars(&option.title) <= limits::BUTTON_TITLE
                };
                offered.len() <= limits::BUTTONS && offered.iter().all(short)
            }
        }
    }

    fn rows(&self, here: Here<'_>, walk: &mut Walk<'_>, offered: &[Offered], number: u32) -> Vec<Row> {
        let page = pick::page(offered.len(), number);
        let number = number.min(offered.len() as u32);
        let mut rows = titles(here, walk, offered.get(page.from..page.to).unwrap_or(offered), limits::ROW_TITLE);
        let turn = |to: u32, title: &str| Row {
            id: format!("{}{to}", pick::PAGE),
            title: title.to_owned(),
            description: None,
        };
        if page.previous {
            rows.push(turn(number.saturating_sub(1), &self.previous));
        }
        if page.next {
            rows.push(turn(number + 1, &self.next));
        }
        rows
    }
}

/// A text that fits: a long one is cut, which the trace tells; `None` if it comes out empty.
fn fitting(here: Here<'_>, walk: &mut Walk<'_>, part: &Template, limit: usize) -> Result<Option<String>, Fault> {
    let text = walk.text(part)?;
    Ok(Some(shortened(here, walk, text, limit)).filter(|text| !text.trim().is_empty()))
}

fn shortened(here: Here<'_>, walk: &mut Walk<'_>, text: String, limit: usize) -> String {
    let Some(short) = cut(&text, limit) else { return text };
    walk.note(Trace::Cut { node: here.node.id.clone(), title: short.clone() });
    short
}

/// Titles that fit and differ: long ones are cut, equal ones numbered.
fn titles(here: Here<'_>, walk: &mut Walk<'_>, offered: &[Offered], limit: usize) -> Vec<Row> {
    let mut seen = BTreeSet::new();
    let mut rows = Vec::with_capacity(offered.len());
    for option in offered {
        let title = shortened(here, walk, option.title.trim().to_owned(), limit);
        let mut unique = title.clone();
        let mut copy = 2;
        while !seen.insert(unique.clone()) {
            let mark = format!(" ({copy})");
            let room = limit - limits::chars(&mark);
            unique = cut(&title, room).unwrap_or_else(|| title.clone()) + &mark;
            copy += 1;
        }
        let description = option.description.clone().map(|text| shortened(here, walk, text, limits::ROW_DESCRIPTION));
        rows.push(Row { id: option.id.clone(), title: unique, description });
    }
    rows
}
