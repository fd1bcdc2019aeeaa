//! ClusterTrustBundles of ClusterIssuers.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::certificates::v1::ClusterTrustBundle;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use rcgen::{BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, KeyUsagePurpose};
use serde_json::{Value, json};
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_api::conditions::{BUNDLE_PUBLISHED, find};
use signet_api::{GenerationRole, GenerationState, IssuerStatus};
use signet_e2e::csr::{Csr, KeyKind};
use signet_e2e::{Ask, Bed, Issued, IssuerRef, TestNamespace, spec};
use signet_testbed::installation::NAMESPACE;
use signet_testbed::wait::{Observation, until};

use super::{wait, wait_until};

shared![
    a_trust_domain_publishes_one_that_a_recreated_issuer_adopts,
    a_field_of_the_spec_publishes_it_and_deletes_it,
    it_follows_a_renewal,
    it_follows_a_second_root,
    a_rotation_that_a_foreign_one_holds_goes_on_when_it_is_removed,
    it_stays_until_the_last_certificate_has_expired,
    a_root_that_the_api_server_refuses_is_reported,
    an_issuer_without_the_flag_has_none,
];

pub(super) type TrustBundles = Api<ClusterTrustBundle>;

pub(super) fn all(bed: &Bed) -> TrustBundles {
    Api::all(bed.client())
}

pub(super) fn trust_bundle_name(issuer: &IssuerRef) -> String {
    format!("{}:bundle", issuer.signer_name().replace('/', ":"))
}

pub(super) const DOMAIN: &str = "prod.example";

/// Waits until it has exactly this bundle.
pub(super) async fn wait_for_roots(
    bed: &Bed,
    name: &str,
    bundle: &str,
) -> Result<ClusterTrustBundle> {
    let holds = |found: &ClusterTrustBundle| found.spec.trust_bundle == bundle;
    bed.wait(&all(bed), name, "up to date", holds).await
}

pub(super) async fn edit(bed: &Bed, name: &str, change: Value) -> Result<()> {
    let params = PatchParams::default();
    all(bed).patch(name, &params, &Patch::Merge(change)).await?;
    Ok(())
}

async fn delete(bed: &Bed, name: &str) -> Result<()> {
    all(bed).delete(name, &DeleteParams::default()).await?;
    Ok(())
}

/// Waits until the object of an issuer has the bundle of the status, and that generation signs.
async fn wait_for_generation(
    test: &TestNamespace,
    issuer: &IssuerRef,
    generation: u32,
) -> Result<IssuerStatus> {
    let signs = |status: &IssuerStatus| signing(status) == Some(generation);
    let status = test.wait_for_status(issuer, "rotated", signs).await?;
    let bundle = status.bundle.clone().context("it has a bundle")?;
    wait_for_roots(test.bed(), &trust_bundle_name(issuer), &bundle).await?;
    Ok(status)
}

/// The generation that signs.
fn signing(status: &IssuerStatus) -> Option<u32> {
    let current = status.ca.first()?;
    (current.state == GenerationState::Active).then_some(current.generation)
}

fn count(bundle: &ClusterTrustBundle) -> usize {
    bundle.spec.trust_bundle.matches("BEGIN").count()
}

async fn a_trust_domain_publishes_one_that_a_recreated_issuer_adopts(
    test: &TestNamespace,
) -> Result<()> {
    let spec = spec::spiffe(&test.unique("root"), DOMAIN);
    let issuer = test.issuer(ClusterIssuer, "corp", spec.clone()).await?;
    let (status, message) = wait(test, &issuer, ("True", "Published")).await?;
    let (name, bundles) = (trust_bundle_name(&issuer), all(test.bed()));
    let expected = format!("ClusterTrustBundle {name}");
    ensure!(message.contains(&expected), "{message}");
    let found = bundles.get(&name).await?;
    ensure!(
        Some(&found.spec.trust_bundle) == status.bundle.as_ref(),
        "{found:?}"
    );
    ensure!(
        found.spec.signer_name == Some(issuer.signer_name()),
        "{found:?}"
    );
    ensure!(found.owner_references().is_empty(), "{found:?}");
    let uid = found.annotations()["signet.dev/issuer-uid"].clone();

    test.delete_issuer(&issuer).await?;
    ensure!(bundles.get(&name).await?.uid() == found.uid(), "it stays");
    test.issuer(ClusterIssuer, "corp", spec).await?;
    let is_adopted =
        |found: &ClusterTrustBundle| found.annotations()["signet.dev/issuer-uid"] != uid;
    let after = test
        .bed()
        .wait(&bundles, &name, "adopted", is_adopted)
        .await?;
    ensure!(
        after.uid() == found.uid() && after.spec == found.spec,
        "{after:?}"
    );
    Ok(())
}

async fn a_field_of_the_spec_publishes_it_and_deletes_it(test: &TestNamespace) -> Result<()> {
    let mut spec = spec::self_signed(&test.unique("root"));
    spec["bundle"] = json!({ "clusterTrustBundle": true, "labels": { "team": "pki" } });
    let issuer = test.issuer(ClusterIssuer, "plain", spec).await?;
    let (name, bundles) = (trust_bundle_name(&issuer), all(test.bed()));
    let is_labeled = |found: &ClusterTrustBundle| found.labels().get("team").is_some();
    test.bed()
        .wait(&bundles, &name, "labeled", is_labeled)
        .await?;
    let change = json!({ "bundle": { "clusterTrustBundle": false } });
    test.patch_issuer(&issuer, change).await?;
    until_gone(&bundles, &name).await?;
    let without = |it: &Condition| it.status == "True" && !it.message.contains(&name);
    wait_until(test, &issuer, "published without it", without).await?;
    Ok(())
}

pub(super) async fn until_gone(bundles: &TrustBundles, name: &str) -> Result<()> {
    let observe = async || {
        let exists = bundles.get_opt(name).await?.is_some();
        Ok(Observation::reached_if(!exists, "it is there"))
    };
    until("a ClusterTrustBundle to be deleted", observe).await
}

async fn it_follows_a_renewal(test: &TestNamespace) -> Result<()> {
    let mut spec = spec::spiffe(&test.unique("root"), DOMAIN);
    spec["certificate"]["selfSigned"]["duration"] = json!("40s");
    let issuer = test.issuer(ClusterIssuer, "short", spec).await?;
    let status = wait_for_generation(test, &issuer, 2).await?;
    ensure!(status.ca.len() > 1, "{status:?}");
    Ok(())
}

/// With both roots, go-spiffe verifies a certificate of either CA.
async fn it_follows_a_second_root(test: &TestNamespace) -> Result<()> {
    let mut spec = spec::spiffe(&test.unique("first"), DOMAIN);
    spec["rotation"] = json!({ "activation": "Manual" });
    let issuer = test.issuer(ClusterIssuer, "second", spec).await?;
    let (before, _) = wait(test, &issuer, ("True", "Published")).await?;
    let old = svid(test, &issuer).await?;
    let key = json!({ "key": { "software": { "secretName": test.unique("next") } } });
    test.patch_issuer(&issuer, key).await?;
    // Before it signs.
    let name = trust_bundle_name(&issuer);
    let has_both = |found: &ClusterTrustBundle| count(found) == 2;
    let bundles = all(test.bed());
    let both = test
        .bed()
        .wait(&bundles, &name, "with both roots", has_both)
        .await?;
    old.spiffe_id(&both.spec.trust_bundle)?;
    let next = |status: &IssuerStatus| {
        let mut ca = status.ca.iter();
        let next = ca.find(|ca| ca.role == Some(GenerationRole::Next))?;
        next.fingerprint.clone()
    };
    let has_next = |status: &IssuerStatus| next(status).is_some();
    let status = test.wait_for_status(&issuer, "with a next CA", has_next);
    let next = next(&status.await?);
    test.patch_issuer(&issuer, json!({ "rotation": { "activate": next } }))
        .await?;
    let status = wait_for_generation(test, &issuer, 2).await?;
    let new = svid(test, &issuer).await?;
    let (bundle, maps) = (
        status.bundle.context("it has a bundle")?,
        test.cluster_resources(),
    );
    let map = super::wait_for_content(test, &maps, &super::object_name(&issuer), &bundle).await?;
    let object = bundles.get(&name).await?;
    for bundle in [Some(&*object.spec.trust_bundle), super::content(&map)] {
        let bundle = bundle.context("it has a bundle")?;
        let ids = [old.spiffe_id(bundle)?, new.spiffe_id(bundle)?];
        let id = format!("spiffe://{DOMAIN}/ns/{}/sa/requester", test.name());
        ensure!(ids == [&*id, &*id], "{ids:?}");
    }
    let first = before.bundle.context("it had a bundle")?;
    ensure!(new.spiffe_id(&first).is_err(), "the first root signed it");
    Ok(())
}

/// A certificate of the account that requests in the tests.
async fn svid(test: &TestNamespace, issuer: &IssuerRef) -> Result<Issued> {
    let csr = Csr::of_new_key()?.build()?;
    test.issue(&Ask::new(issuer, &csr), &csr).await
}

/// Another client's object in its place: pods that project it do not trust the next root.
async fn a_rotation_that_a_foreign_one_holds_goes_on_when_it_is_removed(
    test: &TestNamespace,
) -> Result<()> {
    let mut spec = spec::spiffe(&test.unique("held"), DOMAIN);
    spec["rotation"] = json!({ "activationDelay": "1s" });
    let issuer = test.issuer(ClusterIssuer, "held", spec).await?;
    let (first, _) = wait(test, &issuer, ("True", "Published")).await?;
    let (name, bundles) = (trust_bundle_name(&issuer), all(test.bed()));
    // It loses the label by which Signet knows it, and leaves the watch.
    let label = json!({ "metadata": { "labels": { "app.kubernetes.io/managed-by": "Helm" } } });
    edit(test.bed(), &name, label).await?;
    let (_, message) = wait(test, &issuer, ("False", "ForeignObject")).await?;
    ensure!(message.contains(&name), "{message}");
    let key = json!({ "key": { "software": { "secretName": test.unique("next") } } });
    test.patch_issuer(&issuer, key).await?;
    let held = test.wait_for_status(&issuer, "held", |status| {
        let rotating = find(&status.conditions, signet_api::conditions::ROTATING);
        rotating
            .is_some_and(|it| it.reason == "WaitingForPublication" && it.message.contains(&name))
    });
    let held = held.await?;
    ensure!(signing(&held) == Some(1), "{held:?}");
    let theirs = bundles.get(&name).await?;
    ensure!(
        Some(&theirs.spec.trust_bundle) == first.bundle.as_ref(),
        "{theirs:?}"
    );
    delete(test.bed(), &name).await?;
    wait_for_generation(test, &issuer, 2).await?;
    Ok(())
}

async fn it_stays_until_the_last_certificate_has_expired(test: &TestNamespace) -> Result<()> {
    let mut spec = spec::spiffe(&test.unique("short"), DOMAIN);
    spec["certificate"]["selfSigned"]["duration"] = json!("40s");
    let issuer = test.issuer(ClusterIssuer, "gone", spec).await?;
    let (status, _) = wait(test, &issuer, ("True", "Published")).await?;
    let ends = status.ca.iter().filter_map(|ca| ca.not_after.as_ref());
    let end = ends.map(|at| at.0).min().context("it has a CA")?;
    test.delete_issuer(&issuer).await?;
    until_gone(&all(test.bed()), &trust_bundle_name(&issuer)).await?;
    let now = jiff::Timestamp::now();
    ensure!(end <= now, "it was deleted at {now}, before {end}");
    Ok(())
}

/// The API server reads each root (CTB-4), with a parser that refuses more than Signet's.
async fn a_root_that_the_api_server_refuses_is_reported(test: &TestNamespace) -> Result<()> {
    let secret = test.unique("odd");
    let key = KeyKind::P256.generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, &*secret);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // An authorityInfoAccess that is NULL.
    let access = CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], vec![5, 0]);
    params.custom_extensions.push(access);
    let root = params.self_signed(&key)?.pem();
    test.create_object(json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": { "name": secret, "namespace": NAMESPACE },
        "stringData": { "tls.crt": root, "tls.key": key.serialize_pem(), "ca.crt": root },
    }))
    .await?;
    let mut spec = spec::existing(&secret);
    spec["bundle"] = json!({ "clusterTrustBundle": true });
    let issuer = test.issuer(ClusterIssuer, "odd", spec).await?;
    let (status, message) = wait(test, &issuer, ("False", "WriteFailed")).await?;
    ensure!(message.contains("does not parse as X.509"), "{message}");
    // The other object is there.
    let map = test.cluster_resources::<ConfigMap>();
    let map = map.get(&super::object_name(&issuer)).await?;
    ensure!(super::content(&map) == status.bundle.as_deref(), "{map:?}");
    Ok(())
}

/// It would be an object of the whole cluster, which a tenant creates.
async fn an_issuer_without_the_flag_has_none(test: &TestNamespace) -> Result<()> {
    let issuer = test
        .issuer(Issuer, "silent", spec::spiffe("silent", DOMAIN))
        .await?;
    let name = trust_bundle_name(&issuer);
    let mut spec = spec::spiffe("asked", DOMAIN);
    spec["bundle"] = json!({ "kind": "None", "clusterTrustBundle": true });
    let asked = test.issuer(Issuer, "asked", spec).await?;
    let (_, message) = wait(test, &asked, ("False", "PermissionMissing")).await?;
    let value = "bundles.clusterTrustBundles.issuers";
    ensure!(message.contains(value), "{message}");
    for name in [name, trust_bundle_name(&asked)] {
        ensure!(all(test.bed()).get_opt(&name).await?.is_none(), "{name}");
    }
    let object = test.api::<signet_api::Issuer>().get("silent").await?;
    let conditions = object.status.unwrap_or_default().conditions;
    ensure!(
        find(&conditions, BUNDLE_PUBLISHED).is_none(),
        "{conditions:?}"
    );
    Ok(())
}
