//! `parlance status`: how a running server does, on one screen.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use super::api::{Api, ApiArgs, text};
use super::output::{Failed, data};

/// How often a watched screen is drawn anew.
const EVERY: Duration = Duration::from_secs(1);
/// Clears a terminal and goes to its upper left corner.
const CLEAR: &str = "\u{1b}[2J\u{1b}[H";

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  parlance status\n  parlance status --watch\n  parlance status --json")]
pub(super) struct Args {
    #[command(flatten)]
    api: ApiArgs,
    /// Show it anew every second, until Ctrl+C
    #[arg(long)]
    watch: bool,
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let Args { api: args, watch } = args;
    let json = args.json;
    args.run(|api| async move {
        loop {
            let status = fetch(&api).await?;
            let screen = if json { status.to_string() } else { screen(&status) };
            if watch && !json && std::io::stdout().is_terminal() {
                // A closed terminal is noticed by the next line.
                let _closed = write!(std::io::stdout(), "{CLEAR}");
            }
            data(&screen);
            if !watch {
                return Ok(());
            }
            tokio::time::sleep(EVERY).await;
        }
    })
}

async fn fetch(api: &Api) -> Result<Value, Failed> {
    api.json(api.request(Method::GET, "/api/v1/status", &[])).await
}

fn screen(status: &Value) -> String {
    let count = |counted: &Value| {
        let count = counted["count"].as_u64().unwrap_or(0);
        format!("{count}{}", if counted["more"] == true { " or more" } else { "" })
    };
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let (engine, store, outbox) = (&status["engine"], &status["store"], &status["outbox"]);
    let oldest = outbox["oldest_seconds"].as_f64().map_or_else(|| "-".to_owned(), |age| span(age as u64));
    let inspector = &status["webhooks"]["inspector"];
    let mut lines = vec![
        format!("Parlance {}   up {}", text(status, "version"), span(number(&status["uptime_seconds"]))),
        format!(
            "Webhooks    {:.1}/s, {} without a right signature, {} not noted",
            status["webhooks"]["per_second"].as_f64().unwrap_or(0.0),
            number(&inspector["unsigned"]),
            number(&inspector["dropped"]),
        ),
        format!(
            "Actors      {} live, {} inputs wait",
            number(&engine["live_actors"]),
            number(&engine["waiting_inputs"])
        ),
        format!("Outbox      {} unsent, the oldest {oldest}", number(&outbox["open"])),
        format!("Dead        {} letters", count(&status["dead_letters"])),
        format!("Waiting     {} conversations for a person", count(&status["waiting_for_person"])),
        format!(
            "Store       {} MB, {} rows since the start, {} not folded",
            number(&store["file_bytes"]) >> 20,
            number(&store["rows"]),
            number(&store["unfolded"]),
        ),
        format!("Watching    {} event clients", number(&status["event_clients"])),
    ];
    for token in status["tokens_ending"].as_array().into_iter().flatten() {
        lines.push(format!("Warning     the token {} ends at {}", text(token, "name"), text(token, "expires_at")));
    }
    for number in status["numbers"].as_array().into_iter().flatten() {
        lines.push(of_number(number));
    }
    for stopped in engine["tripped"].as_array().into_iter().flatten() {
        lines.push(format!(
            "Stopped     bot {} version {}",
            stopped[0].as_str().unwrap_or("-"),
            stopped[1].as_str().unwrap_or("-")
        ));
    }
    lines.join("\n")
}

fn of_number(number: &Value) -> String {
    let state = match &number["paused"] {
        Value::Null => "sending".to_owned(),
        paused => format!("stopped since {}: {}", text(paused, "since"), text(paused, "why")),
    };
    format!(
        "Number      {} ({}) {state}, {} unsent",
        text(number, "id"),
        text(number, "display_phone_number"),
        number["open"]
    )
}

/// A time in the two largest units that it has.
fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_screen_shows_what_an_operator_looks_for() {
        let status = json!({
            "version": "0.1.0", "uptime_seconds": 7_322,
            "webhooks": { "per_second": 12.34, "inspector": { "unsigned": 3, "dropped": 0 } },
            "engine": { "live_actors": 5, "waiting_inputs": 1, "tripped": [] },
            "outbox": { "open": 4, "oldest_seconds": 61.5 },
            "dead_letters": { "count": 200, "more": true },
            "waiting_for_person": { "count": 2, "more": false },
            "store": { "file_bytes": 5 << 20, "rows": 9, "unfolded": 1 },
            "event_clients": 1, "tokens_ending": [{ "name": "shop", "expires_at": "2026-12-04T09:00:00.000Z" }],
            "numbers": [{ "id": "700", "display_phone_number": null, "open": 4,
                          "paused": { "since": "2026-11-27T09:00:00Z", "why": "by an operator" } }],
        });
        let screen = screen(&status);
        for part in [
            "up 2 h 2 min",
            "12.3/s",
            "5 live",
            "4 unsent, the oldest 1 min 1 s",
            "200 or more letters",
            "2 conversations for a person",
            "5 MB",
            "the token shop ends at 2026-12-04T09:00:00.000Z",
            "700 (-) stopped since 2026-11-27T09:00:00Z: by an operator",
        ] {
            assert!(screen.contains(part), "{part:?} is not in\n{screen}");
        }
        assert!(screen.lines().all(|line| line.len() <= 100));
    }

    #[test]
    fn spans_have_two_units() {
        let spans = [0, 59, 60, 3_600, 90_000].map(span);
        assert_eq!(spans, ["0 s", "59 s", "1 min 0 s", "1 h 0 min", "1 d 1 h"]);
    }
}
