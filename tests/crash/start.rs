//! What stops a start before anything is served: wrong settings, a broken default bot, a port in use.

use std::net::TcpListener;

use crate::support::{Place, SOON, World};

const NOWHERE: &str = "http://127.0.0.1:9";

async fn ends(place: &Place, arguments: &[&str]) -> crate::support::Ended {
    place.spawn(arguments).end(SOON).await
}

#[tokio::test]
async fn all_problems_of_the_configuration_come_at_once() {
    let mut place = Place::new(NOWHERE);
    place.unset("WHATSAPP_APP_SECRET");
    place.set("PARLANCE__OUTBOX__DOUBT_WINDOW", "soon");
    place.set("PARLANCE__SERVER__LISTN", "127.0.0.1:1");
    place.set("PARLANCE__GRAPH__BASE_URL", "ftp://127.0.0.1");
    let ended = ends(&place, &["serve"]).await;
    assert_eq!(ended.code(), Some(78), "{ended:?}");
    let near = "did you mean PARLANCE__SERVER__LISTEN?";
    for part in
        ["whatsapp.app_secret is missing", "outbox.doubt_window is \"soon\"", near, "graph.base_url", "4 problems"]
    {
        assert!(ended.stderr.contains(part), "{part:?} is not in {}", ended.stderr);
    }
    assert!(!place.store().exists(), "nothing was started");
}

#[tokio::test]
async fn a_configuration_file_is_named_with_line_and_column() {
    let place = Place::new(NOWHERE);
    std::fs::write(place.path().join("own.toml"), "[server]\nmax_connections = \"many\"\n").expect("a file");
    let ended = ends(&place, &["serve", "--config", "own.toml"]).await;
    assert_eq!(ended.code(), Some(78), "{ended:?}");
    assert!(ended.stderr.contains("own.toml:2:"), "{}", ended.stderr);
    let ended = ends(&place, &["serve", "--config", "absent.toml"]).await;
    assert_eq!(ended.code(), Some(78), "{ended:?}");
    assert!(ended.stderr.contains("absent.toml"), "{}", ended.stderr);
}

#[tokio::test]
async fn no_secret_shows_in_what_is_said_about_a_configuration() {
    let mut place = Place::new(NOWHERE);
    let secret = place.app_secret.clone();
    place.set("WHATSAPP_APP_SECRET", format!("{secret}\n"));
    let ended = ends(&place, &["serve"]).await;
    assert_eq!(ended.code(), Some(78), "{ended:?}");
    assert!(!ended.stderr.contains(&secret), "{}", ended.stderr);
}

#[tokio::test]
async fn an_admin_port_open_to_the_network_is_a_decision_and_needs_somebody_who_can_get_in() {
    let mut place = Place::new(NOWHERE);
    place.set("PARLANCE__ADMIN__LISTEN", format!("0.0.0.0:{}", place.admin.port()));
    let ended = ends(&place, &["serve"]).await;
    assert_eq!(ended.code(), Some(78), "{ended:?}");
    assert!(ended.stderr.contains("no TLS") && ended.stderr.contains("admin.insecure = true"), "{}", ended.stderr);
    place.set("PARLANCE__ADMIN__INSECURE", "true".to_owned());
    place.unset("PARLANCE_ADMIN_TOKEN");
    let ended = ends(&place, &["serve"]).await;
    assert_eq!(ended.code(), Some(78), "{ended:?}");
    for word in ["PARLANCE_ADMIN_PASSWORD_FILE", "PARLANCE_ADMIN_TOKEN", "0.0.0.0"] {
        assert!(ended.stderr.contains(word), "{}", ended.stderr);
    }
    place.set("PARLANCE_ADMIN_PASSWORD", "too short".to_owned());
    let ended = ends(&place, &["serve"]).await;
    assert_eq!(ended.code(), Some(78), "{ended:?}");
    assert!(ended.stderr.contains("at least 12") && !ended.stderr.contains("too short"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_port_in_use_is_named_with_its_setting() {
    let place = Place::new(NOWHERE);
    for (address, key) in [(place.front, "server.listen"), (place.admin, "admin.listen")] {
        let _taken = TcpListener::bind(address).expect("the port was free");
        ends(&place, &["serve"]).await.one_sentence(1, &[key, &address.to_string(), "in use"]);
    }
    assert!(!place.store().exists(), "nothing was started");
}

#[tokio::test]
async fn a_command_line_that_is_wrong_ends_with_64() {
    let place = Place::new(NOWHERE);
    for arguments in [&["serv"][..], &[], &["serve", "--fast"], &["say"], &["bot"], &["bot", "chek"]] {
        let ended = ends(&place, arguments).await;
        assert_eq!(ended.code(), Some(64), "{arguments:?}: {ended:?}");
        assert!(ended.stdout.is_empty() && ended.stderr.contains("Usage"), "{arguments:?}: {ended:?}");
    }
    for arguments in [&["--help"][..], &["--version"], &["serve", "--help"]] {
        let ended = ends(&place, arguments).await;
        assert_eq!(ended.code(), Some(0), "{arguments:?}: {ended:?}");
        assert!(ended.stdout.contains("parlance"), "{arguments:?}: {ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_only_start_says_what_it_would_say_and_touches_nothing() {
    let world = World::new().await;
    let ended = ends(&world.place, &["serve", "--check-only"]).await;
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    std::fs::write(world.place.path().join("bots/echo.json"), "{").expect("a bot file");
    assert_eq!(ends(&world.place, &["serve", "--check-only"]).await.code(), Some(65));
    assert!(!world.place.store().exists(), "nothing was started");
}
