//! What kstatus, Flux and Argo CD make of an issuer in each state.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams,
};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_api::{GROUP, IssuerKind};
use signet_e2e::health::Health;
use signet_e2e::parents::ACCOUNT;
use signet_e2e::{IssuerRef, TestNamespace, spec};
use signet_testbed::wait::{Observation, until};

shared![
    a_new_issuer_and_a_changed_one_are_in_progress,
    an_issuer_that_waits_is_in_progress,
    an_issuer_that_waits_for_a_parent_is_in_progress,
    an_issuer_that_waits_for_objects_of_its_parent_is_in_progress,
    a_secret_that_is_applied_later_is_found,
    an_issuer_whose_backend_is_unavailable_is_in_progress,
    an_issuer_that_signs_is_current_whatever_rotates,
    a_suspended_issuer_is_suspended,
    only_what_a_change_must_mend_is_failed,
    an_issuer_that_is_being_deleted_is_terminating,
];

/// kstatus and Argo CD, in progress.
const IN_PROGRESS: [&str; 2] = ["InProgress", "Progressing"];

fn api(test: &TestNamespace, kind: IssuerKind) -> Api<DynamicObject> {
    let kind_of = GroupVersionKind::gvk(GROUP, "v1alpha1", kind.as_str());
    let resource = ApiResource::from_gvk(&kind_of);
    let client = test.bed().client();
    match kind.is_namespaced() {
        true => Api::namespaced_with(client, test.name(), &resource),
        false => Api::all_with(client, &resource),
    }
}

/// Both kstatus libraries say the first, and Argo CD the second.
async fn is(object: &DynamicObject, [kstatus, argo]: [&str; 2]) -> Result<()> {
    let health = Health::of(object).await?;
    let found = [&health.kstatus, &health.flux, &health.argo];
    ensure!(
        found == [kstatus, kstatus, argo],
        "{health:?} of {:#}",
        object.data
    );
    Ok(())
}

/// Waits until an issuer is not ready for this reason, and checks its health.
async fn waits_for(
    test: &TestNamespace,
    issuer: &IssuerRef,
    reason: &str,
    health: [&str; 2],
) -> Result<()> {
    test.wait_until_not_ready(issuer, reason).await?;
    is(&api(test, issuer.kind).get(&issuer.name).await?, health).await
}

/// Checks the API server's own response, before Signet has observed the object.
async fn a_new_issuer_and_a_changed_one_are_in_progress(test: &TestNamespace) -> Result<()> {
    for kind in [Issuer, ClusterIssuer] {
        let issuer = test.issuer_ref(kind, "new");
        let created = test
            .create_object(json!({
                "apiVersion": format!("{GROUP}/v1alpha1"), "kind": kind.as_str(),
                "metadata": { "name": issuer.name },
                "spec": spec::self_signed(&test.unique("new")),
            }))
            .await?;
        is(&created, IN_PROGRESS).await?;
        test.wait_until_ready(&issuer).await?;
        is(
            &api(test, kind).get(&issuer.name).await?,
            ["Current", "Healthy"],
        )
        .await?;
        let change = Patch::Merge(json!({ "spec": { "profile": { "ca": {} } } }));
        let params = PatchParams::default();
        let changed = api(test, kind)
            .patch(&issuer.name, &params, &change)
            .await?;
        ensure!(
            changed.data["status"]["observedGeneration"] == 1,
            "{changed:?}"
        );
        is(&changed, IN_PROGRESS).await?;
        test.wait_until_ready(&issuer).await?;
        is(
            &api(test, kind).get(&issuer.name).await?,
            ["Current", "Healthy"],
        )
        .await?;
    }
    Ok(())
}

async fn an_issuer_that_waits_is_in_progress(test: &TestNamespace) -> Result<()> {
    let missing = test
        .create_issuer(Issuer, "secret", spec::existing("absent"))
        .await?;
    waits_for(test, &missing, "KeyNotFound", IN_PROGRESS).await?;
    let mut of_chain = spec::self_signed(&test.unique("chain"));
    of_chain["certificate"] = json!({ "manual": { "configMapName": "absent" } });
    let person = test.create_issuer(Issuer, "person", of_chain).await?;
    waits_for(test, &person, "WaitingForCertificate", IN_PROGRESS).await?;
    let account = test
        .create_issuer(Issuer, "account", vault("robot"))
        .await?;
    waits_for(test, &account, "KeyCredentialsRefused", IN_PROGRESS).await
}

/// For the ServiceAccount of its requests, for the approval, and for another attempt.
async fn an_issuer_that_waits_for_a_parent_is_in_progress(test: &TestNamespace) -> Result<()> {
    let below = |name: &str, mut parent: Value| {
        parent["serviceAccountRef"] = json!({ "name": ACCOUNT });
        json!({
            "key": { "software": { "secretName": name } },
            "certificate": { "issuerRef": parent },
        })
    };
    let of_signet = json!({ "kind": "ClusterIssuer", "group": GROUP, "name": "absent" });
    let orphan = test
        .create_issuer(Issuer, "orphan", below("orphan", of_signet))
        .await?;
    waits_for(test, &orphan, "WaitingForParent", IN_PROGRESS).await?;
    let of_other = json!({ "name": "absent" });
    let issuer = test
        .create_issuer(Issuer, "below", below("below", of_other))
        .await?;
    waits_for(test, &issuer, "WaitingForParent", IN_PROGRESS).await?;
    test.ca_requester().await?;
    let request = test.deny_parent(&issuer, (1, 1)).await?;
    waits_for(test, &issuer, "ParentRefused", IN_PROGRESS).await?;
    test.delete_parent_request(&issuer, &request.name_any())
        .await?;
    let before = request.metadata.uid.as_deref();
    test.parent_request(&issuer, (1, 1), before).await?;
    waits_for(test, &issuer, "WaitingForParent", IN_PROGRESS).await
}

/// For the list of its roots, and then for the credential.
async fn an_issuer_that_waits_for_objects_of_its_parent_is_in_progress(
    test: &TestNamespace,
) -> Result<()> {
    let spec = json!({
        "key": { "software": { "secretName": "engine" } },
        "certificate": {
            "vaultPki": {
                "address": "https://vault.invalid", "mount": "pki",
                "auth": { "tokenRef": { "name": "token", "key": "token" } },
            },
            "trustedRoots": { "configMapName": "roots" },
        },
    });
    let issuer = test.create_issuer(Issuer, "engine", spec).await?;
    waits_for(test, &issuer, "TrustedRootsUnavailable", IN_PROGRESS).await?;
    let other = test.root().await?;
    let bundle = test.wait_until_ready(&other).await?.bundle;
    test.create_object(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "roots" },
        "data": { "ca.crt": bundle },
    }))
    .await?;
    waits_for(test, &issuer, "ParentDenied", IN_PROGRESS).await?;
    let secret = json!({ "metadata": { "name": "token" }, "stringData": { "token": "s.none" } });
    let secret: Secret = serde_json::from_value(secret)?;
    test.api().create(&PostParams::default(), &secret).await?;
    waits_for(test, &issuer, "ParentUnavailable", IN_PROGRESS).await
}

/// GitOps tools apply in any order.
async fn a_secret_that_is_applied_later_is_found(test: &TestNamespace) -> Result<()> {
    let other = test.root().await?;
    test.wait_until_ready(&other).await?;
    let key = test.secret(&test.unique("root")).await?.data;
    let key = key.and_then(|mut data| data.remove("tls.key"));
    let key = String::from_utf8(key.context("it has a key")?.0)?;
    let bundle = api(test, Issuer).get("root").await?.data["status"]["bundle"].clone();
    let issuer = test
        .create_issuer(Issuer, "late", spec::existing("late"))
        .await?;
    waits_for(test, &issuer, "KeyNotFound", IN_PROGRESS).await?;
    let secret = json!({
        "metadata": { "name": "late" },
        "stringData": { "tls.key": key, "tls.crt": bundle },
    });
    let secret: Secret = serde_json::from_value(secret)?;
    test.api().create(&PostParams::default(), &secret).await?;
    test.wait_until_ready(&issuer).await?;
    is(
        &api(test, Issuer).get("late").await?,
        ["Current", "Healthy"],
    )
    .await
}

/// A key in a Vault that does not exist, with the token of this ServiceAccount.
fn vault(service_account: &str) -> Value {
    json!({
        "key": { "vaultTransit": {
            "address": "https://vault.invalid", "name": "ca",
            "auth": { "kubernetes": {
                "role": "signet", "serviceAccountRef": { "name": service_account },
            } },
        } },
        "certificate": { "selfSigned": {} },
    })
}

async fn an_issuer_whose_backend_is_unavailable_is_in_progress(test: &TestNamespace) -> Result<()> {
    let mut spec = vault("robot");
    spec["key"]["vaultTransit"]["auth"] = json!({
        "tokenRef": { "name": "token", "key": "token" },
    });
    let secret = json!({ "metadata": { "name": "token" }, "stringData": { "token": "s.none" } });
    let secret: Secret = serde_json::from_value(secret)?;
    test.api().create(&PostParams::default(), &secret).await?;
    let issuer = test.create_issuer(Issuer, "vault", spec).await?;
    waits_for(test, &issuer, "KeyUnreachable", IN_PROGRESS).await
}

async fn an_issuer_that_signs_is_current_whatever_rotates(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let change = json!({
        "key": { "software": { "secretName": test.unique("other") } },
        "rotation": { "activation": "Manual" },
    });
    test.patch_issuer(&issuer, change).await?;
    let issuers = api(test, Issuer);
    let observe = async || {
        let found = issuers.get("root").await?;
        let conditions = found.data["status"]["conditions"].as_array();
        let rotates = conditions
            .into_iter()
            .flatten()
            .any(|one| one["type"] == "Rotating" && one["status"] == "True");
        Ok(Observation::reached_if(rotates, "it does not rotate"))
    };
    until("the issuer rotates", observe).await?;
    test.wait_until_ready(&issuer).await?;
    is(&issuers.get("root").await?, ["Current", "Healthy"]).await
}

async fn a_suspended_issuer_is_suspended(test: &TestNamespace) -> Result<()> {
    let suspended = ["InProgress", "Suspended"];
    let issuer = test.root().await?;
    test.patch_issuer(&issuer, json!({ "suspend": true }))
        .await?;
    waits_for(test, &issuer, "Suspended", suspended).await?;
    let mut spec = spec::existing("absent");
    spec["suspend"] = json!(true);
    let waiting = test.create_issuer(Issuer, "waiting", spec).await?;
    waits_for(test, &waiting, "Suspended", suspended).await
}

async fn only_what_a_change_must_mend_is_failed(test: &TestNamespace) -> Result<()> {
    let failed = ["Failed", "Degraded"];
    let mut spec = spec::self_signed(&test.unique("invalid"));
    spec["certificate"]["selfSigned"]["subject"] = json!("Example Root");
    let issuer = test.create_issuer(Issuer, "invalid", spec).await?;
    waits_for(test, &issuer, "InvalidSpec", failed).await?;
    // The CA over it is lost, and a person has to restore it.
    let lost = test.root().await?;
    test.api::<Secret>()
        .delete(&test.unique("root"), &DeleteParams::default())
        .await?;
    waits_for(test, &lost, "CaLost", failed).await
}

async fn an_issuer_that_is_being_deleted_is_terminating(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let issuers = api(test, Issuer);
    let finalizers = async |names: Value| {
        let patch = Patch::Merge(json!({ "metadata": { "finalizers": names } }));
        let params = PatchParams::default();
        issuers.patch(&issuer.name, &params, &patch).await
    };
    finalizers(json!(["e2e.signet.dev/held"])).await?;
    issuers
        .delete(&issuer.name, &DeleteParams::default())
        .await?;
    is(
        &issuers.get(&issuer.name).await?,
        ["Terminating", "Progressing"],
    )
    .await?;
    finalizers(json!(null)).await?;
    Ok(())
}
