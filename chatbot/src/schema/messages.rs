//! Messages of a bot: what `say` says and `ask` asks with, and templates.

use serde_json::{Value, json};
use whatsapp::limits;

use super::parts::{about, expression, flag, list, map_of, nothing_else, one_of, plain, reference, text};
use crate::caps;
use crate::message::TYPES;

pub(super) fn definitions() -> [(&'static str, Value); 10] {
    [
        (
            "message",
            one_of("A message: a text, or a map with one key that names its kind.", vec![text("A text."), message()]),
        ),
        ("media", media()),
        ("media_header", media_header()),
        ("location", location()),
        ("sections_of_products", sections("products", list("Ids of products.", text("The id of a product.")))),
        ("template", template()),
        ("template_params", template_params()),
        ("template_header", header_parameter()),
        ("template_value", parameter()),
        ("template_button", button_parameter()),
    ]
}

fn message() -> Value {
    let media = |what: &str| about(reference("media"), what);
    let mut message = nothing_else(
        "A message of this kind.",
        &[],
        vec![
            ("text", text("A text, at most 4096 characters.")),
            ("image", media("A picture: jpg or png.")),
            ("video", media("A video: mp4 or 3gp.")),
            ("audio", media("A sound; with `voice: true` a voice message.")),
            ("document", media("A file.")),
            ("sticker", media("A sticker: webp.")),
            ("location", one_of("A place.", vec![reference("location"), text("An expression that gives one.")])),
            (
                "contacts",
                about(reference("value"), "Contact cards as Meta has them, or an expression that gives them."),
            ),
            ("reaction", reaction()),
            ("buttons", framed("Up to three buttons.", &["text", "buttons"], vec![("buttons", buttons())])),
            ("list", menu_list()),
            (
                "cta_url",
                framed(
                    "A button that opens a page.",
                    &["text", "button", "url"],
                    vec![
                        ("button", text("What is on the button, at most 20 characters.")),
                        ("url", text("The address.")),
                    ],
                ),
            ),
            ("location_request", request("Asks for a place.")),
            ("contact_request", request("Asks for the person's telephone number.")),
            (
                "product",
                framed("A product of a catalog.", &["catalog_id", "product_id"], vec![catalog_id(), product_id()]),
            ),
            ("product_list", product_list()),
            (
                "catalog",
                framed(
                    "The whole catalog.",
                    &["text"],
                    vec![("thumbnail", text("The product whose picture is shown."))],
                ),
            ),
            ("address", address()),
            (
                "carousel",
                framed(
                    "Cards beside one another.",
                    &["text", "cards"],
                    vec![("cards", list("2 to 10 cards.", card()))],
                ),
            ),
            ("preview_url", flag("Shows a preview of the first address in a text.")),
            (
                "reply_to",
                expression("Quotes a message: `last` is the person's last one, else an expression that gives an id."),
            ),
            ("variants", variants()),
        ],
    );
    let kinds = TYPES.iter().copied().chain(["variants"]);
    message["oneOf"] = kinds.map(|kind| json!({ "required": [kind] })).collect();
    message
}

fn variants() -> Value {
    let mut variants = list("Messages of which one is said.", reference("message"));
    variants["minItems"] = 1.into();
    variants["maxItems"] = caps::MAX_VARIANTS.into();
    variants
}

/// What interactive messages have around their action.
fn framed(description: &str, required: &[&str], more: Vec<(&str, Value)>) -> Value {
    let mut properties = vec![
        (
            "header",
            one_of("What stands above.", vec![text("A text, at most 60 characters."), reference("media_header")]),
        ),
        ("text", text("The text, at most 1024 characters.")),
        ("footer", text("What stands below, at most 60 characters.")),
    ];
    properties.extend(more);
    nothing_else(description, required, properties)
}

fn request(description: &str) -> Value {
    one_of(description, vec![text("The text."), framed("The text and what is around it.", &["text"], vec![])])
}

fn media() -> Value {
    let mut media = nothing_else(
        "Media, by exactly one of `id`, `link` and `file`.",
        &[],
        vec![
            ("id", text("An id of Meta's, or one of ours (`m_…`).")),
            ("link", text("An address that Meta loads it from.")),
            ("file", plain("A path below the folder of the bot file.")),
            ("caption", text("What stands below; images, videos and documents have one.")),
            ("filename", text("The name of a document.")),
            ("voice", flag("Whether a sound is a voice message.")),
        ],
    );
    media["oneOf"] = ["id", "link", "file"].iter().map(|key| json!({ "required": [key] })).collect();
    media
}

fn media_header() -> Value {
    nothing_else(
        "An image, a video or a document.",
        &[],
        vec![("image", reference("media")), ("video", reference("media")), ("document", reference("media"))],
    )
}

fn location() -> Value {
    nothing_else(
        "A place.",
        &["latitude", "longitude"],
        vec![
            ("latitude", text("Degrees from -90 to 90.")),
            ("longitude", text("Degrees from -180 to 180.")),
            ("name", text("Its name.")),
            ("address", text("Its address.")),
        ],
    )
}

fn reaction() -> Value {
    let with_target = nothing_else(
        "An emoji on another message than the last one.",
        &["emoji"],
        vec![("emoji", text("One emoji.")), ("to", text("The id of the message."))],
    );
    one_of("An emoji on a message of the person.", vec![text("One emoji, on the last message."), with_target])
}

fn buttons() -> Value {
    let button = nothing_else(
        "A button.",
        &["id", "title"],
        vec![("id", text("What comes back when it is tapped.")), ("title", text("At most 20 characters."))],
    );
    let mut buttons = list("The buttons.", button);
    buttons["minItems"] = 1.into();
    buttons["maxItems"] = limits::BUTTONS.into();
    buttons
}

fn menu_list() -> Value {
    let row = nothing_else(
        "A row.",
        &["id", "title"],
        vec![
            ("id", text("What comes back when it is tapped.")),
            ("title", text("At most 24 characters.")),
            ("desc", text("At most 72 characters.")),
        ],
    );
    framed(
        "A list that a button opens: up to ten rows in sections.",
        &["text", "button", "sections"],
        vec![
            ("button", text("What is on the button, at most 20 characters.")),
            ("sections", sections("rows", list("The rows.", row))),
        ],
    )
}

fn sections(items: &'static str, value: Value) -> Value {
    let section = nothing_else(
        "A section.",
        &[items],
        vec![("title", text("Its title; needed when there are several.")), (items, value)],
    );
    list("The sections.", section)
}

fn products() -> Value {
    reference("sections_of_products")
}

fn catalog_id() -> (&'static str, Value) {
    ("catalog_id", text("The id of the catalog."))
}

fn product_id() -> (&'static str, Value) {
    ("product_id", text("The id of the product in the catalog."))
}

fn product_list() -> Value {
    framed(
        "Up to 30 products of a catalog.",
        &["text", "header", "catalog_id", "sections"],
        vec![catalog_id(), ("sections", products())],
    )
}

fn address() -> Value {
    framed(
        "Asks for a postal address.",
        &["text", "country"],
        vec![
            ("country", text("The country, such as IN.")),
            ("values", about(reference("value"), "What is filled in already.")),
            ("saved_addresses", about(reference("value"), "Addresses to choose from.")),
            ("validation_errors", about(reference("value"), "What was wrong, by field.")),
        ],
    )
}

fn card() -> Value {
    let page = nothing_else(
        "A card with a button that opens a page.",
        &["button", "url"],
        vec![
            ("image", reference("media")),
            ("video", reference("media")),
            ("text", text("At most 160 characters.")),
            ("button", text("What is on the button, at most 20 characters.")),
            ("url", text("The address.")),
        ],
    );
    let product =
        nothing_else("A card with a product.", &["catalog_id", "product_id"], vec![catalog_id(), product_id()]);
    one_of("A card; all of a carousel are of one kind.", vec![page, product])
}

fn template() -> Value {
    nothing_else("A template that Meta approved, with what fills it.", &["name", "lang"], template_keys())
}

/// What the node `template` and the policy `window` have in common.
pub(super) fn template_keys() -> Vec<(&'static str, Value)> {
    vec![
        ("name", text("Its name in the account.")),
        ("lang", text("Its language, exactly as Meta has it: `en` and `en_US` differ.")),
        ("params", about(reference("template_params"), "What fills it, by component.")),
    ]
}

fn template_params() -> Value {
    let mut params = parameters();
    let card = nothing_else("A card.", &[], parameters());
    params.push(("carousel", list("What fills the cards, in order.", card)));
    params.push(("limited_time_offer", about(reference("value"), "The end of the offer, in Unix milliseconds.")));
    nothing_else("What fills a template, by component.", &[], params)
}

fn parameters() -> Vec<(&'static str, Value)> {
    let in_order = list("In order, for {{1}}, {{2}}.", reference("template_value"));
    let by_name = map_of("By name.", reference("template_value"));
    vec![
        ("header", reference("template_header")),
        ("body", one_of("What fills the placeholders of the text.", vec![in_order, by_name])),
        ("buttons", map_of("What fills the buttons, by index from 0.", reference("template_button"))),
    ]
}

fn header_parameter() -> Value {
    let place = nothing_else(
        "A place.",
        &["location"],
        vec![("location", one_of("A place.", vec![reference("location"), text("An expression that gives one.")]))],
    );
    let named = nothing_else(
        "A named parameter.",
        &["text", "name"],
        vec![("text", text("The text.")), ("name", plain("The name of the placeholder."))],
    );
    one_of("What fills the header.", vec![text("A text."), reference("media_header"), place, named])
}

fn parameter() -> Value {
    let currency = nothing_else(
        "An amount of money.",
        &["fallback", "code", "amount_1000"],
        vec![
            ("fallback", text("How it is written where it cannot be localized.")),
            ("code", text("The currency, such as EUR.")),
            ("amount_1000", about(reference("value"), "The amount times 1000.")),
        ],
    );
    let mut typed =
        nothing_else("Money or a moment.", &[], vec![("currency", currency), ("date_time", text("A moment as text."))]);
    typed["oneOf"] = json!([{ "required": ["currency"] }, { "required": ["date_time"] }]);
    one_of("A text, money or a moment.", vec![text("A text."), typed])
}

fn button_parameter() -> Value {
    let flow = nothing_else(
        "Opens a Flow.",
        &[],
        vec![
            ("token", text("The token of the Flow.")),
            ("data", about(reference("value"), "Data of the first screen.")),
        ],
    );
    let catalog = nothing_else("Opens the catalog.", &["thumbnail"], vec![thumbnail()]);
    let several =
        nothing_else("Opens products.", &["thumbnail", "sections"], vec![thumbnail(), ("sections", products())]);
    nothing_else(
        "What fills a button.",
        &[],
        vec![
            ("payload", text("What comes back when it is tapped; a port of the node.")),
            ("url", text("The end of the address.")),
            ("copy_code", text("The code to copy.")),
            ("flow", flow),
            ("catalog", catalog),
            ("products", several),
        ],
    )
}

fn thumbnail() -> (&'static str, Value) {
    ("thumbnail", text("The product whose picture is shown."))
}
