//! `parlance message send` and `parlance run start`: what programs begin, by hand.

use std::path::PathBuf;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::Exit;
use super::api::{ApiArgs, print_object};
use super::broadcast::json_file;
use super::outbox::part;
use super::output::Failed;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  parlance message send +447700900123 --text 'It is on its way'\n  \
                        parlance message send +447700900123 --message template.json --key order-17\n  \
                        parlance message show o_…")]
pub(super) struct MessageArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    command: MessageCommand,
}

#[derive(clap::Subcommand)]
enum MessageCommand {
    /// Send a template to anybody, or a reply to whoever wrote within 24 hours
    Send {
        /// A number with its country code, a user id, or c_…
        to: String,
        /// A text
        #[arg(long, value_name = "TEXT", required_unless_present = "message", conflicts_with = "message")]
        text: Option<String>,
        /// File with a message of the Cloud API without `to`
        #[arg(long, value_name = "FILE")]
        message: Option<PathBuf>,
        /// From this one of our numbers
        #[arg(long, value_name = "ID")]
        from: Option<String>,
        /// With the same key it is sent once within 24 hours
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
        /// Also where somebody else answers
        #[arg(long)]
        force: bool,
    },
    /// Show how a message stands
    Show {
        /// As it was given out
        id: String,
    },
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  parlance run start order.paid --to +447700900123 --variables '{\"order\": \"A-17\"}'"
)]
pub(super) struct RunArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    command: RunCommand,
}

#[derive(clap::Subcommand)]
enum RunCommand {
    /// Start a bot's trigger `api` for somebody
    Start {
        /// The name of the trigger
        trigger: String,
        /// A number with its country code, a user id, or c_…
        #[arg(long)]
        to: String,
        /// Over this one of our numbers
        #[arg(long, value_name = "ID")]
        from: Option<String>,
        /// The bot, where it is not the one that answers there
        #[arg(long, value_name = "ID")]
        bot: Option<String>,
        /// What the bot finds as input.data, as a JSON object
        #[arg(long, value_name = "JSON", default_value = "{}")]
        variables: String,
        /// With the same key it counts once within 24 hours
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
    },
}

pub(super) fn message(args: MessageArgs) -> Result<(), Failed> {
    let MessageArgs { api: args, command } = args;
    let json_output = args.json;
    args.run(|api| async move {
        let request = match command {
            MessageCommand::Send { to, text, message, from, key, force } => {
                let message = match (text, message) {
                    (Some(text), _) => json!({ "type": "text", "text": { "body": text } }),
                    (None, Some(path)) => json_file(&path)?,
                    (None, None) => Value::Null,
                };
                let body = json!({ "to": to, "from": from, "message": message });
                let query = force.then(|| ("force", "true".to_owned()));
                keyed(api.request(Method::POST, "/api/v1/messages", query.as_slice()).json(&body), key.as_deref())
            }
            MessageCommand::Show { id } => api.request(Method::GET, &format!("/api/v1/messages/{}", part(&id)?), &[]),
        };
        print_object(&api.json(request).await?, json_output);
        Ok(())
    })
}

pub(super) fn run(args: RunArgs) -> Result<(), Failed> {
    let RunArgs { api: args, command } = args;
    let json_output = args.json;
    args.run(|api| async move {
        let RunCommand::Start { trigger, to, from, bot, variables, key } = command;
        let variables: Value = serde_json::from_str(&variables)
            .map_err(|error| Failed::new(Exit::Usage, format!("error: --variables is not JSON: {error}")))?;
        let body = json!({ "to": to, "from": from, "bot": bot, "trigger": trigger, "variables": variables });
        let request = keyed(api.request(Method::POST, "/api/v1/runs", &[]).json(&body), key.as_deref());
        print_object(&api.json(request).await?, json_output);
        Ok(())
    })
}

fn keyed(request: RequestBuilder, key: Option<&str>) -> RequestBuilder {
    match key {
        Some(key) => request.header("idempotency-key", key),
        None => request,
    }
}
