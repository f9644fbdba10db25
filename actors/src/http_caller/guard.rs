//! Where calls may go: public addresses on the ports of http and https, and what the configuration allows beside them.
//!
//! An address is checked as the transport will read it: [`Url`] turns every spelling of an IPv4 address (decimal, octal,
//! hexadecimal, full-width) into the same four numbers, so nothing is compared as text. Names are checked when they are
//! looked up, by the very addresses that the connection is made to: see [`Guard::may_connect`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// What the configuration allows beside public addresses at the ports 80 and 443: `10.0.0.0/8`, `127.0.0.1:9000`,
/// `crm.internal`, `api.example.com:8443`, and `*:8443` for a port of all public ones. Without a port any port is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Net {
        net: IpAddr,
        bits: u8,
        port: Option<u16>,
    },
    Name {
        name: String,
        port: Option<u16>,
    },
    /// Of every public address.
    Port(u16),
}

/// An entry that names no host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither a host, an address nor a network")]
pub struct AllowError(pub String);

impl Allow {
    /// Reads a list. Errors: the first entry that is none.
    pub fn parse<'t>(entries: impl IntoIterator<Item = &'t str>) -> Result<Self, AllowError> {
        let rule = |entry: &'t str| Rule::parse(entry.trim()).ok_or_else(|| AllowError(entry.to_owned()));
        Ok(Self { rules: entries.into_iter().map(rule).collect::<Result<_, _>>()? })
    }

    /// Whether an address is allowed at this port; without one, at any port.
    fn has_address(&self, address: IpAddr, at: Option<u16>) -> bool {
        self.rules.iter().any(|rule| match rule {
            Rule::Net { net, bits, port } => (port.is_none() || *port == at) && contains(*net, *bits, address),
            Rule::Name { .. } | Rule::Port(_) => false,
        })
    }

    fn has_port(&self, asked: Option<u16>) -> bool {
        self.rules.iter().any(|rule| matches!(rule, Rule::Port(port) if Some(*port) == asked))
    }

    /// The ports at which a name is allowed; `None` if it is not in the list.
    fn ports_of(&self, asked: &str) -> Option<Vec<Option<u16>>> {
        let ports = self.rules.iter().filter_map(|rule| match rule {
            Rule::Name { name, port } if name == asked => Some(*port),
            _ => None,
        });
        let ports: Vec<_> = ports.collect();
        (!ports.is_empty()).then_some(ports)
    }
}

impl Rule {
    fn parse(entry: &str) -> Option<Self> {
        if let Some((net, bits)) = entry.split_once('/') {
            let (net, bits): (IpAddr, u8) = (net.parse().ok()?, bits.parse().ok()?);
            let most = if net.is_ipv4() { 32 } else { 128 };
            return (bits <= most).then_some(Rule::Net { net, bits, port: None });
        }
        if let Ok(net) = entry.parse::<IpAddr>() {
            return Some(Rule::Net { net, bits: if net.is_ipv4() { 32 } else { 128 }, port: None });
        }
        if let Some(digits) = entry.strip_prefix("*:") {
            return digits.parse().ok().filter(|port| *port > 0).map(Rule::Port);
        }
        // As addresses of the web are written, with brackets around those with colons.
        let url = Url::parse(&format!("http://{entry}/")).ok()?;
        let plain = url.path() == "/" && url.username().is_empty() && url.query().is_none() && url.fragment().is_none();
        let port = match entry.rsplit_once(':') {
            Some((_, digits)) if !entry.ends_with(']') => Some(digits.parse::<u16>().ok().filter(|port| *port > 0)?),
            _ => None,
        };
        match url.host().filter(|_| plain)? {
            Host::Ipv4(net) => Some(Rule::Net { net: net.into(), bits: 32, port }),
            Host::Ipv6(net) => Some(Rule::Net { net: net.into(), bits: 128, port }),
            Host::Domain(name) => Some(Rule::Name { name: bare(name), port }),
        }
    }
}

/// A name without the dot that may stand at its end.
fn bare(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn contains(net: IpAddr, bits: u8, address: IpAddr) -> bool {
    let shared = |a: u128, b: u128, width: u32| {
        let shift = width - u32::from(bits).min(width);
        shift >= width || a >> shift == b >> shift
    };
    match (net, address) {
        (IpAddr::V4(net), IpAddr::V4(address)) => shared(u32::from(net).into(), u32::from(address).into(), 32),
        (IpAddr::V6(net), IpAddr::V6(address)) => shared(net.into(), address.into(), 128),
        _ => false,
    }
}

/// Says where calls may go.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    allow: Allow,
}

impl Guard {
    /// With what the configuration allows.
    pub fn new(allow: Allow) -> Self {
        Self { allow }
    }

    /// The address, if it may be called.
    ///
    /// # Errors
    /// Why not; the text names the host and nothing else of the address.
    pub fn check(&self, url: &str) -> Result<Url, String> {
        let url = Url::parse(url).map_err(|error| format!("the address cannot be read: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("`{}` addresses are not called", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the address has a user in it".to_owned());
        }
        let port = url.port_or_known_default();
        let standard = matches!(url.port(), None | Some(80 | 443)) || self.allow.has_port(port);
        let host = url.host().ok_or("the address has no host")?;
        let allowed = match &host {
            Host::Ipv4(address) => self.literal((*address).into(), port, standard),
            Host::Ipv6(address) => self.literal((*address).into(), port, standard),
            Host::Domain(name) => match self.allow.ports_of(&bare(name)) {
                // By its addresses it is allowed only where the port was checked, for they are looked up without one.
                Some(ports) => ports.contains(&None) || ports.contains(&port),
                None => standard,
            },
        };
        match allowed {
            true => Ok(url),
            false => Err(format!("{host} may not be called there (http.allow)", host = url_host(&url))),
        }
    }

    fn literal(&self, address: IpAddr, port: Option<u16>, standard: bool) -> bool {
        self.allow.has_address(address, port) || (standard && is_public(address))
    }

    /// Whether a connection may be made to an address that a name was found to have. The name passed [`Self::check`].
    pub fn may_connect(&self, name: &str, address: IpAddr) -> bool {
        is_public(address) || self.allow.ports_of(&bare(name)).is_some() || self.allow.has_address(address, None)
    }
}

fn url_host(url: &Url) -> String {
    match url.port() {
        Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
        None => url.host_str().unwrap_or_default().to_owned(),
    }
}

/// Whether an address is one of the public internet. Everything that is set aside for other ends is not.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    /// Sources: the IANA registry of special-purpose addresses, 2026-10; 168.63.129.16 is a platform service of Azure.
    const ASIDE: [(Ipv4Addr, u8); 16] = [
        (Ipv4Addr::new(0, 0, 0, 0), 8),
        (Ipv4Addr::new(10, 0, 0, 0), 8),
        (Ipv4Addr::new(100, 64, 0, 0), 10),
        (Ipv4Addr::new(127, 0, 0, 0), 8),
        (Ipv4Addr::new(169, 254, 0, 0), 16),
        (Ipv4Addr::new(172, 16, 0, 0), 12),
        (Ipv4Addr::new(192, 0, 0, 0), 24),
        (Ipv4Addr::new(192, 0, 2, 0), 24),
        (Ipv4Addr::new(192, 88, 99, 0), 24),
        (Ipv4Addr::new(192, 168, 0, 0), 16),
        (Ipv4Addr::new(198, 18, 0, 0), 15),
        (Ipv4Addr::new(198, 51, 100, 0), 24),
        (Ipv4Addr::new(203, 0, 113, 0), 24),
        (Ipv4Addr::new(224, 0, 0, 0), 4),
        (Ipv4Addr::new(240, 0, 0, 0), 4),
        (Ipv4Addr::new(168, 63, 129, 16), 32),
    ];
    !ASIDE.iter().any(|(net, bits)| contains((*net).into(), *bits, address.into()))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    /// Within 2000::/3: protocol assignments with Teredo and ORCHID, documentation, 6to4 (which carries an IPv4 address),
    /// documentation, SRv6. Mapped and compatible IPv4, NAT64, unique local, link-local and multicast lie outside of it.
    const ASIDE: [(Ipv6Addr, u8); 4] = [
        (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
        (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
        (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
        (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
    ];
    let global = Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0);
    contains(global.into(), 3, address.into())
        && !ASIDE.iter().any(|(net, bits)| contains((*net).into(), *bits, address.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(allow: &[&str]) -> Guard {
        Guard::new(Allow::parse(allow.iter().copied()).unwrap())
    }

    #[test]
    fn public_addresses_and_names_may_be_called() {
        for url in [
            "https://api.example.com/x?y=1",
            "http://example.com:80/",
            "https://93.184.216.34/",
            "https://[2606:2800:220:1:248:1893:25c8:1946]/",
            "http://8.8.8.8:443/",
            "https://bücher.example/",
        ] {
            assert!(guard(&[]).check(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn entries_of_the_list_are_hosts_addresses_and_networks() {
        for entry in [
            "10.0.0.0/8",
            "127.0.0.1",
            "127.0.0.1:9000",
            "[::1]:9000",
            "::1",
            "fd00::/8",
            "crm.internal",
            "a.example:8443",
            "*:8443",
        ] {
            assert!(Allow::parse([entry]).is_ok(), "{entry}");
        }
        for entry in ["", "10.0.0.0/33", "x/8", "http://a", "a b", "a:0", "a:99999", "a/b", "u@a", "a?b", "*:x", "*:0"]
        {
            assert_eq!(Allow::parse([entry]), Err(AllowError(entry.to_owned())), "{entry}");
        }
    }

    #[test]
    fn what_is_allowed_is_allowed_there_and_nowhere_else() {
        let guard = guard(&["10.1.0.0/16", "127.0.0.1:9000", "crm.internal", "api.example.com:8443"]);
        for url in [
            "http://10.1.2.3:5000/",
            "http://127.0.0.1:9000/",
            "http://crm.internal:1234/",
            "https://CRM.internal./",
            "https://api.example.com:8443/",
        ] {
            assert!(guard.check(url).is_ok(), "{url}");
        }
        for url in [
            "http://10.2.2.3/",
            "http://127.0.0.1:9001/",
            "http://127.0.0.1/",
            "http://api.example.com:8444/",
            "http://other.example.com:8443/",
        ] {
            assert!(guard.check(url).is_err(), "{url}");
        }
        let local: IpAddr = "127.0.0.1".parse().unwrap();
        assert!(guard.may_connect("crm.internal", local));
        assert!(!guard.may_connect("evil.example", local), "the port is not known there");
        assert!(guard.may_connect("any.example", "10.1.0.1".parse().unwrap()));
    }

    #[test]
    fn networks_hold_what_shares_their_first_bits() {
        let has = |net: &str, bits: u8, address: &str| contains(net.parse().unwrap(), bits, address.parse().unwrap());
        assert!(has("10.0.0.0", 8, "10.255.0.1") && !has("10.0.0.0", 8, "11.0.0.1"));
        assert!(has("0.0.0.0", 0, "1.2.3.4") && has("::", 0, "::1") && !has("::", 0, "1.2.3.4"));
        assert!(has("1.2.3.4", 32, "1.2.3.4") && !has("1.2.3.4", 32, "1.2.3.5"));
    }
}
