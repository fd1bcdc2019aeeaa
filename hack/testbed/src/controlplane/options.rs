//! What one control plane shall be like.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How to start a control plane. The default has cert-manager in it and lives in a temporary
/// folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Options {
    /// `None` leaves cert-manager out altogether: its CRDs, its RBAC and its processes.
    pub cert_manager: Option<CertManagerOptions>,
    /// The state folder: keys, data of etcd, kubeconfigs, logs. It is made, must not hold a
    /// running control plane, and is removed with the control plane. `None` is a new folder
    /// under the system's temporary one.
    pub state: Option<PathBuf>,
    /// Whether the API server writes its audit log, at the cost of some CPU on each request.
    pub audit_log: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cert_manager: Some(CertManagerOptions::default()),
            state: None,
            audit_log: true,
        }
    }
}

/// How cert-manager's controller runs. The default is what its chart would run, with the
/// CertificateSigningRequest signers switched on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CertManagerOptions {
    /// Workers of each controller; cert-manager's own default is 5.
    pub concurrent_workers: u32,
    /// Controllers to run: `*`, a name, or `-name` to leave one out, for example
    /// `["*", "-certificaterequests-approver"]`.
    pub controllers: Vec<String>,
    /// cert-manager's feature gates.
    pub feature_gates: BTreeMap<String, bool>,
    /// The namespace in which the Secrets of ClusterIssuers are.
    pub cluster_resource_namespace: String,
    /// How long a Certificate waits after its first failed request; `None` is cert-manager's own
    /// hour.
    pub certificate_request_minimum_backoff: Option<Duration>,
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
            cluster_resource_namespace: crate::controlplane::CERT_MANAGER_NAMESPACE.to_owned(),
            certificate_request_minimum_backoff: None,
        }
    }
}
