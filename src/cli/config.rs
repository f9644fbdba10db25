//! `parlance config …`: what the settings are and where they come from, here or in a running server.

use std::path::PathBuf;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::api::{Api, ApiArgs, refusal, text};
use super::output::{Failed, data, talk};
use super::{ConfigArgs, Exit};
use crate::config::keys::{self, Effect};
use crate::config::{Change, Config, Draft, Errors, Mode, Origin, schema};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Say what is wrong with a file, and what it would change
    #[command(after_help = CHECK_EXAMPLES)]
    Check {
        /// The file; else the one that is used
        file: Option<PathBuf>,
        #[command(flatten)]
        local: Local,
    },
    /// List all keys with their values
    #[command(after_help = SHOW_EXAMPLES)]
    Show {
        /// With where each value comes from, and how a change takes effect
        #[arg(long)]
        sources: bool,
        /// Only keys that begin so
        #[arg(value_name = "PREFIX")]
        prefix: Option<String>,
        #[command(flatten)]
        local: Local,
    },
    /// Print the JSON Schema of a configuration file
    Schema,
    /// Say what a key is for, what it takes, and which variable sets it
    Explain {
        /// The key, such as outbox.max_attempts
        key: String,
    },
    /// Let a running server read its configuration again
    Reload {
        /// Only say what would change
        #[arg(long)]
        dry_run: bool,
    },
}

const CHECK_EXAMPLES: &str = "Examples:
  parlance config check                     the configuration that `serve` would use here
  parlance config check new.toml            and what it changes of it
  parlance config check new.toml --url http://127.0.0.1:8081   … of what runs there";
const SHOW_EXAMPLES: &str = "Examples:
  parlance config show outbox.
  parlance config show --sources --json";

/// Where there is no server to ask.
#[derive(clap::Args)]
struct Local {
    #[command(flatten)]
    config: ConfigArgs,
    /// As `parlance dev` reads it: what identifies us at Meta may be missing
    #[arg(long)]
    dev: bool,
}

impl Local {
    fn origin(self) -> Origin {
        let mode = if self.dev { Mode::Dev } else { Mode::Serve };
        Origin { file: self.config.config, overrides: Vec::new(), generated: Vec::new(), mode }
    }
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let Args { api, command } = args;
    let json = api.json;
    match command {
        Command::Check { file, .. } if api.finds_one() => {
            api.run(|api| async move { check_there(&api, file, json).await })
        }
        Command::Check { file, local } => check_here(file, local, json),
        Command::Show { sources, prefix, .. } if api.finds_one() => api.run(|api| async move {
            let answer = api.json(api.request(Method::GET, "/api/v1/config", &[])).await?;
            show(&answer, sources, prefix.as_deref(), json);
            Ok(())
        }),
        Command::Show { sources, prefix, local } => show_here(local, sources, prefix.as_deref(), json),
        Command::Schema => {
            data(&serde_json::to_string_pretty(&schema()).unwrap_or_default());
            Ok(())
        }
        Command::Explain { key } => explain(&key, json),
        Command::Reload { dry_run } => api.run(|api| async move { reload(&api, dry_run, json).await }),
    }
}

async fn check_there(api: &Api, file: Option<PathBuf>, json: bool) -> Result<(), Failed> {
    let Some(file) = file else {
        return Err(Failed::new(Exit::Usage, "error: name the file that the server is to check"));
    };
    let request = api.request(Method::POST, "/api/v1/config/check", &[]);
    let answer = api.json(request.header("content-type", "application/toml").body(read(&file)?)).await?;
    let problems = answer["problems"].as_array().map_or(&[][..], Vec::as_slice);
    if json {
        data(&answer.to_string());
    } else {
        for problem in problems {
            talk(&told(problem).replace("the text:", &format!("{}:", file.display())));
        }
        changes(&answer["changes"]);
    }
    match problems.len() {
        0 => Ok(()),
        count => Err(Failed::new(Exit::Config, format!("{count} problems; nothing was changed"))),
    }
}

fn told(problem: &Value) -> String {
    let place = problem["source"].as_str().map(|source| format!("\n  --> {source}")).unwrap_or_default();
    format!("error: {}{place}\n   = help: {}", text(problem, "what"), text(problem, "help"))
}

fn read(file: &std::path::Path) -> Result<String, Failed> {
    std::fs::read_to_string(file)
        .map_err(|error| Failed::new(Exit::NotFound, format!("error: {} cannot be read: {error}", file.display())))
}

fn check_here(file: Option<PathBuf>, local: Local, json: bool) -> Result<(), Failed> {
    let origin = local.origin();
    let wanted = Origin { file: file.clone().or_else(|| origin.file.clone()), ..origin.clone() };
    let config = wanted.read(Draft::File).map_err(|errors| wrong(&errors, json))?;
    // What is in use may be missing or wrong; then there is nothing to compare with.
    let before = file.and_then(|_| origin.read(Draft::File).ok());
    let differing = before.map(|before| config.changes_from(before.settings())).unwrap_or_default();
    let listed: Value = differing.iter().map(changed).collect();
    if json {
        data(&json!({ "problems": [], "changes": listed }).to_string());
    } else {
        changes(&listed);
        data("the configuration is fine");
    }
    Ok(())
}

fn wrong(errors: &Errors, json: bool) -> Failed {
    if json {
        let problems: Vec<_> = errors.0.iter().map(|problem| json!(problem)).collect();
        data(&json!({ "problems": problems, "changes": [] }).to_string());
    }
    Failed::new(Exit::Config, errors.to_string())
}

fn show_here(local: Local, sources: bool, prefix: Option<&str>, json: bool) -> Result<(), Failed> {
    let config = local.origin().read(Draft::File).map_err(|errors| Failed::new(Exit::Config, errors.to_string()))?;
    show(&json!({ "items": items(&config) }), sources, prefix, json);
    Ok(())
}

fn items(config: &Config) -> Value {
    let item = |(key, shown): (&String, &crate::config::Shown)| {
        let effect = keys::find(key).map_or(Effect::Restart, |key| key.effect);
        let (value, set, line) = (shown.json(key), shown.is_set(), shown.line(key));
        json!({ "key": key, "value": value, "set": set, "shown": line, "source": shown.source.to_string(), "effect": effect })
    };
    config.settings().iter().map(item).collect()
}

/// Prints a list of keys, whoever made it.
fn show(answer: &Value, sources: bool, prefix: Option<&str>, json: bool) {
    for item in answer["items"].as_array().into_iter().flatten() {
        let key = text(item, "key");
        if !prefix.is_none_or(|prefix| key.starts_with(prefix)) {
            continue;
        }
        if json {
            data(&item.to_string());
            continue;
        }
        let line = format!("{key:<42} {}", text(item, "shown"));
        data(&match sources {
            true => format!("{line:<66} {} ({})", text(item, "source"), text(item, "effect")),
            false => line,
        });
        if let Some(waiting) = item["waiting"].as_str() {
            data(&format!("{:<42} {waiting} with the next start", ""));
        }
    }
}

fn explain(name: &str, json: bool) -> Result<(), Failed> {
    let Some(key) = keys::find(name) else {
        let help = match keys::nearest_to(name) {
            Some(near) => format!("did you mean {near}?"),
            None => "parlance config show lists all".to_owned(),
        };
        return Err(Failed::new(Exit::NotFound, format!("error: there is no key {name}\n  = help: {help}")));
    };
    let (takes, default, variable, reason) = (key.takes(), key.default(), key.variable(), key.reason());
    if json {
        let all = json!({
            "key": key.name, "takes": takes, "default": default, "variable": variable, "effect": key.effect, "reason": reason,
        });
        data(&all.to_string());
        return Ok(());
    }
    let effect = match key.effect {
        Effect::Live => "at once, with a reload",
        Effect::Restart => "with the next start",
    };
    data(&format!("{}\n  {reason}\n", key.name));
    data(&format!(
        "  takes      {takes}\n  default    {default}\n  variable   {variable}\n  a change   counts {effect}"
    ));
    Ok(())
}

async fn reload(api: &Api, dry_run: bool, json: bool) -> Result<(), Failed> {
    let query = [("dry_run", dry_run.to_string())];
    let answer = api.send(api.request(Method::POST, "/api/v1/config/reload", &query)).await?;
    let status = answer.status();
    let answer: Value = answer.json().await.unwrap_or_default();
    if !status.is_success() {
        if status == StatusCode::UNPROCESSABLE_ENTITY {
            for problem in answer["problems"].as_array().into_iter().flatten() {
                talk(&told(problem));
            }
        }
        return Err(refusal(status, &answer));
    }
    if json {
        data(&answer.to_string());
        return Ok(());
    }
    changes(&answer["changes"]);
    let count = answer["changes"].as_array().map_or(0, Vec::len);
    talk(match (count, dry_run) {
        (0, _) => "nothing has changed",
        (_, true) => "nothing was changed: this was a dry run",
        (_, false) => "the configuration was read again",
    });
    Ok(())
}

/// A change as the API has it.
fn changed(change: &Change) -> Value {
    let shown = |shown: &Option<crate::config::Shown>| shown.as_ref().map(|shown| shown.line(&change.key));
    json!({ "key": change.key, "before": shown(&change.before), "after": shown(&change.after), "effect": change.effect })
}

fn changes(list: &Value) {
    for change in list.as_array().into_iter().flatten() {
        let effect = if change["effect"] == "live" { "live" } else { "needs a restart" };
        let (key, before, after) = (text(change, "key"), text(change, "before"), text(change, "after"));
        data(&format!("{key:<42} {before} -> {after}   {effect}"));
    }
}
