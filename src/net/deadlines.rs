//! A socket that gives up on a peer who sends a request's head too slowly, or does not read its answer.
//!
//! hyper's header timeout also runs while a kept-alive connection is silent, so it is used for that, and the stricter
//! one for a head that has begun lives here.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::Limits;
use super::seats::Phase;

pub(super) struct Deadlines {
    stream: TcpStream,
    phase: Arc<Phase>,
    header_timeout: Duration,
    write_timeout: Duration,
    head: Option<Pin<Box<Sleep>>>,
    write: Option<Pin<Box<Sleep>>>,
}

impl Deadlines {
    pub(super) fn new(stream: TcpStream, phase: Arc<Phase>, limits: Limits) -> Self {
        let (header_timeout, write_timeout) = (limits.header_timeout, limits.idle_timeout);
        Self { stream, phase, header_timeout, write_timeout, head: None, write: None }
    }

    fn head_is_late(&mut self, context: &mut Context<'_>) -> bool {
        if !self.phase.is_in_head() {
            self.head = None;
            return false;
        }
        let deadline = self.header_timeout;
        let head = self.head.get_or_insert_with(|| Box::pin(tokio::time::sleep(deadline)));
        head.as_mut().poll(context).is_ready()
    }

    /// A write that does not get through for too long is given up.
    fn watch_write<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.phase.hears(written.is_ready());
        if written.is_ready() {
            self.write = None;
            return written;
        }
        let timeout = self.write_timeout;
        let write = self.write.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        match write.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(late("the peer does not read its answer"))),
            Poll::Pending => Poll::Pending,
        }
    }
}

fn late(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

impl AsyncRead for Deadlines {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() && buffer.filled().len() > before && self.phase.speaks() {
            self.head = None;
        }
        if self.head_is_late(context) {
            return Poll::Ready(Err(late("the request's head takes too long")));
        }
        ready!(read)?;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Deadlines {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch_write(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch_write(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
