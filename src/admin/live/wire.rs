//! Events as bytes of `text/event-stream`. Source: HTML Living Standard, section 9.2, 2026-11.

use std::fmt::Write;
use std::sync::Arc;

use actors::feed::{Feed, Follower, Heard};
use serde_json::json;

use crate::telemetry::Line;

/// How long a client waits before it comes again, in milliseconds.
const RETRY_MS: u64 = 2_000;

/// The first words: how to come again, what will be heard, and, for somebody new, from where on.
pub(super) fn hello(feed: &Feed, follower: &Follower, topics: &[&str], resumes: bool) -> String {
    let mut text = format!("retry: {RETRY_MS}\n");
    // Who goes on keeps the id it has until it has heard what it missed.
    let id = (!resumes).then(|| feed.id(follower.place()));
    let data = json!({ "topics": topics, "resumes": resumes, "version": env!("CARGO_PKG_VERSION") }).to_string();
    event(&mut text, id.as_deref(), "hello", &data);
    text
}

/// Nothing happened, up to this place: no event, but the client's id moves on, so that a stream of rare things can still
/// be taken up later.
pub(super) fn beat(feed: &Feed, follower: &Follower) -> String {
    format!(": beat\nid: {}\n\n", feed.id(follower.place()))
}

pub(super) fn write(out: &mut String, feed: &Feed, heard: &Heard) {
    match heard {
        Heard::Told(told) => event(out, told.place.map(|place| feed.id(place)).as_deref(), told.kind, &told.data),
        Heard::Resync(why, place) => {
            let data = json!({ "reason": why.name() }).to_string();
            event(out, Some(&feed.id(*place)), "resync", &data);
        }
    }
}

/// Lines of the log, and how many are missing before them.
pub(super) fn lines(lines: &[Arc<Line>], lost: u64) -> String {
    let mut text = String::new();
    if lost > 0 {
        event(&mut text, None, "log.lost", &json!({ "lines": lost }).to_string());
    }
    lines.iter().for_each(|line| event(&mut text, None, "log", &line.json));
    text
}

/// `data` is JSON as serde writes it: without a line break.
fn event(out: &mut String, id: Option<&str>, kind: &str, data: &str) {
    if let Some(id) = id {
        write_line(out, "id", id);
    }
    write_line(out, "event", kind);
    write_line(out, "data", data);
    out.push('\n');
}

fn write_line(out: &mut String, field: &str, value: &str) {
    writeln!(out, "{field}: {value}").expect("writing into a String cannot fail");
}
