//! What pods get through csi-driver-spiffe.

use anyhow::{Result, anyhow, ensure};
use serde_json::json;
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::csr::{Csr, KeyKind};
use signet_e2e::{IssuerRef, Rule, TestNamespace, User, spec, tutorial};

use super::{APPROVER, DRIVER, Installed, NAMESPACE, ask, connect, other_accounts, own_account};
use crate::meshes::{TRUST_DOMAIN, id, issuer_with};

shared![
    pods_get_their_id_with_their_own_token,
    the_page_gives_pods_their_id_both_ways,
    another_account_and_other_namespaces_take_the_place_of_the_presets,
    tokens_of_pods_work_without_rules,
    a_plain_issuer_serves_both,
    pods_get_at_most_a_day,
    the_presets_require_a_trust_domain,
];

async fn pods_get_their_id_with_their_own_token(test: &TestNamespace) -> Result<()> {
    let rules = json!([{ "name": "pods", "preset": "CsiDriverSpiffe" }]);
    let issuer = issuer_with(test, rules).await?;
    let installed = Installed::new(test, other_accounts(test).await?, issuer).await?;
    with_tokens_of_pods(test, &installed).await
}

/// Each account may create requests in its namespace, as the page has it.
async fn with_tokens_of_pods(pods: &TestNamespace, installed: &Installed) -> Result<()> {
    let create = [Rule::CREATE_CERTIFICATE_REQUESTS];
    let orders = pods.service_account("orders", &create).await?;
    let payments = pods.service_account("payments", &create).await?;
    mount_with_tokens(pods, installed, [orders, payments]).await
}

async fn mount_with_tokens(
    pods: &TestNamespace,
    installed: &Installed,
    [one, other]: [User; 2],
) -> Result<()> {
    let mut mounted = Vec::new();
    for (user, kind) in [(one, KeyKind::P256), (other, KeyKind::P521)] {
        let id = id(pods.name(), user.name());
        let csr = Csr::of(kind)?.uri(&id)?.build()?;
        mounted.push(installed.mount(pods, &user, csr, &id).await?);
    }
    connect(&installed.issuer, &mounted[0], &mounted[1], pods.bed()).await
}

/// With the accounts of the chart, and the pods, the Role and the issuer of the page.
async fn the_page_gives_pods_their_id_both_ways(test: &TestNamespace) -> Result<()> {
    let accounts = [
        test.service_account_in(NAMESPACE, DRIVER).await?,
        test.service_account_in(NAMESPACE, APPROVER).await?,
    ];
    let issuer = IssuerRef {
        kind: ClusterIssuer,
        namespace: String::new(),
        name: "csi-driver-spiffe".to_owned(),
    };
    let installed = Installed::new(test, accounts, issuer).await?;
    let before = async |heading: &str| match heading {
        "With the driver's own account" => mount_the_pods_of_the_page(test, &installed).await,
        "Remove it" => {
            test.wait_until_ready(&installed.issuer).await?;
            with_the_drivers_account(test, &installed).await
        }
        _ => Ok(()),
    };
    tutorial::follow_with(test.bed(), "meshes/csi-driver-spiffe.md", &[], before).await
}

async fn mount_the_pods_of_the_page(test: &TestNamespace, installed: &Installed) -> Result<()> {
    let pods = TestNamespace::existing(test.bed(), "spiffe-pods");
    let mut users = Vec::new();
    for account in ["orders", "payments"] {
        let user = test.service_account_in(pods.name(), account).await?;
        user.await_right(&pods, &Rule::CREATE_CERTIFICATE_REQUESTS)
            .await?;
        users.push(user);
    }
    let users = users.try_into().map_err(|_| anyhow!("there are two"))?;
    mount_with_tokens(&pods, installed, users).await
}

/// Pods of two namespaces.
async fn with_the_drivers_account(test: &TestNamespace, installed: &Installed) -> Result<()> {
    let other = TestNamespace::create(test.bed(), "pay").await?;
    let mut mounted = Vec::new();
    for (pods, account) in [(test, "orders"), (&other, "payments")] {
        let id = id(pods.name(), account);
        let csr = Csr::for_uri(&id)?;
        let driver = &installed.driver;
        mounted.push(installed.mount(pods, driver, csr, &id).await?);
    }
    connect(&installed.issuer, &mounted[0], &mounted[1], test.bed()).await
}

async fn another_account_and_other_namespaces_take_the_place_of_the_presets(
    test: &TestNamespace,
) -> Result<()> {
    let [driver, approver] = other_accounts(test).await?;
    let shop = TestNamespace::create(test.bed(), "shop").await?;
    let listed = json!({ "namespaces": [shop.name()] });
    let rules = json!([
        own_account(&driver, test.name(), listed),
        {
            "name": "tokens",
            "preset": "CsiDriverSpiffe",
            "requesters": { "serviceAccounts": [{ "namespace": shop.name(), "name": "orders" }] },
        },
    ]);
    let issuer = issuer_with(test, rules).await?;
    let installed = Installed::new(test, [driver, approver], issuer).await?;
    let create = [Rule::CREATE_CERTIFICATE_REQUESTS];
    let orders = id(shop.name(), "orders");
    let user = shop.service_account("orders", &create).await?;
    let by_pod = installed.mount(&shop, &user, Csr::for_uri(&orders)?, &orders);
    let by_pod = by_pod.await?;
    let payments = id(shop.name(), "payments");
    let csr = Csr::for_uri(&payments)?;
    let by_driver = installed.mount(&shop, &installed.driver, csr, &payments);
    let by_driver = by_driver.await?;
    connect(&installed.issuer, &by_pod, &by_driver, test.bed()).await
}

/// The preset Default of a trust domain.
async fn tokens_of_pods_work_without_rules(test: &TestNamespace) -> Result<()> {
    let spec = spec::spiffe(&test.unique("mesh"), TRUST_DOMAIN);
    let issuer = test.issuer(ClusterIssuer, "mesh", spec).await?;
    let installed = Installed::new(test, other_accounts(test).await?, issuer).await?;
    with_tokens_of_pods(test, &installed).await
}

async fn a_plain_issuer_serves_both(test: &TestNamespace) -> Result<()> {
    let spec = spec::self_signed(&test.unique("plain"));
    let issuer = test.issuer(ClusterIssuer, "plain", spec).await?;
    let installed = Installed::new(test, other_accounts(test).await?, issuer).await?;
    with_tokens_of_pods(test, &installed).await?;
    with_the_drivers_account(test, &installed).await
}

/// `app.certificateRequestDuration` may ask for more.
async fn pods_get_at_most_a_day(test: &TestNamespace) -> Result<()> {
    const DAY: u64 = 24 * 3600;
    let [driver, approver] = other_accounts(test).await?;
    let rules = json!([
        own_account(&driver, test.name(), json!({ "namespaceSelector": {} })),
        { "name": "tokens", "preset": "CsiDriverSpiffe" },
    ]);
    let issuer = issuer_with(test, rules).await?;
    let installed = Installed::new(test, [driver, approver], issuer).await?;
    let create = [Rule::CREATE_CERTIFICATE_REQUESTS];
    let user = test.service_account("orders", &create).await?;
    let id = id(test.name(), "orders");
    for requester in [&user, &installed.driver] {
        let csr = Csr::for_uri(&id)?;
        let ask = ask(&installed.issuer, &id, &csr).duration("720h0m0s");
        let request = test.ask_as(requester.client(), &ask).await?;
        test.approve(&request).await?;
        let issued = test.issued(&request, &csr).await?;
        let seconds = issued.leaf.lifetime().as_secs();
        ensure!((DAY..=DAY + 300).contains(&seconds), "{seconds} s");
    }
    Ok(())
}

/// Without one there are no SPIFFE IDs to give.
async fn the_presets_require_a_trust_domain(test: &TestNamespace) -> Result<()> {
    for preset in ["CsiDriverSpiffe", "CsiDriverSpiffeOwnAccount"] {
        let mut spec = spec::self_signed(&test.unique("plain"));
        spec["policy"] = json!({ "rules": [{ "name": "pods", "preset": preset }] });
        let name = preset.to_lowercase();
        let issuer = test.create_issuer(ClusterIssuer, &name, spec).await?;
        let message = test.wait_until_not_ready(&issuer, "InvalidSpec").await?;
        ensure!(message.contains(preset), "{message}");
    }
    Ok(())
}
