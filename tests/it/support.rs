//! A world for a test: the stand-in, the server on free ports over a store of its own, and a clock that can be moved.

pub(crate) mod bots;
pub(crate) mod compose;
pub(crate) mod raw;
pub(crate) mod receiver;
pub(crate) mod sse;
pub(crate) mod world;

pub(crate) use compose::{body, message, signature, text};
pub(crate) use world::{Setup, World};

use std::time::Duration;

pub(crate) const SECRET: &str = "test-app-secret";
pub(crate) const OLD_SECRET: &str = "test-app-secret-before";
pub(crate) const VERIFY_TOKEN: &str = "test-verify-token";
pub(crate) const ACCESS_TOKEN: &str = "test-access-token";
pub(crate) const ADMIN_TOKEN: &str = "test-admin-token";
pub(crate) const NUMBER: &str = "700800900100200";
/// Somebody who is none of the stand-in's phones.
pub(crate) const ADA: &str = "447700900901";
pub(crate) const BEN: &str = "447700900902";
/// Longer than anything here takes, also on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const POLL: Duration = Duration::from_millis(3);

/// Looks again and again until `look` finds something.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let found = async {
        let mut ticks = tokio::time::interval(POLL);
        loop {
            ticks.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("never came: {what}"))
}

/// The 300th and later people; numbers from a range that nobody has.
pub(crate) fn person(index: usize) -> String {
    (447_700_100_000_u64 + index as u64).to_string()
}
