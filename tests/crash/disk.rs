//! A disk that fails: nothing more is acknowledged, the program ends with 74 and one sentence, and the next start has
//! everything that was acknowledged.
//!
//! The disk is made to fail below the program, by a library in front of the C library's calls.

use std::path::PathBuf;
use std::sync::Arc;

use rustix::process::Signal;

use crate::support::{Crowd, Ended, Habits, Program, SOON, Said, World, eventually, shim};

const SHIM: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int broken(const char *what) {
    const char *kind = getenv("SHIM_BREAKS"), *trigger = getenv("SHIM_TRIGGER");
    return kind && trigger && !strcmp(kind, what) && !access(trigger, F_OK);
}
int fdatasync(int fd) {
    if (broken("sync")) { errno = EIO; return -1; }
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}
int fsync(int fd) {
    if (broken("sync")) { errno = EIO; return -1; }
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}
ssize_t pwrite64(int fd, const void *from, size_t count, off64_t at) {
    if (broken("write")) { errno = ENOSPC; return -1; }
    return ((ssize_t (*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64"))(fd, from, count, at);
}
"#;

fn trigger(world: &World) -> PathBuf {
    world.place.path().join("broken")
}

/// `serve` with the library in front; what `breaks` works until the trigger exists.
fn start_on_a_disk_that(world: &World, breaks: &str) -> Program {
    let mut command = world.place.command(&["serve"]);
    command
        .env("LD_PRELOAD", shim(world.place.path(), SHIM))
        .env("SHIM_BREAKS", breaks)
        .env("SHIM_TRIGGER", trigger(world));
    world.place.spawn_command(command)
}

/// Loads a program until its disk fails; everything acknowledged must be there afterwards.
async fn the_disk_fails(breaks: &str) -> Ended {
    let world = Arc::new(World::new().await);
    let mut program = start_on_a_disk_that(&world, breaks);
    world.ready(&mut program).await;
    let crowd = Crowd::start(&world, Habits { repeats: false, ..Habits::usual(11) });
    eventually("the crowd is heard", SOON, async || (crowd.acknowledged() >= 200).then_some(())).await;

    std::fs::write(trigger(&world), "").expect("the folder can be written");
    let after = |n| world.texts(&[(format!("999000077{n:02}"), format!("wamid.after.{n}"), "after".into())]);
    let bodies: Vec<_> = (0..20).map(after).collect();
    let answers = futures_util::future::join_all(bodies.iter().map(|body| world.post(body))).await;
    let refused = |answer: &Option<u16>| matches!(answer, None | Some(503));
    assert!(answers.iter().all(refused), "acknowledged on a broken disk: {answers:?}");
    let ended = program.end(SOON).await;
    let said = crowd.stop().await;

    std::fs::remove_file(trigger(&world)).expect("the folder can be written");
    let (_program, _) = world.start().await;
    world.drained(SOON).await;
    check_echoes(&world, &said);
    ended
}

/// Each acknowledged message has its echo. How often one left is not the question here.
fn check_echoes(world: &World, said: &[Said]) {
    let books = world.meta.ledger().expect("the stand-in keeps books");
    for said in said {
        for n in 1..=said.acknowledged {
            let text = format!("echo {n}");
            let heard = books.rows.iter().any(|row| *row.person == *said.person && *row.text == *text);
            assert!(heard, "{} never heard {text}", said.person);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_stops_acknowledgements_and_ends_with_74() {
    let ended = the_disk_fails("sync").await;
    ended.one_sentence(74, &["parlance.redb", "Input/output error", "nothing more is acknowledged"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_write_stops_acknowledgements_and_ends_with_74() {
    let ended = the_disk_fails("write").await;
    ended.one_sentence(74, &["parlance.redb", "No space left on device", "nothing more is acknowledged"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_in_hand_when_the_disk_fails_hears_503() {
    let world = World::new().await;
    let mut program = start_on_a_disk_that(&world, "sync");
    world.ready(&mut program).await;
    // Else the background could be the first to find the disk broken.
    eventually("nothing is left to write", SOON, async || {
        (world.admin("/api/v1/status").await["store"]["unfolded"] == 0).then_some(())
    })
    .await;
    std::fs::write(trigger(&world), "").expect("the folder can be written");
    let body = world.texts(&[("99900003333".into(), "wamid.hears".into(), "hello".into())]);
    assert_eq!(world.post(&body).await, Some(503));
    program.end(SOON).await.one_sentence(74, &["Input/output error"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_on_a_broken_disk_says_so_and_ends_with_74() {
    let world = World::new().await;
    let (program, _) = world.start().await;
    program.kill();
    std::fs::write(trigger(&world), "").expect("the folder can be written");
    for (breaks, why) in [("sync", "Input/output error"), ("write", "No space left on device")] {
        start_on_a_disk_that(&world, breaks).end(SOON).await.one_sentence(74, &["parlance.redb", why]);
    }
    world.start().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_start_that_was_cut_short_can_be_tried_again() {
    for (breaks, why) in [("sync", "Input/output error"), ("write", "No space left on device")] {
        let world = World::new().await;
        std::fs::write(trigger(&world), "").expect("the folder can be written");
        start_on_a_disk_that(&world, breaks).end(SOON).await.one_sentence(74, &["parlance.redb", why]);
        world.start().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_nearly_full_takes_nothing_in_and_still_sends() {
    let mut world = World::new().await;
    let body = |n: u32| world.texts(&[("99900002222".into(), format!("wamid.space.{n}"), format!("hello {n}"))]);
    let (first, refused, again) = (body(1), body(2), body(2));
    world.meta.close_port();
    let (program, _) = world.start().await;
    assert_eq!(world.post(&first).await, Some(200));
    program.kill();

    // More than any disk has.
    world.place.set("PARLANCE__STORE__MIN_FREE_BYTES", (1_u64 << 50).to_string());
    let (program, _) = world.start().await;
    assert_eq!(world.post(&refused).await, Some(503));
    world.meta.open_port();
    world.drained(SOON).await;
    assert_eq!(world.admin("/api/v1/conversations").await["items"].as_array().map(Vec::len), Some(1));
    program.signal(Signal::TERM);
    assert_eq!(program.end(SOON).await.code(), Some(0));

    world.place.set("PARLANCE__STORE__MIN_FREE_BYTES", "0");
    let (_program, _) = world.start().await;
    assert_eq!(world.post(&again).await, Some(200));
    world.drained(SOON).await;
    let books = world.meta.ledger().expect("the stand-in keeps books");
    assert_eq!(books.rows.iter().map(|row| &*row.text).collect::<Vec<_>>(), ["echo hello 1", "echo hello 2"]);
}
