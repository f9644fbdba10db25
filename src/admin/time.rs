//! Times as the admin API writes them.

/// RFC 3339 in UTC with milliseconds.
pub(super) fn at(ms: u64) -> String {
    // A stored time beyond year 9999 is shown as the last one that can be written.
    let time = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    format!("{:.3}", time.unwrap_or(jiff::Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds_and_an_end() {
        assert_eq!(at(1_795_340_000_007), "2026-11-22T09:33:20.007Z");
        assert!(at(u64::MAX).starts_with("9999-"));
    }
}
