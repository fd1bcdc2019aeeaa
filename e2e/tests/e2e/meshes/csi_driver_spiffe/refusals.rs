//! What pods do not get through csi-driver-spiffe, and what passes for the driver.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use signet_e2e::csr::Csr;
use signet_e2e::{Ask, IssuerRef, Rule, TestNamespace, User};
use signet_testbed::installation;

use super::{OF_DRIVER, ask, own_account};
use crate::meshes::{
    Approver, Refused, TRUST_DOMAIN, all_refused, approval_widens_nothing, id, issuer_with,
};

shared![
    the_token_of_a_pod_gets_no_other_id,
    the_driver_gets_no_id_of_another_namespace_than_the_requests,
    the_driver_gets_no_id_that_a_delegate_must_not_have,
    neither_gets_other_names_nor_a_ca,
    the_drivers_approval_widens_nothing,
    no_other_account_passes_for_the_driver,
];

const IDENTITY: &str = "IdentityNotAllowed";
const NAME: &str = "NameNotAllowed";
const NO_RULE: &str = "RequesterNotAllowed";

/// The request of a new key for an ID.
fn of(issuer: &IssuerRef, id: &str) -> Result<Ask> {
    Ok(ask(issuer, id, &Csr::for_uri(id)?))
}

/// A driver with its own account, on an issuer with its preset and these rules.
async fn driver(test: &TestNamespace, others: &[Value]) -> Result<(User, IssuerRef)> {
    let driver = test.service_account("driver", &[]).await?;
    test.grant_in_cluster(&driver, "driver", &OF_DRIVER).await?;
    let everywhere = json!({ "namespaceSelector": {} });
    let mut rules = vec![own_account(&driver, test.name(), everywhere)];
    rules.extend_from_slice(others);
    let issuer = issuer_with(test, json!(rules)).await?;
    Ok((driver, issuer))
}

/// The account of a pod, on an issuer with the preset.
async fn pod(test: &TestNamespace) -> Result<(User, IssuerRef)> {
    let create = [Rule::CREATE_CERTIFICATE_REQUESTS];
    let user = test.service_account("orders", &create).await?;
    let rules = json!([{ "name": "tokens", "preset": "CsiDriverSpiffe" }]);
    Ok((user, issuer_with(test, rules).await?))
}

async fn the_token_of_a_pod_gets_no_other_id(test: &TestNamespace) -> Result<()> {
    let (user, issuer) = pod(test).await?;
    let other = TestNamespace::create(test.bed(), "other").await?;
    other
        .grant(&user, "orders", &[Rule::CREATE_CERTIFICATE_REQUESTS])
        .await?;
    let wrong = |what: &'static str, id: &str| -> Result<Refused<'static>> {
        Ok((what, of(&issuer, id)?, IDENTITY, format!("not {id}")))
    };
    let own = id(test.name(), "orders");
    let attempts = vec![
        wrong("another account", &id(test.name(), "payments"))?,
        wrong("another namespace", &id(other.name(), "orders"))?,
        wrong("kube-system", &id("kube-system", "coredns"))?,
        wrong("the operator", &id(installation::NAMESPACE, "signet"))?,
        wrong("cert-manager", &id("cert-manager", "cert-manager"))?,
        wrong("istiod", &id("istio-system", "istiod"))?,
        wrong("more than an account", &format!("{own}/admin"))?,
        wrong(
            "a foreign trust domain",
            &format!("spiffe://example.com/ns/{}/sa/orders", test.name()),
        )?,
    ];
    all_refused(test, &user, Approver::Test, attempts).await?;
    // A request elsewhere is not for the account itself.
    let elsewhere = vec![
        (
            "its own ID",
            of(&issuer, &own)?,
            IDENTITY,
            "in its own namespace only".to_owned(),
        ),
        (
            "the ID of a pod there",
            of(&issuer, &id(other.name(), "orders"))?,
            IDENTITY,
            "in its own namespace only".to_owned(),
        ),
    ];
    all_refused(&other, &user, Approver::Test, elsewhere).await
}

async fn the_driver_gets_no_id_of_another_namespace_than_the_requests(
    test: &TestNamespace,
) -> Result<()> {
    let (driver, issuer) = driver(test, &[]).await?;
    let [shop, pay] = [
        TestNamespace::create(test.bed(), "shop").await?,
        TestNamespace::create(test.bed(), "pay").await?,
    ];
    let elsewhere = format!("made this request in namespace {}", shop.name());
    let attempts = vec![
        (
            "a pod elsewhere",
            of(&issuer, &id(pay.name(), "orders"))?,
            IDENTITY,
            elsewhere.clone(),
        ),
        (
            "the driver",
            of(&issuer, &id(test.name(), "driver"))?,
            IDENTITY,
            elsewhere,
        ),
    ];
    all_refused(&shop, &driver, Approver::Test, attempts).await?;
    // A rule for some namespaces.
    let listed = own_account(&driver, test.name(), json!({ "namespaces": [pay.name()] }));
    let issuer = issuer_with(&shop, json!([listed])).await?;
    let ask = of(&issuer, &id(shop.name(), "orders"))?;
    let part = format!("does not act for namespace {}", shop.name());
    let attempt = ("a namespace that is not listed", ask, IDENTITY, part);
    all_refused(&shop, &driver, Approver::Test, vec![attempt]).await
}

/// Each in the namespace of the ID, where a pod could be.
async fn the_driver_gets_no_id_that_a_delegate_must_not_have(test: &TestNamespace) -> Result<()> {
    let shop = TestNamespace::create(test.bed(), "shop").await?;
    let account = |name: &str| json!([{ "namespace": shop.name(), "name": name }]);
    let everywhere = json!({ "namespaceSelector": {} });
    let others = [
        json!({ "name": "mesh", "preset": "Istio", "requesters": { "delegates": {
            "serviceAccounts": account("istiod"), "for": everywhere,
        } } }),
        json!({ "name": "spire", "preset": "SpireUpstream", "requesters": {
            "serviceAccounts": account("spire-server"),
        } }),
    ];
    let (driver, issuer) = driver(test, &others).await?;
    for namespace in ["kube-system", "cert-manager", installation::NAMESPACE] {
        let there = TestNamespace::existing(test.bed(), namespace);
        let part = format!("protected namespace {namespace}");
        let attempt = ("a pod", of(&issuer, &id(namespace, "web"))?, IDENTITY, part);
        all_refused(&there, &driver, Approver::Test, vec![attempt]).await?;
    }
    let foreign = format!("spiffe://example.com/ns/{}/sa/orders", shop.name());
    let istiod = "the ID of a delegate of rule mesh".to_owned();
    let spire = "CA certificates of rule spire".to_owned();
    let attempts = vec![
        (
            "another agent",
            of(&issuer, &id(shop.name(), "istiod"))?,
            IDENTITY,
            istiod,
        ),
        (
            "a holder of a CA",
            of(&issuer, &id(shop.name(), "spire-server"))?,
            IDENTITY,
            spire,
        ),
        (
            "a foreign trust domain",
            of(&issuer, &foreign)?,
            IDENTITY,
            format!("not {foreign}"),
        ),
        (
            "the trust domain",
            of(&issuer, &format!("spiffe://{TRUST_DOMAIN}"))?,
            IDENTITY,
            format!("not spiffe://{TRUST_DOMAIN}"),
        ),
    ];
    all_refused(&shop, &driver, Approver::Test, attempts).await
}

/// The driver has no names of its own.
async fn neither_gets_other_names_nor_a_ca(test: &TestNamespace) -> Result<()> {
    let (driver, of_driver) = driver(test, &[]).await?;
    let other = TestNamespace::create(test.bed(), "other").await?;
    let (user, of_pods) = pod(&other).await?;
    for (pods, requester, issuer) in [(test, &driver, &of_driver), (&other, &user, &of_pods)] {
        let own = id(pods.name(), "orders");
        let with = || Csr::of_new_key()?.uri(&own);
        let from = |csr: &Csr| ask(issuer, &own, csr);
        let service = format!("orders.{}.svc", pods.name());
        let second = with()?.uri(&id(pods.name(), "payments"))?.build()?;
        let ca = Csr::of_new_key()?.common_name("orders").build()?;
        let plain = with()?.build()?;
        let attempts: Vec<Refused<'_>> = vec![
            (
                "a second URI",
                from(&second),
                IDENTITY,
                "lists 2 URIs".to_owned(),
            ),
            (
                "its service",
                from(&with()?.dns(&service)?.build()?),
                NAME,
                service.clone(),
            ),
            // The approver of the driver lets this one pass.
            (
                "its account",
                from(&with()?.dns("orders")?.build()?),
                NAME,
                "orders".to_owned(),
            ),
            (
                "an address",
                from(&with()?.ip([10, 0, 0, 1]).build()?),
                NAME,
                "10.0.0.1".to_owned(),
            ),
            (
                "a group of Kubernetes",
                from(&with()?.organization("system:masters").build()?),
                NAME,
                "system:masters".to_owned(),
            ),
            (
                "a common name",
                from(&with()?.common_name("root").build()?),
                NAME,
                "root".to_owned(),
            ),
            (
                "a CA certificate",
                from(&ca).usages(&["cert sign"]).ca(),
                "CaNotAllowed",
                "allow.ca".to_owned(),
            ),
            (
                "code signing",
                from(&plain).usages(&["digital signature", "code signing"]),
                "InvalidUsages",
                "code".to_owned(),
            ),
        ];
        all_refused(pods, requester, Approver::Test, attempts)
            .await
            .with_context(|| format!("{requester:?}"))?;
    }
    // Nothing is added to what the driver requests.
    let nameless = ask(
        &of_driver,
        "",
        &Csr::of_new_key()?.organization("shop").build()?,
    );
    let part = "names no identity".to_owned();
    let attempt = ("no name", nameless, IDENTITY, part);
    all_refused(test, &driver, Approver::Test, vec![attempt]).await
}

/// Requests that are made and approved with its token, past its approver.
async fn the_drivers_approval_widens_nothing(test: &TestNamespace) -> Result<()> {
    let (driver, issuer) = driver(test, &[]).await?;
    let shop = TestNamespace::create(test.bed(), "shop").await?;
    let elsewhere = of(&issuer, &id("pay", "orders"))?;
    let refusal = (IDENTITY, "made this request in namespace");
    approval_widens_nothing(&shop, &driver, &elsewhere, refusal).await
}

/// The approver of the driver, an account with the driver's name elsewhere, and a pod.
async fn no_other_account_passes_for_the_driver(test: &TestNamespace) -> Result<()> {
    let (_, issuer) = driver(test, &[]).await?;
    let create = [Rule::CREATE_CERTIFICATE_REQUESTS];
    let shop = TestNamespace::create(test.bed(), "shop").await?;
    let approver = test.service_account("approver", &[]).await?;
    let orders = id(shop.name(), "orders");
    for (what, user) in [
        ("the approver", approver),
        (
            "the name of the driver",
            shop.service_account("driver", &create).await?,
        ),
        (
            "the pod itself",
            shop.service_account("orders", &create).await?,
        ),
    ] {
        shop.grant(&user, &format!("{}-too", user.name()), &create)
            .await?;
        let part = format!(
            "is for the ServiceAccount {}",
            &user.username()["system:serviceaccount:".len()..].replace(':', "/")
        );
        let attempt = (what, of(&issuer, &orders)?, NO_RULE, part);
        all_refused(&shop, &user, Approver::Test, vec![attempt]).await?;
    }
    // The preset for tokens of pods is not for the driver.
    let driver = test.service_account("other-driver", &[]).await?;
    shop.grant(&driver, "other-driver", &create).await?;
    let rules = json!([{ "name": "tokens", "preset": "CsiDriverSpiffe" }]);
    let tokens = issuer_with(&shop, rules).await?;
    let attempt = (
        "the driver for a pod",
        of(&tokens, &orders)?,
        IDENTITY,
        "in its own namespace only".to_owned(),
    );
    all_refused(&shop, &driver, Approver::Test, vec![attempt]).await
}
