//! What people do with a conversation: take it over, hand it back, stop the bot, lead its run elsewhere, write to it.

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::super::Exit;
use super::super::api::{Api, text};
use super::super::output::{Failed, data};
use super::path;

/// Which conversation, and why.
#[derive(clap::Args)]
pub(super) struct Why {
    /// c_…
    id: String,
    /// Why: kept in the journal
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Say what would come of it, and do nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(clap::Subcommand)]
pub(super) enum Deed {
    /// Answer in the bot's place: from the answer on it says nothing
    Takeover {
        #[command(flatten)]
        why: Why,
        /// For whoever comes later
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        /// Also from somebody else, if you may
        #[arg(long)]
        take_from: bool,
    },
    /// Give it back to the bot: it goes on where it waited, or as you say
    Handback {
        #[command(flatten)]
        why: Why,
        /// For whoever comes later
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        /// Start over
        #[arg(long, conflicts_with_all = ["node", "end"])]
        restart: bool,
        /// Go on at this node
        #[arg(long, value_name = "NODE", conflicts_with = "end")]
        node: Option<String>,
        /// End the run
        #[arg(long)]
        end: bool,
        /// The matter is settled: a node that had handed over is left by its port `closed`
        #[arg(long)]
        closed: bool,
    },
    /// Stop the bot; nobody answers until it is resumed or taken over
    Pause {
        #[command(flatten)]
        why: Why,
    },
    /// Let a bot that was paused go on where it waited
    Resume {
        #[command(flatten)]
        why: Why,
    },
    /// End the run and begin another one where the bot begins
    Restart {
        #[command(flatten)]
        why: Why,
    },
    /// End the run
    End {
        #[command(flatten)]
        why: Why,
    },
    /// Take the run up again as it was after an entry of the journal
    Reset {
        #[command(flatten)]
        why: Why,
        /// The entry, as the journal counts them
        #[arg(long, value_name = "ENTRY")]
        at: u64,
    },
    /// Change variables of a run that is paused, or that a person has
    Set {
        #[command(flatten)]
        why: Why,
        /// Such as order_no='"A-17"' or people=4; what is no JSON is a text, and null takes a variable away
        #[arg(value_name = "NAME=JSON", required = true)]
        values: Vec<String>,
    },
    /// Write a note into the journal; the person never sees it
    Note {
        /// c_…
        id: String,
        /// What is to be remembered
        text: String,
        /// Say what would come of it, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Make the conversation of a simulator's phone a copy of this one, to try what would have come
    Fork {
        #[command(flatten)]
        why: Why,
        /// The entry; the last one when absent
        #[arg(long, value_name = "ENTRY")]
        at: Option<u64>,
        /// A phone of the simulator that has said something before
        #[arg(long, value_name = "DIGITS")]
        phone: String,
    },
    /// Write to the person
    Send {
        /// c_…
        id: String,
        /// What to say; a message of the Cloud API as JSON with --message
        text: String,
        /// The text is a message as JSON, without `to`
        #[arg(long)]
        message: bool,
        /// The same key sends once within 24 hours
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
        /// Also where somebody else answers
        #[arg(long)]
        force: bool,
    },
}

/// A request of a deed: its address, its body, and whether it is only to be tried.
struct Asked {
    method: Method,
    id: String,
    verb: &'static str,
    body: Value,
    dry_run: bool,
}

impl Why {
    fn asks(self, verb: &'static str, body: Value) -> Asked {
        let mut body = body;
        if let Some(reason) = self.reason {
            body["reason"] = reason.into();
        }
        Asked { method: Method::POST, id: self.id, verb, body, dry_run: self.dry_run }
    }
}

pub(super) async fn run(api: &Api, deed: Deed, json: bool) -> Result<(), Failed> {
    let asked = match deed {
        Deed::Takeover { why, note, take_from } => {
            why.asks("takeover", with_note(json!({ "take_from": take_from }), note))
        }
        Deed::Handback { why, note, restart, node, end, closed } => {
            let outcome = if closed { "closed" } else { "returned" };
            let mut body = json!({ "outcome": outcome });
            match node {
                Some(node) => body["node"] = node.into(),
                None if restart => body["how"] = "restart".into(),
                None if end => body["how"] = "end".into(),
                None => body["how"] = "continue".into(),
            }
            why.asks("handback", with_note(body, note))
        }
        Deed::Pause { why } => why.asks("pause", json!({})),
        Deed::Resume { why } => why.asks("resume", json!({})),
        Deed::Restart { why } => why.asks("restart", json!({})),
        Deed::End { why } => why.asks("end", json!({})),
        Deed::Reset { why, at } => why.asks("reset", json!({ "entry": at })),
        Deed::Set { why, values } => {
            let variables = values.iter().map(|text| variable(text)).collect::<Result<Map<_, _>, _>>()?;
            Asked { method: Method::PATCH, ..why.asks("variables", json!({ "variables": variables })) }
        }
        Deed::Note { id, text, dry_run } => {
            Asked { method: Method::POST, id, verb: "notes", body: json!({ "text": text }), dry_run }
        }
        Deed::Fork { why, at, phone } => why.asks("fork", json!({ "entry": at, "phone": phone })).without_reason(),
        Deed::Send { id, text, message, key, force } => {
            let query = force.then(|| ("force", "true".to_owned()));
            return send(api, (&id, query.as_slice()), (&text, message), key, json).await;
        }
    };
    ask(api, asked, json).await
}

impl Asked {
    fn without_reason(mut self) -> Self {
        if let Some(body) = self.body.as_object_mut() {
            body.remove("reason");
        }
        self
    }
}

fn with_note(mut body: Value, note: Option<String>) -> Value {
    if let Some(note) = note {
        body["note"] = note.into();
    }
    body
}

/// What is no JSON is a text: `city=Bath` needs no quotes.
fn variable(text: &str) -> Result<(String, Value), Failed> {
    let wrong = || Failed::new(Exit::Usage, format!("error: {text:?} is not NAME=JSON, such as people=4"));
    let (name, value) = text.split_once('=').ok_or_else(wrong)?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Ok((name.to_owned(), value))
}

async fn ask(api: &Api, asked: Asked, json: bool) -> Result<(), Failed> {
    let Asked { method, id, verb, body, dry_run } = asked;
    let query: Vec<_> = dry_run.then(|| ("dry_run", "true".to_owned())).into_iter().collect();
    let mut request = api.request(method.clone(), &path(&id, &format!("/{verb}")), &query).json(&body);
    if method == Method::PATCH {
        request = request.header(http::header::IF_MATCH, revision(api, &id).await?);
    }
    let answer = api.json(request).await?;
    data(&if json { answer.to_string() } else { told(verb, &answer) });
    Ok(())
}

/// The tag of the conversation as it is now: what is changed meanwhile is not overwritten.
async fn revision(api: &Api, id: &str) -> Result<String, Failed> {
    let shown = api.answer(api.request(Method::GET, &path(id, ""), &[])).await?;
    let tag = shown.headers().get(http::header::ETAG).and_then(|tag| tag.to_str().ok());
    Ok(tag.unwrap_or("*").to_owned())
}

fn told(verb: &str, answer: &Value) -> String {
    let done = match (answer["dry_run"].as_bool(), answer["waiting"].as_str(), answer["changed"].as_bool()) {
        (Some(true), ..) => "would be done",
        (_, Some(_), _) => "waits: the conversation is busy",
        (.., Some(false)) => "nothing to do: it was so before",
        _ => "done",
    };
    let mut line = format!("{verb}: {done} · {} is {}", text(answer, "id"), text(answer, "state"));
    let owner = answer["owner"].as_str().map(|owner| format!(" · {owner} answers"));
    let node = answer["node"].as_str().map(|node| format!(" · at {node}"));
    let count = |name: &str, words: &str| answer[name].as_u64().filter(|n| *n > 0).map(|n| format!(" · {n} {words}"));
    let (held, flies) = (count("held", "unsent held"), count("in_flight", "already with Meta"));
    line.extend([owner, node, held, flies].into_iter().flatten());
    line
}

async fn send(
    api: &Api,
    (id, query): (&str, &[(&str, String)]),
    (said, message): (&str, bool),
    key: Option<String>,
    json: bool,
) -> Result<(), Failed> {
    let body = match message {
        true => serde_json::from_str(said)
            .map_err(|error| Failed::new(Exit::Data, format!("error: the message is no JSON: {error}")))?,
        false => json!({ "type": "text", "text": { "body": said } }),
    };
    let mut request = api.request(Method::POST, &path(id, "/messages"), query).json(&body);
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let answer = api.json(request).await?;
    data(&if json { answer.to_string() } else { format!("{}: {}", text(&answer, "state"), text(&answer, "id")) });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_json_or_a_text() {
        assert_eq!(variable("people=4").unwrap(), ("people".to_owned(), json!(4)));
        assert_eq!(variable("city=Bath").unwrap().1, json!("Bath"));
        assert_eq!(variable("a=\"4\"").unwrap().1, json!("4"));
        assert_eq!(variable("a=null").unwrap().1, Value::Null);
        assert!(variable("people").is_err());
    }

    #[test]
    fn what_was_done_is_told_in_a_line() {
        let answer =
            json!({ "id": "c_1", "state": "human", "owner": "user:elif", "changed": true, "held": 2, "in_flight": 0 });
        assert_eq!(told("takeover", &answer), "takeover: done · c_1 is human · user:elif answers · 2 unsent held");
    }
}
