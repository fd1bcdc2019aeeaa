//! The flags of the commands that read a cluster as their user.

use std::path::PathBuf;

use clap::{ArgAction, Args};
use signet_core::request::ServiceAccount;

use super::{OutputFormat, service_account};

/// How a command reaches the cluster.
#[derive(Args, Clone, Debug, Default)]
pub struct Connection {
    /// The kubeconfig file. By default the file in KUBECONFIG or `~/.kube/config`, or the pod's own
    /// ServiceAccount.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// The context of the kubeconfig. By default its current one.
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
}

/// The settings of `signet check`.
#[derive(Args, Clone, Debug)]
pub struct Check {
    #[command(flatten)]
    pub connection: Connection,

    /// The output format.
    #[arg(short = 'o', long, value_enum, default_value_t = OutputFormat::Text)]
    pub output: OutputFormat,

    /// The operator's ServiceAccount. To review its permissions, the user needs the right to create
    /// SubjectAccessReviews or to impersonate it, unless it is the user.
    #[arg(long, value_name = "NAMESPACE:NAME", default_value = "signet-system:signet", value_parser = service_account)]
    pub service_account: ServiceAccount,

    /// The ServiceAccount that approves CertificateRequests. By default the one of the cert-manager
    /// controller.
    #[arg(long, value_name = "NAMESPACE:NAME", default_value = "cert-manager:cert-manager", value_parser = service_account)]
    pub approver: ServiceAccount,

    /// The namespace of the Secrets of ClusterIssuers, as in `signet run`.
    #[arg(long, default_value = "signet-system")]
    pub cluster_resource_namespace: String,

    /// The namespace of the Lease, as in `signet run`.
    #[arg(long, default_value = "signet-system")]
    pub leader_election_namespace: String,

    /// Whether a replica has to hold the Lease, as in `signet run`.
    #[arg(long, default_value_t = true, action = ArgAction::Set)]
    pub leader_elect: bool,

    /// As in `signet run`.
    #[arg(long, default_value_t = true, action = ArgAction::Set)]
    pub namespaced_issuers: bool,

    /// As in `signet run`.
    #[arg(long, default_value_t = false, action = ArgAction::Set)]
    pub issuer_local_addresses: bool,

    /// As in `signet run`.
    #[arg(long, default_value_t = false, action = ArgAction::Set)]
    pub bundles_in_all_namespaces: bool,

    /// As in `signet run`.
    #[arg(long, default_value_t = true, action = ArgAction::Set)]
    pub certificate_requests: bool,

    /// As in `signet run`.
    #[arg(long, default_value_t = true, action = ArgAction::Set)]
    pub certificate_signing_requests: bool,

    /// As in `signet run`.
    #[arg(long, default_value_t = true, action = ArgAction::Set)]
    pub pod_certificate_requests: bool,

    /// As in `signet run`.
    #[arg(long, default_value_t = true, action = ArgAction::Set)]
    pub cluster_trust_bundles: bool,

    /// As in `signet run`.
    #[arg(long, default_value_t = false, action = ArgAction::Set)]
    pub issuer_cluster_trust_bundles: bool,
}
