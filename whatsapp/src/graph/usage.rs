//! How near its limits Meta sees us: the usage headers of its answers.
//!
//! The members are general knowledge of the Graph API; Meta's WhatsApp pages print only the names of
//! the headers. An odd header is left unread.

use std::collections::BTreeMap;

use serde_json::Value;

/// From here on a pause is better than the next call.
const NEAR_PERCENT: u64 = 95;
/// No answer makes us wait for longer than a day, whatever it says.
pub(super) const LONGEST_WAIT_MS: u64 = 86_400_000;
/// More business accounts than one app serves here; the header is Meta's, the memory ours.
const MAX_ACCOUNTS: usize = 256;

/// What the last answers said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of the app (`x-app-usage`).
    pub app: Option<Load>,
    /// Of each business account, by its id (`x-business-use-case-usage`).
    pub accounts: BTreeMap<String, Load>,
    /// How many answers told of a limit, at which one the app's and each account's was told, and up to which one each
    /// account has asked: answers without the headers must not repeat the last load for ever.
    answers: u64,
    app_at: u64,
    accounts_at: BTreeMap<String, u64>,
    asked_at: BTreeMap<String, u64>,
}

/// How much of a limit is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    /// The highest of calls, time and processor time.
    pub percent: u64,
    /// When the limit is passed: how long until calls are taken again.
    pub regain_ms: u64,
}

impl Load {
    /// Whether calls should pause.
    pub fn is_near_limit(&self) -> bool {
        self.percent >= NEAR_PERCENT || self.regain_ms > 0
    }

    fn read(value: &Value) -> Option<Self> {
        let number = |name: &str| value.get(name).and_then(Value::as_f64).filter(|n| *n >= 0.0).map(|n| n as u64);
        let percents = ["call_count", "total_time", "total_cputime"];
        let percent = percents.into_iter().filter_map(number).max();
        let minutes = number("estimated_time_to_regain_access");
        percent.or(minutes)?;
        let regain_ms = minutes.unwrap_or_default().saturating_mul(60_000).min(LONGEST_WAIT_MS);
        Some(Self { percent: percent.unwrap_or_default(), regain_ms })
    }

    fn worse(self, other: Self) -> Self {
        Self { percent: self.percent.max(other.percent), regain_ms: self.regain_ms.max(other.regain_ms) }
    }
}

impl Usage {
    /// The load that a call for this account would meet: the app's or its own, whichever is higher.
    pub fn of(&self, waba_id: &str) -> Load {
        let account = self.accounts.get(waba_id).copied().unwrap_or_default();
        self.app.unwrap_or_default().worse(account)
    }

    /// As [`Usage::of`], of what answers have told since this account asked last.
    #[cfg_attr(not(feature = "client"), allow(dead_code))]
    pub(crate) fn news_of(&mut self, waba_id: &str) -> Load {
        let asked_at = self.asked_at.insert(waba_id.to_owned(), self.answers).unwrap_or_default();
        let app = self.app.filter(|_| self.app_at > asked_at);
        let told = self.accounts_at.get(waba_id).is_some_and(|at| *at > asked_at);
        let account = self.accounts.get(waba_id).copied().filter(|_| told);
        app.unwrap_or_default().worse(account.unwrap_or_default())
    }

    /// Takes the headers of an answer over what was known.
    #[cfg_attr(not(feature = "client"), allow(dead_code))]
    pub(crate) fn note(&mut self, app: Option<&str>, accounts: Option<&str>) {
        if let Some(load) = app.and_then(|header| Load::read(&serde_json::from_str(header).ok()?)) {
            self.answers += 1;
            (self.app, self.app_at) = (Some(load), self.answers);
        }
        for (id, load) in accounts.map(read_accounts).unwrap_or_default() {
            if self.accounts.len() < MAX_ACCOUNTS || self.accounts.contains_key(&id) {
                self.answers += 1;
                self.accounts_at.insert(id.clone(), self.answers);
                self.accounts.insert(id, load);
            }
        }
    }

    /// The longest wait that `x-business-use-case-usage` asks for.
    #[cfg_attr(not(feature = "client"), allow(dead_code))]
    pub(crate) fn regain_ms(header: &str) -> Option<u64> {
        read_accounts(header).into_iter().map(|(_, load)| load.regain_ms).max().filter(|ms| *ms > 0)
    }
}

fn read_accounts(header: &str) -> Vec<(String, Load)> {
    let Ok(Value::Object(accounts)) = serde_json::from_str(header) else { return Vec::new() };
    let load = |cases: &Value| cases.as_array()?.iter().filter_map(Load::read).reduce(Load::worse);
    accounts.into_iter().filter_map(|(id, cases)| Some((id, load(&cases)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn highest_share_of_app_and_account_decides() {
        let mut usage = Usage::default();
        usage.note(
            Some(r#"{"call_count":28,"total_time":96,"total_cputime":1}"#),
            Some(r#"{"300100":[{"type":"messaging","call_count":40},{"call_count":41.5}],"300200":[{"total_time":99,"estimated_time_to_regain_access":2}]}"#),
        );
        assert_eq!(usage.app, Some(Load { percent: 96, regain_ms: 0 }));
        assert_eq!(usage.accounts["300100"], Load { percent: 41, regain_ms: 0 });
        assert_eq!(usage.of("300200"), Load { percent: 99, regain_ms: 120_000 });
        assert!(usage.of("300100").is_near_limit(), "the app is near its limit");
    }

    #[test]
    fn later_answer_replaces_an_earlier_one() {
        let mut usage = Usage::default();
        usage.note(Some(r#"{"call_count":99}"#), None);
        usage.note(Some(r#"{"call_count":3}"#), Some(r#"{"3":[{"call_count":7}]}"#));
        usage.note(None, Some(r#"{"3":[{"call_count":8}]}"#));
        assert_eq!((usage.of("3").percent, usage.of("4").percent), (8, 3));
        assert!(!usage.of("3").is_near_limit());
    }

    #[test]
    fn no_header_makes_anybody_wait_for_ever() {
        let mut usage = Usage::default();
        usage.note(None, Some(r#"{"3":[{"call_count":1,"estimated_time_to_regain_access":1e300}]}"#));
        assert_eq!(usage.of("3").regain_ms, LONGEST_WAIT_MS);
    }

    #[test]
    fn a_load_is_news_once() {
        let mut usage = Usage::default();
        let header = r#"{"3":[{"call_count":99,"estimated_time_to_regain_access":5}]}"#;
        for _ in 0..2 {
            usage.note(None, Some(header));
            assert_eq!(usage.news_of("3"), Load { percent: 99, regain_ms: 300_000 });
            assert_eq!((usage.news_of("3"), usage.news_of("4")), (Load::default(), Load::default()));
        }
        assert!(usage.of("3").is_near_limit(), "it is still what stands");
        usage.note(Some(r#"{"call_count":96}"#), None);
        for account in ["3", "4"] {
            assert_eq!((usage.news_of(account).percent, usage.news_of(account).percent), (96, 0));
        }
    }

    #[test]
    fn odd_headers_change_nothing() {
        let mut usage = Usage::default();
        for odd in ["", "[]", "{}", "7", r#"{"call_count":"x"}"#, r#"{"3":{}}"#, r#"{"3":[]}"#, r#"{"3":[{"a":1}]}"#] {
            usage.note(Some(odd), Some(odd));
        }
        assert_eq!(usage, Usage::default());
    }

    #[test]
    fn accounts_are_bounded() {
        let mut usage = Usage::default();
        for id in 0..1000 {
            usage.note(None, Some(&format!(r#"{{"{id}":[{{"call_count":1}}]}}"#)));
        }
        assert_eq!(usage.accounts.len(), MAX_ACCOUNTS);
    }
}
