//! The real server in process, opposite the stand-in for Meta: one file per behaviour.
#![allow(clippy::unwrap_used)] // clippy.toml allows it in test functions, not in their helpers

mod abuse;
mod access;
mod admin;
mod blocking;
mod bots;
mod door;
mod doubt;
mod duplicates;
mod events;
mod handoff;
mod imports;
mod inbound;
mod isolation;
mod journal;
mod late;
mod media;
mod media_hostile;
mod notices;
mod numbers;
mod operator_send;
mod order;
mod paging;
mod people;
mod quarantine;
mod restart;
mod rows;
mod sending;
mod slow;
mod statuses;
mod support;
mod takeover;
mod templates;
mod timers;
mod versions;
mod watch;
