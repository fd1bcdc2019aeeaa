//! A control plane that runs: its servers, in the order in which they need each other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use kube::Client;
use parking_lot::Mutex;
use rcgen::{DistinguishedName, KeyPair};

use super::{
    CERT_MANAGER_NAMESPACE, CertManagerOptions, Cluster, Options, Program, Toolchain, apiserver,
    cert_manager, controller_manager, etcd, kubeconfig,
};
use crate::home::Home;
use crate::pki::{Ca, write_private};
use crate::supervise::{Life, Process};
use crate::{duration, ports, say};

const ETCD: &str = "etcd";
const APISERVER: &str = "kube-apiserver";

/// A running control plane. It ends when the value is dropped, and with the process however that
/// ends; its folder goes too, unless [`Options::folder`] chose it.
#[derive(Debug)]
pub struct ControlPlane {
    /// Of cert-manager's controller, which may be started more than once.
    controller: Option<Process>,
    servers: Vec<Process>,
    /// How etcd and the API server are started.
    arguments: BTreeMap<&'static str, Vec<String>>,
    /// Those that took the place of one that was killed.
    restarted: Mutex<Vec<Process>>,
    controller_kubeconfig: Option<PathBuf>,
    audit_log: Option<PathBuf>,
    toolchain: Toolchain,
    cluster: Cluster,
    ports: Ports,
    /// Of the API server's clients.
    ca: Arc<Ca>,
    /// Last, as servers write into it until they have ended.
    home: Home,
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    etcd: u16,
    etcd_peer: u16,
    apiserver: u16,
    webhook: u16,
    controller: u16,
}

impl ControlPlane {
    /// Starts a control plane.
    ///
    /// Builds what is not in the cache yet (minutes, with progress on standard error), starts the
    /// servers and returns when cert-manager admits and its controller has filled its caches
    /// (seconds).
    ///
    /// # Errors
    /// A server does not start. Nothing is left then, and the error has the end of its log.
    pub async fn start(options: &Options) -> Result<Self> {
        let toolchain = Toolchain::new()?;
        toolchain.build_for(options)?;
        let begin = Instant::now();
        let [etcd, etcd_peer, apiserver, webhook, controller] = ports::free()?;
        let home = match &options.folder {
            Some(folder) => Home::at(folder)?,
            None => Home::temporary()?,
        };
        for name in ["pki", "logs", "kubeconfigs"] {
            std::fs::create_dir(home.join(name))?;
        }
        let mut plane = Self {
            controller: None,
            servers: Vec::new(),
            arguments: BTreeMap::new(),
            restarted: Mutex::default(),
            controller_kubeconfig: None,
            audit_log: options.audit_log.then(|| home.join("logs/audit.log")),
            cluster: Cluster::new(
                &home.join("kubeconfigs/admin.yaml"),
                home.path(),
                &toolchain,
            )?,
            toolchain,
            ports: Ports {
                etcd,
                etcd_peer,
                apiserver,
                webhook,
                controller,
            },
            ca: Arc::new(Ca::new("signet-testbed")?),
            home,
        };
        let started = plane.start_servers(options).await;
        started.context("the control plane does not start")?;
        let time = duration(begin.elapsed());
        say(format_args!("control plane: ready in {time}"));
        Ok(plane)
    }

    async fn start_servers(&mut self, options: &Options) -> Result<()> {
        let ca = self.ca.clone();
        let pki = self.home.join("pki");
        write_private(&pki.join("ca.crt"), ca.certificate_pem())?;
        let token_key = KeyPair::generate()?;
        write_private(&pki.join("service-account.key"), &token_key.serialize_pem())?;
        write_private(&self.service_account_key(), &token_key.public_key_pem())?;
        let admin = ca.client("signet-testbed-admin", Some("system:masters"))?;
        let server = self.server();
        let path = self.kubeconfig();
        kubeconfig::write_for_certificate(path, &server, ca.certificate_pem(), &admin)?;
        let client = self.client().await?;

        self.start_apiserver(options, &ca, &client).await?;

        let manager = ca.client("system:kube-controller-manager", None)?;
        let path = self.home.join("kubeconfigs/kube-controller-manager.yaml");
        kubeconfig::write_for_certificate(&path, &server, ca.certificate_pem(), &manager)?;
        let arguments = controller_manager::arguments(&path, &pki);
        let mut manager = self.spawn(
            "kube-controller-manager",
            Program::KubeControllerManager,
            &arguments,
        )?;
        if let Some(options) = &options.cert_manager {
            self.install_cert_manager(options, &ca, &client).await?;
        }
        controller_manager::ready(&mut manager, &client).await?;
        self.servers.push(manager);
        Ok(())
    }

    async fn start_apiserver(&mut self, options: &Options, ca: &Ca, client: &Client) -> Result<()> {
        let (port, etcd_port) = (self.ports.apiserver, self.ports.etcd);
        let data = self.home.join("etcd");
        let arguments = etcd::arguments(&data, etcd_port, self.ports.etcd_peer);
        self.arguments.insert(ETCD, arguments.to_vec());
        let mut etcd = self.spawn(ETCD, Program::Etcd, &arguments)?;
        etcd::ready(&mut etcd, etcd_port).await?;
        self.servers.push(etcd);

        let pki = self.home.join("pki");
        ca.server("kube-apiserver", &apiserver::SERVER_NAMES)?
            .write(&pki, "kube-apiserver")?;
        let log = self.audit_log.as_deref();
        let mut arguments = apiserver::arguments(&pki, port, etcd_port, log)?;
        let name = |flag: &str| flag.split('=').next().unwrap_or_default().to_owned();
        let further = &options.apiserver_flags;
        arguments.retain(|default| further.iter().all(|flag| name(flag) != name(default)));
        arguments.extend(further.iter().cloned());
        self.arguments.insert(APISERVER, arguments.clone());
        let mut apiserver = self.spawn(APISERVER, Program::KubeApiserver, &arguments)?;
        apiserver::ready(&mut apiserver, client).await?;
        self.servers.push(apiserver);
        Ok(())
    }

    async fn install_cert_manager(
        &mut self,
        options: &CertManagerOptions,
        ca: &Ca,
        client: &Client,
    ) -> Result<()> {
        let (port, ca_pem) = (self.ports.webhook, ca.certificate_pem());
        let objects = cert_manager::render(&self.toolchain, self.home.path(), port, ca_pem)?;
        cert_manager::install(client, &self.toolchain, &objects).await?;

        let pki = self.home.join("pki");
        ca.server("cert-manager-webhook", &[])?
            .write(&pki, "cert-manager-webhook")?;
        let identity = self.identity(cert_manager::WEBHOOK_ACCOUNT).await?;
        let arguments = cert_manager::webhook_arguments(&identity, &pki, port);
        let mut webhook = self.spawn("cert-manager-webhook", Program::CertManager, &arguments)?;

        self.controller_kubeconfig = Some(self.identity(cert_manager::CONTROLLER_ACCOUNT).await?);
        self.restart_cert_manager(options).await?;
        cert_manager::webhook_ready(&mut webhook, client).await?;
        self.servers.push(webhook);
        Ok(())
    }

    /// A kubeconfig of one of cert-manager's ServiceAccounts.
    async fn identity(&self, name: &str) -> Result<PathBuf> {
        self.kubeconfig_for_service_account(CERT_MANAGER_NAMESPACE, name)
            .await
    }

    /// Stops cert-manager's controller, if it runs, and starts it with other options. The webhook
    /// stays.
    ///
    /// # Errors
    /// The control plane is without cert-manager, or the controller does not get ready.
    pub async fn restart_cert_manager(&mut self, options: &CertManagerOptions) -> Result<()> {
        self.stop_cert_manager()?;
        let identity = self.controller_kubeconfig.as_ref();
        let identity = identity.context("this control plane was started without cert-manager")?;
        let port = self.ports.controller;
        let arguments = cert_manager::controller_arguments(options, identity, port);
        let name = "cert-manager-controller";
        let mut controller = self.spawn(name, Program::CertManager, &arguments)?;
        cert_manager::controller_ready(&mut controller, port).await?;
        self.controller = Some(controller);
        Ok(())
    }

    /// Stops cert-manager's controller, if it runs; the webhook stays.
    ///
    /// # Errors
    /// It does not end.
    pub fn stop_cert_manager(&mut self) -> Result<()> {
        self.controller.take().map_or(Ok(()), Process::kill)
    }

    /// Kills the API server and starts it again. Returns when it serves.
    ///
    /// # Errors
    /// It does not.
    pub async fn restart_apiserver(&self) -> Result<()> {
        let mut process = self.start_again(APISERVER, Program::KubeApiserver)?;
        apiserver::ready(&mut process, &self.client().await?).await?;
        self.restarted.lock().push(process);
        Ok(())
    }

    /// Kills etcd and starts it again. Returns when it serves.
    ///
    /// # Errors
    /// It does not.
    pub async fn restart_etcd(&self) -> Result<()> {
        let mut process = self.start_again(ETCD, Program::Etcd)?;
        etcd::ready(&mut process, self.ports.etcd).await?;
        self.restarted.lock().push(process);
        Ok(())
    }

    fn start_again(&self, name: &'static str, program: Program) -> Result<Process> {
        let again = {
            let mut restarted = self.restarted.lock();
            let found = restarted.iter().position(|process| process.name() == name);
            found.map(|index| restarted.swap_remove(index))
        };
        match again {
            Some(process) => process.kill()?,
            None => {
                let mut servers = self.servers.iter();
                let first = servers.find(|process| process.name() == name);
                first.context("it was not started")?.end()?;
            }
        }
        let arguments = self.arguments.get(name).context("it was not started")?;
        self.spawn(name, program, arguments)
    }

    fn spawn(&self, name: &str, program: Program, arguments: &[String]) -> Result<Process> {
        let mut command = Command::new(self.toolchain.path(program)?);
        command.args(arguments);
        let log = self.logs().join(format!("{name}.log"));
        Process::spawn(name, &command, &log, Life::Bound)
    }

    /// The processes that run, by name.
    pub fn processes(&self) -> impl Iterator<Item = &Process> {
        self.servers.iter().chain(&self.controller)
    }

    /// The process id of a server, such as `cert-manager-controller`, if it runs.
    pub fn pid(&self, name: &str) -> Option<u32> {
        let process = self.processes().find(|process| process.name() == name);
        process.map(Process::pid)
    }

    /// The folder with all of its files.
    pub fn folder(&self) -> &Path {
        self.home.path()
    }

    /// Where the API server listens, for example `https://127.0.0.1:23456`.
    pub fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports.apiserver)
    }

    /// The administrator's kubeconfig (group `system:masters`).
    pub fn kubeconfig(&self) -> &Path {
        self.cluster.kubeconfig()
    }

    /// The API server's audit log: one `audit.k8s.io/v1` Event at level Metadata per line, at
    /// stage ResponseComplete, and for a watch at ResponseStarted too. `None` if switched off.
    pub fn audit_log(&self) -> Option<&Path> {
        self.audit_log.as_deref()
    }

    /// The folder that has one log file per process.
    pub fn logs(&self) -> PathBuf {
        self.home.join("logs")
    }

    /// The file with the public key of ServiceAccounts' tokens, in PEM.
    pub fn service_account_key(&self) -> PathBuf {
        self.home.join("pki/service-account.pub")
    }

    /// The same as a cluster to install on.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// kubectl as the administrator, of the API server's own version.
    pub fn kubectl(&self) -> Command {
        self.cluster.kubectl()
    }

    /// Helm as the administrator. It reads no settings and plugins of the user's own.
    pub fn helm(&self) -> Command {
        self.cluster.helm()
    }

    /// A client as the administrator.
    pub async fn client(&self) -> Result<Client> {
        self.cluster.client().await
    }

    /// A client that logs in with a certificate of this name: the common name is the username,
    /// and the organizations are the groups.
    ///
    /// # Errors
    /// The certificate cannot be made.
    pub async fn client_with_certificate(&self, name: DistinguishedName) -> Result<Client> {
        let pair = self.ca.client_named(name)?;
        let file = tempfile::Builder::new()
            .suffix(".yaml")
            .tempfile_in(self.home.join("kubeconfigs"))?;
        let ca_pem = self.ca.certificate_pem();
        kubeconfig::write_for_certificate(file.path(), &self.server(), ca_pem, &pair)?;
        kubeconfig::client(file.path()).await
    }

    /// Writes a new kubeconfig with a token of an existing ServiceAccount that is good for a year.
    /// Only its owner may read the file, which goes with the control plane.
    pub async fn kubeconfig_for_service_account(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<PathBuf> {
        let folder = self.home.join("kubeconfigs");
        kubeconfig::for_service_account(self.kubeconfig(), namespace, name, &folder).await
    }
}
