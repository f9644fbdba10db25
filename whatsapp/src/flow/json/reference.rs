//! References in Flow JSON: `${data.x}`, `${form.x}` and, from 4.0, `${screen.ID.data.x}` and `${screen.ID.form.x}`.

use super::field::Type;
use super::model::FlowJson;
use super::screen::{ANYTHING, FormField, Screen};
use super::version::Version;

/// What a reference leads to.
#[derive(Debug)]
pub(super) struct Target<'f> {
    pub(super) holds: &'f Type,
    /// The input, where it leads to one as a whole.
    pub(super) input: Option<&'f FormField>,
}

/// Why a reference leads nowhere.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// It is no reference at all.
    Malformed(String),
    /// This screen has no such field or input.
    Here(String),
    /// Another screen has none, is not there, or may not be named.
    There(String),
    /// The way within a field leads nowhere.
    Within(String),
}

impl Lost {
    pub(super) fn message(&self) -> &str {
        match self {
            Self::Malformed(message) | Self::Here(message) | Self::There(message) | Self::Within(message) => message,
        }
    }
}

/// The inside of a text that is one whole reference.
pub(super) fn whole(text: &str) -> Option<&str> {
    let inside = text.strip_prefix("${")?.strip_suffix('}')?;
    (!inside.contains(['{', '}', '`'])).then_some(inside)
}

/// Follows a reference from a screen; `inside` stands between the braces.
/// Errors: it leads nowhere.
pub(super) fn follow<'f>(
    inside: &str,
    screen: &'f Screen,
    flow: &'f FlowJson,
    version: Version,
) -> Result<Target<'f>, Lost> {
    let parts: Vec<&str> = inside.split('.').collect();
    if parts.iter().any(|part| part.is_empty() || part.contains(char::is_whitespace)) {
        return Err(malformed(inside));
    }
    match parts.as_slice() {
        ["data" | "form", _, ..] => local(&parts, inside, screen),
        ["screen", id, rest @ ..] if matches!(rest, ["data" | "form", _, ..]) => {
            let lost = |why: String| Err(Lost::There(format!("`${{{inside}}}` {why}")));
            if version < Version::new(4, 0) {
                return lost(format!("names another screen, which needs Flow JSON 4.0; this is {version}"));
            }
            if *id == screen.id {
                return lost(format!("names the screen that it stands on: write `${{{}}}`", rest.join(".")));
            }
            let Some(other) = flow.screen(id) else {
                return lost(format!("names the screen `{id}`, which is not there"));
            };
            local(rest, inside, other).map_err(|lost| match lost {
                Lost::Here(message) => Lost::There(message),
                other => other,
            })
        }
        _ => Err(malformed(inside)),
    }
}

fn malformed(inside: &str) -> Lost {
    Lost::Malformed(format!(
        "`${{{inside}}}` is no reference: they are `${{data.field}}`, `${{form.input}}` and `${{screen.ID.data.field}}`"
    ))
}

fn local<'f>(parts: &[&str], inside: &str, screen: &'f Screen) -> Result<Target<'f>, Lost> {
    let (name, rest) = (parts.get(1).copied().unwrap_or_default(), parts.get(2..).unwrap_or_default());
    if parts.first() == Some(&"data") {
        let Some(field) = screen.field(name) else {
            return Err(Lost::Here(format!("`${{{inside}}}`: the data of screen `{}` has no `{name}`", screen.id)));
        };
        return Ok(Target { holds: within(&field.holds, rest, inside)?, input: None });
    }
    let Some(input) = screen.input(name) else {
        return Err(Lost::Here(format!("`${{{inside}}}`: screen `{}` has no input `{name}`", screen.id)));
    };
    let input_alone = rest.is_empty().then_some(input);
    Ok(Target { holds: within(input.reads(), rest, inside)?, input: input_alone })
}

fn within<'f>(holds: &'f Type, rest: &[&str], inside: &str) -> Result<&'f Type, Lost> {
    let Some((name, rest)) = rest.split_first() else { return Ok(holds) };
    match holds {
        Type::Any => Ok(&ANYTHING),
        Type::Map(fields) if fields.is_empty() => Ok(&ANYTHING),
        Type::Map(fields) => match fields.get(*name) {
            Some(field) => within(field, rest, inside),
            None => Err(Lost::Within(format!("`${{{inside}}}`: the schema of the object has no `{name}`"))),
        },
        Type::List(_) => Err(Lost::Within(format!("`${{{inside}}}`: a reference does not lead into an array"))),
        other => Err(Lost::Within(format!("`${{{inside}}}`: `{name}` of a {} is nothing", other.name()))),
    }
}
