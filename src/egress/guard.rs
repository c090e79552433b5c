//! Whether an address may be called: pure. An address that is not of the public internet, or that wraps one, is forbidden unless a
//! network in `allow_networks` holds it. Names are resolved elsewhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use url::Host;

/// Which addresses may be called. The default is the public internet alone.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    allow_networks: Vec<IpNet>,
}

/// Why an address may not be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the address {address} is {kind}")]
pub struct Forbidden {
    /// The address.
    pub address: IpAddr,
    /// What it is, `a private address`.
    pub kind: &'static str,
}

impl Guard {
    /// Allows the public internet and these networks.
    #[must_use]
    pub fn new(allow_networks: Vec<IpNet>) -> Self {
        Self { allow_networks }
    }

    /// Allows every address: for a client whose user chose the address.
    pub(super) fn open() -> Self {
        Self::new(vec![IpNet::V4(v4(0, 0, 0, 0, 0)), IpNet::V6(v6([0; 8], 0))])
    }

    /// Whether the address may be called.
    ///
    /// # Errors
    /// Why it may not.
    pub fn check(&self, address: IpAddr) -> Result<(), Forbidden> {
        let forbidden = match address {
            IpAddr::V4(v4) => kind_of_v4(v4).filter(|_| !self.allows(address)),
            IpAddr::V6(v6) => self.check_v6(v6),
        };
        match forbidden {
            Some(kind) => Err(Forbidden { address, kind }),
            None => Ok(()),
        }
    }

    /// Whether the host of a URL may be called, as far as it can be said without a look-up. A literal address never reaches a resolver;
    /// the URL parser has already understood every notation of it. Another name may be called until its addresses say otherwise.
    ///
    /// # Errors
    /// Why it may not.
    pub fn check_host(&self, host: &Host<&str>) -> Result<(), Forbidden> {
        match host {
            Host::Ipv4(address) => self.check(IpAddr::V4(*address)),
            Host::Ipv6(address) => self.check(IpAddr::V6(*address)),
            Host::Domain(name) if is_localhost(name) => self.check(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            Host::Domain(_) => Ok(()),
        }
    }

    fn check_v6(&self, address: Ipv6Addr) -> Option<&'static str> {
        if self.allows(IpAddr::V6(address)) {
            return None;
        }
        let wrapped = wrapped(address);
        for inner in wrapped.into_iter().flatten() {
            if let Some(kind) = kind_of_v4(inner)
                && !self.allows(IpAddr::V4(inner))
            {
                return Some(kind);
            }
        }
        // A mapped or translated address is as good as the one inside; every other form must be public by itself.
        if is_translated(address) { None } else { kind_of_v6(address) }
    }

    fn allows(&self, address: IpAddr) -> bool {
        self.allow_networks.iter().any(|network| network.contains(&address))
    }
}

/// IPv4 networks that are not of the public internet (IANA's special-purpose registry, RFC 6890 and successors), and Azure's
/// metadata address, which lies in public space.
const V4: &[(Ipv4Net, &str)] = &[
    (v4(0, 0, 0, 0, 8), "an address of this host"),
    (v4(10, 0, 0, 0, 8), "a private address"),
    (v4(100, 64, 0, 0, 10), "a shared address of a provider"),
    (v4(127, 0, 0, 0, 8), "a loopback address"),
    (v4(169, 254, 0, 0, 16), "a link-local address, where clouds serve metadata"),
    (v4(172, 16, 0, 0, 12), "a private address"),
    (v4(192, 0, 0, 0, 24), "a reserved address"),
    (v4(192, 0, 2, 0, 24), "a documentation address"),
    (v4(192, 88, 99, 0, 24), "a relay address"),
    (v4(192, 168, 0, 0, 16), "a private address"),
    (v4(198, 18, 0, 0, 15), "a benchmarking address"),
    (v4(198, 51, 100, 0, 24), "a documentation address"),
    (v4(203, 0, 113, 0, 24), "a documentation address"),
    (v4(168, 63, 129, 16, 32), "a metadata address"),
    (v4(224, 0, 0, 0, 4), "a multicast address"),
    (v4(240, 0, 0, 0, 4), "a reserved address"),
];

/// IPv6 networks that are not of the public internet; what is outside of `2000::/3` is reserved in any case.
const V6: &[(Ipv6Net, &str)] = &[
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), "an unspecified address"),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), "a loopback address"),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), "a private address"),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), "a link-local address"),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), "a private address"),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), "a multicast address"),
    (v6([0x0064, 0xff9b, 1, 0, 0, 0, 0, 0], 48), "a private translation address"),
    // Teredo, benchmarking, ORCHID and other assignments of protocols.
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), "a reserved address"),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), "a documentation address"),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), "a documentation address"),
];

/// The IPv6 addresses that are public at all.
const GLOBAL: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);
/// `::ffff:0:0/96`
const MAPPED: Ipv6Net = v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96);
/// `::ffff:0:0:0/96`, SIIT.
const SIIT: Ipv6Net = v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96);
/// `64:ff9b::/96`, NAT64.
const NAT64: Ipv6Net = v6([0x0064, 0xff9b, 0, 0, 0, 0, 0, 0], 96);
/// `2002::/16`, 6to4.
const SIX_TO_FOUR: Ipv6Net = v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16);
/// `2001::/32`, Teredo.
const TEREDO: Ipv6Net = v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32);

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(segments: [u16; 8], prefix: u8) -> Ipv6Net {
    let mut bits = 0;
    let mut left: &[u16] = &segments;
    while let [first, rest @ ..] = left {
        bits = bits << 16 | *first as u128;
        left = rest;
    }
    Ipv6Net::new_assert(Ipv6Addr::from_bits(bits), prefix)
}

/// Whether a name stands for this machine whatever a resolver says (RFC 6761 §6.3).
fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost")
}

fn kind_of_v4(address: Ipv4Addr) -> Option<&'static str> {
    V4.iter().find(|(network, _)| network.contains(&address)).map(|(_, kind)| *kind)
}

fn kind_of_v6(address: Ipv6Addr) -> Option<&'static str> {
    let known = V6.iter().find(|(network, _)| network.contains(&address)).map(|(_, kind)| *kind);
    known.or_else(|| (!GLOBAL.contains(&address)).then_some("a reserved address"))
}

/// Whether the address is only another way to write an IPv4 address.
fn is_translated(address: Ipv6Addr) -> bool {
    [MAPPED, SIIT, NAT64].iter().any(|network| network.contains(&address))
}

/// The IPv4 addresses inside an IPv6 one: one in most forms, two in Teredo (server, and the client with its bits flipped).
fn wrapped(address: Ipv6Addr) -> [Option<Ipv4Addr>; 2] {
    let bits = address.to_bits();
    // The 32 bits that begin `from` bits behind the first.
    let inside = |from: u32| u32::try_from(bits >> (96 - from) & u128::from(u32::MAX)).ok();
    let found = if is_translated(address) {
        [inside(96), None]
    } else if SIX_TO_FOUR.contains(&address) {
        [inside(16), None]
    } else if TEREDO.contains(&address) {
        [inside(32), inside(96).map(|flipped| !flipped)]
    } else if inside(64).is_some_and(|interface| interface & 0xfdff_ffff == 0x5efe) {
        // ISATAP: the prefix is anybody's, the interface is the IPv4 address.
        [inside(96), None]
    } else {
        [None, None]
    };
    found.map(|inner| inner.map(Ipv4Addr::from_bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_not_of_the_public_internet_are_forbidden() {
        let guard = Guard::default();
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "168.63.129.16",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::2",
            "::127.0.0.1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "100::1",
            "2001:db8::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "3fff::1",
            "5f00::1",
            "4000::1",
            "64:ff9b:1::1",
            // wrapped
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:10.0.0.1",
            "::ffff:0:127.0.0.1",
            "::ffff:0:10.1.2.3",
            "64:ff9b::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "2002:c0a8:101::",
            "2001:0:a00:1::1",
            "2001:0:808:808:0:0:80ff:fffe",
            "2a00::5efe:192.168.0.1",
            "2a00::200:5efe:10.0.0.1",
        ] {
            let address = text.parse().unwrap();
            assert!(guard.check(address).is_err(), "{text} is allowed");
        }
    }

    #[test]
    fn public_addresses_are_allowed_also_inside_a_translation() {
        let guard = Guard::default();
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.169.0.1",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00:1450:4001::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "::ffff:0:8.8.8.8",
            "2002:808:808::1",
        ] {
            assert_eq!(guard.check(text.parse().unwrap()), Ok(()), "{text}");
        }
    }

    #[test]
    fn a_network_is_opened_on_purpose_in_every_notation_of_its_addresses() {
        let guard = Guard::new(vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        for text in ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "fd12::1"] {
            assert_eq!(guard.check(text.parse().unwrap()), Ok(()), "{text}");
        }
        for text in ["11.0.0.1", "192.168.0.1", "::ffff:127.0.0.1", "fc00::1", "fe80::1"] {
            let public = text == "11.0.0.1";
            assert_eq!(guard.check(text.parse().unwrap()).is_ok(), public, "{text}");
        }
    }

    #[test]
    fn the_reason_names_the_address() {
        let error = Guard::default().check("169.254.169.254".parse().unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "the address 169.254.169.254 is a link-local address, where clouds serve metadata");
    }
}
