//! The log as the only trace of a certificate: agents such as istiod and SPIRE delete their requests.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::certificates::v1::{CertificateSigningRequest, PodCertificateRequest};
use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use signet_api::CAGeneration;
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::csr::{Csr, KeyKind};
use signet_e2e::{Ask, Issued, IssuerRef, Rule, SigningAsk, TestNamespace, spec};

shared![
    a_certificate_request_leaves_its_certificate_and_its_refusal,
    a_delegates_request_leaves_whom_it_acted_for,
    a_deleted_signing_request_leaves_its_certificate_and_its_refusal,
    a_pods_request_leaves_its_certificate_and_its_refusal,
];

const TRUST_DOMAIN: &str = "trail.example";

async fn cluster_issuer(test: &TestNamespace, policy: Value) -> Result<IssuerRef> {
    let mut spec = spec::spiffe(&test.unique("trail"), TRUST_DOMAIN);
    spec["policy"] = policy;
    test.issuer(ClusterIssuer, "trail", spec).await
}

fn id(path: &str) -> String {
    format!("spiffe://{TRUST_DOMAIN}{path}")
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Returns the one line about a request that has an outcome.
async fn line<K>(test: &TestNamespace, object: &K, outcome: &str) -> Result<Value>
where
    K: Resource<DynamicType = ()>,
{
    let uid = object.meta().uid.as_deref().context("it has a UID")?;
    let is_it = |line: &Value| line["uid"] == uid && line["outcome"] == outcome;
    let lines = test.bed().log_lines("the request", is_it).await?;
    let [line] = &lines[..] else {
        anyhow::bail!("it is one line: {lines:?}");
    };
    ensure!(line["api"] == *K::kind(&()), "{line}");
    Ok(line.clone())
}

/// Requires that a line has these fields and no others of those that only some lines have.
fn has(line: &Value, expected: &Value) -> Result<()> {
    for field in [
        "requester",
        "requester_uid",
        "certificate_of",
        "rule",
        "spiffe_id",
        "requested_uri",
        "serial",
        "certificate_sha256",
        "key_sha256",
        "not_after",
        "reason",
        "written",
    ] {
        ensure!(line[field] == expected[field], "{field}: {line}");
    }
    Ok(())
}

/// What a line has of a certificate, and checks the CA generation that it names.
async fn of_certificate(
    test: &TestNamespace,
    issuer: &IssuerRef,
    issued: &Issued,
    line: &Value,
) -> Result<Value> {
    ensure!(
        line["issuer"] == format!("ClusterIssuer {}", issuer.name),
        "{line}"
    );
    let name = line["ca_generation"].as_str().context("a generation")?;
    let generation = test.cluster_resources::<CAGeneration>().get(name).await?;
    let spec = generation.spec;
    ensure!(spec.issuer_ref.name == issuer.name, "{spec:?}");
    let root = issued.roots[0].der();
    let certificate = spec.certificate.context("it has a certificate")?;
    ensure!(certificate.fingerprint == sha256(root), "{certificate:?}");
    let leaf = &issued.leaf;
    Ok(json!({
        "spiffe_id": leaf.uris()?.first(),
        "serial": hex::encode(leaf.serial()),
        "certificate_sha256": sha256(leaf.der()),
        "key_sha256": sha256(&leaf.public_key()),
        "not_after": leaf.not_after().to_string(),
        "reason": "Issued",
    }))
}

fn with(mut fields: Value, more: Value) -> Value {
    for (name, value) in more.as_object().into_iter().flatten() {
        fields[name] = value.clone();
    }
    fields
}

/// A ServiceAccount of the test as a line names it.
async fn account(test: &TestNamespace, name: &str, rule: &str) -> Result<Value> {
    let account = test.api::<ServiceAccount>().get(name).await?;
    Ok(json!({
        "requester": format!("system:serviceaccount:{}:{name}", test.name()),
        "requester_uid": account.uid(),
        "rule": rule,
    }))
}

fn refusal(csr: &Csr, uri: Option<&str>, reason: &str) -> Value {
    json!({ "key_sha256": sha256(&csr.public_key()), "requested_uri": uri, "reason": reason })
}

async fn a_certificate_request_leaves_its_certificate_and_its_refusal(
    test: &TestNamespace,
) -> Result<()> {
    let issuer = cluster_issuer(test, Value::Null).await?;
    let csr = Csr::of_new_key()?.build()?;
    let request = test.ask(&Ask::new(&issuer, &csr)).await?;
    test.approve(&request).await?;
    let issued = test.issued(&request, &csr).await?;
    let found = line(test, &test.request(&request).await?, "issued").await?;
    let certificate = of_certificate(test, &issuer, &issued, &found).await?;
    let requester = account(test, "requester", "Default").await?;
    has(&found, &with(requester.clone(), certificate))?;

    let admin = id("/ns/kube-system/sa/admin");
    let csr = Csr::for_uri(&admin)?;
    let request = test.ask(&Ask::new(&issuer, &csr)).await?;
    test.approve(&request).await?;
    let message = test.failed(&request, "IdentityNotAllowed").await?;
    let found = line(test, &test.request(&request).await?, "denied").await?;
    let refused = refusal(&csr, Some(&admin), "IdentityNotAllowed");
    has(&found, &with(requester, refused))?;
    ensure!(found["detail"] == message, "{found}");
    Ok(())
}

async fn a_delegates_request_leaves_whom_it_acted_for(test: &TestNamespace) -> Result<()> {
    let broker = json!({ "namespace": test.name(), "name": "broker" });
    let rule = json!({
        "name": "agents",
        "requesters": { "delegates": {
            "serviceAccounts": [broker], "for": { "namespaces": ["shop"] },
        } },
        "allow": { "spiffeIds": ["/ns/{namespace}/sa/{serviceAccount}"] },
    });
    let issuer = cluster_issuer(test, json!({ "rules": [rule] })).await?;
    let broker = test
        .service_account("broker", &[Rule::CREATE_CERTIFICATE_REQUESTS])
        .await?;
    let requester = account(test, "broker", "agents").await?;
    let web = id("/ns/shop/sa/web");
    let csr = Csr::for_uri(&web)?;
    let request = test
        .ask_as(broker.client(), &Ask::new(&issuer, &csr))
        .await?;
    test.approve(&request).await?;
    let issued = test.issued(&request, &csr).await?;
    let found = line(test, &test.request(&request).await?, "issued").await?;
    let certificate = of_certificate(test, &issuer, &issued, &found).await?;
    ensure!(certificate["spiffe_id"] == web.as_str(), "{certificate}");
    has(&found, &with(requester.clone(), certificate))?;

    let other = id("/ns/pay/sa/web");
    let csr = Csr::for_uri(&other)?;
    let request = test
        .ask_as(broker.client(), &Ask::new(&issuer, &csr))
        .await?;
    test.approve(&request).await?;
    test.failed(&request, "IdentityNotAllowed").await?;
    let found = line(test, &test.request(&request).await?, "denied").await?;
    let refused = refusal(&csr, Some(&other), "IdentityNotAllowed");
    has(&found, &with(requester, refused))
}

async fn a_deleted_signing_request_leaves_its_certificate_and_its_refusal(
    test: &TestNamespace,
) -> Result<()> {
    let issuer = cluster_issuer(test, Value::Null).await?;
    let asker = test.signing_requester("asker").await?;
    let requester = account(test, "asker", "Default").await?;
    let requests: Api<CertificateSigningRequest> = Api::all(test.bed().client());

    let csr = Csr::of_new_key()?.build()?;
    let ask = SigningAsk::new(&issuer, &csr);
    let request = test.ask_signer(asker.client(), &ask).await?;
    test.approve_signing(&request).await?;
    let issued = test.issued_signing(&request, &issuer, &csr, false).await?;
    let object = requests.get(&request).await?;
    requests.delete(&request, &DeleteParams::default()).await?;
    let found = line(test, &object, "issued").await?;
    let certificate = of_certificate(test, &issuer, &issued, &found).await?;
    has(&found, &with(requester.clone(), certificate))?;

    let admin = id("/ns/kube-system/sa/admin");
    let csr = Csr::for_uri(&admin)?;
    let ask = SigningAsk::new(&issuer, &csr);
    let request = test.ask_signer(asker.client(), &ask).await?;
    test.approve_signing(&request).await?;
    let failed =
        |object: &CertificateSigningRequest| json!(object)["status"].to_string().contains("Failed");
    let object = test.wait_for_signing(&request, "failed", failed).await?;
    requests.delete(&request, &DeleteParams::default()).await?;
    let found = line(test, &object, "denied").await?;
    let refused = refusal(&csr, Some(&admin), "IdentityNotAllowed");
    has(&found, &with(requester, refused))
}

async fn a_pods_request_leaves_its_certificate_and_its_refusal(test: &TestNamespace) -> Result<()> {
    let issuer = cluster_issuer(test, Value::Null).await?;
    test.robot("web").await?;
    let kubelet = test.kubelet("node").await?;
    let signer = issuer.signer_name();
    let mounts = [(&*signer, KeyKind::P256.api_name())];
    let ask = test.pod(&kubelet, "web-0", "web", &mounts).await?;
    let pod = test.api::<Pod>().get("web-0").await?;
    let requester = json!({
        "requester": format!("pod {}/web-0 with ServiceAccount web", test.name()),
        "requester_uid": pod.uid(),
    });
    let requests = test.api::<PodCertificateRequest>();

    let csr = Csr::of_new_key()?.build()?;
    let request = test
        .request_for_pod(&kubelet, &ask.clone().stub(&csr))
        .await?;
    let (issued, _) = test
        .issued_for_pod::<PodCertificateRequest>(&request, &issuer, &csr)
        .await?;
    let found = line(test, &requests.get(&request).await?, "issued").await?;
    let certificate = of_certificate(test, &issuer, &issued, &found).await?;
    let rule = json!({ "rule": "Default" });
    has(&found, &with(with(requester.clone(), certificate), rule))?;

    // Of a type that the pod does not mount.
    let csr = Csr::of(KeyKind::Ed25519)?.build()?;
    let other_type = (ask.clone().stub(&csr), csr);
    // Of a pod that has ended, with a key that only v1beta1 has.
    let csr = Csr::of_new_key()?.build()?;
    let ended = (ask.bare_key(&csr)?, csr);
    for (ask, csr) in [other_type, ended] {
        let request = test.request_for_pod(&kubelet, &ask).await?;
        test.refused_for_pod::<PodCertificateRequest>(&request, "Denied", "PodNotAllowed")
            .await?;
        let found = line(test, &requests.get(&request).await?, "denied").await?;
        let refused = refusal(&csr, None, "PodNotAllowed");
        has(&found, &with(requester.clone(), refused))?;
        end(test).await?;
    }
    Ok(())
}

async fn end(test: &TestNamespace) -> Result<()> {
    let status = Patch::Merge(json!({ "status": { "phase": "Succeeded" } }));
    let pods = test.api::<Pod>();
    pods.patch_status("web-0", &PatchParams::default(), &status)
        .await
        .context("the Pod ends")?;
    Ok(())
}
