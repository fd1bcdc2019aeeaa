//! Which addresses may be called for an issuer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;

/// Which addresses may be called for an issuer.
///
/// An Issuer names a host that the operator then calls. The operator can reach addresses that the
/// Issuer's owner cannot, so some are refused, after resolution: a name may lead anywhere.
#[derive(Clone, Debug)]
pub enum Addresses {
    /// Any: for a ClusterIssuer, or by the operator's flags.
    Any,
    /// None of the loopback, link-local and unspecified ones, and none of these.
    Outside {
        /// The API server's own addresses.
        api_server: Arc<ApiServer>,
    },
}

/// The known addresses of the API server.
#[derive(Debug, Default)]
pub struct ApiServer(Mutex<Vec<IpAddr>>);

impl ApiServer {
    /// An API server at these addresses.
    pub fn at(addresses: impl IntoIterator<Item = IpAddr>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(addresses.into_iter().collect())))
    }

    /// Replaces the addresses.
    pub fn moved(&self, addresses: Vec<IpAddr>) {
        *self.0.lock() = addresses;
    }

    fn is_at(&self, address: IpAddr) -> bool {
        let known = self.0.lock();
        known.iter().any(|own| canonical(*own) == address)
    }
}

impl Addresses {
    /// Whether this address may be called.
    pub fn allow(&self, address: IpAddr) -> bool {
        let Self::Outside { api_server } = self else {
            return true;
        };
        let address = canonical(address);
        !is_local(address) && !api_server.is_at(address)
    }
}

/// The IPv4 address inside of an IPv6 one leads to the same host.
fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => embedded(v6).map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// IPv4-mapped and IPv4-compatible (RFC 4291 2.5.5), IPv4-translated (RFC 2765 2.1), 6to4 (RFC
/// 3056 section 2), and the prefixes of NAT64 (RFC 6052 2.1, RFC 8215 section 3).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let (high, low) = match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => return None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        | [0x2002, high, low, ..] => (high, low),
        _ => return None,
    };
    let [a, b] = high.to_be_bytes();
    let [c, d] = low.to_be_bytes();
    Some(Ipv4Addr::new(a, b, c, d))
}

/// Leads to the operator's own host or link: loopback, link-local, "this network" (RFC 791),
/// broadcast and multicast; or to the services of a cloud for its machines.
fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.octets()[0] == 0
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_broadcast()
                || v4.is_multicast()
                || CLOUD_V4.contains(&v4)
        }
        IpAddr::V6(v6) => {
            v6.is_unspecified()
                || v6.is_loopback()
                || v6.is_unicast_link_local()
                || v6.is_multicast()
                || is_of_cloud(v6)
        }
    }
}

/// Metadata services that are not link-local: those of Azure, Alibaba Cloud and Oracle Cloud.
const CLOUD_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
];

/// `fd00:ec2::/32` is AWS's for its services to a machine (metadata, EKS Pod Identity, DNS), and
/// `fd20:ce::/32` Google Cloud's.
fn is_of_cloud(v6: Ipv6Addr) -> bool {
    matches!(v6.segments(), [0xfd00, 0xec2, ..] | [0xfd20, 0xce, ..])
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
            api_server: ApiServer::at(["10.0.0.1", "2001:db8::1"].map(|it| it.parse().unwrap())),
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
            "fd00:ec2::23",
            "fd20:ce::254",
            "168.63.129.16",
            "100.100.100.200",
            "192.0.0.192",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::a9fe:a9fe",
            "2002:7f00:1::1",
            "2002:a9fe:a9fe::",
            "2002:a00:1::1",
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
            "2002:cb00:7107::1",
            "2001:db8::2",
            "fd00::1",
        ] {
            assert!(allows(&tenant, address), "{address}");
        }
    }

    #[test]
    fn an_api_server_that_moves_is_followed() {
        let api_server = ApiServer::at(["10.0.0.1".parse().unwrap()]);
        let tenant = Addresses::Outside {
            api_server: api_server.clone(),
        };
        assert!(allows(&tenant, "10.0.0.2"));
        api_server.moved(vec!["10.0.0.2".parse().unwrap()]);
        assert!(!allows(&tenant, "10.0.0.2"));
        assert!(allows(&tenant, "10.0.0.1"));
    }
}
