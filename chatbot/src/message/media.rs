//! Images, videos, sounds, documents and stickers: by `id`, by `link`, or by `file` beside the bot file.

use whatsapp::limits;
use whatsapp::message::MediaKind;

use super::shape::{Place, Shape};
use crate::bot::read::{At, Fields, Reader};
use crate::explain;

const SOURCES: [&str; 3] = ["id", "link", "file"];

/// Reads `{id|link|file, caption, filename, voice}` as what Meta wants under the kind's name. Which of the
/// others a kind takes is left to Meta's limits.
pub(super) fn read(reader: &mut Reader<'_>, at: &At<'_>, kind: MediaKind) -> Option<Shape> {
    let before = reader.error_count();
    let fields = reader.fields(at, &["id", "link", "file", "caption", "filename", "voice"])?;
    if reader.error_count() > before {
        return None;
    }
    let mut shape = Shape::map(&Place::of(at));
    read_source(reader, &fields, kind, &mut shape)?;
    if let Some(caption) = fields.get("caption") {
        shape.put("caption", Shape::text(reader, &caption)?.optional());
    }
    if let Some(filename) = fields.get("filename") {
        shape.put("filename", Shape::text(reader, &filename)?.optional());
    }
    if let Some(voice) = fields.get("voice") {
        let flag = reader.flag(&voice)?;
        if flag || kind != MediaKind::Audio {
            shape.put("voice", Shape::fixed(flag, &Place::of(&voice)));
        }
    }
    Some(shape)
}

fn read_source(reader: &mut Reader<'_>, fields: &Fields<'_>, kind: MediaKind, shape: &mut Shape) -> Option<()> {
    let given: Vec<&str> = SOURCES.into_iter().filter(|key| fields.get(key).is_some()).collect();
    let [source] = given.as_slice() else {
        let message = "media is given by exactly one of `id`, `link` and `file`";
        reader.report(explain::WRONG_VALUE, &fields.at, message);
        return None;
    };
    let at = fields.get(source)?;
    match *source {
        "file" => {
            let path = reader.text(&at)?;
            check_file(reader, &at, &path, kind)?;
            if kind == MediaKind::Document && fields.get("filename").is_none() {
                shape.put_fixed("filename", path.rsplit('/').next().unwrap_or_default());
            }
            shape.put("id", Shape::file(path.clone(), &Place::of(&at)));
            reader.files.insert(path);
        }
        "id" => shape.put("id", Shape::text(reader, &at)?),
        _ => shape.put("link", Shape::text(reader, &at)?),
    }
    Some(())
}

/// A path below the folder of the bot file, of a type that WhatsApp takes for this kind.
fn check_file(reader: &mut Reader<'_>, at: &At<'_>, path: &str, kind: MediaKind) -> Option<()> {
    let plain = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains([':', '\\', '\0']);
    if !path.split('/').all(plain) {
        let message = format!("`{path}` is not a path below the folder of the bot file");
        reader.report(explain::FILE, at, message).help =
            Some("write it with `/`, without `..` and without a leading `/`".to_owned());
        return None;
    }
    let fits = limits::mime_type(path).is_some_and(|mime| limits::takes(kind, mime));
    if !fits {
        let message = format!("WhatsApp does not take `{path}` as {}", kind.as_str());
        let help = format!("it takes files that end in {}", limits::extensions(kind).join(", "));
        reader.report(explain::FILE, at, message).help = Some(help);
        return None;
    }
    Some(())
}

/// Reads a map with one key that names a kind of media: `{image: {…}}`. Gives the kind, too.
pub(super) fn read_named(reader: &mut Reader<'_>, at: &At<'_>, kinds: &[&'static str]) -> Option<(MediaKind, Shape)> {
    let before = reader.error_count();
    let fields = reader.fields(at, kinds)?;
    if reader.error_count() > before {
        return None;
    }
    let named: Vec<&&str> = kinds.iter().filter(|kind| fields.get(kind).is_some()).collect();
    let [name] = named.as_slice() else {
        reader.report(explain::WRONG_VALUE, at, format!("expected one of {}", crate::bot::read::list(kinds)));
        return None;
    };
    let kind = MediaKind::from_name(name)?;
    let value = fields.get(name)?;
    Some((kind, read(reader, &value, kind)?))
}
