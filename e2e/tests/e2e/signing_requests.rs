//! Kubernetes' CertificateSigningRequests.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_e2e::csr::{Csr, outdated};
use signet_e2e::verify::issues_below;
use signet_e2e::{IssuerRef, Rule, SigningAsk, TestNamespace, User, audit, spec};

shared![
    a_cluster_issuers_signer_signs,
    a_namespaced_signer_needs_the_right_to_reference_it,
    a_right_to_another_issuer_does_not_count,
    the_smaller_of_annotation_and_expiration_seconds_counts,
    without_either_it_is_90_days,
    less_than_600_s_is_refused,
    unapproved_and_denied_ones_are_not_touched,
    foreign_signers_are_not_touched,
    one_that_can_never_succeed_fails,
    proof_of_possession_is_checked,
    weak_keys_are_refused,
    usages_in_the_csr_must_be_those_of_the_spec,
    is_ca_by_annotation,
    a_waiting_request_gets_an_event_and_is_issued_later,
];

const DURATION: &str = "experimental.cert-manager.io/request-duration";

/// A ClusterIssuer, and a user who may request.
async fn set_up(test: &TestNamespace) -> Result<(IssuerRef, User)> {
    let spec = spec::self_signed(&test.unique("corp"));
    let issuer = test.issuer(ClusterIssuer, "corp", spec).await?;
    Ok((issuer, test.signing_requester("asker").await?))
}

/// Rule A5-36.
async fn a_cluster_issuers_signer_signs(test: &TestNamespace) -> Result<()> {
    let (issuer, asker) = set_up(test).await?;
    let csr = Csr::of_new_key()?
        .common_name("shop")
        .dns("shop.example")?
        .build()?;
    let ask = SigningAsk::new(&issuer, &csr).expiration_seconds(3600);
    let request = test.ask_signer(asker.client(), &ask).await?;
    test.approve_signing(&request).await?;
    let issued = test.issued_signing(&request, &issuer, &csr, false).await?;
    ensure!(
        issued.leaf.lifetime() == Duration::from_secs(3600),
        "{:?}",
        issued.leaf.lifetime()
    );
    ensure!(issued.leaf.extended_key_usage()?.len() == 2);
    let writes = audit::status_writes_from(test.bed(), "", &request, 1).await?;
    ensure!(
        writes == 1,
        "one status write per certificate, not {writes}"
    );
    Ok(())
}

/// Rule A5-37.
async fn a_namespaced_signer_needs_the_right_to_reference_it(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let asker = test.signing_requester("asker").await?;
    let csr = Csr::for_dns("shop.example")?;
    let ask = SigningAsk::new(&issuer, &csr);
    let message = test
        .refused_signing(asker.client(), &ask, "DeniedReference")
        .await?;
    ensure!(
        message.contains(&asker.username()),
        "it names who: {message}"
    );
    follow_advice(test, &message).await?;
    asker.await_right(test, &REFERENCE_ROOT).await?;
    test.issue_signing(asker.client(), &issuer, &ask, &csr)
        .await?;
    Ok(())
}

/// Does what the command in the message does: a Role, and a binding to the requester.
async fn follow_advice(test: &TestNamespace, message: &str) -> Result<()> {
    let (_, command) = message.split_once("allow it with: ").context("a command")?;
    let (apply, bind) = command.split_once(" && ").context("two commands")?;
    let role = apply.strip_prefix("echo '").context("the Role")?;
    let role = role.strip_suffix("' | kubectl apply -f -");
    let role = serde_json::from_str(role.context("it is applied")?)?;
    test.create_object(role).await?;
    let bind = bind.strip_prefix("kubectl ").context("the binding")?;
    let arguments: Vec<_> = bind.split(' ').collect();
    test.bed().kubectl(&arguments).await?;
    Ok(())
}

pub(crate) const REFERENCE_ROOT: Rule = Rule {
    group: "signet.dev",
    resource: "signers",
    verbs: &["reference"],
    names: &["root"],
};

/// Rule A5-37.
async fn a_right_to_another_issuer_does_not_count(test: &TestNamespace) -> Result<()> {
    let asker = test.signing_requester("asker").await?;
    test.grant(&asker, "reference", &[REFERENCE_ROOT]).await?;
    let other = test
        .issuer(Issuer, "other", spec::self_signed(&test.unique("other")))
        .await?;
    let csr = Csr::for_dns("shop.example")?;
    let ask = SigningAsk::new(&other, &csr);
    test.refused_signing(asker.client(), &ask, "DeniedReference")
        .await?;
    Ok(())
}

/// Rule A5-39.
/// The annotation can be changed after the approval, `expirationSeconds` cannot.
async fn the_smaller_of_annotation_and_expiration_seconds_counts(
    test: &TestNamespace,
) -> Result<()> {
    let (issuer, asker) = set_up(test).await?;
    let csr = Csr::for_dns("shop.example")?;
    for (annotation, expected) in [("1h", 3600), ("2h30m", 7200)] {
        let ask = SigningAsk::new(&issuer, &csr)
            .expiration_seconds(7200)
            .annotation(DURATION, annotation);
        let issued = test
            .issue_signing(asker.client(), &issuer, &ask, &csr)
            .await?;
        ensure!(
            issued.leaf.lifetime() == Duration::from_secs(expected),
            "{annotation}: {:?}",
            issued.leaf.lifetime()
        );
    }
    Ok(())
}

/// Rule A5-39.
async fn without_either_it_is_90_days(test: &TestNamespace) -> Result<()> {
    let (issuer, asker) = set_up(test).await?;
    let csr = Csr::for_dns("shop.example")?;
    let ask = SigningAsk::new(&issuer, &csr);
    let issued = test
        .issue_signing(asker.client(), &issuer, &ask, &csr)
        .await?;
    ensure!(issued.leaf.lifetime() == Duration::from_secs(90 * 24 * 3600));
    Ok(())
}

/// Rule CSR-2.
async fn less_than_600_s_is_refused(test: &TestNamespace) -> Result<()> {
    let (issuer, asker) = set_up(test).await?;
    let csr = Csr::for_dns("shop.example")?;
    for short in ["599s", "soon"] {
        let ask = SigningAsk::new(&issuer, &csr).annotation(DURATION, short);
        test.refused_signing(asker.client(), &ask, "InvalidDuration")
            .await?;
    }
    Ok(())
}

/// Rule CSR-7.
async fn unapproved_and_denied_ones_are_not_touched(test: &TestNamespace) -> Result<()> {
    let (issuer, asker) = set_up(test).await?;
    let csr = Csr::for_dns("shop.example")?;
    let ask = SigningAsk::new(&issuer, &csr);
    let unapproved = test.ask_signer(asker.client(), &ask).await?;
    let denied = test.ask_signer(asker.client(), &ask).await?;
    test.deny_signing(&denied).await?;
    let approved = test
        .issue_signing(asker.client(), &issuer, &ask, &csr)
        .await?;
    ensure!(approved.leaf.subject().is_empty(), "the third was issued");
    for request in [&unapproved, &denied] {
        let writes = audit::status_writes(test.bed(), "", request)?;
        ensure!(
            writes == 0,
            "{:?}",
            test.signing_request(request).await?.status
        );
    }
    test.approve_signing(&unapproved).await?;
    test.issued_signing(&unapproved, &issuer, &csr, false)
        .await?;
    Ok(())
}

/// Rule A5-36.
async fn foreign_signers_are_not_touched(test: &TestNamespace) -> Result<()> {
    let (issuer, asker) = set_up(test).await?;
    let csr = Csr::for_dns("shop.example")?;
    // Names that are near ours, and one that names no issuer. Only the administrator may approve
    // for all of them.
    let mut foreign = Vec::new();
    for signer in [
        "signers.example.com/corp".to_owned(),
        format!("meshcas.signet.dev/{}", issuer.name),
        format!("x.clusterissuers.signet.dev/{}", issuer.name),
        "issuers.signet.dev/corp".to_owned(),
    ] {
        let ask = SigningAsk::of_signer(&signer, &csr);
        let request = test.ask_signer(asker.client(), &ask).await?;
        test.bed()
            .kubectl(&["certificate", "approve", &request])
            .await?;
        foreign.push(request);
    }
    let ask = SigningAsk::new(&issuer, &csr);
    test.issue_signing(asker.client(), &issuer, &ask, &csr)
        .await?;
    for request in foreign {
        let status = test
            .signing_request(&request)
            .await?
            .status
            .unwrap_or_default();
        ensure!(status.certificate.is_none(), "{status:?}");
        ensure!(
            audit::status_writes(test.bed(), "", &request)? == 0,
            "{status:?}"
        );
    }
    Ok(())
}

/// Rule A5-38.
async fn one_that_can_never_succeed_fails(test: &TestNamespace) -> Result<()> {
    let (issuer, asker) = set_up(test).await?;
    let csr = Csr::of_new_key()?
        .dns("a.example")?
        .extension(&[1, 2, 3], vec![5, 0])
        .build()?;
    let ask = SigningAsk::new(&issuer, &csr);
    let message = test
        .refused_signing(asker.client(), &ask, "UnsupportedExtension")
        .await?;
    ensure!(message.contains("1.2.3"), "{message}");
    Ok(())
}

/// Rule A3-22.
/// The API server looks at the signature itself, and the request is not even created.
async fn proof_of_possession_is_checked(test: &TestNamespace) -> Result<()> {
    let (issuer, asker) = set_up(test).await?;
    let csr = Csr::for_dns("shop.example")?.with_a_broken_signature()?;
    let ask = SigningAsk::new(&issuer, &csr);
    let refused = test.ask_signer(asker.client(), &ask).await.err();
    let refused = refused.context("the API server refuses it")?;
    ensure!(
        format!("{refused:#}").contains("verification failure"),
        "{refused:#}"
    );
    Ok(())
}

async fn weak_keys_are_refused(test: &TestNamespace) -> Result<()> {
    let (issuer, asker) = set_up(test).await?;
    let pem = outdated(&["-newkey", "rsa:1024"])?;
    let ask = SigningAsk::of_pem(&issuer.signer_name(), &pem);
    test.refused_signing(asker.client(), &ask, "WeakKey")
        .await?;
    Ok(())
}

/// Rule A3-23.
/// No webhook compares them for this API.
async fn usages_in_the_csr_must_be_those_of_the_spec(test: &TestNamespace) -> Result<()> {
    let (issuer, asker) = set_up(test).await?;
    let csr = Csr::of_new_key()?
        .dns("shop.example")?
        .usages(
            &[KeyUsagePurpose::DigitalSignature],
            &[ExtendedKeyUsagePurpose::ServerAuth],
        )
        .build()?;
    let differing = SigningAsk::new(&issuer, &csr).usages(&["digital signature", "client auth"]);
    test.refused_signing(asker.client(), &differing, "InvalidUsages")
        .await?;
    let agreeing = SigningAsk::new(&issuer, &csr).usages(&["digital signature", "server auth"]);
    test.issue_signing(asker.client(), &issuer, &agreeing, &csr)
        .await?;
    Ok(())
}

/// Rule A5-39.
async fn is_ca_by_annotation(test: &TestNamespace) -> Result<()> {
    let (issuer, asker) = set_up(test).await?;
    let csr = Csr::of_new_key()?.common_name("sub").build()?;
    let ask = SigningAsk::new(&issuer, &csr)
        .usages(&["cert sign", "crl sign"])
        .ca();
    test.refused_signing(asker.client(), &ask, "CaNotAllowed")
        .await?;
    let spec = spec::with_ca_profile(&test.unique("ca"), 0);
    let issuer = test.issuer(ClusterIssuer, "ca", spec).await?;
    let ask = SigningAsk::new(&issuer, &csr)
        .usages(&["cert sign", "crl sign"])
        .ca();
    let issued = test
        .issue_signing(asker.client(), &issuer, &ask, &csr)
        .await?;
    ensure!(issued.leaf.basic_constraints()? == Some((true, Some(0))));
    issues_below(&issued, &csr, "sub")
}

/// Rule A5-40.
async fn a_waiting_request_gets_an_event_and_is_issued_later(test: &TestNamespace) -> Result<()> {
    let asker = test.signing_requester("asker").await?;
    let issuer = test.issuer_ref(ClusterIssuer, "late");
    let csr = Csr::for_dns("shop.example")?;
    let request = test
        .ask_signer(asker.client(), &SigningAsk::new(&issuer, &csr))
        .await?;
    test.approve_signing(&request).await?;
    let object = test.signing_request(&request).await?;
    let event = test.bed().wait_for_event(&object, "IssuerNotFound").await?;
    ensure!(event.type_.as_deref() == Some("Normal"), "{event:?}");
    ensure!(
        audit::status_writes(test.bed(), "", &request)? == 0,
        "there is no condition for it"
    );
    test.issuer(
        ClusterIssuer,
        "late",
        spec::self_signed(&test.unique("late")),
    )
    .await?;
    test.issued_signing(&request, &issuer, &csr, false).await?;
    Ok(())
}
