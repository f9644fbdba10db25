//! Reads `multipart/form-data` that is already in memory.

use bytes::Bytes;

/// Parts read at most.
const MAX_PARTS: usize = 16;

/// One part of a form.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) name: String,
    /// Present on files.
    pub(super) filename: Option<String>,
    pub(super) mime: Option<String>,
    pub(super) bytes: Bytes,
}

/// The parts of a form, or what is wrong with it.
pub(super) fn parts(content_type: Option<&str>, body: &Bytes) -> Result<Vec<Part>, String> {
    let given = content_type.unwrap_or_default();
    if !given.to_ascii_lowercase().starts_with("multipart/form-data") {
        return Err(format!("the content type is {given:?}, not multipart/form-data"));
    }
    let boundary = parameter(given, "boundary").filter(|b| (1..=70).contains(&b.len()));
    let boundary = boundary.ok_or("the content type names no boundary")?;
    let mark = format!("--{boundary}").into_bytes();
    let mut at = find(body, 0, &mark).ok_or("the body has no boundary")? + mark.len();
    let mut parts = Vec::new();
    // After a boundary comes either the end mark `--` or a part.
    while body.get(at..at + 2) == Some(b"\r\n") && parts.len() < MAX_PARTS {
        let from = at + 2;
        let head_end = find(body, from, b"\r\n\r\n").ok_or("a part has no header")?;
        let end_mark = [b"\r\n", mark.as_slice()].concat();
        let content = head_end + 4;
        // A part without content ends where its header ends.
        let end = find(body, head_end + 2, &end_mark).ok_or("a part has no end")?;
        let head = String::from_utf8_lossy(body.get(from..head_end).unwrap_or_default()).into_owned();
        parts.push(part(&head, body.slice(content.min(end)..end))?);
        at = end + end_mark.len();
    }
    if body.get(at..at + 2) == Some(b"--") { Ok(parts) } else { Err("the form has no end".into()) }
}

fn part(head: &str, bytes: Bytes) -> Result<Part, String> {
    let (mut disposition, mut mime) = (None, None);
    for line in head.split("\r\n") {
        match line.split_once(':').map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim())) {
            Some((name, value)) if name == "content-disposition" => disposition = Some(value),
            Some((name, value)) if name == "content-type" => mime = Some(value.to_owned()),
            _ => {}
        }
    }
    let disposition = disposition.ok_or("a part has no Content-Disposition")?;
    let name = parameter(disposition, "name").ok_or("a part has no name")?;
    Ok(Part { name, filename: parameter(disposition, "filename"), mime, bytes })
}

/// A parameter of a header value, quoted or not.
fn parameter(value: &str, wanted: &str) -> Option<String> {
    value.split(';').skip(1).find_map(|piece| {
        let (name, value) = piece.split_once('=')?;
        let value = value.trim();
        let bare = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
        name.trim().eq_ignore_ascii_case(wanted).then(|| bare.to_owned())
    })
}

fn find(body: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    let (first, rest) = (*what.first()?, body.get(from..)?);
    let mut at = 0;
    loop {
        at += rest.get(at..)?.iter().position(|b| *b == first)?;
        if rest.get(at..).is_some_and(|r| r.starts_with(what)) {
            return Some(from + at);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Option<&str> = Some("multipart/form-data; boundary=\"XY\"");

    #[test]
    fn parts_are_read_with_their_bytes_as_they_are() {
        let body = "--XY\r\nContent-Disposition: form-data; name=\"messaging_product\"\r\n\r\nwhatsapp\r\n--XY\r\n\
                    Content-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n\
                    \r\n--X\0-\r\n\r\n--XY\r\ncontent-disposition: form-data; name=empty\r\n\r\n\r\n--XY--\r\n";
        let parts = parts(KIND, &Bytes::from(body)).unwrap();
        let seen: Vec<_> = parts.iter().map(|p| (p.name.as_str(), p.mime.as_deref(), &*p.bytes)).collect();
        assert_eq!(
            seen,
            [
                ("messaging_product", None, &b"whatsapp"[..]),
                ("file", Some("image/png"), b"\r\n--X\0-\r\n"),
                ("empty", None, b""),
            ]
        );
        assert_eq!(parts[1].filename.as_deref(), Some("a.png"));
    }

    #[test]
    fn a_broken_form_says_what_is_broken() {
        for (kind, body, says) in [
            (None, "", "not multipart"),
            (Some("application/json"), "{}", "not multipart"),
            (Some("multipart/form-data"), "", "no boundary"),
            (KIND, "hello", "no boundary"),
            (KIND, "--XY", "no end"),
            (KIND, "--XY\r\nContent-Disposition: form-data; name=\"a\"\r\n", "no header"),
            (KIND, "--XY\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx", "has no end"),
            (KIND, "--XY\r\nX: y\r\n\r\nx\r\n--XY--", "Content-Disposition"),
            (KIND, "--XY\r\nContent-Disposition: form-data\r\n\r\nx\r\n--XY--", "no name"),
            (KIND, "--XY\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--XY", "form has no end"),
        ] {
            let error = parts(kind, &Bytes::from(body)).unwrap_err();
            assert!(error.contains(says), "{body:?}: {error}");
        }
    }
}
