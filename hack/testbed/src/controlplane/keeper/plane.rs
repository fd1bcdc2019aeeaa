//! The servers of one control plane, in the order in which they need each other.

use std::path::{Path, PathBuf};

use crate::pki::{Ca, write_private};
use crate::ports;
use anyhow::{Context, Result};
use kube::Client;

use crate::controlplane::pki::{self, PairFiles, TokenKey};
use crate::controlplane::process::Server;
use crate::controlplane::{
    CERT_MANAGER_NAMESPACE, CertManagerOptions, Options, Pids, Program, State, Toolchain,
    apiserver, cert_manager, controller_manager, etcd, kubeconfig,
};

/// A control plane that is starting, running or stopping.
#[derive(Debug)]
pub(super) struct Plane {
    folder: PathBuf,
    toolchain: Toolchain,
    ports: Ports,
    etcd: Option<Server>,
    apiserver: Option<Server>,
    controller_manager: Option<Server>,
    webhook: Option<Server>,
    controller: Option<Server>,
    /// Of cert-manager's controller, which may be started more than once.
    controller_kubeconfig: Option<PathBuf>,
    audit_log: Option<PathBuf>,
}

#[derive(Debug)]
struct Ports {
    etcd: u16,
    etcd_peer: u16,
    apiserver: u16,
    webhook: u16,
    controller: u16,
}

impl Plane {
    pub(super) fn new(folder: &Path) -> Result<Self> {
        let [etcd, etcd_peer, apiserver, webhook, controller] = ports::free()?;
        Ok(Self {
            folder: folder.to_owned(),
            toolchain: Toolchain::new()?,
            ports: Ports {
                etcd,
                etcd_peer,
                apiserver,
                webhook,
                controller,
            },
            etcd: None,
            apiserver: None,
            controller_manager: None,
            webhook: None,
            controller: None,
            controller_kubeconfig: None,
            audit_log: None,
        })
    }

    /// Starts everything and returns when it is ready. May be dropped at any time, after which
    /// [`Plane::stop`] stops what was started.
    pub(super) async fn start(&mut self, options: &Options) -> Result<()> {
        let ca = Ca::new("signet-controlplane")?;
        let ca_file = self.pki().join("ca.crt");
        write_private(&ca_file, ca.certificate_pem())?;
        let token_key = TokenKey::create(&self.pki())?;
        let admin = ca.client("signet-controlplane-admin", Some("system:masters"))?;
        let (server, kubeconfig) = (self.server(), self.kubeconfig());
        kubeconfig::write_for_certificate(&kubeconfig, &server, ca.certificate_pem(), &admin)?;
        let client = kubeconfig::client(&kubeconfig).await?;

        self.start_apiserver(options, &ca, &ca_file, &token_key, &client)
            .await?;

        let manager = ca.client("system:kube-controller-manager", None)?;
        let path = kubeconfig::folder(&self.folder).join("kube-controller-manager.yaml");
        kubeconfig::write_for_certificate(&path, &server, ca.certificate_pem(), &manager)?;
        let manager = controller_manager::spawn(
            &self.toolchain,
            &path,
            &token_key.private,
            &ca_file,
            &self.logs(),
        )?;
        self.controller_manager = Some(manager);

        if let Some(options) = &options.cert_manager {
            self.install_cert_manager(options, &ca, &client).await?;
        }
        if let Some(manager) = &mut self.controller_manager {
            controller_manager::ready(manager, &client).await?;
        }
        Ok(())
    }

    async fn start_apiserver(
        &mut self,
        options: &Options,
        ca: &Ca,
        ca_file: &Path,
        token_key: &TokenKey,
        client: &Client,
    ) -> Result<()> {
        let (logs, data) = (self.logs(), self.folder.join("etcd"));
        let etcd = etcd::spawn(
            &self.toolchain,
            &data,
            &logs,
            self.ports.etcd,
            self.ports.etcd_peer,
        )?;
        etcd::ready(self.etcd.insert(etcd), self.ports.etcd).await?;

        self.audit_log = options.audit_log.then(|| logs.join("audit.log"));
        let serving = ca.server("kube-apiserver", &apiserver::SERVER_NAMES)?;
        let settings = apiserver::Settings {
            port: self.ports.apiserver,
            etcd_port: self.ports.etcd,
            serving: &PairFiles::write(&serving, &self.pki(), "kube-apiserver")?,
            client_ca: ca_file,
            token_key,
            audit_log: self.audit_log.as_deref(),
            folder: &self.pki(),
            logs: &logs,
        };
        let apiserver = apiserver::spawn(&self.toolchain, &settings)?;
        apiserver::ready(self.apiserver.insert(apiserver), client).await
    }

    async fn install_cert_manager(
        &mut self,
        options: &CertManagerOptions,
        ca: &Ca,
        client: &Client,
    ) -> Result<()> {
        let (port, ca_pem) = (self.ports.webhook, ca.certificate_pem());
        let objects = cert_manager::render(&self.toolchain, &self.folder, port, ca_pem).await?;
        cert_manager::install(client, &self.toolchain, &objects).await?;

        let serving = ca.server("cert-manager-webhook", &[])?;
        let serving = PairFiles::write(&serving, &self.pki(), "cert-manager-webhook")?;
        let identity = self.identity(cert_manager::WEBHOOK_ACCOUNT).await?;
        let logs = self.logs();
        let webhook =
            cert_manager::spawn_webhook(&self.toolchain, &identity, &serving, port, &logs)?;
        self.webhook = Some(webhook);

        self.controller_kubeconfig = Some(self.identity(cert_manager::CONTROLLER_ACCOUNT).await?);
        self.start_cert_manager(options).await?;
        match &mut self.webhook {
            Some(webhook) => cert_manager::webhook_ready(webhook, client).await,
            None => Ok(()),
        }
    }

    /// A kubeconfig of one of cert-manager's ServiceAccounts.
    async fn identity(&self, name: &str) -> Result<PathBuf> {
        let folder = kubeconfig::folder(&self.folder);
        let admin = self.kubeconfig();
        kubeconfig::for_service_account(&admin, CERT_MANAGER_NAMESPACE, name, &folder).await
    }

    /// Starts cert-manager's controller, after the one that runs has ended.
    pub(super) async fn start_cert_manager(&mut self, options: &CertManagerOptions) -> Result<()> {
        self.stop_cert_manager().await?;
        let identity = self.controller_kubeconfig.as_ref();
        let identity = identity.context("this control plane was started without cert-manager")?;
        let (port, logs) = (self.ports.controller, self.logs());
        let controller =
            cert_manager::spawn_controller(&self.toolchain, options, identity, port, &logs)?;
        cert_manager::controller_ready(self.controller.insert(controller), port).await
    }

    /// Stops cert-manager's controller, if it runs.
    pub(super) async fn stop_cert_manager(&mut self) -> Result<()> {
        match self.controller.take() {
            Some(controller) => controller.stop().await,
            None => Ok(()),
        }
    }

    /// Resolves when any server ends, which none should; says how it ended.
    pub(super) async fn failed(&mut self) -> String {
        tokio::select! {
            words = ended(&mut self.etcd) => words,
            words = ended(&mut self.apiserver) => words,
            words = ended(&mut self.controller_manager) => words,
            words = ended(&mut self.webhook) => words,
            words = ended(&mut self.controller) => words,
        }
    }

    /// Stops all servers. They go at once: what they would still tell each other is thrown away.
    pub(super) async fn stop(&mut self) -> Result<()> {
        let servers = [
            self.controller.take(),
            self.webhook.take(),
            self.controller_manager.take(),
            self.apiserver.take(),
            self.etcd.take(),
        ];
        let servers = Vec::from_iter(servers.into_iter().flatten());
        servers.iter().for_each(Server::terminate);
        for server in servers {
            server.stop().await?;
        }
        Ok(())
    }

    /// How things stand.
    pub(super) fn state(&self) -> Result<State> {
        let pid = |server: &Option<Server>| server.as_ref().map(Server::pid);
        Ok(State {
            folder: self.folder.clone(),
            server: self.server(),
            kubeconfig: self.kubeconfig(),
            logs: self.logs(),
            audit_log: self.audit_log.clone(),
            kubectl: self.toolchain.path(Program::Kubectl)?,
            helm: self.toolchain.path(Program::Helm)?,
            pids: Pids {
                keeper: std::process::id(),
                etcd: pid(&self.etcd).unwrap_or_default(),
                kube_apiserver: pid(&self.apiserver).unwrap_or_default(),
                kube_controller_manager: pid(&self.controller_manager).unwrap_or_default(),
                cert_manager_webhook: pid(&self.webhook),
                cert_manager_controller: pid(&self.controller),
            },
        })
    }

    fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports.apiserver)
    }

    fn kubeconfig(&self) -> PathBuf {
        kubeconfig::folder(&self.folder).join("admin.yaml")
    }

    fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }

    fn pki(&self) -> PathBuf {
        pki::folder(&self.folder)
    }
}

async fn ended(server: &mut Option<Server>) -> String {
    match server {
        Some(server) => server.ended().await,
        None => std::future::pending().await,
    }
}
