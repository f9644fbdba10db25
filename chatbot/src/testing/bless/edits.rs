//! Changes of a source, gathered and made at once: each in the manner of what stood there.

use std::ops::Range;

use serde_json::Value;

use super::place::{Style, extent, line_end, line_start, style};
use crate::bot::Format;
use crate::testing::bubble::Bubble;
use crate::testing::wanted::{Aligned, Fate, PAGE, Trait, Wanted, aligned, fates};
use crate::tree::{Entry, Kind, Node};

type Done = Result<(), &'static str>;

/// See the module.
pub(super) struct Edits<'s> {
    source: &'s str,
    format: Format,
    all: Vec<(Range<usize>, String)>,
}

/// What becomes of the items of a list, in order.
enum Item {
    Keep(usize),
    Drop(usize),
    Add(Value),
}

impl<'s> Edits<'s> {
    pub(super) fn new(source: &'s str, format: Format) -> Self {
        Self { source, format, all: Vec::new() }
    }

    pub(super) fn checkpoint(&self) -> usize {
        self.all.len()
    }

    pub(super) fn back_to(&mut self, checkpoint: usize) {
        self.all.truncate(checkpoint);
    }

    pub(super) fn apply(mut self) -> String {
        self.all.sort_by_key(|(range, _)| (range.start, range.end));
        let (mut out, mut at) = (String::with_capacity(self.source.len()), 0);
        for (range, text) in self.all {
            out.push_str(self.source.get(at..range.start).unwrap_or_default());
            out.push_str(&text);
            at = at.max(range.end);
        }
        out.push_str(self.source.get(at..).unwrap_or_default());
        out
    }

    // Values

    /// Another text in a text's place, quoted as it was where that can be.
    pub(super) fn text(&mut self, node: &Node, text: &str) -> Done {
        let range = extent(self.source, node)?;
        let old = self.source.get(range.clone()).unwrap_or_default();
        let new = match (self.format, old.chars().next()) {
            (Format::Json, _) | (_, Some('"')) => Value::from(text).to_string(),
            (_, Some('|')) => literal(old, text).unwrap_or_else(|| plain(text)),
            (_, Some('\'')) if !text.contains(char::is_control) => format!("'{}'", text.replace('\'', "''")),
            _ => plain(text),
        };
        self.all.push((range, new));
        Ok(())
    }

    /// Another value in a value's place.
    pub(super) fn value(&mut self, node: Option<&Node>, value: &Value) -> Done {
        let node = node.ok_or("its key is written in another way: write it anew")?;
        match value {
            Value::String(text) if matches!(node.kind, Kind::Text(_)) => self.text(node, text),
            value => {
                let range = extent(self.source, node)?;
                let new = self.written(value);
                self.all.push((range, new));
                Ok(())
            }
        }
    }

    /// Another value in the place of all that stands behind a key.
    pub(super) fn whole(&mut self, entry: &Entry, value: &Value) -> Done {
        let node = &entry.value;
        let is_block = matches!(node.kind, Kind::List(_) | Kind::Map(_)) && style(self.source, node) == Style::Block;
        if !is_block {
            return self.value(Some(node), value);
        }
        let range = extent(self.source, node)?;
        let between = self.source.get(entry.key_span.end..range.start).unwrap_or_default();
        let colon = between.find(':').ok_or("its key is written in another way: write it anew")?;
        if !between
            .get(colon + 1..)
            .unwrap_or_default()
            .trim_matches(|c: char| c.is_whitespace() || c == '-')
            .is_empty()
        {
            return Err("a comment stands before what is expected: write it anew");
        }
        let new = format!(" {}", self.written(value));
        self.all.push((entry.key_span.end + colon + 1..range.end, new));
        Ok(())
    }

    // Bubbles

    /// Rewrites what is expected of one bubble, as little of it as makes it hold.
    pub(super) fn bubble(&mut self, node: &Node, wanted: &Wanted, got: &Bubble) -> Done {
        let Kind::Map(entries) = &node.kind else {
            return match got.text() {
                "" => self.value(Some(node), &got.expectation()),
                text => self.text(node, text),
            };
        };
        let stays = |one: &&Trait| match one {
            Trait::Kind { .. } => one.holds(got),
            Trait::Menu(_) => !got.choices().is_empty(),
            Trait::Text(_) | Trait::Contains(_) => true,
        };
        if wanted.all.iter().filter(stays).count() < wanted.all.len() {
            return self.value(Some(node), &got.expectation());
        }
        let value = |key: &str| entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value);
        for one in wanted.all.iter().filter(|one| !one.holds(got)) {
            match one {
                Trait::Text(_) => self.text(value("text").ok_or("there is no `text`")?, got.text())?,
                Trait::Contains(_) => self.text(value("contains").ok_or("there is no `contains`")?, got.text())?,
                Trait::Menu(ids) => self.menu(value("menu").ok_or("there is no `menu`")?, ids, got)?,
                Trait::Kind { .. } => {}
            }
        }
        Ok(())
    }

    fn menu(&mut self, node: &Node, wanted: &[String], got: &Bubble) -> Done {
        let pages = wanted.iter().any(|id| id.starts_with(PAGE));
        let ids = got.choices().into_iter().map(|choice| choice.id).filter(|id| pages || !id.starts_with(PAGE));
        let ids: Vec<String> = ids.collect();
        let items = aligned(wanted.len(), ids.len(), |i, j| wanted[i] == ids[j]).into_iter().map(|step| match step {
            Aligned::Both(i, _) => Item::Keep(i),
            Aligned::Wanted(i) => Item::Drop(i),
            Aligned::Got(j) => Item::Add(ids[j].as_str().into()),
        });
        let items = items.collect();
        self.items(node, items)
    }

    /// Rewrites a list of bubbles.
    pub(super) fn bubbles(&mut self, node: &Node, wanted: &[Wanted], got: &[&Bubble]) -> Done {
        let Kind::List(nodes) = &node.kind else { return Err("it is no list: write it anew") };
        let mut items = Vec::new();
        for fate in fates(wanted, got) {
            items.push(match fate {
                Fate::Same(i, _) => Item::Keep(i),
                Fate::Missing(i) => Item::Drop(i),
                Fate::Extra(j) => Item::Add(got[j].expectation()),
                Fate::Other(i, j) => {
                    self.bubble(nodes.get(i).ok_or("it is not where it should be")?, &wanted[i], got[j])?;
                    Item::Keep(i)
                }
            });
        }
        self.items(node, items)
    }

    // Lists

    fn items(&mut self, node: &Node, items: Vec<Item>) -> Done {
        let Kind::List(nodes) = &node.kind else { return Err("it is no list: write it anew") };
        if items.iter().all(|item| matches!(item, Item::Keep(_))) {
            return Ok(());
        }
        let kept = items.iter().any(|item| matches!(item, Item::Keep(_)));
        if !kept {
            let new: Value =
                items.into_iter().filter_map(|item| if let Item::Add(new) = item { Some(new) } else { None }).collect();
            return self.value(Some(node), &new);
        }
        let places = nodes.iter().map(|node| extent(self.source, node)).collect::<Result<Vec<_>, _>>()?;
        match style(self.source, node) {
            Style::Flow => self.flow_items(&places, &items),
            Style::Block => self.block_items(&places, &items)?,
        }
        Ok(())
    }

    fn flow_items(&mut self, places: &[Range<usize>], items: &[Item]) {
        let mut before: Option<usize> = None;
        for item in items {
            match item {
                Item::Keep(index) => before = Some(*index),
                Item::Drop(_) => {}
                Item::Add(new) => {
                    let new = self.written(new);
                    match before {
                        Some(index) => self.insert(places[index].end, format!(", {new}")),
                        None => self.insert(places[0].start, format!("{new}, ")),
                    }
                }
            }
        }
        for (first, last) in runs(items) {
            let range = match places.get(last + 1) {
                Some(next) => places[first].start..next.start,
                None => places[first.saturating_sub(1)].end..places[last].end,
            };
            self.all.push((range, String::new()));
        }
    }

    fn block_items(&mut self, places: &[Range<usize>], items: &[Item]) -> Done {
        let first_line = line_start(self.source, places[0].start);
        let lead = self.source.get(first_line..places[0].start).unwrap_or_default();
        let indent = lead.trim_end().strip_suffix('-').filter(|indent| indent.trim().is_empty());
        let indent = indent.ok_or("its list begins in the line of something else: write it anew")?.to_owned();
        let line_break = if self.source.contains("\r\n") { "\r\n" } else { "\n" };
        let mut before: Option<usize> = None;
        for item in items {
            match item {
                Item::Keep(index) => before = Some(*index),
                Item::Drop(_) => {}
                Item::Add(new) => {
                    let line = format!("{indent}- {}", self.written(new));
                    match before {
                        Some(index) => {
                            let at = line_end(self.source, places[index].end);
                            self.insert(at, format!("{line_break}{line}"));
                        }
                        None => self.insert(first_line, format!("{line}{line_break}")),
                    }
                }
            }
        }
        for (first, last) in runs(items) {
            let from = line_start(self.source, places[first].start);
            let to = line_end(self.source, places[last].end);
            let to = if self.source.get(to..).is_some_and(|rest| rest.starts_with("\r\n")) { to + 2 } else { to + 1 };
            self.all.push((from..to.min(self.source.len()), String::new()));
        }
        Ok(())
    }

    fn insert(&mut self, at: usize, text: String) {
        self.all.push((at..at, text));
    }

    fn written(&self, value: &Value) -> String {
        written(value, self.format)
    }
}

/// Items that are dropped together, first and last.
fn runs(items: &[Item]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for item in items {
        let Item::Drop(index) = item else { continue };
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *index => *last = *index,
            _ => runs.push((*index, *index)),
        }
    }
    runs
}

/// A value in one line.
pub(in crate::testing) fn written(value: &Value, format: Format) -> String {
    let key = |key: &str| if format == Format::Yaml { plain(key) } else { Value::from(key).to_string() };
    match value {
        Value::String(text) if format == Format::Yaml => plain(text),
        Value::Array(items) if !items.is_empty() => {
            let items: Vec<String> = items.iter().map(|item| written(item, format)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(entries) if !entries.is_empty() => {
            // What tells people most comes first.
            let (first, rest): (Vec<_>, Vec<_>) =
                entries.iter().partition(|(name, _)| *name == "type" || *name == "text");
            let entries =
                first.into_iter().chain(rest).map(|(name, value)| format!("{}: {}", key(name), written(value, format)));
            let entries = entries.collect::<Vec<_>>().join(", ");
            if format == Format::Yaml { format!("{{ {entries} }}") } else { format!("{{{entries}}}") }
        }
        other => other.to_string(),
    }
}

/// A text in lines of their own, as another one was; `None` if it cannot be written so.
fn literal(old: &str, text: &str) -> Option<String> {
    let (head, rest) = old.split_once('\n')?;
    let indent = rest.get(..rest.len() - rest.trim_start_matches(' ').len())?;
    let fits =
        head.trim_end() == "|-" && !text.ends_with(char::is_whitespace) && !text.starts_with(char::is_whitespace);
    let odd = |c: char| c.is_control() && c != '\n';
    if !fits || text.is_empty() || text.contains(odd) {
        return None;
    }
    let line = |line: &str| if line.is_empty() { String::new() } else { format!("{indent}{line}") };
    let lines: Vec<String> = text.split('\n').map(line).collect();
    let line_break = if head.ends_with('\r') { "\r\n" } else { "\n" };
    Some(format!("{}{line_break}{}", head.trim_end(), lines.join(line_break)))
}

/// A text for YAML: without quotes only where that is beyond doubt.
pub(in crate::testing) fn plain(text: &str) -> String {
    const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let safe = |c: char| c.is_alphanumeric() || " .!?()/_%€'’-".contains(c);
    let is_plain = text.chars().next().is_some_and(char::is_alphabetic)
        && text.chars().all(safe)
        && !text.ends_with(' ')
        && !WORDS.contains(&text.to_lowercase().as_str());
    if is_plain { text.to_owned() } else { Value::from(text).to_string() }
}
