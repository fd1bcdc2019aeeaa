//! Namespaced issuers switched off: the operator needs no Secret but those of one namespace, and
//! has no right to any.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::authorization::v1::{SubjectAccessReview, SubjectAccessReviewStatus};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};
use signet_api::Issuer;
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::audit::calls_of;
use signet_e2e::csr::Csr;
use signet_e2e::keys;
use signet_e2e::runtime::blocking;
use signet_e2e::{Ask, OwnBed, SigningAsk};
use signet_testbed::controlplane::{apply_manifests, kubeconfig};
use signet_testbed::installation::{NAMESPACE, Operator, checkout};

use super::tenant::{Tenant, cluster_issuer};

/// A release of its own beside the bed's, so that it has only the rights of these values.
const RELEASE: &str = "signet-off";

/// The chart's rights without namespaced issuers, and a kubeconfig of its ServiceAccount.
async fn install(bed: &OwnBed) -> Result<PathBuf> {
    let mut helm = bed.plane().helm();
    helm.args(["template", RELEASE])
        .arg(checkout().join("charts/signet"))
        .args(["--namespace", NAMESPACE])
        .args(["--set", "image.repository=not-published"])
        .args(["--set", "namespacedIssuers.enabled=false"])
        .args(["--show-only", "templates/rbac.yaml"])
        .args(["--show-only", "templates/bundles.yaml"])
        .args(["--show-only", "templates/clustertrustbundles.yaml"])
        .args(["--show-only", "templates/pod-certificate-requests.yaml"])
        .args(["--show-only", "templates/serviceaccount.yaml"]);
    let output = blocking(move || helm.output().context("Helm cannot be run")).await?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{errors}");
    let yaml = String::from_utf8(output.stdout)?;
    apply_manifests(&bed.client(), NAMESPACE, &yaml).await?;
    let folder = bed.plane().folder();
    kubeconfig::for_service_account(bed.plane().kubeconfig(), NAMESPACE, RELEASE, folder).await
}

/// The name by which the API server knows the operator.
fn username() -> String {
    format!("system:serviceaccount:{NAMESPACE}:{RELEASE}")
}

async fn may(bed: &OwnBed, attributes: Value) -> Result<bool> {
    let reviews: Api<SubjectAccessReview> = Api::all(bed.client());
    let groups = ["system:serviceaccounts", "system:authenticated"];
    let review = json!({ "spec": {
        "user": username(), "groups": groups, "resourceAttributes": attributes,
    }});
    let response = reviews
        .create(&PostParams::default(), &serde_json::from_value(review)?)
        .await?;
    let status: SubjectAccessReviewStatus = response.status.context("a review has a status")?;
    Ok(status.allowed)
}

/// Secrets and ConfigMaps of the cluster resource namespace only.
async fn judge_rights(bed: &OwnBed, tenant: &str) -> Result<()> {
    for (verb, resource, in_own) in [
        ("get", "secrets", true),
        ("create", "secrets", true),
        ("get", "configmaps", true),
        ("list", "secrets", false),
        ("create", "serviceaccounts/token", false),
    ] {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        for (namespace, expected) in [(NAMESPACE, in_own), (tenant, false), ("kube-system", false)]
        {
            let attributes = json!({
                "verb": verb, "resource": resource, "subresource": subresource,
                "namespace": namespace,
            });
            let allowed = may(bed, attributes).await?;
            ensure!(
                allowed == expected,
                "{verb} {resource}/{subresource} in {namespace}"
            );
        }
    }
    let issuers = json!({ "verb": "list", "group": "signet.dev", "resource": "issuers" });
    ensure!(!may(bed, issuers).await?, "it may list Issuers");
    Ok(())
}

pub(crate) async fn without_namespaced_issuers_tenants_are_ignored(bed: OwnBed) -> Result<()> {
    let mut options = bed.operator_options(&["--namespaced-issuers", "false"]);
    options.kubeconfig = install(&bed).await?;
    let operator = Operator::start(&options).await?;
    let tenant = Tenant::new(bed.bed(), "off").await?;
    let ignored = tenant
        .has("ca", json!({ "software": { "secretName": "key" } }))
        .await?;

    // A key that is made, and a key elsewhere with its Secret.
    let made = json!({ "software": { "secretName": tenant.unique("made") } });
    let made = cluster_issuer(&tenant, "made", made).await?;
    let key = keys::vault().await?;
    let kept = tenant.issuer_over(ClusterIssuer, "kept", &*key).await?;
    tenant.wait_until_ready(&made).await?;
    for issuer in [&made, &kept] {
        tenant.obtain(issuer).await?;
    }
    let csr = Csr::for_dns("shop.example")?;
    let client = tenant.signing_requester("signing").await?.client();
    let ask = SigningAsk::new(&made, &csr);
    tenant.issue_signing(client, &made, &ask, &csr).await?;
    // An Issuer does not exist for this operator.
    let csr = Csr::for_dns("shop.example")?;
    let request = tenant.ask(&Ask::new(&ignored, &csr)).await?;
    tenant.pending(&request, "IssuerNotFound").await?;
    let issuer = tenant.api::<Issuer>().get(&ignored.name).await?;
    let status = issuer.status.unwrap_or_default();
    ensure!(status.conditions.is_empty(), "{status:?}");
    ensure!(
        tenant.api::<Secret>().get_opt("key").await?.is_none(),
        "a key was made"
    );

    judge_rights(&bed, tenant.name()).await?;
    operator.stop().await?;
    let calls = calls_of(&bed, RELEASE)?;
    ensure!(!calls.is_empty(), "the audit log knows nothing of it");
    for call in &calls {
        ensure!(
            !call.is_forbidden() && call.response_status.code != 403,
            "{call:?}"
        );
        let namespace = call.object_ref.as_ref().map(|object| &*object.namespace);
        let resource = call.resource().unwrap_or_default();
        let is_private = ["secrets", "configmaps", "issuers"].contains(&&*resource);
        ensure!(!is_private || namespace == Some(NAMESPACE), "{call:?}");
    }
    Ok(())
}
