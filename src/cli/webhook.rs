//! `parlance webhook …`: what came to the front door of a running server, and making a webhook by hand.

mod trigger;

use std::path::PathBuf;

use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::Exit;
use super::api::{ApiArgs, print_object, text};
use super::output::{Failed, confirm, data, talk};

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  parlance webhook list --unsigned\n  parlance webhook replay w_0000000100000000\n  \
                        parlance webhook trigger message.text --text hi"
)]
pub(super) struct Args {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List requests to the front door, newest first
    List {
        /// With this status of the answer
        #[arg(long, value_name = "CODE")]
        status: Option<u16>,
        /// Without a right signature only
        #[arg(long)]
        unsigned: bool,
        /// Whose body contains this, such as a message id (admins only)
        #[arg(long, value_name = "TEXT")]
        contains: Option<String>,
        /// Print no more than this many
        #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=200))]
        limit: u64,
    },
    /// Show a request with its headers and its body
    Show {
        /// w_…
        id: String,
    },
    /// Take a request in again: the same bytes, signed anew
    Replay {
        /// w_…
        id: String,
        /// Run its messages anew, under new ids: people get replies
        #[arg(long)]
        anew: bool,
    },
    /// Check the signature of a body with the app secret
    Verify {
        /// The body, exactly as it came
        #[arg(long, value_name = "FILE")]
        body: PathBuf,
        /// The header X-Hub-Signature-256
        #[arg(long, value_name = "TEXT")]
        sig: String,
        /// File that holds the app secret; else WHATSAPP_APP_SECRET
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
    },
    /// Make a webhook and send it: to the `dev` of this folder, or signed to a front door
    Trigger(trigger::Args),
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let Args { api: args, command } = args;
    let json_output = args.json;
    match command {
        Command::Verify { body, sig, secret_file } => return verify(&body, &sig, secret_file.as_deref()),
        Command::Trigger(trigger) => return trigger::run(trigger, json_output),
        Command::Replay { anew: true, .. } => confirm("--anew runs the messages again, and people get replies", "yes")?,
        _ => {}
    }
    args.run(|api| async move {
        match command {
            Command::List { status, unsigned, contains, limit } => {
                let mut query = vec![("limit", limit.to_string())];
                query.extend(status.map(|status| ("status", status.to_string())));
                query.extend(unsigned.then(|| ("signed", "false".to_owned())));
                query.extend(contains.map(|text| ("contains", text)));
                let page = api.json(api.request(Method::GET, "/api/v1/webhooks", &query)).await?;
                for item in page["items"].as_array().into_iter().flatten() {
                    data(&if json_output { item.to_string() } else { line(item) });
                }
                warn(&page["counts"]);
                Ok(())
            }
            Command::Show { id } => {
                let path = format!("/api/v1/webhooks/{}", part(&id)?);
                print_object(&api.json(api.request(Method::GET, &path, &[])).await?, json_output);
                Ok(())
            }
            Command::Replay { id, anew, .. } => {
                let path = format!("/api/v1/webhooks/{}/replay", part(&id)?);
                let how = if anew { json!({ "dedupe": "off", "confirm": true }) } else { json!({ "dedupe": "keep" }) };
                print_object(&api.json(api.request(Method::POST, &path, &[]).json(&how)).await?, json_output);
                Ok(())
            }
            Command::Verify { .. } | Command::Trigger(_) => Ok(()),
        }
    })
}

fn line(item: &Value) -> String {
    let taken = &item["taken"];
    let count = |name: &str, what: &str| {
        taken[name].as_u64().filter(|count| *count > 0).map(|count| format!(" {count} {what}")).unwrap_or_default()
    };
    let became: String =
        [("accepted", "in"), ("statuses", "statuses"), ("quarantined", "quarantined"), ("notices", "notices")]
            .into_iter()
            .map(|(name, what)| count(name, what))
            .collect();
    format!(
        "{} {} {} {:<7} {:<9} {:>7.1} ms {:>7} B{became}",
        text(item, "at"),
        text(item, "id"),
        item["status"],
        text(item, "path"),
        text(item, "signature"),
        item["took_ms"].as_f64().unwrap_or(0.0),
        item["body_bytes"],
    )
}

fn warn(counts: &Value) {
    if counts["enabled"] == false {
        talk("the inspector is switched off (webhooks.enabled)");
    }
    if let Some(dropped) = counts["dropped"].as_u64().filter(|dropped| *dropped > 0) {
        talk(&format!("{dropped} requests since the start could not be noted"));
    }
}

/// An id that becomes part of an address.
fn part(id: &str) -> Result<&str, Failed> {
    match id.strip_prefix("w_").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        true => Ok(id),
        false => {
            Err(Failed::new(Exit::NotFound, format!("error: there is no {id:?}; ids look like w_0000000100000000")))
        }
    }
}

fn verify(body: &std::path::Path, sig: &str, secret_file: Option<&std::path::Path>) -> Result<(), Failed> {
    let secret = secret(secret_file)?;
    let bytes = std::fs::read(body)
        .map_err(|error| Failed::new(Exit::NotFound, format!("error: {} cannot be read: {error}", body.display())))?;
    let whole = if sig.starts_with("sha256=") { sig.to_owned() } else { format!("sha256={sig}") };
    // The comparison is no secret here: whoever runs this has the secret.
    match whatsapp::signature::sign(&secret, &bytes).eq_ignore_ascii_case(&whole) {
        true => {
            data("the signature fits the body");
            Ok(())
        }
        false => {
            let help = "the body must be the bytes as they came: not formatted, without a line break at the end";
            Err(Failed::new(Exit::Data, format!("error: the signature does not fit the body\n  = help: {help}")))
        }
    }
}

/// The app secret: of a file, or of the environment.
fn secret(file: Option<&std::path::Path>) -> Result<SecretString, Failed> {
    let given = match file {
        Some(path) => Some(std::fs::read_to_string(path).map_err(|error| {
            Failed::new(Exit::NotFound, format!("error: {} cannot be read: {error}", path.display()))
        })?),
        None => std::env::var("WHATSAPP_APP_SECRET").ok(),
    };
    let given = given.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    given.map(SecretString::from).ok_or_else(|| {
        let help = "set WHATSAPP_APP_SECRET, or name a file with --secret-file";
        Failed::new(Exit::Usage, format!("error: there is no app secret\n  = help: {help}"))
    })
}
