//! Settings of what listens: front door, admin port, simulator, metrics.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use url::Url;

use super::reader::Reader;
use super::secret::Secret;

/// The public front door.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the internet reaches it, without a slash at the end of its path.
    pub public_url: Option<Url>,
    /// Largest webhook body, in bytes.
    pub max_body_bytes: usize,
    /// Largest body of a Flow request, in bytes.
    pub max_flow_body_bytes: usize,
    /// Bytes of all bodies that are being read or stored.
    pub max_buffered_bytes: usize,
    /// Open connections.
    pub max_connections: usize,
    /// Time to send all headers.
    pub header_timeout: Duration,
    /// Time to send the whole body.
    pub body_timeout: Duration,
    /// Time a kept-alive connection may stay silent.
    pub idle_timeout: Duration,
    /// Time for what is under way to finish on shutdown.
    pub drain_timeout: Duration,
}

/// The admin port.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Host headers that are answered; empty means loopback names and the listen address.
    pub allowed_hosts: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Clients that follow the events at once.
    pub max_event_clients: usize,
    /// The first admin token.
    pub token: Option<Secret>,
    /// How long a login lasts.
    pub login_ttl: Duration,
    /// The name of the first admin, who is made when there is no user and a password is given.
    pub user: String,
    /// Their password.
    pub password: Option<Secret>,
}

/// Prometheus metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Whether `/metrics` answers.
    pub enabled: bool,
}

/// The stand-in for Meta.
#[derive(Clone, Debug)]
pub struct Simulator {
    /// Where it listens in `dev`.
    pub listen: SocketAddr,
}

impl Server {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let server = Self {
            listen: address(reader, "server.listen"),
            public_url: public_url(reader, "server.public_url"),
            max_body_bytes: reader.integer("server.max_body_bytes", 1_024..=1 << 30),
            max_flow_body_bytes: reader.integer("server.max_flow_body_bytes", 1_024..=1 << 30),
            max_buffered_bytes: reader.integer("server.max_buffered_bytes", 1_024..=1 << 40),
            max_connections: reader.integer("server.max_connections", 1..=1_000_000),
            header_timeout: reader.duration("server.header_timeout"),
            body_timeout: reader.duration("server.body_timeout"),
            idle_timeout: reader.duration("server.idle_timeout"),
            drain_timeout: reader.duration_or_zero("server.drain_timeout"),
        };
        // A zero here stands for a value that was refused already.
        if server.max_buffered_bytes != 0 && server.max_buffered_bytes < server.max_body_bytes {
            let shown = server.max_buffered_bytes.to_string();
            reader.reject("server.max_buffered_bytes", &shown, "at least server.max_body_bytes, or no body fits");
        }
        server
    }
}

impl Admin {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let admin = Self {
            listen: address(reader, "admin.listen"),
            allowed_hosts: reader.list("admin.allowed_hosts"),
            trusted_proxies: addresses(reader, "admin.trusted_proxies"),
            max_event_clients: reader.integer("admin.max_event_clients", 1..=100_000),
            token: reader.secret("admin.token"),
            login_ttl: reader.duration("admin.login_ttl"),
            user: reader.text("admin.user"),
            password: reader.secret("admin.password"),
        };
        let insecure = reader.boolean("admin.insecure");
        if !insecure && !admin.listen.ip().is_loopback() {
            let what = format!("admin.listen is {}, where other machines reach it, and there is no TLS", admin.listen);
            let help = "listen on 127.0.0.1 and let a proxy with TLS on this machine face the network; or set \
                        admin.insecure = true if such a proxy elsewhere, or a private network, keeps what passes from \
                        being read (the admin port has no TLS of its own)";
            reader.complain("admin.listen", what, help.into());
        }
        admin
    }
}

impl Metrics {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        Self { enabled: reader.boolean("metrics.enabled") }
    }
}

impl Simulator {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        Self { listen: address(reader, "simulator.listen") }
    }
}

/// Addresses of hosts, without ports.
fn addresses(reader: &Reader<'_>, key: &str) -> Vec<IpAddr> {
    let texts = reader.list(key);
    let wrong = texts.iter().filter(|text| text.parse::<IpAddr>().is_err());
    wrong.for_each(|text| reader.reject(key, text, "addresses such as \"10.0.0.1\" or \"fd00::1\""));
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

/// Nothing, or an address that Meta takes: by https, unless it is on this machine.
fn public_url(reader: &Reader<'_>, key: &str) -> Option<Url> {
    reader.parsed(key, None, |text| {
        let expected = "an https URL such as \"https://bot.example.org\", without user, query and fragment, or nothing";
        if text.trim().is_empty() {
            return Ok(None);
        }
        let url = Url::parse(text.trim()).map_err(|_| expected)?;
        let plain =
            url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
        let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let fits = url.scheme() == "https" || (url.scheme() == "http" && here);
        if plain && fits && url.has_host() { Ok(Some(url)) } else { Err(expected) }
    })
}

fn address(reader: &Reader<'_>, key: &str) -> SocketAddr {
    reader.parsed(key, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), |text| {
        text.parse().map_err(|_| "an address and a port such as \"127.0.0.1:8080\"")
    })
}
