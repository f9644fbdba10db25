//! Triggers that time fires: `schedule`, again and again, and `window_closing`, once in each service window.
//!
//! The snapshot knows when each is due. A trigger that was not known comes at its first time after the turn; one that the
//! bot does not have any more is forgotten. What was missed comes once. Only people who have written are reached.

use std::collections::BTreeMap;

use super::{TurnError, Walk, hash, start};
use crate::bot::Bot;
use crate::bot::triggers::{Trigger, TriggerKind};
use crate::snapshot::Snapshot;
use crate::trace::{Trace, Why};

/// Free-form messages may be sent this long after the person's last message.
const WINDOW_MS: u64 = 24 * 3_600_000;

/// How the names of triggers `window_closing` begin.
const CLOSING: &str = "window_closing ";

/// The triggers that time fires, by their names within a snapshot: the same in every version that has them.
fn keys(bot: &Bot) -> Vec<(usize, String)> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut keys = Vec::new();
    for (index, trigger) in bot.triggers.iter().enumerate() {
        let Some(name) = name(bot, trigger) else { continue };
        let nth = seen.entry(name.clone()).or_default();
        *nth += 1;
        keys.push((index, if *nth > 1 { format!("{name} #{nth}") } else { name }));
    }
    keys
}

fn name(bot: &Bot, trigger: &Trigger) -> Option<String> {
    let node = bot.nodes.get(trigger.to).map_or("", |node| node.id.as_str());
    let when = trigger.when.as_ref().map(|when| format!(" if {:016x}", hash(0, when.source()))).unwrap_or_default();
    match &trigger.kind {
        TriggerKind::Schedule(schedule) => {
            Some(format!("schedule {} {} {node}{when}", schedule.cron.source(), schedule.zone_name()))
        }
        TriggerKind::WindowClosing { before_ms } => Some(format!("{CLOSING}{before_ms} {node}{when}")),
        _ => None,
    }
}

/// When each trigger of the bot is due after a turn; `None` if it has fired in this window.
pub(super) fn settle(bot: &Bot, before: &Snapshot, after: &Snapshot, now_ms: u64) -> BTreeMap<String, Option<u64>> {
    let Some(wrote_ms) = after.wrote_ms else { return BTreeMap::new() };
    let wrote = before.wrote_ms != after.wrote_ms;
    let keys = keys(bot);
    let due = |index: usize, key: &str| {
        let known = after.timed.get(key).copied();
        match (&bot.triggers.get(index)?.kind, known) {
            (TriggerKind::WindowClosing { before_ms }, None) if !wrote && is_spent(&after.timed, *before_ms, &keys) => {
                None
            }
            (TriggerKind::WindowClosing { before_ms }, known) if wrote || known.is_none() => {
                closing_ms(wrote_ms, *before_ms, now_ms)
            }
            (TriggerKind::Schedule(schedule), None | Some(None)) => schedule.cron.next_ms(now_ms, &schedule.zone),
            (_, known) => known.flatten(),
        }
    };
    keys.iter().map(|(index, key)| (key.clone(), due(*index, key))).collect()
}

/// When triggers are due after what was due could not be done: their next time. Without the bot, schedules are set
/// anew by the next turn.
pub(crate) fn put_off(snapshot: &mut Snapshot, bot: Option<&Bot>, now_ms: u64) {
    for due in snapshot.timed.values_mut() {
        *due = due.filter(|at| *at > now_ms);
    }
    if let Some(bot) = bot {
        snapshot.timed = settle(bot, snapshot, snapshot, now_ms);
    }
}

/// Whether a trigger that the bot has under another name now (its node was renamed, say) has fired in this window.
fn is_spent(timed: &BTreeMap<String, Option<u64>>, before_ms: u64, keys: &[(usize, String)]) -> bool {
    let gone = |key: &str| !keys.iter().any(|(_, known)| known == key);
    timed.iter().any(|(key, due)| due.is_none() && time_of(key) == Some(before_ms) && gone(key))
}

/// How long before the window closes the trigger of this name fires, if it is one of these.
fn time_of(key: &str) -> Option<u64> {
    key.strip_prefix(CLOSING)?.split(' ').next()?.parse().ok()
}

/// When a trigger is due that fires before the window closes. A message that was long under way leaves no time to wait.
fn closing_ms(wrote_ms: u64, before_ms: u64, now_ms: u64) -> Option<u64> {
    let closes_ms = wrote_ms.saturating_add(WINDOW_MS);
    Some(closes_ms.saturating_sub(before_ms).max(now_ms)).filter(|at| *at < closes_ms)
}

impl Snapshot {
    /// The person wrote while no bot was asked: what fires before the window closes is due by that message. What has fired
    /// in an earlier window is due again.
    pub(crate) fn set_wrote(&mut self, wrote_ms: u64, now_ms: u64) {
        if self.wrote_ms >= Some(wrote_ms) {
            return;
        }
        self.wrote_ms = Some(wrote_ms);
        for (key, due) in &mut self.timed {
            if let Some(before_ms) = time_of(key) {
                *due = closing_ms(wrote_ms, before_ms, now_ms);
            }
        }
    }
}

impl Walk<'_> {
    /// The trigger that is due first, and since when.
    pub(super) fn timed_due(&self) -> Option<(u64, usize)> {
        let due = keys(self.bot()).into_iter().filter_map(|(index, key)| {
            let at = self.timed.get(&key).copied().flatten()?;
            (at <= self.now_ms()).then_some((at, index))
        });
        due.min()
    }

    /// Fires a trigger, unless something stands against it; either way it is not due any more.
    pub(super) fn fire(&mut self, index: usize) -> Result<(), TurnError> {
        let bot = self.bot();
        let Some(trigger) = bot.triggers.get(index) else { return Ok(()) };
        let Some((_, key)) = keys(bot).into_iter().find(|(of, _)| *of == index) else { return Ok(()) };
        let now_ms = self.now_ms();
        let (again, name) = match &trigger.kind {
            TriggerKind::Schedule(schedule) => {
                (schedule.cron.next_ms(now_ms, &schedule.zone), format!("schedule {}", schedule.cron.source()))
            }
            _ => (None, "window_closing".to_owned()),
        };
        self.timed.insert(key, again);
        if let Some(why) = self.stands_against(trigger) {
            self.note(Trace::Ignored { kind: name, why: why.to_owned() });
            return Ok(());
        }
        match trigger.when.as_ref().map_or(Ok(true), |when| when.holds(self.scope())) {
            Ok(true) => {}
            Ok(false) => {
                self.note(Trace::Ignored { kind: name, why: "`when` does not hold".to_owned() });
                return Ok(());
            }
            // The run that it would not have interrupted goes on.
            Err(error) => {
                let message = format!("`when` of trigger `{name}`: {error}");
                self.note(Trace::Error { node: None, message });
                return Ok(());
            }
        }
        let why = trigger.when.as_ref().map(|when| Why::holds(when, self.scope()));
        if self.has_run() {
            self.end_run("interrupted", None);
        }
        start::at(self, start::Hit { to: trigger.to, name, why })
    }

    fn stands_against(&self, trigger: &Trigger) -> Option<&'static str> {
        let closes_ms = self.wrote_ms.map(|at| at.saturating_add(WINDOW_MS));
        if self.is_handed_over() {
            return Some("a human answers");
        }
        if self.has_run() && !trigger.interrupts {
            return Some("a run is under way");
        }
        let too_late = matches!(trigger.kind, TriggerKind::WindowClosing { .. })
            && closes_ms.is_none_or(|closes_ms| closes_ms <= self.now_ms());
        too_late.then_some("the window has closed")
    }
}
