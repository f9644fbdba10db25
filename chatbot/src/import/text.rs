//! Texts and names of other programs as our files can hold them.

use std::collections::BTreeSet;

use unicode_segmentation::UnicodeSegmentation;
use whatsapp::limits;

/// Words that our expressions read otherwise.
pub(super) const WORDS: &[&str] = &[
    "true",
    "false",
    "none",
    "and",
    "or",
    "not",
    "in",
    "is",
    "if",
    "else",
    "loop",
    "self",
    "range",
    "namespace",
    "dict",
    "debug",
    "t",
];

/// Cuts a text into parts of at most `limit` characters, at spaces where there are some.
pub(super) fn pieces(text: &str, limit: usize) -> Vec<String> {
    if limits::chars(text) <= limit {
        return vec![text.to_owned()];
    }
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut used = 0;
    for word in text.split_word_bounds().flat_map(|word| {
        let whole = limits::chars(word) <= limit;
        if whole { vec![word] } else { word.graphemes(true).collect() }
    }) {
        let size = limits::chars(word);
        if used + size > limit {
            parts.push(std::mem::take(&mut part).trim().to_owned());
            used = 0;
        }
        part.push_str(word);
        used += size;
    }
    parts.push(part.trim().to_owned());
    parts.retain(|part| !part.is_empty());
    parts
}

/// Cuts a title as WhatsApp allows, between graphemes.
pub(super) fn cut(text: &str, limit: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    for grapheme in text.trim().graphemes(true) {
        used += limits::chars(grapheme);
        if used > limit {
            break;
        }
        out.push_str(grapheme);
    }
    out.trim().to_owned()
}

/// A string of the expression language.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

/// A text in which every mark of the template language stays what it reads.
pub(super) fn verbatim(text: &str) -> String {
    const MARKS: [&str; 3] = ["{{", "{%", "{#"];
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = MARKS.iter().filter_map(|mark| rest.find(mark)).min() {
        let (before, after) = rest.split_at(at);
        let (mark, behind) = after.split_at(2);
        out.push_str(before);
        out.push_str(&format!("{{{{ '{mark}' }}}}"));
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// A name that can be a variable.
pub(super) fn identifier(text: &str) -> String {
    let mut name: String =
        text.trim().chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).take(56).collect();
    if !name.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_') {
        name.insert(0, '_');
    }
    name
}

/// The name, or with a number behind it what nobody has yet.
pub(super) fn unique(name: &str, taken: &mut BTreeSet<String>) -> String {
    let mut found = name.to_owned();
    let mut copy = 2;
    while !taken.insert(found.clone()) {
        found = format!("{name}_{copy}");
        copy += 1;
    }
    found
}

/// A name for ids of bots and nodes.
pub(super) fn slug(text: &str, otherwise: &str) -> String {
    let lower = text.trim().to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty()).collect();
    let name: String = words.join("-").chars().take(48).collect();
    if name.is_empty() { otherwise.to_owned() } else { name }
}

/// An id that can stand in our file: as it was where possible.
pub(super) fn unique_slug(id: &str, otherwise: &str, taken: &mut BTreeSet<String>) -> String {
    let shaped = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let plain = !id.is_empty() && id.chars().all(shaped) && id.chars().count() <= 100;
    unique(&if plain { id.to_owned() } else { slug(id, otherwise) }, taken)
}

/// Milliseconds as a duration of our files, at most 366 days.
pub(super) fn duration(seconds: u64) -> String {
    let seconds = seconds.clamp(1, 366 * 86_400);
    match seconds {
        s if s % 86_400 == 0 => format!("{}d", s / 86_400),
        s if s % 3_600 == 0 => format!("{}h", s / 3_600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_templates_stay_what_they_read() {
        assert_eq!(verbatim("a {{b}} {% c {# d"), "a {{ '{{' }}b}} {{ '{%' }} c {{ '{#' }} d");
        assert_eq!(verbatim("plain } text"), "plain } text");
    }

    #[test]
    fn texts_are_cut_between_graphemes() {
        assert_eq!(cut("  héllo wörld", 5), "héllo");
        assert!(pieces(&"word ".repeat(2_000), 4_096).iter().all(|part| limits::chars(part) <= 4_096));
        assert_eq!(pieces(&"x".repeat(9), 4), ["xxxx", "xxxx", "x"]);
    }

    #[test]
    fn seconds_become_durations() {
        for (seconds, text) in [(0, "1s"), (90, "90s"), (600, "10m"), (7_200, "2h"), (172_800, "2d")] {
            assert_eq!(duration(seconds), text);
        }
    }
}
