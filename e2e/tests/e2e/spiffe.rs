//! Who gets which SPIFFE ID. The rule is fixed for now (docs/adr/0009), and what it goes by
//! is who asked, as cert-manager's webhook or the API server stamped it, and the controlling owner.

use anyhow::{Result, ensure};
use const_oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};
use rcgen::{DistinguishedName, DnType};
use serde_json::json;
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_e2e::csr::Csr;
use signet_e2e::verify::Name;
use signet_e2e::{Ask, Issued, IssuerRef, Rule, SigningAsk, TestNamespace, User, ready, spec};

shared![
    a_service_account_gets_its_own_id,
    a_service_account_that_lists_its_own_id_gets_it_once,
    a_service_account_gets_no_other_id,
    two_uris_are_refused,
    an_invalid_id_is_refused,
    an_id_in_another_form_is_refused,
    names_beside_the_id_stay,
    no_id_is_added_beside_other_names,
    a_plain_user_is_refused,
    a_client_certificate_with_the_names_of_a_service_account_is_refused,
    annotations_and_labels_do_not_count,
    a_forged_owner_does_not_count,
    a_namespaced_issuer_gives_no_id_of_another_namespace,
    a_cluster_issuer_gives_ids_of_every_namespace,
    a_leaf_has_both_tls_usages,
    no_crl_sign_on_a_leaf,
    a_ca_carries_the_trust_domains_id_or_none,
    the_root_carries_the_trust_domains_id,
    a_signing_request_gives_the_same_id,
];

pub(crate) const TRUST_DOMAIN: &str = "prod.example";

/// An Issuer with that trust domain.
pub(crate) async fn issuer(test: &TestNamespace) -> Result<IssuerRef> {
    test.issuer(
        Issuer,
        "mesh",
        spec::spiffe(&test.unique("mesh"), TRUST_DOMAIN),
    )
    .await
}

fn requesters_id(test: &TestNamespace) -> String {
    format!("spiffe://{TRUST_DOMAIN}/ns/{}/sa/requester", test.name())
}

fn has_exactly(issued: &Issued, id: &str) -> Result<()> {
    let uris = issued.leaf.uris()?;
    ensure!(
        uris == [id],
        "X5-2: exactly one URI, {id}, and not {uris:?}"
    );
    Ok(())
}

async fn a_service_account_gets_its_own_id(test: &TestNamespace) -> Result<()> {
    let issuer = issuer(test).await?;
    // Not even a name is asked for.
    let csr = Csr::of_new_key()?.build()?;
    let request = test.ask(&Ask::new(&issuer, &csr)).await?;
    test.approve(&request).await?;
    let issued = test.issued(&request, &csr).await?;
    let id = requesters_id(test);
    has_exactly(&issued, &id)?;
    let object = test.request(&request).await?;
    let message = ready(&object)
        .and_then(|ready| ready.message.clone())
        .unwrap_or_default();
    ensure!(message.contains(&id), "the condition names it: {message}");
    Ok(())
}

async fn a_service_account_that_lists_its_own_id_gets_it_once(test: &TestNamespace) -> Result<()> {
    let issuer = issuer(test).await?;
    let id = requesters_id(test);
    let csr = Csr::for_uri(&id)?;
    let issued = test.issue(&Ask::new(&issuer, &csr), &csr).await?;
    has_exactly(&issued, &id)
}

async fn a_service_account_gets_no_other_id(test: &TestNamespace) -> Result<()> {
    let issuer = issuer(test).await?;
    let namespace = test.name();
    for other in [
        format!("spiffe://{TRUST_DOMAIN}/ns/{namespace}/sa/other"),
        format!("spiffe://{TRUST_DOMAIN}/ns/{namespace}/sa/requester/more"),
        format!("spiffe://{TRUST_DOMAIN}/ns/{namespace}/certificate/requester"),
        format!("spiffe://{TRUST_DOMAIN}/ns/kube-system/sa/requester"),
        format!("spiffe://other.example/ns/{namespace}/sa/requester"),
        format!("spiffe://{TRUST_DOMAIN}"),
    ] {
        let csr = Csr::for_uri(&other)?;
        let message = test
            .refused(&Ask::new(&issuer, &csr), "IdentityNotAllowed")
            .await?;
        ensure!(
            message.contains(&requesters_id(test)),
            "it states what is allowed: {message}"
        );
    }
    Ok(())
}

/// Rule X5-2.
async fn two_uris_are_refused(test: &TestNamespace) -> Result<()> {
    let issuer = issuer(test).await?;
    let id = requesters_id(test);
    let csr = Csr::of_new_key()?
        .uri(&id)?
        .uri("https://shop.example")?
        .build()?;
    test.refused(&Ask::new(&issuer, &csr), "IdentityNotAllowed")
        .await?;
    Ok(())
}

async fn an_invalid_id_is_refused(test: &TestNamespace) -> Result<()> {
    let issuer = issuer(test).await?;
    for wrong in [
        "https://prod.example/ns/a/sa/b",
        "spiffe://prod.example/ns//sa/b",
        "spiffe://prod.example/ns/a/../b",
        "spiffe://prod.example/ns/a/sa/b/",
        "spiffe://prod.example:443/ns/a/sa/b",
        "spiffe://prod.example/ns/a?sa=b",
    ] {
        let csr = Csr::for_uri(wrong)?;
        test.refused(&Ask::new(&issuer, &csr), "IdentityNotAllowed")
            .await?;
    }
    Ok(())
}

/// Rule SID-7.
async fn an_id_in_another_form_is_refused(test: &TestNamespace) -> Result<()> {
    let issuer = issuer(test).await?;
    let csr = Csr::for_uri(&requesters_id(test).replace(TRUST_DOMAIN, "PROD.example"))?;
    let message = test
        .refused(&Ask::new(&issuer, &csr), "IdentityNotAllowed")
        .await?;
    ensure!(
        message.contains(&requesters_id(test)),
        "it states which form: {message}"
    );
    Ok(())
}

/// Rule X5-5.
async fn names_beside_the_id_stay(test: &TestNamespace) -> Result<()> {
    let issuer = issuer(test).await?;
    let csr = Csr::of_new_key()?
        .common_name("web")
        .dns("web.example")?
        .ip([10, 0, 0, 1])
        .uri(&requesters_id(test))?
        .build()?;
    let issued = test.issue(&Ask::new(&issuer, &csr), &csr).await?;
    let names = issued.leaf.names()?;
    let expected = [
        Name::Dns("web.example".to_owned()),
        Name::Ip([10, 0, 0, 1].into()),
        Name::Uri(requesters_id(test)),
    ];
    ensure!(names == expected, "{names:?}");
    Ok(())
}

/// An agent that requests for workloads would lend each its own identity.
async fn no_id_is_added_beside_other_names(test: &TestNamespace) -> Result<()> {
    let issuer = issuer(test).await?;
    let csr = Csr::of_new_key()?.common_name("web.default").build()?;
    let message = test
        .refused(&Ask::new(&issuer, &csr), "IdentityNotAllowed")
        .await?;
    ensure!(message.contains(&requesters_id(test)), "{message}");
    Ok(())
}

/// The administrator is one: a client certificate, not a ServiceAccount.
async fn a_plain_user_is_refused(test: &TestNamespace) -> Result<()> {
    let issuer = issuer(test).await?;
    let csr = Csr::for_uri(&requesters_id(test))?;
    let request = test
        .ask_as(test.bed().client(), &Ask::new(&issuer, &csr))
        .await?;
    test.approve(&request).await?;
    let message = test.failed(&request, "IdentityNotAllowed").await?;
    ensure!(message.contains("not a ServiceAccount"), "{message}");
    Ok(())
}

/// The API server takes username, groups and UID from a client certificate as they are, also when
/// they are those of a ServiceAccount. Only the credential's ID distinguishes them.
async fn a_client_certificate_with_the_names_of_a_service_account_is_refused(
    test: &TestNamespace,
) -> Result<()> {
    let spec = spec::spiffe(&test.unique("mesh"), TRUST_DOMAIN);
    let issuer = test.issuer(ClusterIssuer, "mesh", spec).await?;
    let account = test.signing_requester("requester").await?;
    test.grant(&account, "requests", &[Rule::CREATE_CERTIFICATE_REQUESTS])
        .await?;
    let plane = test.bed().plane();
    let forger = plane
        .client_with_certificate(names_of(&account, test.name()))
        .await?;
    let csr = Csr::for_uri(&requesters_id(test))?;

    let request = test
        .ask_as(forger.clone(), &Ask::new(&issuer, &csr))
        .await?;
    let spec = test.request(&request).await?.spec;
    ensure!(spec.username == account.username(), "{spec:?}");
    ensure!(!spec.uid.is_empty(), "{spec:?}");
    for group in [
        "system:serviceaccounts".to_owned(),
        format!("system:serviceaccounts:{}", test.name()),
    ] {
        ensure!(spec.groups.contains(&group), "{spec:?}");
    }
    test.approve(&request).await?;
    let message = test.failed(&request, "IdentityNotAllowed").await?;
    ensure!(message.contains("client certificate"), "{message}");

    let ask = SigningAsk::new(&issuer, &csr);
    let message = test
        .refused_signing(forger, &ask, "IdentityNotAllowed")
        .await?;
    ensure!(message.contains("client certificate"), "{message}");
    // The ServiceAccount itself gets it.
    test.issue_signing(account.client(), &issuer, &ask, &csr)
        .await?;
    Ok(())
}

/// The names that the API server takes for those of a ServiceAccount with a token.
fn names_of(account: &User, namespace: &str) -> DistinguishedName {
    // AllowParsingUserUIDFromCertAuth, on by default.
    const UID: &[u64] = &[1, 3, 6, 1, 4, 1, 57683, 2];
    // The same type again: rcgen takes each only once.
    const ORGANIZATION: &[u64] = &[2, 5, 4, 10];
    let of_namespace = format!("system:serviceaccounts:{namespace}");
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, account.username());
    name.push(DnType::CustomDnType(UID.to_vec()), "0b7e");
    name.push(DnType::OrganizationName, "system:serviceaccounts");
    name.push(DnType::CustomDnType(ORGANIZATION.to_vec()), of_namespace);
    name
}

async fn annotations_and_labels_do_not_count(test: &TestNamespace) -> Result<()> {
    let issuer = issuer(test).await?;
    let lie = format!(
        "spiffe://{TRUST_DOMAIN}/ns/{}/certificate/shop",
        test.name()
    );
    let annotations = json!({
        "cert-manager.io/certificate-name": "shop",
        "istio.cert-manager.io/identities": lie,
        "spiffe.csi.cert-manager.io/identity": lie,
    });
    let ask = |csr: &Csr| {
        Ask::new(&issuer, csr)
            .metadata("annotations", annotations.clone())
            .metadata(
                "labels",
                json!({ "cert-manager.io/certificate-name": "shop" }),
            )
    };
    let csr = Csr::of_new_key()?.build()?;
    has_exactly(&test.issue(&ask(&csr), &csr).await?, &requesters_id(test))?;
    test.refused(&ask(&Csr::for_uri(&lie)?), "IdentityNotAllowed")
        .await?;
    Ok(())
}

/// A user who may create a request may write any owner into it. A controlling Certificate counts
/// only if cert-manager created the request.
async fn a_forged_owner_does_not_count(test: &TestNamespace) -> Result<()> {
    let issuer = issuer(test).await?;
    // The Certificate is a real one that is issued already: else the garbage collector or
    // cert-manager would remove the request.
    let encoding = json!({ "encoding": "PKCS8" });
    let names = json!({ "dnsNames": ["shop.example"], "privateKey": encoding });
    test.create_certificate("shop", issuer.reference(), names)
        .await?;
    test.approve_certificate("shop", 1).await?;
    test.certificate_issued("shop", 1).await?;
    let certificate = test.api::<signet_e2e::Certificate>().get("shop").await?;
    let owner = json!([{
        "apiVersion": "cert-manager.io/v1", "kind": "Certificate", "name": "shop",
        "uid": certificate.metadata.uid, "controller": true,
    }]);
    let ask = |csr: &Csr| Ask::new(&issuer, csr).metadata("ownerReferences", owner.clone());
    let csr = Csr::of_new_key()?.build()?;
    has_exactly(&test.issue(&ask(&csr), &csr).await?, &requesters_id(test))?;
    let certificates = format!(
        "spiffe://{TRUST_DOMAIN}/ns/{}/certificate/shop",
        test.name()
    );
    test.refused(&ask(&Csr::for_uri(&certificates)?), "IdentityNotAllowed")
        .await?;
    Ok(())
}

async fn a_namespaced_issuer_gives_no_id_of_another_namespace(test: &TestNamespace) -> Result<()> {
    let issuer = issuer(test).await?;
    let elsewhere = TestNamespace::create(test.bed(), "elsewhere").await?;
    let stranger = elsewhere.service_account("stranger", &[]).await?;
    test.grant(&stranger, "stranger", &[Rule::CREATE_CERTIFICATE_REQUESTS])
        .await?;
    let csr = Csr::of_new_key()?.build()?;
    let request = test
        .ask_as(stranger.client(), &Ask::new(&issuer, &csr))
        .await?;
    test.approve(&request).await?;
    let message = test.failed(&request, "IdentityNotAllowed").await?;
    ensure!(message.contains(elsewhere.name()), "{message}");
    Ok(())
}

async fn a_cluster_issuer_gives_ids_of_every_namespace(test: &TestNamespace) -> Result<()> {
    let spec = spec::spiffe(&test.unique("mesh"), TRUST_DOMAIN);
    let issuer = test.issuer(ClusterIssuer, "mesh", spec).await?;
    let elsewhere = TestNamespace::create(test.bed(), "elsewhere").await?;
    for namespace in [test, &elsewhere] {
        let csr = Csr::of_new_key()?.build()?;
        let issued = namespace.issue(&Ask::new(&issuer, &csr), &csr).await?;
        has_exactly(&issued, &requesters_id(namespace))?;
    }
    Ok(())
}

/// Rule X5-15.
async fn a_leaf_has_both_tls_usages(test: &TestNamespace) -> Result<()> {
    let issuer = issuer(test).await?;
    let csr = Csr::of_new_key()?.build()?;
    for usages in [
        &["client auth", "server auth"][..],
        &["digital signature", "server auth"],
        &["digital signature"],
    ] {
        let ask = Ask::new(&issuer, &csr).usages(usages);
        let issued = test.issue(&ask, &csr).await?;
        let extended = issued.leaf.extended_key_usage()?;
        let both = [ID_KP_SERVER_AUTH, ID_KP_CLIENT_AUTH];
        ensure!(
            extended.len() == 2 && both.iter().all(|usage| extended.contains(usage)),
            "{usages:?}: {extended:?}"
        );
    }
    let other = Ask::new(&issuer, &csr).usages(&["server auth", "code signing"]);
    let message = test.refused(&other, "InvalidUsages").await?;
    ensure!(message.contains("code signing"), "{message}");
    Ok(())
}

/// Rule X5-13.
async fn no_crl_sign_on_a_leaf(test: &TestNamespace) -> Result<()> {
    let issuer = issuer(test).await?;
    let csr = Csr::of_new_key()?.build()?;
    let ask = Ask::new(&issuer, &csr).usages(&["digital signature", "crl sign"]);
    test.refused(&ask, "InvalidUsages").await?;
    Ok(())
}

/// Rule X5-7.
async fn a_ca_carries_the_trust_domains_id_or_none(test: &TestNamespace) -> Result<()> {
    let mut spec = spec::spiffe(&test.unique("mesh"), TRUST_DOMAIN);
    spec["profile"] = json!({ "ca": {} });
    spec["policy"] = json!({ "rules": [{
        "name": "cas",
        "requesters": {
            "serviceAccounts": [{ "namespace": test.name(), "name": "requester" }],
        },
        "allow": { "ca": {} },
    }] });
    let issuer = test.issuer(ClusterIssuer, "mesh", spec).await?;
    let of = |uri: &str| Csr::of_new_key()?.common_name("sub").uri(uri)?.build();
    let domain = format!("spiffe://{TRUST_DOMAIN}");
    let csr = of(&domain)?;
    has_exactly(
        &test.issue(&Ask::new(&issuer, &csr).ca(), &csr).await?,
        &domain,
    )?;
    let csr = Csr::of_new_key()?.common_name("sub").build()?;
    let issued = test.issue(&Ask::new(&issuer, &csr).ca(), &csr).await?;
    ensure!(
        issued.leaf.names()?.is_empty(),
        "Signet writes no ID into a CA certificate"
    );
    let csr = of(&requesters_id(test))?;
    test.refused(&Ask::new(&issuer, &csr).ca(), "IdentityNotAllowed")
        .await?;
    Ok(())
}

async fn the_root_carries_the_trust_domains_id(test: &TestNamespace) -> Result<()> {
    let issuer = issuer(test).await?;
    let csr = Csr::of_new_key()?.build()?;
    let issued = test.issue(&Ask::new(&issuer, &csr), &csr).await?;
    ensure!(issued.roots[0].uris()? == [format!("spiffe://{TRUST_DOMAIN}")]);
    Ok(())
}

async fn a_signing_request_gives_the_same_id(test: &TestNamespace) -> Result<()> {
    let spec = spec::spiffe(&test.unique("mesh"), TRUST_DOMAIN);
    let issuer = test.issuer(ClusterIssuer, "mesh", spec).await?;
    let asker = test.signing_requester("asker").await?;
    let csr = Csr::of_new_key()?.build()?;
    let ask = SigningAsk::new(&issuer, &csr);
    let issued = test
        .issue_signing(asker.client(), &issuer, &ask, &csr)
        .await?;
    has_exactly(
        &issued,
        &format!("spiffe://{TRUST_DOMAIN}/ns/{}/sa/asker", test.name()),
    )?;
    let other = Csr::for_uri(&requesters_id(test))?;
    let ask = SigningAsk::new(&issuer, &other);
    test.refused_signing(asker.client(), &ask, "IdentityNotAllowed")
        .await?;
    Ok(())
}
