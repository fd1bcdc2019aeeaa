//! Which addresses may be called for an issuer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which addresses may be called for an issuer.
///
/// Whoever may create an Issuer names a host that the operator then calls. The operator stands in
/// a place of the network where that person does not, so some addresses are refused, after
/// resolution: a name may lead anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// Any: a ClusterIssuer's, or the operator's flags say so.
    Any,
    /// None of the loopback, link-local and unspecified ones, and none of these.
    Outside {
        /// The API server's own addresses.
        api_server: Vec<IpAddr>,
    },
}

impl Addresses {
    /// Whether this address may be called.
    pub fn allow(&self, address: IpAddr) -> bool {
        let Self::Outside { api_server } = self else {
            return true;
        };
        let address = canonical(address);
        !is_local(address) && !api_server.iter().any(|own| canonical(*own) == address)
    }
}

/// The IPv4 address inside of an IPv6 one leads to the same host.
fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => embedded(v6).map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// IPv4-mapped and IPv4-compatible (RFC 4291 2.5.5), and the well-known prefix of NAT64
/// (RFC 6052 2.1).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            Some(Ipv4Addr::new(a, b, c, d))
        }
        _ => None,
    }
}

/// Leads to the operator's own host or link: loopback, link-local, where the metadata services of
/// clouds are, "this network" (RFC 791), broadcast and multicast.
fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.octets()[0] == 0
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_broadcast()
                || v4.is_multicast()
        }
        IpAddr::V6(v6) => {
            let aws_metadata = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
            v6.is_unspecified()
                || v6.is_loopback()
                || v6.is_unicast_link_local()
                || v6.is_multicast()
                || v6 == aws_metadata
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(addresses: &Addresses, address: &str) -> bool {
        addresses.allow(address.parse().unwrap())
    }

    #[test]
    fn a_tenant_reaches_neither_this_host_nor_its_link_nor_the_api_server() {
        let tenant = Addresses::Outside {
            api_server: vec!["10.0.0.1".parse().unwrap(), "2001:db8::1".parse().unwrap()],
        };
        for address in [
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "255.255.255.255",
            "224.0.0.1",
            "::",
            "::1",
            "fe80::1",
            "ff02::1",
            "fd00:ec2::254",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "10.0.0.1",
            "::ffff:10.0.0.1",
            "2001:db8::1",
        ] {
            assert!(!allows(&tenant, address), "{address}");
            assert!(allows(&Addresses::Any, address), "{address}");
        }
        for address in [
            "10.0.0.2",
            "192.168.1.1",
            "203.0.113.7",
            "2001:db8::2",
            "fd00::1",
        ] {
            assert!(allows(&tenant, address), "{address}");
        }
    }
}
