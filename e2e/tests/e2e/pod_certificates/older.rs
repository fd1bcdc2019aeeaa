//! An API server as that of Kubernetes 1.36: v1beta1 only, with stub CSRs and bare keys.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicyBinding;
use k8s_openapi::api::certificates::v1beta1::PodCertificateRequest;
use kube::Api;
use kube::api::DeleteParams;
use serde_json::json;
use signet_e2e::{CREATE_POD_REQUESTS, OwnBed, PodAsk, TestNamespace, User, stop};
use signet_testbed::wait::Observation::{Progress, Reached};
use signet_testbed::wait::until;

use super::{KEY_TYPES, ask, id, mounted_kind, set_up};

/// What holds with the chart as it is, and then what holds without its admission policy.
pub(crate) async fn on_kubernetes_1_36(bed: OwnBed) -> Result<()> {
    let operator = bed.start_operator(&[]).await?;
    let bed = bed.bed();
    let test = TestNamespace::create(bed, "v1beta1").await?;
    Box::pin(every_key_type_with_and_without_a_stub(&test)).await?;
    let test = TestNamespace::create(bed, "refusals").await?;
    Box::pin(refusals_are_accepted(&test)).await?;
    let test = TestNamespace::create(bed, "without_policy").await?;
    Box::pin(without_the_policy_the_pod_is_checked(&test)).await?;
    stop(operator).await
}

/// Rules PCR-2 and PCR-4.
async fn every_key_type_with_and_without_a_stub(test: &TestNamespace) -> Result<()> {
    let set_up = set_up(test).await?;
    for kind in KEY_TYPES {
        let (pod, csr) = mounted_kind(test, &set_up, kind).await?;
        let stub = pod.clone().stub(&csr).in_version("v1beta1");
        for ask in [stub, pod.bare_key(&csr)?] {
            let request = test.request_for_pod(&set_up.1, &ask).await?;
            let issued = test.issued_for_pod::<PodCertificateRequest>(&request, &set_up.0, &csr);
            let (issued, _) = issued.await.with_context(|| format!("{ask:?}"))?;
            ensure!(issued.leaf.uris()? == [id(test)], "{}", kind.api_name());
        }
    }
    Ok(())
}

async fn refusals_are_accepted(test: &TestNamespace) -> Result<()> {
    let set_up = set_up(test).await?;
    let (ask, _) = ask(test, &set_up, "web-0").await?;
    let annotations = json!({ "example.org/a": "b" });
    let ask = ask
        .in_version("v1beta1")
        .with(json!({ "unverifiedUserAnnotations": annotations }));
    let request = test.request_for_pod(&set_up.1, &ask).await?;
    let reason = "InvalidUnverifiedUserAnnotations";
    test.refused_for_pod::<PodCertificateRequest>(&request, "Denied", reason)
        .await?;
    Ok(())
}

/// An administrator may have removed the policy. Then any user who may create requests can have
/// certificates for pods that mount them, and for no others.
async fn without_the_policy_the_pod_is_checked(test: &TestNamespace) -> Result<()> {
    let set_up = set_up(test).await?;
    let tenant = test
        .service_account("tenant", &[CREATE_POD_REQUESTS])
        .await?;
    let (mounts, csr) = ask(test, &set_up, "mounts").await?;
    let mounts = mounts.in_version("v1beta1");
    remove_policy(test, &tenant, &mounts).await?;

    let without = test.pod(&set_up.1, "without", "web", &[]).await?;
    let without = without
        .with(json!({ "signerName": set_up.0.signer_name() }))
        .stub(&csr)
        .in_version("v1beta1");
    test.robot("admin").await?;
    let other = TestNamespace::create(test.bed(), "other").await?;
    other.robot("web").await?;
    let (elsewhere, _) = ask(&other, &set_up, "elsewhere").await?;
    for (ask, part) in [
        (without, "mounts no certificate of this signer"),
        (
            mounts
                .clone()
                .with(json!({ "serviceAccountName": "admin" })),
            "spec.serviceAccountName",
        ),
        (
            mounts.clone().with(json!({ "podUID": "another" })),
            "spec.podUID",
        ),
        (
            mounts.clone().with(json!({ "nodeName": "another" })),
            "spec.nodeName",
        ),
        // Pods of other namespaces do not exist in this one.
        (elsewhere.in_version("v1beta1"), "does not exist"),
    ] {
        let request = test.request_for_pod_as(tenant.client(), &ask).await?;
        let message = test
            .refused_for_pod::<PodCertificateRequest>(&request, "Denied", "PodNotAllowed")
            .await?;
        ensure!(message.contains(part), "{message}");
    }
    Ok(())
}

/// Deletes the policy's binding, and waits until a tenant's request is accepted. SECURITY.md says
/// what that is worth: it is for a pod that mounts the certificate.
async fn remove_policy(test: &TestNamespace, tenant: &User, ask: &PodAsk) -> Result<()> {
    let message = super::attacks::rejected(test, tenant.client(), ask).await?;
    ensure!(
        message.contains("only the kubelet of the node"),
        "{message}"
    );
    let bindings: Api<ValidatingAdmissionPolicyBinding> = Api::all(test.bed().client());
    let name = "signet-pod-certificate-requests";
    bindings.delete(name, &DeleteParams::default()).await?;
    let observe = async || match test.request_for_pod_as(tenant.client(), ask).await {
        Ok(request) => Ok(Reached(request)),
        Err(error) => Ok(Progress(error.to_string())),
    };
    let request = until("the policy is gone".to_owned(), observe).await?;
    let status = test.pod_status::<PodCertificateRequest>(&request).await?;
    ensure!(status["conditions"][0]["type"] == "Issued", "{status}");
    Ok(())
}
