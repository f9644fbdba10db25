//! Rows that no bot of today queues: held ones, and one that cannot be read.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use chatbot::{Closed, OnDoubt, Order};
use storage::{ConversationId, Model, NewSend, Partition, Revision, SendId, SendState, Store, Turn};
use whatsapp::message::{Outgoing, Recipient, Text};

use crate::records::SendPayload;
use crate::testing::{Cut, NUMBER, START_MS, setup};
use crate::{AdjustableClock, Engine, codec};

const CONVERSATION: ConversationId = ConversationId([1; 16]);

fn payload(on_doubt: OnDoubt) -> Bytes {
    codec::encode(&SendPayload {
        number_id: NUMBER.into(),
        to: Recipient::Phone("447700900123".into()),
        message: Outgoing::Text(Text::new("hi").unwrap()),
        on_doubt,
        closed: Closed::Drop,
        window_until_ms: Some(u64::MAX),
        order: Order::Accepted,
        bulk: false,
        put_back: 0,
        node: None,
        broadcast: None,
        retry_of: None,
    })
}

/// Commits these rows, starts an engine over them, and gives their states after an hour, and the number of requests.
async fn after_an_hour(payloads: Vec<Bytes>) -> (Vec<SendState>, usize, Arc<Model>) {
    let model = Model::new();
    let conversation = {
        let tag = crate::identity::partition_tag(&Partition(NUMBER.into()));
        let mut id = CONVERSATION;
        id.0[..4].copy_from_slice(&tag);
        id
    };
    let sends = (1..).zip(payloads).map(|(n, payload)| NewSend { n, nonce: 7, payload });
    let turn = Turn {
        conversation,
        expected: Revision(0),
        at_ms: 1,
        consumed: Vec::new(),
        snapshot: Bytes::new(),
        entries: Vec::new(),
        sends: sends.collect(),
        wake_ms: None,
        aliases: Vec::new(),
        dead_letters: Vec::new(),
        append: Vec::new(),
        documents: Vec::new(),
        resolved: Vec::new(),
    };
    let ids = turn.sends.iter().map(|send| SendId { conversation, n: send.n }).collect();
    model.commit(model.fence(&Partition(NUMBER.into())), turn).await.unwrap();
    let transport = Arc::new(Cut::default());
    let clock = Arc::new(AdjustableClock::starting_at(START_MS));
    let setup = setup(model.clone(), clock, transport.clone()).await;
    let _engine = Engine::start(setup).await.unwrap();
    // An hour of paused time.
    assert!(tokio::time::timeout(Duration::from_secs(3_600), std::future::pending::<()>()).await.is_err());
    let states = model.sends(ids).await.unwrap().into_iter().map(|row| row.unwrap().state).collect();
    (states, transport.0.load(Ordering::SeqCst), model)
}

#[tokio::test(start_paused = true)]
async fn at_most_once_means_one_request_and_then_an_operator() {
    let (states, requests, _) = after_an_hour(vec![payload(OnDoubt::Hold), payload(OnDoubt::Hold)]).await;
    assert_eq!(states, [SendState::Held, SendState::Held]);
    assert_eq!(requests, 2);
}

#[tokio::test(start_paused = true)]
async fn a_row_that_cannot_be_read_is_a_dead_letter_and_the_next_one_leaves() {
    let rows = vec![Bytes::from_static(b"\xFFnot ours"), payload(OnDoubt::Hold)];
    let (states, requests, model) = after_an_hour(rows).await;
    assert_eq!(states, [SendState::Dead, SendState::Held]);
    assert_eq!(requests, 1);
    let letters = model.dead_letters(storage::Page { cursor: None, limit: 10 }).await.unwrap().items;
    assert_eq!(letters.iter().map(|letter| &*letter.reason).collect::<Vec<_>>(), ["damaged"]);
}
