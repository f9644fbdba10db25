//! How people write: the language and region of a person, and what they mean for dates, times, numbers and
//! telephone numbers. Tables, no guessing: where two readings are possible both are given, and the caller decides.

pub(crate) mod address;
pub(crate) mod countries;
pub(crate) mod dates;
pub(crate) mod number;
pub(crate) mod phone;
pub(crate) mod times;
pub(crate) mod words;

use words::Words;

/// The language of a person, and where they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Locale {
    /// In lower case: `en`.
    pub(crate) language: String,
    /// Of the language tag, in upper case: `GB`.
    pub(crate) region: Option<String>,
    /// By the person's number, where the tag names no region.
    pub(crate) country: Option<&'static str>,
}

/// In which order the parts of a date stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    DayFirst,
    MonthFirst,
    /// People there write both.
    Either,
}

/// Where the month comes first.
const MONTH_FIRST: &[&str] = &["US", "PH", "PR", "GU", "AS", "VI", "MP", "FM", "MH", "PW"];
/// Where both orders are usual.
const EITHER: &[&str] = &["CA"];
/// Languages whose order of parts is year, month, day: without a year the month comes first.
const MONTH_FIRST_LANGUAGES: &[&str] = &["zh", "ja", "ko", "hu", "mn", "lt"];
/// Where people say 2:30 for half past two in the afternoon.
const TWELVE_HOURS: &[&str] = &[
    "US", "CA", "AU", "NZ", "PH", "IN", "PK", "BD", "EG", "SA", "AE", "JO", "KW", "QA", "BH", "OM", "IQ", "LB", "SY",
    "YE", "SD", "LY", "MX", "CO", "PR", "MY",
];
/// Languages that say so, in some of the places where they are spoken.
const TWELVE_HOUR_LANGUAGES: &[&str] = &["en", "ar", "hi", "ur", "bn", "es"];

impl Locale {
    /// `en-GB`, `de`, `pt_BR`, `zh-Hant-TW`.
    pub(crate) fn parse(tag: &str) -> Self {
        let mut parts = tag.trim().split(['-', '_']);
        let language = parts.next().unwrap_or_default().to_lowercase();
        let region = parts.find(|part| part.len() == 2 && part.chars().all(|c| c.is_ascii_alphabetic()));
        Self { language, region: region.map(str::to_uppercase), country: None }
    }

    /// The locale of a person: their language, else that of the bot, whose region also counts if it is the same
    /// language; `number` is theirs, of which the country is the region where no tag says it.
    pub(crate) fn of(language: Option<&str>, bot: &str, number: Option<&str>) -> Self {
        let bot = Self::parse(bot);
        let mut own = language.map(Self::parse).filter(|own| !own.language.is_empty()).unwrap_or_else(|| bot.clone());
        if own.region.is_none() && own.language == bot.language {
            own.region = bot.region;
        }
        own.country = number.and_then(countries::of_number);
        own
    }

    /// Where the person is, as far as it is known.
    pub(crate) fn place(&self) -> Option<&str> {
        self.region.as_deref().or(self.country)
    }

    pub(crate) fn order(&self) -> Order {
        let english = ["en", "fil", "tl", ""].contains(&self.language.as_str());
        match self.place() {
            _ if MONTH_FIRST_LANGUAGES.contains(&self.language.as_str()) => Order::MonthFirst,
            _ if self.region.as_deref().is_some_and(|region| EITHER.contains(&region)) => Order::Either,
            // Whoever writes another language there writes its order.
            _ if !english => Order::DayFirst,
            Some(place) if MONTH_FIRST.contains(&place) => Order::MonthFirst,
            Some(place) if !EITHER.contains(&place) => Order::DayFirst,
            _ => Order::Either,
        }
    }

    /// Whether `2:30` may be in the afternoon.
    pub(crate) fn has_twelve_hours(&self) -> bool {
        let by_language = TWELVE_HOUR_LANGUAGES.contains(&self.language.as_str());
        match (&self.region, self.country) {
            (Some(region), _) => TWELVE_HOURS.contains(&region.as_str()),
            (None, Some(country)) => by_language && TWELVE_HOURS.contains(&country),
            (None, None) => by_language && self.language != "es",
        }
    }

    /// Whether commas group thousands and a point begins decimals.
    pub(crate) fn groups_with_comma(&self) -> bool {
        let region = self.region.as_deref();
        match self.language.as_str() {
            "es" => region
                .is_some_and(|region| ["MX", "US", "PR", "GT", "HN", "NI", "PA", "SV", "DO", "PE"].contains(&region)),
            "de" | "it" | "fr" => region.is_some_and(|region| ["CH", "LI"].contains(&region)),
            "ar" => !region.is_some_and(|region| ["MA", "DZ", "TN", "LY", "MR"].contains(&region)),
            language => matches!(language, "" | "en" | "zh" | "ja" | "ko" | "th" | "hi" | "ur" | "he" | "bn"),
        }
    }

    /// The words of the person's language, then English ones.
    pub(crate) fn words(&self) -> impl Iterator<Item = &'static Words> {
        let own = words::of(&self.language).filter(|own| own.language != "en");
        own.into_iter().chain([words::ENGLISH])
    }
}

/// Text as words are compared: lower case, without accents, digits of every script as ours.
pub(crate) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if let Some(digit) = digit(c) {
            out.push(digit);
            continue;
        }
        match c {
            'İ' | 'I' | 'ı' => out.push('i'),
            '’' | '‘' | 'ʼ' | '`' => out.push('\''),
            'ß' => out.push_str("ss"),
            // Marks that stand over letters, joiners and marks of direction.
            '\u{300}'..='\u{36F}' | '\u{64B}'..='\u{652}' | 'ـ' | '\u{200B}'..='\u{200F}' | '\u{2066}'..='\u{2069}' => {
            }
            _ => out.extend(c.to_lowercase().filter(|c| !('\u{300}'..='\u{36F}').contains(c)).map(plain)),
        }
    }
    out
}

/// A letter without what stands over or under it.
fn plain(c: char) -> char {
    match c {
        'à'..='å' | 'ā' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'è'..='ë' | 'ē' => 'e',
        'ğ' => 'g',
        'ì'..='ï' => 'i',
        'ñ' => 'n',
        'ò'..='ö' => 'o',
        'ş' | 'š' => 's',
        'ù'..='ü' => 'u',
        'ý' => 'y',
        'أ' | 'إ' | 'آ' => 'ا',
        'ى' => 'ي',
        'ة' => 'ه',
        'ؤ' => 'و',
        other => other,
    }
}

/// Blocks of ten digits in scripts that WhatsApp users write.
pub(crate) fn digit(c: char) -> Option<char> {
    const ZEROS: [u32; 9] = [0x30, 0x660, 0x6F0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xE50, 0xFF10];
    let zero = ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&u32::from(c)))?;
    char::from_digit(u32::from(c) - zero, 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_day_and_month_is_that_of_the_region() {
        for (language, bot, number, order) in [
            (None, "en-GB", None, Order::DayFirst),
            (None, "en-US", None, Order::MonthFirst),
            (None, "en", None, Order::Either),
            (None, "en-CA", None, Order::Either),
            (None, "en", Some("447700900123"), Order::DayFirst),
            (None, "en", Some("15550100001"), Order::MonthFirst),
            (Some("en"), "en-GB", Some("15550100001"), Order::DayFirst),
            (Some("de"), "en-US", None, Order::DayFirst),
            (Some("tr"), "en", None, Order::DayFirst),
            (Some("es-US"), "es", None, Order::DayFirst),
            (Some("de"), "en-US", Some("15550100001"), Order::DayFirst),
            (Some("ja"), "en", None, Order::MonthFirst),
        ] {
            let locale = Locale::of(language, bot, number);
            assert_eq!(locale.order(), order, "{language:?} {bot} {number:?}");
        }
    }

    #[test]
    fn text_is_folded_to_plain_letters_and_digits() {
        for (text, folded) in [
            ("MÄRZ", "marz"),
            ("Şubat İkİ", "subat iki"),
            ("Kasım", "kasim"),
            ("miércoles", "miercoles"),
            ("٣ أبريل ٢٠٢٦", "3 ابريل 2026"),
            ("Straße", "strasse"),
            ("e\u{301}te\u{301}", "ete"),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
    }
}
