//! What the outside is told of a turn: events of the bot, handoffs and the ends of runs, written with the turn.

use chatbot::{Snapshot, Trace};
use serde_json::{Map, Value, json};

use super::Draft;
use crate::outlet::{About, BOT, Event, HANDOFF_ENDED, HANDOFF_STARTED, Occasion, RUN_FINISHED};

/// What a run is known by once it is gone.
pub(super) struct Lost {
    run: Option<Box<str>>,
    bot: Option<Box<str>>,
    version: Option<Box<str>>,
    node: Option<Box<str>>,
    /// Who was to answer, if a human had it.
    queue: Option<Option<String>>,
}

impl Lost {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let (bot, version) = snapshot.bot().unzip();
        Self {
            run: snapshot.run_id().map(Into::into),
            bot: bot.map(Into::into),
            version: version.map(Into::into),
            node: snapshot.node().map(Into::into),
            queue: snapshot.handed_over().map(|handed| handed.queue.clone()),
        }
    }
}

impl Draft<'_> {
    /// Tells of a turn, in the order of its trace. `run` is the one that was there before it.
    pub(super) fn tell(
        &mut self,
        (bot, version): (&str, &str),
        run: Option<Box<str>>,
        emitted: Vec<chatbot::Event>,
        trace: &[Trace],
    ) {
        let mut about = self.concerned();
        (about.bot, about.version, about.run) = (Some(bot.into()), Some(version.into()), run);
        let mut emitted = emitted.into_iter();
        for step in trace {
            match step {
                Trace::RunStarted { run, .. } => about.run = Some(run.as_str().into()),
                Trace::Emitted { .. } => emitted.by_ref().take(1).for_each(|event| self.emitted(&about, event)),
                Trace::HandedOver { node, queue, .. } => {
                    let handed = self.after.state.bot.handed_over();
                    let more = [
                        ("queue", json!(queue)),
                        ("note", json!(handed.and_then(|handed| handed.note.as_deref()))),
                        ("priority", json!(handed.map(|handed| handed.priority))),
                    ];
                    self.event(HANDOFF_STARTED, &at(&about, node), more);
                }
                Trace::HandedBack { node, queue, outcome } => {
                    let more = [("queue", json!(queue)), ("outcome", json!(outcome))];
                    self.event(HANDOFF_ENDED, &at(&about, node), more);
                }
                Trace::RunEnded { run, reason, result } => {
                    let about = About { run: Some(run.as_str().into()), ..about.clone() };
                    self.event(RUN_FINISHED, &about, [("reason", json!(reason)), ("result", json!(result))]);
                }
                _ => {}
            }
        }
        emitted.for_each(|event| self.emitted(&about, event));
    }

    /// Tells of a run that ended without a turn of its own: it failed, or another one took its place.
    pub(super) fn tell_lost(&mut self, lost: Lost, reason: &str) {
        let Lost { run, bot, version, node, queue } = lost;
        if run.is_none() {
            return;
        }
        let about = About { bot, version, run, node, ..self.concerned() };
        if let Some(queue) = queue {
            self.event(HANDOFF_ENDED, &about, [("queue", json!(queue)), ("outcome", json!("ended"))]);
        }
        let about = About { node: None, ..about };
        self.event(RUN_FINISHED, &about, [("reason", json!(reason)), ("result", Value::Null)]);
    }

    fn emitted(&mut self, about: &About, event: chatbot::Event) {
        let chatbot::Event { name, data, node, run } = event;
        let about = About { run: Some(run.into()), ..at(about, &node) };
        self.event(&format!("{BOT}{name}"), &about, [("payload", data)]);
    }

    fn event<const N: usize>(&mut self, kind: &str, about: &About, more: [(&str, Value); N]) {
        let outlet = self.means.outlet;
        outlet.note(kind, &mut self.noted.told);
        if !outlet.wants(kind) {
            return;
        }
        // A revision commits once.
        let name = format!("{}:{}", self.id, self.before.0);
        let occasion = Occasion { at_ms: self.means.now_ms, name: &name, place: self.events };
        self.events += 1;
        let more = more.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>();
        let event = Event::new(&self.means.secret, occasion, kind, about, more);
        self.documents.extend(outlet.deliveries(&event, &mut self.noted.told));
    }

    fn concerned(&self) -> About {
        let state = &self.after.state;
        About {
            conversation: self.id.to_string(),
            phone_number_id: state.number_id.clone(),
            wa_id: state.person.wa_id.clone(),
            user_id: state.person.user_id.clone(),
            ..About::default()
        }
    }
}

fn at(about: &About, node: &str) -> About {
    About { node: Some(node.into()), ..about.clone() }
}
