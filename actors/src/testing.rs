//! What tests inside this crate start an engine from.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use storage::Store;
use whatsapp::graph::{self, Accepted};

use crate::settings::Number;
use crate::{AdjustableClock, Bots, Setup, Transport};

pub(crate) const NUMBER: &str = "700800900100200";
pub(crate) const START_MS: u64 = 1_900_000_000_000;

/// Breaks off after every request, and counts them.
#[derive(Default)]
pub(crate) struct Cut(pub(crate) AtomicUsize);

impl Transport for Cut {
    fn send<'a>(
        &'a self,
        _: &'a Number,
        _: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<Accepted, graph::Error>> + Send + 'a>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Err(graph::Error::Ambiguous("composed".into())) })
    }
}

/// One number and no bots.
pub(crate) async fn setup(store: Arc<dyn Store>, clock: Arc<AdjustableClock>, transport: Arc<dyn Transport>) -> Setup {
    Setup {
        outlet: crate::outlet::Outlet::closed(store.clone(), clock.clone(), Arc::default()),
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
        transport,
        conversations: crate::ConversationSettings::default(),
        sender: crate::SenderSettings::default(),
        tombs: Arc::new(crate::erasure::Tombs::load(&*store, 0).await.unwrap()),
        http: crate::http_caller::HttpParts {
            fetch: Arc::new(crate::http_caller::WebFetch::new(Default::default()).unwrap()),
            secrets: Default::default(),
            settings: Default::default(),
        },
        categories: Arc::new(|_, _, _| None),
        flows: Arc::new(|_, _| None),
        media_wanted: Arc::default(),
        metrics: Arc::default(),
        store,
    }
}
