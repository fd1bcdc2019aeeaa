//! Kubernetes' PodCertificateRequests, made with the credentials of nodes as kubelets make them.
//!
//! There are no kubelets: nothing writes a certificate into a volume.

mod attacks;
mod older;
mod pressure;

use anyhow::{Context, Result, ensure};
use const_oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};
use jiff::Timestamp;
use k8s_openapi::api::certificates::v1::PodCertificateRequest;
use serde_json::{Value, json};
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_e2e::csr::{Csr, KeyKind};
use signet_e2e::verify::issues_below;
use signet_e2e::{Issued, IssuerRef, Kubelet, PodAsk, TestNamespace, audit, spec};

pub(crate) use attacks::tests as attacks;
pub(crate) use older::on_kubernetes_1_36;
pub(crate) use pressure::tests as pressure;

shared![
    a_certificate_of_every_key_type,
    one_status_write_and_no_other_condition,
    the_lifetime_is_the_requested_maximum,
    the_profile_shortens_a_lifetime,
    a_profile_below_an_hour_fails,
    a_bare_key_is_read_through_v1beta1,
    user_annotations_are_denied,
    a_plain_issuer_has_no_name_for_a_pod,
    an_issuer_serves_pods_of_its_namespace,
    a_request_waits_for_its_issuer,
    a_request_waits_while_too_little_of_the_ca_remains,
];

const TRUST_DOMAIN: &str = "pods.example";
/// The key types of the API.
const KEY_TYPES: [KeyKind; 6] = [
    KeyKind::Rsa3072,
    KeyKind::Rsa4096,
    KeyKind::P256,
    KeyKind::P384,
    KeyKind::P521,
    KeyKind::Ed25519,
];

/// An issuer, and a node.
type SetUp = (IssuerRef, Kubelet);

/// A ClusterIssuer with a trust domain, and a node.
async fn set_up(test: &TestNamespace) -> Result<SetUp> {
    let spec = spec::spiffe(&test.unique("pods"), TRUST_DOMAIN);
    let issuer = test.issuer(ClusterIssuer, "pods", spec).await?;
    with_issuer(test, issuer).await
}

/// This issuer, and a node.
async fn with_issuer(test: &TestNamespace, issuer: IssuerRef) -> Result<SetUp> {
    test.robot("web").await?;
    Ok((issuer, test.kubelet("node").await?))
}

/// A new pod that mounts a certificate for a new key of this kind, and the CSR, which is not part of
/// the request yet.
async fn mounted(
    test: &TestNamespace,
    (issuer, kubelet): &SetUp,
    pod: &str,
    kind: KeyKind,
) -> Result<(PodAsk, Csr)> {
    let signer = issuer.signer_name();
    let ask = test
        .pod(kubelet, pod, "web", &[(&signer, kind.api_name())])
        .await?;
    Ok((ask, Csr::of(kind)?.build()?))
}

/// The same, in a pod whose name has the kind of key.
async fn mounted_kind(
    test: &TestNamespace,
    set_up: &SetUp,
    kind: KeyKind,
) -> Result<(PodAsk, Csr)> {
    let pod = format!("web-{}", kind.api_name().to_lowercase());
    mounted(test, set_up, &pod, kind).await
}

/// A request for a new P-256 key for a new pod that mounts it.
async fn ask(test: &TestNamespace, set_up: &SetUp, pod: &str) -> Result<(PodAsk, Csr)> {
    let (ask, csr) = mounted(test, set_up, pod, KeyKind::P256).await?;
    Ok((ask.stub(&csr), csr))
}

/// Makes a request as the kubelet, and returns what was issued, with the status.
async fn issued(
    test: &TestNamespace,
    (issuer, kubelet): &SetUp,
    (ask, csr): (&PodAsk, &Csr),
) -> Result<(Issued, Value)> {
    let request = test.request_for_pod(kubelet, ask).await?;
    test.issued_for_pod::<PodCertificateRequest>(&request, issuer, csr)
        .await
}

/// Makes a request as the kubelet that is refused, and returns the message.
async fn refused(
    test: &TestNamespace,
    kubelet: &Kubelet,
    ask: &PodAsk,
    (condition, reason): (&str, &str),
) -> Result<String> {
    let request = test.request_for_pod(kubelet, ask).await?;
    test.refused_for_pod::<PodCertificateRequest>(&request, condition, reason)
        .await
}

fn id(test: &TestNamespace) -> String {
    format!("spiffe://{TRUST_DOMAIN}/ns/{}/sa/web", test.name())
}

fn seconds(status: &Value, field: &str) -> Result<i64> {
    let text = status[field].as_str().context("a time")?;
    Ok(text.parse::<Timestamp>()?.as_second())
}

/// Rules PCR-2 and PCR-4.
async fn a_certificate_of_every_key_type(test: &TestNamespace) -> Result<()> {
    let set_up = set_up(test).await?;
    for kind in KEY_TYPES {
        let (ask, csr) = mounted_kind(test, &set_up, kind).await?;
        let issued = issued(test, &set_up, (&ask.stub(&csr), &csr)).await;
        let (issued, status) = issued.context(kind.api_name())?;
        ensure!(
            issued.leaf.uris()? == [id(test)],
            "{:?}",
            issued.leaf.uris()
        );
        ensure!(issued.leaf.subject_der() == [0x30, 0], "no other name");
        let purposes = issued.leaf.extended_key_usage()?;
        ensure!(purposes == [ID_KP_SERVER_AUTH, ID_KP_CLIENT_AUTH]);
        let not_before = seconds(&status, "notBefore")?;
        let not_after = seconds(&status, "notAfter")?;
        ensure!(not_after - not_before == 86_400, "PCR-14: {status}");
        let refresh = seconds(&status, "beginRefreshAt")? - not_before;
        ensure!((43_200..=51_840).contains(&refresh), "PCR-15: {refresh}");
        ensure!(
            issues_below(&issued, &csr, "below").is_err(),
            "a pod's certificate is not a CA's"
        );
    }
    Ok(())
}

/// Rules PCR-8 and PCR-15.
async fn one_status_write_and_no_other_condition(test: &TestNamespace) -> Result<()> {
    let set_up = set_up(test).await?;
    let (ask, csr) = ask(test, &set_up, "web-0").await?;
    let request = test.request_for_pod(&set_up.1, &ask).await?;
    let (_, status) = test
        .issued_for_pod::<PodCertificateRequest>(&request, &set_up.0, &csr)
        .await?;
    let conditions = status["conditions"].as_array();
    ensure!(conditions.map(Vec::len) == Some(1), "{status}");
    let message = status["conditions"][0]["message"].as_str();
    ensure!(
        message.is_some_and(|message| message.contains(&id(test))),
        "{status}"
    );
    let writes = audit::status_writes_from(test.bed(), test.name(), &request, 1).await?;
    ensure!(writes == 1, "one status write, not {writes}");
    Ok(())
}

/// Rules PCR-5 and PCR-14.
async fn the_lifetime_is_the_requested_maximum(test: &TestNamespace) -> Result<()> {
    let set_up = set_up(test).await?;
    for (pod, lifetime) in [("short", 3600), ("long", 7_862_400)] {
        let (ask, csr) = ask(test, &set_up, pod).await?;
        let ask = ask.with(json!({ "maxExpirationSeconds": lifetime }));
        let (issued, status) = issued(test, &set_up, (&ask, &csr)).await?;
        let expected = u64::try_from(lifetime)?;
        ensure!(issued.leaf.lifetime().as_secs() == expected);
        let refresh = seconds(&status, "beginRefreshAt")? - seconds(&status, "notBefore")?;
        ensure!(refresh >= lifetime / 2, "{status}");
    }
    Ok(())
}

async fn limited(test: &TestNamespace, max: &str) -> Result<IssuerRef> {
    let mut spec = spec::spiffe(&test.unique("limited"), TRUST_DOMAIN);
    spec["profile"] = json!({ "maxDuration": max });
    test.issuer(ClusterIssuer, "limited", spec).await
}

async fn the_profile_shortens_a_lifetime(test: &TestNamespace) -> Result<()> {
    let issuer = limited(test, "2h").await?;
    let set_up = with_issuer(test, issuer).await?;
    let (ask, csr) = ask(test, &set_up, "web-0").await?;
    let (issued, status) = issued(test, &set_up, (&ask, &csr)).await?;
    ensure!(issued.leaf.lifetime().as_secs() == 7200);
    let message = status["conditions"][0]["message"].as_str();
    let message = message.unwrap_or_default();
    ensure!(message.contains("spec.profile.maxDuration"), "{message}");
    Ok(())
}

/// Rule PCR-14: the API has no lifetime below an hour.
async fn a_profile_below_an_hour_fails(test: &TestNamespace) -> Result<()> {
    let issuer = limited(test, "30m").await?;
    let set_up = with_issuer(test, issuer).await?;
    let (ask, _) = ask(test, &set_up, "web-0").await?;
    let message = refused(test, &set_up.1, &ask, ("Failed", "UnsupportedByApi")).await?;
    ensure!(message.contains("maxDuration"), "{message}");
    Ok(())
}

/// Rule PCR-3: through v1, the request has no key.
async fn a_bare_key_is_read_through_v1beta1(test: &TestNamespace) -> Result<()> {
    let set_up = set_up(test).await?;
    for kind in [KeyKind::P256, KeyKind::Rsa3072, KeyKind::Ed25519] {
        let (ask, csr) = mounted_kind(test, &set_up, kind).await?;
        let ask = ask.bare_key(&csr)?;
        let request = test.request_for_pod(&set_up.1, &ask).await?;
        let object = test.api::<PodCertificateRequest>().get(&request).await?;
        ensure!(object.spec.stub_pkc_s10_request.0.is_empty(), "{object:?}");
        let issued = test.issued_for_pod::<PodCertificateRequest>(&request, &set_up.0, &csr);
        let (issued, _) = issued.await.context(kind.api_name())?;
        ensure!(issued.leaf.uris()? == [id(test)]);
    }
    Ok(())
}

/// Rule PCR-4.
async fn user_annotations_are_denied(test: &TestNamespace) -> Result<()> {
    let set_up = set_up(test).await?;
    let (ask, _) = ask(test, &set_up, "web-0").await?;
    let annotations = json!({ "signet.dev/dns-names": "kube-apiserver" });
    let ask = ask.with(json!({ "unverifiedUserAnnotations": annotations }));
    let reason = "InvalidUnverifiedUserAnnotations";
    let message = refused(test, &set_up.1, &ask, ("Denied", reason)).await?;
    ensure!(message.contains("signet.dev/dns-names"), "{message}");
    Ok(())
}

async fn a_plain_issuer_has_no_name_for_a_pod(test: &TestNamespace) -> Result<()> {
    let spec = spec::self_signed(&test.unique("plain"));
    let issuer = test.issuer(ClusterIssuer, "plain", spec).await?;
    let set_up = with_issuer(test, issuer).await?;
    let (ask, _) = ask(test, &set_up, "web-0").await?;
    let message = refused(test, &set_up.1, &ask, ("Denied", "InvalidName")).await?;
    ensure!(message.contains("spec.spiffe"), "{message}");
    Ok(())
}

async fn an_issuer_serves_pods_of_its_namespace(test: &TestNamespace) -> Result<()> {
    let spec = spec::spiffe(&test.unique("own"), TRUST_DOMAIN);
    let issuer = test.issuer(Issuer, "own", spec).await?;
    let set_up = with_issuer(test, issuer).await?;
    let (own, csr) = ask(test, &set_up, "web-0").await?;
    let (issued, _) = issued(test, &set_up, (&own, &csr)).await?;
    ensure!(issued.leaf.uris()? == [id(test)]);

    let elsewhere = TestNamespace::create(test.bed(), "elsewhere").await?;
    elsewhere.robot("web").await?;
    let (foreign, _) = ask(&elsewhere, &set_up, "web-0").await?;
    let message = refused(
        &elsewhere,
        &set_up.1,
        &foreign,
        ("Denied", "DeniedReference"),
    )
    .await?;
    ensure!(message.contains("its own namespace only"), "{message}");
    Ok(())
}

/// Rule PCR-8: there is no condition for it.
async fn a_request_waits_for_its_issuer(test: &TestNamespace) -> Result<()> {
    let set_up = with_issuer(test, test.issuer_ref(ClusterIssuer, "later")).await?;
    let (ask, csr) = ask(test, &set_up, "web-0").await?;
    let request = test.request_for_pod(&set_up.1, &ask).await?;
    let object = test.api::<PodCertificateRequest>().get(&request).await?;
    test.bed().wait_for_event(&object, "IssuerNotFound").await?;
    let object = test.api::<PodCertificateRequest>().get(&request).await?;
    let conditions = object.status.and_then(|status| status.conditions);
    ensure!(conditions.unwrap_or_default().is_empty(), "it waits");
    let spec = spec::spiffe(&test.unique("later"), TRUST_DOMAIN);
    test.create_issuer(ClusterIssuer, "later", spec).await?;
    test.issued_for_pod::<PodCertificateRequest>(&request, &set_up.0, &csr)
        .await?;
    Ok(())
}

/// Less than an hour remains of this CA, which another one will replace.
async fn a_request_waits_while_too_little_of_the_ca_remains(test: &TestNamespace) -> Result<()> {
    let mut spec = spec::spiffe(&test.unique("ending"), TRUST_DOMAIN);
    spec["certificate"]["selfSigned"] = json!({ "duration": "1h" });
    let issuer = test.issuer(ClusterIssuer, "ending", spec).await?;
    let set_up = with_issuer(test, issuer).await?;
    let (ask, _) = ask(test, &set_up, "web-0").await?;
    let request = test.request_for_pod(&set_up.1, &ask).await?;
    let object = test.api::<PodCertificateRequest>().get(&request).await?;
    let waits = test.bed().wait_for_event(&object, "CaExpiresTooSoon");
    waits.await?;
    let object = test.api::<PodCertificateRequest>().get(&request).await?;
    ensure!(
        object.status.and_then(|status| status.conditions).is_none(),
        "nothing is written"
    );
    Ok(())
}
