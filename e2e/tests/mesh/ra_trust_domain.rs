//! istiod as a registration authority on an issuer with a trust domain and the preset for Istio.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::{Value, json};
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::csr::Csr;
use signet_e2e::mesh::{Form, Mesh, MeshOptions, serving_certificate};
use signet_e2e::verify::Name;
use signet_e2e::{IssuerRef, SigningAsk, TestNamespace, spec};
use signet_testbed::controlplane::kubeconfig;
use signet_testbed::istio::AgentKey;

use crate::ra::{
    ROOT_SECRET, values_with_domain, values_with_root_secret, workloads_connect, ztunnel_connects,
};

shared![
    workloads_and_istiod_get_their_ids,
    ztunnel_gets_the_ids_of_its_node,
    a_refusal_reaches_istiod_as_a_timeout,
    a_compromised_istiod_gets_no_other_names,
];

pub(crate) const TRUST_DOMAIN: &str = "mesh.example";

/// The fields of an issuer for this test's istiod, with nothing else allowed.
pub(crate) fn in_trust_domain(test: &TestNamespace, mut spec: Value) -> Value {
    spec["spiffe"] = json!({ "trustDomain": TRUST_DOMAIN });
    spec["policy"] = json!({ "rules": [{
        "name": "mesh",
        "preset": "Istio",
        "requesters": { "delegates": {
            "serviceAccounts": [{ "namespace": test.name(), "name": "istiod" }],
            "for": { "namespaceSelector": {} },
        } },
    }] });
    spec
}

async fn issuer(test: &TestNamespace) -> Result<(IssuerRef, String)> {
    let spec = in_trust_domain(test, spec::self_signed(&test.unique("mesh")));
    let issuer = test.issuer(ClusterIssuer, "mesh", spec).await?;
    let roots = test.bundle(&issuer).await?;
    Ok((issuer, roots))
}

fn options(trust_domain: &str, values: Value) -> MeshOptions {
    MeshOptions {
        trust_domain: trust_domain.to_owned(),
        values,
    }
}

/// istiod's own certificate has its services' names and its SPIFFE ID, and is valid for a day
/// instead of the requested ten years.
async fn workloads_and_istiod_get_their_ids(test: &TestNamespace) -> Result<()> {
    let (issuer, roots) = issuer(test).await?;
    let values = values_with_domain(&issuer, &roots);
    let mesh = Mesh::start(test, options(TRUST_DOMAIN, values)).await?;
    let served = serving_certificate(mesh.istiod()).await?;
    let id = format!("spiffe://{TRUST_DOMAIN}/ns/{}/sa/istiod", test.name());
    ensure!(served.uris()? == [id], "{:?}", served.names()?);
    let service = Name::Dns(mesh.istiod().server_name());
    ensure!(served.names()?.contains(&service), "{:?}", served.names()?);
    ensure!(served.lifetime() <= Duration::from_secs(86_400 + 300));
    let keys = [AgentKey::Rsa, AgentKey::P384];
    workloads_connect(&mesh, &issuer, &roots, keys).await
}

async fn ztunnel_gets_the_ids_of_its_node(test: &TestNamespace) -> Result<()> {
    let (issuer, roots) = issuer(test).await?;
    let files = [("root-cert.pem", &*roots)];
    test.put_own_secret(ROOT_SECRET, &files).await?;
    let values = values_with_root_secret(&issuer, &roots);
    let mesh = Mesh::start(test, options(TRUST_DOMAIN, values)).await?;
    ztunnel_connects(&mesh, &roots).await
}

/// A mesh with another trust domain than the issuer's: istiod does not read the refusal, and
/// reports a timeout to the workload.
async fn a_refusal_reaches_istiod_as_a_timeout(test: &TestNamespace) -> Result<()> {
    let (issuer, roots) = issuer(test).await?;
    let values = values_with_domain(&issuer, &roots);
    let mesh = Mesh::start(test, options("other.example", values)).await?;
    let form = Form {
        cert_signer: &issuer.name,
        ..Form::of(AgentKey::P256)
    };
    let shop = mesh.namespace().name();
    let event = async {
        let reason = "IdentityNotAllowed";
        let bed = test.bed();
        bed.wait_for_account_event((shop, "orders"), reason).await
    };
    let refused = mesh.workload("orders", form, &roots).await.err();
    let error = format!("{:#}", refused.context("it is issued")?);
    ensure!(error.contains("timeout when watching CSR"), "{error}");
    let message = event.await?.message.unwrap_or_default();
    let begin = format!("ClusterIssuer {} refused the certificate that", issuer.name);
    ensure!(message.starts_with(&begin), "{message}");
    ensure!(
        message.contains(&format!("spiffe://other.example/ns/{shop}/sa/orders")),
        "{message}"
    );
    Ok(())
}

/// Requests are created and approved with istiod's token, with whatever it may be made to sign.
async fn a_compromised_istiod_gets_no_other_names(test: &TestNamespace) -> Result<()> {
    let (issuer, roots) = issuer(test).await?;
    let values = values_with_domain(&issuer, &roots);
    let mesh = Mesh::start(test, options(TRUST_DOMAIN, values)).await?;
    let plane = test.bed().plane();
    let identity = plane.kubeconfig_for_service_account(test.name(), "istiod");
    let istiod = kubeconfig::client(&identity.await?).await?;
    let (namespace, shop) = (test.name(), mesh.namespace().name());
    let id = |path: &str| format!("spiffe://{TRUST_DOMAIN}/ns/{path}");
    let workload = id(&format!("{shop}/sa/orders"));
    let service = format!("istiod.{namespace}.svc");
    let csr = Csr::of_new_key;
    let foreign = format!("spiffe://other.example/ns/{shop}/sa/orders");
    let attacks = [
        ("a foreign trust domain", csr()?.uri(&foreign)?),
        ("a second URI", csr()?.uri(&workload)?.uri(&id("x/sa/y"))?),
        (
            "a web page as a second URI",
            csr()?.uri(&workload)?.uri("https://x.example")?,
        ),
        ("another DNS name", csr()?.dns("kubernetes.default.svc")?),
        (
            "another DNS name next to its own",
            csr()?.dns(&service)?.dns("x.example")?,
        ),
        (
            "its own DNS name for a workload",
            csr()?.uri(&workload)?.dns(&service)?,
        ),
        (
            "a wildcard over its own",
            csr()?.dns(&format!("*.{namespace}.svc"))?,
        ),
        ("an ID of kube-system", csr()?.uri(&id("kube-system/sa/x"))?),
        (
            "an ID of Signet",
            csr()?.uri(&id("signet-system/sa/signet"))?,
        ),
        (
            "its own ID for a DNS name of another",
            csr()?
                .uri(&id(&format!("{namespace}/sa/istiod")))?
                .dns("x.example")?,
        ),
        (
            "an ID of another form",
            csr()?.uri(&id(&format!("{shop}/sa/orders/x")))?,
        ),
        (
            "a name of an administrator",
            csr()?.uri(&workload)?.organization("system:masters"),
        ),
        (
            "a common name",
            csr()?.uri(&workload)?.common_name("kubernetes.default.svc"),
        ),
        ("no name at all", csr()?.common_name("x")),
    ];
    for (attack, csr) in attacks {
        let ask = SigningAsk::new(&issuer, &csr.build()?);
        let message = refused(test, &istiod, &ask).await;
        message.with_context(|| attack.to_owned())?;
    }
    let ca = Csr::of_new_key()?.uri(&workload)?.build()?;
    let ask = SigningAsk::new(&issuer, &ca).ca();
    refused(test, &istiod, &ask)
        .await
        .context("a CA certificate")?;
    // The same credentials get what istiod may have.
    for allowed in [&workload, &id(&format!("{namespace}/sa/istiod"))] {
        let leaf = Csr::of_new_key()?.uri(allowed)?.build()?;
        let request = create_approved(test, &istiod, &SigningAsk::new(&issuer, &leaf)).await?;
        test.issued_signing(&request, &issuer, &leaf, false).await?;
    }
    Ok(())
}

/// Creates a request and approves it with the same credentials, as istiod does.
async fn create_approved(
    test: &TestNamespace,
    istiod: &Client,
    ask: &SigningAsk,
) -> Result<String> {
    let request = test.ask_signer(istiod.clone(), ask).await?;
    let requests: Api<CertificateSigningRequest> = Api::all(istiod.clone());
    let mut object = requests.get(&request).await?;
    let approved = serde_json::from_value(json!({
        "type": "Approved", "status": "True", "reason": "Attack", "message": "approved by istiod",
    }))?;
    let status = object.status.get_or_insert_default();
    status.conditions.get_or_insert_default().push(approved);
    let params = PostParams::default();
    requests
        .replace_subresource("approval", &request, &params, &object)
        .await?;
    Ok(request)
}

async fn refused(test: &TestNamespace, istiod: &Client, ask: &SigningAsk) -> Result<()> {
    let request = create_approved(test, istiod, ask).await?;
    let failed = |object: &CertificateSigningRequest| {
        let status = object.status.as_ref();
        let mut conditions = status
            .into_iter()
            .flat_map(|status| status.conditions.iter().flatten());
        conditions.any(|condition| condition.type_ == "Failed" && condition.status == "True")
    };
    let ended = |object: &CertificateSigningRequest| {
        let status = object.status.as_ref();
        failed(object) || status.is_some_and(|status| status.certificate.is_some())
    };
    let object = test.wait_for_signing(&request, "refused", ended).await?;
    ensure!(failed(&object), "it has a certificate: {:?}", object.status);
    Ok(())
}
