//! Languages of three letters as WhatsApp and our bots write them.

/// ISO 639-3 and 639-1 of the languages that flows are mostly written in.
const LANGUAGES: &[(&str, &str)] = &[
    ("afr", "af"),
    ("amh", "am"),
    ("ara", "ar"),
    ("asm", "as"),
    ("aze", "az"),
    ("ben", "bn"),
    ("bul", "bg"),
    ("ces", "cs"),
    ("dan", "da"),
    ("deu", "de"),
    ("ell", "el"),
    ("eng", "en"),
    ("est", "et"),
    ("fas", "fa"),
    ("fil", "fil"),
    ("fin", "fi"),
    ("fra", "fr"),
    ("guj", "gu"),
    ("hau", "ha"),
    ("heb", "he"),
    ("hin", "hi"),
    ("hrv", "hr"),
    ("hun", "hu"),
    ("ind", "id"),
    ("ita", "it"),
    ("jpn", "ja"),
    ("kan", "kn"),
    ("kin", "rw"),
    ("khm", "km"),
    ("kor", "ko"),
    ("lao", "lo"),
    ("lit", "lt"),
    ("mal", "ml"),
    ("mar", "mr"),
    ("msa", "ms"),
    ("mya", "my"),
    ("nep", "ne"),
    ("nld", "nl"),
    ("nob", "nb"),
    ("nor", "nb"),
    ("nya", "ny"),
    ("ori", "or"),
    ("pan", "pa"),
    ("pol", "pl"),
    ("por", "pt"),
    ("pus", "ps"),
    ("ron", "ro"),
    ("run", "rn"),
    ("rus", "ru"),
    ("sin", "si"),
    ("slk", "sk"),
    ("slv", "sl"),
    ("som", "so"),
    ("spa", "es"),
    ("sqi", "sq"),
    ("srp", "sr"),
    ("swa", "sw"),
    ("swe", "sv"),
    ("tam", "ta"),
    ("tel", "te"),
    ("tha", "th"),
    ("tgl", "tl"),
    ("tur", "tr"),
    ("ukr", "uk"),
    ("urd", "ur"),
    ("uzb", "uz"),
    ("vie", "vi"),
    ("xho", "xh"),
    ("yor", "yo"),
    ("zho", "zh"),
    ("zul", "zu"),
];

/// The language as our bots call it; what is undetermined is English.
pub(super) fn ours(language: &str) -> String {
    let lower = language.trim().to_lowercase();
    if let Some((_, short)) = LANGUAGES.iter().find(|(long, _)| *long == lower) {
        return (*short).to_owned();
    }
    let shaped = (2..=3).contains(&lower.chars().count()) && lower.chars().all(|c| c.is_ascii_lowercase());
    let region = lower.split_once(['_', '-']).is_some_and(|(base, _)| (2..=3).contains(&base.chars().count()));
    let plain = lower.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    match lower.as_str() {
        "und" | "mul" | "zxx" => "en".to_owned(),
        _ if shaped || (region && plain) => lower.replace('-', "_"),
        _ => "en".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_called_as_whatsapp_calls_them() {
        for (language, expected) in [
            ("eng", "en"),
            ("spa", "es"),
            ("hi", "hi"),
            ("pt-BR", "pt_br"),
            ("base", "en"),
            ("und", "en"),
            ("xyz", "xyz"),
            ("", "en"),
        ] {
            assert_eq!(ours(language), expected, "{language}");
        }
    }
}
