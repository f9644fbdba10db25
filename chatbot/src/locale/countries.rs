//! Calling codes: which country a telephone number belongs to, and how long its numbers are.
//!
//! Lengths are those of the national number without the prefix of the trunk, after the numbering plans of the ITU;
//! where a plan is wide they are generous. They tell a slip from a number, not a number that exists.

/// A country by its calling code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Country {
    pub(crate) code: &'static str,
    /// What stands in front of a national number within the country, and is not part of it.
    pub(crate) trunk: &'static str,
    /// Digits of a national number.
    pub(crate) shortest: usize,
    pub(crate) longest: usize,
    pub(crate) calling: &'static str,
}

const fn row(
    code: &'static str,
    calling: &'static str,
    trunk: &'static str,
    shortest: usize,
    longest: usize,
) -> Country {
    Country { code, trunk, shortest, longest, calling }
}

/// Area codes of +1 that are not in the United States, by country.
const NORTH_AMERICA: &[(&str, &[&str])] = &[
    (
        "CA",
        &[
            "204", "226", "236", "249", "250", "257", "263", "289", "306", "343", "354", "365", "367", "368", "382",
            "387", "403", "416", "418", "428", "431", "437", "438", "450", "460", "468", "474", "506", "514", "519",
            "537", "548", "579", "581", "584", "587", "604", "613", "639", "647", "672", "683", "705", "709", "742",
            "753", "778", "780", "782", "807", "819", "825", "867", "873", "879", "902", "905",
        ],
    ),
    ("DO", &["809", "829", "849"]),
    ("JM", &["658", "876"]),
    ("TT", &["868"]),
    ("BS", &["242"]),
    ("BB", &["246"]),
    ("BM", &["441"]),
    ("LC", &["758"]),
    ("GD", &["473"]),
    ("DM", &["767"]),
    ("KN", &["869"]),
    ("VC", &["784"]),
    ("AG", &["268"]),
    ("KY", &["345"]),
    ("TC", &["649"]),
    ("VG", &["284"]),
    ("PR", &["787", "939"]),
];

/// The country with this code, such as `GB`.
pub(crate) fn find(code: &str) -> Option<&'static Country> {
    let shared = NORTH_AMERICA.iter().any(|(other, _)| *other == code);
    let code = if shared { "US" } else { code };
    ALL.iter().find(|country| country.code == code)
}

/// The country of an international number, whose digits begin with the calling code. The first of those that share one.
pub(crate) fn by_digits(digits: &str) -> Option<&'static Country> {
    (1..=3).rev().find_map(|len| {
        let calling = digits.get(..len)?;
        ALL.iter().find(|country| country.calling == calling)
    })
}

/// The code of the country of an international number.
pub(crate) fn of_number(number: &str) -> Option<&'static str> {
    let digits = number.trim_start_matches('+');
    let country = by_digits(digits)?;
    let area = digits.get(1..4).filter(|_| country.calling == "1");
    let shared = area.and_then(|area| NORTH_AMERICA.iter().find(|(_, areas)| areas.contains(&area)));
    Some(shared.map_or(country.code, |(code, _)| code))
}

/// Of countries that share a calling code the largest stands first.
const ALL: &[Country] = &[
    row("US", "1", "1", 10, 10),
    row("RU", "7", "8", 10, 10),
    row("KZ", "7", "8", 10, 10),
    row("EG", "20", "0", 7, 10),
    row("ZA", "27", "0", 9, 9),
    row("GR", "30", "", 10, 10),
    row("NL", "31", "0", 9, 9),
    row("BE", "32", "0", 8, 9),
    row("FR", "33", "0", 9, 9),
    row("ES", "34", "", 9, 9),
    row("HU", "36", "06", 8, 9),
    row("IT", "39", "", 6, 11),
    row("RO", "40", "0", 9, 9),
    row("CH", "41", "0", 9, 9),
    row("AT", "43", "0", 4, 13),
    row("GB", "44", "0", 9, 10),
    row("DK", "45", "", 8, 8),
    row("SE", "46", "0", 7, 9),
    row("NO", "47", "", 8, 8),
    row("PL", "48", "", 9, 9),
    row("DE", "49", "0", 5, 11),
    row("PE", "51", "0", 8, 9),
    row("MX", "52", "", 10, 10),
    row("CU", "53", "0", 6, 8),
    row("AR", "54", "0", 10, 11),
    row("BR", "55", "0", 10, 11),
    row("CL", "56", "", 9, 9),
    row("CO", "57", "", 8, 10),
    row("VE", "58", "0", 10, 10),
    row("MY", "60", "0", 8, 10),
    row("AU", "61", "0", 9, 9),
    row("ID", "62", "0", 8, 12),
    row("PH", "63", "0", 8, 10),
    row("NZ", "64", "0", 8, 10),
    row("SG", "65", "", 8, 8),
    row("TH", "66", "0", 8, 9),
    row("JP", "81", "0", 9, 10),
    row("KR", "82", "0", 8, 10),
    row("VN", "84", "0", 9, 10),
    row("CN", "86", "0", 10, 11),
    row("TR", "90", "0", 10, 10),
    row("IN", "91", "0", 10, 10),
    row("PK", "92", "0", 9, 10),
    row("AF", "93", "0", 9, 9),
    row("LK", "94", "0", 9, 9),
    row("MM", "95", "0", 7, 10),
    row("IR", "98", "0", 10, 10),
    row("SS", "211", "0", 9, 9),
    row("MA", "212", "0", 9, 9),
    row("DZ", "213", "0", 8, 9),
    row("TN", "216", "", 8, 8),
    row("LY", "218", "0", 8, 9),
    row("GM", "220", "", 7, 7),
    row("SN", "221", "", 9, 9),
    row("MR", "222", "", 8, 8),
    row("ML", "223", "", 8, 8),
    row("GN", "224", "", 8, 9),
    row("CI", "225", "", 10, 10),
    row("BF", "226", "", 8, 8),
    row("NE", "227", "", 8, 8),
    row("TG", "228", "", 8, 8),
    row("BJ", "229", "", 8, 10),
    row("MU", "230", "", 7, 8),
    row("LR", "231", "0", 7, 9),
    row("SL", "232", "0", 8, 8),
    row("GH", "233", "0", 9, 9),
    row("NG", "234", "0", 7, 10),
    row("TD", "235", "", 8, 8),
    row("CF", "236", "", 8, 8),
    row("CM", "237", "", 9, 9),
    row("CV", "238", "", 7, 7),
    row("ST", "239", "", 7, 7),
    row("GQ", "240", "", 9, 9),
    row("GA", "241", "0", 7, 8),
    row("CG", "242", "", 9, 9),
    row("CD", "243", "0", 7, 9),
    row("AO", "244", "", 9, 9),
    row("GW", "245", "", 7, 9),
    row("IO", "246", "", 7, 7),
    row("SC", "248", "", 7, 7),
    row("SD", "249", "0", 9, 9),
    row("RW", "250", "0", 9, 9),
    row("ET", "251", "0", 9, 9),
    row("SO", "252", "0", 7, 9),
    row("DJ", "253", "", 8, 8),
    row("KE", "254", "0", 9, 9),
    row("TZ", "255", "0", 9, 9),
    row("UG", "256", "0", 9, 9),
    row("BI", "257", "", 8, 8),
    row("MZ", "258", "", 8, 9),
    row("ZM", "260", "0", 9, 9),
    row("MG", "261", "0", 9, 9),
    row("RE", "262", "0", 9, 9),
    row("ZW", "263", "0", 8, 9),
    row("NA", "264", "0", 8, 9),
    row("MW", "265", "0", 7, 9),
    row("LS", "266", "", 8, 8),
    row("BW", "267", "", 7, 8),
    row("SZ", "268", "", 8, 8),
    row("KM", "269", "", 7, 7),
    row("SH", "290", "", 4, 5),
    row("ER", "291", "0", 7, 7),
    row("AW", "297", "", 7, 7),
    row("FO", "298", "", 6, 6),
    row("GL", "299", "", 6, 6),
    row("GI", "350", "", 8, 8),
    row("PT", "351", "", 9, 9),
    row("LU", "352", "", 4, 11),
    row("IE", "353", "0", 7, 9),
    row("IS", "354", "", 7, 9),
    row("AL", "355", "0", 8, 9),
    row("MT", "356", "", 8, 8),
    row("CY", "357", "", 8, 8),
    row("FI", "358", "0", 5, 12),
    row("BG", "359", "0", 7, 9),
    row("LT", "370", "0", 8, 8),
    row("LV", "371", "", 8, 8),
    row("EE", "372", "", 7, 8),
    row("MD", "373", "0", 8, 8),
    row("AM", "374", "0", 8, 8),
    row("BY", "375", "80", 9, 9),
    row("AD", "376", "", 6, 9),
    row("MC", "377", "", 8, 9),
    row("SM", "378", "", 6, 10),
    row("UA", "380", "0", 9, 9),
    row("RS", "381", "0", 7, 10),
    row("ME", "382", "0", 8, 9),
    row("XK", "383", "0", 8, 9),
    row("HR", "385", "0", 8, 9),
    row("SI", "386", "0", 8, 8),
    row("BA", "387", "0", 8, 9),
    row("MK", "389", "0", 8, 8),
    row("CZ", "420", "", 9, 9),
    row("SK", "421", "0", 9, 9),
    row("LI", "423", "", 7, 9),
    row("FK", "500", "", 5, 5),
    row("BZ", "501", "", 7, 7),
    row("GT", "502", "", 8, 8),
    row("SV", "503", "", 8, 8),
    row("HN", "504", "", 8, 8),
    row("NI", "505", "", 8, 8),
    row("CR", "506", "", 8, 8),
    row("PA", "507", "", 7, 8),
    row("PM", "508", "0", 6, 9),
    row("HT", "509", "", 8, 8),
    row("GP", "590", "0", 9, 9),
    row("BO", "591", "0", 8, 8),
    row("GY", "592", "", 7, 7),
    row("EC", "593", "0", 8, 9),
    row("GF", "594", "0", 9, 9),
    row("PY", "595", "0", 8, 9),
    row("MQ", "596", "0", 9, 9),
    row("SR", "597", "", 6, 7),
    row("UY", "598", "0", 8, 8),
    row("CW", "599", "", 7, 8),
    row("TL", "670", "", 7, 8),
    row("NF", "672", "", 6, 6),
    row("BN", "673", "", 7, 7),
    row("NR", "674", "", 7, 7),
    row("PG", "675", "", 7, 8),
    row("TO", "676", "", 5, 7),
    row("SB", "677", "", 5, 7),
    row("VU", "678", "", 5, 7),
    row("FJ", "679", "", 7, 7),
    row("PW", "680", "", 7, 7),
    row("WF", "681", "", 6, 9),
    row("CK", "682", "", 5, 5),
    row("NU", "683", "", 4, 7),
    row("WS", "685", "", 5, 7),
    row("KI", "686", "", 5, 8),
    row("NC", "687", "", 6, 6),
    row("TV", "688", "", 5, 7),
    row("PF", "689", "", 6, 8),
    row("TK", "690", "", 4, 7),
    row("FM", "691", "", 7, 7),
    row("MH", "692", "1", 7, 7),
    row("KP", "850", "0", 6, 10),
    row("HK", "852", "", 8, 8),
    row("MO", "853", "", 8, 8),
    row("KH", "855", "0", 8, 9),
    row("LA", "856", "0", 8, 10),
    row("BD", "880", "0", 8, 10),
    row("TW", "886", "0", 8, 9),
    row("MV", "960", "", 7, 7),
    row("LB", "961", "0", 7, 8),
    row("JO", "962", "0", 8, 9),
    row("SY", "963", "0", 8, 9),
    row("IQ", "964", "0", 8, 10),
    row("KW", "965", "", 8, 8),
    row("SA", "966", "0", 8, 9),
    row("YE", "967", "0", 7, 9),
    row("OM", "968", "", 8, 8),
    row("PS", "970", "0", 8, 9),
    row("AE", "971", "0", 8, 9),
    row("IL", "972", "0", 8, 9),
    row("BH", "973", "", 8, 8),
    row("QA", "974", "", 8, 8),
    row("BT", "975", "", 7, 8),
    row("MN", "976", "0", 8, 8),
    row("NP", "977", "0", 8, 10),
    row("TJ", "992", "", 9, 9),
    row("TM", "993", "8", 8, 8),
    row("AZ", "994", "0", 9, 9),
    row("GE", "995", "0", 9, 9),
    row("KG", "996", "0", 9, 9),
    row("UZ", "998", "", 9, 9),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_calling_code_begins_another_and_lengths_stay_within_fifteen_digits() {
        let codes: BTreeSet<&str> = ALL.iter().map(|country| country.code).collect();
        assert_eq!(codes.len(), ALL.len());
        for country in ALL {
            assert!(country.shortest <= country.longest, "{}", country.code);
            assert!(country.calling.len() + country.longest <= 15, "{}", country.code);
            let begins =
                |other: &&Country| other.calling != country.calling && other.calling.starts_with(country.calling);
            assert_eq!(ALL.iter().find(begins), None, "{}", country.code);
        }
    }

    #[test]
    fn a_number_has_a_country() {
        for (number, code) in [
            ("447700900123", Some("GB")),
            ("+4915112345678", Some("DE")),
            ("15550100001", Some("US")),
            ("14165550100", Some("CA")),
            ("18765550100", Some("JM")),
            ("999123", None),
            ("", None),
        ] {
            assert_eq!(of_number(number), code, "{number}");
        }
        assert_eq!(find("CA").map(|country| country.calling), Some("1"));
        assert_eq!(find("GY").map(|country| country.calling), Some("592"));
    }
}
