//! `parlance user …`: who may log in. And `parlance setup`: the first of them.

use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use super::Exit;
use super::api::{ApiArgs, bare, print_object, segment, text};
use super::output::{Failed, talk};
use super::password::PasswordArgs;

/// What `--role` takes.
pub(super) const ROLES: [&str; 5] = ["viewer", "responder", "author", "operator", "admin"];

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the users
    List,
    /// Show a user
    Show {
        /// Name or id
        user: String,
    },
    /// Make a user
    Create {
        /// What they log in with
        name: String,
        /// What they may do
        #[arg(long, value_parser = ROLES)]
        role: String,
        /// The id of a number that they see; may be given several times; all numbers without it
        #[arg(long, value_name = "ID")]
        number: Vec<String>,
        #[command(flatten)]
        password: PasswordArgs,
        #[command(flatten)]
        write: Write,
    },
    /// Set another password; all sessions of the user end
    Passwd {
        /// Name or id
        user: String,
        #[command(flatten)]
        password: PasswordArgs,
        #[command(flatten)]
        write: Write,
    },
    /// Give another role, or other numbers
    Role {
        /// Name or id
        user: String,
        /// What they may do from now on
        #[arg(value_parser = ROLES)]
        role: String,
        /// The id of a number that they see; may be given several times; as before without it
        #[arg(long, value_name = "ID", conflicts_with = "all_numbers")]
        number: Vec<String>,
        /// They see all numbers
        #[arg(long)]
        all_numbers: bool,
        #[command(flatten)]
        write: Write,
    },
    /// Lock a user out: sessions end, and their tokens are refused
    Disable {
        /// Name or id
        user: String,
        #[command(flatten)]
        write: Write,
    },
    /// Let a user in again
    Enable {
        /// Name or id
        user: String,
        #[command(flatten)]
        write: Write,
    },
    /// Remove a user with their sessions and tokens
    Delete {
        /// Name or id
        user: String,
        #[command(flatten)]
        write: Write,
    },
}

/// How a write is made.
#[derive(clap::Args)]
pub(super) struct Write {
    /// Say what would happen, and do nothing
    #[arg(long)]
    dry_run: bool,
}

impl Write {
    pub(super) fn query(&self) -> Vec<(&'static str, String)> {
        if self.dry_run { vec![("dry_run", "true".to_owned())] } else { Vec::new() }
    }
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let Args { api: args, command } = args;
    let json = args.json;
    args.run(|api| async move {
        let (user, method, change, write) = match command {
            Command::List => return api.print_list("/api/v1/users", &[], json, line).await,
            Command::Show { user } => {
                let request = api.request(Method::GET, &path(&user)?, &[]);
                print_object(&api.json(request).await?, json);
                return Ok(());
            }
            Command::Create { name, role, number, password, write } => {
                let numbers = (!number.is_empty()).then_some(number);
                let body = json!({ "name": name, "role": role, "numbers": numbers, "password": password.read()? });
                let request = api.request(Method::POST, "/api/v1/users", &write.query()).json(&body);
                print_object(&api.json(request).await?, json);
                return Ok(());
            }
            Command::Passwd { user, password, write } => {
                (user, Method::PATCH, json!({ "password": password.read()? }), write)
            }
            Command::Role { user, role, number, all_numbers, write } => {
                let mut change = json!({ "role": role });
                if all_numbers {
                    change["numbers"] = Value::Null;
                } else if !number.is_empty() {
                    change["numbers"] = json!(number);
                }
                (user, Method::PATCH, change, write)
            }
            Command::Disable { user, write } => (user, Method::PATCH, json!({ "disabled": true }), write),
            Command::Enable { user, write } => (user, Method::PATCH, json!({ "disabled": false }), write),
            Command::Delete { user, write } => (user, Method::DELETE, Value::Null, write),
        };
        let mut request = api.request(method, &path(&user)?, &write.query());
        if !change.is_null() {
            request = request.json(&change);
        }
        let answer = api.answer(request).await?;
        let changed: Value = answer.json().await.unwrap_or_else(|_| json!({ "name": user, "deleted": true }));
        print_object(&changed, json);
        Ok(())
    })
}

fn path(user: &str) -> Result<String, Failed> {
    Ok(format!("/api/v1/users/{}", segment(user)?))
}

fn line(user: &Value) -> String {
    let numbers = numbers(user);
    let state = if user["disabled"] == true { "disabled" } else { "" };
    format!(
        "{:<24} {:<10} {numbers:<20} {:<24} {state}",
        text(user, "name"),
        text(user, "role"),
        text(user, "last_login_at")
    )
    .trim_end()
    .to_owned()
}

/// The numbers of a user or a token, in a cell.
pub(super) fn numbers(item: &Value) -> String {
    let named =
        item["numbers"].as_array().map(|ids| ids.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","));
    named.unwrap_or_else(|| "all".to_owned())
}

/// Makes the first admin with the link that `parlance serve` printed
#[derive(clap::Args)]
pub(super) struct SetupArgs {
    /// The link
    link: String,
    /// What the first admin logs in with
    #[arg(long, default_value = "admin")]
    name: String,
    #[command(flatten)]
    password: PasswordArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn set_up(args: SetupArgs) -> Result<(), Failed> {
    let wrong = || Failed::new(Exit::Usage, "error: this is no setup link; copy it as `parlance serve` printed it");
    let link = Url::parse(&args.link).map_err(|_| wrong())?;
    let token = link.fragment().and_then(|fragment| fragment.strip_prefix("/setup/")).ok_or_else(wrong)?.to_owned();
    let mut base = link;
    base.set_fragment(None);
    let body = json!({ "token": token, "name": args.name, "password": args.password.read()? });
    bare(base, |api| async move {
        let user = api.json(api.request(Method::POST, "/api/v1/setup", &[]).json(&body)).await?;
        print_object(&user, args.json);
        talk(&format!(
            "{} may log in now: POST /api/v1/login, or make a token for the command line",
            text(&user, "name")
        ));
        Ok(())
    })
}
