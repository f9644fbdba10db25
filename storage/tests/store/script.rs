//! Scripts of store calls that mean the same to every engine, and the whole content of a store as text.

use std::fmt::Write;

use bytes::Bytes;
use storage::{
    Accept, Alias, Change, ConversationId, Erase, Horizons, InboxSeq, NewDeadLetter, NewDocument, Revision, SendId,
    SendState, Settlement, Store, StoreError, Turn,
};
use testkit::SplitMix;

use crate::kit::*;

/// One call; small numbers choose among what there is.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Append { messages: u8, quarantined: u8, notices: u8 },
    Turn { who: u8, consume: u8, sends: u8, entries: u8, wake: u8, extras: u8 },
    Settle { who: u8, n: u8, kinds: Vec<u8> },
    Documents { key: u8, values: Vec<u8> },
    Forget { before: [u8; 4], limit: u8 },
    Resolve { ids: Vec<u8> },
    Erase { who: u8, id: u8, at: bool, limit: u8 },
    Reopen,
}

/// A script that depends on nothing but the seed.
pub(crate) fn script(seed: u64, length: usize) -> Vec<Step> {
    let mut random = SplitMix(seed);
    (0..length).map(|_| step(&mut random)).collect()
}

fn step(random: &mut SplitMix) -> Step {
    match random.below(13) {
        0..3 => Step::Append { messages: random.byte(4), quarantined: random.byte(2), notices: random.byte(2) },
        3..6 => Step::Turn {
            who: random.byte(6),
            consume: random.byte(4),
            sends: random.byte(3),
            entries: random.byte(3),
            wake: random.byte(8),
            extras: random.byte(64),
        },
        6..9 => {
            let kinds = (0..random.below(4)).map(|_| random.byte(30)).collect();
            Step::Settle { who: random.byte(6), n: random.byte(6), kinds }
        }
        11 => Step::Resolve { ids: (0..random.below(3)).map(|_| random.byte(8)).collect() },
        9 => Step::Documents { key: random.byte(4), values: (0..random.below(3)).map(|_| random.byte(4)).collect() },
        10 => Step::Erase { who: random.byte(6), id: random.byte(12), at: random.below(2) == 0, limit: random.byte(8) },
        _ => Step::Forget { before: std::array::from_fn(|_| random.byte(5)), limit: random.byte(6) },
    }
}

/// Runs a step; the answer as text. `at` is the step's place in its script.
pub(crate) fn run(store: &dyn Store, step: &Step, at: usize) -> Result<String, StoreError> {
    let said = match step {
        Step::Append { messages, quarantined: bad, notices } => {
            let mut items: Vec<Accept> = (0..*messages).map(|i| message(&format!("{at} {i}"))).collect();
            items.extend((0..*bad).map(|i| Accept::Quarantine(quarantined(&format!("{at} {i}")))));
            items.extend((0..*notices).map(|i| Accept::Notice(notice(&format!("{at} {i}")))));
            format!("{:?}", wait(store.append(items))?)
        }
        Step::Turn { .. } => {
            let turn = build_turn(store, step, at)?;
            match wait(store.commit(fence(store), turn)) {
                Err(conflict @ StoreError::Conflict { .. }) => conflict.to_string(),
                answer => format!("{:?}", answer?),
            }
        }
        Step::Settle { who, n, kinds } => {
            let send = SendId { conversation: person(*who), n: u64::from(*n) };
            let settlements = kinds.iter().map(|kind| build_settlement(send, *kind, at)).collect();
            format!("{:?}", wait(store.settle(fence(store), settlements))?)
        }
        Step::Documents { key, values } => {
            let documents = (*key..).zip(values).map(|(key, value)| build_document(key, *value));
            format!("{:?}", wait(store.put_documents(documents.collect()))?)
        }
        Step::Forget { before, limit } => {
            let [quarantine_ms, notices_ms, dead_letters_ms, outbox_ms] = before.map(|before| horizon(before, at));
            let before = Horizons { quarantine_ms, notices_ms, dead_letters_ms, outbox_ms };
            format!("{:?}", wait(store.forget(before, usize::from(*limit)))?)
        }
        Step::Resolve { ids } => {
            let resolved = ids.iter().map(|id| (u64::from(*id), Bytes::from(format!("resolved at {at}"))));
            format!("{:?}", wait(store.resolve_letters(resolved.collect()))?)
        }
        Step::Erase { who, id, at: guarded, limit } => {
            let (conversation, number) = (person(*who), u64::from(*id));
            let revision = wait(store.load(conversation))?.map(|head| head.revision).filter(|_| *guarded);
            let what = vec![
                Erase::Inbox(InboxSeq(number)),
                Erase::Alias(Alias("wa:shared".into()), contact(*who)),
                Erase::DeadLetter(number),
                Erase::Quarantined(number),
                Erase::Notice(number),
                Erase::History { id: person(who + 1), below: number },
                Erase::Conversation { id: conversation, revision },
            ];
            format!("{:?}", wait(store.erase(what, usize::from(*limit)))?)
        }
        Step::Reopen => String::new(),
    };
    Ok(said)
}

fn person(who: u8) -> ConversationId {
    conversation(who % 2, who)
}

fn build_document(key: u8, value: u8) -> NewDocument {
    let value = (value > 0).then(|| Bytes::from(vec![value; 20]));
    ("kind".into(), key.to_string().into(), value)
}

/// Some time before, between or after what scripts write.
fn horizon(choice: u8, at: usize) -> Option<u64> {
    [None, Some(7), Some(1_030), Some(5_000 + at as u64 / 2), Some(u64::MAX)][usize::from(choice)]
}

fn build_turn(store: &dyn Store, step: &Step, at: usize) -> Result<Turn, StoreError> {
    let Step::Turn { who, consume, sends, entries, wake, extras } = step else { unreachable!("only turns") };
    let id = person(*who);
    let head = wait(store.load(id))?;
    let stale = u64::from(extras & 12 == 12);
    let first = head.as_ref().map_or(1, |head| head.next_send);
    let revision = head.map_or(0, |head| head.revision.0);
    let pending = wait(store.pending(InboxSeq(0), usize::from(*consume)))?;
    let letter = NewDeadLetter {
        inbox: Some(InboxSeq(1)),
        send: None,
        reason: "bot_error".into(),
        payload: Bytes::from_static(b"?"),
    };
    Ok(Turn {
        expected: Revision(revision + stale),
        // Clocks may step back.
        at_ms: 1_000 + (at as u64 % 7) * 10,
        consumed: pending.iter().map(|(seq, _)| *seq).collect(),
        snapshot: vec![at as u8; 30 + at % 50].into(),
        entries: (0..*entries).map(|i| format!("{at} {i}").into()).collect(),
        sends: (first..).take(usize::from(*sends)).map(new_send).collect(),
        wake_ms: wake.checked_sub(3).map(u64::from),
        aliases: if extras & 1 == 1 { vec![(Alias("wa:shared".into()), contact(*who))] } else { Vec::new() },
        dead_letters: if extras & 3 == 2 { vec![letter] } else { Vec::new() },
        append: (0..extras / 16 % 3).map(|i| inbound(&format!("handed on at {at} {i}"))).collect(),
        resolved: if extras & 20 == 20 { vec![(at as u64 % 8, Bytes::from_static(b"in a turn"))] } else { Vec::new() },
        documents: (0..extras / 16 % 4).map(|i| build_document(i, extras % 3)).collect(),
        ..turn(id, 0)
    })
}

fn build_settlement(send: SendId, kind: u8, at: usize) -> Settlement {
    let price = (kind > 13).then(|| Bytes::from(vec![b'p', kind]));
    let error = (10..20).contains(&kind).then(|| Bytes::from(vec![kind]));
    let wamid: Box<str> = format!("wamid.{kind}").into();
    let letter = NewDeadLetter { inbox: None, send: None, reason: "permanent".into(), payload: Bytes::new() };
    let nonce = [None, Some(78), Some(77)][usize::from(kind) % 7 % 3];
    let change = match kind % 10 {
        4 | 9 if kind > 19 => {
            Change::Rewrite { nonce: 76 + u32::from(kind) % 5, payload: format!("again {at}").into() }
        }
        0 => Change::Sending { attempt: u32::from(kind) / 10 + 1 },
        1 => Change::Accepted { wamid },
        2 => Change::Retry { due_ms: 70, error },
        3 => Change::Uncertain { until_ms: 80, error },
        4 => Change::Held { error },
        5 => Change::Dead { letter, error },
        6 => Change::Status { state: SendState::Sent, wamid, error, price },
        7 => Change::Status { state: SendState::Failed, wamid, error, price },
        8 => Change::Status { state: SendState::Delivered, wamid, error, price },
        _ => Change::Status { state: SendState::Read, wamid, error, price },
    };
    Settlement { send, nonce, at_ms: 5_000 + at as u64, change }
}

/// Everything that a reader can find.
pub(crate) fn content(store: &dyn Store) -> String {
    let mut text = String::new();
    let mut say = |what: &str, found: &dyn std::fmt::Debug| writeln!(text, "{what}: {found:?}").unwrap();
    let pending = get(store.pending(InboxSeq(0), 1_000));
    say("inbox by number", &get(store.inbox(pending.iter().map(|(seq, _)| *seq).collect())));
    say("pending", &pending);
    say("conversations", &all(3, |page| store.conversations(None, page)));
    say("of one number", &all(2, |page| store.conversations(Some([0, 0, 0, 1]), page)));
    for who in 0..6 {
        say("head", &get(store.load(person(who))));
        say("history", &all(3, |page| store.history(person(who), page)));
    }
    let outbox = all(4, |page| store.outbox(None, page));
    say("by id", &get(store.sends(outbox.iter().map(|send| send.id).collect())));
    say("outbox", &outbox);
    for state in [SendState::Queued, SendState::Held, SendState::Dead, SendState::Failed, SendState::Accepted] {
        say("outbox of a state", &all(2, |page| store.outbox(Some(state), page)));
    }
    say("open", &get(store.open_sends(None, 1_000)));
    say("wakes one by one", &wakes_one_by_one(store));
    say("wakes", &get(store.wakes_due(None, u64::MAX, 1_000)));
    say("idle", &get(store.idle_conversations(None, 1_040, 1_000)));
    say("dead letters", &all(3, |page| store.dead_letters(page)));
    say("resolved letters", &all(3, |page| store.resolved_letters(page)));
    say("letters by number", &get(store.letters((0..12).collect())));
    say("quarantine", &all(3, |page| store.quarantine(page)));
    say("quarantine from", &get(store.quarantine_from(2, 3)));
    say("notices", &all(3, |page| store.notices(page)));
    say("documents after", &get(store.documents_page("kind", Some("0"), 2)));
    say("documents", &get(store.documents("kind")));
    say("document", &get(store.document("kind", "1")));
    let aliases = vec![Alias("wa:shared".into()), Alias("wa:none".into())];
    say("aliases", &get(store.resolve_each(aliases)));
    text
}

fn wakes_one_by_one(store: &dyn Store) -> Vec<(u64, ConversationId)> {
    let mut seen: Vec<(u64, ConversationId)> = Vec::new();
    while let Some(next) = get(store.wakes_due(seen.last().copied(), u64::MAX, 1)).pop() {
        seen.push(next);
    }
    seen
}

/// Compares two contents, and shows only the first line that differs.
pub(crate) fn assert_same(found: &str, expected: &str, about: &str) {
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(found, expected, "{about}");
    }
    assert_eq!(found.len(), expected.len(), "{about}");
}
