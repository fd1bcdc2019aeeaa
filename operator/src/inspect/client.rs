//! Clients of a command's user, and of ServiceAccounts in whose name a user may act.

use std::future::Future;
use std::io::{Write, stderr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use signet_core::request::ServiceAccount;

use crate::api_client::Calls;
use crate::api_error::describe;
use crate::args::Connection;
use crate::crypto_provider;
use crate::printable::printable;

/// A person waits for these commands.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// The cluster, as the user of a command sees it.
pub(super) struct Cluster {
    config: Config,
    pub(super) client: Client,
    /// The name that the API server has for the user.
    pub(super) user: String,
}

impl Cluster {
    /// Fails if there is no cluster to connect to, or its API server does not respond.
    pub(super) async fn connect(connection: &Connection) -> anyhow::Result<Self> {
        let mut config = config(connection).await?;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        let client = client(config.clone())?;
        let reviews: Api<SelfSubjectReview> = Api::all(client.clone());
        let review = SelfSubjectReview::default();
        let review = reviews.create(&PostParams::default(), &review).await;
        let review = review.map_err(|error| {
            let (server, error) = (&config.cluster_url, describe(&error));
            anyhow::anyhow!("the API server {server} does not report who the user is: {error}")
        })?;
        let user = review.status.and_then(|status| status.user_info);
        Ok(Self {
            config,
            client,
            user: user.and_then(|user| user.username).unwrap_or_default(),
        })
    }

    /// The namespace of the context.
    pub(super) fn default_namespace(&self) -> &str {
        &self.config.default_namespace
    }

    /// Returns a client that impersonates a ServiceAccount. The API server adds its groups.
    pub(super) fn client_as(&self, account: &ServiceAccount) -> Result<Client, kube::Error> {
        let mut config = self.config.clone();
        let auth = &mut config.auth_info;
        auth.impersonate = Some(account.username());
        auth.impersonate_uid = None;
        auth.impersonate_groups = None;
        auth.impersonate_user_extra = None;
        client(config)
    }
}

/// Returns a client whose calls have a deadline, and are repeated only before it.
fn client(config: Config) -> Result<Client, kube::Error> {
    let calls = Calls {
        timeout: CALL_TIMEOUT,
        health: Arc::default(),
        own_credentials: false,
    };
    calls.client(config)
}

async fn config(connection: &Connection) -> anyhow::Result<Config> {
    let options = KubeConfigOptions {
        context: connection.context.clone(),
        ..KubeConfigOptions::default()
    };
    Ok(match (&connection.kubeconfig, &connection.context) {
        (Some(path), _) => {
            let kubeconfig = Kubeconfig::read_from(path)?;
            Config::from_custom_kubeconfig(kubeconfig, &options).await?
        }
        (None, Some(_)) => Config::from_kubeconfig(&options).await?,
        (None, None) => Config::infer().await?,
    })
}

/// Runs a command to its exit code: 2 if it fails.
pub(super) fn run(
    command: &str,
    code: impl Future<Output = anyhow::Result<ExitCode>>,
) -> anyhow::Result<ExitCode> {
    crypto_provider::install()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(code).unwrap_or_else(|error| {
        // There is no other place to report it.
        let error = printable(&format!("{error:#}"));
        let _ = writeln!(stderr(), "signet {command}: {error}");
        ExitCode::from(2)
    }))
}
