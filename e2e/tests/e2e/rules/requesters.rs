//! ServiceAccounts and Certificates under rules, and what an issuer reports about its rules.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_e2e::csr::Csr;
use signet_e2e::{Ask, IssuerRef, SigningAsk, TestNamespace, spec};

use super::{TRUST_DOMAIN, account, cluster_issuer, id, issued_to, issuer_with, label, refused_to};

shared![
    certificates_of_labeled_namespaces_get_the_names_of_their_namespace,
    a_service_account_gets_what_its_rule_lists,
    only_the_listed_account_gets_a_ca,
    a_rule_holds_for_signing_requests_too,
    an_issuer_serves_only_its_own_namespace_whatever_its_rules_say,
    rules_that_cannot_be_read_stall_the_issuer,
    the_ready_message_says_what_the_rules_leave_open,
];

/// Two namespaces with cert-manager Certificates, of which one has the label.
async fn certificates_of_labeled_namespaces_get_the_names_of_their_namespace(
    test: &TestNamespace,
) -> Result<()> {
    let bank = TestNamespace::create(test.bed(), "bank").await?;
    let team = test.unique("shop");
    label(test.name(), test, json!({ "team": team })).await?;
    let issuer = cluster_issuer(test, json!([{
        "name": "shops",
        "requesters": { "certificates": { "namespaceSelector": { "matchLabels": { "team": team } } } },
        "allow": {
            "spiffeIds": ["/ns/{namespace}/sa/*", "/ns/{namespace}/certificate/{certificate}"],
            "dnsNames": ["*.{namespace}.svc.cluster.local"],
            "maxDuration": "24h",
        },
    }]))
    .await?;
    let dns = format!("web.{}.svc.cluster.local", test.name());
    certificate(test, &issuer, "web", json!({ "dnsNames": [dns] })).await?;
    let issued = test.certificate_issued("web", 1).await?;
    let own = id(&format!("/ns/{}/certificate/web", test.name()));
    ensure!(issued.leaf.uris()? == [own], "{:?}", issued.leaf.uris()?);
    let other = format!("web.{}.svc.cluster.local", bank.name());
    let request = certificate(test, &issuer, "other", json!({ "dnsNames": [other] })).await?;
    let message = test.failed(&request, "NameNotAllowed").await?;
    ensure!(
        message.contains(&other) && message.contains("shops"),
        "{message}"
    );
    let request = certificate(&bank, &issuer, "web", json!({ "dnsNames": [other] })).await?;
    bank.failed(&request, "RequesterNotAllowed").await?;
    Ok(())
}

/// Creates a Certificate and approves its request.
async fn certificate(
    test: &TestNamespace,
    issuer: &IssuerRef,
    name: &str,
    mut spec: Value,
) -> Result<String> {
    spec["privateKey"] = json!({ "encoding": "PKCS8" });
    test.create_certificate(name, issuer.reference(), spec)
        .await?;
    test.approve_certificate(name, 1).await
}

async fn a_service_account_gets_what_its_rule_lists(test: &TestNamespace) -> Result<()> {
    let issuer = cluster_issuer(
        test,
        json!([{
            "name": "web",
            "requesters": { "serviceAccounts": [{ "namespace": test.name() }] },
            "allow": {
                "spiffeIds": ["/ns/{namespace}/sa/{serviceAccount}"],
                "dnsNames": ["{serviceAccount}.example.org"],
            },
        }]),
    )
    .await?;
    let web = account(test, "web").await?;
    let own = id(&format!("/ns/{}/sa/web", test.name()));
    let csr = Csr::of_new_key()?.dns("web.example.org")?.build()?;
    let issued = issued_to(test, &web, &Ask::new(&issuer, &csr), &csr).await?;
    ensure!(
        issued.leaf.uris()? == [own.clone()],
        "{:?}",
        issued.leaf.uris()?
    );
    let csr = Csr::of_new_key()?
        .uri(&own)?
        .dns("pay.example.org")?
        .build()?;
    refused_to(test, &web, &Ask::new(&issuer, &csr), "NameNotAllowed").await?;
    let csr = Csr::of_new_key()?
        .uri(&own)?
        .organization("system:masters")
        .build()?;
    refused_to(test, &web, &Ask::new(&issuer, &csr), "NameNotAllowed").await?;
    Ok(())
}

async fn only_the_listed_account_gets_a_ca(test: &TestNamespace) -> Result<()> {
    let issuer = cluster_issuer(test, json!([
        { "name": "default", "preset": "Default" },
        {
            "name": "spire",
            "requesters": { "serviceAccounts": [{ "namespace": test.name(), "name": "server" }] },
            "allow": { "ca": { "pathLength": 0, "maxDuration": "48h" } },
        },
    ]))
    .await?;
    let (server, web) = (account(test, "server").await?, account(test, "web").await?);
    let csr = Csr::of_new_key()?.common_name("sub").build()?;
    let ask = Ask::new(&issuer, &csr).ca().duration("720h");
    let issued = issued_to(test, &server, &ask, &csr).await?;
    let lifetime = issued.leaf.lifetime();
    ensure!(lifetime.as_secs() <= 48 * 3600 + 600, "{lifetime:?}");
    let csr = Csr::of_new_key()?.common_name("sub").build()?;
    let message = refused_to(test, &web, &Ask::new(&issuer, &csr).ca(), "CaNotAllowed").await?;
    ensure!(message.contains("allow"), "{message}");
    Ok(())
}

async fn a_rule_holds_for_signing_requests_too(test: &TestNamespace) -> Result<()> {
    let issuer = cluster_issuer(
        test,
        json!([{
            "name": "web",
            "requesters": { "serviceAccounts": [{ "namespace": test.name(), "name": "web" }] },
            "allow": { "spiffeIds": ["/web"], "defaultSpiffeId": "/web" },
        }]),
    )
    .await?;
    let web = test.signing_requester("web").await?;
    let csr = Csr::of_new_key()?.build()?;
    let ask = SigningAsk::new(&issuer, &csr);
    let issued = test
        .issue_signing(web.client(), &issuer, &ask, &csr)
        .await?;
    ensure!(issued.leaf.uris()? == [id("/web")]);
    let other = test.signing_requester("other").await?;
    let ask = SigningAsk::new(&issuer, &csr);
    test.refused_signing(other.client(), &ask, "RequesterNotAllowed")
        .await?;
    Ok(())
}

async fn an_issuer_serves_only_its_own_namespace_whatever_its_rules_say(
    test: &TestNamespace,
) -> Result<()> {
    let issuer = issuer_with(
        test,
        Issuer,
        json!([{
            "name": "all",
            "requesters": { "serviceAccounts": [{ "namespace": test.name(), "name": "web" }] },
            "allow": { "spiffeIds": ["/**"] },
        }]),
    )
    .await?;
    let web = account(test, "web").await?;
    let own = id(&format!("/ns/{}/any/path", test.name()));
    let csr = Csr::for_uri(&own)?;
    issued_to(test, &web, &Ask::new(&issuer, &csr), &csr).await?;
    for path in ["/ns/kube-system/sa/web", "/web"] {
        let csr = Csr::for_uri(&id(path))?;
        refused_to(test, &web, &Ask::new(&issuer, &csr), "IdentityNotAllowed").await?;
    }
    Ok(())
}

async fn rules_that_cannot_be_read_stall_the_issuer(test: &TestNamespace) -> Result<()> {
    for (number, (allow, expected)) in [
        (
            json!({ "dnsNames": ["a..example"], "spiffeIds": ["/ns/{namespace}/sa/x"] }),
            "rule shops: allow.dnsNames: ",
        ),
        (
            json!({ "spiffeIds": ["/ns/{name}/x"] }),
            "rule shops: allow.spiffeIds: ",
        ),
        (
            json!({ "spiffeIds": ["/x"], "usages": ["serving"] }),
            "rule shops: allow.usages: ",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let mut spec = spec::spiffe(&test.unique(&format!("stalls-{number}")), TRUST_DOMAIN);
        spec["policy"] = json!({ "rules": [{
            "name": "shops",
            "requesters": { "certificates": { "namespaces": ["shop"] } },
            "allow": allow,
        }] });
        let name = format!("stalls-{number}");
        let issuer = test.create_issuer(ClusterIssuer, &name, spec).await?;
        test.wait_for_issuer(&issuer, "the message", |ready| {
            ready.reason == "InvalidSpec" && ready.message.contains(expected)
        })
        .await?;
    }
    Ok(())
}

async fn the_ready_message_says_what_the_rules_leave_open(test: &TestNamespace) -> Result<()> {
    let spec = spec::spiffe(&test.unique("without"), TRUST_DOMAIN);
    let without = test.create_issuer(Issuer, "without", spec).await?;
    test.wait_for_issuer(&without, "the message", |ready| {
        ready
            .message
            .contains("only the SPIFFE ID of a certificate is checked")
            && ready
                .message
                .contains("hold a CA of spiffe://rules.example")
    })
    .await?;
    let issuer = cluster_issuer(
        test,
        json!([{
            "name": "web",
            "requesters": { "serviceAccounts": [{ "namespace": "web" }] },
            "allow": { "spiffeIds": ["/web"], "ca": {} },
        }]),
    )
    .await?;
    test.wait_for_issuer(&issuer, "the message", |ready| {
        ready.message.contains("leave out the preset Default")
            && ready.message.contains("these rules allow them: web")
            && !ready.message.contains("only the SPIFFE ID")
    })
    .await
    .map(drop)
}
