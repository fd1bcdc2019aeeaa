//! Every flag and its environment variable; no logic.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use signet_core::request::ServiceAccount;

/// Signet signs certificates for a CA whose key it never holds.
#[derive(Debug, Parser)]
#[command(name = "signet", version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the operator until it is told to stop.
    Run(Box<Run>),
}

/// The settings of `signet run`.
#[derive(Args, Clone, Debug)]
pub struct Run {
    /// The kubeconfig to use. By default the pod's own ServiceAccount, or what KUBECONFIG names.
    #[arg(long, env = "SIGNET_KUBECONFIG")]
    pub kubeconfig: Option<PathBuf>,

    /// The namespace in which the Secrets and CA generations of ClusterIssuers are.
    #[arg(
        long,
        env = "SIGNET_CLUSTER_RESOURCE_NAMESPACE",
        default_value = "signet-system"
    )]
    pub cluster_resource_namespace: String,

    /// The ServiceAccount of the cert-manager controller, as `namespace:name`. Its requests are
    /// made for Certificates.
    #[arg(
        long,
        env = "SIGNET_CERT_MANAGER_SERVICE_ACCOUNT",
        default_value = "cert-manager:cert-manager",
        value_parser = service_account
    )]
    pub cert_manager_service_account: ServiceAccount,

    /// How many writes to the API server are under way at the same time. Turns go around among
    /// namespaces.
    #[arg(long, env = "SIGNET_CONCURRENCY", default_value_t = 32,
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub concurrency: u16,

    /// Work for Issuers too, and not for ClusterIssuers alone. Off, Signet needs Secrets and
    /// ConfigMaps of the cluster resource namespace alone.
    #[arg(long, env = "SIGNET_NAMESPACED_ISSUERS", default_value_t = true, action = clap::ArgAction::Set)]
    pub namespaced_issuers: bool,

    /// Let ClusterIssuers use the operator's own credentials, such as its cloud identity.
    #[arg(long, env = "SIGNET_CLUSTER_ISSUER_AMBIENT_CREDENTIALS", default_value_t = true, action = clap::ArgAction::Set)]
    pub cluster_issuer_ambient_credentials: bool,

    /// Let Issuers use the operator's own credentials. Whoever may create an Issuer in some
    /// namespace may then sign with every key that the operator can reach.
    #[arg(long, env = "SIGNET_ISSUER_AMBIENT_CREDENTIALS", default_value_t = false, action = clap::ArgAction::Set)]
    pub issuer_ambient_credentials: bool,

    /// Let Issuers name servers at loopback and link-local addresses and at those of the API
    /// server, which only the operator can reach.
    #[arg(long, env = "SIGNET_ISSUER_LOCAL_ADDRESSES", default_value_t = false, action = clap::ArgAction::Set)]
    pub issuer_local_addresses: bool,

    /// The most signatures a second that are asked of a key for one namespace, or for all
    /// ClusterIssuers together, whatever the issuers say. Without it, only they and the defaults of
    /// their backends do.
    #[arg(long, env = "SIGNET_MAX_SIGNATURES_PER_SECOND",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_signatures_per_second: Option<u32>,

    /// The most certificates that are being signed and written with a key at the same time, for
    /// one namespace, or for all ClusterIssuers together, whatever the issuers say.
    #[arg(long, env = "SIGNET_MAX_SIGNATURES_AT_ONCE",
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub max_signatures_at_once: Option<u16>,

    /// The file that lists the PKCS#11 modules and tokens which issuers may name. See
    /// docs/pkcs11.md.
    #[arg(long, env = "SIGNET_PKCS11_MODULES")]
    pub pkcs11_modules: Option<PathBuf>,

    /// How many sessions, each on a thread of its own, are open for each PKCS#11 key.
    #[arg(long, env = "SIGNET_PKCS11_SESSIONS", default_value_t = 4,
          value_parser = clap::value_parser!(u16).range(1..=256))]
    pub pkcs11_sessions: u16,

    /// How often an issuer's key and Secrets are looked at again, in seconds.
    #[arg(long, env = "SIGNET_ISSUER_RESYNC_SECONDS", default_value = "60", value_parser = seconds)]
    pub issuer_resync: Duration,

    /// Run only while holding the Lease, so that several replicas may stand by.
    #[arg(long, env = "SIGNET_LEADER_ELECT", default_value_t = true, action = clap::ArgAction::Set)]
    pub leader_elect: bool,

    /// The namespace of the Lease.
    #[arg(
        long,
        env = "SIGNET_LEADER_ELECTION_NAMESPACE",
        default_value = "signet-system"
    )]
    pub leader_election_namespace: String,

    /// This replica's name in the Lease. By default the host's name.
    #[arg(long, env = "SIGNET_LEADER_ELECTION_IDENTITY")]
    pub leader_election_identity: Option<String>,

    /// How long a Lease lasts without renewal, in seconds.
    #[arg(long, env = "SIGNET_LEASE_SECONDS", default_value_t = 15,
          value_parser = clap::value_parser!(u64).range(3..=3600))]
    pub lease_seconds: u64,

    /// Where the admin server listens: /livez, /readyz and /metrics.
    #[arg(long, env = "SIGNET_ADMIN_ADDRESS", default_value = "[::]:9402")]
    pub admin_address: SocketAddr,

    /// How long work in flight may take to finish after a signal to stop, in seconds.
    #[arg(long, env = "SIGNET_SHUTDOWN_SECONDS", default_value = "20", value_parser = seconds)]
    pub shutdown: Duration,

    /// The form of the log.
    #[arg(long, env = "SIGNET_LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,

    /// What is logged, as tracing's filter directives.
    #[arg(
        long,
        env = "SIGNET_LOG",
        default_value = "info,kube_client=error,kube_runtime=warn,kube_lease_manager=warn"
    )]
    pub log: String,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

fn service_account(text: &str) -> Result<ServiceAccount, String> {
    ServiceAccount::from_username(&format!("system:serviceaccount:{text}"))
        .ok_or_else(|| "write it as namespace:name".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 1..) => Ok(Duration::from_secs(seconds)),
        _ => Err("write a whole number of seconds, at least 1".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_flag_is_also_an_environment_variable() {
        Cli::command().debug_assert();
        let cli = Cli::command();
        let run = cli.find_subcommand("run").unwrap();
        for flag in run.get_arguments().filter(|flag| flag.get_id() != "help") {
            let name = flag
                .get_env()
                .unwrap_or_else(|| panic!("{} has none", flag.get_id()));
            assert!(name.to_string_lossy().starts_with("SIGNET_"));
        }
    }
}
