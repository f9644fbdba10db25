//! A picture for browsers: no scripts, no fonts or files of elsewhere, light or dark as the reader's system is.

use std::fmt::Write as _;

use super::clip;
use super::layout::{self, LOOP, Link, Point, Route, Size};
use super::model::{Box, Look, Mark, Model};

const HEIGHT: f64 = 40.0;
const TITLE: f64 = 30.0;
/// Characters of a name that are shown.
const NAME: usize = 26;

const STYLE: &str = "\
.page{fill:#ffffff}.title{font-size:15px;font-weight:600;fill:#111827}
text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif;unicode-bidi:plaintext}
.name{font-size:13px;font-weight:600;fill:#111827}.text{font-size:11px;fill:#4b5563}
.label{font-size:11px;fill:#374151}.behind{fill:#ffffff;fill-opacity:.86}
.edge{fill:none;stroke:#94a3b8;stroke-width:1.4}.back{stroke-dasharray:5 3}.tip{fill:#94a3b8}
.box{stroke-width:1.4}
.entry{fill:#f8fafc;stroke:#94a3b8;stroke-dasharray:4 3}.talk{fill:#dcf8e6;stroke:#22a35a}
.question{fill:#dbeafe;stroke:#3b82f6}.choice{fill:#fef3c7;stroke:#d97706}.logic{fill:#f3f4f6;stroke:#9ca3af}
.time{fill:#cffafe;stroke:#0891b2}.outside{fill:#ede9fe;stroke:#8b5cf6}.human{fill:#ffedd5;stroke:#ea580c}
.fin{fill:#e5e7eb;stroke:#6b7280}
.unreached{opacity:.5}.unreached .box{stroke-dasharray:2 3}.finding .box{stroke:#dc2626;stroke-width:2.6}
.badge{fill:#dc2626}.sign{font-size:11px;font-weight:700;fill:#ffffff}
@media (prefers-color-scheme:dark){
.page{fill:#111418}.title,.name{fill:#f3f4f6}.text{fill:#b6bec9}.label{fill:#cbd5e1}.behind{fill:#111418}
.edge{stroke:#64748b}.tip{fill:#64748b}
.entry{fill:#171b21;stroke:#64748b}.talk{fill:#0f3a22;stroke:#2fb46a}.question{fill:#12305c;stroke:#5b9bf8}
.choice{fill:#453005;stroke:#e0a030}.logic{fill:#23282f;stroke:#7b8594}.time{fill:#0b3a44;stroke:#22b8d6}
.outside{fill:#2f2160;stroke:#a78bfa}.human{fill:#4a2409;stroke:#f08a3c}.fin{fill:#2b3037;stroke:#8b95a3}
}
";

pub(super) fn draw(model: &Model) -> String {
    let sizes: Vec<Size> = model.boxes.iter().map(size).collect();
    let links: Vec<Link> =
        model.edges.iter().map(|edge| Link { from: edge.from, to: edge.to, label: label_width(&edge.label) }).collect();
    let found = layout::layout(&sizes, &links);
    let width = found.width.max(24.0 + wide(&model.title, 8.5) + 24.0);
    let height = found.height + TITLE;
    let mut out = String::new();
    // Writing into a String does not fail.
    let mut put = |text: std::fmt::Arguments<'_>| out.write_fmt(text).unwrap_or_default();
    put(format_args!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\">\n"
    ));
    let title = escaped(&model.title);
    put(format_args!("<title>{title}</title>\n<style>{STYLE}</style>\n"));
    put(format_args!("<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n"));
    put(format_args!(
        "<text class=\"title\" x=\"24\" y=\"28\">{title}</text>\n<g transform=\"translate(0 {TITLE:.0})\">\n"
    ));
    for (edge, route) in model.edges.iter().zip(&found.routes) {
        put(format_args!("{}", line(route, edge.from == edge.to)));
    }
    for (edge, route) in model.edges.iter().zip(&found.routes).filter(|(edge, _)| !edge.label.is_empty()) {
        put(format_args!("{}", label(&edge.label, route.label)));
    }
    for ((one, at), size) in model.boxes.iter().zip(&found.boxes).zip(&sizes) {
        put(format_args!("{}", drawn(one, *at, *size)));
    }
    put(format_args!("</g>\n</svg>\n"));
    out
}

/// About how wide a text is, at so many units a character; ideographs and pictures are twice as wide.
#[allow(clippy::cast_precision_loss, reason = "texts are short")]
fn wide(text: &str, each: f64) -> f64 {
    let wide = text.chars().filter(|c| u32::from(*c) >= 0x1100 && !('\u{2000}'..='\u{206f}').contains(c)).count();
    (text.chars().count() + wide * 4 / 5) as f64 * each
}

fn label_width(label: &str) -> f64 {
    if label.is_empty() { 0.0 } else { wide(label, 6.2) + 6.0 }
}

fn size(one: &Box) -> Size {
    let inner = wide(&clip(&one.name, NAME), 7.6).max(wide(&second_line(one), 6.1));
    let ends = if matches!(one.look, Look::Choice | Look::Entry | Look::End | Look::Question) { 40.0 } else { 28.0 };
    Size { width: (inner + ends).max(84.0), height: if second_line(one).is_empty() { 30.0 } else { HEIGHT } }
}

fn second_line(one: &Box) -> String {
    let parts: Vec<&str> = [one.kind, one.text.as_str()].into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(" · ")
}

fn line(route: &Route, is_loop: bool) -> String {
    let mut path = String::new();
    let (x, y) = route.points[0];
    path.push_str(&format!("M{x:.1} {y:.1}"));
    if is_loop {
        let (end, reach) = (route.points[route.points.len() - 1], x + LOOP * 1.2);
        path.push_str(&format!(
            "C{reach:.1} {:.1} {reach:.1} {:.1} {:.1} {:.1}",
            y - 9.0,
            end.1 + 9.0,
            end.0 + 6.0,
            end.1
        ));
    } else {
        curve(route, &mut path);
    }
    let back = if route.back { " back" } else { "" };
    format!("<path class=\"edge{back}\" d=\"{path}\"/>\n{}", tip(route, is_loop))
}

/// A curve through all points: straight down at both ends, and in between in the direction of the neighbours.
fn curve(route: &Route, path: &mut String) {
    let mut points = route.points.clone();
    let last = points.len() - 1;
    // The tip of the arrow takes the last bit.
    points[last].1 += if route.back { 6.0 } else { -6.0 };
    // No further sideways than to the nearer neighbour, so that nothing swings over.
    let slope = |index: usize| {
        if index == 0 || index == last {
            let (one, other) = if index == 0 { (points[0], points[1]) } else { (points[last - 1], points[last]) };
            return (0.0, other.1 - one.1);
        }
        let (before, at, after) = (points[index - 1], points[index], points[index + 1]);
        let (left, right) = (at.0 - before.0, after.0 - at.0);
        let along = if left * right > 0.0 { 2.0 * left * right / (left + right) } else { 0.0 };
        (along, (after.1 - before.1) / 2.0)
    };
    for index in 0..last {
        let ((x, y), (u, v)) = (points[index], points[index + 1]);
        let (from, to) = (slope(index), slope(index + 1));
        path.push_str(&format!(
            "C{:.1} {:.1} {:.1} {:.1} {u:.1} {v:.1}",
            x + from.0 / 3.0,
            y + from.1 / 3.0,
            u - to.0 / 3.0,
            v - to.1 / 3.0
        ));
    }
}

/// The tip of an arrow, without markers: not every program that shows pictures has them.
fn tip(route: &Route, is_loop: bool) -> String {
    let (x, y) = route.points[route.points.len() - 1];
    let points = match (is_loop, route.back) {
        (true, _) => format!("{x:.1},{y:.1} {:.1},{:.1} {:.1},{:.1}", x + 8.0, y - 4.0, x + 8.0, y + 4.0),
        (false, false) => format!("{x:.1},{y:.1} {:.1},{:.1} {:.1},{:.1}", x - 4.0, y - 8.0, x + 4.0, y - 8.0),
        (false, true) => format!("{x:.1},{y:.1} {:.1},{:.1} {:.1},{:.1}", x - 4.0, y + 8.0, x + 4.0, y + 8.0),
    };
    format!("<polygon class=\"tip\" points=\"{points}\"/>\n")
}

fn label(text: &str, (x, y): Point) -> String {
    let width = label_width(text);
    format!(
        "<rect class=\"behind\" x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"16\" rx=\"3\"/>\n<text class=\"label\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\n",
        x - width / 2.0,
        y - 8.0,
        y + 4.0,
        escaped(text)
    )
}

fn drawn(one: &Box, (x, y): Point, size: Size) -> String {
    let (mark, more) = match &one.mark {
        None => ("", String::new()),
        Some(Mark::Unreached) => (" unreached", "\nnothing leads here".to_owned()),
        Some(Mark::Finding(message)) => (" finding", format!("\n{message}")),
    };
    let title = escaped(&format!("{} {}{more}", one.name, second_line(one)));
    let mut out = format!("<g class=\"node{mark}\"><title>{title}</title>{}", outline(one.look, (x, y), size));
    let second = second_line(one);
    let first_y = if second.is_empty() { y + 4.5 } else { y - 3.0 };
    let name = escaped(&clip(&one.name, NAME));
    out.push_str(&format!("<text class=\"name\" x=\"{x:.1}\" y=\"{first_y:.1}\" text-anchor=\"middle\">{name}</text>"));
    if !second.is_empty() {
        let second = escaped(&second);
        out.push_str(&format!(
            "<text class=\"text\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{second}</text>",
            y + 12.0
        ));
    }
    if matches!(one.mark, Some(Mark::Finding(_))) {
        let (right, top) = (x + size.width / 2.0 - 4.0, y - size.height / 2.0 + 2.0);
        out.push_str(&format!("<circle class=\"badge\" cx=\"{right:.1}\" cy=\"{top:.1}\" r=\"7\"/><text class=\"sign\" x=\"{right:.1}\" y=\"{:.1}\" text-anchor=\"middle\">!</text>", top + 4.0));
    }
    out + "</g>\n"
}

fn outline(look: Look, (x, y): Point, size: Size) -> String {
    let (left, top) = (x - size.width / 2.0, y - size.height / 2.0);
    let (right, bottom) = (left + size.width, top + size.height);
    let corners = |points: &[Point]| {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        format!("<polygon class=\"box {}\" points=\"{}\"/>", class(look), points.join(" "))
    };
    match look {
        Look::Choice => corners(&[
            (left, y),
            (left + 14.0, top),
            (right - 14.0, top),
            (right, y),
            (right - 14.0, bottom),
            (left + 14.0, bottom),
        ]),
        Look::Human => corners(&[(left + 9.0, top), (right - 9.0, top), (right, bottom), (left, bottom)]),
        _ => {
            let round = match look {
                Look::Entry | Look::End => size.height / 2.0,
                Look::Question => 14.0,
                Look::Talk => 9.0,
                _ => 3.0,
            };
            let (width, height) = (size.width, size.height);
            format!(
                "<rect class=\"box {}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"{round:.1}\"/>",
                class(look)
            )
        }
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

/// For text and attributes of XML, which cannot hold every character either.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push('\n'),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}
