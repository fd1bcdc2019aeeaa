//! The agents of meshes: each request in the form that the agent gives it, by the agent's own
//! identity, and what its preset must not allow (docs/meshes.md).

mod cas;
mod csi_driver_spiffe;
mod istio_csr;
mod linkerd;
mod open_service_mesh;
mod spire;

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Api;
use kube::api::{ListParams, PostParams};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use signet_api::IssuerKind::ClusterIssuer;
use signet_api::external::certificate_request::CertificateRequest;
use signet_e2e::{Ask, IssuerRef, Rule, TestNamespace, User, ready, spec};

pub(crate) use istio_csr::as_its_page_has_it as istio_csr_as_its_page_has_it;

pub(crate) fn tests() -> Vec<Trial> {
    [
        csi_driver_spiffe::tests(),
        istio_csr::tests(),
        linkerd::tests(),
        open_service_mesh::tests(),
        spire::tests(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The usual trust domain of meshes.
const TRUST_DOMAIN: &str = "cluster.local";

/// A ClusterIssuer of the trust domain with these rules and nothing else. It may issue CA
/// certificates, so that what refuses them is the rule.
async fn issuer_with(test: &TestNamespace, rules: Value) -> Result<IssuerRef> {
    let mut spec = spec::spiffe(&test.unique("mesh"), TRUST_DOMAIN);
    spec["profile"] = json!({ "ca": { "pathLength": 1 } });
    spec["policy"] = json!({ "rules": rules });
    test.issuer(ClusterIssuer, "mesh", spec).await
}

/// The SPIFFE ID of a ServiceAccount.
fn id(namespace: &str, account: &str) -> String {
    format!("spiffe://{TRUST_DOMAIN}/ns/{namespace}/sa/{account}")
}

/// Who approves the requests of a test.
#[derive(Clone, Copy, Debug)]
enum Approver {
    /// The test.
    Test,
    /// cert-manager's approver, with the permission that Signet's chart gives it.
    CertManager,
}

impl Approver {
    async fn approve(self, test: &TestNamespace, request: &str) -> Result<()> {
        match self {
            Self::Test => test.approve(request).await,
            Self::CertManager => test.wait_until_approved(request).await,
        }
    }

    /// Has the first request for a Certificate approved.
    async fn approve_revision(self, test: &TestNamespace, certificate: &str) -> Result<()> {
        match self {
            Self::Test => test.approve_certificate(certificate, 1).await.map(drop),
            Self::CertManager => test.wait_until_approved(&format!("{certificate}-1")).await,
        }
    }
}

/// Makes a request as a user, has it approved, and waits for the refusal.
async fn refused(
    test: &TestNamespace,
    user: &User,
    ask: &Ask,
    reason: &str,
    part: &str,
) -> Result<()> {
    let request = test.ask_as(user.client(), ask).await?;
    test.approve(&request).await?;
    let message = test.failed(&request, reason).await?;
    ensure!(message.contains(part), "{reason}: {message} has no {part}");
    Ok(())
}

/// What must not be allowed: what it is, the request, the reason, and a part of the message.
type Refused<'a> = (&'a str, Ask, &'a str, String);

/// Makes all requests as a user in a namespace, has them approved, and waits for each refusal.
async fn all_refused(
    test: &TestNamespace,
    user: &User,
    approver: Approver,
    attempts: Vec<Refused<'_>>,
) -> Result<()> {
    let mut requests = Vec::new();
    for (what, ask, reason, part) in attempts {
        let request = test
            .ask_as(user.client(), &ask)
            .await
            .context(what.to_owned())?;
        approver.approve(test, &request).await?;
        requests.push((what, request, reason, part));
    }
    for (what, request, reason, part) in requests {
        let message = test.failed(&request, reason).await;
        let message = message.with_context(|| what.to_owned())?;
        ensure!(message.contains(&part), "{what}: {message}, not {part}");
    }
    Ok(())
}

/// Waits as an agent does, with its rights: until the request is denied, has failed, or has a
/// certificate. Signet writes the CA and the condition together with the certificate.
async fn awaited_by(
    agent: &User,
    test: &TestNamespace,
    request: &str,
) -> Result<CertificateRequest> {
    let requests: Api<CertificateRequest> = Api::namespaced(agent.client(), test.name());
    let has_answer = |object: &CertificateRequest| {
        let status = object.status.as_ref();
        let has_failed = ready(object).is_some_and(|ready| {
            ready.status == "False" && ready.reason.as_deref() == Some("Failed")
        });
        status.is_some_and(|status| status.is_true("Denied") || status.certificate.is_some())
            || has_failed
    };
    let bed = test.bed();
    let object = bed.wait(&requests, request, "answered", has_answer).await?;
    let status = object.status.as_ref().context("it has a status")?;
    let is_issued = ready(&object).is_some_and(|ready| ready.status == "True");
    ensure!(
        status.certificate.is_some() && status.ca.is_some() && is_issued,
        "the agent reads {status:?}"
    );
    Ok(object)
}

/// Requests that an agent makes and approves with its token. Its chart gives it no right to approve;
/// with that right, Signet still decides.
async fn approval_widens_nothing(
    test: &TestNamespace,
    agent: &User,
    ask: &Ask,
    (reason, part): (&str, &str),
) -> Result<()> {
    let made = async || test.ask_as(agent.client(), ask).await;
    let request = made().await?;
    let error = approve_as(agent, test, &request).await;
    let error = error.err().context("the agent approves")?.to_string();
    ensure!(error.contains("forbidden"), "{error}");
    test.grant_in_cluster(agent, "approver", &APPROVE).await?;
    let request = made().await?;
    approve_as(agent, test, &request).await?;
    let message = test.failed(&request, reason).await?;
    ensure!(message.contains(part), "{message}");
    Ok(())
}

/// Approves a request with the rights of a user, as controllers do: they list requests, and update
/// the status.
async fn approve_as(user: &User, test: &TestNamespace, request: &str) -> Result<(), kube::Error> {
    let requests: Api<CertificateRequest> = Api::namespaced(user.client(), test.name());
    let this = ListParams::default().fields(&format!("metadata.name={request}"));
    let found = requests.list(&this).await?;
    let mut object =
        serde_json::to_value(found.items.into_iter().next()).map_err(kube::Error::SerdeError)?;
    object["status"]["conditions"] = json!([{
        "type": "Approved", "status": "True", "reason": "spiffe.csi.cert-manager.io",
        "message": "Approved request", "lastTransitionTime": Time(Timestamp::now()),
    }]);
    let object = serde_json::from_value(object).map_err(kube::Error::SerdeError)?;
    let params = PostParams::default();
    requests.replace_status(request, &params, &object).await?;
    Ok(())
}

/// The rights that approve requests to Signet's ClusterIssuers.
const APPROVE: [Rule; 2] = [
    Rule {
        group: "cert-manager.io",
        resource: "certificaterequests/status",
        verbs: &["update"],
        names: &[],
    },
    Rule {
        group: "cert-manager.io",
        resource: "signers",
        verbs: &["approve"],
        names: &["clusterissuers.signet.dev/*"],
    },
];
