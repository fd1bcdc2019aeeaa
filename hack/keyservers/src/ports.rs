//! Free ports on loopback.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Result, ensure};

/// Below the range out of which systems take the ports of outgoing connections, so that none of
/// these takes a port between the choice and its use, or while a server restarts.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;
const TRIES: u32 = 1_000;

/// `N` ports that nobody listens on, chosen at random, so that servers that start at the same
/// time do not choose the same ones.
pub(crate) fn free<const N: usize>() -> Result<[u16; N]> {
    let mut listeners = Vec::with_capacity(N);
    let mut tries = 0;
    while listeners.len() < N {
        ensure!(
            tries < TRIES,
            "no free port on loopback between {FIRST} and {}",
            FIRST + COUNT
        );
        tries += 1;
        // The standard library's source of randomness.
        let random = RandomState::new().hash_one(tries) % u64::from(COUNT);
        let port = FIRST + u16::try_from(random)?;
        listeners.extend(
            TcpListener::bind((Ipv4Addr::LOCALHOST, port))
                .ok()
                .map(|listener| (port, listener)),
        );
    }
    // All are held until here, so no port comes twice.
    Ok(std::array::from_fn(|index| listeners[index].0))
}
