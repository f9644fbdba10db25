//! People take conversations over, hand them back, stop the bot and lead it elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actors::attention::{self, Why};
use actors::{Act, Clock, Deed, DeedRefusal, Done, Engine, How, OnIdle, Standing, identity, journal, view};
use chatbot::HandBack;
use serde_json::json;
use storage::{Options, Partition, RedbStore, SendState};

use crate::support::*;
use crate::takeover::echo;

const HOUR_MS: u64 = 3_600_000;
const BOT: &str = "parlance: 1\nid: test\nvars: { people: { type: int } }\ntriggers: [ { default: {}, to: hello } ]\nnodes:\n  \
    hello: { type: say, messages: [ { text: Hello. } ], next: { next: city } }\n  \
    city: { type: ask, prompt: Which city?, save: city, next: { ok: many } }\n  \
    many: { type: ask, prompt: \"How many to {{ city }}?\", expect: int, save: people, next: { ok: desk } }\n  \
    desk: { type: handoff, message: One moment., next: { returned: city, closed: bye } }\n  \
    bye: { type: say, messages: [ { text: Bye. } ], next: { next: end } }\n  end: { type: end }\n";

pub(crate) fn asking() -> World {
    let world = World { turn: Arc::new(chatbot::turn), ..World::new() };
    world.bots.put_live(Arc::new(chatbot::load(BOT, "one.yaml", chatbot::Format::Yaml).bot.unwrap()));
    world
}

pub(crate) fn deed(who: &str, act: Act) -> Deed {
    Deed { act, who: who.into(), reason: None, note: None, by_right: false }
}

pub(crate) fn take(from_others: bool) -> Act {
    Act::TakeOver { from_others }
}

pub(crate) fn back(how: How) -> Act {
    Act::HandBack { how, outcome: HandBack::Returned }
}

pub(crate) async fn does(engine: &Engine, who: &str, act: Act) -> Done {
    engine.act(conversation(1), deed(who, act)).await.unwrap()
}

pub(crate) async fn did(engine: &Engine, who: &str, act: Act) -> Standing {
    match does(engine, who, act).await {
        Done::Done(standing) => standing,
        other => panic!("{other:?}"),
    }
}

async fn refused(engine: &Engine, who: &str, act: Act) -> DeedRefusal {
    match does(engine, who, act).await {
        Done::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn shown(world: &World) -> view::ConversationView {
    let head = world.store.load(conversation(1)).await.unwrap().unwrap();
    view::conversation(conversation(1), &head).unwrap().0
}

async fn variables(world: &World) -> serde_json::Value {
    let head = world.store.load(conversation(1)).await.unwrap().unwrap();
    view::conversation(conversation(1), &head).unwrap().1
}

pub(crate) fn sent(world: &World) -> Vec<String> {
    world.graph.requests().into_iter().map(|request| request.text).collect()
}

fn sent_to(world: &World, person: u32) -> usize {
    world.graph.requests().iter().filter(|request| request.to == phone(person)).count()
}

/// What the journal tells, oldest first.
async fn events(world: &World) -> Vec<String> {
    let entries = world.store.history_from(conversation(1), 0, 1_000).await.unwrap();
    entries.iter().flat_map(|entry| journal::entry(entry).unwrap().events).collect()
}

/// Two take over at once; answers how many messages had left for the person when the winner heard of it.
async fn race(world: &World, engine: &Engine, person: u32) -> usize {
    let tries = |who: &'static str| async move {
        let alias = identity::phone_alias(&phone(person));
        let contact = identity::first_contact(&world.store.secret(), &alias);
        let id = identity::conversation_id(&Partition(NUMBER.into()), contact);
        let done = engine.act(id, deed(who, take(false))).await.unwrap();
        (who, done, sent_to(world, person))
    };
    let (one, other) = tokio::join!(tries("user:elif"), tries("user:noor"));
    let ((winner, Done::Done(standing), left), (_, lost, _)) =
        (if matches!(one.1, Done::Done(_)) { (one, other) } else { (other, one) })
    else {
        panic!("nobody has it")
    };
    assert!(standing.changed && standing.in_flight == 0, "{standing:?}");
    let Done::Refused(DeedRefusal::Owned { who, .. }) = lost else { panic!("{lost:?}") };
    assert_eq!(&*who, winner);
    left
}

fn talkative() -> Arc<actors::TurnFunction> {
    turn(|_, text| Ok((0..3).map(|n| format!("{text} {n}")).collect()))
}

async fn races(world: &World) {
    let engine = world.start().await;
    let mut left = Vec::new();
    for person in 1..=100 {
        world.say(person, "a").await;
        world.consumed().await;
        // Its turn may come before, between and after theirs.
        world.say(person, "b").await;
        left.push(race(world, &engine, person).await);
        world.say(person, "c").await;
    }
    world.consumed().await;
    // Whatever would leave had the time to.
    world.say(999, "last").await;
    until(|| sent_to(world, 999) == 3, "later messages of others have left").await;
    let now: Vec<usize> = (1..=100).map(|person| sent_to(world, person)).collect();
    assert_eq!(now, left);
    let (all, _) = attention::all(&*world.store).await.unwrap();
    assert_eq!(all.iter().filter(|one| one.why == Why::Human).count(), 100);
}

#[tokio::test(start_paused = true)]
async fn f62_of_two_who_take_over_at_once_one_has_it_and_the_bot_is_silent_from_the_answer_on() {
    let world = World { turn: talkative(), ..World::new() };
    let calls = AtomicUsize::new(0);
    world.graph.answers(move |_| Answer((calls.fetch_add(1, Ordering::SeqCst) % 7) as u64 * 30, Ok(())));
    races(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f62_the_same_on_the_real_store_with_real_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(&folder.path().join("store.redb"), Options::default()).unwrap();
    let world = World { turn: talkative(), ..World::over(store) };
    world.graph.answers(|_| Answer(1, Ok(())));
    races(&world).await;
}

#[tokio::test(start_paused = true)]
async fn what_had_not_left_is_held_and_leaves_when_the_bot_goes_on_where_it_waited() {
    let world = asking();
    world.graph.answers(|_| Answer(1_000, Ok(())));
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.consumed().await;
    until(|| world.graph.count() == 1, "the first message is under way").await;
    let standing = did(&engine, "user:elif", take(false)).await;
    assert_eq!((standing.held, standing.in_flight), (1, 0), "the answer came after the one under way had ended");
    assert_eq!(world.states(1).await, [SendState::Accepted, SendState::Held]);
    let again = did(&engine, "user:elif", take(false)).await;
    assert_eq!((again.changed, again.held), (false, 1));
    assert_eq!(
        refused(&engine, "user:noor", back(How::Continue)).await.to_string().split(' ').next(),
        Some("user:elif")
    );
    did(&engine, "user:elif", back(How::Continue)).await;
    world.quiet().await;
    assert_eq!(sent(&world), ["Hello.", "Which city?"]);
    assert_eq!(shown(&world).await.state, "waiting");
    assert_eq!(refused(&engine, "user:elif", back(How::Continue)).await, DeedRefusal::WithBot);
}

#[tokio::test(start_paused = true)]
async fn what_meta_does_not_answer_is_counted_as_in_flight_and_not_waited_for_without_end() {
    let world = asking();
    world.graph.answers(|_| Answer(60_000, Ok(())));
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.consumed().await;
    until(|| world.graph.count() == 1, "the first message is under way").await;
    let standing = did(&engine, "user:elif", take(false)).await;
    assert_eq!((standing.held, standing.in_flight), (1, 1));
    pause(HOUR_MS / 2).await;
    assert_eq!(sent(&world), ["Hello."]);
}

#[tokio::test(start_paused = true)]
async fn what_was_held_is_given_up_when_the_bot_is_led_elsewhere() {
    let world = asking();
    world.graph.answers(|_| Answer(1_000, Ok(())));
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.consumed().await;
    until(|| world.graph.count() == 1, "the first message is under way").await;
    did(&engine, "user:elif", take(false)).await;
    let nowhere = refused(&engine, "user:elif", back(How::Node("nowhere".to_owned()))).await;
    assert_eq!(nowhere, DeedRefusal::NoNode { bot: "test".into(), node: "nowhere".into() });
    did(&engine, "user:elif", back(How::Node("bye".to_owned()))).await;
    world.quiet().await;
    assert_eq!(sent(&world), ["Hello.", "Bye."]);
    assert_eq!(world.states(1).await, [SendState::Accepted, SendState::Dead, SendState::Accepted]);
    assert_eq!(&*world.dead_letters().await[0].reason, "superseded");
    assert_eq!(shown(&world).await.state, "idle");
    assert_eq!(
        events(&world).await,
        ["user:elif took the conversation over", "user:elif gave it back: the bot answers again, after 0 s"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_takeover_waits_neither_for_an_outbox_that_is_full_nor_for_a_version_that_is_stopped() {
    let mut world = asking();
    world.conversations.max_unsent = 1;
    world.graph.answers(|_| Answer(1_000_000, Ok(())));
    let engine = world.start().await;
    for text in ["hi", "Bath", "4", "well?"] {
        world.say(1, text).await;
    }
    until(|| world.graph.count() == 1, "the first message is under way").await;
    let standing = did(&engine, "user:elif", take(false)).await;
    assert_eq!((standing.changed, standing.in_flight), (true, 1));
    world.consumed().await;
    assert_eq!((shown(&world).await.owner.as_deref(), sent(&world).len()), (Some("user:elif"), 1));
}

#[tokio::test(start_paused = true)]
async fn whoever_walks_away_is_followed_by_somebody_else_or_by_the_bot() {
    for (on_idle, state, owner) in [
        (OnIdle::Requeue, "human", None),
        (OnIdle::Resume, "waiting", None),
        (OnIdle::Keep, "human", Some("user:elif")),
    ] {
        let mut world = asking();
        world.conversations.takeover.on_idle = on_idle;
        let engine = world.start().await;
        world.say(1, "hi").await;
        world.quiet().await;
        did(&engine, "user:elif", take(false)).await;
        assert!(matches!(refused(&engine, "user:noor", take(true)).await, DeedRefusal::Owned { .. }));
        pause(HOUR_MS + 60_000).await;
        let seen = shown(&world).await;
        assert_eq!((seen.state, seen.owner.as_deref()), (state, owner), "{on_idle:?}");
        assert_eq!(seen.waiting_ms.is_some(), on_idle == OnIdle::Requeue);
        let (all, _) = attention::all(&*world.store).await.unwrap();
        let whys: Vec<_> = all.iter().map(|one| one.why).collect();
        let expected: &[Why] = match on_idle {
            OnIdle::Requeue => &[Why::NeedsPerson],
            OnIdle::Resume => &[],
            OnIdle::Keep => &[Why::Human],
        };
        assert_eq!(whys, expected);
        // Gone for so long that somebody else may.
        did(&engine, "user:noor", take(true)).await;
        assert_eq!(shown(&world).await.owner.as_deref(), Some("user:noor"));
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_over_again_what_they_have_is_still_there() {
    let mut world = asking();
    world.conversations.takeover.on_idle = OnIdle::Resume;
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    did(&engine, "user:elif", take(false)).await;
    let since = shown(&world).await.control.unwrap().since_ms;
    pause(HOUR_MS - 60_000).await;
    assert!(!did(&engine, "user:elif", take(false)).await.changed);
    pause(HOUR_MS - 60_000).await;
    let seen = shown(&world).await;
    assert_eq!((seen.owner.as_deref(), seen.control.unwrap().since_ms), (Some("user:elif"), since));
    pause(2 * 60_000).await;
    assert_eq!(shown(&world).await.state, "waiting");
    assert_eq!(events(&world).await.len(), 2, "took over once, and gave it back");
}

#[tokio::test(start_paused = true)]
async fn what_a_bot_hands_over_waits_for_whoever_takes_it_and_comes_back_as_a_whole() {
    let world = asking();
    let engine = world.start().await;
    for text in ["hi", "Bath", "4"] {
        world.say(1, text).await;
        world.quiet().await;
    }
    let seen = shown(&world).await;
    assert_eq!((seen.state, seen.owner, seen.waiting_ms.is_some()), ("human", None, true));
    did(&engine, "user:elif", take(false)).await;
    let seen = shown(&world).await;
    assert_eq!((seen.owner.as_deref(), seen.waiting_ms), (Some("user:elif"), None));
    did(&engine, "user:elif", Act::HandBack { how: How::Continue, outcome: HandBack::Closed }).await;
    world.quiet().await;
    assert_eq!(sent(&world).last().unwrap(), "Bye.");
    assert_eq!(attention::all(&*world.store).await.unwrap(), (Vec::new(), false));
}

#[tokio::test(start_paused = true)]
async fn the_phone_app_has_it_until_somebody_takes_it_from_there() {
    let world = asking();
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    echo(&world, "wamid.e1", "I am on it").await;
    assert!(
        matches!(refused(&engine, "user:elif", take(false)).await, DeedRefusal::Owned { who, .. } if &*who == "phone_app")
    );
    did(&engine, "user:elif", take(true)).await;
    assert_eq!(
        events(&world).await,
        ["phone_app took the conversation over", "user:elif took the conversation over from phone_app"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_paused_bot_says_nothing_and_goes_on_as_if_no_time_had_passed() {
    let world = asking();
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    assert!(!did(&engine, "user:elif", Act::Resume).await.changed);
    did(&engine, "user:elif", Act::Pause).await;
    assert!(!did(&engine, "user:noor", Act::Pause).await.changed);
    assert_eq!((shown(&world).await.state, shown(&world).await.owner), ("paused", None));
    world.say(1, "Bath").await;
    world.consumed().await;
    pause(48 * HOUR_MS).await;
    assert_eq!(sent(&world).len(), 2, "and nothing ends a pause by itself");
    did(&engine, "user:noor", Act::Resume).await;
    world.say(1, "York").await;
    world.quiet().await;
    assert_eq!(sent(&world).last().unwrap(), "How many to York?");
}

#[tokio::test(start_paused = true)]
async fn variables_are_changed_within_the_types_of_the_bot_while_it_does_not_work_and_all_or_none() {
    let world = asking();
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.say(1, "Bath").await;
    world.quiet().await;
    let set = |revision, pairs: &[(&str, serde_json::Value)]| Act::Set {
        revision,
        values: pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
    };
    let city = |name: &str| [("city", json!(name))];
    assert_eq!(refused(&engine, "user:elif", set(None, &city("York"))).await, DeedRefusal::AtWork);
    did(&engine, "user:elif", Act::Pause).await;
    let revision = shown(&world).await.revision;
    let wrong = [("city", json!("Hull")), ("people", json!("many"))];
    assert!(matches!(refused(&engine, "user:elif", set(None, &wrong)).await, DeedRefusal::Bot(_)));
    assert!(matches!(refused(&engine, "user:elif", set(None, &[("input", json!(1))])).await, DeedRefusal::Bot(_)));
    assert_eq!(variables(&world).await, json!({ "city": "Bath" }));
    let old = refused(&engine, "user:elif", set(Some(revision), &city("York"))).await;
    assert!(matches!(old, DeedRefusal::Revision { .. }), "a refused change was a turn, too: {old:?}");
    let revision = shown(&world).await.revision;
    did(&engine, "user:elif", set(Some(revision), &city("York"))).await;
    assert_eq!(variables(&world).await, json!({ "city": "York" }));
    did(&engine, "user:elif", set(None, &[("city", json!(null)), ("people", json!("3"))])).await;
    assert_eq!(variables(&world).await, json!({ "people": 3 }));
    let told = events(&world).await;
    assert_eq!(told, ["user:elif paused the bot", "user:elif changed city", "user:elif changed city, people"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_is_taken_up_again_as_it_was_and_the_journal_keeps_both() {
    let world = asking();
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.say(1, "Bath").await;
    world.quiet().await;
    let run_of = async |entry| {
        let moment = journal::moment(&*world.store, conversation(1), entry).await.unwrap();
        (moment.at_ms, Box::new(moment.bot().unwrap()))
    };
    let (at_ms, then) = run_of(0).await;
    let before = then.run_id().unwrap().to_owned();
    did(&engine, "user:elif", Act::Rewind { entry: 0, at_ms, then }).await;
    assert_eq!(shown(&world).await.node.as_deref(), Some("city"));
    let (_, now) = run_of(2).await;
    assert!(now.run_id().is_some_and(|run| run != before));
    assert!(events(&world).await[0].contains("reset the conversation to entry 0"));
    world.say(1, "York").await;
    world.quiet().await;
    assert_eq!(sent(&world).last().unwrap(), "How many to York?");
}

#[tokio::test(start_paused = true)]
async fn the_time_that_a_bot_was_silent_is_added_once_to_the_waits_of_a_run_that_is_taken_up_again() {
    const BOT: &str = "parlance: 1\nid: test\ntriggers: [ { default: {}, to: city } ]\nnodes:\n  \
        city: { type: ask, prompt: Which city?, save: city, timeout: 2h, next: { ok: end, timeout: late } }\n  \
        late: { type: say, messages: [ { text: Too late. } ], next: { next: end } }\n  end: { type: end }\n";
    let world = asking();
    let loaded = chatbot::load(BOT, "one.yaml", chatbot::Format::Yaml);
    world.bots.put_live(Arc::new(loaded.bot.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))));
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    pause(HOUR_MS).await;
    did(&engine, "user:elif", Act::Pause).await;
    pause(3 * HOUR_MS).await;
    let moment = journal::moment(&*world.store, conversation(1), 0).await.unwrap();
    let (at_ms, then) = (moment.at_ms, Box::new(moment.bot().unwrap()));
    did(&engine, "user:elif", Act::Rewind { entry: 0, at_ms, then }).await;
    pause(HOUR_MS).await;
    did(&engine, "user:elif", Act::Resume).await;
    pause(2 * HOUR_MS - 60_000).await;
    assert_eq!(sent(&world), ["Which city?"]);
    pause(2 * 60_000).await;
    assert_eq!(sent(&world), ["Which city?", "Too late."]);
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_or_begins_anew_when_somebody_says_so_and_notes_are_kept() {
    let world = asking();
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    let note = Deed { reason: None, ..deed("user:elif", Act::Note("likes tea".into())) };
    assert!(matches!(engine.would(conversation(1), &note).await.unwrap(), Done::Done(_)));
    assert!(events(&world).await.is_empty(), "nothing was done");
    engine.act(conversation(1), note).await.unwrap();
    did(&engine, "user:elif", Act::Restart).await;
    world.quiet().await;
    assert_eq!(sent(&world), ["Hello.", "Which city?", "Hello.", "Which city?"]);
    did(&engine, "user:elif", Act::End).await;
    assert!(!did(&engine, "user:elif", Act::End).await.changed);
    assert_eq!(shown(&world).await.state, "idle");
    let end = Deed { reason: Some("done".into()), ..deed("user:elif", Act::End) };
    assert_eq!(engine.act(conversation(9), end).await.unwrap(), Done::Unknown);
    assert_eq!(
        events(&world).await,
        ["user:elif noted: likes tea", "user:elif restarted the bot", "user:elif ended the run"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_takeover_outlasts_the_process() {
    let world = asking();
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    did(&engine, "user:elif", take(false)).await;
    engine.drain(std::time::Duration::from_secs(9)).await;
    let since = shown(&world).await.control.unwrap().since_ms;
    let engine = world.start().await;
    assert!(!did(&engine, "user:elif", take(false)).await.changed);
    assert_eq!(shown(&world).await.control.unwrap().since_ms, since);
    world.say(1, "Bath").await;
    world.consumed().await;
    assert_eq!((sent(&world).len(), world.clock.now_ms() >= since), (2, true));
}
