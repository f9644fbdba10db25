//! The clock of the machine jumps, while it runs and between two runs: no timer is early, none is lost, and what came once
//! counts once.

use std::sync::Arc;

use crate::support::{Program, SOON, World, shim};

/// Moves the wall clock by as many seconds as the file says, once it exists.
const SHIM: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t id, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int answer = real(id, time);
    const char *name = getenv("SHIM_SECONDS");
    FILE *file = id == CLOCK_REALTIME && name ? fopen(name, "r") : NULL;
    long seconds = 0;
    if (file) {
        if (fscanf(file, "%ld", &seconds) == 1) time->tv_sec += seconds;
        fclose(file);
    }
    return answer;
}
"#;
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

const BOT: &str = r#"{
  "parlance": 1, "id": "echo", "vars": { "said": { "type": "text", "default": "" } },
  "triggers": [{ "default": {}, "to": "ask" }],
  "nodes": {
    "ask": { "type": "ask", "prompt": "What?", "save": "said", "timeout": "6h", "next": { "ok": "echo", "timeout": "late" } },
    "echo": { "type": "say", "messages": [{ "text": "echo {{ said }}" }], "next": { "next": "ask" } },
    "late": { "type": "say", "messages": [{ "text": "late" }], "next": { "next": "fin" } },
    "fin": { "type": "end", "reason": "done" }
  }
}"#;

struct Jumping {
    world: World,
}

impl Jumping {
    async fn new() -> Self {
        let world = World::new().await;
        std::fs::write(world.place.path().join("bots/echo.json"), BOT).expect("a bot file");
        shim(world.place.path(), SHIM);
        Self { world }
    }

    /// The clock is wrong by so many seconds from now on.
    fn jump(&self, seconds: i64) {
        std::fs::write(self.world.place.path().join("seconds"), seconds.to_string()).expect("a file");
    }

    async fn start(&self) -> Program {
        let path = self.world.place.path();
        let mut command = self.world.place.command(&["serve"]);
        command.env("LD_PRELOAD", path.join("shim.so")).env("SHIM_SECONDS", path.join("seconds"));
        let mut program = self.world.place.spawn_command(command);
        self.world.ready(&mut program).await;
        program
    }

    async fn says(&self, person: &str, text: &str) {
        let body = self.world.texts(&[(person.into(), format!("wamid.{person}.{text}"), text.into())]);
        assert_eq!(self.world.post(&body).await, Some(200));
        self.world.drained(SOON).await;
    }

    fn heard(&self, person: &str) -> Vec<String> {
        let books = self.world.meta.ledger().expect("the stand-in keeps books");
        books.rows.iter().filter(|row| *row.person == *person).map(|row| row.text.to_string()).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f10_a_clock_that_jumps_fires_no_timer_early_and_forgets_no_message() {
    let jumping = Arc::new(Jumping::new().await);
    let (waits, speaks) = ("99900007001", "99900007002");
    let mut program = jumping.start().await;
    jumping.says(waits, "hi").await;
    jumping.says(speaks, "hi").await;
    let mut said = 0;
    let mut expected = vec!["What?".to_owned()];
    // While it runs, and for starts within the time that the question has.
    for (seconds, restarts) in
        [(HOUR, false), (-HOUR, false), (400 * DAY, false), (-400 * DAY, false), (HOUR, true), (-HOUR, true), (0, true)]
    {
        jumping.jump(seconds);
        if restarts {
            program.kill();
            program = jumping.start().await;
        }
        said += 1;
        jumping.says(speaks, &said.to_string()).await;
        for again in 1..=said {
            jumping.says(speaks, &again.to_string()).await;
        }
        expected.extend([format!("echo {said}"), "What?".to_owned()]);
        assert_eq!(jumping.heard(speaks), expected, "{seconds} s");
        assert_eq!(jumping.heard(waits), ["What?"], "{seconds} s: no timer is early");
    }
    // Back by more than a year: what is due waits for the clock, and is not lost.
    for (seconds, hears) in [(-400 * DAY, "What?"), (7 * HOUR, "late")] {
        jumping.jump(seconds);
        program.kill();
        program = jumping.start().await;
        crate::support::eventually(hears, SOON, async || {
            jumping.heard(waits).last().filter(|text| *text == hears).map(|_| ())
        })
        .await;
    }
    jumping.world.drained(SOON).await;
    assert_eq!(jumping.heard(waits), ["What?", "late"], "once");
    jumping.world.nothing_left_over().await;
    program.kill();
}
