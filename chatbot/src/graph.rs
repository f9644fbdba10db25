//! A bot as a picture: its nodes, where they lead, and what leads into them, for Mermaid, Graphviz and browsers.
//!
//! The same bot gives the same text, byte for byte.

mod dot;
mod layout;
mod mermaid;
mod model;
mod svg;

use crate::bot::Bot;
use crate::diagnostic::Diagnostic;
use model::Model;

/// The language of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picture {
    /// A flowchart of Mermaid.
    Mermaid,
    /// A digraph of Graphviz.
    Dot,
    /// A picture that browsers show, in light and dark.
    Svg,
}

impl Picture {
    /// The names of all.
    pub const NAMES: [&'static str; 3] = ["mermaid", "dot", "svg"];

    /// By its name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "mermaid" => Some(Picture::Mermaid),
            "dot" => Some(Picture::Dot),
            "svg" => Some(Picture::Svg),
            _ => None,
        }
    }

    /// The media type of the text.
    pub fn media_type(self) -> &'static str {
        match self {
            Picture::Mermaid => "text/vnd.mermaid; charset=utf-8",
            Picture::Dot => "text/vnd.graphviz; charset=utf-8",
            Picture::Svg => "image/svg+xml",
        }
    }
}

/// Draws a bot. Nodes that nothing leads to are marked, and so are those at which `found` has something.
pub fn graph(bot: &Bot, found: &[Diagnostic], picture: Picture) -> String {
    let model = Model::of(bot, found);
    match picture {
        Picture::Mermaid => mermaid::draw(&model),
        Picture::Dot => dot::draw(&model),
        Picture::Svg => svg::draw(&model),
    }
}

/// A text on one line, without what would command a terminal or turn the direction of what follows.
fn one_line(text: &str) -> String {
    let shown = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    shown
        .filter(|c| {
            !c.is_control() && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        })
        .collect()
}

/// At most so many characters, an ellipsis included.
fn clip(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some(_) => text.chars().take(longest.saturating_sub(1)).chain(['…']).collect(),
        None => text.to_owned(),
    }
}
