//! Free ports on loopback.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;

use anyhow::{Result, ensure};
use parking_lot::Mutex;
use rustix::io::Errno;
use rustix::net::sockopt::set_socket_reuseaddr;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};

/// Below the range out of which most systems take the ports of outgoing connections.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;
const TRIES: u32 = 1_000;

/// The reserved ports, each with the socket that reserves it.
static RESERVED: Mutex<BTreeMap<u16, OwnedFd>> = Mutex::new(BTreeMap::new());

/// Reserves `N` free ports while this process lives, so that no other process gets one before its
/// server listens or while that restarts. They are random, so that processes that start at the
/// same time do not collide.
///
/// # Errors
/// There are none.
pub fn free<const N: usize>() -> Result<[u16; N]> {
    let mut reserved = RESERVED.lock();
    let mut found = Vec::with_capacity(N);
    let mut tries = 0;
    while found.len() < N {
        ensure!(
            tries < TRIES,
            "no free port on loopback between {FIRST} and {}",
            FIRST + COUNT
        );
        tries += 1;
        // The standard library's source of randomness.
        let random = RandomState::new().hash_one(tries) % u64::from(COUNT);
        let port = FIRST + u16::try_from(random)?;
        match keep(port) {
            Ok(kept) => {
                reserved.insert(port, kept);
                found.push(port);
            }
            Err(Errno::ADDRINUSE) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(std::array::from_fn(|index| found[index]))
}

/// Binds a port without listening on it. Where one socket is bound and both say that the address
/// may be used again, another may be bound and listen; the kernel uses such a port for no
/// outgoing connection. The option is set after the bind, so that two processes do not both find
/// this port.
fn keep(port: u16) -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))?;
    set_socket_reuseaddr(&socket, true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream};
    use std::thread::sleep;
    use std::time::Duration;

    use super::*;

    const POLL_INTERVAL: Duration = Duration::from_millis(10);

    #[test]
    fn ports_differ_and_can_be_bound_repeatedly() {
        let ports: [u16; 20] = free().unwrap();
        let further: [u16; 20] = free().unwrap();
        for port in [ports, further].concat() {
            let address = (Ipv4Addr::LOCALHOST, port);
            assert!(TcpStream::connect(address).is_err(), "a server listens");
            for _ in 0..2 {
                let listener = listen(address);
                let client = TcpStream::connect(address).unwrap();
                drop((listener.accept().unwrap(), client));
            }
        }
    }

    /// A process that another test starts at this moment has every listener of this one until it
    /// executes its program.
    fn listen(address: (Ipv4Addr, u16)) -> TcpListener {
        for _ in 0..TRIES {
            match TcpListener::bind(address) {
                Err(error) if error.kind() == ErrorKind::AddrInUse => sleep(POLL_INTERVAL),
                bound => return bound.unwrap(),
            }
        }
        panic!("{address:?} stays in use")
    }

    #[test]
    fn reserves_a_port_once() {
        let [port] = free().unwrap();
        assert_eq!(keep(port).unwrap_err(), Errno::ADDRINUSE);
    }
}
