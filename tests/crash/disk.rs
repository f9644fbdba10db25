//! A disk that fails: nothing more is acknowledged, the program ends with 74 and one sentence, and the next start has
//! everything that was acknowledged.
//!
//! The disk is made to fail below the program, by a library in front of the C library's calls.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{Crowd, Ended, Evidence, Habits, Program, SOON, World, eventually};

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

/// Compiles the library into `dir`.
fn shim(dir: &Path) -> PathBuf {
    let (source, library) = (dir.join("shim.c"), dir.join("shim.so"));
    std::fs::write(&source, SHIM).expect("the folder can be written");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(&source).arg("-ldl").output();
    let compiled = compiled.expect("this test needs a C compiler: install one that is called cc");
    assert!(compiled.status.success(), "cc: {}", String::from_utf8_lossy(&compiled.stderr));
    library
}

fn trigger(world: &World) -> PathBuf {
    world.place.path().join("broken")
}

/// `serve` with the library in front; what `breaks` works until the trigger exists.
fn start_on_a_disk_that(world: &World, breaks: &str) -> Program {
    let mut command = world.place.command(&["serve"]);
    command.env("LD_PRELOAD", shim(world.place.path())).env("SHIM_BREAKS", breaks).env("SHIM_TRIGGER", trigger(world));
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
    // Whatever is acknowledged from here on was posted before the trigger; give such a commit its time, not more.
    let after = world.texts(&[("99900007777".into(), "wamid.after".into(), "after".into())]);
    let refused = world.post(&after).await;
    assert!(matches!(refused, None | Some(503)), "acknowledged on a broken disk: {refused:?}");
    let ended = program.end(SOON).await;
    let said = crowd.stop().await;

    std::fs::remove_file(trigger(&world)).expect("the folder can be written");
    let (_program, _) = world.start().await;
    world.drained(SOON).await;
    let mut evidence = Evidence::default();
    evidence.kills.push(crate::support::Interruption { at_ms: world.meta.now_ms() });
    check_echoes(&world, &said);
    ended
}

/// Each acknowledged message has its echo. How often one left is not the question here.
fn check_echoes(world: &World, said: &[crate::support::Said]) {
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
async fn a_start_on_a_broken_disk_says_so_and_ends_with_74() {
    let world = World::new().await;
    std::fs::write(trigger(&world), "").expect("the folder can be written");
    for (breaks, why) in [("sync", "Input/output error"), ("write", "No space left on device")] {
        let ended = start_on_a_disk_that(&world, breaks).end(Duration::from_secs(10)).await;
        ended.one_sentence(74, &["parlance.redb", why]);
    }
    std::fs::remove_file(trigger(&world)).expect("the folder can be written");
    world.start().await;
}
