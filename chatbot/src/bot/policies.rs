//! What holds for the whole bot: `policies`.

use jiff::tz::TimeZone;

use super::read::{At, Fields, Reader};
use crate::caps;
use crate::explain;
use crate::expr::Template;
use crate::hours::{self, Hours};
use crate::message::{Message, template};
use crate::sending::{Manners, Order};
use whatsapp::limits;

/// The policies that run.
pub const KEYS: &[&str] = &[
    "idle_timeout",
    "on_idle",
    "max_age",
    "restart_words",
    "unexpected",
    "missing",
    "on_error",
    "limits",
    "typing",
    "mark_read",
    "order",
    "window",
    "business_hours",
    "zone",
    "handoff",
    "stop_words",
    "human_words",
    "debounce_ms",
];
/// What a person reads who wrote a stop word, where the bot says nothing else.
const STOPPED: &str = "You will get no more offers from us.";
const MOST_DEBOUNCE_MS: u32 = 30_000;

/// The policies of a bot.
pub(crate) struct Policies {
    /// How long a run waits for the person at any node.
    pub(crate) idle_ms: Option<u64>,
    /// Where an idle run goes; it ends if there is none.
    pub(crate) on_idle: Option<usize>,
    /// How old a run may become.
    pub(crate) max_age_ms: Option<u64>,
    /// Words that start over at any node, folded.
    pub(crate) restart_words: Vec<String>,
    pub(crate) media: Unexpected,
    pub(crate) reaction: Unexpected,
    pub(crate) other: Unexpected,
    /// Where errors and open ports lead; the run ends if there is none.
    pub(crate) on_error: Option<usize>,
    pub(crate) limits: Limits,
    pub(crate) manners: Manners,
    /// What happens to a message when the 24 h window is closed.
    pub(crate) closed: WhenClosed,
    /// `business_hours`.
    pub(crate) hours: Option<Hours>,
    /// `zone`.
    zone: Option<TimeZone>,
    /// `handoff`.
    pub(crate) staff: Staff,
    /// Words that end the run and all marketing.
    pub(crate) stop: Option<Stop>,
    /// Words that ask for a human, folded, and where they lead.
    pub(crate) human: Option<(Vec<String>, usize)>,
    /// Texts that come within this time of one another are one message.
    pub(crate) debounce_ms: Option<u64>,
}

/// `policies.handoff`: what happens when staff writes to somebody whom the bot answers. What is not said, the server's
/// settings say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Staff {
    /// Whoever writes has taken over.
    pub pause_on_reply: Option<bool>,
    /// The bot answers again when nobody has done anything for this long, in milliseconds.
    pub return_after_ms: Option<u64>,
}

/// `policies.stop_words`.
pub(crate) struct Stop {
    /// Folded.
    words: Vec<String>,
    pub(crate) reply: Template,
}

/// `policies.window.closed`.
#[derive(Default)]
pub(crate) enum WhenClosed {
    /// It is given up.
    #[default]
    Drop,
    /// It waits until the person writes.
    Hold,
    /// This template leaves in its place.
    Template(Box<Message>),
}

/// The caps of [`crate::caps`], lowered by the bot.
pub(crate) struct Limits {
    pub(crate) nodes_per_turn: usize,
    pub(crate) turns_per_run: u32,
    pub(crate) messages_per_turn: usize,
}

/// What happens with a message that is no answer.
pub(crate) enum Unexpected {
    /// It counts as a wrong answer.
    Refuse,
    /// Nothing.
    Ignore,
    /// The text is said, the node goes on waiting.
    Say(Template),
    /// The node is left for this one.
    Route(usize),
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            idle_ms: None,
            on_idle: None,
            max_age_ms: None,
            restart_words: Vec::new(),
            media: Unexpected::Refuse,
            reaction: Unexpected::Ignore,
            other: Unexpected::Refuse,
            on_error: None,
            manners: Manners::default(),
            closed: WhenClosed::Drop,
            hours: None,
            zone: None,
            staff: Staff::default(),
            stop: None,
            human: None,
            debounce_ms: None,
            limits: Limits {
                nodes_per_turn: caps::MAX_NODES_PER_TURN,
                turns_per_run: caps::MAX_TURNS_PER_RUN,
                messages_per_turn: caps::MAX_MESSAGES_PER_TURN,
            },
        }
    }
}

impl Policies {
    /// Nodes that policies lead to.
    pub(crate) fn targets(&self) -> Vec<usize> {
        let routes = [&self.media, &self.reaction, &self.other].into_iter().filter_map(|unexpected| match unexpected {
            Unexpected::Route(to) => Some(*to),
            _ => None,
        });
        let human = self.human.iter().map(|(_, to)| *to);
        self.on_idle.into_iter().chain(self.on_error).chain(routes).chain(human).collect()
    }

    /// Where the bot is at home: `zone`, else that of its business hours, else UTC.
    pub(crate) fn zone(&self) -> TimeZone {
        self.zone.as_ref().or(self.hours.as_ref().map(Hours::zone)).cloned().unwrap_or(TimeZone::UTC)
    }

    pub(crate) fn is_restart(&self, text: &str) -> bool {
        !self.restart_words.is_empty() && self.restart_words.contains(&fold(text))
    }

    /// What to say to somebody who wrote a stop word.
    pub(crate) fn stops(&self, text: &str) -> Option<&Template> {
        self.stop.as_ref().filter(|stop| stop.words.contains(&fold(text))).map(|stop| &stop.reply)
    }

    /// Where somebody is led who asked for a human.
    pub(crate) fn asks_for_human(&self, text: &str) -> Option<usize> {
        self.human.as_ref().filter(|(words, _)| words.contains(&fold(text))).map(|(_, to)| *to)
    }
}

pub(super) fn read(reader: &mut Reader<'_>, at: Option<&At<'_>>) -> Policies {
    let mut policies = Policies::default();
    let Some(fields) = at.and_then(|at| reader.fields(at, KEYS)) else { return policies };
    policies.idle_ms = fields.get("idle_timeout").and_then(|at| reader.duration_ms(&at));
    policies.on_idle = fields.get("on_idle").and_then(|at| reader.target(&at));
    policies.max_age_ms = fields.get("max_age").and_then(|at| reader.duration_ms(&at));
    policies.on_error = fields.get("on_error").and_then(|at| reader.target(&at));
    if let Some(at) = fields.get("restart_words") {
        policies.restart_words = reader.texts(&at).iter().map(|word| fold(word)).collect();
    }
    policies.stop = fields.get("stop_words").and_then(|at| read_stop(reader, &at));
    policies.human = fields.get("human_words").and_then(|at| read_human(reader, &at));
    let debounce = fields.get("debounce_ms").and_then(|at| reader.count(&at, 100, MOST_DEBOUNCE_MS));
    policies.debounce_ms = debounce.map(u64::from);
    if let Some(at) = fields.get("missing") {
        reader.word(&at, &["empty", "error"]);
    }
    if let Some(at) = fields.get("unexpected")
        && let Some(inner) = reader.fields(&at, &["media", "reaction", "other"])
    {
        for (key, into) in
            [("media", &mut policies.media), ("reaction", &mut policies.reaction), ("other", &mut policies.other)]
        {
            if let Some(found) = inner.get(key).and_then(|at| read_unexpected(reader, &at)) {
                *into = found;
            }
        }
    }
    policies.manners = read_manners(reader, &fields);
    if let Some(at) = fields.get("window") {
        policies.closed = read_window(reader, &at).unwrap_or_default();
    }
    if let Some(at) = fields.get("business_hours") {
        policies.hours = hours::read(reader, &at);
        reader.has_hours = true;
    }
    policies.zone = fields.get("zone").and_then(|at| hours::read_zone(reader, &at));
    if let Some(inner) = fields.get("handoff").and_then(|at| reader.fields(&at, &["pause_on_reply", "return_after"])) {
        policies.staff.pause_on_reply = inner.get("pause_on_reply").and_then(|at| reader.flag(&at));
        policies.staff.return_after_ms = inner.get("return_after").and_then(|at| reader.duration_ms(&at));
    }
    if let Some(at) = fields.get("limits") {
        read_limits(reader, &at, &mut policies.limits);
    }
    policies
}

/// `[words]`, or `{words, reply}`.
fn read_stop(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Stop> {
    if matches!(at.node.kind, crate::tree::Kind::List(_)) {
        return Some(Stop { words: read_words(reader, at), reply: Template::Plain(STOPPED.to_owned()) });
    }
    let fields = reader.fields(at, &["words", "reply"])?;
    let words = reader.required(&fields, "words").map(|at| read_words(reader, &at));
    let reply = reader.required(&fields, "reply");
    let reply = reply.and_then(|at| reader.template_up_to(&at, "reply", limits::TEXT_BODY));
    Some(Stop { words: words?, reply: reply? })
}

/// `{words, to}`.
fn read_human(reader: &mut Reader<'_>, at: &At<'_>) -> Option<(Vec<String>, usize)> {
    let fields = reader.fields(at, &["words", "to"])?;
    let words = reader.required(&fields, "words").map(|at| read_words(reader, &at));
    let to = reader.required(&fields, "to").and_then(|at| reader.target(&at));
    words.zip(to)
}

fn read_words(reader: &mut Reader<'_>, at: &At<'_>) -> Vec<String> {
    let words = reader.texts(at).iter().map(|word| fold(word)).filter(|word| !word.is_empty()).collect::<Vec<_>>();
    if words.is_empty() && matches!(at.node.kind, crate::tree::Kind::List(_)) {
        reader.report(explain::WRONG_VALUE, at, "there is no word in this list");
    }
    words
}

fn read_manners(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Manners {
    let mark_at = fields.get("mark_read");
    let mark_read = mark_at.as_ref().and_then(|at| reader.flag(at));
    let typing = fields.get("typing").and_then(|at| reader.flag(&at)).unwrap_or_default();
    if let Some(at) = mark_at.filter(|_| typing && mark_read == Some(false)) {
        let message = "`typing` needs the read mark, and `mark_read` is false";
        reader.report(explain::WRONG_VALUE, &at, message).help =
            Some("leave `mark_read` out, or switch `typing` off".to_owned());
    }
    let order = fields.get("order").and_then(|at| reader.word(&at, &["send", "accepted", "delivered"]));
    let order = match order {
        Some("send") => Order::Send,
        Some("delivered") => Order::Delivered,
        _ => Order::Accepted,
    };
    Manners { mark_read: typing || mark_read.unwrap_or_default(), typing, order }
}

/// `{closed: drop}`, `{closed: hold}` or `{closed: {template: {…}}}`.
fn read_window(reader: &mut Reader<'_>, at: &At<'_>) -> Option<WhenClosed> {
    let fields = reader.fields(at, &["closed"])?;
    let closed = reader.required(&fields, "closed")?;
    if !matches!(closed.node.kind, crate::tree::Kind::Map(_)) {
        return Some(match reader.word(&closed, &["drop", "hold"])? {
            "hold" => WhenClosed::Hold,
            _ => WhenClosed::Drop,
        });
    }
    let fields = reader.fields(&closed, &["template"])?;
    let at = reader.required(&fields, "template")?;
    let fields = reader.fields(&at, template::KEYS)?;
    let found = template::read(reader, &fields)?;
    Some(WhenClosed::Template(Box::new(Message::of(found.body, &at))))
}

/// `ignore`, `{say: text}` or `{route: node}`.
fn read_unexpected(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Unexpected> {
    if !matches!(at.node.kind, crate::tree::Kind::Map(_)) {
        return match reader.word(at, &["ignore", "refuse"])? {
            "ignore" => Some(Unexpected::Ignore),
            _ => Some(Unexpected::Refuse),
        };
    }
    let fields = reader.fields(at, &["say", "route"])?;
    if let Some(route) = fields.get("route") {
        return reader.target(&route).map(Unexpected::Route);
    }
    let say = reader.required(&fields, "say")?;
    reader.template_up_to(&say, "text", limits::TEXT_BODY).map(Unexpected::Say)
}

fn read_limits(reader: &mut Reader<'_>, at: &At<'_>, limits: &mut Limits) {
    let Some(fields) = reader.fields(at, &["nodes_per_turn", "turns_per_run", "messages_per_turn"]) else { return };
    let mut lowered = |key: &str, most: u32| {
        let at = fields.get(key)?;
        reader.count(&at, 1, most)
    };
    if let Some(n) = lowered("nodes_per_turn", caps::MAX_NODES_PER_TURN as u32) {
        limits.nodes_per_turn = n as usize;
    }
    if let Some(n) = lowered("turns_per_run", caps::MAX_TURNS_PER_RUN) {
        limits.turns_per_run = n;
    }
    if let Some(n) = lowered("messages_per_turn", caps::MAX_MESSAGES_PER_TURN as u32) {
        limits.messages_per_turn = n as usize;
    }
}

/// Lower case, single spaces, without marks of punctuation at the ends.
pub(crate) fn fold(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    words.trim_matches(|c: char| c.is_ascii_punctuation() || matches!(c, '¡' | '¿' | '…')).to_owned()
}
