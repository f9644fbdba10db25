//! How a turn speaks: messages become effects, within the caps of a turn.

use whatsapp::message::Outgoing;

use super::{Walk, hash, mix};
use crate::bot::policies::WhenClosed;
use crate::caps;
use crate::expr::Template;
use crate::message::Message;
use crate::node::Here;
use crate::sending::{Closed, Sending};
use crate::trace::Trace;
use crate::turn::fault::FaultKind;
use crate::turn::{Effect, Fault, compose};

impl Walk<'_> {
    /// Sends a text; one that comes out empty is skipped.
    pub(crate) fn send_text(&mut self, here: Here<'_>, template: &Template) -> Result<(), Fault> {
        let text = self.text(template)?;
        if text.trim().is_empty() {
            self.note(Trace::Skipped { node: here.node.id.clone(), why: "the text is empty".to_owned() });
            return Ok(());
        }
        self.send(here, compose::text(text).map_err(Fault::failed)?)
    }

    /// Says a message; one whose text comes out empty is skipped.
    pub(crate) fn say(&mut self, here: Here<'_>, message: &Message) -> Result<(), Fault> {
        match message.fill(self)? {
            Some(message) => self.send(here, message),
            None => {
                self.note(Trace::Skipped { node: here.node.id.clone(), why: "the text is empty".to_owned() });
                Ok(())
            }
        }
    }

    pub(crate) fn send(&mut self, here: Here<'_>, message: Outgoing) -> Result<(), Fault> {
        if self.messages() >= self.bot.policies.limits.messages_per_turn {
            return Err(Fault::new(FaultKind::Messages));
        }
        self.text_bytes += compose::text_bytes(&message);
        if self.text_bytes > caps::MAX_TEXT_PER_TURN {
            return Err(Fault::new(FaultKind::Text));
        }
        let closed = match message {
            Outgoing::Reaction(_) => Closed::Drop,
            _ if message.is_template() => Closed::Drop,
            _ => self.closed(here),
        };
        let mut sending = Sending { closed, ..Sending::new(here.node.id.clone(), message) };
        if let Some(on_doubt) = here.node.on_doubt {
            sending.on_doubt = on_doubt;
        }
        self.effects.push(Effect::Send(Box::new(sending)));
        Ok(())
    }

    /// What `policies.window` says. One template stands for all messages of a turn. One that cannot be made
    /// is no reason to lose the reply: it is held.
    fn closed(&mut self, here: Here<'_>) -> Closed {
        let bot = self.bot;
        let template = match &bot.policies.closed {
            WhenClosed::Drop => return Closed::Drop,
            WhenClosed::Hold => return Closed::Hold,
            WhenClosed::Template(_) if self.has_substitute() => return Closed::Drop,
            WhenClosed::Template(template) => template,
        };
        let why = match template.fill(self) {
            Ok(Some(Outgoing::Template(template))) => return Closed::Template(Box::new(template)),
            Ok(_) => "`policies.window.closed` gives no template".to_owned(),
            Err(fault) => fault.into_error(here.node.id.clone(), Vec::new(), (0, 0)).to_string(),
        };
        self.note(Trace::Error { node: Some(here.node.id.clone()), message: why });
        Closed::Hold
    }

    /// Whether the person never wrote before this turn.
    pub(in crate::turn) fn is_first_contact(&self) -> bool {
        self.first_contact
    }

    fn has_substitute(&self) -> bool {
        let mut messages = self.effects.iter().filter_map(Effect::message);
        messages.any(|sending| matches!(sending.closed, Closed::Template(_)))
    }

    /// Messages that were decided so far.
    fn messages(&self) -> usize {
        self.effects.iter().filter(|effect| effect.message().is_some()).count()
    }

    /// The id under which a file of the bot was stored.
    pub(crate) fn file(&self, path: &str) -> Result<String, Fault> {
        let id = self.bot.files.get(path).cloned().flatten();
        id.ok_or_else(|| Fault::failed(format!("the file `{path}` was not stored when the bot was loaded")))
    }

    /// The id of the person's last message.
    pub(crate) fn last_message(&self) -> Result<String, Fault> {
        self.last.clone().ok_or_else(|| Fault::failed("there is no message of the person to refer to"))
    }

    /// A number for a node, by the seed and by the nodes entered before.
    pub(crate) fn draw_at(&self, node: &str) -> u64 {
        hash(self.given.seed.wrapping_add(self.steps as u64), node)
    }

    /// A number below `end`, by the seed and by what has been sent in this turn.
    pub(crate) fn draw(&self, end: usize) -> usize {
        let drawn = mix(self.given.seed.wrapping_add(self.messages() as u64 + 1));
        usize::try_from(drawn % end.max(1) as u64).unwrap_or_default()
    }
}
