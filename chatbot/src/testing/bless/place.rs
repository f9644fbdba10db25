//! Which bytes of a source a value takes. The tree knows where a value begins, and of scalars where they end.

use std::ops::Range;

use crate::tree::{Kind, Node};

/// Why a value has no place of its own.
pub(super) const SHARED: &str = "it is written with an anchor, an alias or a tag: write it out";
const ODD: &str = "the way in which it is written is not understood: write it anew";

/// How a list or map is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Between brackets.
    Flow,
    /// By indentation.
    Block,
}

pub(super) fn style(source: &str, node: &Node) -> Style {
    match source.get(node.span.start..) {
        Some(rest) if rest.starts_with(['[', '{']) => Style::Flow,
        _ => Style::Block,
    }
}

/// The bytes of a value.
pub(super) fn extent(source: &str, node: &Node) -> Result<Range<usize>, &'static str> {
    if is_marked(source, node.span.start) {
        return Err(SHARED);
    }
    match &node.kind {
        Kind::List(items) => {
            let parts = items.iter().map(|item| extent(source, item)).collect::<Result<Vec<_>, _>>()?;
            around(source, node, parts)
        }
        Kind::Map(entries) => {
            let mut parts = Vec::with_capacity(2 * entries.len());
            for entry in entries {
                parts.push(entry.key_span.clone());
                if !entry.value.span.is_empty() {
                    parts.push(extent(source, &entry.value)?);
                }
            }
            around(source, node, parts)
        }
        _ => scalar(source, node),
    }
}

fn scalar(source: &str, node: &Node) -> Result<Range<usize>, &'static str> {
    let text = source.get(node.span.clone()).filter(|text| !text.trim().is_empty()).ok_or(ODD)?;
    Ok(header(source, node.span.start)..node.span.start + text.trim_end().len())
}

/// Where the `|` or `>` of a text of several lines stands; the place itself for others.
fn header(source: &str, at: usize) -> usize {
    let before = source.get(..at).unwrap_or_default();
    let head = before.trim_end();
    let word = head.rsplit(char::is_whitespace).next().unwrap_or_default();
    let breaks = before.get(head.len()..).is_some_and(|blanks| blanks.contains('\n'));
    if breaks && matches!(word, "|" | "|-" | "|+" | ">" | ">-" | ">+") { head.len() - word.len() } else { at }
}

/// From the first to the last part, and the brackets around them.
fn around(source: &str, node: &Node, parts: Vec<Range<usize>>) -> Result<Range<usize>, &'static str> {
    let mut end = node.span.start;
    for part in &parts {
        if part.start < end {
            return Err(SHARED);
        }
        end = part.end;
    }
    if style(source, node) == Style::Block {
        let first = parts.first().ok_or(ODD)?;
        return Ok(first.start..end);
    }
    end = end.max(node.span.start + 1);
    let close = closing(source, end).ok_or(ODD)?;
    Ok(node.span.start..close + 1)
}

/// The bracket that comes after blanks, commas, a colon without a value, and comments.
fn closing(source: &str, from: usize) -> Option<usize> {
    let mut in_comment = false;
    for (at, c) in source.get(from..)?.char_indices() {
        match c {
            '\n' => in_comment = false,
            _ if in_comment => {}
            ']' | '}' => return Some(from + at),
            '#' => in_comment = true,
            c if c.is_whitespace() || matches!(c, ',' | ':') => {}
            _ => return None,
        }
    }
    None
}

/// Whether an alias stands here, or an anchor or tag before it.
fn is_marked(source: &str, at: usize) -> bool {
    let marks = |text: &str| text.starts_with(['*', '&', '!']);
    let before = source.get(..at).unwrap_or_default().trim_end_matches([' ', '\t']);
    let word = before.rsplit(|c: char| c.is_whitespace() || matches!(c, '[' | '{' | ',')).next().unwrap_or_default();
    // Between a value and an anchor before it stand blanks; without any it is the end of something else.
    source.get(at..).is_some_and(marks) || (before.len() < at && marks(word))
}

/// Where the line of a byte begins.
pub(super) fn line_start(source: &str, at: usize) -> usize {
    source.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1)
}

/// Where the line of a byte ends, without its break.
pub(super) fn line_end(source: &str, at: usize) -> usize {
    let rest = source.get(at..).unwrap_or_default();
    let end = at + rest.find('\n').unwrap_or(rest.len());
    if source.get(..end).is_some_and(|line| line.ends_with('\r')) { end - 1 } else { end }
}
