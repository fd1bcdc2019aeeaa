//! A scripted backend with real keys. It is a double: what backends really do
//! stands in the suite of `signet-keys`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures::FutureExt;
use futures::future::BoxFuture;
use signet_core::issue::{Signature, ToBeSigned};
use signet_core::x509::algorithm::SignatureAlgorithm;
use signet_core::x509::public_key::PublicKey;
use signet_keys::{
    Access, Backend, Checked, Connected, KeyError, KeyPin, KeyType, Limits, RsaHash, SecretData,
    Signer,
};
use tokio::sync::broadcast::Receiver;

use super::super::connection::{Connection, Key, Notifier, Parameters};
use crate::fixtures::{corp, key};
use crate::wakeups::{Wakeup, Wakeups};

/// The responses of a key, and the calls to it.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// The result of a check; by default the key is unchanged.
    pub(super) check: std::sync::Mutex<Option<Result<Checked, KeyError>>>,
    /// Why it does not sign.
    pub(super) refusal: std::sync::Mutex<Option<KeyError>>,
    pub(super) connects: AtomicU32,
    pub(super) checks: AtomicU32,
    pub(super) signatures: AtomicU32,
}

/// One issuer's connection to such a key.
pub(super) struct Bed {
    pub(super) script: Arc<Script>,
    backend: Scripted,
    connection: Connection,
    limiters: signet_keys::KeyLimiters,
    pub(super) issuers: Receiver<Wakeup>,
    pub(super) requests: Receiver<Wakeup>,
}

#[derive(Debug)]
struct Scripted {
    script: Arc<Script>,
    /// What a reference without a pin leads to, and its key.
    leads_to: std::sync::Mutex<(String, Arc<dyn Signer>)>,
}

#[derive(Debug)]
struct ScriptedKey {
    script: Arc<Script>,
    key: Arc<dyn Signer>,
}

impl Bed {
    pub(super) fn new() -> Self {
        let script = Arc::<Script>::default();
        let first = ("first".to_owned(), key::signer(KeyType::EcdsaP256));
        let wakeups = Wakeups::default();
        let (issuers, requests) = (wakeups.issuers(), wakeups.requests());
        let limits = Limits {
            per_second: None,
            max_in_flight: 1,
            per_tenant: None,
        };
        let parameters = Parameters {
            uid: "uid".to_owned(),
            config: key::software("ca"),
            limits,
        };
        let notifier = Notifier {
            issuer: corp(),
            wakeups,
            log: Arc::default(),
        };
        Self {
            backend: Scripted {
                script: script.clone(),
                leads_to: std::sync::Mutex::new(first),
            },
            script,
            connection: Connection::new(parameters, notifier),
            limiters: signet_keys::KeyLimiters::default(),
            issuers,
            requests,
        }
    }

    pub(super) async fn check(&self, known: &KeyPin) -> Result<Key, KeyError> {
        let access = key::access(Nothing);
        self.connection
            .key(&self.backend, (&access, known), &self.limiters)
            .await
    }

    /// Signs with a key, as requests do.
    pub(super) async fn sign(&self, key: &Key) -> Result<Signature, KeyError> {
        let (public, algorithm) = (key.guard.public_key(), key.guard.algorithm());
        key.guard
            .sign(&ToBeSigned::self_test(public, algorithm))
            .await
    }

    /// The reference leads to another key from now on.
    pub(super) fn leads_elsewhere(&self) {
        let second = ("second".to_owned(), key::signer(KeyType::EcdsaP256));
        *self.backend.leads_to.lock().unwrap() = second;
    }

    pub(super) fn is_unavailable(&self) -> bool {
        self.connection.breaker().is_open()
    }

    /// Returns how often it was connected to, checked and signed with since the last call.
    pub(super) fn calls(&self) -> (u32, u32, u32) {
        let take = |count: &AtomicU32| count.swap(0, Ordering::Relaxed);
        let script = &self.script;
        (
            take(&script.connects),
            take(&script.checks),
            take(&script.signatures),
        )
    }
}

impl Backend for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn reference(&self) -> String {
        "scripted".to_owned()
    }

    fn limits(&self) -> Limits {
        Limits {
            per_second: None,
            max_in_flight: 1,
            per_tenant: None,
        }
    }

    fn connect<'a>(
        &'a self,
        _rsa_hash: RsaHash,
        _access: &'a Access,
        _known: &'a KeyPin,
    ) -> BoxFuture<'a, Result<Connected, KeyError>> {
        self.script.connects.fetch_add(1, Ordering::Relaxed);
        let (pin, key) = self.leads_to.lock().unwrap().clone();
        let signer = ScriptedKey {
            script: self.script.clone(),
            key,
        };
        let connected = Connected {
            pin: Some(pin),
            ..Connected::to(Arc::new(signer)).unwrap()
        };
        async { Ok(connected) }.boxed()
    }
}

impl Signer for ScriptedKey {
    fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }

    fn sign<'a>(&'a self, tbs: &'a ToBeSigned) -> BoxFuture<'a, Result<Signature, KeyError>> {
        self.script.signatures.fetch_add(1, Ordering::Relaxed);
        match self.script.refusal.lock().unwrap().clone() {
            Some(refusal) => async { Err(refusal) }.boxed(),
            None => self.key.sign(tbs),
        }
    }

    fn check(&self) -> BoxFuture<'_, Result<Checked, KeyError>> {
        self.script.checks.fetch_add(1, Ordering::Relaxed);
        let look = self.script.check.lock().unwrap().clone();
        let same = || {
            Ok(Checked::Unchanged {
                notices: Vec::new(),
            })
        };
        async move { look.unwrap_or_else(same) }.boxed()
    }
}

/// A namespace without calls.
#[derive(Debug)]
struct Nothing;

impl signet_keys::Namespace for Nothing {
    fn secret<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<SecretData>, KeyError>> {
        panic!("unexpected call")
    }

    fn config_map<'a>(
        &'a self,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<std::collections::BTreeMap<String, String>>, KeyError>> {
        panic!("unexpected call")
    }

    fn token<'a>(
        &'a self,
        _: &'a str,
    ) -> BoxFuture<'a, Result<signet_keys::ServiceAccountToken, KeyError>> {
        panic!("unexpected call")
    }
}
