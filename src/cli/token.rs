//! `parlance token …`: credentials of programs.

use reqwest::Method;
use serde_json::{Value, json};

use super::api::{ApiArgs, print_object, segment, text};
use super::output::{Failed, data, talk};
use super::user::{ROLES, Write, numbers};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the tokens, without their secrets
    List,
    /// Make a token; its secret is printed this once
    Create {
        /// What it is for; the audit trail calls it so
        name: String,
        /// What it may do
        #[arg(long, value_parser = ROLES)]
        role: String,
        /// The id of a number that it sees; may be given several times; all numbers without it
        #[arg(long, value_name = "ID")]
        number: Vec<String>,
        /// How long it is good for, such as 12h or 90d; for ever without it
        #[arg(long, value_name = "DURATION")]
        expires: Option<String>,
        #[command(flatten)]
        write: Write,
    },
    /// End a token at once
    Revoke {
        /// Name or id
        token: String,
        #[command(flatten)]
        write: Write,
    },
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let Args { api: args, command } = args;
    let json = args.json;
    args.run(|api| async move {
        match command {
            Command::List => api.print_list("/api/v1/tokens", &[], json, line).await,
            Command::Create { name, role, number, expires, write } => {
                let numbers = (!number.is_empty()).then_some(number);
                let body = json!({ "name": name, "role": role, "numbers": numbers, "expires_in": expires });
                let request = api.request(Method::POST, "/api/v1/tokens", &write.query()).json(&body);
                let made = api.json(request).await?;
                match made["secret"].as_str() {
                    // The secret alone, so that it can go into a file or a pipe.
                    Some(secret) if !json => {
                        talk(&format!("{} {} {}; this is the only time it is shown:", text(&made, "id"), name, role));
                        data(secret);
                    }
                    _ => print_object(&made, json),
                }
                Ok(())
            }
            Command::Revoke { token, write } => {
                let path = format!("/api/v1/tokens/{}", segment(&token)?);
                let answer = api.answer(api.request(Method::DELETE, &path, &write.query())).await?;
                let ended: Value = answer.json().await.unwrap_or_else(|_| json!({ "name": token, "revoked": true }));
                print_object(&ended, json);
                Ok(())
            }
        }
    })
}

fn line(token: &Value) -> String {
    let until = if token["expired"] == true { "expired" } else { text(token, "expires_at") };
    let (name, prefix, role) = (text(token, "name"), text(token, "prefix"), text(token, "role"));
    format!("{name:<24} {prefix:<9} {role:<10} {:<20} {until:<24} {}", numbers(token), text(token, "last_used_at"))
}
