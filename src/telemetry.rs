//! Log lines: where they go, how they look, and what never gets into them.
//!
//! Lines go to stderr, one write each. Fields that name people are masked, secrets are scrubbed from every value, and
//! control characters are escaped in both formats, so that no message can forge a line or move a cursor.

mod line;
mod mask;
mod ring;
mod scrub;

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use std::sync::OnceLock;

use secrecy::SecretString;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Registry, registry, reload};

use crate::config::{Format, Log};

pub use line::{Lines, Style};
pub use mask::{Masked, mask};
pub use ring::{Line, Logs};
pub use scrub::{Scrubber, hide};

/// Of this process, as the log is.
static LEVEL: OnceLock<reload::Handle<Targets, Registry>> = OnceLock::new();

/// Sets up log lines for this process, panics included. `secrets` never show in any of them; `now` is the wall clock
/// in milliseconds since 1970. Answers with the newest lines, as they come.
///
/// Errors: when something else has set up logging before.
pub fn init(
    log: &Log,
    secrets: &[SecretString],
    now: impl Fn() -> i64 + Send + Sync + 'static,
) -> Result<Arc<Logs>, TryInitError> {
    let style = match log.format {
        Format::Text => Style::Text,
        Format::Json => Style::Json,
        Format::Auto if io::stderr().is_terminal() => Style::Text,
        Format::Auto => Style::Json,
    };
    // When stderr is gone there is nobody left to tell.
    let write = |line: &str| io::stderr().lock().write_all(line.as_bytes()).unwrap_or_default();
    let logs = Arc::<Logs>::default();
    let lines = Lines::new(style, Scrubber::new(secrets, log.redact), now, write).kept(logs.clone());
    let (level, handle) = reload::Layer::new(log.level.clone());
    registry().with(level).with(lines).try_init()?;
    let _set_once = LEVEL.set(handle);
    std::panic::set_hook(Box::new(log_panic));
    Ok(logs)
}

/// Which lines are written from now on. Does nothing where [`init`] was not called, as in tests.
pub fn set_level(level: &Targets) {
    if let Some(handle) = LEVEL.get()
        && let Err(error) = handle.reload(level.clone())
    {
        tracing::warn!(%error, "the level of the log could not be changed");
    }
}

/// The default hook would write the message to stderr as it is, whatever it holds. One that was put together at run time may
/// hold what somebody wrote, so it is a matter of its own level.
fn log_panic(info: &std::panic::PanicHookInfo<'_>) {
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    let (thread, fixed) = (thread.name().unwrap_or_default(), fixed_message(info.payload()));
    tracing::error!(target: "panic", location, thread, "{}", fixed.unwrap_or("a panic; its message is logged at debug"));
    if fixed.is_none() {
        let message = info.payload_as_str().unwrap_or("a panic without a message");
        tracing::debug!(target: "panic", location, "{message}");
    }
}

/// A message that stands in the program.
fn fixed_message(payload: &dyn std::any::Any) -> Option<&'static str> {
    payload.downcast_ref::<&'static str>().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_messages_that_stand_in_the_program_are_shown_of_panics() {
        let of = |payload: Box<dyn std::any::Any + Send>| fixed_message(&*payload);
        let caught = |run: fn()| std::panic::catch_unwind(run).unwrap_err();
        assert_eq!(of(caught(|| panic!("a fixed one"))), Some("a fixed one"));
        assert_eq!(of(caught(|| panic!("over {}", String::from("what somebody wrote")))), None);
    }
}
