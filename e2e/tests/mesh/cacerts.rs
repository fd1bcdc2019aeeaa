//! istiod as a CA under Signet's, with a CA certificate that cert-manager requests and renews.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::mesh::{Form, Mesh, MeshOptions};
use signet_e2e::verify::Certificate;
use signet_e2e::{IssuerRef, TestNamespace, spec};
use signet_testbed::istio::{AgentKey, Workload};
use signet_testbed::wait::{Observation, until};

shared![
    workloads_connect_under_a_certificate_of_cert_manager,
    workloads_connect_under_a_secret_in_istios_own_layout,
    a_trust_domain_issues_istiods_ca_to_a_listed_requester_only,
];

/// The Secret that istiod's chart mounts.
const CACERTS: &str = "cacerts";

/// A Certificate for istiod's CA, as the page about it has it.
fn certificate(algorithm: &str) -> Value {
    json!({
        "isCA": true,
        "commonName": "istiod",
        "duration": "720h",
        "usages": ["cert sign", "crl sign"],
        "privateKey": { "algorithm": algorithm, "rotationPolicy": "Always" },
    })
}

async fn plain_issuer(test: &TestNamespace) -> Result<IssuerRef> {
    let spec = spec::with_ca_profile(&test.unique("mesh"), 0);
    test.issuer(ClusterIssuer, "mesh", spec).await
}

fn options(trust_domain: &str) -> MeshOptions {
    MeshOptions {
        trust_domain: trust_domain.to_owned(),
        values: json!({}),
    }
}

async fn secret(test: &TestNamespace, name: &str) -> Result<BTreeMap<String, String>> {
    let data = test.secret(name).await?.data.unwrap_or_default();
    let texts = data
        .into_iter()
        .map(|(key, value)| Ok((key, String::from_utf8(value.0)?)));
    texts.collect()
}

/// The certificate of istiod's CA in what a workload presents.
fn istiods_ca(workload: &Workload) -> Result<Certificate> {
    let chain = Certificate::read_pem(&workload.chain())?;
    chain.into_iter().nth(1).context("istiod's CA is presented")
}

/// Two workloads with keys of either kind get certificates and complete mTLS.
async fn workloads_connect(mesh: &Mesh<'_>, roots: &str) -> Result<Workload> {
    let (rsa, ecdsa) = (Form::of(AgentKey::Rsa), Form::of(AgentKey::P256));
    let orders = mesh.workload("orders", rsa, roots).await?;
    let payments = mesh.workload("payments", ecdsa, roots).await?;
    for workload in [&orders, &payments] {
        ensure!(
            Certificate::read_pem(workload.roots())? == Certificate::read_pem(roots)?,
            "workloads trust Signet's root: {}",
            workload.roots()
        );
    }
    mesh.workloads()
        .connect(("orders", &orders), ("payments", &payments))
        .await?;
    Ok(orders)
}

/// In the layout `tls.crt`, `tls.key`, `ca.crt`. After a renewal istiod signs with the new key
/// without a restart, and workloads of before and after connect.
async fn workloads_connect_under_a_certificate_of_cert_manager(test: &TestNamespace) -> Result<()> {
    let issuer = plain_issuer(test).await?;
    let reference = issuer.reference();
    test.create_certificate(CACERTS, reference, certificate("ECDSA"))
        .await?;
    test.certificate_issued(CACERTS, 1).await?;
    let mesh = Mesh::start(test, options("cluster.local")).await?;
    let roots = test.bundle(&issuer).await?;
    let before = workloads_connect(&mesh, &roots).await?;

    test.renew_certificate(CACERTS).await?;
    test.certificate_issued(CACERTS, 2).await?;
    mesh.istiod().sync_volumes().await?;
    let old = istiods_ca(&before)?;
    let form = Form::of(AgentKey::P384);
    let observe = async || {
        let after = mesh.workload("catalog", form, &roots).await?;
        let is_new = istiods_ca(&after)?.public_key() != old.public_key();
        Ok(match is_new {
            true => Observation::Reached(after),
            false => Observation::Progress("the old CA signs"),
        })
    };
    let after = until("istiod to sign with its renewed CA", observe).await?;
    mesh.workloads()
        .connect(("orders", &before), ("catalog", &after))
        .await
}

/// In the layout `ca-cert.pem`, `ca-key.pem`, `cert-chain.pem`, `root-cert.pem`, which is made of
/// the Certificate's Secret.
async fn workloads_connect_under_a_secret_in_istios_own_layout(test: &TestNamespace) -> Result<()> {
    let issuer = plain_issuer(test).await?;
    let reference = issuer.reference();
    test.create_certificate("istiod-ca", reference, certificate("RSA"))
        .await?;
    test.certificate_issued("istiod-ca", 1).await?;
    let made = secret(test, "istiod-ca").await?;
    let files = [
        ("ca-cert.pem", &*made["tls.crt"]),
        ("ca-key.pem", &*made["tls.key"]),
        ("cert-chain.pem", &*made["tls.crt"]),
        ("root-cert.pem", &*made["ca.crt"]),
    ];
    test.put_own_secret(CACERTS, &files).await?;
    let mesh = Mesh::start(test, options("cluster.local")).await?;
    let roots = test.bundle(&issuer).await?;
    workloads_connect(&mesh, &roots).await.map(drop)
}

/// The holder of a CA certificate can give any identity, so the namespace of the Certificate is
/// listed. One of another namespace is refused.
async fn a_trust_domain_issues_istiods_ca_to_a_listed_requester_only(
    test: &TestNamespace,
) -> Result<()> {
    const TRUST_DOMAIN: &str = "cacerts.example";
    let other = TestNamespace::create(test.bed(), "tenant").await?;
    let mut issuer = spec::spiffe(&test.unique("mesh"), TRUST_DOMAIN);
    issuer["profile"] = json!({ "ca": {} });
    issuer["policy"] = json!({ "rules": [{
        "name": "istiod",
        "requesters": { "certificates": { "namespaces": [test.name()] } },
        "allow": { "ca": { "pathLength": 0 } },
    }] });
    let issuer = test.issuer(ClusterIssuer, "mesh", issuer).await?;
    let mut wanted = certificate("ECDSA");
    wanted["uris"] = json!([format!("spiffe://{TRUST_DOMAIN}")]);
    for namespace in [test, &other] {
        let reference = issuer.reference();
        namespace
            .create_certificate(CACERTS, reference, wanted.clone())
            .await?;
    }
    other
        .failed(&format!("{CACERTS}-1"), "CaNotAllowed")
        .await?;
    test.certificate_issued(CACERTS, 1).await?;
    let mesh = Mesh::start(test, options(TRUST_DOMAIN)).await?;
    let roots = test.bundle(&issuer).await?;
    workloads_connect(&mesh, &roots).await.map(drop)
}
