//! `parlance flow key …`: the private keys of Flows, and their public halves at Meta.

use std::io;
use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::{Value, json};
use whatsapp::flow::FlowKey;

use crate::cli::Exit;
use crate::cli::api::{Api, ApiArgs, text};
use crate::cli::output::{Failed, data, talk};
use crate::flow_keys;

/// Characters of a fingerprint that are shown in a table.
const SHOWN: usize = 16;

#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make a private key of 2048 bits in a file of this machine; needs no server
    New {
        /// The file; nothing is overwritten
        #[arg(long, value_name = "FILE", default_value = "flow-key.pem")]
        out: PathBuf,
    },
    /// Show the keys by number, here and at Meta
    Show,
    /// Upload the public key of each number, in the place of what Meta has
    Upload {
        /// Of this number only: Meta's id of it
        #[arg(long, value_name = "ID")]
        number: Option<String>,
    },
    /// Compare the keys with Meta's, and ask the running endpoint as a phone does
    Verify,
    /// Make a new key, upload it for each number, and keep the old one for phones that still have it
    ///
    /// Phones fetch a public key when theirs is refused, and may use an old one for a day. So the old private key stays
    /// beside the new one, in the file with .previous behind its name, and opens requests until that file is removed. A
    /// rotation that broke off for some numbers is finished by the same command.
    Rotate {
        /// Although the last rotation is less than 24 hours ago
        #[arg(long)]
        force: bool,
    },
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let Args { api, command } = args;
    let json = api.json;
    match command {
        Command::New { out } => make(&out),
        Command::Show => api.run(|api| async move { show(&api, json).await }),
        Command::Upload { number } => api.run(|api| async move {
            let body = number.map_or_else(|| json!({}), |number| json!({ "number": number }));
            let answer = post(&api, "upload", &body).await?;
            uploads(&answer, json)
        }),
        Command::Verify => api.run(|api| async move { verify(&api, json).await }),
        Command::Rotate { force } => api.run(|api| async move { rotate(&api, force, json).await }),
    }
}

fn make(out: &Path) -> Result<(), Failed> {
    let key = FlowKey::generate().map_err(|error| Failed::new(Exit::Failed, format!("error: {error}")))?;
    let shown = out.display();
    flow_keys::create(out, &key.private_pem()).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            let help = "remove it yourself if nothing uses it, or name another file with --out";
            Failed::new(Exit::Conflict, format!("error: {shown} is there already\n  = help: {help}"))
        }
        _ => Failed::new(Exit::Failed, format!("error: {shown} cannot be written: {error}")),
    })?;
    data(&format!("{shown}: private key of 2048 bits, readable for its owner only"));
    data(&format!("fingerprint {}", key.fingerprint()));
    talk(&format!(
        "next: set whatsapp.flow_private_key_file = {:?} (or WHATSAPP_FLOW_PRIVATE_KEY_FILE), start, then: parlance flow key upload",
        out.display().to_string()
    ));
    Ok(())
}

async fn post(api: &Api, what: &str, body: &Value) -> Result<Value, Failed> {
    api.json(api.request(Method::POST, &format!("/api/v1/flow-keys/{what}"), &[]).json(body)).await
}

async fn show(api: &Api, json: bool) -> Result<(), Failed> {
    let page = api.json(api.request(Method::GET, "/api/v1/flow-keys", &[])).await?;
    for item in items(&page) {
        if json {
            data(&item.to_string());
            continue;
        }
        let (ours, theirs) = (short(item, "fingerprint"), short(item, "published_fingerprint"));
        let (number, published) = (text(item, "number"), text(item, "published"));
        data(&format!(
            "{number:<18} ours {ours:<16} meta {theirs:<16} {published:<9} {}",
            text(item, "signature_status")
        ));
        if let Some(file) = item["file"].as_str() {
            data(&format!("{:<18} file {file}", ""));
        }
        problem(item);
    }
    Ok(())
}

async fn verify(api: &Api, json: bool) -> Result<(), Failed> {
    let answer = post(api, "verify", &json!({})).await?;
    for item in items(&answer) {
        if json {
            data(&item.to_string());
            continue;
        }
        let (number, ping) = (text(item, "number"), &item["ping"]);
        let (word, status) = (if item["ok"] == true { "ok" } else { "NOT OK" }, text(item, "signature_status"));
        let took = ping["took_ms"].as_u64().map_or_else(|| "-".into(), |ms| format!("{ms} ms"));
        data(&format!(
            "{number:<18} {word:<7} key at Meta: {}, {status}; ping: {}, {took}",
            text(item, "published"),
            ping["status"]
        ));
        problem(item);
    }
    all(items(&answer).iter().all(|item| item["ok"] == true), "not every number is in order")
}

async fn rotate(api: &Api, force: bool, json: bool) -> Result<(), Failed> {
    let answer = post(api, "rotate", &json!({ "force": force })).await?;
    if !json {
        talk(match answer["resumed"] == true {
            true => "a rotation had broken off: it was finished, and no new key was made",
            false => "a new key opens requests; the old one does, too, for phones that still have its public half",
        });
    }
    for warning in answer["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        talk(&format!("warning: {warning}"));
    }
    uploads(&answer, json)?;
    if !json {
        talk("after 24 hours the file with .previous behind its name can be removed");
    }
    Ok(())
}

fn uploads(answer: &Value, json: bool) -> Result<(), Failed> {
    for item in items(answer) {
        if json {
            data(&item.to_string());
            continue;
        }
        data(&format!("{:<18} {:<9} {}", text(item, "number"), text(item, "result"), short(item, "fingerprint")));
        problem(item);
    }
    let done = items(answer).iter().all(|item| item["result"] == "uploaded");
    all(done, "not every number has the key: run the command again when the cause is gone")
}

fn all(done: bool, otherwise: &str) -> Result<(), Failed> {
    if done { Ok(()) } else { Err(Failed::new(Exit::Failed, format!("error: {otherwise}"))) }
}

fn items(answer: &Value) -> &[Value] {
    answer["items"].as_array().map_or(&[], Vec::as_slice)
}

fn short(item: &Value, name: &str) -> String {
    text(item, name).chars().take(SHOWN).collect()
}

fn problem(item: &Value) {
    if let Some(problem) = item["problem"].as_str() {
        talk(&format!("  {}: {problem}", text(item, "number")));
    }
}
