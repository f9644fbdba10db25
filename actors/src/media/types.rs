//! Which types of files are taken.

use std::str::FromStr;

/// A list of types such as `image/jpeg`, `audio/*` or `*/*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    /// `None` is every one.
    top: Option<Box<str>>,
    sub: Option<Box<str>>,
}

/// A text that is no type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a type such as `image/jpeg`, `audio/*` or `*/*`")]
pub struct NotAType(String);

impl Allowed {
    /// Reads a list.
    pub fn parse<'a>(types: impl IntoIterator<Item = &'a str>) -> Result<Self, NotAType> {
        types.into_iter().map(str::parse).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a type, with or without parameters, is on the list.
    pub fn has(&self, mime_type: &str) -> bool {
        let Some((top, sub)) = essence(mime_type) else { return false };
        let fits = |part: &Option<Box<str>>, given: &str| part.as_deref().is_none_or(|part| part == given);
        self.0.iter().any(|pattern| fits(&pattern.top, &top) && fits(&pattern.sub, &sub))
    }
}

impl FromStr for Pattern {
    type Err = NotAType;

    fn from_str(text: &str) -> Result<Self, NotAType> {
        let part = |part: String| (part != "*").then(|| part.into());
        let (top, sub) = essence(text).ok_or_else(|| NotAType(text.to_owned()))?;
        match (part(top), part(sub)) {
            (None, Some(_)) => Err(NotAType(text.to_owned())),
            (top, sub) => Ok(Self { top, sub }),
        }
    }
}

/// Type and subtype in lower case, without parameters.
fn essence(mime_type: &str) -> Option<(String, String)> {
    let (top, sub) = bare(mime_type).split_once('/')?;
    let is_token = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+*".contains(&byte))
    };
    (is_token(top) && is_token(sub)).then(|| (top.to_ascii_lowercase(), sub.to_ascii_lowercase()))
}

/// Without parameters.
pub(super) fn bare(mime_type: &str) -> &str {
    mime_type.split(';').next().unwrap_or_default().trim()
}

/// Whether it is a type at all, so that it can stand in a header.
pub(super) fn is_type(mime_type: &str) -> bool {
    essence(mime_type).is_some() && mime_type.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// The kind of message that a type is sent as.
pub(super) fn kind(mime_type: &str) -> &'static str {
    match bare(mime_type).to_ascii_lowercase().as_str() {
        "image/webp" => "sticker",
        other if other.starts_with("image/") => "image",
        other if other.starts_with("video/") => "video",
        other if other.starts_with("audio/") => "audio",
        _ => "document",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_on_the_list_by_itself_or_by_its_family() {
        let allowed = Allowed::parse(["image/jpeg", "audio/*"]).unwrap();
        for (mime_type, is) in [
            ("image/jpeg", true),
            ("IMAGE/JPEG", true),
            ("audio/ogg; codecs=opus", true),
            ("image/svg+xml", false),
            ("text/html", false),
            ("", false),
            ("audio", false),
        ] {
            assert_eq!(allowed.has(mime_type), is, "{mime_type}");
        }
        assert!(Allowed::parse(["*/*"]).unwrap().has("application/x-sh"));
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for wrong in ["image", "*/jpeg", "", "a/b/c", "image/ jpeg"] {
            assert!(Allowed::parse([wrong]).is_err(), "{wrong}");
        }
    }
}
