//! Two issuers over one CA, of which only one has a trust domain.

use anyhow::{Result, ensure};
use signet_api::IssuerKind::Issuer;
use signet_e2e::{IssuerRef, TestNamespace, audit, spec};

shared![a_plain_issuer_over_the_ca_of_a_trust_domain_is_reported_by_both];

/// The plain issuer could sign what the rules of the trust domain refuse.
async fn a_plain_issuer_over_the_ca_of_a_trust_domain_is_reported_by_both(
    test: &TestNamespace,
) -> Result<()> {
    let secret = test.unique("shared");
    let spiffe = spec::spiffe(&secret, "prod.example");
    let spiffe = test.issuer(Issuer, "spiffe", spiffe).await?;
    let plain = test
        .issuer(Issuer, "plain", spec::self_signed(&secret))
        .await?;
    let namespace = test.name();
    let reported = format!("key or root with Issuer {namespace}/plain, which has no trust domain");
    waits_for_message(test, &spiffe, |message| message.contains(&reported)).await?;
    let reported = format!("key or root with Issuer {namespace}/spiffe, which has a trust domain");
    waits_for_message(test, &plain, |message| message.contains(&reported)).await?;

    test.delete_issuer(&plain).await?;
    waits_for_message(test, &spiffe, |message| !message.contains("shares")).await?;
    // The bundle, ready, then the message with the other issuer, then without it; not one more.
    let writes = audit::status_writes_from(test.bed(), namespace, "spiffe", 4).await?;
    ensure!(writes == 4, "{writes} status writes");
    Ok(())
}

async fn waits_for_message(
    test: &TestNamespace,
    issuer: &IssuerRef,
    holds: impl Fn(&str) -> bool,
) -> Result<()> {
    test.wait_for_issuer(issuer, "its message", |ready| {
        ready.status == "True" && holds(&ready.message)
    })
    .await?;
    Ok(())
}
