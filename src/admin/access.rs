//! Who may call: the Host that was asked for, the credential, and the brake on guessing.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use axum::extract::Request;
use http::header;
use parking_lot::{Mutex, RwLock};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The caller's address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub SocketAddr);

/// Why a call is refused before it is routed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// Another Host: a page in a browser that was led here by its own name server.
    Host,
    /// A page of another origin, where the browser's user needs no credential.
    Origin,
    /// No credential, or a wrong one.
    Credential,
    /// A wrong one, after too many wrong ones.
    Braked { seconds: u64 },
}

/// Wrong credentials from one address within a minute before the brake.
const FREE_TRIES: u32 = 10;
const MINUTE_MS: u64 = 60_000;
/// Addresses remembered at most; beyond it the oldest are forgotten.
const REMEMBERED_ADDRESSES: usize = 10_000;

pub(super) struct Access {
    /// Of the token, so that comparing takes the same time whatever is given.
    token: RwLock<Option<[u8; 32]>>,
    open_on_loopback: bool,
    hosts: HashSet<String>,
    wrong: Mutex<HashMap<IpAddr, Wrong>>,
}

#[derive(Clone, Copy)]
struct Wrong {
    since_ms: u64,
    count: u32,
    braked_until_ms: u64,
}

impl Access {
    pub(super) fn new(token: Option<SecretString>, open_on_loopback: bool, hosts: HashSet<String>) -> Self {
        let token = RwLock::new(token.map(|token| digest(token.expose_secret())));
        Self { token, open_on_loopback, hosts, wrong: Mutex::default() }
    }

    /// Puts another token in the place of the one that is right.
    pub(super) fn replace_token(&self, token: &SecretString) {
        *self.token.write() = Some(digest(token.expose_secret()));
    }

    pub(super) fn check(&self, request: &Request, now_ms: u64) -> Result<(), Denied> {
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        if !self.hosts.contains(&host.to_ascii_lowercase()) {
            return Err(Denied::Host);
        }
        if matches!(request.uri().path(), "/healthz" | "/readyz") || is_about_problems(request.uri().path()) {
            return Ok(());
        }
        let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip());
        let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = given.and_then(|value| value.strip_prefix("Bearer "));
        if given.is_some_and(|given| self.is_right(given)) {
            return Ok(());
        }
        if self.open_on_loopback && given.is_none() && peer.is_some_and(|peer| peer.is_loopback()) {
            return if self.is_foreign(request) { Err(Denied::Origin) } else { Ok(()) };
        }
        // Asking without a credential is no guess.
        match (given, peer) {
            (Some(_), Some(peer)) => Err(self.wrong(peer, now_ms)),
            _ => Err(Denied::Credential),
        }
    }

    /// Whether a browser says that a page from elsewhere asks.
    fn is_foreign(&self, request: &Request) -> bool {
        let Some(origin) = request.headers().get(header::ORIGIN) else { return false };
        let host = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
        !host.is_some_and(|host| self.hosts.contains(&host.to_ascii_lowercase()))
    }

    fn is_right(&self, given: &str) -> bool {
        self.token.read().is_some_and(|token| token.ct_eq(&digest(given)).into())
    }

    fn wrong(&self, peer: IpAddr, now_ms: u64) -> Denied {
        let mut wrong = self.wrong.lock();
        if wrong.len() >= REMEMBERED_ADDRESSES {
            wrong.retain(|_, entry| entry.since_ms + MINUTE_MS > now_ms || entry.braked_until_ms > now_ms);
            if wrong.len() >= REMEMBERED_ADDRESSES {
                wrong.clear();
            }
        }
        let entry = wrong.entry(peer).or_insert(Wrong { since_ms: now_ms, count: 0, braked_until_ms: 0 });
        if entry.braked_until_ms > now_ms {
            return Denied::Braked { seconds: (entry.braked_until_ms - now_ms).div_ceil(1_000) };
        }
        if entry.since_ms + MINUTE_MS <= now_ms {
            *entry = Wrong { since_ms: now_ms, count: 0, braked_until_ms: 0 };
        }
        entry.count += 1;
        if entry.count > FREE_TRIES {
            entry.braked_until_ms = now_ms + MINUTE_MS;
            return Denied::Braked { seconds: 60 };
        }
        Denied::Credential
    }
}

/// The pages that say what a problem means are for everybody.
fn is_about_problems(path: &str) -> bool {
    path == "/problems" || path.starts_with("/problems/")
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// The Host values that are answered: the configured names, else loopback names and the address itself, each with and
/// without the port.
pub fn allowed_hosts(configured: &[String], listen: SocketAddr) -> HashSet<String> {
    let mut names: Vec<String> = configured.iter().map(|name| name.to_ascii_lowercase()).collect();
    if names.is_empty() {
        names.extend(["localhost", "127.0.0.1", "[::1]"].map(String::from));
        if !listen.ip().is_unspecified() {
            names.push(match listen.ip() {
                IpAddr::V4(ip) => ip.to_string(),
                IpAddr::V6(ip) => format!("[{ip}]"),
            });
        }
    }
    let with_port: Vec<_> = names.iter().map(|name| format!("{name}:{}", listen.port())).collect();
    names.into_iter().chain(with_port).collect()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    const HOST: &str = "127.0.0.1:8081";

    fn access(open_on_loopback: bool) -> Access {
        let hosts = allowed_hosts(&[], HOST.parse().unwrap());
        Access::new(Some("right-token".into()), open_on_loopback, hosts)
    }

    fn request(host: &str, path: &str, token: Option<&str>, peer: &str) -> Request {
        let mut builder = http::Request::builder().uri(path).header("host", host);
        if let Some(token) = token {
            builder = builder.header("authorization", format!("Bearer {token}"));
        }
        let mut request = builder.body(Body::empty()).unwrap();
        request.extensions_mut().insert(Peer(format!("{peer}:5000").parse().unwrap()));
        request
    }

    #[test]
    fn a_foreign_host_is_refused_even_with_the_right_token() {
        let denied =
            access(true).check(&request("evil.example", "/api/v1/status", Some("right-token"), "127.0.0.1"), 0);
        assert_eq!(denied, Err(Denied::Host));
        assert_eq!(access(false).check(&request("LOCALHOST:8081", "/healthz", None, "127.0.0.1"), 0), Ok(()));
    }

    #[test]
    fn everything_but_health_needs_the_token() {
        let access = access(false);
        for path in ["/metrics", "/api/v1/status", "/no/such/path", "/healthz/x"] {
            assert_eq!(access.check(&request(HOST, path, None, "127.0.0.1"), 0), Err(Denied::Credential), "{path}");
            assert_eq!(access.check(&request(HOST, path, Some("right-token"), "10.0.0.9"), 0), Ok(()), "{path}");
        }
        for path in ["/healthz", "/readyz"] {
            assert_eq!(access.check(&request(HOST, path, None, "10.0.0.9"), 0), Ok(()), "{path}");
        }
    }

    #[test]
    fn guessing_is_braked_while_the_right_token_still_works() {
        let access = access(false);
        let guess = |now_ms| access.check(&request(HOST, "/x", Some("guess"), "10.0.0.9"), now_ms);
        for _ in 0..FREE_TRIES {
            assert_eq!(guess(1_000), Err(Denied::Credential));
        }
        assert_eq!(guess(1_000), Err(Denied::Braked { seconds: 60 }));
        assert_eq!(guess(31_000), Err(Denied::Braked { seconds: 30 }));
        assert_eq!(access.check(&request(HOST, "/x", Some("right-token"), "10.0.0.9"), 2_000), Ok(()));
        assert_eq!(access.check(&request(HOST, "/x", Some("guess"), "10.0.0.8"), 2_000), Err(Denied::Credential));
        assert_eq!(guess(62_000), Err(Denied::Credential));
    }

    #[test]
    fn a_page_of_another_origin_may_not_use_the_open_loopback() {
        let from = |origin: &str, token: Option<&str>| {
            let mut request = request(HOST, "/api/v1/numbers/1/pause", token, "127.0.0.1");
            request.headers_mut().insert(header::ORIGIN, origin.parse().unwrap());
            access(true).check(&request, 0)
        };
        for origin in
            ["https://evil.example", "null", "http://127.0.0.1.evil.example:8081", "http://localhost:9999", ""]
        {
            assert_eq!(from(origin, None), Err(Denied::Origin), "{origin}");
        }
        for origin in ["http://127.0.0.1:8081", "http://localhost:8081"] {
            assert_eq!(from(origin, None), Ok(()), "{origin}");
        }
        assert_eq!(from("https://console.example", Some("right-token")), Ok(()), "a page cannot know the token");
    }

    #[test]
    fn in_dev_loopback_needs_no_token_but_others_do() {
        let access = access(true);
        assert_eq!(access.check(&request(HOST, "/api/v1/status", None, "127.0.0.1"), 0), Ok(()));
        assert_eq!(access.check(&request(HOST, "/api/v1/status", None, "10.0.0.9"), 0), Err(Denied::Credential));
    }
}
