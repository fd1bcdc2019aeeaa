//! What istio-csr does not get, and what passes for istio-csr.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use signet_api::IssuerKind::Issuer;
use signet_e2e::csr::{Csr, KeyKind};
use signet_e2e::verify::Name;
use signet_e2e::{Ask, Rule, TestNamespace, spec};
use signet_testbed::installation;

use super::{ACCOUNT, Agent, WORKLOAD, ask, istiod, rule, server, service, sidecar};
use crate::meshes::{
    Approver, Refused, TRUST_DOMAIN, all_refused, approval_widens_nothing, id, issuer_with,
};

shared![
    it_gets_no_id_that_a_delegate_must_not_have,
    it_gets_no_service_of_others,
    it_gets_no_other_names,
    it_gets_no_ca_and_no_other_usages,
    it_gets_no_id_of_another_agent,
    its_own_approval_widens_nothing,
    a_tenant_with_its_name_gets_nothing,
    certificates_beside_istiod_get_nothing_else,
    an_issuer_in_the_namespace_of_istio_serves_no_other_namespace,
];

const IDENTITY: &str = "IdentityNotAllowed";
const NAME: &str = "NameNotAllowed";

/// An agent `mesh-csr`, on an issuer with its preset and these rules.
async fn set_up<'a>(
    test: &'a TestNamespace,
    agents: &TestNamespace,
    others: &[Value],
) -> Result<Agent<'a>> {
    let mut rules = vec![rule(test, agents, "mesh-csr")];
    rules.extend_from_slice(others);
    let issuer = issuer_with(test, json!(rules)).await?;
    let user = agents.service_account("mesh-csr", &[]).await?;
    Agent::install(test, user, issuer, Approver::Test).await
}

impl Agent<'_> {
    async fn all_refused(&self, attempts: Vec<Refused<'_>>) -> Result<()> {
        all_refused(self.test, &self.user, self.approver, attempts).await
    }

    /// The request of a workload for an ID.
    fn of(&self, id: &str) -> Result<Ask> {
        Ok(self.workload(id, &sidecar(id)?))
    }

    /// The request of a workload with these names.
    fn named(&self, names: &[Name]) -> Result<Ask> {
        let csr = Csr::by_istio(KeyKind::Rsa2048, names)?;
        Ok(self.workload(&id("shop", "orders"), &csr))
    }
}

fn uri(uri: &str) -> Name {
    Name::Uri(uri.to_owned())
}

fn dns(name: &str) -> Name {
    Name::Dns(name.to_owned())
}

async fn it_gets_no_id_that_a_delegate_must_not_have(test: &TestNamespace) -> Result<()> {
    let agents = TestNamespace::create(test.bed(), "agents").await?;
    let agent = set_up(test, &agents, &[]).await?;
    let protected = |namespace: &str| -> Result<Refused<'static>> {
        let part = format!("protected namespace {namespace}");
        let request = agent.of(&id(namespace, "web"))?;
        Ok(("a protected namespace", request, IDENTITY, part))
    };
    let foreign = "spiffe://example.com/ns/shop/sa/orders";
    let orders = id("shop", "orders");
    let wrong = |what: &'static str, id: &str| -> Result<Refused<'static>> {
        Ok((what, agent.of(id)?, IDENTITY, format!("not {id}")))
    };
    let attempts = vec![
        protected("kube-system")?,
        protected("cert-manager")?,
        protected(installation::NAMESPACE)?,
        wrong("a foreign trust domain", foreign)?,
        wrong(
            "a path of no ServiceAccount",
            &format!("spiffe://{TRUST_DOMAIN}/shop/orders"),
        )?,
        wrong("more than a ServiceAccount", &format!("{orders}/admin"))?,
        (
            "the trust domain itself",
            agent.of(&format!("spiffe://{TRUST_DOMAIN}"))?,
            IDENTITY,
            format!("not spiffe://{TRUST_DOMAIN}"),
        ),
        (
            "a second URI",
            agent.named(&[uri(&orders), uri(&id("shop", "payments"))])?,
            IDENTITY,
            "lists 2 URIs".to_owned(),
        ),
        (
            "a second URI of a foreign trust domain",
            agent.named(&[uri(&orders), uri(foreign)])?,
            IDENTITY,
            "lists 2 URIs".to_owned(),
        ),
        (
            "no name",
            agent.workload(&orders, &Csr::of_new_key()?.organization("").build()?),
            IDENTITY,
            "names no identity".to_owned(),
        ),
    ];
    agent.all_refused(attempts).await
}

async fn it_gets_no_service_of_others(test: &TestNamespace) -> Result<()> {
    let agents = TestNamespace::create(test.bed(), "agents").await?;
    let agent = set_up(test, &agents, &[]).await?;
    let own = service("mesh-csr", agents.name());
    let istiod = service("istiod", test.name());
    let both = Csr::by_istio(KeyKind::Rsa2048, &[dns(&own), dns(&istiod)])?;
    let mut attempts = vec![(
        "another service besides its own",
        agent.serving(&both),
        IDENTITY,
        "names no identity".to_owned(),
    )];
    for name in [
        istiod,
        service("*", agents.name()),
        "orders.shop.svc".to_owned(),
        "kubernetes.default.svc".to_owned(),
    ] {
        let part = "names no identity".to_owned();
        let request = agent.serving(&server(&name)?);
        attempts.push(("a service", request, IDENTITY, part));
    }
    // Nor one for a workload, its own included.
    for name in [own, "orders.shop.svc".to_owned()] {
        let request = agent.named(&[uri(&id("shop", "orders")), dns(&name)])?;
        attempts.push(("a service of a workload", request, NAME, name));
    }
    agent.all_refused(attempts).await
}

async fn it_gets_no_other_names(test: &TestNamespace) -> Result<()> {
    let agents = TestNamespace::create(test.bed(), "agents").await?;
    let agent = set_up(test, &agents, &[]).await?;
    let orders = id("shop", "orders");
    let builder = || Csr::of_new_key()?.uri(&orders);
    let mut attempts = Vec::new();
    for (part, csr) in [
        ("10.0.0.1", builder()?.ip([10, 0, 0, 1])),
        ("root@example.org", builder()?.email("root@example.org")?),
        ("common name", builder()?.common_name("orders.shop.svc")),
        ("system:masters", builder()?.organization("system:masters")),
    ] {
        let request = agent.workload(&orders, &csr.build()?);
        attempts.push(("a name", request, NAME, part.to_owned()));
    }
    agent.all_refused(attempts).await
}

async fn it_gets_no_ca_and_no_other_usages(test: &TestNamespace) -> Result<()> {
    let agents = TestNamespace::create(test.bed(), "agents").await?;
    let agent = set_up(test, &agents, &[]).await?;
    let orders = id("shop", "orders");
    let ca = Csr::of_new_key()?.common_name("mesh").build()?;
    let ca = Ask::new(&agent.issuer, &ca).usages(&["cert sign", "crl sign"]);
    let used = |usage: &str| -> Result<Ask> {
        Ok(agent.ask(&orders, &sidecar(&orders)?, &["client auth", usage]))
    };
    let attempts = vec![
        ("a CA", ca.ca(), "CaNotAllowed", "allow.ca".to_owned()),
        (
            "a usage of CAs",
            used("cert sign")?,
            "InvalidUsages",
            "sign".to_owned(),
        ),
        (
            "another usage",
            used("code signing")?,
            "InvalidUsages",
            "code".to_owned(),
        ),
    ];
    agent.all_refused(attempts).await
}

async fn it_gets_no_id_of_another_agent(test: &TestNamespace) -> Result<()> {
    let agents = TestNamespace::create(test.bed(), "agents").await?;
    let others = [
        json!({ "name": "istiod", "preset": "Istio" }),
        json!({ "name": "pods", "preset": "CsiDriverSpiffeOwnAccount", "requesters": { "delegates": {
            "serviceAccounts": [{ "namespace": agents.name(), "name": "driver" }],
            "for": { "namespaceSelector": {} },
        } } }),
        json!({ "name": "linkerd", "preset": "LinkerdIdentity" }),
        json!({ "name": "spire", "preset": "SpireUpstream" }),
    ];
    let agent = set_up(test, &agents, &others).await?;
    let mut attempts = Vec::new();
    for (path, rule) in [
        (id("istio-system", "istiod"), "a delegate of rule istiod"),
        (id(agents.name(), "driver"), "a delegate of rule pods"),
        (id("spire", "spire-server"), "CA certificates of rule spire"),
        (
            format!("spiffe://{TRUST_DOMAIN}/ns/linkerd/certificate/linkerd-identity-issuer"),
            "not spiffe://",
        ),
    ] {
        attempts.push(("another agent", agent.of(&path)?, IDENTITY, rule.to_owned()));
    }
    agent.all_refused(attempts).await
}

/// Requests that are made and approved with its token, without istio-csr's own checks.
async fn its_own_approval_widens_nothing(test: &TestNamespace) -> Result<()> {
    let agents = TestNamespace::create(test.bed(), "agents").await?;
    let agent = set_up(test, &agents, &[]).await?;
    let dns = agent.of(&id("kube-system", "coredns"))?;
    let refusal = (IDENTITY, "protected namespace kube-system");
    approval_widens_nothing(test, &agent.user, &dns, refusal).await
}

/// The same name of an account, the same annotation, the same namespace of requests.
async fn a_tenant_with_its_name_gets_nothing(test: &TestNamespace) -> Result<()> {
    const NO_RULE: &str = "RequesterNotAllowed";
    let agents = TestNamespace::create(test.bed(), "agents").await?;
    let agent = set_up(test, &agents, &[]).await?;
    let tenant = TestNamespace::create(test.bed(), "tenant").await?;
    let create = [Rule::CREATE_CERTIFICATE_REQUESTS];
    let user = tenant.service_account("mesh-csr", &create).await?;
    test.grant(&user, "tenant", &create).await?;
    let orders = id("shop", "orders");
    let own = service("mesh-csr", agents.name());
    let part = || format!("is for the ServiceAccount {}/mesh-csr", tenant.name());
    let attempts = || -> Result<Vec<Refused<'static>>> {
        Ok(vec![
            ("a workload", agent.of(&orders)?, NO_RULE, part()),
            (
                "its service",
                agent.serving(&server(&own)?),
                NO_RULE,
                part(),
            ),
            (
                "itself",
                agent.of(&id(tenant.name(), "mesh-csr"))?,
                NO_RULE,
                part(),
            ),
        ])
    };
    all_refused(test, &user, Approver::Test, attempts()?).await?;
    all_refused(&tenant, &user, Approver::Test, attempts()?).await?;
    // Another account of the agent's own namespace.
    let other = agents.service_account(ACCOUNT, &[]).await?;
    test.grant(&other, "other", &create).await?;
    let part = format!("is for the ServiceAccount {}/{ACCOUNT}", agents.name());
    let csr = sidecar(&orders)?;
    let ask = ask(&agent.issuer, &orders, &csr, &WORKLOAD);
    let attempt = ("another account", ask, NO_RULE, part);
    all_refused(test, &other, Approver::Test, vec![attempt]).await
}

/// The rule of the chart's Certificate is for every Certificate of its namespace.
async fn certificates_beside_istiod_get_nothing_else(test: &TestNamespace) -> Result<()> {
    let agents = TestNamespace::create(test.bed(), "agents").await?;
    let agent = set_up(test, &agents, &[]).await?;
    let with = |field: &str, value: Value| {
        let mut spec = istiod(test.name(), TRUST_DOMAIN);
        // One Secret for each.
        spec["secretName"] = Value::Null;
        spec[field] = value;
        spec
    };
    let tenant = TestNamespace::create(test.bed(), "tenant").await?;
    let own = service("istiod", test.name());
    for (name, wanted, reason, part) in [
        (
            "workload",
            with("uris", json!([id("shop", "orders")])),
            IDENTITY,
            "not spiffe://",
        ),
        (
            "account",
            with("uris", json!([id(test.name(), "istiod")])),
            IDENTITY,
            "not spiffe://",
        ),
        (
            "nameless",
            with("uris", json!([])),
            IDENTITY,
            "no SPIFFE ID",
        ),
        (
            "more",
            with("dnsNames", json!([own, "orders.shop.svc"])),
            NAME,
            "orders.shop.svc",
        ),
        (
            "revision",
            with("dnsNames", json!([service("istiod-1-31", test.name())])),
            NAME,
            "istiod-1-31",
        ),
        (
            "common",
            with("commonName", json!("orders.shop.svc")),
            NAME,
            "common name",
        ),
        ("ca", with("isCA", json!(true)), "CaNotAllowed", "allow.ca"),
    ] {
        let issuer = agent.issuer.reference();
        test.create_certificate(name, issuer, wanted).await?;
        let request = test.approve_certificate(name, 1).await?;
        let message = test.failed(&request, reason).await.context(name)?;
        ensure!(message.contains(part), "{name}: {message}");
    }
    let spec = istiod(test.name(), TRUST_DOMAIN);
    let issuer = agent.issuer.reference();
    tenant.create_certificate("istiod", issuer, spec).await?;
    let request = tenant.approve_certificate("istiod", 1).await?;
    let message = tenant.failed(&request, "RequesterNotAllowed").await?;
    ensure!(message.contains(tenant.name()), "{message}");
    Ok(())
}

/// The chart's default is an Issuer.
async fn an_issuer_in_the_namespace_of_istio_serves_no_other_namespace(
    test: &TestNamespace,
) -> Result<()> {
    let agents = TestNamespace::create(test.bed(), "agents").await?;
    let mut spec = spec::spiffe(&test.unique("mesh"), TRUST_DOMAIN);
    spec["policy"] = json!({ "rules": [rule(test, &agents, "mesh-csr")] });
    let issuer = test.issuer(Issuer, "istio-ca", spec).await?;
    let user = agents.service_account("mesh-csr", &[]).await?;
    let agent = Agent::install(test, user, issuer, Approver::Test).await?;
    let part = "use a ClusterIssuer".to_owned();
    let attempt = (
        "a workload",
        agent.of(&id("shop", "orders"))?,
        IDENTITY,
        part,
    );
    agent.all_refused(vec![attempt]).await
}
