//! A cluster that serves neither PodCertificateRequests nor ClusterTrustBundles.

use anyhow::{Result, ensure};
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::csr::Csr;
use signet_e2e::{Ask, OwnBed, TestNamespace, spec, stop};

/// It is said once, and the APIs are not asked for. The others are served.
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
    for told in [
        "the API server does not serve PodCertificateRequests",
        "the cluster serves ClusterTrustBundles neither as v1 nor as v1beta1",
    ] {
        let lines: Vec<_> = log.lines().filter(|line| line.contains(told)).collect();
        ensure!(lines.len() == 1, "{told}: {lines:?}");
    }
    let calls = std::fs::read_to_string(bed.audit_log()?)?;
    for resource in ["podcertificaterequests", "clustertrustbundles"] {
        let asked = format!("\"resource\":\"{resource}\"");
        let mut calls = calls.lines().filter(|call| call.contains(&asked));
        ensure!(calls.next().is_none(), "{resource} were asked for");
    }
    Ok(())
}
