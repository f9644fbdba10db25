//! A call from outside: another program tells a conversation that something happened.
//!
//! A `wait` for this very event goes on; else a trigger `api` of this name begins a run, in the place of one that is under
//! way only where it may interrupt. What nothing takes has no effect, and the trace says so.

use super::{TurnError, Walk, on_burst, start};
use crate::bot::triggers::TriggerKind;
use crate::input::ApiCall;
use crate::trace::{Trace, Why};
use crate::turn::Fault;

pub(super) fn on_call(walk: &mut Walk<'_>, call: &ApiCall) -> Result<(), TurnError> {
    if !walk.is_handed_over() && walk.burst_due_ms().is_some() {
        on_burst(walk)?;
        walk.set_input(call.as_json());
    }
    if walk.is_handed_over() {
        return ignored(walk, call, "a human answers");
    }
    if walk.has_run()
        && walk.count_turn()
        && let Some((index, _)) = walk.waiting()
        && walk.bot().nodes[index].kind.awaits(&call.name)
    {
        return walk.go_on(index, "event", &call.name);
    }
    let mut busy = false;
    let bot = walk.bot();
    for trigger in &bot.triggers {
        if !matches!(&trigger.kind, TriggerKind::Api(name) if *name == call.name) {
            continue;
        }
        if walk.has_run() && !trigger.interrupts {
            busy = true;
            continue;
        }
        let holds = trigger.when.as_ref().map_or(Ok(true), |when| when.holds(walk.scope()));
        if holds.map_err(|error| walk.trigger_error(Fault::evaluation(error)))? {
            let why = trigger.when.as_ref().map(|when| Why::holds(when, walk.scope()));
            if walk.has_run() {
                walk.end_run("interrupted", None);
            }
            return start::at(walk, start::Hit { to: trigger.to, name: format!("api {}", call.name), why });
        }
    }
    ignored(walk, call, if busy { "a run is under way" } else { "no trigger fires" })
}

fn ignored(walk: &mut Walk<'_>, call: &ApiCall, why: &str) -> Result<(), TurnError> {
    walk.note(Trace::Ignored { kind: format!("api {}", call.name), why: why.to_owned() });
    Ok(())
}
