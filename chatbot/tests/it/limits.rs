//! What Meta would refuse is found when a bot is loaded, at its place. In the rows `§` stands before it.

use chatbot::{Format, load};

/// A message, the code of what is wrong with it, and words of the message.
const MESSAGES: &[(&str, &str, &str)] = &[
    ("text: §LONG4097", "PAR-0207", "text is too long: 4097 characters, WhatsApp allows 4096"),
    ("§{}", "PAR-0203", "a message needs a kind"),
    ("§{ text: a, image: { id: x } }", "PAR-0204", "one message cannot be `text` and `image` at once"),
    ("{ image: { id: x }, preview_url: §true }", "PAR-0204", "only a `text` has a preview"),
    ("image: §{ id: x, link: https://a.example }", "PAR-0204", "exactly one of `id`, `link` and `file`"),
    ("image: { link: §ftp://a.example/x }", "PAR-0204", "link must be an http or https address"),
    ("image: { id: x, caption: §LONG1025 }", "PAR-0207", "caption is too long: 1025 characters, WhatsApp allows 1024"),
    ("image: { id: x, filename: §a }", "PAR-0204", "filename must be left out"),
    ("image: { id: x, voice: §true }", "PAR-0204", "voice must be left out"),
    ("audio: { id: x, caption: §a }", "PAR-0204", "caption must be left out"),
    ("sticker: { id: x, caption: §a }", "PAR-0204", "caption must be left out"),
    ("video: { §url: x }", "PAR-0202", "unknown key `url`"),
    ("location: { latitude: §91, longitude: 1 }", "PAR-0204", "latitude must be a number of degrees from -90 to 90"),
    ("location: { latitude: 1, longitude: §west }", "PAR-0204", "longitude must be a number of degrees"),
    ("location: §{ latitude: 1 }", "PAR-0203", "key `longitude` is missing"),
    ("contacts: §[]", "PAR-0225", "contacts must have 1 or more elements and has 0"),
    ("contacts: [ §{ phones: [] } ]", "PAR-0204", "name"),
    ("contacts: [ { name: { formatted_name: a }, nick: §b } ]", "PAR-0204", "nick is not known here"),
    ("{ reaction: 👍, reply_to: §last }", "PAR-0204", "a reaction cannot quote"),
    ("reaction: { emoji: 👍, to: §' ' }", "PAR-0204", "to is missing or empty"),
    ("buttons: { text: a, buttons: §[] }", "PAR-0225", "buttons must have 1 or more elements"),
    ("buttons: { text: a, buttons: §[ ABCD ] }", "PAR-0225", "buttons may have 3 elements and has 4"),
    ("buttons: { text: §LONG1025, buttons: [ A ] }", "PAR-0207", "text is too long: 1025"),
    ("buttons: §{ buttons: [ A ] }", "PAR-0203", "key `text` is missing"),
    ("buttons: { text: a, buttons: [ { id: a, title: §LONG21 } ] }", "PAR-0207", "WhatsApp allows 20"),
    ("buttons: { text: a, buttons: [ { id: §LONG257, title: a } ] }", "PAR-0207", "WhatsApp allows 256"),
    ("buttons: { text: a, buttons: [ { id: §' a', title: a } ] }", "PAR-0204", "begins or ends with a space"),
    ("buttons: { text: a, buttons: [ A, { id: §a, title: b } ] }", "PAR-0219", "id is used twice: `a`"),
    ("buttons: { text: a, buttons: [ A, { id: b, title: §a } ] }", "PAR-0219", "title is used twice: `a`"),
    ("buttons: { text: a, header: §LONG61, buttons: [ A ] }", "PAR-0207", "header is too long: 61"),
    ("buttons: { text: a, footer: §LONG61, buttons: [ A ] }", "PAR-0207", "footer is too long: 61"),
    ("buttons: { text: a, header: { image: { id: x, caption: §c } }, buttons: [ A ] }", "PAR-0204", "left out"),
    ("buttons: { text: a, header: { §audio: { id: x } }, buttons: [ A ] }", "PAR-0202", "unknown key `audio`"),
    ("list: { text: a, button: §LONG21, sections: [ S ] }", "PAR-0207", "button is too long: 21"),
    ("list: { text: a, button: b, sections: §[] }", "PAR-0225", "sections must have 1 or more elements"),
    ("list: { text: a, button: b, sections: [ { rows: §[] } ] }", "PAR-0225", "rows must have 1 or more elements"),
    ("list: { text: a, button: b, sections: §[ S11 ] }", "PAR-0225", "rows may have 10 elements and has 11"),
    ("list: { text: a, button: b, sections: [ S, §{ rows: [ { id: z, title: z } ] } ] }", "PAR-0204", "title"),
    ("list: { text: a, button: b, sections: [ { title: §LONG25, rows: [ A ] } ] }", "PAR-0207", "WhatsApp allows 24"),
    ("list: { text: a, button: b, sections: [ { rows: [ { id: §LONG201, title: a } ] } ] }", "PAR-0207", "allows 200"),
    ("list: { text: a, button: b, sections: [ { rows: [ { id: a, title: §LONG25 } ] } ] }", "PAR-0207", "allows 24"),
    ("list: { text: a, button: b, sections: [ { rows: [ { id: a, title: a, desc: §LONG73 } ] } ] }", "PAR-0207", "72"),
    ("list: { text: a, button: b, sections: [ { rows: [ A, { id: §a, title: c } ] } ] }", "PAR-0219", "used twice"),
    ("list: { text: a, button: b, header: §{ image: { id: x } }, sections: [ S ] }", "PAR-0204", "must be `text`"),
    ("cta_url: { text: a, button: §LONG21, url: https://a.example }", "PAR-0207", "button is too long: 21"),
    ("cta_url: { text: a, button: b, url: §a.example }", "PAR-0204", "url must be an http or https address"),
    ("location_request: §LONG1025", "PAR-0207", "location_request is too long: 1025"),
    ("location_request: { text: a, header: §b }", "PAR-0204", "header must be left out"),
    ("contact_request: §LONG1025", "PAR-0207", "contact_request is too long: 1025"),
    ("product: §{ catalog_id: a }", "PAR-0203", "key `product_id` is missing"),
    ("product: { catalog_id: §' ', product_id: a }", "PAR-0204", "catalog_id is missing or empty"),
    ("product_list: §{ text: a, catalog_id: c, sections: [ P ] }", "PAR-0203", "key `header` is missing"),
    ("product_list: { text: a, header: h, catalog_id: c, sections: §[ P11 ] }", "PAR-0225", "may have 10 elements"),
    ("product_list: { text: a, header: h, catalog_id: c, sections: §[ P31 ] }", "PAR-0225", "may have 30 elements"),
    ("catalog: { text: §LONG1025 }", "PAR-0207", "text is too long: 1025"),
    ("address: { text: a, country: §' ' }", "PAR-0204", "country is missing or empty"),
    ("address: { text: a, country: IN, values: §1 }", "PAR-0204", "values must be an object"),
    ("carousel: { text: a, cards: §[ C ] }", "PAR-0225", "cards must have 2 or more elements and has 1"),
    ("carousel: { text: a, cards: [ C, { image: { id: x }, button: b, url: §x } ] }", "PAR-0204", "http or https"),
    ("carousel: { text: a, cards: [ C, { image: { id: x }, button: §LONG21, url: 'https://x' } ] }", "PAR-0207", "20"),
    (
        "carousel: { text: a, cards: [ C, { image: { id: x }, text: §LONG161, button: b, url: 'https://x' } ] }",
        "PAR-0207",
        "160",
    ),
    (
        "carousel: { text: a, cards: [ C, { video: §{ id: x }, button: b, url: 'https://x' } ] }",
        "PAR-0204",
        "the same on all cards",
    ),
    ("carousel: { text: a, cards: [ C, §{ button: b, url: 'https://x' } ] }", "PAR-0203", "`image` or a `video`"),
    ("variants: §[]", "PAR-0225", "0 variants, a message may have 1 to 20"),
    ("variants: [ a, §{ variants: [ b ] } ]", "PAR-0204", "a variant cannot have variants"),
    ("{ text: a, §delay_ms: 5 }", "PAR-0217", "`delay_ms` is not supported yet"),
];

/// Parameters of a template, with what is wrong.
const PARAMS: &[(&str, &str, &str)] = &[
    ("{ header: §LONG61, body: [ a ] }", "PAR-0207", "header is too long: 61"),
    ("{ body: [ §LONG1025 ], header: a }", "PAR-0207", "body is too long: 1025 characters, WhatsApp allows 1024"),
    ("{ body: [ §' ' ] }", "PAR-0204", "body is missing or empty"),
    ("{ header: { image: { id: x, caption: §c } } }", "PAR-0204", "caption must be left out"),
    ("{ header: §{ } }", "PAR-0204", "expected one of `image`, `video` and `document`"),
    ("{ body: [ { currency: { fallback: a, code: GBP, amount_1000: §much } } ] }", "PAR-0204", "a whole number"),
    ("{ buttons: { 10: §{ payload: a } } }", "PAR-0204", "`10` is not the index of a button"),
    ("{ buttons: { 0: §{ } } }", "PAR-0204", "a button needs one of"),
    ("{ buttons: { 0: { payload: §' ' } } }", "PAR-0204", "payload is missing or empty"),
    ("{ limited_time_offer: §1795345200 }", "PAR-0204", "unix time in milliseconds"),
    ("{ carousel: §[] }", "PAR-0225", "carousel must have 1 or more elements"),
    ("{ §footer: a }", "PAR-0202", "unknown key `footer`"),
];

/// What an `ask` may expect, with what is wrong.
const EXPECTED: &[(&str, &str, &str)] = &[
    ("§dat", "PAR-0222", "unknown answer type `dat`"),
    ("§regex", "PAR-0203", "needs a `pattern`"),
    ("§{ type: regex }", "PAR-0203", "needs a `pattern`"),
    ("{ type: regex, pattern: §'(' }", "PAR-0221", "the pattern is not valid"),
    ("{ type: email, min: §3 }", "PAR-0204", "`min` is for words and numbers"),
    ("{ type: location, pattern: §x }", "PAR-0204", "`pattern` is for words and numbers"),
    ("{ type: text, zone: §UTC }", "PAR-0204", "`zone` is for answers of type date, time and datetime"),
    ("{ type: date, zone: §Mars }", "PAR-0204", "no time zone `Mars`"),
    ("{ type: date, min: §soon }", "PAR-0204", "`soon` is no bound"),
    ("{ type: date, max: §+30 }", "PAR-0204", "`30` is no bound"),
    ("{ type: time, min: §today }", "PAR-0204", "`today` is no bound"),
    ("{ type: datetime, max: §'+2x' }", "PAR-0204", "`+2x` is no bound"),
    ("{ type: number, min: §5, max: 2 }", "PAR-0204", "`min` 5 is above `max` 2"),
    ("{ type: date, kinds: §[ image ] }", "PAR-0204", "only an answer of type `media` has `kinds`"),
];

/// Nodes whose ports all lead to `e`, with what is wrong.
const NODES: &[(&str, &str, &str)] = &[
    ("§{ type: wait, next: { next: e } }", "PAR-0204", "exactly one of `for`, `until` and `business_hours`"),
    ("§{ type: wait, for: 1h, until: now, next: { next: e } }", "PAR-0204", "exactly one of"),
    ("{ type: wait, for: §soon, next: { next: e } }", "PAR-0220", "`soon` is not a duration"),
    ("{ type: wait, for: 1h, zone: §UTC, next: { next: e } }", "PAR-0204", "`zone` goes with `until` only"),
    ("{ type: wait, until: §soon, next: { next: e } }", "PAR-0204", "`soon` is not a date"),
    ("{ type: wait, until: 2026-12-01, zone: §Mars, next: { next: e } }", "PAR-0204", "no time zone `Mars`"),
    ("{ type: wait, business_hours: §true, next: { next: e } }", "PAR-0203", "no `policies.business_hours`"),
    ("{ type: wait, business_hours: §{ zone: UTC }, next: { next: e } }", "PAR-0203", "key `open` is missing"),
    (
        "{ type: wait, business_hours: { zone: UTC, open: { §tag: 09:00-10:00 } }, next: { next: e } }",
        "PAR-0204",
        "`tag` is not a day",
    ),
    (
        "{ type: wait, business_hours: { zone: UTC, open: { mon: §9-10 } }, next: { next: e } }",
        "PAR-0204",
        "`9-10` is not a span of time",
    ),
    (
        "{ type: wait, business_hours: { zone: UTC, open: { mon: 09:00-10:00 }, closed: [ §xmas ] }, next: { next: e } }",
        "PAR-0204",
        "`xmas` is not a day",
    ),
    (
        "{ type: wait, business_hours: { zone: UTC, open: §{ } }, next: { next: e } }",
        "PAR-0204",
        "these hours are never open",
    ),
    ("{ type: wait, until_event: §Paid, next: { event: e } }", "PAR-0223", "`Paid` is not a name for an event"),
    ("§{ type: wait, until_event: paid, next: { } }", "PAR-0208", "port `event` of node `a`"),
    ("§{ type: wait, until_event: paid, for: 1h, next: { event: e } }", "PAR-0208", "port `next` of node `a`"),
    ("{ type: wait, until_event: paid, next: { event: e, §next: e } }", "PAR-0209", "no port `next`"),
    ("§{ type: wait, for: 1h }", "PAR-0208", "port `next` of node `a`"),
    ("§{ type: split, next: {} }", "PAR-0203", "key `weights` is missing"),
    ("{ type: split, weights: { a: §-1 }, next: { a: e } }", "PAR-0204", "a whole number from 0"),
    ("{ type: split, weights: §{ a: 0 }, next: { a: e } }", "PAR-0204", "no way has a weight above 0"),
    ("§{ type: split, weights: { a: 1, b: 1 }, next: { a: e } }", "PAR-0208", "port `b` of node `a` leads nowhere"),
    ("{ type: split, weights: { a: 1 }, next: { a: e, §c: e } }", "PAR-0209", "no port `c`"),
    ("{ type: split, weights: { a: 1 }, sticky_by: '§)', next: { a: e } }", "PAR-0210", ""),
    ("§{ type: each, as: x, body: e, next: { next: e } }", "PAR-0203", "key `list` is missing"),
    ("{ type: each, list: x, as: §now, body: e, next: { next: e } }", "PAR-0223", "a name of the language"),
    ("{ type: each, list: x, as: x, body: §f, next: { next: e } }", "PAR-0206", "there is no node `f`"),
    ("{ type: each, list: x, as: x, body: e, max: §201, next: { next: e } }", "PAR-0204", "from 1 to 200"),
    ("{ type: call, bot: §other, next: { returned: e } }", "PAR-0217", "another bot is not supported"),
    ("{ type: call, node: §f, next: { returned: e } }", "PAR-0206", "there is no node `f`"),
    ("{ type: call, node: e, args: { §if: 1 }, next: { returned: e } }", "PAR-0223", "a name of the language"),
    ("{ type: return, next: { §next: e } }", "PAR-0209", "no port `next`"),
    ("§{ type: handoff, next: {} }", "PAR-0208", "port `returned` of node `a`"),
    ("{ type: handoff, priority: §soon, next: { returned: e } }", "PAR-0204", "`soon` is not one of `low`"),
    ("{ type: handoff, return_after: §60, next: { returned: e } }", "PAR-0220", "`60` is not a duration"),
    ("{ type: handoff, message: §LONG4097, next: { returned: e } }", "PAR-0207", "message is too long"),
    ("{ type: handoff, outside_hours: §Closed, next: { returned: e } }", "PAR-0203", "no `policies.business_hours`"),
    ("§{ type: set, next: { next: e } }", "PAR-0203", "key `assign` is missing"),
    ("{ type: set, contact: { §phone: '1' }, next: { next: e } }", "PAR-0223", "is not a bot's to set"),
    ("{ type: set, contact: { §a-b: '1' }, next: { next: e } }", "PAR-0223", "`a-b` is not a name"),
    ("{ type: set, labels: { add: [ §LONG73 ] }, next: { next: e } }", "PAR-0207", "label is too long"),
    ("{ type: set, labels: { §set: [ x ] }, next: { next: e } }", "PAR-0202", "unknown key `set`"),
    ("{ type: set, consent: { marketing: '§(' }, next: { next: e } }", "PAR-0210", ""),
];

/// Other nodes and policies, with what is wrong.
const OTHERS: &[(&str, &str, &str)] = &[
    ("policies: { typing: true, mark_read: §false }", "PAR-0204", "`typing` needs the read mark"),
    ("policies: { stop_words: §[] }", "PAR-0204", "there is no word"),
    ("policies: { stop_words: §{ words: [ a ] } }", "PAR-0203", "key `reply` is missing"),
    ("policies: { stop_words: { words: [ a ], reply: §LONG4097 } }", "PAR-0207", "reply is too long"),
    ("policies: { human_words: §[ a ] }", "PAR-0204", "expected a map"),
    ("policies: { human_words: { words: [ a ], to: §f } }", "PAR-0206", "there is no node `f`"),
    ("policies: { debounce_ms: §5 }", "PAR-0204", "from 100 to 30000"),
    ("policies: { handoff: { §queue: x } }", "PAR-0202", "unknown key `queue`"),
    ("policies: { handoff: { return_after: §soon } }", "PAR-0220", "`soon` is not a duration"),
    ("policies: { zone: §Mars }", "PAR-0204", "no time zone `Mars`"),
    ("x-a: 1\ntriggers: [ { api: §{}, to: e }, D ]", "PAR-0203", "key `name` is missing"),
    ("x-a: 1\ntriggers: [ { api: { name: §Order Paid }, to: e }, D ]", "PAR-0223", "not a name for an event"),
    ("x-a: 1\ntriggers: [ { schedule: §{}, to: e }, D ]", "PAR-0203", "key `cron` is missing"),
    ("x-a: 1\ntriggers: [ { schedule: { cron: §'0 9 * *' }, to: e }, D ]", "PAR-0204", "has 4 fields"),
    ("x-a: 1\ntriggers: [ { schedule: { cron: §'* * * * *' }, to: e }, D ]", "PAR-0204", "over 12 times in an hour"),
    (
        "x-a: 1\ntriggers: [ { schedule: { cron: '@daily', zone: §Mars }, to: e }, D ]",
        "PAR-0204",
        "no time zone `Mars`",
    ),
    ("x-a: 1\ntriggers: [ { window_closing: { before: §24h }, to: e }, D ]", "PAR-0204", "open for 24 hours"),
    ("x-a: 1\ntriggers: [ { flow_done: { flow: §slot }, to: e }, D ]", "PAR-0270", "`flows` has no `slot`"),
    ("flows: { §'a b': { id: '1' } }", "PAR-0223", "cannot be the name of a Flow"),
    ("flows: { a: { id: '1', §title: x } }", "PAR-0202", "unknown key `title`"),
    ("flows: { a: { id: §' ' } }", "PAR-0204", "`id` is empty"),
    ("flows: { a: { file: §../x.json } }", "PAR-0228", "not a JSON file below the folder"),
    ("flows: { a: { file: §a.json, json: {} } }", "PAR-0204", "not both"),
    ("flows: { a: { file: §a.json } }", "PAR-0271", "there is no folder here"),
    ("flows: { a: { meta: { categories: [ §SALES ] } } }", "PAR-0204", "not one of"),
    ("flows: { a: { fallback: §{} } }", "PAR-0204", "exactly one of `show` and `error`"),
    ("flows: { a: { on: { init: [ { match: §{ cases: [] } } ] } } }", "PAR-0203", "key `else` is missing"),
    ("flows: { a: { on: { init: [ { show: { screen: §'{{ input.x }}' } } ] } } }", "PAR-0204", "cannot be a screen"),
    ("flows: { a: { on: { init: [ { show: { screen: §SUCCESS } } ] } } }", "PAR-0204", "no screen has the id"),
    ("flows: { a: { on: { init: [ { show: { screen: A, data: §x } } ] } } }", "PAR-0204", "expected a map"),
    (
        "flows: { a: { on: { init: [ { set: { §form: 1 } }, { finish: {} } ] } } }",
        "PAR-0223",
        "is a name of the language",
    ),
    (
        "flows: { a: { on: { init: [ { http: { url: 'https://a.example', cache: §{} } }, { finish: {} } ] } } }",
        "PAR-0203",
        "key `ttl` is missing",
    ),
    ("flows: { a: { json: §{ version: '7.3' } } }", "PAR-0272", "screens"),
    ("flows: { a: { budget_ms: §9000 } }", "PAR-0204", "from 1 to 8000"),
    ("flows: { a: { on: { §start: [] } } }", "PAR-0202", "unknown key `start`"),
    ("flows: { a: { on: { init: §[] } } }", "PAR-0204", "at least the step that answers"),
    ("flows: { a: { on: { init: [ §{ set: {} } ] } } }", "PAR-0204", "the last step of a handler"),
    ("flows: { a: { on: { init: [ §{ finish: {} }, { finish: {} } ] } } }", "PAR-0204", "nothing follows"),
    ("flows: { a: { on: { submit: { DAY: [ §{ finish: {}, error: {} } ] } } } }", "PAR-0204", "exactly one of"),
    (
        "flows: { a: { meta: { categories: [ OTHER ] } } }\nnodes:\n  e: { type: flow, flow: §a, prompt: p, cta: c, next: { done: e } }",
        "PAR-0217",
        "neither `id` nor `name`",
    ),
    (
        "flows: { a: { id: '1' } }\nnodes:\n  e: { type: flow, flow: §b, prompt: p, cta: c, next: { done: e } }",
        "PAR-0270",
        "`flows` has no `b`",
    ),
    (
        "flows: { a: { id: '1' } }\nnodes:\n  e: §{ type: flow, flow: a, prompt: p, next: { done: e } }",
        "PAR-0203",
        "key `cta` is missing",
    ),
    (
        "flows: { a: { id: '1' } }\nnodes:\n  e: { type: flow, flow: a, prompt: p, cta: §LONG73, next: { done: e } }",
        "PAR-0207",
        "cta is too long",
    ),
    (
        "flows: { a: { id: '1' } }\nnodes:\n  e: { type: flow, flow: a, prompt: p, cta: c, data: §{ x: 1 }, next: { done: e } }",
        "PAR-0203",
        "`data` goes to a `screen`",
    ),
    (
        "flows: { a: { id: '1' } }\nnodes:\n  e: { type: flow, flow: a, prompt: p, cta: c, entry: data_exchange, screen: §A, next: { done: e } }",
        "PAR-0204",
        "the endpoint says which screen",
    ),
    ("i18n: { §english: { a: b } }", "PAR-0223", "`english` is not a language"),
    ("i18n: { en: { a: §\"{{ t('b') }}\" } }", "PAR-0204", "cannot use another one"),
    ("i18n: { en: { a: \"{{ §) }}\" } }", "PAR-0210", ""),
    (
        "i18n: { en: { a: short }, es: { a: LONG25 } }\nnodes:\n  e: { type: menu, prompt: p, render: buttons, options: [ { id: a, title: §\"{{ t('a') }}\" } ], next: { a: e } }",
        "PAR-0207",
        "button title is too long in `es`: 25 characters",
    ),
    (
        "i18n: { en: { a: short }, es: { a: LONG25 } }\nnodes:\n  e: { type: ask, prompt: { buttons: { text: p, buttons: [ { id: a, title: §\"{{ t('a') }}\" } ] } }, next: { ok: e } }",
        "PAR-0207",
        "title is too long: 25 characters, WhatsApp allows 20, in `es`",
    ),
    ("policies: { order: §first }", "PAR-0204", "`first` is not one of `send`, `accepted` and `delivered`"),
    ("policies: { window: §{} }", "PAR-0203", "key `closed` is missing"),
    ("policies: { window: { closed: §wait } }", "PAR-0204", "`wait` is not one of `drop` and `hold`"),
    ("policies: { window: { closed: { template: §{ name: a } } } }", "PAR-0203", "key `lang` is missing"),
    ("x-a: 1\ntriggers: [ { pattern: { regex: §'(' }, to: e }, D ]", "PAR-0221", "not valid"),
    ("x-a: 1\ntriggers: [ { payload: §{}, to: e }, D ]", "PAR-0203", "key `prefix` is missing"),
    ("x-a: 1\ntriggers: [ { referral: { §ad: x }, to: e }, D ]", "PAR-0202", "unknown key `ad`"),
    (
        "x-a: 1\nnodes:\n  e: { type: ask, prompt: a, expect: { type: media, kinds: [ §gif ] }, next: { ok: e } }",
        "PAR-0204",
        "`gif` is not one of",
    ),
    (
        "x-a: 1\nnodes:\n  e: { type: ask, prompt: a, expect: { type: text, kinds: §[ image ] }, next: { ok: e } }",
        "PAR-0204",
        "only an answer of type `media`",
    ),
    (
        "x-a: 1\nnodes:\n  e: { type: ask, prompt: a, expect: { type: location, min: §1 }, next: { ok: e } }",
        "PAR-0204",
        "`min` is for words and numbers",
    ),
    (
        "x-a: 1\nnodes:\n  e: { type: ask, prompt: { image: { link: §x } }, next: { ok: e } }",
        "PAR-0204",
        "link must be an http or https",
    ),
    (
        "x-a: 1\nnodes:\n  e: { type: menu, prompt: a, header: §{ image: { id: x } }, options: [ { id: a, title: a } ], next: { a: e } }",
        "PAR-0204",
        "this menu may become a list",
    ),
    (
        "x-a: 1\nnodes:\n  e: { type: menu, render: buttons, prompt: a, header: { image: { id: x, caption: §c } }, options: [ { id: a, title: a } ], next: { a: e } }",
        "PAR-0204",
        "no caption",
    ),
    (
        "x-a: 1\nnodes:\n  e: { type: menu, on_doubt: §ask, prompt: a, options: [ { id: a, title: a } ], next: { a: e } }",
        "PAR-0204",
        "`ask` is not one of `resend` and `hold`",
    ),
    (
        "x-a: 1\nnodes:\n  e: { type: template, name: n, lang: en, then_wait: §{ replies: [ other ] }, next: {} }",
        "PAR-0223",
        "the name of a port of every template",
    ),
];

fn written(row: &str) -> String {
    let list = |n: usize, one: &dyn Fn(usize) -> String| (0..n).map(one).collect::<Vec<_>>().join(", ");
    let rows = |n: usize| list(n, &|i| format!("{{ id: r{i}, title: r{i} }}"));
    let mut text = row.to_owned();
    for n in [1025, 4097, 201, 257, 161, 73, 61, 25, 21] {
        text = text.replace(&format!("LONG{n}"), &"x".repeat(n));
    }
    let product = |s: usize, n: usize| format!("{{ title: t{s}, products: [ {} ] }}", list(n, &|i| format!("p{i}")));
    text.replace("P11", &list(11, &|s| product(s, 1)))
        .replace("P31", &product(0, 31))
        .replace("[ P ]", &format!("[ {} ]", product(0, 1)))
        .replace("S11", &format!("{{ rows: [ {} ] }}", rows(11)))
        .replace("[ S", &format!("[ {{ title: s, rows: [ {} ] }}", rows(1)))
        .replace("[ A", "[ { id: a, title: a }")
        .replace("{ id: a, title: a }BCD", &rows(4))
        .replace("[ C", "[ { image: { id: x }, button: b, url: 'https://a.example' }")
        .replace("D ]", "{ default: {}, to: e } ]")
}

/// Loads a bot in which a `§` stands before what is wrong, and gives what was not found as expected.
fn judge(marked: &str, code: &str, words: &str) -> Option<String> {
    let at = marked.find('§').unwrap();
    let before = marked.get(..at).unwrap();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
    let source = marked.replace('§', "");
    let loaded = load(&source, "row.yaml", Format::Yaml);
    let fits = |found: &chatbot::Diagnostic| {
        found.code == code
            && found.message.contains(words)
            && (found.line as usize, found.column as usize) == (line, column)
    };
    let errors: Vec<&chatbot::Diagnostic> = loaded.diagnostics.iter().filter(|found| found.is_error()).collect();
    let right = errors.len() == 1 && fits(errors[0]) && loaded.bot.is_none();
    let shown: Vec<String> =
        errors.iter().map(|d| format!("{} {}:{} {}", d.code, d.line, d.column, d.message)).collect();
    (!right).then(|| format!("wanted {code} {line}:{column} {words}\n   got {}", shown.join(" | ")))
}

#[test]
fn what_whatsapp_would_refuse_is_found_at_its_place() {
    let head = "parlance: 1\nid: t\ntriggers: [ { default: {}, to: a } ]\nnodes:\n  e: { type: end }\n  a:\n";
    let mut wrong = Vec::new();
    for (row, code, words) in MESSAGES {
        let bot = format!("{head}    type: say\n    messages:\n      - {}\n    next: {{ next: e }}\n", written(row));
        wrong.extend(judge(&bot, code, words).map(|why| format!("{row}\n{why}")));
    }
    for (row, code, words) in PARAMS {
        let row = written(row);
        let bot = format!(
            "{head}    type: template\n    name: n\n    lang: en\n    params: {row}\n    next: {{ sent: e }}\n"
        );
        wrong.extend(judge(&bot, code, words).map(|why| format!("{row}\n{why}")));
    }
    for (row, code, words) in EXPECTED {
        let row = written(row);
        let bot = format!("{head}    type: ask\n    prompt: x\n    expect: {row}\n    next: {{ ok: e }}\n");
        wrong.extend(judge(&bot, code, words).map(|why| format!("{row}\n{why}")));
    }
    for (row, code, words) in NODES {
        let row = written(row);
        let bot = format!("{head}    {row}\n").replace("  a:\n    ", "  a: ");
        wrong.extend(judge(&bot, code, words).map(|why| format!("{row}\n{why}")));
    }
    for (row, code, words) in OTHERS {
        let row = written(row);
        let triggers = if row.contains("triggers") { "" } else { "triggers: [ { default: {}, to: e } ]\n" };
        let nodes = if row.contains("nodes:") { "" } else { "nodes: { e: { type: end } }\n" };
        let bot = format!("parlance: 1\nid: t\n{triggers}{row}\n{nodes}");
        wrong.extend(judge(&bot, code, words).map(|why| format!("{row}\n{why}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_value_that_is_computed_is_not_held_against_a_limit_before_it_is_known() {
    let source = "parlance: 1\nid: t\ntriggers: [ { default: {}, to: a } ]\nnodes:\n  e: { type: end }\n  a:\n    \
        type: say\n    messages:\n      - location: \"{{ input.location }}\"\n      - contacts: \"{{ input.data }}\"\n      \
        - cta_url: { text: \"{{ input.text }}\", button: \"{{ input.text }}\", url: \"{{ input.text }}\" }\n      \
        - buttons: { text: a, buttons: [ { id: \"{{ input.id }}\", title: \"{{ input.id }}\" }, { id: \"{{ input.id }}\", title: \"{{ input.id }}\" } ] }\n    next: { next: e }\n";
    assert_eq!(load(source, "t.yaml", Format::Yaml).diagnostics, []);
}
