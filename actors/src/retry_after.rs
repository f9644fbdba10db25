//! `Retry-After`: when another program wants to be asked again, in seconds from its answer on or as a date (RFC 9110).

use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// After so many milliseconds.
    Pause(u64),
    /// At this time, in milliseconds since 1970.
    At(u64),
}

impl RetryAfter {
    /// `None` if it is missing, or neither seconds nor a date.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse::<u64>() {
            return Some(Self::Pause(seconds.saturating_mul(1_000)));
        }
        let at = DateTimeParser::new().parse_timestamp(text).ok()?;
        Some(Self::At(u64::try_from(at.as_millisecond()).unwrap_or(0)))
    }

    /// How long that is from now on.
    pub(crate) fn left_ms(self, now_ms: u64) -> u64 {
        match self {
            Self::Pause(ms) => ms,
            Self::At(at_ms) => at_ms.saturating_sub(now_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn seconds_and_dates_are_read_and_nothing_else() {
        let of =
            |text: &str| RetryAfter::of(&HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(text).unwrap())]));
        for (text, said) in [
            ("7", Some(RetryAfter::Pause(7_000))),
            ("18446744073709551615", Some(RetryAfter::Pause(u64::MAX))),
            ("Fri, 31 Dec 1999 23:59:59 GMT", Some(RetryAfter::At(946_684_799_000))),
            ("Wed, 31 Dec 1969 23:59:59 GMT", Some(RetryAfter::At(0))),
            ("Mon, 31 Dec 1999 23:59:59 GMT", None),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(of(text), said, "{text}");
        }
        assert_eq!(RetryAfter::of(&HeaderMap::new()), None);
    }

    #[test]
    fn a_date_that_is_past_is_now() {
        assert_eq!(RetryAfter::At(5_000).left_ms(2_000), 3_000);
        assert_eq!(RetryAfter::At(5_000).left_ms(6_000), 0);
        assert_eq!(RetryAfter::Pause(5_000).left_ms(6_000), 5_000);
    }
}
