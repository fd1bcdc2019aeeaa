//! What comes of a request, with real keys and with a double of a remote one.

mod issued;
mod refused;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use signet_core::ca::{self, CaChain};
use signet_core::issue::CaUrls;
use signet_core::policy::{IssuerPolicy, LifetimeLimits, default_rules};
use signet_core::request::{
    Annotated, Api, Approval, RawRequest, Reference, Requester, ServiceAccount,
};
use signet_keys::Signer;

use super::{Outcome, SignContext, issue};
use crate::fixtures::{NOW, corp, csr, key};
use crate::keyring::{IssuerLookup, ReadyIssuer, Records};
use crate::metrics::Metrics;
use crate::namespace_labels::LabelSource;

/// An approved request for a leaf of an hour.
fn asked() -> RawRequest {
    RawRequest {
        uid: "11111111-1111-1111-1111-111111111111".to_owned(),
        api: Api::CertificateRequest,
        namespace: Some("shop".to_owned()),
        approval: Approval::Approved,
        requester: Arc::new(Requester {
            username: "alice".to_owned(),
            ..Requester::default()
        }),
        reference: Reference::Allowed,
        certificate: None,
        pod: None,
        csr: csr::pem("web", &["web.shop.svc"]),
        usages: Vec::new(),
        duration: Ok(Some(Duration::from_secs(3600))),
        ca: false,
        annotated: Annotated::default(),
    }
}

/// A ClusterIssuer that is ready.
fn ready(signer: Arc<dyn Signer>, chain: CaChain) -> IssuerLookup {
    IssuerLookup::Ready(Arc::new(ReadyIssuer {
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
        guard: key::guard(signer),
        backend: "double",
    }))
}

/// No namespace can be read.
#[derive(Debug)]
struct NoLabels;

impl LabelSource for NoLabels {
    fn read<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Option<BTreeMap<String, String>>> {
        async { None }.boxed()
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

async fn outcome(asked: RawRequest, lookup: &IssuerLookup, now: Timestamp) -> Option<Outcome> {
    let context = SignContext {
        issuer: &corp(),
        lookup,
        other_kind: None,
        labels: &NoLabels,
        served: &Some(BTreeSet::new()),
        metrics: &Metrics::default(),
        now,
    };
    issue(asked, context).await
}

async fn outcome_now(asked: RawRequest, lookup: &IssuerLookup) -> Outcome {
    outcome(asked, lookup, NOW).await.unwrap()
}
