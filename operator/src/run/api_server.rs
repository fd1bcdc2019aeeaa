//! The addresses of the API server, which no Issuer may have the operator call.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::{Api, Client, Config};
use signet_keys::ApiServer;
use tokio_util::sync::CancellationToken;

use crate::api_error::describe;

/// The EndpointSlice in which the API servers of a cluster list themselves.
const NAMESPACE: &str = "default";
const SLICE: &str = "kubernetes";

#[derive(Clone, Debug)]
pub(super) struct ApiServerEndpoints {
    /// Those that the operator itself calls.
    called: Vec<IpAddr>,
    /// Those, and the listed ones.
    pub(super) known: Arc<ApiServer>,
}

impl ApiServerEndpoints {
    /// Resolves the name under which the operator calls the API server, and reads its list.
    pub(super) async fn observe(config: &Config, client: &Client) -> anyhow::Result<Self> {
        let called = called(config).await?;
        let known = ApiServer::at(called.iter().copied());
        let endpoints = Self { called, known };
        endpoints.refresh(client).await;
        Ok(endpoints)
    }

    pub(super) async fn follow(self, client: Client, interval: Duration, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let refreshes = async {
            loop {
                ticks.tick().await;
                self.refresh(&client).await;
            }
        };
        // Also cancels a call that hangs.
        stop.run_until_cancelled(refreshes).await;
    }

    /// Reads the list. If that fails, the last list stays in force.
    async fn refresh(&self, client: &Client) {
        let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), NAMESPACE);
        match slices.get_opt(SLICE).await {
            Ok(slice) => {
                let listed = slice.iter().flat_map(addresses);
                let all = self.called.iter().copied().chain(listed);
                self.known.moved(all.collect());
            }
            Err(error) => tracing::warn!(
                error = describe(&error),
                "cannot read the API server's addresses, so Issuers may name those that are not \
                 known; allow the operator to get the EndpointSlice {NAMESPACE}/{SLICE}"
            ),
        }
    }
}

fn addresses(slice: &EndpointSlice) -> impl Iterator<Item = IpAddr> {
    let endpoints = slice.endpoints.iter().flatten();
    let addresses = endpoints.flat_map(|endpoint| &endpoint.addresses);
    addresses.filter_map(|address| address.parse().ok())
}

/// Resolves the name of the API server; in a pod, that of its Service.
async fn called(config: &Config) -> anyhow::Result<Vec<IpAddr>> {
    let url = &config.cluster_url;
    let host = url.host().context("the API server's URL has no host")?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = url.port_u16().unwrap_or(443);
    let found = tokio::net::lookup_host((host, port))
        .await
        .with_context(|| format!("the API server's name {host} cannot be resolved"))?;
    Ok(found.map(|address| address.ip()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_addresses_of_a_slice_and_skips_names() {
        let slice = serde_json::json!({
            "metadata": { "name": "kubernetes" },
            "addressType": "IPv4",
            "endpoints": [
                { "addresses": ["192.0.2.1", "192.0.2.2"] },
                { "addresses": ["2001:db8::1", "a.example"] },
            ],
            "ports": [],
        });
        let slice: EndpointSlice = serde_json::from_value(slice).unwrap();
        let found: Vec<_> = addresses(&slice).map(|it| it.to_string()).collect();
        assert_eq!(found, ["192.0.2.1", "192.0.2.2", "2001:db8::1"]);
    }
}
