//! Requests that can never succeed (CM-6).

use anyhow::{Context, Result, ensure};
use signet_e2e::csr::{Csr, outdated};
use signet_e2e::{Ask, TestNamespace};

shared![
    failed_has_a_failure_time,
    a_csr_that_does_not_prove_possession_is_refused,
    weak_keys_and_hashes_are_refused,
    an_unknown_extension_is_refused_by_name,
    text_around_the_csr_is_refused,
    a_csr_without_any_name_is_refused,
    a_lifetime_of_nothing_is_refused,
    an_unknown_usage_is_refused,
];

/// Rule CM-6.
/// [`TestNamespace::refused`] looks at the condition, the failureTime and that there is no
/// certificate; so do all tests here.
async fn failed_has_a_failure_time(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::of_new_key()?
        .dns("a.example")?
        .extension(&[1, 2, 3], vec![5, 0])
        .build()?;
    test.refused(&Ask::new(&issuer, &csr), "UnsupportedExtension")
        .await?;
    Ok(())
}

/// Rule A3-22.
/// cert-manager's webhook looks at the signature too, and the request is not even created.
async fn a_csr_that_does_not_prove_possession_is_refused(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::for_dns("shop.example")?.with_a_broken_signature()?;
    let refused = test.ask(&Ask::new(&issuer, &csr)).await.err();
    let refused = format!("{:#}", refused.context("the webhook refuses it")?);
    ensure!(refused.contains("admission webhook"), "{refused}");
    Ok(())
}

async fn weak_keys_and_hashes_are_refused(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    for arguments in [
        &["-newkey", "rsa:1024"][..],
        &["-newkey", "rsa:2048", "-sha1"],
    ] {
        let pem = outdated(arguments)?;
        let refused = test.refused(&Ask::of_pem(&issuer, &pem), "WeakKey").await;
        refused.with_context(|| format!("{arguments:?}"))?;
    }
    Ok(())
}

async fn an_unknown_extension_is_refused_by_name(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::of_new_key()?
        .dns("a.example")?
        .extension(&[1, 2, 3, 4], vec![5, 0])
        .build()?;
    let message = test
        .refused(&Ask::new(&issuer, &csr), "UnsupportedExtension")
        .await?;
    ensure!(
        message.contains("1.2.3.4") && message.contains("remove it"),
        "{message}"
    );
    Ok(())
}

async fn text_around_the_csr_is_refused(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::for_dns("shop.example")?.with_text_after("and another thing\n");
    let message = test.refused(&Ask::new(&issuer, &csr), "InvalidCsr").await?;
    ensure!(message.contains("text around"), "{message}");
    Ok(())
}

async fn a_csr_without_any_name_is_refused(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::of_new_key()?.build()?;
    test.refused(&Ask::new(&issuer, &csr), "InvalidName")
        .await?;
    Ok(())
}

async fn a_lifetime_of_nothing_is_refused(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::for_dns("shop.example")?;
    for nothing in ["0s", "500ms", "-1h"] {
        let ask = Ask::new(&issuer, &csr).duration(nothing);
        test.refused(&ask, "InvalidDuration")
            .await
            .with_context(|| nothing.to_owned())?;
    }
    Ok(())
}

/// The API server knows the list too, and the request is not even created.
async fn an_unknown_usage_is_refused(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::for_dns("shop.example")?;
    let ask = Ask::new(&issuer, &csr).usages(&["time travel"]);
    let refused = test
        .ask(&ask)
        .await
        .err()
        .context("the API server refuses it")?;
    ensure!(
        format!("{refused:#}").contains("time travel"),
        "{refused:#}"
    );
    Ok(())
}
