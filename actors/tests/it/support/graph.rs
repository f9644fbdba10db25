//! A Graph API that answers as a test says.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actors::{AdjustableClock, Clock, Number, Transport};
use parking_lot::Mutex;
use whatsapp::graph::{Accepted, CallError, Error, GraphError, Load};

/// A request as Graph saw it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Request {
    pub at_ms: u64,
    pub from: String,
    pub to: String,
    /// Of a text; the name of a template.
    pub text: String,
    pub callback_data: String,
    /// How many requests with this callback data came before.
    pub before: usize,
}

/// What comes back, and after which time (ms).
pub(crate) struct Answer(pub u64, pub Result<(), Error>);

impl From<Result<(), Error>> for Answer {
    fn from(answer: Result<(), Error>) -> Self {
        Self(20, answer)
    }
}

type Script = dyn Fn(&Request) -> Answer + Send + Sync;

pub(crate) struct Graph {
    clock: Arc<AdjustableClock>,
    requests: Mutex<Vec<Request>>,
    marks: Mutex<Vec<(String, bool)>>,
    pub load: Mutex<Load>,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
    script: Mutex<Arc<Script>>,
}

impl Graph {
    /// One that accepts everything.
    pub(crate) fn new(clock: Arc<AdjustableClock>) -> Arc<Self> {
        Arc::new(Self {
            clock,
            requests: Mutex::default(),
            marks: Mutex::default(),
            load: Mutex::default(),
            under_way: AtomicUsize::new(0),
            most_under_way: AtomicUsize::new(0),
            script: Mutex::new(Arc::new(|_| Ok(()).into())),
        })
    }

    /// From now on it answers like this.
    pub(crate) fn answers(&self, script: impl Fn(&Request) -> Answer + Send + Sync + 'static) {
        *self.script.lock() = Arc::new(script);
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().clone()
    }

    #[allow(dead_code, reason = "asked by tests of read marks")]
    /// Messages that were marked as read, and whether with a typing indicator.
    pub(crate) fn marks(&self) -> Vec<(String, bool)> {
        self.marks.lock().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.requests.lock().len()
    }

    /// Seconds since `start_ms` of each request, in thousandths.
    pub(crate) fn times(&self, start_ms: u64) -> Vec<u64> {
        self.requests.lock().iter().map(|request| request.at_ms - start_ms).collect()
    }

    pub(crate) fn most_under_way(&self) -> usize {
        self.most_under_way.load(Ordering::SeqCst)
    }

    fn note(&self, number: &Number, body: &[u8]) -> Request {
        let body: serde_json::Value = serde_json::from_slice(body).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let callback_data = text(&body["biz_opaque_callback_data"]);
        let mut requests = self.requests.lock();
        let before = requests.iter().filter(|request| request.callback_data == callback_data).count();
        let to = text(&body["to"]).trim_start_matches('+').to_owned();
        let said = text(&body["text"]["body"]) + &text(&body["template"]["name"]);
        let (at_ms, from) = (self.clock.now_ms(), number.id.to_string());
        let request = Request { at_ms, from, to, text: said, callback_data, before };
        requests.push(request.clone());
        request
    }
}

impl Transport for Graph {
    fn send<'a>(
        &'a self,
        number: &'a Number,
        body: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<Accepted, Error>> + Send + 'a>> {
        let request = self.note(number, &body);
        let under_way = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_under_way.fetch_max(under_way, Ordering::SeqCst);
        let script = self.script.lock().clone();
        Box::pin(async move {
            let Answer(after_ms, answer) = script(&request);
            super::pause(after_ms).await;
            self.under_way.fetch_sub(1, Ordering::SeqCst);
            let wamid = format!("wamid.{}", request.callback_data);
            answer.map(|()| Accepted { wamid, wa_id: None, user_id: None, message_status: None })
        })
    }

    fn mark_read<'a>(
        &'a self,
        _: &'a Number,
        wamid: &'a str,
        typing: bool,
    ) -> Pin<Box<dyn Future<Output = Result<(), CallError>> + Send + 'a>> {
        self.marks.lock().push((wamid.to_owned(), typing));
        Box::pin(async {
            super::pause(20).await;
            Ok(())
        })
    }

    fn load(&self, _: &Number) -> Load {
        *self.load.lock()
    }
}

/// Graph's refusal with this number and status.
pub(crate) fn refusal(code: u32, http_status: u16) -> Result<(), Error> {
    let error = GraphError { code, http_status, message: "composed".into(), ..GraphError::default() };
    Err(Error::Graph(Box::new(error)))
}
