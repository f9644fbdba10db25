//! Traces in words, for people who read a journal.

use std::fmt;

use serde_json::Value;

use super::{Trace, Why};
use crate::expr::scope::rfc3339;

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trace::RunStarted { trigger, why, .. } => {
                write!(f, "a run begins by {trigger}")?;
                why.as_ref().map_or(Ok(()), |why| write!(f, " ({why})"))
            }
            Trace::RunEnded { reason, result, .. } => {
                write!(f, "the run ends: {reason}")?;
                result.as_ref().map_or(Ok(()), |result| write!(f, " with {}", short(result)))
            }
            Trace::Migrated { from, to, node, to_node, .. } => {
                write!(f, "goes on with version {} in the place of {}", head(to), head(from))?;
                if node == to_node { Ok(()) } else { write!(f, ", at {to_node} in the place of {node}") }
            }
            Trace::Entered { node, kind } => write!(f, "enters {node} ({kind})"),
            Trace::Took { node, port, to, why } => {
                write!(f, "{node}: takes {port}")?;
                match to {
                    Some(to) => write!(f, " to {to}")?,
                    None => write!(f, ", which leads nowhere")?,
                }
                why.as_ref().map_or(Ok(()), |why| write!(f, " ({why})"))
            }
            Trace::Set { name, before: Some(before), after } => {
                write!(f, "{name}: {} becomes {}", short(before), short(after))
            }
            Trace::Set { name, before: None, after } => write!(f, "{name} becomes {}", short(after)),
            Trace::Waiting { node, until_ms: Some(until_ms) } => {
                write!(f, "waits at {node}, until {} at most", rfc3339(*until_ms))
            }
            Trace::Waiting { node, until_ms: None } => write!(f, "waits at {node}"),
            Trace::Refused { node, why, tries } => write!(f, "{node}: refuses it, for {why} ({tries} so far)"),
            Trace::Skipped { node, why } => write!(f, "{node}: skips something: {why}"),
            Trace::Cut { node, title } => write!(f, "{node}: cuts a title to {title:?}"),
            Trace::Kept { until_ms } => write!(f, "waits for more texts until {}", rfc3339(*until_ms)),
            Trace::Joined { messages, text } => {
                write!(f, "reads {messages} texts as one: {}", short(&text.as_str().into()))
            }
            Trace::Called { node, method, url, orders, .. } => {
                write!(f, "{node}: calls {method} {url}")?;
                if *orders > 1 { write!(f, ", for the {orders}. time") } else { Ok(()) }
            }
            Trace::Answered { node, status: Some(status), tries, .. } => {
                write!(f, "{node}: is answered {status}, tries: {tries}")
            }
            Trace::Answered { node, status: None, tries, .. } => write!(f, "{node}: gets no answer, tries: {tries}"),
            Trace::FormAsked { node, flow, action, screen, answer, why } => {
                write!(f, "{node}: the form {flow} asks {action}")?;
                screen.as_ref().map_or(Ok(()), |screen| write!(f, " of {screen}"))?;
                write!(f, " and gets {answer}")?;
                why.as_ref().map_or(Ok(()), |why| write!(f, ", for {why}"))
            }
            Trace::HandedOver { node, queue, note } => {
                write!(f, "{node}: hands over to {}", queue.as_deref().unwrap_or("a human"))?;
                note.as_ref().map_or(Ok(()), |note| write!(f, ": {note}"))
            }
            Trace::HandedBack { node, outcome, .. } => write!(f, "{node}: a human has it no more: {outcome}"),
            Trace::Emitted { node, event, data } => write!(f, "{node}: tells of {event} {}", short(data)),
            Trace::Ignored { kind, why } => write!(f, "ignores {kind}: {why}"),
            Trace::Error { node: Some(node), message } => write!(f, "error at {node}: {message}"),
            Trace::Error { node: None, message } => write!(f, "error: {message}"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.expression)?;
        if !self.result.is_null() {
            write!(f, " is {}", short(&self.result))?;
        }
        for (at, (name, value)) in self.operands.iter().enumerate() {
            write!(f, "{} {name} = {}", if at == 0 { "; " } else { "," }.trim_end(), short(value))?;
        }
        Ok(())
    }
}

/// The beginning of a version's hash.
fn head(version: &str) -> &str {
    version.get(..12).unwrap_or(version)
}

/// A value in a line, cut where it is long.
fn short(value: &Value) -> String {
    crate::expr::clip(&value.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_decision_is_told_with_what_decided_it() {
        let trace: Trace = serde_json::from_value(json!({
            "step": "took", "node": "size", "port": "case 1", "to": "large",
            "why": { "expression": "guests >= 8", "operands": { "guests": 9 }, "result": true },
        }))
        .unwrap();
        assert_eq!(trace.to_string(), "size: takes case 1 to large (guests >= 8 is true; guests = 9)");
        let set = Trace::Set { name: "n".into(), before: Some(json!(1)), after: json!("two") };
        assert_eq!(set.to_string(), "n: 1 becomes \"two\"");
        assert_eq!(
            Trace::Waiting { node: "a".into(), until_ms: Some(0) }.to_string(),
            "waits at a, until 1970-01-01T00:00:00Z at most"
        );
    }
}
