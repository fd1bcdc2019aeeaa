//! The control plane, with everything that the contenders need.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;
use signet_testbed::controlplane::{
    CERT_MANAGER_NAMESPACE, CertManagerOptions, ControlPlane, Options, apply_manifests,
};
use signet_testbed::installation::{Installation, NAMESPACE, Operator, OperatorOptions, Profile};
use signet_testbed::supervise::Life;

use crate::ca::Material;
use crate::driver::Driver;
use crate::{REQUESTS, Signer, Subject};

pub(crate) struct Bed {
    plane: ControlPlane,
    pub(crate) client: Client,
    material: Material,
    operator_kubeconfig: PathBuf,
}

/// The process that signs, if it is not the driver.
pub(crate) struct Running {
    operator: Option<Operator>,
    pub(crate) pid: Option<u32>,
}

impl Bed {
    pub(crate) async fn prepare() -> Result<Self> {
        eprintln!("starting a control plane");
        let plane = ControlPlane::start(&Options {
            // It would cost the API server CPU on each request, for all alike.
            audit_log: false,
            ..Options::default()
        })
        .await?;
        let client = plane.client().await?;
        let material = Material::new()?;
        let installation = Installation::apply(plane.cluster().clone()).await?;
        let operator_kubeconfig = installation.operator_kubeconfig(plane.folder()).await?;
        let (certificate, key) = (&material.certificate, &material.key);
        let ca = json!({ "tls.crt": certificate, "ca.crt": certificate, "tls.key": key });
        // The same CA for both: cert-manager's in its cluster resource namespace, Signet's in its
        // own.
        for namespace in [CERT_MANAGER_NAMESPACE, NAMESPACE] {
            secret(&client, namespace, "bench-ca", "kubernetes.io/tls", &ca).await?;
        }
        apply_manifests(&client, REQUESTS, ISSUERS).await?;
        Ok(Self {
            plane,
            client,
            material,
            operator_kubeconfig,
        })
    }

    pub(crate) fn driver(&self, subject: Subject) -> Driver {
        Driver::new(self.client.clone(), &self.material, subject)
    }

    /// Starts the signer of a subject, after all others have ended, and waits until the issuer
    /// is Ready. `flags` are Signet's.
    pub(crate) async fn start(&mut self, subject: Subject, flags: &[String]) -> Result<Running> {
        self.plane.stop_cert_manager()?;
        let mut operator = None;
        match subject.signer {
            Signer::Driver => {}
            Signer::CertManager => {
                let controllers = ["issuers", "clusterissuers", "certificaterequests-issuer-ca"];
                let options = CertManagerOptions {
                    concurrent_workers: 20,
                    controllers: controllers.map(str::to_owned).to_vec(),
                    ..CertManagerOptions::default()
                };
                self.plane.restart_cert_manager(&options).await?;
            }
            Signer::Signet => {
                let options = OperatorOptions {
                    kubeconfig: self.operator_kubeconfig.clone(),
                    log: self.plane.logs().join("signet.log"),
                    profile: Profile::Release,
                    life: Life::Bound,
                    flags: flags.to_vec(),
                };
                operator = Some(Operator::start(&options).await?);
            }
        }
        if subject.signer != Signer::Driver {
            let issuer = format!("clusterissuers.{}/{}", subject.group(), subject.issuer);
            let mut kubectl = self.plane.kubectl();
            kubectl.args(["wait", "--for=condition=Ready", "--timeout=600s", &issuer]);
            ensure!(kubectl.output()?.status.success(), "{issuer} is not Ready");
        }
        let controller = self.plane.pid("cert-manager-controller");
        Ok(Running {
            pid: operator.as_ref().map(Operator::pid).or(controller),
            operator,
        })
    }
}

impl Running {
    pub(crate) fn operator(&self) -> Result<&Operator> {
        self.operator.as_ref().context("Signet signs")
    }

    pub(crate) async fn stop(self) -> Result<()> {
        if let Some(operator) = self.operator {
            operator.stop().await?;
        }
        Ok(())
    }
}

impl Subject {
    /// The group of the issuer. cert-manager's webhook refuses a group that it does not find.
    pub(crate) fn group(self) -> &'static str {
        match self.signer {
            Signer::CertManager => "cert-manager.io",
            Signer::Driver | Signer::Signet => "signet.dev",
        }
    }
}

/// Applies a Secret.
pub(crate) async fn secret(
    client: &Client,
    namespace: &str,
    name: &str,
    kind: &str,
    data: &serde_json::Value,
) -> Result<()> {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": kind,
        "metadata": { "name": name }, "stringData": data,
    });
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let parameters = PatchParams::apply("signet-bench");
    api.patch(name, &parameters, &Patch::Apply(&secret)).await?;
    Ok(())
}

const ISSUERS: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: bench}
---
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: bench}
spec: {ca: {secretName: bench-ca}}
---
apiVersion: signet.dev/v1alpha1
kind: ClusterIssuer
metadata: {name: bench}
spec: {key: {software: {secretName: bench-ca}}, certificate: {existing: {}}}
";
