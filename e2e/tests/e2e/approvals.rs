//! What a request reports that no approver decides on.

use anyhow::{Context, Result, ensure};
use signet_e2e::csr::Csr;
use signet_e2e::{Ask, SigningAsk, TestNamespace};

use crate::nothing_issued::is_quoted;

shared![a_request_without_approval_reports_what_it_waits_for];

/// CM-4.
async fn a_request_without_approval_reports_what_it_waits_for(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::for_dns("web.example")?;
    let request = test.ask(&Ask::new(&issuer, &csr)).await?;
    let object = test.request(&request).await?;
    let event = test.bed().wait_for_event(&object, "NotApproved").await?;
    let note = event.message.context("it has a note")?;
    ensure!(
        note.contains("verb approve on signers issuers.signet.dev/*"),
        "{note}"
    );
    let names = [
        (test.name(), "shop"),
        (&*issuer.name, "corp"),
        ("for 10s", "for 5m"),
    ];
    is_quoted(&note, &names)?;
    // It is served when it is approved.
    test.approve(&request).await?;
    test.issued(&request, &csr).await?;

    let user = test.signing_requester("asker").await?;
    let ask = SigningAsk::new(&issuer, &csr);
    let request = test.ask_signer(user.client(), &ask).await?;
    let object = test.signing_request(&request).await?;
    let event = test.bed().wait_for_event(&object, "NotApproved").await?;
    let note = event.message.context("it has a note")?;
    ensure!(note.contains("kubectl certificate approve"), "{note}");
    Ok(())
}
