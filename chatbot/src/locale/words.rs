//! Names of months and days, and the words with which people say a date or a time, by language.
//!
//! What people write is compared after [`super::fold`], so accents and case do not matter here or there.

/// The words of one language.
pub(crate) struct Words {
    pub(crate) language: &'static str,
    /// From January.
    pub(crate) months: [&'static str; 12],
    pub(crate) short_months: [&'static str; 12],
    /// From Monday.
    pub(crate) days: [&'static str; 7],
    pub(crate) short_days: [&'static str; 7],
    /// Other forms that people write, and the number of the month, from 1.
    pub(super) more_months: &'static [(&'static str, i8)],
    /// Other forms that people write, and the number of the day, from 1 for Monday.
    pub(super) more_days: &'static [(&'static str, i8)],
    /// Phrases that are a day, and how many days it is from today.
    pub(super) phrases: &'static [(&'static str, i64)],
    /// The day of that name that comes, today included.
    pub(super) this: &'static [&'static str],
    /// The first day of that name after today.
    pub(super) next: &'static [&'static str],
    /// Words around a number of days: before it and behind it.
    pub(super) before: &'static [&'static str],
    pub(super) units: &'static [(&'static str, i64)],
    pub(super) after: &'static [&'static str],
    /// Words that mean nothing in a date or time.
    pub(super) fillers: &'static [&'static str],
    pub(super) am: &'static [&'static str],
    pub(super) pm: &'static [&'static str],
    /// Words between or behind hours, such as `Uhr`.
    pub(super) hour: &'static [&'static str],
    pub(super) noon: &'static [&'static str],
    pub(super) midnight: &'static [&'static str],
}

/// The words of a language, if we have them.
pub(crate) fn of(language: &str) -> Option<&'static Words> {
    ALL.iter().find(|words| words.language == language)
}

/// English, which everybody is understood in.
pub(super) const ENGLISH: &Words = &ALL[0];

const ALL: &[Words] = &[
    Words {
        language: "en",
        months: [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ],
        short_months: ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
        days: ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
        short_days: ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
        more_months: &[("sept", 9)],
        more_days: &[("tues", 2), ("weds", 3), ("thur", 4), ("thurs", 4)],
        phrases: &[("today", 0), ("tomorrow", 1), ("day after tomorrow", 2), ("yesterday", -1)],
        this: &["this", "coming"],
        next: &["next"],
        before: &["in"],
        units: &[("day", 1), ("days", 1), ("week", 7), ("weeks", 7)],
        after: &["from now"],
        fillers: &["the", "of", "on", "at", "st", "nd", "rd", "th"],
        am: &["am", "a.m", "a"],
        pm: &["pm", "p.m", "p"],
        hour: &["h", "o'clock", "oclock"],
        noon: &["noon", "midday"],
        midnight: &["midnight"],
    },
    Words {
        language: "de",
        months: [
            "Januar",
            "Februar",
            "März",
            "April",
            "Mai",
            "Juni",
            "Juli",
            "August",
            "September",
            "Oktober",
            "November",
            "Dezember",
        ],
        short_months: ["Jan", "Feb", "Mär", "Apr", "Mai", "Jun", "Jul", "Aug", "Sep", "Okt", "Nov", "Dez"],
        days: ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"],
        short_days: ["Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"],
        more_months: &[("janner", 1), ("jaenner", 1), ("maerz", 3), ("mrz", 3), ("sept", 9)],
        more_days: &[("sonnabend", 6)],
        phrases: &[("heute", 0), ("morgen", 1), ("ubermorgen", 2), ("uebermorgen", 2), ("gestern", -1)],
        this: &["diesen", "dieser", "kommenden", "kommender"],
        next: &["nachsten", "nachster", "naechsten", "naechster"],
        before: &["in"],
        units: &[("tag", 1), ("tagen", 1), ("woche", 7), ("wochen", 7)],
        after: &[],
        fillers: &["am", "den", "der", "dem", "um", "gegen"],
        am: &["morgens", "fruh", "vormittags"],
        pm: &["nachmittags", "abends"],
        hour: &["uhr", "h"],
        noon: &["mittag", "mittags"],
        midnight: &["mitternacht"],
    },
    Words {
        language: "es",
        months: [
            "enero",
            "febrero",
            "marzo",
            "abril",
            "mayo",
            "junio",
            "julio",
            "agosto",
            "septiembre",
            "octubre",
            "noviembre",
            "diciembre",
        ],
        short_months: ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"],
        days: ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"],
        short_days: ["lun", "mar", "mié", "jue", "vie", "sáb", "dom"],
        more_months: &[("setiembre", 9), ("sept", 9), ("set", 9)],
        more_days: &[],
        phrases: &[("hoy", 0), ("manana", 1), ("pasado manana", 2), ("ayer", -1)],
        this: &["este"],
        next: &["proximo"],
        before: &["en", "dentro de"],
        units: &[("dia", 1), ("dias", 1), ("semana", 7), ("semanas", 7)],
        after: &[],
        fillers: &["de", "del", "el", "la", "las", "a", "los", "dia", "por"],
        am: &["am", "a.m", "manana", "madrugada"],
        pm: &["pm", "p.m", "tarde", "noche"],
        hour: &["h", "horas", "hrs"],
        noon: &["mediodia"],
        midnight: &["medianoche"],
    },
    Words {
        language: "fr",
        months: [
            "janvier",
            "février",
            "mars",
            "avril",
            "mai",
            "juin",
            "juillet",
            "août",
            "septembre",
            "octobre",
            "novembre",
            "décembre",
        ],
        short_months: ["janv", "févr", "mars", "avr", "mai", "juin", "juil", "août", "sept", "oct", "nov", "déc"],
        days: ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"],
        short_days: ["lun", "mar", "mer", "jeu", "ven", "sam", "dim"],
        more_months: &[("jan", 1), ("fev", 2), ("sep", 9)],
        more_days: &[],
        phrases: &[("aujourd'hui", 0), ("aujourdhui", 0), ("demain", 1), ("apres demain", 2), ("hier", -1)],
        this: &["ce"],
        next: &["prochain"],
        before: &["dans"],
        units: &[("jour", 1), ("jours", 1), ("semaine", 7), ("semaines", 7)],
        after: &[],
        fillers: &["le", "la", "du", "de", "a", "er", "eme"],
        am: &["matin"],
        pm: &["soir", "apres midi", "l'apres midi"],
        hour: &["h", "heure", "heures"],
        noon: &["midi"],
        midnight: &["minuit"],
    },
    Words {
        language: "pt",
        months: [
            "janeiro",
            "fevereiro",
            "março",
            "abril",
            "maio",
            "junho",
            "julho",
            "agosto",
            "setembro",
            "outubro",
            "novembro",
            "dezembro",
        ],
        short_months: ["jan", "fev", "mar", "abr", "mai", "jun", "jul", "ago", "set", "out", "nov", "dez"],
        days: ["segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira", "sábado", "domingo"],
        short_days: ["seg", "ter", "qua", "qui", "sex", "sáb", "dom"],
        more_months: &[],
        more_days: &[("segunda", 1), ("terca", 2), ("quarta", 3), ("quinta", 4), ("sexta", 5)],
        phrases: &[("hoje", 0), ("amanha", 1), ("depois de amanha", 2), ("ontem", -1)],
        this: &["esta", "este", "nesta", "neste"],
        next: &["proxima", "proximo"],
        before: &["em", "daqui a"],
        units: &[("dia", 1), ("dias", 1), ("semana", 7), ("semanas", 7)],
        after: &[],
        fillers: &["de", "do", "da", "dia", "o", "a", "as", "feira", "na", "no"],
        am: &["manha", "madrugada", "am"],
        pm: &["tarde", "noite", "pm"],
        hour: &["h", "hora", "horas"],
        noon: &["meio dia"],
        midnight: &["meia noite"],
    },
    Words {
        language: "tr",
        months: [
            "Ocak", "Şubat", "Mart", "Nisan", "Mayıs", "Haziran", "Temmuz", "Ağustos", "Eylül", "Ekim", "Kasım",
            "Aralık",
        ],
        short_months: ["Oca", "Şub", "Mar", "Nis", "May", "Haz", "Tem", "Ağu", "Eyl", "Eki", "Kas", "Ara"],
        days: ["Pazartesi", "Salı", "Çarşamba", "Perşembe", "Cuma", "Cumartesi", "Pazar"],
        short_days: ["Pzt", "Sal", "Çar", "Per", "Cum", "Cmt", "Paz"],
        more_months: &[],
        more_days: &[],
        phrases: &[("bugun", 0), ("yarin", 1), ("obur gun", 2), ("yarindan sonra", 2), ("dun", -1)],
        this: &["bu"],
        next: &["gelecek", "onumuzdeki", "haftaya"],
        before: &[],
        units: &[("gun", 1), ("hafta", 7)],
        after: &["sonra"],
        fillers: &["saat", "gunu", "de", "da", "te", "ta"],
        am: &["sabah"],
        pm: &["aksam", "ogleden sonra"],
        hour: &[],
        noon: &["ogle", "oglen"],
        midnight: &["gece yarisi"],
    },
    Words {
        language: "ar",
        months: [
            "يناير",
            "فبراير",
            "مارس",
            "أبريل",
            "مايو",
            "يونيو",
            "يوليو",
            "أغسطس",
            "سبتمبر",
            "أكتوبر",
            "نوفمبر",
            "ديسمبر",
        ],
        short_months: [
            "يناير",
            "فبراير",
            "مارس",
            "أبريل",
            "مايو",
            "يونيو",
            "يوليو",
            "أغسطس",
            "سبتمبر",
            "أكتوبر",
            "نوفمبر",
            "ديسمبر",
        ],
        days: ["الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت", "الأحد"],
        short_days: ["الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت", "الأحد"],
        more_months: &[
            ("كانون الثاني", 1),
            ("شباط", 2),
            ("اذار", 3),
            ("نيسان", 4),
            ("ابريل", 4),
            ("ايار", 5),
            ("حزيران", 6),
            ("تموز", 7),
            ("يوليوز", 7),
            ("اب", 8),
            ("ايلول", 9),
            ("تشرين الاول", 10),
            ("تشرين الثاني", 11),
            ("كانون الاول", 12),
        ],
        more_days: &[("اثنين", 1), ("ثلاثاء", 2), ("اربعاء", 3), ("خميس", 4), ("جمعه", 5), ("سبت", 6), ("احد", 7)],
        phrases: &[("اليوم", 0), ("غدا", 1), ("غد", 1), ("بكره", 1), ("بعد غد", 2), ("بعد بكره", 2), ("امس", -1)],
        this: &["هذا"],
        next: &["القادم", "القادمه", "المقبل"],
        before: &["بعد"],
        units: &[("يوم", 1), ("ايام", 1), ("اسبوع", 7), ("اسابيع", 7)],
        after: &[],
        fillers: &["يوم", "في", "الساعه", "من", "شهر"],
        am: &["ص", "صباحا"],
        pm: &["م", "مساء", "ظهرا"],
        hour: &[],
        noon: &["الظهر"],
        midnight: &["منتصف الليل"],
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::locale::fold;

    #[test]
    fn within_a_language_no_name_is_two_months_or_two_days() {
        for words in ALL {
            let pairs = |names: &[&str], short: &[&str], more: &[(&str, i8)]| {
                let all = names.iter().zip(1..).chain(short.iter().zip(1..)).map(|(name, n)| (fold(name), n));
                all.chain(more.iter().map(|(name, n)| (fold(name), *n))).collect::<BTreeSet<(String, i8)>>()
            };
            for set in [
                pairs(&words.months, &words.short_months, words.more_months),
                pairs(&words.days, &words.short_days, words.more_days),
            ] {
                let names: BTreeSet<&String> = set.iter().map(|(name, _)| name).collect();
                assert_eq!(names.len(), set.len(), "{}", words.language);
            }
            let phrases = words.phrases.iter().map(|(phrase, _)| *phrase);
            let folded = [words.this, words.next, words.before, words.fillers, words.am, words.pm, words.noon];
            for word in phrases.chain(folded.into_iter().flatten().copied()) {
                assert_eq!(fold(word), word, "{} is compared after folding", words.language);
            }
        }
    }
}
