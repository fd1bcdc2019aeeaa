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
use signet_core::request::{Annotated, Api, Approval, RawRequest, Reference, Requester};

use super::{Outcome, SignContext, issue};
use crate::fixtures::{NOW, corp, csr};
use crate::keyring::IssuerLookup;
use crate::metrics::Metrics;
use crate::namespace_labels::LabelSource;
use crate::requests::fixtures::ready;

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

/// No namespace can be read.
#[derive(Debug)]
struct NoLabels;

impl LabelSource for NoLabels {
    fn read<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Option<BTreeMap<String, String>>> {
        async { None }.boxed()
    }
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
