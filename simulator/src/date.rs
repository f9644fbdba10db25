//! Dates as Graph writes them.

const DAY_MS: u64 = 86_400_000;

/// `2026-12-22T10:00:00+0000`: an offset without a colon, which readers of RFC 3339 do not take.
pub(crate) fn graph(ms: u64) -> String {
    let (year, month, day) = civil(ms / DAY_MS);
    let seconds = ms % DAY_MS / 1_000;
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}+0000")
}

/// The first millisecond of `YYYY-MM-DD`.
pub(crate) fn parse_day(text: &str) -> Option<u64> {
    let mut parts = text.splitn(3, '-').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if !(1_970..=9_999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let days = days_from_civil(year, month, day);
    (civil(days) == (year, month, day)).then_some(days * DAY_MS)
}

/// Days since 1970-01-01, by counting years from March, so that the leap day is the last one.
fn days_from_civil(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let part = (5 * of_year + 2) / 153;
    let day = of_year - (153 * part + 2) / 5 + 1;
    let month = if part < 10 { part + 3 } else { part - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_come_out_as_graph_writes_them() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00+0000"),
            (951_782_400_000, "2000-02-29T00:00:00+0000"),
            (1_795_348_800_000, "2026-11-22T12:00:00+0000"),
            (4_102_444_799_000, "2099-12-31T23:59:59+0000"),
        ] {
            assert_eq!(graph(ms), text);
        }
    }

    #[test]
    fn days_are_read_and_others_refused() {
        assert_eq!(parse_day("2000-02-29"), Some(951_782_400_000));
        for text in ["", "2001-02-29", "2026-13-01", "2026-11", "2026-11-32", "x-1-1", "0001-01-01"] {
            assert_eq!(parse_day(text), None, "{text}");
        }
    }
}
