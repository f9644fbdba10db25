//! The way to Graph, as a seam for tests, and the bodies that go over it.

use std::pin::Pin;

use storage::SendId;
use whatsapp::graph::{self, Accepted, Client};

use crate::records::{self, SendPayload};
use crate::settings::Number;

/// Takes a message body to the Graph API.
pub trait Transport: Send + Sync + 'static {
    /// One request, no retry. `body` is the whole JSON body of `POST /{phone_number_id}/messages`.
    fn send<'a>(
        &'a self,
        number: &'a Number,
        body: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<Accepted, graph::Error>> + Send + 'a>>;
}

impl Transport for Client {
    fn send<'a>(
        &'a self,
        number: &'a Number,
        body: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<Accepted, graph::Error>> + Send + 'a>> {
        Box::pin(self.send_message(&number.id, &number.token, body))
    }
}

pub(crate) fn message_body(payload: &SendPayload, callback_data: &str) -> serde_json::Value {
    payload.message.body(&payload.to, callback_data)
}

pub(crate) fn send_payload_body(payload: &SendPayload, send: SendId, nonce: u32) -> Vec<u8> {
    message_body(payload, &records::callback_data(send, nonce)).to_string().into_bytes()
}
