//! Accepting connections: one loop for both ports, with every deadline and cap that hyper leaves to its user.

mod deadlines;
mod seats;

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use deadlines::Deadlines;
use seats::{Phase, Seats};

/// The body of every answer.
pub type Body = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// What a port grants its callers.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections. For one more the one that has been silent for longest is closed; where none is silent, it waits.
    pub max_connections: usize,
    /// From the first byte of a request to its last header.
    pub header_timeout: Duration,
    /// Between two requests of a connection, and for a caller that does not read its answer.
    pub idle_timeout: Duration,
}

/// Headers of a request at most: Meta sends about a dozen.
const MAX_HEADERS: usize = 64;
/// Bytes of a request's head at most.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// After a failed accept (out of descriptors, mostly) the loop rests, so as not to spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop`, then lets requests under way finish within `patience`.
pub async fn serve<S, F>(listener: TcpListener, limits: Limits, service: S, stop: CancellationToken, patience: Duration)
where
    S: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let graceful = GracefulShutdown::new();
    let seats = Seats::new(limits.max_connections);
    loop {
        let Some(accepted) = stop.run_until_cancelled(listener.accept()).await else { break };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Answers are small and whole: waiting to fill a packet only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection was gone before it was served");
            continue;
        }
        // One at a time waits here, the others in the kernel's queue.
        let Some(seat) = stop.run_until_cancelled(seats.take()).await else { break };
        let phase = seat.phase.clone();
        let io = TokioIo::new(Deadlines::new(stream, phase.clone(), limits));
        let service = service.clone();
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.idle_timeout)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(
                io,
                service_fn(move |request| {
                    phase.head_is_read();
                    let (phase, answer) = (phase.clone(), service(request, peer));
                    async move {
                        let answer = answer.await;
                        Ok::<_, Infallible>(answer.map(|body| Answer { body, phase }))
                    }
                }),
            );
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended early");
                },
                () = seat.phase.must_leave() => tracing::debug!("a silent connection made room"),
            }
        });
    }
    drop(listener);
    // A peer that neither reads nor closes must not hold the process.
    if tokio::time::timeout(patience, graceful.shutdown()).await.is_err() {
        tracing::warn!("some connections did not finish in time");
    }
}

/// The body of an answer. Until it is dropped its connection is not silent, however long it takes.
struct Answer {
    body: Body,
    phase: Arc<Phase>,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.phase.answered();
    }
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
