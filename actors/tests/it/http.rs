//! Calls of `http` nodes through the whole engine, with the real bot function: made once, lost and made again, late, held
//! back, and never with a secret in what is kept.

use std::sync::Arc;
use std::time::Duration;

use actors::http_caller::{BotSecrets, Fetched, HttpSettings};
use actors::{Clock, RetryAfter, view};
use chatbot::{Format, HttpOutcome, caps};
use storage::{Model, Page};

use crate::support::*;

/// `go`, `fast` and `try` each call a host of their own and say by which port they left.
const BOT: &str = r#"parlance: 1
id: test
secrets: [KEY]
policies: { restart_words: [over] }
triggers:
  - keyword: { any: [fast] }
    to: fast
  - keyword: { any: [try] }
    to: try
  - default: {}
    to: go
nodes:
  go:
    type: http
    method: POST
    url: "https://slow.example/x"
    auth: { bearer: "{{ secret.KEY }}" }
    save: page
    next: { ok: done, http_error: failed, timeout: late, bad_body: failed }
  fast: { type: http, url: "https://fast.example/x", next: { ok: done, http_error: failed, timeout: late } }
  try:
    type: http
    url: "https://try.example/x"
    retry: { times: 2, backoff_ms: 1000 }
    next: { ok: done, http_error: failed, timeout: late }
  done: { type: say, messages: [ { text: "done {{ input.tries }}" } ], next: { next: end } }
  failed: { type: say, messages: [ { text: "failed {{ input.status }} {{ input.error }}" } ], next: { next: end } }
  late: { type: say, messages: [ { text: late } ], next: { next: end } }
  end: { type: end }
"#;

const SECRET: &str = "fixture-secret-value";

fn over(store: Arc<Model>) -> World {
    let secrets = BotSecrets::new([("key".to_owned(), SECRET.to_owned().into())]);
    let world = World { turn: Arc::new(chatbot::turn), secrets, ..World::over(store) };
    let loaded = chatbot::load(BOT, "one.yaml", Format::Yaml);
    world.bots.put_live(Arc::new(loaded.bot.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))));
    world
}

fn world() -> World {
    over(Model::new())
}

fn sent(world: &World) -> Vec<String> {
    world.graph.requests().into_iter().map(|request| request.text).collect()
}

async fn asked(world: &World, count: usize) {
    until(|| world.web.asked().len() >= count, "the call is made").await;
}

async fn said(world: &World, count: usize) {
    until(|| world.graph.requests().len() >= count, "the bot says something").await;
    world.quiet().await;
}

fn held() -> Reply {
    Reply::Held(answered(200, "{}"))
}

fn failing(_: &Asked, _: usize) -> Reply {
    Reply::Now(HttpOutcome::Unreachable { why: "no connection".into() }.into())
}

#[tokio::test(start_paused = true)]
async fn the_result_of_a_call_is_an_input_of_its_conversation() {
    let world = world();
    let _engine = world.start().await;
    world.say(1, "hi").await;
    said(&world, 1).await;
    assert_eq!(sent(&world), ["done 1"]);
    let asked = world.web.asked();
    assert_eq!((asked.len(), asked[0].method.as_str(), asked[0].url.as_str()), (1, "POST", "https://slow.example/x"));
    assert_eq!(asked[0].header("authorization"), Some(format!("Bearer {SECRET}").as_str()));
    assert_eq!(asked[0].header("idempotency-key").map(str::len), Some(32));
}

async fn shown(world: &World) -> view::ConversationView {
    let head = world.store.load(conversation(1)).await.unwrap().unwrap();
    view::conversation(conversation(1), &head).unwrap().0
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_for_another_program_is_shown_as_calling() {
    let world = world();
    world.web.answers(|_, _| held());
    let engine = world.start().await;
    world.say(1, "hi").await;
    asked(&world, 1).await;
    let seen = shown(&world).await;
    assert_eq!((seen.state, seen.calling, seen.node.as_deref()), ("waiting", true, Some("go")));
    crate::takeover::echo(&world, "wamid.e1", "I look after you").await;
    let seen = shown(&world).await;
    assert_eq!((seen.state, seen.calling), ("human", false), "the bot does not go on by itself");
    assert_eq!(engine.hand_back(conversation(1), chatbot::HandBack::Returned).await.unwrap(), Some(true));
    world.consumed().await;
    world.web.release();
    said(&world, 1).await;
    let seen = shown(&world).await;
    assert_eq!((seen.state, seen.calling), ("idle", false));
}

/// The process ends while the call is under way; the next one makes it again, and the person hears once.
#[tokio::test(start_paused = true)]
async fn f60_a_call_that_a_crash_cut_off_is_made_again_under_the_same_key() {
    let model = Model::new();
    let world = over(model.clone());
    world.web.answers(|_, _| held());
    let engine = world.start().await;
    world.say(1, "hi").await;
    asked(&world, 1).await;
    engine.drain(Duration::from_millis(1)).await;

    let mut next = over(model.reopen());
    next.clock = world.clock.clone();
    next.graph = Graph::new(world.clock.clone());
    let _engine = next.start().await;
    said(&next, 1).await;
    assert_eq!((sent(&world), sent(&next)), (Vec::new(), vec!["done 1".to_owned()]));
    let key = |world: &World| world.web.asked()[0].header("idempotency-key").map(str::to_owned);
    assert!(key(&world).is_some());
    assert_eq!(key(&world), key(&next));
    assert_eq!(next.web.asked().len(), 1);
}

/// A call's result is kept by a process that ends; the next one starts when the call's lease is over.
#[tokio::test(start_paused = true)]
async fn f60_a_result_that_waits_while_its_lease_runs_out_is_not_asked_for_again() {
    let model = Model::new();
    let world = over(model.clone());
    world.web.answers(|_, _| held());
    let engine = world.start().await;
    world.say(1, "hi").await;
    asked(&world, 1).await;
    world.consumed().await;
    world.web.release();
    engine.drain(Duration::from_secs(5)).await;
    assert_eq!(world.store.stats().inbox, 1, "the result waits");

    let mut next = over(model.reopen());
    next.graph = Graph::new(world.clock.clone());
    next.clock = world.clock.clone();
    next.clock.advance(3_600_000);
    let _engine = next.start().await;
    said(&next, 1).await;
    pause(60_000).await;
    assert_eq!((sent(&next), next.web.asked().len()), (vec!["done 1".to_owned()], 0));
}

#[tokio::test(start_paused = true)]
async fn f60_every_try_of_a_call_has_its_key() {
    let world = world();
    world.web.answers(|_, before| Reply::Now(if before < 2 { answered(503, "") } else { answered(200, "{}") }));
    let _engine = world.start().await;
    let source = BOT.replace("url: \"https://try.example/x\"", "url: \"https://try.example/x\"\n    method: PUT");
    world.bots.put_live(Arc::new(chatbot::load(&source, "t.yaml", Format::Yaml).bot.unwrap()));
    world.say(1, "try").await;
    said(&world, 1).await;
    assert_eq!(sent(&world), ["done 3"]);
    let keys: Vec<_> =
        world.web.asked().iter().map(|asked| asked.header("idempotency-key").unwrap().to_owned()).collect();
    assert!(keys.len() == 3 && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}

/// A call that outlasts its lease is ordered again, which does not make it a second time; in the end its node gives up,
/// and the result that comes after all changes nothing.
#[tokio::test(start_paused = true)]
async fn f57_a_call_under_way_is_not_made_twice_and_its_late_result_is_ignored() {
    let world = world();
    world.web.answers(|_, _| held());
    let _engine = world.start().await;
    world.say(1, "hi").await;
    said(&world, 1).await;
    assert_eq!((sent(&world), world.web.asked().len()), (vec!["late".to_owned()], 1));
    let waited_ms = world.clock.now_ms() - START_MS;
    assert!(waited_ms >= u64::from(caps::MAX_HTTP_ORDERS) * 15_000, "{waited_ms}");
    world.web.release();
    pause(100_000).await;
    world.consumed().await;
    assert_eq!(sent(&world), ["late"]);
}

/// Whatever the person writes and whenever the result comes: one call, one end, nothing lost.
#[tokio::test(start_paused = true)]
async fn f57_messages_during_a_call_and_its_result_leave_one_run() {
    for (texts, expected) in [
        (vec!["are you there?"], vec!["done 1"]),
        (vec!["a", "b", "c"], vec!["done 1"]),
        (vec!["over"], vec!["done 1"]),
    ] {
        let world = world();
        world.web.answers(|_, _| held());
        let _engine = world.start().await;
        world.say(1, "hi").await;
        asked(&world, 1).await;
        for text in &texts {
            world.say(1, text).await;
            world.consumed().await;
        }
        let calls = if texts == ["over"] { 2 } else { 1 };
        asked(&world, calls).await;
        (0..calls).for_each(|_| world.web.release());
        said(&world, 1).await;
        pause(200_000).await;
        assert_eq!(
            (sent(&world), world.web.asked().len()),
            (expected.iter().map(|text| (*text).to_owned()).collect(), calls),
            "{texts:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn f58_a_host_that_hangs_holds_nobody_else_up() {
    let world = World { http: HttpSettings { concurrency: 12, per_host: 8 }, ..world() };
    world.web.answers(|asked, _| match asked.url.contains("slow") {
        true => held(),
        false => Reply::Now(answered(200, "{}")),
    });
    let _engine = world.start().await;
    for person in 1..=50 {
        world.say(person, "hi").await;
    }
    world.consumed().await;
    for person in 51..=60 {
        world.say(person, "fast").await;
    }
    until(|| world.graph.requests().len() == 10, "the others are answered").await;
    assert!(world.clock.now_ms() < START_MS + 5_000, "{}", world.clock.now_ms() - START_MS);
    let slow = world.web.asked().iter().filter(|asked| asked.url.contains("slow")).count();
    assert_eq!(slow, 8, "bounded per host");
}

#[tokio::test(start_paused = true)]
async fn f58_calls_that_wait_for_a_slow_host_are_bounded_and_leave_room_for_others() {
    let world = world();
    world.web.answers(|asked, _| match asked.url.contains("slow") {
        true => held(),
        false => Reply::Now(answered(200, "{}")),
    });
    let _engine = world.start().await;
    for person in 1..=255 {
        world.say(person, "hi").await;
    }
    until(|| world.graph.requests().len() == 5, "what is too much is refused").await;
    assert!(world.clock.now_ms() < START_MS + 5_000, "{}", world.clock.now_ms() - START_MS);
    let refused = "failed  250 calls of slow.example are under way or wait already";
    assert!(sent(&world).iter().all(|text| text == refused), "{:?}", sent(&world));
    world.say(300, "fast").await;
    until(|| sent(&world).iter().any(|text| text == "done 1"), "another host is called").await;
}

#[tokio::test(start_paused = true)]
async fn f58_a_host_that_fails_is_left_alone_for_a_while() {
    let world = world();
    world.web.answers(failing);
    let _engine = world.start().await;
    for person in 1..=8 {
        world.say(person, "fast").await;
        said(&world, person as usize).await;
    }
    assert_eq!(world.web.asked().len(), 5, "then the host is left alone");
    assert!(sent(&world)[7].contains("fast.example failed 5 times in a row"), "{:?}", sent(&world));
    world.say(20, "hi").await;
    asked(&world, 6).await;
    assert!(world.web.asked()[5].url.contains("slow.example"), "another host is called");
    world.web.answers(|_, _| Reply::Now(answered(200, "{}")));
    pause(31_000).await;
    for person in 31..=33 {
        world.say(person, "fast").await;
    }
    until(|| sent(&world).iter().filter(|text| *text == "done 1").count() >= 1, "the host is back").await;
}

/// What they write may be what the host cannot take.
#[tokio::test(start_paused = true)]
async fn f58_calls_of_one_person_that_fail_leave_the_host_to_everybody_else() {
    let world = world();
    world.web.answers(failing);
    let _engine = world.start().await;
    for n in 1..=7 {
        world.deliver(&format!("wamid.{n}"), 1, "fast").await;
        said(&world, n).await;
    }
    assert_eq!(world.web.asked().len(), 7);
    world.web.answers(|_, _| Reply::Now(answered(200, "{}")));
    world.say(2, "fast").await;
    said(&world, 8).await;
    assert_eq!(sent(&world)[7], "done 1");
}

#[tokio::test(start_paused = true)]
async fn f58_a_call_that_fails_counts_once_however_often_it_is_tried() {
    let world = world();
    world.web.answers(failing);
    let _engine = world.start().await;
    for person in 1..=4 {
        world.say(person, "try").await;
        said(&world, person as usize).await;
    }
    assert_eq!(world.web.asked().len(), 12, "three tries each, and the host is not left alone");
}

#[tokio::test(start_paused = true)]
async fn tries_are_bounded_and_wait_as_long_as_the_host_says() {
    let world = world();
    let asks_for = |after| Fetched { retry_after: Some(after), ..answered(429, "") };
    world.web.answers(move |_, before| {
        Reply::Now(asks_for(match before {
            0 => RetryAfter::Pause(7_000),
            _ => RetryAfter::At(START_MS + 15_000),
        }))
    });
    let _engine = world.start().await;
    world.say(1, "try").await;
    said(&world, 1).await;
    assert_eq!(
        (sent(&world).pop().unwrap().as_str(), world.web.asked().len()),
        ("failed 429 status 429 is not expected", 3)
    );
    assert!(world.clock.now_ms() >= START_MS + 15_000, "seconds, then a date");
    world.web.answers(move |_, _| Reply::Now(asks_for(RetryAfter::Pause(caps::MAX_HTTP_PAUSE_MS + 1))));
    world.say(2, "try").await;
    said(&world, 2).await;
    assert_eq!(world.web.asked().len(), 4, "who asks for more than is waited is not asked again");
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_in_the_request_and_in_nothing_that_is_kept() {
    let world = world();
    world.web.answers(|asked, _| {
        let echo = serde_json::json!({ "sent": asked.header("authorization") }).to_string();
        Reply::Now(answered(200, &echo))
    });
    let _engine = world.start().await;
    world.say(1, "hi").await;
    said(&world, 1).await;
    assert!(world.web.asked()[0].header("authorization").unwrap().contains(SECRET));
    let head = world.store.load(conversation(1)).await.unwrap().unwrap();
    let history = world.store.history(conversation(1), Page { cursor: None, limit: 100 }).await.unwrap();
    let kept = history.items.iter().map(|entry| entry.payload.clone()).chain([head.snapshot.clone()]);
    let has = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    for bytes in kept {
        assert!(!has(&bytes, SECRET));
    }
    assert!(history.items.iter().any(|entry| has(&entry.payload, "Bearer ***")), "what was sent back is hidden");
}

/// `basic` leaves as base64, a parameter URL-encoded; the value is another one by the time of the answer.
#[tokio::test(start_paused = true)]
async fn a_secret_that_comes_back_encoded_is_hidden_also_if_it_was_replaced_meanwhile() {
    let world = world();
    let auth = "auth: { basic: { user: ada, password: \"{{ secret.KEY }}\" } }\n    query: { k: \"{{ secret.KEY }}\" }";
    let source = BOT.replace("auth: { bearer: \"{{ secret.KEY }}\" }", auth);
    world.bots.put_live(Arc::new(chatbot::load(&source, "t.yaml", Format::Yaml).bot.unwrap()));
    let value = "fixture/secret value";
    world.secrets.replace("key", value.to_owned().into());
    let secrets = world.secrets.clone();
    world.web.answers(move |asked, _| {
        secrets.replace("key", "the-next-fixture".to_owned().into());
        let echo = serde_json::json!({ "sent": asked.header("authorization"), "url": asked.url }).to_string();
        Reply::Now(answered(200, &echo))
    });
    let _engine = world.start().await;
    world.say(1, "hi").await;
    said(&world, 1).await;
    let asked = world.web.asked();
    let pair = asked[0].header("authorization").and_then(|sent| sent.strip_prefix("Basic ")).unwrap().to_owned();
    assert!(asked[0].url.ends_with("?k=fixture%2Fsecret+value"), "{}", asked[0].url);
    let head = world.store.load(conversation(1)).await.unwrap().unwrap();
    let history = world.store.history(conversation(1), Page { cursor: None, limit: 100 }).await.unwrap();
    let kept = history.items.iter().map(|entry| entry.payload.clone()).chain([head.snapshot.clone()]);
    for bytes in kept {
        let text = String::from_utf8_lossy(&bytes);
        for form in [value, "fixture%2Fsecret+value", pair.as_str()] {
            assert!(!text.contains(form), "{form}: {text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_result_that_comes_while_staff_answers_is_asked_for_again_when_the_bot_goes_on() {
    let world = world();
    world.web.answers(|_, _| held());
    let engine = world.start().await;
    world.say(1, "hi").await;
    asked(&world, 1).await;
    crate::takeover::echo(&world, "wamid.e1", "I look after you").await;
    world.web.release();
    pause(60_000).await;
    assert!(sent(&world).is_empty(), "the bot is silent");
    world.web.answers(|_, _| Reply::Now(answered(200, "{}")));
    assert_eq!(engine.hand_back(conversation(1), chatbot::HandBack::Returned).await.unwrap(), Some(true));
    said(&world, 1).await;
    let keys: Vec<_> =
        world.web.asked().iter().map(|asked| asked.header("idempotency-key").map(str::to_owned)).collect();
    assert_eq!((sent(&world), keys.len()), (vec!["done 1".to_owned()], 2));
    assert_eq!(keys[0], keys[1]);
}

/// The takeover is over long before the caller forgets by itself what it has made.
#[tokio::test(start_paused = true)]
async fn a_call_whose_result_came_during_a_short_takeover_is_made_again_at_once() {
    let world = world();
    world.web.answers(|_, _| held());
    let source = BOT.replace("    save: page", "    timeout_ms: 1000\n    save: page");
    world.bots.put_live(Arc::new(chatbot::load(&source, "t.yaml", Format::Yaml).bot.unwrap()));
    let engine = world.start().await;
    world.say(1, "hi").await;
    asked(&world, 1).await;
    crate::takeover::echo(&world, "wamid.e1", "I look after you").await;
    world.web.answers(|_, _| Reply::Now(answered(200, "{}")));
    world.web.release();
    pause(1_000).await;
    world.consumed().await;
    assert_eq!(engine.hand_back(conversation(1), chatbot::HandBack::Returned).await.unwrap(), Some(true));
    said(&world, 1).await;
    assert_eq!((sent(&world), world.web.asked().len()), (vec!["done 1".to_owned()], 2));
    assert!(world.clock.now_ms() < START_MS + 20_000, "{}", world.clock.now_ms() - START_MS);
}

#[tokio::test(start_paused = true)]
async fn a_secret_without_a_value_is_an_error_of_the_node() {
    let world = World { secrets: BotSecrets::default(), ..world() };
    let _engine = world.start().await;
    world.say(1, "hi").await;
    said(&world, 1).await;
    assert_eq!(sent(&world), ["failed  the secret `KEY` is not in the configuration"]);
    assert!(world.web.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_busy_gets_the_result_later() {
    let flaky = Flaky::over(Model::new());
    let world = World { store: flaky.clone(), ..world() };
    world.web.answers(|_, _| held());
    let _engine = world.start().await;
    world.say(1, "hi").await;
    asked(&world, 1).await;
    flaky.unknown.store(1, std::sync::atomic::Ordering::SeqCst);
    world.web.release();
    said(&world, 1).await;
    assert_eq!((sent(&world), world.web.asked().len()), (vec!["done 1".to_owned()], 1));
}

#[tokio::test(start_paused = true)]
async fn shutting_down_waits_for_the_calls_under_way() {
    let model = Model::new();
    let world = over(model.clone());
    world.web.answers(|_, _| held());
    let engine = world.start().await;
    world.say(1, "hi").await;
    asked(&world, 1).await;
    world.web.release();
    engine.drain(Duration::from_secs(5)).await;
    let mut next = over(model.reopen());
    next.graph = Graph::new(world.clock.clone());
    next.clock = world.clock.clone();
    let _engine = next.start().await;
    let texts = || [sent(&world), sent(&next)].concat();
    until(|| texts() == ["done 1"], "the result was kept").await;
    assert_eq!(next.web.asked().len(), 0, "it was not lost, so it is not made again");
}

#[tokio::test(start_paused = true)]
async fn a_long_answer_is_cut_in_the_history() {
    let world = world();
    let body = format!("\"{}\"", "ü".repeat(20_000));
    world.web.answers(move |_, _| Reply::Now(answered(200, &body)));
    let _engine = world.start().await;
    world.say(1, "go").await;
    world.quiet().await;
    assert_eq!(sent(&world), ["done 1"]);
    let entries = world.store.history(conversation(1), Page { cursor: None, limit: 9 }).await.unwrap().items;
    let shown = entries.iter().map(|entry| actors::journal::entry(entry).unwrap());
    let inputs: Vec<_> = shown.filter_map(|entry| entry.input).filter(|input| input.kind == "http").collect();
    assert_eq!((inputs.len(), &inputs[0].raw["cut_from"]), (1, &serde_json::json!(40_002)));
    let kept = inputs[0].raw["outcome"]["answer"]["body"].as_str().unwrap();
    assert!(kept.len() <= 16 * 1024 && kept.ends_with('ü'), "{}", kept.len());
}
