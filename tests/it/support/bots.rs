//! Bots for tests.

/// Counts a person's messages and repeats them: `3: hello`.
pub(crate) const ECHO: &str = r#"
parlance: 1
id: echo
vars: { n: { type: int, default: 0, scope: contact } }
triggers: [ { default: {}, to: count } ]
nodes:
  count: { type: set, assign: { n: n + 1 }, next: { next: answer } }
  answer: { type: say, messages: [ { text: "{{ n }}: {{ input.text }}" } ], next: { next: fin } }
  fin: { type: end, reason: done }
"#;

/// Asks for a number, waits ten minutes for it, and remembers how often it asked.
pub(crate) const ASK: &str = r#"
parlance: 1
id: ask
vars:
  asked: { type: int, default: 0, scope: contact }
  count: { type: int }
triggers: [ { default: {}, to: note } ]
policies: { idle_timeout: 2h }
nodes:
  note: { type: set, assign: { asked: asked + 1 }, next: { next: how_many } }
  how_many:
    type: ask
    prompt: How many?
    expect: { type: int, min: 1, max: 99 }
    save: count
    invalid: { message: A number please., tries: 2 }
    timeout: 10m
    next: { ok: noted, invalid: lost, timeout: late }
  noted: { type: say, messages: [ { text: "noted {{ count }} of round {{ asked }}" } ], next: { next: fin } }
  late: { type: say, messages: [ { text: too late } ], next: { next: gone } }
  lost: { type: end, reason: lost }
  gone: { type: end, reason: no_answer }
  fin: { type: end, reason: done }
"#;

/// Sends three messages for each one.
pub(crate) const THREE: &str = r#"
parlance: 1
id: three
triggers: [ { default: {}, to: answer } ]
nodes:
  answer:
    type: say
    messages: [ { text: "{{ input.text }} a" }, { text: "{{ input.text }} b" }, { text: "{{ input.text }} c" } ]
    next: { next: fin }
  fin: { type: end, reason: done }
"#;

/// Runs in a circle when it hears `spin`, and answers everything else.
pub(crate) const SPIN: &str = r#"
parlance: 1
id: spin
vars: { n: { type: int, default: 0 } }
triggers:
  - keyword: { any: [spin], match: exact }
    to: round
  - default: {}
    to: answer
nodes:
  round: { type: set, assign: { n: n + 1 }, next: { next: and_round } }
  and_round: { type: branch, cases: [ { when: n < 0, to: fin } ], else: round }
  answer: { type: say, messages: [ { text: "fine: {{ input.text }}" } ], next: { next: fin } }
  fin: { type: end, reason: done }
"#;
