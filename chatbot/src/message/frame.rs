//! What interactive messages have around their action: `header`, `text` and `footer`.

use super::shape::{Place, Shape};
use super::{Message, media, shaped};
use crate::bot::read::{At, Fields, Reader};
use crate::explain;
use crate::tree;

/// The keys of a frame.
pub(super) const KEYS: [&str; 3] = ["header", "text", "footer"];

/// Begins an interactive message of this type of Meta's with what its fields say around the action. A
/// header that is text, and a footer, are left out when they come out empty.
pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, kind: &'static str) -> Option<Shape> {
    read_with(reader, fields, kind, "text")
}

/// As [`read`], with the body under another key.
pub(crate) fn read_with(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    kind: &'static str,
    text_key: &str,
) -> Option<Shape> {
    let mut shape = Shape::map(&Place::of(&fields.at));
    shape.put_fixed("type", "interactive");
    shape.put_fixed("interactive.type", kind);
    if let Some(at) = fields.get("header") {
        shape.put("interactive.header", read_header(reader, &at)?);
    }
    if let Some(at) = fields.get(text_key) {
        let text = Shape::text(reader, &at)?;
        let mut body = Shape::map(&Place::of(&at));
        body.put("text", text);
        // A product needs no text; where one is needed, its absence is an error.
        shape.put("interactive.body", if kind == "product" { body.optional() } else { body });
    }
    if let Some(at) = fields.get("footer") {
        let mut footer = Shape::map(&Place::of(&at));
        footer.put("text", Shape::text(reader, &at)?);
        shape.put("interactive.footer", footer.optional());
    }
    Some(shape)
}

/// A text, or a map that names an image, video or document.
fn read_header(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Shape> {
    let mut header = Shape::map(&Place::of(at));
    if matches!(at.node.kind, tree::Kind::Map(_)) {
        let (kind, media) = media::read_named(reader, at, &["image", "video", "document"])?;
        header.put_fixed("type", kind.as_str());
        header.put(kind.as_str(), media);
        return Some(header);
    }
    header.put_fixed("type", "text");
    header.put("text", Shape::text(reader, at)?);
    Some(header.optional())
}

/// A map that names an image, video or document, for the header of a menu.
pub(crate) fn read_media_header(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Message> {
    let body = shaped(reader, at, |reader| {
        let (kind, media) = media::read_named(reader, at, &["image", "video", "document"])?;
        let caption = at.node.get(kind.as_str()).and_then(|node| node.get("caption"));
        if let Some(node) = caption {
            reader.report(explain::WRONG_VALUE, &At { node, ..at.clone() }, "media in a header has no caption");
        }
        let mut shape = Shape::map(&Place::of(at));
        shape.put_fixed("type", kind.as_str());
        shape.put(kind.as_str(), media);
        Some(shape)
    })?;
    Some(Message::of(body, at))
}
