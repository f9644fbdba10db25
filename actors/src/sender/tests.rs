//! Rows that no bot of today queues: held ones, and one that cannot be read.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use chatbot::{Closed, OnDoubt, Order};
use storage::{ConversationId, Model, NewSend, Partition, Revision, SendId, SendState, Store, Turn};
use whatsapp::graph::{self, Accepted, CallError};
use whatsapp::message::{Outgoing, Recipient, Text};

use super::Transport;
use crate::records::SendPayload;
use crate::settings::Number;
use crate::{AdjustableClock, Bots, Engine, Setup, codec};

const NUMBER: &str = "700800900100200";
const CONVERSATION: ConversationId = ConversationId([1; 16]);

/// Breaks off after every request.
#[derive(Default)]
struct Cut(AtomicUsize);

impl Transport for Cut {
    fn send<'a>(
        &'a self,
        _: &'a Number,
        _: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<Accepted, graph::Error>> + Send + 'a>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Err(graph::Error::Ambiguous("composed".into())) })
    }

    fn mark_read<'a>(
        &'a self,
        _: &'a Number,
        _: &'a str,
        _: bool,
    ) -> Pin<Box<dyn Future<Output = Result<(), CallError>> + Send + 'a>> {
        Box::pin(async { Ok(()) })
    }
}

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
    let clock = Arc::new(AdjustableClock::starting_at(1_900_000_000_000));
    let setup = Setup {
        outlet: crate::outlet::Outlet::closed(model.clone(), clock.clone(), Arc::default()),
        store: model.clone(),
        clock,
        bots: Arc::new(Bots::new("test")),
        turn: Arc::new(chatbot::turn),
        numbers: vec![Number {
            id: NUMBER.into(),
            account: "".into(),
            token: "token".to_owned().into(),
            messages_per_second: None,
        }]
        .into(),
        transport: transport.clone(),
        conversations: crate::ConversationSettings::default(),
        sender: crate::SenderSettings::default(),
        tombs: Arc::new(crate::erasure::Tombs::load(&*model, 0).await.unwrap()),
        http: crate::http_caller::HttpParts {
            fetch: Arc::new(crate::http_caller::WebFetch::new(Default::default()).unwrap()),
            secrets: Default::default(),
            settings: Default::default(),
        },
        categories: Arc::new(|_, _, _| None),
        flows: Arc::new(|_, _| None),
        media_wanted: Arc::default(),
        metrics: Arc::default(),
    };
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
