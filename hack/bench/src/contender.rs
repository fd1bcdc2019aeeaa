//! Who is measured, and what each needs to be at work.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;
use signet_testbed::controlplane::{
    CERT_MANAGER_NAMESPACE, CertManagerOptions, ControlPlane, apply_manifests,
};
use signet_testbed::installation::{
    Cluster, Installation, NAMESPACE, Operator, OperatorOptions, Profile,
};
use signet_testbed::supervise::Life;
use tempfile::TempDir;

use crate::ca::Material;
use crate::driver::Asked;
use crate::observe::wait_for_condition;
use crate::{ISSUER, REQUESTS};

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    /// Nobody signs: the driver writes the finished status itself.
    Ceiling,
    /// cert-manager's CA issuer, with 20 workers and its approver off.
    CertManager,
    /// Signet with the same CA, built for release.
    Signet,
}

impl Contender {
    pub(crate) const ALL: [Self; 3] = [Self::Ceiling, Self::CertManager, Self::Signet];

    /// The issuer that requests name.
    pub(crate) fn asked(self) -> Asked {
        Asked {
            group: match self {
                Self::CertManager => "cert-manager.io",
                // cert-manager's webhook refuses a group that it does not find, and nobody works
                // for the ceiling anyway.
                Self::Ceiling | Self::Signet => "signet.dev",
            },
            issuer: ISSUER,
            finished_by_driver: self == Self::Ceiling,
        }
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ceiling => "ceiling",
            Self::CertManager => "cert-manager",
            Self::Signet => "signet",
        })
    }
}

/// The control plane, with everything that the contenders need.
pub(crate) struct Bench {
    plane: ControlPlane,
    pub(crate) client: Client,
    pub(crate) material: Material,
    operator_kubeconfig: PathBuf,
    folder: TempDir,
}

/// A contender at work; none for the ceiling.
pub(crate) struct AtWork {
    operator: Option<Operator>,
    pub(crate) pid: Option<u32>,
}

impl Bench {
    pub(crate) async fn prepare(plane: ControlPlane) -> Result<Self> {
        let client = plane.client().await?;
        let material = Material::new()?;
        let folder = tempfile::tempdir()?;
        let installation = Installation::apply(Cluster::own(&plane)).await?;
        let operator_kubeconfig = installation.operator_kubeconfig(folder.path()).await?;
        for namespace in [CERT_MANAGER_NAMESPACE, NAMESPACE] {
            ca_secret(&client, namespace, &material).await?;
        }
        apply_manifests(&client, REQUESTS, ISSUERS).await?;
        Ok(Self {
            plane,
            client,
            material,
            operator_kubeconfig,
            folder,
        })
    }

    /// Lets one contender work, and nobody else.
    pub(crate) async fn start(&mut self, contender: Contender) -> Result<AtWork> {
        self.stop_cert_manager()?;
        match contender {
            Contender::Ceiling => Ok(AtWork {
                operator: None,
                pid: None,
            }),
            Contender::CertManager => self.start_cert_manager().await,
            Contender::Signet => {
                let at_work = self.start_signet(Vec::new()).await?;
                wait_for_condition(&self.client, "signet.dev", ISSUER).await?;
                Ok(at_work)
            }
        }
    }

    /// Ends cert-manager's controller, so that it takes nothing from Signet.
    pub(crate) fn stop_cert_manager(&mut self) -> Result<()> {
        self.plane.stop_cert_manager()
    }

    async fn start_cert_manager(&mut self) -> Result<AtWork> {
        let controllers = ["issuers", "clusterissuers", "certificaterequests-issuer-ca"];
        let options = CertManagerOptions {
            concurrent_workers: 20,
            controllers: controllers.map(str::to_owned).to_vec(),
            ..CertManagerOptions::default()
        };
        self.plane.restart_cert_manager(&options).await?;
        wait_for_condition(&self.client, "cert-manager.io", ISSUER).await?;
        let pid = self.plane.pid("cert-manager-controller");
        Ok(AtWork {
            operator: None,
            pid: Some(pid.context("cert-manager does not run")?),
        })
    }

    /// Lets Signet work alone, with further flags.
    pub(crate) async fn start_signet(&self, flags: Vec<String>) -> Result<AtWork> {
        let operator = Operator::start(&OperatorOptions {
            kubeconfig: self.operator_kubeconfig.clone(),
            log: self.folder.path().join("signet.log"),
            profile: Profile::Release,
            life: Life::Bound,
            flags,
        })
        .await?;
        Ok(AtWork {
            pid: Some(operator.pid()),
            operator: Some(operator),
        })
    }
}

impl AtWork {
    pub(crate) async fn stop(self) -> Result<()> {
        if let Some(operator) = self.operator {
            operator.stop().await?;
        }
        Ok(())
    }
}

/// The same CA for both: cert-manager's in its cluster resource namespace, Signet's in its own.
async fn ca_secret(client: &Client, namespace: &str, material: &Material) -> Result<()> {
    let data = BTreeMap::from([
        ("tls.crt".to_owned(), material.certificate.clone()),
        ("ca.crt".to_owned(), material.certificate.clone()),
        ("tls.key".to_owned(), material.key.clone()),
    ]);
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": { "name": "bench-ca" }, "stringData": data,
    });
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    api.patch(
        "bench-ca",
        &PatchParams::apply("signet-bench"),
        &Patch::Apply(&secret),
    )
    .await?;
    Ok(())
}

const ISSUERS: &str = "
apiVersion: v1
kind: Namespace
metadata:
  name: bench
---
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata:
  name: bench
spec:
  ca:
    secretName: bench-ca
---
apiVersion: signet.dev/v1alpha1
kind: ClusterIssuer
metadata:
  name: bench
spec:
  key:
    software:
      secretName: bench-ca
  certificate:
    existing: {}
";
