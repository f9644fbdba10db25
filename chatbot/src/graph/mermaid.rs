//! A flowchart of Mermaid.

use super::model::{Box, Look, Mark, Model};

/// Classes by what a box is about, and marks.
const CLASSES: &[(&str, &str)] = &[
    ("entry", "fill:#eef2f7,stroke:#64748b,color:#1f2937,stroke-dasharray:4 3"),
    ("talk", "fill:#dcf8e6,stroke:#15803d,color:#14532d"),
    ("question", "fill:#dbeafe,stroke:#1d4ed8,color:#1e3a8a"),
    ("choice", "fill:#fef3c7,stroke:#b45309,color:#78350f"),
    ("logic", "fill:#f3f4f6,stroke:#6b7280,color:#1f2937"),
    ("time", "fill:#cffafe,stroke:#0e7490,color:#164e63"),
    ("outside", "fill:#ede9fe,stroke:#6d28d9,color:#4c1d95"),
    ("human", "fill:#ffedd5,stroke:#c2410c,color:#7c2d12"),
    ("fin", "fill:#e5e7eb,stroke:#374151,color:#111827"),
    ("unreached", "stroke-dasharray:2 3,opacity:0.55"),
    ("finding", "stroke:#dc2626,stroke-width:3px"),
];

pub(super) fn draw(model: &Model) -> String {
    let mut out = format!("%% {}\nflowchart TD\n", escaped(&model.title));
    for (index, one) in model.boxes.iter().enumerate() {
        let (open, close) = brackets(one.look);
        let marked = match one.mark {
            None => "",
            Some(Mark::Unreached) => ",unreached",
            Some(Mark::Finding(_)) => ",finding",
        };
        out.push_str(&format!(
            "  n{index}{open}\"{}\"{close}\n  class n{index} {}{marked}\n",
            label(one),
            class(one.look)
        ));
    }
    for edge in &model.edges {
        let arrow = match edge.label.as_str() {
            "" => "-->".to_owned(),
            label => format!("-->|\"{}\"|", escaped(label)),
        };
        out.push_str(&format!("  n{} {arrow} n{}\n", edge.from, edge.to));
    }
    for (name, style) in CLASSES {
        out.push_str(&format!("  classDef {name} {style}\n"));
    }
    out
}

fn label(one: &Box) -> String {
    let name = escaped(&one.name);
    let lines: Vec<String> =
        [one.kind, one.text.as_str()].iter().filter(|part| !part.is_empty()).map(|part| escaped(part)).collect();
    let rest = lines.join(" · ");
    if rest.is_empty() { format!("<b>{name}</b>") } else { format!("<b>{name}</b><br/>{rest}") }
}

fn brackets(look: Look) -> (&'static str, &'static str) {
    match look {
        Look::Entry | Look::End => ("([", "])"),
        Look::Question => ("{{", "}}"),
        Look::Choice => ("{", "}"),
        Look::Outside => ("[[", "]]"),
        Look::Human => ("[/", "\\]"),
        Look::Time => ("(", ")"),
        Look::Talk | Look::Logic => ("[", "]"),
    }
}

fn class(look: Look) -> &'static str {
    match look {
        Look::Entry => "entry",
        Look::Talk => "talk",
        Look::Question => "question",
        Look::Choice => "choice",
        Look::Logic => "logic",
        Look::Time => "time",
        Look::Outside => "outside",
        Look::Human => "human",
        Look::End => "fin",
    }
}

/// Every sign that Mermaid, its Markdown or HTML could read becomes an entity of Mermaid's.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_alphanumeric() || c == ' ' || !c.is_ascii() => out.push(c),
            '.' | ',' | '?' | '!' | '\'' | '/' | '=' | '+' | '_' => out.push(c),
            c => out.push_str(&format!("#{};", u32::from(c))),
        }
    }
    out
}
