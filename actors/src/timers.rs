//! Durable wake times: asks the store what is due and tells the router. The row stays until the conversation's next turn
//! replaces it, so a lost tick comes again and a late one finds nothing due.

mod round;

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::alarm::Alarm;
use crate::deps::Deps;
use crate::events;
use crate::router;
use round::Round;

/// While more is due than a round hands out at once, it goes on after this long.
const SPREAD_MS: u64 = 1_000;
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
    round: Round,
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
        Ok(State { deps, alarm, round: Round::default() })
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
        let found = match self.round.go_on(&*self.deps.store, now_ms).await {
            Ok(found) => found,
            Err(error) => {
                events::store_failed("reading due timers", &error);
                self.alarm.set(Some(now_ms + SPREAD_MS));
                return;
            }
        };
        let waits_ms = match (found.more, self.round.is_quiet()) {
            (true, _) => SPREAD_MS,
            (false, false) => CHECK_MS,
            (false, true) => HORIZON_MS,
        };
        self.alarm.set(Some(found.later_ms.unwrap_or(u64::MAX).min(now_ms + waits_ms)));
        if !found.due.is_empty() {
            // An error means that the engine is shutting down; the rows stay due.
            let _gone = self.deps.peers().router.cast(router::Message::Due(found.due));
        }
    }
}
