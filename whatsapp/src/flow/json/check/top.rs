//! The top of a Flow JSON: its versions, its keys, its list of screens.

use std::collections::HashSet;

use super::super::tree::{Kind, Node};
use super::super::version::Version;
use super::super::versions::Support;
use super::Checker;
use super::finding::Path;

/// Most screens of a Flow. Source: Meta's error codes.
const MAX_SCREENS: usize = 100;
/// Most carousels of a Flow. Source: Meta's component page.
const MAX_CAROUSELS: usize = 3;

impl<'t> Checker<'t> {
    pub(super) fn top(&mut self, root: &Node) {
        if !matches!(root.kind, Kind::Map(_)) {
            return self.error("INVALID_FLOW_JSON", root, &Path::Root, "Flow JSON is not valid: it is no object.");
        }
        let known = ["version", "screens", "routing_model", "data_api_version", "data_channel_uri"];
        self.closed(root, &Path::Root, &known, "$root");
        self.version(root);
        self.endpoint(root);
        match root.get("screens") {
            None => self.missing(root, &Path::Root, "screens"),
            Some(screens) => self.screens(screens),
        }
        self.routing(root);
    }

    fn version(&mut self, root: &Node) {
        let Some(node) = root.get("version") else {
            let message = "Flow JSON version is not specified.";
            return self.error("MISSING_FLOW_JSON_VERSION", root, &Path::Root, message);
        };
        let path = Path::Key(&Path::Root, "version");
        let parsed = node.text().map(str::parse::<Version>);
        let version = match parsed {
            Some(Ok(version)) => version,
            Some(Err(why)) => {
                let message = format!("Invalid Flow JSON version: {why}.");
                return self.error("INVALID_FLOW_JSON_VERSION", node, &path, message);
            }
            None => {
                let message = "Invalid Flow JSON version: it is a string, such as \"7.3\".";
                return self.error("INVALID_FLOW_JSON_VERSION", node, &path, message);
            }
        };
        let newest = self.versions.newest();
        match self.versions.support(version) {
            Some(Support::Publishable) => {}
            Some(Support::Frozen) => {
                let message =
                    format!("Flow JSON {version} is frozen: Meta publishes no Flow with it any more. Take {newest}.");
                self.warn("UNSUPPORTED_FLOW_JSON_VERSION", node, &path, message);
            }
            Some(Support::Expired) => {
                let message = format!("Unsupported Flow JSON version: {version} has expired. Take {newest}.");
                self.error("UNSUPPORTED_FLOW_JSON_VERSION", node, &path, message);
            }
            None if version > newest => {
                let message = format!(
                    "Flow JSON {version} is newer than what is known here ({newest}); it is checked by the rules of {newest}."
                );
                self.warn("UNAVAILABLE_FLOW_JSON_VERSION", node, &path, message);
            }
            None => {
                let message = format!("Invalid Flow JSON version: there is no {version}. Take {newest}.");
                self.error("INVALID_FLOW_JSON_VERSION", node, &path, message);
            }
        }
    }

    fn endpoint(&mut self, root: &Node) {
        if let Some(node) = root.get("data_api_version") {
            let path = Path::Key(&Path::Root, "data_api_version");
            let version = node.text().and_then(|text| text.parse::<Version>().ok());
            if !version.is_some_and(|version| self.versions.data_api.contains(&version)) {
                let known: Vec<String> = self.versions.data_api.iter().map(Version::to_string).collect();
                let message = format!("No supported Data API version: it is one of {}.", known.join(", "));
                self.error("NO_SUPPORTED_DATA_API_VERSION", node, &path, message);
            }
            if root.get("routing_model").is_none() {
                let message = "The property 'routing_model' is required for property 'data_api_version'.";
                self.error("MISSING_REQUIRED_PROPERTY", node, &path, message);
            }
        }
        let Some(entry) = root.entry("data_channel_uri") else { return };
        let path = Path::Key(&Path::Root, "data_channel_uri");
        if self.version >= Version::new(3, 0) {
            let message = "Property 'data_channel_uri' is no longer supported in Flow JSON as of version 3.0: \
                           the Flow's endpoint_uri is set over the Flows API.";
            self.error("INVALID_PROPERTY_KEY", &entry.value, &path, message);
        } else if !entry.value.text().is_some_and(|uri| uri.starts_with("https://")) {
            let message = "Property 'data_channel_uri' should be in 'uri' format, with https.";
            self.error("INVALID_PROPERTY_VALUE_FORMAT", &entry.value, &path, message);
        }
    }

    fn screens(&mut self, screens: &Node) {
        let path = Path::Key(&Path::Root, "screens");
        if !self.is(screens, &path, "array", matches!(screens.kind, Kind::List(_))) {
            return;
        }
        let items = screens.items();
        if items.is_empty() {
            let message = "Property 'screens' should have at least 1 item.";
            return self.error("MIN_ITEMS_REQUIRED", screens, &path, message);
        }
        if items.len() > MAX_SCREENS {
            let message =
                format!("Maximum number of screens allowed per Flow is {MAX_SCREENS} but found {}.", items.len());
            self.error("MAX_SCREENS_NUMBER", screens, &path, message);
        }
        let flow = self.flow;
        let (mut seen, mut carousels) = (HashSet::new(), 0);
        for (at, (node, screen)) in items.iter().zip(flow.screens()).enumerate() {
            let path = Path::Item(&path, at);
            carousels += self.screen(node, screen, &path);
            if let Some(id) = node.get("id").filter(|_| !screen.id.is_empty() && !seen.insert(screen.id.as_str())) {
                let message = format!("Duplicate screen id found: {}.", screen.id);
                self.error("DUPLICATE_SCREEN_IDS", id, &Path::Key(&path, "id"), message);
            }
        }
        if carousels > MAX_CAROUSELS {
            let message =
                format!("Maximum number of ImageCarousel allowed per Flow is {MAX_CAROUSELS} but found {carousels}.");
            self.error("MAX_IMAGE_CAROUSEL_PER_FLOW", screens, &path, message);
        }
        self.ends(screens, &path);
    }

    /// Some screen must be terminal, and some terminal one a success.
    fn ends(&mut self, screens: &Node, path: &Path<'_>) {
        let flow = self.flow;
        if !flow.screens().iter().any(|screen| screen.terminal) {
            let message = "Terminal screen is required but not provided: set 'terminal' on the last one.";
            return self.error("MISSING_TERMINAL_SCREEN", screens, path, message);
        }
        if flow.screens().iter().any(|screen| screen.success) {
            return;
        }
        let first = screens.items().iter().enumerate().find_map(|(at, node)| Some((at, node.get("success")?)));
        if let Some((at, node)) = first {
            let item = Path::Item(path, at);
            let message = "At least one terminal screen must have property 'success' set as true.";
            self.error("INVALID_PROPERTY_VALUE", node, &Path::Key(&item, "success"), message);
        }
    }
}
