//! Names to addresses, of which only those that may be called are given: what is connected to is
//! what was judged.

use std::net::SocketAddr;

use futures::FutureExt;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::addresses::Addresses;
use crate::lookup::lookup;

/// Resolves names as the system does, and judges what comes out.
pub(super) struct Resolver {
    /// What may be called.
    pub(super) addresses: Addresses,
    /// For whom names are looked up.
    pub(super) tenant: Option<String>,
}

/// None of the addresses may be called. Which ones they are is not said: an Issuer is no window
/// into the network.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to no address that may be called")]
pub(super) struct AddressRefused;

/// The name has no address.
#[derive(Debug, thiserror::Error)]
#[error("the name does not resolve")]
pub(super) struct NoAddress;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (addresses, tenant) = (self.addresses.clone(), self.tenant.clone());
        async move {
            let found = lookup(tenant.as_deref(), name.as_str()).await;
            let found = found.map_err(|_| NoAddress)?;
            if found.is_empty() {
                return Err(NoAddress.into());
            }
            let allowed: Vec<_> = found
                .into_iter()
                .filter(|address| addresses.allow(*address))
                .map(|address| SocketAddr::new(address, 0))
                .collect();
            if allowed.is_empty() {
                return Err(AddressRefused.into());
            }
            let allowed: Addrs = Box::new(allowed.into_iter());
            Ok(allowed)
        }
        .boxed()
    }
}
