//! Rich text as WhatsApp marks it up: `*bold*`, `_italic_`, lists with marks, links with their address.

use serde_json::Value;

use super::export::{list, text};

/// Nesting beyond which nothing is read.
const DEPTH: usize = 24;

/// The text of a bubble, with its `{{names}}` as they stand.
pub(super) fn markup(content: &Value) -> String {
    let rich = list(content, "richText");
    if rich.is_empty() {
        return text(content, "plainText").to_owned();
    }
    let lines: Vec<String> = rich.iter().flat_map(|element| lines(element, 0)).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

/// The lines of a block element.
fn lines(element: &Value, depth: usize) -> Vec<String> {
    let children = list(element, "children");
    if depth > DEPTH {
        return Vec::new();
    }
    match text(element, "type") {
        "ul" | "ol" => {
            let numbered = text(element, "type") == "ol";
            children
                .iter()
                .enumerate()
                .map(|(at, item)| {
                    let mark = if numbered { format!("{}. ", at + 1) } else { "- ".to_owned() };
                    mark + &inline(list(item, "children"), depth + 1)
                })
                .collect()
        }
        // What a variable held in the editor; its name stands beside it.
        "variable" => children.iter().flat_map(|child| lines(child, depth + 1)).collect(),
        _ if children.iter().any(|child| matches!(text(child, "type"), "p" | "ul" | "ol" | "variable")) => {
            children.iter().flat_map(|child| lines(child, depth + 1)).collect()
        }
        _ if children.is_empty() => vec![text(element, "text").to_owned()],
        _ => vec![inline(children, depth)],
    }
}

fn inline(children: &[Value], depth: usize) -> String {
    if depth > DEPTH {
        return String::new();
    }
    children.iter().map(|child| piece(child, depth)).collect()
}

fn piece(child: &Value, depth: usize) -> String {
    let inner = list(child, "children");
    match text(child, "type") {
        "a" => {
            let (shown, url) = (inline(inner, depth + 1), text(child, "url"));
            match shown.trim() {
                "" => url.to_owned(),
                same if same == url => url.to_owned(),
                _ if url.is_empty() => shown,
                _ => format!("{shown} ({url})"),
            }
        }
        _ if !inner.is_empty() => inline(inner, depth + 1),
        _ => marked(child),
    }
}

/// A text with its marks; spaces stay outside, where WhatsApp wants them.
fn marked(leaf: &Value) -> String {
    let plain = text(leaf, "text");
    let inner = plain.trim();
    if inner.is_empty() {
        return plain.to_owned();
    }
    let on = |key: &str| leaf.get(key).and_then(Value::as_bool) == Some(true);
    let marks: String = [("bold", "*"), ("italic", "_"), ("strikethrough", "~"), ("code", "`")]
        .iter()
        .filter(|(key, _)| on(key))
        .map(|(_, mark)| *mark)
        .collect();
    let closing: String = marks.chars().rev().collect();
    let (before, after) = plain.split_once(inner).unwrap_or_default();
    format!("{before}{marks}{inner}{closing}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn marks_links_and_lists_are_those_of_whatsapp() {
        let content = json!({ "richText": [
            { "type": "p", "children": [ { "text": "Hi " }, { "text": "{{Name}} ", "bold": true }, { "text": "now", "italic": true, "bold": true } ] },
            { "type": "p", "children": [ { "text": "" } ] },
            { "type": "p", "children": [ { "text": "See " }, { "type": "a", "url": "https://a.example", "children": [ { "text": "here" } ] }, { "text": "." } ] },
            { "type": "ul", "children": [ { "type": "li", "children": [ { "type": "lic", "children": [ { "text": "one" } ] } ] }, { "type": "li", "children": [ { "type": "lic", "children": [ { "text": "two" } ] } ] } ] },
            { "type": "ol", "children": [ { "type": "li", "children": [ { "type": "lic", "children": [ { "text": "first" } ] } ] } ] },
        ] });
        assert_eq!(markup(&content), "Hi *{{Name}}* *_now_*\n\nSee here (https://a.example).\n- one\n- two\n1. first");
        assert_eq!(markup(&json!({ "plainText": "old" })), "old");
        assert_eq!(markup(&json!({})), "");
    }
}
