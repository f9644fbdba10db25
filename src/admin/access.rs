//! Who may call: the Host that was asked for, the credential, the brakes on guessing, and what a page of elsewhere may not.

mod brake;
mod directory;
mod password;
mod records;
mod secret;
mod setup;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::Request;
use http::{HeaderMap, Method, header};
use parking_lot::RwLock;
use secrecy::{ExposeSecret, SecretString};
use storage::StoreError;
use subtle::ConstantTimeEq;

pub(crate) use directory::{Directory, DirectoryError, NewToken, NewUser, UserChange};
pub(crate) use records::{Token, User};

use super::principal::Principal;
use super::role::Role;
pub(super) use brake::household;
use brake::{LoginBrake, Met, TokenBrake};
use password::{PasswordError, Passwords};
use secret::{Digest, digest};
use setup::Setup;

/// The cookie of a session.
pub(super) const COOKIE: &str = "parlance_session";
/// Its value must be 1 in every write of a session: a form of another page cannot send it.
const WRITE_HEADER: &str = "x-parlance";
/// Whom proxies passed a request on for.
const FORWARDED: &str = "x-forwarded-for";
/// Open to everybody.
const OPEN: [&str; 4] = ["/healthz", "/readyz", "/api/v1/login", "/api/v1/setup"];

/// The caller's address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub SocketAddr);

/// That a proxy which is trusted passed the request on, and the address that it says the caller has: `None` where it says none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Forwarded(Option<IpAddr>);

/// Why a call is refused before it is routed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// Another Host: a page in a browser that was led here by its own name server.
    Host,
    /// A page of another origin, where the browser's user needs no credential.
    Origin,
    /// A write with their session that may come from a page of elsewhere.
    Csrf(Principal),
    /// No credential, or a wrong one.
    Credential,
    /// A wrong one, after too many wrong ones; `first` is the one that engaged the brake.
    Braked { seconds: u64, first: bool },
}

/// Why nobody was logged in.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoginError {
    /// The name, or the password, or the user is disabled: the same words for all.
    #[error("the name or the password is wrong")]
    Wrong,
    /// Too many tries.
    #[error("too many wrong passwords came from this address or for this name")]
    Braked(u64),
    /// Of hashing.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why the first user was not made.
#[derive(Debug, thiserror::Error)]
pub(super) enum SetupError {
    /// The link is wrong, used or over.
    #[error("this link was used, is over, or is wrong")]
    Link,
    /// Too many wrong ones.
    #[error("too many wrong links came from this address")]
    Braked(u64),
    /// The password cannot be one.
    #[error("{0}")]
    Weak(String),
    /// Of hashing.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The user cannot be made.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// What access is made of.
pub(super) struct Settings {
    /// The admin token.
    pub(super) token: Option<SecretString>,
    /// Whether callers from loopback need no credential.
    pub(super) open_on_loopback: bool,
    /// Host names that are answered.
    pub(super) hosts: HashSet<String>,
    /// How long a login lasts.
    pub(super) login_ttl_ms: u64,
}

pub(super) struct Access {
    /// Of the admin token, so that comparing takes the same time whatever is given.
    token: RwLock<Option<Digest>>,
    open_on_loopback: bool,
    hosts: HashSet<String>,
    login_ttl_ms: u64,
    pub(super) directory: Arc<Directory>,
    passwords: Passwords,
    wrong: TokenBrake,
    logins: LoginBrake,
    setup: Setup,
}

impl Access {
    pub(super) fn new(settings: Settings, directory: Arc<Directory>) -> Self {
        Self {
            token: RwLock::new(settings.token.map(|token| digest(token.expose_secret()))),
            open_on_loopback: settings.open_on_loopback,
            hosts: settings.hosts,
            login_ttl_ms: settings.login_ttl_ms,
            directory,
            passwords: Passwords::new(),
            wrong: TokenBrake::default(),
            logins: LoginBrake::default(),
            setup: Setup::default(),
        }
    }

    /// Puts another token in the place of the one that is right.
    pub(super) fn replace_token(&self, token: &SecretString) {
        *self.token.write() = Some(digest(token.expose_secret()));
    }

    /// Whether anybody can get in: an admin token, or a user.
    pub(super) fn has_anybody(&self) -> bool {
        self.token.read().is_some() || !self.directory.is_empty()
    }

    /// Who calls; `None` where everybody may.
    pub(super) fn check(&self, request: &Request, now_ms: u64) -> Result<Option<Principal>, Denied> {
        let headers = request.headers();
        if !self.hosts.contains(&host(headers)) {
            return Err(Denied::Host);
        }
        let path = request.uri().path();
        // The pages that say what a problem means are for everybody.
        if OPEN.contains(&path) || path == "/problems" || path.starts_with("/problems/") {
            // A page of elsewhere must not log anybody in as somebody else.
            return if self.is_foreign(request) { Err(Denied::Origin) } else { Ok(None) };
        }
        let peer = address(request);
        let given = bearer(headers);
        let cookie = if given.is_none() { cookie(headers) } else { None };
        if let Some(principal) = given.and_then(|given| self.by_bearer(given, now_ms)) {
            return Ok(Some(principal));
        }
        if let Some(principal) = cookie.and_then(|secret| self.directory.by_session(secret, now_ms)) {
            return if self.is_forged(request) { Err(Denied::Csrf(principal)) } else { Ok(Some(principal)) };
        }
        // Whom a proxy passes on may be anybody, whatever it says of them.
        let is_here = peer.is_loopback() && request.extensions().get::<Forwarded>().is_none();
        if self.open_on_loopback && given.is_none() && is_here {
            return if self.is_foreign(request) { Err(Denied::Origin) } else { Ok(Some(Principal::loopback())) };
        }
        // Asking without a credential is no guess.
        if given.or(cookie).is_none() {
            return Err(Denied::Credential);
        }
        Err(match self.wrong.wrong(peer, now_ms) {
            Met::Wrong => Denied::Credential,
            Met::Engaged { seconds } => Denied::Braked { seconds, first: true },
            Met::Braked { seconds } => Denied::Braked { seconds, first: false },
        })
    }

    fn by_bearer(&self, given: &str, now_ms: u64) -> Option<Principal> {
        let is_admin = self.token.read().is_some_and(|token| token.ct_eq(&digest(given)).into());
        if is_admin { Some(Principal::admin("admin-token")) } else { self.directory.by_token(given, now_ms) }
    }

    /// Whether a browser says that a page from elsewhere asks.
    fn is_foreign(&self, request: &Request) -> bool {
        let headers = request.headers();
        if let Some(origin) = headers.get(header::ORIGIN) {
            let host = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
            if !host.is_some_and(|host| self.hosts.contains(&host.to_ascii_lowercase())) {
                return true;
            }
        }
        // Browsers send it with everything; other programs do not.
        let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
        is_write(request.method()) && site.is_some_and(|site| !matches!(site, b"same-origin" | b"none"))
    }

    /// Whether a request with a session may be one that a page of elsewhere made.
    fn is_forged(&self, request: &Request) -> bool {
        let marked = request.headers().get(WRITE_HEADER).is_some_and(|value| value.as_bytes() == b"1");
        self.is_foreign(request) || (is_write(request.method()) && !marked)
    }

    /// Logs a user in. Answers with the user and the secret of the session.
    pub(super) async fn log_in(
        &self,
        name: &str,
        password: SecretString,
        address: IpAddr,
        now_ms: u64,
    ) -> Result<(Arc<User>, String), LoginError> {
        let name = name.to_ascii_lowercase();
        self.logins.begin(&name, address, now_ms).map_err(LoginError::Braked)?;
        let user = self.directory.by_name(&name);
        // Too long for anybody's: no work is done for it.
        let hash = user.as_ref().map(|user| user.password.clone());
        let right = if password.expose_secret().len() > password::MAX_BYTES {
            Ok(false)
        } else {
            self.passwords.is_right(password, hash).await
        };
        // What was not checked is no guess.
        let right = right.inspect_err(|_| self.logins.forgive(&name, address))?;
        let user = user.filter(|user| right && !user.disabled).ok_or(LoginError::Wrong)?;
        let opened = self.directory.open_session(&user, &address.to_string(), now_ms, self.login_ttl_ms).await;
        let opened = opened.inspect_err(|_| self.logins.forgive(&name, address))?;
        let secret = opened.ok_or(LoginError::Wrong)?;
        self.logins.forgive(&name, address);
        Ok((user, secret))
    }

    /// Whether a password is the one of a user who is logged in; a session is no way around the brake. Errors: it is not.
    pub(super) async fn guess(
        &self,
        user: &User,
        password: SecretString,
        address: IpAddr,
        now_ms: u64,
    ) -> Result<(), LoginError> {
        self.logins.begin(&user.name, address, now_ms).map_err(LoginError::Braked)?;
        let right = self.passwords.is_right(password, Some(user.password.clone())).await;
        if !matches!(right, Ok(false)) {
            self.logins.forgive(&user.name, address);
        }
        if right? { Ok(()) } else { Err(LoginError::Wrong) }
    }

    /// Changes a user; the session with the secret `keep` stays.
    pub(super) async fn change_user(
        &self,
        id: &str,
        change: &UserChange,
        keep: Option<&str>,
        now_ms: u64,
    ) -> Result<(Arc<User>, Arc<User>), DirectoryError> {
        self.directory.change_user(id, change, keep.map(digest), now_ms).await
    }

    /// The hash of a password that is good enough. Errors: why it is not.
    pub(super) async fn hash(&self, password: SecretString) -> Result<Box<str>, SetupError> {
        password::check(&password).map_err(SetupError::Weak)?;
        Ok(self.passwords.hash(password).await?)
    }

    /// The secret of a link that makes the first admin; an older one ends.
    pub(super) fn offer_setup(&self, now_ms: u64) -> String {
        self.setup.offer(now_ms)
    }

    /// Makes the first admin of whoever has the link. It is used up by that alone: a password that is too short is no end.
    pub(super) async fn set_up(
        &self,
        link: &str,
        (name, password): (String, SecretString),
        address: IpAddr,
        now_ms: u64,
    ) -> Result<Arc<User>, SetupError> {
        if !self.setup.is_right(link, now_ms) {
            return Err(match self.wrong.wrong(address, now_ms) {
                Met::Wrong => SetupError::Link,
                Met::Engaged { seconds } | Met::Braked { seconds } => SetupError::Braked(seconds),
            });
        }
        let user = self.make_first(name, password, now_ms).await?;
        self.setup.close();
        Ok(user)
    }

    /// Makes the first admin.
    pub(super) async fn make_first(
        &self,
        name: String,
        password: SecretString,
        now_ms: u64,
    ) -> Result<Arc<User>, SetupError> {
        let password = self.hash(password).await?;
        let new = NewUser { name, role: Role::Admin, numbers: None, password };
        Ok(self.directory.create_first_user(new, now_ms).await?)
    }

    /// The cookie of a session, and the one that takes it away. Browsers keep `Secure` ones for https only, so there is no
    /// such word on loopback.
    pub(super) fn session_cookie(&self, headers: &HeaderMap, secret: Option<&str>) -> String {
        let secure = if is_loopback_name(&host(headers)) { "" } else { "; Secure" };
        let (value, age_s) = secret.map_or(("", 0), |secret| (secret, self.login_ttl_ms / 1_000));
        format!("{COOKIE}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={age_s}{secure}")
    }
}

/// The first admin, of what the configuration says. Errors: why it cannot be.
pub(super) async fn first_user(name: &str, password: &SecretString) -> Result<NewUser, String> {
    password::check(password)?;
    let password = Passwords::new().hash(password.clone()).await.map_err(|error| error.to_string())?;
    Ok(NewUser { name: name.to_owned(), role: Role::Admin, numbers: None, password })
}

/// The secret of the session that a request carries.
pub(super) fn cookie(headers: &HeaderMap) -> Option<&str> {
    let texts = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, value)| *name == COOKIE && !value.is_empty()).map(|(_, value)| value)
}

/// Notes at a request whom it comes from.
pub(super) fn note_origin<B>(request: &mut http::Request<B>, peer: SocketAddr, trusted: &[IpAddr]) {
    request.extensions_mut().insert(Peer(peer));
    if let Some(forwarded) = forwarded(request.headers(), peer.ip(), trusted) {
        request.extensions_mut().insert(forwarded);
    }
}

/// Where a request comes from that a trusted proxy passed on: what the last proxy that is not trusted, or the caller, had. `None`
/// where the peer is no such proxy.
fn forwarded(headers: &HeaderMap, peer: IpAddr, trusted: &[IpAddr]) -> Option<Forwarded> {
    let is_trusted = |address: IpAddr| trusted.contains(&address.to_canonical());
    if !is_trusted(peer) {
        return None;
    }
    // Several lines are one list. Each proxy adds whom it heard at the end; what stands before may be anybody's invention, also
    // bytes that are no text: they must not hide what the proxy added.
    let lines = headers.get_all(FORWARDED).into_iter().rev();
    let mut hops = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')).map_while(hop);
    Some(Forwarded(hops.find(|hop| !is_trusted(*hop))))
}

fn hop(bytes: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.trim().parse().ok().map(|hop: IpAddr| hop.to_canonical())
}

/// Where a request comes from.
pub(super) fn address(request: &Request) -> IpAddr {
    if let Some(Forwarded(Some(client))) = request.extensions().get() {
        return *client;
    }
    // Without one (tests call the router by itself) it is nobody's.
    request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip())
}

/// Whether a method changes something.
pub(super) fn is_write(method: &Method) -> bool {
    !method.is_safe()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn host(headers: &HeaderMap) -> String {
    headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().to_ascii_lowercase()
}

fn is_loopback_name(host: &str) -> bool {
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    matches!(name.map_or(host, |(name, _)| name), "localhost" | "127.0.0.1" | "[::1]")
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
