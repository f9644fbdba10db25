//! Messages that name a Flow whose place another one took: they go out with the new one.

use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Value, json};
use whatsapp::graph::{self, Accepted, CallError, Load};

use super::FlowManager;
use crate::sender::Transport;
use crate::settings::Number;

const PARAMETERS: &str = "/interactive/action/parameters";

/// A way to Graph that knows which Flow stands for which.
pub struct Forward {
    inner: Arc<dyn Transport>,
    flows: Arc<FlowManager>,
}

impl Forward {
    /// Over another way.
    pub fn new(inner: Arc<dyn Transport>, flows: Arc<FlowManager>) -> Self {
        Self { inner, flows }
    }

    fn forwarded(&self, account: &str, body: Vec<u8>) -> Vec<u8> {
        if !self.flows.replaces_any() {
            return body;
        }
        let Ok(mut message) = serde_json::from_slice::<Value>(&body) else { return body };
        let Some(parameters) = message.pointer_mut(PARAMETERS) else { return body };
        let mut changed = false;
        for key in ["flow_name", "flow_id"] {
            let Some(named) = parameters[key].as_str() else { continue };
            if let Some(flow) = self.flows.replaced_by(account, named) {
                parameters[key] = json!(if key == "flow_id" { &flow.remote.id } else { &flow.remote.name });
                changed = true;
            }
        }
        if changed { message.to_string().into_bytes() } else { body }
    }
}

impl Transport for Forward {
    fn prepare<'a>(
        &'a self,
        number: &'a Number,
        body: &'a [u8],
    ) -> Pin<Box<dyn Future<Output = Result<(), graph::Error>> + Send + 'a>> {
        self.inner.prepare(number, body)
    }

    fn send<'a>(
        &'a self,
        number: &'a Number,
        body: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<Accepted, graph::Error>> + Send + 'a>> {
        self.inner.send(number, self.forwarded(&number.account, body))
    }

    fn mark_read<'a>(
        &'a self,
        number: &'a Number,
        wamid: &'a str,
        typing: bool,
    ) -> Pin<Box<dyn Future<Output = Result<(), CallError>> + Send + 'a>> {
        self.inner.mark_read(number, wamid, typing)
    }

    fn load(&self, number: &Number) -> Load {
        self.inner.load(number)
    }
}
