//! `parlance bot publish` and `parlance bot rollback`: which version is live on a running server.

use std::path::{Path, PathBuf};

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};

use crate::bots::{self, BotFile};
use crate::cli::Exit;
use crate::cli::api::{Api, ApiArgs, refusal};
use crate::cli::output::{Failed, data, talk};

const DIR: &str = "bots";

#[derive(clap::Args)]
#[command(after_help = "Exit codes: 0 done, 3 no such bot or version, 4 something else is live than was thought, \
                        5 nothing runs, 65 the bot or the policy is wrong.\n\
                        Examples:\n  parlance bot publish bots/welcome.yaml --note \"shorter greeting\"\n  \
                        parlance bot publish welcome --migrate same_node --drain-after 24h\n  \
                        parlance bot publish welcome@3 --map old_question=new_question --map gone=end")]
pub(in crate::cli) struct Args {
    /// A bot file; the id of a bot in `bots`; or NAME@VERSION for a version that the server has
    what: String,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  parlance bot rollback welcome --note \"v4 asks twice\"\n  \
                        parlance bot rollback welcome --to 2 --migrate same_node")]
pub(in crate::cli) struct RollbackArgs {
    /// The bot's id
    name: String,
    /// The version, by number or hash; the one before the live one when absent
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(clap::Args)]
struct How {
    /// What for; shown with the version
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// What runs of other versions do: end where they are, or move at the same node
    #[arg(long, value_name = "HOW", value_parser = ["pin", "same_node"])]
    migrate: Option<String>,
    /// Runs at OLD go on at NEW, or `end`; may be given several times
    #[arg(long, value_name = "OLD=NEW", conflicts_with = "migrate", value_parser = pair)]
    map: Vec<(String, String)>,
    /// So long after it, runs that are left move or end, such as 24h
    #[arg(long, value_name = "DURATION")]
    drain_after: Option<String>,
    /// Say what would happen, and do nothing
    #[arg(long)]
    dry_run: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(old, new)| !old.is_empty() && !new.is_empty());
    pair.map(|(old, new)| (old.to_owned(), new.to_owned())).ok_or_else(|| "write OLD=NEW, or OLD=end".to_owned())
}

impl How {
    fn migrate(&self) -> Option<Value> {
        match (&self.migrate, self.map.is_empty()) {
            (Some(word), _) => Some(json!(word)),
            (None, false) => {
                Some(self.map.iter().map(|(old, new)| (old.clone(), json!(new))).collect::<Map<_, _>>().into())
            }
            (None, true) => None,
        }
    }

    fn body(&self) -> Value {
        let mut policy = Map::new();
        policy.extend(self.migrate().map(|migrate| ("migrate".to_owned(), migrate)));
        policy.extend(self.drain_after.as_ref().map(|after| ("drain_after".to_owned(), json!(after))));
        let mut body = json!({ "source": "cli", "author": author(), "note": self.note });
        if !policy.is_empty() {
            body["policy"] = policy.into();
        }
        body
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        let migrate = self.migrate().map(|how| how.as_str().map_or_else(|| how.to_string(), str::to_owned));
        let mut query = vec![("source", "cli".to_owned())];
        query.extend(author().map(|author| ("author", author)));
        query.extend(self.note.clone().map(|note| ("note", note)));
        query.extend(migrate.map(|migrate| ("migrate", migrate)));
        query.extend(self.drain_after.clone().map(|after| ("drain_after", after)));
        query.extend(self.dry_run.then(|| ("dry_run", "true".to_owned())));
        query
    }

    fn dry_run(&self) -> Vec<(&'static str, String)> {
        self.dry_run.then(|| ("dry_run", "true".to_owned())).into_iter().collect()
    }
}

/// Who is at this machine, as far as it says so.
fn author() -> Option<String> {
    std::env::var("USER").ok().filter(|name| !name.is_empty())
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let Args { what, how, api } = args;
    let file = file_of(&what)?;
    let json = api.json;
    api.run(|api| async move {
        let answer = match file {
            Some(file) => put(&api, &file, &how).await?,
            None => publish(&api, &what, &how).await?,
        };
        tell(&answer, json);
        Ok(())
    })
}

pub(super) fn roll_back(args: RollbackArgs) -> Result<(), Failed> {
    let RollbackArgs { name, to, how, api } = args;
    let json = api.json;
    api.run(|api| async move {
        let mut body = how.body();
        if let Some(to) = to {
            body["to"] = json!(to);
        }
        let path = format!("/api/v1/bots/{name}/rollback");
        tell(&post(&api, &path, &how, &body).await?, json);
        Ok(())
    })
}

/// The file that is meant: one of this path, or that of a bot of this id.
fn file_of(what: &str) -> Result<Option<BotFile>, Failed> {
    let path = Path::new(what);
    if path.is_file() || chatbot::Format::by_extension(path).is_some() {
        return super::load(path).map(Some);
    }
    if what.contains('@') || !Path::new(DIR).is_dir() {
        return Ok(None);
    }
    let files = bots::read_dir(Path::new(DIR));
    let files = files.map_err(|error| Failed::new(Exit::NotFound, format!("error: {error}")))?;
    let of_it = |file: &BotFile| file.loaded.bot.as_ref().is_some_and(|bot| bot.id() == what);
    // A broken file has no id; its name is the best guess then.
    let named = |file: &BotFile| file.loaded.bot.is_none() && file.path.file_stem().is_some_and(|stem| stem == what);
    let path: Option<PathBuf> = files.iter().find(|file| of_it(file) || named(file)).map(|file| file.path.clone());
    path.map(|path| super::load(&path)).transpose()
}

async fn put(api: &Api, file: &BotFile, how: &How) -> Result<Value, Failed> {
    let id = file.loaded.bot.as_ref().map(|bot| bot.id().to_owned()).unwrap_or_default();
    let is_json = chatbot::Format::by_extension(&file.path) == Some(chatbot::Format::Json);
    // The server has no folder in which files of Flows could lie: they go with the bot, in its canonical form.
    let whole = file.loaded.bot.as_ref().filter(|_| !file.flows.is_empty()).map(chatbot::Bot::canonical_json);
    let content_type = if is_json || whole.is_some() { "application/json" } else { "application/yaml" };
    let body = whole.unwrap_or_else(|| file.source.clone());
    let request = api.request(Method::PUT, &format!("/api/v1/bots/{id}"), &how.query());
    let answer = api.send(request.header(CONTENT_TYPE, content_type).body(body)).await?;
    answered(answer, Some(&file.path)).await
}

async fn publish(api: &Api, what: &str, how: &How) -> Result<Value, Failed> {
    let (name, version) = what.split_once('@').map_or((what, None), |(name, version)| (name, Some(version)));
    let mut body = how.body();
    if let Some(version) = version {
        body["version"] = json!(version);
    }
    post(api, &format!("/api/v1/bots/{name}/publish"), how, &body).await
}

async fn post(api: &Api, path: &str, how: &How, body: &Value) -> Result<Value, Failed> {
    answered(api.send(api.request(Method::POST, path, &how.dry_run()).json(body)).await?, None).await
}

/// The answer; a refusal with what is wrong with the bot.
async fn answered(answer: reqwest::Response, file: Option<&Path>) -> Result<Value, Failed> {
    let status = answer.status();
    let body: Value = answer.json().await.unwrap_or_default();
    if status.is_success() {
        return Ok(body);
    }
    for found in body["diagnostics"].as_array().into_iter().flatten() {
        talk(&rendered(found, file));
    }
    Err(refusal(status, &body))
}

fn rendered(found: &Value, file: Option<&Path>) -> String {
    let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
    let place = file.map_or_else(|| text("file"), |file| file.display().to_string());
    let help = found["help"].as_str().map(|help| format!("\n  = help: {help}")).unwrap_or_default();
    format!(
        "{}[{}]: {}\n  --> {place}:{}:{}{help}\n",
        text("severity"),
        text("code"),
        text("message"),
        found["line"],
        found["column"]
    )
}

fn tell(answer: &Value, json: bool) {
    if json {
        data(&answer.to_string());
        return;
    }
    for found in answer["problems"].as_array().into_iter().flatten() {
        talk(&rendered(found, None));
    }
    for name in answer["missing_files"].as_array().into_iter().flatten() {
        talk(&format!("warning: the server does not have the file {name}: its message will fail"));
    }
    let (id, number) = (answer["id"].as_str().unwrap_or_default(), &answer["number"]);
    let what = answer["changes"].as_str().unwrap_or("new");
    data(&match (answer["dry_run"] == true, answer["changed"] == true) {
        (true, _) => format!("{id} v{number} would go live: {what}"),
        (false, true) => format!("{id} v{number} live: {what}"),
        (false, false) => format!("{id} v{number} is live already"),
    });
}
