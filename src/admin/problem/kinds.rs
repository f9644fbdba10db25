//! Every kind of problem that the API answers with: its stable code, its title, when it comes and what to do. Codes are
//! never reused; `/problems/KIND` and `parlance explain CODE` show the texts.

/// A kind of problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// The end of its `type`: `/problems/NAME`.
    pub name: &'static str,
    /// `PAR-01…`; the checker of bots has `PAR-02…`.
    pub code: &'static str,
    /// In a few words.
    pub title: &'static str,
    /// When it comes.
    pub when: &'static str,
    /// What to do about it.
    pub handle: &'static str,
}

macro_rules! kinds {
    ($($code:literal $name:literal $title:literal, $when:literal, $handle:literal;)*) => {
        /// All kinds, in the order of their codes.
        pub(crate) static ALL: &[Kind] = &[
            $(Kind { name: $name, code: $code, title: $title, when: $when, handle: $handle }),*
        ];
    };
}

kinds! {
    // Who calls, and how often.
    "PAR-0101" "unauthorized" "A credential is needed",
        "The request has no credential, or one that is wrong, expired or revoked. Unknown paths answer the same.",
        "Send `Authorization: Bearer` with a token, or log in. `parlance token create` makes tokens.";
    "PAR-0102" "forbidden" "The role does not cover it",
        "The credential is right, but its role may not do this. `needed_role` names the role that may.",
        "Use another credential, or have an admin give the role.";
    "PAR-0103" "too-many-attempts" "Too many tries",
        "Too many wrong credentials came from this address within a short time. A right one is answered all the same.",
        "Wait for the seconds of `Retry-After`, then send the right one.";
    "PAR-0104" "foreign-host" "This Host is not answered",
        "The request names a Host that is neither a loopback name nor in `admin.allowed_hosts`. It keeps pages of other sites from reaching this port through their own name servers.",
        "Call the port by a loopback name, or add the name to `admin.allowed_hosts`.";
    "PAR-0105" "foreign-origin" "A page of another origin asks",
        "A browser says that a page of another site asks, without a credential.",
        "Open the console of this server itself, or send a token.";
    "PAR-0106" "csrf" "The write may come from elsewhere",
        "A write with a session lacks what only the console's own pages send.",
        "Write from the console's own origin with the header `X-Parlance: 1`, or use a token.";
    "PAR-0107" "wrong-login" "Name or password is wrong",
        "The login does not fit a user that may log in. It is not said which part is wrong.",
        "Try again; an admin sets a new password with `parlance user passwd`.";
    "PAR-0108" "wrong-password" "The present password is wrong",
        "Whoever changes a password says the present one, and it is another.",
        "Try again, or have an admin set a new one.";
    "PAR-0109" "weak-password" "The password is too weak",
        "A password is too short, too long, or too easy to guess.",
        "Choose a longer one; the detail says what is asked for.";
    "PAR-0110" "no-session" "There is no session",
        "This is for who logged in, and the request comes with a token or from loopback.",
        "Log in first.";
    "PAR-0111" "setup-link" "The link does not work",
        "The link of the one-time setup is wrong, was used, or is too old.",
        "Restart the server for a new one.";
    "PAR-0112" "number-scope" "It is not of single numbers",
        "The caller sees some of our numbers only, and this is of all of them, or of an account.",
        "Ask with a user or token that sees all numbers.";

    // The request itself.
    "PAR-0120" "bad-request" "The request is malformed",
        "A part of the request cannot be read at all: the syntax of the body, a value of the query, a cursor that no list gave out, a header.",
        "The detail names the part and what it must be. Sending the same again answers the same.";
    "PAR-0121" "unknown-parameter" "The query has a parameter that is not known here",
        "A parameter of the query has a name that this path does not take. It is refused rather than ignored, because a filter that is spelled wrong would answer too much.",
        "`errors` names the nearest known one.";
    "PAR-0122" "invalid-body" "The body does not have the right shape",
        "The body is JSON, but a member is missing, unknown, or of the wrong kind.",
        "`errors` has the place of each as a JSON pointer. The document at /api/v1/openapi.json has the schema.";
    "PAR-0123" "too-large" "The body is too large",
        "The body has more bytes than this path takes.",
        "Send less; the docs name the limits.";
    "PAR-0124" "unsupported-media-type" "The body has a type that is not taken here",
        "The `Content-Type` says that the body is something else than what this path takes, or does not say it.",
        "Send `Content-Type: application/json`, or what the document says for this path.";
    "PAR-0125" "not-found" "There is no such thing",
        "The path, or the id in it, leads nowhere, or to something that belongs to a number which the caller does not see.",
        "The hint names the list that has the ids.";
    "PAR-0126" "method-not-allowed" "The path does not take this method",
        "The path exists, the method does not.",
        "`Allow` names the methods.";
    "PAR-0127" "idempotency-key" "The Idempotency-Key is not usable",
        "The header is empty, longer than 255 characters, or has characters that cannot be printed.",
        "A UUID is a good key.";
    "PAR-0128" "idempotency-key-reused" "The Idempotency-Key was used for another request",
        "Within the last 24 hours a request with this key had another path or another body. A retry must be the same request.",
        "Use a new key for a new request.";
    "PAR-0129" "idempotency-in-flight" "The first request with this Idempotency-Key is still answered",
        "A request with the same key is under way.",
        "Ask again in a moment: then its answer is there.";
    "PAR-0130" "not-expected" "It has changed meanwhile",
        "`If-Match` names another state than the present one: somebody changed it since it was read.",
        "Read it anew and decide again. `etag` is the present tag.";
    "PAR-0132" "invalid" "A value is not possible",
        "The body has the right shape, but a value is out of range or does not fit another.",
        "The detail names the value and what it must be.";

    // Conversations and messages.
    "PAR-0131" "window-closed" "The 24-hour window is closed",
        "The person wrote more than 24 hours ago, so WhatsApp takes nothing but approved templates.",
        "Send an approved template; the person's answer opens the window again.";
    "PAR-0133" "invalid-message" "WhatsApp would refuse this message",
        "A part of the message breaks a limit of the Cloud API. It is said before anything is sent.",
        "`errors` has every part with its place and its limit.";
    "PAR-0134" "opted-out" "The person wants no marketing",
        "The person asked for no marketing messages, and this is one.",
        "Templates of other categories, and answers within the window, may still be sent.";
    "PAR-0135" "no-address" "Nobody knows where to send",
        "Neither a phone number nor a user id of the person is known.",
        "Wait until the person writes.";
    "PAR-0136" "outbox-full" "Too much of this conversation waits to be sent",
        "So many messages of this conversation have not left yet that no more are taken.",
        "Look at the outbox: it says why they wait. Try again when some have left.";
    "PAR-0137" "with-human" "A human has the conversation",
        "The bot does not act while a human answers.",
        "Hand it back first: POST /api/v1/conversations/{id}/handback.";
    "PAR-0138" "with-bot" "The bot has the conversation",
        "There is nothing to hand back: the bot answers already.",
        "Nothing need be done.";
    "PAR-0139" "no-bot" "No bot answers in this conversation",
        "The number of the conversation has no bot.",
        "Give the number a bot, or `bots.default`.";
    "PAR-0140" "no-person" "Nobody knows who the person is",
        "Neither a phone number nor a user id of the person is known.",
        "Wait until the person writes.";
    "PAR-0141" "invalid-trigger" "The event is not possible",
        "The name or the data of an event breaks a limit.",
        "The body is `{\"name\": …, \"data\": …}`; names are lower-case words with dots between.";
    "PAR-0142" "unknown-trigger" "The bot does not know this event",
        "The bot of the conversation has neither a trigger nor a wait of this name.",
        "Add a trigger `api` of this name to the bot, or a `wait` with `until_event`.";
    "PAR-0143" "state-not-kept" "The state at this entry is not kept",
        "The entry was written by a version that kept less.",
        "Ask for a later one.";
    "PAR-0144" "no-test" "These entries make no test",
        "The chosen part of the journal cannot be played by itself.",
        "Choose other entries with `from` and `to`; the hint says which.";
    "PAR-0145" "number-not-configured" "The number is not ours any more",
        "The conversation is one with a number that the configuration no longer names.",
        "Add the number again.";
    "PAR-0146" "unknown-number" "There is no such number",
        "A scope names a number that is not configured.",
        "GET /api/v1/numbers lists them.";

    // Bots.
    "PAR-0147" "run-under-way" "Another run is under way",
        "A run of another bot is under way in this conversation, and a request names a bot that shall begin.",
        "Wait for its end, or end it, then ask again.";
    "PAR-0148" "broadcast-state" "The broadcast stands otherwise",
        "A broadcast is started, paused, resumed or cancelled that has ended, or is not paused.",
        "Look at its `state` first: `GET /api/v1/broadcasts/{id}`.";
    "PAR-0149" "confirm" "The number of recipients must be confirmed",
        "A broadcast goes to more than 100 people, and `confirm` is not their number.",
        "Look at the plan (`dry_run=true`), then send `confirm` with the number that it tells.";
    "PAR-0161" "letter-resolved" "The dead letter is resolved",
        "It went again, or was dropped, before.",
        "Look at `resolved` in the letter: `GET /api/v1/dead-letters/{id}`.";
    "PAR-0162" "not-retryable" "Nothing in it can go again",
        "A dead letter has no message that could be sent or run again: a timer, or what is stored is damaged.",
        "Drop it with a reason.";
    "PAR-0163" "outbox-state" "The message stands otherwise",
        "A message is released that is neither held nor in doubt, or dropped that has left, or a request for it is under way.",
        "Look at its `state` first: `GET /api/v1/outbox/{id}`.";
    "PAR-0150" "bad-bot" "The bot has errors",
        "The bot does not pass the check, so it is not taken.",
        "`diagnostics` says where and what; each code is explained by `parlance explain`.";
    "PAR-0151" "id-differs" "The bot has another id than the path",
        "A bot is put under its own id.",
        "Change the path, or `id` in the bot.";
    "PAR-0152" "bad-policy" "What shall become of running conversations is not possible",
        "The policy names nodes that the new version does not have, or cannot be read.",
        "Name nodes of the version that goes live, or `end`.";
    "PAR-0153" "ambiguous-version" "More than one version begins like this",
        "A version was named by the beginning of its hash, and several have it.",
        "Name it by its number.";
    "PAR-0154" "nothing-older" "There is no older version",
        "The live version is the oldest one that is kept.",
        "Name the version to go back to with `to`.";
    "PAR-0155" "version-unloadable" "The version cannot be loaded",
        "The version was kept by an earlier program, and this one cannot read it any more.",
        "Publish another version.";
    "PAR-0156" "too-many-bots" "There are too many bots",
        "The server holds a bounded number of bots.",
        "Remove some, or change one instead.";
    "PAR-0157" "not-json" "The export is no JSON",
        "An export of another program was to be imported, and cannot be read.",
        "Send the file as the other program wrote it.";
    "PAR-0158" "no-export" "This is no export that is known",
        "The JSON is not what the other program writes.",
        "`from` says which program it is where it is guessed wrongly.";
    "PAR-0159" "export-too-large" "The export is too large",
        "The export has more bytes than an import reads.",
        "Export the parts one by one.";
    "PAR-0160" "import-failed" "The export cannot be made a bot",
        "Something in the export has no counterpart.",
        "The detail names it.";

    // Flows, templates, files, numbers, events.
    "PAR-0165" "several-flows" "More than one Flow has this name",
        "A Flow was named by its name, and several have it.",
        "Name it by Meta's id.";
    "PAR-0166" "flow-state" "The Flow is in another state",
        "Meta takes this step from another state only.",
        "The detail names the state.";
    "PAR-0167" "no-account" "The business account is not known",
        "No business account is configured.",
        "Set WHATSAPP_BUSINESS_ACCOUNT_ID.";
    "PAR-0168" "too-few-requests" "There are too few requests for figures",
        "Meta gives figures of a Flow after some hundred requests only.",
        "Ask again later.";
    "PAR-0169" "cannot-rotate" "The key cannot be rotated now",
        "There is no key, it stands in the wrong place, or the last rotation is too near.",
        "The hint says what to do.";
    "PAR-0170" "key-not-written" "The new key cannot be written",
        "The folder of the key cannot be written to, or there was no randomness.",
        "The hint says what to do.";
    "PAR-0171" "template-incomplete" "The template lacks a part",
        "A template is an object with name, language, category and components.",
        "Add the part that the detail names.";
    "PAR-0172" "media-type" "WhatsApp does not take this type of file",
        "The `Content-Type` is none that WhatsApp takes.",
        "Convert the file; the hint lists the types.";
    "PAR-0173" "media-too-large" "The file is too large for its type",
        "WhatsApp has a limit for each type of file.",
        "Make it smaller.";
    "PAR-0174" "media-empty" "The file is empty",
        "There were no bytes.",
        "Send the file as the body.";
    "PAR-0175" "media-in-use" "A bot uses the file",
        "A live bot sends this file.",
        "Publish the bot without it first.";
    "PAR-0176" "no-endpoint" "There is no such receiver any more",
        "The receiver of these events is no longer configured.",
        "Configure an [[events.endpoint]] of this name first.";

    // Configuration.
    "PAR-0180" "configuration-wrong" "The configuration is wrong",
        "The configuration as it would be has errors.",
        "`errors` names each key.";
    "PAR-0181" "not-reloadable" "The configuration cannot be read again",
        "Whoever started this server handed its configuration over, and named no file.",
        "Restart the server; `parlance serve` and `parlance dev` can read it again.";
    "PAR-0182" "not-in-effect" "It is kept, and not in effect",
        "What was asked for is stored, and a part of the running server did not take it.",
        "Ask again, or restart the server. The log has the cause.";
    "PAR-0183" "no-secrets-key" "There is no key for secrets",
        "A secret would have to be kept in the store, which is done encrypted only, and no key is configured.",
        "Set `secrets.key_file` to a file that `parlance secret new-key` made, and restart. docs/secrets.md has it all.";
    "PAR-0184" "secret-configured" "The configuration sets this secret",
        "The environment or a file sets it, and what stands there wins over the store.",
        "Change it there; the detail names the place.";
    "PAR-0187" "number-exists" "The number is served already",
        "A number with this id is in the configuration or in the store.",
        "PATCH changes it, PUT on its secrets rotates them.";
    "PAR-0188" "number-configured" "The configuration has this number",
        "A number of the configuration is changed and removed there.",
        "Change the configuration, then reload or restart.";
    "PAR-0189" "number-busy" "Something of the number is open",
        "Messages that have not left, or conversations that are not at their end, stand against removing it.",
        "Wait until they are done, or force it: what is open waits in the outbox for the number to come back.";

    // States of the server and of Meta.
    "PAR-0190" "meta-refused" "Meta refused it",
        "Meta answered with an error. `meta` has its code, subcode and trace id.",
        "The hint says what Meta's code means. 422 is the request's fault, 502 Meta's.";
    "PAR-0191" "meta-failed" "Meta could not be asked",
        "Meta did not answer, or not in a way that can be read.",
        "Try again later; what was asked may have happened all the same.";
    "PAR-0192" "store-unavailable" "The store cannot be used",
        "The store has failed, or the server shuts down.",
        "Wait for the seconds of `Retry-After`. If it stays, look at the log.";
    "PAR-0193" "damaged-row" "A stored row cannot be decoded",
        "What is stored under this id cannot be read by this version.",
        "Look at the log, and keep the file of the store.";
    "PAR-0194" "media-folder" "The folder of files cannot be used",
        "`media.dir` cannot be read or written.",
        "Check the folder, its permissions and the space on its disk.";
    "PAR-0195" "disk-full" "The disk is nearly full",
        "Less than `media.min_free_bytes` would be left.",
        "Make room, or prune files: POST /api/v1/media/prune.";
    "PAR-0196" "busy" "The server is busy with this",
        "A bounded number of such requests are answered at a time.",
        "Wait for the seconds of `Retry-After`.";
    "PAR-0701" "too-many-event-clients" "Too many follow the events",
        "As many clients follow the events as `admin.max_event_clients` says.",
        "Close streams that nobody watches, or raise the setting; then come again.";
    "PAR-0702" "not-replayable" "The request is not taken in again",
        "It was no signed webhook, some of it is in quarantine, it is about no number that is served, or its messages would run anew and that was not confirmed.",
        "Release what is in quarantine there. Else use `dedupe: keep`, which changes nothing that was taken before, or add `confirm: true`.";
    "PAR-0716" "owned-by-another" "Somebody else answers in this conversation",
        "One of staff writes into a conversation that another one has taken over.",
        "Leave it to them, or take it over first; to write beside them send `force=true`.";
    "PAR-0703" "inspector-unavailable" "What came in cannot be read",
        "The files of the webhook inspector, beside the store, cannot be read.",
        "Look at the folder that the detail names; the log has the whole story.";
    "PAR-0197" "full" "No more of these are kept",
        "The number of such entries is bounded, and the bound is reached.",
        "Remove some first.";
    "PAR-0198" "internal" "Something broke",
        "The answer broke while it was made. This is a fault of the program.",
        "The log has the story under the `request_id`. Please report it.";
    "PAR-0199" "conflict" "Something stands against it",
        "The present state does not allow this.",
        "The detail says what stands against it.";
    "PAR-0179" "owned" "Somebody else answers here",
        "Another person has taken the conversation over: `owner` and `since` say who, and since when.",
        "Ask them to hand it back. Operators, and everybody once they have been idle, may use `take_from`.";
    "PAR-0178" "with-person" "A person has the conversation",
        "The bot cannot be paused, resumed or restarted while a person answers.",
        "Hand it back; `how` says where the bot goes on.";
    "PAR-0177" "paused" "The bot is paused here",
        "The bot was stopped in this conversation.",
        "Resume it, or take the conversation over.";
    "PAR-0164" "no-run" "No run is under way",
        "There is nothing whose variables could be changed.",
        "A run begins with the person's next message, or with restart.";
    "PAR-0119" "bot-at-work" "The bot is at work",
        "Variables are changed only while the bot is paused or a person has the conversation.",
        "Pause it, change them, resume it.";
    "PAR-0118" "calling" "Another program was being called",
        "A run cannot be taken up in the middle of a call.",
        "Choose an entry at which the run waits for the person.";
    "PAR-0117" "revision-changed" "The conversation has advanced",
        "`If-Match` names an earlier revision.",
        "Look at the conversation again, then send its `ETag`.";
    "PAR-0116" "no-such-node" "The bot has no such node",
        "The version that runs here has no node of this name.",
        "The bot's graph lists its nodes.";
    "PAR-0115" "bot-refused" "The bot does not take it",
        "A value does not fit the bot's types and caps, or the bot failed at what it was led to.",
        "Nothing was changed: correct what is named and try again.";
    "PAR-0114" "no-simulator" "There is no simulator here",
        "A copy of a conversation would write to a person.",
        "Take the conversation as a test, or fork it in `parlance dev`.";
    "PAR-0113" "precondition-required" "The change needs If-Match",
        "Nobody's change shall be overwritten by accident.",
        "Send the `ETag` that GET of the thing answers.";
    "PAR-0704" "not-releasable" "It would be put aside again",
        "What made it go into quarantine is still so, or nothing says what it belonged to.",
        "Serve the number, or update Parlance; or drop it.";
    "PAR-0185" "name-taken" "The name is taken",
        "Another one has this name.",
        "Choose another name.";
    "PAR-0186" "last-admin" "Nobody could get in any more",
        "This would take away the last way in for an admin.",
        "Make another admin first.";
}

/// The kind of this name.
pub(crate) fn by_name(name: &str) -> Option<&'static Kind> {
    ALL.iter().find(|kind| kind.name == name)
}

/// What a code means: the text of `parlance explain`.
pub(crate) fn explain(code: &str) -> Option<String> {
    let kind = ALL.iter().find(|kind| kind.code == code)?;
    Some(format!("{}. {} {}", kind.title, kind.when, kind.handle))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_kind_has_a_code_of_its_own_and_its_texts() {
        let mut seen = BTreeSet::new();
        for kind in ALL {
            let number: u16 = kind.code.strip_prefix("PAR-").unwrap().parse().unwrap();
            assert!((101..=199).contains(&number) || (701..=799).contains(&number), "{}", kind.code);
            assert!(seen.insert(kind.code) && seen.insert(kind.name), "{} twice", kind.name);
            assert!(chatbot::explain(kind.code).is_none(), "{} is one of the checker", kind.code);
            assert!([kind.when, kind.handle].iter().all(|text| text.ends_with(['.', '`'])), "{}", kind.name);
            assert!(explain(kind.code).unwrap().starts_with(kind.title));
        }
    }

    #[test]
    fn every_kind_that_the_source_names_is_in_the_table() {
        let mut named = BTreeSet::new();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        names(&root.join("admin.rs"), &mut named);
        walk(&root.join("admin"), &mut named);
        assert!(named.len() > 40, "{named:?}");
        let unknown: Vec<_> = named.iter().filter(|name| by_name(name).is_none()).collect();
        assert!(unknown.is_empty(), "add these to src/admin/problem/kinds.rs: {unknown:?}");
    }

    fn walk(folder: &Path, named: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, named) } else { names(&path, named) }
        }
    }

    /// Words in quotes behind a status: `StatusCode::CONFLICT, "with-bot"`, also on the next line.
    fn names(path: &Path, named: &mut BTreeSet<String>) {
        let text = std::fs::read_to_string(path).unwrap();
        for (at, _) in text.match_indices("StatusCode::") {
            let rest = text
                .get(at + 12..)
                .unwrap_or_default()
                .trim_start_matches(|c: char| c.is_ascii_uppercase() || c == '_');
            let Some(rest) = rest.trim_start().strip_prefix(',') else { continue };
            let Some(rest) = rest.trim_start().strip_prefix('"') else { continue };
            let name: String = rest.chars().take_while(|c| *c != '"').collect();
            if name.chars().all(|c| c.is_ascii_lowercase() || c == '-') {
                named.insert(name);
            }
        }
    }
}
