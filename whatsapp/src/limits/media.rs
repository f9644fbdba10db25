//! How large a file may be, by its type.
//!
//! Meta writes MB without saying which; these are the smaller ones. Source: Meta's media page, January 2026.

use crate::message::MediaKind;

const MB: u64 = 1_000_000;

/// Bytes of an image.
pub const IMAGE_BYTES: u64 = 5 * MB;
/// Bytes of a sound or a film.
pub const AUDIO_VIDEO_BYTES: u64 = 16 * MB;
/// Bytes of a document.
pub const DOCUMENT_BYTES: u64 = 100 * MB;
/// Bytes of a sticker that moves; one that does not may have a fifth of it, which its type does not tell.
pub const STICKER_BYTES: u64 = 500_000;

/// The largest file of a media type, without parameters; `None` when Meta's page does not name the type.
pub fn media_bytes(mime_type: &str) -> Option<u64> {
    match mime_type {
        "image/jpeg" | "image/png" => Some(IMAGE_BYTES),
        "image/webp" => Some(STICKER_BYTES),
        "audio/aac" | "audio/amr" | "audio/mpeg" | "audio/mp4" | "audio/ogg" | "video/mp4" | "video/3gpp" => {
            Some(AUDIO_VIDEO_BYTES)
        }
        "text/plain"
        | "application/pdf"
        | "application/msword"
        | "application/vnd.ms-excel"
        | "application/vnd.ms-powerpoint" => Some(DOCUMENT_BYTES),
        other if other.starts_with("application/vnd.openxmlformats-officedocument.") => Some(DOCUMENT_BYTES),
        _ => None,
    }
}

/// File extensions, the media type that each stands for, and the kind of message that takes it.
const FILES: &[(&str, &str, MediaKind)] = &[
    ("jpg", "image/jpeg", MediaKind::Image),
    ("jpeg", "image/jpeg", MediaKind::Image),
    ("png", "image/png", MediaKind::Image),
    ("webp", "image/webp", MediaKind::Sticker),
    ("aac", "audio/aac", MediaKind::Audio),
    ("amr", "audio/amr", MediaKind::Audio),
    ("mp3", "audio/mpeg", MediaKind::Audio),
    ("m4a", "audio/mp4", MediaKind::Audio),
    ("ogg", "audio/ogg", MediaKind::Audio),
    ("opus", "audio/ogg", MediaKind::Audio),
    ("mp4", "video/mp4", MediaKind::Video),
    ("3gp", "video/3gpp", MediaKind::Video),
    ("txt", "text/plain", MediaKind::Document),
    ("pdf", "application/pdf", MediaKind::Document),
    ("doc", "application/msword", MediaKind::Document),
    ("xls", "application/vnd.ms-excel", MediaKind::Document),
    ("ppt", "application/vnd.ms-powerpoint", MediaKind::Document),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", MediaKind::Document),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", MediaKind::Document),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation", MediaKind::Document),
];

/// The media type of a file by its extension; `None` when Meta's page does not name one for it.
pub fn mime_type(path: &str) -> Option<&'static str> {
    let extension = path.rsplit('/').next()?.rsplit_once('.')?.1.to_ascii_lowercase();
    FILES.iter().find(|(name, ..)| *name == extension).map(|(_, mime, _)| *mime)
}

/// Whether a message of this kind takes files of a media type.
pub fn takes(kind: MediaKind, mime_type: &str) -> bool {
    FILES.iter().any(|(_, mime, of)| *of == kind && *mime == mime_type)
}

/// The extensions of the files that a message of this kind takes.
pub fn extensions(kind: MediaKind) -> Vec<&'static str> {
    FILES.iter().filter(|(.., of)| *of == kind).map(|(name, ..)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_extension() {
        assert_eq!(mime_type("menu/March.PDF"), Some("application/pdf"));
        assert_eq!((mime_type("a.zip"), mime_type("a.b/png")), (None, None));
        assert!(takes(MediaKind::Image, "image/png") && !takes(MediaKind::Image, "image/webp"));
        for (name, mime, kind) in FILES {
            assert!(media_bytes(mime).is_some(), "{mime}");
            assert!(extensions(*kind).contains(name));
        }
    }

    #[test]
    fn every_named_type_has_its_size() {
        let rows = [
            ("image/png", Some(5_000_000)),
            ("image/webp", Some(500_000)),
            ("audio/ogg", Some(16_000_000)),
            ("video/mp4", Some(16_000_000)),
            ("application/pdf", Some(100_000_000)),
            ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", Some(100_000_000)),
            ("application/zip", None),
        ];
        for (mime_type, bytes) in rows {
            assert_eq!(media_bytes(mime_type), bytes, "{mime_type}");
        }
    }
}
