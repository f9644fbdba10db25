//! Times as the Graph API writes them: `2026-12-22T10:00:00+0000`, which readers of RFC 3339 refuse.

/// Milliseconds since 1970; `None` for another shape and before 1970.
pub(super) fn unix_ms(text: &str) -> Option<u64> {
    let (date, rest) = text.trim().split_once('T')?;
    let (year, month, day) = triple(date, '-')?;
    let sign = rest.rfind(['+', '-', 'Z'])?;
    let (clock, offset) = rest.split_at_checked(sign)?;
    let (hour, minute, second) = triple(clock.split('.').next()?, ':')?;
    let fits = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 61;
    if !fits || !(1970..=9999).contains(&year) {
        return None;
    }
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset_seconds(offset)?;
    u64::try_from(seconds).ok()?.checked_mul(1_000)
}

/// `Z`, `+0000` or `+00:00`.
fn offset_seconds(offset: &str) -> Option<i64> {
    if offset == "Z" {
        return Some(0);
    }
    let (sign, digits) = offset.split_at_checked(1)?;
    let digits = digits.replace(':', "");
    let (hours, minutes) = digits.split_at_checked(2).filter(|(_, minutes)| minutes.len() == 2)?;
    let seconds = number(hours)? * 3_600 + number(minutes)? * 60;
    Some(if sign == "-" { -seconds } else { seconds })
}

fn triple(text: &str, separator: char) -> Option<(i64, i64, i64)> {
    let mut parts = text.split(separator).map(number);
    let triple = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(triple)
}

fn number(digits: &str) -> Option<i64> {
    let plain = !digits.is_empty() && digits.len() <= 4 && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}

/// Days from 1970-01-01 in the Gregorian calendar, with years that begin in March: the leap day is their last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_meta_are_read_with_their_offset_and_other_texts_are_not() {
        let cases = [
            ("1970-01-01T00:00:00+0000", Some(0)),
            ("2026-12-22T10:00:00+0000", Some(1_797_933_600_000)),
            ("2026-12-22T12:00:00+02:00", Some(1_797_933_600_000)),
            ("2026-12-22T08:30:00.123-0130", Some(1_797_933_600_000)),
            ("2024-02-29T23:59:59Z", Some(1_709_251_199_000)),
            ("2026-12-22", None),
            ("2026-13-22T10:00:00+0000", None),
            ("2026-12-22T10:00:00", None),
            ("2026-12-22T10:00+0000", None),
            ("2026-12-22T10:00:00+0", None),
            ("-1-1-1T1:1:1Z", None),
            ("1969-12-31T00:00:00Z", None),
            ("1970-01-01T00:00:00+0100", None),
            ("T", None),
            ("é-é-éTé:é:éZ", None),
        ];
        for (text, ms) in cases {
            assert_eq!(unix_ms(text), ms, "{text}");
        }
    }
}
