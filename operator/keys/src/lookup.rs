//! Names to addresses, as the system resolves them, so that a name which hangs costs its own
//! issuers alone.
//!
//! The system's resolver blocks its thread for as long as name servers are silent, and cannot be
//! given up. So each lookup has a thread of its own and not one of the few that all share, there
//! is one for a name at a time, and few for a tenant.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::thread;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// How many names are looked up for a tenant at the same time.
const AT_ONCE: usize = 8;

/// A tenant, or one name of his.
type Place = (Option<String>, Option<String>);

static PLACES: LazyLock<Mutex<HashMap<Place, Weak<Semaphore>>>> = LazyLock::new(Mutex::default);

/// The addresses of a host, looked up for an Issuer of this namespace, or for a ClusterIssuer.
///
/// # Errors
/// The name has no address, or the system gives no thread.
pub(crate) async fn lookup(tenant: Option<&str>, host: &str) -> io::Result<Vec<IpAddr>> {
    let own = tenant.map(str::to_owned);
    let of_name = place((own.clone(), Some(host.to_owned())), 1).await?;
    let of_tenant = match tenant {
        Some(_) => Some(place((own, None), AT_ONCE).await?),
        None => None,
    };
    let host = host.to_owned();
    let (tell, told) = oneshot::channel();
    thread::Builder::new()
        .name("lookup".to_owned())
        .spawn(move || {
            // Held until the system answers, whether anybody still waits for it or not.
            let _places = (of_name, of_tenant);
            let found = (host.as_str(), 0).to_socket_addrs();
            let found = found.map(|found| found.map(|address| address.ip()).collect());
            // Whoever asked may have given up.
            let _ = tell.send(found);
        })?;
    told.await.map_err(io::Error::other)?
}

async fn place(place: Place, at_once: usize) -> io::Result<OwnedSemaphorePermit> {
    let turns = {
        let mut places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
        places.retain(|_, turns| turns.strong_count() > 0);
        let kept = places.entry(place).or_default();
        kept.upgrade().unwrap_or_else(|| {
            let turns = Arc::new(Semaphore::new(at_once));
            *kept = Arc::downgrade(&turns);
            turns
        })
    };
    turns.acquire_owned().await.map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_name_leads_to_its_addresses_and_one_that_is_none_to_an_error() {
        let found = lookup(Some("shop"), "localhost").await.unwrap();
        assert!(found.iter().all(IpAddr::is_loopback), "{found:?}");
        assert!(lookup(None, "no name").await.is_err());
    }

    #[tokio::test]
    async fn a_name_that_hangs_holds_up_nobody_but_its_own() {
        let at = |tenant: &str, name: &str| (Some(tenant.to_owned()), Some(name.to_owned()));
        let hung = place(at("a", "hangs"), 1).await.unwrap();
        assert!(place(at("a", "hangs"), 1).now_or_never().is_none());
        assert!(place(at("a", "other"), 1).now_or_never().is_some());
        assert!(place(at("b", "hangs"), 1).now_or_never().is_some());
        drop(hung);
        assert!(place(at("a", "hangs"), 1).now_or_never().is_some());
    }
}
