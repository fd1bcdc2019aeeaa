//! Resolves names with the system's resolver, and judges the addresses.
//!
//! The resolver blocks its thread for as long as name servers are silent, and cannot be canceled.
//! So each lookup has its own thread and not one of the few that all share, with one lookup per
//! name and few per tenant: a name that hangs delays only its own issuers.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::LazyLock;
use std::thread;

use tokio::sync::oneshot;

use crate::access::{Access, Addresses};
use crate::keyed_semaphore::KeyedSemaphore;

/// How many names are looked up concurrently for a tenant.
const MAX_LOOKUPS: usize = 8;

static NAMES: LazyLock<KeyedSemaphore<(Option<String>, String)>> =
    LazyLock::new(|| KeyedSemaphore::new(1));
static TENANTS: LazyLock<KeyedSemaphore<String>> =
    LazyLock::new(|| KeyedSemaphore::new(MAX_LOOKUPS));

/// Why a name leads nowhere. It does not contain the addresses: an Issuer must not show the
/// network to its owner.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unresolved {
    /// It has no address, or the system gives no thread to ask with.
    #[error("the name does not resolve")]
    NoAddress(#[source] Option<io::Error>),
    #[error("the name leads to an address that may not be called")]
    Forbidden,
}

pub(crate) async fn resolve(access: &Access, host: &str) -> Result<Vec<IpAddr>, Unresolved> {
    let found = lookup(access.tenant.as_deref(), host).await;
    let found = found.map_err(|error| Unresolved::NoAddress(Some(error)))?;
    judge(found, &access.addresses)
}

fn judge(found: Vec<IpAddr>, addresses: &Addresses) -> Result<Vec<IpAddr>, Unresolved> {
    if found.is_empty() {
        return Err(Unresolved::NoAddress(None));
    }
    match found.iter().all(|address| addresses.allow(*address)) {
        true => Ok(found),
        false => Err(Unresolved::Forbidden),
    }
}

async fn lookup(tenant: Option<&str>, host: &str) -> io::Result<Vec<IpAddr>> {
    let own = tenant.map(str::to_owned);
    let of_name = NAMES.enter((own.clone(), host.to_owned())).await;
    let of_tenant = match own {
        Some(tenant) => TENANTS.enter(tenant).await,
        None => None,
    };
    let host = host.to_owned();
    let (sender, receiver) = oneshot::channel();
    thread::Builder::new()
        .name("lookup".to_owned())
        .spawn(move || {
            // Held until the system returns, also after the caller has given up.
            let _permits = (of_name, of_tenant);
            let found = (host.as_str(), 0).to_socket_addrs();
            let found = found.map(|found| found.map(|address| address.ip()).collect());
            // The receiver may be gone.
            let _ = sender.send(found);
        })?;
    receiver.await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_leads_to_its_addresses_and_one_that_is_none_to_an_error() {
        let found = lookup(Some("shop"), "localhost").await.unwrap();
        assert!(found.iter().all(IpAddr::is_loopback), "{found:?}");
        assert!(lookup(None, "no name").await.is_err());
    }

    /// Which of them is called is not ours to choose.
    #[test]
    fn one_address_that_may_not_be_called_is_one_too_many() {
        let tenant = Addresses::Outside {
            api_server: Default::default(),
        };
        let found = |texts: &[&str]| texts.iter().map(|it| it.parse().unwrap()).collect();
        let both: Vec<IpAddr> = found(&["10.0.0.2", "127.0.0.1"]);
        assert!(matches!(
            judge(both.clone(), &tenant),
            Err(Unresolved::Forbidden)
        ));
        assert_eq!(judge(both.clone(), &Addresses::Any).unwrap(), both);
        let good: Vec<IpAddr> = found(&["10.0.0.2", "2001:db8::2"]);
        assert_eq!(judge(good.clone(), &tenant).unwrap(), good);
        let none = judge(Vec::new(), &Addresses::Any);
        assert!(matches!(none, Err(Unresolved::NoAddress(None))));
    }
}
