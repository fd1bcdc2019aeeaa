//! The flags of the commands that read a cluster as their user.

use std::path::PathBuf;

use clap::{ArgAction, Args};
use signet_api::IssuerKind;
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

/// The settings of `signet status`.
#[derive(Args, Clone, Debug)]
pub struct Status {
    #[command(flatten)]
    pub connection: Connection,

    /// The issuer: its name, or `issuer/NAME` or `clusterissuer/NAME` if there is one of each kind.
    /// For a MeshCA, `meshca/NAME`.
    #[arg(value_name = "ISSUER", value_parser = issuer)]
    pub issuer: IssuerArgument,

    /// The namespace of an Issuer or MeshCA. By default that of the context.
    #[arg(short = 'n', long)]
    pub namespace: Option<String>,

    /// The namespace of the CAGenerations of ClusterIssuers, as in `signet run`.
    #[arg(long, default_value = "signet-system")]
    pub cluster_resource_namespace: String,

    /// The output format.
    #[arg(short = 'o', long, value_enum, default_value_t = OutputFormat::Text)]
    pub output: OutputFormat,
}

/// An issuer on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerArgument {
    /// None if only the name is given.
    pub kind: Option<IssuerKind>,
    pub name: String,
}

/// Reads `NAME` or `KIND/NAME`, with a kind as kubectl accepts and prints it.
fn issuer(text: &str) -> Result<IssuerArgument, String> {
    let (kind, name) = match text.split_once('/') {
        Some((kind, name)) => (Some(issuer_kind(kind)?), name),
        None => (None, text),
    };
    match name.is_empty() || name.contains('/') {
        true => Err("write NAME, issuer/NAME, clusterissuer/NAME or meshca/NAME".to_owned()),
        false => Ok(IssuerArgument {
            kind,
            name: name.to_owned(),
        }),
    }
}

fn issuer_kind(text: &str) -> Result<IssuerKind, String> {
    let resource = text.to_lowercase();
    let resource = resource.strip_suffix(".signet.dev").unwrap_or(&resource);
    match resource {
        "issuer" | "issuers" | "siss" => Ok(IssuerKind::Issuer),
        "clusterissuer" | "clusterissuers" | "sciss" => Ok(IssuerKind::ClusterIssuer),
        "meshca" | "meshcas" | "smca" => Ok(IssuerKind::MeshCA),
        _ => Err("write issuer/NAME, clusterissuer/NAME or meshca/NAME".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_issuers_as_kubectl_prints_them() {
        let (namespaced, cluster) = (Some(IssuerKind::Issuer), Some(IssuerKind::ClusterIssuer));
        let mesh = Some(IssuerKind::MeshCA);
        for (text, kind) in [
            ("corp.eu", None),
            ("issuer/corp.eu", namespaced),
            ("Issuers/corp.eu", namespaced),
            ("siss/corp.eu", namespaced),
            ("issuer.signet.dev/corp.eu", namespaced),
            ("clusterissuer/corp.eu", cluster),
            ("sciss/corp.eu", cluster),
            ("clusterissuers.signet.dev/corp.eu", cluster),
            ("meshca.signet.dev/corp.eu", mesh),
            ("smca/corp.eu", mesh),
        ] {
            let name = "corp.eu".to_owned();
            assert_eq!(issuer(text), Ok(IssuerArgument { kind, name }), "{text}");
        }
        for text in [
            "",
            "issuer/",
            "issuer/a/b",
            "secret/ca",
            "issuer.cert-manager.io/ca",
        ] {
            assert!(issuer(text).is_err(), "{text}");
        }
    }
}
