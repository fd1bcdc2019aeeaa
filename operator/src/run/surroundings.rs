//! What the operator finds out about where it runs, once, before it works.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use kube::Config;
use signet_keys::{Modules, ModulesConfig};

use crate::args::Run;

/// Where the operator runs.
#[derive(Clone, Debug)]
pub(super) struct Surroundings {
    /// The addresses that no Issuer may have called; none if all may be.
    pub(super) api_server: Option<Vec<IpAddr>>,
    /// The PKCS#11 modules that issuers may name.
    pub(super) modules: Arc<Modules>,
}

impl Surroundings {
    /// Looks around.
    pub(super) async fn learn(settings: &Run, config: &Config) -> anyhow::Result<Self> {
        let api_server = match settings.issuer_local_addresses {
            true => None,
            false => Some(addresses(config).await?),
        };
        let modules = match &settings.pkcs11_modules {
            Some(path) => Modules::from_config(modules(path)?, settings.pkcs11_sessions)?,
            None => Modules::default(),
        };
        Ok(Self {
            api_server,
            modules: Arc::new(modules),
        })
    }
}

/// The addresses that the API server's name leads to.
async fn addresses(config: &Config) -> anyhow::Result<Vec<IpAddr>> {
    let url = &config.cluster_url;
    let host = url.host().context("the API server's URL has no host")?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = url.port_u16().unwrap_or(443);
    let found = tokio::net::lookup_host((host, port))
        .await
        .with_context(|| format!("the API server's name {host} cannot be resolved"))?;
    Ok(found.map(|address| address.ip()).collect())
}

fn modules(path: &Path) -> anyhow::Result<ModulesConfig> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the list of PKCS#11 modules {shown} cannot be read"))?;
    serde_saphyr::from_str(&text)
        .with_context(|| format!("{shown} is no list of PKCS#11 modules; see docs/pkcs11.md"))
}
