//! istiod as a process, as its Deployment describes it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client};

use super::ISTIOD;
use super::pod::Pod;
use super::volumes::{Volumes, below, write};
use crate::controlplane::{Cluster, Program, Toolchain, kubeconfig};
use crate::home::Home;
use crate::supervise::{Life, Process};
use crate::{http, ports};

/// Where a kubelet mounts the CA of the API server. istiod takes it for the mesh's root if it is
/// an RA without `external-ca-cert`.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// istiod, which runs. It ends when the value is dropped.
#[derive(Debug)]
pub struct Istiod {
    process: Process,
    namespace: String,
    secure: SocketAddr,
    cluster: Cluster,
    volumes: Volumes,
    log: PathBuf,
    /// Last, as istiod runs in it.
    _home: Home,
}

impl Istiod {
    /// Starts istiod as the Deployment of a namespace describes it, and waits until it is ready.
    /// Its log goes to `log`; a further start appends.
    ///
    /// # Errors
    /// There is no Deployment, a volume's object is missing, or it does not get ready. The error
    /// has the end of its log.
    pub async fn start(
        cluster: &Cluster,
        toolchain: &Toolchain,
        namespace: &str,
        log: &Path,
    ) -> Result<Self> {
        let program = toolchain.path(Program::Istiod)?;
        let client = cluster.client().await?;
        let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
        let pod = Pod::of(&deployments.get(ISTIOD).await?, namespace)?;
        let home = Home::temporary()?;
        let account = cluster_ca(&client, namespace).await?;
        write(&below(home.path(), ACCOUNT), &account)?;
        let volumes = Volumes::new(home.path(), namespace, pod.mounts);
        volumes.sync(&client).await?;
        let (admin, folder) = (cluster.kubeconfig(), home.join("kubeconfigs"));
        let identity =
            kubeconfig::for_service_account(admin, namespace, &pod.account, &folder).await?;
        let [grpc, http, https, monitoring, secure] = ports::free()?.map(http::loopback);
        let mut command = Command::new(program);
        command.current_dir(home.path()).args(&pod.arguments);
        command.arg("--kubeconfig").arg(identity);
        command.arg("--ctrlz_port=0");
        for (flag, address) in [
            ("grpcAddr", grpc),
            ("httpAddr", http),
            ("httpsAddr", https),
            ("monitoringAddr", monitoring),
            ("secureGRPCAddr", secure),
        ] {
            command.arg(format!("--{flag}={address}"));
        }
        command.envs(&pod.environment);
        let mut process = Process::spawn(ISTIOD, &command, log, Life::Bound)?;
        while let Err(missing) = http::check(http, "/ready").await {
            process.await_more(&missing).await?;
        }
        Ok(Self {
            process,
            namespace: namespace.to_owned(),
            secure,
            cluster: cluster.clone(),
            volumes,
            log: log.to_owned(),
            _home: home,
        })
    }

    /// Where workloads reach it, by TLS.
    pub fn address(&self) -> String {
        self.secure.to_string()
    }

    /// The DNS name by which workloads know it.
    pub fn server_name(&self) -> String {
        format!("{ISTIOD}.{}.svc", self.namespace)
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Ends it at once, as a node that fails would.
    ///
    /// # Errors
    /// It does not end.
    pub fn kill(&self) -> Result<()> {
        self.process.end()
    }

    /// What it has logged, with every earlier istiod of the same log.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn log(&self) -> Result<String> {
        std::fs::read_to_string(&self.log).context("istiod has no log")
    }

    /// Brings its files to what Secrets and ConfigMaps have now, as a kubelet does once a minute.
    ///
    /// # Errors
    /// An object cannot be read.
    pub async fn sync_volumes(&self) -> Result<()> {
        self.volumes.sync(&self.cluster.client().await?).await
    }
}

/// The files of the CA that every Pod gets.
async fn cluster_ca(client: &Client, namespace: &str) -> Result<BTreeMap<String, String>> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let published = kube::runtime::wait::await_condition(
        maps,
        "kube-root-ca.crt",
        |map: Option<&ConfigMap>| map.is_some(),
    );
    let map = crate::wait::until_done("the cluster's CA", published).await?;
    map.and_then(|map| map.data)
        .context("the ConfigMap kube-root-ca.crt is empty")
}
