//! cert-manager's CertificateRequests.

use anyhow::Result;
use signet_e2e::csr::Csr;
use signet_e2e::{Ask, TestNamespace};

shared![approved_after_it_was_created];

async fn approved_after_it_was_created(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let csr = Csr::for_dns("shop.example")?;
    test.issue(&Ask::new(&issuer, &csr), &csr).await?;
    Ok(())
}
