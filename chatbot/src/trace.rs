//! Why a turn did what it did: stored as history, shown to operators.

mod words;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::expr::{Expr, Scope, scope};

/// One step of a turn. Serialized with its kind under `step`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Trace {
    /// A run began.
    RunStarted {
        /// The id of the run.
        run: String,
        /// What began it: `keyword hello`, `default`, `restart`.
        trigger: String,
        /// The condition of the trigger.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<Why>,
    },
    /// A run ended.
    RunEnded {
        /// The id of the run.
        run: String,
        /// The reason of the `end` node, or `idle`, `max_age`, `restarted`, `interrupted`, `stopped`, `returned`,
        /// `turn_limit`, `node_gone`, `retired`, `drained`, `error`, or the port that leads nowhere.
        reason: String,
        /// The result of the `end` node.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<Value>,
    },
    /// The run goes on with another version of its bot.
    Migrated {
        /// The id of the run.
        run: String,
        /// The version before.
        from: String,
        /// The version now.
        to: String,
        /// The node at which it waited.
        node: String,
        /// The node at which it waits now.
        to_node: String,
    },
    /// A node was entered.
    Entered {
        /// Its id.
        node: String,
        /// Its type.
        kind: String,
    },
    /// A node was left.
    Took {
        /// Its id.
        node: String,
        /// The port: its name, an option id, `case 2`, `else`.
        port: String,
        /// The node that follows, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
        /// What decided it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<Why>,
    },
    /// A variable got a value.
    Set {
        /// Its name.
        name: String,
        /// The value before, if it had one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Value>,
        /// The value now.
        after: Value,
    },
    /// A run waits for the person.
    Waiting {
        /// The node.
        node: String,
        /// When it gives up by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until_ms: Option<u64>,
    },
    /// An answer was refused.
    Refused {
        /// The node.
        node: String,
        /// Why.
        why: String,
        /// Wrong answers so far.
        tries: u32,
    },
    /// A message was not sent, or an option not shown.
    Skipped {
        /// The node.
        node: String,
        /// Why.
        why: String,
    },
    /// A part of a menu was cut to what WhatsApp shows.
    Cut {
        /// The node.
        node: String,
        /// The text that is shown.
        title: String,
    },
    /// A text waits for more that may follow it.
    Kept {
        /// Until when.
        until_ms: u64,
    },
    /// Texts that came one after the other are read as one.
    Joined {
        /// How many.
        messages: u32,
        /// The whole text.
        text: String,
    },
    /// A call of another program was ordered.
    Called {
        /// The node.
        node: String,
        /// The id of the call.
        call: String,
        /// The method.
        method: String,
        /// The address without its query.
        url: String,
        /// How often it was ordered so far: more than once where it was lost.
        orders: u32,
    },
    /// The result of a call is there.
    Answered {
        /// The node.
        node: String,
        /// The id of the call.
        call: String,
        /// The status; `None` without an answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// Bytes of the body, if it was taken.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
        /// How often it was tried.
        tries: u32,
    },
    /// A human answers from now on.
    HandedOver {
        /// The node.
        node: String,
        /// Who shall answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        queue: Option<String>,
        /// What they should know.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// The bot answers again, or the run ended while a human had it.
    HandedBack {
        /// The node.
        node: String,
        /// Who was to answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        queue: Option<String>,
        /// `returned`, `closed`, `timeout`, or `ended`: the run ended otherwise.
        outcome: String,
    },
    /// The outside is told of an event.
    Emitted {
        /// The node.
        node: String,
        /// The name of the event.
        event: String,
        /// Its data.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        data: Value,
    },
    /// A phone asked on behalf of a form.
    FormAsked {
        /// The node that waits for it.
        node: String,
        /// The bot's name for the Flow.
        flow: String,
        /// `init`, `submit`, `back` or `error`.
        action: String,
        /// The screen on which the person was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        screen: Option<String>,
        /// What it got: a screen, `DAY again` with a message, `the end`, `acknowledged`.
        answer: String,
        /// What did not hold or went wrong, if anything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// The input had no effect.
    Ignored {
        /// Meta's type of the message.
        kind: String,
        /// Why.
        why: String,
    },
    /// Something went wrong; the run took its error path or ended.
    Error {
        /// The node, if one was at work.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<String>,
        /// What happened.
        message: String,
    },
}

/// What decided a port.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// The expression, or how an answer was understood: `tapped`, `title`, `number`, `synonym`.
    pub expression: String,
    /// The values that it read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub operands: BTreeMap<String, Value>,
    /// What came out.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub result: Value,
}

impl Why {
    /// A condition that holds.
    pub(crate) fn holds(when: &Expr, scope: &Scope) -> Self {
        let operands = scope::read_all(scope, when.reads());
        Self { expression: when.source().to_owned(), operands, result: Value::Bool(true) }
    }

    pub(crate) fn said(how: &str, result: impl Into<Value>) -> Self {
        Self { expression: how.to_owned(), operands: BTreeMap::new(), result: result.into() }
    }
}
