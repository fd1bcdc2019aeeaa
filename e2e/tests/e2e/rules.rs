//! The rules of an issuer: who may have which certificates (docs/policy.md).

mod delegates;
mod limits;
mod plain;
mod requesters;

use anyhow::Result;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::{Patch, PatchParams};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use signet_api::IssuerKind::{self, ClusterIssuer};
use signet_e2e::csr::Csr;
use signet_e2e::{Ask, Issued, IssuerRef, Rule, TestNamespace, User, spec};

pub(crate) fn tests() -> Vec<Trial> {
    [
        delegates::tests(),
        limits::tests(),
        plain::tests(),
        requesters::tests(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

const TRUST_DOMAIN: &str = "rules.example";

/// An issuer of a trust domain with these rules, which also issues CA certificates if it is a
/// ClusterIssuer and a rule says so.
async fn issuer_with(test: &TestNamespace, kind: IssuerKind, rules: Value) -> Result<IssuerRef> {
    let mut spec = spec::spiffe(&test.unique("rules"), TRUST_DOMAIN);
    let grants_ca = |rule: &Value| rule["allow"].get("ca").is_some();
    if rules
        .as_array()
        .is_some_and(|rules| rules.iter().any(grants_ca))
    {
        spec["profile"] = json!({ "ca": { "pathLength": 1 } });
    }
    spec["policy"] = json!({ "rules": rules });
    test.issuer(kind, "rules", spec).await
}

async fn cluster_issuer(test: &TestNamespace, rules: Value) -> Result<IssuerRef> {
    issuer_with(test, ClusterIssuer, rules).await
}

/// A ServiceAccount that may create CertificateRequests, and nothing else.
async fn account(test: &TestNamespace, name: &str) -> Result<User> {
    test.service_account(name, &[Rule::CREATE_CERTIFICATE_REQUESTS])
        .await
}

async fn issued_to(test: &TestNamespace, user: &User, ask: &Ask, csr: &Csr) -> Result<Issued> {
    let request = test.ask_as(user.client(), ask).await?;
    test.approve(&request).await?;
    test.issued(&request, csr).await
}

async fn refused_to(test: &TestNamespace, user: &User, ask: &Ask, reason: &str) -> Result<String> {
    let request = test.ask_as(user.client(), ask).await?;
    test.approve(&request).await?;
    test.failed(&request, reason).await
}

async fn label(namespace: &str, test: &TestNamespace, labels: Value) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(test.bed().client());
    let patch = Patch::Merge(json!({ "metadata": { "labels": labels } }));
    let params = PatchParams::default();
    namespaces.patch(namespace, &params, &patch).await?;
    Ok(())
}

fn id(path: &str) -> String {
    format!("spiffe://{TRUST_DOMAIN}{path}")
}
