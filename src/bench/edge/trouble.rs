//! The troubles, each on its own connections, until it is stopped or done. How much of it there is, is bounded: the load
//! has the same processors as what it troubles.

mod flood;
mod senders;
mod shapes;
mod sockets;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::super::message::Writer;

/// One kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Trouble {
    /// Heads and bodies that come a byte at a time.
    Slow,
    /// Connections that say nothing.
    Idle { connections: u32 },
    /// Webhooks that somebody else signed, and garbage.
    Flood,
    /// Requests that a careless reader takes for two, or for something else.
    Shapes,
    /// People who write for the first time, many in each webhook, so many a second.
    Stream { senders: u32, rate: u32 },
    /// The same as fast as it is acknowledged.
    Crowd { senders: u32 },
    /// One person, who writes as fast as it is taken.
    One { messages: u32 },
}

impl Trouble {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Slow => "slow senders",
            Self::Idle { .. } => "idle connections",
            Self::Flood => "floods of wrong signatures",
            Self::Shapes => "smuggling shapes",
            Self::Stream { .. } => "distinct senders at a rate",
            Self::Crowd { .. } => "distinct senders at once",
            Self::One { .. } => "one sender",
        }
    }

    /// Runs it until `stop`, or until it is done.
    pub(super) async fn run(self, ground: Ground) {
        match self {
            Self::Slow => sockets::slow(&ground).await,
            Self::Idle { connections } => sockets::idle(&ground, connections).await,
            Self::Flood => flood::run(&ground).await,
            Self::Shapes => shapes::run(&ground).await,
            Self::Stream { senders, rate } => senders::stream(&ground, senders, rate).await,
            Self::Crowd { senders } => senders::crowd(&ground, senders).await,
            Self::One { messages } => senders::one(&ground, messages).await,
        }
    }

    /// Whether it takes all that the machine has, so that no ratio can be asked of it.
    pub(super) fn takes_all(self) -> bool {
        matches!(self, Self::Crowd { .. })
    }

    /// Whether it ends by itself and is to be waited for.
    pub(super) fn ends(self) -> bool {
        matches!(self, Self::Stream { .. } | Self::Crowd { .. } | Self::One { .. })
    }
}

/// Where it happens.
#[derive(Clone)]
pub(super) struct Ground {
    pub address: SocketAddr,
    pub writer: Arc<Writer>,
    pub stop: CancellationToken,
    pub counts: Arc<Counts>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Connections, requests or messages, whichever the trouble is made of.
    pub made: AtomicU64,
    /// Those that the door closed by itself.
    pub closed: AtomicU64,
    /// Requests that were answered otherwise than 2xx.
    pub refused: AtomicU64,
    /// Messages of the trouble's own that were acknowledged: each gets a reply.
    pub taken: AtomicU64,
    /// Answers that must not be.
    pub wrong: AtomicU64,
}

impl Counts {
    fn add(&self, of: impl Fn(&Self) -> &AtomicU64, count: u64) {
        of(self).fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn get(&self, of: impl Fn(&Self) -> &AtomicU64) -> u64 {
        of(self).load(Ordering::Relaxed)
    }
}
