//! `parlance number …`: the business numbers of a running server, and their secrets.

use std::io::Read;
use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::Exit;
use super::api::{Api, ApiArgs, print_object, text};
use super::output::{Failed, data, talk};

const NUMBERS: &str = "/api/v1/numbers";

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the numbers that are served
    List,
    /// Show one
    Show {
        /// Meta's id of it
        id: String,
    },
    /// Serve one more number, at once; its secrets lie encrypted in the store
    #[command(after_help = ADD_EXAMPLES)]
    Add(Box<Add>),
    /// Change a number that the store keeps
    Change(Box<Change>),
    /// Serve a number no longer, and forget its secrets
    Remove {
        /// Meta's id of it
        id: String,
        /// Although something of it is open
        #[arg(long)]
        force: bool,
        /// Only say whether it can be done
        #[arg(long)]
        dry_run: bool,
    },
    /// Ask Meta for the number with its token, and say what is wrong
    Test {
        /// Meta's id of it
        id: String,
    },
    /// Stop sending from a number; what is to be sent waits
    Pause {
        /// Meta's id of it
        id: String,
        /// Why, for those who wonder
        #[arg(long)]
        reason: String,
    },
    /// Send from a number again
    Resume {
        /// Meta's id of it
        id: String,
    },
    /// Show where the secrets of a number come from, or set some; nobody can read them back
    #[command(after_help = SECRETS_EXAMPLES)]
    Secrets(Box<Secrets>),
}

const ADD_EXAMPLES: &str = "Examples:
  parlance number add 106540352242922 --account 102290129340398 --access-token-file token.txt --dry-run
  parlance number add 106540352242922 --access-token-file - --label Support < token.txt";
const SECRETS_EXAMPLES: &str = "Examples:
  parlance number secrets 106540352242922
  parlance number secrets 106540352242922 --app-secret-file new-secret.txt
  parlance number secrets 106540352242922 --remove app_secret_previous";

/// Secrets come from files: a command line is seen by everybody on the machine.
#[derive(clap::Args)]
struct SecretFiles {
    /// File with the app secret; - is standard input
    #[arg(long, value_name = "FILE")]
    app_secret_file: Option<PathBuf>,
    /// File with the text that proves subscription requests
    #[arg(long, value_name = "FILE")]
    verify_token_file: Option<PathBuf>,
    /// File with the private key of Flows
    #[arg(long, value_name = "FILE")]
    flow_private_key_file: Option<PathBuf>,
    /// File with what opens that key
    #[arg(long, value_name = "FILE")]
    flow_private_key_passphrase_file: Option<PathBuf>,
}

#[derive(clap::Args)]
struct Add {
    /// Meta's id of it, not the number itself
    id: String,
    /// Id of the business account
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// File with the access token; - is standard input
    #[arg(long, value_name = "FILE")]
    access_token_file: PathBuf,
    #[command(flatten)]
    secrets: SecretFiles,
    /// What people call it
    #[arg(long)]
    label: Option<String>,
    /// Messages per second; 0 is no limit
    #[arg(long, value_name = "N")]
    messages_per_second: Option<u32>,
    /// It is used in the WhatsApp Business app, too
    #[arg(long)]
    coexistence: bool,
    /// Id of the bot that answers
    #[arg(long)]
    bot: Option<String>,
    /// Test it at Meta, and change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(clap::Args)]
struct Change {
    /// Meta's id of it
    id: String,
    /// Id of the business account; empty: not known
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// What people call it
    #[arg(long)]
    label: Option<String>,
    /// Messages per second; 0 is no limit
    #[arg(long, value_name = "N", conflicts_with = "usual_rate")]
    messages_per_second: Option<u32>,
    /// Messages per second as for all others
    #[arg(long)]
    usual_rate: bool,
    /// Whether it is used in the WhatsApp Business app, too
    #[arg(long)]
    coexistence: Option<bool>,
    /// Id of the bot that answers; empty: the default
    #[arg(long)]
    bot: Option<String>,
    /// Only say whether it can be done
    #[arg(long)]
    dry_run: bool,
}

#[derive(clap::Args)]
struct Secrets {
    /// Meta's id of it
    id: String,
    /// File with the access token; - is standard input
    #[arg(long, value_name = "FILE")]
    access_token_file: Option<PathBuf>,
    #[command(flatten)]
    secrets: SecretFiles,
    /// Takes one away, such as app_secret_previous; may be given several times
    #[arg(long, value_name = "NAME")]
    remove: Vec<String>,
    /// Only say whether it can be done
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let Args { api, command } = args;
    let json = api.json;
    api.run(|api| async move {
        match command {
            Command::List => api.print_list(NUMBERS, &[], json, line).await,
            Command::Show { id } => {
                print_object(&api.json(api.request(Method::GET, &one(&id, ""), &[])).await?, json);
                Ok(())
            }
            Command::Add(add) => add.run(&api, json).await,
            Command::Change(change) => change.run(&api, json).await,
            Command::Remove { id, force, dry_run } => remove(&api, &id, force, dry_run).await,
            Command::Test { id } => tested(&api.json(api.request(Method::POST, &one(&id, "/test"), &[])).await?, json),
            Command::Pause { id, reason } => {
                let request = api.request(Method::POST, &one(&id, "/pause"), &[]).json(&json!({ "reason": reason }));
                print_object(&api.json(request).await?, json);
                Ok(())
            }
            Command::Resume { id } => {
                print_object(&api.json(api.request(Method::POST, &one(&id, "/resume"), &[])).await?, json);
                Ok(())
            }
            Command::Secrets(secrets) => secrets.run(&api, json).await,
        }
    })
}

impl SecretFiles {
    fn put_into(&self, body: &mut Map<String, Value>) -> Result<(), Failed> {
        let files = [
            ("app_secret", &self.app_secret_file),
            ("verify_token", &self.verify_token_file),
            ("flow_private_key", &self.flow_private_key_file),
            ("flow_private_key_passphrase", &self.flow_private_key_passphrase_file),
        ];
        for (name, file) in files {
            if let Some(file) = file {
                body.insert(name.to_owned(), json!(secret(file)?));
            }
        }
        Ok(())
    }
}

impl Add {
    async fn run(self: Box<Self>, api: &Api, json: bool) -> Result<(), Failed> {
        let mut body = Map::new();
        body.insert("phone_number_id".into(), json!(self.id));
        body.insert("access_token".into(), json!(secret(&self.access_token_file)?));
        body.insert("coexistence".into(), json!(self.coexistence));
        self.secrets.put_into(&mut body)?;
        let rate = self.messages_per_second.map(Value::from);
        let texts = [("business_account_id", self.account), ("label", self.label), ("bot", self.bot)];
        let texts = texts.into_iter().map(|(name, text)| (name, text.map(Value::from)));
        for (name, value) in texts.chain([("messages_per_second", rate)]) {
            body.extend(value.map(|value| (name.to_owned(), value)));
        }
        let request = api.request(Method::POST, NUMBERS, &dry(self.dry_run)).json(&body);
        let answer = api.json(request).await?;
        if self.dry_run {
            tested(&answer, json)?;
            talk("nothing was changed: this was a dry run");
            return Ok(());
        }
        print_object(&answer, json);
        talk(&format!("next: parlance number test {}", self.id));
        Ok(())
    }
}

impl Change {
    async fn run(self: Box<Self>, api: &Api, json: bool) -> Result<(), Failed> {
        let mut body = Map::new();
        let texts = [("business_account_id", self.account), ("label", self.label), ("bot", self.bot)];
        for (name, text) in texts {
            body.extend(text.map(|text| (name.to_owned(), json!(text))));
        }
        body.extend(self.coexistence.map(|is| ("coexistence".to_owned(), json!(is))));
        let rate = match (self.messages_per_second, self.usual_rate) {
            (Some(rate), _) => Some(json!(rate)),
            (None, true) => Some(Value::Null),
            (None, false) => None,
        };
        body.extend(rate.map(|rate| ("messages_per_second".to_owned(), rate)));
        let request = api.request(Method::PATCH, &one(&self.id, ""), &dry(self.dry_run)).json(&body);
        print_object(&api.json(request).await?, json);
        Ok(())
    }
}

impl Secrets {
    async fn run(self: Box<Self>, api: &Api, json: bool) -> Result<(), Failed> {
        let mut body = Map::new();
        if let Some(file) = &self.access_token_file {
            body.insert("access_token".into(), json!(secret(file)?));
        }
        self.secrets.put_into(&mut body)?;
        body.extend(self.remove.into_iter().map(|name| (name, Value::Null)));
        let path = one(&self.id, "/secrets");
        let request = match body.is_empty() {
            true => api.request(Method::GET, &path, &[]),
            false => api.request(Method::PUT, &path, &dry(self.dry_run)).json(&body),
        };
        let answer = api.json(request).await?;
        for item in answer["items"].as_array().into_iter().flatten() {
            data(&if json { item.to_string() } else { secret_line(item) });
        }
        Ok(())
    }
}

async fn remove(api: &Api, id: &str, force: bool, dry_run: bool) -> Result<(), Failed> {
    let query = [("force", force.to_string()), ("dry_run", dry_run.to_string())];
    api.answer(api.request(Method::DELETE, &one(id, ""), &query)).await?;
    talk(&match dry_run {
        true => format!("{id} can be removed; nothing was changed: this was a dry run"),
        false => format!("{id} is not served any more; its conversations stay"),
    });
    Ok(())
}

fn tested(answer: &Value, json: bool) -> Result<(), Failed> {
    let problems = answer["problems"].as_array().map_or(&[][..], Vec::as_slice);
    if json {
        data(&answer.to_string());
    } else {
        if let Some(number) = answer["number"].as_object() {
            let word = |name: &str| number.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
            let (shown, name, status) = (word("display_phone_number"), word("verified_name"), word("status"));
            data(&format!("{shown}  {name}  {status}  quality {}", word("quality_rating")));
        }
        for problem in problems {
            talk(&format!("error: {}\n  = help: {}", text(problem, "what"), text(problem, "hint")));
        }
        if problems.is_empty() {
            data("ok: Meta takes the token for this number");
        }
    }
    match problems.len() {
        0 => Ok(()),
        1 => Err(Failed::new(Exit::Failed, "1 problem")),
        count => Err(Failed::new(Exit::Failed, format!("{count} problems"))),
    }
}

fn line(number: &Value) -> String {
    let shown = number["display_phone_number"].as_str().unwrap_or("-");
    let paused = number["paused"]["why"].as_str().map(|why| format!("  paused: {why}")).unwrap_or_default();
    let label = number["label"].as_str().map(|label| format!("  {label}")).unwrap_or_default();
    let (id, bot, origin) = (text(number, "id"), text(number, "bot"), text(number, "origin"));
    format!("{id:<20} {shown:<16} {bot:<16} open {:<6} {origin}{label}{paused}", number["open"])
}

fn secret_line(item: &Value) -> String {
    let set = if item["set"] == true { "set" } else { "-" };
    let since = item["since"].as_str().map(|since| format!("  since {since}")).unwrap_or_default();
    format!("{:<30} {set:<4} {}{since}", text(item, "name"), text(item, "source"))
}

fn one(id: &str, rest: &str) -> String {
    format!("{NUMBERS}/{id}{rest}")
}

fn dry(dry_run: bool) -> Vec<(&'static str, String)> {
    if dry_run { vec![("dry_run", "true".to_owned())] } else { Vec::new() }
}

/// The text of a file without the line break at its end; `-` is standard input.
fn secret(file: &Path) -> Result<String, Failed> {
    let mut read = String::new();
    let done = match file.to_str() {
        Some("-") => std::io::stdin().read_to_string(&mut read).map(|_| ()),
        _ => std::fs::read_to_string(file).map(|text| read = text),
    };
    done.map_err(|error| Failed::new(Exit::NotFound, format!("error: {} cannot be read: {error}", file.display())))?;
    Ok(read.trim_end_matches(['\n', '\r']).to_owned())
}
