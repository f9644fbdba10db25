//! Ids that are given by their beginning: `c_01KB0Z` for the one conversation whose id begins so.

use reqwest::{Method, Url};

use super::{Api, Failed};
use crate::cli::Exit;

/// What can be named by the beginning of its id: the list, how ids begin, and how long they are.
const LISTS: [(&str, &str, usize); 5] = [
    ("/api/v1/conversations", "c_", 28),
    ("/api/v1/broadcasts", "br_", 16),
    ("/api/v1/outbox/batches", "rb_", 16),
    ("/api/v1/contacts", "p_", 26),
    ("/api/v1/webhooks", "w_", 18),
];
/// Pages of 200 that are looked through.
const PAGES: usize = 25;
/// Ids that are named where it could be several.
const MAX_NAMED: usize = 10;

/// The list, and the beginning of an id, where an address names something by it.
fn short<'u>(api: &Url, url: &'u Url) -> Option<(&'static str, &'u str)> {
    let path = url.path().strip_prefix(api.path().trim_end_matches('/'))?;
    LISTS.into_iter().find_map(|(list, prefix, length)| {
        let rest = path.strip_prefix(list)?.strip_prefix('/')?;
        let id = rest.split('/').next()?;
        (id.starts_with(prefix) && id.len() > prefix.len() && id.len() < length).then_some((list, id))
    })
}

impl Api {
    /// The address with whole ids.
    pub(super) async fn whole(&self, url: &Url) -> Result<Option<Url>, Failed> {
        let Some((list, id)) = short(&self.base, url) else { return Ok(None) };
        let whole = self.complete(list, id).await?;
        let mut url = url.clone();
        let path = url.path().replacen(&format!("/{id}"), &format!("/{whole}"), 1);
        url.set_path(&path);
        Ok(Some(url))
    }

    /// The id of a conversation, wherever it does not stand in an address.
    pub(in crate::cli) async fn conversation(&self, id: &str) -> Result<String, Failed> {
        let (list, prefix, length) = LISTS[0];
        match id.starts_with(prefix) && id.len() > prefix.len() && id.len() < length {
            true => self.complete(list, id).await,
            false => Ok(id.to_owned()),
        }
    }

    async fn complete(&self, list: &str, id: &str) -> Result<String, Failed> {
        let (mut found, mut cursor) = (Vec::new(), None::<String>);
        for _ in 0..PAGES {
            let mut query = vec![("limit", "200".to_owned())];
            // The list of batches has one page and takes no parameters.
            if list.ends_with("/batches") {
                query.clear();
            }
            query.extend(cursor.map(|cursor| ("cursor", cursor)));
            let page = Box::pin(self.json(self.request(Method::GET, list, &query))).await?;
            let ids = page["items"].as_array().into_iter().flatten().filter_map(|item| item["id"].as_str());
            found.extend(ids.filter(|whole| begins(whole, id)).map(str::to_owned));
            cursor = page["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                return one_of(id, found);
            }
        }
        let text = format!("error: {id} is the beginning of an id, and there are too many to look through");
        Err(Failed::new(Exit::Usage, format!("{text}\n  = help: write the whole id")))
    }
}

fn begins(whole: &str, id: &str) -> bool {
    whole.get(..id.len()).is_some_and(|start| start.eq_ignore_ascii_case(id))
}

fn one_of(id: &str, mut found: Vec<String>) -> Result<String, Failed> {
    found.sort();
    found.dedup();
    match &*found {
        [] => Err(Failed::new(Exit::NotFound, format!("error: no id begins with {id}"))),
        [one] => Ok(one.clone()),
        several => {
            let named: String = several.iter().take(MAX_NAMED).map(|id| format!("\n  {id}")).collect();
            let more = several.len().saturating_sub(MAX_NAMED);
            let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
            let text = format!("error: {id} is the beginning of {} ids: write more of it{named}{more}", several.len());
            Err(Failed::new(Exit::Usage, text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Option<(&'static str, String)> {
        let base = Url::parse("http://127.0.0.1:1/under").unwrap();
        let url = Url::parse(&format!("http://127.0.0.1:1/under{path}")).unwrap();
        short(&base, &url).map(|(list, id)| (list, id.to_owned()))
    }

    #[test]
    fn only_the_beginning_of_an_id_is_completed() {
        assert_eq!(of("/api/v1/conversations/c_01KB/takeover?dry_run=true"), Some((LISTS[0].0, "c_01KB".to_owned())));
        assert_eq!(of("/api/v1/broadcasts/br_17953"), Some((LISTS[1].0, "br_17953".to_owned())));
        for whole in [
            "/api/v1/conversations",
            "/api/v1/conversations/c_",
            "/api/v1/conversations/c_01KB0ZQ3S8M4T6V9W2X5Y7Z0AB/end",
            "/api/v1/contacts/447700900123",
            "/api/v1/broadcasts/br_1795340000007",
            "/api/v1/bots/c_01KB",
        ] {
            assert_eq!(of(whole), None, "{whole}");
        }
    }

    #[test]
    fn several_that_begin_so_are_named_and_none_is_an_error() {
        assert_eq!(one_of("c_1", vec!["c_1A".into(), "c_1A".into()]).unwrap(), "c_1A");
        assert_eq!(one_of("c_1", Vec::new()).unwrap_err().exit, Exit::NotFound);
        let several = one_of("c_1", (0..12).map(|at| format!("c_1{at:02}")).collect()).unwrap_err();
        assert_eq!(several.exit, Exit::Usage);
        assert!(several.message.contains("12 ids") && several.message.contains("c_109"), "{}", several.message);
        assert!(several.message.ends_with("and 2 more") && !several.message.contains("c_110"), "{}", several.message);
        assert!(begins("c_01KB", "c_01kb") && !begins("c_01", "c_01K"));
    }
}
