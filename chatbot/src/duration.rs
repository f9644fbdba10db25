//! Durations of bot files: `45s`, `30m`, `2h`, `1d`, `1h30m`.

/// Milliseconds of a duration, or `None` if it is not one (or zero, or over 366 days).
pub(crate) fn parse_ms(text: &str) -> Option<u64> {
    const LONGEST_MS: u64 = 366 * 86_400_000;
    let mut total = 0u64;
    let mut digits = String::new();
    let mut unit = String::new();
    for c in text.trim().chars().chain(std::iter::once('0')) {
        if c.is_ascii_digit() {
            if !unit.is_empty() {
                total = total.checked_add(part(&digits, &unit)?)?;
                digits.clear();
                unit.clear();
            }
            digits.push(c);
        } else if c.is_ascii_lowercase() && !digits.is_empty() {
            unit.push(c);
        } else {
            return None;
        }
    }
    // The closing '0' must have found an empty slot: a bare number has no unit.
    (digits == "0" && total > 0 && total <= LONGEST_MS).then_some(total)
}

fn part(digits: &str, unit: &str) -> Option<u64> {
    let each = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(each)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        assert_eq!(parse_ms("45s"), Some(45_000));
        assert_eq!(parse_ms("1h30m"), Some(5_400_000));
        assert_eq!(parse_ms("2d"), Some(172_800_000));
        assert_eq!(parse_ms("250ms"), Some(250));
    }

    #[test]
    fn odd_durations_are_refused() {
        for text in ["", "0s", "10", "10 m", "m", "-1s", "1y", "999999999999999999d", "400d", "1h5", "00"] {
            assert_eq!(parse_ms(text), None, "{text:?}");
        }
    }
}
