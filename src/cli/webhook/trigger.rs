//! `parlance webhook trigger`: a webhook of a known shape, with anything in it changed.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::secret;
use crate::cli::dev::{WORD, Word};
use crate::cli::output::{Failed, data};
use crate::cli::{Exit, runtime};
use crate::front::WEBHOOK_PATH;

/// Who it is if nobody is named.
const STRANGER: &str = "15550001";
const PATIENCE: Duration = Duration::from_secs(30);
/// Kinds that can be made.
const KINDS: [&str; 10] = [
    "message.text",
    "message.image",
    "message.location",
    "message.button",
    "message.button_reply",
    "message.list_reply",
    "message.reaction",
    "status.sent",
    "status.delivered",
    "status.read",
];

#[derive(clap::Args)]
pub(super) struct Args {
    /// What comes: message.text, message.image, message.location, message.button, message.button_reply,
    /// message.list_reply, message.reaction, status.sent, status.delivered, status.read
    #[arg(value_parser = KINDS)]
    kind: String,
    /// The person's number; else 15550001, or the number of the stand-in's phone
    #[arg(long, value_name = "DIGITS")]
    from: Option<String>,
    /// What they say, or the id of what they tap
    #[arg(long, default_value = "hello", value_name = "TEXT")]
    text: String,
    /// The message that a status or a reaction is about
    #[arg(long, default_value = "wamid.none", value_name = "WAMID")]
    about: String,
    /// Our number
    #[arg(long, env = "WHATSAPP_PHONE_NUMBER_ID", value_name = "ID")]
    number: Option<String>,
    /// Change a value of the message or status: a path with dots, and JSON or a text
    #[arg(long = "override", value_name = "PATH=VALUE")]
    overrides: Vec<String>,
    /// The front door, such as http://127.0.0.1:8080; else the stand-in of the `dev` of this folder
    #[arg(long, value_name = "URL")]
    front: Option<String>,
    /// File that holds the app secret; else WHATSAPP_APP_SECRET
    #[arg(long, value_name = "FILE", requires = "front")]
    secret_file: Option<PathBuf>,
    /// Which phone of the stand-in it comes from
    #[arg(long, default_value_t = 1, value_name = "N")]
    phone: usize,
    /// Print the webhook, and send nothing
    #[arg(long)]
    dry_run: bool,
}

impl Args {
    fn sender(&self) -> &str {
        self.from.as_deref().unwrap_or(STRANGER)
    }
}

pub(super) fn run(args: Args, _json: bool) -> Result<(), Failed> {
    let mut element = element(&args, now_seconds());
    for change in &args.overrides {
        apply(&mut element, change)?;
    }
    if args.dry_run && args.front.is_none() {
        data(&element.to_string());
        return Ok(());
    }
    runtime()?.block_on(async {
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build();
        let client = client.map_err(|error| Failed::new(Exit::Failed, format!("error: {error}")))?;
        match &args.front {
            Some(front) => to_front(&client, &args, front, element).await,
            None => to_stand_in(&client, &args, element).await,
        }
    })
}

/// A message, or a status.
fn element(args: &Args, seconds: u64) -> Value {
    let (timestamp, text) = (seconds.to_string(), &args.text);
    if let Some(status) = args.kind.strip_prefix("status.") {
        return json!({ "id": args.about, "status": status, "timestamp": timestamp, "recipient_id": args.sender() });
    }
    let reply = |kind: &str| json!({ "type": kind, kind: { "id": text, "title": text } });
    let (kind, content) = match &*args.kind {
        "message.image" => ("image", json!({ "id": "1", "mime_type": "image/jpeg", "caption": text })),
        "message.location" => ("location", json!({ "latitude": 51.5, "longitude": -0.1, "name": text })),
        "message.button" => ("button", json!({ "payload": text, "text": text })),
        "message.button_reply" => ("interactive", reply("button_reply")),
        "message.list_reply" => ("interactive", reply("list_reply")),
        "message.reaction" => ("reaction", json!({ "message_id": args.about, "emoji": text })),
        _ => ("text", json!({ "body": text })),
    };
    let id = format!("wamid.trigger.{:032x}", rand::random::<u128>());
    json!({ "from": args.sender(), "id": id, "timestamp": timestamp, "type": kind, kind: content })
}

/// Puts a value into its place; what is missing on the way there is made.
fn apply(element: &mut Value, change: &str) -> Result<(), Failed> {
    let wrong = |why: &str| Failed::new(Exit::Usage, format!("error: --override {change:?}: {why}"));
    let (path, value) = change.split_once('=').ok_or_else(|| wrong("it must be PATH=VALUE"))?;
    let mut place = element;
    for name in path.split('.') {
        if place.is_null() {
            *place = Value::Object(Map::new());
        }
        place = match place {
            Value::Object(members) => members.entry(name).or_insert(Value::Null),
            Value::Array(items) => {
                let index = name.parse::<usize>().ok().filter(|index| *index < items.len());
                let index = index.ok_or_else(|| wrong(&format!("there is no element {name}")))?;
                &mut items[index]
            }
            _ => return Err(wrong(&format!("there is nothing below {name}"))),
        };
    }
    *place = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Ok(())
}

async fn to_front(client: &reqwest::Client, args: &Args, front: &str, element: Value) -> Result<(), Failed> {
    let Some(number) = &args.number else {
        return Err(Failed::new(
            Exit::Usage,
            "error: --number is missing: the phone_number_id that the message is for",
        ));
    };
    let list = if args.kind.starts_with("status.") { "statuses" } else { "messages" };
    let body = json!({
        "object": "whatsapp_business_account",
        "entry": [{ "id": "0", "changes": [{ "field": "messages", "value": {
            "messaging_product": "whatsapp",
            "metadata": { "display_phone_number": number, "phone_number_id": number },
            "contacts": [{ "profile": { "name": "Trigger" }, "wa_id": args.sender() }],
            list: [element],
        }}]}],
    })
    .to_string();
    if args.dry_run {
        data(&body);
        return Ok(());
    }
    let signature = whatsapp::signature::sign(&secret(args.secret_file.as_deref())?, body.as_bytes());
    let url = format!("{}{WEBHOOK_PATH}", front.trim_end_matches('/'));
    let request = client.post(url).header("x-hub-signature-256", signature).header("content-type", "application/json");
    told(request.body(body)).await
}

/// The stand-in signs it, as it signs everything.
async fn to_stand_in(client: &reqwest::Client, args: &Args, mut element: Value) -> Result<(), Failed> {
    let nothing_runs = || {
        let help = "start `parlance dev` in this folder first, or name a front door with --front";
        Failed::new(Exit::Unreachable, format!("nothing runs here: {help}"))
    };
    if args.kind.starts_with("status.") {
        let help = "the stand-in tells how its own messages do; name a front door with --front";
        return Err(Failed::new(Exit::Usage, format!("error: a status cannot come from a phone\n  = help: {help}")));
    }
    if let (None, Some(members)) = (&args.from, element.as_object_mut()) {
        // A phone speaks for itself: its number is the one whose window its message opens.
        members.remove("from");
    }
    let word = std::fs::read_to_string(WORD).map_err(|_| nothing_runs())?;
    let word: Word = serde_json::from_str(&word).map_err(|_| nothing_runs())?;
    let url = format!("{}/_sim/phones/{}/raw", word.phone.trim_end_matches('/'), args.phone);
    told(client.post(url).json(&json!({ "message": element, "phone_number_id": args.number }))).await
}

async fn told(request: reqwest::RequestBuilder) -> Result<(), Failed> {
    let answer = request.send().await.map_err(|error| Failed::new(Exit::Unreachable, format!("error: {error}")))?;
    let (status, text) = (answer.status(), answer.text().await.unwrap_or_default());
    if status.is_success() {
        data(&text);
        return Ok(());
    }
    let exit = if status.as_u16() == 401 { Exit::Denied } else { Exit::Data };
    Err(Failed::new(exit, format!("error: {status}: {text}")))
}

#[allow(clippy::disallowed_methods, reason = "the command line is where the wall clock is read")]
fn now_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_reach_any_place_and_make_what_is_missing() {
        let mut element = json!({ "type": "text", "text": { "body": "hi" }, "list": [{ "a": 1 }] });
        for change in ["text.body=other words", "list.0.a=2", "context.id=\"wamid.1\"", "flag=true"] {
            apply(&mut element, change).unwrap();
        }
        let expected = json!({ "type": "text", "text": { "body": "other words" }, "list": [{ "a": 2 }],
                               "context": { "id": "wamid.1" }, "flag": true });
        assert_eq!(element, expected);
        for wrong in ["nothing", "type.x=1", "list.7=1", "list.x=1"] {
            assert!(apply(&mut element, wrong).is_err(), "{wrong}");
        }
    }
}
