//! Tries over a real network of loopback addresses: servers that misbehave, and addresses that must not be reached.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actors::RetryAfter;
use actors::http_caller::{Allow, Fetch, Lookup, Request, WebFetch};
use chatbot::HttpOutcome;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server that answers by path, and what it was asked.
struct Server {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    /// Bytes of bodies that went out.
    written: Arc<AtomicUsize>,
}

impl Server {
    async fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn on(listener: TcpListener) -> Self {
        let port = listener.local_addr().unwrap().port();
        let (asked, written) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicUsize>::default());
        let (noted, counted) = (asked.clone(), written.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that has gone is no matter here.
                tokio::spawn(serve(stream, noted.clone(), counted.clone()));
            }
        });
        Self { port, asked, written }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().clone()
    }

    fn fetch(&self) -> WebFetch {
        WebFetch::new(Allow::parse(["127.0.0.1"]).unwrap()).unwrap()
    }

    async fn get(&self, path: &str) -> HttpOutcome {
        self.fetch().fetch(request(&self.url(path))).await.outcome
    }
}

async fn serve(mut stream: TcpStream, asked: Arc<Mutex<Vec<String>>>, written: Arc<AtomicUsize>) -> Option<()> {
    let (mut head, mut buffer) = (String::new(), [0; 4096]);
    while !head.contains("\r\n\r\n") {
        match stream.read(&mut buffer).await.ok()? {
            0 => return None,
            // A handshake of TLS, which this server does not speak.
            _ if buffer[0] == 0x16 => return None,
            n => head.push_str(&String::from_utf8_lossy(&buffer[..n])),
        }
    }
    let path = head.split(' ').nth(1)?.to_owned();
    asked.lock().push(head);
    let (path, query) = path.split_once('?').unwrap_or((&path, ""));
    let simple = |status: &str, headers: &str, body: &str| {
        format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
    };
    let redirect = |status: &str, to: &str| simple(status, &format!("Location: {to}\r\n"), "");
    let answer = match path {
        "/hang" => return std::future::pending().await,
        "/drip" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n").await.ok()?;
            let mut ticks = tokio::time::interval(std::time::Duration::from_millis(20));
            loop {
                ticks.tick().await;
                stream.write_all(b"x").await.ok()?;
                written.fetch_add(1, Ordering::SeqCst);
            }
        }
        "/endless" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await.ok()?;
            loop {
                stream.write_all(format!("10000\r\n{}\r\n", "x".repeat(0x10000)).as_bytes()).await.ok()?;
                written.fetch_add(0x10000, Ordering::SeqCst);
            }
        }
        "/giant" => "HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n{".to_owned(),
        "/gzip" => simple("200 OK", "Content-Encoding: gzip\r\n", "0123456789"),
        "/cut" => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".to_owned(),
        "/garbage" => "not http at all\r\n\r\n".to_owned(),
        "/loop" => redirect("302 Found", "/loop"),
        "/to" => redirect("307 Temporary Redirect", query),
        "/see" => redirect("303 See Other", query),
        "/until" => simple("429 Too Many Requests", "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "later"),
        "/busy" => simple("503 Service Unavailable", "Retry-After: 7\r\n", "later"),
        "/latin" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na\xe9b").await.ok()?;
            return Some(());
        }
        _ => simple("200 OK", "Content-Type: application/json\r\n", r#"{"ok":true}"#),
    };
    stream.write_all(answer.as_bytes()).await.ok()
}

fn request(url: &str) -> Request {
    Request {
        method: "GET".into(),
        url: url.into(),
        headers: Vec::new(),
        body: None,
        timeout_ms: 400,
        max_bytes: 1 << 20,
        follow: true,
        private: vec!["authorization".into()],
    }
}

fn ok() -> HttpOutcome {
    let content_type = Some("application/json".to_owned());
    HttpOutcome::Answer { status: 200, content_type, body: r#"{"ok":true}"#.into() }
}

fn why(outcome: HttpOutcome) -> String {
    match outcome {
        HttpOutcome::Refused { why } => format!("refused: {why}"),
        HttpOutcome::Unreachable { why } => format!("unreachable: {why}"),
        HttpOutcome::BadBody { status, why } => format!("bad body {status}: {why}"),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn an_answer_is_taken_with_its_status_type_and_body() {
    let server = Server::start().await;
    assert_eq!(server.get("/").await, ok());
    let head = server.asked().remove(0).to_lowercase();
    assert!(head.contains("user-agent: parlance/") && !head.contains("accept-encoding"), "{head}");
    assert!(matches!(server.get("/latin").await, HttpOutcome::Answer { body, .. } if body == "a\u{fffd}b"));
    let busy = server.fetch().fetch(request(&server.url("/busy"))).await;
    assert!(matches!(busy.outcome, HttpOutcome::Answer { status: 503, .. }));
    assert_eq!(busy.retry_after, Some(RetryAfter::Pause(7_000)));
    let until = server.fetch().fetch(request(&server.url("/until"))).await;
    assert_eq!(until.retry_after, Some(RetryAfter::At(784_111_777_000)));
}

#[tokio::test]
async fn f58_servers_that_never_end_are_left_in_time() {
    let server = Server::start().await;
    for path in ["/hang", "/drip"] {
        assert_eq!(server.get(path).await, HttpOutcome::Timeout, "{path}");
    }
}

#[tokio::test]
async fn f58_bodies_without_end_are_cut_off_and_never_unpacked() {
    let server = Server::start().await;
    assert_eq!(why(server.get("/giant").await), "bad body 200: the body is larger than 1048576 bytes");
    let mut endless = request(&server.url("/endless"));
    endless.timeout_ms = 10_000;
    let outcome = server.fetch().fetch(endless).await.outcome;
    assert_eq!(why(outcome), "bad body 200: the body is larger than 1048576 bytes");
    // What the sockets hold beside it.
    assert!(server.written.load(Ordering::SeqCst) < 16 << 20, "{:?}", server.written);
    assert_eq!(why(server.get("/gzip").await), "bad body 200: the body is compressed (gzip), which was not asked for");
}

#[tokio::test]
async fn f58_broken_connections_are_told_without_the_address() {
    let server = Server::start().await;
    for path in ["/cut?token=abc", "/garbage?token=abc"] {
        let told = why(server.get(path).await);
        assert!(told.starts_with("unreachable") && !told.contains("token"), "{path}: {told}");
    }
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let told = why(server.fetch().fetch(request(&format!("http://127.0.0.1:{closed}/?token=abc"))).await.outcome);
    assert!(told.starts_with("unreachable") && !told.contains("token"), "{told}");
    let tls = why(server.fetch().fetch(request(&server.url("/").replace("http:", "https:"))).await.outcome);
    assert!(tls.starts_with("unreachable"), "{tls}");
}

#[tokio::test]
async fn f58_redirects_are_followed_three_times_and_checked_each_time() {
    let server = Server::start().await;
    assert_eq!(why(server.get("/loop").await), "refused: over 3 redirects");
    assert_eq!(server.asked().len(), 4);
    let to = |url: &str| format!("/to?{url}");
    assert_eq!(server.get(&to("/to?/to?/")).await, ok());
    for private in
        ["http://10.0.0.1/", "http://[::1]/", "http://2852039166/latest", "ftp://127.0.0.1/", "http://u:p@127.0.0.1/"]
    {
        let told = why(server.get(&to(private)).await);
        assert!(told.starts_with("refused"), "{private}: {told}");
    }
    let mut stays = request(&server.url("/to?/"));
    stays.follow = false;
    assert!(matches!(server.fetch().fetch(stays).await.outcome, HttpOutcome::Answer { status: 307, .. }));
}

#[tokio::test]
async fn what_is_private_goes_to_no_other_host_and_a_body_only_where_the_status_says_so() {
    let (first, second) = (Server::start().await, Server::start().await);
    let post = |url: String| Request {
        method: "POST".into(),
        headers: vec![("Authorization".into(), "Bearer x".into()), ("X-Plain".into(), "y".into())],
        body: Some("body".into()),
        ..request(&url)
    };
    let fetch = first.fetch();
    assert_eq!(fetch.fetch(post(first.url(&format!("/to?{}", second.url("/"))))).await.outcome, ok());
    let head = second.asked().remove(0).to_lowercase();
    assert!(head.starts_with("post / ") && head.contains("x-plain") && !head.contains("authorization"), "{head}");
    assert_eq!(fetch.fetch(post(first.url("/see?/end"))).await.outcome, ok());
    let head = first.asked().pop().unwrap().to_lowercase();
    assert!(head.starts_with("get /end ") && head.contains("authorization"), "{head}");
}

/// A look-up that answers in turn, and counts.
struct Flip {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Flip {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let read = |list: &&[&str]| list.iter().map(|address| address.parse().unwrap()).collect();
        Arc::new(Self { answers: answers.iter().map(read).collect(), asked: AtomicUsize::new(0) })
    }
}

impl Lookup for Flip {
    fn lookup(&self, _: String) -> Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send>> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst).min(self.answers.len() - 1);
        let found = self.answers[turn].clone();
        Box::pin(async move { Ok(found) })
    }
}

/// Every way to write an address that is not public, at the port of the canary.
const FORMS: &[&str] = &[
    // loopback and unspecified
    "http://127.0.0.1:PORT/",
    "http://127.1:PORT/",
    "http://127.0.1:PORT/",
    "http://2130706433:PORT/",
    "http://0x7f000001:PORT/",
    "http://0x7f.0.0.1:PORT/",
    "http://0x7F.1:PORT/",
    "http://0177.0.0.1:PORT/",
    "http://017700000001:PORT/",
    "http://127.0.0.1.:PORT/",
    "http://127.255.255.254:PORT/",
    "http://0:PORT/",
    "http://0.0.0.0:PORT/",
    "http://0x0:PORT/",
    "http://00.0.0.0:PORT/",
    "http://①②⑦.⓪.⓪.①:PORT/",
    "http://１２７.０.０.１:PORT/",
    "http://127。0。0。1:PORT/",
    "http://%31%32%37.0.0.1:PORT/",
    // private, link-local, shared, and others that are set aside
    "http://10.0.0.1:PORT/",
    "http://10.1:PORT/",
    "http://167772161:PORT/",
    "http://012.0.0.1:PORT/",
    "http://172.16.0.1:PORT/",
    "http://172.31.255.255:PORT/",
    "http://0xac100001:PORT/",
    "http://192.168.0.1:PORT/",
    "http://192.168.257:PORT/",
    "http://3232235521:PORT/",
    "http://0300.0250.0.1:PORT/",
    "http://169.254.169.254:PORT/latest/meta-data/",
    "http://2852039166:PORT/",
    "http://0xa9fea9fe:PORT/",
    "http://0251.0376.0251.0376:PORT/",
    "http://169.254.43518:PORT/",
    "http://100.64.0.1:PORT/",
    "http://100.100.100.200:PORT/",
    "http://192.0.0.192:PORT/",
    "http://192.0.2.1:PORT/",
    "http://198.18.0.1:PORT/",
    "http://198.51.100.1:PORT/",
    "http://203.0.113.1:PORT/",
    "http://168.63.129.16:PORT/",
    "http://224.0.0.1:PORT/",
    "http://240.0.0.1:PORT/",
    "http://255.255.255.255:PORT/",
    // IPv6
    "http://[::1]:PORT/",
    "http://[0:0:0:0:0:0:0:1]:PORT/",
    "http://[::]:PORT/",
    "http://[::ffff:127.0.0.1]:PORT/",
    "http://[::ffff:7f00:1]:PORT/",
    "http://[::127.0.0.1]:PORT/",
    "http://[::ffff:0:127.0.0.1]:PORT/",
    "http://[64:ff9b::127.0.0.1]:PORT/",
    "http://[64:ff9b::a9fe:a9fe]:PORT/",
    "http://[64:ff9b:1::a00:1]:PORT/",
    "http://[fe80::1]:PORT/",
    "http://[fec0::1]:PORT/",
    "http://[fc00::1]:PORT/",
    "http://[fd00:ec2::254]:PORT/",
    "http://[ff02::1]:PORT/",
    "http://[100::1]:PORT/",
    "http://[2002:7f00:1::]:PORT/",
    "http://[2001:0:7f00:1::]:PORT/",
    "http://[2001:db8::1]:PORT/",
    "http://[3fff::1]:PORT/",
    // users, odd slashes, white space
    "http://user@127.0.0.1:PORT/",
    "http://example.com@127.0.0.1:PORT/",
    "http://example.com:80@127.0.0.1:PORT/",
    "http://u:p@example.com:PORT/",
    "http:\\\\127.0.0.1:PORT\\",
    "http:/127.0.0.1:PORT/",
    "http:127.0.0.1:PORT/",
    "http://127.0.0.1:PORT\\@example.com/",
    "ht\ntp://127.0.0.1:PORT/",
    "http://127.0.0\t.1:PORT/",
    " http://127.0.0.1:PORT/ ",
    "HTTP://127.0.0.1:PORT/",
    "https://127.0.0.1:PORT/",
    // names that lead there
    "http://localhost:PORT/",
    "http://a.localhost.:PORT/",
    "http://metadata.google.internal:PORT/",
    "http://127.0.0.1.nip.example:PORT/",
    "http://xn--n3h.example:PORT/",
    // other schemes, no host, other ports
    "ftp://127.0.0.1:PORT/",
    "gopher://127.0.0.1:PORT/_x",
    "ws://127.0.0.1:PORT/",
    "file:///etc/passwd",
    "data:text/plain,x",
    "javascript:alert(1)",
    "unix:/var/run/docker.sock",
    "http://",
    "//127.0.0.1:PORT/",
    "127.0.0.1:PORT",
    "http://example.com:22/",
    "http://example.com:6379/",
    "https://example.com:8443/",
];

#[tokio::test]
async fn f59_no_spelling_of_an_address_reaches_what_is_not_public() {
    assert!(FORMS.len() >= 60);
    let canary = Server::start().await;
    let also = TcpListener::bind(("::1", canary.port)).await.ok().map(Server::on);
    let lookup = Flip::new(&[&["127.0.0.1", "::1"]]);
    // The port is allowed, so that the address alone decides.
    let allow = Allow::parse([format!("*:{}", canary.port).as_str()]).unwrap();
    let fetch = WebFetch::with_lookup(allow, lookup).unwrap();
    for form in FORMS {
        let url = form.replace("PORT", &canary.port.to_string());
        let told = why(fetch.fetch(request(&url)).await.outcome);
        assert!(told.starts_with("refused"), "{form}: {told}");
    }
    assert_eq!(canary.asked(), Vec::<String>::new());
    assert!(also.is_none_or(|also| also.asked().is_empty()));
}

/// 127.0.0.2 plays a public address here, because it is in the list; 127.0.0.1 is the canary.
#[cfg(target_os = "linux")] // elsewhere loopback has one address only
#[tokio::test]
async fn f59_a_name_that_changes_its_address_is_looked_up_once_and_checked_every_time() {
    let canary = Server::start().await;
    let public = Server::on(TcpListener::bind(("127.0.0.2", canary.port)).await.unwrap());
    let fetch = |answers: &[&[&str]]| {
        let (flip, port) = (Flip::new(answers), format!("*:{}", canary.port));
        let allow = Allow::parse([port.as_str(), "127.0.0.2"]).unwrap();
        (WebFetch::with_lookup(allow, flip.clone()).unwrap(), flip)
    };
    let url = |path: &str| format!("http://flip.example:{}{path}", canary.port);

    let (web, flip) = fetch(&[&["127.0.0.2"], &["127.0.0.1"]]);
    assert_eq!(web.fetch(request(&url("/"))).await.outcome, ok());
    assert_eq!(flip.asked.load(Ordering::SeqCst), 1, "checked and connected by one look-up");
    let told = why(web.fetch(request(&url("/"))).await.outcome);
    assert_eq!(told, "refused: flip.example leads to no public address (http.allow)");

    let (web, _) = fetch(&[&["127.0.0.2"], &["127.0.0.1"]]);
    let told = why(web.fetch(request(&url("/to?/again"))).await.outcome);
    assert!(told.starts_with("refused"), "between two hops: {told}");

    let (web, _) = fetch(&[&["127.0.0.1", "10.0.0.1", "127.0.0.2"]]);
    assert_eq!(web.fetch(request(&url("/"))).await.outcome, ok(), "only the public one of several");

    assert!(public.asked().len() >= 3);
    assert_eq!(canary.asked(), Vec::<String>::new());
}
