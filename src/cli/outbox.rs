//! `parlance outbox …`: what is to leave, what left, and what was given up.

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::Exit;
use super::api::{Api, ApiArgs, print_object, text};
use super::output::{Failed, data, talk};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  parlance outbox list --state held\n  parlance outbox groups\n  \
                        parlance outbox retry --code 131056 --spread 10m --dry-run\n  \
                        parlance outbox drop --code 131026 --reason 'not on WhatsApp'")]
pub(super) struct Args {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List messages, newest first; with --state dead: dead letters
    List {
        /// queued, sending, uncertain, held, accepted, sent, delivered, read, failed, or dead
        #[arg(long)]
        state: Option<String>,
        /// With this number of Meta's
        #[arg(long, value_name = "N")]
        code: Option<u32>,
        /// From this one of our numbers
        #[arg(long, value_name = "ID")]
        number: Option<String>,
        /// Of this conversation
        #[arg(long, value_name = "ID", conflicts_with = "letters")]
        conversation: Option<String>,
        /// Decided longer ago than this, such as 10m
        #[arg(long, value_name = "TIME")]
        older_than: Option<String>,
        /// Dead letters that were retried or dropped
        #[arg(long = "resolved", id = "letters")]
        resolved: bool,
    },
    /// Group dead letters by cause, with what each means and what helps
    Groups,
    /// Show a message (o_…), a dead letter (a number) or a batch (rb_…)
    Show {
        /// The id
        id: String,
    },
    /// Let dead letters go again, or a message (o_…) that is held or in doubt
    Retry {
        /// A dead letter, or o_…
        #[arg(required_unless_present_any = ["code", "reason_word", "before", "all"])]
        id: Option<String>,
        #[command(flatten)]
        filter: Filter,
        /// Evenly over this time, such as 10m
        #[arg(long, value_name = "TIME", conflicts_with = "id")]
        spread: Option<String>,
        /// Only say what would happen
        #[arg(long)]
        dry_run: bool,
    },
    /// Let a dead letter go again with another content
    Edit {
        /// The dead letter
        id: String,
        /// A message of the Cloud API without `to`, as JSON
        message: String,
    },
    /// Drop dead letters, or a message (o_…) that has not left
    Drop {
        /// A dead letter, or o_…
        #[arg(required_unless_present_any = ["code", "reason_word", "before", "all"])]
        id: Option<String>,
        #[command(flatten)]
        filter: Filter,
        /// Why; kept with each
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Only say what would happen
        #[arg(long)]
        dry_run: bool,
    },
    /// Stop sending from a number; what is to be sent waits
    Pause {
        /// The number's phone_number_id
        number: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Send from a number again
    Resume {
        /// The number's phone_number_id
        number: String,
    },
}

#[derive(clap::Args)]
struct Filter {
    /// All with this number of Meta's
    #[arg(long, value_name = "N", conflicts_with = "id")]
    code: Option<u32>,
    /// All that were given up for this, such as window_closed
    #[arg(long = "given-up-for", id = "reason_word", value_name = "WORD", conflicts_with = "id")]
    given_up_for: Option<String>,
    /// All of this one of our numbers
    #[arg(long, value_name = "ID", conflicts_with = "id")]
    number: Option<String>,
    /// All that were given up before this time, such as 2026-11-27T09:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "id")]
    before: Option<String>,
    /// All
    #[arg(long, conflicts_with_all = ["id", "code", "reason_word", "before"])]
    all: bool,
}

impl Filter {
    fn body(self) -> Map<String, Value> {
        let Self { code, given_up_for, number, before, all } = self;
        let mut body = Map::new();
        body.extend(code.map(|code| ("code".to_owned(), json!(code))));
        let words = [("reason", given_up_for), ("phone_number_id", number), ("before", before)];
        body.extend(words.into_iter().filter_map(|(name, word)| Some((name.to_owned(), json!(word?)))));
        body.extend(all.then(|| ("all".to_owned(), json!(true))));
        body
    }
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let Args { api: args, command } = args;
    let json = args.json;
    args.run(|api| async move {
        match command {
            Command::List { state, code, number, conversation, older_than, resolved } => {
                let letters = resolved || state.as_deref() == Some("dead");
                let pairs = [
                    ("state", state.filter(|_| !letters)),
                    ("resolved", resolved.then(|| "true".to_owned())),
                    ("code", code.map(|code| code.to_string())),
                    ("phone_number_id", number),
                    ("conversation", conversation.filter(|_| !letters)),
                    ("older_than", older_than.filter(|_| !letters)),
                ];
                let query: Vec<_> = pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
                match letters {
                    true => api.print_list("/api/v1/dead-letters", &query, json, letter).await,
                    false => api.print_list("/api/v1/outbox", &query, json, message).await,
                }
            }
            Command::Groups => groups(&api, json).await,
            Command::Show { id } => {
                let path = match &*id {
                    id if id.starts_with("o_") => format!("/api/v1/outbox/{}", part(id)?),
                    id if id.starts_with("rb_") => format!("/api/v1/outbox/batches/{}", part(id)?),
                    id => format!("/api/v1/dead-letters/{}", part(id)?),
                };
                print_object(&api.json(api.request(Method::GET, &path, &[])).await?, json);
                Ok(())
            }
            Command::Retry { id: Some(id), dry_run, .. } => {
                let path = match id.starts_with("o_") {
                    true => format!("/api/v1/outbox/{}/release", part(&id)?),
                    false => format!("/api/v1/dead-letters/{}/retry", part(&id)?),
                };
                if dry_run {
                    return many(&api, "retry", [("ids".to_owned(), json!([id]))].into_iter().collect(), true, json)
                        .await;
                }
                print_object(&api.json(api.request(Method::POST, &path, &[])).await?, json);
                Ok(())
            }
            Command::Retry { id: None, filter, spread, dry_run } => {
                let mut body = filter.body();
                body.extend(spread.map(|spread| ("spread".to_owned(), json!(spread))));
                many(&api, "retry", body, dry_run, json).await
            }
            Command::Edit { id, message } => {
                let message: Value = serde_json::from_str(&message)
                    .map_err(|error| Failed::new(Exit::Usage, format!("error: the message is not JSON: {error}")))?;
                let path = format!("/api/v1/dead-letters/{}/edit", part(&id)?);
                let request = api.request(Method::POST, &path, &[]).json(&json!({ "message": message }));
                print_object(&api.json(request).await?, json);
                Ok(())
            }
            Command::Drop { id: Some(id), reason, dry_run, .. } => {
                let path = match id.starts_with("o_") {
                    true => format!("/api/v1/outbox/{}/drop", part(&id)?),
                    false => format!("/api/v1/dead-letters/{}/drop", part(&id)?),
                };
                if dry_run {
                    let body = [("ids".to_owned(), json!([id])), ("why".to_owned(), json!(reason))];
                    return many(&api, "drop", body.into_iter().collect(), true, json).await;
                }
                let request = api.request(Method::POST, &path, &[]).json(&json!({ "reason": reason }));
                print_object(&api.json(request).await?, json);
                Ok(())
            }
            Command::Drop { id: None, filter, reason, dry_run } => {
                let mut body = filter.body();
                body.insert("why".to_owned(), json!(reason));
                many(&api, "drop", body, dry_run, json).await
            }
            Command::Pause { number, reason } => {
                let path = format!("/api/v1/numbers/{}/pause", part(&number)?);
                let request = api.request(Method::POST, &path, &[]).json(&json!({ "reason": reason }));
                print_object(&api.json(request).await?, json);
                Ok(())
            }
            Command::Resume { number } => {
                let path = format!("/api/v1/numbers/{}/resume", part(&number)?);
                print_object(&api.json(api.request(Method::POST, &path, &[])).await?, json);
                Ok(())
            }
        }
    })
}

async fn many(api: &Api, verb: &str, body: Map<String, Value>, dry_run: bool, json: bool) -> Result<(), Failed> {
    let path = format!("/api/v1/dead-letters/{verb}");
    let query: Vec<_> = dry_run.then(|| ("dry_run", "true".to_owned())).into_iter().collect();
    let done = api.json(api.request(Method::POST, &path, &query).json(&body)).await?;
    if json {
        print_object(&done, true);
    } else {
        data(&sentence(verb, &done, dry_run));
    }
    if done["more"] == true {
        talk("there are more than one call takes: run it again");
    }
    Ok(())
}

/// `214 letters, est. 4 min, 31 are past their window and will be skipped`.
fn sentence(verb: &str, done: &Value, dry_run: bool) -> String {
    let (letters, seconds) = (&done["letters"], done["estimated_seconds"].as_u64());
    let skipped = |(why, count): (&String, &Value)| format!("{count} {}", why.replace('_', " "));
    let skipped: Vec<_> = done["skipped"].as_object().into_iter().flatten().map(skipped).collect();
    match (verb, dry_run) {
        ("retry", true) => {
            let skipped = if skipped.is_empty() { "none".to_owned() } else { skipped.join(", ") };
            format!(
                "{letters} dead letters, {} can go now, at least {} s; skipped: {skipped}",
                done["retryable"],
                seconds.unwrap_or_default()
            )
        }
        ("retry", false) => format!(
            "{letters} dead letters go again over {} s: parlance outbox show {}",
            done["spread_seconds"],
            text(done, "id")
        ),
        (_, true) => format!("{letters} dead letters would be dropped"),
        (_, false) => format!("{} of {letters} dead letters were dropped", done["dropped"]),
    }
}

async fn groups(api: &Api, json: bool) -> Result<(), Failed> {
    let found = api.json(api.request(Method::GET, "/api/v1/dead-letters/groups", &[])).await?;
    for group in found["items"].as_array().into_iter().flatten() {
        if json {
            data(&group.to_string());
            continue;
        }
        let code = group["code"].as_u64().map_or_else(|| "-".to_owned(), |code| code.to_string());
        let (reason, meaning, fix) = (text(group, "reason"), text(group, "meaning"), text(group, "fix"));
        data(&format!("{:>6}  {code:<7} {reason:<16} since {}", group["count"], text(group, "oldest_at")));
        data(&format!("        {meaning}\n        {fix}"));
    }
    if found["items"].as_array().is_some_and(Vec::is_empty) {
        talk("no dead letters");
    }
    Ok(())
}

fn message(item: &Value) -> String {
    let error = item["error"]["title"].as_str().unwrap_or_default();
    let (at, state, kind, id) = (text(item, "created_at"), text(item, "state"), text(item, "type"), text(item, "id"));
    format!("{at} {state:<9} {:>2} {kind:<12} {id} {error}", item["attempts"])
}

fn letter(item: &Value) -> String {
    let code = item["code"].as_u64().map_or_else(|| "-".to_owned(), |code| code.to_string());
    let became = item["resolved"]["how"].as_str().map(|how| format!(" ({how})")).unwrap_or_default();
    let (at, id, reason, detail) = (text(item, "at"), text(item, "id"), text(item, "reason"), text(item, "detail"));
    format!("{at} {id:>6} {code:<7} {reason:<16} {}{became} {detail}", text(item, "conversation"))
}

/// A name that becomes part of an address: nothing else may be in it.
pub(super) fn part(name: &str) -> Result<&str, Failed> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    match !name.is_empty() && name.bytes().all(plain) {
        true => Ok(name),
        false => Err(Failed::new(Exit::NotFound, format!("error: there is no {name:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_one_sentence() {
        let plan =
            json!({ "letters": 214, "retryable": 183, "estimated_seconds": 240, "skipped": { "window_closed": 31 } });
        assert_eq!(
            sentence("retry", &plan, true),
            "214 dead letters, 183 can go now, at least 240 s; skipped: 31 window closed"
        );
        assert_eq!(sentence("drop", &json!({ "letters": 3, "dropped": 2 }), false), "2 of 3 dead letters were dropped");
        assert!(part("../x").is_err() && part("o_1-2").is_ok());
    }
}
