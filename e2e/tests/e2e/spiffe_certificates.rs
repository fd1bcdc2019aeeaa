//! Which SPIFFE ID a cert-manager Certificate gets.

use anyhow::{Context, Result, ensure};
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::runtime::wait::{await_condition, conditions::is_deleted};
use serde_json::json;
use signet_api::IssuerKind::ClusterIssuer;
use signet_api::external::certificate_request::CertificateRequest;
use signet_e2e::{Certificate, IssuerRef, TestNamespace, spec};
use signet_testbed::wait::until_done;

use crate::spiffe::{TRUST_DOMAIN, issuer};

shared![
    a_certificate_without_a_uri_gets_the_id_of_its_name,
    a_certificate_of_a_cluster_issuer_gets_the_same_id,
    a_certificate_may_list_an_id_under_its_namespace,
    a_certificate_may_list_no_id_of_another_namespace,
    a_certificate_may_list_no_id_of_another_trust_domain,
    a_request_of_cert_managers_for_nothing_is_refused,
    a_uri_that_only_signet_wrote_is_issued_again_once_its_request_is_gone,
    a_uri_that_the_certificate_lists_is_kept,
];

fn id(test: &TestNamespace, path: &str) -> String {
    format!("spiffe://{TRUST_DOMAIN}/ns/{}/{path}", test.name())
}

async fn gets(test: &TestNamespace, issuer: &IssuerRef, listed: &[&str], id: &str) -> Result<()> {
    let mut names = json!({ "dnsNames": ["shop.example"], "uris": listed });
    names["privateKey"] = json!({ "encoding": "PKCS8" });
    test.create_certificate("shop", issuer.reference(), names)
        .await?;
    test.approve_certificate("shop", 1).await?;
    let issued = test.certificate_issued("shop", 1).await?;
    ensure!(issued.leaf.uris()? == [id], "{:?}", issued.leaf.uris()?);
    Ok(())
}

async fn a_certificate_without_a_uri_gets_the_id_of_its_name(test: &TestNamespace) -> Result<()> {
    let issuer = issuer(test).await?;
    gets(test, &issuer, &[], &id(test, "certificate/shop")).await
}

async fn a_certificate_of_a_cluster_issuer_gets_the_same_id(test: &TestNamespace) -> Result<()> {
    let spec = spec::spiffe(&test.unique("mesh"), TRUST_DOMAIN);
    let issuer = test.issuer(ClusterIssuer, "mesh", spec).await?;
    gets(test, &issuer, &[], &id(test, "certificate/shop")).await
}

async fn a_certificate_may_list_an_id_under_its_namespace(test: &TestNamespace) -> Result<()> {
    let issuer = issuer(test).await?;
    let listed = id(test, "sa/istiod-service-account");
    gets(test, &issuer, &[&listed], &listed).await
}

async fn a_certificate_may_list_no_id_of_another_namespace(test: &TestNamespace) -> Result<()> {
    let longer = format!("spiffe://{TRUST_DOMAIN}/ns/{}x/sa/web", test.name());
    let ids = [
        format!("spiffe://{TRUST_DOMAIN}/ns/kube-system/sa/web"),
        longer,
        id(test, "").replace("/ns", ""),
    ];
    may_not(test, &ids.map(|id| id.trim_end_matches('/').to_owned())).await
}

async fn a_certificate_may_list_no_id_of_another_trust_domain(test: &TestNamespace) -> Result<()> {
    let id = id(test, "sa/web").replace(TRUST_DOMAIN, "other.example");
    may_not(test, &[id]).await
}

async fn may_not(test: &TestNamespace, ids: &[String]) -> Result<()> {
    let issuer = issuer(test).await?;
    for (number, id) in ids.iter().enumerate() {
        let name = format!("shop-{number}");
        let names = json!({ "dnsNames": ["shop.example"], "uris": [id] });
        test.create_certificate(&name, issuer.reference(), names)
            .await?;
        let request = test.approve_certificate(&name, 1).await?;
        let message = test.failed(&request, "IdentityNotAllowed").await?;
        ensure!(
            message.contains(&format!("/ns/{}/", test.name())),
            "{message}"
        );
    }
    Ok(())
}

/// cert-manager requests for Certificates only. With its token, a user could request anything, and
/// still gets no ID that is not a Certificate's.
async fn a_request_of_cert_managers_for_nothing_is_refused(test: &TestNamespace) -> Result<()> {
    use signet_e2e::Ask;
    use signet_e2e::csr::Csr;

    let issuer = issuer(test).await?;
    let plane = test.bed().plane();
    let kubeconfig = plane
        .kubeconfig_for_service_account("cert-manager", "cert-manager")
        .await?;
    let cert_manager = signet_testbed::controlplane::kubeconfig::client(&kubeconfig).await?;
    let csr = Csr::for_uri(&id(test, "sa/web"))?;
    let request = test.ask_as(cert_manager, &Ask::new(&issuer, &csr)).await?;
    test.approve(&request).await?;
    let message = test.failed(&request, "IdentityNotAllowed").await?;
    ensure!(message.contains("Certificate"), "{message}");
    Ok(())
}

/// CM-7, as it really happens. As long as the request of the current revision is there,
/// cert-manager compares the Certificate with that, and a URI that only Signet wrote is no matter.
/// Once the request is gone (deleted by hand, or left out of a backup), it compares the spec with
/// the certificate in the Secret instead, finds a URI that the spec does not list, and issues it
/// again (`spec.uris`, reason SecretMismatch), once for each request that goes. It comes to rest
/// with the new request: there is no loop. So a Certificate should list its own SPIFFE ID.
async fn a_uri_that_only_signet_wrote_is_issued_again_once_its_request_is_gone(
    test: &TestNamespace,
) -> Result<()> {
    let issuer = issuer(test).await?;
    gets(test, &issuer, &[], &id(test, "certificate/shop")).await?;
    touch(test).await?;
    ensure!(
        test.api::<Certificate>().get("shop").await?.revision() == 1,
        "not yet"
    );

    forget_request(test, "shop-1").await?;
    let again = |found: &Certificate| found.is_true("Issuing");
    let found = test
        .bed()
        .wait(&test.api(), "shop", "issued again", again)
        .await?;
    let issuing = found.condition("Issuing").context("it is being issued")?;
    ensure!(issuing.reason == "SecretMismatch", "{issuing:?}");
    ensure!(issuing.message.contains("spec.uris"), "{issuing:?}");
    test.approve_certificate("shop", 2).await?;
    test.certificate_issued("shop", 2).await?;
    touch(test).await?;
    ensure!(
        test.api::<Certificate>().get("shop").await?.revision() == 2,
        "and it rests"
    );
    Ok(())
}

/// Rule CM-7.
async fn a_uri_that_the_certificate_lists_is_kept(test: &TestNamespace) -> Result<()> {
    let issuer = issuer(test).await?;
    let listed = id(test, "certificate/shop");
    gets(test, &issuer, &[&listed], &listed).await?;
    forget_request(test, "shop-1").await?;
    touch(test).await?;
    let found = test.api::<Certificate>().get("shop").await?;
    ensure!(
        found.revision() == 1 && !found.is_true("Issuing"),
        "{:?}",
        found.status
    );
    Ok(())
}

async fn forget_request(test: &TestNamespace, name: &str) -> Result<()> {
    let api = test.api::<CertificateRequest>();
    let uid = api.get(name).await?.metadata.uid.unwrap_or_default();
    api.delete(name, &DeleteParams::default()).await?;
    let deleted = await_condition(api, name, is_deleted(&uid));
    until_done(format!("{name} to be deleted"), deleted).await?;
    Ok(())
}

/// Changes something that needs no new certificate, and waits until cert-manager has evaluated
/// the Certificate again, by the rules by which it decides to reissue, and found it ready.
async fn touch(test: &TestNamespace) -> Result<()> {
    let api = test.api::<Certificate>();
    let history = api
        .get("shop")
        .await?
        .metadata
        .generation
        .unwrap_or_default()
        + 5;
    let patch = Patch::Merge(json!({ "spec": { "revisionHistoryLimit": history } }));
    let patched = api.patch("shop", &PatchParams::default(), &patch).await?;
    let judged = |found: &Certificate| {
        let ready = found.condition("Ready");
        ready.is_some_and(|ready| {
            ready.status == "True" && ready.observed_generation == patched.metadata.generation
        })
    };
    test.bed()
        .wait(&api, "shop", "evaluated again", judged)
        .await?;
    Ok(())
}
