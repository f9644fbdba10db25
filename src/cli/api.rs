//! Talks to the admin port of a running server: the one that is named, or the `dev` of this folder.

mod ids;

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use url::{Host, Url};

use super::dev::{WORD, Word};
use super::output::{Failed, data};
use super::{Exit, context, runtime};

/// Uploads of 100 MB take a while.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where the server is, and how to print what it says.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct ApiArgs {
    /// Admin port of the server, such as http://127.0.0.1:8081; else the `parlance dev` of this folder
    #[arg(long, value_name = "URL", global = true)]
    url: Option<String>,
    /// A server that `parlance context add` has named
    #[arg(long, value_name = "NAME", global = true, conflicts_with = "url")]
    context: Option<String>,
    /// File that holds the admin token; else PARLANCE_ADMIN_TOKEN
    #[arg(long, value_name = "FILE", global = true)]
    token_file: Option<PathBuf>,
    /// Print JSON, one object per line
    #[arg(long, global = true)]
    pub json: bool,
}

/// A way to the admin port.
pub(super) struct Api {
    client: reqwest::Client,
    base: Url,
    token: Option<String>,
}

impl ApiArgs {
    /// Runs a command against the server.
    pub(super) fn run<F: Future<Output = Result<(), Failed>>>(&self, go: impl FnOnce(Api) -> F) -> Result<(), Failed> {
        let api = self.connect()?;
        runtime()?.block_on(go(api))
    }

    /// Whether a server is named, one of this folder has left word, or one is in use.
    pub(super) fn finds_one(&self) -> bool {
        self.url.is_some()
            || self.context.is_some()
            || Path::new(WORD).exists()
            || context::find(None).is_ok_and(|found| found.is_some())
    }

    fn connect(&self) -> Result<Api, Failed> {
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build();
        let client = client.map_err(|error| Failed::new(Exit::Failed, format!("error: {error}")))?;
        let Server { url, token_file, is_chosen } = self.server()?;
        let base = Url::parse(&url)
            .map_err(|error| Failed::new(Exit::Usage, format!("error: {url} is not an address: {error}")))?;
        // A word may have come with the folder, from anybody: by it a token goes to this machine only.
        let token = if is_chosen || is_loopback(&base) { token(token_file.as_deref())? } else { None };
        Ok(Api { client, base, token })
    }

    /// What is named; else the `dev` of this folder; else the context in use.
    fn server(&self) -> Result<Server, Failed> {
        let chosen = |url: &str, token_file: Option<PathBuf>| Server {
            url: url.trim_end_matches('/').to_owned(),
            token_file: self.token_file.clone().or(token_file),
            is_chosen: true,
        };
        if let Some(url) = &self.url {
            return Ok(chosen(url, None));
        }
        let word = std::fs::read_to_string(WORD).ok().and_then(|word| serde_json::from_str::<Word>(&word).ok());
        if let Some(word) = word.filter(|_| self.context.is_none()) {
            return Ok(Server { url: word.admin, token_file: self.token_file.clone(), is_chosen: false });
        }
        let found = context::find(self.context.as_deref())?;
        found.map(|context| chosen(&context.url, context.token_file)).ok_or_else(|| {
            let text = "nothing runs here: name a server with --url or --context, or start `parlance dev`";
            Failed::new(Exit::Unreachable, text)
        })
    }
}

/// Which server, and how to get in.
struct Server {
    url: String,
    token_file: Option<PathBuf>,
    /// By whoever runs the command, and not by a file of the folder.
    is_chosen: bool,
}

fn token(file: Option<&Path>) -> Result<Option<String>, Failed> {
    let Some(path) = file else {
        return Ok(std::env::var("PARLANCE_ADMIN_TOKEN").ok().filter(|token| !token.is_empty()));
    };
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failed::new(Exit::NotFound, format!("error: {} cannot be read: {error}", path.display())))?;
    Ok(Some(text.trim().to_owned()))
}

impl Api {
    pub(super) fn request(&self, method: Method, path: &str, query: &[(&str, String)]) -> RequestBuilder {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.client.request(method, url);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends it. Errors: with the exit code of the answer, and the words of its problem.
    pub(super) async fn answer(&self, request: RequestBuilder) -> Result<Response, Failed> {
        let answer = self.send(request).await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        Err(refusal(status, &answer.json().await.unwrap_or_default()))
    }

    /// Sends it, with ids that were given by their beginning made whole. Answers whatever the server says.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, Failed> {
        let mut request = request.build().map_err(|error| Failed::new(Exit::Failed, format!("error: {error}")))?;
        if let Some(url) = self.whole(request.url()).await? {
            *request.url_mut() = url;
        }
        self.client.execute(request).await.map_err(|error| self.unreachable(&error))
    }

    pub(super) async fn json(&self, request: RequestBuilder) -> Result<Value, Failed> {
        let answer = self.answer(request).await?;
        answer.json().await.map_err(|error| Failed::new(Exit::Failed, format!("error: {error}")))
    }

    /// Prints all pages of a list, an item per line as `line` makes it.
    pub(super) async fn print_list(
        &self,
        path: &str,
        query: &[(&str, String)],
        json: bool,
        line: impl Fn(&Value) -> String,
    ) -> Result<(), Failed> {
        let mut cursor: Option<String> = None;
        loop {
            let mut query = query.to_vec();
            query.push(("limit", "200".to_owned()));
            query.extend(cursor.map(|cursor| ("cursor", cursor)));
            let page = self.json(self.request(Method::GET, path, &query)).await?;
            for item in page["items"].as_array().into_iter().flatten() {
                data(&if json { item.to_string() } else { line(item) });
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return Ok(()),
            }
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failed {
        if error.is_connect() {
            return Failed::new(Exit::Unreachable, format!("error: nothing answers at {}", self.base));
        }
        if error.is_timeout() {
            let help = "what was asked may still go on there: look how it stands before you ask again";
            let text = format!("error: {} has not answered within {PATIENCE:?}\n  = help: {help}", self.base);
            return Failed::new(Exit::Unreachable, text);
        }
        Failed::new(Exit::Failed, format!("error: {error}"))
    }
}

/// Runs against a server for which there is no credential yet.
pub(super) fn bare<F: Future<Output = Result<(), Failed>>>(base: Url, go: impl FnOnce(Api) -> F) -> Result<(), Failed> {
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build();
    let client = client.map_err(|error| Failed::new(Exit::Failed, format!("error: {error}")))?;
    runtime()?.block_on(go(Api { client, base, token: None }))
}

/// A name or id as a part of a path. Errors: nothing is called so.
pub(super) fn segment(name: &str) -> Result<&str, Failed> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'@');
    match !name.is_empty() && name != ".." && name != "." && name.bytes().all(plain) {
        true => Ok(name),
        false => Err(Failed::new(Exit::NotFound, format!("error: there is no {name:?}"))),
    }
}

/// What a problem says, with the exit code of its status.
pub(super) fn refusal(status: StatusCode, problem: &Value) -> Failed {
    let detail = problem["detail"].as_str().unwrap_or("the server refused");
    let hint = problem["hint"].as_str().map(|hint| format!("\n  = help: {hint}")).unwrap_or_default();
    Failed::new(exit(status), format!("error: {detail}{hint}"))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn exit(status: StatusCode) -> Exit {
    match status.as_u16() {
        400 | 413 | 415 | 422 => Exit::Data,
        401 | 403 | 421 | 429 => Exit::Denied,
        404 => Exit::NotFound,
        409 | 412 => Exit::Conflict,
        502..=504 => Exit::Unreachable,
        _ => Exit::Failed,
    }
}

/// A text member, or a dash.
pub(super) fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item[name].as_str().unwrap_or("-")
}

/// Prints an object: as JSON, or a line per member.
pub(super) fn print_object(object: &Value, json: bool) {
    if json {
        data(&object.to_string());
        return;
    }
    for (name, value) in object.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        data(&format!("{name:<18} {shown}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for (url, is) in [
            ("http://127.0.0.1:8081", true),
            ("http://[::1]:8081", true),
            ("http://localhost:1", true),
            ("http://192.0.2.1", false),
            ("http://localhost.example", false),
            ("http://127.0.0.1@example.com", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), is, "{url}");
        }
    }

    #[test]
    fn a_server_that_takes_its_time_is_told_from_none() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let base = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_millis(20)).build().unwrap();
        let api = Api { client, base, token: None };
        let told = || {
            let asked = async { api.send(api.request(Method::GET, "/", &[])).await };
            runtime().unwrap().block_on(asked).unwrap_err().message
        };
        assert!(told().contains("may still go on"));
        drop(listener);
        assert!(told().contains("nothing answers"));
    }

    #[test]
    fn every_refusal_has_an_exit_code_of_the_contract() {
        for (status, code) in [(404, 3), (409, 4), (502, 5), (503, 5), (401, 6), (429, 6), (422, 65), (500, 1)] {
            assert_eq!(exit(StatusCode::from_u16(status).unwrap()) as u8, code, "{status}");
        }
    }
}
