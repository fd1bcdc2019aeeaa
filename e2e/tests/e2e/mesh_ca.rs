//! MeshCAs: what Signet writes where a mesh reads its CA. No mesh runs here; what istiod would show
//! of its roots is written by a stand-in.

mod above;
mod adoption;
mod cert_manager;
mod chained;
mod deletion;
mod istio;
mod keys;
mod meshes;
mod put_back;
mod refusals;
mod root_rotation;
mod tenants;
mod without_create;

use anyhow::Result;
use libtest_mimic::Trial;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyUsagePurpose,
};
use serde_json::{Value, json};
use signet_e2e::csr::KeyKind;
use signet_e2e::mesh_ca::{Entries, ROOTS, Rights, UPDATED, below};
use signet_e2e::{IssuerRef, TestNamespace};

pub(crate) use without_create::objects_from_git_are_enough_without_the_permission_to_create;

pub(crate) fn tests() -> Vec<Trial> {
    [
        above::tests(),
        adoption::tests(),
        cert_manager::tests(),
        chained::tests(),
        deletion::tests(),
        istio::tests(),
        keys::tests(),
        meshes::tests(),
        put_back::tests(),
        refusals::tests(),
        root_rotation::tests(),
        tenants::tests(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A MeshCA for Istio of this spec, whose mesh has its first CA.
async fn istio(test: &TestNamespace, spec: Value) -> Result<IssuerRef> {
    test.prepare_mesh(Rights::ISTIO).await?;
    let mesh_ca = test.create_mesh_ca(spec).await?;
    test.approve_parent(&mesh_ca, 1).await?;
    test.wait_until_ready(&mesh_ca).await?;
    test.wait_for_mesh(&mesh_ca, UPDATED).await?;
    Ok(mesh_ca)
}

/// The spec of a MeshCA for Istio whose mesh has so long to load what was written.
fn istio_below(above: &IssuerRef, propagation: &str) -> Value {
    let mut spec = below(above, json!({ "istio": {} }));
    spec["propagation"] = json!(propagation);
    spec
}

/// How many roots istiod's file has.
fn roots(entries: &Entries) -> usize {
    let roots = entries.get(ROOTS).map_or("", String::as_str);
    roots.matches("BEGIN CERTIFICATE").count()
}

/// Asks for another key, and approves the request of this generation.
async fn rotate(test: &TestNamespace, mesh_ca: &IssuerRef, generation: u32) -> Result<()> {
    let change = json!({ "rotation": { "requestID": generation.to_string() } });
    test.patch_issuer(mesh_ca, change).await?;
    test.approve_parent(mesh_ca, generation).await?;
    Ok(())
}

/// A CA that Signet has not made, as its certificate and its key. It is its own root.
fn existing_ca() -> Result<(String, String)> {
    let (params, key) = (ca("cluster.local"), KeyKind::P256.generate()?);
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}

/// The same, of an earlier time.
fn expired_ca() -> Result<(String, String)> {
    let (mut params, key) = (ca("cluster.local"), KeyKind::P256.generate()?);
    params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}

/// The same, below a root that is nowhere.
fn ca_below_a_lost_root() -> Result<(String, String)> {
    let root = Issuer::new(ca("lost"), KeyKind::P256.generate()?);
    let (params, key) = (ca("cluster.local"), KeyKind::P256.generate()?);
    Ok((params.signed_by(&key, &root)?.pem(), key.serialize_pem()))
}

fn ca(organization: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    (params.distinguished_name).push(DnType::OrganizationName, organization);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}
