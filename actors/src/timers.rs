//! Durable wake times: asks the store what is due and tells the router. The row stays until the conversation's next turn
//! replaces it, so a lost tick comes again and a late one finds nothing due.

use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use storage::ConversationId;

use crate::alarm::Alarm;
use crate::deps::Deps;
use crate::events;
use crate::router;

/// Ticks handed out at once, and then after each [`SPREAD_MS`]: overdue timers after a restart do not stampede.
const BATCH: usize = 500;
const SPREAD_MS: u64 = 1_000;
/// A tick that brought no turn is repeated after this long.
const REPEAT_MS: u64 = 30_000;
/// Whether ticks that were handed out brought a turn is looked up this often.
const CHECK_MS: u64 = 10_000;
/// Times are looked up again at the latest after this long: nobody need ask for a later one.
pub(crate) const HORIZON_MS: u64 = 60_000;

pub(crate) struct Timers;

pub(crate) enum Message {
    /// A conversation asked to be woken soon.
    Asked { wake_ms: u64 },
    /// The alarm rang.
    Look,
}

pub(crate) struct State {
    deps: Arc<Deps>,
    alarm: Alarm,
    /// Handed out and not seen to vanish yet: due time and when it was handed out.
    fired: HashMap<ConversationId, (u64, u64)>,
}

impl Actor for Timers {
    type Msg = Message;
    type State = State;
    type Arguments = Arc<Deps>;

    async fn pre_start(&self, myself: ActorRef<Message>, deps: Arc<Deps>) -> Result<State, ActorProcessingErr> {
        let alarm = Alarm::new(deps.clock.clone(), move || {
            // An error means that the engine is shutting down.
            let _gone = myself.cast(Message::Look);
        });
        Ok(State { deps, alarm, fired: HashMap::new() })
    }

    async fn handle(
        &self,
        _: ActorRef<Message>,
        message: Message,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Asked { wake_ms } => state.alarm.set_at_latest(wake_ms),
            Message::Look => state.look().await,
        }
        Ok(())
    }
}

impl State {
    async fn look(&mut self) {
        let now_ms = self.deps.clock.now_ms();
        let due = match self.deps.store.wakes_due(None, now_ms + HORIZON_MS, BATCH + self.fired.len()).await {
            Ok(due) => due,
            Err(error) => {
                events::store_failed("reading due timers", &error);
                self.alarm.set(Some(now_ms + SPREAD_MS));
                return;
            }
        };
        let later_ms = due.iter().map(|(due_ms, _)| *due_ms).find(|due_ms| *due_ms > now_ms);
        let due: Vec<_> = due.into_iter().filter(|(due_ms, _)| *due_ms <= now_ms).collect();
        self.forget_what_is_done(&due, now_ms);
        let mut fresh = due.iter().filter(|(_, id)| !self.fired.contains_key(id)).copied();
        let now: Vec<_> = fresh.by_ref().take(BATCH).collect();
        let more = fresh.next().is_some() || now.len() == BATCH;
        self.fired.extend(now.iter().map(|(due_ms, id)| (*id, (*due_ms, now_ms))));
        let waits_ms = match (more, self.fired.is_empty()) {
            (true, _) => SPREAD_MS,
            (false, false) => CHECK_MS,
            (false, true) => HORIZON_MS,
        };
        self.alarm.set(Some(later_ms.unwrap_or(u64::MAX).min(now_ms + waits_ms)));
        if !now.is_empty() {
            let ids = now.into_iter().map(|(_, id)| id).collect();
            // An error means that the engine is shutting down; the rows stay due.
            let _gone = self.deps.peers().router.cast(router::Message::Due(ids));
        }
    }

    fn forget_what_is_done(&mut self, due: &[(u64, ConversationId)], now_ms: u64) {
        let due: HashMap<_, _> = due.iter().map(|(due_ms, id)| (*id, *due_ms)).collect();
        self.fired.retain(|id, (due_ms, fired_ms)| due.get(id) == Some(due_ms) && *fired_ms + REPEAT_MS > now_ms);
    }
}
