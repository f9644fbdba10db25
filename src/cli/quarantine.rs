//! `parlance quarantine …`: what was acknowledged and did not run.

use reqwest::Method;
use serde_json::{Value, json};

use super::Exit;
use super::api::{Api, ApiArgs, print_object, text};
use super::outbox::part;
use super::output::{Failed, data, says_yes, talk};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List what was put aside, newest first
    List {
        /// Put aside for this: unknown_number, unreadable, too_old, wrong_app
        #[arg(long, value_name = "WHY")]
        reason: Option<String>,
    },
    /// Take it in again, as if it came now: one, those of a kind, or all
    ///
    /// What is too old, and may have run before, and what another app or an unknown one has signed needs --yes.
    Release {
        #[command(flatten)]
        which: Which,
        /// Only say what would come of it
        #[arg(long)]
        dry_run: bool,
    },
    /// Drop it for good: one, those of a kind, or all
    Drop {
        #[command(flatten)]
        which: Which,
        /// Why, for the audit trail
        #[arg(long, value_name = "TEXT")]
        why: String,
        /// Only say how much it would be
        #[arg(long)]
        dry_run: bool,
    },
}

/// What is meant.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// Its number in the list
    id: Option<String>,
    /// Put aside for this: unknown_number, unreadable, too_old, wrong_app
    #[arg(long, value_name = "WHY")]
    reason: Option<String>,
    /// All of it
    #[arg(long)]
    all: bool,
}

impl Which {
    /// Where it is asked, and what is said of which.
    fn ask(self, verb: &str) -> Result<(String, Value), Failed> {
        let Self { id, reason, all } = self;
        Ok(match id {
            Some(id) => (format!("/api/v1/quarantine/{}/{verb}", part(&id)?), json!({})),
            None => (format!("/api/v1/quarantine/{verb}"), json!({ "reason": reason, "all": all })),
        })
    }
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let Args { api: args, command } = args;
    let json = args.json;
    args.run(|api| async move {
        match command {
            Command::List { reason } => {
                let query: Vec<_> = reason.map(|reason| ("reason", reason)).into_iter().collect();
                api.print_list("/api/v1/quarantine", &query, json, line).await
            }
            Command::Release { which, dry_run } => {
                let (path, mut body) = which.ask("release")?;
                body["confirm"] = says_yes().into();
                let done = post(&api, &path, &body, dry_run).await?;
                released(&done, dry_run, json)
            }
            Command::Drop { which, why, dry_run } => {
                let is_one = which.id.is_some();
                let (path, mut body) = which.ask("drop")?;
                body[if is_one { "reason" } else { "why" }] = why.into();
                let done = post(&api, &path, &body, dry_run).await?;
                if json {
                    print_object(&done, true);
                } else if dry_run {
                    data(&format!("{} would be dropped", done["found"]));
                } else {
                    data(&format!("{} of {} were dropped", done["dropped"], done["found"]));
                }
                more(&done);
                Ok(())
            }
        }
    })
}

async fn post(api: &Api, path: &str, body: &Value, dry_run: bool) -> Result<Value, Failed> {
    let query: Vec<_> = dry_run.then(|| ("dry_run", "true".to_owned())).into_iter().collect();
    api.json(api.request(Method::POST, path, &query).json(body)).await
}

fn released(done: &Value, dry_run: bool, json: bool) -> Result<(), Failed> {
    let would = if dry_run { "would be taken in" } else { "taken in again" };
    if json {
        print_object(done, true);
    } else if done["found"].is_null() {
        data(&format!("{} {would}", text(done, "id")));
    } else {
        data(&format!("{} of {} {would}", done["released"], done["found"]));
        for stays in done["stay"].as_array().into_iter().flatten() {
            talk(&format!("{} stays: {}", text(stays, "id"), text(stays, "why")));
        }
    }
    more(done);
    // A script must see that something stays.
    match done["found"] == done["released"] {
        true => Ok(()),
        false => Err(Failed::new(Exit::Conflict, "some of it stays in quarantine")),
    }
}

fn more(done: &Value) {
    if done["more"] == true {
        talk("there is more than one call takes: run it again");
    }
}

fn line(item: &Value) -> String {
    let mark = if item["releasable"] == true { ' ' } else { '!' };
    let (at, id, reason, detail) = (text(item, "at"), text(item, "id"), text(item, "reason"), text(item, "detail"));
    format!("{at} {id:>6}{mark} {reason:<15} {detail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_asked_for_by_its_number_and_many_by_their_kind() {
        let one = Which { id: Some("12".into()), reason: None, all: false };
        assert_eq!(one.ask("drop").unwrap(), ("/api/v1/quarantine/12/drop".into(), json!({})));
        let many = Which { id: None, reason: Some("too_old".into()), all: false };
        let (path, body) = many.ask("release").unwrap();
        assert_eq!((&*path, body), ("/api/v1/quarantine/release", json!({ "reason": "too_old", "all": false })));
        assert!(Which { id: Some("../x".into()), reason: None, all: false }.ask("drop").is_err());
    }

    #[test]
    fn what_stays_makes_the_command_fail() {
        assert!(released(&json!({ "found": 2, "released": 2, "stay": [] }), false, true).is_ok());
        let some = released(&json!({ "found": 2, "released": 1, "stay": [] }), false, true).unwrap_err();
        assert_eq!(some.exit, Exit::Conflict);
        assert!(
            released(&json!({ "id": "12", "taken": {} }), true, true).is_ok(),
            "a single one is refused by the server"
        );
    }
}
