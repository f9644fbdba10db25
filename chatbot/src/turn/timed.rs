//! Triggers that time fires: `schedule`, again and again, and `window_closing`, once in each service window.
//!
//! The snapshot knows when each is due. A trigger that was not known comes at its first time after the turn; one that the
//! bot does not have any more is forgotten. What was missed comes once. Only people who have written are reached.

use std::collections::BTreeMap;

use super::{Fault, TurnError, Walk, start};
use crate::bot::Bot;
use crate::bot::triggers::{Trigger, TriggerKind};
use crate::snapshot::Snapshot;
use crate::trace::{Trace, Why};

/// Free-form messages may be sent this long after the person's last message.
const WINDOW_MS: u64 = 24 * 3_600_000;

/// The name of a trigger within a snapshot: the same in every version that has it.
fn key(bot: &Bot, trigger: &Trigger) -> Option<String> {
    let node = bot.nodes.get(trigger.to).map_or("", |node| node.id.as_str());
    match &trigger.kind {
        TriggerKind::Schedule(schedule) => {
            Some(format!("schedule {} {} {node}", schedule.cron.source(), schedule.zone_name()))
        }
        TriggerKind::WindowClosing { before_ms } => Some(format!("window_closing {before_ms} {node}")),
        _ => None,
    }
}

/// When each trigger of the bot is due after a turn; `None` if it has fired in this window.
pub(super) fn settle(bot: &Bot, before: &Snapshot, after: &Snapshot, now_ms: u64) -> BTreeMap<String, Option<u64>> {
    let mut due = BTreeMap::new();
    let Some(wrote_ms) = after.wrote_ms else { return due };
    let wrote = before.wrote_ms != after.wrote_ms;
    for trigger in &bot.triggers {
        let Some(key) = key(bot, trigger) else { continue };
        let known = after.timed.get(&key).copied();
        let at = match (&trigger.kind, known) {
            (TriggerKind::WindowClosing { before_ms }, known) if wrote || known.is_none() => {
                let closes_ms = wrote_ms.saturating_add(WINDOW_MS);
                // A message that was long under way leaves no time to wait.
                Some(closes_ms.saturating_sub(*before_ms).max(now_ms)).filter(|at| *at < closes_ms)
            }
            (_, Some(known)) => known,
            (TriggerKind::Schedule(schedule), None) => schedule.cron.next_ms(now_ms, &schedule.zone),
            _ => None,
        };
        due.insert(key, at);
    }
    due
}

impl Walk<'_> {
    /// The trigger that is due first, and since when.
    pub(super) fn timed_due(&self) -> Option<(u64, usize)> {
        let triggers = self.bot().triggers.iter().enumerate();
        let due = triggers.filter_map(|(index, trigger)| {
            let at = self.timed.get(&key(self.bot(), trigger)?).copied().flatten()?;
            (at <= self.now_ms()).then_some((at, index))
        });
        due.min()
    }

    /// Fires a trigger, unless something stands against it; either way it is not due any more.
    pub(super) fn fire(&mut self, index: usize) -> Result<(), TurnError> {
        let bot = self.bot();
        let Some(trigger) = bot.triggers.get(index) else { return Ok(()) };
        let (Some(key), now_ms) = (key(bot, trigger), self.now_ms()) else { return Ok(()) };
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
        let holds = trigger.when.as_ref().map_or(Ok(true), |when| when.holds(self.scope()));
        if !holds.map_err(|error| self.trigger_error(Fault::evaluation(error)))? {
            self.note(Trace::Ignored { kind: name, why: "`when` does not hold".to_owned() });
            return Ok(());
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
