//! The addresses of the API server, which no Issuer may have the operator call.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use kube::Config;
use signet_keys::ApiServer;
use tokio_util::sync::CancellationToken;

/// Where kubelets put the address of the API server's Service in a container.
const SERVICE_HOST: &str = "KUBERNETES_SERVICE_HOST";

#[derive(Clone, Debug)]
pub(super) struct ApiServerEndpoints {
    host: String,
    port: u16,
    /// Those of the operator's environment and flags.
    given: Vec<IpAddr>,
    /// Those, and the ones that the host leads to.
    pub(super) known: Arc<ApiServer>,
}

impl ApiServerEndpoints {
    /// Resolves the name under which the operator calls the API server, and adds the addresses of
    /// the environment and of the flag.
    pub(super) async fn observe(config: &Config, listed: &[IpAddr]) -> anyhow::Result<Self> {
        let service = std::env::var(SERVICE_HOST).ok();
        let mut endpoints = Self::new(config, service.as_deref(), listed)?;
        if endpoints.given.is_empty() {
            tracing::warn!(
                host = endpoints.host,
                "Issuers are kept from no address of the API server but this one, under which \
                 Signet calls it; set --api-server-addresses"
            );
        }
        let called = endpoints.called().await?;
        endpoints.known = ApiServer::at(endpoints.with(called));
        Ok(endpoints)
    }

    fn new(config: &Config, service: Option<&str>, listed: &[IpAddr]) -> anyhow::Result<Self> {
        let url = &config.cluster_url;
        let host = url.host().context("the API server's URL has no host")?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let service = service.and_then(|address| address.parse().ok());
        Ok(Self {
            host: host.to_owned(),
            port: url.port_u16().unwrap_or(443),
            given: service.into_iter().chain(listed.iter().copied()).collect(),
            known: Arc::default(),
        })
    }

    pub(super) async fn follow(self, interval: Duration, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let refreshes = async {
            loop {
                ticks.tick().await;
                self.refresh().await;
            }
        };
        stop.run_until_cancelled(refreshes).await;
    }

    /// Resolves the name again. If that fails, the last addresses stay in force.
    async fn refresh(&self) {
        match self.called().await {
            Ok(called) => self.known.moved(self.with(called)),
            Err(error) => tracing::warn!(
                error = format!("{error:#}"),
                "cannot resolve the API server's name again; its last addresses stay closed to \
                 Issuers"
            ),
        }
    }

    fn with(&self, called: Vec<IpAddr>) -> Vec<IpAddr> {
        self.given.iter().copied().chain(called).collect()
    }

    /// Resolves the name of the API server; in a pod, that of its Service.
    async fn called(&self) -> anyhow::Result<Vec<IpAddr>> {
        let host = &self.host;
        let found = tokio::net::lookup_host((host.as_str(), self.port))
            .await
            .with_context(|| format!("the API server's name {host} cannot be resolved"))?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

#[cfg(test)]
mod tests {
    use signet_keys::Addresses;

    use super::*;

    fn refuses(endpoints: &ApiServerEndpoints, address: &str) -> bool {
        let api_server = endpoints.known.clone();
        !Addresses::Outside { api_server }.allow(address.parse().unwrap())
    }

    #[tokio::test]
    async fn knows_what_it_calls_what_the_environment_has_and_what_is_listed() {
        let url = |text: &str| Config::new(text.parse().unwrap());
        let listed: Vec<IpAddr> = ["192.0.2.7", "2001:db8::7"]
            .map(|it| it.parse().unwrap())
            .into();
        for (called, service) in [
            ("https://198.51.100.1:6443", Some("203.0.113.1")),
            ("https://[2001:db8::1]", Some("2001:db8::2")),
            ("https://198.51.100.1:6443", None),
            ("https://198.51.100.1:6443", Some("kubernetes.example")),
        ] {
            let endpoints = ApiServerEndpoints::new(&url(called), service, &listed).unwrap();
            assert!(!refuses(&endpoints, "192.0.2.7"), "nothing is observed yet");
            endpoints.refresh().await;
            let host = called.trim_start_matches("https://").replace(":6443", "");
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let service = service.filter(|text| text.parse::<IpAddr>().is_ok());
            for address in ["192.0.2.7", "2001:db8::7", host]
                .into_iter()
                .chain(service)
            {
                assert!(refuses(&endpoints, address), "{called}: {address}");
            }
            assert!(!refuses(&endpoints, "192.0.2.8"));
        }
    }

    /// A name server that is silent must not open the API server to Issuers.
    #[tokio::test]
    async fn a_name_that_no_longer_resolves_keeps_its_addresses() {
        let config = Config::new("https://198.51.100.1".parse().unwrap());
        let mut endpoints = ApiServerEndpoints::new(&config, None, &[]).unwrap();
        endpoints.refresh().await;
        "no name".clone_into(&mut endpoints.host);
        endpoints.refresh().await;
        assert!(refuses(&endpoints, "198.51.100.1"));
    }
}
