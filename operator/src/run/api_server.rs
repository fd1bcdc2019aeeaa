//! Where the API server is: no Issuer may have the operator call it there.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::{Api, Client, Config};
use signet_keys::ApiServer;
use tokio_util::sync::CancellationToken;

use crate::api_error::describe;

/// Where the API servers of a cluster list themselves, and as what.
const NAMESPACE: &str = "default";
const SLICE: &str = "kubernetes";

/// The API server's addresses, by whatever way they are learned.
#[derive(Clone, Debug)]
pub(super) struct Whereabouts {
    /// Those under which the operator itself calls it.
    called: Vec<IpAddr>,
    /// All that are known by now.
    pub(super) known: Arc<ApiServer>,
}

impl Whereabouts {
    /// Resolves the name under which the operator calls the API server, and reads its list.
    ///
    /// # Errors
    /// The name does not resolve.
    pub(super) async fn learn(config: &Config, client: &Client) -> anyhow::Result<Self> {
        let called = called(config).await?;
        let known = ApiServer::at(called.iter().copied());
        let whereabouts = Self { called, known };
        whereabouts.look(client).await;
        Ok(whereabouts)
    }

    /// Reads the list again and again, since API servers come and go.
    pub(super) async fn follow(self, client: Client, every: Duration, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let looks = async {
            loop {
                ticks.tick().await;
                self.look(&client).await;
            }
        };
        // Also in the middle of a look, which may hang.
        stop.run_until_cancelled(looks).await;
    }

    /// What cannot be read leaves things as they are.
    async fn look(&self, client: &Client) {
        let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), NAMESPACE);
        match slices.get_opt(SLICE).await {
            Ok(slice) => {
                let listed = slice.iter().flat_map(addresses);
                let all = self.called.iter().copied().chain(listed);
                self.known.moved(all.collect());
            }
            Err(error) => tracing::warn!(
                error = describe(&error),
                "the API server's own addresses cannot be read, and Issuers may name those that \
                 are not known; let the operator get the EndpointSlice {NAMESPACE}/{SLICE}"
            ),
        }
    }
}

fn addresses(slice: &EndpointSlice) -> impl Iterator<Item = IpAddr> {
    let endpoints = slice.endpoints.iter().flatten();
    let addresses = endpoints.flat_map(|endpoint| &endpoint.addresses);
    addresses.filter_map(|address| address.parse().ok())
}

/// The addresses that the name of the API server leads to; in a pod, those of its Service.
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
    fn a_slice_lists_addresses_and_names_are_none() {
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
