//! Which version answers whom.

use super::*;

fn bot(title: &str) -> Arc<Bot> {
    let source = format!(
        "parlance: 1\nid: test\ntitle: {title}\ntriggers:\n  - default: {{}}\n    to: e\nnodes:\n  e:\n    type: end\n"
    );
    Arc::new(chatbot::load(&source, "test.yaml", chatbot::Format::Yaml).bot.expect("a valid bot"))
}

fn person(n: usize) -> ConversationId {
    ConversationId([u8::try_from(n).unwrap(); 16])
}

fn chosen(bots: &Bots, pinned: Option<&Arc<Bot>>) -> Option<String> {
    match bots.choose("111", pinned.map(|bot| (bot.id(), bot.version())), 0) {
        Choice::Run(bot) => Some(bot.title().to_owned()),
        Choice::Move(plan) => Some(plan.to.title().to_owned()),
        Choice::Wait(_) | Choice::Nobody => None,
    }
}

#[test]
fn a_run_stays_with_its_version_and_new_runs_take_the_live_one() {
    let (bots, one, two) = (Bots::new("test"), bot("one"), bot("two"));
    assert!(matches!(bots.choose("111", None, 0), Choice::Nobody));
    assert!(!bots.put_live(one.clone()));
    assert!(!bots.put_live(one.clone()), "the same version again replaces nothing");
    assert!(bots.put_live(two));
    assert_eq!(chosen(&bots, Some(&one)).as_deref(), Some("one"));
    assert_eq!(chosen(&bots, None).as_deref(), Some("two"));
    assert_eq!(bots.version("test", one.version()).unwrap().title(), "one");
    assert_eq!(bots.live().len(), 1);
}

#[test]
fn twenty_conversations_at_one_node_within_a_minute_trip_a_version() {
    let (bots, one) = (Bots::new("test"), bot("one"));
    bots.put_live(one.clone());
    let failed = |n, node, now_ms| bots.failed(("test", one.version()), node, person(n), now_ms);
    for _ in 0..100 {
        assert!(!failed(0, "a", 0), "one person alone trips nothing");
    }
    assert!(!(1..19).any(|n| failed(n, "a", 1_000)));
    assert!(!failed(20, "b", 1_000), "another node");
    assert!(!failed(20, "a", TRIP_WINDOW_MS + 1), "the first one is too long ago");
    assert!(failed(21, "a", TRIP_WINDOW_MS + 1));
    assert!(!failed(22, "a", TRIP_WINDOW_MS + 1), "said once");
    assert_eq!(bots.tripped(), [("test".into(), one.version().into())]);

    let Choice::Wait(generation) = bots.choose("111", Some(("test", one.version())), 0) else {
        panic!("it is stopped")
    };
    assert_eq!(generation, bots.generation());
    bots.put_live(bot("two"));
    assert_ne!(generation, bots.generation());
    assert_eq!(chosen(&bots, Some(&one)).as_deref(), Some("two"), "its runs go on with the next version");
}

#[test]
fn a_failure_of_an_unknown_version_trips_nothing() {
    let bots = Bots::new("test");
    assert!(!(0..50).any(|n| bots.failed(("gone", "v"), "a", person(n), 0)));
    assert!(bots.tripped().is_empty());
}

#[test]
fn number_may_have_a_bot_of_its_own_and_a_run_keeps_its_bot() {
    let (bots, one) = (Bots::new("other"), bot("one"));
    bots.put_live(one.clone());
    assert!(matches!(bots.choose("222", None, 0), Choice::Nobody), "the default is not there");
    bots.answer_on("111", Some("test"));
    assert_eq!(chosen(&bots, None).as_deref(), Some("one"));
    assert!(matches!(bots.choose("222", None, 0), Choice::Nobody));
    assert!(matches!(bots.choose("222", Some(("test", one.version())), 0), Choice::Run(_)));
}

fn stored(bot: &Bot) -> StoredVersion {
    StoredVersion {
        id: bot.id().into(),
        version: bot.version().into(),
        source: bot.canonical_json().into(),
        files: BTreeMap::new(),
    }
}

#[test]
fn a_stored_version_is_compiled_when_it_is_asked_for_and_one_that_cannot_be_is_lost() {
    let (bots, one) = (Bots::new("test"), bot("one"));
    bots.add_stored(stored(&one));
    assert_eq!(chosen(&bots, Some(&one)).as_deref(), Some("one"));
    assert!(Arc::ptr_eq(&bots.version("test", one.version()).unwrap(), &bots.version("test", one.version()).unwrap()));

    bots.put_live(bot("two"));
    bots.add_stored(StoredVersion { version: "bad".into(), source: "{}".into(), ..stored(&one) });
    let Choice::Move(plan) = bots.choose("111", Some(("test", "bad")), 0) else { panic!("it cannot run") };
    assert!(plan.from.is_none() && plan.how == How::forced() && plan.to.title() == "two");
    assert!(bots.version("test", "bad").is_none());

    let same = Running { migrate: chatbot::Migrate::SameNode, ..Running::default() };
    bots.publish(bot("three"), 0, same);
    bots.add_stored(StoredVersion { version: "bad".into(), source: "{}".into(), ..stored(&one) });
    let Choice::Move(plan) = bots.choose("111", Some(("test", "bad")), 0) else { panic!("it cannot run") };
    assert!(plan.from.is_none() && plan.how == How::forced(), "no policy can move what is not known");
}

#[test]
fn a_publish_says_what_runs_of_other_versions_do() {
    let (bots, one, two) = (Bots::new("test"), bot("one"), bot("two"));
    let pinned = Some(("test", one.version()));
    bots.publish(one.clone(), 0, Running::default());
    let drain = Running { drain_after_ms: Some(500), ..Running::default() };
    assert!(bots.publish(two.clone(), 1_000, drain));
    assert!(matches!(bots.choose("111", pinned, 1_499), Choice::Run(bot) if bot.title() == "one"));
    assert!(matches!(bots.choose("111", pinned, 1_500), Choice::Move(plan) if plan.how.or_end.is_some()));
    assert_eq!((bots.next_drain_ms(1_000), bots.next_drain_ms(1_500)), (Some(1_500), None));
    assert_eq!(bots.leaves_at_ms("test", one.version()), Some(1_500));
    assert_eq!(bots.leaves_at_ms("test", two.version()), None);
    assert_eq!(bots.last_used_ms("test", one.version()), Some(1_500));

    let same = Running { migrate: chatbot::Migrate::SameNode, ..Running::default() };
    assert!(!bots.publish(two, 2_000, same), "the same version with another policy");
    assert!(matches!(bots.choose("111", pinned, 2_000), Choice::Move(plan) if plan.how == How::default()));
    bots.remove("test", one.version());
    assert!(matches!(bots.choose("111", pinned, 2_000), Choice::Move(plan) if plan.how == How::forced()));
}

#[test]
fn publishing_a_stopped_version_lets_it_run_again() {
    let (bots, one) = (Bots::new("test"), bot("one"));
    bots.put_live(one.clone());
    assert!((0..TRIP_CONVERSATIONS).any(|n| bots.failed(("test", one.version()), "a", person(n), 0)));
    assert_eq!(chosen(&bots, Some(&one)), None);
    bots.put_live(one.clone());
    assert_eq!(chosen(&bots, Some(&one)).as_deref(), Some("one"));
}
