//! Turns what a menu offers into one message: buttons, a list, or a page of a list.

use std::collections::BTreeSet;

use whatsapp::limits;

use crate::expr::Template;
use crate::node::Here;
use crate::snapshot::Offered;
use crate::trace::Trace;
use crate::turn::compose::{self, Row};
use crate::turn::{Fault, Walk};

use super::offer::cut;
use super::{Menu, Render, pick};

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
        let header = optional(walk, self.header.as_ref())?;
        let footer = optional(walk, self.footer.as_ref())?;
        let message = if self.fits_buttons(offered) {
            let rows = titles(here, walk, offered, limits::BUTTON_TITLE);
            compose::buttons(header, body, footer, rows)
        } else {
            let button = walk.text(&self.button_text)?;
            let button = cut(&button, limits::LIST_BUTTON).unwrap_or(button);
            compose::list(header, body, footer, button, self.rows(here, walk, offered, number))
        };
        walk.send(here, message.map_err(Fault::failed)?)
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

fn optional(walk: &Walk<'_>, part: Option<&Template>) -> Result<Option<String>, Fault> {
    let Some(part) = part else { return Ok(None) };
    let text = walk.text(part)?;
    let text = cut(&text, limits::HEADER).unwrap_or(text);
    Ok((!text.trim().is_empty()).then_some(text))
}

/// Titles that fit and differ: long ones are cut, equal ones numbered.
fn titles(here: Here<'_>, walk: &mut Walk<'_>, offered: &[Offered], limit: usize) -> Vec<Row> {
    let mut seen = BTreeSet::new();
    let mut rows = Vec::with_capacity(offered.len());
    for option in offered {
        let mut title = option.title.trim().to_owned();
        if let Some(short) = cut(&title, limit) {
            title = short;
            walk.note(Trace::Cut { node: here.node.id.clone(), title: title.clone() });
        }
        let mut unique = title.clone();
        let mut copy = 2;
        while !seen.insert(unique.clone()) {
            let mark = format!(" ({copy})");
            let room = limit - limits::chars(&mark);
            unique = cut(&title, room).unwrap_or_else(|| title.clone()) + &mark;
            copy += 1;
        }
        let description =
            option.description.as_ref().map(|text| cut(text, limits::ROW_DESCRIPTION).unwrap_or_else(|| text.clone()));
        rows.push(Row { id: option.id.clone(), title: unique, description });
    }
    rows
}
