//! Which Graph call a path means, and for unknown ones the closest known route.

use crate::trouble::Operation;

/// A call that the stand-in knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// Sends and read receipts.
    Messages,
    UploadMedia,
    /// Reads a number, a template or media by its id.
    GetNode,
    /// Changes a template or a Flow by its id.
    EditNode,
    /// Deletes media or a Flow by its id.
    DeleteNode,
    /// The link of a media object; not under a version.
    Download,
    ListTemplates,
    CreateTemplate,
    DeleteTemplate,
    ListBlocked,
    Block,
    Unblock,
    ListNumbers,
    ListFlows,
    CreateFlow,
    MigrateFlows,
    FlowAssets,
    UpdateFlowJson,
    PublishFlow,
    DeprecateFlow,
    GetKey,
    SetKey,
}

impl Call {
    /// True if the body is JSON.
    pub(crate) fn takes_json(self) -> bool {
        matches!(self, Self::Messages | Self::CreateTemplate | Self::Block | Self::Unblock)
    }

    /// True if its body may be as large as a Flow's JSON.
    pub(crate) fn takes_flow_json(self) -> bool {
        matches!(self, Self::CreateFlow | Self::UpdateFlowJson)
    }

    /// What trouble calls it; sends and read receipts are told apart by their body.
    pub(crate) fn operation(self) -> Operation {
        match self {
            Self::Messages => Operation::Send,
            Self::UploadMedia => Operation::MediaUpload,
            Self::GetNode => Operation::MediaGet,
            Self::DeleteNode => Operation::MediaDelete,
            Self::Download => Operation::MediaDownload,
            Self::EditNode | Self::ListTemplates | Self::CreateTemplate | Self::DeleteTemplate => Operation::Templates,
            Self::ListBlocked | Self::Block | Self::Unblock => Operation::Block,
            Self::ListNumbers => Operation::Numbers,
            Self::GetKey | Self::SetKey => Operation::FlowKey,
            _ => Operation::Flows,
        }
    }
}

/// A call with the parts of its path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Route<'a> {
    pub(crate) call: Call,
    pub(crate) version: &'a str,
    /// Of the number, account or node.
    pub(crate) id: &'a str,
}

/// Method, edge (none for a node itself), whose id, call.
const ROUTES: [(&str, &str, &str, Call); 21] = [
    ("POST", "messages", "phone_number_id", Call::Messages),
    ("POST", "media", "phone_number_id", Call::UploadMedia),
    ("GET", "", "id", Call::GetNode),
    ("POST", "", "id", Call::EditNode),
    ("DELETE", "", "id", Call::DeleteNode),
    ("GET", "message_templates", "business_account_id", Call::ListTemplates),
    ("POST", "message_templates", "business_account_id", Call::CreateTemplate),
    ("DELETE", "message_templates", "business_account_id", Call::DeleteTemplate),
    ("GET", "block_users", "phone_number_id", Call::ListBlocked),
    ("POST", "block_users", "phone_number_id", Call::Block),
    ("DELETE", "block_users", "phone_number_id", Call::Unblock),
    ("GET", "phone_numbers", "business_account_id", Call::ListNumbers),
    ("GET", "flows", "business_account_id", Call::ListFlows),
    ("POST", "flows", "business_account_id", Call::CreateFlow),
    ("POST", "migrate_flows", "business_account_id", Call::MigrateFlows),
    ("GET", "assets", "flow_id", Call::FlowAssets),
    ("POST", "assets", "flow_id", Call::UpdateFlowJson),
    ("POST", "publish", "flow_id", Call::PublishFlow),
    ("POST", "deprecate", "flow_id", Call::DeprecateFlow),
    ("GET", "whatsapp_business_encryption", "phone_number_id", Call::GetKey),
    ("POST", "whatsapp_business_encryption", "phone_number_id", Call::SetKey),
];

const DOWNLOAD: &str = "_media";

/// True if a path belongs to the Graph API: its first segment is a version, or it is a media link.
pub(crate) fn is_graph(path: &str) -> bool {
    path.split('/').nth(1).is_some_and(|first| major(first).is_some() || first == DOWNLOAD)
}

/// The number in `v25.0`.
pub(crate) fn major(version: &str) -> Option<u32> {
    let (major, minor) = version.strip_prefix('v')?.split_once('.')?;
    minor.parse::<u8>().ok()?;
    major.parse().ok()
}

pub(crate) fn find<'a>(method: &str, path: &'a str) -> Result<Route<'a>, String> {
    let mut segments = path.split('/').skip(1);
    let (version, id) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
    let (edge, rest) = (segments.next(), segments.next());
    if version == DOWNLOAD && method == "GET" && edge.is_none() {
        return Ok(Route { call: Call::Download, version: "", id });
    }
    let known = |(_, _, _, call): &(&str, &str, &str, Call)| Route { call: *call, version, id };
    let fits = |(m, e, _, _): &&(&str, &str, &str, Call)| *m == method && edge.unwrap_or_default() == *e;
    match ROUTES.iter().find(fits) {
        Some(route) if !id.is_empty() && rest.is_none() && edge != Some("") => Ok(known(route)),
        _ => Err(near_miss(method, id, edge, rest)),
    }
}

fn near_miss(method: &str, id: &str, edge: Option<&str>, rest: Option<&str>) -> String {
    let given = edge.unwrap_or_default();
    let score = |(m, e, _, _): &&(&str, &str, &str, Call)| (distance(given, e), *m != method);
    let Some((m, e, whose, _)) = ROUTES.iter().filter(|r| !r.1.is_empty() || edge.is_none()).min_by_key(score) else {
        return "nothing is known".into();
    };
    let slash = if e.is_empty() { "" } else { "/" };
    let difference = match (edge, rest) {
        _ if id.is_empty() => "the id is missing".into(),
        (Some(""), None) | (Some(_), Some("")) => "the path ends with a slash".into(),
        (Some(given), Some(_)) if given == *e => format!("the path goes on after `{e}`"),
        _ if given == *e => format!("the method is {method}, not {m}"),
        _ if distance(given, e) <= 3 => format!("`{given}` looks like `{e}`"),
        _ => format!("`{given}` is not simulated"),
    };
    format!("closest: {m} /{{version}}/{{{whose}}}{slash}{e}; {difference}")
}

/// Levenshtein's distance, for segments of sane length only.
fn distance(a: &str, b: &str) -> usize {
    if a.len() > 64 {
        return usize::MAX;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut left = i + 1;
        let mut diagonal = i;
        for (y, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let best = (diagonal + usize::from(x != *y)).min(left + 1).min(*cell + 1);
            diagonal = *cell;
            *cell = best;
            left = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_found() {
        for (method, path, call) in [
            ("POST", "/v25.0/42/messages", Call::Messages),
            ("POST", "/v25.0/42/media", Call::UploadMedia),
            ("GET", "/v25.0/42", Call::GetNode),
            ("DELETE", "/v25.0/42", Call::DeleteNode),
            ("POST", "/v25.0/42", Call::EditNode),
            ("DELETE", "/v25.0/42/message_templates", Call::DeleteTemplate),
            ("GET", "/v25.0/42/block_users", Call::ListBlocked),
        ] {
            assert_eq!(find(method, path), Ok(Route { call, version: "v25.0", id: "42" }));
        }
        assert_eq!(find("GET", "/_media/42"), Ok(Route { call: Call::Download, version: "", id: "42" }));
    }

    #[test]
    fn a_near_miss_says_what_differs() {
        for (method, path, says, closest) in [
            ("GET", "/v25.0/42/messages", "the method is GET", "POST /{version}/{phone_number_id}/messages"),
            ("POST", "/v25.0/42/message", "looks like", "phone_number_id}/messages"),
            ("POST", "/v25.0/42/mesages", "looks like", "phone_number_id}/messages"),
            ("POST", "/v25.0/42/messages/", "slash", "messages"),
            ("POST", "/v25.0/42/messages/x", "goes on", "messages"),
            ("PUT", "/v25.0/42/media", "the method is PUT", "POST /{version}/{phone_number_id}/media"),
            ("POST", "/v25.0/42/subscribed_apps", "not simulated", "closest"),
            ("POST", "/v25.0/42/", "slash", "closest"),
            ("PUT", "/v25.0/42", "the method is PUT", "/{version}/{"),
            ("POST", "/v25.0//messages", "id is missing", "messages"),
            ("GET", "/v25.0", "id is missing", "closest"),
        ] {
            let miss = find(method, path).unwrap_err();
            assert!(miss.contains(says) && miss.contains(closest), "{path}: {miss}");
        }
    }

    #[test]
    fn only_a_version_or_a_media_link_opens_a_graph_path() {
        assert!(is_graph("/v25.0/1/messages") && is_graph("/_media/1"));
        for path in ["/", "/app.js", "/_sim/phones", "/v25/1/messages", "/25.0/1", "/v1.x/2"] {
            assert!(!is_graph(path), "{path}");
        }
    }

    #[test]
    fn distance_counts_edits() {
        for (a, b, edits) in [("messages", "messages", 0), ("", "abc", 3), ("kitten", "sitting", 3)] {
            assert_eq!(distance(a, b), edits);
        }
    }
}
