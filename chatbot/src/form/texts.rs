//! What forms say by themselves: that a form is over, and that something did not work. Texts of `i18n` under
//! `form_expired` and `form_failed` stand before these.

use std::collections::BTreeMap;

use crate::bot::read::{At, Reader};
use crate::expr::Template;
use crate::texts;
use crate::tree::{Kind, Node};
use crate::turn::Walk;

/// The key of `i18n` for a form whose token opens nothing any more.
const EXPIRED: &str = "form_expired";
/// The key of `i18n` for what did not work.
const FAILED: &str = "form_failed";

/// A language, and both texts in it.
const TEXTS: &[(&str, &str, &str)] = &[
    ("en", "This form is no longer open. Please go back to the chat.", "That did not work. Please try again."),
    (
        "de",
        "Dieses Formular ist nicht mehr offen. Bitte gehen Sie zurück in den Chat.",
        "Das hat nicht geklappt. Bitte versuchen Sie es noch einmal.",
    ),
    (
        "es",
        "Este formulario ya no está abierto. Vuelve al chat, por favor.",
        "No ha funcionado. Inténtalo de nuevo, por favor.",
    ),
    (
        "fr",
        "Ce formulaire n’est plus ouvert. Veuillez revenir à la discussion.",
        "Cela n’a pas fonctionné. Veuillez réessayer.",
    ),
    ("it", "Questo modulo non è più aperto. Torna alla chat, per favore.", "Non ha funzionato. Riprova, per favore."),
    (
        "pt",
        "Este formulário já não está aberto. Por favor, volte à conversa.",
        "Não funcionou. Por favor, tente outra vez.",
    ),
    ("nl", "Dit formulier is niet meer open. Ga terug naar de chat.", "Dat is niet gelukt. Probeer het nog eens."),
    ("tr", "Bu form artık açık değil. Lütfen sohbete dönün.", "Olmadı. Lütfen tekrar deneyin."),
    ("id", "Formulir ini sudah tidak terbuka. Silakan kembali ke obrolan.", "Tidak berhasil. Silakan coba lagi."),
    ("ar", "لم يعد هذا النموذج مفتوحا. يرجى العودة إلى المحادثة.", "لم ينجح ذلك. يرجى المحاولة مرة أخرى."),
    ("hi", "यह फ़ॉर्म अब खुला नहीं है। कृपया चैट पर वापस जाएँ।", "यह नहीं हो पाया। कृपया फिर से कोशिश करें।"),
];

/// What a person reads whose form is over, in a language such as `en` or `pt_BR`; English where there is none.
pub fn dead_form(language: &str) -> &'static str {
    of(language).unwrap_or(&TEXTS[0]).1
}

fn of(language: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    let by_language: BTreeMap<String, &'static (&'static str, &'static str, &'static str)> =
        TEXTS.iter().map(|row| (row.0.to_owned(), row)).collect();
    texts::choose(&by_language, language).copied()
}

/// The texts of a bot, where it has its own.
#[derive(Default)]
pub(crate) struct FormTexts {
    expired: Option<Template>,
    failed: Option<Template>,
}

impl FormTexts {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        Self { expired: read_one(reader, EXPIRED), failed: read_one(reader, FAILED) }
    }

    pub(super) fn expired(&self, walk: &Walk<'_>) -> String {
        said(walk, self.expired.as_ref(), |row| row.1)
    }

    pub(super) fn failed(&self, walk: &Walk<'_>) -> String {
        said(walk, self.failed.as_ref(), |row| row.2)
    }
}

fn read_one(reader: &mut Reader<'_>, key: &str) -> Option<Template> {
    let place = reader.texts_at.get(key).cloned()?;
    let node = Node { kind: Kind::Text(format!("{{{{ t('{key}') }}}}")), span: place.span };
    reader.template(&At { node: &node, pointer: place.pointer })
}

fn said(
    walk: &Walk<'_>,
    own: Option<&Template>,
    ours: impl Fn(&'static (&'static str, &'static str, &'static str)) -> &'static str,
) -> String {
    let own = own.and_then(|text| walk.text(text).ok()).filter(|text| !text.trim().is_empty());
    own.unwrap_or_else(|| {
        let asked = walk.scope().language().and_then(|language| of(&language));
        ours(asked.or_else(|| of(walk.bot().locale())).unwrap_or(&TEXTS[0])).to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_that_is_over_says_so_in_the_language_or_in_english() {
        assert!(dead_form("de_AT").starts_with("Dieses Formular"));
        assert!(dead_form("PT-br").starts_with("Este formulário"));
        assert!(dead_form("xx").starts_with("This form"));
        assert!(dead_form("").starts_with("This form"));
    }
}
