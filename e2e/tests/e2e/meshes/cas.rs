//! Issuers with the preset of one agent, and what all CA certificates of agents have in common.

use anyhow::{Context, Result, ensure};
use const_oid::AssociatedOid;
use serde_json::{Value, json};
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::{Issued, IssuerRef, TestNamespace, spec};
use x509_cert::ext::pkix::NameConstraints;

/// The trust domain of these tests.
pub(super) const TRUST_DOMAIN: &str = "agents.example";

/// Whether an issuer has a trust domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Domain {
    Spiffe,
    Plain,
}

impl Domain {
    pub(super) const BOTH: [Self; 2] = [Self::Spiffe, Self::Plain];
}

/// A rule with a preset, with other requesters than the preset's own if they are not null.
pub(super) fn preset(preset: &str, requesters: Value) -> Value {
    let mut rule = json!({ "name": preset.to_lowercase(), "preset": preset });
    if !requesters.is_null() {
        rule["requesters"] = requesters;
    }
    rule
}

/// A ClusterIssuer with these rules and nothing else. Its profile allows CA certificates of path
/// length 2, so that a shorter one is the rule's limit.
pub(super) async fn issuer(
    test: &TestNamespace,
    domain: Domain,
    rules: &[Value],
) -> Result<IssuerRef> {
    let name = format!("{domain:?}").to_lowercase();
    let secret = test.unique(&name);
    let mut spec = match domain {
        Domain::Spiffe => spec::spiffe(&secret, TRUST_DOMAIN),
        Domain::Plain => spec::self_signed(&secret),
    };
    spec["profile"] = json!({ "ca": { "pathLength": 2, "maxDuration": "720h" } });
    spec["policy"] = json!({ "rules": rules });
    test.issuer(ClusterIssuer, &name, spec).await
}

/// What istiod, Linkerd, SPIRE and rustls-webpki need of a CA certificate, beyond its usages.
pub(super) fn check_ca(issued: &Issued, path_length: u8) -> Result<()> {
    let leaf = &issued.leaf;
    ensure!(
        leaf.basic_constraints()? == Some((true, Some(path_length))),
        "{:?}",
        leaf.basic_constraints()?
    );
    for certificate in std::iter::once(leaf).chain(issued.path()?) {
        ensure!(
            certificate.extension::<NameConstraints>()?.is_none(),
            "no {} by default",
            NameConstraints::OID
        );
    }
    let roots = issued.roots.iter();
    ensure!(
        roots
            .clone()
            .all(|root| root.subject_der() != leaf.subject_der()),
        "the CA is below the roots"
    );
    issued
        .issuer()
        .context("the root is in the bundle")
        .map(drop)
}
