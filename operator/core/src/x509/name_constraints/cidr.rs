//! CIDR blocks (RFC 4632, RFC 4291 2.3).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const FORM: &str =
    "which is not a CIDR block; write an address and a prefix length, such as 10.0.0.0/8";

/// Returns the address and the mask, as an iPAddress constrains (RFC 5280 4.2.1.10).
pub(super) fn encode(block: &str) -> Result<Vec<u8>, String> {
    let Some((_, prefix)) = block.split_once('/') else {
        return Err(match block.parse::<IpAddr>() {
            Ok(IpAddr::V4(_)) => format!("which has no prefix length; write {block}/32"),
            Ok(IpAddr::V6(_)) => format!("which has no prefix length; write {block}/128"),
            Err(_) => FORM.to_owned(),
        });
    };
    let (address, mask) = parse(block).ok_or(FORM)?;
    let network = masked(address, mask);
    if network != address {
        return Err(format!(
            "which has bits set after its prefix; write {network}/{prefix}"
        ));
    }
    Ok([octets(address), octets(mask)].concat())
}

/// Reads an address and a prefix length, and returns the address and the mask.
pub(crate) fn parse(block: &str) -> Option<(IpAddr, IpAddr)> {
    let (address, prefix) = block.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    Some((address, mask(address, prefix)?))
}

/// Returns the mask of one address.
pub(crate) fn all_ones(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => Ipv4Addr::BROADCAST.into(),
        IpAddr::V6(_) => Ipv6Addr::from_bits(u128::MAX).into(),
    }
}

/// Returns the mask for an address of this family.
fn mask(address: IpAddr, prefix: &str) -> Option<IpAddr> {
    let length: u32 = prefix.parse().ok()?;
    // Without a sign and leading zeros, as Go reads it.
    if length.to_string() != prefix {
        return None;
    }
    Some(match address {
        IpAddr::V4(_) => {
            let host = 32_u32.checked_sub(length)?;
            Ipv4Addr::from(u32::MAX.checked_shl(host).unwrap_or(0)).into()
        }
        IpAddr::V6(_) => {
            let host = 128_u32.checked_sub(length)?;
            Ipv6Addr::from(u128::MAX.checked_shl(host).unwrap_or(0)).into()
        }
    })
}

/// Returns the address without the bits after the prefix. Both are of the same family.
pub(crate) fn masked(address: IpAddr, mask: IpAddr) -> IpAddr {
    match (address, mask) {
        (IpAddr::V4(address), IpAddr::V4(mask)) => IpAddr::V4(address & mask),
        (IpAddr::V6(address), IpAddr::V6(mask)) => IpAddr::V6(address & mask),
        _ => address,
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}
