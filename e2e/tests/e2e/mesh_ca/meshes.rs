//! The objects of the meshes other than Istio.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::ResourceExt;
use kube::api::DeleteParams;
use serde_json::{Value, json};
use signet_api::conditions::{ROTATING, find};
use signet_api::{MeshCA, MeshWait};
use signet_e2e::mesh_ca::{Entries, Files, KEYS, Rights, UPDATED, below, signs};
use signet_e2e::verify::Certificate;
use signet_e2e::{IssuerRef, TestNamespace};

use super::rotate;

shared![
    linkerd_gets_its_issuer_and_its_trust_roots,
    linkerd_gets_a_deleted_issuer_again,
    linkerd_waits_for_a_person_before_another_root_signs,
    linkerd_objects_of_helm_are_reported,
    spire_gets_the_files_of_its_disk_plugin,
    another_mesh_gets_the_entries_of_the_spec,
];

pub(super) const ISSUER: &str = "linkerd-identity-issuer";
pub(super) const TRUST_ROOTS: &str = "linkerd-identity-trust-roots";
/// What Signet may write for Linkerd.
pub(super) const LINKERD: Rights<'_> = Rights {
    secrets: &[ISSUER, KEYS],
    config_maps: &[TRUST_ROOTS],
    create: true,
};
pub(super) const BUNDLE: &str = "ca-bundle.crt";
/// The Secret of SPIRE's plugin `disk`.
pub(super) const SPIRE: &str = "spiffe-upstream-ca";

/// A mesh that has its first CA, and the issuer above.
async fn start(
    test: &TestNamespace,
    mesh: Value,
    rights: Rights<'_>,
) -> Result<(IssuerRef, IssuerRef)> {
    let above = test.issuer_above().await?;
    let mesh_ca = start_below(test, &above, mesh, rights).await?;
    Ok((above, mesh_ca))
}

/// A mesh that has its first CA, below this issuer.
async fn start_below(
    test: &TestNamespace,
    above: &IssuerRef,
    mesh: Value,
    rights: Rights<'_>,
) -> Result<IssuerRef> {
    test.prepare_mesh(rights).await?;
    let is_spire = mesh.get("spire").is_some();
    let mut spec = below(above, mesh);
    if is_spire {
        spec["certificate"]["issuerRef"]["pathLength"] = json!(1);
    }
    let mesh_ca = test.create_mesh_ca(spec).await?;
    test.approve_parent(&mesh_ca, 1).await?;
    test.wait_until_ready(&mesh_ca).await?;
    test.wait_for_mesh(&mesh_ca, UPDATED).await?;
    Ok(mesh_ca)
}

async fn start_linkerd(test: &TestNamespace) -> Result<(IssuerRef, IssuerRef)> {
    start(test, json!({ "linkerd": {} }), LINKERD).await
}

pub(super) async fn start_linkerd_below(
    test: &TestNamespace,
    above: &IssuerRef,
) -> Result<IssuerRef> {
    start_below(test, above, json!({ "linkerd": {} }), LINKERD).await
}

pub(super) async fn trust_roots(test: &TestNamespace, name: &str, key: &str) -> Result<String> {
    let map = test.api::<ConfigMap>().get(name).await?;
    let data = map.data.unwrap_or_default();
    ensure!(data.len() == 1, "{data:?}");
    let roots = data.get(key).with_context(|| format!("no {key}"))?;
    Ok(roots.clone())
}

async fn linkerd_gets_its_issuer_and_its_trust_roots(test: &TestNamespace) -> Result<()> {
    let (above, mesh_ca) = start_linkerd(test).await?;
    let secret = test.secret(ISSUER).await?;
    ensure!(secret.type_.as_deref() == Some("kubernetes.io/tls"));
    let files = Files::of_tls(&test.entries(ISSUER).await?)?;
    files.check()?;
    let roots = trust_roots(test, TRUST_ROOTS, BUNDLE).await?;
    ensure!(roots == files.roots, "{roots}");
    let expected = Certificate::read_pem(&test.bundle(&above).await?)?;
    ensure!(Certificate::read_pem(&roots)? == expected, "{roots}");
    let map = test.api::<ConfigMap>().get(TRUST_ROOTS).await?;
    ensure!(map.annotations()["signet.dev/issuer-name"] == mesh_ca.name);

    // A renewal changes neither the key nor the roots.
    let longer = json!({ "certificate": { "issuerRef": { "duration": "72h" } } });
    test.patch_issuer(&mesh_ca, longer).await?;
    let before = test.entries(ISSUER).await?;
    test.approve_parent(&mesh_ca, 2).await?;
    let is_new = |now: &Entries| now["tls.crt"] != before["tls.crt"];
    let after = test.wait_for_entries(ISSUER, "renewed", is_new).await?;
    Files::of_tls(&after)?.check()?;
    ensure!(after["tls.key"] == before["tls.key"] && after["ca.crt"] == before["ca.crt"]);
    ensure!(trust_roots(test, TRUST_ROOTS, BUNDLE).await? == roots);
    Ok(())
}

/// The ConfigMap has the roots already, as it has between the two writes of the first CA.
async fn linkerd_gets_a_deleted_issuer_again(test: &TestNamespace) -> Result<()> {
    let (_, mesh_ca) = start_linkerd(test).await?;
    let before = test.entries(ISSUER).await?;
    let secrets = test.api::<Secret>();
    secrets.delete(ISSUER, &DeleteParams::default()).await?;
    // Nothing reports the deletion.
    let change = json!({ "propagation": "4s" });
    test.patch_issuer(&mesh_ca, change).await?;
    let is_as_before = |now: &Entries| *now == before;
    test.wait_for_entries(ISSUER, "written again", is_as_before)
        .await?;
    test.wait_for_mesh(&mesh_ca, UPDATED).await.map(drop)
}

/// Linkerd reads roots only when it starts, and only a person knows that it did.
async fn linkerd_waits_for_a_person_before_another_root_signs(test: &TestNamespace) -> Result<()> {
    let (above, mesh_ca) = start_linkerd(test).await?;
    let first = test.entries(ISSUER).await?;
    test.prepare_another_root(&above).await?;
    test.activate_second(&above).await?;
    rotate(test, &mesh_ca, 2).await?;
    let next = |found: &MeshCA| {
        let mut listed = found.status.iter().flat_map(|it| &it.issuer.ca);
        listed.find(|ca| ca.generation == 2)?.fingerprint.clone()
    };
    let waits = |found: &MeshCA| {
        let mesh = found.status.as_ref().and_then(|it| it.mesh.as_ref());
        let waits = mesh.and_then(|it| it.waits_for);
        let for_person = matches!(waits, Some(MeshWait::Restart | MeshWait::Activation));
        for_person && next(found).is_some()
    };
    let api = test.api::<MeshCA>();
    let prepared = test
        .bed()
        .wait(&api, &mesh_ca.name, "prepared", waits)
        .await?;
    let status = prepared.status.as_ref().context("it has a status")?;
    let rotating = find(&status.issuer.conditions, ROTATING).context("it rotates")?;
    let message = &rotating.message;
    ensure!(
        message.contains("the CA certificate that signs now expires at 2"),
        "{message}"
    );
    let roots = trust_roots(test, TRUST_ROOTS, BUNDLE).await?;
    ensure!(roots.starts_with(&first["ca.crt"]), "{roots}");
    ensure!(Certificate::read_pem(&roots)?.len() == 2, "{roots}");
    let before = test.entries(ISSUER).await?;
    ensure!(before["tls.crt"] == first["tls.crt"], "the first one signs");

    let activate = json!({ "rotation": { "activate": next(&prepared) } });
    test.patch_issuer(&mesh_ca, activate).await?;
    let is_new = |now: &Entries| now["tls.crt"] != first["tls.crt"];
    let after = test.wait_for_entries(ISSUER, "activated", is_new).await?;
    Files::of_tls(&after)?.check()?;
    test.wait_for_status(&mesh_ca, "activated", |status| signs(status, 2))
        .await?;
    Ok(())
}

/// In its other scheme, the chart renders both, and would undo what is written.
async fn linkerd_objects_of_helm_are_reported(test: &TestNamespace) -> Result<()> {
    test.create_object(json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": TRUST_ROOTS,
            "labels": { "app.kubernetes.io/managed-by": "Helm" },
            "annotations": { "meta.helm.sh/release-name": "linkerd-control-plane" },
        },
    }))
    .await?;
    test.prepare_mesh(LINKERD).await?;
    let mut spec = below(&test.issuer_above().await?, json!({ "linkerd": {} }));
    spec["adopt"] = json!(true);
    let mesh_ca = test.create_mesh_ca(spec).await?;
    test.approving(&mesh_ca, async {
        let foreign = ("False", "ForeignObject");
        let message = test
            .wait_for_mesh_message(&mesh_ca, foreign, "Helm")
            .await?;
        ensure!(message.contains(TRUST_ROOTS), "{message}");
        let map = test.api::<ConfigMap>().get(TRUST_ROOTS).await?;
        ensure!(map.data.is_none(), "it was written: {map:?}");
        Ok(())
    })
    .await
}

/// SPIRE signs a CA of its own below.
async fn spire_gets_the_files_of_its_disk_plugin(test: &TestNamespace) -> Result<()> {
    let rights = Rights {
        secrets: &[SPIRE, KEYS],
        ..Rights::ISTIO
    };
    let mesh = json!({ "spire": { "caTTL": "10s" } });
    start(test, mesh, rights).await?;
    let files = Files::of_tls(&test.entries(SPIRE).await?)?;
    files.check_with_ca_below()?;
    ensure!(files.ca()?.basic_constraints()? == Some((true, Some(1))));
    Ok(())
}

/// As Dapr has them.
async fn another_mesh_gets_the_entries_of_the_spec(test: &TestNamespace) -> Result<()> {
    const OBJECT: &str = "dapr-trust-bundle";
    let rights = Rights {
        secrets: &[OBJECT, KEYS],
        config_maps: &[OBJECT],
        create: true,
    };
    let mesh = json!({ "generic": {
        "secretName": OBJECT, "configMapName": OBJECT,
        "entries": {
            "privateKey": "issuer.key", "certificate": "issuer.crt", "roots": "ca.crt",
        },
    } });
    start(test, mesh, rights).await?;
    let entries = test.entries(OBJECT).await?;
    let names: Vec<_> = entries.keys().map(String::as_str).collect();
    ensure!(names == ["ca.crt", "issuer.crt", "issuer.key"], "{names:?}");
    let path = &entries["issuer.crt"];
    let files = Files::new(path, &entries["issuer.key"], &entries["ca.crt"])?;
    files.check()?;
    let roots = trust_roots(test, OBJECT, "ca.crt").await?;
    ensure!(roots == files.roots, "{roots}");
    Ok(())
}
