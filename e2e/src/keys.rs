//! Keys that are kept elsewhere: the servers of the backends, each started once, and P-256 keys in
//! them, made by the backends' own tools.
//!
//! Every key has its own path to its server ([`RemoteKey::begin_outage`]), a proxy or for PKCS#11 a
//! module, so that a test makes a backend unavailable only to itself.

mod issuers;
mod kms;
pub mod modules;
pub mod secrets;
mod token;
mod vault;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::{Result, anyhow};
use serde_json::Value;
use signet_testbed::Proxy;
use signet_testbed::proxy::{Fault, Requests};

use crate::runtime::blocking;

pub use issuers::at;
pub use kms::{KmsKey, ministack};
pub use modules::{Module, softhsm};
pub use token::TokenKey;
pub use vault::{MOUNT, VaultKey, openbao};

/// How a backend is unavailable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// Connections are refused; a token is taken out.
    Gone,
    /// Connections are accepted and get no response; a signature does not return.
    Hung,
}

/// A key at a backend, with a credential for it and a way to it. All methods block.
pub trait RemoteKey: Send + Sync {
    /// The backend, as `spec.key` names it.
    fn backend(&self) -> &'static str;

    /// `spec.key`, with the credential in a Secret of this name.
    fn config(&self, secret: &str) -> Value;

    /// The Secret in the cluster resource namespace with the credential, where the operator's own
    /// configuration names it and the issuer does not.
    fn operator_secret(&self) -> Option<String> {
        None
    }

    /// The data of the Secret with the credential.
    fn credential(&self) -> BTreeMap<&'static str, String>;

    /// Makes another credential and destroys the one before.
    ///
    /// # Errors
    /// The backend's tool failed.
    fn replace_credential(&self) -> Result<()>;

    /// The public half, as the backend's own tool returns it: a SubjectPublicKeyInfo in DER.
    ///
    /// # Errors
    /// The backend's tool failed.
    fn public_key(&self) -> Result<Vec<u8>>;

    /// Makes the backend unavailable on this path.
    ///
    /// # Errors
    /// It stays available.
    fn begin_outage(&self, how: Outage) -> Result<()>;

    /// Brings the backend back.
    ///
    /// # Errors
    /// It cannot be brought back.
    fn bring_back(&self) -> Result<()>;
}

/// Makes the server behind a proxy unavailable to the users of the proxy.
fn begin_outage(proxy: &Proxy, how: Outage) -> Result<()> {
    match how {
        Outage::Gone => proxy.refuse(),
        Outage::Hung => {
            proxy.add(Requests::All, Fault::Silence);
            proxy.silence_connections();
            Ok(())
        }
    }
}

fn bring_back(proxy: &Proxy) -> Result<()> {
    proxy.clear();
    proxy.accept()
}

/// A key that tests share with the threads on which they block.
pub type Shared = Arc<dyn RemoteKey>;

/// A key in OpenBao.
///
/// # Errors
/// OpenBao does not start, or its tool failed.
pub async fn vault() -> Result<Arc<VaultKey>> {
    blocking(|| Ok(Arc::new(VaultKey::make()?))).await
}

/// A key in the emulator of AWS KMS.
///
/// # Errors
/// It does not start.
pub async fn kms() -> Result<Arc<KmsKey>> {
    blocking(|| Ok(Arc::new(KmsKey::make()?))).await
}

/// A key in the token of this module of the list.
///
/// # Errors
/// SoftHSM2's tool failed.
pub async fn token(module: &'static str) -> Result<Arc<TokenKey>> {
    blocking(move || Ok(Arc::new(TokenKey::make(module)?))).await
}

/// A key of each backend.
///
/// # Errors
/// Those of each.
pub async fn one_of_each(module: &'static str) -> Result<[Shared; 3]> {
    let (vault, kms, token) = futures::try_join!(vault(), kms(), token(module))?;
    Ok([vault, kms, token])
}

/// Starts every server: seconds, and the first time minutes, in which they are installed.
///
/// # Errors
/// One cannot be started.
pub fn prepare() -> Result<()> {
    let vault = std::thread::spawn(|| openbao().map(drop));
    let kms = std::thread::spawn(|| ministack().map(drop));
    modules::flags()?;
    for started in [vault, kms] {
        started
            .join()
            .map_err(|_| anyhow!("a server's thread panicked"))??;
    }
    Ok(())
}

/// A server that is started once; every user gets its error.
pub(crate) type Once<T> = OnceLock<Result<T, String>>;

fn once<T>(cell: &'static Once<T>, start: impl FnOnce() -> Result<T>) -> Result<&'static T> {
    let started = cell.get_or_init(|| start().map_err(|error| format!("{error:?}")));
    started.as_ref().map_err(|error| anyhow!("{error}"))
}

/// A name that is unique in this process.
fn unique(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
