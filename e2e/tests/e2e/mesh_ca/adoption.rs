//! What a mesh has already is taken over, unchanged, as the first generation.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use serde_json::json;
use sha2::{Digest, Sha256};
use signet_api::conditions::{MESH_UPDATED, READY, find};
use signet_api::{GenerationState, IssuerStatus};
use signet_e2e::csr::Csr;
use signet_e2e::mesh_ca::{CACERTS, CERTIFICATE, Entries, Files, KEY, KEYS, ROOTS, Rights};
use signet_e2e::mesh_ca::{History, IstiodStandIn, UPDATED, signs};
use signet_e2e::verify::Certificate;
use signet_e2e::{IssuerRef, TestNamespace};

use super::{ca_below_a_lost_root, existing_ca, expired_ca, istio_below, roots};

shared![
    cacerts_are_taken_over_unchanged,
    a_secret_of_type_tls_keeps_its_layout,
    the_ca_that_istiod_created_is_moved_to_cacerts,
    empty_objects_are_filled_without_create,
    a_ca_is_taken_over_once_the_spec_adopts_it,
    the_ca_that_istiod_created_is_taken_over_before_the_issuer_above_is_ready,
    a_ca_that_cannot_be_taken_over_stays,
    a_ca_with_the_key_of_another_one_stays,
    a_ca_that_has_expired_stays,
];

pub(super) const CHAIN: &str = "cert-chain.pem";

pub(super) async fn create(test: &TestNamespace, rights: Rights<'_>) -> Result<IssuerRef> {
    test.prepare_mesh(rights).await?;
    let mut spec = istio_below(&test.issuer_above().await?, "10s");
    spec["adopt"] = json!(true);
    Ok(test.create_mesh_ca(spec).await?)
}

/// Waits until the first generation is this CA, unchanged, and checks that its key was copied.
pub(super) async fn is_first_generation(
    test: &TestNamespace,
    mesh_ca: &IssuerRef,
    certificate: &str,
) -> Result<()> {
    let status = test
        .wait_for_status(mesh_ca, "taken over", |status| signs(status, 1))
        .await?;
    let own = Certificate::read_pem(certificate)?;
    let own = own.first().context("there is a certificate")?;
    let fingerprint = hex::encode(Sha256::digest(own.der()));
    ensure!(status.ca[0].fingerprint == Some(fingerprint), "{status:?}");
    let keys = test.entries(KEYS).await?;
    for key in keys.values() {
        if Csr::public_key_of_secret(key)? == own.public_key() {
            return Ok(());
        }
    }
    anyhow::bail!("the key is in none of {:?}", keys.keys())
}

/// Then an ordinary root rotation leads below the issuer above.
async fn cacerts_are_taken_over_unchanged(test: &TestNamespace) -> Result<()> {
    let (certificate, key) = existing_ca()?;
    put(test, [&certificate, &key, &certificate]).await?;
    let before = test.entries(CACERTS).await?;
    let _istiod = IstiodStandIn::start(test);
    let mesh_ca = create(test, Rights::ISTIO).await?;
    is_first_generation(test, &mesh_ca, &certificate).await?;
    // The request for the second generation is not approved yet, and its root may be there already.
    is_kept(&before, &test.entries(CACERTS).await?, ROOTS)?;

    test.approve_parent(&mesh_ca, 2).await?;
    let has_both = |now: &Entries| roots(now) == 2;
    let both = test.wait_for_entries(CACERTS, "appended", has_both).await?;
    ensure!(both[ROOTS].starts_with(&certificate), "{}", both[ROOTS]);
    ensure!(both[CERTIFICATE] == certificate, "the CA stays");
    // From now on the CA has a root above it.
    let is_new = |now: &Entries| now[CERTIFICATE] != certificate;
    let swapped = test.wait_for_entries(CACERTS, "swapped", is_new).await?;
    let history = History::watch(test);
    ensure!(swapped[ROOTS] == both[ROOTS], "{}", swapped[ROOTS]);
    Files::of_istio(&swapped)?.check()?;
    let has_one = |now: &Entries| roots(now) == 1;
    let last = test.wait_for_entries(CACERTS, "rotated", has_one).await?;
    Files::of_istio(&last)?.check()?;
    history.steps(&last).await.map(drop)
}

/// Roots may have been added at the end, and nothing else.
pub(super) fn is_kept(before: &Entries, now: &Entries, roots: &str) -> Result<()> {
    for (name, value) in before {
        let is_kept = match name == roots {
            true => now[name].starts_with(value),
            false => now[name] == *value,
        };
        ensure!(is_kept, "{name} is {}", now[name]);
    }
    Ok(())
}

/// Its type cannot be changed, and `tls.crt` and `tls.key` cannot be removed from it.
async fn a_secret_of_type_tls_keeps_its_layout(test: &TestNamespace) -> Result<()> {
    let (certificate, key) = existing_ca()?;
    test.create_object(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": CACERTS },
        "type": "kubernetes.io/tls",
        "stringData": { "tls.crt": certificate, "tls.key": key, "ca.crt": certificate },
    }))
    .await?;
    let before = test.entries(CACERTS).await?;
    let mesh_ca = create(test, Rights::ISTIO).await?;
    is_first_generation(test, &mesh_ca, &certificate).await?;
    is_kept(&before, &test.entries(CACERTS).await?, "ca.crt")?;
    test.approve_parent(&mesh_ca, 2).await?;
    let is_new = |now: &Entries| now["tls.crt"] != certificate;
    let swapped = test.wait_for_entries(CACERTS, "swapped", is_new).await?;
    Files::of_tls(&swapped)?.check()
}

/// istiod keeps it in a Secret of its own, and is restarted to read `cacerts`.
async fn the_ca_that_istiod_created_is_moved_to_cacerts(test: &TestNamespace) -> Result<()> {
    let (certificate, key) = existing_ca()?;
    put_self_signed(test, [&certificate, &key]).await?;
    let before = test.secret("istio-ca-secret").await?;
    let mesh_ca = create(test, Rights::ISTIO).await?;
    let is_there = |now: &Entries| now.contains_key(CERTIFICATE);
    let moved = test.wait_for_entries(CACERTS, "moved", is_there).await?;
    ensure!(moved[CERTIFICATE] == certificate && moved[ROOTS] == certificate);
    let public = |key: &str| Csr::public_key_of_secret(key);
    ensure!(public(&moved[KEY])? == public(&key)?, "the key is another");
    is_first_generation(test, &mesh_ca, &certificate).await?;
    let says = |status: &IssuerStatus| {
        let conditions = [READY, MESH_UPDATED].map(|type_| find(&status.conditions, type_));
        let mut messages = conditions.into_iter().flatten().map(|it| &it.message);
        messages.any(|it| it.contains("istiod") && it.contains("restart"))
    };
    test.wait_for_status(&mesh_ca, "about the restart", says)
        .await?;
    let after = test.secret("istio-ca-secret").await?;
    ensure!(after.resource_version() == before.resource_version());
    Ok(())
}

/// A Role for the two names only, and objects from Git.
const WITHOUT_CREATE: Rights<'_> = Rights {
    create: false,
    ..Rights::ISTIO
};

async fn empty_objects_are_filled_without_create(test: &TestNamespace) -> Result<()> {
    for name in [CACERTS, KEYS] {
        test.create_object(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name },
            "type": "Opaque",
        }))
        .await?;
    }
    let before = test.secret(CACERTS).await?;
    let mesh_ca = create(test, WITHOUT_CREATE).await?;
    test.approve_parent(&mesh_ca, 1).await?;
    let status = test.wait_until_ready(&mesh_ca).await?;
    ensure!(status.ca[0].state == GenerationState::Active, "{status:?}");
    test.wait_for_mesh(&mesh_ca, UPDATED).await?;
    let after = test.secret(CACERTS).await?;
    ensure!(after.uid() == before.uid(), "it is the same object");
    Files::of_istio(&test.entries(CACERTS).await?)?.check()
}

/// Nothing was created meanwhile that the CA of the mesh would have to be replaced by.
async fn a_ca_is_taken_over_once_the_spec_adopts_it(test: &TestNamespace) -> Result<()> {
    let (certificate, key) = existing_ca()?;
    put(test, [&certificate, &key, &certificate]).await?;
    let _istiod = IstiodStandIn::start(test);
    test.prepare_mesh(Rights::ISTIO).await?;
    let spec = istio_below(&test.issuer_above().await?, "10s");
    let mesh_ca = test.create_mesh_ca(spec).await?;
    test.wait_for_mesh(&mesh_ca, ("False", "ForeignObject"))
        .await?;
    test.wait_until_not_ready(&mesh_ca, "ForeignObject").await?;
    test.patch_issuer(&mesh_ca, json!({ "adopt": true }))
        .await?;
    is_first_generation(test, &mesh_ca, &certificate).await
}

/// Until then it is not known which roots are to be trusted, and the CA may not be the first later.
async fn the_ca_that_istiod_created_is_taken_over_before_the_issuer_above_is_ready(
    test: &TestNamespace,
) -> Result<()> {
    let (certificate, key) = existing_ca()?;
    put_self_signed(test, [&certificate, &key]).await?;
    test.prepare_mesh(Rights::ISTIO).await?;
    let mut spec = istio_below(&test.issuer_above().await?, "10s");
    spec["certificate"]["issuerRef"]["name"] = json!(test.unique("absent"));
    let mesh_ca = test.create_mesh_ca(spec).await?;
    test.wait_for_mesh(&mesh_ca, ("False", "OtherCA")).await?;
    test.wait_until_not_ready(&mesh_ca, "OtherCA").await?;
    test.patch_issuer(&mesh_ca, json!({ "adopt": true }))
        .await?;
    is_first_generation(test, &mesh_ca, &certificate).await
}

/// Nothing is above its certificate in the file of the roots.
async fn a_ca_that_cannot_be_taken_over_stays(test: &TestNamespace) -> Result<()> {
    let (certificate, key) = ca_below_a_lost_root()?;
    let (other, _) = existing_ca()?;
    stays(test, [&certificate, &key, &other], "none of the roots").await
}

/// Its mesh has no valid certificate any more, and it could issue none.
async fn a_ca_that_has_expired_stays(test: &TestNamespace) -> Result<()> {
    let (certificate, key) = expired_ca()?;
    let part = "expired at 2020-01-01T00:00:00Z";
    stays(test, [&certificate, &key, &certificate], part).await
}

/// Requires that nothing is made of these files, with a message that has this part, until they are
/// repaired.
async fn stays(test: &TestNamespace, files: [&str; 3], part: &str) -> Result<()> {
    put(test, files).await?;
    let before = test.entries(CACERTS).await?;
    let mesh_ca = create(test, Rights::ISTIO).await?;
    let invalid = ("False", "InvalidObject");
    let message = test.wait_for_mesh(&mesh_ca, invalid).await?;
    ensure!(message.contains(part), "{message}");
    test.wait_until_not_ready(&mesh_ca, invalid.1).await?;
    ensure!(test.entries(CACERTS).await? == before, "it was written");
    let keys = test.api::<Secret>().get_opt(KEYS).await?;
    ensure!(keys.is_none(), "{KEYS} was written");
    let (certificate, key) = existing_ca()?;
    put(test, [&certificate, &key, &certificate]).await?;
    is_first_generation(test, &mesh_ca, &certificate).await
}

/// Signet could never sign with it. No key is created or copied meanwhile.
async fn a_ca_with_the_key_of_another_one_stays(test: &TestNamespace) -> Result<()> {
    let (certificate, key) = existing_ca()?;
    put(test, [&certificate, &existing_ca()?.1, &certificate]).await?;
    let mesh_ca = create(test, Rights::ISTIO).await?;
    let invalid = ("False", "InvalidObject");
    let message = test.wait_for_mesh(&mesh_ca, invalid).await?;
    ensure!(message.contains("the private key"), "{message}");
    let keys = test.api::<Secret>().get_opt(KEYS).await?;
    ensure!(keys.is_none(), "{KEYS} was created");
    put(test, [&certificate, &key, &certificate]).await?;
    is_first_generation(test, &mesh_ca, &certificate).await
}

/// Writes a CA and its key where istiod keeps its own, and shows it as the root of the mesh.
async fn put_self_signed(test: &TestNamespace, [certificate, key]: [&str; 2]) -> Result<()> {
    test.create_object(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "istio-ca-secret" },
        "type": "istio.io/ca-root",
        "stringData": {
            CERTIFICATE: certificate, KEY: key,
            CHAIN: "", ROOTS: "", "key.pem": "",
        },
    }))
    .await?;
    test.istiod_shows(certificate).await
}

/// Writes a CA, its key and the roots of its mesh to `cacerts`.
async fn put(test: &TestNamespace, [certificate, key, roots]: [&str; 3]) -> Result<()> {
    let files = [
        (CERTIFICATE, certificate),
        (KEY, key),
        (CHAIN, ""),
        (ROOTS, roots),
    ];
    test.put_own_secret(CACERTS, &files).await
}
