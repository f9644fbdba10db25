//! The event stream of the real binary: kill -9 under an open stream, and a thousand clients that read nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::sse::Events;
use crate::support::{Crowd, Habits, SOON, World, eventually};

const KILLS: usize = 6;
const SEED: u64 = 20_261_127;

/// The ids of messages that were heard, in order: (conversation, id, came in).
type Heard = Vec<(String, String, bool)>;

/// Follows until it is told to stop and has heard nothing for a while; comes again after every break, as a browser does.
async fn follow(world: Arc<World>, mut stop: watch::Receiver<bool>) -> Heard {
    let client = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
    let url = format!("http://{}/api/v1/events?topics=messages", world.place.admin);
    let (mut heard, mut last) = (Heard::new(), None::<String>);
    let mut again = tokio::time::interval(Duration::from_millis(20));
    loop {
        let request = client.get(&url).bearer_auth(&world.place.admin_token);
        let Ok(mut events) = Events::open(request, last.as_deref()).await else {
            again.tick().await;
            continue;
        };
        loop {
            let event = tokio::select! {
                event = events.next() => event,
                stopped = stop.wait_for(|stop| *stop) => {
                    assert!(stopped.is_ok(), "the test ended first");
                    return heard;
                }
            };
            let Some(event) = event else { break };
            assert_ne!(event.kind, "resync", "{:?} after {last:?}", event.data);
            let text = |name: &str| event.data[name].as_str().unwrap_or_default().to_owned();
            if matches!(&*event.kind, "message.in" | "message.out") {
                heard.push((text("conversation"), text("id"), event.kind == "message.in"));
            }
        }
        last = events.last_id;
    }
}

/// The messages that the journals of all conversations have, in each one's order.
async fn journal(world: &World) -> Heard {
    let mut all = Heard::new();
    let conversations = world.admin("/api/v1/conversations?limit=200").await;
    for conversation in conversations["items"].as_array().expect("a list") {
        let id = conversation["id"].as_str().expect("an id");
        let (mut own, mut cursor) = (Heard::new(), String::new());
        loop {
            let page = world.admin(&format!("/api/v1/conversations/{id}/messages?limit=200{cursor}")).await;
            for message in page["items"].as_array().expect("a list") {
                let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
                own.push((id.to_owned(), text("id"), message["direction"] == "in"));
            }
            match &page["next_cursor"] {
                Value::String(next) => cursor = format!("&cursor={next}"),
                _ => break,
            }
        }
        own.reverse();
        all.extend(own);
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_under_an_open_stream_lose_no_event_and_double_none() {
    let world = Arc::new(World::new().await);
    let mut random = StdRng::seed_from_u64(SEED);
    let (mut program, _) = world.start().await;
    let (stop, stopped) = watch::channel(false);
    let (one, other) = (follow(world.clone(), stopped.clone()), follow(world.clone(), stopped));
    let (one, other) = (tokio::spawn(one), tokio::spawn(other));
    let crowd = Crowd::start(&world, Habits::usual(SEED));
    for _ in 0..KILLS {
        program.run_for(random.random_range(300..1_500)).await;
        program.kill();
        program = world.start().await.0;
    }
    crowd.stop().await;
    world.drained(SOON).await;
    // The last events are told within the time that they are gathered; a beat of the crowd's length is plenty.
    program.run_for(1_000).await;
    stop.send_replace(true);
    let expected = journal(&world).await;
    for heard in [one.await, other.await] {
        let mut heard = heard.expect("the follower ends well");
        assert_eq!(heard.len(), heard.iter().collect::<BTreeSet<_>>().len(), "something was told twice");
        // Told in the order of the commits, of all conversations; the journal has one after the other.
        heard.sort_by(|a, b| a.0.cmp(&b.0));
        let mut expected = expected.clone();
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        // Both ways: nothing was lost, and of each conversation the order is the journal's.
        let ins = |list: &Heard| list.iter().filter(|message| message.2).cloned().collect::<Vec<_>>();
        assert_eq!(ins(&heard), ins(&expected));
        assert_eq!(heard.iter().collect::<BTreeSet<_>>(), expected.iter().collect::<BTreeSet<_>>());
        println!("{KILLS} kills: {} events", heard.len());
    }
}

/// Resident memory of a process, in KiB.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f118_a_thousand_clients_that_read_nothing_take_bounded_memory() {
    const CLIENTS: usize = 1_000;
    let world = Arc::new(World::new().await);
    let (mut program, _) = world.start().await;
    let load = async |seed: u64, program: &mut crate::support::Program| {
        let crowd = Crowd::start(&world, Habits { rate: 400, ..Habits::usual(seed) });
        program.run_for(4_000).await;
        crowd.stop().await;
        world.drained(SOON).await;
    };
    // What the load itself takes is no part of it.
    load(1, &mut program).await;
    let before = resident(program.pid());
    let mut clients = Vec::with_capacity(CLIENTS);
    for _ in 0..CLIENTS {
        let mut client = TcpStream::connect(world.place.admin).await.expect("the admin port takes connections");
        let head = format!(
            "GET /api/v1/events HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n",
            world.place.admin, world.place.admin_token
        );
        client.write_all(head.as_bytes()).await.expect("it takes a request");
        // It was answered; from now on it reads nothing.
        let mut status = [0; 15];
        client.read_exact(&mut status).await.expect("it answers");
        assert_eq!(&status, b"HTTP/1.1 200 OK");
        clients.push(client);
    }
    load(2, &mut program).await;
    let after = resident(program.pid());
    let more = after.saturating_sub(before) / 1_024;
    println!("{CLIENTS} slow clients: {more} MiB more than the {} MiB before", before / 1_024);
    assert!(more <= 50, "{CLIENTS} slow clients take {more} MiB");
    drop(clients);
    eventually("the clients are forgotten", SOON, async || {
        let page = world.http.get(format!("http://{}/metrics", world.place.admin));
        let page = page.bearer_auth(&world.place.admin_token).send().await.ok()?.text().await.ok()?;
        page.contains("parlance_sse_clients 0\n").then_some(())
    })
    .await;
}
