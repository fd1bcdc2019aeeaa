//! Connections to keys in Secrets, and one to a scripted key.

mod checks;
mod flood;
mod loading;
mod scripted;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use futures::FutureExt;
use futures::future::BoxFuture;
use signet_api::{IssuerKind, IssuerSpec, KeyLimits, NamespaceLimits};
use signet_keys::{
    ErrorClass, GeneratedKey, KeyType, Limits, Namespace, PROBE, SecretData, ServiceAccountToken,
};
use tokio::time::advance;

use super::*;
use crate::fixtures::context::NO_CAPS;
use crate::fixtures::namespace::{no_config_map, no_token};
use crate::fixtures::{corp, key, spec};

/// A namespace with a key in it, or none, or none that can be read; and how often it was read.
#[derive(Debug)]
struct Cluster {
    pem: String,
    there: AtomicBool,
    unreachable: AtomicBool,
    calls: AtomicU32,
}

impl Cluster {
    fn new() -> Arc<Self> {
        let key = GeneratedKey::new(KeyType::EcdsaP256).unwrap();
        Arc::new(Self {
            pem: key.pem().to_owned(),
            there: AtomicBool::new(true),
            unreachable: AtomicBool::new(false),
            calls: AtomicU32::new(0),
        })
    }

    fn access(self: &Arc<Self>) -> Access {
        key::access(Handle(self.clone()))
    }

    fn calls(&self) -> u32 {
        self.calls.swap(0, Ordering::Relaxed)
    }
}

#[derive(Debug)]
struct Handle(Arc<Cluster>);

impl Namespace for Handle {
    fn secret<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<SecretData>, KeyError>> {
        self.0.calls.fetch_add(1, Ordering::Relaxed);
        let data = [("tls.key", self.0.pem.as_bytes().to_vec())];
        let there = self.0.there.load(Ordering::Relaxed);
        let answer = match self.0.unreachable.load(Ordering::Relaxed) {
            true => Err(KeyError::new(ErrorClass::Unreachable, "no route")),
            false => Ok(there.then(|| data.into_iter().collect())),
        };
        async { answer }.boxed()
    }

    fn config_map<'a>(
        &'a self,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<BTreeMap<String, String>>, KeyError>> {
        no_config_map()
    }

    fn token<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<ServiceAccountToken, KeyError>> {
        no_token()
    }
}

fn connections() -> Connections {
    Connections::new(NO_CAPS, Wakeups::default())
}

async fn check(
    connections: &Connections,
    cluster: &Arc<Cluster>,
    spec: &IssuerSpec,
) -> Result<Key, KeyError> {
    let (issuer, known) = (corp(), KeyPin::default());
    let parameters = (&spec.key, spec.key_limits);
    connections
        .key(
            (&issuer, "uid"),
            Role::Next,
            parameters,
            &cluster.access(),
            &known,
            false,
        )
        .await
}

/// However many requests wait, an unavailable backend is called at most every 5 s.
#[tokio::test(start_paused = true)]
async fn probes_an_unavailable_key_every_five_seconds() {
    let (connections, cluster) = (connections(), Cluster::new());
    cluster.unreachable.store(true, Ordering::Relaxed);
    while !connections.is_unavailable(&corp()) {
        check(&connections, &cluster, &spec("ca"))
            .await
            .unwrap_err();
    }
    cluster.calls();
    for _ in 0..600 {
        advance(PROBE / 50).await;
        let error = check(&connections, &cluster, &spec("ca"))
            .await
            .unwrap_err();
        assert_eq!(error.message, "no route", "always the same message");
    }
    assert!((11..=12).contains(&cluster.calls()));
}

#[tokio::test(start_paused = true)]
async fn wakes_the_issuer_and_its_requests_when_the_key_is_back() {
    let (connections, cluster) = (connections(), Cluster::new());
    let wakeups = connections.wakeups.clone();
    let (mut issuers, mut requests) = (wakeups.issuers(), wakeups.requests());
    check(&connections, &cluster, &spec("ca")).await.unwrap();
    assert!(issuers.try_recv().is_err());
    cluster.there.store(false, Ordering::Relaxed);
    let error = check(&connections, &cluster, &spec("ca"))
        .await
        .unwrap_err();
    assert_eq!(error.class, ErrorClass::KeyNotFound);
    assert_eq!(issuers.try_recv().unwrap(), Some(corp()));
    assert!(requests.try_recv().is_err());
    cluster.there.store(true, Ordering::Relaxed);
    advance(PROBE).await;
    check(&connections, &cluster, &spec("ca")).await.unwrap();
    assert_eq!(issuers.try_recv().unwrap(), Some(corp()));
    assert_eq!(requests.try_recv().unwrap(), Some(corp()));
    assert!(!connections.is_unavailable(&corp()));
}

/// A corrected spec does not wait for the errors of the one before.
#[tokio::test(start_paused = true)]
async fn another_spec_is_another_connection() {
    let (connections, cluster) = (connections(), Cluster::new());
    cluster.there.store(false, Ordering::Relaxed);
    check(&connections, &cluster, &spec("typo"))
        .await
        .unwrap_err();
    assert!(connections.is_unavailable(&corp()));
    cluster.there.store(true, Ordering::Relaxed);
    check(&connections, &cluster, &spec("ca")).await.unwrap();
    assert!(!connections.is_unavailable(&corp()));
    assert_eq!(connections.issuers(), [corp()]);
    connections.forget(&corp());
    assert!(connections.issuers().is_empty(), "no key stays in memory");
}

#[test]
fn limits_default_to_those_of_the_backend() {
    let mut spec = spec("ca");
    let own = spec.key.backend().limits();
    assert_eq!(
        limits((IssuerKind::Issuer, &spec.key), spec.key_limits, NO_CAPS),
        own
    );
    spec.key_limits = Some(KeyLimits {
        signatures_per_second: Some(7),
        max_in_flight: None,
        per_namespace: None,
    });
    let expected = Limits {
        per_second: Some(7),
        max_in_flight: own.max_in_flight,
        per_tenant: None,
    };
    assert_eq!(
        limits((IssuerKind::Issuer, &spec.key), spec.key_limits, NO_CAPS),
        expected
    );
}

/// A user who may write Issuers does not decide about the platform's quota.
#[test]
fn limits_never_exceed_the_operators_caps() {
    let caps = Limits {
        per_second: Some(100),
        max_in_flight: 8,
        per_tenant: None,
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
            per_namespace: None,
        });
        let found = limits((IssuerKind::Issuer, &spec.key), spec.key_limits, caps);
        assert_eq!((found.per_second, found.max_in_flight), expected);
    }
}

/// Without one, a namespace could use up the quota of all.
#[test]
fn a_namespace_has_half_of_a_cluster_issuers_rate_unless_the_spec_says_otherwise() {
    let own = |signatures_per_second, burst| NamespaceLimits {
        signatures_per_second,
        burst,
    };
    let (cluster, namespaced) = (IssuerKind::ClusterIssuer, IssuerKind::Issuer);
    for (kind, per_second, per_namespace, expected) in [
        (cluster, Some(500), None, Some((250, 250))),
        (cluster, Some(1), None, Some((1, 1))),
        (cluster, None, None, None),
        (namespaced, Some(500), None, None),
        (cluster, Some(500), Some(own(3, None)), Some((3, 3))),
        (cluster, None, Some(own(3, Some(30))), Some((3, 30))),
        (namespaced, None, Some(own(3, Some(30))), Some((3, 30))),
    ] {
        let spec = spec("ca");
        let of_spec = KeyLimits {
            signatures_per_second: per_second,
            max_in_flight: None,
            per_namespace,
        };
        let found = limits((kind, &spec.key), Some(of_spec), NO_CAPS).per_tenant;
        let found = found.map(|limit| (limit.per_second, limit.burst));
        assert_eq!(found, expected, "{kind:?} {of_spec:?}");
    }
}
