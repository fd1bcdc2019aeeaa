//! Delegates: what they get for others, and what they never get. Each attack is made with the
//! delegate's own token and rights.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use signet_api::IssuerKind::Issuer;
use signet_e2e::csr::Csr;
use signet_e2e::{Ask, IssuerRef, Rule, TestNamespace, User};
use signet_testbed::installation::NAMESPACE;

use super::{account, cluster_issuer, id, issued_to, issuer_with, label, refused_to};

shared![
    a_delegate_gets_the_ids_of_the_namespaces_that_it_acts_for,
    a_delegate_gets_no_id_of_a_protected_namespace,
    a_delegate_gets_no_id_of_another_delegate_or_of_a_requester_of_cas,
    a_delegate_gets_no_ca_certificate,
    a_delegate_does_not_lend_its_own_id,
    a_request_in_a_workloads_namespace_is_for_that_namespace,
    a_delegate_of_an_issuer_gets_no_id_of_another_namespace,
    a_user_with_the_name_of_no_delegate_gets_nothing,
];

/// A rule for the ServiceAccounts `broker` and `agent` of the test.
fn rule(test: &TestNamespace, act_for: Value) -> Value {
    let delegate = |name: &str| json!({ "namespace": test.name(), "name": name });
    json!({
        "name": "agents",
        "requesters": { "delegates": {
            "serviceAccounts": [delegate("broker"), delegate("agent")],
            "for": act_for,
        } },
        "allow": { "spiffeIds": ["/ns/{namespace}/sa/{serviceAccount}"] },
    })
}

fn everyone() -> Value {
    json!({ "namespaceSelector": {} })
}

async fn refused(
    test: &TestNamespace,
    broker: &User,
    issuer: &IssuerRef,
    path: &str,
) -> Result<String> {
    let csr = Csr::for_uri(&id(path))?;
    let ask = Ask::new(issuer, &csr);
    refused_to(test, broker, &ask, "IdentityNotAllowed").await
}

async fn a_delegate_gets_the_ids_of_the_namespaces_that_it_acts_for(
    test: &TestNamespace,
) -> Result<()> {
    let rule = rule(test, json!({ "namespaces": ["shop", "pay"] }));
    let issuer = cluster_issuer(test, json!([rule])).await?;
    let broker = account(test, "broker").await?;
    let listed = id("/ns/shop/sa/web");
    let csr = Csr::for_uri(&listed)?;
    let issued = issued_to(test, &broker, &Ask::new(&issuer, &csr), &csr).await?;
    ensure!(issued.leaf.uris()? == [listed.as_str()]);
    for path in [
        "/ns/bank/sa/web",
        "/ns/shop",
        "/ns/shop/sa",
        "/ns/shop/sa/web/x",
        "/web",
    ] {
        let message = refused(test, &broker, &issuer, path).await?;
        ensure!(message.contains("closest rule: agents"), "{message}");
    }
    let other = Csr::for_uri("spiffe://other.example/ns/shop/sa/web")?;
    refused_to(
        test,
        &broker,
        &Ask::new(&issuer, &other),
        "IdentityNotAllowed",
    )
    .await?;
    let named = Csr::of_new_key()?
        .uri(&listed)?
        .dns("bank.example")?
        .build()?;
    let ask = Ask::new(&issuer, &named);
    let message = refused_to(test, &broker, &ask, "NameNotAllowed").await?;
    ensure!(message.contains("bank.example"), "{message}");
    Ok(())
}

/// istiod can be compromised or confused.
async fn a_delegate_gets_no_id_of_a_protected_namespace(test: &TestNamespace) -> Result<()> {
    let mut rule = rule(test, everyone());
    let literal = json!("/ns/kube-system/sa/coredns");
    let issuer = cluster_issuer(test, json!([rule])).await?;
    let broker = account(test, "broker").await?;
    for namespace in ["kube-system", NAMESPACE, "cert-manager"] {
        let path = format!("/ns/{namespace}/sa/web");
        let message = refused(test, &broker, &issuer, &path).await?;
        ensure!(message.contains("protected namespace"), "{message}");
    }
    // Unless the rule names it literally, and the namespace.
    rule["requesters"]["delegates"]["for"] = json!({ "namespaces": ["kube-system"] });
    rule["allow"]["spiffeIds"] = json!([literal]);
    test.patch_issuer(&issuer, json!({ "policy": { "rules": [rule] } }))
        .await?;
    let csr = Csr::for_uri(&id("/ns/kube-system/sa/coredns"))?;
    issued_to(test, &broker, &Ask::new(&issuer, &csr), &csr).await?;
    refused(test, &broker, &issuer, "/ns/kube-system/sa/other").await?;
    Ok(())
}

async fn a_delegate_gets_no_id_of_another_delegate_or_of_a_requester_of_cas(
    test: &TestNamespace,
) -> Result<()> {
    let cas = json!({
        "name": "cas",
        "requesters": { "serviceAccounts": [{ "namespace": "spire", "name": "server" }] },
        "allow": { "ca": {} },
    });
    let of_certificates = json!({
        "name": "linkerd",
        "requesters": { "certificates": { "namespaces": ["linkerd"] } },
        "allow": { "ca": {} },
    });
    let mut issuing = rule(test, everyone());
    issuing["allow"]["spiffeIds"] = json!(["/ns/{namespace}/**"]);
    let issuer = cluster_issuer(test, json!([issuing, cas, of_certificates])).await?;
    let broker = account(test, "broker").await?;
    for path in [
        format!("/ns/{}/sa/agent", test.name()),
        "/ns/spire/sa/server".to_owned(),
        "/ns/linkerd/certificate/identity".to_owned(),
    ] {
        let message = refused(test, &broker, &issuer, &path).await?;
        ensure!(
            message.contains("without variables and wildcards"),
            "{message}"
        );
    }
    let csr = Csr::for_uri(&id("/ns/spire/sa/agent"))?;
    issued_to(test, &broker, &Ask::new(&issuer, &csr), &csr).await?;
    Ok(())
}

async fn a_delegate_gets_no_ca_certificate(test: &TestNamespace) -> Result<()> {
    let cas = json!({
        "name": "cas",
        "requesters": { "serviceAccounts": [{ "namespace": "spire", "name": "server" }] },
        "allow": { "ca": {} },
    });
    let issuer = cluster_issuer(test, json!([rule(test, everyone()), cas])).await?;
    let broker = account(test, "broker").await?;
    let csr = Csr::of_new_key()?.common_name("sub").build()?;
    let ask = Ask::new(&issuer, &csr).ca();
    refused_to(test, &broker, &ask, "CaNotAllowed").await?;
    Ok(())
}

/// A request for someone else must not carry the identity of the agent.
async fn a_delegate_does_not_lend_its_own_id(test: &TestNamespace) -> Result<()> {
    let issuer = cluster_issuer(test, json!([rule(test, everyone())])).await?;
    let broker = account(test, "broker").await?;
    for csr in [
        Csr::of_new_key()?.build()?,
        Csr::of_new_key()?.common_name("web").build()?,
    ] {
        let ask = Ask::new(&issuer, &csr);
        let message = refused_to(test, &broker, &ask, "IdentityNotAllowed").await?;
        ensure!(message.contains("names no identity"), "{message}");
    }
    Ok(())
}

/// csi-driver-spiffe makes requests in the namespaces of pods.
async fn a_request_in_a_workloads_namespace_is_for_that_namespace(
    test: &TestNamespace,
) -> Result<()> {
    let shop = TestNamespace::create(test.bed(), "workload").await?;
    let issuer = cluster_issuer(test, json!([rule(test, everyone())])).await?;
    let broker = account(test, "broker").await?;
    shop.grant(&broker, "broker", &[Rule::CREATE_CERTIFICATE_REQUESTS])
        .await?;
    let own = id(&format!("/ns/{}/sa/web", shop.name()));
    let csr = Csr::for_uri(&own)?;
    issued_to(&shop, &broker, &Ask::new(&issuer, &csr), &csr).await?;
    let message = refused(&shop, &broker, &issuer, "/ns/bank/sa/web").await?;
    ensure!(message.contains("requestNamespaces"), "{message}");
    Ok(())
}

/// Whatever the rules of an Issuer say.
async fn a_delegate_of_an_issuer_gets_no_id_of_another_namespace(
    test: &TestNamespace,
) -> Result<()> {
    let issuer = issuer_with(test, Issuer, json!([rule(test, everyone())])).await?;
    let broker = account(test, "broker").await?;
    let csr = Csr::for_uri(&id(&format!("/ns/{}/sa/web", test.name())))?;
    issued_to(test, &broker, &Ask::new(&issuer, &csr), &csr).await?;
    refused(test, &broker, &issuer, "/ns/bank/sa/web").await?;
    Ok(())
}

/// Another ServiceAccount of the delegate's namespace, and the labels of a namespace.
async fn a_user_with_the_name_of_no_delegate_gets_nothing(test: &TestNamespace) -> Result<()> {
    let labeled = json!({ "namespaceSelector": { "matchLabels": { "mesh": "on" } } });
    let issuer = cluster_issuer(test, json!([rule(test, labeled)])).await?;
    let shop = TestNamespace::create(test.bed(), "labeled").await?;
    let path = format!("/ns/{}/sa/web", shop.name());
    let csr = Csr::for_uri(&id(&path))?;
    let ask = Ask::new(&issuer, &csr);
    let other = account(test, "broker-2").await?;
    refused_to(test, &other, &ask, "RequesterNotAllowed").await?;
    let broker = account(test, "broker").await?;
    let message = refused(test, &broker, &issuer, &path).await?;
    ensure!(message.contains("does not act for namespace"), "{message}");
    let mesh = TestNamespace::create(test.bed(), "meshed").await?;
    label(mesh.name(), test, json!({ "mesh": "on" })).await?;
    let csr = Csr::for_uri(&id(&format!("/ns/{}/sa/web", mesh.name())))?;
    issued_to(test, &broker, &Ask::new(&issuer, &csr), &csr).await?;
    Ok(())
}
