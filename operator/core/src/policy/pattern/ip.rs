//! Ranges of IP addresses: `10.0.0.0/8`, or one address.

use std::fmt;
use std::net::IpAddr;

use super::PatternError;
use crate::x509::name_constraints::cidr;

/// An IP address or a CIDR block (RFC 4632). An IPv4 address written as IPv6 (`::ffff:10.0.0.1`) is
/// an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IpRange {
    network: IpAddr,
    mask: IpAddr,
}

impl IpRange {
    /// Reads an address or a block.
    ///
    /// # Errors
    /// [`PatternError`] states what to change.
    pub fn parse(range: &str) -> Result<Self, PatternError> {
        let error = PatternError::of("IP address", range);
        if let Ok(network) = range.parse::<IpAddr>() {
            let mask = cidr::all_ones(network);
            return Ok(Self { network, mask });
        }
        let (network, mask) = cidr::parse(range).ok_or_else(|| {
            error(
                "is neither an address nor a CIDR block; write an address and a prefix length, \
                 such as 10.0.0.0/8",
            )
        })?;
        match cidr::masked(network, mask) == network {
            true => Ok(Self { network, mask }),
            false => Err(error(
                "has bits set after its prefix; write the first address of the block",
            )),
        }
    }

    /// Returns whether the range contains the address.
    pub fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.network.is_ipv4()
            && cidr::masked(address, self.mask) == self.network
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = match self.mask {
            IpAddr::V4(mask) => mask.to_bits().count_ones(),
            IpAddr::V6(mask) => mask.to_bits().count_ones(),
        };
        match self.mask == cidr::all_ones(self.network) {
            true => write!(f, "{}", self.network),
            false => write!(f, "{}/{prefix}", self.network),
        }
    }
}
