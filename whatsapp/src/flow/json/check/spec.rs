//! What Flow JSON knows: components, their properties, limits and versions, as tables.
//!
//! Source: Meta's component pages of April to September 2026. Where another library disagrees with a limit of theirs,
//! the lower one is `sure` and the higher one `most`.

use super::super::version::Version;

/// A kind of component.
pub(super) struct Component {
    pub(super) name: &'static str,
    pub(super) since: Version,
    /// All its properties beside `type`.
    pub(super) properties: &'static [Property],
}

/// A property that a component, option or item may have.
pub(super) struct Property {
    pub(super) key: &'static str,
    pub(super) shape: Shape,
    /// The version from which it must be there.
    pub(super) required: Option<Version>,
    pub(super) since: Version,
}

/// What a property may be. All but names, patterns and lists of components may be references, too.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// A plain text that is no reference.
    Plain,
    /// A text of up to so many characters; over `sure`, sources disagree.
    Text {
        sure: usize,
        most: usize,
    },
    /// Such a text that may not be blank.
    Shown {
        sure: usize,
        most: usize,
    },
    /// A text or a list of texts, for `RichText` and with `markdown`.
    Lines {
        sure: usize,
        most: usize,
    },
    Flag,
    /// True or false, and no reference.
    FixedFlag,
    /// A whole number within these bounds, which may stand in a text.
    Count {
        least: u64,
        most: u64,
    },
    /// A number above 0.
    Number,
    OneOf(&'static [&'static str]),
    Date,
    Dates,
    Days,
    /// Options of a selection: fewest, most, and most if one has a picture.
    Options {
        least: usize,
        most: usize,
        pictured: usize,
    },
    /// Items of a `NavigationList`.
    Items,
    /// Pictures of an `ImageCarousel`.
    Pictures,
    Picture,
    Components,
    Cases,
    Condition,
    /// What a `Switch` looks at.
    Choice,
    Action(&'static [&'static str]),
    /// A map from names of inputs to values.
    Values,
    /// What an input begins with.
    Initial,
    /// A text, or a map from names to texts.
    Told,
}

const ALWAYS: Version = Version::new(0, 0);

const fn may(key: &'static str, shape: Shape) -> Property {
    Property { key, shape, required: None, since: ALWAYS }
}

const fn must(key: &'static str, shape: Shape) -> Property {
    Property { key, shape, required: Some(ALWAYS), since: ALWAYS }
}

impl Property {
    const fn from(self, major: u32, minor: u32) -> Self {
        Self { since: Version::new(major, minor), ..self }
    }

    const fn must_from(self, major: u32, minor: u32) -> Self {
        Self { required: Some(Version::new(major, minor)), ..self }
    }
}

const fn text(most: usize) -> Shape {
    Shape::Text { sure: most, most }
}

const fn shown(most: usize) -> Shape {
    Shape::Shown { sure: most, most }
}

const fn component(name: &'static str, since: Version, properties: &'static [Property]) -> Component {
    Component { name, since, properties }
}

const NAME: Property = must("name", Shape::Plain);
const VISIBLE: Property = may("visible", Shape::Flag);
const ENABLED: Property = may("enabled", Shape::Flag);
const REQUIRED: Property = may("required", Shape::Flag);
const INITIAL: Property = may("init-value", Shape::Initial).from(4, 0);
const SELECT: Property = may("on-select-action", Shape::Action(&["data_exchange", "update_data"]));
const UNSELECT: Property = may("on-unselect-action", Shape::Action(&["update_data"])).from(6, 0);
const MEDIA_SIZE: Property = may("media-size", Shape::OneOf(&["regular", "large"])).from(5, 0);
const LINKS: Shape = Shape::Action(&["data_exchange", "navigate", "open_url"]);
const WEIGHT: Property = may("font-weight", Shape::OneOf(&["bold", "italic", "bold_italic", "normal"]));
const STRIKE: Property = may("strikethrough", Shape::Flag);
const MARKDOWN: Property = may("markdown", Shape::FixedFlag).from(5, 1);
const SCALE: Property = may("scale-type", Shape::OneOf(&["cover", "contain"]));
const BOX: Shape = Shape::Options { least: 1, most: 20, pictured: 20 };
const MOST_TEXT: usize = 4096;
/// What a selection may be told to take; Meta names no bound.
const SELECTED: Shape = Shape::Count { least: 0, most: 200 };
const FILES: Shape = Shape::Count { least: 0, most: 30 };
/// 25 MiB.
const FILE_SIZE: Shape = Shape::Count { least: 1, most: 25_600 };
const FIRST: Version = Version::new(0, 0);

/// All components.
pub(super) const COMPONENTS: &[Component] = &[
    component("TextHeading", FIRST, &[must("text", shown(80)), VISIBLE]),
    component("TextSubheading", FIRST, &[must("text", shown(80)), VISIBLE]),
    component(
        "TextBody",
        FIRST,
        &[must("text", Shape::Lines { sure: MOST_TEXT, most: MOST_TEXT }), WEIGHT, STRIKE, VISIBLE, MARKDOWN],
    ),
    component(
        "TextCaption",
        FIRST,
        &[must("text", Shape::Lines { sure: 409, most: MOST_TEXT }), WEIGHT, STRIKE, VISIBLE, MARKDOWN],
    ),
    component(
        "RichText",
        Version::new(5, 1),
        &[must("text", Shape::Lines { sure: usize::MAX, most: usize::MAX }), VISIBLE],
    ),
    component(
        "TextInput",
        FIRST,
        &[
            NAME,
            must("label", shown(20)),
            may("input-type", Shape::OneOf(&["text", "number", "email", "password", "passcode", "phone"])),
            may("pattern", Shape::Plain).from(6, 2),
            REQUIRED,
            may("min-chars", Shape::Count { least: 0, most: 10_000 }),
            may("max-chars", Shape::Count { least: 1, most: 10_000 }),
            may("helper-text", text(80)),
            VISIBLE,
            may("label-variant", Shape::OneOf(&["large"])).from(7, 0),
            INITIAL,
            may("error-message", text(30)).from(4, 0),
        ],
    ),
    component(
        "TextArea",
        FIRST,
        &[
            NAME,
            must("label", shown(20)),
            REQUIRED,
            may("max-length", Shape::Count { least: 1, most: 10_000 }),
            may("helper-text", text(80)),
            ENABLED,
            VISIBLE,
            may("label-variant", Shape::OneOf(&["large"])).from(7, 0),
            INITIAL,
            may("error-message", text(MOST_TEXT)).from(4, 0),
        ],
    ),
    component(
        "CheckboxGroup",
        FIRST,
        &[
            NAME,
            must("data-source", BOX),
            may("min-selected-items", SELECTED),
            may("max-selected-items", SELECTED),
            ENABLED,
            may("label", text(30)).must_from(4, 0),
            REQUIRED,
            VISIBLE,
            SELECT,
            UNSELECT,
            may("description", text(300)).from(4, 0),
            INITIAL,
            may("error-message", text(MOST_TEXT)).from(4, 0),
            MEDIA_SIZE,
        ],
    ),
    component(
        "RadioButtonsGroup",
        FIRST,
        &[
            NAME,
            must("data-source", BOX),
            ENABLED,
            may("label", text(30)).must_from(4, 0),
            REQUIRED,
            VISIBLE,
            SELECT,
            UNSELECT,
            may("description", text(300)).from(4, 0),
            INITIAL,
            may("error-message", text(MOST_TEXT)).from(4, 0),
            MEDIA_SIZE,
        ],
    ),
    component(
        "Dropdown",
        FIRST,
        &[
            NAME,
            must("label", Shape::Shown { sure: 20, most: 30 }),
            must("data-source", Shape::Options { least: 1, most: 200, pictured: 100 }),
            REQUIRED,
            ENABLED,
            VISIBLE,
            SELECT,
            UNSELECT,
            INITIAL,
            may("error-message", text(MOST_TEXT)).from(4, 0),
        ],
    ),
    component(
        "ChipsSelector",
        Version::new(6, 3),
        &[
            NAME,
            must("data-source", Shape::Options { least: 2, most: 20, pictured: 20 }),
            must("label", shown(80)),
            may("min-selected-items", Shape::Count { least: 0, most: 20 }),
            may("max-selected-items", Shape::Count { least: 1, most: 20 }),
            ENABLED,
            REQUIRED,
            VISIBLE,
            may("description", text(300)),
            SELECT,
            UNSELECT,
            INITIAL,
            may("error-message", text(MOST_TEXT)),
        ],
    ),
    component(
        "DatePicker",
        FIRST,
        &[
            NAME,
            must("label", shown(40)),
            may("min-date", Shape::Date),
            may("max-date", Shape::Date),
            may("unavailable-dates", Shape::Dates),
            REQUIRED,
            VISIBLE,
            may("helper-text", text(80)),
            ENABLED,
            may("on-select-action", Shape::Action(&["data_exchange"])),
            INITIAL,
            may("error-message", text(80)).from(4, 0),
        ],
    ),
    component(
        "CalendarPicker",
        Version::new(6, 1),
        &[
            NAME,
            may("title", text(80)),
            may("description", text(300)),
            must("label", shown(40)),
            may("helper-text", text(80)),
            REQUIRED,
            VISIBLE,
            ENABLED,
            may("mode", Shape::OneOf(&["single", "range"])),
            may("min-date", Shape::Date),
            may("max-date", Shape::Date),
            may("unavailable-dates", Shape::Dates),
            may("include-days", Shape::Days),
            may("min-days", Shape::Count { least: 0, most: 100_000 }),
            may("max-days", Shape::Count { least: 0, most: 100_000 }),
            may("on-select-action", Shape::Action(&["data_exchange"])),
            INITIAL,
            may("error-message", text(80)),
        ],
    ),
    component(
        "OptIn",
        FIRST,
        &[
            NAME,
            must("label", Shape::Shown { sure: 30, most: 120 }),
            REQUIRED,
            may("on-click-action", LINKS),
            may("on-select-action", Shape::Action(&["update_data"])).from(6, 0),
            UNSELECT,
            VISIBLE,
            INITIAL,
        ],
    ),
    component(
        "EmbeddedLink",
        FIRST,
        &[must("text", Shape::Shown { sure: 25, most: 35 }), must("on-click-action", LINKS), VISIBLE],
    ),
    component(
        "Image",
        FIRST,
        &[
            must("src", Shape::Picture),
            may("width", Shape::Count { least: 1, most: 100_000 }),
            may("height", Shape::Count { least: 1, most: 100_000 }),
            SCALE,
            may("aspect-ratio", Shape::Number),
            may("alt-text", text(MOST_TEXT)),
            VISIBLE,
        ],
    ),
    component(
        "ImageCarousel",
        Version::new(7, 1),
        &[must("images", Shape::Pictures), may("aspect-ratio", Shape::OneOf(&["4:3", "16:9"])), SCALE, VISIBLE],
    ),
    component(
        "NavigationList",
        Version::new(6, 2),
        &[
            NAME,
            must("list-items", Shape::Items),
            may("label", text(80)),
            may("description", text(300)),
            MEDIA_SIZE,
            may("on-click-action", Shape::Action(&["data_exchange", "navigate"])),
            VISIBLE,
        ],
    ),
    component(
        "PhotoPicker",
        Version::new(4, 0),
        &[
            NAME,
            must("label", shown(30)),
            may("description", text(300)),
            may("photo-source", Shape::OneOf(&["camera_gallery", "camera", "gallery"])),
            may("max-file-size-kb", FILE_SIZE),
            may("min-uploaded-photos", FILES),
            may("max-uploaded-photos", FILES),
            ENABLED,
            VISIBLE,
            may("error-message", Shape::Told),
        ],
    ),
    component(
        "DocumentPicker",
        Version::new(4, 0),
        &[
            NAME,
            must("label", shown(30)),
            may("description", text(300)),
            may("allowed-mime-types", Shape::Lines { sure: usize::MAX, most: usize::MAX }),
            may("max-file-size-kb", FILE_SIZE),
            may("min-uploaded-documents", FILES),
            may("max-uploaded-documents", FILES),
            ENABLED,
            VISIBLE,
            may("error-message", Shape::Told),
        ],
    ),
    component(
        "Footer",
        FIRST,
        &[
            must("label", shown(35)),
            may("left-caption", text(15)),
            may("center-caption", text(15)),
            may("right-caption", text(15)),
            ENABLED,
            must("on-click-action", Shape::Action(&["navigate", "complete", "data_exchange"])),
        ],
    ),
    component(
        "Form",
        FIRST,
        &[
            NAME,
            must("children", Shape::Components),
            may("init-values", Shape::Values),
            may("error-messages", Shape::Values),
        ],
    ),
    component(
        "If",
        Version::new(4, 0),
        &[must("condition", Shape::Condition), must("then", Shape::Components), may("else", Shape::Components)],
    ),
    component("Switch", Version::new(4, 0), &[must("value", Shape::Choice), must("cases", Shape::Cases)]),
];

/// An option of a selection.
pub(super) const OPTION: &[Property] = &[
    must("id", Shape::Plain),
    must("title", text(30)),
    may("description", text(300)),
    may("metadata", text(20)),
    may("enabled", Shape::Flag),
    may("image", Shape::Picture).from(5, 0),
    may("alt-text", text(MOST_TEXT)).from(5, 0),
    may("color", Shape::Plain).from(5, 0),
    may("on-select-action", Shape::Action(&["update_data"])).from(6, 0),
    may("on-unselect-action", Shape::Action(&["update_data"])).from(6, 0),
];

/// An item of a `NavigationList`.
pub(super) const ITEM: &[&str] = &["id", "main-content", "start", "end", "badge", "tags", "on-click-action"];

/// Texts of an item: the part, its keys, and which of them must be there.
pub(super) const ITEM_PARTS: &[(&str, &[Property])] = &[
    ("main-content", &[must("title", text(30)), may("description", text(20)), may("metadata", text(80))]),
    ("start", &[must("image", Shape::Picture), may("alt-text", text(MOST_TEXT))]),
    ("end", &[may("title", text(10)), may("description", text(10)), may("metadata", text(10))]),
];

/// A picture of a carousel.
pub(super) const PICTURE: &[Property] = &[must("src", Shape::Picture), must("alt-text", text(MOST_TEXT))];

/// The component of this name.
pub(super) fn find(name: &str) -> Option<&'static Component> {
    COMPONENTS.iter().find(|component| component.name == name)
}

/// Components that may stand in branches of `If` and `Switch`. Source: Meta's component page.
pub(super) const IN_BRANCHES: &[&str] = &[
    "TextHeading",
    "TextSubheading",
    "TextBody",
    "TextCaption",
    "CheckboxGroup",
    "DatePicker",
    "Dropdown",
    "EmbeddedLink",
    "Footer",
    "Image",
    "OptIn",
    "RadioButtonsGroup",
    "TextArea",
    "TextInput",
    "ChipsSelector",
];

/// Components that Meta's page does not list for branches, and that are newer than that list.
pub(super) const PERHAPS_IN_BRANCHES: &[&str] = &["CalendarPicker", "PhotoPicker", "DocumentPicker", "ImageCarousel"];

/// Kinds of which a screen takes a few only: code, component, most.
pub(super) const MOST_PER_SCREEN: &[(&str, &str, usize)] = &[
    ("MAX_IMAGE_PER_SCREEN", "Image", 3),
    ("MAX_OPT_IN_PER_SCREEN", "OptIn", 5),
    ("MAX_EMBEDDED_LINK_PER_SCREEN", "EmbeddedLink", 2),
    ("MAX_NAVIGATION_LIST_PER_SCREEN", "NavigationList", 2),
    ("MAX_IMAGE_CAROUSEL_PER_SCREEN", "ImageCarousel", 2),
    ("MAX_PHOTO_PICKER_PER_SCREEN", "PhotoPicker", 1),
    ("MAX_DOCUMENT_PICKER_PER_SCREEN", "DocumentPicker", 1),
];
