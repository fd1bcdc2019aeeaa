//! Rotations of an issuer whose bundle is in an object.

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_api::conditions::{READY, ROTATING, find};
use signet_api::{GenerationState, IssuerStatus};
use signet_e2e::csr::KeyKind;
use signet_e2e::{CertManagerCa, TestNamespace, spec};
use signet_testbed::installation::NAMESPACE;

use super::objects::grant;
use super::{content, delete, edit, object_name, wait};

const MAX_BYTES: usize = 16 * 1024;

shared![
    a_bundle_follows_a_second_root,
    a_rotation_that_a_foreign_object_holds_goes_on_when_it_is_removed,
    a_bundle_above_16_kib_takes_in_no_root,
];

async fn a_bundle_follows_a_second_root(test: &TestNamespace) -> Result<()> {
    grant(test, test.name(), "configmaps", &[]).await?;
    test.self_signed_issuer(test.name(), "self-signed").await?;
    let ca = CertManagerCa {
        namespace: test.name(),
        name: "root",
        key: ("ECDSA", 256),
        issuer: "self-signed",
    };
    test.cert_manager_ca(ca).await?;
    let mut spec = spec::existing("root");
    spec["bundle"] = json!({});
    spec["rotation"] = json!({ "activationDelay": "1s" });
    let issuer = test.issuer(Issuer, "ca", spec).await?;
    let (first, _) = wait(test, &issuer, ("True", "Published")).await?;
    let renewed = json!({ "spec": {
        "commonName": "root renewed", "privateKey": { "rotationPolicy": "Never" },
    }});
    test.api::<signet_e2e::Certificate>()
        .patch("root", &PatchParams::default(), &Patch::Merge(renewed))
        .await?;
    let ca = CertManagerCa {
        namespace: test.name(),
        name: "root",
        key: ("ECDSA", 256),
        issuer: "self-signed",
    };
    test.cert_manager_ca_renewed(ca, 2).await?;
    // The new root is first once it signs.
    let (maps, before) = (test.api::<ConfigMap>(), first.bundle.unwrap_or_default());
    let has_both = |found: &ConfigMap| {
        let bundle = content(found).unwrap_or_default();
        bundle.matches("BEGIN").count() == 2 && bundle.ends_with(&before)
    };
    let what = "with both roots";
    let map = test.bed().wait(&maps, "issuer-ca-bundle", what, has_both);
    let map = map.await?;
    let same = |found: &signet_api::Issuer| {
        let status = found.status.as_ref();
        status.is_some_and(|status| status.bundle.as_deref() == content(&map))
    };
    let what = "with the same bundle in its status";
    test.bed().wait(&test.api(), "ca", what, same).await?;
    Ok(())
}

/// Another client's object in the place of the bundle: peers that read it do not trust the next root.
async fn a_rotation_that_a_foreign_object_holds_goes_on_when_it_is_removed(
    test: &TestNamespace,
) -> Result<()> {
    let mut spec = spec::self_signed(&test.unique("held"));
    spec["rotation"] = json!({ "activationDelay": "1s" });
    let issuer = test.issuer(ClusterIssuer, "held", spec).await?;
    let (first, _) = wait(test, &issuer, ("True", "Published")).await?;
    let (maps, name) = (test.cluster_resources::<ConfigMap>(), object_name(&issuer));
    // It loses the annotations by which Signet knows it.
    let annotations = json!({ "metadata": { "annotations": { "signet.dev/issuer-name": null } } });
    edit(&maps, &name, annotations).await?;
    wait(test, &issuer, ("False", "ForeignObject")).await?;
    let key = json!({ "key": { "software": { "secretName": test.unique("next") } } });
    test.patch_issuer(&issuer, key).await?;
    let held = test.wait_for_status(&issuer, "held", |status| {
        let rotating = find(&status.conditions, ROTATING);
        rotating
            .is_some_and(|it| it.reason == "WaitingForPublication" && it.message.contains(&name))
    });
    let held = held.await?;
    ensure!(is_ready(&held), "{held:?}");
    ensure!(held.bundle != first.bundle, "the status has both roots");
    ensure!(signing(&held) == Some(1), "{held:?}");
    ensure!(content(&maps.get(&name).await?) == first.bundle.as_deref());
    delete(&maps, &name).await?;
    let rotated = test.wait_for_status(&issuer, "rotated", |status| signing(status) == Some(2));
    let rotated = rotated.await?;
    ensure!(content(&maps.get(&name).await?) == rotated.bundle.as_deref());
    Ok(())
}

fn is_ready(status: &IssuerStatus) -> bool {
    find(&status.conditions, READY).is_some_and(|ready| ready.status == "True")
}

/// The generation that signs.
fn signing(status: &IssuerStatus) -> Option<u32> {
    let current = status.ca.first()?;
    (current.state == GenerationState::Active).then_some(current.generation)
}

async fn a_bundle_above_16_kib_takes_in_no_root(test: &TestNamespace) -> Result<()> {
    let first = test.unique("small");
    secret(test, &first, 1).await?;
    let issuer = test
        .issuer(ClusterIssuer, "large", spec::existing(&first))
        .await?;
    let (before, _) = wait(test, &issuer, ("True", "Published")).await?;
    let next = test.unique("large");
    secret(test, &next, 100).await?;
    let key = json!({ "key": { "software": { "secretName": next } } });
    test.patch_issuer(&issuer, key).await?;
    let (status, message) = wait(test, &issuer, ("False", "BundleTooLarge")).await?;
    ensure!(message.contains("the bundle would have"), "{message}");
    ensure!(
        status.bundle == before.bundle && is_ready(&status),
        "{status:?}"
    );
    ensure!(signing(&status) == Some(1), "{status:?}");
    let map = test.cluster_resources::<ConfigMap>();
    let map = map.get(&object_name(&issuer)).await?;
    ensure!(content(&map) == before.bundle.as_deref(), "{map:?}");
    Ok(())
}

/// Creates the Secret of a CA, with so many roots in `ca.crt` as fit into a bundle.
async fn secret(test: &TestNamespace, secret: &str, max_roots: usize) -> Result<()> {
    let (root, key) = root(&format!("{secret} {}", "x".repeat(200)))?;
    let mut all = root.clone();
    for number in 1..max_roots {
        // Shorter than the first, so that the next CA's does not fit.
        let (other, _) = self::root(&format!("{number} {}", "x".repeat(100)))?;
        if all.len() + other.len() > MAX_BYTES {
            break;
        }
        all.push_str(&other);
    }
    test.create_object(json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": { "name": secret, "namespace": NAMESPACE },
        "stringData": { "tls.crt": root, "tls.key": key.serialize_pem(), "ca.crt": all },
    }))
    .await?;
    Ok(())
}

fn root(name: &str) -> Result<(String, rcgen::KeyPair)> {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
    let key = KeyKind::P256.generate()?;
    Ok((params.self_signed(&key)?.pem(), key))
}
