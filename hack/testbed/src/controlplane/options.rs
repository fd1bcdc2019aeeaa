//! How a control plane is started.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// How to start a control plane. The default has cert-manager in it and a temporary folder.
#[derive(Clone, Debug)]
pub struct Options {
    /// `None` leaves cert-manager out altogether: its CRDs, its RBAC and its processes.
    pub cert_manager: Option<CertManagerOptions>,
    /// The folder for keys, data of etcd, kubeconfigs and logs, which must be empty if it exists
    /// and stays. `None` is a temporary folder that goes with the control plane.
    pub folder: Option<PathBuf>,
    /// Further flags of the API server, which replace those of the same name. By default it also serves v1beta1 of the certificate APIs.
    pub apiserver_flags: Vec<String>,
    /// Whether the API server writes its audit log, at the cost of some CPU on each request.
    pub audit_log: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cert_manager: Some(CertManagerOptions::default()),
            folder: None,
            apiserver_flags: vec!["--runtime-config=certificates.k8s.io/v1beta1=true".to_owned()],
            audit_log: true,
        }
    }
}

impl Options {
    /// The API server as Kubernetes 1.36 would have it, which serves PodCertificateRequest and
    /// ClusterTrustBundle as v1beta1 only. Its authorizer of nodes would wait for v1, so the rights of
    /// nodes are those of a ClusterRoleBinding for the group `system:nodes`.
    #[must_use]
    pub fn emulating_1_36(mut self) -> Self {
        let gates = "--feature-gates=PodCertificateRequest=true,ClusterTrustBundle=true";
        let modes = "--authorization-mode=RBAC";
        let flags = ["--emulated-version=1.36", gates, modes].map(str::to_owned);
        self.apiserver_flags.extend(flags);
        self
    }

    /// The API server as Kubernetes 1.35 is by default: it serves neither PodCertificateRequest nor
    /// ClusterTrustBundle.
    #[must_use]
    pub fn emulating_1_35(mut self) -> Self {
        let flags = ["--emulated-version=1.35", "--authorization-mode=RBAC"];
        self.apiserver_flags.extend(flags.map(str::to_owned));
        self
    }
}

/// How cert-manager's controller runs. The default is what its chart would run, with the
/// CertificateSigningRequest signers switched on.
#[derive(Clone, Debug)]
pub struct CertManagerOptions {
    /// Workers of each controller; cert-manager's own default is 5.
    pub concurrent_workers: u32,
    /// Controllers to run: `*`, a name, or `-name` to leave one out, for example
    /// `["*", "-certificaterequests-approver"]`.
    pub controllers: Vec<String>,
    /// cert-manager's feature gates.
    pub feature_gates: BTreeMap<String, bool>,
}

impl Default for CertManagerOptions {
    fn default() -> Self {
        let gates = [
            ("ExperimentalCertificateSigningRequestControllers", true),
            // The Gateway API's CRDs are not installed here.
            ("ExperimentalGatewayAPISupport", false),
        ];
        Self {
            concurrent_workers: 5,
            controllers: vec!["*".to_owned()],
            feature_gates: gates
                .into_iter()
                .map(|(name, on)| (name.to_owned(), on))
                .collect(),
        }
    }
}
