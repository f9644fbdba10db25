//! The same inputs give the same bytes, whatever happened to the snapshot in between; and whatever comes, every bound
//! holds.

use std::path::PathBuf;
use std::sync::LazyLock;

use chatbot::{
    Bot, ContactView, Effect, FormAction, FormRequest, FormStep, Given, HandBack, HttpDone, HttpOutcome, Incoming,
    Input, NumberView, Snapshot, Steer, Trace, Turn, TurnError, caps, turn,
};
use proptest::prelude::*;
use whatsapp::message::Outgoing;

use crate::support::{START_MS, bot_file, delivered, message, repository, said, tapped, testdata};

/// Bytes that a snapshot may have: variables, what calls and loops keep, texts that wait, a call, and the rest.
const MAX_SNAPSHOT_BYTES: usize = 4 * caps::MAX_VARIABLES_BYTES;

/// Every bot of the transcripts, and the sample bots.
static BOTS: LazyLock<Vec<(PathBuf, Bot)>> = LazyLock::new(|| {
    let files = |dir: PathBuf| std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let all = files(testdata("transcripts")).chain(files(repository("bots"))).chain(files(testdata("flows")));
    let mut all: Vec<PathBuf> = all.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    all.sort();
    all.into_iter().map(|path| (path.clone(), bot_file(&path))).collect()
});

/// How the snapshot travels from one turn to the next.
#[derive(Clone, Copy)]
enum Travels {
    InMemory,
    AsJson,
    AsMessagePack,
}

/// A conversation that goes on with what it stored.
struct Lane<'b> {
    bot: &'b Bot,
    travels: Travels,
    state: Snapshot,
    seed: u64,
}

impl<'b> Lane<'b> {
    fn new(bot: &'b Bot, travels: Travels) -> Self {
        Self { bot, travels, state: Snapshot::default(), seed: 0 }
    }

    /// All that came of a turn, as bytes.
    fn step(&mut self, now_ms: u64, input: &Input) -> (Result<Turn, TurnError>, Vec<u8>) {
        self.seed += 1;
        let contact = ContactView { name: Some("Ada".into()), wa_id: Some("15550100001".into()), user_id: None };
        let number = NumberView { id: "1".into(), display: None };
        let given = Given {
            now_ms,
            seed: self.seed,
            staff_since_ms: None,
            address: "0AFFE",
            contact: &contact,
            number: &number,
        };
        let result = turn(self.bot, &self.state, input, &given);
        let bytes = match &result {
            Ok(turn) => {
                let mut bytes = rmp_serde::to_vec_named(&turn.after).unwrap();
                bytes.extend(rmp_serde::to_vec_named(&turn.effects).unwrap());
                bytes.extend(rmp_serde::to_vec_named(&turn.trace).unwrap());
                self.state = match self.travels {
                    Travels::InMemory => turn.after.clone(),
                    Travels::AsJson => serde_json::from_slice(&serde_json::to_vec(&turn.after).unwrap()).unwrap(),
                    Travels::AsMessagePack => {
                        rmp_serde::from_slice(&rmp_serde::to_vec_named(&turn.after).unwrap()).unwrap()
                    }
                };
                bytes
            }
            Err(error) => error.to_string().into_bytes(),
        };
        (result, bytes)
    }
}

/// Something that happens, and the time that passes before it.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // few, and by reference
enum Happens {
    Input(Input),
    /// A call that is under way, if one is, gets this.
    Answer(HttpOutcome),
    /// The phone asks with the last form that was sent.
    Asks(FormAction, Option<String>, serde_json::Value),
    /// It asks the same once more, in time or not, with what came of the call that is wanted.
    AsksAgain {
        late: bool,
        with: Option<HttpOutcome>,
    },
}

/// Plays it in three lanes, and once more; holds every bound at every step.
fn play(bot: &Bot, happenings: &[(u64, Happens)]) {
    let mut lanes = [Travels::InMemory, Travels::AsJson, Travels::AsMessagePack, Travels::InMemory]
        .map(|travels| Lane::new(bot, travels));
    let mut now_ms = START_MS;
    let mut call: Option<String> = None;
    let (mut token, mut asked, mut wanted) = (String::new(), None::<FormRequest>, None::<String>);
    let mut requests = 0;
    for (passes_ms, what) in happenings {
        now_ms += passes_ms;
        let input = match what {
            Happens::Input(input) => input.clone(),
            Happens::Answer(outcome) => {
                let id = call.clone().unwrap_or_else(|| "unknown".to_owned());
                Input::HttpDone(HttpDone { id, outcome: outcome.clone(), tries: 1 })
            }
            Happens::Asks(action, screen, data) => {
                requests += 1;
                let (digest, token) = (format!("digest {requests}"), token.clone());
                let (screen, data) = (screen.clone(), data.clone());
                let results = Vec::new();
                let request = FormRequest { token, action: *action, screen, data, digest, results, late: false };
                asked = Some(request.clone());
                Input::Form(request)
            }
            Happens::AsksAgain { late, with } => {
                let Some(request) = &mut asked else { continue };
                request.late = *late;
                let id = wanted.clone().unwrap_or_default();
                let done = with.iter().map(|outcome| HttpDone { id: id.clone(), outcome: outcome.clone(), tries: 1 });
                request.results.extend(done);
                Input::Form(request.clone())
            }
        };
        let before = lanes[0].state.clone();
        let mut results = lanes.iter_mut().map(|lane| lane.step(now_ms, &input)).collect::<Vec<_>>();
        let (result, bytes) = results.remove(0);
        assert!(results.iter().all(|(_, other)| *other == bytes), "{input:?}");
        if let Ok(turn) = result {
            holds(&turn, &before);
            call = turn.effects.iter().find_map(Effect::call).map(|call| call.id.clone()).or(call);
            for sending in turn.effects.iter().filter_map(Effect::message) {
                if let Outgoing::Flow(flow) = &sending.message {
                    token = flow.token().unwrap_or_default().to_owned();
                }
            }
            match turn.effects.iter().find_map(Effect::form) {
                Some(FormStep::Call { call, .. }) => {
                    assert!(!turn.changed && turn.after == before, "a call changes nothing");
                    wanted = Some(call.id.clone());
                }
                Some(FormStep::Refused { .. }) => assert!(!turn.changed, "what is refused changes nothing"),
                _ => {}
            }
        }
        assert!(lanes.iter().all(|lane| lane.state == lanes[0].state));
    }
}

fn holds(turn: &Turn, before: &Snapshot) {
    let messages: Vec<_> = turn.effects.iter().filter_map(Effect::message).collect();
    assert!(messages.len() <= caps::MAX_MESSAGES_PER_TURN, "{} messages", messages.len());
    let text: usize = messages.iter().map(|sending| sending.message.text().len()).sum();
    assert!(text <= caps::MAX_TEXT_PER_TURN, "{text} bytes of text");
    // The error path begins to count anew, once.
    let nodes = turn.trace.iter().filter(|trace| matches!(trace, Trace::Entered { .. })).count();
    assert!(nodes <= 2 * caps::MAX_NODES_PER_TURN, "{nodes} nodes");
    let bytes = rmp_serde::to_vec_named(&turn.after).unwrap().len();
    assert!(bytes <= MAX_SNAPSHOT_BYTES, "{bytes} bytes of snapshot");
    let same = rmp_serde::to_vec_named(before).unwrap() == rmp_serde::to_vec_named(&turn.after).unwrap();
    let acts = turn.effects.iter().any(|effect| effect.form().is_none());
    assert_eq!(turn.changed, acts || !same, "`changed` says whether anything changed");
    assert!(turn.effects.iter().filter_map(Effect::form).count() <= 1);
}

/// The inputs of a transcript.
fn inputs(path: &std::path::Path) -> Vec<(u64, Happens)> {
    let source = std::fs::read_to_string(path.with_extension("in")).unwrap_or_default();
    let line = |line: &str| {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
        let input = match verb {
            "say" => said(rest),
            "tap" => tapped(first, second),
            "send" => Input::Message(message(first, second)),
            "json" => delivered(rest),
            "back" => Input::HandBack(HandBack::Returned),
            "close" => Input::HandBack(HandBack::Closed),
            "lead" => Input::Steer(Steer::Restart),
            "wait" => {
                let minutes: u64 = rest.trim_end_matches('m').parse().unwrap_or(1);
                return (minutes * 60_000, Happens::Input(Input::Tick));
            }
            "ask" => {
                let (screen, data) = second.split_once(' ').unwrap_or((second, "null"));
                let action = ACTIONS.into_iter().find(|action| action.name() == first).unwrap_or(FormAction::Error);
                let data = serde_json::from_str(data).unwrap_or_default();
                return (0, Happens::Asks(action, Some(screen.to_owned()), data));
            }
            "again" | "late" => return (0, Happens::AsksAgain { late: verb == "late", with: None }),
            "result" => return (0, Happens::AsksAgain { late: false, with: Some(answer(200, second)) }),
            _ => return (0, Happens::Answer(answer(200, "{\"items\": [1, 2]}"))),
        };
        (0, Happens::Input(input))
    };
    source.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).map(line).collect()
}

fn answer(status: u16, body: &str) -> HttpOutcome {
    HttpOutcome::Answer { status, content_type: Some("application/json".into()), body: body.to_owned() }
}

/// Words that the bots look for: what stands in their keywords, options and answers.
static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut words: Vec<String> = BOTS
        .iter()
        .flat_map(|(path, _)| {
            let inputs = std::fs::read_to_string(path.with_extension("in")).unwrap_or_default();
            let words = |line: &str| line.split_once(' ').map(|(_, rest)| rest.to_owned());
            inputs.lines().filter_map(words).collect::<Vec<_>>()
        })
        .chain(["hi", "book", "start over", "yes", "1", "human", "stop", "9", "tokyo"].map(str::to_owned))
        .collect();
    words.sort();
    words.dedup();
    words
});

const ACTIONS: [FormAction; 4] = [FormAction::Init, FormAction::Submit, FormAction::Back, FormAction::Error];

fn happening() -> impl Strategy<Value = (u64, Happens)> {
    let kinds = [
        "text",
        "interactive",
        "image",
        "reaction",
        "location",
        "contacts",
        "order",
        "system",
        "request_welcome",
        "group",
        "",
    ];
    let words = prop_oneof![3 => prop::sample::select(WORDS.clone()), 1 => "(?s).{0,80}", 1 => "[0-9 .,+-]{0,12}"];
    let ids = prop_oneof![
        1 => Just(None),
        3 => prop::sample::select(WORDS.clone()).prop_map(|words| words.split(' ').next().map(str::to_owned)),
        1 => ".{0,20}".prop_map(Some),
    ];
    let message = (prop::sample::select(kinds.to_vec()), words, ids)
        .prop_map(|(kind, text, id)| Input::Message(Incoming { title: id.clone(), id, ..message(kind, &text) }));
    let outcome = prop_oneof![
        Just(answer(200, "{\"items\": [{\"id\": \"a\", \"title\": \"A\"}], \"name\": \"x\", \"total\": 3}")),
        Just(answer(404, "gone")),
        ".{0,40}".prop_map(|body| answer(200, &body)),
        Just(HttpOutcome::Timeout),
        Just(HttpOutcome::Unreachable { why: "it is off".to_owned() }),
    ]
    .boxed();
    let screens =
        prop::sample::select(vec!["A", "B", "BRAND", "PRODUCT", "PRICE", "DEPARTMENT", "DAY", "SLOT", "DETAILS", "X"]);
    let filled = prop::sample::select(vec!["1", "eye", "2026-12-01", "kite", "", "ada"]).prop_map(|text| {
        let keys = ["brand", "product", "quantity", "department", "day", "slot", "name", "phone", "guests"];
        keys.iter().map(|key| ((*key).to_owned(), text.into())).collect::<serde_json::Map<_, _>>().into()
    });
    let asks = (prop::sample::select(ACTIONS.to_vec()), prop::option::of(screens.prop_map(str::to_owned)), filled)
        .prop_map(|(action, screen, data)| Happens::Asks(action, screen, data));
    let again = (prop::bool::weighted(0.1), prop::option::of(outcome.clone()))
        .prop_map(|(late, with)| Happens::AsksAgain { late, with });
    let what = prop_oneof![
        4 => asks,
        2 => again,
        8 => message.prop_map(Happens::Input),
        3 => Just(Happens::Input(Input::Tick)),
        1 => prop::sample::select(vec![HandBack::Returned, HandBack::Closed]).prop_map(|how| Happens::Input(Input::HandBack(how))),
        1 => prop::sample::select(vec![Steer::Restart, Steer::End, Steer::Node("nowhere".to_owned())]).prop_map(|how| Happens::Input(Input::Steer(how))),
        2 => outcome.prop_map(Happens::Answer),
    ];
    let time = prop_oneof![4 => 0_u64..120_000, 2 => 0_u64..20_000_000, 1 => 0_u64..40_000_000_000];
    (time, what)
}

#[test]
fn every_transcript_gives_the_same_bytes_twice_and_over_any_encoding() {
    let mut played = 0;
    for (path, bot) in BOTS.iter() {
        let inputs = inputs(path);
        played += inputs.len();
        play(bot, &inputs);
    }
    assert!(played > 100, "{played}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn whatever_comes_gives_the_same_bytes_and_stays_within_the_bounds(
        which in 0..BOTS.len(), happenings in prop::collection::vec(happening(), 1..40),
    ) {
        play(&BOTS[which].1, &happenings);
    }
}
