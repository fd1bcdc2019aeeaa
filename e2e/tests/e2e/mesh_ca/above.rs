//! What a mesh requires of the issuer above is checked before a request is made.

use anyhow::{Result, ensure};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::{Value, json};
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_api::external::certificate_request::CertificateRequest;
use signet_e2e::mesh_ca::{KEYS, Rights, UPDATED, below};
use signet_e2e::{IssuerRef, TestNamespace, spec};

use super::istio_below;
use super::meshes::{LINKERD, SPIRE, start_linkerd_below};

shared![
    an_issuer_that_signs_no_cas_is_not_sent_a_request,
    an_issuer_of_a_namespace_with_a_trust_domain_is_not_sent_a_request,
    spire_needs_a_path_below_its_ca_before_a_request,
    linkerd_needs_sha256_before_a_request,
    linkerd_reports_that_the_issuer_above_does_not_wait_for_it,
];

/// Requires that the MeshCA says what is wrong with the issuer above, and requests nothing.
async fn requests_nothing(
    test: &TestNamespace,
    mesh_ca: &IssuerRef,
    above: &IssuerRef,
    part: &str,
) -> Result<()> {
    let holds = |ready: &Condition| ready.reason == "UnfitCA" && ready.message.contains(part);
    let status = test.wait_for_issuer(mesh_ca, part, holds).await?;
    let ready = signet_e2e::ready_condition(&status).map(|ready| ready.message.clone());
    let message = ready.unwrap_or_default();
    ensure!(message.contains(&above.name), "{message}");
    let requests = test.api::<CertificateRequest>();
    let requests = requests.list(&ListParams::default()).await?;
    let names: Vec<_> = requests.iter().map(ResourceExt::name_any).collect();
    ensure!(names.is_empty(), "it has requested {names:?}");
    Ok(())
}

/// Changes the issuer above, whereupon the mesh gets its first CA.
async fn corrected(
    test: &TestNamespace,
    mesh_ca: &IssuerRef,
    above: &IssuerRef,
    change: Value,
) -> Result<()> {
    test.patch_issuer(above, change).await?;
    test.approve_parent(mesh_ca, 1).await?;
    test.wait_until_ready(mesh_ca).await?;
    test.wait_for_mesh(mesh_ca, UPDATED).await?;
    Ok(())
}

async fn an_issuer_that_signs_no_cas_is_not_sent_a_request(test: &TestNamespace) -> Result<()> {
    let above = spec::self_signed(&test.unique("above"));
    let above = test.issuer(ClusterIssuer, "above", above).await?;
    test.prepare_mesh(Rights::ISTIO).await?;
    let mesh_ca = test.create_mesh_ca(istio_below(&above, "3s")).await?;
    let part = "signs no CA certificates; set its spec.profile.ca.pathLength";
    requests_nothing(test, &mesh_ca, &above, part).await?;
    let profile = json!({ "profile": { "ca": { "pathLength": 0 } } });
    corrected(test, &mesh_ca, &above, profile).await
}

async fn an_issuer_of_a_namespace_with_a_trust_domain_is_not_sent_a_request(
    test: &TestNamespace,
) -> Result<()> {
    let above = spec::spiffe(&test.unique("above"), "confined.example");
    let above = test.issuer(Issuer, "above", above).await?;
    test.prepare_mesh(Rights::ISTIO).await?;
    let mesh_ca = test.create_mesh_ca(istio_below(&above, "3s")).await?;
    requests_nothing(test, &mesh_ca, &above, "use a ClusterIssuer").await
}

/// Both the profile and the issuer's own CA certificate have to allow it.
async fn spire_needs_a_path_below_its_ca_before_a_request(test: &TestNamespace) -> Result<()> {
    let mut root = spec::with_ca_profile(&test.unique("above"), 0);
    root["certificate"] = json!({ "selfSigned": { "pathLength": 1 } });
    let above = test.issuer(ClusterIssuer, "above", root).await?;
    let rights = Rights {
        secrets: &[SPIRE, KEYS],
        ..Rights::ISTIO
    };
    test.prepare_mesh(rights).await?;
    let mut spec = below(&above, json!({ "spire": { "caTTL": "10s" } }));
    spec["certificate"]["issuerRef"]["pathLength"] = json!(1);
    let mesh_ca = test.create_mesh_ca(spec).await?;
    let part = "set its spec.profile.ca.pathLength to at least 1";
    requests_nothing(test, &mesh_ca, &above, part).await?;
    let profile = json!({ "profile": { "ca": { "pathLength": 1 } } });
    test.patch_issuer(&above, profile).await?;
    let part = "have that certificate signed with a path length of at least 2";
    requests_nothing(test, &mesh_ca, &above, part).await?;
    let certificate = json!({ "certificate": { "selfSigned": { "pathLength": 2 } } });
    corrected(test, &mesh_ca, &above, certificate).await
}

/// An issuer on P-384 signs with SHA-384, which `linkerd check` refuses.
async fn linkerd_needs_sha256_before_a_request(test: &TestNamespace) -> Result<()> {
    let mut root = spec::with_ca_profile(&test.unique("above"), 1);
    root["key"]["software"]["keyType"] = json!("ECDSAP384");
    let above = test.issuer(ClusterIssuer, "above", root).await?;
    test.prepare_mesh(LINKERD).await?;
    let spec = below(&above, json!({ "linkerd": {} }));
    let mesh_ca = test.create_mesh_ca(spec).await?;
    requests_nothing(test, &mesh_ca, &above, "signs by ECDSA with SHA-384").await
}

/// Linkerd reads roots only when it starts, so a person decides when another one signs.
async fn linkerd_reports_that_the_issuer_above_does_not_wait_for_it(
    test: &TestNamespace,
) -> Result<()> {
    let root = spec::with_ca_profile(&test.unique("above"), 1);
    let above = test.issuer(ClusterIssuer, "above", root).await?;
    let mesh_ca = start_linkerd_below(test, &above).await?;
    let part = "activates another root by itself";
    let warns = |ready: &Condition| ready.status == "True" && ready.message.contains(part);
    test.wait_for_issuer(&mesh_ca, part, warns).await?;
    let manual = json!({ "rotation": { "activation": "Manual" } });
    test.patch_issuer(&above, manual).await?;
    let is_silent = |ready: &Condition| ready.status == "True" && !ready.message.contains(part);
    test.wait_for_issuer(&mesh_ca, "without a warning", is_silent)
        .await?;
    Ok(())
}
