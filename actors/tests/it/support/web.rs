//! The other programs that bots call, as a test says.

use std::pin::Pin;
use std::sync::Arc;

use actors::http_caller::{Fetch, Fetched, Request};
use chatbot::HttpOutcome;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

/// A try as the other program saw it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// What comes of a try.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Now(Fetched),
    /// Nothing, until the test lets one of them go on with this.
    Held(Fetched),
}

type Script = dyn Fn(&Asked, usize) -> Reply + Send + Sync;

/// Answers 200 and `{}` unless told otherwise.
pub(crate) struct Web {
    asked: Mutex<Vec<Asked>>,
    script: Mutex<Arc<Script>>,
    gate: Semaphore,
}

impl Web {
    pub(crate) fn new() -> Arc<Self> {
        let script: Arc<Script> = Arc::new(|_, _| Reply::Now(answered(200, "{}")));
        Arc::new(Self { asked: Mutex::default(), script: Mutex::new(script), gate: Semaphore::new(0) })
    }

    /// From now on it answers like this; the number is that of the tries before.
    pub(crate) fn answers(&self, script: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) {
        *self.script.lock() = Arc::new(script);
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().clone()
    }

    /// Lets one held try go on.
    pub(crate) fn release(&self) {
        self.gate.add_permits(1);
    }
}

impl Fetch for Web {
    fn fetch(&self, request: Request) -> Pin<Box<dyn Future<Output = Fetched> + Send + '_>> {
        let Request { method, url, headers, .. } = request;
        let asked = Asked { method, url, headers };
        let script = self.script.lock().clone();
        let before = {
            let mut all = self.asked.lock();
            all.push(asked.clone());
            all.len() - 1
        };
        Box::pin(async move {
            match script(&asked, before) {
                Reply::Now(fetched) => fetched,
                Reply::Held(fetched) => {
                    self.gate.acquire().await.unwrap().forget();
                    fetched
                }
            }
        })
    }
}

/// An answer with a JSON body.
pub(crate) fn answered(status: u16, body: &str) -> Fetched {
    let content_type = Some("application/json".to_owned());
    HttpOutcome::Answer { status, content_type, body: body.to_owned() }.into()
}
