//! A CA that is below others is taken over with them, in each mesh.

use anyhow::{Result, ensure};
use rcgen::{CertificateParams, Issuer, KeyPair};
use serde_json::{Value, json};
use signet_e2e::csr::KeyKind;
use signet_e2e::mesh_ca::{CACERTS, CERTIFICATE, Entries, Files, KEY, KEYS, ROOTS, Rights};
use signet_e2e::mesh_ca::{History, IstiodStandIn, Step, below};
use signet_e2e::{IssuerRef, TestNamespace};

use super::adoption::{CHAIN, create, is_first_generation, is_kept};
use super::meshes::{BUNDLE, ISSUER, LINKERD, SPIRE, TRUST_ROOTS, trust_roots};
use super::{ca, roots};

shared![
    cacerts_with_a_chain_are_taken_over_unchanged,
    the_objects_of_linkerd_are_taken_over_unchanged,
    the_secret_of_spire_is_taken_over_unchanged,
];

/// A CA below another one, which is below a root. Each is in PEM.
struct Chained {
    certificate: String,
    /// The certificate, and the one above it.
    path: String,
    root: String,
    key: String,
}

impl Chained {
    fn new() -> Result<Self> {
        let (params, key) = (ca("root"), KeyKind::P256.generate()?);
        let root = params.self_signed(&key)?.pem();
        let above = Issuer::new(params, key);
        let (params, key) = subordinate("between")?;
        let between = params.signed_by(&key, &above)?.pem();
        let above = Issuer::new(params, key);
        let (params, key) = subordinate("cluster.local")?;
        let certificate = params.signed_by(&key, &above)?.pem();
        Ok(Self {
            path: [&*certificate, &between].concat(),
            certificate,
            root,
            key: key.serialize_pem(),
        })
    }
}

fn subordinate(organization: &str) -> Result<(CertificateParams, KeyPair)> {
    let mut params = ca(organization);
    params.use_authority_key_identifier_extension = true;
    Ok((params, KeyKind::P256.generate()?))
}

/// Also the mesh's readers accept each version, and each is one change.
async fn cacerts_with_a_chain_are_taken_over_unchanged(test: &TestNamespace) -> Result<()> {
    let ca = Chained::new()?;
    let files = [
        (CERTIFICATE, &*ca.certificate),
        (KEY, &*ca.key),
        (CHAIN, &*ca.path),
        (ROOTS, &*ca.root),
    ];
    test.put_own_secret(CACERTS, &files).await?;
    let before = test.entries(CACERTS).await?;
    let (history, _istiod) = (History::watch(test), IstiodStandIn::start(test));
    let mesh_ca = create(test, Rights::ISTIO).await?;
    is_first_generation(test, &mesh_ca, &ca.certificate).await?;
    is_kept(&before, &test.entries(CACERTS).await?, ROOTS)?;

    test.approve_parent(&mesh_ca, 2).await?;
    let is_new = |now: &Entries| now[CERTIFICATE] != ca.certificate;
    let swapped = test.wait_for_entries(CACERTS, "swapped", is_new).await?;
    ensure!(swapped[ROOTS].starts_with(&ca.root), "{}", swapped[ROOTS]);
    let has_one = |now: &Entries| roots(now) == 1;
    let last = test.wait_for_entries(CACERTS, "rotated", has_one).await?;
    ensure!(!last[ROOTS].contains(&ca.root), "the old root stays");
    // Roots that the stand-in has shown too late are put back and appended again.
    let steps = history.steps(&last).await?;
    let swaps = steps.iter().filter(|step| **step == Step::Swap);
    ensure!(swaps.count() == 1, "{steps:?}");
    ensure!(steps.first() == Some(&Step::Append), "{steps:?}");
    ensure!(steps.last() == Some(&Step::Remove), "{steps:?}");
    Ok(())
}

/// Puts it into a Secret as cert-manager has it, and returns the entries.
async fn put(test: &TestNamespace, name: &str, ca: &Chained) -> Result<Entries> {
    test.create_object(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name },
        "type": "kubernetes.io/tls",
        "stringData": { "tls.crt": ca.path, "tls.key": ca.key, "ca.crt": ca.root },
    }))
    .await?;
    let entries = test.entries(name).await?;
    Files::of_tls(&entries)?.check()?;
    Ok(entries)
}

async fn adopt(
    test: &TestNamespace,
    mesh: Value,
    rights: Rights<'_>,
    path_length: u8,
) -> Result<IssuerRef> {
    test.prepare_mesh(rights).await?;
    let mut spec = below(&test.issuer_above().await?, mesh);
    spec["adopt"] = json!(true);
    spec["certificate"]["issuerRef"]["pathLength"] = json!(path_length);
    Ok(test.create_mesh_ca(spec).await?)
}

/// Once another CA is there, waits until the mesh has it.
async fn swapped(test: &TestNamespace, secret: &str, before: &Entries) -> Result<Files> {
    let is_new = |now: &Entries| now["tls.crt"] != before["tls.crt"];
    let after = test.wait_for_entries(secret, "swapped", is_new).await?;
    Files::of_tls(&after)
}

/// They are a person's, and not Helm's. A person confirms that Linkerd knows the other root.
async fn the_objects_of_linkerd_are_taken_over_unchanged(test: &TestNamespace) -> Result<()> {
    let ca = Chained::new()?;
    let before = put(test, ISSUER, &ca).await?;
    test.create_object(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": TRUST_ROOTS },
        "data": { BUNDLE: ca.root },
    }))
    .await?;
    let mesh_ca = adopt(test, json!({ "linkerd": {} }), LINKERD, 0).await?;
    is_first_generation(test, &mesh_ca, &ca.certificate).await?;
    is_kept(&before, &test.entries(ISSUER).await?, "ca.crt")?;
    let bundle = trust_roots(test, TRUST_ROOTS, BUNDLE).await?;
    ensure!(bundle.starts_with(&ca.root), "{bundle}");

    test.approve_parent(&mesh_ca, 2).await?;
    test.activate_second(&mesh_ca).await?;
    swapped(test, ISSUER, &before).await?.check()
}

async fn the_secret_of_spire_is_taken_over_unchanged(test: &TestNamespace) -> Result<()> {
    let ca = Chained::new()?;
    let before = put(test, SPIRE, &ca).await?;
    let rights = Rights {
        secrets: &[SPIRE, KEYS],
        ..Rights::ISTIO
    };
    let mesh = json!({ "spire": { "caTTL": "10s" } });
    let mesh_ca = adopt(test, mesh, rights, 1).await?;
    is_first_generation(test, &mesh_ca, &ca.certificate).await?;
    is_kept(&before, &test.entries(SPIRE).await?, "ca.crt")?;

    test.approve_parent(&mesh_ca, 2).await?;
    let files = swapped(test, SPIRE, &before).await?;
    files.check_with_ca_below()
}
