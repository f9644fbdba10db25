//! What fills a button of a template.

use serde_json::{Value, json};

use super::super::interactive::ProductSection;
use super::super::members;
use super::{Check, Limit, Part};
use crate::limits;

/// A button by its place in the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateButton {
    /// Its place, 0 to 9.
    pub index: u8,
    /// What fills it.
    pub action: ButtonAction,
}

/// What fills a button, by the button's kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ButtonAction {
    /// Comes back when it is tapped.
    QuickReply {
        /// The payload.
        payload: String,
    },
    /// The changing end of an address; for one-time codes the code.
    Url {
        /// The end.
        suffix: String,
    },
    /// A code to copy.
    CopyCode {
        /// The code.
        code: String,
    },
    /// Opens a Flow.
    Flow {
        /// Comes back with every request and the reply.
        token: Option<String>,
        /// What the first screen gets.
        data: Option<Value>,
    },
    /// Opens the catalog.
    Catalog {
        /// The product whose picture is shown.
        thumbnail: Option<String>,
    },
    /// Opens a list of up to 30 products in up to ten sections.
    Products {
        /// The product whose picture is shown.
        thumbnail: String,
        /// The list.
        sections: Vec<ProductSection>,
    },
    /// A kind that is not known here, unchecked.
    Other {
        /// Its `sub_type`.
        sub_type: String,
        /// Its parameters.
        parameters: Value,
    },
}

impl TemplateButton {
    /// Makes a button; it is checked with the template.
    pub fn new(index: u8, action: ButtonAction) -> Self {
        Self { index, action }
    }

    pub(super) fn content(&self) -> Value {
        let (sub_type, parameter) = self.action.content();
        // an index is text in most of Meta's examples
        let mut button = json!({ "type": "button", "sub_type": sub_type, "index": self.index.to_string() });
        if let Some(parameters) = parameter {
            button["parameters"] = parameters;
        }
        button
    }

    pub(super) fn read(check: &mut Check, part: &Part<'_>) -> Self {
        part.members(check, &["type", "sub_type", "index", "parameters"]);
        let index = part.get("index").index(check, limits::TEMPLATE_BUTTONS);
        Self { index, action: ButtonAction::read(check, part) }
    }
}

impl ButtonAction {
    fn content(&self) -> (&str, Option<Value>) {
        let action = |action: Value| Some(json!([{ "type": "action", "action": action }]));
        match self {
            Self::QuickReply { payload } => ("quick_reply", Some(json!([{ "type": "payload", "payload": payload }]))),
            Self::Url { suffix } => ("url", Some(json!([{ "type": "text", "text": suffix }]))),
            Self::CopyCode { code } => ("copy_code", Some(json!([{ "type": "coupon_code", "coupon_code": code }]))),
            Self::Flow { token, data } => {
                let token = token.as_ref().map(|token| json!(token));
                ("flow", action(members([("flow_token", token), ("flow_action_data", data.clone())])))
            }
            Self::Catalog { thumbnail: None } => ("catalog", None),
            Self::Catalog { thumbnail: Some(id) } => {
                ("catalog", action(json!({ "thumbnail_product_retailer_id": id })))
            }
            Self::Products { thumbnail, sections } => {
                let sections: Vec<_> = sections.iter().map(ProductSection::content).collect();
                ("mpm", action(json!({ "thumbnail_product_retailer_id": thumbnail, "sections": sections })))
            }
            Self::Other { sub_type, parameters } => (sub_type, Some(parameters.clone()).filter(|it| !it.is_null())),
        }
    }

    fn read(check: &mut Check, part: &Part<'_>) -> Self {
        let sub_type = part.get("sub_type").needed(check);
        match sub_type.as_str() {
            "quick_reply" => Self::QuickReply { payload: only(check, part, "payload", "payload") },
            "url" => Self::Url { suffix: only(check, part, "text", "text") },
            "copy_code" => Self::CopyCode { code: only(check, part, "coupon_code", "coupon_code") },
            "flow" => {
                let Some(action) = action(check, part, &["flow_token", "flow_action_data"]) else {
                    return Self::Flow { token: None, data: None };
                };
                let token = action.get("flow_token");
                let token = token.exists().then(|| token.needed(check));
                Self::Flow { token, data: action.get("flow_action_data").open(check) }
            }
            "catalog" => {
                let action = action(check, part, &["thumbnail_product_retailer_id"]);
                let id = action.map(|action| action.get("thumbnail_product_retailer_id").needed(check));
                Self::Catalog { thumbnail: id }
            }
            "mpm" => Self::read_products(check, part),
            _ => Self::Other { sub_type, parameters: part.get("parameters").open_list(check).unwrap_or_default() },
        }
    }

    fn read_products(check: &mut Check, part: &Part<'_>) -> Self {
        let Some(action) = action(check, part, &["thumbnail_product_retailer_id", "sections"]) else {
            part.get("parameters").fail(check, Limit::NotEmpty);
            return Self::Products { thumbnail: String::new(), sections: Vec::new() };
        };
        Self::Products {
            thumbnail: action.get("thumbnail_product_retailer_id").needed(check),
            sections: ProductSection::read_all(check, &action.get("sections")),
        }
    }
}

/// The text of a button's only parameter.
fn only(check: &mut Check, part: &Part<'_>, kind: &'static str, member: &'static str) -> String {
    let parameters = part.get("parameters").some_items(check, 1, 1);
    let Some(parameter) = parameters.first() else { return String::new() };
    parameter.members(check, &["type", member]);
    if !parameter.get("type").is(kind) {
        parameter.get("type").fail(check, Limit::Form(kind));
    }
    parameter.get(member).needed(check)
}

/// The action of a button's only parameter; there may be none.
fn action<'a>(check: &mut Check, part: &Part<'a>, names: &[&str]) -> Option<Part<'a>> {
    let parameters = part.get("parameters").some_items(check, 0, 1);
    let parameter = parameters.first()?;
    parameter.members(check, &["type", "action"]);
    if !parameter.get("type").is("action") {
        parameter.get("type").fail(check, Limit::Form("`action`"));
    }
    let action = parameter.get("action");
    action.members(check, names);
    Some(action)
}
