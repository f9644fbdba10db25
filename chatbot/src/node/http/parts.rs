//! Texts of a call: every one has a value, none is longer than the caps.

use crate::bot::secrets::{Guarded, Piece};
use crate::caps;
use crate::expr::{EvalError, Template, clip, print};
use crate::http::{HttpPart, HttpText};
use crate::turn::{Fault, Walk};

/// A text without secrets.
pub(super) fn text(walk: &Walk<'_>, template: &Template) -> Result<String, Fault> {
    match template.of(walk.scope()) {
        Template::Typed(expr) => {
            let value = expr.value(walk.scope()).map_err(Fault::evaluation)?;
            if value.is_undefined() || value.is_none() {
                return Err(missing(expr.source()));
            }
            print(&value).ok_or_else(|| Fault::evaluation(EvalError::Output { text: clip(expr.source()) }))
        }
        other => other.text(&walk.bot().strict, walk.scope()).map_err(Fault::evaluation),
    }
}

/// A text with the names of secrets where their values go.
pub(super) fn guarded(walk: &Walk<'_>, name: &str, guarded: &Guarded) -> Result<HttpText, Fault> {
    let (mut parts, mut bytes) = (Vec::with_capacity(guarded.0.len()), 0);
    for piece in &guarded.0 {
        parts.push(match piece {
            Piece::Text(template) => HttpPart::Text(text(walk, template)?),
            Piece::Secret(name) => HttpPart::Secret(name.clone()),
        });
        if let Some(HttpPart::Text(text)) = parts.last() {
            bytes += text.len();
        }
    }
    within(name, bytes, caps::MAX_HTTP_TEXT)?;
    Ok(HttpText(parts))
}

pub(super) fn within(name: &str, bytes: usize, limit: usize) -> Result<(), Fault> {
    match bytes <= limit {
        true => Ok(()),
        false => Err(Fault::failed(format!("{name} would have {bytes} bytes, a call may have {limit}"))),
    }
}

pub(super) fn missing(source: &str) -> Fault {
    Fault::failed(format!("`{}` has no value, and a call needs one", clip(source)))
}
