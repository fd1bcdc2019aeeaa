//! The connections of issuers over keys in Secrets, and one over a key that does as it is told.

mod looks;
mod scripted;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use futures::FutureExt;
use futures::future::BoxFuture;
use signet_api::{CertificateSpec, KeyLimits};
use signet_keys::{
    ErrorClass, GeneratedKey, KeyType, Limits, Namespace, PROBE, SecretData, ServiceAccountToken,
};
use tokio::time::advance;

use super::*;
use crate::fixtures::{corp, key};

/// A namespace with a key in it, or none, or none that can be read; and how often it was asked.
#[derive(Debug)]
struct Cluster {
    pem: String,
    there: AtomicBool,
    away: AtomicBool,
    asked: AtomicU32,
}

impl Cluster {
    fn new() -> Arc<Self> {
        let key = GeneratedKey::new(KeyType::EcdsaP256).unwrap();
        Arc::new(Self {
            pem: key.secret_entry().1.to_owned(),
            there: AtomicBool::new(true),
            away: AtomicBool::new(false),
            asked: AtomicU32::new(0),
        })
    }

    fn access(self: &Arc<Self>) -> Access {
        key::access(Handle(self.clone()))
    }

    fn asked(&self) -> u32 {
        self.asked.swap(0, Ordering::Relaxed)
    }
}

#[derive(Debug)]
struct Handle(Arc<Cluster>);

impl Namespace for Handle {
    fn secret<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<SecretData>, KeyError>> {
        self.0.asked.fetch_add(1, Ordering::Relaxed);
        let data = [("tls.key", self.0.pem.as_bytes().to_vec())];
        let there = self.0.there.load(Ordering::Relaxed);
        let answer = match self.0.away.load(Ordering::Relaxed) {
            true => Err(KeyError::new(ErrorClass::Unreachable, "no route")),
            false => Ok(there.then(|| data.into_iter().collect())),
        };
        async { answer }.boxed()
    }

    fn config_map<'a>(
        &'a self,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<BTreeMap<String, String>>, KeyError>> {
        async { Ok(None) }.boxed()
    }

    fn token<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<ServiceAccountToken, KeyError>> {
        async { Err(KeyError::new(ErrorClass::Unreachable, "no tokens here")) }.boxed()
    }
}

fn spec(secret: &str) -> IssuerSpec {
    IssuerSpec {
        key: key::software(secret),
        key_limits: None,
        certificate: CertificateSpec {
            self_signed: None,
            existing: None,
        },
        spiffe: None,
        profile: None,
    }
}

fn change(event: KeyEvent) -> KeyChange {
    KeyChange {
        issuer: corp(),
        event,
    }
}

async fn look(
    connections: &Connections,
    cluster: &Arc<Cluster>,
    spec: &IssuerSpec,
) -> Result<Key, KeyError> {
    let (issuer, known) = (corp(), KeyPin::default());
    connections
        .key((&issuer, "uid"), spec, &cluster.access(), &known)
        .await
}

/// However many requests wait, an unavailable backend is called at most every 5 s.
#[tokio::test(start_paused = true)]
async fn a_key_that_is_away_is_looked_for_at_most_every_five_seconds() {
    let (connections, cluster) = (Connections::new(Caps::default()), Cluster::new());
    cluster.away.store(true, Ordering::Relaxed);
    while !connections.is_away(&corp()) {
        look(&connections, &cluster, &spec("ca")).await.unwrap_err();
    }
    cluster.asked();
    for _ in 0..600 {
        advance(PROBE / 50).await;
        let error = look(&connections, &cluster, &spec("ca")).await.unwrap_err();
        assert_eq!(error.message, "no route", "always the same sentence");
    }
    assert!((11..=12).contains(&cluster.asked()));
}

#[tokio::test(start_paused = true)]
async fn whoever_listens_hears_that_a_key_went_away_and_came_back() {
    let (connections, cluster) = (Connections::new(Caps::default()), Cluster::new());
    let mut changes = connections.changes();
    look(&connections, &cluster, &spec("ca")).await.unwrap();
    assert!(changes.try_recv().is_err());
    cluster.there.store(false, Ordering::Relaxed);
    let error = look(&connections, &cluster, &spec("ca")).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::KeyNotFound);
    assert_eq!(changes.try_recv().unwrap(), change(KeyEvent::Unavailable));
    cluster.there.store(true, Ordering::Relaxed);
    advance(PROBE).await;
    look(&connections, &cluster, &spec("ca")).await.unwrap();
    assert_eq!(changes.try_recv().unwrap(), change(KeyEvent::Available));
    assert!(!connections.is_away(&corp()));
}

/// Whoever corrects a spec does not wait for what was wrong with the one before.
#[tokio::test(start_paused = true)]
async fn another_spec_is_another_connection() {
    let (connections, cluster) = (Connections::new(Caps::default()), Cluster::new());
    cluster.there.store(false, Ordering::Relaxed);
    look(&connections, &cluster, &spec("typo"))
        .await
        .unwrap_err();
    assert!(connections.is_away(&corp()));
    cluster.there.store(true, Ordering::Relaxed);
    look(&connections, &cluster, &spec("ca")).await.unwrap();
    assert!(!connections.is_away(&corp()));
    connections.forget(&corp());
    assert!(connections.lock().is_empty(), "no key stays in memory");
}

#[tokio::test]
async fn the_connections_of_issuers_that_are_gone_are_dropped() {
    let (connections, cluster) = (Connections::new(Caps::default()), Cluster::new());
    look(&connections, &cluster, &spec("ca")).await.unwrap();
    connections.retain(IssuerKind::Issuer, |_| false);
    connections.retain(IssuerKind::ClusterIssuer, |_| true);
    assert_eq!(connections.lock().len(), 1);
    connections.retain(IssuerKind::ClusterIssuer, |_| false);
    assert!(connections.lock().is_empty(), "no key stays in memory");
}

#[test]
fn the_spec_limits_a_key_and_the_backend_does_where_it_says_nothing() {
    let mut spec = spec("ca");
    let own = spec.key.backend().limits();
    assert_eq!(limits(&spec, Caps::default()), own);
    spec.key_limits = Some(KeyLimits {
        signatures_per_second: Some(7),
        max_in_flight: None,
    });
    let expected = Limits {
        per_second: Some(7),
        max_in_flight: own.max_in_flight,
    };
    assert_eq!(limits(&spec, Caps::default()), expected);
}

/// Whoever may write an Issuer does not decide what the platform's quota allows.
#[test]
fn no_limit_exceeds_what_the_operators_flags_allow() {
    let caps = Caps {
        per_second: Some(100),
        max_in_flight: Some(8),
    };
    for (per_second, max_in_flight, expected) in [
        (None, None, (Some(100), 8)),
        (Some(100_000), Some(1024), (Some(100), 8)),
        (Some(7), Some(2), (Some(7), 2)),
    ] {
        let mut spec = spec("ca");
        spec.key_limits = Some(KeyLimits {
            signatures_per_second: per_second,
            max_in_flight,
        });
        let found = limits(&spec, caps);
        assert_eq!((found.per_second, found.max_in_flight), expected);
    }
}
