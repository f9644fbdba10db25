//! Computes what a menu offers in this turn.

use std::collections::BTreeSet;

use serde_json::Value;
use unicode_segmentation::UnicodeSegmentation;
use whatsapp::limits;

use crate::caps;
use crate::expr::{Scope, print, to_value};
use crate::node::Here;
use crate::snapshot::Offered;
use crate::trace::Trace;
use crate::turn::{Fault, Walk};

use super::{Menu, MenuOption, OptionsFrom, Part, pick};

impl Menu {
    /// The options of this turn, with unique ids and titles that are not empty.
    pub(super) fn offered(&self, here: Here<'_>, walk: &mut Walk<'_>) -> Result<Vec<Offered>, Fault> {
        let found = match &self.from {
            Some(from) => self.listed_options(from, walk)?,
            None => self.own_options(walk)?,
        };
        let (mut ids, mut titles) = (BTreeSet::new(), BTreeSet::new());
        let mut kept = Vec::with_capacity(found.len());
        for mut option in found {
            let why = if option.title.trim().is_empty() {
                "an option without a title is not shown"
            } else if !usable_id(&option.id) {
                "an option whose id WhatsApp would refuse is not shown"
            } else if !ids.insert(option.id.clone()) {
                "an option whose id was there before is not shown"
            } else if kept.len() == caps::MAX_MENU_OPTIONS {
                "options beyond the limit are not shown"
            } else {
                Fault::if_deep(&format!("the value of option `{}`", option.id), &option.value)?;
                option.title = distinct(&option.title, &mut titles);
                kept.push(option);
                continue;
            };
            walk.note(Trace::Skipped { node: here.node.id.clone(), why: why.to_owned() });
            if kept.len() == caps::MAX_MENU_OPTIONS {
                break;
            }
        }
        Ok(kept)
    }

    fn own_options(&self, walk: &mut Walk<'_>) -> Result<Vec<Offered>, Fault> {
        let mut offered = Vec::with_capacity(self.options.len());
        for option in &self.options {
            if let Some(when) = &option.when
                && !when.holds(walk.scope()).map_err(Fault::evaluation)?
            {
                continue;
            }
            offered.push(option.offer(walk)?);
        }
        Ok(offered)
    }

    fn listed_options(&self, from: &OptionsFrom, walk: &mut Walk<'_>) -> Result<Vec<Offered>, Fault> {
        let list = from.list.json(walk.scope()).map_err(Fault::evaluation)?;
        let items = match list {
            Value::Array(items) => items,
            Value::Null => Vec::new(),
            _ => return Err(Fault::failed(format!("`{}` is not a list", from.list.source()))),
        };
        let mut offered = Vec::new();
        for (index, item) in items.iter().take(caps::MAX_MENU_OPTIONS + 1).enumerate() {
            offered.push(from.offer(walk, index, item)?);
        }
        Ok(offered)
    }
}

impl MenuOption {
    fn offer(&self, walk: &Walk<'_>) -> Result<Offered, Fault> {
        let description = match &self.desc {
            Some(desc) => Some(walk.text(desc)?).filter(|text| !text.trim().is_empty()),
            None => None,
        };
        let value = match &self.value {
            Some(value) => walk.json(value)?,
            None => Value::String(self.id.clone()),
        };
        let synonyms = self.synonyms.clone();
        Ok(Offered { id: self.id.clone(), title: walk.text(&self.title)?, description, value, synonyms })
    }
}

impl OptionsFrom {
    /// An item that is no map is its own title and value; without `id` the position is the id.
    fn offer(&self, walk: &Walk<'_>, index: usize, item: &Value) -> Result<Offered, Fault> {
        let part = |part: &Option<Part>| match part {
            Some(part) => part.of(walk, item).map(Some),
            None => Ok(None),
        };
        let text = |value: Value| shown(&value);
        let own = if item.is_object() { item.get("title").or_else(|| item.get("name")) } else { Some(item) };
        let title =
            part(&self.title)?.filter(|title| !title.is_null()).or_else(|| own.cloned()).map(text).unwrap_or_default();
        let id = match part(&self.id)?.filter(|id| !id.is_null()) {
            Some(id) => shown(&id),
            None => item.get("id").map_or_else(|| (index + 1).to_string(), shown),
        };
        let description = part(&self.desc)?.map(text).filter(|text| !text.trim().is_empty());
        let value = match part(&self.value)?.filter(|value| !value.is_null()) {
            Some(value) => value,
            None if item.is_object() => Value::String(id.clone()),
            None => item.clone(),
        };
        Ok(Offered { id: id.trim().to_owned(), title, description, value, synonyms: Vec::new() })
    }
}

impl Part {
    fn of(&self, walk: &Walk<'_>, item: &Value) -> Result<Value, Fault> {
        match self {
            Part::Field(name) => {
                Ok(name.split('.').try_fold(item, |value, key| value.get(key)).cloned().unwrap_or_default())
            }
            Part::Template(template) => walk.scope().with_local("item", item, |_: &Scope| walk.json(template)),
        }
    }
}

fn shown(value: &Value) -> String {
    print(&to_value(value)).unwrap_or_default()
}

/// Numbers titles that were there before, so that each can be typed.
fn distinct(title: &str, seen: &mut BTreeSet<String>) -> String {
    let mut found = title.to_owned();
    let mut copy = 2;
    while !seen.insert(found.to_lowercase()) {
        found = format!("{title} ({copy})");
        copy += 1;
    }
    found
}

fn usable_id(id: &str) -> bool {
    !id.is_empty() && limits::chars(id) <= limits::ROW_ID && !id.starts_with(pick::PAGE)
}

/// Cuts a text to a number of characters, between graphemes, with an ellipsis.
pub(super) fn cut(text: &str, limit: usize) -> Option<String> {
    if limits::chars(text) <= limit {
        return None;
    }
    let mut out = String::new();
    let mut used = 1;
    for grapheme in text.graphemes(true) {
        used += limits::chars(grapheme);
        if used > limit {
            break;
        }
        out.push_str(grapheme);
    }
    Some(format!("{}…", out.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_keep_graphemes_whole() {
        assert_eq!(cut("short", 10), None);
        assert_eq!(cut("a long title", 7).unwrap(), "a long…");
        let family = "👨‍👩‍👧‍👦";
        assert_eq!(cut(&format!("ab{family}cd"), 6).unwrap(), "ab…");
        assert!(limits::chars(&cut(&"é".repeat(50), 24).unwrap()) <= 24);
    }
}
