//! Files that are filled into forms: fetched from the CDN, decrypted, kept, and sent like any other.

use actors::http_caller::HttpParts;
use actors::media::{Allowed, Carrier, Media, MediaFilter, MediaItem, MediaParts, MediaSettings, MediaState};
use parking_lot::Mutex;
use storage::Accept;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use whatsapp::graph::{Client, ClientConfig};
use whatsapp::message::{Media as MediaMessage, MediaKind, Outgoing, Source};
use whatsapp::webhook::Received;

use super::*;

const FETCHED: &[u8] = include_bytes!("../../../../whatsapp/testdata/flow/upload.bin");
const NAMED: &str = include_str!("../../../../whatsapp/testdata/flow/upload.json");

/// Meta's CDN and Graph in one: gives `file`, takes uploads and messages, and notes what it was asked.
struct Meta {
    base: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Meta {
    async fn new(file: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = asked.clone();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let noted = noted.clone();
                tokio::spawn(async move { serve(&mut socket, file, &noted).await });
            }
        });
        Self { base, asked }
    }

    fn client(&self) -> Client {
        Client::new(ClientConfig {
            base_url: self.base.clone(),
            api_version: "v25.0".into(),
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(10),
        })
        .unwrap()
    }
}

async fn serve(socket: &mut TcpStream, file: &[u8], noted: &Mutex<Vec<String>>) {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    let (head, length) = loop {
        let read = socket.read(&mut chunk).await.unwrap();
        bytes.extend_from_slice(&chunk[..read]);
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
            break (end + 4, length);
        }
        assert!(read > 0, "a whole request");
    };
    while bytes.len() < head + length {
        let read = socket.read(&mut chunk).await.unwrap();
        bytes.extend_from_slice(&chunk[..read]);
    }
    let request = String::from_utf8_lossy(&bytes).into_owned();
    let body = match request.split(' ').nth(1).unwrap() {
        path if path.starts_with("/cdn/") => file.to_vec(),
        path if path.ends_with("/media") => br#"{"id":"990011"}"#.to_vec(),
        _ => br#"{"messaging_product":"whatsapp","messages":[{"id":"wamid.OUT"}]}"#.to_vec(),
    };
    noted.lock().push(request);
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    socket.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
}

struct Kept {
    world: World,
    media: Arc<Media>,
    meta: Meta,
    _dir: tempfile::TempDir,
    engine: Engine,
}

/// A world whose bot sends back the first file of what a form asks, as a document.
async fn keeping(file: &'static [u8]) -> Kept {
    let meta = Meta::new(file).await;
    let dir = tempfile::tempdir().unwrap();
    let turn = |_: &Bot, before: &Snapshot, input: &Input, given: &Given<'_>| {
        let mut effects = Vec::new();
        let mut after = before.clone();
        if let Input::Form(request) = input {
            let seen = format!("{:?}", request.data);
            assert!(!seen.contains("encryption"), "the bot does not see what opens a file");
            if let Some(id) = request.data["note"][0]["id"].as_str() {
                let file = MediaMessage::new(MediaKind::Document, Source::Id(id.to_owned())).unwrap();
                effects.push(Effect::Send(Box::new(chatbot::Sending::new("a", Outgoing::Media(file)))));
            }
            after = state(&request.token, BTreeMap::from([("note".into(), request.data["note"].clone())]));
            let shown = FormStep::Answer { screen: "NEXT".into(), data: json!({}) };
            effects.push(Effect::Form(Box::new(shown)));
        }
        let _given = given.now_ms;
        Ok(Turn { after, effects, trace: Vec::new(), changed: true })
    };
    let world = World { turn: Arc::new(turn), ..World::new() };
    let wanted = Arc::new(tokio::sync::Notify::new());
    let media = Media::new(MediaParts {
        settings: MediaSettings {
            dir: dir.path().to_owned(),
            max_bytes: 1_000_000,
            allow: Allowed::parse(["*/*"]).unwrap(),
            min_free_bytes: 0,
        },
        store: world.store.clone(),
        clock: world.clock.clone(),
        client: meta.client(),
        numbers: world.numbers.clone().into(),
        wanted: wanted.clone(),
        metrics: world.metrics.clone(),
    });
    tokio::spawn(media.clone().run());
    let carrier = Arc::new(Carrier::new(media.clone(), meta.client()));
    let setup = actors::Setup {
        store: world.store.clone(),
        clock: world.clock.clone(),
        bots: world.bots.clone(),
        turn: world.turn.clone(),
        numbers: world.numbers.clone().into(),
        transport: carrier,
        conversations: world.conversations.clone(),
        sender: world.sender.clone(),
        metrics: world.metrics.clone(),
        media_wanted: wanted,
        outlet: world.outlet.clone(),
        categories: world.categories.clone(),
        flows: Arc::new(|_, _| None),
        tombs: Arc::new(actors::erasure::Tombs::load(&*world.store, 0).await.unwrap()),
        http: HttpParts { fetch: world.web.clone(), secrets: world.secrets.clone(), settings: world.http },
    };
    let engine = Engine::start(setup).await.unwrap();
    world.say(1, "hi").await;
    world.consumed().await;
    Kept { world, media, meta, _dir: dir, engine }
}

impl Kept {
    async fn fill_in(&self, change: impl Fn(&mut Value)) -> FormOutcome {
        let mut file: Value = serde_json::from_str(NAMED).unwrap();
        file["cdn_url"] = format!("{}/cdn/upload.enc", self.meta.base).into();
        change(&mut file);
        let request = FormRequest { data: json!({ "note": [file] }), ..request(1, "NOTE", "a") };
        self.engine.ask_form(request, WITHIN).await.outcome
    }

    /// Waits until the files that forms named are looked at.
    async fn taken_up(&self) {
        for _ in 0..2_000 {
            if self.world.store.documents("media_claims").await.unwrap().is_empty() {
                return;
            }
            pause(5).await;
        }
        panic!("claims are left");
    }

    async fn says(&self, person: u32, wamid: &str, mut message: Value) {
        message["from"] = phone(person).into();
        message["id"] = wamid.into();
        message["timestamp"] = "1900000000".into();
        let raw = serde_json::value::to_raw_value(&message).unwrap();
        let received = Received { message: raw, ..received(wamid, person, "") };
        let row = actors::inbound(&received, self.world.clock.now_ms());
        self.world.store.append(vec![Accept::Message(row)]).await.unwrap();
        self.world.consumed().await;
        self.taken_up().await;
    }

    /// Whose a file is, and its type.
    async fn owner(&self, id: &str) -> (Option<Box<str>>, Box<str>) {
        let item = self.media.item(id).await.unwrap().expect("a known file");
        (item.conversation, item.mime_type)
    }

    async fn item(&self, state: MediaState) -> MediaItem {
        for _ in 0..2_000 {
            let filter = MediaFilter { state: Some(state), ..MediaFilter::default() };
            if let Some(item) = self.media.list(&filter, None, 9).await.unwrap().items.pop() {
                return item;
            }
            pause(5).await;
        }
        panic!("no file in state {state:?}");
    }
}

#[tokio::test]
async fn a_file_that_is_filled_in_is_fetched_opened_and_can_be_sent() {
    let kept = keeping(FETCHED).await;
    assert!(matches!(kept.fill_in(|_| ()).await, FormOutcome::Answer { .. }));
    let item = kept.item(MediaState::Stored).await;
    assert_eq!((item.filename.as_deref(), &*item.mime_type, item.size), (Some("note.txt"), "text/plain", Some(108)));
    kept.world.quiet().await;
    let asked = kept.meta.asked.lock().clone();
    let cdn = asked.iter().find(|request| request.starts_with("GET /cdn/")).unwrap();
    assert!(!cdn.to_lowercase().contains("authorization"), "no token goes to the CDN: {cdn}");
    let upload = asked.iter().find(|request| request.contains("/media HTTP")).unwrap();
    assert!(upload.contains(&"A synthetic upload, made for tests. ".repeat(3)), "{upload}");
    let sent = asked.iter().find(|request| request.contains("\"document\"")).unwrap();
    assert!(sent.contains("\"id\":\"990011\"") && !sent.contains("f_"), "{sent}");
    // Nothing that operators see tells what opened it, and nothing of it is left.
    let page = storage::Page { cursor: None, limit: 9 };
    let history = kept.world.store.history(conversation(1), page).await.unwrap();
    let entries: Vec<_> = history.items.iter().map(|entry| actors::journal::entry(entry).unwrap()).collect();
    let shown = format!("{} {}", serde_json::to_string(&entries).unwrap(), serde_json::to_string(&item).unwrap());
    assert!(shown.contains("note.txt") && !shown.contains("AAECAwQF") && !shown.contains("ICEiIyQl"), "{shown}");
    assert!(kept.world.store.documents("media_keys").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_file_that_is_filled_in_again_stays_as_it_is() {
    let kept = keeping(FETCHED).await;
    kept.fill_in(|_| ()).await;
    let item = kept.item(MediaState::Stored).await;
    kept.fill_in(|_| ()).await;
    kept.taken_up().await;
    assert_eq!(kept.media.item(&item.id).await.unwrap(), Some(item));
    let fetched = kept.meta.asked.lock().iter().filter(|request| request.starts_with("GET /cdn/")).count();
    assert_eq!((fetched, kept.world.store.documents("media_keys").await.unwrap().len()), (1, 0));
}

#[tokio::test]
async fn a_form_that_names_a_file_of_somebody_else_does_not_change_it() {
    let kept = keeping(FETCHED).await;
    let image = |id: &str| json!({ "type": "image", "image": { "id": id, "mime_type": "image/jpeg" } });
    let reply = |id: &str| {
        let response = json!({ "photos": [{ "id": id, "mime_type": "image/png", "sha256": "x" }] }).to_string();
        let reply = json!({ "name": "flow", "body": "Sent", "response_json": response });
        json!({ "type": "interactive", "interactive": { "type": "nfm_reply", "nfm_reply": reply } })
    };
    let of = |person: u32, mime_type: &str| (Some(conversation(person).to_string().into()), mime_type.into());
    kept.says(2, "wamid.image", image("99")).await;
    kept.says(1, "wamid.claim", reply("99")).await;
    assert_eq!(kept.owner("99").await, of(2, "image/jpeg"));
    // Of one that nobody knows it makes a file, until Meta says whose it is.
    kept.says(1, "wamid.early", reply("77")).await;
    assert_eq!(kept.owner("77").await, of(1, "image/png"));
    kept.says(2, "wamid.truth", image("77")).await;
    assert_eq!(kept.owner("77").await, of(2, "image/jpeg"));
}

#[tokio::test]
async fn a_file_that_is_not_what_was_uploaded_is_refused() {
    let kept = keeping(b"something else").await;
    assert!(matches!(kept.fill_in(|_| ()).await, FormOutcome::Answer { .. }));
    let item = kept.item(MediaState::Refused).await;
    assert!(item.reason.as_deref().unwrap().contains("encrypted_hash differs"), "{:?}", item.reason);
    assert!(kept.world.store.documents("media_keys").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_file_on_a_foreign_host_is_not_asked_for() {
    let kept = keeping(FETCHED).await;
    for address in
        ["https://mmg.whatsapp.net.example/x", "http://mmg.whatsapp.net/x", "https://evilwhatsapp.net/x", "file:///x"]
    {
        kept.fill_in(|file| file["cdn_url"] = address.into()).await;
        let item = kept.item(MediaState::Refused).await;
        assert!(item.reason.as_deref().unwrap().contains("not Meta's"), "{address}: {:?}", item.reason);
        kept.media.delete(&item.id).await.unwrap();
    }
    assert!(kept.meta.asked.lock().iter().all(|request| !request.starts_with("GET /cdn/")));
}
