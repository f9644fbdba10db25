//! What the node `http` asks and takes, and its stand-ins in tests.

use serde_json::Value;

use super::parts::{
    about, anything, count, duration, expression, flag, list, map_of, nothing_else, one_of, plain, reference, text,
    variable, word,
};
use crate::caps;
use crate::node::http::METHODS;

type Keys = Vec<(&'static str, Value)>;

pub(super) fn node() -> Keys {
    let texts = |what: &str| map_of(what, text("A text; `{{ secret.NAME }}` may stand in it."));
    vec![
        ("method", word("The method; `GET` when absent.", METHODS)),
        ("url", text("The address.")),
        ("query", texts("Parameters of the address.")),
        ("headers", texts("Headers.")),
        ("auth", auth()),
        ("body", body()),
        ("timeout_ms", count("How long one try may take.", 1, caps::MAX_HTTP_TIMEOUT_MS)),
        ("retry", retry()),
        ("idempotency", flag("Sends an `Idempotency-Key`; when absent, with all methods but GET and HEAD.")),
        ("max_bytes", count("How large an answer may be.", 1, caps::MAX_HTTP_ANSWER)),
        ("extract", map_of("Variables, and where their values are in the answer.", extract())),
        (
            "filter",
            one_of(
                "Keeps the elements of an extracted list for which it holds.",
                vec![
                    expression("Of the only list; the element is `item`."),
                    map_of("By variable.", expression("The condition.")),
                ],
            ),
        ),
        ("save", variable("Where the whole body goes.")),
        (
            "expect_status",
            one_of(
                "The statuses that are good; 2xx when absent.",
                vec![status(), plain("Such as 2xx or 200-204."), statuses()],
            ),
        ),
    ]
}

/// Keys of the step `http` of a form's handler.
pub(super) fn step() -> Keys {
    let cache = nothing_else(
        "How long answers are kept for further requests.",
        &["ttl"],
        vec![
            ("key", text("Requests of the same key get the same answer; without it, those of the same call.")),
            ("ttl", duration("How long an answer is good.")),
        ],
    );
    node().into_iter().chain([("cache", cache)]).collect()
}

fn status() -> Value {
    count("A status.", 100, 599)
}

fn statuses() -> Value {
    list("Several.", one_of("A status.", vec![status(), plain("Such as 2xx or 200-204.")]))
}

fn auth() -> Value {
    let secret = |what: &str| text(what);
    let basic = nothing_else(
        "A user and a password.",
        &["user", "password"],
        vec![("user", secret("The user.")), ("password", secret("The password, mostly `{{ secret.NAME }}`."))],
    );
    let key = nothing_else(
        "A key.",
        &["name", "value"],
        vec![
            ("in", word("Where it stands; `header` when absent.", &["header", "query"])),
            ("name", plain("The name of the header or parameter.")),
            ("value", secret("The key, mostly `{{ secret.NAME }}`.")),
        ],
    );
    let token = secret("A token, mostly `{{ secret.NAME }}`.");
    nothing_else("How the bot proves who it is.", &[], vec![("bearer", token), ("basic", basic), ("api_key", key)])
}

fn body() -> Value {
    let raw = nothing_else(
        "A text and its type.",
        &["text"],
        vec![("text", text("The text.")), ("content_type", plain("Its type; text/plain when absent."))],
    );
    nothing_else(
        "What is sent, in one of these forms.",
        &[],
        vec![
            ("json", about(reference("value"), "JSON; values of expressions are encoded, never spliced.")),
            ("form", map_of("Fields of a form.", text("The value."))),
            ("multipart", map_of("Parts of a form.", text("The value."))),
            ("raw", one_of("A text.", vec![text("A text."), raw])),
        ],
    )
}

fn retry() -> Value {
    let on = vec![word("A kind of trouble.", &["timeout", "connection", "5xx"]), count("A status.", 400, 599)];
    nothing_else(
        "When a call is tried again.",
        &[],
        vec![
            ("times", count("How often; 1 when absent.", 0, caps::MAX_HTTP_RETRIES)),
            ("backoff_ms", count("The first pause; each is twice the one before.", 0, longest_pause())),
            ("on", list("After what.", one_of("A kind of trouble, or a status.", on))),
        ],
    )
}

fn longest_pause() -> u32 {
    u32::try_from(caps::MAX_HTTP_PAUSE_MS).unwrap_or(u32::MAX)
}

fn extract() -> Value {
    let path = || plain("A JSONPath, such as $.items[0].id.");
    let with_default = nothing_else(
        "A path, and what stands for nothing.",
        &["path"],
        vec![("path", path()), ("default", anything("The value where there is none."))],
    );
    one_of("Where the value is.", vec![path(), with_default])
}

/// `http_stub`: what answers.
pub(super) fn stub() -> Value {
    let content = nothing_else(
        "What comes back.",
        &[],
        vec![
            ("status", count("The status; 200 when absent.", 100, 599)),
            ("json", anything("The body as JSON.")),
            ("text", plain("The body as text.")),
            ("content_type", plain("Its type.")),
        ],
    );
    nothing_else(
        "Answers calls in this test.",
        &["url"],
        vec![
            ("method", plain("Of this method; of any when absent.")),
            ("url", plain("Of this address.")),
            (
                "answer",
                one_of(
                    "The answer; an empty 200 when absent.",
                    vec![word("None.", &["timeout", "unreachable"]), content],
                ),
            ),
            ("times", count("How many calls it answers; all when absent.", 1, 1_000)),
            ("delay", duration("How long it takes.")),
        ],
    )
}

/// `expect_http`: what was asked.
pub(super) fn wanted() -> Value {
    let named = |what: &str| map_of(what, anything("The value."));
    let call = nothing_else(
        "What the call is like; all of it holds.",
        &[],
        vec![
            ("method", plain("The method.")),
            ("url", plain("The address.")),
            ("query", named("Parameters.")),
            ("headers", named("Headers.")),
            ("json", anything("What is in the JSON body.")),
            ("form", named("Fields of the form.")),
            ("text", plain("The body as text.")),
        ],
    );
    one_of("A call that the bot made.", vec![plain("`nothing`: it made no other."), call])
}
