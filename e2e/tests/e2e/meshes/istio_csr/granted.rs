//! What istio-csr gets, and reads back.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_e2e::csr::{Csr, KeyKind};
use signet_e2e::handshake::{Holder, mutual_tls};
use signet_e2e::verify::Name;
use signet_e2e::{Bed, IssuerRef, OwnBed, TestNamespace, spec, tutorial};

use super::{
    ACCOUNT, Agent, ISTIO, NAMESPACE, check_hour, check_server, istiod, rule, server, service,
    sidecar,
};
use crate::meshes::{Approver, TRUST_DOMAIN, all_refused, id, issuer_with};

shared![
    another_account_and_namespace_take_the_place_of_the_presets,
    workloads_get_at_most_a_day,
    a_plain_issuer_serves_it_without_rules,
    a_plain_issuer_serves_it_with_a_rule,
    the_preset_requires_a_trust_domain,
];

/// With the account of the chart, the issuer of the page, and cert-manager's approver.
pub(crate) async fn as_its_page_has_it(bed: OwnBed) -> Result<()> {
    let operator = bed.start_operator(&[]).await?;
    let before = async |heading: &str| match heading {
        "Remove it" => gets_certificates_in_istio_system(bed.bed()).await,
        _ => Ok(()),
    };
    tutorial::follow_with(bed.bed(), "meshes/istio-csr.md", &[], before).await?;
    operator.stop().await?;
    Ok(())
}

async fn gets_certificates_in_istio_system(bed: &'static Bed) -> Result<()> {
    let test = TestNamespace::existing(bed, ISTIO);
    let user = test.service_account_in(NAMESPACE, ACCOUNT).await?;
    let issuer = IssuerRef {
        kind: ClusterIssuer,
        namespace: String::new(),
        name: "istio-csr".to_owned(),
    };
    let agent = Agent::install(&test, user, issuer, Approver::CertManager).await?;
    gets_its_three_certificates(&agent, NAMESPACE).await
}

async fn another_account_and_namespace_take_the_place_of_the_presets(
    test: &TestNamespace,
) -> Result<()> {
    let agents = TestNamespace::create(test.bed(), "agents").await?;
    let issuer = issuer_with(test, json!([rule(test, &agents, "mesh-csr")])).await?;
    let user = agents.service_account("mesh-csr", &[]).await?;
    let agent = Agent::install(test, user, issuer, Approver::Test).await?;
    gets_its_three_certificates(&agent, agents.name()).await
}

/// Two workloads connect with what they get.
async fn gets_its_three_certificates(agent: &Agent<'_>, namespace: &str) -> Result<()> {
    // It is not ready without this one, which requests "server auth" only.
    let own = service(agent.user.name(), namespace);
    let csr = server(&own)?;
    let serving = agent.obtains(&agent.serving(&csr), &csr).await?;
    check_server(&serving, &own, &id(namespace, agent.user.name()))?;

    let orders = id("shop", "orders");
    let csr = sidecar(&orders)?;
    let of_orders = agent.obtains(&agent.workload(&orders, &csr), &csr).await?;
    ensure!(of_orders.leaf.names()? == [Name::Uri(orders.clone())]);
    check_hour(&of_orders)?;
    // Without a file, istio-csr takes the roots of its serving certificate as those of the mesh.
    ensure!(of_orders.roots_pem == serving.roots_pem);

    let payments = id("pay", "payments");
    let ztunnel = Csr::by_ztunnel(&payments)?;
    let ask = agent.workload(&payments, &ztunnel);
    let of_payments = agent.obtains(&ask, &ztunnel).await?;
    ensure!(of_payments.leaf.names()? == [Name::Uri(payments)]);
    let (one, other) = (
        Holder {
            issued: &of_orders,
            csr: &csr,
        },
        Holder {
            issued: &of_payments,
            csr: &ztunnel,
        },
    );
    mutual_tls(one, other, &serving.roots_pem).await?;
    mutual_tls(other, one, &serving.roots_pem).await?;

    let ecdsa = Csr::by_istio(KeyKind::P256, &[Name::Uri(orders.clone())])?;
    let ask = agent.workload(&orders, &ecdsa);
    agent.obtains(&ask, &ecdsa).await?;
    gets_the_certificate_of_istiod(agent).await
}

/// The chart's Certificate, which cert-manager requests: DNS name, common name and SPIFFE ID.
async fn gets_the_certificate_of_istiod(agent: &Agent<'_>) -> Result<()> {
    let namespace = agent.test.name();
    let spec = istiod(namespace, TRUST_DOMAIN);
    let issuer = agent.issuer.reference();
    agent
        .test
        .create_certificate("istiod", issuer, spec)
        .await?;
    agent
        .approver
        .approve_revision(agent.test, "istiod")
        .await?;
    let issued = agent.test.certificate_issued("istiod", 1).await?;
    let name = service("istiod", namespace);
    check_server(&issued, &name, &id(namespace, "istiod-service-account"))
}

/// `--max-client-certificate-duration` may ask for more.
async fn workloads_get_at_most_a_day(test: &TestNamespace) -> Result<()> {
    const DAY: u64 = 24 * 3600;
    let agents = TestNamespace::create(test.bed(), "agents").await?;
    let issuer = issuer_with(test, json!([rule(test, &agents, "mesh-csr")])).await?;
    let user = agents.service_account("mesh-csr", &[]).await?;
    let agent = Agent::install(test, user, issuer, Approver::Test).await?;
    let orders = id("shop", "orders");
    let csr = sidecar(&orders)?;
    let ask = agent.workload(&orders, &csr).duration("720h0m0s");
    let issued = agent.obtains(&ask, &csr).await?;
    let seconds = issued.leaf.lifetime().as_secs();
    ensure!((DAY..=DAY + 300).contains(&seconds), "{seconds} s");
    Ok(())
}

/// Without rules, an issuer without a trust domain signs what is approved: the chart's default is an
/// Issuer in the namespace of Istio.
async fn a_plain_issuer_serves_it_without_rules(test: &TestNamespace) -> Result<()> {
    let agents = TestNamespace::create(test.bed(), "agents").await?;
    let spec = spec::self_signed(&test.unique("plain"));
    let issuer = test.issuer(Issuer, "istio-ca", spec).await?;
    let user = agents.service_account("mesh-csr", &[]).await?;
    let agent = Agent::install(test, user, issuer, Approver::Test).await?;
    gets_certificates_of_a_plain_issuer(&agent, agents.name()).await
}

/// The preset's rules with URIs in place of SPIFFE IDs.
async fn a_plain_issuer_serves_it_with_a_rule(test: &TestNamespace) -> Result<()> {
    let agents = TestNamespace::create(test.bed(), "agents").await?;
    let mut spec = spec::self_signed(&test.unique("plain"));
    spec["policy"] = json!({ "rules": plain_rules(test, &agents) });
    let issuer = test.issuer(ClusterIssuer, "plain", spec).await?;
    let user = agents.service_account("mesh-csr", &[]).await?;
    let agent = Agent::install(test, user, issuer, Approver::Test).await?;
    gets_certificates_of_a_plain_issuer(&agent, agents.name()).await?;
    let dns = id("kube-system", "coredns");
    let csr = sidecar(&dns)?;
    let ask = agent.workload(&dns, &csr);
    let refused = (
        "kube-system",
        ask,
        "IdentityNotAllowed",
        "protected namespace kube-system".to_owned(),
    );
    all_refused(test, &agent.user, Approver::Test, vec![refused]).await
}

fn plain_rules(test: &TestNamespace, agents: &TestNamespace) -> Value {
    let [istio, of_agent] = [test.name(), agents.name()];
    json!([
        {
            "name": "mesh",
            "requesters": { "delegates": {
                "serviceAccounts": [{ "namespace": of_agent, "name": "mesh-csr" }],
                "for": { "namespaceSelector": {} },
                "requestNamespaces": [istio],
                "own": {
                    "dnsNames": [service("mesh-csr", of_agent)],
                    "spiffeId": format!("/ns/{of_agent}/sa/mesh-csr"),
                },
            } },
            "allow": {
                "uris": ["spiffe://cluster.local/ns/{namespace}/sa/{serviceAccount}"],
                "subject": { "organizations": [""] },
                "maxDuration": "24h",
            },
        },
        {
            "name": "istiod",
            "requesters": { "certificates": { "namespaces": [istio] } },
            "allow": {
                "dnsNames": ["istiod.{namespace}.svc"],
                "uris": ["spiffe://cluster.local/ns/{namespace}/sa/istiod-service-account"],
            },
        },
    ])
}

/// Nothing is added to what is requested.
async fn gets_certificates_of_a_plain_issuer(agent: &Agent<'_>, namespace: &str) -> Result<()> {
    let own = service(agent.user.name(), namespace);
    let csr = server(&own)?;
    let serving = agent.obtains(&agent.serving(&csr), &csr).await?;
    ensure!(serving.leaf.names()? == [Name::Dns(own)]);
    let orders = id("shop", "orders");
    let csr = sidecar(&orders)?;
    let issued = agent.obtains(&agent.workload(&orders, &csr), &csr).await?;
    ensure!(issued.leaf.names()? == [Name::Uri(orders)]);
    ensure!(issued.roots_pem == serving.roots_pem);
    gets_the_certificate_of_istiod(agent).await
}

/// Without one there are no SPIFFE IDs to give.
async fn the_preset_requires_a_trust_domain(test: &TestNamespace) -> Result<()> {
    let mut spec = spec::self_signed(&test.unique("plain"));
    spec["policy"] = json!({ "rules": [{ "name": "mesh", "preset": "IstioCsr" }] });
    let issuer = test.create_issuer(ClusterIssuer, "plain", spec).await?;
    let message = test.wait_until_not_ready(&issuer, "InvalidSpec").await?;
    ensure!(message.contains("IstioCsr"), "{message}");
    Ok(())
}
