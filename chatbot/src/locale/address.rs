//! Addresses of the internet as people write them: of mail, and of pages.

use url::{Host, Url};

/// Characters of a mail address, and of the part before the `@`.
const LONGEST_MAIL: usize = 254;
const LONGEST_LOCAL: usize = 64;
/// Characters of a page's address.
const LONGEST_URL: usize = 2_048;
const LONGEST_HOST: usize = 253;

/// A mail address: a name of the usual letters, digits and marks, and a host with a dot. The host in lower case.
pub(crate) fn email(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.strip_prefix("mailto:").unwrap_or(text);
    let text = text.strip_prefix('<').and_then(|text| text.strip_suffix('>')).unwrap_or(text);
    let (local, host) = text.rsplit_once('@')?;
    let host = host.trim_end_matches(['.', ',', ';']).to_lowercase();
    let mark = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c);
    let parts = local.split('.').all(|part| !part.is_empty() && part.chars().all(mark));
    let short = local.len() <= LONGEST_LOCAL && local.len() + 1 + host.len() <= LONGEST_MAIL;
    (parts && short && is_host(&host)).then(|| format!("{local}@{host}"))
}

/// The address of a page by http or https, https where nothing is said. No credentials, no other protocols.
pub(crate) fn url(text: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > LONGEST_URL || text.chars().any(char::is_whitespace) {
        return None;
    }
    let lower = text.to_lowercase();
    let named = lower.starts_with("http://") || lower.starts_with("https://");
    let url = match named {
        true => Url::parse(text),
        false => Url::parse(&format!("https://{text}")),
    };
    let url = url.ok()?;
    let anonymous = url.username().is_empty() && url.password().is_none();
    let host = match url.host()? {
        Host::Domain(host) => is_host(host),
        // Without a protocol `1.2.3.4` is rather something else.
        Host::Ipv4(_) | Host::Ipv6(_) => named,
    };
    (anonymous && host && text_names_host(&lower, named)).then(|| url.to_string())
}

/// `mailto:x@y.z` or `javascript:…` are no hosts, whatever a parser makes of them behind `https://`.
fn text_names_host(lower: &str, named: bool) -> bool {
    let host = lower.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = host.split_once(':').unwrap_or((host, "0"));
    named || is_host(host) && port.chars().all(|c| c.is_ascii_digit())
}

/// A name with a dot, whose last part has letters. Names of other scripts count as what they are to the network.
fn is_host(host: &str) -> bool {
    let Ok(Host::Domain(host)) = Host::parse(host) else { return false };
    let label = |label: &str| {
        let inner = label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        (1..=63).contains(&label.len()) && inner && !label.starts_with('-') && !label.ends_with('-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    let top = last.len() >= 2 && last.chars().any(|c| c.is_ascii_alphabetic());
    host.len() <= LONGEST_HOST && host.contains('.') && top && host.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_addresses_are_told_from_other_words() {
        let local = "a".repeat(64);
        let host = format!("{}.example", "b".repeat(63));
        for (text, expected) in [
            ("ada@example.org", Some("ada@example.org")),
            (" Ada.Obi+x@Example.ORG ", Some("Ada.Obi+x@example.org")),
            ("<ada@example.org>", Some("ada@example.org")),
            ("mailto:ada@example.org", Some("ada@example.org")),
            ("ada@example.org.", Some("ada@example.org")),
            ("o'neil@müller.example", Some("o'neil@müller.example")),
            (&format!("{local}@{host}"), Some(&*format!("{local}@{host}"))),
            (&format!("{local}a@example.org"), None),
            (&format!("a@{}b.example", "b".repeat(63)), None),
            ("ada", None),
            ("ada@", None),
            ("@example.org", None),
            ("ada@example", None),
            ("ada@@example.org", None),
            ("a da@example.org", None),
            (".ada@example.org", None),
            ("ada..obi@example.org", None),
            ("ada@-x.example", None),
            ("ada@1.2.3.4", None),
            ("ada@example.o", None),
            ("my mail is ada@example.org", None),
        ] {
            assert_eq!(email(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn page_addresses_are_told_from_other_words() {
        let long = format!("https://example.org/{}", "a".repeat(2_048));
        for (text, expected) in [
            ("https://example.org/a?b=c#d", Some("https://example.org/a?b=c#d")),
            ("example.org", Some("https://example.org/")),
            ("HTTP://Example.org/A", Some("http://example.org/A")),
            ("example.org:8080/x", Some("https://example.org:8080/x")),
            ("http://192.0.2.7/x", Some("http://192.0.2.7/x")),
            ("bücher.example", Some("https://xn--bcher-kva.example/")),
            ("ftp://example.org", None),
            ("javascript:alert(1)", None),
            ("mailto:ada@example.org", None),
            ("ada@example.org", None),
            ("https://ada:pw@example.org/", None),
            ("192.0.2.7", None),
            ("localhost", None),
            ("http://localhost/", None),
            ("hello", None),
            ("hello world.org", None),
            ("3.5", None),
            ("", None),
            (&long, None),
        ] {
            assert_eq!(url(text).as_deref(), expected, "{text}");
        }
    }
}
