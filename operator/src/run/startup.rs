//! What the operator observes about its environment when it starts.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use kube::{Client, Config};
use signet_keys::{Modules, ModulesConfig};

use super::api_server::ApiServerEndpoints;
use crate::args::Run;
use crate::namespace::Secrets;

/// The operator's environment.
#[derive(Clone, Debug)]
pub(super) struct Startup {
    /// The addresses that no Issuer may name; none if there are no Issuers, or they may.
    pub(super) api_server: Option<ApiServerEndpoints>,
    /// The PKCS#11 modules that issuers may name.
    pub(super) modules: Arc<Modules>,
}

impl Startup {
    /// Observes the environment.
    ///
    /// # Errors
    /// The API server's name does not resolve, or the list of PKCS#11 modules is not valid.
    pub(super) async fn observe(
        settings: &Run,
        config: &Config,
        client: &Client,
    ) -> anyhow::Result<Self> {
        let is_refused = settings.namespaced_issuers && !settings.issuer_local_addresses;
        let api_server = match is_refused {
            true => Some(ApiServerEndpoints::observe(config, client).await?),
            false => None,
        };
        let modules = match &settings.pkcs11_modules {
            Some(path) => {
                let namespace = &settings.cluster_resource_namespace;
                let pins = Arc::new(Secrets::new(client.clone(), namespace));
                Modules::from_config(modules(path)?, pins)?
            }
            None => Modules::default(),
        };
        Ok(Self {
            api_server,
            modules: Arc::new(modules),
        })
    }
}

fn modules(path: &Path) -> anyhow::Result<ModulesConfig> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the list of PKCS#11 modules {shown} cannot be read"))?;
    serde_saphyr::from_str(&text).with_context(|| {
        format!("{shown} is not a valid list of PKCS#11 modules; see docs/pkcs11.md")
    })
}
