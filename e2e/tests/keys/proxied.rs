//! The operator's HTTP proxy: ClusterIssuers reach their backends through it, and Issuers do not.

use anyhow::{Context, Result, ensure};
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_e2e::keys::{self, Shared, secrets};
use signet_e2e::runtime::blocking;
use signet_e2e::{OwnBed, TestNamespace, stop};
use signet_testbed::forward_proxy::{ForwardProxy, PASSWORD};
use signet_testbed::installation::Operator;

/// The Issuer could otherwise not call loopback, where the servers are.
const LOCAL: &str = "--issuer-local-addresses=true";
const PROXY: &str = "SIGNET_CLUSTER_ISSUER_PROXY";

pub(crate) async fn cluster_issuers_use_the_proxy_and_issuers_do_not(bed: OwnBed) -> Result<()> {
    let proxy = blocking(ForwardProxy::start).await?;
    secrets::note(PASSWORD);
    let url = proxy.url();
    let options = bed.operator_options(&[LOCAL]);
    let operator = Operator::start_with(&options, &[(PROXY, url.as_str())]).await?;
    let test = TestNamespace::create(bed.bed(), "proxied").await?;
    let (vault, kms, tenants) = futures::try_join!(keys::vault(), keys::kms(), keys::vault())?;
    let ports = [vault.proxy().port(), kms.proxy().port()];
    let own = tenants.proxy().port();
    let keys: [Shared; 2] = [vault, kms];
    let mut issuers = Vec::new();
    for (name, key) in ["vault", "kms"].into_iter().zip(&keys) {
        let issuer = test.issuer_over(ClusterIssuer, name, &**key).await?;
        test.obtain(&issuer).await?;
        issuers.push(issuer);
    }
    for port in ports {
        ensure!(proxy.tunnels_to(port)? > 0, "{port} was called directly");
    }
    let tenant = test.issuer_over(Issuer, "tenant", &*tenants).await?;
    test.obtain(&tenant).await?;
    ensure!(proxy.tunnels_to(own)? == 0, "an Issuer used the proxy");

    // An outage of the proxy is reported, without its password, and affects no Issuer.
    let server = proxy.server();
    proxy.kill()?;
    let first = issuers.first().context("there is one")?;
    // New connections, and not those that are open.
    operator.kill()?;
    let operator = Operator::start_with(&options, &[(PROXY, url.as_str())]).await?;
    let message = test.wait_until_not_ready(first, "KeyUnreachable").await?;
    let expected = format!("through the proxy {server}");
    ensure!(message.contains(&expected), "{message}");
    ensure!(!message.contains(PASSWORD), "{message}");
    test.obtain(&tenant).await?;
    stop(operator).await?;

    // What is listed is called directly.
    let direct = bed.operator_options(&[LOCAL, "--cluster-issuer-no-proxy=127.0.0.0/8"]);
    let operator = Operator::start_with(&direct, &[(PROXY, url.as_str())]).await?;
    for issuer in &issuers {
        test.wait_until_ready(issuer).await?;
        test.obtain(issuer).await?;
    }
    stop(operator).await
}
