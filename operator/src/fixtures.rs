//! What the tests of the pure stages share: a fixed time, keys, CAs, CSRs, and the independent
//! readers of what comes out.

pub(crate) mod ca;
pub(crate) mod context;
pub(crate) mod csr;
pub(crate) mod key;
pub(crate) mod namespace;

use jiff::{SignedDuration, Timestamp};
use signet_api::{CertificateSpec, IssuerKind, IssuerSpec};
use signet_core::request::Requester;

use crate::issuer_name::IssuerName;

/// The time of every test that does not set another one: 2026-09-01T12:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::constant(1_788_264_000, 0);

pub(crate) const HOUR: i64 = 3600;
pub(crate) const DAY: i64 = 24 * HOUR;

/// So many seconds after [`NOW`], or before it.
pub(crate) fn at(seconds: i64) -> Timestamp {
    NOW + SignedDuration::from_secs(seconds)
}

/// Shows a chain, the certificate first, and its roots to the independent readers at a time.
#[track_caller]
pub(crate) fn verify(chain: &str, roots: &str, now: Timestamp) {
    let at = std::time::Duration::from_secs(now.as_second().unsigned_abs());
    let shown = signet_readers::Chain::from_pem(chain, roots).unwrap();
    shown
        .verify(at)
        .unwrap_or_else(|error| panic!("{error:#}\n{chain}"));
}

/// The ClusterIssuer `corp`.
pub(crate) fn corp() -> IssuerName {
    IssuerName {
        kind: IssuerKind::ClusterIssuer,
        namespace: String::new(),
        name: "corp".to_owned(),
    }
}

/// The Issuer `ca` in namespace `shop`.
pub(crate) fn shop_ca() -> IssuerName {
    issuer("shop", "ca")
}

/// An Issuer.
pub(crate) fn issuer(namespace: &str, name: &str) -> IssuerName {
    IssuerName {
        kind: IssuerKind::Issuer,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

/// The MeshCA `istio` in namespace `istio-system`.
pub(crate) fn mesh_ca() -> IssuerName {
    IssuerName {
        kind: IssuerKind::MeshCA,
        namespace: "istio-system".to_owned(),
        name: "istio".to_owned(),
    }
}

/// The spec of an issuer whose key is in this Secret, and nothing else.
pub(crate) fn spec(secret: &str) -> IssuerSpec {
    IssuerSpec {
        key: key::software(secret),
        key_limits: None,
        certificate: CertificateSpec::default(),
        spiffe: None,
        policy: None,
        profile: None,
        rotation: None,
        suspend: false,
        bundle: None,
    }
}

/// The user of the request objects, who is not a ServiceAccount.
pub(crate) fn alice() -> Requester {
    Requester {
        username: "alice".to_owned(),
        uid: "alice-1".to_owned(),
        groups: vec!["staff".to_owned()],
        extra: [("scopes".to_owned(), vec!["a".to_owned(), "b".to_owned()])].into(),
    }
}

/// A requester with a token of this ServiceAccount.
pub(crate) fn service_account(namespace: &str, name: &str) -> Requester {
    Requester {
        username: format!("system:serviceaccount:{namespace}:{name}"),
        uid: "web-1".to_owned(),
        groups: vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{namespace}"),
        ],
        ..Requester::default()
    }
}
