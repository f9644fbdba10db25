//! A token that expires while the program runs, and one put into its file: no restart, nothing lost.

use std::fs;

use rustix::process::Signal;
use secrecy::SecretString;

use crate::support::{SOON, World, eventually, random_text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queue_of_an_expired_token_leaves_when_its_file_is_replaced() {
    let mut world = World::new().await;
    let file = world.place.path().join("token");
    fs::write(&file, format!("{}\n", world.place.access_token)).expect("a file for the token");
    world.place.unset("WHATSAPP_ACCESS_TOKEN");
    world.place.set("WHATSAPP_ACCESS_TOKEN_FILE", "token");
    let (mut program, _) = world.start().await;
    world.meta.expire_token();
    let texts: Vec<_> =
        (0..20).map(|n| (format!("9990000{n:04}"), format!("wamid.{n}"), format!("text {n}"))).collect();
    assert_eq!(world.post(&world.texts(&texts)).await, Some(200));
    eventually("the number is paused", SOON, async || {
        let numbers = world.admin("/api/v1/numbers").await;
        (numbers["items"][0]["paused"]["code"] == 190 && numbers["items"][0]["open"] == 20).then_some(())
    })
    .await;
    program.signal(Signal::HUP);
    assert!(world.meta.ledger().expect("the stand-in keeps books").rows.is_empty(), "the old token is no better");

    let renewed = random_text();
    world.meta.renew_token(SecretString::from(renewed.as_str()));
    let beside = world.place.path().join("token.new");
    fs::write(&beside, &renewed).expect("the new token");
    fs::rename(&beside, &file).expect("the new token takes its place");
    program.signal(Signal::HUP);
    world.drained(SOON).await;
    assert!(program.runs(), "it is the same process");
    assert_eq!(world.meta.ledger().expect("the stand-in keeps books").rows.len(), 20);
    world.nothing_left_over().await;
    assert!(!program.stderr().contains(&renewed), "{}", program.stderr());
}
