//! How large a file may be, by its type.
//!
//! Meta writes MB without saying which; these are the smaller ones. Source: Meta's media page, January 2026.

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

#[cfg(test)]
mod tests {
    use super::*;

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
