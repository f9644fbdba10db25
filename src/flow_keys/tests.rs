//! Keys opposite a Meta of a few lines, which can fail for each number by itself.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::time::Duration;

use actors::AdjustableClock;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path as UrlPath, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use serde_json::json;
use whatsapp::graph::ClientConfig;

use super::*;

#[derive(Default)]
struct Meta {
    keys: parking_lot::Mutex<HashMap<String, String>>,
    down: parking_lot::Mutex<HashSet<String>>,
    mismatch: parking_lot::Mutex<HashSet<String>>,
}

type Shared = State<Arc<Meta>>;

async fn put(State(meta): Shared, UrlPath(number): UrlPath<String>, body: Bytes) -> Response {
    if meta.down.lock().contains(&number) {
        return (StatusCode::INTERNAL_SERVER_ERROR, r#"{"error":{"message":"down","code":2}}"#).into_response();
    }
    let field = url::form_urlencoded::parse(&body).find(|(name, _)| name == "business_public_key");
    meta.keys.lock().insert(number, field.unwrap().1.into_owned());
    r#"{"success":true}"#.into_response()
}

async fn tell(State(meta): Shared, UrlPath(number): UrlPath<String>) -> Response {
    if meta.down.lock().contains(&format!("reads of {number}")) {
        return (StatusCode::INTERNAL_SERVER_ERROR, r#"{"error":{"message":"down","code":2}}"#).into_response();
    }
    let status = if meta.mismatch.lock().contains(&number) { "MISMATCH" } else { "VALID" };
    match meta.keys.lock().get(&number) {
        Some(key) => {
            let told = json!({"business_public_key": key, "business_public_key_signature_status": status});
            axum::Json(json!({ "data": [told] })).into_response()
        }
        None => axum::Json(json!({ "data": [] })).into_response(),
    }
}

struct Place {
    meta: Arc<Meta>,
    keeper: FlowKeyKeeper,
    clock: Arc<AdjustableClock>,
    dir: tempfile::TempDir,
}

impl Place {
    /// Three numbers that share a key in a file.
    async fn new() -> Self {
        Self::with(true).await
    }

    async fn with(in_file: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (key, file) = (FlowKey::generate().unwrap(), dir.path().join("flow-key.pem"));
        create(&file, &key.private_pem()).unwrap();
        let key = Arc::new(key);
        let ids = ["100", "200", "300"];
        let keyring = Keyring::new(ids.map(|id| (id, Some(key.clone()), None)));
        let meta = Arc::<Meta>::default();
        let routes = Router::new().route("/v25.0/{id}/whatsapp_business_encryption", get(tell).post(put));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let app = routes.with_state(meta.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let client = Client::new(ClientConfig {
            base_url,
            api_version: "v25.0".into(),
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(10),
        });
        let clock = Arc::new(AdjustableClock::system());
        let number = |id: &str| KeyNumber {
            id: id.into(),
            token: Token::new("a-token".into()),
            file: in_file.then(|| file.clone()),
            previous_set: false,
            in_store: false,
        };
        let keeper = FlowKeyKeeper::new(KeyParts {
            client: client.unwrap(),
            numbers: ids.into_iter().map(number).collect(),
            keyring: Arc::new(keyring),
            signers: Arc::new(Signers::new(&[])),
            clock: clock.clone(),
            endpoint: "http://127.0.0.1:1/".into(),
        });
        Self { meta, keeper: keeper.unwrap(), clock, dir }
    }

    fn fails(&self, what: &str) {
        self.meta.down.lock().insert(what.into());
    }

    fn works(&self) {
        self.meta.down.lock().clear();
    }

    async fn published(&self) -> Vec<Published> {
        self.keeper.show().await.into_iter().map(|standing| standing.published).collect()
    }

    fn current(&self) -> String {
        self.keeper.parts.keyring.key("100", KeySlot::Current).unwrap().fingerprint().to_owned()
    }

    /// The fingerprint of the key in a file.
    fn in_file(&self, name: &str) -> String {
        let pem = fs::read_to_string(self.dir.path().join(name)).unwrap();
        FlowKey::read(&pem.into(), None).unwrap().fingerprint().to_owned()
    }
}

fn results(items: &[Uploaded]) -> Vec<&'static str> {
    items.iter().map(|item| item.result).collect()
}

#[tokio::test]
async fn keys_are_uploaded_by_number_and_compared_with_what_meta_has() {
    let place = Place::new().await;
    assert_eq!(place.published().await, [Published::Absent; 3]);
    assert_eq!(results(&place.keeper.upload(Some("200")).await), ["uploaded"]);
    assert_eq!(place.published().await, [Published::Absent, Published::Current, Published::Absent]);
    place.fails("300");
    let items = place.keeper.upload(None).await;
    assert_eq!(results(&items), ["uploaded", "uploaded", "failed"]);
    assert!(items[2].problem.is_some());
    place.works();
    place.meta.mismatch.lock().insert("100".into());
    place.meta.keys.lock().insert("300".into(), FlowKey::generate().unwrap().public_pem());
    let standings = place.keeper.show().await;
    assert_eq!(standings[0].signature_status.as_deref(), Some("MISMATCH"));
    assert!(standings[0].problem.as_ref().unwrap().contains("flow key upload"));
    assert_eq!((standings[1].published, &standings[1].problem), (Published::Current, &None));
    assert_eq!(standings[2].published, Published::Foreign);
    let told = serde_json::to_string(&standings).unwrap();
    assert!(!told.contains("PRIVATE"), "{told}");
}

#[tokio::test]
async fn rotation_puts_a_new_key_first_and_keeps_the_old_one() {
    let place = Place::new().await;
    place.keeper.upload(None).await;
    let old = place.current();
    let rotated = place.keeper.rotate(false).await.unwrap();
    assert_eq!((rotated.resumed, results(&rotated.items)), (false, vec!["uploaded"; 3]));
    assert_ne!(place.current(), old);
    assert_eq!((place.in_file("flow-key.pem"), place.in_file("flow-key.pem.previous")), (place.current(), old.clone()));
    let previous = place.keeper.parts.keyring.key("300", KeySlot::Previous).unwrap();
    assert_eq!(previous.fingerprint(), old);
    assert_eq!(place.published().await, [Published::Current; 3]);
}

#[tokio::test]
async fn rotation_that_broke_off_is_finished_without_another_key() {
    let place = Place::new().await;
    place.keeper.upload(None).await;
    place.fails("200");
    let rotated = place.keeper.rotate(false).await.unwrap();
    assert_eq!(results(&rotated.items), ["uploaded", "failed", "uploaded"]);
    let new = place.current();
    assert_eq!(place.published().await, [Published::Current, Published::Previous, Published::Current]);
    place.works();
    let again = place.keeper.rotate(false).await.unwrap();
    assert_eq!((again.resumed, results(&again.items)), (true, vec!["uploaded"; 3]));
    assert_eq!((place.current(), place.published().await), (new, vec![Published::Current; 3]));
}

#[tokio::test]
async fn second_rotation_within_a_day_wants_force() {
    let place = Place::new().await;
    place.keeper.upload(None).await;
    place.keeper.rotate(false).await.unwrap();
    let first = place.current();
    let error = place.keeper.rotate(false).await.unwrap_err();
    assert!(matches!(error, RotateError::TooSoon { hours: 0 }), "{error}");
    assert_eq!(place.current(), first);
    assert!(!place.keeper.rotate(true).await.unwrap().resumed);
    let second = place.current();
    assert_ne!(second, first);
    place.clock.advance(OVERLAP_MS + 60_000);
    place.keeper.rotate(false).await.unwrap();
    assert_ne!(place.current(), second);
}

#[tokio::test]
async fn foreign_key_is_left_alone_by_a_rotation() {
    let place = Place::new().await;
    place.keeper.upload(None).await;
    let foreign = FlowKey::generate().unwrap().public_pem();
    place.meta.keys.lock().insert("200".into(), foreign.clone());
    let rotated = place.keeper.rotate(false).await.unwrap();
    assert_eq!(results(&rotated.items), ["uploaded", "skipped", "uploaded"]);
    assert_eq!(place.meta.keys.lock()["200"], foreign);
}

#[tokio::test]
async fn nothing_changes_where_a_rotation_cannot_begin() {
    let place = Place::new().await;
    place.keeper.upload(None).await;
    let old = place.current();
    place.fails("reads of 300");
    let error = place.keeper.rotate(false).await.unwrap_err();
    assert!(matches!(&error, RotateError::Unknown(number, _) if &**number == "300"), "{error}");
    assert_eq!((place.current(), place.in_file("flow-key.pem")), (old.clone(), old));
    assert!(!place.dir.path().join("flow-key.pem.previous").exists());

    let place = Place::with(false).await;
    assert!(matches!(place.keeper.rotate(true).await.unwrap_err(), RotateError::NoFile(_)));
    for id in ["100", "200", "300"] {
        place.keeper.parts.keyring.replace(id, KeySlot::Current, None);
    }
    assert!(matches!(place.keeper.rotate(true).await.unwrap_err(), RotateError::NoKey));
    assert_eq!(results(&place.keeper.upload(None).await), ["skipped"; 3]);
}

#[tokio::test]
async fn forced_rotation_skips_a_number_of_which_meta_says_nothing() {
    let place = Place::new().await;
    place.keeper.upload(None).await;
    let old = place.current();
    place.fails("reads of 300");
    let rotated = place.keeper.rotate(true).await.unwrap();
    assert_eq!(results(&rotated.items), ["uploaded", "uploaded", "skipped"]);
    assert!(rotated.items[2].problem.as_ref().unwrap().contains("did not say"));
    place.works();
    assert_eq!(place.published().await, [Published::Current, Published::Current, Published::Previous]);
    let again = place.keeper.rotate(false).await.unwrap();
    assert_eq!((again.resumed, results(&again.items)), (true, vec!["uploaded"; 3]));
    assert_ne!(place.current(), old);
}

#[tokio::test]
async fn rotation_is_refused_where_the_key_before_would_be_forgotten_at_the_next_start() {
    let place = Place::new().await;
    place.keeper.upload(None).await;
    place.keeper.change(|numbers| numbers[1].previous_set = true);
    let old = place.current();
    let error = place.keeper.rotate(true).await.unwrap_err();
    assert!(matches!(&error, RotateError::PreviousSet(number) if &**number == "200"), "{error}");
    assert_eq!((place.current(), place.in_file("flow-key.pem")), (old.clone(), old));
}

#[tokio::test]
async fn no_key_changes_where_one_of_two_files_cannot_be_written() {
    let place = Place::new().await;
    place.keeper.upload(None).await;
    let (old, second) = (place.current(), place.dir.path().join("second.pem"));
    fs::copy(place.dir.path().join("flow-key.pem"), &second).unwrap();
    place.keeper.change(|numbers| numbers[2].file = Some(second));
    fs::create_dir(place.dir.path().join("second.pem.part")).unwrap();
    let error = place.keeper.rotate(false).await.unwrap_err();
    assert!(matches!(&error, RotateError::File(..)) && error.to_string().contains("nothing has changed"), "{error}");
    assert_eq!((place.current(), place.in_file("flow-key.pem")), (old.clone(), old));
    for left in ["flow-key.pem.part", "flow-key.pem.previous", "flow-key.pem.previous.part"] {
        assert!(!place.dir.path().join(left).exists(), "{left}");
    }
}

#[tokio::test]
async fn rotation_of_an_encrypted_key_says_that_the_new_one_is_not() {
    let place = Place::new().await;
    place.keeper.upload(None).await;
    assert_eq!(place.keeper.rotate(false).await.unwrap().warnings, [] as [String; 0]);
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n";
    fs::write(place.dir.path().join("flow-key.pem"), encrypted).unwrap();
    let warnings = place.keeper.rotate(true).await.unwrap().warnings;
    assert!(warnings.len() == 1 && warnings[0].contains("openssl pkcs8"), "{warnings:?}");
}

#[tokio::test]
async fn endpoint_that_is_not_there_is_said() {
    let place = Place::new().await;
    let pings = place.keeper.verify().await;
    assert!(pings.iter().all(|ping| !ping.ok && ping.problem.is_some()), "{pings:?}");
}
