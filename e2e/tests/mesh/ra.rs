//! istiod as a registration authority: it authenticates workloads, and requests their certificates
//! from Signet by CertificateSigningRequests that it approves itself.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::mesh::{Form, Mesh, MeshOptions, serving_certificate};
use signet_e2e::verify::{Certificate, Name};
use signet_e2e::{IssuerRef, TestNamespace, spec};
use signet_testbed::istio::{AgentKey, Workload};
use signet_testbed::wait::{Observation, until};

shared![
    workloads_get_certificates_by_k8s_signer,
    workloads_choose_their_signer_in_a_domain,
    ztunnel_gets_certificates_for_the_pods_of_its_node,
    without_a_root_istiod_trusts_the_clusters_ca,
    istiod_renews_its_serving_certificate,
];

/// The trust domain of the mesh, which the issuer does not have.
const TRUST_DOMAIN: &str = "cluster.local";
/// The Secret with the root, which istiod mounts.
pub(crate) const ROOT_SECRET: &str = "external-ca-cert";

/// Values of istiod's chart with which it is an RA for one signer.
pub(crate) fn values(issuer: &IssuerRef, roots: &str) -> Value {
    let signer = issuer.signer_name();
    json!({
        "global": {
            "certSigners": [signer],
            "pilotCertProvider": format!("k8s.io/{signer}"),
        },
        "env": { "EXTERNAL_CA": "ISTIOD_RA_KUBERNETES_API", "K8S_SIGNER": signer },
        "meshConfig": { "caCertificates": [{ "pem": roots, "certSigners": [signer] }] },
    })
}

/// The same with the root in the Secret `external-ca-cert`.
pub(crate) fn values_with_root_secret(issuer: &IssuerRef, roots: &str) -> Value {
    let mut values = values(issuer, roots);
    values["volumes"] = json!([{ "name": ROOT_SECRET, "secret": { "secretName": ROOT_SECRET } }]);
    values["volumeMounts"] = json!([{
        "name": ROOT_SECRET, "mountPath": format!("/etc/{ROOT_SECRET}"), "readOnly": true,
    }]);
    values
}

/// The same in which workloads name the issuer, and istiod only the domain.
pub(crate) fn values_with_domain(issuer: &IssuerRef, roots: &str) -> Value {
    let signer = issuer.signer_name();
    let mut values = values(issuer, roots);
    let domain = signer.split('/').next();
    values["env"] = json!({
        "EXTERNAL_CA": "ISTIOD_RA_KUBERNETES_API", "CERT_SIGNER_DOMAIN": domain,
    });
    values
}

async fn root(test: &TestNamespace) -> Result<(IssuerRef, String)> {
    let spec = spec::self_signed(&test.unique("mesh"));
    let issuer = test.issuer(ClusterIssuer, "mesh", spec).await?;
    let roots = test.bundle(&issuer).await?;
    Ok((issuer, roots))
}

fn options(values: Value) -> MeshOptions {
    MeshOptions {
        trust_domain: TRUST_DOMAIN.to_owned(),
        values,
    }
}

fn lifetime(workload: &Workload) -> Result<Duration> {
    let chain = Certificate::read_pem(&workload.chain())?;
    Ok(chain.first().context("there is a leaf")?.lifetime())
}

/// Sidecars request RSA or ECDSA with a subject `O=` without a value.
async fn workloads_get_certificates_by_k8s_signer(test: &TestNamespace) -> Result<()> {
    let (issuer, roots) = root(test).await?;
    let files = [("root-cert.pem", &*roots)];
    test.put_own_secret(ROOT_SECRET, &files).await?;
    let values = values_with_root_secret(&issuer, &roots);
    let mesh = Mesh::start(test, options(values)).await?;
    let mut workloads = Vec::new();
    for (account, key) in [
        ("orders", AgentKey::Rsa),
        ("payments", AgentKey::P256),
        ("catalog", AgentKey::P384),
    ] {
        let workload = mesh.workload(account, Form::of(key), &roots).await?;
        ensure!(
            Certificate::read_pem(workload.roots())? == Certificate::read_pem(&roots)?,
            "the root is Signet's"
        );
        ensure!(lifetime(&workload)? <= Duration::from_secs(86_400 + 300));
        workloads.push((account, workload));
    }
    let [orders, payments, catalog] = &workloads[..] else {
        unreachable!("three were made");
    };
    for (one, other) in [(orders, payments), (payments, catalog), (catalog, orders)] {
        mesh.workloads()
            .connect((one.0, &one.1), (other.0, &other.1))
            .await?;
    }
    Ok(())
}

/// istiod verifies the chain under the root of MeshConfig before it returns it.
async fn workloads_choose_their_signer_in_a_domain(test: &TestNamespace) -> Result<()> {
    let (issuer, roots) = root(test).await?;
    let mesh = Mesh::start(test, options(values_with_domain(&issuer, &roots))).await?;
    let keys = [AgentKey::P256, AgentKey::Rsa];
    workloads_connect(&mesh, &issuer, &roots, keys).await
}

/// Two workloads, with these keys, that name their signer.
pub(crate) async fn workloads_connect(
    mesh: &Mesh<'_>,
    issuer: &IssuerRef,
    roots: &str,
    keys: [AgentKey; 2],
) -> Result<()> {
    let [orders, payments] = keys.map(|key| Form {
        cert_signer: &issuer.name,
        ..Form::of(key)
    });
    let orders = mesh.workload("orders", orders, roots).await?;
    let payments = mesh.workload("payments", payments, roots).await?;
    mesh.workloads()
        .connect(("orders", &orders), ("payments", &payments))
        .await
}

/// ztunnel's CSRs have an empty subject. Sidecars connect with what is behind it.
async fn ztunnel_gets_certificates_for_the_pods_of_its_node(test: &TestNamespace) -> Result<()> {
    let (issuer, roots) = root(test).await?;
    let files = [("root-cert.pem", &*roots)];
    test.put_own_secret(ROOT_SECRET, &files).await?;
    let values = values_with_root_secret(&issuer, &roots);
    let mesh = Mesh::start(test, options(values)).await?;
    ztunnel_connects(&mesh, &roots).await
}

/// A pod behind ztunnel, and a workload of its own.
pub(crate) async fn ztunnel_connects(mesh: &Mesh<'_>, roots: &str) -> Result<()> {
    let orders = mesh.ztunnel("orders", roots).await?;
    let form = Form::of(AgentKey::P256);
    let payments = mesh.workload("payments", form, roots).await?;
    mesh.workloads()
        .connect(("orders", &orders), ("payments", &payments))
        .await
}

/// The certificates are right, but workloads are given a root under which nothing verifies: the
/// page about istiod says so.
async fn without_a_root_istiod_trusts_the_clusters_ca(test: &TestNamespace) -> Result<()> {
    let (issuer, roots) = root(test).await?;
    let mesh = Mesh::start(test, options(values(&issuer, &roots))).await?;
    let form = Form::of(AgentKey::P256);
    let orders = mesh.workload("orders", form, &roots).await?;
    let payments = mesh.workload("payments", form, &roots).await?;
    let trusted = Certificate::read_pem(orders.roots())?;
    ensure!(
        trusted != Certificate::read_pem(&roots)?,
        "istiod found the root by itself"
    );
    let error = mesh.workloads().rejects(&orders, &payments).await?;
    ensure!(error.contains("unknown authority"), "{error}");
    Ok(())
}

/// It requests ten years, gets the issuer's maximum, and renews after half of that. The names are
/// those of its Services.
async fn istiod_renews_its_serving_certificate(test: &TestNamespace) -> Result<()> {
    let mut short = spec::self_signed(&test.unique("mesh"));
    short["profile"] = json!({ "minDuration": "5s", "maxDuration": "30s" });
    let issuer = test.issuer(ClusterIssuer, "mesh", short).await?;
    let roots = test.bundle(&issuer).await?;
    let mesh = Mesh::start(test, options(values_with_domain(&issuer, &roots))).await?;
    let first = serving_certificate(mesh.istiod()).await?;
    ensure!(first.lifetime() <= Duration::from_secs(30), "{first:?}");
    let name = |host: &str| Name::Dns(format!("{host}.{}.svc", test.name()));
    let names = first.names()?;
    let expected = ["istio-pilot", "istiod-remote", "istiod"].map(name);
    ensure!(
        names.len() == expected.len() && expected.iter().all(|name| names.contains(name)),
        "{names:?}"
    );
    let observe = async || {
        let now = serving_certificate(mesh.istiod()).await?;
        let is_new = now.public_key() != first.public_key();
        let end = now.not_after().to_string();
        Ok(Observation::reached_if(is_new, end))
    };
    until("istiod to serve another certificate", observe).await?;
    let form = Form {
        cert_signer: &issuer.name,
        seconds: 600,
        ..Form::of(AgentKey::P256)
    };
    let workload = mesh.workload("orders", form, &roots).await?;
    ensure!(lifetime(&workload)? <= Duration::from_secs(30));
    Ok(())
}
