//! F117: paths that lead out of their folder, in every place that takes a name: no file outside is ever read.

use std::time::Duration;

use crate::support::raw::{Raw, statuses};
use crate::support::{ADMIN_TOKEN, World};
use tokio::net::TcpStream;

const CANARY: &str = "canary-that-nobody-may-read";
const SOON: Duration = Duration::from_secs(10);

/// Ways up, as they are written by those who try.
const UP: [&str; 12] = [
    "../",
    "..%2f",
    "..%2F",
    "%2e%2e/",
    "%2e%2e%2f",
    "..%5c",
    "..\\",
    "%252e%252e%252f",
    "..%c0%af",
    "..;/",
    "....//",
    "%2e%2e%00/",
];

/// Places that take a name, before and after it.
const PLACES: [(&str, &str); 6] = [
    ("/api/v1/media/", "/content"),
    ("/api/v1/media/", ""),
    ("/", ""),
    ("/assets/", ""),
    ("/api/v1/contacts/", "/export"),
    ("/api/v1/bots/", "/graph"),
];

async fn ask(address: std::net::SocketAddr, path: &str, headers: &str) -> String {
    let mut raw = Raw { stream: TcpStream::connect(address).await.unwrap() };
    raw.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n")).await;
    raw.read_to_end(SOON).await.expect("it closes")
}

#[tokio::test]
async fn f117_no_form_of_a_path_reads_a_file_outside() {
    let world = World::start().await;
    // Where the store lies, above the folder of files, and below it under a name that nobody gave out.
    std::fs::create_dir_all(world.dir().join("media/ab")).unwrap();
    for name in ["canary.txt", "media/canary.txt", "media/ab/canary.txt"] {
        std::fs::write(world.dir().join(name), CANARY).unwrap();
    }
    let bearer = format!("Authorization: Bearer {ADMIN_TOKEN}\r\n");
    let absolute = world.dir().join("canary.txt").display().to_string();
    let mut forms = 0;
    for (before, after) in PLACES {
        for up in UP {
            for name in [format!("{up}canary.txt"), format!("ab/{up}{up}canary.txt")] {
                let path = format!("{before}{name}{after}");
                let answer = ask(world.server().admin, &path, &bearer).await;
                assert!(!answer.contains(CANARY), "{path}: {answer}");
                assert!(matches!(*statuses(&answer), [400] | [404] | [405]), "{path}: {answer}");
                forms += 1;
            }
        }
        for name in
            [absolute.as_str(), &absolute.replace('/', "%2f"), "canary.txt", "ab%2fcanary.txt", "file:///etc/passwd"]
        {
            let path = format!("{before}{name}{after}");
            let answer = ask(world.server().admin, &path, &bearer).await;
            assert!(!answer.contains(CANARY) && !answer.contains("root:"), "{path}: {answer}");
            forms += 1;
        }
    }
    for up in UP {
        let answer = ask(world.server().front, &format!("/{up}canary.txt"), "").await;
        assert!(!answer.contains(CANARY), "{answer}");
        forms += 1;
    }
    assert!(forms >= 60, "{forms}");
    // A name that a file is put under is a name, not a place.
    let put = world.admin_call(reqwest::Method::POST, "/api/v1/media?filename=..%2F..%2Fcanary.txt");
    let put = put.header("content-type", "image/png").body("\u{89}PNG").send().await.unwrap();
    assert!(put.status().is_success() || put.status().is_client_error(), "{put:?}");
    assert_eq!(std::fs::read_to_string(world.dir().join("canary.txt")).unwrap(), CANARY);
    world.end().await;
}
