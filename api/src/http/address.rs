//! The client's real address: the socket's, or the one that a configured proxy vouches for.

use std::net::IpAddr;
use std::str::FromStr;

use axum::http::HeaderMap;

/// A range of addresses, such as `10.0.0.0/8` or `2001:db8::/32`. A bare address is a range of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    base: IpAddr,
    prefix: u8,
}

/// Why a text is not a range of addresses.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not an address or a range of addresses such as 10.0.0.0/8")]
pub struct CidrError(String);

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || CidrError(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let base: IpAddr = address.trim().parse().map_err(|_| wrong())?;
        let longest = if base.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.trim().parse().map_err(|_| wrong())?,
            None => longest,
        };
        if prefix > longest { Err(wrong()) } else { Ok(Self { base, prefix }) }
    }
}

impl std::fmt::Display for Cidr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

impl Cidr {
    /// Whether the address lies in the range. IPv4 addresses written as IPv6 count as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let shift = 32_u32.saturating_sub(u32::from(self.prefix));
                base.to_bits().checked_shr(shift) == address.to_bits().checked_shr(shift)
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let shift = 128_u32.saturating_sub(u32::from(self.prefix));
                base.to_bits().checked_shr(shift) == address.to_bits().checked_shr(shift)
            }
            _ => false,
        }
    }
}

/// Which header the proxies write. Only one is read: a client could write the other itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyHeader {
    /// `X-Forwarded-For`
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239 §4)
    Forwarded,
}

/// Who may speak for a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    /// Where they are.
    pub ranges: Vec<Cidr>,
    /// What they write.
    pub header: ProxyHeader,
}

impl TrustedProxies {
    fn trusts(&self, address: IpAddr) -> bool {
        self.ranges.iter().any(|range| range.contains(address))
    }

    /// The client's address, given the socket's. Each proxy appends the address it was called from, so
    /// the list is read from the right, and the first address that is no trusted proxy is the client:
    /// whatever stands left of it was written by the client.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.trusts(client) {
            return client;
        }
        for hop in self.hops(headers).into_iter().rev() {
            // An unreadable hop breaks the chain: nobody vouches for what stands before it.
            let Some(address) = parse_node(&hop) else { break };
            client = address;
            if !self.trusts(address) {
                break;
            }
        }
        client
    }

    fn hops(&self, headers: &HeaderMap) -> Vec<String> {
        let name = match self.header {
            ProxyHeader::XForwardedFor => "x-forwarded-for",
            ProxyHeader::Forwarded => "forwarded",
        };
        let elements = headers
            .get_all(name)
            .iter()
            .flat_map(|value| split_outside_quotes(&String::from_utf8_lossy(value.as_bytes()), ','));
        match self.header {
            ProxyHeader::XForwardedFor => elements.collect(),
            ProxyHeader::Forwarded => elements.map(|element| forwarded_for(&element)).collect(),
        }
    }
}

/// The `for` parameter of one element of a `Forwarded` header; empty when it has none.
fn forwarded_for(element: &str) -> String {
    split_outside_quotes(element, ';')
        .into_iter()
        .find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            name.trim().eq_ignore_ascii_case("for").then(|| value.trim().trim_matches('"').to_owned())
        })
        .unwrap_or_default()
}

fn split_outside_quotes(text: &str, separator: char) -> Vec<String> {
    let mut quoted = false;
    text.split(|c| {
        if c == '"' {
            quoted = !quoted;
        }
        c == separator && !quoted
    })
    .map(|part| part.trim().to_owned())
    .collect()
}

/// An address with or without port and brackets; `None` for `unknown` and obfuscated names.
fn parse_node(node: &str) -> Option<IpAddr> {
    let node = node.trim();
    if let Ok(address) = node.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    if let Ok(socket) = node.parse::<std::net::SocketAddr>() {
        return Some(socket.ip().to_canonical());
    }
    let inner = node.strip_prefix('[')?.strip_suffix(']')?;
    inner.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// The address as it may stand in an operator's log: the /24 of IPv4, the /48 of IPv6.
pub fn truncated(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => {
            let kept = std::net::Ipv6Addr::from_bits(v6.to_bits() >> 80 << 80);
            format!("{kept}/48")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for value in values {
            map.append(name, value.parse().unwrap());
        }
        map
    }

    fn proxies(header: ProxyHeader) -> TrustedProxies {
        let ranges = ["10.0.0.0/8", "2001:db8:1::/48", "127.0.0.1"].map(|range| range.parse().unwrap()).to_vec();
        TrustedProxies { ranges, header }
    }

    #[test]
    fn forwarded_for_is_read_from_the_right_and_only_from_trusted_proxies() {
        let cases: &[(&str, &[&str], &str)] = &[
            ("198.51.100.7", &["203.0.113.9"], "198.51.100.7"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["6.6.6.6, 203.0.113.9, 10.9.9.9"], "203.0.113.9"),
            ("10.0.0.1", &["6.6.6.6", "203.0.113.9", "10.9.9.9"], "203.0.113.9"),
            ("10.0.0.1", &["203.0.113.9, nonsense, 10.9.9.9"], "10.9.9.9"),
            ("10.0.0.1", &["unknown"], "10.0.0.1"),
            ("10.0.0.1", &["10.2.2.2, 10.3.3.3"], "10.2.2.2"),
            ("10.0.0.1", &["203.0.113.9:4711"], "203.0.113.9"),
            ("10.0.0.1", &["[2001:db8:9::1]:4711"], "2001:db8:9::1"),
            ("::ffff:10.0.0.1", &["::ffff:203.0.113.9"], "203.0.113.9"),
            ("2001:db8:1::5", &["2001:db8:2::5"], "2001:db8:2::5"),
        ];
        for (peer, values, expected) in cases {
            let client =
                proxies(ProxyHeader::XForwardedFor).client(peer.parse().unwrap(), &headers("x-forwarded-for", values));
            assert_eq!(client, expected.parse::<IpAddr>().unwrap(), "{peer} {values:?}");
        }
    }

    #[test]
    fn the_forwarded_header_of_rfc_7239_is_read_alike() {
        let cases: &[(&[&str], &str)] = &[
            (&["for=203.0.113.9;proto=https;by=10.0.0.1"], "203.0.113.9"),
            (&["for=6.6.6.6, For=\"[2001:db8:9::1]:47\""], "2001:db8:9::1"),
            (&["for=6.6.6.6, for=_hidden"], "10.0.0.1"),
            (&["proto=https"], "10.0.0.1"),
            (&["for=\"203.0.113.9, 6.6.6.6\""], "10.0.0.1"),
        ];
        for (values, expected) in cases {
            let client =
                proxies(ProxyHeader::Forwarded).client("10.0.0.1".parse().unwrap(), &headers("forwarded", values));
            assert_eq!(client, expected.parse::<IpAddr>().unwrap(), "{values:?}");
        }
        let other = headers("x-forwarded-for", &["203.0.113.9"]);
        let client = proxies(ProxyHeader::Forwarded).client("10.0.0.1".parse().unwrap(), &other);
        assert_eq!(client, "10.0.0.1".parse::<IpAddr>().unwrap(), "the other header is the client's own word");
    }

    #[test]
    fn ranges_are_parsed_strictly() {
        for wrong in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "host", "10.0.0.0/-1"] {
            assert!(wrong.parse::<Cidr>().is_err(), "{wrong}");
        }
        let all: Cidr = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains("198.51.100.7".parse().unwrap()));
        assert!(!all.contains("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn addresses_are_truncated_for_logs() {
        assert_eq!(truncated("203.0.113.77".parse().unwrap()), "203.0.113.0/24");
        assert_eq!(truncated("2001:db8:1:2:3::4".parse().unwrap()), "2001:db8:1::/48");
    }
}
