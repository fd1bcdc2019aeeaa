//! A cluster that serves neither PodCertificateRequests nor ClusterTrustBundles.

use anyhow::{Result, ensure};
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::audit::{Object, count_calls};
use signet_e2e::csr::Csr;
use signet_e2e::{Ask, OwnBed, TestNamespace, spec, stop};

/// It is logged once, and the APIs are not called. The others are served.
pub(crate) async fn on_kubernetes_1_35(bed: OwnBed) -> Result<()> {
    let operator = bed.start_operator(&[]).await?;
    let bed = bed.bed();
    let test = TestNamespace::create(bed, "without").await?;
    let issuer = spec::spiffe(&test.unique("ca"), "optional.example");
    let issuer = test.issuer(ClusterIssuer, "ca", issuer).await?;
    let csr = Csr::of_new_key()?.build()?;
    let request = test.ask(&Ask::new(&issuer, &csr)).await?;
    test.issued(&request, &csr).await?;
    stop(operator).await?;

    let log = std::fs::read_to_string(bed.operator_log())?;
    for message in [
        "the API server does not serve PodCertificateRequests",
        "the cluster serves ClusterTrustBundles neither as v1 nor as v1beta1",
    ] {
        let lines: Vec<_> = log.lines().filter(|line| line.contains(message)).collect();
        ensure!(lines.len() == 1, "{message}: {lines:?}");
    }
    let is_optional = |object: &Object| {
        ["podcertificaterequests", "clustertrustbundles"].contains(&&*object.resource)
    };
    let calls = count_calls(bed, |call| {
        call.object_ref.as_ref().is_some_and(is_optional)
    })?;
    ensure!(calls == 0, "{calls} calls");
    Ok(())
}
