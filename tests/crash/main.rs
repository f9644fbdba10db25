//! Black-box tests of the `parlance` binary: it is killed, its disk fails, its files are damaged, it is told to stop.
//!
//! Each test starts the real program in a folder of its own, opposite a stand-in for Meta inside the test. What was
//! acknowledged and what was sent is compared from outside only: by the answers to webhooks and by the stand-in's books.

mod backlog;
mod bot_files;
mod broadcast;
mod canary;
mod clock;
mod dev;
mod disk;
mod erasing;
mod events;
mod flows;
mod forms;
mod kill;
mod live;
mod operator;
mod responder;
mod secrets;
mod signals;
#[path = "../it/support/sse.rs"]
mod sse;
mod start;
mod store_file;
mod support;
mod tokens;
mod versions;
