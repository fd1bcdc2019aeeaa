//! `docs/nothing-issued.md`: each cause has a message, and the page quotes it.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_e2e::csr::Csr;
use signet_e2e::{Ask, IssuerRef, SigningAsk, TestNamespace, ready, spec};

shared![
    a_reference_to_the_other_kind_names_what_exists,
    a_signer_name_of_the_other_kind_names_what_exists,
    a_kind_that_signet_does_not_have_gets_an_event,
    a_reference_without_a_group_waits_at_cert_manager,
    an_id_of_another_trust_domain_is_refused,
    the_namespace_of_a_cluster_issuers_secret_is_named,
];

const PAGE: &str = include_str!("../../../docs/nothing-issued.md");

/// Requires that the page has a message, with other names.
pub(crate) fn is_quoted(message: &str, names: &[(&str, &str)]) -> Result<()> {
    let mut text = message.to_owned();
    for (name, on_page) in names {
        text = text.replace(name, on_page);
    }
    ensure!(PAGE.contains(&text), "the page does not quote {text:?}");
    Ok(())
}

/// Makes an approved request, and returns it with the message of its condition once it is Pending.
async fn pending(test: &TestNamespace, reference: Value, holds: &str) -> Result<String> {
    let csr = Csr::for_dns("shop.example")?;
    let request = test.ask(&Ask::of_reference(reference, &csr)).await?;
    test.approve(&request).await?;
    let object = test.wait_for_request(&request, "Pending", |object| {
        let message = ready(object).and_then(|ready| ready.message.as_deref());
        message.is_some_and(|message| message.contains(holds))
    });
    let object = object.await?;
    let condition = ready(&object).context("it has a condition")?;
    ensure!(
        condition.reason.as_deref() == Some("Pending"),
        "{condition:?}"
    );
    Ok(condition.message.clone().unwrap_or_default())
}

async fn a_reference_to_the_other_kind_names_what_exists(test: &TestNamespace) -> Result<()> {
    let secret = test.unique("corp");
    let spec = spec::self_signed(&secret);
    let cluster = test.issuer(ClusterIssuer, "corp", spec).await?;
    let names = [(cluster.name.as_str(), "corp"), (test.name(), "shop")];
    for reference in [
        json!({ "group": "signet.dev", "name": cluster.name }),
        json!({ "group": "signet.dev", "name": cluster.name, "kind": "Issuer" }),
    ] {
        is_quoted(&pending(test, reference, "IssuerNotFound").await?, &names)?;
    }
    let issuer = test.root().await?;
    let names = [(issuer.name.as_str(), "corp"), (test.name(), "shop")];
    let reference = json!({ "group": "signet.dev", "name": issuer.name, "kind": "ClusterIssuer" });
    is_quoted(&pending(test, reference, "IssuerNotFound").await?, &names)?;
    let names = [("absent", "corp"), (test.name(), "shop")];
    let reference = json!({ "group": "signet.dev", "name": "absent" });
    is_quoted(&pending(test, reference, "IssuerNotFound").await?, &names)?;
    let operator = test
        .bed()
        .operator()
        .context("one runs on the shared bed")?;
    let series = r#"signet_requests_waiting{reason="IssuerNotFound"}"#;
    let waiting = operator.metric(series).await?;
    ensure!(waiting.is_some_and(|it| it >= 4.0), "{waiting:?}");
    Ok(())
}

async fn a_signer_name_of_the_other_kind_names_what_exists(test: &TestNamespace) -> Result<()> {
    let spec = spec::self_signed(&test.unique("corp"));
    let cluster = test.issuer(ClusterIssuer, "corp", spec).await?;
    let wrong = IssuerRef {
        kind: Issuer,
        namespace: test.name().to_owned(),
        name: cluster.name.clone(),
    };
    let csr = Csr::for_dns("shop.example")?;
    let user = test.signing_requester("asker").await?;
    let ask = SigningAsk::new(&wrong, &csr);
    let request = test.ask_signer(user.client(), &ask).await?;
    test.approve_signing(&request).await?;
    let object = test.signing_request(&request).await?;
    let event = test.bed().wait_for_event(&object, "IssuerNotFound").await?;
    let note = event.message.context("it has a note")?;
    let names = [(cluster.name.as_str(), "corp"), (test.name(), "shop")];
    is_quoted(&format!("IssuerNotFound: {note}"), &names)
}

/// A4-33. No approver can approve it.
async fn a_kind_that_signet_does_not_have_gets_an_event(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::for_dns("shop.example")?;
    let reference = json!({ "group": "signet.dev", "name": issuer.name, "kind": "CorpIssuer" });
    let request = test.ask(&Ask::of_reference(reference, &csr)).await?;
    let object = test.request(&request).await?;
    let event = test.bed().wait_for_event(&object, "IssuerNotFound").await?;
    is_quoted(&event.message.context("it has a note")?, &[])
}

/// cert-manager's message, which misleads: the issuer exists.
async fn a_reference_without_a_group_waits_at_cert_manager(test: &TestNamespace) -> Result<()> {
    let spec = spec::self_signed(&test.unique("corp"));
    let cluster = test.issuer(ClusterIssuer, "corp", spec).await?;
    let reference = json!({ "name": cluster.name, "kind": "ClusterIssuer" });
    let message = pending(test, reference, "not found").await?;
    is_quoted(&message, &[(&cluster.name, "corp")])
}

async fn an_id_of_another_trust_domain_is_refused(test: &TestNamespace) -> Result<()> {
    let spec = spec::spiffe(&test.unique("corp"), "prod.example");
    let issuer = test.issuer(Issuer, "corp", spec).await?;
    let id = format!("spiffe://stage.example/ns/{}/sa/requester", test.name());
    let ask = Ask::new(&issuer, &Csr::for_uri(&id)?);
    let message = test.refused(&ask, "IdentityNotAllowed").await?;
    let names = [(test.name(), "shop"), ("requester", "web")];
    is_quoted(&format!("IdentityNotAllowed: {message}"), &names)
}

/// The Secret is where an Issuer has it.
async fn the_namespace_of_a_cluster_issuers_secret_is_named(test: &TestNamespace) -> Result<()> {
    let secret = test.unique("key");
    let own = test
        .issuer(Issuer, "corp", spec::self_signed(&secret))
        .await?;
    let cluster = test
        .create_issuer(ClusterIssuer, "corp", spec::existing(&secret))
        .await?;
    let message = test.wait_until_not_ready(&cluster, "KeyNotFound").await?;
    let names = [
        (secret.as_str(), "corp-ca"),
        (cluster.name.as_str(), "corp"),
    ];
    is_quoted(&format!("KeyNotFound: {message}"), &names)?;
    let waits = pending(test, cluster.reference(), "IssuerNotReady").await?;
    is_quoted(&waits, &names)?;
    let csr = Csr::for_dns("shop.example")?;
    test.issue(&Ask::new(&own, &csr), &csr).await?;
    Ok(())
}
