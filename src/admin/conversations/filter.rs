//! Which conversations of a list are wanted.

use actors::attention::{Attention, Why};
use actors::view::ConversationView;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::principal::Principal;
use super::super::problem::Problem;
use super::super::role::Role;

/// States that are asked for. `needs_person` and `mine` are parts of `human`.
const STATES: [&str; 7] = ["needs_person", "mine", "human", "paused", "waiting", "idle", "damaged"];
/// Characters of a search at the most.
const MAX_SEARCH: usize = 100;

/// What a list of conversations is asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in super::super) struct Filter {
    /// Digits of a number that the person has or had.
    pub(super) phone: Option<String>,
    /// One of our numbers.
    pub(super) phone_number_id: Option<String>,
    /// `needs_person` (nobody answers, and somebody shall), `mine`, `human`, `paused`, `waiting`, `idle`, `damaged`.
    state: Option<String>,
    /// Who answers, such as `user:elif` or `phone_app`.
    owner: Option<String>,
    /// Whose run is under way.
    bot: Option<String>,
    /// Its version, or the beginning of it.
    version: Option<String>,
    /// The node at which it waits.
    node: Option<String>,
    /// `open` or `closed`: the service window.
    window: Option<String>,
    /// Advanced at or after this time.
    since: Option<String>,
    /// Advanced before this time.
    until: Option<String>,
    /// A part of the name, of a number or of the last message.
    q: Option<String>,
    /// `updated` (the default), or `waiting`: those that people have or shall have, the longest waiting first.
    sort: Option<String>,
    /// 200 at the most.
    pub(super) limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub(super) cursor: Option<String>,
}

/// A filter that was checked, for somebody.
pub(super) struct Wanted<'f> {
    filter: &'f Filter,
    principal: &'f Principal,
    now_ms: u64,
    since_ms: Option<u64>,
    until_ms: Option<u64>,
    window_open: Option<bool>,
    search: Option<String>,
    by_waiting: bool,
}

impl<'f> Wanted<'f> {
    pub(super) fn new(filter: &'f Filter, principal: &'f Principal, now_ms: u64) -> Result<Self, Problem> {
        if let Some(state) = filter.state.as_deref().filter(|state| !STATES.contains(state)) {
            return Err(wrong("state", state, &STATES.join(", ")));
        }
        let window_open = match filter.window.as_deref() {
            None => None,
            Some("open") => Some(true),
            Some("closed") => Some(false),
            Some(other) => return Err(wrong("window", other, "open, closed")),
        };
        let by_waiting = match filter.sort.as_deref() {
            None | Some("updated" | "-updated") => false,
            Some("waiting") => true,
            Some(other) => return Err(wrong("sort", other, "updated, waiting")),
        };
        let by_what_is_masked = filter.q.is_some() || filter.phone.is_some();
        if by_what_is_masked && !principal.role.may(Role::Responder) {
            return Err(Problem::forbidden(principal, Role::Responder));
        }
        let search = filter.q.as_deref().map(str::trim).filter(|text| !text.is_empty());
        if search.is_some_and(|text| text.chars().count() > MAX_SEARCH) {
            return Err(Problem::bad_request(format!("q has more than {MAX_SEARCH} characters")));
        }
        Ok(Self {
            filter,
            principal,
            now_ms,
            since_ms: time("since", filter.since.as_deref())?,
            until_ms: time("until", filter.until.as_deref())?,
            window_open,
            search: search.map(str::to_lowercase),
            by_waiting,
        })
    }

    /// Whether the conversations that people have, or shall have, are all that can fit.
    pub(super) fn is_queue(&self) -> bool {
        let by_state = matches!(self.filter.state.as_deref(), Some("needs_person" | "mine" | "human" | "paused"));
        by_state || self.by_waiting || self.filter.owner.is_some()
    }

    /// Whether it is worth a look.
    pub(super) fn may_fit(&self, attention: &Attention) -> bool {
        let owner = attention.who.as_deref();
        let state = match self.filter.state.as_deref() {
            Some("needs_person") => attention.why == Why::NeedsPerson,
            Some("mine") => attention.why == Why::Human && owner == Some(&*self.principal.who),
            Some("human") => attention.why != Why::Paused,
            Some("paused") => attention.why == Why::Paused,
            Some(_) => false,
            None => true,
        };
        state && self.filter.owner.as_deref().is_none_or(|wanted| owner == Some(wanted))
    }

    pub(super) fn fits(&self, view: &ConversationView) -> bool {
        let is = |wanted: &Option<String>, value: Option<&str>| wanted.as_deref().is_none_or(|w| value == Some(w));
        let filter = self.filter;
        let begins = |version: &str| view.bot_version.as_deref().is_some_and(|own| own.starts_with(version));
        // One that became a part of another is shown as a part of that.
        view.merged_into.is_none()
            && self.principal.sees(&view.phone_number_id)
            && is(&filter.phone_number_id, Some(&view.phone_number_id))
            && self.state_fits(view)
            && is(&filter.owner, view.owner.as_deref())
            && is(&filter.bot, view.bot.as_deref())
            && is(&filter.node, view.node.as_deref())
            && filter.version.as_deref().is_none_or(begins)
            && self.window_open.is_none_or(|open| open == view.window_expires_ms.is_some_and(|at| at > self.now_ms))
            && self.since_ms.is_none_or(|since_ms| view.updated_ms >= since_ms)
            && self.until_ms.is_none_or(|until_ms| view.updated_ms < until_ms)
            && self.search.as_deref().is_none_or(|text| found(view, text))
    }

    fn state_fits(&self, view: &ConversationView) -> bool {
        match self.filter.state.as_deref() {
            None => true,
            Some("needs_person") => view.waiting_ms.is_some(),
            Some("mine") => view.owner.as_deref() == Some(&*self.principal.who),
            Some(state) => view.state == state,
        }
    }
}

/// Whether a text, in lower case, is a part of what the conversation shows of the person.
fn found(view: &ConversationView, text: &str) -> bool {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let number = !digits.is_empty() && text.chars().all(|c| c.is_ascii_digit() || "+ -()".contains(c));
    let numbers = view.wa_id.iter().chain(&view.former_numbers);
    let said = view.last_message.iter().map(|last| &last.text);
    number && numbers.into_iter().any(|own| own.contains(&digits))
        || view.name.iter().chain(&view.user_id).chain(said).any(|own| own.to_lowercase().contains(text))
}

fn time(name: &str, text: Option<&str>) -> Result<Option<u64>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let at: Result<Timestamp, _> = text.parse();
    let at = at.ok().and_then(|at| u64::try_from(at.as_millisecond()).ok());
    at.map(Some).ok_or_else(|| wrong(name, text, "a time such as 2026-11-22T10:00:00Z"))
}

fn wrong(name: &str, value: &str, known: &str) -> Problem {
    Problem::bad_request(format!("{name} is {value:?}")).hint(format!("it may be: {known}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> ConversationView {
        ConversationView {
            phone_number_id: "700".into(),
            wa_id: Some("447700900123".into()),
            name: Some("Ada Lovelace".into()),
            state: "human",
            owner: Some("user:elif".into()),
            bot_version: Some("abcdef".to_owned()),
            window_expires_ms: Some(2_000),
            updated_ms: 1_000,
            ..ConversationView::default()
        }
    }

    fn fits(filter: Filter) -> bool {
        let elif = Principal { numbers: Some(["700".into()].into()), ..Principal::admin("user:elif") };
        Wanted::new(&filter, &elif, 1_500).unwrap().fits(&view())
    }

    #[test]
    fn every_filter_lets_through_what_fits_and_nothing_else() {
        let text = |text: &str| Some(text.to_owned());
        assert!(fits(Filter::default()));
        let with = |set: fn(&mut Filter, Option<String>), yes: &str, no: &str| {
            for (value, expected) in [(yes, true), (no, false)] {
                let mut filter = Filter::default();
                set(&mut filter, text(value));
                assert_eq!(fits(filter), expected, "{value}");
            }
        };
        with(|f, v| f.phone_number_id = v, "700", "800");
        with(|f, v| f.state = v, "mine", "needs_person");
        with(|f, v| f.state = v, "human", "paused");
        with(|f, v| f.owner = v, "user:elif", "user:noor");
        with(|f, v| f.version = v, "abc", "b");
        with(|f, v| f.window = v, "open", "closed");
        with(|f, v| f.since = v, "1970-01-01T00:00:01Z", "1970-01-01T00:00:02Z");
        with(|f, v| f.until = v, "1970-01-01T00:00:02Z", "1970-01-01T00:00:01Z");
        with(|f, v| f.q = v, "lovel", "babbage");
        with(|f, v| f.q = v, "+44 7700 900", "4999");
    }

    #[test]
    fn what_no_filter_knows_is_refused() {
        let nobody = Principal::admin("a");
        let refused = |filter: Filter| Wanted::new(&filter, &nobody, 0).is_err();
        assert!(refused(Filter { state: Some("parked-up".to_owned()), ..Filter::default() }));
        assert!(refused(Filter { window: Some("ajar".to_owned()), ..Filter::default() }));
        assert!(refused(Filter { sort: Some("size".to_owned()), ..Filter::default() }));
        assert!(refused(Filter { since: Some("yesterday".to_owned()), ..Filter::default() }));
        assert!(refused(Filter { q: Some("x".repeat(MAX_SEARCH + 1)), ..Filter::default() }));
    }
}
