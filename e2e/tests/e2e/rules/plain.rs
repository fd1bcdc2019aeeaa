//! Rules of an issuer without a trust domain: what tenants may name.

use anyhow::{Result, ensure};
use serde_json::json;
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_e2e::csr::Csr;
use signet_e2e::{Ask, TestNamespace, spec};

use super::{account, issued_to, refused_to};

shared![
    tenants_get_the_dns_names_of_their_own_namespace,
    a_plain_issuer_refuses_the_trust_domain_that_shares_its_root,
];

async fn tenants_get_the_dns_names_of_their_own_namespace(test: &TestNamespace) -> Result<()> {
    let mut spec = spec::self_signed(&test.unique("plain"));
    spec["policy"] = json!({ "rules": [{
        "name": "tenants",
        "requesters": { "serviceAccounts": [{ "namespaceSelector": {} }] },
        "allow": { "dnsNames": ["*.{namespace}.svc"] },
    }] });
    let issuer = test.issuer(ClusterIssuer, "plain", spec).await?;
    let web = account(test, "web").await?;
    let own = format!("web.{}.svc", test.name());
    let csr = Csr::of_new_key()?.common_name(&own).dns(&own)?.build()?;
    issued_to(test, &web, &Ask::new(&issuer, &csr), &csr).await?;
    let builder = || Csr::of_new_key()?.dns(&own);
    for csr in [
        Csr::for_dns("web.kube-system.svc")?,
        Csr::for_dns(&format!("*.{}.svc", test.name()))?,
        Csr::for_dns(&format!("a.web.{}.svc", test.name()))?,
        builder()?.common_name("web.kube-system.svc").build()?,
        builder()?.organization("system:masters").build()?,
        builder()?.ip([10, 0, 0, 1]).build()?,
        builder()?.uri("https://example.org/")?.build()?,
    ] {
        let ask = Ask::new(&issuer, &csr);
        let message = refused_to(test, &web, &ask, "NameNotAllowed").await?;
        ensure!(message.contains("tenants"), "{message}");
    }
    Ok(())
}

/// Scheme and host in any case.
async fn a_plain_issuer_refuses_the_trust_domain_that_shares_its_root(
    test: &TestNamespace,
) -> Result<()> {
    let secret = test.unique("shared");
    let spiffe = spec::spiffe(&secret, "shared.example");
    test.issuer(Issuer, "spiffe", spiffe).await?;
    let plain = spec::self_signed(&secret);
    let plain = test.issuer(Issuer, "plain", plain).await?;
    let web = account(test, "web").await?;
    for uri in [
        "spiffe://shared.example/ns/shop/sa/web",
        "SPIFFE://Shared.Example/x",
    ] {
        let csr = Csr::for_uri(uri)?;
        let ask = Ask::new(&plain, &csr);
        let message = refused_to(test, &web, &ask, "IdentityNotAllowed").await?;
        ensure!(message.contains("shared.example"), "{message}");
    }
    let csr = Csr::for_uri("spiffe://other.example/ns/shop/sa/web")?;
    issued_to(test, &web, &Ask::new(&plain, &csr), &csr).await?;
    Ok(())
}
