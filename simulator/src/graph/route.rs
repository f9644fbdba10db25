//! Which Graph call a path means, and for unknown ones the closest known route.

/// A call that the stand-in knows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Route<'a> {
    pub(crate) version: &'a str,
    pub(crate) phone_number_id: &'a str,
}

const KNOWN: &str = "POST /{version}/{phone_number_id}/messages";

/// True if a path belongs to the Graph API: its first segment is a version.
pub(crate) fn is_graph(path: &str) -> bool {
    path.split('/').nth(1).is_some_and(|first| major(first).is_some())
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
    if edge == Some("messages") && rest.is_none() && method == "POST" && !id.is_empty() {
        return Ok(Route { version, phone_number_id: id });
    }
    Err(format!("closest: {KNOWN}; {}", difference(method, id, edge, rest)))
}

fn difference(method: &str, id: &str, edge: Option<&str>, rest: Option<&str>) -> String {
    match (edge, rest) {
        _ if id.is_empty() => "the phone number id is missing".into(),
        (None | Some(""), None) => "the last segment `messages` is missing".into(),
        (Some("messages"), None) => format!("the method is {method}, not POST"),
        (Some("messages"), Some("")) => "the path ends with a slash".into(),
        (Some("messages"), Some(_)) => "the path goes on after `messages`".into(),
        (Some(edge), _) if distance(edge, "messages") <= 3 => format!("`{edge}` looks like `messages`"),
        (edge, _) => format!("`{}` is not simulated", edge.unwrap_or_default()),
    }
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
    fn the_route_of_a_send_is_found() {
        let route = find("POST", "/v25.0/42/messages").unwrap();
        assert_eq!(route, Route { version: "v25.0", phone_number_id: "42" });
    }

    #[test]
    fn a_near_miss_says_what_differs() {
        for (method, path, says) in [
            ("GET", "/v25.0/42/messages", "the method is GET"),
            ("POST", "/v25.0/42/message", "looks like"),
            ("POST", "/v25.0/42/mesages", "looks like"),
            ("POST", "/v25.0/42/messages/", "slash"),
            ("POST", "/v25.0/42/messages/x", "goes on"),
            ("POST", "/v25.0/42/media", "not simulated"),
            ("POST", "/v25.0/42", "missing"),
            ("POST", "/v25.0//messages", "id is missing"),
            ("GET", "/v25.0", "id is missing"),
        ] {
            let miss = find(method, path).unwrap_err();
            assert!(miss.contains(says) && miss.contains(KNOWN), "{path}: {miss}");
        }
    }

    #[test]
    fn only_a_version_opens_a_graph_path() {
        assert!(is_graph("/v25.0/1/messages"));
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
