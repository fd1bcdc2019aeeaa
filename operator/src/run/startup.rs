//! What the operator has from its start, for every term of leadership.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use kube::config::AuthInfo;
use kube::{Client, Config};
use signet_keys::{HttpProxy, ModuleProgram, Modules, ModulesConfig};

use super::api_server::ApiServerEndpoints;
use crate::api_client::Calls;
use crate::api_health::ApiHealth;
use crate::args::{PKCS11_MODULE, Run};
use crate::namespace::Secrets;

pub(super) struct Setup {
    pub(super) client: Client,
    /// Sends no credentials.
    pub(super) anonymous: Client,
    pub(super) settings: Run,
    pub(super) identity: String,
    /// The addresses that no Issuer may name; none if there are no Issuers, or they may.
    pub(super) api_server: Option<ApiServerEndpoints>,
    pub(super) modules: Arc<Modules>,
    /// For the servers of ClusterIssuers.
    pub(super) proxy: Option<Arc<HttpProxy>>,
}

impl Setup {
    /// Fails if the API server's name does not resolve, or the list of PKCS#11 modules or the proxy
    /// is not valid.
    pub(super) async fn observe(
        settings: Run,
        config: Config,
        identity: String,
        api: &Arc<ApiHealth>,
    ) -> anyhow::Result<Self> {
        let calls = Calls {
            timeout: settings.api_server_timeout,
            health: api.clone(),
            own_credentials: true,
        };
        let anonymous = anonymous(config.clone(), calls.clone())?;
        let client = calls.client(config.clone())?;
        let is_refused = settings.namespaced_issuers && !settings.issuer_local_addresses;
        let api_server = match is_refused {
            true => {
                Some(ApiServerEndpoints::observe(&config, &settings.api_server_addresses).await?)
            }
            false => None,
        };
        let modules = match &settings.pkcs11_modules {
            Some(path) => {
                let namespace = &settings.cluster_resource_namespace;
                let pins = Arc::new(Secrets::new(client.clone(), namespace));
                let program = ModuleProgram {
                    arguments: vec![PKCS11_MODULE.into()],
                    ..ModuleProgram::default()
                };
                Modules::from_config(modules(path)?, pins, program)?
            }
            None => Modules::default(),
        };
        let proxy = proxy(&settings)?;
        Ok(Self {
            client,
            anonymous,
            settings,
            identity,
            api_server,
            modules: Arc::new(modules),
            proxy: proxy.map(Arc::new),
        })
    }
}

/// Returns a client without the operator's credentials.
fn anonymous(mut config: Config, mut calls: Calls) -> anyhow::Result<Client> {
    config.auth_info = AuthInfo::default();
    calls.own_credentials = false;
    Ok(calls.client(config)?)
}

fn proxy(settings: &Run) -> anyhow::Result<Option<HttpProxy>> {
    let url = settings.cluster_issuer_proxy.as_ref();
    let proxy = url.map(|url| HttpProxy::new(url, &settings.cluster_issuer_no_proxy));
    proxy.transpose().context("--cluster-issuer-proxy")
}

fn modules(path: &Path) -> anyhow::Result<ModulesConfig> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the list of PKCS#11 modules {shown} cannot be read"))?;
    serde_saphyr::from_str(&text).with_context(|| {
        format!("{shown} is not a valid list of PKCS#11 modules; see docs/pkcs11.md")
    })
}
