//! Requests that no kubelet makes, each with the permissions of the one who tries.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use signet_e2e::csr::{Csr, KeyKind};
use signet_e2e::{CREATE_POD_REQUESTS, PodAsk, TestNamespace};

use super::{ask, refused, set_up};

shared![
    a_tenant_who_names_a_real_pod_is_rejected,
    an_administrator_is_rejected_too,
    a_node_requests_for_its_own_pods_only,
    names_smuggled_into_a_stub_are_denied,
    a_pod_that_mounts_another_key_type_gets_none,
    a_finished_pod_gets_none,
];

/// Tries to create a request, and returns the message of the rejection.
pub(super) async fn rejected(test: &TestNamespace, client: Client, ask: &PodAsk) -> Result<String> {
    match test.request_for_pod_as(client, ask).await {
        Err(kube::Error::Api(status)) => Ok(status.message),
        other => anyhow::bail!("it was not rejected: {other:?}"),
    }
}

async fn a_tenant_who_names_a_real_pod_is_rejected(test: &TestNamespace) -> Result<()> {
    let set_up = set_up(test).await?;
    let tenant = test
        .service_account("tenant", &[CREATE_POD_REQUESTS])
        .await?;
    let (ask, csr) = ask(test, &set_up, "web-0").await?;
    let bare = ask.clone().without("stubPKCS10Request").bare_key(&csr)?;
    for ask in [ask, bare] {
        let message = rejected(test, tenant.client(), &ask).await?;
        ensure!(
            message.contains("only the kubelet of the node"),
            "{message}"
        );
    }
    Ok(())
}

/// The policy is about Signet's signers only.
async fn an_administrator_is_rejected_too(test: &TestNamespace) -> Result<()> {
    let set_up = set_up(test).await?;
    let (ask, _) = ask(test, &set_up, "web-0").await?;
    let admin = test.bed().client();
    let message = rejected(test, admin.clone(), &ask).await?;
    ensure!(message.contains("ValidatingAdmissionPolicy"), "{message}");
    let other = ask.with(json!({ "signerName": "example.org/another" }));
    test.request_for_pod_as(admin, &other).await?;
    Ok(())
}

async fn a_node_requests_for_its_own_pods_only(test: &TestNamespace) -> Result<()> {
    let set_up = set_up(test).await?;
    let (ask, _) = ask(test, &set_up, "web-0").await?;
    // The caches of the API server have the Pod.
    test.request_for_pod(&set_up.1, &ask).await?;
    let other = test.kubelet("other").await?;
    let message = rejected(test, other.client(), &ask).await?;
    ensure!(message.contains("not the requesting node"), "{message}");
    let claimed = ask.clone().with(json!({ "nodeName": other.name() }));
    rejected(test, other.client(), &claimed).await?;
    for field in ["podUID", "serviceAccountUID", "nodeUID"] {
        let wrong = ask.clone().with(json!({ field: "another" }));
        rejected(test, set_up.1.client(), &wrong).await?;
    }
    test.robot("admin").await?;
    let wrong = ask.with(json!({ "serviceAccountName": "admin" }));
    let message = rejected(test, set_up.1.client(), &wrong).await?;
    ensure!(message.contains("serviceAccountName"), "{message}");
    Ok(())
}

/// The API server does not check what a stub contains.
async fn names_smuggled_into_a_stub_are_denied(test: &TestNamespace) -> Result<()> {
    let set_up = set_up(test).await?;
    let (ask, _) = ask(test, &set_up, "web-0").await?;
    let admin = "spiffe://pods.example/ns/kube-system/sa/admin";
    for csr in [
        Csr::of_new_key()?.common_name("admin").build()?,
        Csr::for_dns("kubernetes.default.svc")?,
        Csr::for_uri(admin)?,
    ] {
        let ask = ask.clone().stub(&csr);
        let message = refused(test, &set_up.1, &ask, ("Denied", "InvalidCsr")).await?;
        ensure!(message.contains("must be empty"), "{message}");
    }
    Ok(())
}

async fn a_pod_that_mounts_another_key_type_gets_none(test: &TestNamespace) -> Result<()> {
    let set_up = set_up(test).await?;
    let (ask, _) = ask(test, &set_up, "web-0").await?;
    let ask = ask.stub(&Csr::of(KeyKind::Ed25519)?.build()?);
    let message = refused(test, &set_up.1, &ask, ("Denied", "PodNotAllowed")).await?;
    ensure!(message.contains("ECDSAP256"), "{message}");
    Ok(())
}

async fn a_finished_pod_gets_none(test: &TestNamespace) -> Result<()> {
    let set_up = set_up(test).await?;
    let (ask, _) = ask(test, &set_up, "web-0").await?;
    let status = Patch::Merge(json!({ "status": { "phase": "Succeeded" } }));
    let pods = test.api::<Pod>();
    pods.patch_status("web-0", &PatchParams::default(), &status)
        .await
        .context("the Pod ends")?;
    let message = refused(test, &set_up.1, &ask, ("Denied", "PodNotAllowed")).await?;
    ensure!(message.contains("has ended"), "{message}");
    Ok(())
}
