//! The codes of the checker, each with what it means and what to do. Codes are never reused.

use crate::diagnostic::Severity;

/// A code of the checker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code {
    number: u16,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal $code:literal $kind:ident $text:literal;)*) => {
        $($(#[$doc])* pub(crate) const $name: Code = Code { number: $number };)*

        /// Every code with its text.
        const ALL: &[(u16, &str, Severity, &str)] = &[$(($number, $code, Severity::$kind, $text)),*];
    };
}

codes! {
    SYNTAX = 201 "PAR-0201" Error "The file is not valid YAML or JSON. Nothing behind this place was read. Look at the line above, too: a missing quote, bracket or space of indentation often shows one line late.";
    UNKNOWN_KEY = 202 "PAR-0202" Error "The format has no such key here. It is mostly a slip of the pen; the nearest known key is named. Keys that begin with x- are free for tools.";
    MISSING_KEY = 203 "PAR-0203" Error "Something that this part of the file cannot do without is missing. Add the key.";
    WRONG_VALUE = 204 "PAR-0204" Error "The value has the wrong kind or is out of range. The message says what is expected.";
    FORMAT_VERSION = 205 "PAR-0205" Error "`parlance` is the version of the file format. This program reads version 1.";
    UNKNOWN_NODE = 206 "PAR-0206" Error "A port, trigger or policy leads to a node that does not exist. Correct the name or add the node.";
    TOO_LONG = 207 "PAR-0207" Error "WhatsApp would refuse or cut this text. Limits: button titles 20 characters, row titles 24, row descriptions 72, headers and footers 60, menu texts 1024, plain texts 4096.";
    UNCONNECTED = 208 "PAR-0208" Error "This node always may leave by the port, so the port needs a node to lead to. Ports for trouble (`failed`, `invalid`, `timeout`, `other`, `empty`) may stay open: they fall to `policies.on_error`, or end the run.";
    UNKNOWN_PORT = 209 "PAR-0209" Error "A node of this type has no such port. For menus the ports are the ids of the options.";
    EXPRESSION = 210 "PAR-0210" Error "The expression or template does not compile. Texts take {{ expressions }}; `when`, `check` and `assign` take bare expressions without braces.";
    LOOP = 211 "PAR-0211" Error "These nodes lead to one another without ever waiting for the person, and nothing leads out. A turn may enter 100 nodes, then it is stopped. Put an `ask` or `menu` into the circle, or a way out.";
    MAYBE_LOOP = 212 "PAR-0212" Warning "These nodes can run in a circle without waiting for the person. If the way out is never taken, the turn is stopped after 100 nodes.";
    UNREACHABLE = 213 "PAR-0213" Warning "No trigger and no port leads to this node. Connect it or remove it.";
    UNDECLARED = 214 "PAR-0214" Warning "Nothing sets this variable: it is not in `vars`, no node saves to it, and the engine does not provide it. It will be empty.";
    NO_TRIGGER = 215 "PAR-0215" Error "Without a trigger the bot never starts. Add at least `- default: {}` with a `to`.";
    NO_DEFAULT = 216 "PAR-0216" Warning "There is no `default` trigger: a person whose message matches no other trigger gets no answer.";
    LATER = 217 "PAR-0217" Error "The format describes this, but this version of the program does not run it yet. Remove it, or wait for a newer version.";
    LATER_IMPORTED = 218 "PAR-0218" Warning "The imported bot uses something that this version of the program does not run yet. The bot loads and plays; where it reaches this part it takes the error port, `policies.on_error`, or ends.";
    TWICE = 219 "PAR-0219" Error "Two of these must not be equal, because WhatsApp or the engine could not tell them apart.";
    DURATION = 220 "PAR-0220" Error "Durations are numbers with a unit: 45s, 30m, 2h, 1d, 1h30m.";
    PATTERN = 221 "PAR-0221" Error "The regular expression is not valid or too large. Patterns run in linear time, so back-references and look-around do not exist.";
    UNKNOWN_TYPE = 222 "PAR-0222" Error "There is no node, trigger or answer type of this name.";
    BAD_NAME = 223 "PAR-0223" Error "Ids and variables need names that expressions and ports can use: letters, digits and _ (ids also - and .), not a word of the language. Events are lower-case words with dots between.";
    OWN_ASSIGN = 224 "PAR-0224" Warning "All values of one `set` node are computed from the variables as they were before the node. To use a new value, compute it in a second `set` node.";
    TOO_MANY = 225 "PAR-0225" Error "There is more here than WhatsApp or the engine can take. The message names the limit.";
    DUPLICATE_KEY = 226 "PAR-0226" Error "A map has the same key twice, so one of the two would be lost.";
    TOO_LARGE = 227 "PAR-0227" Error "The file is larger than a bot may be. Split the bot.";
    FILE = 228 "PAR-0228" Error "Files of messages lie below the folder of the bot file and are named by their path from there, with `/` and without `..`. WhatsApp takes jpg, jpeg and png as images, mp4 and 3gp as videos, aac, amr, mp3, m4a, ogg and opus as audio, webp as stickers, and txt, pdf and office files as documents.";
    TEMPLATE_MISSING = 229 "PAR-0229" Error "The business account has no template of this name. Templates are created at Meta and approved there before they can be sent; correct the name, or create the template.";
    TEMPLATE_LANGUAGE = 230 "PAR-0230" Error "The template exists, but not in this language. The code must be the one of the template: `en` and `en_US` are different languages to Meta.";
    TEMPLATE_STATUS = 231 "PAR-0231" Error "Meta sends approved templates only. The message names the status: pending ones wait for Meta's review, rejected ones must be changed, paused and disabled ones had too many complaints.";
    TEMPLATE_PARAMS = 232 "PAR-0232" Error "The values do not fit the template as Meta has it: each placeholder of header, body and buttons needs one, media headers need media of their kind, and a button must exist and be of the kind that takes the value.";
    UNKNOWN_TEXT = 233 "PAR-0233" Error "`{{ t('key') }}` stands for a text of `i18n`, and no language has one of this key. Correct the key, or add the text.";
    UNTRANSLATED = 234 "PAR-0234" Warning "Texts that other languages have are missing here. People who read this language get them in the language of the bot, or in one that has them.";
    SECRET_PLACE = 240 "PAR-0240" Error "Secrets stand in `headers`, `auth` and `query` of `http` nodes and nowhere else, as {{ secret.NAME }} alone in its braces: no filter, no condition, no other text ever sees the value.";
    UNKNOWN_SECRET = 241 "PAR-0241" Error "The bot uses a secret that it does not name. List the name under `secrets` at the top level of the file, and give the value in the configuration: [bots.secrets] NAME, or PARLANCE__BOTS__SECRETS__NAME.";
    SECRET_HOST = 242 "PAR-0242" Error "The node sends a secret, so it must be plain from the file where to: scheme, host and port of `url` stand there as they are. Behind the host expressions may stand.";
    JSON_PATH = 243 "PAR-0243" Error "The JSONPath is not valid (RFC 9535), or more than an answer may cost: it begins with $, has at most 256 characters, one `..`, one filter and four commas.";
    HTTP_PART = 244 "PAR-0244" Error "Other programs would not take this: addresses begin with http:// or https:// and have no user or password, header names are words, and headers that the transport needs are written by it.";
    SECRET_VALUE = 245 "PAR-0245" Warning "The bot names this secret, and the configuration of the program has no value for it: calls that need it leave by `http_error`. Give the value in the configuration, [bots.secrets] NAME or PARLANCE__BOTS__SECRETS__NAME, and start the program again.";
    UNUSED_VARIABLE = 250 "PAR-0250" Warning "No expression, text or test reads this variable, so declaring it or saving to it has no effect on the bot. Remove it, use it, or begin its name with _ if only people shall see it in the history. Variables of the contact are left alone: other bots may read them.";
    UNUSED_TEXT = 251 "PAR-0251" Warning "No text of the bot uses this text of `i18n` by `{{ t('key') }}`. Remove it from all languages, or use it.";
    SHADOWED_TRIGGER = 252 "PAR-0252" Warning "Triggers are asked in their order, after stop words and words that ask for a human. What this one waits for is always taken by an earlier one. Move it up, or remove it; `default` comes last.";
    SAME_WORD = 253 "PAR-0253" Warning "This typed answer means two options of the menu: titles are compared before synonyms, and earlier options before later ones. Who types it never gets the option at which it stands here.";
    CONSTANT = 254 "PAR-0254" Warning "This condition does not depend on anything: it always holds or never does, or an earlier case has the same one. What it guards always happens or never does.";
    DEAD_PORT = 255 "PAR-0255" Warning "The port is connected, but the node can never leave by it: `timeout` is taken only by nodes that have a time of their own. Add the time, or remove the port; for the whole bot there is `policies.idle_timeout`.";
    OPEN_HANDOFF = 256 "PAR-0256" Warning "A conversation that was handed over leaves by this port, which leads nowhere: with no `policies.on_error` the run just ends, and the person hears nothing more. Connect the port.";
    NO_RETURN = 257 "PAR-0257" Warning "None of the nodes that this `call` or `each` can reach is a `return`. So a call never comes back to its `returned` port, and a loop never takes its second element. End the part with a `return`, or use `goto` if it shall not come back.";
    LATE_TIMEOUT = 258 "PAR-0258" Warning "`policies.idle_timeout` is shorter than this node's own time, so it takes over before, unless the person sends something that is no answer meanwhile. Make the one longer or the other shorter.";
    UNKNOWN_FLOW = 270 "PAR-0270" Error "`flow` names an entry of the top-level `flows`, and there is none of this name. Correct the name, or add the entry with Meta's `id` of the Flow, or its `name` at Meta.";
    FLOW_FILE = 271 "PAR-0271" Error "The Flow JSON of a Flow becomes part of the bot when the file is loaded, so it must be there: a JSON file below the folder of the bot file. A bot that comes over HTTP has no folder: write the Flow JSON under `json`, or publish the file with `parlance bot publish`, which does that.";
    FLOW_JSON = 272 "PAR-0272" Error "The Flow JSON breaks a rule of Meta's, which refuses to publish it. The message begins with Meta's code, and the place is that in the Flow JSON. `parlance flow check FILE` checks a Flow JSON by itself.";
    FLOW_JSON_DOUBT = 273 "PAR-0273" Warning "Sources disagree about this rule of Meta's, or Meta publishes the Flow all the same. The message begins with Meta's code, and the place is that in the Flow JSON.";
    FLOW_SCREEN = 274 "PAR-0274" Error "What the bot says of a screen does not fit the Flow JSON: the screen, a key of its `data`, one of its inputs or the way there does not exist, or a value has another type. The phone would refuse the answer. Change the one or the other.";
    FLOW_HANDLER = 275 "PAR-0275" Error "The phone can ask the endpoint for something that no handler answers: each screen with a `data_exchange` needs `on.submit`, a form that opens with `entry: data_exchange` needs `on.init`, and a Flow with handlers needs `data_api_version` in its Flow JSON.";
    FLOW_MISSING = 281 "PAR-0281" Error "The business account has no WhatsApp Flow of this id or name. `parlance flow apply` brings the Flows of the bot files there; one that is made elsewhere must be there before a bot that sends it goes live. `parlance flow sync` reads Meta's list anew.";
    FLOW_STATUS = 282 "PAR-0282" Error "Meta sends published Flows only; a node with `allow_draft` sends a draft, for trying out. The message names the status: a draft is published with `parlance flow apply` or `parlance flow publish`, a blocked one is released by Meta, a deprecated one never comes back.";
}

impl Code {
    pub(crate) fn name(self) -> &'static str {
        self.row().map_or("PAR-0200", |row| row.1)
    }

    pub(crate) fn severity(self) -> Severity {
        self.row().map_or(Severity::Error, |row| row.2)
    }

    fn row(self) -> Option<&'static (u16, &'static str, Severity, &'static str)> {
        ALL.iter().find(|row| row.0 == self.number)
    }
}

/// What a code of the checker means and what to do about it.
pub fn explain(code: &str) -> Option<&'static str> {
    ALL.iter().find(|row| row.1 == code).map(|row| row.3)
}

/// How bad a code of the checker is.
pub fn severity(code: &str) -> Option<Severity> {
    ALL.iter().find(|row| row.1 == code).map(|row| row.2)
}

/// Every code of the checker, in order.
pub fn codes() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|row| row.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_named_by_their_number() {
        let mut seen = std::collections::BTreeSet::new();
        for (number, code, _, text) in ALL {
            assert_eq!(*code, format!("PAR-0{number}"));
            assert!(seen.insert(number), "{code} twice");
            assert!(!text.is_empty());
            assert_eq!(explain(code), Some(*text));
        }
        assert_eq!(explain("PAR-9999"), None);
    }
}
