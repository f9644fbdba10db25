//! `parlance say`: one message to a running `dev`, and the replies until the bot waits or ends.

mod form;

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::dev::{WORD, Word};
use super::output::{Failed, data};
use super::{Exit, runtime};

/// The replies are waited for this long at most.
const PATIENCE: Duration = Duration::from_secs(5);
/// More than a phone waits, twice.
const FORM_PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(25);

#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["text", "tap", "flow_submit", "form_open", "form_submit"])))]
pub(super) struct Args {
    /// What to say
    text: Option<String>,
    /// Tap the button or pick the row with this id (or title) instead
    #[arg(long, value_name = "ID")]
    tap: Option<String>,
    /// Send the newest form back with this JSON object, whatever its screens are
    #[arg(long, value_name = "JSON")]
    flow_submit: Option<String>,
    /// Open the newest form and show its first screen
    #[arg(long)]
    form_open: bool,
    /// Fill in this screen of the open form with a JSON object, tap its button and show what comes
    #[arg(long, num_args = 2, value_names = ["SCREEN", "JSON"])]
    form_submit: Option<Vec<String>>,
    /// Which phone says it
    #[arg(long, default_value_t = 1, value_name = "N")]
    phone: usize,
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let nothing_runs =
        || Failed::new(Exit::Unreachable, "nothing runs here: start `parlance dev` in this folder first");
    let word = std::fs::read_to_string(WORD).map_err(|_| nothing_runs())?;
    let word: Word = serde_json::from_str(&word).map_err(|_| nothing_runs())?;
    runtime()?.block_on(async {
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build();
        let client = client.map_err(|error| Failed::new(Exit::Failed, format!("error: {error}")))?;
        let phone = args.phone;
        let deed = Deed::of(args)?;
        Talk { client, word, phone }.go(deed).await
    })
}

/// What the person does.
enum Deed {
    Say(String),
    Choose(String),
    Submit(Map<String, Value>),
    OpenForm,
    FillForm { screen: String, values: Map<String, Value> },
}

impl Deed {
    fn of(args: Args) -> Result<Self, Failed> {
        match args {
            Args { text: Some(text), .. } => Ok(Deed::Say(text)),
            Args { tap: Some(choice), .. } => Ok(Deed::Choose(choice)),
            Args { flow_submit: Some(form), .. } => object("--flow-submit", &form).map(Deed::Submit),
            Args { form_open: true, .. } => Ok(Deed::OpenForm),
            Args { form_submit: Some(given), .. } => match given.as_slice() {
                [screen, values] => {
                    Ok(Deed::FillForm { screen: screen.clone(), values: object("--form-submit", values)? })
                }
                _ => Err(Failed::new(Exit::Usage, "error: --form-submit takes a screen and a JSON object")),
            },
            _ => Err(Failed::new(Exit::Usage, "say what, or --tap what")),
        }
    }
}

fn object(option: &str, text: &str) -> Result<Map<String, Value>, Failed> {
    serde_json::from_str(text)
        .map_err(|error| Failed::new(Exit::Usage, format!("error: {option} is not a JSON object: {error}")))
}

struct Talk {
    client: reqwest::Client,
    word: Word,
    phone: usize,
}

#[derive(Deserialize)]
struct Written {
    wamid: String,
}

#[derive(Deserialize)]
struct Items<T> {
    items: Vec<T>,
}

#[derive(Deserialize)]
struct Message {
    direction: String,
    wamid: Option<String>,
    status: String,
}

#[derive(Deserialize)]
struct Shown {
    wamid: String,
    author: String,
    text: String,
    header: Option<String>,
    footer: Option<String>,
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    links: Vec<Link>,
}

#[derive(Deserialize)]
struct Link {
    kind: String,
    title: String,
}

#[derive(Deserialize)]
struct Choice {
    id: String,
    title: String,
    description: Option<String>,
}

#[derive(Deserialize)]
struct Phone {
    wa_id: String,
}

#[derive(Deserialize)]
struct Conversation {
    id: String,
    calling: bool,
}

/// What has become of a message.
struct Look {
    /// The bot had its turn.
    taken: bool,
    /// The bot waits for another program.
    calling: bool,
    /// Its replies, if each of them has left or failed.
    replies: Option<Vec<String>>,
}

impl Talk {
    async fn go(&self, deed: Deed) -> Result<(), Failed> {
        let phones: Items<Phone> = self.get(&format!("{}/_sim/phones", self.word.phone)).await?;
        let phone = self.phone.checked_sub(1).and_then(|index| phones.items.get(index));
        let wa_id =
            &phone.ok_or_else(|| Failed::new(Exit::NotFound, format!("there is no phone {}", self.phone)))?.wa_id;
        let wamid = match deed {
            Deed::Say(text) => self.post("text", &json!({ "text": text })).await?,
            Deed::Choose(choice) => self.choose(&choice).await?,
            Deed::Submit(form) => self.submit(form).await?,
            Deed::OpenForm => match self.open_form().await? {
                Some(wamid) => wamid,
                None => return Ok(()),
            },
            Deed::FillForm { screen, values } => match self.fill_form(&screen, values).await? {
                Some(wamid) => wamid,
                None => return Ok(()),
            },
        };
        let mut printed = Vec::new();
        let listening = async {
            let mut taken = false;
            loop {
                let look = self.look(wa_id, &wamid).await?;
                self.print_new(&wamid, &mut printed).await?;
                let shown = look.replies.is_some_and(|replies| replies.iter().all(|reply| printed.contains(reply)));
                // `calling` was read before the messages: it tells of the time after the turn only if that was over by then.
                if taken && !look.calling && shown {
                    return Ok(());
                }
                taken = look.taken;
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        match tokio::time::timeout(PATIENCE, listening).await {
            Ok(done) => done,
            Err(_) if printed.is_empty() => {
                Err(Failed::new(Exit::Failed, "no reply within 5 seconds; look at the log of `parlance dev`"))
            }
            Err(_) => Ok(()),
        }
    }

    /// Taps the button or picks the row with this id, else with this title.
    async fn choose(&self, choice: &str) -> Result<String, Failed> {
        for by in ["id", "title"] {
            for what in ["tap", "pick"] {
                if let Ok(wamid) = self.post(what, &json!({ by: choice })).await {
                    return Ok(wamid);
                }
            }
        }
        self.post("pick", &json!({ "id": choice })).await
    }

    /// Sends the newest form back, filled in.
    async fn submit(&self, form: Map<String, Value>) -> Result<String, Failed> {
        let wamid = self.newest_form().await?;
        let content = json!({ "type": "flow_reply", "wamid": wamid, "response": form });
        self.post("send", &json!({ "content": content })).await
    }

    /// The newest message that opens a form.
    async fn newest_form(&self) -> Result<String, Failed> {
        let url = format!("{}/_sim/phones/{}/transcript", self.word.phone, self.phone);
        let shown: Items<Shown> = self.get(&url).await?;
        let has_form = |entry: &&Shown| entry.links.iter().any(|link| link.kind == "flow");
        let offered = shown.items.iter().rev().find(has_form).map(|entry| entry.wamid.clone());
        offered.ok_or_else(|| Failed::new(Exit::NotFound, "error: no message of this phone opens a form"))
    }

    async fn look(&self, wa_id: &str, wamid: &str) -> Result<Look, Failed> {
        let url = format!("{}/api/v1/conversations?phone={wa_id}", self.word.admin);
        let conversations: Items<Conversation> = self.get(&url).await?;
        let Some(conversation) = conversations.items.first() else {
            return Ok(Look { taken: false, calling: false, replies: None });
        };
        let url = format!("{}/api/v1/conversations/{}/messages?limit=100", self.word.admin, conversation.id);
        let messages: Items<Message> = self.get(&url).await?;
        let newest_first = &messages.items;
        let asked = newest_first
            .iter()
            .position(|message| message.wamid.as_deref() == Some(wamid) && message.status == "received");
        let replies = asked.and_then(|asked| left(&newest_first[..asked]));
        Ok(Look { taken: asked.is_some(), calling: conversation.calling, replies })
    }

    async fn print_new(&self, wamid: &str, printed: &mut Vec<String>) -> Result<(), Failed> {
        let url = format!("{}/_sim/phones/{}/transcript", self.word.phone, self.phone);
        let shown: Items<Shown> = self.get(&url).await?;
        let after = shown.items.iter().skip_while(|entry| entry.wamid != wamid).skip(1);
        for entry in after.filter(|entry| entry.author != "person") {
            if !printed.contains(&entry.wamid) {
                data(&render(entry));
                printed.push(entry.wamid.clone());
            }
        }
        Ok(())
    }

    async fn get<T: DeserializeOwned>(&self, url: &str) -> Result<T, Failed> {
        let answer = self.client.get(url).send().await.map_err(|error| self.unreachable(&error))?;
        answer.json().await.map_err(|error| Failed::new(Exit::Failed, format!("error: {error}")))
    }

    async fn post(&self, what: &str, body: &Value) -> Result<String, Failed> {
        let url = format!("{}/_sim/phones/{}/{what}", self.word.phone, self.phone);
        self.call::<Written>(&url, body).await.map(|written| written.wamid)
    }

    async fn call<T: DeserializeOwned>(&self, url: &str, body: &Value) -> Result<T, Failed> {
        // A form waits for its endpoint as long as a phone does.
        let answer = self.client.post(url).timeout(FORM_PATIENCE).json(body).send().await;
        let answer = answer.map_err(|error| self.unreachable(&error))?;
        if !answer.status().is_success() {
            let problem: Value = answer.json().await.unwrap_or_default();
            let detail = problem["detail"].as_str().or(problem["error"].as_str()).unwrap_or("the phone refused");
            return Err(Failed::new(Exit::Failed, format!("error: {detail}")));
        }
        answer.json().await.map_err(|error| Failed::new(Exit::Failed, format!("error: {error}")))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failed {
        if error.is_connect() || error.is_timeout() {
            let message = format!("nothing answers at {}: start `parlance dev` in this folder", self.word.phone);
            return Failed::new(Exit::Unreachable, message);
        }
        Failed::new(Exit::Failed, format!("error: {error}"))
    }
}

/// The ids of the messages that went out; `None` while one of them has neither left nor failed.
fn left(messages: &[Message]) -> Option<Vec<String>> {
    let mut replies = Vec::new();
    for message in messages.iter().filter(|message| message.direction == "out") {
        match (&message.wamid, message.status.as_str()) {
            (Some(wamid), _) => replies.push(wamid.clone()),
            (None, "dead" | "failed" | "held") => {}
            (None, _) => return None,
        }
    }
    Some(replies)
}

fn render(entry: &Shown) -> String {
    let mut lines: Vec<String> = Vec::new();
    lines.extend(entry.header.clone());
    lines.push(entry.text.clone());
    lines.extend(entry.footer.clone());
    for choice in &entry.choices {
        let description = choice.description.as_deref().map(|text| format!(" · {text}")).unwrap_or_default();
        lines.push(format!("  [{}] {}{description}", choice.id, choice.title));
    }
    let forms = entry.links.iter().filter(|link| link.kind == "flow");
    lines.extend(forms.map(|link| format!("  <form> {}", link.title)));
    lines.join("\n")
}
