//! Every bound of the engine, in one place. Reaching one is a normal outcome with its own error.

/// Nodes that one turn may enter; an endless loop ends here.
pub const MAX_NODES_PER_TURN: usize = 100;
/// Turns that one run may take before it is ended and the next message starts a new one.
pub const MAX_TURNS_PER_RUN: u32 = 500;
/// Messages that one turn may send.
pub const MAX_MESSAGES_PER_TURN: usize = 10;
/// Bytes of text that one turn may send, all messages together.
pub const MAX_TEXT_PER_TURN: usize = 24 * 1024;
/// Bytes of all variables of a conversation, as JSON.
pub const MAX_VARIABLES_BYTES: usize = 256 * 1024;
/// Bytes of one variable, as JSON.
pub const MAX_VALUE_BYTES: usize = 64 * 1024;
/// Levels of lists and maps in one value: of a variable, a field of the contact, an option, the body of a call, the data of
/// an event. What is nested deeper cannot be read back from the store, and recursive code would not come to its end.
pub const MAX_VALUE_DEPTH: usize = 64;
/// Bytes that one template may print.
pub const MAX_TEMPLATE_OUTPUT: usize = 64 * 1024;
/// Fuel of one template or expression: about one unit per instruction and per 64 bytes handled.
pub const TEMPLATE_FUEL: u64 = 50_000;
/// Nesting of calls, blocks and macros in a template.
pub const TEMPLATE_DEPTH: usize = 32;
/// Bytes of a bot file.
pub const MAX_BOT_FILE_BYTES: usize = 4 * 1024 * 1024;
/// Nodes of a bot file.
pub const MAX_NODES_PER_BOT: usize = 5_000;
/// Characters of a regular expression.
pub const MAX_PATTERN_CHARS: usize = 512;
/// Bytes that a compiled regular expression may take.
pub const MAX_PATTERN_BYTES: usize = 1 << 20;
/// Options that one menu may offer over all its pages.
pub const MAX_MENU_OPTIONS: usize = 200;
/// Wrong answers that a node may be told to accept.
pub const MAX_TRIES: u32 = 20;
/// Calls and loops that may be open at once.
pub const MAX_FRAMES: usize = 16;
/// Elements that one `each` may be told to take.
pub const MAX_EACH: u32 = 200;
/// The weight of one way of a `split`.
pub const MAX_WEIGHT: u32 = 1_000_000;
/// Labels of one person.
pub const MAX_LABELS: usize = 50;
/// Characters of one label.
pub const MAX_LABEL_CHARS: usize = 64;
/// Bytes of text that `debounce_ms` joins before it waits no longer.
pub const MAX_BURST_BYTES: usize = 16 * 1024;
/// Characters of the name of an event.
pub const MAX_EVENT_NAME_CHARS: usize = 64;
/// Events that one turn may emit.
pub const MAX_EVENTS_PER_TURN: usize = 20;
/// Bytes of the data of all events of one turn, as JSON.
pub const MAX_EVENT_BYTES_PER_TURN: usize = 64 * 1024;
/// Bytes of the data of a call from outside, as JSON.
pub const MAX_CALL_BYTES: usize = 32 * 1024;
/// Times that a `schedule` may come in an hour.
pub const MAX_SCHEDULE_PER_HOUR: u32 = 12;
/// Forms of one person that are remembered until they come back.
pub const MAX_OPEN_FORMS: usize = 16;
/// Flows of a bot file.
pub const MAX_FLOWS: usize = 100;
/// Bytes of a Flow JSON that becomes part of a bot.
pub const MAX_FLOW_JSON_BYTES: usize = 1 << 20;
/// How long an endpoint may be told to take, in milliseconds: phones wait 10 s.
pub const MAX_FORM_BUDGET_MS: u32 = 8_000;
/// How long an endpoint may take where the Flow does not say it, in milliseconds: Meta throttles slow ones.
pub const FORM_BUDGET_MS: u64 = 800;
/// Steps of all handlers of a Flow.
pub const MAX_FORM_STEPS: usize = 500;
/// Nesting of `match` in a handler.
pub const MAX_FORM_DEPTH: usize = 8;
/// Calls of other programs for one request of a form.
pub const MAX_FORM_CALLS: usize = 8;
/// Requests of one form that are answered; with the next one its time is over.
pub const MAX_FORM_REQUESTS: usize = 256;
/// Bytes of the data of one request of a form, as JSON.
pub const MAX_FORM_REQUEST_BYTES: usize = 64 * 1024;
/// Notices of a phone about one form that are noted.
pub const MAX_FORM_NOTICES: u32 = 16;
/// Screens of a form that are remembered for the way back.
pub const MAX_FORM_SCREENS: usize = 20;
/// Bytes of the data of one screen, or of what comes with the end of a form, as JSON.
pub const MAX_FORM_ANSWER_BYTES: usize = 128 * 1024;
/// Bytes of the data of all screens of a form that are remembered, as JSON.
pub const MAX_FORM_MEMORY_BYTES: usize = 192 * 1024;
/// Bytes of what a form keeps under names that are no variables, as JSON.
pub const MAX_FORM_LOCALS_BYTES: usize = 64 * 1024;
/// Characters of the name of a screen.
pub const MAX_SCREEN_CHARS: usize = 128;
/// Variants of one message.
pub const MAX_VARIANTS: usize = 20;
/// How long one try of an `http` node may be told to take, in milliseconds.
pub const MAX_HTTP_TIMEOUT_MS: u32 = 30_000;
/// How long one try of an `http` node takes where it does not say, in milliseconds.
pub const HTTP_TIMEOUT_MS: u64 = 10_000;
/// Tries beside the first that an `http` node may be told to make.
pub const MAX_HTTP_RETRIES: u32 = 5;
/// The longest pause between two tries, in milliseconds; also what `Retry-After` may ask for.
pub const MAX_HTTP_PAUSE_MS: u64 = 10_000;
/// What is added to the time of all tries before a call counts as lost, in milliseconds: queueing, and the commit.
pub const HTTP_SLACK_MS: u64 = 5_000;
/// How often a call that was lost is ordered before its node gives up.
pub const MAX_HTTP_ORDERS: u32 = 5;
/// Bytes of an answer's body that an `http` node takes.
pub const MAX_HTTP_ANSWER: u32 = 1 << 20;
/// Bytes of the body of a call.
pub const MAX_HTTP_BODY: usize = 128 * 1024;
/// Bytes of the address of a call, and of each of its headers and parameters.
pub const MAX_HTTP_TEXT: usize = 8 * 1024;
/// Headers, parameters and fields of a call, each.
pub const MAX_HTTP_ENTRIES: usize = 64;
/// Values in the JSON of an answer, counted before it is read.
pub const MAX_JSON_VALUES: usize = 50_000;
/// Variables that one answer may set.
pub const MAX_EXTRACTS: usize = 32;
/// Elements of a list that `filter` looks at.
pub const MAX_FILTERED: usize = 1_000;
/// Characters of a JSONPath.
pub const MAX_JSON_PATH_CHARS: usize = 256;
/// Secrets that a bot may name.
pub const MAX_SECRETS: usize = 64;
/// Bytes of an export of another program.
pub const MAX_IMPORT_BYTES: usize = 8 * 1024 * 1024;
/// Things that an import tells one by one.
pub const MAX_IMPORT_CHANGES: usize = 2_000;
/// Headers, or values of a query, that an imported request keeps.
pub const MAX_IMPORT_ENTRIES: usize = 60;
/// Nesting of an expression of another program.
pub const MAX_IMPORT_DEPTH: usize = 24;
