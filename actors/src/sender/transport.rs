//! The way to Graph, as a seam for tests, and the bodies that go over it.

use std::pin::Pin;

use storage::SendId;
use whatsapp::graph::{self, Accepted, CallError, Client, Load};

use crate::records::{self, SendPayload};
use crate::settings::Number;

/// Takes a message body to the Graph API.
pub trait Transport: Send + Sync + 'static {
    /// Does what a message needs before it can be sent, such as giving its files to Meta. Doing it twice is harmless.
    fn prepare<'a>(
        &'a self,
        _number: &'a Number,
        _body: &'a [u8],
    ) -> Pin<Box<dyn Future<Output = Result<(), graph::Error>> + Send + 'a>> {
        Box::pin(async { Ok(()) })
    }

    /// One request, no retry. `body` is the whole JSON body of `POST /{phone_number_id}/messages`.
    fn send<'a>(
        &'a self,
        number: &'a Number,
        body: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<Accepted, graph::Error>> + Send + 'a>>;

    /// Marks a message of the person, and all before it, as read; with `typing`, shows that an answer is being written.
    /// One request, no retry. Without a way to Graph nothing is to be done.
    fn mark_read<'a>(
        &'a self,
        _number: &'a Number,
        _wamid: &'a str,
        _typing: bool,
    ) -> Pin<Box<dyn Future<Output = Result<(), CallError>> + Send + 'a>> {
        Box::pin(async { Ok(()) })
    }

    /// How much of its limits Meta has said this number uses since this was asked last.
    fn load(&self, number: &Number) -> Load {
        let _unknown = number;
        Load::default()
    }
}

impl Transport for Client {
    fn send<'a>(
        &'a self,
        number: &'a Number,
        body: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<Accepted, graph::Error>> + Send + 'a>> {
        Box::pin(async move { self.send_message(&number.id, &number.token.get(), body).await })
    }

    fn mark_read<'a>(
        &'a self,
        number: &'a Number,
        wamid: &'a str,
        typing: bool,
    ) -> Pin<Box<dyn Future<Output = Result<(), CallError>> + Send + 'a>> {
        Box::pin(async move {
            let token = number.token.get();
            if typing {
                self.mark_read_and_type(&number.id, &token, wamid).await
            } else {
                Client::mark_read(self, &number.id, &token, wamid).await
            }
        })
    }

    fn load(&self, number: &Number) -> Load {
        self.new_load(&number.account)
    }
}

pub(crate) fn message_body(payload: &SendPayload, callback_data: &str) -> serde_json::Value {
    payload.message.body(&payload.to, callback_data)
}

pub(crate) fn send_payload_body(payload: &SendPayload, send: SendId, nonce: u32) -> Vec<u8> {
    message_body(payload, &records::callback_data(send, nonce)).to_string().into_bytes()
}
