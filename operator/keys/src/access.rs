//! What an issuer's key may reach: its own namespace, and what the operator's flags allow.

mod addresses;
mod modules;
mod proxy;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use zeroize::Zeroizing;

pub use addresses::{Addresses, ApiServer};
pub use modules::{
    ModuleConfig, ModuleProcess, ModuleProgram, Modules, ModulesConfig, ModulesError, ModulesFault,
    PinSecret, PinSecrets, PinSource, TokenConfig,
};
pub use proxy::{HttpProxy, InvalidProxy, ProxyUrl};

use crate::blocking::BlockingQueue;
use crate::error::KeyError;
use crate::secrets::SecretData;

/// Reads from the one namespace that an issuer may read from. There is no way to name another.
pub trait Namespace: fmt::Debug + Send + Sync {
    /// The Secret of that name, or none if there is no such Secret.
    fn secret<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<SecretData>, KeyError>>;

    /// The data of the ConfigMap of that name, or none if there is no such ConfigMap.
    fn config_map<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<BTreeMap<String, String>>, KeyError>>;

    /// A token of a ServiceAccount, made for this issuer. Its audience is
    /// `signet://<namespace>/<issuer>` for an Issuer and `signet://<issuer>` for a ClusterIssuer,
    /// so that the server that it is sent to can use it for nothing else.
    fn token<'a>(
        &'a self,
        service_account: &'a str,
    ) -> BoxFuture<'a, Result<ServiceAccountToken, KeyError>>;
}

/// A token that the API server made. It is for one login, so its expiry does not matter.
#[derive(Clone)]
pub struct ServiceAccountToken(pub Zeroizing<String>);

impl fmt::Debug for ServiceAccountToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServiceAccountToken(…)")
    }
}

/// What an issuer's key may reach.
#[derive(Clone, Debug)]
pub struct Access {
    /// The namespace of the issuer's Secrets.
    pub namespace: Arc<dyn Namespace>,
    /// The namespace of an Issuer; none for a ClusterIssuer.
    pub tenant: Option<String>,
    /// Whether the operator's own credentials (its cloud identity, its environment) may be used.
    pub ambient_credentials: bool,
    /// Which addresses may be called.
    pub addresses: Addresses,
    /// The proxy through which servers are called; none for an Issuer.
    pub proxy: Option<Arc<HttpProxy>>,
    /// The PKCS#11 modules and tokens that the operator's configuration lists.
    pub modules: Arc<Modules>,
    /// Where keys in Secrets are read: one queue for all of the process.
    pub loading: Arc<BlockingQueue>,
    /// Where RSA keys in Secrets sign: one queue for all of the process.
    pub signing: Arc<BlockingQueue>,
}

impl Access {
    /// The proxy, if it may be used: addresses that have to be judged are called directly.
    #[cfg(feature = "network")]
    pub(crate) fn allowed_proxy(&self) -> Option<&Arc<HttpProxy>> {
        let is_judged =
            self.tenant.is_some() || matches!(self.addresses, Addresses::Outside { .. });
        self.proxy.as_ref().filter(|_| !is_judged)
    }
}

/// What is known of a key from before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPin {
    /// What the reference was resolved to when the CA generation was made: the key's ARN behind
    /// an alias, or the version of a Transit key.
    pub pin: Option<String>,
    /// The fingerprint of the public key that the CA certificate is over.
    pub fingerprint: Option<String>,
}
