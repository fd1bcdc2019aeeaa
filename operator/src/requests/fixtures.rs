//! Outcomes, events and issuers that the tests of all request APIs share.

use std::sync::Arc;
use std::time::Duration;

use signet_core::ca::{self, CaChain};
use signet_core::issue::{CaUrls, ValidityPeriod};
use signet_core::policy::{IssuerPolicy, LifetimeLimits, default_rules};
use signet_core::reason::Reason;
use signet_core::request::ServiceAccount;
use signet_keys::{GuardedSigner, Signer};

use super::outcome::{Certificate, Outcome};
use crate::fixtures::{NOW, key};
use crate::keyring::{IssuerLookup, ReadyIssuer, Records};
use crate::plan::PlannedEvent;

pub(super) fn issued() -> Outcome {
    Outcome::Issued(Certificate {
        chain: "chain".to_owned(),
        bundle: "bundle".to_owned(),
        validity: ValidityPeriod::backdated(NOW, Duration::from_secs(24 * 3600)),
        shortened: None,
        spiffe_id: None,
        dropped_usages: Vec::new(),
        trail: Box::default(),
    })
}

pub(super) fn waiting(reason: Reason, message: &str) -> Outcome {
    Outcome::waiting(reason, message.to_owned())
}

pub(super) fn denial(reason: Reason, message: &str) -> Outcome {
    Outcome::Denied(reason.denial(message))
}

pub(super) fn event(warning: bool, reason: &'static str, note: &str) -> Option<PlannedEvent> {
    Some(PlannedEvent {
        warning,
        reason,
        action: "Issue",
        note: note.to_owned(),
    })
}

/// A ClusterIssuer that is ready.
pub(super) fn ready(signer: Arc<dyn Signer>, chain: CaChain) -> IssuerLookup {
    IssuerLookup::Ready(Arc::new(ready_issuer(key::guard(signer), chain)))
}

/// An issuer over a guarded key.
pub(super) fn ready_issuer(guard: Arc<GuardedSigner>, chain: CaChain) -> ReadyIssuer {
    ReadyIssuer {
        number: 1,
        generation: "clusterissuer-corp-1".to_owned(),
        policy: IssuerPolicy {
            namespace: None,
            reserved_namespaces: [].into(),
            cert_manager: ServiceAccount {
                namespace: "cert-manager".to_owned(),
                name: "cert-manager".to_owned(),
            },
            limits: chain.limits(),
            ca_subjects: chain.subjects().collect(),
            lifetimes: LifetimeLimits::default(),
            ca: None,
            trust_domain: None,
            rules: default_rules(false),
        },
        urls: CaUrls::default(),
        bundle: ca::Bundle::of(chain.roots()),
        records: records(&chain),
        chain,
        guard,
        backend: "double",
    }
}

/// Records that cover every request here.
fn records(chain: &CaChain) -> Arc<Records> {
    let lifetime = chain.not_after().duration_since(chain.not_before());
    let longest = Some(Duration::from_secs(1000 * 24 * 3600));
    let lifetimes = ca::Lifetimes {
        leaf: longest,
        ca: longest,
    };
    Arc::new(Records::new(
        lifetimes,
        lifetime.unsigned_abs(),
        LifetimeLimits::default(),
    ))
}
