//! [`Pending`]: the answer of a store call, either here already or on its way from another thread.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use crate::StoreError;

/// A store's answer. Dropping it does not undo the call: a write that was handed over may still commit.
#[must_use = "a store call is finished only when its answer was awaited"]
pub struct Pending<T>(State<T>);

enum State<T> {
    Ready(Option<Result<T, StoreError>>),
    Waiting(oneshot::Receiver<Result<T, StoreError>>),
}

/// The other end of a [`Pending`]: fulfilled once, by the engine.
pub struct Promise<T>(oneshot::Sender<Result<T, StoreError>>);

impl<T> Pending<T> {
    /// An answer that is known at once.
    pub fn ready(answer: Result<T, StoreError>) -> Self {
        Self(State::Ready(Some(answer)))
    }

    /// An answer that another thread will give.
    pub fn promised() -> (Promise<T>, Self) {
        let (sender, receiver) = oneshot::channel();
        (Promise(sender), Self(State::Waiting(receiver)))
    }
}

impl<T> Promise<T> {
    /// Hands the answer over; nobody waiting any more is fine.
    pub fn fulfil(self, answer: Result<T, StoreError>) {
        let _gone = self.0.send(answer);
    }
}

// No field is ever pinned structurally.
impl<T> Unpin for Pending<T> {}

impl<T> Future for Pending<T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Ready(answer) => Poll::Ready(answer.take().expect("polled after it was ready")),
            State::Waiting(receiver) => Pin::new(receiver).poll(context).map(|answer| {
                // The engine went away between taking the call and answering it.
                answer.unwrap_or_else(|_| Err(StoreError::Unknown("the store stopped before it answered".into())))
            }),
        }
    }
}
