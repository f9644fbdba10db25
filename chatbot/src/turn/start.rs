//! How runs begin: triggers in order, restart words, triggers that interrupt.

use crate::bot::triggers::TriggerKind;
use crate::input::Incoming;
use crate::trace::{Trace, Why};

use super::{Fault, TurnError, Walk};

/// A trigger that fired.
pub(super) struct Hit {
    pub(super) to: usize,
    pub(super) name: String,
    /// The condition that held.
    pub(super) why: Option<Why>,
}

/// Begins a run if a trigger fires; otherwise the message has no effect.
pub(super) fn by_trigger(walk: &mut Walk<'_>, message: &Incoming) -> Result<(), TurnError> {
    if !message.may_start() {
        walk.note(Trace::Ignored { kind: message.kind.clone(), why: "messages of this type begin no run".into() });
        return Ok(());
    }
    if walk.bot().policies.is_restart(&message.text) {
        return over(walk, message);
    }
    if let Some(to) = walk.bot().policies.asks_for_human(&message.text) {
        return at(walk, Hit { to, name: "human_words".to_owned(), why: None });
    }
    match first(walk, message, false)? {
        Some(hit) => at(walk, hit),
        None => {
            walk.note(Trace::Ignored { kind: message.kind.clone(), why: "no trigger fires".into() });
            Ok(())
        }
    }
}

/// The first trigger that fires and may end a run that waits.
pub(super) fn interrupting(walk: &mut Walk<'_>, message: &Incoming) -> Result<Option<Hit>, TurnError> {
    first(walk, message, true)
}

/// Starts over, at the keyword that matches, else at `default`, else at the first trigger.
pub(super) fn over(walk: &mut Walk<'_>, message: &Incoming) -> Result<(), TurnError> {
    if walk.has_run() {
        walk.end_run("restarted", None);
    }
    let triggers = &walk.bot().triggers;
    let matching = triggers.iter().find(|trigger| trigger.kind.keyword(&message.text).is_some());
    let found = matching.map(|trigger| trigger.to).or_else(|| default_node(walk));
    match found {
        Some(to) => at(walk, Hit { to, name: "restart".to_owned(), why: None }),
        None => Ok(()),
    }
}

/// Where a run starts over: the `default` trigger, else the first one.
pub(super) fn default_node(walk: &Walk<'_>) -> Option<usize> {
    let triggers = &walk.bot().triggers;
    let default = triggers.iter().find(|trigger| matches!(trigger.kind, TriggerKind::Default));
    default.or(triggers.first()).map(|trigger| trigger.to)
}

/// Begins a run at a trigger and walks on from there.
pub(super) fn at(walk: &mut Walk<'_>, hit: Hit) -> Result<(), TurnError> {
    walk.begin_run(hit.name, hit.why);
    walk.walk_from(hit.to)
}

fn first(walk: &mut Walk<'_>, message: &Incoming, interrupting: bool) -> Result<Option<Hit>, TurnError> {
    let bot = walk.bot();
    for trigger in &bot.triggers {
        if interrupting && !trigger.interrupts {
            continue;
        }
        let flow = walk.flow_of(message);
        let Some(name) = trigger.kind.fires(message, walk.is_first_contact(), flow) else { continue };
        let holds = match &trigger.when {
            Some(when) => when.holds(walk.scope()).map_err(|error| walk.trigger_error(Fault::evaluation(error)))?,
            None => true,
        };
        if holds {
            if matches!(trigger.kind, TriggerKind::FlowDone(_)) {
                walk.use_form(message.form_token().unwrap_or_default());
            }
            let why = trigger.when.as_ref().map(|when| Why::holds(when, walk.scope()));
            return Ok(Some(Hit { to: trigger.to, name, why }));
        }
    }
    Ok(None)
}
