//! A digraph of Graphviz.

use super::model::{Look, Mark, Model};

pub(super) fn draw(model: &Model) -> String {
    let mut out = format!("digraph \"{}\" {{\n", escaped(&model.title));
    out.push_str("  graph [rankdir=TB, nodesep=0.35, ranksep=0.45, fontname=\"Helvetica\"];\n");
    out.push_str(
        "  node [fontname=\"Helvetica\", fontsize=11, style=\"filled\", fillcolor=\"#f3f4f6\", color=\"#6b7280\"];\n",
    );
    out.push_str("  edge [fontname=\"Helvetica\", fontsize=9, color=\"#6b7280\"];\n");
    for (index, one) in model.boxes.iter().enumerate() {
        let lines: Vec<String> = [one.name.as_str(), one.kind, &one.text]
            .iter()
            .filter(|part| !part.is_empty())
            .map(|part| escaped(part))
            .collect();
        let (shape, fill) = look(one.look);
        let mark = match &one.mark {
            None => String::new(),
            Some(Mark::Unreached) => ", style=\"filled,dashed\", fontcolor=\"#9ca3af\"".to_owned(),
            Some(Mark::Finding(message)) => {
                format!(", color=\"#dc2626\", penwidth=2, tooltip=\"{}\"", escaped(&super::one_line(message)))
            }
        };
        out.push_str(&format!(
            "  n{index} [label=\"{}\", shape={shape}, fillcolor=\"{fill}\"{mark}];\n",
            lines.join("\\n")
        ));
    }
    for edge in &model.edges {
        let label =
            if edge.label.is_empty() { String::new() } else { format!(" [label=\"{}\"]", escaped(&edge.label)) };
        out.push_str(&format!("  n{} -> n{}{label};\n", edge.from, edge.to));
    }
    out.push_str("}\n");
    out
}

fn look(look: Look) -> (&'static str, &'static str) {
    match look {
        Look::Entry => ("oval", "#eef2f7"),
        Look::Talk => ("box", "#dcf8e6"),
        Look::Question => ("hexagon", "#dbeafe"),
        Look::Choice => ("diamond", "#fef3c7"),
        Look::Logic => ("box", "#f3f4f6"),
        Look::Time => ("cds", "#cffafe"),
        Look::Outside => ("component", "#ede9fe"),
        Look::Human => ("house", "#ffedd5"),
        Look::End => ("oval", "#e5e7eb"),
    }
}

/// Within quotes only quotes and backslashes mean something.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
